"""Aligned text without any drawing: what a pipe, a dumb terminal and ``repr`` get. Never wrapped, never cut."""

from __future__ import annotations

from layercli.render.blocks import Block, Drawing, Facts, Heading, Line, Table, View
from layercli.render.layout import layout
from layercli.report import Report

_ASCII = {
    "✓": "ok", "✗": "DIFFERS", "…": "...", "┌ ": "/ ", "├ ": "+ ", "│ ": "| ", "└ ": "\\ ", "█": "#",
    **dict.fromkeys("▏▎▍▌", "."), **dict.fromkeys("▋▊▉", "#"),
}  # fmt: skip


def plain(report: Report, view: View = View(), error: bool = False) -> str:
    """The whole report as text, without a last newline."""
    return "\n".join(write(block) for block in layout(report, view, error=error))


def write(block: Block, columns: int = 100, unicode: bool = True) -> str:
    """One block as lines of text; a picture takes at most so many columns."""
    if isinstance(block, Drawing):
        from layercli.render.sketch import sketch

        sheet = sketch(block.diagram, columns, unicode)
        return "\n".join("".join(span.text for span in line).rstrip() for line in sheet)
    if isinstance(block, Heading):
        return block.text
    if isinstance(block, Line):
        return block.text
    if isinstance(block, Facts):
        width = max((len(name) for name, _ in block.items), default=0)
        return "\n".join(f"{name:<{width}}  {cell.text}" for name, cell in block.items)
    return _table(block)


def _table(table: Table) -> str:
    lines = [[column.title for column in table.columns], *[[cell.whole for cell in row] for row in table.rows]]
    widths = [max(len(line[index]) for line in lines) for index in range(len(table.columns))]
    return "\n".join(
        "  ".join(
            f"{text:>{width}}" if column.right else f"{text:<{width}}"
            for text, width, column in zip(line, widths, table.columns)
        ).rstrip()
        for line in lines
    )


def ascii_only(text: str) -> str:
    """The text for a stream that has no other characters."""
    for mark, word in _ASCII.items():
        text = text.replace(mark, word)
    return text.encode("ascii", "backslashreplace").decode("ascii")
