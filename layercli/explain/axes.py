"""Steps that rearrange axes: which axis goes where, and a small tensor whose numbers show it."""

from __future__ import annotations

from itertools import cycle
from math import prod

from layercli.explain.axes_moves import Move, move_of
from layercli.explain.axes_numbers import numbers
from layercli.explain.boxes import written_shape
from layercli.explain.diagram import Above, Beside, Diagram, Grid, Picture
from layercli.explain.subject import Subject
from layercli.explain.tensors import sizes

_KEY = (
    ("two", "an axis that changes, and what becomes of it"),
    ("three", "another one"),
    ("win", "a third one"),
    ("out", "a new axis"),
)


def draw(subject: Subject) -> Diagram:
    """The shapes with marks; under them the numbers of a small tensor, before and after."""
    move = move_of(subject)
    before, after = _axes(subject, move)
    parts: list[Picture] = [Beside((before, after), ("→",), note=move.note)]
    used = _marks(before) | _marks(after)
    words = {**dict(_KEY), **({"win": "an axis that goes"} if _goes(move) else {})}
    key = [(mark, meaning) for mark, meaning in words.items() if mark in used]
    if prod(subject.fed.shape) and prod(subject.given.shape):
        shown = numbers(subject, move)
        if shown is not None:
            parts.append(shown.picture)
            key += shown.key
    else:
        parts[0] = Beside((before, after), ("→",), note=f"{move.note}; a size is 0, so there are no numbers")
    return Diagram(Above(tuple(parts)) if len(parts) > 1 else parts[0], tuple(key))


def _goes(move: Move) -> bool:
    """Whether an axis goes, and no other takes its place."""
    return any(not group.outs for group in move.groups)


def _marks(grid: Grid) -> set[str]:
    return {cell.mark for row in grid.rows for cell in row} - {""}


def _axes(subject: Subject, move: Move) -> tuple[Grid, Grid]:
    """The sizes of input and output, the output's with the axes that each comes from."""
    fed, given = subject.fed.shape, subject.given.shape
    before, after = [""] * len(fed), [""] * len(given)
    origin = [""] * len(given)
    marks = cycle(("two", "three") if _goes(move) else ("two", "three", "win"))
    for group in move.groups:
        mark = ""
        if group.changed:
            mark = "win" if not group.outs else "out" if not group.ins else next(marks)
        for axis in group.ins:
            before[axis] = mark
        for axis in group.outs:
            after[axis] = mark
            origin[axis] = _spoken(group.ins)
    come = [("from axis", origin, after)] if given else []
    return (
        sizes(f"input {written_shape(fed)}", [("size", fed, before)], range(len(fed))),
        sizes(f"{move.makes} {written_shape(given)}", [("size", given, after), *come], range(len(given))),
    )


def _spoken(axes: tuple[int, ...]) -> str:
    if not axes:
        return "new"
    return str(axes[0]) if len(axes) == 1 else f"{axes[0]}-{axes[-1]}"
