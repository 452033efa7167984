"""The design: a row for each step, and what the whole comes to."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import DataTable, Static

from layercli.explorer.answers import StepRow, Sum
from layercli.explorer.result import wrong
from layercli.explorer.told import Told, totals
from layercli.render.blocks import Cell
from layercli.render.table import STYLES

COLUMNS = ("#", "step", "output", "params", "MACs", "torch")


class DesignPane(Vertical):
    """The pane of the design."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+up", "move(-1)", "Up", show=False),
        Binding("ctrl+down", "move(1)", "Down", show=False),
        Binding("delete,backspace,x", "drop", "Delete", show=False),
        Binding("e", "edit", "Edit as text", show=False),
        Binding("equals_sign", "replace", "Replace", show=False),
    ]

    class Wanted(Message):
        """Something is to be done with the step at a place: ``move``, ``drop``, ``edit``, ``replace``, ``load``."""

        def __init__(self, what: str, at: int, by: int = 0) -> None:
            self.what, self.at, self.by = what, at, by
            super().__init__()

    def compose(self) -> ComposeResult:
        """The rows, and the line under them."""
        self.border_title = "Design"
        table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=False, cell_padding=1)
        yield table
        yield Static(id="totals")

    def on_mount(self) -> None:
        """Makes the columns."""
        self.query_one(DataTable).add_columns(*COLUMNS)

    @property
    def place(self) -> int:
        """The step that the cursor is on; -1 where there is none."""
        table = self.query_one(DataTable)
        return table.cursor_row if table.row_count else -1

    def show(self, found: Sum, told: Told, at: int | None = None) -> None:
        """The steps, and what they come to; the cursor goes to the step ``at``."""
        table = self.query_one(DataTable)
        row = table.cursor_row if at is None else at
        table.clear()
        for number, step in enumerate(found.rows):
            table.add_row(*_cells(number, step, told.of(step)))
        if found.rows:
            table.cursor_coordinate = Coordinate(max(0, min(row, len(found.rows) - 1)), 0)
        self.query_one("#totals", Static).update(_totals(found, told))

    def action_move(self, by: int) -> None:
        """Up or down."""
        self._want("move", by)

    def action_drop(self) -> None:
        """Takes the step out."""
        self._want("drop")

    def action_edit(self) -> None:
        """Opens the step as text."""
        self._want("edit")

    def action_replace(self) -> None:
        """Puts the layer that is tried in its place."""
        self._want("replace")

    @on(DataTable.RowSelected)
    def _entered(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self._want("load")

    def _want(self, what: str, by: int = 0) -> None:
        if self.place >= 0:
            self.post_message(self.Wanted(what, self.place, by))


def _cells(number: int, step: StepRow, mark: Cell) -> list[Text]:
    return [
        Text(str(number), "dim"), Text(step.text), Text(step.output, "red" if step.wrong else "bold"),
        Text(step.params, justify="right"), Text(step.macs, justify="right"), Text(mark.text, STYLES[mark.style]),
    ]  # fmt: skip


def _totals(found: Sum, told: Told) -> Text:
    if not found.rows:
        return Text("empty: a appends the layer above", "dim")
    if found.error is not None:
        return wrong(found.error)
    line = Text()
    if told.report is not None:
        for name, cell in totals(told.report):
            line.append(f"{name} ", "dim").append(f"{cell.text}   ", STYLES[cell.style])
    mark = told.mark()
    return line.append(mark.text, STYLES[mark.style])
