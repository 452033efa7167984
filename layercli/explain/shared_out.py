"""The softmax family, where numbers along an axis are set against each other, and GLU, where one half gates another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod
from typing import TypeVar

from layercli.explain.activations import sigmoid
from layercli.explain.cells import numbers, times
from layercli.explain.diagram import Above, Bar, Bars, Beside, Diagram, Grid, Nothing
from layercli.explain.figures import empty, explained, said, short, table
from layercli.explain.subject import Subject

T = TypeVar("T")
_SEED = 19
MOST, BESIDE = 6, 3
"""Numbers along the axis that are shown, and places beside it."""
_NAMES = {"softmax": "softmax", "softmax2d": "softmax", "softmin": "softmin", "logsoftmax": "log of the softmax"}
_MEANINGS = {"tap": "set against each other", "out": "what they become"}
_HALVES = {"tap": "a, which is passed on", "win": "b, which says how much of it", "out": "comes out"}


def draw(subject: Subject) -> Diagram | Nothing:
    """Small numbers along the axis, before and after."""
    if empty(subject.fed.shape):
        return Nothing("the input has no numbers")
    return _halved(subject) if subject.layer.name == "glu" else _shared(subject)


def axis(subject: Subject) -> int:
    """The axis along which numbers are set against each other; of a number without axes the one it would have."""
    rank = max(1, len(subject.fed.shape))
    if subject.layer.name == "softmax2d":
        return rank - 3
    dim = subject.args["dim"]
    if dim is None:
        return 0 if rank in (1, 3) else 1
    return int(dim % rank)


def softmax(scores: Sequence[float]) -> list[float]:
    """exp(x) over the sum of exp(x)."""
    most = max(scores)
    powers = [math.exp(score - most) for score in scores]
    return [power / math.fsum(powers) for power in powers]


def _become(name: str, scores: Sequence[float]) -> list[float]:
    shares = softmax([-score for score in scores] if name == "softmin" else scores)
    return [math.log(share) for share in shares] if name == "logsoftmax" else shares


def _shared(subject: Subject) -> Diagram:
    name, dim, shape = subject.layer.name, axis(subject), subject.fed.shape or (1,)
    others = [place for place in range(len(shape)) if place != dim]
    beside = next((place for place in reversed(others) if shape[place] > 1), None)
    count, lines = min(MOST, shape[dim]), 1 if beside is None else min(BESIDE, shape[beside])
    before = [[score % 4 for score in line] for line in numbers(lines, count, _SEED)]
    after = [_become(name, line) for line in before]
    down = beside is not None and dim < beside
    grids = Beside(
        (_lines(before, "scores", "tap", down), _lines(after, _NAMES[name], "out", down)),
        ("→",),
        title=f"along axis {dim} of the input {times(shape)}",
        note=_said(name, shape, dim, count, "column" if down else "row"),
    )
    return explained(Above((grids, _bars(name, before[0], after[0]))), _MEANINGS)


def _lines(values: list[list[float]], title: str, mark: str, down: bool) -> Grid:
    """Lines of numbers as rows or, where the axis comes before the other one, as columns; the first is marked."""
    marks = [[mark if line == 0 else "" for _ in values[0]] for line in range(len(values))]
    return table(_turned(values), title, _turned(marks)) if down else table(values, title, marks)


def _turned(lines: Sequence[Sequence[T]]) -> list[list[T]]:
    return [list(column) for column in zip(*lines)]


def _said(name: str, shape: tuple[int, ...], dim: int, count: int, line: str) -> str:
    sums = f"the exponentials of each {line} add up to 1" if name == "logsoftmax" else f"each {line} adds up to 1"
    places = prod(shape) // shape[dim]
    if places > 1:
        left = times([size for place, size in enumerate(shape) if place != dim])
        sums += f"; so at each of the {left} places beside it"
    return sums if count == shape[dim] else f"{count} of {shape[dim]} numbers, as if they were all: {sums}"


def _bars(name: str, before: Sequence[float], after: Sequence[float]) -> Bars:
    """The marked numbers as shares of 1."""
    log = name == "logsoftmax"
    shares = [math.exp(value) for value in after] if log else after
    bars = tuple(
        Bar(short(score), share, f"exp({short(value)}) = {short(share)}" if log else short(share), "out")
        for score, share, value in zip(before, shares, after)
    )
    total = " + ".join(short(share) for share in shares)
    return Bars(
        bars, "the marked ones as shares of 1", f"{total} = {said(round(math.fsum(shares), 9))} (each is rounded)"
    )


# --- halves ----------------------------------------------------------------------------------------------------------


def _halved(subject: Subject) -> Diagram:
    shape, dim = subject.fed.shape, subject.args["dim"] % len(subject.fed.shape)
    half = shape[dim] // 2
    count = min(MOST - 1, half)
    (a,), (b,) = numbers(1, count), [[value % 5 - 2 for value in line] for line in numbers(1, count, 5)]
    gates = [sigmoid(value) for value in b]
    out = [value * gate for value, gate in zip(a, gates)]
    halves = table([[*a, *b]], f"{2 * count} numbers", [["tap"] * count + ["win"] * count])
    steps = table(
        [a, b, gates, out],
        "the second half gates the first",
        [["tap"] * count, ["win"] * count, [""] * count, ["out"] * count],
        ("a", "b", "sigmoid(b)", "a*sigmoid(b)"),
    )
    note = f"of {shape[dim]} numbers {half} come out"
    if count < half:
        note = f"{count} of {half} in each half are shown; {note}"
    places = [size for place, size in enumerate(shape) if place != dim]
    if prod(places) > 1:
        note += f", at each of the {times(places)} places beside the axis"
    title = f"along axis {dim} of the input {times(shape)}"
    return explained(Above((halves, steps), title, note), _HALVES)
