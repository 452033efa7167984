"""What a report shows, before any drawing: headings, tables and lines, which each renderer draws its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from layercli.explain.diagram import Diagram


class View(NamedTuple):
    """What of a report is wanted."""

    formulas: bool = False
    """Every layer's formulas, not its row alone."""
    expand: bool = False
    """Every time of a repeat on lines of its own."""
    depth: int | None = None
    """Blocks nested deeper than this are one line."""
    columns: tuple[str, ...] = ()
    """The columns beside the layer, by name; none for the usual ones."""


class Cell(NamedTuple):
    """A piece of text and what it is: ``good``, ``bad``, ``dim``, ``strong`` or nothing special."""

    text: str
    style: str = ""
    lead: str = ""
    """What is drawn in front of it, such as the line of a branch; on further lines of the cell the line goes on."""

    @property
    def whole(self) -> str:
        """The text with what is in front of it."""
        return self.lead + self.text


class Column(NamedTuple):
    """A table's column: heading, and whether numbers stand in it."""

    title: str
    right: bool = False
    code: bool = False
    spare: int = 0
    """Where a drawing has too little room, columns with a number here are left out, the highest first."""


class Table(NamedTuple):
    """Rows under columns; the last ``totals`` rows sum up the others. ``stack`` may put column b under column a."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: int = 0
    stack: tuple[int, int] | None = None


class Heading(NamedTuple):
    """The name of what follows."""

    text: str


class Facts(NamedTuple):
    """Short lines, each with a name."""

    items: tuple[tuple[str, Cell], ...]


class Line(NamedTuple):
    """A sentence."""

    text: str
    style: str = ""


class Drawing(NamedTuple):
    """A picture."""

    diagram: Diagram


Block: TypeAlias = Heading | Table | Facts | Line | Drawing
