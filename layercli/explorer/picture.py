"""The picture of the layer for the very numbers that are typed."""

from __future__ import annotations

from rich.text import Text

from layercli.explain.diagram import Diagram, Nothing
from layercli.explorer.sheet import Sheet
from layercli.render.blocks import Drawing
from layercli.render.table import drawn


class Picture(Sheet):
    """The pane of the picture; it scrolls where the picture is larger."""

    BORDER_TITLE = "Picture"

    def show(self, drawing: Diagram | Nothing, at: tuple[int, ...] | None) -> None:
        """Draws it, or says why there is nothing to draw."""
        self.border_title = "Picture" if at is None else f"Picture: cell {','.join(map(str, at))}"
        if isinstance(drawing, Nothing):
            self.draw(Text(f"nothing to draw: {drawing.why}", "dim"))
        else:
            self.draw(next(iter(drawn(Drawing(drawing)))))
