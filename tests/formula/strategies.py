"""Random formulas with values for their symbols, for every property that holds of any formula."""

from __future__ import annotations

from hypothesis import strategies as st

from layercli.formula import (
    Expr,
    and_,
    eq_,
    floor_,
    ge_,
    le_,
    lt_,
    max_,
    min_,
    ne_,
    not_,
    num,
    or_,
    sym,
    when,
)  # fmt: skip

NAMES = ("H", "k_H", "s", "out")
values = st.fixed_dictionaries({name: st.integers(-50, 400) for name in NAMES})

leaves: st.SearchStrategy[Expr] = st.one_of(
    st.sampled_from([sym(name, f"meaning of {name}") for name in NAMES]), st.integers(-9, 30).map(num)
)


def _grow(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pairs = st.tuples(inner, inner)
    divisors = st.integers(1, 9).map(num)
    conditions = _conditions(inner)
    return st.one_of(
        pairs.map(lambda p: p[0] + p[1]),
        pairs.map(lambda p: p[0] - p[1]),
        pairs.map(lambda p: p[0] * p[1]),
        pairs.map(lambda p: min_(*p)),
        pairs.map(lambda p: max_(*p)),
        inner.map(lambda e: -e),
        st.tuples(inner, divisors).map(lambda p: p[0] // p[1]),
        st.tuples(inner, divisors).map(lambda p: p[0] % p[1]),
        st.tuples(inner, st.integers(0, 3).map(num)).map(lambda p: p[0] ** p[1]),
        st.tuples(inner, st.floats(0.1, 4)).map(lambda p: floor_(p[0] * num(p[1]))),
        st.tuples(conditions, inner, inner).map(lambda t: when(*t)),
    )


def _conditions(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pairs = st.tuples(inner, inner)
    simple = st.one_of(*(pairs.map(lambda p, make=make: make(*p)) for make in (eq_, ne_, lt_, le_, ge_)))
    two = st.tuples(simple, simple)
    return st.one_of(simple, simple.map(not_), two.map(lambda p: and_(*p)), two.map(lambda p: or_(*p)))


formulas = st.recursive(leaves, _grow, max_leaves=12)
conditions = _conditions(formulas)
