"""What pictures of cells share: the part of an axis that is shown, numbers to compute with, how they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import isfinite

from layercli.explain.diagram import Cell, Grid

MOST = 18
"""Cells of an axis that are shown."""
LONGEST = 5
"""Characters of a number in a cell."""

_SHEET = 31

Matrix = list[list[float]]


def view(size: int, first: int = 0, last: int = 0, most: int = MOST, start: int = 0) -> range:
    """The cells of an axis that are shown: all, or a stretch around ``first`` to ``last``; ``start`` is its first."""
    end = start + size
    if size <= most:
        return range(start, end)
    middle = (first + last) // 2
    begin = min(max(start, middle - most // 2), end - most)
    return range(begin, begin + most)


def part(shown: range, start: int, size: int) -> str:
    """What is said where not all of an axis is shown; empty where it is."""
    if len(shown) == size and shown.start == start:
        return ""
    return f"{shown.start} to {shown.stop - 1} of {size}"


def written(value: float) -> str:
    """A number in a cell: whole ones without a point, others with two places; shorter where that is too long."""
    if not isfinite(value):
        return str(value)
    short = str(int(value)) if value == int(value) else f"{value:.2f}"
    if len(short) <= LONGEST and (value == 0 or float(short)):
        return short
    places = (f"{value:.1f}", f"{value:.0f}") if abs(value) >= 1 else ()
    digit, power = f"{value:.0e}".split("e")
    return next((each for each in places if len(each) <= LONGEST), f"{digit}e{int(power)}")


def numbers(rows: int, columns: int, seed: int = 7) -> Matrix:
    """Small whole numbers that look like none in particular, the same each time."""
    state = seed
    made = []
    for _ in range(rows):
        row = []
        for _ in range(columns):
            state = (state * 1103515245 + 12345) % 2**31
            row.append(float((state >> 16) % 10))
        made.append(row)
    return made


@cache
def _sheet(depth: int) -> Matrix:
    return numbers(_SHEET, _SHEET, 7 + depth)


def number(row: int, column: int, depth: int = 0) -> float:
    """The number at one place of an input of any size, the same each time; inputs of up to 31 cells do not repeat."""
    return _sheet(depth % _SHEET)[row % _SHEET][column % _SHEET]


def grid(
    values: Sequence[Sequence[float]],
    title: str = "",
    mark: Callable[[int, int], str] = lambda row, column: "",
    **more: object,
) -> Grid:
    """A matrix of numbers as cells; ``mark`` says what each is."""
    rows = tuple(tuple(Cell(written(value), mark(r, c)) for c, value in enumerate(row)) for r, row in enumerate(values))
    return Grid(rows, title, **more)  # type: ignore[arg-type]


def times(sizes: Sequence[object]) -> str:
    """Sizes as they are spoken of: ``3x5``."""
    return "x".join(map(str, sizes))
