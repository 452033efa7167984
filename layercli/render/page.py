"""The page of a layer as blocks, and written in each form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from layercli.analysis.layer import Bound
from layercli.errors import LayerError
from layercli.explain.changes import Change
from layercli.explain.diagram import Diagram
from layercli.explain.essay import Essay, Rows
from layercli.explain.page import Page
from layercli.render.blocks import Block, Cell, Column, Drawing, Facts, Heading, Line, Table
from layercli.render.layout import CONVENTION, called, facts_of
from layercli.report import Report

if TYPE_CHECKING:
    from rich.console import RenderableType


def blocks(page: Page | Essay) -> Iterator[Block]:
    """All of it, in the order in which it is read."""
    if isinstance(page, Essay):
        yield from _essay(page)
        return
    bound = page.bound
    yield Heading(called(bound))
    yield Line(f"{bound.layer.summary} {bound.layer.prose}")
    if isinstance(page.diagram, Diagram):
        yield Drawing(page.diagram)
    else:
        yield Line(f"nothing to draw: {page.diagram.why}", "dim")
    yield Heading("Formulas")
    yield Facts(tuple(facts_of(page.analysis.rows[0])))
    table, legend = _formulas(bound), "; ".join(f"{name} = {meaning}" for name, meaning in bound.legend().items())
    if table.rows:
        yield table
    if legend:
        yield Line(f"where {legend}", "dim")
    if bound.macs is None or bound.macs:
        yield Line(CONVENTION, "dim")
    yield from _keys(page)
    yield from _mind(page)
    yield Heading("In PyTorch")
    yield Facts((("write", Cell(in_pytorch(page), "strong")), *_sources(page)))


def _essay(essay: Essay) -> Iterator[Block]:
    yield Heading(essay.title)
    for part in essay.parts:
        if isinstance(part, str):
            yield Line(part)
        elif isinstance(part, Rows):
            columns = tuple(Column(name, index in part.right) for index, name in enumerate(part.columns))
            yield Table(columns, tuple(tuple(map(Cell, row)) for row in part.rows))
        else:
            yield Drawing(part)
    if essay.more:
        yield Facts((("more", Cell("; ".join(essay.more))),))


def _formulas(bound: Bound) -> Table:
    rows = tuple(
        (
            Cell(each.name, "strong"), Cell(each.symbolic), Cell(f"= {each.substituted}", "dim"),
            Cell(f"{each.value:,}", "strong"),
        )
        for each in bound.formulas()
    )  # fmt: skip
    unknown = ((Cell("MACs", "strong"), Cell(bound.layer.macs_unknown), Cell(""), Cell("unknown")),)
    columns = (
        Column("figure"), Column("formula", code=True), Column("with the numbers", code=True),
        Column("value", right=True),
    )  # fmt: skip
    return Table(columns, rows if bound.macs is not None else (*rows, *unknown), stack=(1, 2))


# --- what keys do ----------------------------------------------------------------------------------------------------


def _keys(page: Page) -> Iterator[Block]:
    counting = [change for change in page.changes if change.counts]
    others = [change for change in page.changes if not change.counts]
    if not page.changes:
        return
    yield Heading("What each key does")
    if counting:
        titles = ("key", "from", "to", "output", "parameters", "MACs")
        columns = tuple(Column(title, right=title in titles[-2:]) for title in titles)
        now = page.changes[0]
        figures = (now.shapes[0], f"{now.params[0]:,}", _count(now.macs[0]))
        first = tuple(Cell(text, "dim") for text in ("as it is", "", "", *figures))
        yield Table(columns, (first, *(tuple(_row(change)) for change in counting)))
        effects = ((change.key.names[-1], Cell(change.key.effect)) for change in counting if change.key.effect)
        yield Facts(tuple(effects))
    if others:
        words = [
            f"{change.key.names[-1]} ({change.before} to {change.after}): {change.key.effect}" for change in others
        ]
        yield Line(f"The sizes stay as they are with {'; '.join(words)}.", "dim")


def _row(change: Change) -> Iterator[Cell]:
    yield Cell(change.key.names[-1], "strong")
    yield Cell(change.before, "dim")
    yield Cell(change.after)
    pairs = (
        change.shapes, tuple(f"{each:,}" for each in change.params), tuple(_count(each) for each in change.macs)
    )  # fmt: skip
    for before, after in pairs:
        yield Cell(after, "dim" if before == after else "good")


def _count(macs: int | None) -> str:
    return "unknown" if macs is None else f"{macs:,}"


def _mind(page: Page) -> Iterator[Block]:
    if not page.said and not page.pitfalls:
        return
    yield Heading("Mind")
    for note in page.said:
        yield Line(f"note {note.code}: {note.message}" + (f" ({note.fix})" if note.fix else ""), "note")
    if page.pitfalls:
        yield Facts(tuple((pitfall.code, Cell(pitfall.title)) for pitfall in page.pitfalls))
        yield Line("layercli explain CODE says more of each", "dim")


def in_pytorch(page: Page) -> str:
    """The line to paste: the module, or the call of a function; its name where there is no plan to write it from."""
    plan, layer = page.analysis.plan, page.bound.layer
    if plan is None:
        return layer.called
    if not layer.operation:
        from layercli.render.code_values import constructor

        return constructor(plan.modules[0])
    from layercli.render.code import code

    try:
        text = code(Report(page.analysis, None, "not asked"))
    except LayerError:
        return layer.called
    returned = text.partition("        return ")[2]
    return re.sub(r"\s+", " ", re.sub(r"  +#.*", "", returned)).strip()


def _sources(page: Page) -> Iterator[tuple[str, Cell]]:
    if page.bound.layer.called:
        yield "is", Cell(page.bound.layer.called)
    if page.bound.layer.paper:
        yield "source", Cell(page.bound.layer.paper)
    if page.see:
        yield "see also", Cell(", ".join(page.see))


def _title(page: Page | Essay) -> str:
    return page.title if isinstance(page, Essay) else called(page.bound)


# --- forms -----------------------------------------------------------------------------------------------------------


def text(page: Page | Essay, columns: int, unicode: bool = True) -> str:
    """Plain text; pictures take at most so many columns, nothing else is wrapped."""
    from layercli.render.plain import ascii_only, write

    found = "\n\n".join(_grouped(page, lambda block: write(block, columns, unicode)))
    return found if unicode else ascii_only(found)


def _grouped(page: Page | Essay, write: Any) -> Iterator[str]:
    """The blocks as text, a heading with what stands under it."""
    head = ""
    for block in blocks(page):
        if isinstance(block, Heading):
            head = write(block)
            continue
        yield f"{head}\n{write(block)}" if head else write(block)
        head = ""


def renderable(page: Page | Essay) -> RenderableType:
    """Something that rich prints."""
    from rich.console import Group

    from layercli.render.table import drawn

    return Group(*(part for block in blocks(page) for part in drawn(block)))


def markdown(page: Page | Essay) -> str:
    """GitHub's Markdown, pictures as text."""
    from layercli.render.documents import markdown_of

    return "\n\n".join(map(markdown_of, blocks(page)))


def html(page: Page | Essay) -> str:
    """A whole HTML page, pictures as SVG in it."""
    from layercli.render.documents import html_page

    return html_page(_title(page), list(blocks(page)))


def svg(page: Page | Essay, moving: bool = False) -> str:
    """The picture alone; LayerError where there is none."""
    from layercli.render.svg_picture import animated
    from layercli.render.svg_picture import svg as still

    if not isinstance(page.diagram, Diagram):
        why = "this is text alone" if page.diagram is None else page.diagram.why
        raise LayerError("explain.nothing", f"there is nothing to draw: {why}", fix="use --format plain")
    return (animated if moving else still)(page.diagram, _title(page))
