"""Conditions over whole boxes: what is said to be certain is so at every point."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.formula import Expr, and_, eq_, evaluate, floor_, ge_, le_, ne_, not_, num, or_, sym, when
from layercli.formula.enclosed import enclosed
from layercli.formula.specialised import folded, specialised
from tests.formula.strategies import NAMES, conditions, formulas

spans = st.tuples(st.integers(-4, 30), st.integers(0, 3)).map(lambda ends: (ends[0], ends[0] + ends[1]))


def points(box: list[tuple[int, int]]) -> Any:
    return product(*(range(low, high + 1) for low, high in box))


def holds(condition: Expr, values: dict[str, Any]) -> bool:
    return bool(evaluate(condition, values))


@given(conditions, st.lists(spans, min_size=len(NAMES), max_size=len(NAMES)))
def test_what_is_certain_holds_at_every_point(condition: Expr, box: list[tuple[int, int]]) -> None:
    said = enclosed((("", condition),), {}, [(name,) for name in NAMES])(*[(ends,) for ends in box])
    if said is not None:
        assert {holds(condition, dict(zip(NAMES, point))) for point in points(box)} == {said}


@given(conditions, st.lists(st.integers(-20, 60), min_size=len(NAMES), max_size=len(NAMES)))
def test_a_single_point_is_not_contradicted(condition: Expr, point: list[int]) -> None:
    said = enclosed((("", condition),), {}, [(name,) for name in NAMES])(*[((value, value),) for value in point])
    assert said in (None, holds(condition, dict(zip(NAMES, point))))


@given(formulas, conditions, st.lists(st.integers(-20, 60), min_size=len(NAMES), max_size=len(NAMES)))
def test_a_function_of_what_varies_is_the_formula(formula: Expr, condition: Expr, point: list[int]) -> None:
    values = dict(zip(NAMES, point))
    steps = (("let", formula), ("", condition), ("result", sym("let") + 1))
    for varied in range(len(NAMES) + 1):
        groups = [NAMES[:varied]]
        found = specialised(steps, values, groups, ("let", "result"))(tuple(point[:varied]))
        let = evaluate(formula, values)
        assert found == ((let, let + 1) if holds(condition, values) else 1)


H, K = sym("H"), sym("K")


@pytest.mark.parametrize(
    ("condition", "box", "expected"),
    [
        (le_(H // K, 3), ((1, 3), (1, 2)), True),
        (ge_(H // K, 4), ((1, 3), (1, 2)), False),
        (eq_(H // K, 3), ((1, 6), (1, 2)), None),
        (eq_(H % 4, 2), ((8, 9), (0, 0)), False),
        (le_(H % 4, 3), ((0, 99), (0, 0)), True),
        (eq_((H + 2) // 2, 3), ((4, 5), (0, 0)), True),
        (ne_(H, K), ((1, 3), (4, 5)), True),
        (not_(eq_(H, K)), ((1, 3), (1, 3)), None),
        (or_(le_(H, 2), ge_(H, 2)), ((1, 9), (0, 0)), None),
        (and_(ge_(H, 1), le_(H, 9)), ((1, 9), (0, 0)), True),
        (eq_(when(ge_(H, 5), 1, 2), 2), ((1, 4), (0, 0)), True),
        (eq_(floor_(H * num(1.5)), 3), ((2, 2), (0, 0)), True),
        (ge_(H // K, 0), ((1, 9), (0, 1)), None),
        (ge_(num(float("inf")), H), ((1, 9), (0, 0)), None),
    ],
)
def test_examples(condition: Expr, box: tuple[tuple[int, int], ...], expected: bool | None) -> None:
    asks = enclosed((("", condition),), {}, [("H",), ("K",)])
    assert asks(*[(ends,) for ends in box]) is expected


def test_what_does_not_vary_is_worked_out_once() -> None:
    steps = (("a", K + 1), ("", le_(sym("a"), 9)), ("b", H + sym("a")))
    rest = folded(steps, {"K": 3, "H": 1}, {"H"})
    assert rest is not None
    assert [name for name, _ in rest[0]] == ["b"]
    assert rest[1]["a"] == 4
    assert folded(steps, {"K": 30, "H": 1}, {"H"}) is None
