"""How a tensor lies in memory, by its strides: which views share it, and where torch has to copy before it computes.

A view reads the same memory in other steps. Whether a later layer can take it so, or makes a copy that is kept for
backward, follows from the strides alone; these are torch's own rules (``computeStride``, ``is_contiguous``).
"""

from collections.abc import Sequence
from typing import TypeAlias

from layercli.analysis.layer import Bound
from layercli.layers import reach

Strides: TypeAlias = tuple[int, ...]
Shape: TypeAlias = tuple[int, ...]


def in_order(shape: Sequence[int]) -> Strides:
    """The strides of numbers that lie in order."""
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step = step * size
    return tuple(reversed(strides))


def is_in_order(shape: Shape, strides: Strides) -> bool:
    """Whether the numbers lie in order; an axis of one cell may have any stride."""
    return 0 in shape or all(size == 1 or a == b for size, a, b in zip(shape, strides, in_order(shape)))


def filled(shape: Shape, strides: Strides) -> Strides | None:
    """How a result of this shape lies whose first operand lies so: the same axes innermost, without gaps.

    None where operands besides the first decide.
    """
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    if len({strides[axis] for axis in axes}) < len(axes) or any(strides[axis] == 0 for axis in axes):
        return None
    order = sorted(axes, key=lambda axis: strides[axis])
    found, step = [1] * len(shape), 1
    for axis in order:
        found[axis] = step
        step = step * shape[axis]
    return tuple(found)


def is_channels_last(shape: Shape, strides: Strides) -> bool:
    """Whether an image or a volume lies with its channels innermost, a layout that torch hands on by itself."""
    if len(shape) not in (4, 5) or strides[1] == 0:
        return False
    least = 0
    for axis in (1, *range(len(shape) - 1, 1, -1), 0):
        if shape[axis] == 0 or strides[axis] < least or (axis == 0 and least == strides[1]):
            return False
        least = strides[axis] * shape[axis] if shape[axis] > 1 else strides[axis]
    return True


def turned(shape: Shape) -> Strides:
    """The strides of a tensor that was made with its first two axes exchanged."""
    first, second, *rest = shape
    a, b, *others = in_order((second, first, *rest))
    return (b, a, *others)


def viewed(shape: Shape, strides: Strides, wanted: Shape) -> Strides | None:
    """The strides under another shape of the same numbers; None where only a copy has it."""
    if 0 in shape:
        return in_order(wanted)
    found: list[int] = []
    left = len(wanted) - 1
    cells, wanted_cells, step = 1, 1, strides[-1] if strides else 1
    for axis in range(len(shape) - 1, -1, -1):
        cells = cells * shape[axis]
        runs_on = axis > 0 and (shape[axis - 1] == 1 or strides[axis - 1] == cells * step)
        if runs_on:
            continue
        while left >= 0 and (wanted_cells < cells or wanted[left] == 1):
            found.append(wanted_cells * step)
            wanted_cells = wanted_cells * wanted[left]
            left -= 1
        if wanted_cells != cells:
            return None
        if axis > 0:
            step, cells, wanted_cells = strides[axis - 1], 1, 1
    if not shape:
        found, left = [1] * len(wanted), -1
    return tuple(reversed(found)) if left < 0 else None


def in_rows(shape: Shape, strides: Strides, exchange: bool = False) -> bool:
    """Whether it can be read as a matrix of rows without a copy; ``exchange``: with its first two axes exchanged."""
    if exchange and len(shape) > 1:
        shape, strides = (shape[1], shape[0], *shape[2:]), (strides[1], strides[0], *strides[2:])
    if len(shape) < 3:
        return True
    rows = 1
    for size in shape[:-1]:
        rows = rows * size
    return viewed(shape, strides, (rows, shape[-1])) is not None


def in_batches(shape: Shape, strides: Strides) -> bool:
    """Whether it can be read as a batch of matrices without a copy."""
    if len(shape) < 4:
        return True
    batch = 1
    for size in shape[:-2]:
        batch = batch * size
    return viewed(shape, strides, (batch, *shape[-2:])) is not None


_NEVER_COPY = (
    reach.Permutes, reach.Swaps, reach.Inserts, reach.Squeezes, reach.Takes, reach.Narrows, reach.Crops, reach.Expands
)  # fmt: skip


def may_copy(bound: Bound, shape: Shape, wanted: Shape) -> bool:
    """Whether a layer whose output is a view has to copy where the memory does not allow one."""
    return shape != wanted and not isinstance(bound.layer.reach, _NEVER_COPY) and not only_splits(shape, wanted)


def only_splits(shape: Shape, wanted: Shape) -> bool:
    """Whether the shape comes of the other by taking axes apart: a view has it however the numbers lie."""
    parts = iter(wanted)
    for size in shape:
        cells = 1
        while cells < size:
            cells = cells * next(parts, 0)
            if cells == 0:
                return False
        if cells != size:
            return False
    return all(size == 1 for size in parts)


def view_of(bound: Bound, shape: Shape, strides: Strides, wanted: Shape) -> Strides | None:
    """The strides of a layer's output that is a view of its first input; None where the layer has to copy."""
    rule = bound.layer.reach
    rank = len(shape)

    def axes(place: reach.Place) -> list[int]:
        value = bound.args[place] if isinstance(place, str) else place
        listed = value if isinstance(value, tuple) else (value,)
        return [axis + rank if axis < 0 else axis for axis in listed]

    if isinstance(rule, reach.Permutes):
        return tuple(strides[axis] for axis in axes(rule.order))
    if isinstance(rule, reach.Swaps):
        if not shape:
            return strides
        order = list(range(rank))
        (first,), (second,) = axes(rule.first), axes(rule.second)
        order[first], order[second] = order[second], order[first]
        return tuple(strides[axis] for axis in order)
    if isinstance(rule, reach.Inserts):
        (place,) = axes(rule.axis)
        place += place < 0 or bound.args[str(rule.axis)] < 0
        return (*strides[:place], 1, *strides[place:])
    if isinstance(rule, reach.Squeezes) or (isinstance(rule, reach.Takes) and rule.gone):
        gone = axes(rule.axes if isinstance(rule, reach.Squeezes) else rule.axis) if len(wanted) < rank else []
        return tuple(stride for axis, stride in enumerate(strides) if axis not in gone)
    if isinstance(rule, (reach.Takes, reach.Narrows, reach.Crops)):
        return strides
    if isinstance(rule, reach.Expands):
        missing = len(wanted) - rank
        return tuple(
            0 if axis < missing or shape[axis - missing] != size else strides[axis - missing]
            for axis, size in enumerate(wanted)
        )
    return strides if shape == wanted else viewed(shape, strides, wanted)
