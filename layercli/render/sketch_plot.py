"""Curves in characters: dots of Braille, eight to a character, or one sign for each curve in ASCII."""

from __future__ import annotations

from layercli.explain.diagram import Curve, Plot
from layercli.render.strokes import Canvas, Line, Sheet, Span, line

HEIGHT = 14
WIDEST = 64
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot of a Braille character, by column and row."""
_SIGNS = "*o+x@%"
_POINTS = "•◆○◇"
_GAPS = ((1, 1), (1, 3), (3, 5), (5, 7), (1, 2), (2, 3))
"""Of so many dots in a row so many are drawn, so that curves are told apart without colours."""


def plot(picture: Plot, columns: int, unicode: bool) -> Sheet:
    """The curves over their axes, and which is which."""
    low, high = picture.y
    labels = [number(high), number((low + high) / 2), number(low)]
    margin = max(map(len, labels))
    across = max(16, min(WIDEST, columns - margin - 3))
    area = _dots(picture, across) if unicode else _signs(picture, across)
    rows: list[Line] = []
    bar, corner, rule = ("│", "└", "─") if unicode else ("|", "+", "-")
    for index, drawn in enumerate(area):
        label = {0: labels[0], HEIGHT // 2: labels[1], HEIGHT - 1: labels[2]}.get(index, "")
        rows.append((Span(f"{label:>{margin}} {bar}", "dim"), *drawn))
    rows.append(line(" " * (margin + 1) + corner + rule * across, "dim"))
    left, right = (number(end) for end in picture.x)
    middle = picture.x_name or number(sum(picture.x) / 2)
    inner = f"{left}{middle:^{max(1, across - len(left) - len(right))}}{right}"
    rows.append(line(" " * (margin + 2) + inner[: columns - margin - 2], "dim"))
    rows += _names(picture, columns, unicode)
    return tuple(rows)


def number(value: float) -> str:
    """A number at an axis."""
    return f"{value:.3g}" if abs(value) < 1e6 else f"{value:.1e}"


def _names(picture: Plot, columns: int, unicode: bool) -> list[Line]:
    lines: list[Line] = []
    now: list[Span] = []
    for index, curve in enumerate(picture.curves):
        sign = _SIGNS[index % len(_SIGNS)] * (1 if curve.dots else 3)
        if unicode:
            sign = _POINTS[index % len(_POINTS)] if curve.dots else _stroke(index)
        item = [Span(sign, _style(index)), Span(f" {curve.name}   ")]
        if now and sum(len(span.text) for span in (*now, *item)) > columns + 3:
            lines.append(tuple(now))
            now = []
        now += item
    return [*lines, tuple(now)]


def _style(index: int) -> str:
    return f"curve{index % 6}"


def _stroke(index: int) -> str:
    drawn, of = _GAPS[index % len(_GAPS)]
    bits = [place % of < drawn for place in range(8)]
    return "".join(chr(0x2800 + 0x02 * bits[2 * i] + 0x10 * bits[2 * i + 1]) for i in range(4))


def _points(curve: Curve, picture: Plot, columns: int, rows: int) -> list[list[tuple[int, int]]]:
    """Runs of places on a raster, from the left, every column of a run having one."""
    (left, right), (low, high) = picture.x, picture.y
    runs: list[list[tuple[int, int]]] = [[]]
    for x, y in curve.points:
        if y is None or not low - (high - low) / rows <= y <= high + (high - low) / rows:
            if runs[-1]:
                runs.append([])
            continue
        column = round((x - left) / (right - left) * (columns - 1))
        row = round((high - y) / (high - low) * (rows - 1))
        runs[-1].append((column, min(rows - 1, max(0, row))))
    return runs


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * n / steps), round(start[1] + (end[1] - start[1]) * n / steps))
        for n in range(steps + 1)
    ]


def _traced(runs: list[list[tuple[int, int]]]) -> list[tuple[int, int]]:
    found: dict[tuple[int, int], None] = {}
    for run in runs:
        for start, end in zip(run, run[1:] or run):
            found.update(dict.fromkeys(_line(start, end)))
    return list(found)


def _places(curve: Curve, picture: Plot, across: int) -> list[tuple[int, int]]:
    """The characters that a curve's points fall on."""
    return [place for run in _points(curve, picture, across, HEIGHT) for place in run]


def _dots(picture: Plot, across: int) -> Sheet:
    bits: dict[tuple[int, int], int] = {}
    styles: dict[tuple[int, int], str] = {}
    for index, curve in enumerate(picture.curves):
        drawn, of = _GAPS[index % len(_GAPS)]
        for place, (column, row) in enumerate(_traced(_points(curve, picture, 2 * across, 4 * HEIGHT))):
            if place % of < drawn and not curve.dots:
                at = (column // 2, row // 4)
                bits[at] = bits.get(at, 0) | _DOTS[column % 2][row % 4]
                styles[at] = _style(index)
    canvas = Canvas(across, HEIGHT)
    for (column, row), dots in bits.items():
        canvas.put(column, row, chr(0x2800 + dots), styles[column, row])
    for index, curve in enumerate(picture.curves):
        if curve.dots:
            for column, row in _places(curve, picture, across):
                canvas.put(column, row, _POINTS[index % len(_POINTS)], _style(index))
    return canvas.sheet()


def _signs(picture: Plot, across: int) -> Sheet:
    canvas = Canvas(across, HEIGHT)
    for index, curve in enumerate(picture.curves):
        places = _places(curve, picture, across)
        for column, row in places if curve.dots else _traced(_points(curve, picture, across, HEIGHT)):
            canvas.put(column, row, _SIGNS[index % len(_SIGNS)], _style(index))
    return canvas.sheet()
