"""Where the tensors of a net lie in memory: storages, followed from the layer that makes one to all that share it.

What a definition says of its layer (``view``, ``lies``, ``storage``) is decided by what has been found on the way. Who
writes over a storage is noted too, since all that lies in it changes.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.in_place import touches
from layercli.analysis.layer import Bound
from layercli.analysis.storages import (
    DIFFERENTIABLE,
    Held,
    Holding,
    Origin,
    Storage,
    bytes_of,
    input_names,
)
from layercli.analysis.strides import (
    Shape,
    Strides,
    filled,
    in_batches,
    in_order,
    in_rows,
    is_channels_last,
    may_copy,
    turned,
    view_of,
)
from layercli.formula import Expr, decide, evaluate
from layercli.layers.definition import TensorIn
from layercli.layers.kept import dtype_of, grad, same
from layercli.layers.kept import in_batches as batches_flag
from layercli.layers.kept import in_rows as rows_flag
from layercli.plan import ITEM_SIZE, Call, Literal, Ref, Wire
from layercli.plan import refs as wired


class Placed(Protocol):
    """A row of an analysis, as far as it matters here."""

    @property
    def number(self) -> int:
        """Its place."""

    @property
    def bound(self) -> Bound:
        """The layer on its inputs."""

    @property
    def call(self) -> Call:
        """Where its inputs come from."""


class Laid(NamedTuple):
    """A row's tensors, and what the net says of its inputs."""

    inputs: Mapping[str, Held]
    outputs: tuple[Holding, ...]
    flags: Mapping[str, Any]
    """What the net says of the inputs, by the symbols that definitions ask for it by."""
    viewed: bool
    """Whether its outputs are views of its first input."""
    writes: bool
    """Whether autograd counts it as a writing over its first input."""
    written: Mapping[str, int]
    """By input, the last row before it that wrote over the storage that the input lies in."""


def refs(call: Call) -> Iterator[Ref]:
    """Everything that a call reads."""
    for wire in (*call.args, *call.kwargs.values()):
        yield from wired(wire)


def unread(bound: Bound) -> frozenset[str]:
    """The inputs of which only the shape counts: no gradient goes there."""
    return frozenset(item.name for item in bound.layer.inputs if isinstance(item, TensorIn) and item.unread)


