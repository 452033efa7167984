"""What each layer of a net keeps for backward: storages, followed from the layer that makes one to all that share it.

A tensor that two layers keep is in memory once, a view has no memory of its own, and what autograd keeps hangs on
which tensors ask for a gradient. None of this is known to a layer alone, so it is worked out along the wires of the
net; what a definition says of its layer (``kept``, ``view``, ``swaps``) is decided by what has been found there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from layercli.analysis.flow import Flow, Tree
from layercli.analysis.layer import Bound
from layercli.analysis.variant import Shaped, ShapedTree
from layercli.formula import Expr, decide, evaluate, resolve, symbols
from layercli.layers.definition import InputDef, Layer, TupleIn
from layercli.layers.dtypes import COMPLEX, FLOATS
from layercli.layers.kept import dtype_of, grad, same, swapped
from layercli.plan import ITEM_SIZE, Call, Literal, Ref, Wire, elements

_DIFFERENTIABLE = frozenset((*FLOATS, *COMPLEX))


class Storage(NamedTuple):
    """A piece of memory: its number, its bytes, and the row that makes it (None for an input of the net)."""

    number: int
    size: int
    row: int | None


class Held(NamedTuple):
    """A tensor on its way, as far as memory goes."""

    storage: Storage
    dtype: str
    grad: bool
    """Whether it asks for a gradient."""
    swapped: bool
    """Whether its first two axes are exchanged in memory."""
    wire: Wire = None
    """Where it comes from: one wire is one tensor."""


Holding: TypeAlias = Held | tuple["Holding", ...] | None


class KeptTensor(NamedTuple):
    """A tensor that a row is the first to keep."""

    what: str
    size: int
    """In bytes."""


class KeptRow(NamedTuple):
    """What a row keeps that no row before it does; ``unknown`` says why that is not known."""

    row: int
    tensors: tuple[KeptTensor, ...]
    unknown: str = ""

    @property
    def size(self) -> int | None:
        """Its bytes; None where they are not known."""
        return None if self.unknown else sum(tensor.size for tensor in self.tensors)


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


class Trace(NamedTuple):
    """A net's storages: what each row keeps and makes, what its result lies in, and what comes in from outside."""

    kept: tuple[KeptRow, ...]
    made: tuple[tuple[Storage, ...], ...]
    """Per row, the storages that it makes for its outputs."""
    results: tuple[frozenset[Storage], ...]
    """Per row, the storages that its outputs lie in."""
    inputs: tuple[Storage, ...]


def trace(rows: Sequence[Placed], asking: Collection[int] = ()) -> Trace:
    """Follows the storages of these rows, which are in the order of execution.

    ``asking``: the numbers of the net's inputs that ask for a gradient.
    """
    tracer = _Tracer(asking)
    used = _used(rows)
    kept = tuple(tracer.row(row, row.number in used) for row in rows)
    results = tuple(frozenset(held.storage for held in _held(tracer.outputs[row.number])) for row in rows)
    made = tuple(
        tuple(storage for storage in sorted(found) if storage.row == row.number) for row, found in zip(rows, results)
    )
    return Trace(kept, made, results, tuple(storage for storage in tracer.storages if storage.row is None))


def refs(call: Call) -> Iterator[Ref]:
    """Everything that a call reads."""
    for wire in (*call.args, *call.kwargs.values()):
        yield from _refs(wire)


def _refs(wire: Wire) -> Iterator[Ref]:
    if isinstance(wire, Ref):
        yield wire
    elif wire is not None:
        for item in wire:
            yield from _refs(item)


def _used(rows: Sequence[Placed]) -> set[int]:
    """The rows that the last one's result comes from: autograd lets go of what leads nowhere."""
    used = {row.number for row in rows[-1:]}
    for row in reversed(rows):
        if row.number in used:
            used.update(ref.call for ref in refs(row.call) if ref.call is not None)
    return used


