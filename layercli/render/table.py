"""The report drawn for a terminal with rich, and the same picture as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.render.layout import Block, Cell, Facts, Heading, Line, Table, layout
from layercli.report import Report

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

STYLES = {"good": "green", "bad": "bold red", "dim": "dim", "strong": "bold", "note": "yellow", "": ""}
SIDE_BY_SIDE = 110
"""Columns from which a formula and its numbers stand side by side rather than one under the other."""
ON_ONE_LINE = 30
"""Characters up to which a formula and its numbers share a line where they stand in one column."""


def renderable(report: Report, formulas: bool = False, waiting: bool = False, error: bool = False) -> RenderableType:
    """The report as something that rich prints."""
    from rich.console import Group

    return Group(*(_Drawn(block) for block in layout(report, formulas, waiting, error)))


class _Drawn:
    """A block that is drawn when the width is known."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def __rich_console__(self, console: Console, options: Any) -> Any:
        yield _draw(self.block, options.max_width)


def _draw(block: Block, width: int) -> RenderableType:
    from rich.table import Table as Grid
    from rich.text import Text

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


def _table(table: Table, width: int) -> RenderableType:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    stack = table.stack if width < SIDE_BY_SIDE else None
    shown = [index for index in range(len(table.columns)) if stack is None or index != stack[1]]
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=True, padding=(0, 1), header_style="dim", show_edge=True)
    for index in shown:
        column = table.columns[index]
        grid.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=not column.code, overflow="fold"
        )
    for number, row in enumerate(table.rows):
        if table.totals and number == len(table.rows) - table.totals:
            grid.add_section()
        cells = []
        for index in shown:
            cell = _text(row[index])
            under = row[stack[1]].text if stack and index == stack[0] else ""
            if under and under != f"= {row[index].text}":
                short = len(cell.plain) + len(under) < ON_ONE_LINE
                cell = Text.assemble(
                    cell, " " if short else "\n", (under, STYLES[row[stack[1]].style if stack else ""])
                )
            cells.append(cell)
        grid.add_row(*cells)
    return grid


def _text(cell: Cell) -> Any:
    from rich.text import Text

    return Text(cell.text, STYLES[cell.style])


def svg(report: Report, title: str, width: int = 100, formulas: bool = False) -> str:
    """The terminal's picture as an SVG document."""
    import io

    from rich.console import Console

    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(renderable(report, formulas))
    return console.export_svg(title=title)
