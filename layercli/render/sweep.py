"""A sweep as blocks, as rows for programs, and as a picture of two of its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from layercli.design.answers import Answer
from layercli.design.space import Column as Setting
from layercli.design.space import OpenInput, Selection, Space
from layercli.design.sweep import Sweep
from layercli.errors import LayerError, short
from layercli.expect.read import BYTES
from layercli.explain.diagram import Curve, Diagram, Plot
from layercli.plan import Tensor
from layercli.render.blocks import Block, Cell, Column, Drawing, Line, Table
from layercli.render.words import shape_text, size_text
from layercli.report import written
from layercli.version import VERSION

SCHEMA, SCHEMA_VERSION = "layercli.sweep", 1
MOST_REASONS = 10
"""Reasons of refusals that are listed one by one."""
_SHOWN = ("params", "macs", "rf")


class Chosen(NamedTuple):
    """The rows of a sweep that are shown, and what is said of them."""

    rows: Sequence[Answer]
    of: int
    """How many there are."""
    further: tuple[str, ...] = ()
    """Figures beside the usual ones."""
    front: set[Selection] | None = None
    """The designs that no other beats; None where that was not asked."""
    plot: tuple[str, str] | None = None
    every: Sequence[Answer] = ()
    """The designs that are drawn, those that are not shown as rows among them."""
    stopped: bool = False
    """Whether it was ended before it was through."""


def blocks(sweep: Sweep, chosen: Chosen) -> Iterator[Block]:
    """The table, the picture, and what became of the other designs."""
    yield from unsaid(sweep.space.inputs)
    if chosen.rows:
        yield _table(sweep, chosen)
    if chosen.plot is not None:
        drawn = plot(sweep, chosen)
        nothing = Line(f"nothing to draw: {' and '.join(chosen.plot)} are no numbers", "note")
        yield Drawing(Diagram(drawn)) if drawn.curves else nothing
    yield from _said(sweep, chosen)


def designs(count: int) -> str:
    """A number of designs."""
    return "1 design" if count == 1 else f"{count:,} designs"


def unsaid(inputs: Sequence[OpenInput]) -> Iterator[Line]:
    """What is fed where the command line does not say it."""
    shapes = [item.given.feed.shape for item in inputs if not item.text and isinstance(item.given.feed, Tensor)]
    if shapes:
        yield Line(f"no input given: {' and '.join(map(shape_text, shapes))} is taken", "note")


def _table(sweep: Sweep, chosen: Chosen) -> Table:
    settings = sweep.space.columns
    columns = [Column(column.name, right=is_number(sweep.space, column)) for column in settings]
    columns += [Column("output"), Column("params", right=True), Column("MACs", right=True)]
    columns += [Column("rf", spare=1), *(Column(name, right=True) for name in chosen.further)]
    columns += [Column("front")] if chosen.front is not None else []
    rows = []
    for answer in chosen.rows:
        cells = [Cell(sweep.space.setting(column, answer.choice)) for column in settings]
        cells += [
            Cell(shape_text(answer.output or ()), "strong"),
            Cell(_count(answer.params)),
            Cell(_count(answer.macs)),
        ]
        cells += [Cell(field_text(answer.field)), *(Cell(_figure(sweep, name, answer)) for name in chosen.further)]
        if chosen.front is not None:
            cells.append(Cell("*", "good") if answer.choice in chosen.front else Cell(""))
        rows.append(tuple(cells))
    return Table(tuple(columns), tuple(rows))


def is_number(space: Space, column: Setting) -> bool:
    """Whether a setting is one whole number in every design."""
    values = [value for hole in column.holes for value in space.holes[hole].values]
    whole = all(len(value) == 1 and getattr(value[0], "kind", "") == "int" for value in values)
    return whole and len(column.holes) == 1


def _count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def field_text(field: dict[str, list[Any]] | None) -> str:
    """A receptive field's cells along each axis: ``7x7``, ``global``."""
    if field is None:
        return ""
    words = [
        "global" if whole else "unknown" if size is None else str(size)
        for size, whole in zip(field["size"], field["global"])
    ]
    return words[0] if len(set(words)) == 1 and not words[0].isdigit() else "x".join(words)


def _figure(sweep: Sweep, name: str, answer: Answer) -> str:
    found = sweep.wishes.figure(name, answer)
    if found is None:
        return "unknown"
    return size_text(found) if name in BYTES else f"{found:,}"


def _said(sweep: Sweep, chosen: Chosen) -> Iterator[Line]:
    refused = sweep.refused
    counts = [designs(sweep.seen)]
    if chosen.stopped:
        counts = [f"stopped after {sweep.seen:,} of {sweep.space.count:,} designs"]
    if sweep.wishes.clauses:
        counts.append(f"{sweep.left_out:,} are not what was asked for")
    counts.append(f"{sum(item.times for item in refused):,} would be refused by torch")
    yield Line("; ".join(counts), "note" if chosen.stopped else "dim")
    if len(chosen.rows) < chosen.of:
        yield Line(
            f"{len(chosen.rows):,} of {chosen.of:,} rows are shown: --all shows all, --top N the first N", "note"
        )
    if chosen.front is not None:
        yield Line(f"* no other design is as good in all and better in one: {len(chosen.front):,} designs", "dim")
    for item in refused[:MOST_REASONS]:
        error = sweep.asked.error(item.example)
        example = short(sweep.space.text(item.example), 60)
        yield Line(f"refused {item.times:,} x {error.code}: {example}: {error.message}", "note")
    if len(refused) > MOST_REASONS:
        yield Line(f"and {len(refused) - MOST_REASONS} further reasons: --json has them all", "note")


