"""On a narrow screen: which of the panes that share a place is at the front."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static


class Views(Horizontal):
    """Their names side by side; a click brings one to the front."""

    class Chosen(Message):
        """A pane is wanted at the front."""

        def __init__(self, view: str) -> None:
            self.view = view
            super().__init__()

    def __init__(self, views: Sequence[str], id: str) -> None:
        super().__init__(id=id)
        self._views = views

    def compose(self) -> ComposeResult:
        """A label for each, with the letter that brings it to the front."""
        for view in self._views:
            yield Static(f"{view[0]} {view.capitalize()}", classes=view, markup=False)

    def show(self, front: str) -> None:
        """Marks the one that is at the front."""
        for view in self._views:
            self.query_one(f".{view}").set_class(view == front, "-front")

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        for view in self._views:
            if event.widget is not None and event.widget.has_class(view):
                self.post_message(self.Chosen(view))
