"""What each layer of a net keeps for backward: storages, each at the first layer that keeps it.

A tensor that two layers keep is in memory once, a view has no memory of its own, and what autograd keeps hangs on
which tensors ask for a gradient. None of this is known to a layer alone, so it is worked out along the wires of the
net; what a definition says of its layer (``kept``) is decided by what has been found there.

A layer that writes over its input stands, from then on, before all that lies in that memory: who reads any of it later
comes by the writing, through whichever view it was done (torch's ``CopySlices``).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.in_place import writes
from layercli.analysis.laid import Laid, Layout, Placed, holds, unread
from layercli.analysis.layer import Bound
from layercli.analysis.storages import Held, Origin, Path, Storage, every, output_names, output_places
from layercli.formula import Expr, decide, evaluate
from layercli.layers.definition import Kept, Layer
from layercli.layers.dtypes import COMPLEX
from layercli.layers.kept import in_batches as batches_flag
from layercli.layers.kept import in_rows as rows_flag
from layercli.layers.kept import read, same
from layercli.plan import ITEM_SIZE, Ref


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
    layout = Layout(asking)
    laid = [layout.add(row) for row in rows]
    used, keeper = _used(rows, laid), _Keeper(rows, layout)
    kept = tuple(keeper.row(row, each, used.get(row.number, frozenset())) for row, each in zip(rows, laid))
    results = tuple(frozenset(held.storage for held in every(each.outputs)) for each in laid)
    made = tuple(
        tuple(storage for storage in sorted(found) if storage.row == row.number) for row, found in zip(rows, results)
    )
    inputs = tuple(storage for storage in layout.storages if storage.row is None)
    first = tuple(next(every(each.outputs)) for each in laid)
    return Trace(kept, made, results, inputs, first)


def _used(rows: Sequence[Placed], laid: Sequence[Laid]) -> dict[int, set[Path]]:
    """The rows that the last one's result comes from, with the outputs that do: autograd lets go of the others."""
    used: dict[int, set[Path]] = {row.number: {()} for row in rows[-1:]}
    for row, each in zip(reversed(rows), reversed(laid)):
        if row.number not in used:
            continue
        for name, held in each.inputs.items():
            if name in unread(row.bound):
                continue
            if isinstance(held.wire, Ref) and held.wire.call is not None:
                used.setdefault(held.wire.call, set()).add(held.wire.path or (0,))
            if name in each.written:
                used.setdefault(each.written[name], set()).add(())
    return used


class _Keeper:
    """The state of one pass over what has been laid out."""

    def __init__(self, rows: Sequence[Placed], layout: Layout) -> None:
        self._rows = rows
        self._written = layout.written
        self._kept: set[int] = set()

    def row(self, row: Placed, laid: Laid, used: Collection[Path]) -> KeptRow:
        """What one more row keeps. ``used``: the places of those of its outputs that the net's result comes from."""
        bound, layer = row.bound, row.bound.layer
        flags = {**laid.flags, **_reads(bound, used)}
        barred = _barred(bound, laid)
        if barred:
            return KeptRow(row.number, (), barred)
        if not used or not any(held.grad for held in every(laid.outputs)):
            return KeptRow(row.number, ())  # no gradient passes here, so that autograd has no use for anything
        why = _unknown(layer, bound, laid) or ("" if _known(bound, flags) else _not_worked_out(layer))
        if why:
            return KeptRow(row.number, (), why)
        named = {**laid.inputs, **output_names(bound.variant.outputs, laid.outputs)}
        keeps = [kept for kept in layer.kept or () if kept.where is None or holds(kept.where, bound, flags)]
        spoilt = self._spoilt(row, [named[kept.what] for kept in keeps if kept.size is None and kept.what in named])
        return KeptRow(row.number, () if spoilt else tuple(self._newly(bound, flags, named, keeps)), spoilt)

    def _spoilt(self, row: Placed, keeps: Sequence[Held]) -> str:
        """Why backward fails on what a row keeps: torch counts how often a storage is written over."""
        for held in keeps:
            writer = self._written.get(held.storage.number, -1)
            if writer > row.number:
                name, keeper = self._rows[writer].bound.layer.name, row.bound.layer.name
                return f"torch does not train it: {name} writes over what {keeper} keeps for backward"
        return ""

    def _newly(
        self, bound: Bound, flags: Mapping[str, Any], named: Mapping[str, Held], keeps: Sequence[Kept]
    ) -> Iterator[KeptTensor]:
        """What of this nobody has kept yet."""
        for kept in keeps:
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


def _reads(bound: Bound, used: Collection[Path]) -> dict[str, bool]:
    """Which of several outputs are read, by the symbols that definitions ask for it by."""
    if len(bound.variant.outputs) == 1:
        return {}
    return {
        read(name).name: any(path[: len(place)] == place[: len(path)] for path in used)
        for name, place in output_places(bound.variant.outputs)
    }


_NOT_OVER = {Origin.LEARNED: "a learned tensor", Origin.PART: "one of several views that a step gives"}
"""What is not written over where gradients are recorded."""


def _barred(bound: Bound, laid: Laid) -> str:
    """Why torch refuses it where gradients are recorded: for what it writes over, or what was written over before."""
    layer = bound.layer
    for name, held in laid.inputs.items():
        if not held.grad or name not in laid.written or name in unread(bound):
            continue
        if not held.sure:
            return f"whether the input of {layer.name} is a view of what is written over is not known"
        made = held.wire.call if isinstance(held.wire, Ref) else None
        if held.origin is Origin.PART and made is not None and laid.written[name] > made:
            return f"torch does not train it: {layer.name} takes one of several views of what was written over since"
    source = next(iter(laid.inputs.values()), None)
    if laid.writes and source is not None and source.grad:
        over = _NOT_OVER.get(source.origin)
        return f"torch does not train it: {layer.name} writes over {over}" if over else ""
    return ""


def _known(bound: Bound, flags: Mapping[str, Any]) -> bool:
    layer = bound.layer
    return layer.kept is not None and (layer.kept_known is None or holds(layer.kept_known, bound, flags))


def _unknown(layer: Layer, bound: Bound, laid: Laid) -> str:
    """Why what a layer keeps of these inputs is not known, whatever its definition says."""
    inputs, viewed = laid.inputs, laid.viewed
    if writes(bound) and next(iter(inputs.values())).overlaps:
        return f"torch does not train it: {layer.name} writes over a tensor that was stretched without copying"
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


def _not_worked_out(layer: Layer) -> str:
    return f"what {layer.name} keeps is not worked out" + ("" if layer.kept is None else " for these arguments")


def _dtype(said: str | Expr, bound: Bound, flags: Mapping[str, Any]) -> str:
    """The dtype that a definition says by a word."""
    word = said if isinstance(said, str) else str(decide(said, {**bound.variant.known, **flags}))
    if word == "input":
        return next(tensors(bound.inputs[bound.layer.inputs[0].name])).dtype
    return bound.dtype if word == "parameters" else word