class _Tracer:
    """The state of one pass."""

    def __init__(self, asking: Collection[int]) -> None:
        self.asking = asking
        self.storages: list[Storage] = []
        self.outputs: dict[int, tuple[Holding, ...]] = {}
        self._inputs: dict[tuple[int, ...], Storage] = {}
        self._kept: set[int] = set()
        self._decided: dict[Any, bool] = {}

    def row(self, row: Placed, used: bool) -> KeptRow:
        """One more row: finds its inputs, makes its outputs, and says what it keeps."""
        bound, layer = row.bound, row.bound.layer
        inputs = self._taken(row)
        flags = _flags(inputs)
        first = next(iter(inputs.values()), None)
        asks = _learns(bound) or any(held.grad for held in inputs.values())
        viewed = None
        if self._holds(layer.view, bound, flags):
            viewed = first.storage if first else self._storage(0, row.number)  # of nothing: it is a parameter itself
        swaps = self._holds(layer.swaps, bound, flags)
        outputs = self.outputs[row.number] = self._made(row, viewed, asks, swaps)
        why = _unknown(layer, bound, inputs) or ("" if self._known(bound, flags) else _not_worked_out(layer))
        named = {**inputs, **_named(bound.variant.outputs, outputs)}
        if not used or not any(held.grad for held in _held(outputs)):
            return KeptRow(row.number, ())  # no gradient passes here, so that autograd has no use for anything
        if why:
            return KeptRow(row.number, (), why)
        return KeptRow(row.number, tuple(self._newly(bound, flags, named)))

    # --- tensors ---

    def _taken(self, row: Placed) -> dict[str, Held]:
        """The row's input tensors by name, those of a tuple by their own."""
        items = row.bound.layer.inputs
        wires = {**dict(zip([item.name for item in items], row.call.args)), **row.call.kwargs}
        taken: dict[str, Held] = {}
        for item in items:
            if item.name in wires:
                holding = self._wired(wires[item.name], row.bound.inputs.get(item.name))
                taken.update(_by_name(item, holding))
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
                self._inputs[wire.path] = self._storage(_bytes(tree), None)
            asks = bool(wire.path) and wire.path[0] in self.asking and tree.dtype in _DIFFERENTIABLE
            return Held(self._inputs[wire.path], tree.dtype, asks, False, wire)
        holding: Holding = self.outputs[wire.call]
        for index in wire.path or (0,):
            if isinstance(holding, Held):
                break  # a lone tensor is a list of one
            holding = None if holding is None else holding[index]
        return holding._replace(wire=wire) if isinstance(holding, Held) else holding

    def _made(self, row: Placed, view: Storage | None, asks: bool, swaps: bool) -> tuple[Holding, ...]:
        """The row's outputs; the first is a view where it is one, and alone may have its axes exchanged."""
        count = 0

        def made(tree: Tree) -> Holding:
            nonlocal count
            if isinstance(tree, Flow):
                count += 1
                first = count == 1
                storage = view if view and first else self._storage(_bytes(tree), row.number)
                return Held(storage, tree.dtype, asks and tree.dtype in _DIFFERENTIABLE, swaps and first)
            return None if tree is None or isinstance(tree, Literal) else tuple(map(made, tree))

        return tuple(map(made, row.bound.outputs))

    def _storage(self, size: int, row: int | None) -> Storage:
        self.storages.append(Storage(len(self.storages), size, row))
        return self.storages[-1]

    # --- what is kept ---

    def _newly(self, bound: Bound, flags: Mapping[str, Any], named: Mapping[str, Held]) -> Iterator[KeptTensor]:
        """What the layer keeps and nobody has kept yet."""
        for kept in bound.layer.kept or ():
            if kept.where is not None and not self._holds(kept.where, bound, flags):
                continue
            if kept.size is not None:
                numbers = evaluate(resolve(kept.size, {**bound.variant.known, **flags}), bound.sizes)
                size = numbers * ITEM_SIZE[_dtype(kept.dtype, bound, flags)]
            elif kept.what not in named or named[kept.what].storage.number in self._kept:
                continue
            else:
                storage = named[kept.what].storage
                self._kept.add(storage.number)
                size = storage.size
            yield KeptTensor(kept.what, size)

    def _known(self, bound: Bound, flags: Mapping[str, Any]) -> bool:
        layer = bound.layer
        return layer.kept is not None and (layer.kept_known is None or self._holds(layer.kept_known, bound, flags))

    def _holds(self, condition: Expr | None, bound: Bound, flags: Mapping[str, Any]) -> bool:
        """Whether a condition on flags and sizes holds."""
        if condition is None:
            return False
        key = (id(condition), id(bound), *flags.values())
        if key not in self._decided:
            known = {**bound.variant.known, **flags}
            self._decided[key] = bool(evaluate(resolve(condition, known), bound.sizes))
        return self._decided[key]


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
        flags[swapped(name).name] = held.swapped
        flags.update({same(name, other).name: inputs[other].wire == held.wire for other in before})
        before.append(name)
    return flags


