"""Where the boxes and wires of a flow lie on a sheet, in steps of one character: for all that draw flows.

A flow goes to the right, or down where it is turned. All is reckoned along the flow and across it: boxes of a column
begin at one place along, boxes of a row have their middles on one line across. Wires leave a box on its line; in the
gaps between columns they change lines on tracks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layercli.explain.diagram import Flow, Node, Wire
from layercli.render.flow_tracks import Net, arriving, leaving, tracks

BETWEEN, BETWEEN_DOWN = 1, 3
"""What is left free between rows of boxes: lines, or characters where the flow goes down."""


class Box(NamedTuple):
    """A box: the place of its upper left corner, its size, and what it stands for."""

    node: Node
    left: int
    top: int
    width: int
    height: int


class Path(NamedTuple):
    """A wire as corners, from one box to another, and where its label begins."""

    wire: Wire
    corners: tuple[tuple[int, int], ...]
    label: tuple[int, int]


class Laid(NamedTuple):
    """Everything in its place; ``down``: the flow goes down, not to the right."""

    boxes: tuple[Box, ...]
    paths: tuple[Path, ...]
    width: int
    height: int
    down: bool = False


def laid(flow: Flow, down: bool = False) -> Laid:
    """The boxes in columns, and wires in the gaps between these and along rows; down: columns are under each other."""
    plan = _Plan(flow, down)
    boxes = tuple(_box(plan, node) for node in flow.nodes)
    paths = tuple(_path(plan, wire) for wire in _labelled_once(flow.wires))
    across = plan.breadth
    return Laid(boxes, paths, *((across, plan.length) if down else (plan.length, across)), down)


def _labelled_once(wires: Sequence[Wire]) -> Iterator[Wire]:
    """The wires; what several from one box say at its side is said by the first."""
    said: set[tuple[str, str]] = set()
    for wire in wires:
        yield wire._replace(label="") if (wire.start, wire.label) in said else wire
        said.add((wire.start, wire.label))


def size(node: Node) -> tuple[int, int]:
    """Characters and lines that a box takes."""
    frame = 0 if node.kind == "join" else 2
    return max(map(len, node.lines)) + (4 if frame else 2), len(node.lines) + frame


class _Plan:
    """Where rows and columns lie, and the tracks between columns."""

    def __init__(self, flow: Flow, down: bool) -> None:
        self.flow, self.down = flow, down
        self.nodes = {node.name: node for node in flow.nodes}
        self.lines, self.breadth = self._rows()
        self.columns = sorted({node.column for node in flow.nodes})
        self.longest = {c: max(self.long(node) for node in flow.nodes if node.column == c) for c in self.columns}
        self.starts: dict[int, int] = {}
        self.leaves: dict[Net, int] = {}
        self.arrives: dict[Net, int] = {}
        place = 0
        for column, behind in zip(self.columns, [*self.columns[1:], None]):
            self.starts[column] = place
            place += self.longest[column]
            if behind is not None:
                place = self._gap(column, behind, place)
        self.length = place

    def long(self, node: Node) -> int:
        """Its size along the flow."""
        return size(node)[self.down]

    def broad(self, node: Node) -> int:
        """Its size across the flow."""
        return size(node)[not self.down]

    def start(self, node: Node) -> int:
        """Where it begins along the flow."""
        return self.starts[node.column] + (self.longest[node.column] - self.long(node)) // 2

    def turned(self, along: int, across: int) -> tuple[int, int]:
        """A place on the sheet."""
        return (across, along) if self.down else (along, across)

    @staticmethod
    def track(placed: dict[Net, int], wire: Wire) -> int:
        """Where a wire changes lines."""
        ends = wire.start, wire.end
        return next(at for net, at in placed.items() if any((each.start, each.end) == ends for each in net.wires))

    def _rows(self) -> tuple[dict[int, int], int]:
        """The line of each row, and how broad all is."""
        before: dict[int, int] = {}
        behind: dict[int, int] = {}
        for node in self.flow.nodes:
            broad = self.broad(node)
            before[node.row] = max(before.get(node.row, 0), broad // 2)
            behind[node.row] = max(behind.get(node.row, 0), broad - broad // 2)
        for wire in self.flow.wires:
            if wire.via is not None:
                before.setdefault(wire.via, 0)
                behind.setdefault(wire.via, 1)
            if self.down and wire.label:
                row = self.nodes[wire.start].row
                behind[row] = max(behind[row], len(wire.label) + 2)
        lines, place = {}, 0
        for row in sorted(before):
            lines[row] = place + before[row]
            place = lines[row] + behind[row] + (BETWEEN_DOWN if self.down else BETWEEN)
        return lines, place - (BETWEEN_DOWN if self.down else BETWEEN)

    def _gap(self, column: int, behind: int, place: int) -> int:
        """Lays the tracks between two columns, which begin at this place; where the next column begins."""
        out, into = leaving(self.flow, column, self.lines), arriving(self.flow, behind, self.lines)
        step = 1 if self.down else 2
        place += self._labels(column, place)
        for nets, found in ((out, self.leaves), (into, self.arrives)):
            placed = tracks(nets)
            found.update({net: place + step * track for net, track in placed.items()})
            place += step * (max(placed.values()) + 1) if placed else 0
        if self.down:
            return max(place, self.starts[column] + self.longest[column] + 1) + 1
        return place + (1 if into else 2)

    def _labels(self, column: int, place: int) -> int:
        """The room that labels take behind a column, with the first stroke of the wires."""
        wires = [wire for wire in self.flow.wires if self.nodes[wire.start].column == column]
        if self.down:
            return int(any(wire.label for wire in wires))
        ends = [self.start(node) + self.long(node) + len(wire.label) + bool(wire.label)
                for wire in wires for node in [self.nodes[wire.start]]]  # fmt: skip
        return max(0, *ends, place) - place + 1


def _box(plan: _Plan, node: Node) -> Box:
    left, top = plan.turned(plan.start(node), plan.lines[node.row] - plan.broad(node) // 2)
    return Box(node, left, top, *size(node))


def _path(plan: _Plan, wire: Wire) -> Path:
    start, end = plan.nodes[wire.start], plan.nodes[wire.end]
    begin, goal = plan.start(start) + plan.long(start), plan.start(end) - 1
    line, last = plan.lines[start.row], plan.lines[end.row]
    corners = [(begin, line)]
    if wire.via is not None and plan.lines[wire.via] != line:
        track = plan.track(plan.leaves, wire)
        line = plan.lines[wire.via]
        corners += [(track, corners[0][1]), (track, line)]
    if line != last:
        track = plan.track(plan.arrives, wire)
        corners += [(track, line), (track, last)]
    corners.append((goal, last))
    label = (begin, plan.lines[start.row] + 2) if plan.down else (begin + 1, plan.lines[start.row])
    places = dict.fromkeys(plan.turned(*corner) for corner in corners)
    return Path(wire, tuple(places), plan.turned(*label))
