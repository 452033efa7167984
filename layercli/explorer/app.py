"""The explorer's screen: it holds one draft and one history, and hands them to the panes, which only show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Footer

from layercli.errors import LayerError
from layercli.explorer import moves
from layercli.explorer.answers import Asker, moved
from layercli.explorer.design import DesignPane
from layercli.explorer.doors import Doors
from layercli.explorer.help import Help
from layercli.explorer.judge import Judge, Measurer
from layercli.explorer.keys import KeyField, Keys
from layercli.explorer.layers import Layers
from layercli.explorer.picture import Picture
from layercli.explorer.result import Result
from layercli.explorer.state import Design, Draft, History, titled
from layercli.explorer.style import STYLE
from layercli.explorer.told import Told
from layercli.explorer.views import Views
from layercli.layers import find
from layercli.measurement import Measurement

VIEWS = ("result", "picture", "design")
"""What shares one place on a narrow screen."""


class Panes(Screen[None]):
    """The screen of the panes: which one to begin in is chosen, and a first key must not go elsewhere."""

    AUTO_FOCUS = ""


class Explorer(Doors):
    """The application. ``make`` starts torch's process; without it ``why`` says why torch is left out."""

    CSS = STYLE
    TITLE = "layercli explore"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Keys"),
        Binding("slash", "look('layers')", "Layers"),
        Binding("k", "look('keys')", "Values", show=False),
        Binding("r", "look('result')", "Result", show=False),
        Binding("p", "look('picture')", "Picture", show=False),
        Binding("d", "look('design')", "Design"),
        Binding("a", "append", "Append"),
        Binding("c", "copy", "Copy"),
        Binding("left_square_bracket", "place(-1)", "Cell before", show=False),
        Binding("right_square_bracket", "place(1)", "Next cell", show=False),
        Binding("ctrl+z", "undo", "Undo"),
        Binding("ctrl+y", "redo", "Redo", show=False),
        Binding("ctrl+o", "open", "Open"),
        Binding("ctrl+s", "save", "Save"),
        Binding("ctrl+t", "change_theme", "Theme", show=False),
        Binding("q", "quit", "Leave"),
        Binding("ctrl+q", "quit", "Leave", show=False, priority=True),
    ]
    draft: reactive[Draft] = reactive(Draft("conv2d"), init=False)
    history: reactive[History] = reactive(History(), init=False)

    class Judged(Message):
        """torch answered."""

        def __init__(self, question: Draft | Design, measured: tuple[Measurement, ...]) -> None:
            self.question, self.measured = question, measured
            super().__init__()

    def __init__(
        self, asker: Asker, both: moves.Both, make: Callable[[], Measurer] | None, why: str = "", focus: str = "layers"
    ) -> None:
        super().__init__()
        self.asker, self.why, self._focus = asker, "" if make else why, focus
        self._at: int | None = None
        self._measured: dict[Any, tuple[Measurement, ...]] = {}
        self._judge = Judge(make, self._judged) if make else None
        self.set_reactive(Explorer.draft, both.draft)
        self.set_reactive(Explorer.history, both.history)

    def get_default_screen(self) -> Screen[Any]:
        """The screen of the panes."""
        return Panes(id="_default")

    def compose(self) -> ComposeResult:
        """The panes."""
        with Horizontal(id="body"):
            yield Layers(id="layers", classes="pane")
            with Vertical(id="work"):
                with Horizontal(id="top"):
                    with Vertical(id="middle"):
                        yield Keys(id="keys", classes="pane")
                        yield Views(VIEWS, id="tabs")
                        yield Result(id="result", classes="pane")
                    yield Picture(id="picture", classes="pane")
                yield DesignPane(id="design", classes="pane")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Shows what it was started with."""
        self.watch_draft(self.draft)
        self.watch_history(self.history)
        self.query_one(Layers).point(self.draft.layer)
        self._front(VIEWS[0])
        self.look(self._focus)

    def on_unmount(self) -> None:
        """Ends torch's process."""
        if self._judge is not None:
            self._judge.close()

    # --- state to panes ---

    def watch_draft(self, draft: Draft) -> None:
        """Shows the layer as it is now; torch is asked about it later."""
        answer = self.asker.answer(draft)
        layer = find(draft.layer)
        self.query_one(Keys).show(draft.layer, layer.summary if layer else "", answer.fields)
        self.query_one(Picture).show(answer.drawing, draft.at)
        self._show_result()
        self._wonder("layer", draft._replace(at=None), answer.analysis)

    def watch_history(self, history: History) -> None:
        """Shows the design as it is now."""
        self._wonder("design", history.now, self.asker.sum(history.now).analysis)
        self._show_design(self._at)
        self._at = None

    def _show_result(self) -> None:
        answer = self.asker.answer(self.draft)
        self.query_one(Result).show(answer, self.told(self.draft._replace(at=None), answer.analysis))

    def _show_design(self, at: int | None = None) -> None:
        found, pane = self.asker.sum(self.history.now), self.query_one(DesignPane)
        pane.show(found, self.told(found.design, found.analysis), at)
        pane.border_title = titled(self.history)

    # --- torch ---

    def told(self, question: Draft | Design, analysis: Any) -> Told:
        """An analysis beside what torch answered."""
        return Told(analysis, self._measured.get(question), self.why)

    def _wonder(self, topic: str, question: Draft | Design, analysis: Any) -> None:
        if self._judge is not None:
            known = question in self._measured or analysis is None or analysis.error is not None
            self._judge.ask(topic, question, () if known else analysis.plans)

    def _judged(self, question: Draft | Design, measured: tuple[Measurement, ...]) -> None:
        self.post_message(self.Judged(question, measured))  # from torch's thread

    @on(Judged)
    def _answered(self, message: Judged) -> None:
        self._measured[message.question] = message.measured
        if message.question == self.draft._replace(at=None):
            self._show_result()
        elif message.question == self.history.now:
            self._show_design()

    # --- what the panes ask for ---

    @on(Layers.Taken)
    def _taken(self, message: Layers.Taken) -> None:
        self.draft = moves.taken(self.asker, self.draft, message.name)
        self.look("keys")

    @on(KeyField.Stepped)
    def _stepped(self, message: KeyField.Stepped) -> None:
        self.draft = moves.step(self.draft, message.field, message.by)

    @on(KeyField.Typed)
    def _typed(self, message: KeyField.Typed) -> None:
        self.draft = moves.told(self.draft, message.field.key, message.text)

    @on(DesignPane.Wanted)
    def _wanted(self, message: DesignPane.Wanted) -> None:
        what, at = message.what, message.at
        now = self.history.now
        if what == "move":
            after = now.move(at, message.by)
            self.do(after, at if after == now else at + message.by)
        elif what == "drop":
            self.do(now.drop(at), at)
        elif what == "edit":
            self.edit(at)
        else:
            self._try(lambda: (moves.loaded if what == "load" else moves.replaced)(self.asker, self._both, at))
            if what == "load":
                self.look("keys")

    @property
    def _both(self) -> moves.Both:
        return moves.Both(self.draft, self.history)

    def do(self, design: Design, at: int) -> None:
        """Goes on to another design, the cursor to this step."""
        self._at = at
        self.history = self.history.do(design)

    def _try(self, make: Callable[[], moves.Both]) -> None:
        """Takes over what a move makes, or says why it makes nothing."""
        try:
            both = make()
        except LayerError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        self.draft, self.history = both

    # --- actions ---

    def look(self, pane: str) -> None:
        """Goes to a pane; on a narrow screen it comes to the front."""
        if pane in VIEWS:
            self._front(pane)
        if pane == "keys":
            self.query_one(Keys).take_focus()
            return
        goal = {"layers": "#filter", "design": "DataTable"}.get(pane, f"#{pane}")
        self.query_one(goal).focus()

    action_look = look

    def _front(self, view: str) -> None:
        for each in VIEWS:
            self.screen_stack[0].set_class(each == view, f"-{each}")
        self.query_one(Views).show(view)

    @on(Views.Chosen)
    def _chosen(self, message: Views.Chosen) -> None:
        self.look(message.view)

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(Help())

    def action_append(self) -> None:
        """The layer behind the design."""
        self._at = len(self.history.now.steps)
        self._try(lambda: moves.appended(self.asker, self._both))

    def action_undo(self) -> None:
        """The design before."""
        self.history = self.history.undo()

    def action_redo(self) -> None:
        """The design that was undone."""
        self.history = self.history.redo()

    def action_place(self, by: int) -> None:
        """The picture of the next output cell."""
        sizes = self.asker.places(self.draft)
        if sizes is not None:
            self.draft = self.draft._replace(at=moved(self.draft.at, sizes, by))
