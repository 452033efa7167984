"""Characters on a sheet: lines of text with styles, put beside and under one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias


class Span(NamedTuple):
    """A piece of a line and its style: a mark of :mod:`layercli.explain.diagram`, a style of a cell, or nothing."""

    text: str
    style: str = ""


Line: TypeAlias = tuple[Span, ...]
Sheet: TypeAlias = tuple[Line, ...]


def length(line: Line) -> int:
    """How many characters a line has."""
    return sum(len(span.text) for span in line)


def width(sheet: Sheet) -> int:
    """How many characters its longest line has."""
    return max(map(length, sheet), default=0)


def line(text: str, style: str = "") -> Line:
    """A line of one style."""
    return (Span(text, style),)


def filled(given: Line, to: int) -> Line:
    """The line with blanks behind it, up to this many characters."""
    lack = to - length(given)
    return (*given, Span(" " * lack)) if lack > 0 else given


def beside(sheets: Sequence[Sheet], gaps: Sequence[str]) -> Sheet:
    """Sheets side by side, their middles at one height; what stands in a gap stands at that height."""
    height = max(map(len, sheets), default=0)
    columns = []
    for number, sheet in enumerate(sheets):
        before = (height - len(sheet)) // 2
        own = width(sheet)
        blank = line(" " * own)
        columns.append([*[blank] * before, *(filled(each, own) for each in sheet)])
        columns[-1] += [blank] * (height - len(columns[-1]))
        if number < len(gaps):
            gap = gaps[number]
            columns.append([line(gap if row == height // 2 else " " * len(gap)) for row in range(height)])
    return tuple(tuple(span for column in columns for span in column[row]) for row in range(height))


def under(sheets: Iterable[Sheet]) -> Sheet:
    """Sheets one under the other, a blank line between them."""
    found: list[Line] = []
    for sheet in sheets:
        if found and sheet:
            found.append(())
        found += sheet
    return tuple(found)


class Canvas:
    """Characters at places, with a style each."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._cells = [[(" ", "")] * columns for _ in range(rows)]

    def put(self, column: int, row: int, text: str, style: str = "") -> None:
        """Writes from this place on; what lies outside of the sheet is left out."""
        for number, character in enumerate(text):
            if 0 <= row < self.rows and 0 <= column + number < self.columns:
                self._cells[row][column + number] = (character, style)

    def at(self, column: int, row: int) -> str:
        """The character at a place; a blank outside of the sheet."""
        return self._cells[row][column][0] if 0 <= row < self.rows and 0 <= column < self.columns else " "

    def sheet(self) -> Sheet:
        """The lines, pieces of one style together, without blanks at their ends."""
        lines: list[Line] = []
        for row in self._cells:
            spans: list[Span] = []
            text = "".join(character for character, _ in row)
            for character, style in row[: len(text.rstrip())]:
                if spans and spans[-1].style == style:
                    spans[-1] = Span(spans[-1].text + character, style)
                else:
                    spans.append(Span(character, style))
            lines.append(tuple(spans))
        return tuple(lines)
