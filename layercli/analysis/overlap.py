"""What torch refuses to write over: a tensor that was stretched without copying, whose numbers share their places.

Source: ``has_internal_overlap`` in ``ATen/MemoryOverlap.cpp``, which looks for an axis of several cells and no step.
"""

from collections.abc import Sequence

from layercli.analysis.in_place import IN_PLACE, writes_once
from layercli.analysis.laid import Laid, Layout, refs
from layercli.analysis.layer import Bound
from layercli.analysis.rows import Row
from layercli.analysis.storages import Held
from layercli.errors import LayerError
from layercli.layers.reach import Expands
from layercli.plan import Call, Ref


def refused(rows: Sequence[Row], bound: Bound, call: Call) -> LayerError | None:
    """The error for a layer that would write over what a step before it has stretched; None where torch takes it."""
    if not writes_once(bound) or not _behind_a_stretch(rows, call):
        return None
    layout = Layout()
    laid = [layout.add(row) for row in rows]
    source = next(iter(layout.read(bound, call).values()))
    if not source.overlaps:
        return None
    step = rows[_stretching(laid, source)]
    name, before = bound.layer.name, step.bound.layer.name
    return LayerError(
        "torch.in-place",
        f"{name} cannot write over its input: {before} ({step.path}) stretches it without copying, so "
        "that several of its numbers lie in one place",
        span=bound.given.spans.get(IN_PLACE) or bound.given.span,
        fix=f"leave {IN_PLACE} out, or put {name} before {before}",
    )


def _behind_a_stretch(rows: Sequence[Row], call: Call) -> bool:
    """Whether one of the steps that may have handed on a view stretches it: for others there is nothing to lay out."""
    wire = next(refs(call), None)
    while wire is not None and wire.call is not None:
        layer = rows[wire.call].bound.layer
        if layer.view is None:
            return False
        if isinstance(layer.reach, Expands):
            return True
        wire = next(refs(rows[wire.call].call), None)
    return False


def _stretching(laid: Sequence[Laid], held: Held) -> int:
    """The row that laid several of its numbers in one place."""
    assert isinstance(held.wire, Ref)
    assert held.wire.call is not None
    before = next(iter(laid[held.wire.call].inputs.values()))
    return _stretching(laid, before) if before.overlaps else held.wire.call
