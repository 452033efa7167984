"""What was found, as blocks and as JSON: the settings, best first; how far was looked; what lies nearest instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercli.analysis import receptive
from layercli.checks import AGREES
from layercli.design.answered import Answered, Row
from layercli.design.solutions import Miss, Solution
from layercli.design.space import Column as Setting
from layercli.errors import LayerError
from layercli.render.blocks import Block, Cell, Column, Line, Table
from layercli.render.sweep import designs, field_text, is_number, unsaid, value
from layercli.render.words import shape_text
from layercli.report import written
from layercli.version import VERSION

SCHEMA, SCHEMA_VERSION = "layercli.solutions", 1


def blocks(answered: Answered) -> Iterator[Block]:
    """The table, what it leaves out, and how far was looked."""
    found = answered.found
    yield from unsaid(answered.question.inputs)
    if answered.rows:
        yield from _tables(answered)
    else:
        yield Line(f"none of {designs(found.candidates)} gives {_wished(answered)}", "bad")
        yield from _instead(answered)
    yield Line(_searched(answered), "dim")
    if answered.rows:
        yield _verdict(answered)


def _wished(answered: Answered) -> str:
    return " and ".join(wish.text.strip() for wish in answered.question.wishes)


def _tables(answered: Answered) -> Iterator[Table]:
    """A table for each way of asking: where two keys say one thing, each has its own."""
    seen: list[Any] = []
    for row in answered.rows:
        if not any(row.solution.space is space for space in seen):
            seen.append(row.solution.space)
    for space in seen:
        yield _table([row for row in answered.rows if row.solution.space is space])


def _table(rows: list[Row]) -> Table:
    space = rows[0].solution.space
    settings: list[Setting] = [*space.columns]
    unread = any(sum(row.solution.unread) for row in rows)
    columns = [Column(column.name, right=is_number(space, column)) for column in settings]
    columns += [Column("output"), Column("params", right=True), Column("MACs", right=True)]
    columns.append(Column("rf", spare=1))
    columns += [Column("unread")] if unread else []
    columns.append(Column("torch"))
    lines = []
    for row in rows:
        solution = row.solution
        answer = solution.answer
        cells = [Cell(space.setting(column, answer.choice), "strong") for column in settings]
        cells.append(Cell(shape_text(answer.output or ())))
        cells += [Cell("unknown" if count is None else f"{count:,}") for count in (answer.params, answer.macs)]
        cells.append(Cell(field_text(_field(row))))
        cells += [Cell("x".join(map(str, solution.unread)) if sum(solution.unread) else "")] if unread else []
        cells.append(_mark(row))
        lines.append(tuple(cells))
    return Table(tuple(columns), tuple(lines))


def _field(row: Row) -> dict[str, list[Any]] | None:
    rows = row.report.analysis.rows
    return receptive.as_json(rows[-1].reach) if rows else None


def _mark(row: Row) -> Cell:
    if row.report.measurement is None:
        return Cell("-", "dim")
    return Cell("✓", "good") if row.report.status == AGREES else Cell("✗", "bad")


def _searched(answered: Answered) -> str:
    found = answered.found
    bounds = ", ".join(f"{bound.name} {bound.values}" for bound in found.bounds)
    by_axis = " (each axis by itself)" if found.per_axis else ""
    said = f"all of {designs(found.candidates)} were considered{by_axis}: {bounds}"
    if not answered.rows:
        return said
    best = "the best is shown" if len(answered.rows) == 1 else f"the best {len(answered.rows)} are shown"
    shown = "all are shown" if len(answered.rows) == found.times else best
    return f"{found.times:,} {'fits' if found.times == 1 else 'fit'}, {shown}; {said}"


def _instead(answered: Answered) -> Iterator[Line]:
    for words in answered.found.fixed:
        yield Line(words, "note")
    for miss in answered.found.misses:
        yield Line(_missed(miss), "note")


def _missed(miss: Miss) -> str:
    space, choice = miss.nearest.space, miss.nearest.answer.choice
    fed = " ".join(f"-i {shape}" for shape in space.shapes(choice)) if any(item.open for item in space.inputs) else ""
    return f"nearest to {miss.wish}: {space.text(choice)}{' ' * bool(fed)}{fed}: {miss.found}"


def _verdict(answered: Answered) -> Line:
    if answered.why_not_run:
        return Line(f"torch: not run, {answered.why_not_run}", "dim")
    agree = sum(row.report.status == AGREES for row in answered.rows)
    first = next((row.report for row in answered.rows if row.report.status != AGREES), None)
    version = next((m.torch for row in answered.rows if (m := row.report.measurement) and m.torch), None)
    name = f"torch {version}" if version else "torch"
    if first is None:
        return Line(f"{name} agrees with all {agree}", "good")
    return Line(f"{name} agrees with {agree} of {len(answered.rows)}: {first.status}: {first.why}", "bad")


# --- JSON ------------------------------------------------------------------------------------------------------------


def document(answered: Answered) -> dict[str, Any]:
    """The answer as one JSON document."""
    found = answered.found
    document = {
        **_head(answered.question.spec.source, bool(answered.rows)),
        "inputs": [item.text.removeprefix("--input ") for item in answered.question.inputs if item.text],
        "wishes": [wish.text for wish in answered.question.wishes],
        "bounds": [bound._asdict() for bound in found.bounds],
        "exhaustive": True,
        "per_axis": found.per_axis,
        "candidates": found.candidates,
        "found": found.times,
        "solutions": [_solution(row) for row in answered.rows],
        "nearest": [
            {"wish": miss.wish, "designs": miss.times, "found": miss.found, **_said(miss.nearest)}
            for miss in found.misses
        ],
        "fixed": list(found.fixed),
        "errors": [],
    }
    result: dict[str, Any] = written(document)  # sizes that were left open as closed forms
    return result


def failure(error: LayerError) -> dict[str, Any]:
    """The document of a question that was not understood: the same keys, nothing known."""
    from layercli.report import error_json

    return {
        **_head(error.source, False), "inputs": [], "wishes": [], "bounds": [], "exhaustive": False, "per_axis": False,
        "candidates": 0, "found": 0, "solutions": [], "nearest": [], "fixed": [], "errors": [error_json(error)],
    }  # fmt: skip


def _head(spec: str | None, ok: bool) -> dict[str, Any]:
    head = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "layercli": VERSION}
    return {**head, "ok": ok, "command": "solve", "spec": spec}


def _said(solution: Solution) -> dict[str, Any]:
    space, answer = solution.space, solution.answer
    return {
        "spec": space.text(answer.choice),
        "inputs": list(space.shapes(answer.choice)),
        "args": {column.name: value(space.setting(column, answer.choice)) for column in space.columns},
        "output": None if answer.output is None else list(answer.output),
    }


def _solution(row: Row) -> dict[str, Any]:
    report = row.report
    checks = report.measurement
    return {
        **_said(row.solution),
        "totals": report.totals,
        "memory": None if report.memory is None else report.memory.training,
        "receptive_field": _field(row),
        "unusual": row.solution.exotic,
        "unread": list(row.solution.unread),
        "measured": {
            "status": report.status, "reason": report.why or None, "torch": checks.torch if checks else None,
            "agrees": report.agrees,
        },
    }  # fmt: skip
