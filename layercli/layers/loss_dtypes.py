"""The dtypes that losses come out in: torch's promotion of types, said in formulas over the dtypes of the inputs."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from layercli.formula import (
    Expr,
    Sym,
    and_,
    eq_,
    ge_,
    is_,
    le_,
    length,
    max_,
    ne_,
    not_,
    num,
    or_,
    product,
    sym,
    when,
)

_PLACES = {
    "float32": (4, 4), "float64": (5, 5), "float16": (4, 3), "bfloat16": (3, 4), "int64": (3, 3), "int32": (2, 2),
    "int16": (1, 1), "int8": (0, 1), "uint8": (1, 0), "bool": (0, 0),
}  # fmt: skip
"""Where a dtype stands in torch's lattice of promotion: the larger of both places of two dtypes are those of what they
promote to (float16 and bfloat16 to float32). A complex one has the places of its real part."""


_DOUBLE, _SINGLE, _BFLOAT = 1.7976931348623157e308, 3.4028234663852886e38, 3.3895313892515355e38
"""The largest finite numbers of float64, float32 and bfloat16."""


_WITH_AXES = _NEVER = num(False)


UNKNOWN = "torch makes complex numbers of half precision of these, which are not known here"


class Typed(NamedTuple):
    """A tensor as promotion sees it: the places of its dtype, whether it is complex, and whether it has no axes.

    Symbols stand for what is not known before the call, so a definition says in a line what torch computes:
    ``fractional(promote(x, y))`` is the dtype of ``x / y``.
    """

    a: Expr
    b: Expr
    complex: Expr
    bare: Expr

    @property
    def floats(self) -> Expr:
        """Whether it is of floats or complex."""
        return ge_(self.a + self.b, 7)

    @property
    def reals(self) -> Expr:
        """Whether it is of floats."""
        return and_(self.floats, not_(self.complex))

    @property
    def bools(self) -> Expr:
        """Whether it is of bools."""
        return eq_(self.a + self.b, 0)

    @property
    def known(self) -> Expr:
        """Whether it is of a dtype that is known here: complex numbers of half precision are not."""
        return or_(not_(self.complex), ne_(self.a + self.b, 7))

    @property
    def word(self) -> Expr:
        """Its dtype by name, as :class:`Out` takes it."""
        place = 6 * self.a + self.b
        real: Expr = num("bool")
        for name, (a, b) in reversed(_PLACES.items()):
            real = when(eq_(place, 6 * a + b), num(name), real)
        return when(self.complex, when(eq_(self.a, 5), num("complex128"), num("complex64")), real)


def dtype_of(name: str) -> Sym:
    """The dtype of an input (that ``tells_dtype``) or of a tensor-valued key, as a word that formulas ask for."""
    return sym(f"{name}_dtype", f"dtype of {name}")


@cache
def typed(name: str, shape: Expr | None = None) -> Typed:
    """An input (that ``tells_dtype``) or a tensor-valued key; without a shape it counts as one with axes."""
    word = dtype_of(name)
    a: Expr = num(0)
    b: Expr = num(0)
    for dtype, (at_a, at_b) in reversed(_PLACES.items()):
        this = is_(word, dtype)
        a, b = when(this, at_a, a), when(this, at_b, b)
    single, double = is_(word, "complex64"), is_(word, "complex128")
    a, b = (when(single, 4, when(double, 5, place)) for place in (a, b))
    return Typed(a, b, or_(single, double), _WITH_AXES if shape is None else eq_(length(shape), 0))


def promote(x: Typed, y: Typed) -> Typed:
    """What torch makes of both: one without axes counts only where it is of a higher kind than the other."""
    complex_ = or_(x.complex, y.complex)
    if x.bare is y.bare:
        return Typed(max_(x.a, y.a), max_(x.b, y.b), complex_, x.bare)
    alike = eq_(x.bare, y.bare)
    (over_a, over_b), (under_a, under_b) = _above(x, y), _above(y, x)
    a = when(alike, max_(x.a, y.a), when(x.bare, over_a, under_a))
    b = when(alike, max_(x.b, y.b), when(x.bare, over_b, under_b))
    return Typed(a, b, complex_, and_(x.bare, y.bare))


def _above(bare: Typed, axes: Typed) -> tuple[Expr, Expr]:
    """What one without axes makes of one with axes: a complex one leaves floats their own precision."""
    higher = or_(and_(bare.floats, not_(axes.floats)), and_(not_(bare.bools), axes.bools))
    of_floats = and_(bare.complex, axes.floats)
    return (
        when(higher, max_(axes.a, bare.a), when(of_floats, max_(axes.a, 4), axes.a)),
        when(higher, max_(axes.b, bare.b), axes.b),
    )


def fractional(x: Typed) -> Typed:
    """What a division, a root, a logarithm or a float added makes of it: integers become float32."""
    return x._replace(a=when(x.floats, x.a, 4), b=when(x.floats, x.b, 4))


def magnitude(x: Typed) -> Typed:
    """What its absolute value or a norm is of: complex becomes float."""
    return x._replace(complex=_NEVER)


def either(condition: Expr, then: Typed, otherwise: Typed) -> Typed:
    """One of two tensors, by what is known."""
    return Typed(*(a if a is b else when(condition, a, b) for a, b in zip(then, otherwise)))


def is_finite(number: Expr) -> Expr:
    """Whether it is neither inf nor nan."""
    return and_(le_(-_DOUBLE, number), le_(number, _DOUBLE))


def representable(number: Expr, x: Typed) -> Expr:
    """Whether a tensor of floats takes this number: inf and nan yes, but none that is finite and too large for it."""
    most = when(eq_(x.a, 5), _DOUBLE, when(eq_(x.b, 3), 65504, when(eq_(x.a, 3), _BFLOAT, _SINGLE)))
    return or_(not_(is_finite(number)), and_(le_(-most, number), le_(number, most)))


def fillable(number: Expr, x: Typed, shape: Expr) -> Expr:
    """Whether a tensor of this shape can be filled with this number: integers take neither inf nor nan nor what is beyond them.

    One element of half precision is filled with anything, by torch's shorter way.
    """
    most = when(
        eq_(x.a, 3), 2.0**63, when(eq_(x.a, 2), 2**31 - 1, when(eq_(x.b, 0), 255, when(eq_(x.a, 0), 127, 32767)))
    )
    least = when(eq_(x.b, 0), 0, -most - 1)
    one = and_(eq_(x.a + x.b, 7), eq_(product(shape), 1))
    return when(x.floats, or_(one, representable(number, x)), and_(le_(least, number), le_(number, most)))


def holds(x: Typed, result: Typed) -> Expr:
    """Whether torch writes this result into it: no complex into floats, no floats into integers, only bools to bools."""
    return and_(
        or_(x.complex, not_(result.complex)), and_(or_(x.floats, not_(result.floats)), or_(not_(x.bools), result.bools))
    )