def _unknown(layer: Layer, bound: Bound, inputs: Mapping[str, Held]) -> str:
    """Why what a layer keeps of these inputs is not known, whatever its definition says."""
    if any(tensor.dtype in COMPLEX for tree in (*bound.inputs.values(), *bound.outputs) for tensor in _flows(tree)):
        return f"what {layer.name} keeps of complex numbers is not worked out"
    asked = _asked(layer)
    for name, held in inputs.items():
        if held.swapped and swapped(name).name not in asked:
            return f"what {layer.name} keeps of an input whose axes are exchanged in memory is not worked out"
        for other, held_too in inputs.items():
            if held.wire != held_too.wire and held.storage == held_too.storage and same(name, other).name in asked:
                return f"what {layer.name} keeps of two inputs that share their memory is not worked out"
    return ""


def _not_worked_out(layer: Layer) -> str:
    return f"what {layer.name} keeps is not worked out" + ("" if layer.kept is None else " for these arguments")


def _asked(layer: Layer) -> Mapping[str, Any]:
    """The symbols that the layer's account of its memory asks for."""
    kept = layer.kept or ()
    conditions = [layer.kept_known, layer.view, layer.swaps]
    conditions += [part for item in kept for part in (item.size, item.where)]
    return symbols(condition for condition in conditions if condition is not None)


def _dtype(said: str | Expr, bound: Bound, flags: Mapping[str, Any]) -> str:
    """The dtype that a definition says by a word."""
    word = said if isinstance(said, str) else str(decide(said, {**bound.variant.known, **flags}))
    if word == "input":
        return next(_flows(bound.inputs[bound.layer.inputs[0].name])).dtype
    return bound.dtype if word == "parameters" else word


def _by_name(item: InputDef, holding: Holding) -> dict[str, Held]:
    if isinstance(holding, Held):
        return {item.name: holding}
    if isinstance(item, TupleIn) and holding is not None:
        return {part.name: held for part, held in zip(item.items, holding) if isinstance(held, Held)}
    return {}


def _named(shaped: tuple[ShapedTree, ...], outputs: tuple[Holding, ...]) -> dict[str, Held]:
    """The output tensors by name."""
    named: dict[str, Held] = {}
    for item, holding in zip(shaped, outputs):
        if isinstance(item, Shaped) and isinstance(holding, Held):
            named[item.out.name] = holding
        elif isinstance(item, tuple) and not isinstance(item, Shaped) and not isinstance(holding, (Held, type(None))):
            named.update(_named(item, holding))
    return named


def _held(holding: Holding) -> Iterator[Held]:
    if isinstance(holding, Held):
        yield holding
    elif holding is not None:
        for item in holding:
            yield from _held(item)


def _flows(tree: Tree) -> Iterator[Flow]:
    if isinstance(tree, Flow):
        yield tree
    elif isinstance(tree, tuple) and not isinstance(tree, Literal):
        for item in tree:
            yield from _flows(item)  # type: ignore[arg-type]


def _bytes(flow: Flow) -> int:
    return elements(flow.shape) * ITEM_SIZE[flow.dtype]
