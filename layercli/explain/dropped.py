"""Dropout: numbers or whole channels that one draw takes away, and how what stays makes up for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod
from typing import NamedTuple

from layercli.explain.cells import numbers, times
from layercli.explain.diagram import Beside, Cell, Diagram, Grid, Nothing
from layercli.explain.figures import empty, explained, mean, said, short, training
from layercli.explain.subject import Subject

ROWS, COLUMNS, CHANNELS = 5, 6, 6
"""What is shown of the numbers: rows and columns, or channels."""
FLOOR = -1.7580993408473766
"""The lowest value of SELU, which torch's alpha dropouts put in place of what they drop."""
_MEANINGS = {"off": "zeroed", "win": "set to one low value"}


class Sheet(NamedTuple):
    """The numbers that are shown, with the names of rows or columns, and which of them are dropped."""

    before: list[list[float]]
    dropped: list[list[bool]]
    above: tuple[str, ...] = ()
    said: str = ""


class Kept(NamedTuple):
    """What becomes of numbers: those that stay are ``scale*x + shift``, the others ``off``."""

    scale: float
    shift: float
    off: float


def draw(subject: Subject) -> Diagram | Nothing:
    """Numbers before and after one draw, which is the same each time here."""
    if empty(subject.fed.shape):
        return Nothing("the input has no numbers: nothing is dropped")
    p = subject.args["p"]
    undrawn = not training(subject) or p in (0, 1)
    wide = None if undrawn else _channel_axes(subject)
    sheet = _numbers(subject) if wide is None else _channels(subject, wide)
    if not training(subject) or p == 0:
        return Diagram(_unchanged(sheet, "p is 0" if training(subject) else _eval(p)))
    rule = _rule(subject)
    after = [
        [rule.off if off else rule.scale * x + rule.shift for x, off in zip(*lines)]
        for lines in zip(sheet.before, sheet.dropped)
    ]
    mark = "win" if rule.off else "off"
    grids = _grid(sheet, sheet.before, "goes in"), _grid(sheet, after, "comes out", mark)
    return explained(Beside(grids, ("→",), note=_note(subject, sheet, rule, after)), _MEANINGS)


def _eval(p: float) -> str:
    return f"in eval mode; in train mode each is dropped with probability {said(p)}"


def _unchanged(sheet: Sheet, why: str) -> Beside:
    grids = tuple(_grid(sheet, sheet.before, title) for title in ("goes in", "comes out"))
    return Beside(grids, ("→",), note=f"nothing is dropped: {why}")


def _alpha(subject: Subject) -> bool:
    return "alpha" in subject.layer.name


def _rule(subject: Subject) -> Kept:
    """What torch computes with this probability."""
    p = subject.args["p"]
    if p == 1:
        return Kept(0.0, 0.0, 0.0)
    if not _alpha(subject):
        return Kept(1 / (1 - p), 0.0, 0.0)
    scale = 1 / math.sqrt((FLOOR * FLOOR * p + 1) * (1 - p))
    return Kept(scale, -FLOOR * scale * p, FLOOR * scale * (1 - p))


def _channel_axes(subject: Subject) -> int | None:
    """How many of the first axes are samples and channels, where these are dropped as a whole."""
    name, rank = subject.layer.name, len(subject.fed.shape)
    if name in ("dropout", "alphadropout"):
        return None
    batched = {"dropout1d": rank == 3, "dropout3d": rank == 5}
    return 2 if batched.get(name, True) else 1


# --- what is shown ---------------------------------------------------------------------------------------------------


def draws(seed: int = 1) -> Iterator[float]:
    """Numbers between 0 and 1 that look random, the same each time."""
    state = seed
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield (state >> 8) / 2**23


def _values(subject: Subject, rows: int, columns: int) -> list[list[float]]:
    """Numbers without a zero; for the alpha dropouts of mean about 0."""
    made = numbers(rows, columns)
    return [[x % 5 - 2 if _alpha(subject) else x % 9 + 1 for x in line] for line in made]


def _numbers(subject: Subject) -> Sheet:
    """A corner of the last two axes, of which each number is drawn by itself."""
    *_, rows, columns = (1, 1, *subject.fed.shape)
    count = min(rows, ROWS), min(columns, COLUMNS)
    chance = draws()
    dropped = [[next(chance) < subject.args["p"] for _ in range(count[1])] for _ in range(count[0])]
    cut = f"shown are {times(count)} of the last two axes, {times((rows, columns))}" if count != (rows, columns) else ""
    return Sheet(_values(subject, *count), dropped, (), cut)


def _channels(subject: Subject, axes: int) -> Sheet:
    """A column for each channel, a row for each of some positions."""
    head, positions = subject.fed.shape[:axes], prod(subject.fed.shape[axes:])
    places = list(islice(product(*map(range, head)), CHANNELS))
    rows = min(4, positions)
    off = [chance < subject.args["p"] for chance in islice(draws(), len(places))]
    above = tuple(f"{','.join(map(str, place))} " for place in places)
    kind = "sample and channel" if axes == 2 else "channel"
    cut = f"columns are {kind}, {len(places)} of {prod(head)}; rows are {rows} of {positions} positions"
    return Sheet(_values(subject, rows, len(places)), [off] * rows, above, cut)


def _grid(sheet: Sheet, values: Sequence[Sequence[float]], title: str, mark: str = "") -> Grid:
    """Numbers; those that are dropped have the mark, and a zero is left blank."""
    cells = tuple(
        tuple(
            Cell("" if off and mark == "off" else short(x), mark if off else "") for x, off in zip(line, dropped)
        )
        for line, dropped in zip(values, sheet.dropped)
    )  # fmt: skip
    return Grid(cells, title, sheet.above)


def _note(subject: Subject, sheet: Sheet, rule: Kept, after: list[list[float]]) -> str:
    p = subject.args["p"]
    drawn = sheet.dropped[0] if sheet.above else [off for line in sheet.dropped for off in line]
    count = f"{len(drawn)} channels" if sheet.above else str(len(drawn))
    means = [mean([x for line in values for x in line]) for values in (sheet.before, after)]
    parts = [f"p {said(p)}: {sum(drawn)} of {count} are dropped in this draw, {said(p * len(drawn))} on average"]
    if p == 1:
        parts = ["p 1: all are zeroed"]
    elif _alpha(subject):
        parts.append(
            f"they become SELU's floor {said(FLOOR)}, then all are times a = {said(rule.scale)}, plus b = "
            f"{said(rule.shift)}, which keeps a mean of 0 and a variance of 1"
        )
    else:
        parts.append(f"what stays is times 1/(1 - {said(p)}) = {said(rule.scale)}, so that the mean stays on average")
        parts.append(f"mean {said(means[0])} before, {said(means[1])} after")
    parts.append("each call draws anew; in eval mode nothing changes")
    return "; ".join((*parts, sheet.said) if sheet.said else parts)
