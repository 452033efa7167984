"""A picture in characters, for a terminal and for text: Unicode or ASCII alone, never wider than it may be."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from layercli.explain.diagram import Above, Bars, Beside, Cell, Diagram, Flow, Grid, Picture, Plot
from layercli.render.sketch_flow import flow
from layercli.render.sketch_plot import plot
from layercli.render.strokes import Line, Sheet, Span, beside, filled, length, line, under, width

_AROUND = {
    "": (" ", " "), "tap": ("[", "]"), "win": ("*", "*"), "out": ("<", ">"), "pad": (":", ":"), "off": (" ", " "),
    "one": (" ", " "), "two": ("(", ")"), "three": ("{", "}"),
}  # fmt: skip
"""What stands before and behind the text of a cell, so that marks are seen without colours."""
_EMPTY = {
    "": "·", "tap": "█", "win": "*", "out": "◆", "pad": "░", "off": " ", "one": "A", "two": "B", "three": "C"
}  # fmt: skip
"""What stands in a cell without a text."""
_EMPTY_ASCII = {**_EMPTY, "": ".", "tap": "#", "out": "O", "pad": ":"}
_SHADES = " ░▒▓█"
_SHADES_ASCII = " .:*#"
_CUT = "…"
_SIGNS_ASCII = {"→": "->", "←": "<-", "×": "x", "·": "*", "↓": "v"}


class Pen:
    """What a drawing is made with: the characters that there are, and the columns that it may take."""

    def __init__(self, columns: int, unicode: bool = True) -> None:
        self.columns, self.unicode = columns, unicode

    @property
    def cut(self) -> str:
        """What stands where something is left out."""
        return _CUT if self.unicode else "..."

    def empty(self, mark: str) -> str:
        """What stands in a cell without a text."""
        return (_EMPTY if self.unicode else _EMPTY_ASCII)[mark]

    def shade(self, strength: float) -> str:
        """A character as dark as this."""
        shades = _SHADES if self.unicode else _SHADES_ASCII
        return shades[min(len(shades) - 1, round(strength * (len(shades) - 1)))]

    def narrower(self, by: int) -> Pen:
        """The same with fewer columns."""
        return Pen(max(1, self.columns - by), self.unicode)


def sketch(diagram: Diagram, columns: int, unicode: bool = True) -> Sheet:
    """The picture and what its marks mean, in lines of at most so many characters."""
    pen = Pen(columns, unicode)
    sheet = draw(diagram.picture, pen)
    legend = _legend(diagram.key, pen, _texts(diagram.picture))
    return (*sheet, (), *legend) if legend else sheet


def frame(picture: Picture, columns: int, unicode: bool = True) -> Sheet:
    """A picture without its key."""
    return draw(picture, Pen(columns, unicode))


def _texts(picture: Picture) -> set[str]:
    """The marks of cells with a text in them."""
    if isinstance(picture, (Beside, Above)):
        return {mark for part in picture.parts for mark in _texts(part)}
    cells = [cell for row in picture.rows for cell in row] if isinstance(picture, Grid) else []
    return {cell.mark for cell in cells if cell.text}


def _legend(key: Sequence[tuple[str, str]], pen: Pen, texts: set[str]) -> Sheet:
    lines: list[Line] = []
    now: list[Span] = []
    for mark, meaning in key:
        before, behind = _AROUND[mark]
        sign = f"{before}n{behind}".strip() if mark in texts else pen.empty(mark).strip() or "blank"
        item = [Span(sign, mark if mark in texts else _sign(mark)), Span(f" {meaning}", "dim")]
        gap = [Span("   ")] if now else []
        if now and length((*now, *gap, *item)) > pen.columns:
            lines.append(tuple(now))
            now, gap = [], []
        now += [*gap, *item]
    lines.append(tuple(now))
    return tuple(part for each in lines if each for part in _folded(each, pen.columns))


def _sign(mark: str) -> str:
    """The style of a sign that stands for a cell: a colour of its own, not one behind it."""
    return f"{mark} sign" if mark else ""


def _folded(given: Line, columns: int) -> list[Line]:
    """A line that is too long as several, broken between words of its last span."""
    if length(given) <= columns:
        return [given]
    *head, last = given
    room = max(8, columns - length(tuple(head)))
    parts = wrap(last.text.strip(), room)
    first = (*head, Span(" " + parts[0], last.style)) if head else (Span(parts[0], last.style),)
    return [tuple(first), *(line("  " + part, last.style) for part in parts[1:])]


def draw(picture: Picture, pen: Pen) -> Sheet:
    """Any picture."""
    if isinstance(picture, Beside):
        body = _beside(picture, pen)
    elif isinstance(picture, Above):
        body = under(draw(part, pen) for part in picture.parts)
    elif isinstance(picture, Grid):
        body = _grid(picture, pen)
    elif isinstance(picture, Plot):
        body = plot(picture, pen.columns, pen.unicode)
    elif isinstance(picture, Bars):
        body = _bars(picture, pen)
    else:
        assert isinstance(picture, Flow)
        body = flow(picture, pen.columns, pen.unicode)
    title = tuple(line(part, "strong") for part in _wrapped(picture.title, pen, body))
    note = tuple(line(part, "dim") for part in _wrapped(picture.note, pen, body))
    return (*title, *body, *note)


def _wrapped(text: str, pen: Pen, body: Sheet) -> list[str]:
    """A title or note, not much wider than what it belongs to."""
    return wrap(text, min(pen.columns, max(width(body), 24)))


def _beside(picture: Beside, pen: Pen) -> Sheet:
    signs = [sign if pen.unicode else _SIGNS_ASCII.get(sign, sign) for sign in picture.signs]
    gaps = [f" {sign} " if sign else "   " for sign in signs] or ["   "] * (len(picture.parts) - 1)
    sheets = [draw(part, pen) for part in picture.parts]
    rows: list[Sheet] = []
    held: list[Sheet] = []
    between: list[str] = []
    for number, sheet in enumerate(sheets):
        gap = gaps[number - 1] if held else ""
        if held and width(beside([*held, sheet], [*between, gap])) > pen.columns:
            rows.append(beside(held, between))
            held, between, gap = [], [], ""
            sign = gaps[number - 1].strip()
            if sign:
                rows.append((line(f"  {sign}"),))
        held.append(sheet)
        between += [gap] if gap else []
    return under([*rows, beside(held, between)])


# --- cells -----------------------------------------------------------------------------------------------------------


def _grid(grid: Grid, pen: Pen) -> Sheet:
    if not grid.rows:
        return ()
    bare = not any(cell.text for row in grid.rows for cell in row)
    inner = 1 if bare else max(len(cell.text) for row in grid.rows for cell in row)
    widest = max(inner + (0 if bare else 2), *(len(name) for name in grid.above), 1)
    head = max((len(name) for name in grid.left), default=0)
    each = widest + (1 if bare else 0)
    shown = _shown(grid, max(1, (pen.columns - head - (2 if head else 0)) // max(1, each)))
    lines: list[Line] = []
    if grid.above:
        names = tuple(Span(_place(grid.above, index, pen).center(widest) + " " * bare, "dim") for index in shown)
        lines.append((Span(" " * (head + 2 if head else 0)), *names))
    for number, row in enumerate(grid.rows):
        name = f"{grid.left[number]:>{head}}  " if head else ""
        cells = tuple(_cell(row[i], inner, bare, pen) if i >= 0 else Span(pen.cut[:1].center(each)) for i in shown)
        lines.append((Span(name, "dim"), *cells) if name else cells)
    return tuple(lines)


def _place(names: Sequence[str], index: int, pen: Pen) -> str:
    return pen.cut[:1] if index < 0 else names[index]


def _cell(cell: Cell, inner: int, bare: bool, pen: Pen) -> Span:
    style = cell.mark or (f"shade{round(cell.shade * 4)}" if cell.shade is not None else "")
    if bare:
        sign = pen.shade(cell.shade) if cell.shade is not None and not cell.mark else pen.empty(cell.mark)
        return Span(sign + " ", _sign(cell.mark) or style)
    before, behind = _AROUND[cell.mark]
    if not cell.text and cell.mark == "pad":
        return Span(f" {pen.empty('pad'):^{inner}} ", style)
    return Span(f"{before}{cell.text:^{inner}}{behind}", style)


def _shown(grid: Grid, room: int) -> list[int]:
    """The columns that there is room for, a -1 where some are left out: those with a mark, and their neighbours."""
    count = len(grid.rows[0])
    if count <= room:
        return list(range(count))
    marked = [index for index in range(count) if any(row[index].mark in ("tap", "win", "out") for row in grid.rows)]
    middle = (marked[0] + marked[-1]) // 2 if marked else 0
    room = max(1, room - 2)
    start = min(max(0, middle - room // 2), count - room)
    shown = list(range(start, start + room))
    return [*([-1] if start else []), *shown, *([-1] if start + room < count else [])]


def _bars(bars: Bars, pen: Pen) -> Sheet:
    head = max((len(bar.name) for bar in bars.bars), default=0)
    tail = max((len(bar.text) for bar in bars.bars), default=0)
    room = max(4, min(40, pen.columns - head - tail - 4))
    most = max((bar.value for bar in bars.bars), default=0) or 1
    full = "█" if pen.unicode else "#"
    return tuple(
        (
            Span(f"{bar.name:>{head}}  ", "dim"), Span(full * round(bar.value / most * room), _sign(bar.mark or "one")),
            Span(f" {bar.text}"),
        )
        for bar in bars.bars
    )  # fmt: skip


__all__ = ["filled", "frame", "sketch"]
