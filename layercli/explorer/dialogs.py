"""Small questions: a path, a step as text, what to copy, whether to leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

Given = TypeVar("Given")


class Dialog(ModalScreen[Given]):
    """A question in front of the panes."""

    def end(self, given: Given) -> None:
        """Closes it with an answer; a further key, pressed before it was gone, does nothing."""
        if self.is_current:
            self.dismiss(given)


class Ask(Dialog[bool]):
    """A line of text. ``attempt`` takes it and says what is wrong; the dialog stays open until nothing is."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, title: str, text: str, hint: str, attempt: Callable[[str], str]) -> None:
        super().__init__()
        self._title, self._text, self._hint, self._attempt = title, text, hint, attempt

    def compose(self) -> ComposeResult:
        """The question, the line, what is wrong with it."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._title, "bold"))
            line = Input(self._text, id="line", select_on_focus=False)
            line.cursor_blink = False
            yield line
            yield Static(classes="wrong", id="wrong")
            yield Static(Text(self._hint), classes="hint")

    def action_cancel(self) -> None:
        """Nothing is done."""
        self.end(False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        wrong = self._attempt(event.value.strip())
        if wrong:
            self.query_one("#wrong", Static).update(Text(wrong))
        else:
            self.end(True)


class Choose(Dialog[str]):
    """One of a few: with the arrow keys and Enter, by its letter, with the mouse."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, title: str, choices: dict[str, str]) -> None:
        """``choices``: what each letter does."""
        super().__init__()
        self._title, self._choices = title, choices

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._title, "bold"))
            yield OptionList(*(Option(self._line(letter), letter) for letter in self._choices))

    def _line(self, letter: str) -> Text:
        return Text.assemble((f" {letter} ", "bold reverse"), f" {self._choices[letter]}")

    def action_cancel(self) -> None:
        """Nothing is chosen."""
        self.end("")

    def on_key(self, event: events.Key) -> None:
        """Its letter chooses an answer."""
        letter = event.character
        if letter is not None and letter in self._choices:
            self.end(letter)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.end(event.option.id or "")
