"""Fully connected layers: the weight as a matrix, of which a row makes an output feature."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import prod

from layercli.analysis.flow import tensors
from layercli.explain.cells import Matrix, numbers, times, view
from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.figures import column, empty, explained, row, short, table
from layercli.explain.subject import Subject

MOST_IN, MOST_OUT, MOST_BOTH = 8, 6, 4
"""Features that are shown: of the input, of the output, of each input of a bilinear form."""
MOST_FRAMES = 400
_PERIOD = 64
_MEANINGS = {"tap": "makes this output feature", "out": "the output feature"}


def draw(subject: Subject) -> Diagram | Nothing:
    """The multiplication for one position, and one output feature marked in it."""
    if subject.layer.name == "identity":
        return Nothing("what goes in comes out: nothing is done to it")
    if empty(subject.given.shape):
        return Nothing(f"the output is empty: {times(subject.given.shape)}")
    if any(shape[-1] == 0 for shape in _shapes(subject)):
        return Nothing(
            "no features go in: " + ("the bias alone comes out" if subject.args["bias"] else "zeros come out")
        )
    out = subject.given.shape[-1]
    (at,) = subject.place((out,), (0,))
    at_feature = _two if subject.layer.name == "bilinear" else _one
    frames = islice(range(out), MOST_FRAMES) if subject.moving else ()
    return explained(at_feature(subject, at), _MEANINGS, [at_feature(subject, place) for place in frames])


def _shapes(subject: Subject) -> list[tuple[int, ...]]:
    return [flow.shape for flow in tensors(tuple(subject.bound.inputs.values()))]


def weights(rows: int, columns: int, seed: int = 27) -> Matrix:
    """Small weights of both signs."""
    return [[number % 5 - 2 for number in line] for line in numbers(rows, columns, seed)]


def features(count: int, seed: int = 7) -> list[float]:
    """Small numbers that come in."""
    return [number % 5 for number in numbers(1, count, seed)[0]]


def product(matrix: Matrix, vector: Sequence[float], bias: Sequence[float] = ()) -> list[float]:
    """The matrix times the vector, and the bias on top."""
    sums = [sum(weight * number for weight, number in zip(line, vector)) for line in matrix]
    return [number + constant for number, constant in zip(sums, bias)] if bias else sums


def bias_of(subject: Subject, shown: range) -> list[float]:
    """The learned constants of these features; none without a bias."""
    every = weights(1, _PERIOD, 11)[0]
    return [every[feature % _PERIOD] for feature in shown] if subject.args["bias"] else []


def _one(subject: Subject, at: int) -> Beside:
    """W times the features of one position."""
    into, out = subject.fed.shape[-1], subject.given.shape[-1]
    shown = view(out, at, at, MOST_OUT)
    x = features(min(into, MOST_IN))
    matrix = [weights(_PERIOD, len(x))[feature % _PERIOD] for feature in shown]
    bias = bias_of(subject, shown)
    y = product(matrix, x, bias)
    index = at - shown.start
    terms = [f"{short(w)}*{short(v)}" for w, v in zip(matrix[index], x)]
    note = f"y[{at}] = {_summed(terms, bias, index)} = {short(y[index])}; {_positions(subject)}"
    return Beside(
        (
            table(matrix, f"W {out}x{into}", [["tap" if f == at else "" for _ in x] for f in shown], _names(shown)),
            column(x, "x", ["tap"] * len(x)),
            *_added(bias, y, shown, at),
        ),
        ("·", *("+" for _ in bias[:1]), "="),
        title="y = x * W^T" + (" + b" if bias else "") + ": a row of W makes one output feature",
        note=note + _cut([("rows of W", len(shown), out), ("input features", len(x), into)]),
    )


def _two(subject: Subject, at: int) -> Beside:
    """A matrix between the features of two inputs."""
    first, second = (shape[-1] for shape in _shapes(subject))
    out = subject.given.shape[-1]
    shown = view(out, at, at, MOST_OUT)
    x1, x2 = features(min(first, MOST_BOTH)), features(min(second, MOST_BOTH), 5)
    matrices = [weights(len(x1), len(x2), 27 + feature % _PERIOD) for feature in shown]
    bias = bias_of(subject, shown)
    y = product([[number] for number in (_form(x1, matrix, x2) for matrix in matrices)], [1.0], bias)
    index = at - shown.start
    note = (
        f"y[{at}]: each x1 times each x2 times its weight, added up"
        + (f", plus b[{at}]" if bias else "")
        + f" = {short(y[index])}; each output feature has a matrix of its own; {_positions(subject)}"
    )
    shares = [("output features", len(shown), out), ("features of x1", len(x1), first), ("of x2", len(x2), second)]
    return Beside(
        (
            row(x1, "x1", ["tap"] * len(x1)),
            table(matrices[index], f"W[{at}] {first}x{second}", [["tap"] * len(x2)] * len(x1)),
            column(x2, "x2", ["tap"] * len(x2)),
            *_added(bias, y, shown, at),
        ),
        ("·", "·", *("+" for _ in bias[:1]), "="),
        title="y[k] = x1 * W[k] * x2" + (" + b[k]" if bias else ""),
        note=note + _cut(shares),
    )


def _form(x1: Sequence[float], matrix: Matrix, x2: Sequence[float]) -> float:
    return sum(number * value for number, value in zip(x1, product(matrix, x2)))


def _added(bias: Sequence[float], y: Sequence[float], shown: range, at: int) -> tuple[Grid, ...]:
    marks = ["tap" if feature == at else "" for feature in shown]
    outs = ["out" if feature == at else "" for feature in shown]
    return (*((column(bias, "b", marks),) if bias else ()), column(y, "y", outs))


def _names(shown: range) -> list[str]:
    return [str(feature) for feature in shown]


def _summed(terms: Sequence[str], bias: Sequence[float], index: int) -> str:
    return " + ".join((*terms, short(bias[index]))) if bias else " + ".join(terms)


def _positions(subject: Subject) -> str:
    """Which axes are left alone."""
    lead = subject.fed.shape[:-1]
    made = ", made when the first input is seen" if subject.layer.name.startswith("lazy") else ""
    if prod(lead) == 1:
        return f"the input has one position{made and '; the weights are'}{made[1:]}"
    return f"the same weights{made} at each of the {times(lead)} positions of the input, each by itself"


def _cut(parts: Sequence[tuple[str, int, int]]) -> str:
    """What is left out, and that the numbers are those of what is shown."""
    said = [f"{shown} of {count} {name}" for name, shown, count in parts if shown < count]
    return f". Shown, as if they were all: {', '.join(said)}" if said else ""
