"""What a senior colleague would say of a design as a whole: every rule of the catalogue, over all rows.

Each rule is arithmetic on shapes, arguments and wiring, and speaks only where that leaves no doubt. A rule that
speaks of several places in the same words is told once, at the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from layercli.analysis.flow import tensors
from layercli.analysis.notes import Note
from layercli.analysis.rows import Row
from layercli.analysis.rules import Wiring, rules

_HARMLESS = {"return_indices"}
"""What a printed module may hide and no rule asks for."""


def advice(rows: Sequence[Row], end: int | None = None) -> list[Note]:
    """The notes on a design that holds, in the order of its rows.

    ``end``: the row that the output of the whole comes from, the last where not said. Not judged are sizes under a
    symbol, nets with a class of which the text does not tell what it reads, and rows of a printed model that rest on
    an argument that print does not show.
    """
    if not rows or _symbolic(rows) or any(not row.bound.outputs for row in rows):
        return []
    net = Wiring(rows, end)
    found: dict[tuple[str, str, str], list[Row]] = {}
    for rule in rules(rows[0].bound.layer.name if len(rows) == 1 else "").values():
        if rule.check is not None:
            for row, message, fix in rule.check(net):
                if _unsure(row):
                    continue
                found.setdefault((rule.code, message, fix), []).append(row)
    notes = []
    for (code, message, fix), places in found.items():
        first = min(places, key=lambda row: row.number)
        others = len({row.number for row in places}) - 1
        said = message if not others else f"{message} (and so in {others} more place{'s' if others > 1 else ''})"
        notes.append((first.number, Note(code, said, fix, first.path, first.span)))
    return [note for _, note in sorted(notes, key=lambda each: each[0])]


def _unsure(row: Row) -> bool:
    """Whether the row is perhaps not what was meant: then nothing is said of its arguments."""
    codes = {note.code for note in row.notes}
    hidden = "printed.hidden" in codes and not _HARMLESS.issuperset(row.bound.layer.hidden)
    return hidden or "spec.torch-order" in codes


def _symbolic(rows: Sequence[Row]) -> bool:
    """Whether a size stands for a symbol: then what holds here may not hold elsewhere."""
    return any(
        type(size) is not int
        for row in rows
        for flow in tensors((*row.bound.inputs.values(), *row.bound.outputs))
        for size in flow.shape
    )
