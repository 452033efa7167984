"""The picture of the layer for the very numbers that are typed."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.widgets import Static

from layercli.explain.diagram import Diagram, Nothing
from layercli.render.blocks import Drawing
from layercli.render.table import drawn


class Picture(ScrollableContainer):
    """The pane of the picture; it scrolls where the picture is larger."""

    def compose(self) -> ComposeResult:
        """One drawing."""
        self.border_title = "Picture"
        yield Static(id="drawing")

    def show(self, drawing: Diagram | Nothing, at: tuple[int, ...] | None) -> None:
        """Draws it, or says why there is nothing to draw."""
        self.border_title = "Picture" if at is None else f"Picture: cell {','.join(map(str, at))}"
        sheet = self.query_one("#drawing", Static)
        if isinstance(drawing, Nothing):
            sheet.update(Text(f"nothing to draw: {drawing.why}", "dim"))
        else:
            sheet.update(next(iter(drawn(Drawing(drawing)))))
