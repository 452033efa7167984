"""Integer formulas in a canonical shape: sums of products of symbols and of floors that nothing can leave any more.

Equal formulas of sizes mostly come out as equal polynomials, whatever chain of layers they were made by; that is what
lets a whole net be worked out with a symbol in place of a size. Products of sums are kept as products, which is how
they are read: ``(H - 4)*(W - 4)``. Everything here is exact for all integers for which the formula is defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from math import gcd
from typing import NamedTuple, TypeAlias, Union

from layercli.formula.expr import Expr

Atom: TypeAlias = Union["Symbol", "Floor", "Group", "Opaque", "Other"]

MOST_EXPANDED = 200
"""Terms up to which products of sums are multiplied out where that decides a comparison."""


class Symbol(NamedTuple):
    """One of the user's symbols."""

    name: str


class Floor(NamedTuple):
    """``top // by``, where no multiple of ``by`` can leave, and no common factor."""

    top: Polynomial
    by: int


class Group(NamedTuple):
    """A sum that is a factor of a product: its terms have no common factor, and the first with a symbol is positive."""

    inner: Polynomial


class Opaque(NamedTuple):
    """An operation that has no closed form: ``min``, ``max``, a division by a symbol."""

    kind: str
    args: tuple[Polynomial, ...]


class Other(NamedTuple):
    """An integer that a tree of another sort gives: a choice, or the floor of a double."""

    tag: str
    """Keeps it apart from other atoms before trees are compared, which only compare with trees."""
    expr: Expr


class Monomial:
    """A product of atoms. The order is that of the first to be multiplied; equality does not mind it."""

    __slots__ = ("_hash", "_key", "powers")

    def __init__(self, powers: tuple[tuple[Atom, int], ...]) -> None:
        self.powers = powers
        self._key = powers if len(powers) < 2 else frozenset(powers)
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Monomial) and self._hash == other._hash and self._key == other._key)

    def __hash__(self) -> int:
        return self._hash

    def __mul__(self, other: Monomial) -> Monomial:
        if not self.powers or not other.powers:
            return self if self.powers else other
        powers = dict(self.powers)
        for atom, power in other.powers:
            powers[atom] = powers.get(atom, 0) + power
        return Monomial(tuple(powers.items()))

    def over(self, other: Monomial) -> Monomial | None:
        """The quotient, where the other divides it."""
        powers = dict(self.powers)
        for atom, power in other.powers:
            left = powers.get(atom, 0) - power
            if left < 0:
                return None
            powers[atom] = left
        return Monomial(tuple((atom, power) for atom, power in powers.items() if power))

    def common(self, other: Monomial) -> Monomial:
        """What divides both."""
        theirs = dict(other.powers)
        return Monomial(tuple((atom, min(power, theirs[atom])) for atom, power in self.powers if atom in theirs))

    @property
    def lone(self) -> Atom | None:
        """The atom that it is, where it is only one."""
        return self.powers[0][0] if len(self.powers) == 1 and self.powers[0][1] == 1 else None

    @property
    def plain(self) -> bool:
        """Whether it is made of symbols alone."""
        return all(isinstance(atom, Symbol) for atom, _ in self.powers)


ONE = Monomial(())


