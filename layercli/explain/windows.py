"""Windows over axes: which input cells an output cell reads, how much of an axis is shown, every position in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from layercli.explain.cells import times, view
from layercli.explain.diagram import Above, Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.layers.vocabulary import SPATIAL

MOST_FRAMES = 400


class Axis(NamedTuple):
    """How one axis is read: its size, that of the output, the cells of padding before and behind it.

    ``reads``: the cells under the window of an output cell; those below 0 or from the size on are not the input's.
    A negative padding is a crop.
    """

    size: int
    out: int
    reads: Callable[[int], range]
    before: int = 0
    behind: int = 0

    @property
    def padded(self) -> range:
        """The cells that there are with padding."""
        return range(-self.before, self.size + self.behind)

    @property
    def drawn(self) -> range:
        """The cells of the input and of its padding, and those that the last window has beyond both."""
        end = self.reads(self.out - 1).stop if self.out else 0
        return range(min(0, -self.before), max(self.size, self.size + self.behind, end))

    @property
    def usual(self) -> int:
        """The first output cell whose window lies on the input as a whole, or the first of all."""
        if self.out < 2 or not self.before > 0:
            return 0
        step = self.reads(1).start - self.reads(0).start
        at = -(-self.before // step)
        return at if at < self.out and self.reads(at)[-1] < self.size else 0

    def real(self, at: int) -> range:
        """What a window reads of the input itself."""
        return within(self.reads(at), self.size)

    def mark(self, cell: int) -> str:
        """What a cell is where no window is looked at: the input's, padding, or neither."""
        if cell not in self.padded:
            return "off"
        return "" if 0 <= cell < self.size else "pad"


POINT = Axis(1, 1, lambda at: range(at, at + 1))
"""The rows of what has one axis."""