class Layout:
    """The state of one pass over rows in the order of execution.

    ``asking``: the numbers of the net's inputs that ask for a gradient.
    """

    def __init__(self, asking: Collection[int] = ()) -> None:
        self.asking = asking
        self.storages: list[Storage] = []
        self.written: dict[int, int] = {}
        """By the number of a storage, the last row that wrote over it."""
        self._outputs: dict[int, tuple[Holding, ...]] = {}
        self._inputs: dict[tuple[int, ...], Storage] = {}

    def add(self, row: Placed) -> Laid:
        """One more row: finds its inputs, and makes its outputs."""
        bound, inputs = row.bound, self.read(row.bound, row.call)
        flags, writing = _flags(inputs), touches(bound)
        viewed = holds(bound.layer.view, bound, flags)
        asks = _learns(bound) or any(held.grad for name, held in inputs.items() if name not in unread(bound))
        outputs = self._outputs[row.number] = self._made(row, inputs, flags, viewed, asks)
        written = {
            name: self.written[held.storage.number]
            for name, held in inputs.items()
            if held.storage.number in self.written
        }
        if writing:
            self.written[next(iter(inputs.values())).storage.number] = row.number
        return Laid(inputs, outputs, flags, viewed, writing, written)

    def read(self, bound: Bound, call: Call) -> dict[str, Held]:
        """The input tensors of a call by name, those of a tuple by their own."""
        items = bound.layer.inputs
        wires = {**dict(zip([item.name for item in items], call.args)), **call.kwargs}
        taken: dict[str, Held] = {}
        for item in items:
            if item.name in wires:
                holding = self._wired(wires[item.name], bound.inputs.get(item.name))
                taken.update(input_names(item, holding))
        return taken

    def _wired(self, wire: Wire, tree: Tree) -> Holding:
        """What comes over a wire; an input of the net is made when it is first read."""
        if wire is None or tree is None or isinstance(tree, Literal):
            return None
        if not isinstance(wire, Ref):
            parts = tree if isinstance(tree, tuple) and not isinstance(tree, Flow) else ()
            return tuple(self._wired(part, inner) for part, inner in zip(wire, parts))
        if not isinstance(tree, Flow):
            return tuple(self._wired(wire._replace(path=(*wire.path, i)), inner) for i, inner in enumerate(tree))
        if wire.call is None:
            if wire.path not in self._inputs:
                self._inputs[wire.path] = self._storage(bytes_of(tree), None)
            asks = bool(wire.path) and wire.path[0] in self.asking and tree.dtype in DIFFERENTIABLE
            return Held(self._inputs[wire.path], tree.shape, in_order(tree.shape), tree.dtype, asks, wire=wire)
        holding: Holding = self._outputs[wire.call]
        for index in wire.path or (0,):
            if isinstance(holding, Held):
                break  # a lone tensor is a list of one
            holding = None if holding is None else holding[index]
        return holding._replace(wire=wire) if isinstance(holding, Held) else holding

    def _made(
        self, row: Placed, inputs: Mapping[str, Held], flags: Mapping[str, Any], viewed: bool, asks: bool
    ) -> tuple[Holding, ...]:
        """The row's outputs."""
        bound, source = row.bound, next(iter(inputs.values()), None)
        parameter = self._storage(0, row.number) if viewed and source is None else None
        first = next(tensors(bound.outputs), None)

        def made(tree: Tree) -> Holding:
            if not isinstance(tree, Flow):
                return None if tree is None or isinstance(tree, Literal) else tuple(map(made, tree))
            grad = asks and tree.dtype in DIFFERENTIABLE
            if viewed and source is not None:
                return self._view(bound, source, tree, grad, row.number)
            strides = _lying(bound, flags, inputs, tree.shape) if tree is first else in_order(tree.shape)
            room = self._room(tree, bound, flags, tree is first)
            storage = parameter or self._storage(room, row.number, bytes_of(tree))
            origin = Origin.LEARNED if parameter else Origin.COMPUTED
            return Held(storage, tree.shape, strides, tree.dtype, grad, origin=origin)

        return tuple(map(made, bound.outputs))

    def _room(self, tree: Flow, bound: Bound, flags: Mapping[str, Any], first: bool) -> int:
        """The bytes that torch makes room for at an output."""
        least, said = bytes_of(tree), bound.layer.storage
        if said is None or not first:
            return least
        numbers: int = evaluate(bound.variant.under(said, flags), bound.sizes)
        return max(least, numbers * ITEM_SIZE[tree.dtype])

    def _view(self, bound: Bound, source: Held, tree: Flow, grad: bool, row: int) -> Held:
        """An output that is a view of the first input, unless that lies in memory so that it has to be copied."""
        origin = Origin.PART if len(bound.layer.outputs) > 1 else source.origin
        if source.strides is None:
            copies = may_copy(bound, source.shape, tree.shape)
            repeats = view_of(bound, source.shape, source.rough or (1,) * len(source.shape), tree.shape)
            rough = () if copies or repeats is None else repeats
            sure = source.sure and not copies
            return Held(source.storage, tree.shape, None, tree.dtype, grad, sure, origin=origin, rough=rough)
        strides = view_of(bound, source.shape, source.strides, tree.shape)
        if strides is None:
            return Held(self._storage(bytes_of(tree), row), tree.shape, in_order(tree.shape), tree.dtype, grad)
        return Held(source.storage, tree.shape, strides, tree.dtype, grad, source.sure, origin=origin)

    def _storage(self, size: int, row: int | None, tensor: int | None = None) -> Storage:
        self.storages.append(Storage(len(self.storages), size, row, size if tensor is None else tensor))
        return self.storages[-1]


def holds(condition: Expr | None, bound: Bound, flags: Mapping[str, Any]) -> bool:
    """Whether a condition of a definition holds, by flags and sizes."""
    if condition is None:
        return False
    return bool(evaluate(bound.variant.under(condition, flags), bound.sizes))


def _learns(bound: Bound) -> bool:
    """Whether it has parameters that ask for gradients, be they empty."""
    frozen = bound.layer.frozen
    return bool(bound.variant.params) and not (frozen is not None and decide(frozen, bound.variant.known))


def _flags(inputs: Mapping[str, Held]) -> dict[str, Any]:
    """What the net says of the inputs, by the symbols that definitions ask for it by."""
    flags: dict[str, Any] = {}
    before: list[str] = []
    for name, held in inputs.items():
        flags[dtype_of(name).name] = held.dtype
        flags[grad(name).name] = held.grad
        if held.strides is not None:
            flags[rows_flag(name).name] = in_rows(held.shape, held.strides)
            flags[rows_flag(name, exchange=True).name] = in_rows(held.shape, held.strides, exchange=True)
            flags[batches_flag(name).name] = in_batches(held.shape, held.strides)
        flags.update({same(name, other).name: inputs[other].wire == held.wire for other in before})
        before.append(name)
    return flags


def _lying(bound: Bound, flags: Mapping[str, Any], inputs: Mapping[str, Held], shape: Shape) -> Strides | None:
    """The strides of a first output that is no view, by the word that the definition has for it."""
    said = bound.layer.lies
    word = said if isinstance(said, str) else decide(said, {**bound.variant.known, **flags})
    if word == "turned":
        return turned(shape)
    if word in ("", "any") or all(held.in_order for held in inputs.values()):
        return in_order(shape)
    lying = [(held.shape, held.strides) for held in inputs.values()]
    if word == "joined" and any(s is not None and not is_channels_last(size, s) for size, s in lying):
        return in_order(shape)
    first, strides = lying[0]
    return filled(first, strides) if word == "alike" and first == shape and strides is not None else None
