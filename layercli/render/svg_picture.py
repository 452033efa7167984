"""A picture as SVG: real cells, curves and boxes, not a photograph of the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from layercli.explain.diagram import Above, Bars, Beside, Cell, Diagram, Flow, Grid, Picture, Plot
from layercli.render.flow_layout import laid
from layercli.render.sketch_plot import number as axis_number
from layercli.render.svg_shapes import (
    BOXES,
    CHARACTER,
    FAINT,
    FILLS,
    INK,
    LINE,
    STROKES,
    Group,
    above,
    beside,
    document,
    dot,
    lines,
    path,
    rectangle,
    text,
)

CELL = 26
WIDEST = 900
"""Pixels beyond which pictures side by side are put one under the other."""


def svg(diagram: Diagram, title: str) -> str:
    """The picture and its key as an SVG document."""
    return document(
        above([draw(diagram.picture), _legend(diagram.key)]) if diagram.key else draw(diagram.picture), title
    )


def animated(diagram: Diagram, title: str, seconds: float = 0.6) -> str:
    """All frames of a picture as one SVG document that shows them in turn, again and again."""
    frames = diagram.frames or (diagram.picture,)
    drawn = [draw(frame) for frame in frames]
    width, height = max(group.width for group in drawn), max(group.height for group in drawn)
    whole = seconds * len(frames)
    share = 100 / len(frames)
    style = (
        f"<style>.frame{{visibility:hidden;animation:show {whole:.2f}s step-end infinite}}"
        f"@keyframes show{{0%{{visibility:visible}}{share:.4f}%{{visibility:hidden}}}}</style>"
    )
    parts = [
        part
        for index, group in enumerate(drawn)
        for part in (
            f'<g class="frame" style="animation-delay:{index * seconds - whole:.2f}s">', *group.elements, "</g>"
        )
    ]  # fmt: skip
    moving = Group(width, height, tuple(parts))
    return document(above([moving, _legend(diagram.key)]) if diagram.key else moving, title, (style,))


def draw(picture: Picture) -> Group:
    """Any picture."""
    if isinstance(picture, Beside):
        body = _beside(picture)
    elif isinstance(picture, Above):
        body = above([draw(part) for part in picture.parts])
    elif isinstance(picture, Grid):
        body = _grid(picture)
    elif isinstance(picture, Plot):
        body = _plot(picture)
    elif isinstance(picture, Bars):
        body = _bars(picture)
    else:
        assert isinstance(picture, Flow)
        body = _flow(picture)
    parts = [body]
    room = int(max(body.width, 220) / CHARACTER)
    if picture.title:
        parts.insert(0, lines(wrap(picture.title, room), bold=True))
    if picture.note:
        parts.append(lines(wrap(picture.note, room), fill=FAINT))
    return above(parts, 6) if len(parts) > 1 else body


def _beside(picture: Beside) -> Group:
    groups = [draw(part) for part in picture.parts]
    row = beside(groups, picture.signs)
    return row if row.width <= WIDEST else above(groups)


def _legend(key: Sequence[tuple[str, str]]) -> Group:
    groups = []
    for mark, meaning in key:
        box = rectangle(0, 2, 14, 14, FILLS[mark])
        groups.append(Group(22 + len(meaning) * CHARACTER, LINE, (box, text(22, LINE / 2, meaning, fill=FAINT))))
    rows, row = [], groups[:1]
    for group in groups[1:]:
        if sum(each.width + 18 for each in row) + group.width > WIDEST * 0.7:
            rows.append(beside(row, gap=18))
            row = []
        row.append(group)
    return above([*rows, beside(row, gap=18)], 4)


# --- cells -----------------------------------------------------------------------------------------------------------


def _grid(grid: Grid) -> Group:
    longest = max((len(cell.text) for row in grid.rows for cell in row), default=0)
    side = CELL if longest or len(grid.rows) < 14 else CELL - 8
    width = max(side, longest * CHARACTER + 10, *(len(name) * CHARACTER + 6 for name in grid.above), 0)
    head = max((len(name) for name in grid.left), default=0) * CHARACTER
    x0, y0 = (head + 8 if head else 0), (LINE if grid.above else 0)
    found = [
        text(x0 + (i + 0.5) * width, LINE / 2, name, anchor="middle", fill=FAINT) for i, name in enumerate(grid.above)
    ]
    for r, row in enumerate(grid.rows):
        y = y0 + r * side
        if head:
            found.append(text(head, y + side / 2, grid.left[r], anchor="end", fill=FAINT))
        for c, cell in enumerate(row):
            x = x0 + c * width
            found.append(rectangle(x, y, width, side, _fill(cell)))
            if cell.text:
                faint = cell.mark in ("pad", "off")
                found.append(
                    text(
                        x + width / 2, y + side / 2, cell.text, anchor="middle", fill=FAINT if faint else INK,
                        bold=cell.mark in ("win", "out"),
                    )
                )  # fmt: skip
    columns = len(grid.rows[0]) if grid.rows else 0
    return Group(x0 + columns * width, y0 + len(grid.rows) * side, tuple(found))


def _fill(cell: Cell) -> str:
    if cell.shade is None or cell.mark:
        return FILLS[cell.mark]
    low, high = (255, 255, 255), (59, 130, 246)
    return "#" + "".join(f"{round(a + (b - a) * cell.shade):02x}" for a, b in zip(low, high))


def _bars(bars: Bars) -> Group:
    head = max((len(bar.name) for bar in bars.bars), default=0) * CHARACTER + 10
    most = max((bar.value for bar in bars.bars), default=0) or 1
    room, found = 320.0, []
    for index, bar in enumerate(bars.bars):
        y = index * (LINE + 6)
        length = max(1, bar.value / most * room)
        found += [
            text(head - 8, y + LINE / 2, bar.name, anchor="end", fill=FAINT),
            rectangle(head, y, length, LINE, FILLS[bar.mark or "one"]),
            text(head + length + 8, y + LINE / 2, bar.text),
        ]
    tail = max((len(bar.text) for bar in bars.bars), default=0) * CHARACTER + 12
    return Group(head + room + tail, len(bars.bars) * (LINE + 6) - 6, tuple(found))


# --- curves ----------------------------------------------------------------------------------------------------------


def _plot(picture: Plot) -> Group:
    width, height, margin = 460.0, 260.0, 56.0
    (left, right), (low, high) = picture.x, picture.y

    def place(x: float, y: float) -> tuple[float, float]:
        return margin + (x - left) / (right - left) * width, (high - y) / (high - low) * height

    found = [rectangle(margin, 0, width, height, "#ffffff", stroke="#d1d5db")]
    if low < 0 < high:
        found.append(path([place(left, 0), place(right, 0)], "#d1d5db", width=1))
    if left < 0 < right:
        found.append(path([place(0, low), place(0, high)], "#d1d5db", width=1))
    for y in (low, (low + high) / 2, high):
        found.append(text(margin - 8, place(left, y)[1], axis_number(y), anchor="end", fill=FAINT))
    for x in (left, (left + right) / 2, right):
        found.append(text(place(x, low)[0], height + 14, axis_number(x), anchor="middle", fill=FAINT))
    if picture.x_name:
        found.append(text(margin + width, height + 32, picture.x_name, anchor="end", fill=FAINT))
    for index, curve in enumerate(picture.curves):
        colour = STROKES[index % len(STROKES)]
        at = 12 + index * LINE
        if curve.dots:
            places = [place(along, up) for along, up in curve.points if up is not None]
            found += [dot(*each, colour) for each in (*places, (margin + 22, at))]
            found.append(text(margin + 40, at, curve.name))
            continue
        run: list[tuple[float, float]] = []
        for along, up in [*curve.points, (right, None)]:
            if up is not None and low <= up <= high:
                run.append(place(along, up))
            elif run:
                found.append(path(run, colour))
                run = []
        found += [path([(margin + 10, at), (margin + 34, at)], colour), text(margin + 40, at, curve.name)]
    return Group(margin + width + 12, height + (40 if picture.x_name else 24), tuple(found))


# --- boxes -----------------------------------------------------------------------------------------------------------

_COLUMN, _ROW = 8.0, 17.0
"""Pixels of a character and of a line of the layout."""


def _flow(picture: Flow) -> Group:
    found = laid(picture)
    drawn = []
    for each in found.paths:
        *corners, end = [(x * _COLUMN + 4, y * _ROW + _ROW / 2) for x, y in each.corners]
        corners[0] = (corners[0][0] - 4, corners[0][1])
        drawn.append(path([*corners, (end[0] + 4, end[1])], FAINT, width=1.4, arrow=True))
        if each.wire.label:
            column, row = each.label
            drawn.append(text(column * _COLUMN, row * _ROW, each.wire.label, fill="#1d4ed8", size=11))
    for box in found.boxes:
        x, y, width, height = box.left * _COLUMN, box.top * _ROW, box.width * _COLUMN, box.height * _ROW
        if box.node.kind == "join":
            drawn.append(
                f'<circle cx="{x + width / 2:.1f}" cy="{y + height / 2:.1f}" r="11" fill="{BOXES["join"]}" '
                f'stroke="{FAINT}"/>'
            )
        else:
            drawn.append(rectangle(x, y, width, height, BOXES[box.node.kind], stroke=FAINT, radius=6))
        count = len(box.node.lines)
        drawn += [
            text(
                x + width / 2, y + height / 2 + (index - (count - 1) / 2) * _ROW, words, anchor="middle",
                fill=INK if index == 0 else FAINT, bold=index == 0 and box.node.kind != "join",
            )
            for index, words in enumerate(box.node.lines)
        ]  # fmt: skip
    return Group(found.width * _COLUMN, found.height * _ROW, tuple(drawn))
