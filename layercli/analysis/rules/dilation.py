"""The rule on stacks of dilated convolutions: which cells of the map at their start they read together.

Followed is, axis by axis, the set of offsets at which a cell reads the map where the stack begins, as the bits of a
number. A stack goes on through convolutions of stride 1, through layers that work cell by cell, and through merges of
branches that began at the same map; anything else begins a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from layercli.analysis.rows import Row
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.sliding import Slide, listed, slides
from layercli.analysis.rules.wiring import CONVS, ELEMENTWISE, POINTWISE, Wiring, given, kind
from layercli.plan import Ref

_CELL_BY_CELL = POINTWISE | {"softmax2d"}
_MERGES = ELEMENTWISE | {"cat"}
_WIDEST = 4096


class _Stack(NamedTuple):
    """What a tensor reads of the map where its stack began."""

    start: Ref
    offsets: tuple[int, ...] = ()
    """By axis, as bits, the least offset as bit 0; empty where nothing has slid yet."""
    dilated: tuple[int, ...] = ()
    """The rows of the dilated convolutions on the way."""
    least: tuple[int, ...] = ()
    """By axis, the least offset."""


def _gridding(net: Wiring) -> Iterator[Finding]:
    if sum(any(axis.d > 1 for axis in slides(row)) for row in net.of(CONVS)) < 2:
        return
    stacks: dict[int, _Stack] = {}
    going_on: set[int] = set()
    for row in net.rows:
        stack = _after(net, row, stacks, going_on)
        if stack is not None:
            stacks[row.number] = stack
    for number, stack in stacks.items():
        if number in going_on or len(stack.dilated) < 2:
            continue
        rank = len(stack.offsets)
        holes = [
            (bits.bit_count(), bits.bit_length()) for bits in stack.offsets if bits.bit_count() != bits.bit_length()
        ]
        if holes:
            rows = [net.rows[index] for index in stack.dilated]
            rates = listed([str(max(axis.d for axis in slides(row))) for row in rows])
            where = "HW"[-rank:] if rank < 3 else "DHW"
            along = listed(list("L" if rank == 1 else where))
            seen, span = holes[0]
            message = f"dilations {rates} one after another read {seen} of {span} cells along {along}: "
            message += "neighbouring cells of the map are never seen together"
            yield Finding(rows[-1], message, "use rates without a common factor, such as 1, 2, 5")


def _after(net: Wiring, row: Row, stacks: dict[int, _Stack], going_on: set[int]) -> _Stack | None:
    refs = net.feeds(row)
    name = kind(row)
    sliding = name in CONVS
    if not refs or not (sliding or name in _CELL_BY_CELL or name in _MERGES):
        return None
    axes = slides(row) if sliding else []
    before = [stacks.get(ref.call, _Stack(ref)) if ref.call is not None else _Stack(ref) for ref in refs]
    if sliding and (not axes or any(axis.s > 1 or axis.d * axis.k > _WIDEST for axis in axes)):
        return None
    joined = _joined(before, len(given(row).shape))
    if joined is None:
        return None
    after = _slid(joined, axes, row.number) if sliding else joined
    if any(bits.bit_length() > _WIDEST * 4 for bits in after.offsets):
        return None
    going_on.update(ref.call for ref in refs if ref.call in stacks)
    return after


def _slid(stack: _Stack, axes: list[Slide], number: int) -> _Stack:
    offsets, least = stack.offsets or (1,) * len(axes), stack.least or (0,) * len(axes)
    found = []
    for bits, axis in zip(offsets, axes):
        moved = 0
        for tap in range(axis.k):
            moved |= bits << axis.d * tap
        found.append(moved)
    dilated = stack.dilated
    if any(axis.d > 1 for axis in axes):
        dilated = (*dilated, number)
    low = tuple(place - axis.p for place, axis in zip(least, axes))
    return stack._replace(offsets=tuple(found), dilated=dilated, least=low)


def _joined(stacks: list[_Stack], rank: int) -> _Stack | None:
    """Branches that began at one map, read together."""
    first = stacks[0]
    if len({stack.start for stack in stacks}) > 1:
        return None
    width = max(len(stack.offsets) for stack in stacks)
    if len(stacks) == 1 or not width:
        return first
    offsets, least = [0] * width, []
    for axis in range(width):
        places = [stack.least[axis] if stack.least else 0 for stack in stacks]
        least.append(min(places))
        for stack, place in zip(stacks, places):
            offsets[axis] |= (stack.offsets[axis] if stack.offsets else 1) << place - least[-1]
    longest = max(stacks, key=lambda stack: len(stack.dilated))
    return _Stack(first.start, tuple(offsets), longest.dilated, tuple(least))


RULES = (
    Rule(
        "conv.gridding",
        "stacked dilations with a common factor",
        "Dilated convolutions follow one another whose rates share a factor, with nothing between them that fills "
        "the gaps: together they read a grid of the map that they begin with.",
        "Cells next to each other belong to different grids and are never combined, so that local detail falls apart "
        "where it matters most, in dense prediction. A convolution without dilation in the stack mends it.",
        "Let the rates have no common factor, such as 1, 2, 5, or begin or end with a convolution without dilation.",
        "3*(conv2d 8 3 d=2 p=2 | relu)",
        "conv2d 8 3 p=1 | relu | conv2d 8 3 d=2 p=2 | relu | conv2d 8 3 d=5 p=5",
        "Wang et al. 2018, Understanding Convolution for Semantic Segmentation, section 3.2, arxiv.org/abs/1702.08502",
        check=_gridding,
    ),
)
