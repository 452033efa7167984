"""The table of a design: its tree of rows, each with its figures and its share of the whole, and the totals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import tensors
from layercli.analysis.rows import Row
from layercli.errors import LayerError
from layercli.render.blocks import Block, Cell, Column, Facts, Table, View
from layercli.render.tree import Entry, drawn
from layercli.render.words import (
    described,
    open_sizes,
    outputs,
    reach_text,
    row_mark,
    shape_text,
    short_layer,
    size_text,
)
from layercli.report import Report

BAR = 5
"""Characters that a share of the whole is drawn in."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


class _Figure(NamedTuple):
    """A column: its heading, a row's number in it (None: unknown), how a number is written."""

    title: str
    of: Callable[[Report, Row], int | None]
    shown: Callable[[int], str] = "{:,}".format
    total: str = ""
    """The figure of the whole that stands under it, by its name in the report; empty for none."""
    share: bool = False


_FIGURES = {
    "params": _Figure("parameters", lambda _, row: 0 if row.shares is not None else row.bound.params, total="params"),
    "macs": _Figure("MACs", lambda _, row: row.bound.macs, total="macs"),
    "buffers": _Figure("buffers", lambda _, row: row.bound.buffers, total="buffers"),
    "bytes": _Figure("output bytes", lambda report, row: report.output_bytes(row), size_text, total="activation_bytes"),
    "saved": _Figure("kept bytes", lambda report, row: report.kept_bytes(row), size_text, total="saved_bytes"),
}
_TEXTS: dict[str, tuple[str, Callable[[Report, Row], str]]] = {
    "output": ("output", lambda _, row: outputs(row.bound)),
    "path": ("path", lambda _, row: row.path),
    "rf": ("receptive field", lambda _, row: reach_text(row)),
    "dtype": ("dtype", lambda _, row: next((flow.dtype for flow in tensors(row.bound.outputs)), "")),
    "op": ("class", lambda _, row: row.bound.layer.torch),
}
_OF_A_ROW = ("path", "op")
"""Texts that say nothing of a block of rows."""
COLUMNS = (*_TEXTS, *_FIGURES, "share", "torch")
"""The names that ``--columns`` takes."""
USUAL = ("output", "params", "macs", "share", "torch")


