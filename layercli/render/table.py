"""The report drawn for a terminal with rich, and the same picture as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from layercli.render.blocks import Block, Cell, Drawing, Facts, Heading, Line, Table, View
from layercli.render.layout import layout
from layercli.render.tree import FIRST, INDENT, MERGE, NEXT, ON
from layercli.report import Report

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from layercli.render.strokes import Span

STYLES = {"good": "green", "bad": "bold red", "dim": "dim", "strong": "bold", "note": "yellow", "": ""}
SIDE_BY_SIDE = 110
"""Columns from which a formula and its numbers stand side by side rather than one under the other."""
ON_ONE_LINE = 30
"""Characters up to which a formula and its numbers share a line where they stand in one column."""


def renderable(report: Report, view: View = View(), waiting: bool = False, error: bool = False) -> RenderableType:
    """The report as something that rich prints."""
    from rich.console import Group

    return Group(*(_Drawn(block) for block in layout(report, view, waiting, error)))


def block_of(block: Block) -> RenderableType:
    """One block as something that rich prints."""
    return _Drawn(block)


def drawn(block: Block) -> Iterator[RenderableType]:
    """A block with air around it, where blocks make a page."""
    if isinstance(block, Heading):
        yield ""
    yield _Drawn(block)
    if isinstance(block, (Line, Drawing)):
        yield ""


class _Drawn:
    """A block that is drawn when the width is known."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def __rich_console__(self, console: Console, options: Any) -> Any:
        yield _draw(self.block, options.max_width)


def _draw(block: Block, width: int) -> RenderableType:
    from rich.table import Table as Grid
    from rich.text import Text

    if isinstance(block, Drawing):
        return _picture(block, width)
    if isinstance(block, Heading):
        return Text(block.text, "bold cyan")
    if isinstance(block, Line):
        return Text(block.text, STYLES[block.style])
    if isinstance(block, Facts):
        grid = Grid.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, cell in block.items:
            grid.add_row(name, _text(cell))
        return grid
    return _table(block, width)


MARKS = {
    "tap": "black on yellow", "out": "black on green", "win": "bold white on red", "pad": "dim", "off": "dim strike",
    "one": "black on cyan", "two": "black on magenta", "three": "black on blue", "tensor": "cyan", "op": "",
    "gate": "yellow", "join": "bold", "shape": "green", "shade0": "", "shade1": "on grey19", "shade2": "on grey35",
    "shade3": "black on grey58", "shade4": "black on grey78",
    "tap sign": "yellow", "out sign": "bold green", "win sign": "bold red", "pad sign": "dim", "off sign": "dim",
    "one sign": "cyan", "two sign": "magenta", "three sign": "blue",
    **{f"curve{index}": style for index, style in enumerate(("cyan", "yellow", "green", "magenta", "red", "blue"))},
}  # fmt: skip
"""How what is marked in a picture is coloured; it is told apart without colours too."""


def _picture(block: Drawing, width: int) -> RenderableType:
    from rich.text import Text

    from layercli.render.sketch import sketch

    return Text("\n").join(map(_painted, sketch(block.diagram, width)))


def _painted(line: Sequence[Span]) -> Text:
    from rich.text import Text

    styles = {**STYLES, **MARKS}
    return Text.assemble(*((span.text, styles[span.style]) for span in line))


def painted(sheet: Sequence[Sequence[Span]], coloured: bool) -> list[str]:
    """Lines of a picture as a terminal takes them."""
    if not coloured:
        return ["".join(span.text for span in line).rstrip() for line in sheet]
    from rich.console import Console

    console = Console(width=1000, force_terminal=True, color_system="standard", highlight=False)
    with console.capture() as captured:
        for line in sheet:
            console.print(_painted(line))
    return captured.get().splitlines()


def _table(table: Table, width: int) -> RenderableType:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    stack = table.stack if width < SIDE_BY_SIDE else None
    shown = _room(table, [index for index in range(len(table.columns)) if stack is None or index != stack[1]], width)
    widths = _widths(table, shown, width)
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=True, padding=(0, 1), header_style="dim", show_edge=True)
    for index in shown:
        column = table.columns[index]
        wraps = column.code or (index in widths and not column.right)
        grid.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=not wraps, overflow="fold",
            width=widths.get(index),
        )  # fmt: skip
    for number, row in enumerate(table.rows):
        if table.totals and number == len(table.rows) - table.totals:
            grid.add_section()
        cells = []
        for index in shown:
            cell = _text(row[index], widths.get(index, 0))
            under = row[stack[1]].text if stack and index == stack[0] else ""
            if under and under != f"= {row[index].text}":
                short = len(cell.plain) + len(under) < ON_ONE_LINE
                cell = Text.assemble(
                    cell, " " if short else "\n", (under, STYLES[row[stack[1]].style if stack else ""])
                )
            cells.append(cell)
        grid.add_row(*cells)
    return grid


NARROWEST_CODE, LAST_CODE = 26, 18
"""Characters that a column of code keeps before columns that can be spared are left out, and before the last goes."""
AROUND = 3
"""Characters that a column takes beside its own: a blank on either side, and one between columns."""


def _room(table: Table, columns: list[int], width: int) -> list[int]:
    """The columns that there is room for: those that can be spared go first."""

    def needed(index: int, code: int) -> int:
        widest = _widest(table, index)
        return AROUND + (min(widest, code) if table.columns[index].code else widest)

    while True:
        spared = max(columns, key=lambda index: table.columns[index].spare)
        spare = table.columns[spared].spare
        code = NARROWEST_CODE if spare > 1 else LAST_CODE
        if not spare or 1 + sum(needed(index, code) for index in columns) <= width:
            return columns
        columns = [index for index in columns if index != spared]


_STAGES = ((True, NARROWEST_CODE), (False, 12), (True, 14), (False, 6), (True, 6))
"""Where there is too little room: whether columns of code get narrower, or other text, and to how much, in turn."""


def _widths(table: Table, columns: list[int], width: int) -> dict[int, int]:
    """The widths of a design's columns: a line drawn in front of a cell goes on beside what is wrapped of it."""
    if table.stack is not None:
        return {}
    widths = {index: _widest(table, index) for index in columns}
    excess = 1 + sum(AROUND + taken for taken in widths.values()) - width
    for code, least in _STAGES:
        for index in columns:
            column = table.columns[index]
            if excess > 0 and not column.right and column.code is code and widths[index] > least:
                narrower = max(least, widths[index] - excess)
                excess -= widths[index] - narrower
                widths[index] = narrower
    return widths


def _widest(table: Table, index: int) -> int:
    return max(len(table.columns[index].title), *(len(row[index].whole) for row in table.rows))


def _text(cell: Cell, width: int = 0) -> Any:
    """The cell; where it is wider than ``width``, the line in front of it goes on beside its further lines."""
    from rich.text import Text

    if not cell.lead:
        return Text(cell.text, STYLES[cell.style])
    room = max(1, width - len(cell.lead)) if width else len(cell.text) + 1
    lines = wrap(cell.text, room, break_on_hyphens=False) or [""]
    drawn = Text()
    for number, line in enumerate(lines):
        lead = cell.lead.replace(NEXT, ON).replace(FIRST, ON).replace(MERGE, INDENT) if number else cell.lead
        drawn.append("\n" * bool(number) + lead, "dim").append(line, STYLES[cell.style])
    return drawn


def svg(report: Report, title: str, width: int = 100, view: View = View()) -> str:
    """The terminal's picture as an SVG document."""
    import io

    from rich.console import Console

    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(renderable(report, view))
    return console.export_svg(title=title)
