"""Pads and crops: the numbers before and after, and which cell of the input each cell of the output is.

The rows and columns of the output are named by those of the input that they are: ``2`` is row 2, ``(2)`` a copy of it
in the padding, ``+`` a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from typing import NamedTuple

from layercli.explain.cells import number, times, view, written
from layercli.explain.diagram import Above, Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.pooled import Place, named
from layercli.explain.subject import Subject
from layercli.explain.windows import diagram, frames

_KEY = (("tap", "the cell that it is"), ("out", "the output cell"), ("pad", "added"), ("win", "kept"))
MOST, ENDS = 11, 5
"""Cells of an axis that are shown; where there are more, those at both ends, unless another is looked at."""
_GAP = "."

Source = Callable[[int, int, int, int], int]
"""Which cell is repeated for a place beyond the ends: of the place, the axis's size, and the pads."""


class _Line(NamedTuple):
    """One axis: its size, that of the output, and how many cells are before its first; ``source``: what pads hold."""

    size: int
    out: int
    before: int
    source: Callable[[int], int] | None = None

    def added(self, at: int) -> bool:
        """Whether an output cell is padding."""
        return not 0 <= at - self.before < self.size

    def origin(self, at: int) -> int | None:
        """The input cell that an output cell is; None for one that is not the input's."""
        place = at - self.before
        return (self.source(place) if self.source else None) if self.added(at) else place

    def kept(self, cell: int) -> bool:
        """Whether an input cell is in the output."""
        return 0 <= cell + self.before < self.out

    @property
    def cuts(self) -> bool:
        """Whether some of the input is not."""
        return not (self.kept(0) and self.kept(self.size - 1)) if self.size else False

    @property
    def usual(self) -> int:
        """An output cell at an end where something changes."""
        return self.out - 1 if self.before == 0 and self.out > self.size else 0

    def name(self, at: int) -> str:
        """What an output cell is called."""
        origin = self.origin(at)
        return "+" if origin is None else f"({origin})" if self.added(at) else str(origin)


def draw(subject: Subject) -> Diagram | Nothing:
    """The input and the output, an output cell and what it is."""
    outs = subject.given.shape
    if 0 in outs:
        return Nothing(f"the output {times(outs)} holds no numbers")
    if not outs:
        return Nothing("a single number has no ends")
    lines = _lines(subject)
    if isinstance(lines, Nothing):
        return lines
    drawn = partial(_at, lines, _value(subject), _axes(subject))
    shape = tuple(line.out for line in lines)
    usual = (*(max(line.before, 0) for line in lines[:-2]), *(line.usual for line in lines[-2:]))
    at = subject.place(shape, usual)
    return diagram(drawn(at), _KEY, frames(subject, shape, drawn))


# --- the axes --------------------------------------------------------------------------------------------------------