def columns(text: str) -> tuple[str, ...]:
    """``output,params,rf`` as names of columns; LayerError for one that there is not."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in COLUMNS:
            from layercli.layers import did_you_mean, suggest

            near = suggest(name, COLUMNS)
            fix = did_you_mean(near, f"the columns are {', '.join(COLUMNS)}")
            raise LayerError("spec.usage", f"there is no column {name[:40]!r}", fix=fix, suggestions=near)
    return names


def design(report: Report, waiting: bool, view: View) -> Iterator[Block]:
    """The table of all rows, and what there is to say of the whole."""
    for name, tree in report.analysis.inputs[:1]:
        yield Facts(tuple((label, Cell(text)) for label, text in described(name, tree, None)))
    names = view.columns or USUAL
    if report.analysis.symbolic is not None or not report.ok:  # no totals to have a share of
        names = tuple(name for name in names if name != "share")
    entries = drawn(report.analysis.rows, view.expand, view.depth)
    body = [tuple(_cells(report, entry, names, waiting)) for entry in entries]
    heads = [Column("#", right=True), Column("layer", code=True)]
    for name in names:
        heads += _heads(name, report.agrees is False)
    if not report.ok:
        yield Table(tuple(heads), tuple(body))
        return
    yield Table(tuple(heads), (*body, tuple(_totals(report, names))), totals=1)
    yield Facts(tuple(_facts(report)))


def _heads(name: str, differs: bool = False) -> list[Column]:
    if name in _FIGURES:
        return [Column(_FIGURES[name].title, right=True)]
    if name == "share":
        return [Column("% par", right=True, spare=3), Column("% MAC", right=True, spare=2)]
    if name == "torch":  # where all is well the line under the table says so too
        return [Column("torch", spare=0 if differs else 1)]
    return [Column(_TEXTS[name][0])]


def _cells(report: Report, entry: Entry, names: Sequence[str], waiting: bool) -> Iterator[Cell]:
    row = entry.row
    rows = (*entry.rows, row) if row is not None else entry.rows
    head = row is None
    if row is not None:
        label = f"{row.label}: " if row.label else ""
        hidden = f"  (and {len(entry.rows)} before it)" if entry.rows else ""
        yield Cell(str(row.number), "dim")
        yield Cell(f"{label}{short_layer(row)}{hidden}", "", entry.lead)
    else:
        yield Cell("")
        yield Cell(entry.text, "dim" if not entry.rows else "strong", entry.lead)
    for name in names:
        if not rows:
            yield from [Cell("")] * len(_heads(name))
        elif name in _FIGURES:
            figure = _FIGURES[name]
            value = _sum(figure.of(report, each) for each in rows)
            yield Cell(_shown(figure, value, "" if head else BELOW), "dim" if head else "")
        elif name == "share":
            yield from _shares(report, rows, head)
        elif name == "torch":
            yield row_mark(report, rows, waiting)
        elif head and name in _OF_A_ROW:
            yield Cell("")
        else:
            yield Cell(_TEXTS[name][1](report, rows[-1]), "dim" if head else "strong" if name == "output" else "")


BELOW = "below"
"""What stands in the place of a closed form that is too long for a column, and is told under the table."""
LONGEST = 48
"""Characters of a closed form that a column holds."""


def _shown(figure: _Figure, value: int | None, otherwise: str) -> str:
    written = "unknown" if value is None else figure.shown(value)
    return written if len(written) <= LONGEST else otherwise


def _sum(values: Iterator[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _shares(report: Report, rows: Sequence[Row], head: bool) -> Iterator[Cell]:
    for name in ("params", "macs"):
        whole = report.totals[name]
        part = _sum(_FIGURES[name].of(report, row) for row in rows)
        yield Cell("" if not whole or not part else bar(part, whole), "dim" if head else "")


def bar(part: int, whole: int) -> str:
    """A share of the whole, in per cent and drawn."""
    eighths = -(-part * BAR * 8 // whole)
    full, rest = divmod(eighths, 8)
    drawing = "█" * full + (_EIGHTHS[rest] if rest else "")
    return f"{part * 100 / whole:.0f} {drawing:<{BAR}}"


def _totals(report: Report, names: Sequence[str]) -> Iterator[Cell]:
    yield Cell("")
    yield Cell("total", "strong")
    output = report.output
    for name in names:
        if name in _FIGURES:
            yield Cell(_shown(_FIGURES[name], report.totals[_FIGURES[name].total], BELOW), "strong")
        else:
            said = shape_text(output.shape) if name == "output" and output else ""
            yield from [Cell(said, "strong"), *[Cell("")] * (len(_heads(name)) - 1)]


def _facts(report: Report) -> Iterator[tuple[str, Cell]]:
    totals, symbolic = report.totals, report.analysis.symbolic
    if symbolic is not None and totals["macs"] is not None and len(str(totals["macs"])) > LONGEST:
        yield "MACs", Cell(str(totals["macs"]))
    if totals["flops"] is not None:
        yield "FLOPs", Cell(f"{totals['flops']:,}")
    yield from open_sizes(report)
    yield from _memory(report)
    last = report.analysis.rows[-1]
    reach, why = reach_text(last), receptive.unknown(last.reach)
    if reach:
        yield "receptive field", Cell(f"{reach} ({why})" if why else reach)


def _memory(report: Report) -> Iterator[tuple[str, Cell]]:
    found = report.memory
    if found is None:
        held = report.totals["param_bytes"]
        known = f"at least {report.known_params:,} parameters, those that the text tells of"
        yield "memory", Cell(f"parameters and buffers {size_text(held)}" if held is not None else f"unknown; {known}")
        return
    if report.analysis.symbolic is not None:
        fullest = "unknown: it hangs on the sizes which moment is the fullest"
        yield "inference", Cell(fullest if found.inference is None else size_text(found.inference))
        yield "training", Cell("unknown" if found.training is None else size_text(found.training))
        return
    weights = size_text(found.parameters + found.buffers)
    alive, largest = size_text(found.inference_peak.size), size_text(found.largest.size)
    yield (
        "inference",
        Cell(f"{size_text(found.inference)}: weights {weights}, at most {alive} alive (largest output {largest})"),
    )
    kept = size_text(found.kept)
    if found.kept is None:
        why = "; ".join(dict.fromkeys(row.unknown for row in found.unknown))
        kept = f"unknown ({why}), {size_text(found.kept_known)} for the others"
    whole = f"{size_text(found.training)}: " if found.training is not None else ""
    yield (
        "training",
        Cell(
            f"{whole}weights {weights}, gradients {size_text(found.gradients)}, {found.optimizer} "
            f"{size_text(found.optimizer_state)}, kept for backward {kept}"
        ),
    )
