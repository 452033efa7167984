"""A flow in characters: boxes, and wires with corners; where it is too wide it goes down, or becomes a list."""

from __future__ import annotations

from layercli.explain.diagram import Flow
from layercli.render.flow_layout import Box, Laid, Path, laid
from layercli.render.flow_list import listed
from layercli.render.strokes import Canvas, Sheet

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_ACROSS, _ALONG = _LEFT | _RIGHT, _UP | _DOWN
_CORNERS = {
    _UP | _DOWN: "│", _LEFT | _RIGHT: "─", _DOWN | _RIGHT: "┌", _DOWN | _LEFT: "┐", _UP | _RIGHT: "└", _UP | _LEFT: "┘",
    _UP | _DOWN | _RIGHT: "├", _UP | _DOWN | _LEFT: "┤", _LEFT | _RIGHT | _DOWN: "┬", _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼", _LEFT: "─", _RIGHT: "─", _UP: "│", _DOWN: "│",
}  # fmt: skip
_PLAIN = {**dict.fromkeys(_CORNERS, "+"), _UP | _DOWN: "|", _UP: "|", _DOWN: "|"}
_PLAIN.update({_LEFT | _RIGHT: "-", _LEFT: "-", _RIGHT: "-"})


def flow(picture: Flow, columns: int, unicode: bool) -> Sheet:
    """The boxes and wires, to the right or down, or the steps in words where there is no room for them."""
    for down in (False, True):
        found = laid(picture, down)
        if found.width <= columns:
            return _drawn(found, unicode)
    return listed(picture, columns, unicode)


def _drawn(found: Laid, unicode: bool) -> Sheet:
    canvas = Canvas(found.width, found.height)
    signs = _CORNERS if unicode else _PLAIN
    for (column, row), sides in _strokes(found).items():
        canvas.put(column, row, signs[sides], "dim")
    arrow = ("▼" if found.down else "▶") if unicode else ("v" if found.down else ">")
    for path in found.paths:
        canvas.put(*path.corners[-1], arrow, "dim")
    for box in found.boxes:
        _box(canvas, box, unicode)
    for path in found.paths:
        canvas.put(*path.label, path.wire.label, "shape")
    return canvas.sheet()


def _strokes(found: Laid) -> dict[tuple[int, int], int]:
    """The sides to which wires go from each place. Where they only cross, the one up and down passes over the other."""
    sides: dict[tuple[int, int], int] = {}
    turns: set[tuple[int, int]] = set()
    for path in found.paths:
        for place, to in _followed(path, found.down).items():
            sides[place] = sides.get(place, 0) | to
            if to not in (_ACROSS, _ALONG):
                turns.add(place)
    crossing = _ACROSS | _ALONG
    return {place: _ALONG if to == crossing and place not in turns else to for place, to in sides.items()}


def _followed(path: Path, down: bool) -> dict[tuple[int, int], int]:
    """The sides to which a wire goes from each place on its way, out of the box where it begins."""
    found = {path.corners[0]: _UP if down else _LEFT}
    for (left, top), (right, bottom) in zip(path.corners, path.corners[1:]):
        across, down_ = (right > left) - (right < left), (bottom > top) - (bottom < top)
        ahead, back = _sides(across, down_)
        place = (left, top)
        while place != (right, bottom):
            found[place] = found.get(place, 0) | ahead
            place = (place[0] + across, place[1] + down_)
            found[place] = found.get(place, 0) | back
    return found


def _sides(across: int, down: int) -> tuple[int, int]:
    if across:
        return (_RIGHT, _LEFT) if across > 0 else (_LEFT, _RIGHT)
    return (_DOWN, _UP) if down > 0 else (_UP, _DOWN)


def _box(canvas: Canvas, box: Box, unicode: bool) -> None:
    style = box.node.kind
    if style == "join":
        canvas.put(box.left, box.top, f"({box.node.lines[0]})", style)
        return
    corners = ("╭", "╮", "╰", "╯", "─", "│") if unicode else ("+", "+", "+", "+", "-", "|")
    inside = box.width - 2
    canvas.put(box.left, box.top, corners[0] + corners[4] * inside + corners[1], style)
    for number, text in enumerate(box.node.lines, 1):
        canvas.put(box.left, box.top + number, f"{corners[5]}{text:^{inside}}{corners[5]}", style)
    canvas.put(box.left, box.top + box.height - 1, corners[2] + corners[4] * inside + corners[3], style)
