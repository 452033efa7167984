"""Where the boxes and wires of a flow lie on a sheet, in steps of one character: for all that draw flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from layercli.explain.diagram import Flow, Node, Wire

BETWEEN = 1
"""Lines between rows of boxes."""


class Box(NamedTuple):
    """A box: the place of its upper left corner, its size, and what it stands for."""

    node: Node
    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column behind it."""
        return self.left + self.width

    @property
    def middle(self) -> int:
        """The line at which wires come and go."""
        return self.top + self.height // 2


class Path(NamedTuple):
    """A wire as corners, from one box to another, and where its label begins."""

    wire: Wire
    corners: tuple[tuple[int, int], ...]
    label: tuple[int, int]


class Laid(NamedTuple):
    """Everything in its place."""

    boxes: tuple[Box, ...]
    paths: tuple[Path, ...]
    width: int
    height: int


def laid(flow: Flow, width_of: Callable[[Node], int] | None = None) -> Laid:
    """The boxes in columns, and wires in the gaps between these and along rows."""
    wide = width_of or _width
    columns = sorted({node.column for node in flow.nodes})
    widths = {c: max(wide(node) for node in flow.nodes if node.column == c) for c in columns}
    heights = _heights(flow)
    tops = _starts(heights, BETWEEN)
    gaps = {c: _gap(flow, c) for c in columns}
    lefts: dict[int, int] = {}
    place = 0
    for column in columns:
        lefts[column] = place
        place += widths[column] + gaps[column]
    boxes = {}
    for node in flow.nodes:
        height = len(node.lines) + (2 if node.kind != "join" else 0)
        left = lefts[node.column] + (widths[node.column] - wide(node)) // 2
        boxes[node.name] = Box(node, left, tops[node.row] + (heights[node.row] - height) // 2, wide(node), height)
    last = columns[-1]
    width = lefts[last] + widths[last]
    rows = {row: tops[row] + heights[row] // 2 for row in tops}
    paths = tuple(_path(flow, wire, boxes, lefts, widths, rows) for wire in flow.wires)
    return Laid(tuple(boxes.values()), paths, width, max(tops[row] + heights[row] for row in tops))


def _width(node: Node) -> int:
    return max(map(len, node.lines)) + (4 if node.kind != "join" else 2)


def _heights(flow: Flow) -> dict[int, int]:
    found: dict[int, int] = {}
    for node in flow.nodes:
        height = len(node.lines) + (2 if node.kind != "join" else 0)
        found[node.row] = max(found.get(node.row, 1), height)
    for wire in flow.wires:
        if wire.via is not None:
            found.setdefault(wire.via, 1)
    return found


def _starts(sizes: dict[int, int], between: int) -> dict[int, int]:
    place, found = 0, {}
    for row in sorted(sizes):
        found[row] = place
        place += sizes[row] + between
    return found


def _gap(flow: Flow, column: int) -> int:
    """Room behind a column: for the labels of the wires that begin there, for tracks up and down, for arrows."""
    leaving = [wire for wire in flow.wires if _of(flow, wire.start).column == column]
    labels = max((len(wire.label) + 1 if wire.label else 0 for wire in leaving), default=0)
    later = sorted({node.column for node in flow.nodes if node.column > column})
    tracks = len(_tracks(flow, later[0])) if later else 0
    aside = 2 * any(wire.via is not None for wire in leaving)
    return 4 + labels + aside + 2 * max(0, tracks - 1)


def _of(flow: Flow, name: str) -> Node:
    return next(node for node in flow.nodes if node.name == name)


Track: TypeAlias = "tuple[str, str]"
"""A line up and down that several wires share: all from one box, or all to one."""


def _tracks(flow: Flow, column: int) -> list[Track]:
    """The tracks before a column, the nearest to it first: what fans out of one box, what comes together in one."""
    arriving = [wire for wire in flow.wires if _of(flow, wire.end).column == column]
    return [*dict.fromkeys(_track(flow, wire) for wire in arriving)]


def _track(flow: Flow, wire: Wire) -> Track:
    column = _of(flow, wire.end).column
    beside = [each for each in flow.wires if each.start == wire.start and _of(flow, each.end).column == column]
    return ("from", wire.start) if len(beside) > 1 else ("to", wire.end)


def _path(
    flow: Flow, wire: Wire, boxes: dict[str, Box], lefts: dict[int, int], widths: dict[int, int], rows: dict[int, int]
) -> Path:
    start, end = boxes[wire.start], boxes[wire.end]
    begin = (start.right, start.middle)
    goal = (end.left - 1, end.middle)
    turn = lefts[end.node.column] - 3 - 2 * _tracks(flow, end.node.column).index(_track(flow, wire))
    label = (start.right + 1, start.middle)
    if wire.via is not None and rows[wire.via] != start.middle:
        first = lefts[start.node.column] + widths[start.node.column] + len(wire.label) + (1 if wire.label else 0)
        line = rows[wire.via]
        corners = [begin, (first, begin[1]), (first, line), (turn, line), (turn, goal[1]), goal]
    else:
        corners = [begin, (turn, begin[1]), (turn, goal[1]), goal]
    return Path(wire, tuple(_without_repeats(corners)), label)


def _without_repeats(corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found = corners[:1]
    for corner in corners[1:]:
        if corner != found[-1]:
            found.append(corner)
    return found
