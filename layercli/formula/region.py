"""For which sizes an answer holds: guards in one symbol as exact demands, those in several as they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from math import inf
from typing import NamedTuple

from layercli.formula.closed import put_in
from layercli.formula.demands import Demand, described
from layercli.formula.evaluate import evaluate
from layercli.formula.guards import CHOICE, NEED, Guard
from layercli.formula.notation import text
from layercli.formula.polynomial import Atom, Floor, Group, Other, Polynomial, Symbol, number, of, parts
from layercli.formula.spans import Spans, everything, solve
from layercli.formula.symbols import symbols
from layercli.formula.written import written

MOST_TRIED = 10_000
"""Sizes that are tried for conditions that are not worked out."""

_Box = tuple[float, float]
_Solved = tuple[Polynomial, Spans]


class Region(NamedTuple):
    """Where all guards hold, sizes being at least 1 and of 32 bits."""

    demands: tuple[Demand, ...]
    """What must hold, then what of the ways taken further narrows it; what all sizes fulfil is left out."""
    smallest: Mapping[str, int] | None
    """The smallest size that will do of every symbol that a guard speaks of, all at once; None where conditions on
    several sizes do not allow that, or where it was not found."""


def region(guards: Iterable[Guard]) -> Region:
    """The exact region of these guards, described."""
    every = tuple(guards)
    whole = _Region(every)
    if all(guard.category == NEED for guard in every):
        return Region(tuple(whole.demands()), whole.smallest())
    needed = list(_Region(tuple(guard for guard in every if guard.category == NEED)).demands())
    said = {demand.text for demand in needed}
    chosen = [demand._replace(category=CHOICE) for demand in whole.demands() if demand.text not in said]
    return Region((*needed, *chosen), whole.smallest())


def demands(guards: Iterable[Guard]) -> list[Demand]:
    """What the guards ask of the sizes."""
    return list(region(guards).demands)


def holds(guards: Iterable[Guard], sizes: Mapping[str, int]) -> bool:
    """Whether they all hold for these sizes."""
    try:
        return all(evaluate(guard.condition, sizes) for guard in guards)
    except ZeroDivisionError:
        return False


class _Region:
    """The state of one description."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.guards = guards
        self.ties: dict[str, Polynomial] = {}
        """Symbols that equalities give by others."""
        self.solved: dict[Atom, Spans] = {}
        self.narrowing: dict[Atom, list[Guard]] = {}
        """The guards that the values come from."""
        self.stated: list[tuple[Guard, str, Polynomial | None]] = []
        """Guards that are said as they stand, with what has to be at least, equal to or other than 0."""
        waiting = self._tied([(guard, *guard.standard()) for guard in guards])
        for guard, relation, polynomial in waiting:
            leaves = set(_leaves(polynomial))
            if not leaves:
                continue
            if len(leaves) > 1 or not self._solve(leaves.pop(), guard, relation, polynomial):
                self.stated.append((guard, relation, polynomial))

    def _tied(self, waiting: list[tuple[Guard, str, Polynomial]]) -> list[tuple[Guard, str, Polynomial]]:
        """Puts what equalities give in the place of symbols, so that the others speak of fewer."""
        left: list[tuple[Guard, str, Polynomial]] = []
        while waiting:
            guard, relation, polynomial = waiting.pop(0)
            tie = _tie(polynomial) if relation == "==" else None
            if tie is None:
                left.append((guard, relation, polynomial))
                continue
            name, value = tie
            mapping: dict[Atom, Polynomial] = {Symbol(name): value}
            self.ties = {other: put_in(given, mapping) for other, given in self.ties.items()} | {name: value}
            self.stated.append((guard, relation, None))
            positive = Guard("<=", number(1), value, guard.category)
            waiting = [_replaced(item, mapping) for item in (*left, *waiting)] + [(positive, *positive.standard())]
            left = []
        return left

    def _solve(self, leaf: Atom, guard: Guard, relation: str, polynomial: Polynomial) -> bool:
        """Narrows the values of one unknown; False where that is not worked out."""
        first = 1 if isinstance(leaf, Symbol) else -(2**31)
        name = text(written(of(leaf)))
        found = solve(relation, put_in(polynomial, {leaf: of(Symbol(name))}), name, first)
        if found is None:
            return False
        if found.whole:
            return True
        both = self.solved.get(leaf, everything(first)).meet(found)
        if both is None:
            return False
        self.solved[leaf] = both
        self.narrowing.setdefault(leaf, []).append(guard)
        return True

    def demands(self) -> Iterator[Demand]:
        """What is asked."""
        for leaf, spans in self.solved.items():
            formula = written(of(leaf))
            names = tuple(symbols([formula]))
            said = described(spans, text(formula), names)
            if said is not None:
                yield from said
                continue
            for guard in self.narrowing[leaf]:
                yield Demand("unknown", guard.text, names)
        box = {leaf: _box(spans) for leaf, spans in self.solved.items()}
        for guard, relation, polynomial in self.stated:
            forms = () if polynomial is None else (polynomial, self._as_written(guard))
            if not any(_implied(relation, _bounds(form, box)) for form in forms):
                names = tuple(symbols([guard.condition]))
                yield Demand("joint" if len(names) > 1 else "unknown", guard.text, names)

    def _as_written(self, guard: Guard) -> Polynomial:
        """What a guard says of 0, its products left as they are: ``(H - 5)*W`` has narrower bounds so."""
        ordered = guard.relation in ("<", "<=")
        difference = guard.right - guard.left if ordered else guard.left - guard.right
        ties: dict[Atom, Polynomial] = {Symbol(name): value for name, value in self.ties.items()}
        return put_in(difference - number(guard.relation == "<"), ties)

    def smallest(self) -> dict[str, int] | None:
        """The smallest sizes."""
        names = dict.fromkeys(name for guard in self.guards for name in symbols([guard.condition]))
        found: dict[str, int] = {}
        for name in names:
            if name in self.ties:
                continue
            spans = self.solved.get(Symbol(name), everything(1))
            if spans.least is None:
                return None
            alone = [guard for guard in self.guards if list(symbols([guard.condition])) == [name]]
            tried = range(spans.least, spans.least + MOST_TRIED)
            value = next((size for size in tried if size in spans and holds(alone, {name: size})), None)
            if value is None:
                return None
            found[name] = value
        for name, value_ in self.ties.items():
            found[name] = evaluate(written(value_), found)
        return {name: found[name] for name in names} if holds(self.guards, found) else None


