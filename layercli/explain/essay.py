"""Text with pictures and tables in it, as plain data: a topic, or several layers side by side."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from layercli.explain.diagram import Diagram


class Rows(NamedTuple):
    """A table: headings, rows of text; the columns whose numbers are aligned to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


Part: TypeAlias = str | Rows | Diagram
"""A paragraph, a table or a picture."""


class Essay(NamedTuple):
    """A heading and what stands under it; ``more`` are commands that show more."""

    title: str
    parts: tuple[Part, ...]
    more: tuple[str, ...] = ()

    @property
    def diagram(self) -> Diagram | None:
        """The first picture."""
        return next((part for part in self.parts if isinstance(part, Diagram)), None)
