"""The arithmetic of intervals, against the cells that are read one by one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.analysis.intervals import (
    ITSELF,
    MOST_PHASES,
    Cells,
    Reads,
    as_ratio,
    joined,
    sampling,
    sharing,
    sliding,
    spreading,
    through,
)


def _reads() -> st.SearchStrategy[Reads]:
    small = st.integers(1, 5)
    pads = st.integers(-2, 3)
    ratios = st.builds(Fraction, st.integers(1, 5), st.integers(1, 4))
    modes = st.sampled_from(["nearest", "nearest-exact", "linear", "bicubic"])
    return st.one_of(
        st.builds(sliding, small, small, pads, small),
        st.builds(spreading, small, small, pads, small),
        st.builds(sharing, st.integers(1, 9), small),
        st.builds(sampling, modes, ratios, st.booleans()),
    )


def _cells(reads: list[Reads], place: int) -> set[int]:
    """The cells that an output cell reads through all layers, one by one."""
    found = {place}
    for layer in reversed(reads):
        before: set[int] = set()
        for cell in found:
            turns, phase = divmod(cell, len(layer.runs))
            run = layer.runs[phase]
            if run is not None:
                before.update(run[0] + turns * layer.rise + run[1] * number for number in range(run[2]))
        found = before
    return found


@given(st.lists(_reads(), max_size=3))
def test_intervals_are_exact(layers: list[Reads]) -> None:
    cells: Cells | None = ITSELF
    for layer in layers:
        cells = None if cells is None else through(cells, layer)
    assert cells is not None
    sizes = []
    for place in range(-3, 3 + len(cells.intervals)):
        found = _cells(layers, place)
        assert cells.at(place) == ((min(found), max(found)) if found else None)
        sizes.append(max(found) - min(found) + 1 if found else 0)
    assert cells.size == max(sizes)


@given(st.lists(_reads(), max_size=2), st.lists(_reads(), max_size=2))
def test_joined_intervals_are_those_of_both(one: list[Reads], other: list[Reads]) -> None:
    first, second = ITSELF, ITSELF
    for layer in one:
        first = through(first, layer) or first
    for layer in other:
        second = through(second, layer) or second
    both = joined(first, second)
    if both is None:
        assert first.stride != second.stride
        return
    for place in range(-3, 40):
        pair = [found for found in (first.at(place), second.at(place)) if found]
        assert both.at(place) == ((min(p[0] for p in pair), max(p[1] for p in pair)) if pair else None)


def test_a_period_is_the_shortest() -> None:
    up = sampling("nearest", Fraction(1, 2), False)
    assert up is not None
    halved = through(through(ITSELF, up) or ITSELF, sliding(2, 2, 0, 1))
    assert halved == ITSELF


def test_maps_that_repeat_too_late_are_given_up() -> None:
    assert spreading(3, MOST_PHASES + 1, 0, 1) is None
    assert sharing(MOST_PHASES + 2, MOST_PHASES + 1) is None
    assert sampling("nearest", Fraction(1, MOST_PHASES + 1), False) is None


@pytest.mark.parametrize(
    ("factor", "ratio"), [(2, (1, 2)), (0.5, (2, 1)), (1.3, (10, 13)), (1 / 3, (3, 1)), (2.5, (2, 5))]
)
def test_a_factor_is_taken_as_it_is_meant(factor: float, ratio: tuple[int, int]) -> None:
    assert as_ratio(factor) == Fraction(*ratio)
