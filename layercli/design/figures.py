"""The figures that designs are compared by, and what lies between two values of one: equality, difference, ratio.

All of it is exact. A value is None where it is not known, and then nothing is said of the difference either. Where
sizes are left open a number is a closed form; a difference of two is a closed form again, and a ratio there is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.symbolic import Symbolic, number
from layercli.expect import Expectation, value_of
from layercli.formula.region import holds
from layercli.formula.symbolic import SymInt, plain
from layercli.report import Report

COUNT, BYTES, CELLS, SHAPE, SHAPES, WORD, PLACES = "count", "bytes", "cells", "shape", "shapes", "word", "places"

KINDS = {
    "shape": SHAPE,
    "outputs": SHAPES,
    "dtype": WORD,
    "params": COUNT,
    "trainable_params": COUNT,
    "buffers": COUNT,
    "macs": COUNT,
    "inference_memory": BYTES,
    "memory": BYTES,
    "saved_bytes": BYTES,
    "rf": CELLS,
    "rf_stride": PLACES,
    "rf_padding": PLACES,
}
"""What is compared, and what it is: of ``rf_stride`` and ``rf_padding`` only whether they are the same is told."""

Points = Sequence[Mapping[str, int]]
"""Sizes at which the forms of two designs both hold."""


class Figure(NamedTuple):
    """One figure of every design."""

    of: str
    values: tuple[Any, ...]
    """A number, a tuple of numbers along axes (infinite where a field is global), shapes, a word; None: unknown."""
    whys: tuple[str, ...]
    """Why a value is unknown; empty where it is known, or where no reason is given."""

    @property
    def kind(self) -> str:
        """What the values are."""
        return KINDS[self.of]


class Change(NamedTuple):
    """What lies between a value and the first design's."""

    same: bool | None
    """None where it cannot be told."""
    difference: Any = None
    """The value less the first one; along axes a tuple. None where there is no such thing, or it is not known."""
    ratio: Any = None
    """The value by the first one, a Fraction; along axes a tuple. None where there is no such thing."""


def figures(reports: Sequence[Report]) -> tuple[Figure, ...]:
    """Every figure of these designs."""
    found = []
    for of in KINDS:
        pairs = [_value(of, report) for report in reports]
        found.append(Figure(of, tuple(value for value, _ in pairs), tuple(why for _, why in pairs)))
    return tuple(found)


def _value(of: str, report: Report) -> tuple[Any, str]:
    if not of.startswith("rf_") and of != "outputs":
        return value_of(Expectation(of, of, "", "=", ""), report)
    if not report.ok:
        return None, ""
    if of == "outputs":
        shapes = tuple(flow.shape for flow in tensors(report.analysis.outputs))
        return shapes or None, ""
    axes = report.analysis.rows[-1].reach.spatial
    cells = [axis.cells for axis in axes]
    if None in cells or not cells:
        return None, ""
    return tuple(each and (each.stride if of == "rf_stride" else each.padding) for each in cells), ""


def changes(figure: Figure, points: Sequence[Points]) -> tuple[Change, ...]:
    """What lies between each further design and the first; ``points``: for each of them, see :data:`Points`."""
    base, *others = figure.values
    return tuple(change(figure.kind, base, value, at) for value, at in zip(others, points))


def change(kind: str, base: Any, value: Any, points: Points = ()) -> Change:
    """What lies between a value and the one that it is compared with."""
    if base is None or value is None:
        return Change(None)
    if kind in (COUNT, BYTES):
        return _numbers(base, value, points)
    if kind in (WORD, PLACES):
        return Change(bool(base == value))
    if len(base) != len(value):
        return Change(False)
    if kind == SHAPES:
        return Change(_all([change(SHAPE, one, two, points).same for one, two in zip(base, value)]))
    along = [_numbers(one, two, points) for one, two in zip(base, value)]
    same = _all([each.same for each in along])
    if kind == SHAPE:
        return Change(same)
    return Change(same, *(None if None in told else told for told in _turned(along)))


def _turned(along: Sequence[Change]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return tuple(each.difference for each in along), tuple(each.ratio for each in along)


def _numbers(base: Any, value: Any, points: Points) -> Change:
    """Of two numbers, one of which may be infinite, unknown or a closed form."""
    if base is None or value is None:
        return Change(None)
    if isinstance(base, float) or isinstance(value, float):
        return Change(bool(base == value))
    difference = _less(value, base)
    if isinstance(difference, SymInt):
        apart = any(number(difference, sizes) != 0 for sizes in points)
        return Change(False if apart else None, difference)
    same = difference == 0
    numbers = type(base) is int and type(value) is int
    ratio = Fraction(value, base) if numbers and base else Fraction(1) if same and not numbers else None
    return Change(same, difference, ratio)


def _less(value: int, base: int) -> int:
    """The difference, a plain number where no size is left in it."""
    found = value - base
    if not isinstance(found, SymInt):
        return found
    expanded = found.closed.expanded()
    if expanded.constant is not None:
        return expanded.constant
    shorter = SymInt(plain(found), expanded)
    return shorter if len(str(shorter)) < len(str(found)) else found


def _all(told: Sequence[bool | None]) -> bool | None:
    return False if False in told else None if None in told else True


def common(first: Report, other: Report) -> Points:
    """Sizes at which the forms of both designs hold; none where no sizes are left open."""
    open_ones = [report.analysis.symbolic for report in (first, other)]
    ones, twos = (_sizes(found) for found in open_ones)
    points = [{**one, **two} for one in ones for two in twos] + [{**two, **one} for one in ones for two in twos]
    guards = [guard for found in open_ones if found for guard in found.guards]
    return [point for point in points if point and holds(guards, point)]


def _sizes(found: Symbolic | None) -> Points:
    return [{}] if found is None else [sample.sizes for sample in found.samples]


def decimals(value: Fraction, places: int, *apart: Fraction) -> str:
    """A number rounded to so many places, or as many more as it takes to tell it from these."""
    while any(value != other and round(value, places) == round(other, places) for other in apart):
        places += 1
    rounded = round(value, places)
    whole, rest = divmod(abs(rounded.numerator) * 10**places // rounded.denominator, 10**places)
    return ("-" if rounded < 0 else "") + f"{whole:,}" + (f".{rest:0{places}}" if places else "")