def _tie(polynomial: Polynomial) -> tuple[str, Polynomial] | None:
    """A symbol that an equality to 0 gives by others: the last that stands alone."""
    named = list(_symbols(polynomial))
    if len(set(named)) < 2:
        return None
    for monomial, count in reversed(polynomial.terms.items()):
        atom = monomial.lone
        if isinstance(atom, Symbol) and count in (1, -1) and named.count(atom.name) == 1:
            rest = Polynomial({key: value for key, value in polynomial.terms.items() if key is not monomial})
            return atom.name, rest.times(-count)
    return None


def _replaced(item: tuple[Guard, str, Polynomial], mapping: Mapping[Atom, Polynomial]) -> tuple[Guard, str, Polynomial]:
    guard, relation, polynomial = item
    replaced = put_in(polynomial, mapping).expanded()
    again = Guard("<=", number(0), replaced) if relation == ">=" else Guard(relation, replaced, number(0))
    return guard, *again.standard()


def _symbols(polynomial: Polynomial) -> Iterator[str]:
    """The symbols, as often as they stand there; those inside of trees too."""
    for atom in polynomial.atoms():
        if isinstance(atom, Symbol):
            yield atom.name
        elif isinstance(atom, Other):
            yield from 2 * list(symbols([atom.expr]))


def _leaves(polynomial: Polynomial) -> Iterator[Atom]:
    """What is unknown in it: symbols, and what has no closed form as a whole."""
    for monomial in polynomial.terms:
        for atom, _ in monomial.powers:
            if isinstance(atom, (Floor, Group)):
                for inner in parts(atom):
                    yield from _leaves(inner)
            else:
                yield atom


# --- bounds ----------------------------------------------------------------------------------------------------------


def _box(spans: Spans) -> _Box:
    least, most = spans.least, spans.most
    return spans.first if least is None else least, inf if most is None else most


def _implied(relation: str, bounds: _Box) -> bool:
    low, high = bounds
    return {">=": low >= 0, "!=": low > 0 or high < 0, "==": low == high == 0}[relation]


def _bounds(polynomial: Polynomial, box: Mapping[Atom, _Box]) -> _Box:
    """Between which numbers the value lies, sizes lying in the box."""
    low: float = 0
    high: float = 0
    for monomial, count in polynomial.terms.items():
        factors: list[_Box] = [_atom_bounds(atom, box) for atom, power in monomial.powers for _ in range(power)]
        start, end = reduce(_product, factors, (float(count), float(count)))
        low, high = low + start, high + end
    return low, high


def _atom_bounds(atom: Atom, box: Mapping[Atom, _Box]) -> _Box:
    if isinstance(atom, Floor):
        low, high = _bounds(atom.top, box)
        return (low if low == -inf else low // atom.by), (high if high == inf else high // atom.by)
    if isinstance(atom, Group):
        return _bounds(atom.inner, box)
    return box.get(atom, (1, inf) if isinstance(atom, Symbol) else (-inf, inf))


def _product(one: _Box, two: _Box) -> _Box:
    ends = [a * b if a and b else 0 for a in one for b in two]
    return min(ends), max(ends)
