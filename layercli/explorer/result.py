"""The result: shapes and torch's mark in one line, then all figures with their formulas, or what is wrong."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from layercli.errors import LayerError
from layercli.explorer.answers import Answer
from layercli.explorer.told import Told
from layercli.render.errors import describe
from layercli.render.table import STYLES, drawn


class Result(VerticalScroll):
    """The pane of the result."""

    def compose(self) -> ComposeResult:
        """The line and what stands under it."""
        self.border_title = "Result"
        yield Static(id="head")
        yield Static(id="figures")

    def show(self, answer: Answer, told: Told) -> None:
        """What the formulas say, and what torch does."""
        head, figures = self.query_one("#head", Static), self.query_one("#figures", Static)
        if answer.error is not None:
            head.update(Text("no output", "bold red"))
            figures.update(wrong(answer.error))
            return
        mark = told.mark()
        head.update(Text.assemble((answer.output, "bold"), "  ", (mark.text, STYLES[mark.style])))
        figures.update(Group(*(part for block in told.blocks() for part in drawn(block))))


def wrong(error: LayerError) -> Text:
    """What is wrong, where, and how to mend it."""
    text = Text()
    for line in describe(error).splitlines():
        fix = line.startswith("  fix: ")
        text.append(line.removeprefix("error: ") + "\n", "bold" if fix else "red")
    return text
