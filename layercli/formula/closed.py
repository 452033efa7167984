"""Closed forms: the sizes of a whole chain of layers as one formula of the sizes that went in.

``((H + 5)//2 + 1)//2`` is ``(H + 7)//4``. What does not collapse stays as it is: every result is equal to the formula
that it was made of for all integers, and only shorter where there is something to shorten. Floats are left alone,
except that the floor of a size times a float which is a small fraction of a power of two, such as 1.5, is a floor of
integers (equal as long as the size has no more than 32 bits, where doubles lose nothing).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from layercli.formula.evaluate import FUNCTIONS
from layercli.formula.expr import Expr, Num, Op, Sym
from layercli.formula.polynomial import Atom, Floor, Group, Opaque, Other, Polynomial, Symbol, chosen, number, of, parts
from layercli.formula.replace import replace
from layercli.formula.written import written

_COMPARISONS = ("==", "!=", "<", "<=")
_FINEST = 21
"""Bits that a float's numerator and denominator may have for products with sizes to be exact."""


def closed_form(expr: Expr) -> Expr:
    """The closed form of a formula of integers or of a condition on them; floats and words stay as they are."""
    polynomial = as_polynomial(expr)
    if polynomial is not None:
        return written(polynomial)
    if not isinstance(expr, Op):
        return expr
    if expr.kind in _COMPARISONS:
        return _comparison(expr)
    if expr.kind in ("and", "or"):
        return _connective(expr)
    args = tuple(map(closed_form, expr.args))
    if isinstance(args[0], Num) and isinstance(args[0].value, bool):
        if expr.kind == "not":
            return Num(not args[0].value)
        if expr.kind == "when":
            return args[1] if args[0].value else args[2]
    return Op(expr.kind, args)


def as_polynomial(expr: Expr) -> Polynomial | None:
    """The canonical polynomial of a formula of integers; None for conditions, words and floats."""
    if isinstance(expr, Sym):
        return of(Symbol(expr.name))
    if isinstance(expr, Num):
        return number(expr.value) if type(expr.value) is int else None
    assert isinstance(expr, Op)
    kind = expr.kind
    if kind == "floor":
        return _floor(expr.args[0])
    if kind == "when":
        return _choice(expr.args)
    if kind not in _ARITHMETIC:
        return None
    args = []
    for arg in expr.args:
        polynomial = as_polynomial(arg)
        if polynomial is None:
            return None
        args.append(polynomial)
    return power(*args) if kind == "**" else _arithmetic(kind, args)


_ARITHMETIC = ("+", "-", "*", "//", "%", "**", "neg", "min", "max")


def _arithmetic(kind: str, args: list[Polynomial]) -> Polynomial:
    result: Polynomial = chosen(kind, *args) if kind in ("min", "max") else FUNCTIONS[kind](*args)
    return result


def power(base: Polynomial, exponent: Polynomial) -> Polynomial | None:
    """A power; None where it is no integer."""
    times = exponent.constant
    if times is None:
        return of(Opaque("**", (base, exponent)))
    return base**times if times >= 0 else None


def _choice(args: tuple[Expr, ...]) -> Polynomial | None:
    condition, then, otherwise = closed_form(args[0]), as_polynomial(args[1]), as_polynomial(args[2])
    if isinstance(condition, Num):
        return then if condition.value else otherwise
    if then is None or otherwise is None:
        return None
    if then == otherwise:
        return then
    return of(Other("tree", Op("when", (condition, written(then), written(otherwise)))))


def _floor(expr: Expr) -> Polynomial:
    polynomial = as_polynomial(expr)
    if polynomial is not None:
        return polynomial
    exact = as_fraction(expr)
    if exact is not None:
        return exact[0] // number(2 ** exact[1])
    return of(Other("tree", Op("floor", (closed_form(expr),))))


def as_fraction(expr: Expr) -> tuple[Polynomial, int] | None:
    """A formula with floats as a polynomial over a power of two, its exponent; None where that is not exact."""
    if isinstance(expr, Num) and isinstance(expr.value, float):
        return fraction_of(expr.value)
    polynomial = as_polynomial(expr)
    if polynomial is not None:
        return polynomial, 0
    if isinstance(expr, Op) and expr.kind == "neg":
        within = as_fraction(expr.args[0])
        return None if within is None else (-within[0], within[1])
    if isinstance(expr, Op) and expr.kind == "*":
        one, two = map(as_fraction, expr.args)
        if one is not None and two is not None and one[1] + two[1] <= _FINEST:
            return one[0] * two[0], one[1] + two[1]
    return None


def fraction_of(value: float) -> tuple[Polynomial, int] | None:
    """A float as a small integer over a small power of two, its exponent."""
    if not math.isfinite(value):
        return None
    top, bottom = value.as_integer_ratio()
    if abs(top).bit_length() > _FINEST or bottom.bit_length() > _FINEST:
        return None
    return number(top), bottom.bit_length() - 1


def _comparison(expr: Op) -> Expr:
    sides = [as_polynomial(arg) for arg in expr.args]
    left, right = sides
    if left is None or right is None:
        return Op(expr.kind, tuple(map(closed_form, expr.args)))
    difference = (left - right).expanded().constant
    if difference is not None:
        return Num(FUNCTIONS[expr.kind](difference, 0))
    return Op(expr.kind, (written(left), written(right)))


def _connective(expr: Op) -> Expr:
    """What is decided goes; ``and`` and ``or`` give truth values."""
    ends = expr.kind == "or"
    kept = []
    for arg in map(closed_form, expr.args):
        if not isinstance(arg, Num):
            kept.append(arg)
        elif bool(arg.value) is ends:
            return Num(ends)
    if len(kept) == 2:
        return Op(expr.kind, tuple(kept))
    return kept[0] if kept else Num(not ends)


def put_in(polynomial: Polynomial, mapping: Mapping[Atom, Polynomial]) -> Polynomial:
    """The polynomial with these atoms replaced."""
    whole = Polynomial({})
    for monomial, count in polynomial.terms.items():
        product = number(count)
        for atom, times in monomial.powers:
            product = product * _put_in(atom, mapping) ** times
        whole = whole + product
    return whole


def _put_in(atom: Atom, mapping: Mapping[Atom, Polynomial]) -> Polynomial:
    if atom in mapping:
        return mapping[atom]
    if isinstance(atom, Symbol):
        return of(atom)
    if isinstance(atom, Other):
        names = {each.name: written(value) for each, value in mapping.items() if isinstance(each, Symbol)}
        replaced = as_polynomial(replace(atom.expr, names))
        assert replaced is not None
        return replaced
    within = [put_in(part, mapping) for part in parts(atom)]
    if isinstance(atom, Floor):
        return within[0] // number(atom.by)
    if isinstance(atom, Group):
        return within[0]
    result = power(*within) if atom.kind == "**" else _arithmetic(atom.kind, within)
    assert result is not None
    return result