def _lines(subject: Subject) -> tuple[_Line, ...] | Nothing:
    """The axes that are drawn: rows and columns last, before them further ones that change."""
    sizes, outs, name = subject.fed.shape, subject.given.shape, subject.layer.name
    every = list(zip(sizes, outs))
    if name == "narrow":
        dim = subject.args["dim"] % len(sizes)
        start = subject.args["start"] + (sizes[dim] if subject.args["start"] < 0 else 0)
        cut = _Line(sizes[dim], outs[dim], -start)
        return (cut,) if dim == len(sizes) - 1 else (cut, _Line(sizes[-1], outs[-1], 0))
    if name == "crop":
        cropped = [_Line(size, out, -((size - out) // 2)) for size, out in every]
        first = next((i for i, line in enumerate(cropped) if line.cuts), len(cropped))
        return tuple(cropped[min(first, max(0, len(cropped) - 2)) :])
    pads = subject.args["pad" if name == "pad" else "padding"]
    return _padded(name, every, pads)


def _axes(subject: Subject) -> str:
    """Which axes are drawn, where these are not the last ones."""
    if subject.layer.name != "narrow":
        return ""
    rank = len(subject.fed.shape)
    dim = subject.args["dim"] % rank
    return f", axes {dim} and {rank - 1}" if dim < rank - 2 else ""


def _padded(name: str, every: list[tuple[int, int]], pads: tuple[int, ...]) -> tuple[_Line, ...] | Nothing:
    found: list[_Line] = []
    for back in range(min(len(every), max(1, len(pads) // 2))):
        (size, out), (before, behind) = every[-1 - back], pads[2 * back : 2 * back + 2] or (0, 0)
        make = next((make for word, make in _SOURCES.items() if name.startswith(word)), None)
        source = make(size, before, behind) if make else None
        if isinstance(source, Nothing):
            return source
        found.insert(0, _Line(size, out, before, source))
    return tuple(found)


def _reflected(size: int, before: int, behind: int) -> Callable[[int], int]:
    return lambda place: -place if place < 0 else 2 * (size - 1) - place


def _replicated(size: int, before: int, behind: int) -> Callable[[int], int]:
    return lambda place: min(max(place, 0), size - 1)


def _circular(size: int, before: int, behind: int) -> Callable[[int], int] | Nothing:
    """The other end of what is left of the axis."""
    left = size + min(before, 0) + min(behind, 0)
    if max(before, behind) > left:
        return Nothing("what torch copies here hangs on memory that it has not filled yet")
    return lambda place: place + left if place < 0 else place - left


_SOURCES: dict[str, Callable[[int, int, int], Callable[[int], int] | Nothing]] = {
    "reflection": _reflected, "replication": _replicated, "circular": _circular,
}  # fmt: skip


def _value(subject: Subject) -> float:
    """What new cells hold, in the dtype of the input."""
    value = subject.args.get("value") or 0
    dtype = subject.fed.dtype
    if dtype == "bool":
        return float(bool(value))
    return float(int(value)) if "int" in dtype and isfinite(value) else float(value)


# --- the picture -----------------------------------------------------------------------------------------------------

_ROW = _Line(1, 1, 0)
"""The rows of what has one axis."""


def _at(lines: tuple[_Line, ...], value: float, axes: str, at: Place) -> Picture:
    """The picture at one output position; ``axes``: which of the tensor's are drawn."""
    origins = tuple(line.origin(i) for line, i in zip(lines, at))
    plane = (_ROW, *lines)[-2:]
    place, lead = (0, *at)[-2:], origins[:-2]
    deep = None if None in lead else sum(cell or 0 for cell in lead)
    origin = (None, None) if deep is None else (0, *origins)[-2:]
    sizes, outs = times([line.size for line in lines]), times([line.out for line in lines])
    named_rows = len(lines) > 1
    beyond = any(line.added(i) for line, i in zip(lines[:-2], at))
    after = _output(plane, place, value, deep, beyond, named_rows)._replace(title=f"output {outs}{axes}{_slice(at)}")
    parts: tuple[Grid, ...] = (after,)
    if all(line.size for line in lines):
        cuts = any(line.cuts for line in lines)
        before = _input(plane, place, origin, deep or 0, cuts, named_rows)
        parts = (before._replace(title=f"input {sizes}{axes}{_slice(origins)}"), after)
    picture = Beside(parts, ("→",) * (len(parts) - 1), note=_words(lines, at, origins, value))
    strips = [_strip(line, i, len(lines) - index) for index, (line, i) in enumerate(zip(lines[:-2], at))]
    return Above((picture, *strips)) if strips else picture


def _words(lines: tuple[_Line, ...], at: Place, origins: tuple[int | None, ...], value: float) -> str:
    if None in origins:
        return f"{named(at)} is new: {written(value)}"
    copied = any(line.added(i) for line, i in zip(lines, at))
    where = ",".join(map(str, origins))
    return f"{named(at)} is {'a copy of ' if copied else ''}cell {where} of the input"


def _slice(place: Sequence[int | None]) -> str:
    """Which slice of something with more than two axes is drawn."""
    known = ",".join(str(0 if cell is None else cell) for cell in place[:-2])
    return f", slice {known}" if known else ""


def _shown(size: int, at: int) -> list[int]:
    """The cells of an axis that are shown, -1 where some are left out."""
    if size <= MOST:
        return list(range(size))
    if ENDS <= at < size - ENDS:
        return list(view(size, at, at, MOST))
    return [*range(ENDS), -1, *range(size - ENDS, size)]


def _input(
    plane: tuple[_Line, ...], place: Place, origin: tuple[int | None, ...], deep: int, cuts: bool, named_rows: bool
) -> Grid:
    """A plane of the input, with the cell that the output's is, or is nearest to."""
    nearest = [
        min(max(i - line.before, 0), line.size - 1) if o is None else o for line, i, o in zip(plane, place, origin)
    ]
    shown = [_shown(line.size, i) for line, i in zip(plane, nearest)]

    def cell(row: int, column: int) -> Cell:
        kept = cuts and plane[0].kept(row) and plane[1].kept(column)
        return Cell(written(number(row, column, deep)), "tap" if (row, column) == origin else "win" if kept else "")

    return _grid(shown, cell, (str, str), named_rows)


def _output(
    plane: tuple[_Line, ...], place: Place, value: float, deep: int | None, beyond: bool, named_rows: bool
) -> Grid:
    """A plane of the output; ``deep``: which slice of the input it is of, ``beyond``: whether it is in the padding."""
    rows, columns = plane

    def cell(row: int, column: int) -> Cell:
        of = rows.origin(row), columns.origin(column)
        new = of[0] is None or of[1] is None or deep is None
        text = written(value if new else number(of[0] or 0, of[1] or 0, deep or 0))
        added = beyond or rows.added(row) or columns.added(column)
        return Cell(text, "out" if (row, column) == place else "pad" if added else "")

    shown = [_shown(line.out, i) for line, i in zip(plane, place)]
    return _grid(shown, cell, (rows.name, columns.name), named_rows)


def _grid(
    shown: list[list[int]], cell: Callable[[int, int], Cell], names: tuple[Callable[[int], str], ...], named_rows: bool
) -> Grid:
    """Cells under the names of their columns and beside those of their rows."""

    def any_cell(row: int, column: int) -> Cell:
        return Cell(_GAP) if row < 0 or column < 0 else cell(row, column)

    rows, columns = ([_GAP if i < 0 else name(i) for i in each] for name, each in zip(names, shown))
    above = tuple(f" {name}" if len(name) > 2 and name[0] != "(" else name for name in columns)
    cells = tuple(tuple(any_cell(row, column) for column in shown[1]) for row in shown[0])
    return Grid(cells, "", above, tuple(rows) if named_rows else ())


def _strip(line: _Line, at: int, back: int) -> Grid:
    """What the slices along a further axis are."""
    cells = (_GAP if i < 0 else line.name(i) for i in _shown(line.out, at))
    marks = ("" if i < 0 else "out" if i == at else "pad" if line.added(i) else "" for i in _shown(line.out, at))
    return Grid((tuple(map(Cell, cells, marks)),), f"axis {-back}, {line.size} to {line.out}: the slices of the output")
