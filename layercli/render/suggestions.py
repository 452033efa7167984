"""What is suggested as blocks: a table of what each rewrite comes to, and of each what it replaces, keeps and loses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layercli.checks import AGREES
from layercli.design.suggestions import Change, Place, Suggestion, Suggestions
from layercli.measurement import FAILED, NOT_RUN
from layercli.render.blocks import Block, Cell, Column, Facts, Heading, Line, Table
from layercli.render.layout import CONVENTION, verdict
from layercli.render.words import described, shape_text, size_text
from layercli.report import Report

LONGEST = 160
"""Characters of a whole spec that is told with a rewrite; longer ones are asked for."""
MOST_PLACES = 4
"""Steps of one rewrite that are told."""


def blocks(found: Suggestions) -> Iterator[Block]:
    """All of it, in the order in which it is read."""
    report = found.report
    facts = [
        (label, Cell(text)) for name, tree in report.analysis.inputs for label, text in described(name, tree, None)
    ]
    if report.output is not None:
        facts.append(("output", Cell(f"{shape_text(report.output.shape)}  {report.output.dtype}", "strong")))
    if facts:
        yield Facts(tuple(facts))
    if report.analysis.error is not None:
        yield Line(f"refused: {report.analysis.error.message}", "bad")
    if not found.items:
        yield Line(NOTHING if report.ok else NOTHING_MENDS)
        return
    if report.ok:
        yield _table(found)
        for number, item in enumerate(found.items, 1):
            yield Heading(f"{number} {item.rewrite.name}: {item.proposal.title}")
            yield Facts(tuple(_facts(item)))
    else:
        yield _mended(found)
        whole = [(str(number), Cell(item.spec)) for number, item in enumerate(found.items, 1) if _worth_telling(item)]
        yield from [Facts(tuple(whole))] if whole else []
        yield Facts((("source", Cell(found.items[0].rewrite.source, "dim")),))
    yield from _end(found)


NOTHING = "nothing to suggest: no rewrite that is known here fits, keeps the shape and gains something"
NOTHING_MENDS = "nothing to suggest: no other number of channels, groups or heads makes all of it hold"


# --- the table -------------------------------------------------------------------------------------------------------


def _table(found: Suggestions) -> Table:
    """The design as it is, and with each rewrite."""
    columns = (
        Column("#", right=True), Column("rewrite"), Column("at", code=True, spare=2), Column("parameters", right=True),
        Column("", right=True), Column("MACs", right=True), Column("", right=True),
        Column("training", right=True, spare=4), Column("", right=True, spare=5), Column("torch", spare=3),
    )  # fmt: skip
    own = found.report
    memory = None if own.memory is None else own.memory.training
    now = [_count(own.totals["params"]), "", _count(own.totals["macs"]), "", _size(memory), ""]
    first = (Cell(""), Cell("as it is", "dim"), Cell(""), *(Cell(text, "dim") for text in now), _mark(own))
    return Table(columns, (first, *(tuple(_row(number, item)) for number, item in enumerate(found.items, 1))))


def _row(number: int, item: Suggestion) -> Iterator[Cell]:
    yield Cell(str(number), "dim")
    yield Cell(item.rewrite.name, "strong")
    yield Cell(_at(item.places))
    for name, shown in (("params", _count), ("macs", _count), ("memory", _size)):
        change = item.saves[name]
        yield Cell(shown(change.after))
        yield Cell(_percent(change), "good" if (change.saved or 0) > 0 else "note" if change.saved else "dim")
    yield _mark(item.report)


def _mended(found: Suggestions) -> Table:
    """What makes a refused design hold."""
    columns = (
        Column("#", right=True), Column("change"), Column("at", code=True), Column("by", code=True, spare=2),
        Column("output"),
        Column("parameters", right=True), Column("MACs", right=True), Column("torch", spare=3),
    )  # fmt: skip
    rows = []
    for number, item in enumerate(found.items, 1):
        totals, output = item.report.totals, item.report.output
        rows.append(
            (
                Cell(str(number), "dim"), Cell(item.proposal.title, "strong"), Cell(_at(item.places)),
                Cell(item.places[0].after),
                Cell(shape_text(output.shape) if output is not None else ""), Cell(_count(totals["params"])),
                Cell(_count(totals["macs"])), _mark(item.report),
            )
        )  # fmt: skip
    return Table(columns, tuple(rows))


def _at(places: Sequence[Place]) -> str:
    first, *others = places
    label = f"{first.label}: " if first.label else ""
    more = f", and {len(others)} more" if others else ""
    times = f" ({first.times} times)" if first.times > 1 else ""
    return f"{'' if first.number is None else first.number} {label}{first.before}{times}{more}".strip()


def _count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _size(value: int | None) -> str:
    return "unknown" if value is None else size_text(value)


def _percent(change: Change) -> str:
    """By how much it changes, with two figures that count."""
    if not change.before or not change.saved:
        return ""
    percent = -100 * change.share
    places = 2 if 99 < -percent < 100 else 0 if abs(percent) >= 10 else 1
    written = f"{percent:+.{places}f}"
    return f"{written if float(written) else f'{percent:+.1g}'} %"


def _mark(report: Report) -> Cell:
    """Whether torch agrees."""
    if report.agrees is None:
        return Cell("-", "dim")
    return Cell("✓", "good") if report.agrees else Cell("✗", "bad")


# --- each rewrite ----------------------------------------------------------------------------------------------------


def _facts(item: Suggestion) -> Iterator[tuple[str, Cell]]:
    for place in item.places[:MOST_PLACES]:
        yield "replace", Cell(_at((place,)))
        yield "by", Cell(place.after or "nothing", "strong" if place.after else "dim")
    if len(item.places) > MOST_PLACES:
        yield "and", Cell(f"{len(item.places) - MOST_PLACES} more steps likewise")
    if item.saves:
        yield "memory", Cell(", ".join(_memory(item)))
    if item.proposal.gain:
        yield "gains", Cell(item.proposal.gain, "good")
    if item.keeps:
        yield "keeps", Cell("; ".join(item.keeps))
    if item.loses:
        yield "not kept", Cell("; ".join(item.loses), "note")
    yield "source", Cell(item.rewrite.source, "dim")
    if _worth_telling(item):
        yield "new spec", Cell(item.spec)


def _worth_telling(item: Suggestion) -> bool:
    """Whether the whole spec says more than the step, and is short enough."""
    return item.spec != item.places[0].after and len(item.spec) <= LONGEST


def _memory(item: Suggestion) -> Iterator[str]:
    told = {"memory": "training", "saved_bytes": "kept for backward", "inference_memory": "inference"}
    for name, words in told.items():
        change = item.saves[name]
        now, was = _size(change.after), _size(change.before)
        yield f"{words} {now}" + (f" (was {was})" if was != now else "")


# --- what stands under all -------------------------------------------------------------------------------------------


def _end(found: Suggestions) -> Iterator[Line]:
    if any(len(item.spec) > LONGEST for item in found.items):
        yield Line("the whole designs, a line each: --format spec", "dim")
    if found.found > len(found.items):
        yield Line(f"{len(found.items)} of {found.found} are shown: --top {found.found} shows all", "dim")
    if any(report.totals["macs"] for report in found.reports):
        yield Line(CONVENTION, "dim")
    told = found.reports
    bad = [report for report in told if report.status != AGREES]
    if all(report.status == NOT_RUN for report in told):
        yield verdict(told[0])
    elif bad:
        yield from (verdict(report) for report in bad if report.status != FAILED or report is bad[0])
    else:
        checks = sum(len(report.checks) for report in told)
        own = "the design and " if found.report.ok else ""
        count = len(found.items)
        with_it = f"{own}{count} rewrite{'s' if count > 1 else ''}"
        version = told[0].measurement
        where = f"torch {version.torch} on {version.device}" if version is not None else "torch"
        yield Line(f"{where}: {with_it}: all {checks} checks agree", "good")
