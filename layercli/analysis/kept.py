"""What each layer of a net keeps for backward: storages, followed from the layer that makes one to all that share it.

A tensor that two layers keep is in memory once, a view has no memory of its own, and what autograd keeps hangs on
which tensors ask for a gradient. None of this is known to a layer alone, so it is worked out along the wires of the
net; what a definition says of its layer (``kept``, ``view``, ``lies``) is decided by what has been found there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.layer import Bound
from layercli.analysis.storages import (
    DIFFERENTIABLE,
    Held,
    Holding,
    Path,
    Storage,
    bytes_of,
    every,
    input_names,
    output_names,
    output_places,
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
from layercli.layers.definition import Layer
from layercli.layers.dtypes import COMPLEX
from layercli.layers.kept import dtype_of, grad, read, same
from layercli.layers.kept import in_batches as batches_flag
from layercli.layers.kept import in_rows as rows_flag
from layercli.plan import ITEM_SIZE, Call, Literal, Ref, Wire


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
    first: tuple[Held, ...]
    """Per row, its first output."""


def trace(rows: Sequence[Placed], asking: Collection[int] = ()) -> Trace:
    """Follows the storages of these rows, which are in the order of execution.

    ``asking``: the numbers of the net's inputs that ask for a gradient.
    """
    tracer = _Tracer(asking)
    used = _used(rows)
    kept = tuple(tracer.row(row, used.get(row.number, frozenset())) for row in rows)
    results = tuple(frozenset(held.storage for held in every(tracer.outputs[row.number])) for row in rows)
    made = tuple(
        tuple(storage for storage in sorted(found) if storage.row == row.number) for row, found in zip(rows, results)
    )
    inputs = tuple(storage for storage in tracer.storages if storage.row is None)
    first = tuple(next(every(tracer.outputs[row.number])) for row in rows)
    return Trace(kept, made, results, inputs, first)


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


def _used(rows: Sequence[Placed]) -> dict[int, set[Path]]:
    """The rows that the last one's result comes from, with the outputs that do: autograd lets go of the others."""
    used: dict[int, set[Path]] = {row.number: {()} for row in rows[-1:]}
    readers: dict[int | None, list[int]] = {}
    for row in rows:
        for ref in refs(row.call):
            readers.setdefault(ref.call, []).append(row.number)
    for row in reversed(rows):
        sources = [ref.call for ref in refs(row.call)] if row.bound.args.get("inplace") is True else ()
        # what is changed in place is what later readers of the same tensor read
        if any(reader > row.number and reader in used for call in sources for reader in readers[call]):
            used.setdefault(row.number, {()})
        if row.number in used:
            for ref in refs(row.call):
                if ref.call is not None:
                    used.setdefault(ref.call, set()).add(ref.path or (0,))
    return used


