"""Blocks of an image as columns of a matrix, and back: unfold and fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from layercli.explain.cells import number, times, view, written
from layercli.explain.diagram import Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.explain.windows import Axis, diagram, empty, frames, outside, padding, said, slid

MOST_OF_IMAGE, MOST_COLUMNS, MOST_ROWS = 10, 9, 16
"""Cells that are shown: of an axis of the image, of the matrix across and down."""
MOST_SUMMED = 256
"""Cells of a block of which sums are worked out."""


class _Blocks(NamedTuple):
    """An image, the blocks over it, and its channels."""

    rows: Axis
    columns: Axis
    k: tuple[int, int]
    channels: int

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Height and width."""
        return self.rows, self.columns

    @property
    def total(self) -> int:
        """How many blocks there are: the columns of the matrix."""
        return self.rows.out * self.columns.out

    @property
    def cells(self) -> int:
        """How many cells a block has in one channel."""
        return self.k[0] * self.k[1]

    def place(self, tap: int, block: int) -> tuple[int, int]:
        """Where in the image a cell of a block is."""
        (i, j), (down, across) = divmod(tap, self.k[1]), divmod(block, self.columns.out)
        return self.rows.reads(down)[i], self.columns.reads(across)[j]

    def inside(self, place: tuple[int, int]) -> bool:
        """Whether that is the image itself, not its padding."""
        return 0 <= place[0] < self.rows.size and 0 <= place[1] < self.columns.size

    def held(self, place: tuple[int, int]) -> list[tuple[int, int]]:
        """Every row (of the first channel) and column of the matrix where a cell of the image is."""
        along = [_held(axis, k, cell) for axis, k, cell in zip(self.axes, self.k, place)]
        return [(i * self.k[1] + j, down * self.columns.out + across) for down, i in along[0] for across, j in along[1]]


@lru_cache(maxsize=256)
def _held(axis: Axis, k: int, cell: int) -> list[tuple[int, int]]:
    """Which blocks along an axis a cell is in, and as their which cell."""
    first = axis.reads(0)
    step = axis.reads(1).start - first.start
    found = []
    for tap in range(k):
        block, rest = divmod(cell - first.start - tap * first.step, step)
        if not rest and 0 <= block < axis.out:
            found.append((block, tap))
    return sorted(found)


