"""The screen that lists all keys."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from layercli.explorer.dialogs import Dialog

KEYS = {
    "Everywhere": {
        "tab, shift+tab": "the next pane, the one before",
        "/": "to the list of layers",
        "k  r  p  d": "to the keys, the result, the picture, the design",
        "a": "append the layer to the design",
        "[  ]": "look at the output cell before, at the next",
        "c": "copy as spec, PyTorch or JSON",
        "ctrl+z, ctrl+y": "undo and redo what was done to the design",
        "ctrl+o, ctrl+s": "open and save a .layers file",
        "ctrl+t": "the colours",
        "ctrl+p": "every command, by its name",
        "q, ctrl+q": "leave",
    },
    "List of layers": {
        "letters": "narrow it down",
        "up, down": "go on in the list",
        "enter": "take the layer",
        "escape": "all layers again",
    },
    "Keys": {
        "up, down": "the key above, the next",
        "left, right, - +": "one less, one more; the other word",
        "shift+left, shift+right": "ten less, ten more",
        "enter, a digit": "type a value, enter again when it is done, escape to leave it",
        "backspace": "the default again",
    },
    "Design": {
        "up, down": "the step above, the next",
        "enter": "try the step: its keys and its input",
        "=": "put the layer that is tried in its place",
        "e": "edit the step as text",
        "ctrl+up, ctrl+down": "move it",
        "delete, x": "take it out",
    },
}


class Help(Dialog[None]):
    """All keys, by the place where they work."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "close", "Close")]

    def action_close(self) -> None:
        """Back to the panes."""
        self.end(None)

    def compose(self) -> ComposeResult:
        """The table."""
        with Vertical(classes="dialog", id="help"), VerticalScroll():
            yield Static(_table())


def _table() -> Table:
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for number, (place, keys) in enumerate(KEYS.items()):
        table.add_row(Text("\n" * (number > 0) + place, "bold underline"), "")
        for key, does in keys.items():
            table.add_row(Text(key), Text(does))
    return table