class _Tracer:
    """The state of one pass."""

    def __init__(self, asking: Collection[int]) -> None:
        self.asking = asking
        self.storages: list[Storage] = []
        self.outputs: dict[int, tuple[Holding, ...]] = {}
        self._inputs: dict[tuple[int, ...], Storage] = {}
        self._kept: set[int] = set()

    def row(self, row: Placed, used: Collection[Path]) -> KeptRow:
        """One more row: finds its inputs, makes its outputs, and says what it keeps.

        ``used``: the places of those of its outputs that the net's result comes from.
        """
        bound, layer = row.bound, row.bound.layer
        inputs = self._taken(row)
        flags = {**_flags(inputs), **_reads(bound, used)}
        asks = _learns(bound) or any(held.grad for held in inputs.values())
        viewed = self._holds(layer.view, bound, flags)
        outputs = self.outputs[row.number] = self._made(row, inputs, flags, viewed, asks)
        why = _unknown(layer, bound, inputs, viewed) or ("" if self._known(bound, flags) else _not_worked_out(layer))
        named = {**inputs, **output_names(bound.variant.outputs, outputs)}
        if not used or not any(held.grad for held in every(outputs)):
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
        holding: Holding = self.outputs[wire.call]
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
            return Held(storage, tree.shape, strides, tree.dtype, grad)

        return tuple(map(made, bound.outputs))

    def _room(self, tree: Flow, bound: Bound, flags: Mapping[str, Any], first: bool) -> int:
        """The bytes that torch makes room for at an output."""
        least, said = bytes_of(tree), bound.layer.storage
        if said is None or not first:
            return least
        return max(least, evaluate(bound.variant.under(said, flags), bound.sizes) * ITEM_SIZE[tree.dtype])

    def _view(self, bound: Bound, source: Held, tree: Flow, grad: bool, row: int) -> Held:
        """An output that is a view of the first input, unless that lies in memory so that it has to be copied."""
        if source.strides is None:
            sure = source.sure and not may_copy(bound, source.shape, tree.shape)
            return Held(source.storage, tree.shape, None, tree.dtype, grad, sure)
        strides = view_of(bound, source.shape, source.strides, tree.shape)
        if strides is None:
            return Held(self._storage(bytes_of(tree), row), tree.shape, in_order(tree.shape), tree.dtype, grad)
        return Held(source.storage, tree.shape, strides, tree.dtype, grad, source.sure)

    def _storage(self, size: int, row: int | None, tensor: int | None = None) -> Storage:
        self.storages.append(Storage(len(self.storages), size, row, size if tensor is None else tensor))
        return self.storages[-1]

    # --- what is kept ---

    def _newly(self, bound: Bound, flags: Mapping[str, Any], named: Mapping[str, Held]) -> Iterator[KeptTensor]:
        """What the layer keeps and nobody has kept yet."""
        for kept in bound.layer.kept or ():
            if kept.where is not None and not self._holds(kept.where, bound, flags):
                continue
            if kept.size is not None:
                numbers = evaluate(bound.variant.under(kept.size, flags), bound.sizes)
                size = numbers * ITEM_SIZE[_dtype(kept.dtype, bound, flags)]
            elif kept.what not in named or named[kept.what].storage.number in self._kept:
                continue
            else:
                storage = named[kept.what].storage
                self._kept.add(storage.number)
                size = storage.size
            if size:
                yield KeptTensor(kept.what, size)

    def _known(self, bound: Bound, flags: Mapping[str, Any]) -> bool:
        layer = bound.layer
        return layer.kept is not None and (layer.kept_known is None or self._holds(layer.kept_known, bound, flags))

    def _holds(self, condition: Expr | None, bound: Bound, flags: Mapping[str, Any]) -> bool:
        """Whether a condition on flags and sizes holds."""
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


def _reads(bound: Bound, used: Collection[Path]) -> dict[str, bool]:
    """Which of several outputs are read, by the symbols that definitions ask for it by."""
    if len(bound.variant.outputs) == 1:
        return {}
    return {
        read(name).name: any(path[: len(place)] == place[: len(path)] for path in used)
        for name, place in output_places(bound.variant.outputs)
    }


def _unknown(layer: Layer, bound: Bound, inputs: Mapping[str, Held], viewed: bool) -> str:
    """Why what a layer keeps of these inputs is not known, whatever its definition says."""
    flows = tensors((*bound.inputs.values(), *bound.outputs))
    if layer.kept and any(flow.dtype in COMPLEX for flow in flows):
        return f"what {layer.name} keeps of complex numbers is not worked out"
    asked = bound.variant.memory_symbols
    for name, held in inputs.items():
        if not held.sure and layer.kept:
            return f"what {layer.name} keeps of an input that may be a view or a copy is not worked out"
        flags = (rows_flag(name), rows_flag(name, exchange=True), batches_flag(name))
        reads = any(flag.name in asked for flag in flags)
        if not (held.in_order or viewed) and (not layer.lies_anyhow or (held.strides is None and reads)):
            return f"what {layer.name} keeps of an input that does not lie in order in memory is not worked out"
        for other, held_too in inputs.items():
            if held.wire != held_too.wire and held.storage == held_too.storage and same(name, other).name in asked:
                return f"what {layer.name} keeps of two inputs that share their memory is not worked out"
    return ""


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


def _not_worked_out(layer: Layer) -> str:
    return f"what {layer.name} keeps is not worked out" + ("" if layer.kept is None else " for these arguments")


def _dtype(said: str | Expr, bound: Bound, flags: Mapping[str, Any]) -> str:
    """The dtype that a definition says by a word."""
    word = said if isinstance(said, str) else str(decide(said, {**bound.variant.known, **flags}))
    if word == "input":
        return next(tensors(bound.inputs[bound.layer.inputs[0].name])).dtype
    return bound.dtype if word == "parameters" else word
