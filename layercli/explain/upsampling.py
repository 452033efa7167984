"""Upsampling: each output cell as the weighted sum of the input cells around it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from math import floor
from typing import NamedTuple

from layercli.explain.adaptive import shared
from layercli.explain.cells import written
from layercli.explain.diagram import Diagram, Nothing, Picture
from layercli.explain.pooled import Place, Pool, at_place, named, picture
from layercli.explain.subject import Subject
from layercli.explain.windows import Axis, diagram, empty, frames

_KEY = (
    ("win", "the input cell that weighs most"), ("tap", "the others that are blended in"), ("out", "the output cell"),
    ("two", "other cells that the one that weighs most goes into"),
)  # fmt: skip
_NEAREST = ("nearest", "nearest-exact")
SHARPNESS = -0.75
"""torch's A of the cubic kernel."""

Weights = tuple[tuple[int, float], ...]
"""Input cells with what they weigh, from the first to the last."""


class _Line(NamedTuple):
    """One axis: its size, the output's, how many input cells lie between two output cells, what is asked for."""

    size: int
    out: int
    step: float
    mode: str
    corners: bool
    double: bool
    image: bool
    """Whether it is one of two axes."""

    def weights(self, at: int) -> Weights:
        """What an output cell is made of; cells without weight are left out."""
        if self.mode in _NEAREST:
            return ((self._nearest(at), 1.0),)
        return self._cubic(at) if self.mode == "bicubic" else self._linear(at)

    def _nearest(self, at: int) -> int:
        """In single precision, as torch reckons, but for doubles along one axis or three; images copy whole steps."""
        if self.mode == "nearest" and self.image and self.out in (self.size, 2 * self.size):
            return at * self.size // self.out
        half = 0.5 if self.mode == "nearest-exact" else 0.0
        step = self.step if self.double and not self.image else _single(self.step)
        return min(floor(_single((at + half) * step)), self.size - 1)

    def _place(self, at: int) -> float:
        return at * self.step if self.corners else (at + 0.5) * self.step - 0.5

    def _linear(self, at: int) -> Weights:
        if self.out == self.size:
            return ((at, 1.0),)
        place = max(self._place(at), 0.0)
        cell = min(floor(place), self.size - 1)
        share = min(max(place - cell, 0.0), 1.0)
        return _gathered(((cell, 1 - share), (min(cell + 1, self.size - 1), share)))

    def _cubic(self, at: int) -> Weights:
        place = self._place(at)
        cell = min(floor(place), self.size - 1)
        share = min(max(place - cell, 0.0), 1.0)
        apart = (1 + share, share, 1 - share, 2 - share)
        cells = (min(max(cell + step, 0), self.size - 1) for step in (-1, 0, 1, 2))
        return _gathered(tuple(zip(cells, map(_kernel, apart))))


def _single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _kernel(apart: float) -> float:
    """The cubic kernel at a distance (Keys 1981)."""
    if apart <= 1:
        return ((SHARPNESS + 2) * apart - (SHARPNESS + 3)) * apart * apart + 1
    return ((apart - 5) * apart + 8) * apart * SHARPNESS - 4 * SHARPNESS if apart < 2 else 0.0


def _gathered(weights: Weights) -> Weights:
    """One weight for each cell; none for those that weigh nothing."""
    found: dict[int, float] = {}
    for cell, weight in weights:
        found[cell] = found.get(cell, 0.0) + weight
    return tuple((cell, weight) for cell, weight in sorted(found.items()) if abs(weight) > 1e-9)


# --- the picture -----------------------------------------------------------------------------------------------------


def draw(subject: Subject) -> Diagram | Nothing:
    """The input with its numbers, the cells that one output cell is made of, and the output."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    if subject.args.get("mode") == "area":
        return shared(subject, len(subject.fed.shape) - 2)
    lines = _lines(subject)
    outs = tuple(line.out for line in lines)
    at = subject.place(outs, tuple(min(line.out - 1, int(1.5 * line.out / line.size)) for line in lines))
    value = cache(partial(_value, lines))

    def drawn(place: Place) -> Picture:
        return picture(_pool(subject, lines, value, place), place)

    return diagram(drawn(at), _KEY, frames(subject, outs, drawn))


def _lines(subject: Subject) -> tuple[_Line, ...]:
    args = subject.args
    name = subject.layer.name
    bilinear = name == "upsamplingbilinear2d"
    mode = args.get("mode", "bilinear" if bilinear else "nearest")
    corners = bool(args.get("align_corners", bilinear))
    double = subject.fed.dtype == "float64"
    factors = None if args.get("recompute_scale_factor") else args["scale_factor"]
    axes = list(zip(subject.fed.shape[2:], subject.given.shape[2:]))
    if isinstance(factors, (int, float)):
        factors = (factors,)
    several = (factors * len(axes) if len(factors) == 1 else factors) if factors else (None,) * len(axes)
    return tuple(
        _Line(size, out, _step(size, out, corners, factor), mode, corners, double, len(axes) == 2)
        for (size, out), factor in zip(axes, several)
    )


def _step(size: int, out: int, corners: bool, factor: float | None) -> float:
    """How many input cells lie between the centres of two output cells."""
    if corners:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1 / factor if factor else size / out


def _parts(lines: tuple[_Line, ...], at: Place) -> list[tuple[Place, float]]:
    """The cells that an output cell is made of, with their weights."""
    found = []
    for chosen in product(*(line.weights(i) for line, i in zip(lines, at))):
        weight = 1.0
        for _, share in chosen:
            weight *= share
        found.append((tuple(cell for cell, _ in chosen), weight))
    return found


def _value(lines: tuple[_Line, ...], at: Place) -> float:
    return sum(weight * at_place(place) for place, weight in _parts(lines, at))


def _axis(line: _Line) -> Axis:
    def reads(at: int) -> range:
        weights = line.weights(at)
        return range(weights[0][0], weights[-1][0] + 1)

    return Axis(line.size, line.out, reads)


def _pool(subject: Subject, lines: tuple[_Line, ...], value: Callable[[Place], float], at: Place) -> Pool:
    parts = _parts(lines, at)
    most = max(parts, key=lambda part: part[1])[0]

    def made(place: Place) -> str:
        return "two" if any(cell == most for cell, _ in _parts(lines, place)) else ""

    return Pool(
        tuple(map(_axis, lines)),
        value,
        lambda place: _words(subject, lines, place),
        wide=3 if lines[0].mode in _NEAREST else 6,
        wins=lambda place: most if place == at else None,
        made=made,
    )


def _words(subject: Subject, lines: tuple[_Line, ...], at: Place) -> str:
    """The sum that makes an output cell; its weights along each axis where that would be too long."""
    parts = _parts(lines, at)
    if len(parts) == 1:
        return f"{named(at)} is cell {','.join(map(str, parts[0][0]))} of the input"
    result = written(_value(lines, at))
    rounded = ", rounded in uint8" if subject.fed.dtype == "uint8" else ""
    if len(parts) <= 4:
        terms = " + ".join(f"{weight:.3g}*{written(at_place(place))}" for place, weight in parts)
        return f"{named(at)} = {terms} = {result}{rounded}"
    along = (", ".join(f"{weight:.3g}" for _, weight in line.weights(i)) for line, i in zip(lines, at))
    names = ("through the slices ", "down ", "across ")[-len(lines) :] if len(lines) > 1 else ("",)
    weights = "; ".join(f"{name}{each}" for name, each in zip(names, along))
    return f"{named(at)} = {result}{rounded}, weights {weights}"
