"""Similarities and distances of vectors: two small ones, step by step to one number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest

from layercli.analysis.flow import tensors
from layercli.explain.cells import numbers, times
from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.figures import column, empty, explained, norm, said, table
from layercli.explain.subject import Subject

MOST = 5
"""Components that are shown."""
_MEANINGS = {"tap": "what is compared", "out": "the number that comes out"}


def draw(subject: Subject) -> Diagram | Nothing:
    """Two vectors and what is made of them."""
    if empty(subject.given.shape):
        return Nothing(f"the output is empty: {times(subject.given.shape)}")
    first, second = (flow.shape for flow in tensors(tuple(subject.bound.inputs.values())))
    both = common(first, second)
    cosine = subject.layer.name == "cosinesimilarity"
    axis = subject.args["dim"] % len(both) - len(both) if cosine else -1
    if both[axis] == 0:
        return Nothing("the vectors have no components")
    x1, x2 = (_vector(shape, axis, both[axis], seed) for shape, seed in ((first, 7), (second, 5)))
    steps = _cosine(subject, x1, x2) if cosine else _distance(subject, x1, x2)
    return explained(steps._replace(note=f"{steps.note}; {_places(subject, both, axis)}"), _MEANINGS)


def common(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """The shape that both broadcast to, of one axis at least."""
    pairs = zip_longest(reversed(first), reversed(second), fillvalue=1)
    return tuple(b if a == 1 else a for a, b in pairs)[::-1] or (1,)


def _vector(shape: Sequence[int], axis: int, size: int, seed: int) -> list[float]:
    """Components along an axis counted from the end; where the input has one of them only, it stands for all."""
    count = min(size, MOST)
    made = [number % 6 for number in numbers(1, count, seed)[0]]
    alone = len(shape) < -axis or shape[axis] == 1
    return [made[0] or 1.0] * count if alone else made


def cosine(x1: Sequence[float], x2: Sequence[float], eps: float) -> float:
    """The cosine of the angle between two vectors, lengths below eps taken for it."""
    lengths = [max(norm(x, 2), eps) for x in (x1, x2)]
    if 0 in lengths:
        return math.nan
    return math.fsum(a / lengths[0] * b / lengths[1] for a, b in zip(x1, x2))


def _cosine(subject: Subject, x1: list[float], x2: list[float]) -> Beside:
    eps = subject.args["eps"]
    products = [a * b for a, b in zip(x1, x2)]
    lengths = [norm(x, 2) for x in (x1, x2)]
    found = cosine(x1, x2, eps)
    steps = _steps((x1, x2, products), ("x1", "x2", "x1*x2"))
    first, second = (said(max(length, eps)) for length in lengths)
    note = (
        f"the products add up to {said(sum(products))}; the lengths are {said(lengths[0])} and {said(lengths[1])}, "
        f"below eps {said(eps)} it counts; {said(sum(products))} / ({first} * {second}) = {said(found)}, "
        "the cosine of the angle: 1 for one direction, 0 for a right angle, -1 for opposite ones"
    )
    return Beside((steps, column([found], "cos", ["out"])), ("→",), note=note)


def distance(x1: Sequence[float], x2: Sequence[float], p: float, eps: float) -> float:
    """The p-norm of the difference, to which eps is added."""
    return norm([a - b + eps for a, b in zip(x1, x2)], p)


def _distance(subject: Subject, x1: list[float], x2: list[float]) -> Beside:
    p, eps = subject.args["p"], subject.args["eps"]
    apart = [a - b + eps for a, b in zip(x1, x2)]
    found = distance(x1, x2, p, eps)
    rows, left = [x1, x2, apart], ["x1", "x2", "x1 - x2 + eps"]
    if math.isinf(p):
        words = f"the {'largest' if p > 0 else 'smallest'} difference is {said(found)}"
    elif p == 0:
        words = f"{said(found)} differences are not 0"
    else:
        powers = [_power(abs(value), p) for value in apart]
        rows.append(powers)
        left.append(f"|.|^{said(p)}")
        words = f"the powers add up to {said(sum(powers))}; that to the power 1/{said(p)} is {said(found)}"
    note = f"{words}, the {said(p)}-norm of the difference; eps is {said(eps)}"
    return Beside((_steps(rows, left), column([found], "distance", ["out"])), ("→",), note=note)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):  # too large, or 0 to a negative power
        return math.inf


def _steps(rows: Sequence[Sequence[float]], left: Sequence[str]) -> Grid:
    marks = [["tap" if index < 2 else ""] * len(rows[0]) for index in range(len(rows))]
    return table(rows, "", marks, left)


def _places(subject: Subject, both: Sequence[int], axis: int) -> str:
    shown = min(MOST, both[axis])
    words = "" if shown == both[axis] else f"{shown} of {both[axis]} components, as if they were all; "
    stays = ", where the axis stays with size 1" if subject.args.get("keepdim") else ""
    count = math.prod(both) // both[axis]
    words += f"vectors lie along axis {len(both) + axis} of {times(both)}"
    return f"{words}: {count} pairs, one number each{stays}" if count > 1 else f"{words}: one pair{stays}"