def plot(sweep: Sweep, chosen: Chosen) -> Plot:
    """Two figures of each design as points, those on the front apart."""
    assert chosen.plot is not None
    across, up = chosen.plot
    points: dict[bool, list[tuple[float, float | None]]] = {True: [], False: []}
    for answer in chosen.every:
        x, y = sweep.number(across, answer), sweep.number(up, answer)
        if x is not None and y is not None:
            points[chosen.front is not None and answer.choice in chosen.front].append((x, y))
    every = points[True] + points[False]
    ends = [_ends([point[axis] or 0 for point in every]) for axis in (0, 1)]
    named = [("designs", points[False]), ("front", points[True])]
    curves = tuple(Curve(name, tuple(found), dots=True) for name, found in named if found)
    return Plot(curves, ends[0], ends[1], f"{up} over {across}", across)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The range of an axis; one that holds a single value has room on both sides."""
    low, high = min(values, default=0), max(values, default=1)
    return (low, high) if low < high else (low - 1, high + 1)


# --- for programs ----------------------------------------------------------------------------------------------------


def row(
    sweep: Sweep, answer: Answer, further: Sequence[str] = (), front: set[Selection] | None = None
) -> dict[str, Any]:
    """One design as JSON."""
    space, choice = sweep.space, answer.choice
    ok = answer.refused is None
    document: dict[str, Any] = {
        "spec": space.text(choice),
        "inputs": space.shapes(choice),
        "settings": {column.name: value(space.setting(column, choice)) for column in space.columns},
        "ok": ok,
        "output": answer.output,
        "params": answer.params,
        "macs": answer.macs,
        "receptive_field": answer.field,
        "figures": {name: sweep.wishes.figure(name, answer) for name in further} if ok else {},
        "front": None if front is None else choice in front,
        "error": None,
    }
    if not ok:
        error = sweep.asked.error(choice)
        document["error"] = {"code": error.code, "message": error.message, "path": error.path, "fix": error.fix or None}
    return written(document) if sweep.open_sizes else document


@lru_cache(maxsize=4096)
def value(text: str) -> int | bool | str:
    """A setting as JSON has it: a number, a flag, or the words that were written."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.lstrip("-").isdigit() else text


def document(sweep: Sweep, chosen: Chosen) -> dict[str, Any]:
    """The sweep as one JSON document."""
    return {
        **head(),
        "ok": bool(chosen.rows),
        "command": "sweep",
        "spec": sweep.space.spec.source,
        "columns": [column.name for column in sweep.space.columns],
        "designs": sweep.seen,
        "complete": not chosen.stopped,
        "accepted": chosen.of,
        "left_out": sweep.left_out,
        "refused": [_refused(sweep, item) for item in sweep.refused],
        "rows": [row(sweep, answer, chosen.further, chosen.front) for answer in chosen.rows],
        "errors": [],
    }


def failure(error: LayerError) -> dict[str, Any]:
    """The document of a question that was not understood: the same keys, nothing known."""
    from layercli.report import error_json

    return {
        **head(), "ok": False, "command": "sweep", "spec": error.source, "columns": [], "designs": 0, "complete": False,
        "accepted": 0, "left_out": 0, "refused": [], "rows": [], "errors": [error_json(error)],
    }  # fmt: skip


def head() -> dict[str, Any]:
    """What every document of a sweep begins with."""
    return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "layercli": VERSION}


def _refused(sweep: Sweep, item: Any) -> dict[str, Any]:
    error = sweep.asked.error(item.example)
    return {
        "count": item.times,
        "code": error.code,
        "path": error.path,
        "message": error.message,
        "example": {"spec": sweep.space.text(item.example), "inputs": sweep.space.shapes(item.example)},
    }


def csv_head(sweep: Sweep, further: Sequence[str], front: bool) -> list[str]:
    """The headings of a table of comma-separated values."""
    names = [column.name for column in sweep.space.columns]
    rest = ["ok", "output", "params", "macs", "receptive_field", *further, *(["front"] if front else []), "error"]
    return [*names, *rest]


def csv_row(sweep: Sweep, answer: Answer, further: Sequence[str], front: set[Selection] | None) -> list[Any]:
    """One design as comma-separated values; what is unknown is empty."""
    ok = answer.refused is None
    cells: list[Any] = [sweep.space.setting(column, answer.choice) for column in sweep.space.columns]
    cells += [str(ok).lower(), shape_text(answer.output) if answer.output is not None else ""]
    cells += ["" if value is None else value for value in (answer.params, answer.macs)]
    cells.append(field_text(answer.field))
    for name in further:
        found = sweep.wishes.figure(name, answer) if ok else None
        cells.append("" if found is None else found)
    if front is not None:
        cells.append("*" if answer.choice in front else "")
    return [*cells, "" if ok else sweep.asked.error(answer.choice).message]


def further(names: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Those of these figures that have no column of their own yet."""
    return tuple(dict.fromkeys(name for name in names if name not in _SHOWN and name not in columns))
