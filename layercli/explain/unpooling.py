"""Max unpooling: values go back to the places that their indices name, into zeros."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from math import prod

from layercli.explain.cells import times, written
from layercli.explain.diagram import Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.pooled import GAP, ROOM, Place, at_place, named
from layercli.explain.subject import Subject
from layercli.explain.windows import Axis, diagram, empty, frames, plane, said, slid, spot, stretch
from layercli.layers.vocabulary import SPATIAL

_KEY = (
    ("tap", "the value that is looked at, and its index"), ("out", "where it goes"), ("win", "where others go"),
)  # fmt: skip
MOST_MADE = 14
MOST_SLICES = 2


def draw(subject: Subject) -> Diagram | Nothing:
    """Values and indices as a pool of these settings gives them, and the output that is made of them."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    axes = _axes(subject)
    if any(axis.reads(1).start <= axis.reads(0).start or not axis.reads(0) for axis in axes):
        return Nothing("no pool has windows of this kernel and stride")
    sizes = tuple(axis.out for axis in axes)
    back = cache(partial(_index, axes))
    at = subject.place(sizes, tuple(min(1, size - 1) for size in sizes))
    moving = frames(subject, sizes, partial(_picture, axes, back))
    return diagram(_picture(axes, back, at), _KEY, moving)


def _axes(subject: Subject) -> tuple[Axis, ...]:
    """Windows over the output, one for each value of the input: those of the pool that is undone."""
    names = SPATIAL[int(subject.layer.name[-2])]
    rank = len(names)
    return tuple(
        Axis(size, count, slid(k, s, p, 1))
        for size, count, k, s, p in zip(
            subject.given.shape[-rank:], subject.fed.shape[-rank:],
            *(subject.sizes(symbol, names) for symbol in ("k", "s", "p")),
        )
    )  # fmt: skip


def _index(axes: tuple[Axis, ...], at: Place) -> Place:
    """The place of the largest number under a window, or of its first cells where they are many.

    Where a window lies outside of the output it is the nearest cell.
    """
    return max(product(*(_inside(axis, i)[:MOST_MADE] for axis, i in zip(axes, at))), key=at_place)


def _inside(axis: Axis, at: int) -> range:
    """What a window has of the output; the nearest cell where that is nothing."""
    nearest = min(max(axis.reads(at).start, 0), axis.size - 1)
    return axis.real(at) or range(nearest, nearest + 1)


def _sent(axes: tuple[Axis, ...], back: Callable[[Place], Place], place: Place) -> bool:
    """Whether a value goes to this output cell."""
    return any(back(at) == place for at in product(*(_over(axis, cell) for axis, cell in zip(axes, place))))


def _over(axis: Axis, cell: int) -> list[int]:
    """The values whose windows an output cell may be taken from; at the ends one of those that lie outside, too.

    Of many windows all but the first and the last have the same first cells, in which the largest is looked for.
    """
    first, k = axis.reads(0).start, len(axis.reads(0))
    step = axis.reads(1).start - first
    low, high = max(0, -(-(cell - first - k + 1) // step)), min(axis.out - 1, (cell - first) // step)
    every = range(low, high + 1)
    outside = [i for i, end in ((0, 0), (axis.out - 1, axis.size - 1)) if cell == end]
    return [*dict.fromkeys((*every[:MOST_MADE], *every[-MOST_MADE - 1 :], *outside))]


def _picture(axes: tuple[Axis, ...], back: Callable[[Place], Place], at: Place) -> Picture:
    sizes, deep = [axis.size for axis in axes], len(axes) == 3
    digits = len(str(prod(sizes) - 1)) + 2
    rows = plane(axes)
    inside = [axis._replace(reads=partial(_inside, axis)) for axis in rows]
    shown = [stretch(axis, i, partial(_fits, digits)) or _one(axis, i) for axis, i in zip(inside, spot(at))]
    counts, cells = [pair[0] for pair in shown], [pair[1] for pair in shown]
    lead = at[:1] if deep else ()

    def grid(title: str, text: Callable[[Place], str]) -> Grid:
        places = ([(*lead, *_flat(axes, r, c)) for c in counts[1]] for r in counts[0])
        made = tuple(tuple(Cell(text(place), "tap" if place == at else "") for place in row) for row in places)
        return Grid(made, title, note=said(counts, [range(axis.out) for axis in rows], [axis.out for axis in rows]))

    suffix = f", slice {at[0]}" if deep else ""
    into = grid(f"values{suffix}", lambda place: written(at_place(back(place))))
    indices = grid("indices", lambda place: str(_flattened(back(place), sizes)))._replace(note="")
    slices = [back(at)[0], *(each for each in axes[0].real(at[0]) if each != back(at)[0])] if deep else [0]
    outs = [_output(axes, back, at, index, cells) for index in sorted(slices[:MOST_SLICES])]
    where = "row {}, column {}".format(*spot(back(at))) if len(axes) > 1 else f"cell {back(at)[0]}"
    note = f"{named(at)} goes to index {_flattened(back(at), sizes)} of {times(sizes)}: "
    note += (f"slice {back(at)[0]}, " if deep else "") + where
    if deep and len(slices) > MOST_SLICES:
        note += f"; the window has {len(slices) - MOST_SLICES} more"
    return Beside((into, indices, *outs), ("", "→", *[""] * (len(outs) - 1)), note=note)


def _fits(digits: int, read: int, made: int) -> bool:
    return read <= MOST_MADE and 3 * read + (3 + digits) * made + 2 * GAP <= ROOM


def _one(axis: Axis, at: int) -> tuple[range, range]:
    """One value and the first cells of its window, where the window is larger than a picture."""
    return range(at, at + 1), axis.reads(at)[:MOST_MADE]


def _flat(axes: tuple[Axis, ...], row: int, column: int) -> Place:
    return (row, column) if len(axes) > 1 else (column,)


def _flattened(place: Place, sizes: list[int]) -> int:
    """The index of a place, as torch counts."""
    index = 0
    for cell, size in zip(place, sizes):
        index = index * size + cell
    return index


def _output(axes: tuple[Axis, ...], back: Callable[[Place], Place], at: Place, index: int, cells: list[range]) -> Grid:
    deep, rows = len(axes) == 3, plane(axes)

    def cell(row: int, column: int) -> Cell:
        place = (*((index,) if deep else ()), *_flat(axes, row, column))
        if not _sent(axes, back, place):
            return Cell("0")
        return Cell(written(at_place(place)), "out" if place == back(at) else "win")

    made = tuple(tuple(cell(row, column) for column in cells[1]) for row in cells[0])
    title = f"output, slice {index}" if deep else f"output {times([axis.size for axis in axes])}"
    note = said(cells, [range(axis.size) for axis in rows], [axis.size for axis in rows])
    return Grid(made, title, note=note)
