"""The list of layers: by family, or those that what is typed may mean."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from layercli.explorer.listing import listed


class _Filter(Input):
    """Where letters narrow the list down; arrow keys go on in the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "list('cursor_down')", "Next layer", show=False),
        Binding("up", "list('cursor_up')", "Layer before", show=False),
        Binding("pagedown", "list('page_down')", show=False),
        Binding("pageup", "list('page_up')", show=False),
        Binding("escape", "clear", "Clear", show=False),
    ]

    def action_list(self, action: str) -> None:
        """Moves in the list, the focus stays here."""
        getattr(self.screen.query_one("#names", OptionList), f"action_{action}")()

    def action_clear(self) -> None:
        """All layers again."""
        self.value = ""


class Layers(Vertical):
    """The pane on the left."""

    class Taken(Message):
        """A layer was taken."""

        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__()

    def compose(self) -> ComposeResult:
        """The filter and the list."""
        self.border_title = "Layers"
        blink = _Filter(placeholder="type to filter", id="filter", select_on_focus=True)
        blink.cursor_blink = False
        yield blink
        yield OptionList(id="names")

    def on_mount(self) -> None:
        """Shows all layers."""
        self.show("")

    def show(self, typed: str) -> None:
        """The families with the layers that this may mean."""
        names = self.query_one("#names", OptionList)
        options: list[Option] = []
        for family, layers in listed(typed):
            options.append(Option(Text(family, "bold dim"), disabled=True))
            options += [Option(Text(f" {name}", no_wrap=True, overflow="ellipsis"), name) for name in layers]
        names.clear_options()
        names.add_options(options or [Option(Text("no layer is called so", "dim"), disabled=True)])
        names.highlighted = 1 if len(options) > 1 else None

    def point(self, name: str) -> None:
        """Highlights a layer, where it is listed."""
        names = self.query_one("#names", OptionList)
        if any(option.id == name for option in names.options):
            names.highlighted = names.get_option_index(name)

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.show(event.value)

    @on(Input.Submitted, "#filter")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        chosen = self.query_one("#names", OptionList).highlighted_option
        if chosen is not None and chosen.id is not None:
            self.post_message(self.Taken(chosen.id))

    @on(OptionList.OptionSelected, "#names")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id is not None:
            self.post_message(self.Taken(event.option.id))
