"""What pools of all kinds share: windows in which numbers become one, computed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import NamedTuple

from layercli.explain.cells import MOST, number, times, written
from layercli.explain.diagram import Beside, Cell, Grid, Picture
from layercli.explain.windows import (
    Axis,
    outputs,
    outside,
    padding,
    plane,
    said,
    spot,
    stretch,
    volume,
)

ROOM, GAP = 78, 3
"""Columns that an input and its output may take side by side, and those between two grids."""
MOST_READ = 16
MOST_READ_OF_SLICES = 8
"""Cells of an axis into which numbers are written; fewer where several slices are drawn."""
MOST_SLICES = 3

Place = tuple[int, ...]


class Pool(NamedTuple):
    """Windows over up to three axes, and what becomes of the numbers under each.

    ``value``: the number of an output cell. ``words``: what is said of it. ``wide``: columns of a written result.
    ``wins``: which cell under a window is taken over, where one is. ``base``: the mark of an input cell that is not
    looked at, and ``made`` that of an output cell.
    """

    axes: tuple[Axis, ...]
    value: Callable[[Place], float]
    words: Callable[[Place], str]
    wide: int = 6
    wins: Callable[[Place], Place | None] = lambda at: None
    base: Callable[[Place], str] = lambda place: ""
    made: Callable[[Place], str] = lambda at: ""

    @property
    def outs(self) -> tuple[int, ...]:
        """The sizes of the output."""
        return tuple(axis.out for axis in self.axes)

    @property
    def usual(self) -> Place:
        """The position that is looked at where none is asked for."""
        return tuple(axis.usual for axis in self.axes)


def at_place(place: Place) -> float:
    """The number of an input cell."""
    row, column = spot(place)
    return number(row, column, place[0] if len(place) == 3 else 0)


def under(axes: tuple[Axis, ...], at: Place) -> Iterator[tuple[Place, float]]:
    """The input cells under a window, with their numbers."""
    for place in product(*(axis.real(i) for axis, i in zip(axes, at))):
        yield place, at_place(place)


def largest(axes: tuple[Axis, ...], at: Place) -> Place | None:
    """The cell under a window with the largest number, the first of several; None where all of it is padding."""
    best: Place | None = None
    for place, value in under(axes, at):
        if best is None or value > at_place(best):
            best = place
    return best


def named(at: Place) -> str:
    """An output cell in words."""
    return f"cell {','.join(map(str, at))}"


def counted(cells: int) -> str:
    """So many cells, in words."""
    return f"{cells} cell{'s' * (cells != 1)}"


def picture(pool: Pool, at: Place) -> Picture:
    """The input with its numbers and the window that is looked at, and the output."""
    rows, place = plane(pool.axes), spot(at)
    slices = len(_slices(pool, at))
    for beside in (slices, 1):
        shown = [stretch(axis, i, partial(_fits, pool, beside)) for axis, i in zip(rows, place)]
        if shown[0] is not None and shown[1] is not None:
            break
    else:
        return _bare(pool, at)
    outs, cells = (shown[0][0], shown[1][0]), (shown[0][1], shown[1][1])
    grids = [_input(pool, at, index, outs, cells) for index in _slices(pool, at)]
    out = _output(pool, at, outs)
    if len(pool.axes) == 3:
        title = f"{_title(pool)}, output {times(pool.outs)}"
        return volume(grids, out._replace(title=f"output, slice {at[0]}"), title, pool.words(at) + _more(pool, at))
    return Beside((grids[0]._replace(title=_title(pool)), out), ("→",), note=pool.words(at))


def _fits(pool: Pool, beside: int, read: int, made: int) -> bool:
    """Whether so many cells, and the output cells that are made of them, are not too many for a picture."""
    most = MOST_READ if len(pool.axes) < 3 else MOST_READ_OF_SLICES
    return read <= most and beside * (3 * read + GAP) + pool.wide * made <= ROOM


def _title(pool: Pool) -> str:
    return f"input {times([axis.size for axis in pool.axes])}{padding(pool.axes)}"


def _slices(pool: Pool, at: Place) -> range:
    """The slices of a volume that are drawn, one of padding where there is no other; one for everything else."""
    depth = pool.axes[0]
    return (depth.real(at[0]) or depth.reads(at[0])[:1])[:MOST_SLICES] if len(pool.axes) == 3 else range(1)


def _more(pool: Pool, at: Place) -> str:
    left = len(pool.axes[0].real(at[0])) - MOST_SLICES
    return f"; {left} more slice{'s are' if left > 1 else ' is'} under it" if left > 0 else ""


def _input(pool: Pool, at: Place, index: int, outs: tuple[range, range], cells: tuple[range, range]) -> Grid:
    rows, deep = plane(pool.axes), len(pool.axes) == 3
    slices = pool.axes[0].size if deep else 1
    lead = at[:1] if deep else ()
    winners = {pool.wins((*lead, *_flat(pool, r, c))) for r in outs[0] for c in outs[1]}
    reads = [axis.reads(i) for axis, i in zip(rows, spot(at))]

    def cell(row: int, column: int) -> Cell:
        looked_at = row in reads[0] and column in reads[1]
        out = outside(rows, row, column) if index in range(slices) else "pad"
        if out:
            return Cell("", "tap" if looked_at and out == "pad" else out)
        place = (index, row, column) if deep else _flat(pool, row, column)
        mark = "win" if place in winners else "tap" if looked_at else pool.base(place)
        return Cell(written(at_place(place)), mark)

    grid = tuple(tuple(cell(row, column) for column in cells[1]) for row in cells[0])
    title = f"slice {index} of {slices}" if index in range(slices) else "a slice of padding"
    note = said(cells, [axis.drawn for axis in rows], [axis.size for axis in rows])
    return Grid(grid, title, note=note)


def _flat(pool: Pool, row: int, column: int) -> Place:
    return (row, column) if len(pool.axes) > 1 else (column,)


def _output(pool: Pool, at: Place, outs: tuple[range, range]) -> Grid:
    lead = at[:1] if len(pool.axes) == 3 else ()

    def cell(row: int, column: int) -> Cell:
        place = (*lead, *_flat(pool, row, column))
        return Cell(written(pool.value(place)), "out" if place == at else pool.made(place))

    rows = plane(pool.axes)
    grid = tuple(tuple(cell(row, column) for column in outs[1]) for row in outs[0])
    note = said(outs, [range(axis.out) for axis in rows], [axis.out for axis in rows])
    return Grid(grid, f"output {times(pool.outs)}", note=note)


def _bare(pool: Pool, at: Place) -> Picture:
    """The same without numbers, on a smaller scale, where there are too many under one window."""
    rows, place = plane(pool.axes), spot(at)
    blocks = [_blocks(axis) for axis in rows]
    marks = [[_mark(axis, axis.reads(i), block) for block in each] for axis, i, each in zip(rows, place, blocks)]
    order = ("", "pad", "off")

    def mark(row: str, column: str) -> str:
        return "tap" if row == column == "tap" else max((m for m in (row, column) if m != "tap"), key=order.index)

    cells = tuple(tuple(Cell("", mark(r, c)) for c in marks[1]) for r in marks[0])
    scale = times([len(block) for block in (blocks[0][0], blocks[1][0])][2 - min(2, len(pool.axes)) :])
    deep = f", slice {_slices(pool, at).start}" if len(pool.axes) == 3 else ""
    grid = Grid(cells, _title(pool) + deep, note=f"a cell that is drawn stands for {scale}")
    out = outputs(rows, place, f"output {times(pool.outs)}")
    under_it = times([len(axis.reads(i)) for axis, i in zip(pool.axes, at)])
    note = f"{under_it} cells are under the window of {named(at)}: too many to write numbers into"
    return Beside((grid, out), ("→",), note=note)


def _blocks(axis: Axis) -> list[range]:
    """All cells of an axis in at most so many stretches of one length."""
    whole = axis.drawn
    length = -(-len(whole) // MOST)
    return [range(start, start + length) for start in whole[::length]]


def _mark(axis: Axis, reads: range, block: range) -> str:
    """What a stretch is: read, where any of its cells is; else what all of its cells are."""
    first = reads.start + max(0, -(-(block.start - reads.start) // reads.step)) * reads.step
    if first < min(block.stop, reads.stop):
        return "tap"
    marks = {axis.mark(block.start), axis.mark(block[-1])}
    return "" if "" in marks else "pad" if "pad" in marks else "off"
