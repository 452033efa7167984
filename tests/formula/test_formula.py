"""Formulas: what is computed is what is printed, and Python's own branching on them is loud."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layercli.formula import (
    Axis,
    Expr,
    Num,
    Op,
    Sym,
    Unresolved,
    and_,
    at,
    concat,
    decide,
    dims,
    each,
    eq_,
    evaluate,
    floor_,
    ge_,
    generated,
    gt_,
    is_,
    latex,
    le_,
    length,
    lt_,
    max_,
    min_,
    ne_,
    not_,
    num,
    or_,
    product,
    replace,
    resolve,
    resolve_shape,
    run,
    size,
    slice_,
    substitute,
    sym,
    symbols,
    text,
    total,
    when,
)  # fmt: skip
from tests.formula.strategies import conditions, formulas, values

H, W, k, s, p, d = map(sym, ("H", "W", "k", "s", "p", "d"))
ceil_mode = sym("ceil_mode")
CONV = (H + 2 * p - d * (k - 1) - 1) // s + 1


# --- properties of every formula -------------------------------------------------------------------------------------


@settings(max_examples=600, deadline=None)
@given(formulas, values)
def test_printed_text_read_back_is_the_value(expr: Expr, numbers: dict[str, int]) -> None:
    assert eval(text(expr), {"floor": math.floor}, dict(numbers)) == evaluate(expr, numbers)


@settings(max_examples=600, deadline=None)
@given(formulas, values)
def test_text_with_the_numbers_put_in_is_the_value(expr: Expr, numbers: dict[str, int]) -> None:
    assert eval(substitute(expr, numbers), {"floor": math.floor}) == evaluate(expr, numbers)


@settings(max_examples=300, deadline=None)
@given(conditions, values)
def test_conditions_read_back_too(expr: Expr, numbers: dict[str, int]) -> None:
    assert bool(eval(text(expr), {"floor": math.floor}, dict(numbers))) is bool(evaluate(expr, numbers))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), formulas), max_size=4), conditions, values)
def test_the_generated_function_does_what_the_tree_does(
    lets: list[tuple[str, Expr]], condition: Expr, numbers: dict[str, int]
) -> None:
    steps = (*lets, ("", condition), ("last", sym("H") + 1))
    slow, fast = dict(numbers), dict(numbers)
    assert run(steps, slow) == generated(steps)(fast)
    assert slow == fast


@settings(max_examples=300, deadline=None)
@given(formulas, values)
def test_resolving_without_knowledge_keeps_the_value(expr: Expr, numbers: dict[str, int]) -> None:
    assert evaluate(resolve(expr, {}), numbers) == evaluate(expr, numbers)


@settings(max_examples=300, deadline=None)
@given(formulas, values)
def test_resolving_with_known_numbers_keeps_the_value(expr: Expr, numbers: dict[str, int]) -> None:
    known = {"H": numbers["H"], "s": numbers["s"]}
    assert evaluate(resolve(expr, known), numbers) == evaluate(expr, numbers)


@settings(max_examples=300, deadline=None)
@given(formulas, formulas, values)
def test_replacing_a_symbol_is_evaluating_with_its_value(expr: Expr, part: Expr, numbers: dict[str, int]) -> None:
    expected = evaluate(expr, {**numbers, "H": evaluate(part, numbers)})
    assert evaluate(replace(expr, {"H": part}), numbers) == expected


@settings(max_examples=200, deadline=None)
@given(formulas, formulas)
def test_equality_is_that_of_the_trees(a: Expr, b: Expr) -> None:
    assert (a == b) == (repr(a) == repr(b))
    assert a != b or hash(a) == hash(b)


@settings(max_examples=200, deadline=None)
@given(formulas)
def test_latex_is_balanced_and_names_every_symbol(expr: Expr) -> None:
    written = latex(expr)
    assert written.count("{") == written.count("}")
    assert written.count(r"\left") == written.count(r"\right")
    for name in symbols([expr]):
        assert name[0] in written


# --- examples --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "written"),
    [
        (CONV, "(H + 2*p - d*(k - 1) - 1)//s + 1"),
        (H - (W - 1), "H - (W - 1)"),
        (H + (W - 1), "H + W - 1"),
        ((H - W) - 1, "H - W - 1"),
        (H * (W * k), "H*W*k"),
        (H * (W // k), "H*(W//k)"),
        (H * W // k, "H*W//k"),
        (H // (W // k), "H//(W//k)"),
        ((H + 1) ** 2, "(H + 1)**2"),
        (-(H + 1), "-(H + 1)"),
        (2 - H, "2 - H"),
        (7 // H, "7//H"),
        (7 % H, "7 % H"),
        (-(-H // s), "-(-H//s)"),
        (min_(H, W) + max_(H, 1), "min(H, W) + max(H, 1)"),
        (when(lt_(H, W), H, W + 1), "H if H < W else W + 1"),
        (1 + when(gt_(H, 0), 1), "1 + (1 if 0 < H else 0)"),
        (and_(le_(H, 1), or_(ge_(W, 2), ne_(k, 3))), "H <= 1 and (2 <= W or k != 3)"),
        (not_(eq_(H, W)), "not H == W"),
        (floor_(H * num(0.29)), "floor(H*0.29)"),
        (H - -3, "H - (-3)"),
        (total([]), "0"),
        (size([]), "1"),
        (total([H, W, num(1)]), "H + W + 1"),
    ],
)
def test_text(expr: Expr, written: str) -> None:
    assert text(expr) == written


@pytest.mark.parametrize(
    ("expr", "written"),
    [
        (CONV, r"\left\lfloor \frac{H + 2 \cdot p - d \cdot \left(k - 1\right) - 1}{s} \right\rfloor + 1"),
        (sym("k_H") ** 2, r"k_{H}^{2}"),
        (sym("out") % 3, r"\mathrm{out} \bmod 3"),
        (-H, "-H"),
        (not_(eq_(H, 1)), r"\lnot \left(H = 1\right)"),
        (when(le_(H, 1), 2, 3), r"\begin{cases} 2 & H \le 1 \\ 3 & \text{otherwise} \end{cases}"),
        (floor_(H), r"\left\lfloor H \right\rfloor"),
        (min_(H, W), r"\min\left(H, W\right)"),
        (num("same"), r"\mathrm{same}"),
    ],
)
def test_latex(expr: Expr, written: str) -> None:
    assert latex(expr) == written


def test_names_may_be_shown_shorter() -> None:
    assert text(sym("k_H") * sym("k_W"), lambda name: name[0]) == "k*k"


@pytest.mark.parametrize(
    "branch",
    [
        lambda: bool(H),
        lambda: H < 3,
        lambda: H >= 3,
        lambda: H == 3,
        lambda: max(H, 1),
        lambda: 1 if H else 2,
        lambda: H + "1",
        lambda: H * True,
    ],
)
def test_branching_on_a_formula_is_loud(branch: Any) -> None:
    with pytest.raises(TypeError, match=r"formula"):
        branch()


def test_only_formulas_have_a_value() -> None:
    with pytest.raises(TypeError, match="is no formula"):
        evaluate(3, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="resolve it first"):
        evaluate(length(sym("X")), {})


def test_conditions_look_no_further_than_they_need() -> None:
    undefined = eq_(sym("nowhere") // 0, 1)
    assert evaluate(or_(eq_(num(1), 1), undefined), {}) is True
    assert evaluate(and_(eq_(num(1), 2), undefined), {}) is False
    assert evaluate(when(eq_(num(1), 1), 5, sym("nowhere")), {}) == 5


# --- structure -------------------------------------------------------------------------------------------------------

X = sym("X")
AXES = (Axis("N", sym("N")), Axis("C", sym("C")), Axis("H", sym("H")), Axis("W", sym("W")))


def shown(shape: tuple[Axis, ...]) -> str:
    return ", ".join(f"{axis.label}={text(axis.size)}" for axis in shape)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        (X, "N=N, C=C, H=H, W=W"),
        (slice_(X, 1, -1), "C=C, H=H"),
        (slice_(X, 1, length(X)), "C=C, H=H, W=W"),
        (concat(slice_(X, 0, 1), dims(F=product(slice_(X, 1, length(X))))), "N=N, F=C*H*W"),
        (dims(F=product(slice_(X, 2, 2))), "F=1"),
        (each(length(X) - 2, lambda i: at(X, i + 2) + i), "i0=H + 0, i1=W + 1"),
        (when(eq_(length(X), 4), dims(yes=1), dims(no=0)), "yes=1"),
        (dims(last=at(X, -1)), "last=W"),
    ],
)
def test_shapes_of_a_known_input(shape: Expr, axes: str) -> None:
    assert shown(resolve_shape(shape, {"X": AXES})) == axes


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ({"ceil_mode": True}, "(H + s - 1)//s + 1"),
        ({"ceil_mode": False}, "H//s + 1"),
        ({}, "(H + (s - 1 if ceil_mode else 0))//s + 1"),
    ],
)
def test_a_flag_drops_only_what_it_switches_off(known: dict[str, bool], written: str) -> None:
    assert text(resolve((H + when(ceil_mode, s - 1)) // s + 1, known)) == written


def test_nothing_else_is_simplified() -> None:
    assert text(resolve(H * 1 + 0 * W - 0, {})) == "H*1 + 0*W - 0"
    assert text(resolve(2 * num(3) + H, {})) == "2*3 + H"
    assert text(resolve(num(0) - when(ceil_mode, H), {"ceil_mode": False})) == "0"
    assert text(resolve(when(ceil_mode, H) - W, {"ceil_mode": False})) == "0 - W"
    assert text(resolve(when(ceil_mode, H, 1) * W, {"ceil_mode": False})) == "W"
    assert text(resolve(when(ceil_mode, H, 1) * when(ceil_mode, W, 1), {"ceil_mode": False})) == "1"


def test_words_and_shapes_are_compared() -> None:
    padding = sym("padding")
    assert decide(is_(padding, "same"), {"padding": "same"}) is True
    assert decide(is_(padding, "same"), {"padding": None}) is False
    assert decide(eq_(X, slice_(X, 0, 2)), {"X": AXES}) is False
    assert text(resolve(eq_(slice_(X, 2, 4), dims(a=3, b=4)), {"X": AXES})) == "H == 3 and W == 4"
    assert decide(not_(and_(ceil_mode, or_(ceil_mode, eq_(H, 1)))), {"ceil_mode": False}) is True
    assert text(resolve(or_(ceil_mode, eq_(H, 1)), {"ceil_mode": False})) == "H == 1"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: decide(eq_(H, 1), {}), "not decided"),
        (lambda: resolve(X, {"X": AXES}), "a number is wanted"),
        (lambda: resolve_shape(H, {}), "a shape is wanted"),
        (lambda: resolve(at(X, 4), {"X": AXES}), "axis 4 of a shape of 4"),
        (lambda: resolve(eq_(X, 3), {"X": AXES}), "compared with a number"),
    ],
)
def test_what_the_structure_does_not_decide_is_said(ask: Any, said: str) -> None:
    with pytest.raises(Unresolved, match=re.escape(said)):
        ask()


def test_a_legend_lists_symbols_as_they_are_met() -> None:
    kernel = sym("k", "kernel size")
    assert list(symbols([H + kernel, kernel * W])) == ["H", "k", "W"]
    assert symbols([H + kernel])["k"].meaning == "kernel size"


def test_nodes_show_what_they_are() -> None:
    assert repr(H + 1) == "Op('+', (Sym('H',), Num('int', 1)))"
    assert Sym("H", "one meaning") == Sym("H", "another")
    assert Num(1) != Num(True)
    assert Op("+", (H, W)) != Op("-", (H, W))


@pytest.mark.parametrize(
    ("values_", "size_"),
    [
        # Dumoulin & Visin, "A guide to convolution arithmetic for deep learning": i, k, s, p, d and the output
        ((4, 3, 1, 0, 1), 2), ((5, 4, 1, 2, 1), 6), ((5, 3, 1, 1, 1), 5), ((5, 3, 1, 2, 1), 7), ((5, 3, 2, 0, 1), 2),
        ((5, 3, 2, 1, 1), 3), ((6, 3, 2, 1, 1), 3), ((7, 3, 1, 0, 2), 3),
    ],
)  # fmt: skip
def test_convolution_arithmetic(values_: tuple[int, ...], size_: int) -> None:
    assert evaluate(CONV, dict(zip(("H", "k", "s", "p", "d"), values_))) == size_
