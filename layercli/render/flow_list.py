"""A flow in words, for where there is no room for boxes: each on a line, with what goes into it."""

from __future__ import annotations

from textwrap import wrap

from layercli.explain.diagram import Flow, Node
from layercli.render.strokes import Line, Sheet, line

_SPACE = "\xa0"
"""A blank at which no line is broken."""


def listed(picture: Flow, columns: int, unicode: bool) -> Sheet:
    """The boxes in the order of the flow; what signs join is written as it is in formulas, where it is used."""
    arrow = "←" if unicode else "<-"
    lines: list[Line] = []
    for node in sorted(picture.nodes, key=lambda each: (each.column, each.row)):
        if node.kind == "join" and any(wire.start == node.name for wire in picture.wires):
            continue
        head, *more = map(_whole, node.lines)
        text = f"{head}: {', '.join(more)}" if more else head
        sources = _sources(picture, node)
        text += f" {arrow}{_SPACE}{sources}" if sources else ""
        parts = wrap(text, columns, subsequent_indent="    ", break_on_hyphens=False)
        lines += [line(part.replace(_SPACE, " "), node.kind) for part in parts]
    return tuple(lines)


def _whole(text: str) -> str:
    return text.replace(" ", _SPACE)


def _sources(picture: Flow, node: Node) -> str:
    """What goes into a box, with its shape where one is written on a wire."""
    nodes = {each.name: each for each in picture.nodes}
    wires = [wire for wire in picture.wires if wire.end == node.name]
    if node.kind == "join":
        sign = node.lines[0]
        parts = [_named(picture, nodes[wire.start], inner=sign != "+" or len(wires) == 1) for wire in wires]
        return f"{sign}{parts[0]}" if len(parts) == 1 else f"{_SPACE}{sign} ".join(parts)
    return ", ".join(
        _named(picture, nodes[wire.start]) + (f"{_SPACE}({wire.label})" if wire.label else "") for wire in wires
    )


def _named(picture: Flow, node: Node, inner: bool = False) -> str:
    """A box where it is used; ``inner``: where a sign binds more than a sum would."""
    name = _sources(picture, node) if node.kind == "join" else _whole(node.lines[0])
    return f"({name})" if inner and ("+" in name or node.kind == "join") else name
