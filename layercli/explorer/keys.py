"""The keys of the layer as fields: arrows step, Enter or a digit types."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Static

from layercli.explorer.fields import Field

LESS, MORE = "◂", "▸"
NAMES = 9
"""Columns that names take at least."""


class KeyField(Horizontal, can_focus=True):
    """A line: the name, the value between two arrows, what it means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "step(-1)", "Less", show=False),
        Binding("right,plus,space", "step(1)", "More", show=False),
        Binding("shift+left", "step(-10)", "Less", show=False),
        Binding("shift+right", "step(10)", "More", show=False),
        Binding("up", "go(-1)", "Key before", show=False),
        Binding("down", "go(1)", "Next key", show=False),
        Binding("enter", "edit", "Type", show=False),
        Binding("backspace,delete", "leave_out", "Default", show=False),
        Binding("escape", "undo", "Back", show=False),
    ]

    class Stepped(Message):
        """A value is to go so many steps on."""

        def __init__(self, field: Field, by: int) -> None:
            self.field, self.by = field, by
            super().__init__()

    class Typed(Message):
        """A value was typed; empty to leave it out."""

        def __init__(self, field: Field, text: str) -> None:
            self.field, self.text = field, text
            super().__init__()

    def __init__(self, field: Field, width: int) -> None:
        super().__init__()
        self.field, self._width = field, width
        self._before = ""

    def compose(self) -> ComposeResult:
        """The name, the value, and what the value is typed into."""
        name = Static(self.field.name, classes="name", markup=False)
        name.styles.width = self._width
        yield name
        yield Static(classes="value")
        edit = Input(select_on_focus=False, compact=True)
        edit.cursor_blink = False
        yield edit

    def on_mount(self) -> None:
        """Shows the value."""
        self.show(self.field)

    def show(self, field: Field) -> None:
        """Takes another value over."""
        self.field = field
        style = "bold" if field.told else "dim"
        line = Text.assemble(
            (f"{LESS} ", "dim"), (field.value, style), (f" {MORE}", "dim"), no_wrap=True, overflow="ellipsis"
        )
        line.append(" " * max(2, 16 - len(line)) + field.meaning, "dim")
        self.query_one(".value", Static).update(line, layout=False)

    @property
    def editing(self) -> bool:
        """Whether a value is being typed."""
        return self.has_class("-editing")

    def action_step(self, by: int) -> None:
        """Goes so many steps on."""
        self.post_message(self.Stepped(self.field, by))

    def action_go(self, by: int) -> None:
        """To the field above or below."""
        self._done()
        (self.screen.focus_previous if by < 0 else self.screen.focus_next)(KeyField)

    def action_leave_out(self) -> None:
        """Back to the default."""
        if not self.editing:
            self.post_message(self.Typed(self.field, ""))

    def action_edit(self, text: str | None = None) -> None:
        """Opens the value to be typed, or takes what was typed."""
        if self.editing:
            self._done()
            self.focus()
            return
        self._before = self.field.value if self.field.told else ""
        self.add_class("-editing")
        edit = self.query_one(Input)
        edit.value = self._before if text is None else text
        edit.cursor_position = len(edit.value)
        edit.focus()

    def action_undo(self) -> None:
        """Leaves what was typed."""
        if self.editing:
            self.post_message(self.Typed(self.field, self._before))
            self._done()
            self.focus()

    def _done(self) -> None:
        self.remove_class("-editing")

    def on_key(self, event: events.Key) -> None:
        """A digit opens the value with it."""
        if not self.editing and event.character and event.character.isdigit():
            event.stop()
            self.action_edit(event.character)
            self.post_message(self.Typed(self.field, event.character))

    def on_click(self, event: events.Click) -> None:
        """An arrow steps; elsewhere the field is chosen, and typed into where it was."""
        where = event.get_content_offset(self.query_one(".value", Static))
        if where is None:
            return
        if where.x < 2:
            self.action_step(-1)
        elif len(self.field.value) + 2 <= where.x < len(self.field.value) + 4:
            self.action_step(1)
        elif event.chain > 1:
            self.action_edit()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.editing:
            self.post_message(self.Typed(self.field, event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_edit()

    @on(events.DescendantBlur)
    def _left(self) -> None:
        self._done()


class Keys(VerticalScroll, can_focus=False):
    """The pane of the keys."""

    def __init__(self, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._layer = ""
        self._lines: list[KeyField] = []

    def show(self, layer: str, summary: str, fields: tuple[Field, ...]) -> None:
        """The keys of a layer."""
        if layer == self._layer:
            for line, field in zip(self._lines, fields):
                if line.field != field:
                    line.show(field)
            return
        inside = any(line.has_focus for line in self._lines)
        width = max(max(len(field.name) for field in fields) + 2, NAMES)
        self._layer, self._lines = layer, [KeyField(field, width) for field in fields]
        self.border_title = f"{layer}: {summary}"
        self.remove_children()
        self.mount_all(self._lines)
        if inside:
            self.take_focus()

    def take_focus(self) -> None:
        """Goes to the first key that was told, or to the first line."""
        told = next((line for line in self._lines if line.field.told and line.field.key), None)
        for line in (told, *self._lines[:1]):
            if line is not None:
                line.focus()
                return
