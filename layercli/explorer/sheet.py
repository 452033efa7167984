"""A pane that shows what rich draws: drawn once for its width, so that a key press lays nothing out anew."""

from __future__ import annotations

from rich.console import RenderableType
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class Sheet(ScrollView, can_focus=True):
    """Lines that scroll where there are more than the pane has."""

    def __init__(self, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._shown: RenderableType = ""
        self._lines: list[Strip] = []
        self._width = 0

    def draw(self, renderable: RenderableType) -> None:
        """Shows something else, from its first line where it is shorter than what was looked at."""
        self._shown = renderable
        self._make()

    @property
    def text(self) -> str:
        """All lines, without their colours."""
        return "\n".join(line.text for line in self._lines)

    def on_resize(self) -> None:
        """Draws it for another width."""
        if self._room != self._width:
            self._make()

    @property
    def _room(self) -> int:
        """Columns that there are beside the bar, for which there is always room."""
        return max(1, self.scrollable_content_region.width)

    def _make(self) -> None:
        self._width = self._room
        options = self.app.console_options.update(highlight=False, width=self._width, height=None)
        segments = self.app.console.render(self._shown, options)
        lines = Segment.split_and_crop_lines(segments, self._width, include_new_lines=False, pad=False)
        self._lines = [Strip(line).simplify() for line in lines]  # cells alike are one piece
        self.virtual_size = Size(self._width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        number = y + self.scroll_offset.y
        line = self._lines[number] if number < len(self._lines) else Strip.blank(self._width)
        return line.crop_extend(0, self.size.width, self.rich_style).apply_style(self.rich_style)
