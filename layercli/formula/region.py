"""For which sizes an answer holds: guards in one symbol as exact demands, those in several as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from layercli.formula.bounds import Box, always, bounds, ends, leaves, needed, never, product
from layercli.formula.closed import put_in
from layercli.formula.demands import Demand, described
from layercli.formula.evaluate import evaluate, generated
from layercli.formula.guards import CHOICE, NEED, Guard
from layercli.formula.notation import text
from layercli.formula.polynomial import Atom, Other, Polynomial, Symbol, number, of
from layercli.formula.spans import Spans, everything, only, solve
from layercli.formula.symbols import symbols
from layercli.formula.written import written

FEW = 1024
"""Values that are gone through one by one."""
MOST_TRIED = 10_000
"""Sizes that are tried for conditions that are not worked out."""

Sizes = Mapping[str, int]


class Region(NamedTuple):
    """Where all guards hold, sizes being at least 1 and of 32 bits."""

    needs: tuple[Demand, ...]
    """What the needs ask, the ways that were taken left aside; what all sizes fulfil is left out."""
    forms: tuple[Demand, ...]
    """What all guards ask, needs or not: where the closed forms hold, exactly."""
    smallest: Mapping[str, int] | None
    """The smallest size that will do of every symbol that a guard speaks of, all at once; None where conditions on
    several sizes do not allow that, or where it was not found."""
    spans: Mapping[str, Spans]
    """The values of each symbol that the conditions on it alone allow, where there are any."""

    @property
    def demands(self) -> tuple[Demand, ...]:
        """What must hold, then what of the ways taken further narrows it."""
        said = {demand.text for demand in self.needs}
        chosen = (demand._replace(category=CHOICE) for demand in self.forms if demand.text not in said)
        return (*self.needs, *chosen)


def region(guards: Iterable[Guard]) -> Region:
    """The exact region of these guards, described."""
    every = tuple(guards)
    whole = Conditions(every)
    forms = tuple(whole.demands())
    needs = tuple(guard for guard in every if guard.category == NEED)
    asked = forms if len(needs) == len(every) else tuple(Conditions(needs).demands())
    spans = {leaf.name: found for leaf, found in whole.solved.items() if isinstance(leaf, Symbol)}
    return Region(asked, forms, whole.smallest(), spans)


def demands(guards: Iterable[Guard]) -> list[Demand]:
    """What the guards ask of the sizes."""
    return list(region(guards).demands)


def holds(guards: Iterable[Guard], sizes: Mapping[str, int]) -> bool:
    """Whether they all hold for these sizes."""
    try:
        return all(evaluate(guard.condition, sizes) for guard in guards)
    except ZeroDivisionError:
        return False


def holding(guards: Sequence[Guard]) -> Callable[[Sizes], bool]:
    """Whether all conditions hold for sizes: one function for many of them."""
    failed = generated(tuple(("", guard.condition) for guard in guards))

    def holds(sizes: Sizes) -> bool:
        try:
            return failed(dict(sizes)) is None
        except ZeroDivisionError:
            return False

    return holds


class Conditions:
    """What guards come to: what is given by other sizes, what is asked of one size, what is asked of several."""

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.guards = guards
        self.ties: dict[str, Polynomial] = {}
        """Symbols that equalities give by others."""
        self.solved: dict[Atom, Spans] = {}
        self.narrowing: dict[Atom, list[Guard]] = {}
        """The guards that the values come from."""
        self.stated: list[tuple[Guard, str, Polynomial | None]] = []
        """Guards that are said as they stand, with what has to be at least, equal to or other than 0."""
        self.untied = self._tied([(guard, *guard.standard()) for guard in guards])
        """The guards with what has to be at least, equal to or other than 0, without the symbols that others give."""
        for guard, relation, polynomial in self.untied:
            unknown = set(leaves(polynomial))
            if not unknown:
                continue
            if len(unknown) > 1 or not self._solve(unknown.pop(), guard, relation, polynomial):
                self.stated.append((guard, relation, polynomial))
        self.stated = [each for each in self.stated if not self._gone_through(each[0])]

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

    def _gone_through(self, guard: Guard) -> bool:
        """Narrows the values of one unknown by trying them, where they are few; False where they are not."""
        names = [*symbols([guard.condition])]
        leaf = Symbol(names[0])
        spans = self.solved.get(leaf) if len(names) == 1 else None
        values = [] if spans is None else [*islice(spans.values(), FEW + 1)]
        if spans is None or not 0 < len(values) <= FEW:
            return False
        met = holding([guard])
        self.solved[leaf] = only(spans.first, [value for value in values if met({names[0]: value})])
        self.narrowing[leaf].append(guard)
        return True

    def demands(self) -> Iterator[Demand]:
        """What is asked."""
        for leaf, spans in self.solved.items():
            said = described(spans, written(of(leaf)))
            if said is not None:
                yield from said
                continue
            yield from map(_stated, self.narrowing[leaf])
        yield from self._joint()

    def _joint(self) -> Iterator[Demand]:
        """What is asked of several sizes together; what follows from what else is asked is left out."""
        box = self._box
        said: list[tuple[Guard, str, Polynomial | None]] = []
        for guard, relation, polynomial in self.stated:
            forms = () if polynomial is None else (polynomial, self._as_written(guard))
            if not any(always(relation, bounds(form, box)) for form in forms):
                said.append((guard, relation, forms[1] if forms else None))
        products = [None if form is None else product(relation, form, box) for _, relation, form in said]
        for (guard, _, _), kept in zip(said, needed(products, box)):
            if kept:
                yield _stated(guard)

    @property
    def _box(self) -> Box:
        return {leaf: ends(spans) for leaf, spans in self.solved.items()}

    @property
    def impossible(self) -> bool:
        """Whether it is certain that no sizes will do."""
        box = self._box
        return (
            any(spans.least is None for spans in self.solved.values())
            or any(guard.decided() is False for guard in self.guards)
            or any(
                never(relation, bounds(form, box))
                for guard, relation, polynomial in self.untied
                for form in (polynomial, self._as_written(guard))
            )
        )

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
            value: int | None = spans.least
            if not holds(alone, {name: spans.least}):  # not all of them are worked out
                met, tried = holding(alone), range(spans.least, spans.least + MOST_TRIED)
                value = next((size for size in tried if size in spans and met({name: size})), None)
            if value is None:
                return None
            found[name] = value
        for name, value_ in self.ties.items():
            found[name] = evaluate(written(value_), found)
        return {name: found[name] for name in names} if holds(self.guards, found) else None


def _stated(guard: Guard) -> Demand:
    """A guard as it stands."""
    names = tuple(symbols([guard.condition]))
    return Demand("joint" if len(names) > 1 else "unknown", guard.text, names, formula=guard.condition)


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
