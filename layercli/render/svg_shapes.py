"""Shapes of an SVG document: groups that know their size, put beside and under one another."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

CHARACTER, LINE = 7.2, 18
"""The width of a character and the height of a line, at the size that text is drawn in."""
MARGIN = 16

INK, FAINT, PAPER = "#1f2937", "#6b7280", "#ffffff"
FILLS = {
    "": "#ffffff", "tap": "#fcd34d", "pad": "#e5e7eb", "out": "#6ee7b7", "win": "#fca5a5", "one": "#bfdbfe",
    "two": "#fbcfe8", "three": "#d9f99d", "off": "#f9fafb",
}  # fmt: skip
STROKES = ("#2563eb", "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2")
BOXES = {"tensor": "#dbeafe", "op": "#ffffff", "gate": "#fef3c7", "join": "#f3f4f6"}


class Group(NamedTuple):
    """Elements with the room that they take."""

    width: float
    height: float
    elements: tuple[str, ...] = ()


def number(value: float) -> str:
    """A coordinate, short."""
    return f"{value:.1f}".removesuffix(".0")


def text(
    x: float, y: float, words: str, *, anchor: str = "start", fill: str = INK, bold: bool = False, size: int = 12
) -> str:
    """A line of text; ``y`` is its middle."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{number(x)}" y="{number(y)}" dy=".35em" text-anchor="{anchor}" fill="{fill}" '
        f'font-size="{size}"{weight} xml:space="preserve">{escape(words)}</text>'
    )


def rectangle(
    x: float, y: float, width: float, height: float, fill: str, *, stroke: str = "#9ca3af", radius: float = 0
) -> str:
    """A rectangle with a border."""
    rounded = f' rx="{number(radius)}"' if radius else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"{rounded} '
        f'fill="{fill}" stroke="{stroke}"/>'
    )


def path(points: Sequence[tuple[float, float]], stroke: str, *, width: float = 2, arrow: bool = False) -> str:
    """Straight lines from point to point."""
    steps = " ".join(f"{'L' if index else 'M'}{number(x)} {number(y)}" for index, (x, y) in enumerate(points))
    end = ' marker-end="url(#arrow)"' if arrow else ""
    return f'<path d="{steps}" fill="none" stroke="{stroke}" stroke-width="{number(width)}"{end}/>'


def dot(x: float, y: float, fill: str) -> str:
    """A point that can be seen."""
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="3.5" fill="{fill}" fill-opacity="0.8"/>'


def moved(group: Group, x: float, y: float) -> tuple[str, ...]:
    """Its elements at another place."""
    if not group.elements:
        return ()
    return (f'<g transform="translate({number(x)} {number(y)})">', *group.elements, "</g>")


def beside(groups: Sequence[Group], signs: Sequence[str] = (), gap: float = 28) -> Group:
    """Groups side by side, their middles at one height, with signs between them."""
    height = max((group.height for group in groups), default=0)
    x = 0.0
    found: list[str] = []
    for index, group in enumerate(groups):
        if index:
            sign = signs[index - 1] if signs else ""
            room = gap + CHARACTER * 1.4 * len(sign)
            if sign:
                found.append(text(x + room / 2, height / 2, sign, anchor="middle", size=18, fill=FAINT))
            x += room
        found += moved(group, x, (height - group.height) / 2)
        x += group.width
    return Group(x, height, tuple(found))


def above(groups: Sequence[Group], gap: float = 20) -> Group:
    """Groups one under the other."""
    y = 0.0
    found: list[str] = []
    for index, group in enumerate(groups):
        y += gap if index else 0
        found += moved(group, 0, y)
        y += group.height
    return Group(max((group.width for group in groups), default=0), y, tuple(found))


def lines(words: Sequence[str], *, fill: str = INK, bold: bool = False) -> Group:
    """Lines of text."""
    widest = max(map(len, words), default=0)
    elements = (text(0, LINE * (index + 0.5), line, fill=fill, bold=bold) for index, line in enumerate(words))
    return Group(widest * CHARACTER, LINE * len(words), tuple(elements))


def document(group: Group, title: str, script: Sequence[str] = ()) -> str:
    """A whole SVG document around a group; ``script`` are further elements, such as a style that moves things."""
    width, height = group.width + 2 * MARGIN, group.height + 2 * MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(width)}" height="{number(height)}" '
        f'viewBox="0 0 {number(width)} {number(height)}" role="img" aria-label="{escape(title, quote=True)}" '
        "font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">"
    )
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="{FAINT}"/></marker></defs>'
    )
    paper = f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>'
    body = [head, f"<title>{escape(title)}</title>", arrow, *script, paper, *moved(group, MARGIN, MARGIN), "</svg>"]
    return "\n".join(body) + "\n"
