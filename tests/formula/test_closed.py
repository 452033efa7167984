"""Closed forms are equal to what they were made of, for all integers, and as short as a textbook has them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings

from layercli.formula import (
    Expr,
    Op,
    eq_,
    evaluate,
    floor_,
    le_,
    max_,
    min_,
    not_,
    num,
    or_,
    sym,
    text,
    when,
)
from layercli.formula.closed import as_polynomial, closed_form
from layercli.formula.polynomial import Polynomial, Symbol, of
from layercli.formula.written import written
from tests.formula.strategies import conditions, formulas, values

H, W, N, T, E = map(sym, ("H", "W", "N", "T", "E"))


def conv(x: Any, k: int, s: int = 1, p: int = 0, d: int = 1) -> Any:
    return (x + 2 * p - d * (k - 1) - 1) // s + 1


def conv_transpose(x: Any, k: int, s: int = 1, p: int = 0, extra: int = 0) -> Any:
    return (x - 1) * s - 2 * p + (k - 1) + extra + 1


def alexnet(x: Expr) -> Expr:
    for window in ((11, 4, 2), (3, 2), (5, 1, 2), (3, 2), (3, 1, 1), (3, 2)):
        x = conv(x, *window)
    return x


def resnet(x: Expr) -> Expr:
    x = conv(conv(x, 7, 2, 3), 3, 2, 1)
    for _ in range(3):
        x = conv(conv(x, 3, 2, 1), 3, 1, 1)
    return x


def unet(x: Expr, depth: int = 4) -> Expr:
    for _ in range(depth):
        x = conv(conv(x, 3, 1, 1), 2, 2)
    for _ in range(depth):
        x = conv_transpose(x, 2, 2)
    return x


READ = [
    ("(H + 7)//4", ((H + 5) // 2 + 1) // 2),
    ("(H + 31)//32", resnet(H)),
    ("(H - 31)//32", alexnet(H)),
    ("16*(H//16)", unet(H)),
    ("64*N*((H + 1)//2)*((W + 1)//2)", N * 64 * conv(H, 7, 2, 3) * conv(W, 7, 2, 3)),
    ("256*N*((H - 31)//32)*((W - 31)//32)", N * 256 * alexnet(H) * alexnet(W)),
    ("3*((H - 31)//32)**2", alexnet(H) * 3 * alexnet(H)),
    ("5*(H - 4)*(W - 4)", (H - 4) * (W - 4) * 3 + 2 * (W - 4) * (H - 4)),
    ("N*E*(T + 1)", N * E * T + E * N),
    ("H", (3 * H + 2) // 3),
    ("H//2", conv(H, 2, 2)),
    ("2*H + 4", 2 * (H + 2)),
    ("4 - H", -H + 4),
    ("-H", -1 * H),
    ("7 - H//2", 7 - H // 2),
    ("(T - H)//2", (T - H) // 2),
    ("3*H//4", ((3 * H) // 2) // 2),
    ("3*(H//4)//4", (3 * (H // 4) // 2) // 2),
    ("H % 16", H % 16),
    ("N + 2*(H % 16)", 2 * H - 32 * (H // 16) + N),
    ("W", (N * H * W) // (N * H)),
    ("N*W + 3//H", (N * H * W + 3) // H),
    ("0", resnet(H) - resnet(H)),
    ("3*H//2", floor_(H * num(1.5))),
    ("2*H", floor_(H * num(2.0))),
    ("floor(H*0.7)", floor_(H * num(0.7))),
    ("floor(((H + 1)//2)*0.7)", floor_(conv(H, 3, 2, 1) * num(0.7))),
    ("min(H//2, (H + 1)//2)", min_(conv(H, 2, 2), conv(H, 3, 2, 1))),
    ("H//2", min_(H // 2, conv(H, 4, 2, 2))),
    ("(H + 2)//2", max_(H // 2, conv(H, 4, 2, 2))),
    ("(H + 31)//32 == W", eq_(resnet(H), W)),
    ("True", le_(H // 2, (H + 4) // 2)),
    ("H if H + 1 <= W + 1 else W", when(le_(H + 1, W + 1), H, (W * 2) // 2)),
    ("W", when(or_(le_(H, H), le_(W, H)), W, H)),
    ("not H <= W", not_(or_(le_(H, W), le_(W, W - 1)))),
]


@pytest.mark.parametrize(("read", "expr"), READ)
def test_it_reads_like_a_textbook(read: str, expr: Expr) -> None:
    assert text(closed_form(expr)) == read


def test_a_sum_over_a_net_collects_what_is_equal() -> None:
    stem, body = conv(H, 7, 2, 3), conv(conv(H, 7, 2, 3), 3, 2, 1)
    whole = N * 9408 * stem * stem + N * 64 * body * body + N * 32 * body * body + 1000 * N
    assert text(closed_form(whole)) == "8*N*(1176*((H + 1)//2)**2 + 12*((H + 3)//4)**2 + 125)"


def test_what_is_closed_stays() -> None:
    for _, expr in READ:
        closed = closed_form(expr)
        assert text(closed_form(closed)) == text(closed)


# --- exact -----------------------------------------------------------------------------------------------------------

Step = Callable[[Any], Any]


def smaller(one: Any, two: Any) -> Any:
    return min_(one, two) if isinstance(one, Expr) else min(one, two)


def steps(draw: random.Random) -> Iterator[Step]:
    """Layers as they stand in nets, and some that do not."""
    for _ in range(draw.randint(1, 9)):
        kind = draw.randrange(6)
        k, s, p, d = draw.randint(1, 7), draw.randint(1, 4), draw.randint(0, 3), draw.randint(1, 2)
        if kind < 3:
            yield lambda x, k=k, s=s, p=p, d=d: conv(x, k, s, p, d)
        elif kind == 3:
            yield lambda x, k=k, s=s, p=p: conv_transpose(x, k, s, p, s - 1)
        elif kind == 4:
            yield lambda x, s=s: x * s
        else:
            yield lambda x, k=k, s=s: smaller((x - k + s - 1) // s + 1, (x - 1) // s + 1)


def test_twenty_thousand_chains_are_exact() -> None:
    draw = random.Random(20_000)
    collapsed = 0
    for _ in range(20_000):
        expr: Expr = H
        chain = list(steps(draw))
        for step in chain:
            expr = step(expr)
        closed = closed_form(expr)
        short = eval(f"lambda H: {text(closed)}")
        for size in (0, 1, 2, -7, *draw.choices(range(500), k=8)):
            nested = size
            for step in chain:
                nested = step(nested)
            assert nested == short(size), (text(expr), text(closed), size)
        collapsed += text(closed).count("//") <= 1
    assert collapsed > 10_000


def _safe(expr: Expr, numbers: dict[str, int]) -> bool:
    """Whether every double on the way is far from where doubles skip integers."""
    if not isinstance(expr, Op):
        return True
    inner = all(_safe(arg, numbers) for arg in expr.args)
    return inner and (expr.kind != "floor" or abs(evaluate(expr.args[0], numbers)) < 2**45)


@settings(max_examples=1000, deadline=None)
@given(formulas, values)
def test_any_formula_keeps_its_value(expr: Expr, numbers: dict[str, int]) -> None:
    assume(_safe(expr, numbers))
    closed = closed_form(expr)
    value = evaluate(expr, numbers)
    assert evaluate(closed, numbers) == value
    assert eval(text(closed), {"floor": math.floor}, dict(numbers)) == value


@settings(max_examples=400, deadline=None)
@given(conditions, values)
def test_any_condition_keeps_its_truth(expr: Expr, numbers: dict[str, int]) -> None:
    assume(_safe(expr, numbers))
    assert bool(evaluate(closed_form(expr), numbers)) is bool(evaluate(expr, numbers))


# --- polynomials -----------------------------------------------------------------------------------------------------


def polynomial(expr: Expr) -> Polynomial:
    found = as_polynomial(expr)
    assert found is not None
    return found


def test_equal_polynomials_do_not_mind_the_order() -> None:
    one, two = polynomial(H * W + N // 2), polynomial(N // 2 + W * H)
    assert one == two
    assert hash(one) == hash(two)
    assert one != polynomial(H * W)
    assert one != "H*W"


def test_products_of_sums_are_multiplied_out_on_demand() -> None:
    difference = polynomial((H + 1) * (H - 1) - (H * H - 1))
    assert difference.constant is None
    assert difference.expanded().constant == 0


@settings(max_examples=300, deadline=None)
@given(formulas, values)
def test_multiplied_out_is_the_same(expr: Expr, numbers: dict[str, int]) -> None:
    found = as_polynomial(expr)
    assume(found is not None and _safe(expr, numbers))
    assert found is not None
    assert evaluate(written(found.expanded()), numbers) == evaluate(expr, numbers)


def test_division_by_zero_is_pythons_error() -> None:
    with pytest.raises(ZeroDivisionError):
        closed_form(H // 0)


def test_formulas_of_words_stay() -> None:
    assert text(closed_form(eq_(sym("mode"), num("area")))) == "mode == 'area'"
    assert as_polynomial(H * num(0.5)) is None
    assert text(closed_form((H + 0) * num(0.5))) == "H*0.5"


def test_a_division_by_sizes_cancels_what_divides() -> None:
    two = of(Symbol("H")) + of(Symbol("W"))
    assert (two * of(Symbol("N"))) // two == of(Symbol("N"))
