"""Small tensors of any rank as pictures: their cells in the last two axes, a grid for each place of the axes before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from layercli.explain.boxes import written_shape
from layercli.explain.cells import number, view, written
from layercli.explain.diagram import Above, Beside, Cell, Grid, Picture

MOST_CELLS, MOST_ACROSS, MOST_SLICES = 48, 16, 6
"""What a tensor may have to be drawn as it is."""
CAPS = (
    {1: (6,), 2: (3, 4), 3: (2, 3, 4), 4: (2, 2, 2, 3)},
    {1: (4,), 2: (2, 3), 3: (2, 2, 3), 4: (2, 2, 2, 2)},
    {1: (2,), 2: (2, 2), 3: (1, 2, 2), 4: (1, 2, 2, 2), 5: (1, 1, 2, 2, 2)},
)
"""The sizes that axes are cut to, by how many there are; different ones where there is room, to tell axes apart."""

Index = tuple[int, ...]


class Small(NamedTuple):
    """A tensor with its numbers and their marks, in the order of its indices. ``axes``: the indices along each axis."""

    axes: tuple[range, ...]
    cells: tuple[Cell, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many there are along each axis."""
        return tuple(map(len, self.axes))


def indices(shape: Sequence[int]) -> Iterator[Index]:
    """All places of a shape, in the order of memory."""
    return product(*map(range, shape))


def place(index: Index, shape: Sequence[int]) -> int:
    """Which number of the memory that is."""
    found = 0
    for at, size in zip(index, shape):
        found = found * size + at
    return found


def value(index: Index) -> float:
    """A number to compute with at a place of a tensor of any size."""
    *ahead, row, column = (0, 0, *index)
    return number(row, column, sum((4 - i % 3) * at for i, at in enumerate(ahead)))


def made(axes: Sequence[range], of: Callable[[Index], float], mark: Callable[[Index], str]) -> Small:
    """A tensor, number by number, from their places."""
    places = tuple(product(*axes))
    return Small(tuple(axes), tuple(Cell(written(of(each)), mark(each)) for each in places))


def drawable(shape: Sequence[int]) -> bool:
    """Whether all of a tensor is drawn."""
    return prod(shape) <= MOST_CELLS and prod(shape[:-2]) <= MOST_SLICES and max(shape[-1:], default=0) <= MOST_ACROSS


def cuts(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Shorter axes, the longest first; none where there are too many axes. Those of size 1 stay."""
    longer = sum(size > 1 for size in sizes)
    for table in CAPS:
        if not longer or longer in table:
            cut = iter(table.get(longer, ()))
            yield tuple(min(size, next(cut)) if size > 1 else size for size in sizes)


def windows(shape: Sequence[int], at: Index) -> tuple[range, ...]:
    """What is shown of a tensor of any size: all, or a stretch along each axis, around a place."""
    if drawable(shape):
        return tuple(map(range, shape))
    last = [min(size, 2) if axis >= len(shape) - 2 else 1 for axis, size in enumerate(shape)]
    cut = next((each for each in cuts(shape) if drawable(each)), last)
    return tuple(view(size, i, i, most) for size, i, most in zip(shape, at, cut))


def sizes(title: str, rows: Sequence[tuple[str, Sequence[object], Sequence[str]]], above: Sequence[object]) -> Grid:
    """Sizes by axis: a row for each shape, or for what else is said of axes, with the marks of its cells."""
    if not above:
        return Grid(tuple((Cell("scalar"),) for _ in rows), title, (), tuple(name for name, _, _ in rows))
    cells = tuple(tuple(Cell(str(text), mark) for text, mark in zip(texts, marks)) for _, texts, marks in rows)
    return Grid(cells, title, tuple(map(str, above)), tuple(name for name, _, _ in rows))


def wrapped(value_: float, dtype: str) -> float:
    """What an integer dtype keeps of a number: small ones go round, and bool knows 0 and 1 only."""
    bits = {"uint8": 8, "int8": 8, "int16": 16}.get(dtype)
    if dtype == "bool":
        return float(bool(value_))
    if bits is None:
        return value_
    low = 0 if dtype == "uint8" else -(1 << (bits - 1))
    return (value_ - low) % (1 << bits) + low


def pictured(tensor: Small, title: str) -> Picture:
    """The cells; slices of more than two axes side by side."""
    rows, columns = (range(1), range(1), *tensor.axes)[-2:]
    lead = tensor.axes[:-2]
    grids = []
    per = len(rows) * len(columns)
    for slice_, at in enumerate(product(*lead)):
        cells = tensor.cells[slice_ * per : (slice_ + 1) * per]
        lines = tuple(cells[row * len(columns) : (row + 1) * len(columns)] for row in range(len(rows)))
        grids.append(Grid(lines, f"[{written_shape(at)}]" if lead else "", *_counted(rows, columns)))
    if not lead:
        return grids[0]._replace(title=title)
    return Beside(tuple(grids), title=title)


def _counted(rows: range, columns: range) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Headings of columns and rows, where these are not the first ones."""
    if not rows.start and not columns.start:
        return (), ()
    return tuple(map(str, columns)), tuple(map(str, rows))


def joined(parts: Sequence[Picture], signs: Sequence[str], title: str = "", note: str = "") -> Picture:
    """Pictures with signs between them: side by side where they are single grids, else under each other."""
    if all(isinstance(part, Grid) for part in parts):
        return Beside(tuple(parts), tuple(signs), title, note)
    return Above(tuple(parts), title, note)
