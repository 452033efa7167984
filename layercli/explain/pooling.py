"""Pools whose window slides: numbers under a kernel become their largest, their mean, their norm."""

from __future__ import annotations

import struct
from functools import cache, partial
from math import inf, isinf, prod

from layercli.explain.cells import written
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pooled import Place, Pool, at_place, counted, largest, named, picture, under
from layercli.explain.subject import Subject
from layercli.explain.windows import Axis, diagram, empty, frames, sliding

_KEY = (
    ("tap", "under the window of this output cell"), ("out", "the output cell"), ("win", "the largest of a window"),
    ("pad", "padding"), ("off", "not there: a last window hangs over the end"),
)  # fmt: skip


def draw(subject: Subject) -> Diagram | Nothing:
    """The input with its numbers and the window at one position, and the output."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    make = {"max": _maximum, "avg": _mean, "lpp": _norm}[subject.layer.name[:3]]
    pool = make(subject, sliding(subject))
    at = subject.place(pool.outs, pool.usual)
    return diagram(picture(pool, at), _KEY, frames(subject, pool.outs, partial(picture, pool)))


# --- the largest -----------------------------------------------------------------------------------------------------


def _maximum(subject: Subject, axes: tuple[Axis, ...]) -> Pool:
    wins = cache(partial(largest, axes))

    def words(at: Place) -> str:
        if wins(at) is None:
            return f"{named(at)} has nothing but padding under it: minus infinity"
        return f"{named(at)} is the largest of {counted(sum(1 for _ in under(axes, at)))}: {written(value(at))}"

    def value(at: Place) -> float:
        best = wins(at)
        return -inf if best is None else at_place(best)

    return Pool(axes, value, words, wide=3, wins=wins)


# --- the mean --------------------------------------------------------------------------------------------------------


def _mean(subject: Subject, axes: tuple[Axis, ...]) -> Pool:
    """What is divided by: the cells of the window up to the end of the padding, the real ones, or a number."""
    counted, override = subject.args["count_include_pad"], subject.args.get("divisor_override")
    whole = subject.fed.dtype == "int64"

    def divisor(at: Place) -> int:
        if override is not None:
            return int(override)
        return prod(_present(axis, i) if counted else len(axis.real(i)) for axis, i in zip(axes, at))

    def total(at: Place) -> float:
        return sum(value for _, value in under(axes, at))

    @cache
    def value(at: Place) -> float:
        mean = total(at) / divisor(at)
        return float(int(mean)) if whole else mean

    def words(at: Place) -> str:
        said = f"{named(at)}: {written(total(at))}/{divisor(at)} = {written(value(at))}"
        if whole:
            said += ", whole as the input is"
        if override is not None:
            return f"{said}, divided by {override} whatever the window"
        if all(len(axis.real(i)) == _present(axis, i) for axis, i in zip(axes, at)):
            return said
        return said + (", padding counts as 0" if counted else ", padding does not count")

    return Pool(axes, value, words, wins=lambda at: None)


def _present(axis: Axis, at: int) -> int:
    """How many cells of a window the input and its padding have."""
    return min(axis.reads(at).stop, axis.padded.stop) - axis.reads(at).start


# --- the norm --------------------------------------------------------------------------------------------------------


def _norm(subject: Subject, axes: tuple[Axis, ...]) -> Pool:
    """torch takes the mean of the powers that there are times the cells of a whole window; for inf the extreme."""
    power = float(subject.args["norm_type"])
    if isinf(power):
        return _extreme(subject, axes, power)
    dtype = subject.fed.dtype

    @cache
    def value(at: Place) -> float:
        powers = [_rounded(_raised(each, power), dtype) for _, each in under(axes, at)]
        mean = _rounded(_rounded(sum(powers), "float64" if dtype == "float64" else "float32") / len(powers), dtype)
        return _raised(_rounded(mean * prod(len(axis.reads(i)) for axis, i in zip(axes, at)), dtype), 1 / power)

    def words(at: Place) -> str:
        there, window = sum(1 for _ in under(axes, at)), prod(len(axis.reads(i)) for axis, i in zip(axes, at))
        said = f"{named(at)}: the {power:g}-norm of {counted(there)} is {written(value(at))}"
        if there < window:
            said += f"; the {window - there} that are not there count as much as the others do on average"
        return said

    return Pool(axes, value, words)


def _extreme(subject: Subject, axes: tuple[Axis, ...], power: float) -> Pool:
    pool = _maximum(subject, axes)
    if power > 0:
        return pool

    @cache
    def smallest(at: Place) -> Place | None:
        return min(under(axes, at), key=lambda found: found[1])[0]

    def value(at: Place) -> float:
        best = smallest(at)
        assert best is not None
        return at_place(best)

    def words(at: Place) -> str:
        return f"{named(at)} is the smallest of its cells: {written(value(at))}"

    return Pool(axes, value, words, wide=3, wins=smallest)


def _raised(value: float, power: float) -> float:
    try:
        return float(value**power)
    except (ZeroDivisionError, OverflowError):
        return inf


def _rounded(value: float, dtype: str) -> float:
    """The value in this dtype; what is too large for it is infinite."""
    form = {"float64": "d", "float16": "e"}.get(dtype, "f")
    try:
        return float(struct.unpack(form, struct.pack(form, value))[0])
    except OverflowError:
        return inf
