"""A transposed convolution: the patch that one input cell is spread over, and how many taps land on each cell."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import NamedTuple

from layercli.explain.cells import times, view
from layercli.explain.diagram import Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.explain.windows import diagram, empty, frames, said
from layercli.layers.vocabulary import SPATIAL

_KEY = (
    ("tap", "the input cell"), ("out", "the output cells that it is spread over"), ("pad", "taken off by the padding"),
)  # fmt: skip
MOST_FED, MOST_COUNTED, MOST_OF_SLICES = 12, 16, 8
"""Cells of an axis that are shown: of the input, of the output, of either where slices are drawn."""
MOST_SLICES = 2
MOST_ASKED = 4096


class _Axis(NamedTuple):
    """One axis: sizes of input and output, kernel, stride, padding taken off, dilation."""

    size: int
    out: int
    k: int
    s: int
    p: int
    d: int

    def patch(self, at: int) -> range:
        """The output cells that an input cell is spread over; those outside of the output are taken off."""
        return range(at * self.s - self.p, at * self.s - self.p + self.d * (self.k - 1) + 1, self.d)

    @property
    def drawn(self) -> range:
        """The output's cells and those that are taken off."""
        return range(-self.p, max(self.out, self.patch(self.size - 1).stop))

    @property
    def usual(self) -> int:
        """The first input cell whose patch is in the output as a whole, the second if that is one, or the first."""
        at = max(-(-self.p // self.s), min(1, self.size - 1))
        return at if at < self.size and self.patch(at)[-1] < self.out else 0

    @property
    def apart(self) -> int:
        """How far apart the taps are that land on one cell."""
        return self.s // gcd(self.s, self.d)

    def taps(self, cell: int) -> int:
        """How many taps land on an output cell: t with t*d = cell + p - i*s for an input cell i."""
        shared, place = gcd(self.s, self.d), cell + self.p
        if place % shared:
            return 0
        first = place // shared * pow(self.d // shared, -1, self.apart) % self.apart if self.apart > 1 else 0
        low = max(0, -(-(place - (self.size - 1) * self.s) // self.d))
        high = min(self.k - 1, place // self.d)
        low += (first - low) % self.apart
        return (high - low) // self.apart + 1 if high >= low else 0

    @property
    def bordered(self) -> bool:
        """Whether no cell is far from the borders."""
        return (self.size - 1) * self.s - self.d * (self.k - 1) + 1 < self.s

    @property
    def counts(self) -> set[int]:
        """How many taps land on cells far from the borders; the least and the most of all cells where none is."""
        if self.bordered:
            found = [self.taps(cell) for cell in range(min(self.out, MOST_ASKED))]
            return {min(found), max(found)}
        few, rest = divmod(self.k, self.apart)
        return {few, *((few + 1,) if rest else ()), *((0,) if self.apart < self.s else ())}

    @property
    def untouched(self) -> int:
        """The cells at the far end that an output_padding has added and no tap lands on."""
        return max(0, self.out - self.patch(self.size - 1).stop)


_ROW = _Axis(1, 1, 1, 1, 0, 1)


def draw(subject: Subject) -> Diagram | Nothing:
    """One input cell and its patch of the output; below how many taps land on each cell."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    axes = _axes(subject)
    sizes = tuple(axis.size for axis in axes)
    at = subject.place(sizes, tuple(axis.usual for axis in axes))
    moving = frames(subject, sizes, lambda place: _spread(subject, axes, place))
    return diagram(_spread(subject, axes, at), _KEY, moving)


def _axes(subject: Subject) -> tuple[_Axis, ...]:
    names = SPATIAL[int(subject.layer.name[-2])]
    keys = zip(*(subject.sizes(symbol, names) for symbol in ("k", "s", "p", "d")))
    return tuple(
        _Axis(size, out, *key)
        for size, out, key in zip(subject.fed.shape[-len(names) :], subject.given.shape[-len(names) :], keys)
    )


def _plane(axes: tuple[_Axis, ...], at: tuple[int, ...]) -> tuple[tuple[_Axis, int], tuple[_Axis, int]]:
    """Rows and columns with the position in them."""
    pairs = [(_ROW, 0), *zip(axes, at)]
    return pairs[-2], pairs[-1]


# --- the patch -------------------------------------------------------------------------------------------------------


def _spread(subject: Subject, axes: tuple[_Axis, ...], at: tuple[int, ...]) -> Picture:
    """The picture at one input position."""
    deep = len(axes) == 3
    sizes, outs = times([axis.size for axis in axes]), times([axis.out for axis in axes])
    words = f"{_words(subject, axes, at)}; {_evenness(axes)}{_ends(axes)}"
    into = _input(axes, at, f"input, slice {at[0]}" if deep else f"input {sizes}")
    if not deep:
        return Beside((into, _patch(axes, at, None, f"output {outs}: taps on each cell")), ("→",), note=words)
    depth = axes[0]
    slices = [index for index in depth.patch(at[0]) if 0 <= index < depth.out][:MOST_SLICES]
    grids = [_patch(axes, at, index, f"output, slice {index}: taps") for index in slices]
    signs = ("→", *[""] * (len(grids) - 1)) if grids else ()
    return Beside((into, *grids), signs, f"input {sizes}, output {outs}", words)


def _input(axes: tuple[_Axis, ...], at: tuple[int, ...], title: str) -> Grid:
    (rows, row), (columns, column) = _plane(axes, at)
    most = MOST_FED if len(axes) < 3 else MOST_OF_SLICES
    shown = view(rows.size, row, row, most), view(columns.size, column, column, most)
    cells = tuple(tuple(Cell("", "tap" if (r, c) == (row, column) else "") for c in shown[1]) for r in shown[0])
    return Grid(cells, title, note=said(shown, [range(rows.size), range(columns.size)], [rows.size, columns.size]))


def _patch(axes: tuple[_Axis, ...], at: tuple[int, ...], slice_: int | None, title: str) -> Grid:
    """A plane of the output: how many taps land on each cell, and the cells that one input cell is spread over."""
    pairs = _plane(axes, at)
    patches, drawn = [axis.patch(i) for axis, i in pairs], [axis.drawn for axis, _ in pairs]
    most = MOST_COUNTED if slice_ is None else MOST_OF_SLICES
    shown = [view(len(of), patch.start, patch[-1], most, of.start) for of, patch in zip(drawn, patches)]
    outs = [axis.out for axis, _ in pairs]
    depth = 1 if slice_ is None else axes[0].taps(slice_)
    counts = [{cell: axis.taps(cell) for cell in cells} for (axis, _), cells in zip(pairs, shown)]
    highest = max(1, depth * max(counts[0].values()) * max(counts[1].values()))

    def cell(row: int, column: int) -> Cell:
        if not (0 <= row < outs[0] and 0 <= column < outs[1]):
            return Cell("", "pad")
        count = depth * counts[0][row] * counts[1][column]
        return Cell(str(count), "out" if row in patches[0] and column in patches[1] else "", count / highest)

    cells = tuple(tuple(cell(row, column) for column in shown[1]) for row in shown[0])
    return Grid(cells, title, note=said(shown, drawn, outs))


def _words(subject: Subject, axes: tuple[_Axis, ...], at: tuple[int, ...]) -> str:
    filters = subject.size("out") // subject.size("g")
    said = f"input cell {','.join(map(str, at))} times a kernel of {times([axis.k for axis in axes])} is added"
    return said + (f", in each of {filters} channels" if filters > 1 else " to the output")


# --- the overlap -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _evenness(axes: tuple[_Axis, ...]) -> str:
    """How evenly taps land, and what evens them out."""
    found = sorted({prod(each) for each in product(*(axis.counts for axis in axes))})
    if len(found) == 1:
        lands = "1 tap lands" if found == [1] else f"{found[0]} taps land"
        return f"even: {lands} on every cell" + (
            "" if all(axis.bordered for axis in axes) else " away from the borders"
        )
    if any(axis.bordered and len(axis.counts) > 1 for axis in axes):
        return f"{found[0]} to {found[-1]} taps land on a cell: so small an input has no cells far from its borders"
    many = f"{', '.join(map(str, found[:-1]))} or {found[-1]} taps land on a cell"
    if any(axis.apart < axis.s for axis in axes):
        return f"{many}: gaps that no kernel fills, since stride and dilation share a factor"
    if found[0] == 0:
        return f"{many}: gaps, which a kernel of {_even(axes)} fills"
    return f"{many}: the checkerboard; a kernel of {_even(axes)} evens it out"


def _even(axes: tuple[_Axis, ...]) -> str:
    """The next larger kernel that is a multiple of the stride."""
    sizes = [-(-axis.k // axis.s) * axis.s for axis in axes]
    return str(sizes[0]) if len(set(sizes)) == 1 else times(sizes)


def _ends(axes: tuple[_Axis, ...]) -> str:
    """What output_padding has added beyond all taps."""
    names = ("slice", "row", "column")[-len(axes) :] if len(axes) > 1 else ("cell",)
    far = [
        f"the last {name}" if axis.untouched == 1 else f"the last {axis.untouched} {name}s"
        for name, axis in zip(names, axes)
        if axis.untouched
    ]
    return f"; no tap lands on {' and '.join(far)}, which output_padding has added" if far else ""
