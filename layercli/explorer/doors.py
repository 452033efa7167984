"""Where a design goes in and out: files, the clipboard, the end of the explorer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.screen import Screen

from layercli.errors import LayerError
from layercli.explorer import files, moves
from layercli.explorer.dialogs import Ask, Choose
from layercli.explorer.specs import bare, design_of

if TYPE_CHECKING:
    from layercli.explorer.answers import Asker
    from layercli.explorer.state import Design, Draft
    from layercli.explorer.told import Told

LEAVING = {"s": "save it first", "l": "leave without saving", "b": "back to the explorer"}


class Doors(App[None]):
    """The part of the application that asks and hands over."""

    if TYPE_CHECKING:
        asker: Asker
        draft: Any
        history: Any

        def told(self, question: Draft | Design, analysis: Any) -> Told:
            """An analysis beside what torch answered."""

        def do(self, design: Design, at: int) -> None:
            """Goes on to another design."""

        def action_append(self) -> None:
            """The layer behind the design."""

        def action_help(self) -> None:
            """All keys."""

    def action_open(self) -> None:
        """Asks for a file, and for what becomes of a design that no file holds."""

        def attempt(path: str) -> str:
            try:
                design = files.opened(path)
            except LayerError as error:
                return _said(error)
            self.history = self.history.opened(design, path)
            self.draft = moves.started(self.asker, design)
            return ""

        hint = "Enter opens it, Escape leaves it. What the design is now comes back with ctrl+z."
        self.push_screen(Ask("Open a design", self.history.path, hint, attempt))

    def action_save(self) -> None:
        """Asks for a path and writes the design there."""
        self._save(None)

    def _save(self, then: Callable[[], None] | None) -> None:
        over = ""

        def attempt(path: str) -> str:
            nonlocal over
            if files.taken(path) and path not in (self.history.path, over):
                over = path
                return f"{path} is there already: Enter again writes over it"
            try:
                files.written(path, self.history.now)
            except LayerError as error:
                return _said(error)
            self.history = self.history.written(path)
            return ""

        def done(saved: bool | None) -> None:
            if saved and then is not None:
                then()

        hint = "Enter writes it, Escape leaves it."
        self.push_screen(Ask("Save the design", self.history.path or "design.layers", hint, attempt), done)

    def edit(self, at: int) -> None:
        """Asks for a step as text."""
        step = self.history.now.steps[at]

        def attempt(text: str) -> str:
            try:
                design = design_of(text)
            except LayerError as error:
                return _said(error.located(text))
            if not design.steps:
                return "write a step, such as conv2d 8 3"
            now = self.history.now
            self.do(now._replace(steps=(*now.steps[:at], *design.steps, *now.steps[at + 1 :])), at)
            return ""

        self.push_screen(Ask("Edit the step", bare(step), "Several steps stand behind | each.", attempt))

    def action_copy(self) -> None:
        """Asks in which form, and puts the design on the clipboard; the layer alone where there is no design."""
        design = self.history.now
        if not design.steps:
            design = moves.alone(self.draft)

        def done(form: str | None) -> None:
            if not form:
                return
            found = self.asker.sum(design)
            try:
                report = self.told(design, found.analysis).report
                if found.error is not None or report is None:
                    raise found.error or LayerError("explore.empty", "there is nothing to copy")
                text = files.copied(form, design, report)
            except LayerError as error:
                self.notify(error.message, severity="error", markup=False)
                return
            self.copy_to_clipboard(text)
            self.notify(f"copied {files.FORMS[form]}: {len(text.splitlines())} lines")

        self.push_screen(Choose("Copy the design" if self.history.now.steps else "Copy the layer", files.FORMS), done)

    async def action_quit(self) -> None:
        """Leaves; asks first where a design would be lost."""
        if not self.history.changed:
            self.exit()
            return

        def done(choice: str | None) -> None:
            if choice == "s":
                self._save(self.exit)
            elif choice == "l":
                self.exit()

        if not isinstance(self.screen, Choose):
            self.push_screen(Choose("The design is not saved", LEAVING), done)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Textual's commands and those of the design."""
        yield from super().get_system_commands(screen)
        yield SystemCommand("Append the layer", "Put it behind the design (a)", self.action_append)
        yield SystemCommand("Copy", "As spec, PyTorch code or JSON (c)", self.action_copy)
        yield SystemCommand("Open a design", "From a .layers file (ctrl+o)", self.action_open)
        yield SystemCommand("Save the design", "To a .layers file (ctrl+s)", self.action_save)
        yield SystemCommand("All keys", "What each key does (?)", self.action_help)


def _said(error: LayerError) -> str:
    """What is wrong and one way to mend it, on a line each."""
    return error.message + (f"\n{error.fix}" if error.fix else "")
