"""The rows of two designs as one table, as a diff has lines: alike, changed, only in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layercli.analysis.rows import Row
from layercli.design.align import ALIKE, CHANGED, MOST_PAIRS, ONLY_FIRST, ONLY_SECOND, Pair
from layercli.design.compare import Comparison, counted, facts
from layercli.render.blocks import Block, Cell, Column, Line, Table
from layercli.render.words import shape_text, short_layer

FEWEST_FOLDED = 3
"""Rows alike that are folded into one line, if there is one more at either end."""
MARKS = {ALIKE: "=", CHANGED: "~", ONLY_FIRST: "-", ONLY_SECOND: "+"}
STYLES = {ALIKE: "dim", CHANGED: "", ONLY_FIRST: "bad", ONLY_SECOND: "good"}


def side_by_side(found: Comparison, expand: bool) -> Iterator[Block]:
    """The rows of two designs, as a diff has lines; a changed one is two lines, with what differs."""
    if len(found.designs) != 2 or not found.ok or max(len(report.analysis.rows) for report in found.reports) < 2:
        return
    if found.pairs is None:
        yield Line(
            f"the rows are not laid side by side: more than {MOST_PAIRS:,} pairs of them would be weighed", "dim"
        )
        return
    first, second = found.names
    right = all(report.analysis.symbolic is None for report in found.reports)  # closed forms are read from the left
    columns = (
        Column(""), Column(first, right=True), Column(second, right=True), Column("layer", code=True), Column("output"),
        Column("parameters", right), Column("MACs", right), Column("what differs", spare=1),
    )  # fmt: skip
    body: list[tuple[Cell, ...]] = []
    for run in _runs(found.pairs):
        if run[0].status == ALIKE and len(run) > FEWEST_FOLDED + 1 and not expand:
            body += [*_pair(run[0]), _fold(run[1:-1]), *_pair(run[-1])]
        else:
            body += [line for pair in run for line in _pair(pair)]
    yield Table(columns, tuple(body))
    words = {ALIKE: "alike", CHANGED: "changed", ONLY_FIRST: f"only in {first}", ONLY_SECOND: f"only in {second}"}
    counts = dict(counted(found.pairs))
    said = [f"{counts[status]} {words[status]} ({mark})" for status, mark in MARKS.items() if status in counts]
    yield Line(f"rows: {', '.join(said)}", "dim")


def _runs(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Pairs of one status that follow each other."""
    run: list[Pair] = []
    for pair in pairs:
        if run and run[0].status != pair.status:
            yield run
            run = []
        run.append(pair)
    if run:
        yield run


def _fold(pairs: Sequence[Pair]) -> tuple[Cell, ...]:
    return (Cell(MARKS[ALIKE], "dim"), Cell(""), Cell(""), Cell(f"… {len(pairs)} more that are alike", "dim"),
            *[Cell("")] * 4)  # fmt: skip


def _pair(pair: Pair) -> Iterator[tuple[Cell, ...]]:
    if pair.status == ALIKE:
        assert pair.first is not None
        yield _line(pair, pair.first, (pair.first, pair.second))
        return
    if pair.first is not None:
        yield _line(pair, pair.first, (pair.first, None))
    if pair.second is not None:
        differs = ", ".join(pair.settings) or "sizes only" if pair.status == CHANGED else ""
        yield _line(pair, pair.second, (None, pair.second), differs)


def _line(pair: Pair, row: Row, numbers: Sequence[Row | None], differs: str = "") -> tuple[Cell, ...]:
    told, style = facts(row), STYLES[pair.status]
    label = f"{row.label}: " if row.label else ""
    written = [
        " ".join(map(shape_text, told["outputs"])),
        f"{told['params']:,}",
        "unknown" if told["macs"] is None else f"{told['macs']:,}",
    ]
    return (
        Cell(MARKS[pair.status], style), *(Cell("" if each is None else str(each.number), "dim") for each in numbers),
        Cell(f"{label}{short_layer(row)}", style), *(Cell(text, style) for text in written),
        Cell(differs, "note"),
    )  # fmt: skip
