"""Between which numbers a formula of sizes lies, and which conditions on products follow from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from math import inf
from typing import NamedTuple, TypeAlias

from layercli.formula.polynomial import ONE, Atom, Floor, Group, Monomial, Polynomial, Symbol, number, of, parts
from layercli.formula.spans import Spans, solve

Bounds: TypeAlias = tuple[float, float]
Box: TypeAlias = Mapping[Atom, Bounds]
"""The bounds of what is unknown; a symbol that is not in it is a size, at least 1."""


def leaves(polynomial: Polynomial) -> Iterator[Atom]:
    """What is unknown in it: symbols, and what has no closed form as a whole."""
    for monomial in polynomial.terms:
        for atom, _ in monomial.powers:
            if isinstance(atom, (Floor, Group)):
                for inner in parts(atom):
                    yield from leaves(inner)
            else:
                yield atom


def ends(spans: Spans) -> Bounds:
    """The least and the most of these values."""
    least, most = spans.least, spans.most
    return spans.first if least is None else least, inf if most is None else most


def always(relation: str, found: Bounds) -> bool:
    """Whether what lies between these bounds is ``>=``, ``!=`` or ``==`` 0 wherever it is."""
    low, high = found
    return {">=": low >= 0, "!=": low > 0 or high < 0, "==": low == high == 0}[relation]


def never(relation: str, found: Bounds) -> bool:
    """Whether it nowhere is."""
    low, high = found
    return {">=": high < 0, "!=": low == high == 0, "==": low > 0 or high < 0}[relation]


def bounds(polynomial: Polynomial, box: Box) -> Bounds:
    """Between which numbers the value lies, sizes lying in the box."""
    low: float = 0
    high: float = 0
    for monomial, count in polynomial.terms.items():
        factors: list[Bounds] = [_atom_bounds(atom, box) for atom, power in monomial.powers for _ in range(power)]
        start, end = reduce(_product, factors, (float(count), float(count)))
        low, high = low + start, high + end
    return low, high


def _atom_bounds(atom: Atom, box: Box) -> Bounds:
    if isinstance(atom, Floor):
        low, high = bounds(atom.top, box)
        return (low if low == -inf else low // atom.by), (high if high == inf else high // atom.by)
    if isinstance(atom, Group):
        return bounds(atom.inner, box)
    return box.get(atom, (1, inf) if isinstance(atom, Symbol) else (-inf, inf))


def _product(one: Bounds, two: Bounds) -> Bounds:
    ends = [a * b if a and b else 0 for a in one for b in two]
    return min(ends), max(ends)


# --- what follows from what ------------------------------------------------------------------------------------------


class Product(NamedTuple):
    """A condition that a product is at least a number: what each unknown, or group of them, gives as a factor."""

    factors: Mapping[frozenset[Atom], Polynomial]
    least: int
    exact: bool
    """Whether it asks for more: that the product be that number."""

    def follows_from(self, other: Product, box: Box) -> bool:
        """Whether it holds wherever the other does: each of its factors is as large, and no more is asked."""
        if self.exact or self.least > other.least:
            return False
        one = number(1)
        pairs = ((self.factors.get(key, one), other.factors.get(key, one)) for key in {**self.factors, **other.factors})
        return all(_at_least(theirs, number(0), box) and _at_least(ours, theirs, box) for ours, theirs in pairs)


def product(relation: str, polynomial: Polynomial, box: Box) -> Product | None:
    """``polynomial`` being ``>=``, ``!=`` or ``==`` 0 as what it asks of a product; None where it asks for no least."""
    first = next((count for monomial, count in polynomial.terms.items() if monomial.powers), 0)
    if relation != ">=" and first < 0:
        polynomial = -polynomial
    bearing = [(monomial, count) for monomial, count in polynomial.terms.items() if monomial.powers]
    if len(bearing) != 1 or bearing[0][1] < 0:
        return None
    ((monomial, count),) = bearing
    least = -polynomial.terms.get(ONE, 0)
    if relation == "!=":  # what is never below a number, and not that number, is above
        if bounds(polynomial, box)[0] < 0:
            return None
        least += 1
    factors: dict[frozenset[Atom], Polynomial] = {}
    for atom, power in monomial.powers:
        key = frozenset(leaves(of(atom)))
        factors[key] = factors.get(key, number(1)) * Polynomial({Monomial(((atom, power),)): 1})
    return Product(factors, -(-least // count), relation == "==")


def needed(products: Sequence[Product | None], box: Box) -> Iterator[bool]:
    """Of each of these conditions whether it follows from no other; of those that say the same the first is needed."""
    others = [*enumerate(products)][::-1]  # what a design asks last is the hardest
    for number_, one in enumerate(products):
        yield one is None or not any(
            other is not None
            and other_number != number_
            and one.follows_from(other, box)
            and (other_number < number_ or not other.follows_from(one, box))
            for other_number, other in others
        )


def _at_least(one: Polynomial, two: Polynomial, box: Box) -> bool:
    """Whether it is certain that one is as large as the other everywhere in the box."""
    difference = one - two
    if not difference.terms or bounds(difference, box)[0] >= 0:
        return True
    unknown = set(leaves(difference))
    leaf = unknown.pop() if len(unknown) == 1 else None
    if not isinstance(leaf, Symbol):
        return False
    found = solve(">=", difference.expanded(), leaf.name, int(box.get(leaf, (1, inf))[0]))
    return found is not None and found.whole
