"""Sizes that meet conditions on several of them are found, near to those that are there."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layercli.formula import Expr, evaluate, floor_, num, sym
from layercli.formula.closed import as_polynomial
from layercli.formula.guards import Guard
from layercli.formula.region import holds
from layercli.formula.search import allowance, search

SIZES = {"N": 2, "C": 3, "H": 224, "W": 224}
N, C, H, W = map(sym, SIZES)


def guard(left: Expr, relation: str, right: Expr) -> Guard:
    sides = [as_polynomial(side) for side in (left, right)]
    assert sides[0] is not None
    assert sides[1] is not None
    return Guard(relation, sides[0], sides[1])


def found(*guards: Guard, names: str = "NHW", left: int | None = None) -> dict[str, int] | None:
    tries = allowance() if left is None else iter(range(left))
    sizes = search(guards, names, SIZES, ("N",), tries)
    assert sizes is None or holds(guards, sizes)
    return sizes


@pytest.mark.parametrize(
    ("expr", "value", "sizes"),
    [
        (3 * H * W, 600, {"H": 10, "W": 20}),
        (8 * (H // 2) * (W // 2), 2400, {"H": 40, "W": 30}),
        (H * W, 169, {"H": 13, "W": 13}),
        ((H - 2) * (W - 2), 200, {"H": 12, "W": 22}),
        (N * H * W, 7, {"N": 1, "H": 1, "W": 7}),
        (4 * N * H * W, 64, {"H": 2, "W": 4}),
        (H * W, 1_000_003, {"H": 1, "W": 1_000_003}),
        (N * W, 448, {}),
        ((H // 16) * (W // 16) + 1, 197, {}),
        (floor_(H * num(1.7)) * floor_(W * num(1.7)), 400, {"H": 12, "W": 12}),
    ],
)
def test_a_product_is_taken_apart_near_to_a_square(expr: Expr, value: int, sizes: dict[str, int]) -> None:
    assert found(guard(expr, "==", num(value))) == {**SIZES, **sizes}


def test_other_sizes_stay_as_they_are_where_that_will_do() -> None:
    assert found(guard(N * H % 15, "==", num(0)), names="NH") == {**SIZES, "H": 15}
    assert found(guard(H * W, "==", num(448)), names="HW") == {**SIZES, "W": 2}
    assert found(guard(H * W, "<=", num(1000))) == {**SIZES, "H": 1, "W": 1}


def test_what_else_is_asked_is_met_too() -> None:
    area = guard(H * W, "==", num(600))
    assert found(area, guard(num(100), "<=", H)) == {**SIZES, "H": 100, "W": 6}
    assert found(area, guard(H % 7, "==", num(5)), guard(W % 10, "==", num(0))) == {**SIZES, "H": 12, "W": 50}
    assert found(area, guard(W, "==", 6 * H)) == {**SIZES, "H": 10, "W": 60}
    assert found(area, guard(C, "==", 2 * H), guard(C, "<", num(100))) == {**SIZES, "C": 50, "H": 25, "W": 24}


def test_none_is_found_where_there_is_none_or_tries_are_used_up() -> None:
    assert found(guard(H * W, "==", num(600)), guard(H * W * W, "==", num(601))) is None
    assert found(guard(2 * H * W, "==", num(601))) is None
    assert found(guard(H * W, "==", num(1_000_003)), left=50) is None


_factors = st.tuples(st.sampled_from((H, W, C)), st.integers(-3, 3), st.integers(1, 4)).map(
    lambda drawn: (drawn[0] + num(drawn[1])) // num(drawn[2])
)
_sums = st.tuples(st.lists(_factors, min_size=2, max_size=3), st.integers(0, 5)).map(
    lambda drawn: reduce(lambda one, two: one * two, drawn[0]) + num(drawn[1])
)


@settings(max_examples=200, deadline=None)
@given(_sums, st.fixed_dictionaries({name: st.integers(4, 40) for name in "CHW"}))
def test_what_can_be_met_is_found(expr: Expr, sizes: dict[str, int]) -> None:
    asked = guard(expr, "==", num(evaluate(expr, sizes)))
    if asked.decided() is None:
        assert found(asked, names="CHW") is not None
