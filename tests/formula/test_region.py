"""The region of an answer is exact: by brute force over sizes, for nets and for random conditions."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from layercli.formula import Expr, floor_, num, sym
from layercli.formula.closed import as_polynomial
from layercli.formula.guards import CHOICE, NEED, Guard, Tracer
from layercli.formula.polynomial import number
from layercli.formula.region import Conditions, Region, demands, holds, region
from layercli.formula.spans import solve
from layercli.formula.symbolic import SymInt


def window(x: int, k: int, s: int = 1, p: int = 0) -> int:
    y = (x + 2 * p - k) // s + 1
    assert y > 0
    return y


def alexnet(x: int) -> int:
    for k, s, p in ((11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 2, 0)):
        x = window(x, k, s, p)
    return x


def resnet(x: int) -> int:
    x = window(window(x, 7, 2, 3), 3, 2, 1)
    for _ in range(3):
        main, short = window(window(x, 3, 2, 1), 3, 1, 1), window(x, 1, 2)
        assert main == short
        x = main
    return x


def unet(x: int) -> int:
    skips = []
    for _ in range(4):
        skips.append(x)
        x = window(x, 2, 2)
    for skip in reversed(skips):
        x = 2 * x
        assert x == skip
    return x


def pooled(x: int) -> int:
    """Windows that may hang over the end, as ``ceil_mode`` has them."""
    for _ in range(3):
        x = min((x - 3 + 1) // 2 + 1, (x - 1) // 2 + 1)
        assert x > 0
    return x


def traced(net: Callable[[int], int], witness: int = 224) -> Tracer:
    with Tracer() as tracer, tracer.under(NEED):
        net(SymInt(witness, "H"))
    return tracer


def said(found: Region) -> list[str]:
    return [demand.text for demand in found.demands]


@pytest.mark.parametrize(
    ("net", "texts", "smallest"),
    [
        (alexnet, ["H >= 63"], 63),
        (resnet, [], 1),
        (unet, ["H % 16 == 0"], 16),
        (pooled, ["H >= 8"], 8),
        (lambda x: unet(alexnet(x) * 16 + x - 40), ["H >= 72", "H % 16 == 8"], 72),
    ],
)
def test_nets_by_brute_force(net: Callable[[int], int], texts: list[str], smallest: int) -> None:
    witness = 248 if smallest == 72 else 224
    tracer = traced(net, witness)
    found = region(tracer.guards)
    assert said(found) == texts
    assert found.smallest == ({"H": smallest} if tracer.guards else {})
    for size in range(1, 401):
        try:
            net(size)
            legal = True
        except AssertionError:
            legal = False
        assert legal is all(eval(each, {"H": size}) for each in texts), size


# --- what is said ----------------------------------------------------------------------------------------------------

H, W, N = SymInt(64, "H"), SymInt(64, "W"), SymInt(2, "N")


def asked(*conditions: Callable[[], bool]) -> list[str]:
    with Tracer() as tracer, tracer.under(NEED):
        for condition in conditions:
            condition()
    return [demand.text for demand in demands(tracer.guards)]


def test_demands_on_one_size() -> None:
    assert asked(lambda: H > 31) == ["H >= 32"]
    assert asked(lambda: H <= 100) == ["H <= 100"]
    assert asked(lambda: H // 2 == 32) == ["H in (64, 65)"]
    assert asked(lambda: H == 64) == ["H == 64"]
    assert asked(lambda: (H + 5) % 6 == 3) == ["H % 6 == 4"]
    assert asked(lambda: H % 16 != 1) == ["H % 16 != 1"]
    assert asked(lambda: H % 3 == 1, lambda: H % 5 == 4, lambda: H > 3) == ["H % 15 == 4"]
    assert asked(lambda: H % 3 == 1, lambda: H > 5) == ["H >= 7", "H % 3 == 1"]
    assert asked(lambda: H != 5, lambda: H > 2) == ["H >= 3", "H != 5"]
    assert asked(lambda: (H // 16) * (H // 16) == 16) == ["H >= 64", "H <= 79"]
    assert asked(lambda: H * H < 60000) == ["H <= 244"]
    assert asked(lambda: (H * H) % 4 == 0) == ["H % 2 == 0"]


def test_what_all_sizes_fulfil_is_left_out() -> None:
    assert asked(lambda: H > 0, lambda: H // 2 <= (H + 1) // 2, lambda: H < 2**40) == []
    assert asked(lambda: N * H * W > 0) == []
    assert asked(lambda: H > 5, lambda: (H - 5) * W >= 1) == ["H >= 6"]


def test_conditions_on_several_sizes_stand_as_they_are() -> None:
    assert asked(lambda: H == W) == ["H == W"]
    assert asked(lambda: 64 * H == 64 * W) == ["H == W"]
    assert asked(lambda: 16 * ((H - 4) // 4) * ((W - 4) // 4) == 3600) == ["16*((H - 4)//4)*((W - 4)//4) == 3600"]
    assert asked(lambda: N < H) == ["N < H"]


def test_equal_sizes_share_their_demands() -> None:
    assert asked(lambda: H == W, lambda: W >= 63, lambda: H // 2 == W // 2) == ["H >= 63", "H == W"]
    with Tracer() as tracer:
        assert H == W
        assert W >= 63
        assert W % 16 == 0
    assert region(tracer.guards).smallest == {"H": 64, "W": 64}
    two = SymInt(128, "T")
    with Tracer() as tracer:
        assert two == 2 * H
        assert two > 40
    found = region(tracer.guards)
    assert said(found) == ["H >= 21", "T == 2*H"]
    assert found.smallest == {"T": 42, "H": 21}


def test_floors_of_doubles_are_unknowns_of_their_own() -> None:
    scaled = SymInt(44, floor_(sym("H") * num(0.7)))
    assert asked(lambda: (scaled - 3) // 4 >= 2) == ["floor(H*0.7) >= 11"]
    with Tracer() as tracer:
        assert (scaled - 3) // 4 >= 2
    assert region(tracer.guards).smallest == {"H": 16}
    assert asked(lambda: scaled + 2 <= H) == ["floor(H*0.7) + 2 <= H"]


def test_needs_come_first_and_choices_only_where_they_narrow() -> None:
    with Tracer() as tracer:
        with tracer.under(NEED):
            assert H >= 10
        assert H >= 20
        assert H >= 5
    found = region(tracer.guards)
    assert [(demand.text, demand.category) for demand in found.demands] == [("H >= 10", NEED), ("H >= 20", CHOICE)]
    assert found.smallest == {"H": 20}


def test_what_cannot_be_is_said() -> None:
    never = [Guard("<", number(9), H.closed, NEED), Guard("<", H.closed, number(5), NEED)]
    assert said(region(never)) == ["no H will do"]
    assert region(never).smallest is None


def test_too_long_a_period_is_stated_as_it_stands() -> None:
    with Tracer() as tracer, tracer.under(NEED):
        assert H % 99_991 == 64
    found = region(tracer.guards)
    assert [(demand.kind, demand.text) for demand in found.demands] == [("unknown", "H % 99991 == 64")]
    assert found.smallest == {"H": 64}


def test_sizes_that_no_product_allows_are_not_named() -> None:
    with Tracer() as tracer, tracer.under(NEED):
        assert H * W == 4096
    assert region(tracer.guards).smallest is None


def test_what_follows_from_another_condition_is_left_out() -> None:
    fewest = [lambda by=by: N * ((H + by - 1) // by) * ((W + by - 1) // by) != 1 for by in (2, 8, 32, 4)]
    assert asked(*fewest) == ["N*((H + 31)//32)*((W + 31)//32) != 1"]
    assert asked(lambda: N * H != 1, lambda: 3 * N * H * W > 3, lambda: H * N != 1) == ["N*H != 1"]
    assert asked(lambda: N * H != 1, lambda: N * W != 1) == ["N*H != 1", "N*W != 1"]
    assert asked(lambda: H * W == 4096, lambda: N * H * W != 1) == ["H*W == 4096"]
    assert asked(lambda: H * W != 1, lambda: H * W != 2) == ["H*W != 1", "H*W != 2"]
    assert asked(lambda: H > 3, lambda: (H - 3) * W >= 5, lambda: H * W >= 5) == ["H >= 4", "W*(H - 3) >= 5"]
    assert asked(lambda: (H - 5) * W >= 5, lambda: H * W >= 5) == ["W*(H - 5) >= 5", "H*W >= 5"]  # below 5 both fall


def test_what_rises_has_no_period_that_is_too_long() -> None:
    assert asked(lambda: SymInt(250_000, "H") // 99_991 == 2) == ["H >= 199982", "H <= 299972"]
    assert asked(lambda: H // 99_991 != 2, lambda: H >= 5) == ["H // 99991 != 2".replace(" // ", "//"), "H >= 5"]


def test_few_values_are_gone_through() -> None:
    divides = SymInt(12, "C")
    assert asked(lambda: divides <= 24, lambda: 24 % divides == 0) == ["C in (1, 2, 3, 4, 6, 8, 12, 24)"]
    assert asked(lambda: divides <= 14, lambda: 60 % divides == 0, lambda: divides >= 11) == ["C == 12"]


def test_what_no_sizes_meet_is_known_of_several_too() -> None:
    def impossible(*guards: Guard) -> bool:
        return Conditions(guards).impossible

    one, area = number(1), (H * W).closed
    assert impossible(Guard("==", area, number(0)))
    assert impossible(Guard("<", area, one))
    assert impossible(Guard("<=", number(3), H.closed), Guard("==", ((H - 2) * W).closed, number(0)))
    assert impossible(Guard("==", (3 * H * W).closed, number(7)))
    assert not impossible(Guard("==", area, number(7)))
    assert not impossible(Guard("!=", area, one))


# --- any condition ---------------------------------------------------------------------------------------------------


def _linear(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    numbers = st.integers(-6, 6)
    return st.one_of(
        st.tuples(inner, numbers).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, numbers).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, st.integers(1, 6)).map(lambda pair: pair[0] // pair[1]),
        st.tuples(inner, st.integers(1, 6)).map(lambda pair: pair[0] % pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
    )


sizes_formulas = st.recursive(st.just(sym("H")), _linear, max_leaves=4)


@settings(max_examples=400, deadline=None)
@given(sizes_formulas, st.sampled_from(("==", "!=", ">=")), st.integers(-20, 60))
def test_spans_are_what_brute_force_finds(expr: Expr, relation: str, bound: int) -> None:
    polynomial = as_polynomial(expr)
    assert polynomial is not None
    spans = solve(relation, polynomial - number(bound), "H")
    assume(spans is not None and spans.period <= 2000)
    assert spans is not None
    guard = Guard("<=", number(bound), polynomial) if relation == ">=" else Guard(relation, polynomial, number(bound))
    for size in (*range(1, 150), 1000, 1001, 54321):
        assert (size in spans) is holds([guard], {"H": size})


_factors = st.tuples(st.sampled_from("HWN"), st.integers(0, 3), st.integers(1, 4)).map(
    lambda drawn: (sym(drawn[0]) + num(drawn[1])) // num(drawn[2])
)
_products = st.lists(_factors, min_size=1, max_size=3).map(lambda factors: reduce(lambda one, two: one * two, factors))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_products, st.sampled_from(("!=", "<=", "==")), st.integers(0, 4)), min_size=2, max_size=5))
def test_what_is_left_out_follows_from_what_is_said(chosen: list[tuple[Expr, str, int]]) -> None:
    guards = []
    for expr, relation, bound in chosen:
        polynomial = as_polynomial(expr)
        assert polynomial is not None
        sides = (number(bound), polynomial) if relation == "<=" else (polynomial, number(bound))
        guards.append(Guard(relation, *sides, NEED))
    found = Conditions(guards)
    said = [*found.demands()]
    for sizes in (dict(zip("HWN", chosen)) for chosen in product(range(1, 6), repeat=3)):
        legal = holds(guards, sizes)
        assert not (legal and found.impossible)
        if not any(guard.decided() is False for guard in guards):
            assert legal == all(demand.meets(sizes) for demand in said), sizes


conditions = st.tuples(sizes_formulas, st.sampled_from(("==", "!=", "<=")), st.integers(-10, 60))


@settings(max_examples=400, deadline=None)
@given(st.lists(conditions, min_size=1, max_size=4))
def test_demands_are_what_brute_force_finds(chosen: list[tuple[Expr, str, int]]) -> None:
    guards = []
    for expr, relation, bound in chosen:
        polynomial = as_polynomial(expr)
        assert polynomial is not None
        guards.append(Guard(relation, polynomial, number(bound), NEED))
    found = region(guards)
    texts = [demand.text for demand in found.demands if demand.kind != "none"]
    impossible = len(texts) < len(found.demands) or any(guard.decided() is False for guard in guards)
    legal = [size for size in range(1, 400) if holds(guards, {"H": size})]
    if impossible:
        assert not legal
        return
    assert legal == [size for size in range(1, 400) if all(eval(each, {"H": size}) for each in texts)]
    if legal and found.smallest:
        assert found.smallest == {"H": legal[0]}