def within(cells: range, size: int) -> range:
    """Those of evenly spaced cells that lie in an axis of this size."""
    skipped = max(0, -(-(0 - cells.start) // cells.step))
    return range(cells.start + skipped * cells.step, min(cells.stop, size), cells.step)


def slid(k: int, s: int, p: int, d: int) -> Callable[[int], range]:
    """The cells under a kernel that slides."""
    return lambda at: range(at * s - p, at * s - p + d * (k - 1) + 1, max(d, 1))


def sliding(subject: Subject) -> tuple[Axis, ...]:
    """The axes that a layer's window slides along; what "same" cannot halve is padded on the far side."""
    windows, found = len(subject.layer.window or ()), []
    outs = subject.given.shape[-windows:]
    for number, (size, out) in enumerate(zip(subject.fed.shape[-windows:], outs)):
        parts = ("kernel", "stride", "padding", "dilation")
        k, s, p, d = (int(subject.bound.sizes[f"window.{number}.{word}"]) for word in parts)
        same = subject.args.get("padding") == "same"
        behind = max(0, (out - 1) * s + d * (k - 1) + 1 - size - p) if same else p
        found.append(Axis(size, out, slid(k, s, p, d), p, behind))
    return tuple(found)


def kernel(subject: Subject, rank: int, name: str = "k") -> tuple[int, ...]:
    """The sizes of the kernel."""
    return subject.sizes(name, SPATIAL[rank])


def plane(axes: Sequence[Axis]) -> tuple[Axis, Axis]:
    """Rows and columns: the last two axes, or one row."""
    return (axes[-2], axes[-1]) if len(axes) > 1 else (POINT, axes[0])


def spot(at: Sequence[int]) -> tuple[int, int]:
    """Row and column of a position."""
    return (at[-2], at[-1]) if len(at) > 1 else (0, at[0])


def volume(slices: Sequence[Grid], out: Grid, title: str, note: str) -> Beside:
    """Slices of an input beside a slice of the output; what is shown of them is said once, under all."""
    parts = [f"of the {word} {grid.note}" for word, grid in (("input", slices[0]), ("output", out)) if grid.note]
    grids = [grid._replace(note="") for grid in (*slices, out)]
    return Beside(tuple(grids), (*[""] * (len(slices) - 1), "→"), title, "; ".join((note, *parts)))


def empty(subject: Subject) -> Nothing | None:
    """Nothing, where a size of 0 leaves nothing to draw."""
    for word, flow in (("output", subject.given), ("input", subject.fed)):
        if 0 in flow.shape:
            return Nothing(f"the {word} {times(flow.shape)} holds no numbers")
    return None


def positions(shape: Sequence[int], most: int = MOST_FRAMES) -> Iterator[tuple[int, ...]]:
    """The first positions of something of this shape, the last axis fastest."""
    for number in range(min(most, prod(shape))):
        found = []
        for size in reversed(shape):
            number, at = divmod(number, size)
            found.append(at)
        yield tuple(reversed(found))


def frames(subject: Subject, shape: Sequence[int], drawn: Callable[[tuple[int, ...]], Picture]) -> tuple[Picture, ...]:
    """The picture at every position, where they are wanted."""
    return tuple(map(drawn, positions(shape))) if subject.moving else ()


def diagram(picture: Picture, key: Sequence[tuple[str, str]], moving: tuple[Picture, ...] = ()) -> Diagram:
    """A picture with the meanings of the marks that are in it, or in one of its frames."""
    used = {mark for each in (picture, *moving) for mark in marks(each)}
    return Diagram(picture, tuple((mark, meaning) for mark, meaning in key if mark in used), moving)


def marks(picture: Picture) -> set[str]:
    """The marks of all cells of a picture."""
    if isinstance(picture, (Beside, Above)):
        return {mark for each in picture.parts for mark in marks(each)}
    return {cell.mark for row in picture.rows for cell in row} if isinstance(picture, Grid) else set()


# --- what is shown ---------------------------------------------------------------------------------------------------


def stretch(axis: Axis, at: int, fits: Callable[[int, int], bool]) -> tuple[range, range] | None:
    """Neighbouring output cells around one, and all that they read, as many as fit; None where not even one does.

    ``fits`` is asked of how many cells are read, and of how many output cells.
    """

    def read(first: int, last: int) -> range:
        return range(axis.reads(first).start, axis.reads(last).stop)

    first = last = at
    if not fits(len(read(at, at)), 1):
        return None
    grown = True
    while grown:
        grown = False
        for lower, upper in ((first, last + 1), (first - 1, last)):
            if lower >= 0 and upper < axis.out and fits(len(read(lower, upper)), upper - lower + 1):
                first, last, grown = lower, upper, True
    cells, outs = read(first, last), range(first, last + 1)
    if last == axis.out - 1 and fits(axis.drawn.stop - cells.start, len(outs)):
        cells = range(cells.start, axis.drawn.stop)  # the cells at the end that no window reads
    if first == 0 and fits(cells.stop - axis.drawn.start, len(outs)):
        cells = range(min(cells.start, axis.drawn.start), cells.stop)
    return outs, cells


def said(shown: Sequence[range], whole: Sequence[range], sizes: Sequence[int]) -> str:
    """What is said where not all of a plane is shown: ``rows 0 to 17 of 224 are shown``; empty where all is."""
    words = [
        f"{cells.start} to {cells.stop - 1} of {size}" if len(cells) < len(every) else ""
        for cells, every, size in zip(shown, whole, sizes)
    ]
    if len(whole[0]) == 1:
        return f"cells {words[1]} are shown" if words[1] else ""
    if words[0] == words[1]:
        return f"rows and columns {words[0]} are shown" if words[0] else ""
    named = [f"{name} {word}" for name, word in zip(("rows", "columns"), words) if word]
    return f"{' and '.join(named)} are shown"


def window(axes: tuple[Axis, Axis], at: tuple[int, int], title: str) -> Grid:
    """A plane of the padded input with the cells that one output cell reads."""
    reads = [axis.reads(i) for axis, i in zip(axes, at)]
    shown = [
        view(len(axis.drawn), read.start, read.stop - 1, start=axis.drawn.start) for axis, read in zip(axes, reads)
    ]

    def mark(row: int, column: int) -> str:
        if row in reads[0] and column in reads[1]:
            return "tap"
        return outside(axes, row, column)

    cells = tuple(tuple(Cell("", mark(row, column)) for column in shown[1]) for row in shown[0])
    return Grid(cells, title, note=said(shown, [axis.drawn for axis in axes], [axis.size for axis in axes]))


def outside(axes: tuple[Axis, Axis], row: int, column: int) -> str:
    """The mark of a cell that no window is looked at: nothing inside the input."""
    marks = axes[0].mark(row), axes[1].mark(column)
    return "off" if "off" in marks else "pad" if "pad" in marks else ""


def outputs(axes: tuple[Axis, Axis], at: tuple[int, int], title: str) -> Grid:
    """A plane of the output with the cell that is looked at."""
    shown = [view(axis.out, i, i) for axis, i in zip(axes, at)]
    cells = tuple(tuple(Cell("", "out" if (row, column) == at else "") for column in shown[1]) for row in shown[0])
    return Grid(cells, title, note=said(shown, [range(axis.out) for axis in axes], [axis.out for axis in axes]))


def padding(axes: Sequence[Axis]) -> str:
    """``, padding 1``; empty where there is none."""
    pads = [axis.before if axis.before == axis.behind else f"{axis.before}+{axis.behind}" for axis in axes]
    if not any(axis.before or axis.behind for axis in axes):
        return ""
    return f", padding {times(pads) if len(set(pads)) > 1 else pads[0]}"
