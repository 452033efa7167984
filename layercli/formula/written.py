"""From polynomials to the tree that is read: whole steps move into the floor, and remainders are seen."""

from __future__ import annotations

from functools import reduce

from layercli.formula.expr import Expr, Num, Op, Sym
from layercli.formula.polynomial import ONE, Atom, Floor, Group, Monomial, Opaque, Polynomial, Symbol, of


def written(polynomial: Polynomial) -> Expr:
    """The formula of a polynomial, made once."""
    if polynomial.written is None:
        polynomial.written = _written(polynomial)
    return polynomial.written


def _written(polynomial: Polynomial) -> Expr:
    terms = polynomial.terms
    constant = polynomial.constant
    if constant is not None:
        return Num(constant)
    if len(terms) > 1 and reduce(Monomial.common, terms).powers:
        factor, product = polynomial.factored()
        return _signed(factor, _factors(product))
    terms = dict(terms)
    remainders = _remainders(terms)
    _step_in(terms)
    constant = terms.pop(ONE, 0)
    parts = [(count, _factors(monomial)) for monomial, count in terms.items()] + remainders
    parts.sort(key=lambda part: part[0] < 0)  # H - N reads better than -N + H
    if constant:
        at = len(parts) if constant < 0 or parts[0][0] > 0 else 0
        parts.insert(at, (constant, []))
    (count, factors), *rest = parts
    whole = _signed(count, factors)
    for count, factors in rest:
        whole = Op("-" if count < 0 else "+", (whole, _product(abs(count), factors)))
    return whole


def _signed(count: int, factors: list[Expr]) -> Expr:
    if count == -1 and len(factors) == 1:
        return Op("neg", (factors[0],))
    return _product(count, factors)


def _product(count: int, factors: list[Expr]) -> Expr:
    every = factors if count == 1 and factors else [Num(count), *factors]
    return reduce(lambda one, two: Op("*", (one, two)), every)


def _factors(monomial: Monomial) -> list[Expr]:
    powers = sorted(monomial.powers, key=lambda item: not isinstance(item[0], Symbol))
    return [_atom(atom) if power == 1 else Op("**", (_atom(atom), Num(power))) for atom, power in powers]


def _atom(atom: Atom) -> Expr:
    if isinstance(atom, Symbol):
        return Sym(atom.name)
    if isinstance(atom, Floor):
        return Op("//", (written(atom.top), Num(atom.by)))
    if isinstance(atom, Group):
        return written(atom.inner)
    return Op(atom.kind, tuple(map(written, atom.args))) if isinstance(atom, Opaque) else atom.expr


def _remainders(terms: dict[Monomial, int]) -> list[tuple[int, list[Expr]]]:
    """Takes every ``X - n*(X//n)`` out of a sum: it is ``X % n``."""
    found: list[tuple[int, list[Expr]]] = []
    for monomial in list(terms):
        atom, count = monomial.lone, terms.get(monomial, 0)
        if not isinstance(atom, Floor) or count % atom.by or not count:
            continue
        times = -count // atom.by
        top = atom.top.terms
        if all(terms.get(key) == times * value for key, value in top.items() if key.powers):
            for key in (monomial, *(key for key in top if key.powers)):
                del terms[key]
            constant = terms.pop(ONE, 0) - times * top.get(ONE, 0)
            if constant:
                terms[ONE] = constant
            found.append((times, [Op("%", (written(atom.top), Num(atom.by)))]))
    return found


def _step_in(terms: dict[Monomial, int]) -> None:
    """``X//m + c`` becomes ``(X + c*m)//m``."""
    constant = terms.get(ONE, 0)
    if not constant or len(terms) != 2:
        return
    monomial = next(key for key in terms if key.powers)
    atom, count = monomial.lone, terms[monomial]
    if isinstance(atom, Floor) and count > 0 and constant % count == 0:
        moved = Floor(atom.top + Polynomial({ONE: constant // count * atom.by}), atom.by)
        terms.clear()
        terms.update(dict.fromkeys(of(moved).terms, count))
