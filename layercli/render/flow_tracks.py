"""On which tracks the wires of a flow change lines between two columns of boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from layercli.explain.diagram import Flow, Wire


class Net(NamedTuple):
    """Wires that share a track, all from one box or all to one: the lines on which they come, and go on."""

    wires: tuple[Wire, ...]
    comes: tuple[int, ...]
    goes: tuple[int, ...]

    @property
    def span(self) -> tuple[int, int]:
        """What it covers of its track."""
        lines = (*self.comes, *self.goes)
        return min(lines), max(lines)

    def meets(self, other: Net) -> bool:
        """Whether they would touch on one track."""
        (low, high), (below, above) = self.span, other.span
        return low <= above and below <= high

    def before(self, other: Net) -> bool:
        """Whether it has to leave a line on which the other goes on."""
        return bool(set(self.comes) & set(other.goes))


def leaving(flow: Flow, column: int, lines: Mapping[int, int]) -> list[Net]:
    """The nets that begin behind a column: wires that pass boxes on another row than their own."""
    places = {node.name: node for node in flow.nodes}
    found: dict[str, list[Wire]] = {}
    for wire in flow.wires:
        start = places[wire.start]
        if start.column == column and wire.via is not None and wire.via != start.row:
            found.setdefault(wire.start, []).append(wire)
    return [
        Net(tuple(wires), (lines[places[name].row],), tuple(lines[wire.via] for wire in wires if wire.via is not None))
        for name, wires in found.items()
    ]


def arriving(flow: Flow, column: int, lines: Mapping[int, int]) -> list[Net]:
    """The nets that end before a column: what fans out of one box, what comes together in one."""
    places = {node.name: node for node in flow.nodes}
    arrive = [wire for wire in flow.wires if places[wire.end].column == column]
    found: dict[tuple[str, object], list[Wire]] = {}
    for wire in arrive:
        fans = len({each.end for each in arrive if (each.start, each.via) == (wire.start, wire.via)}) > 1
        found.setdefault(("from", (wire.start, wire.via)) if fans else ("to", wire.end), []).append(wire)
    nets = []
    for wires in found.values():
        comes = tuple(lines[places[wire.start].row if wire.via is None else wire.via] for wire in wires)
        goes = tuple(lines[places[wire.end].row] for wire in wires)
        if {*comes, *goes} != {comes[0]}:
            nets.append(Net(tuple(wires), comes, goes))
    return nets


def tracks(nets: Sequence[Net]) -> dict[Net, int]:
    """The track of each net, counted with the flow: no two touch, and a line is left before another goes on there."""
    placed: dict[Net, int] = {}
    waiting = list(nets)
    while waiting:
        free = (net for net in waiting if not any(each.before(net) for each in waiting if each is not net))
        net = next(free, waiting[0])
        waiting.remove(net)
        track = max((at + 1 for other, at in placed.items() if other.before(net)), default=0)
        while any(at == track and other.meets(net) for other, at in placed.items()):
            track += 1
        placed[net] = track
    return placed
