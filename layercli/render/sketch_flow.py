"""A flow in characters: boxes, and wires with corners; where it is too wide, a list of its steps."""

from __future__ import annotations

from textwrap import wrap

from layercli.explain.diagram import Flow
from layercli.render.flow_layout import Box, Laid, Path, laid
from layercli.render.strokes import Canvas, Line, Sheet, Span, line

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_CORNERS = {
    _UP | _DOWN: "│", _LEFT | _RIGHT: "─", _DOWN | _RIGHT: "┌", _DOWN | _LEFT: "┐", _UP | _RIGHT: "└", _UP | _LEFT: "┘",
    _UP | _DOWN | _RIGHT: "├", _UP | _DOWN | _LEFT: "┤", _LEFT | _RIGHT | _DOWN: "┬", _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼", _LEFT: "─", _RIGHT: "─", _UP: "│", _DOWN: "│",
}  # fmt: skip
_PLAIN = {**dict.fromkeys(_CORNERS, "+"), _UP | _DOWN: "|", _UP: "|", _DOWN: "|"}
_PLAIN.update({_LEFT | _RIGHT: "-", _LEFT: "-", _RIGHT: "-"})


def flow(picture: Flow, columns: int, unicode: bool) -> Sheet:
    """The boxes and wires, or the steps in words where there is no room for them."""
    found = laid(picture)
    return _drawn(found, unicode) if found.width <= columns else _listed(picture, columns, unicode)


def _drawn(found: Laid, unicode: bool) -> Sheet:
    canvas = Canvas(found.width, found.height)
    strokes: dict[tuple[int, int], int] = {}
    for path in found.paths:
        _stroke(path, strokes)
    signs = _CORNERS if unicode else _PLAIN
    for (column, row), sides in strokes.items():
        canvas.put(column, row, signs[sides], "dim")
    for path in found.paths:
        canvas.put(*path.corners[-1], "▶" if unicode else ">", "dim")
    for box in found.boxes:
        _box(canvas, box, unicode)
    for path in found.paths:
        canvas.put(*path.label, path.wire.label, "shape")
    return canvas.sheet()


def _stroke(path: Path, strokes: dict[tuple[int, int], int]) -> None:
    for (left, top), (right, bottom) in zip(path.corners, path.corners[1:]):
        across, down = (right > left) - (right < left), (bottom > top) - (bottom < top)
        place = (left, top)
        while place != (right, bottom):
            ahead, back = _sides(across, down)
            strokes[place] = strokes.get(place, 0) | ahead
            place = (place[0] + across, place[1] + down)
            strokes[place] = strokes.get(place, 0) | back


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


def _listed(picture: Flow, columns: int, unicode: bool) -> Sheet:
    """Each box on a line, with what is wired to it."""
    lines: list[Line] = []
    names = {node.name: node.lines[0] for node in picture.nodes}
    arrow = "←" if unicode else "<-"
    for node in sorted(picture.nodes, key=lambda each: (each.column, each.row)):
        sources = [
            f"{names[wire.start]} ({wire.label})" if wire.label else names[wire.start]
            for wire in picture.wires
            if wire.end == node.name
        ]
        text = ", ".join(node.lines) + (f" {arrow} {' and '.join(sources)}" if sources else "")
        first, *rest = wrap(text, columns - 2) or [""]
        lines += [(Span(first, node.kind),), *(line("  " + part, node.kind) for part in rest)]
    return tuple(lines)
