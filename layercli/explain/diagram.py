"""Pictures as plain data: what is where, not how it is drawn. Renderers draw them in a terminal, in ASCII and as SVG.

A picture is one of a few kinds: a :class:`Grid` of cells, a :class:`Plot` of curves, :class:`Bars`, a :class:`Flow` of
boxes with wires, and :class:`Beside` and :class:`Above`, which put pictures together. What a cell *is* is said by a
mark, which each renderer draws so that it is told apart without colours too.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

MARKS = {
    "": "a cell",
    "tap": "read here",
    "pad": "padding",
    "out": "made here",
    "win": "taken over",
    "one": "the first group",
    "two": "another group",
    "three": "a third group",
    "off": "not read, or zero",
}
"""What a cell may be; a picture's key says what that means in it."""


class Cell(NamedTuple):
    """A cell of a grid: what is written in it, its mark, and how strongly it is filled (0 to 1; None: not at all)."""

    text: str = ""
    mark: str = ""
    shade: float | None = None


class Grid(NamedTuple):
    """Cells in rows; all rows are of one length.

    ``above`` and ``left`` are headings of columns and rows, empty for none. ``note`` stands under it.
    """

    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    above: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    note: str = ""


class Curve(NamedTuple):
    """A line through these points; a gap in it is a point with y None. ``dots``: the points alone, without a line."""

    name: str
    points: tuple[tuple[float, float | None], ...]
    dots: bool = False


class Plot(NamedTuple):
    """Curves over a common x axis, with the ranges that are shown."""

    curves: tuple[Curve, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    title: str = ""
    x_name: str = ""
    note: str = ""


class Bar(NamedTuple):
    """A number as a bar: its name, its value, how the value is written, its mark."""

    name: str
    value: float
    text: str
    mark: str = ""


class Bars(NamedTuple):
    """Numbers of one kind, one under the other; bars begin at zero, and none is below it."""

    bars: tuple[Bar, ...]
    title: str = ""
    note: str = ""


class Node(NamedTuple):
    """A box of a flow: its name, the lines in it, and its place: columns go on with the flow, rows are beside it.

    ``kind``: ``tensor`` (what flows), ``op`` (what is done to it), ``gate`` (an op whose result weighs another),
    ``join`` (where wires come together: a sign such as + or x).
    """

    name: str
    lines: tuple[str, ...]
    column: int
    row: int
    kind: str = "op"


class Wire(NamedTuple):
    """From one box to one in a later column, the shape on it written at its beginning.

    ``via``: the row along which it passes the boxes between them; None for that of the box where it begins.
    """

    start: str
    end: str
    label: str = ""
    via: int | None = None


class Flow(NamedTuple):
    """Boxes, and wires that go from left to right."""

    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    title: str = ""
    note: str = ""


class Beside(NamedTuple):
    """Pictures side by side, with a sign (such as * or =) between them; one under the other where there is no room."""

    parts: tuple[Picture, ...]
    signs: tuple[str, ...] = ()
    """One less than there are parts; empty for none."""
    title: str = ""
    note: str = ""


class Above(NamedTuple):
    """Pictures one under the other."""

    parts: tuple[Picture, ...]
    title: str = ""
    note: str = ""


Picture: TypeAlias = "Grid | Plot | Bars | Flow | Beside | Above"


class Diagram(NamedTuple):
    """A picture of a layer with what its marks mean, by mark. ``frames`` are the same picture at every position."""

    picture: Picture
    key: tuple[tuple[str, str], ...] = ()
    frames: tuple[Picture, ...] = ()


class Nothing(NamedTuple):
    """No picture, and why."""

    why: str
