"""What tests of flows share: that wires are told apart, and labels are read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from layercli.explain.diagram import Above, Beside, Flow, Picture
from layercli.render.flow_layout import Laid, laid
from layercli.render.sketch_flow import _followed

ACROSS, ALONG = 12, 3
"""The sides of a wire that goes straight on."""


def flows(picture: Picture) -> Iterator[Flow]:
    """The flows of a picture, in order."""
    if isinstance(picture, Flow):
        yield picture
    elif isinstance(picture, (Beside, Above)):
        for part in picture.parts:
            yield from flows(part)


def check_flows(picture: Picture) -> None:
    """Every flow of a picture can be read, to the right and down."""
    for flow in flows(picture):
        names = [node.name for node in flow.nodes]
        assert len(set(names)) == len(names)
        places = {node.name: node.column for node in flow.nodes}
        assert all(places[wire.start] < places[wire.end] for wire in flow.wires), "wires go with the flow"
        for down in (False, True):
            check_laid(laid(flow, down))


def check_laid(found: Laid) -> None:
    """No wire touches a foreign box or runs along a foreign wire, and no label is written over."""
    inside = {
        (box.left + column, box.top + row): box.node.name
        for box in found.boxes
        for column in range(box.width)
        for row in range(box.height)
    }
    assert len(inside) == sum(box.width * box.height for box in found.boxes), "boxes lie apart"
    assert all(0 <= column < found.width and 0 <= row < found.height for column, row in inside)
    ways = {path.wire: _followed(path, found.down) for path in found.paths}
    for wire, way in ways.items():
        assert not way.keys() & inside.keys(), f"{wire} runs into a box"
    for (one, way), (other, another) in combinations(ways.items(), 2):
        if one.start == other.start or one.end == other.end:
            continue
        for place in way.keys() & another.keys():
            assert {way[place], another[place]} == {ACROSS, ALONG}, f"{one} and {other} touch at {place}"
    labels: dict[tuple[int, int], str] = {}
    for path in found.paths:
        column, row = path.label
        label = {(column + i, row) for i in range(len(path.wire.label))}
        assert all(labels.setdefault(place, path.wire.start) == path.wire.start for place in label)
        assert not label & inside.keys(), f"the label of {path.wire} runs into a box"
        assert all(0 <= column < found.width for column, _ in label)
        for wire, way in ways.items():
            touched = label & way.keys()
            assert not touched or (wire.start == path.wire.start and all(way[place] == ACROSS for place in touched))
