"""The result: shapes and torch's mark in one line, then all figures with their formulas, or what is wrong."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from layercli.errors import LayerError
from layercli.explorer.answers import Answer
from layercli.explorer.sheet import Sheet
from layercli.explorer.told import Told
from layercli.render.errors import describe
from layercli.render.table import STYLES, drawn


class Result(Sheet):
    """The pane of the result."""

    BORDER_TITLE = "Result"

    def show(self, answer: Answer, told: Told) -> None:
        """What the formulas say, and what torch does."""
        if answer.error is not None:
            self.draw(Group(Text("no output", "bold red"), wrong(answer.error)))
            return
        mark = told.mark()
        head = Text.assemble((answer.output, "bold"), "  ", (mark.text, STYLES[mark.style]))
        self.draw(Group(head, *(part for block in told.blocks() for part in drawn(block))))


def wrong(error: LayerError) -> Text:
    """What is wrong, where, and how to mend it."""
    text = Text()
    for line in describe(error).splitlines():
        fix = line.startswith("  fix: ")
        text.append(line.removeprefix("error: ") + "\n", "bold" if fix else "red")
    return text