class Polynomial:
    """A sum of monomials with integer factors, none of them 0. Immutable."""

    __slots__ = ("_hash", "terms", "written")

    def __init__(self, terms: dict[Monomial, int]) -> None:
        self.terms = terms
        self._hash: int | None = None
        self.written: Expr | None = None
        """Its tree, kept by :mod:`layercli.formula.written`."""

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Polynomial) and self.terms == other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    @property
    def constant(self) -> int | None:
        """Its value, where it has no symbols."""
        if not self.terms:
            return 0
        return self.terms.get(ONE) if len(self.terms) == 1 else None

    def __neg__(self) -> Polynomial:
        return self.times(-1)

    def times(self, factor: int) -> Polynomial:
        """The product with a number."""
        if factor == 1:
            return self
        return Polynomial({monomial: count * factor for monomial, count in self.terms.items()} if factor else {})

    def __add__(self, other: Polynomial) -> Polynomial:
        return _collected(dict(self.terms), other.terms)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return _collected(dict(self.terms), {monomial: -count for monomial, count in other.terms.items()})

    def __mul__(self, other: Polynomial) -> Polynomial:
        for one, two in ((self, other), (other, self)):
            if one.constant is not None:
                return two.times(one.constant)
        (factor, left), (again, right) = self.factored(), other.factored()
        return term(left * right, factor * again)

    def __pow__(self, power: int) -> Polynomial:
        result = number(1)
        for _ in range(power):
            result = result * self
        return result

    def __floordiv__(self, other: Polynomial) -> Polynomial:
        by = other.constant
        return _over_number(self, by) if by is not None else _over_sum(self, other)

    def __mod__(self, other: Polynomial) -> Polynomial:
        by = other.constant
        if by:  # multiples of the divisor change nothing
            reduced = {monomial: count % by for monomial, count in self.terms.items()}
            self = Polynomial({monomial: count for monomial, count in reduced.items() if count})
        return self - other * (self // other)

    def factored(self) -> tuple[int, Monomial]:
        """It as a number times a product; a sum gives up what its terms have in common."""
        if not self.terms:
            return 0, ONE
        if len(self.terms) == 1:
            ((monomial, count),) = self.terms.items()
            return count, monomial
        first = next(count for monomial, count in self.terms.items() if monomial.powers)
        factor = gcd(*self.terms.values()) * (1 if first > 0 else -1)
        common = reduce(Monomial.common, self.terms)
        inner: dict[Monomial, int] = {}
        for monomial, count in self.terms.items():
            left = monomial.over(common)
            assert left is not None
            inner[left] = count // factor
        return factor, common * Monomial(((Group(Polynomial(inner)), 1),))

    def expanded(self) -> Polynomial:
        """It with products of sums multiplied out, unless there were too many terms."""
        if not any(isinstance(atom, Group) for monomial in self.terms for atom, _ in monomial.powers):
            return self
        whole = Polynomial({})
        for monomial, count in self.terms.items():
            product = number(count)
            for atom, power in monomial.powers:
                factor = atom.inner.expanded() if isinstance(atom, Group) else of(atom)
                for _ in range(power):
                    product = _distributed(product, factor)
            whole = whole + product
            if len(whole.terms) > MOST_EXPANDED:
                return self
        return whole

    def symbols(self) -> Iterator[str]:
        """The names of its symbols, in order, some more than once; trees of another sort are not looked into."""
        return (atom.name for atom in self.atoms() if isinstance(atom, Symbol))

    def atoms(self) -> Iterator[Atom]:
        """Every atom, those inside of others too."""
        for monomial in self.terms:
            for atom, _ in monomial.powers:
                yield atom
                for inner in parts(atom):
                    yield from inner.atoms()


def parts(atom: Atom) -> tuple[Polynomial, ...]:
    """The polynomials that an atom is made of."""
    if isinstance(atom, Floor):
        return (atom.top,)
    if isinstance(atom, Group):
        return (atom.inner,)
    return atom.args if isinstance(atom, Opaque) else ()


def number(value: int) -> Polynomial:
    """A constant."""
    return Polynomial({ONE: value} if value else {})


def of(atom: Atom) -> Polynomial:
    """An atom by itself."""
    return Polynomial({Monomial(((atom, 1),)): 1})


def term(monomial: Monomial, factor: int) -> Polynomial:
    """A number times a product; a sum that stands alone is that sum again."""
    atom = monomial.lone
    if isinstance(atom, Group):
        return atom.inner.times(factor)
    return Polynomial({monomial: factor} if factor else {})


def chosen(kind: str, one: Polynomial, two: Polynomial) -> Polynomial:
    """The minimum or maximum of two."""
    difference = (one - two).expanded().constant
    if difference is None:
        return of(Opaque(kind, (one, two)))
    return one if (difference <= 0) is (kind == "min") else two


def _collected(terms: dict[Monomial, int], added: Mapping[Monomial, int]) -> Polynomial:
    for monomial, count in added.items():
        whole = terms.get(monomial, 0) + count
        if whole:
            terms[monomial] = whole
        else:
            del terms[monomial]
    return Polynomial(terms)


def _distributed(one: Polynomial, two: Polynomial) -> Polynomial:
    terms: dict[Monomial, int] = {}
    for left, count in one.terms.items():
        for right, again in two.terms.items():
            product = left * right
            terms[product] = terms.get(product, 0) + count * again
    return Polynomial({monomial: count for monomial, count in terms.items() if count})


def _over_number(top: Polynomial, by: int) -> Polynomial:
    """Multiples leave the floor, common factors cancel, and a floor inside a floor becomes one."""
    if by < 0:
        top, by = -top, -by
    outside: dict[Monomial, int] = {}
    inside: dict[Monomial, int] = {}
    for monomial, count in top.terms.items():
        whole, rest = divmod(count, by)
        if not rest:
            outside[monomial] = whole
        elif monomial.powers:
            inside[monomial] = count
        else:
            inside[monomial] = rest
            if whole:
                outside[monomial] = whole
    common = gcd(by, *(count for monomial, count in inside.items() if monomial.powers))
    if common > 1:
        by //= common
        inside = {monomial: count // common for monomial, count in inside.items() if count // common}
    if by == 1:
        return _collected(outside, inside)
    rest_, floor, sign = _split(inside)
    if floor is None:
        return _collected(outside, of(Floor(Polynomial(inside), by)).terms)
    # (X//m + c)//n = (X + c*m)//(m*n), and -(X//m) = (m - 1 - X)//m
    within = floor.top if sign > 0 else number(floor.by - 1) - floor.top
    return _collected(outside, _over_number(within + rest_.times(floor.by), floor.by * by).terms)


def _split(inside: dict[Monomial, int]) -> tuple[Polynomial, Floor | None, int]:
    """The only floor of a sum and its sign, where it is there once and all else is made of symbols."""
    bearing = [monomial for monomial in inside if not monomial.plain]
    if len(bearing) == 1:
        atom, sign = bearing[0].lone, inside[bearing[0]]
        if isinstance(atom, Floor) and sign in (1, -1):
            return Polynomial({key: count for key, count in inside.items() if key is not bearing[0]}), atom, sign
    return Polynomial(inside), None, 0


def _over_sum(top: Polynomial, by: Polynomial) -> Polynomial:
    """A division by what has symbols: what is a multiple leaves, what divides all of it cancels."""
    factor, product = by.factored()
    whole, of_top = top.factored()
    quotient = of_top.over(product)
    if quotient is not None:
        return _over_number(term(quotient, whole), factor)
    outside, inside = Polynomial({}), Polynomial({})
    for monomial, count in top.terms.items():
        quotient = monomial.over(product)
        if quotient is not None and count % factor == 0:
            outside = outside + term(quotient, count // factor)
        else:
            inside = inside + Polynomial({monomial: count})
    return outside + of(Opaque("//", (inside, by))) if inside.terms else outside
