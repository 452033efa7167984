"""Which values of one symbol satisfy a condition, exactly: floors of a size repeat with a period, up to a slope.

With ``M`` the period of all floors of a formula, on every class of sizes ``r, r + M, r + 2*M, …`` the formula is a
polynomial, which a few values give and whose sign changes are found by halving. So no search has a bound, and an
answer is the spans of each class in which the condition holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from math import comb, gcd, lcm
from typing import NamedTuple

from layercli.formula.evaluate import generated
from layercli.formula.polynomial import Floor, Group, Polynomial, Symbol
from layercli.formula.written import written

LARGEST_SIZE = 2**31 - 1
"""Sizes above are not asked about: no tensor has them."""
MOST_PERIOD = 2**14
"""A longer period is not worked through."""

Span = tuple[int, "int | None"]
"""First and last value; None where there is no last one."""


class Spans(NamedTuple):
    """The values from ``first`` on that are meant: for each remainder of the period, spans of values with it."""

    first: int
    classes: tuple[tuple[Span, ...], ...]

    @property
    def period(self) -> int:
        """After which the classes repeat."""
        return len(self.classes)

    @property
    def least(self) -> int | None:
        """The smallest value; None where there is none."""
        return min((spans[0][0] for spans in self.classes if spans), default=None)

    @property
    def most(self) -> int | None:
        """The largest value; None where there is none."""
        ends = [spans[-1][1] for spans in self.classes if spans]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def whole(self) -> bool:
        """Whether all values are meant."""
        return all(
            spans == ((self.first + (rest - self.first) % self.period, None),)
            for rest, spans in enumerate(self.classes)
        )

    def __contains__(self, value: object) -> bool:
        assert isinstance(value, int)
        spans = self.classes[value % self.period]
        return any(low <= value and (high is None or value <= high) for low, high in spans)

    def after(self, value: int) -> int | None:
        """The smallest value that is at least this; None where there is none."""
        reached = []
        for rest, spans in enumerate(self.classes):
            for low, high in spans:
                near = max(low, value + (rest - value) % self.period)
                if high is None or near <= high:
                    reached.append(near)
                    break
        return min(reached, default=None)

    def values(self) -> Iterator[int]:
        """All values, the smallest first."""
        value = self.least
        while value is not None:
            yield value
            value = self.after(value + 1)

    def meet(self, other: Spans) -> Spans | None:
        """The values that are in both; None where the period would become too long."""
        period = lcm(self.period, other.period)
        if period > MOST_PERIOD:
            return None
        pairs = ((self.classes[rest % self.period], other.classes[rest % other.period]) for rest in range(period))
        return Spans(self.first, tuple(tuple(_both(*pair, rest, period)) for rest, pair in enumerate(pairs)))


def everything(first: int) -> Spans:
    """All values from the first on."""
    return Spans(first, (((first, None),),))


def only(first: int, values: Sequence[int]) -> Spans:
    """These values, the smallest first, and no others."""
    starts = [value for before, value in zip((None, *values), values) if before is None or value > before + 1]
    ends = [value for value, after in zip(values, (*values[1:], None)) if after is None or after > value + 1]
    return Spans(first, (tuple(zip(starts, ends)),))


def _both(one: tuple[Span, ...], two: tuple[Span, ...], rest: int, period: int) -> Iterator[Span]:
    for low, high in one:
        for start, end in two:
            ends = [each for each in (high, end) if each is not None]
            first = max(low, start)
            first += (rest - first) % period
            last = min(ends) if ends else None
            last = None if last is None else last - (last - rest) % period
            if last is None or first <= last:
                yield first, last


@lru_cache(maxsize=4096)
def solve(relation: str, polynomial: Polynomial, name: str, first: int = 1) -> Spans | None:
    """Where ``polynomial`` of this one symbol is ``==``, ``!=`` or ``>=`` 0; None where that is not worked out."""
    function = _function(polynomial, name)
    if _rises(polynomial, name):
        return Spans(first, (tuple(_risen(relation, function, first)),))
    try:
        period, degree = _Shape(polynomial, name).found
    except _NoPeriod:
        return None
    classes = []
    for rest in range(period):
        start = first + (rest - first) % period
        signs = _signs(_differences([function(start + period * step) for step in range(degree + 1)]))
        classes.append(tuple(_held(relation, signs, start, period)))
    return Spans(first, tuple(classes))


def _risen(relation: str, function: Callable[[int], int], first: int) -> Iterator[Span]:
    """The spans on which the condition holds, of a function that never falls and rises without end."""
    zero = first + _first(lambda step: function(first + step) >= 0, 0, None)
    if relation == ">=":
        if zero <= LARGEST_SIZE:
            yield zero, None
        return
    beyond = first + _first(lambda step: function(first + step) > 0, zero - first, None)
    if relation == "==":
        if zero < beyond and zero <= LARGEST_SIZE:
            yield zero, beyond - 1 if beyond <= LARGEST_SIZE else None
    elif zero == beyond or zero > LARGEST_SIZE:
        yield first, None
    else:
        if first < zero:
            yield first, zero - 1
        if beyond <= LARGEST_SIZE:
            yield beyond, None


def _held(relation: str, signs: list[Span], start: int, period: int) -> Iterator[Span]:
    """The spans of a class on which the condition holds."""
    low: int | None = None
    for step, sign in signs:
        holds = {"==": sign == 0, "!=": sign != 0, ">=": sign is not None and sign >= 0}[relation]
        if holds and low is None:
            low = start + period * step
        elif not holds and low is not None:
            if low <= LARGEST_SIZE:
                high = start + period * (step - 1)
                yield low, high if high + period <= LARGEST_SIZE else None
            low = None
    if low is not None and low <= LARGEST_SIZE:
        yield low, None


def _function(polynomial: Polynomial, name: str) -> Callable[[int], int]:
    compute = generated((("result", written(polynomial)),))

    def function(value: int) -> int:
        values = {name: value}
        compute(values)
        return values["result"]

    return function


# --- period and degree -----------------------------------------------------------------------------------------------


def _rises(polynomial: Polynomial, name: str) -> bool:
    """Whether it plainly never falls, and rises without end: then there is one least size, whatever the period."""
    counted = [(monomial.lone, count) for monomial, count in polynomial.terms.items() if monomial.powers]
    return bool(counted) and all(
        count > 0 and (atom == Symbol(name) or (isinstance(atom, Floor) and _rises(atom.top, name)))
        for atom, count in counted
    )


class _NoPeriod(Exception):
    """The formula does not repeat, or only after too long a period."""


class _Shape:
    """The period and degree of a formula of one symbol."""

    def __init__(self, polynomial: Polynomial, name: str) -> None:
        self.name = name
        self.found = self._of(polynomial)

    def _of(self, polynomial: Polynomial) -> tuple[int, int]:
        period, degree = 1, 0
        for monomial in polynomial.terms:
            total = 0
            for atom, power in monomial.powers:
                if isinstance(atom, Floor):
                    inner, of_atom = self._floor(atom)
                elif isinstance(atom, Group):
                    inner, of_atom = self._of(atom.inner)
                elif atom == Symbol(self.name):
                    inner, of_atom = 1, 1
                else:
                    raise _NoPeriod
                period = lcm(period, inner)
                total += of_atom * power
            degree = max(degree, total)
        if period > MOST_PERIOD:
            raise _NoPeriod
        return period, degree

    def _floor(self, floor: Floor) -> tuple[int, int]:
        period, degree = self._of(floor.top)
        if degree == 1:  # f(x + period) = f(x) + step
            function = _function(floor.top, self.name)
            step = function(period) - function(0)
            return period * floor.by // gcd(step, floor.by), 1
        # a polynomial with integer values repeats modulo n after n times the common multiple of what divides it
        return period * floor.by * lcm(*range(1, degree + 1)), degree


# --- signs of a polynomial with integer values -----------------------------------------------------------------------


def _differences(values: list[int]) -> list[int]:
    """The differences at 0, of all orders."""
    found = []
    while values:
        found.append(values[0])
        values = [after - before for before, after in pairwise(values)]
    while len(found) > 1 and not found[-1]:
        found.pop()
    return found


def _signs(differences: list[int]) -> list[Span]:
    """From which step on which sign (-1, 0 or 1), for steps from 0."""

    def value(step: int) -> int:
        return sum(difference * comb(step, order) for order, difference in enumerate(differences))

    if len(differences) == 1:
        return [(0, _sign(differences[0]))]
    found: list[Span] = []
    slopes = _signs(_stripped(differences[1:]))
    for index, (start, slope) in enumerate(slopes):
        end = slopes[index + 1][0] if index + 1 < len(slopes) else None
        if not slope:
            found.append((start, _sign(value(start))))
            continue
        turned = slope
        zero = _first(lambda step, turned=turned: value(step) * turned >= 0, start, end)  # type: ignore[misc]
        beyond = _first(lambda step, turned=turned: value(step) * turned > 0, zero, end)  # type: ignore[misc]
        for at, until, sign in ((start, zero, -slope), (zero, beyond, 0), (beyond, end, slope)):
            if until is None or at < until:
                found.append((at, sign))
    return [piece for index, piece in enumerate(found) if not index or found[index - 1][1] != piece[1]]


def _stripped(differences: list[int]) -> list[int]:
    while len(differences) > 1 and not differences[-1]:
        differences = differences[:-1]
    return differences


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _first(holds: Callable[[int], bool], start: int, end: int | None) -> int:
    """The first step from ``start`` on where this holds, as it does from there on; ``end`` where it never does."""
    if end is None:
        width = 1
        while not holds(start + width - 1):
            width *= 2
        end = start + width - 1
    low, high = start, end
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