def draw(subject: Subject) -> Diagram | Nothing:
    """The image and the matrix whose columns are its blocks."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    return (_unfolded if subject.layer.name == "unfold" else _folded)(subject)


def _blocks(subject: Subject, image: tuple[int, ...], channels: int) -> _Blocks:
    names = ("H", "W")
    axes = [
        Axis(size, (size + 2 * p - d * (k - 1) - 1) // s + 1, slid(k, s, p, d), p, p)
        for size, k, s, p, d in zip(image, *(subject.sizes(symbol, names) for symbol in ("k", "s", "p", "d")))
    ]
    return _Blocks(axes[0], axes[1], (subject.size("k_H"), subject.size("k_W")), channels)


# --- out of an image -------------------------------------------------------------------------------------------------

_UNFOLD = (("tap", "the cells of one block"), ("out", "its column"), ("pad", "padding: 0"))


def _unfolded(subject: Subject) -> Diagram:
    blocks = _blocks(subject, subject.fed.shape[-2:], subject.fed.shape[-3])
    usual = blocks.rows.usual * blocks.columns.out + blocks.columns.usual
    (at,) = subject.place((blocks.total,), (usual,))
    moving = frames(subject, (blocks.total,), lambda place: _laid_out(blocks, place[0]))
    return diagram(_laid_out(blocks, at), _UNFOLD, moving)


def _laid_out(blocks: _Blocks, at: int) -> Picture:
    where = divmod(at, blocks.columns.out)
    reads = [axis.reads(i) for axis, i in zip(blocks.axes, where)]

    def cell(row: int, column: int) -> Cell:
        tap = row in reads[0] and column in reads[1]
        pad = outside(blocks.axes, row, column)
        return Cell("" if pad else written(number(row, column)), "tap" if tap else pad)

    def entry(tap: int, block: int) -> Cell:
        place = blocks.place(tap, block)
        return Cell(written(number(*place) if blocks.inside(place) else 0), "out" if block == at else "")

    shown = [
        view(len(axis.drawn), read.start, read[-1], MOST_OF_IMAGE, axis.drawn.start)
        for axis, read in zip(blocks.axes, reads)
    ]
    cells = tuple(tuple(cell(row, column) for column in shown[1]) for row in shown[0])
    sizes = [axis.size for axis in blocks.axes]
    image = Grid(
        cells, f"image {times(sizes)}{padding(blocks.axes)}{_channel(blocks)}",
        note=said(shown, [axis.drawn for axis in blocks.axes], sizes),
    )  # fmt: skip
    matrix = _matrix(blocks, view(blocks.cells, most=MOST_ROWS), view(blocks.total, at, at, MOST_COLUMNS), entry)
    note = f"block {where[0]},{where[1]} of {times(blocks.k)} cells becomes column {at} of {blocks.total}"
    return Beside((image, matrix), ("→",), note=note)


# --- back into an image ----------------------------------------------------------------------------------------------

_FOLD = (("tap", "added up in this cell"), ("out", "the cell"), ("pad", "falls on the padding: lost"))


def _folded(subject: Subject) -> Diagram:
    image = subject.given.shape[-2:]
    blocks = _blocks(subject, image, subject.given.shape[-3])
    usual = tuple(min(axis.size - 1, max(0, axis.reads(0)[-1])) for axis in blocks.axes)
    at = subject.place(image, usual)
    if blocks.cells > MOST_SUMMED:
        return diagram(_image(blocks, (at[0], at[1]), summed=False), _FOLD)
    moving = frames(subject, image, lambda place: _summed(blocks, (place[0], place[1])))
    return diagram(_summed(blocks, (at[0], at[1])), _FOLD, moving)


def _summed(blocks: _Blocks, at: tuple[int, int]) -> Picture:
    held = blocks.held(at)
    taps, columns = [tap for tap, _ in held] or [0], sorted({block for _, block in held}) or [0]
    rows = view(blocks.cells, min(taps), max(taps), MOST_ROWS)
    shown: Sequence[int] = range(blocks.total) if blocks.total <= MOST_COLUMNS else columns[:MOST_COLUMNS]

    def entry(tap: int, block: int) -> Cell:
        mark = "tap" if (tap, block) in held else "" if blocks.inside(blocks.place(tap, block)) else "pad"
        return Cell(written(number(tap, block)), mark)

    note = f"cell {at[0]},{at[1]} is the sum of {len(held)}" if held else f"no block covers cell {at[0]},{at[1]}: 0"
    if len(shown) < len(columns):
        note += f"; {len(columns) - len(shown)} more columns hold it"
    matrix = _matrix(blocks, rows, shown, entry)
    if len(shown) < blocks.total:
        matrix = matrix._replace(title=f"{matrix.title}: those with the cell")
    return Beside((matrix, _image(blocks, at)), ("→",), note=note)


def _image(blocks: _Blocks, at: tuple[int, int], summed: bool = True) -> Grid:
    """The image with its sums, or with how many numbers each is the sum of; the more, the darker."""
    shown = [view(axis.size, i, i, MOST_OF_IMAGE) for axis, i in zip(blocks.axes, at)]
    counts = [
        {cell: len(_held(axis, k, cell)) for cell in cells} for axis, k, cells in zip(blocks.axes, blocks.k, shown)
    ]
    most = max(1, max(counts[0].values()) * max(counts[1].values()))

    def cell(row: int, column: int) -> Cell:
        count = counts[0][row] * counts[1][column]
        value = sum(number(*entry) for entry in blocks.held((row, column))) if summed else count
        return Cell(written(value), "out" if (row, column) == at else "", count / most)

    cells = tuple(tuple(cell(row, column) for column in shown[1]) for row in shown[0])
    sizes = [axis.size for axis in blocks.axes]
    title = f"image {times(sizes)}{_channel(blocks)}" + ("" if summed else ": how many numbers are added in each cell")
    overlap = f"up to {most} numbers are added in a cell" if most > 1 else "no cell is in two blocks"
    notes = (overlap if summed else "", said(shown, list(map(range, sizes)), sizes))
    return Grid(cells, title, note="; ".join(filter(None, notes)))


# --- both ------------------------------------------------------------------------------------------------------------


def _channel(blocks: _Blocks) -> str:
    return ", channel 0" if blocks.channels > 1 else ""


def _matrix(blocks: _Blocks, rows: range, columns: Sequence[int], entry: Callable[[int, int], Cell]) -> Grid:
    """Rows of the first channel, named by the cell of the block that they hold, and some of the columns."""
    cells = tuple(tuple(entry(tap, block) for block in columns) for tap in rows)
    whole = blocks.channels * blocks.cells
    left = tuple("{},{}".format(*divmod(tap, blocks.k[1])) for tap in rows)
    above = tuple(f" {block}" if block > 99 else str(block) for block in columns)
    note = f"rows {rows.start} to {rows[-1]} of {whole}" if len(rows) < whole else ""
    return Grid(cells, f"columns {whole}x{blocks.total}", above, left, note and f"{note} are shown")
