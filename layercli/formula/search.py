"""Sizes for which conditions hold, near to sizes that they are looked for from.

Where a condition on one size is met is worked out. Where conditions are on several, such as a product that has to be a
given number, all but one of the sizes are tried and the last is worked out: near to a square first. What the sizes
that were tried leave of a condition often shows at once that no other will do, so that few are gone through.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

from layercli.formula.closed import put_in
from layercli.formula.evaluate import generated
from layercli.formula.guards import Guard
from layercli.formula.polynomial import Atom, Polynomial, Symbol, number, of
from layercli.formula.region import Conditions, Sizes, holding
from layercli.formula.spans import LARGEST_SIZE, Spans, everything, solve
from layercli.formula.symbols import symbols
from layercli.formula.written import written

MOST_TRIED = 6_000
"""Sizes that are tried in all."""
_EACH = 4
"""Values of the last size that are tried where several meet the conditions that it is worked out from."""
_BATCHES = (1, 2, 3, 4, 5, 7)
_SMALL = (1, 4, 16, 64)
_FURTHER = 3

Allowance = Iterator[int]
"""What is left of the tries."""


def allowance() -> Allowance:
    """So many tries, to be shared by several searches."""
    return iter(range(MOST_TRIED))


def search(
    guards: Sequence[Guard], names: Collection[str], sizes: Sizes, batch: Collection[str], left: Allowance
) -> dict[str, int] | None:
    """Sizes at which all guards hold, others than these names as they are where that will do; None where none is found.

    ``batch``: names of batch sizes, which are tried small.
    """
    return next(_Search(guards, names, sizes, batch, left).found(), None)


class _Search:
    """The state of one search."""

    def __init__(
        self, guards: Sequence[Guard], names: Collection[str], sizes: Sizes, batch: Collection[str], left: Allowance
    ) -> None:
        self.guards = guards
        self.names = names
        self.sizes = sizes
        self.batch = batch
        self.left = left
        self.holds = holding(guards)

    def found(self) -> Iterator[dict[str, int]]:
        """Sizes, those first that leave the most as it is."""
        alone = [guard for guard in self.guards if {*self.names} >= {*symbols([guard.condition])}]
        # the others as they are: a smallest size of all may meet a rule by being 1
        yield from self._met(Conditions(alone).smallest())
        conditions = Conditions(self.guards)
        given = {name: written(value) for name, value in conditions.ties.items()}
        free = dict.fromkeys(
            inner for name in self.names for inner in (symbols([given[name]]) if name in given else (name,))
        )
        ordered = sorted(free, key=lambda name: name not in self.batch)
        for name in reversed(ordered):
            yield from self._met(self._one(name))
        yield from self._met(conditions.smallest())
        if len(ordered) > 1:
            yield from self._several(conditions, ordered)

    def _met(self, found: Sizes | None) -> Iterator[dict[str, int]]:
        """These sizes and the others as they are, where that meets all conditions."""
        sizes = {**self.sizes, **(found or {})}
        if found is not None and self.holds(sizes):
            yield sizes

    def _one(self, name: str) -> Sizes | None:
        """The smallest of one size, all others as they are."""
        others: dict[Atom, Polynomial] = {
            Symbol(other): number(size) for other, size in self.sizes.items() if other != name
        }
        told = (guard for guard in self.guards if name in symbols([guard.condition]))
        put = [guard._replace(left=put_in(guard.left, others), right=put_in(guard.right, others)) for guard in told]
        return Conditions(put).smallest()

    # --- several at once ---

    def _several(self, conditions: Conditions, names: Sequence[str]) -> Iterator[dict[str, int]]:
        """Sizes that meet the equalities between these names."""
        others: dict[Atom, Polynomial] = {
            Symbol(name): number(size) for name, size in self.sizes.items() if name not in names
        }
        equal = [
            put_in(polynomial, others)
            for _, relation, polynomial in conditions.untied
            if relation == "==" and not {*names}.isdisjoint(symbols([written(polynomial)]))
        ]
        spans = {name: conditions.solved.get(Symbol(name), everything(1)) for name in names}
        given = {name: written(value) for name, value in conditions.ties.items()}
        complete = generated((*given.items(),))
        if not equal:
            return
        told = symbols(map(written, equal))
        for chosen in self._chosen(equal, [name for name in names if name in told], spans):
            values = {**self.sizes, **chosen}
            complete(values)
            if min(values.values()) > 0 and self.holds(values):
                yield values

    def _chosen(
        self, equal: Sequence[Polynomial], names: Sequence[str], spans: Mapping[str, Spans]
    ) -> Iterator[dict[str, int]]:
        """Values for the names at which these are 0: of all but the last tried, of the last worked out."""
        if next(self.left, None) is None or any(Guard("==", each, number(0)).decided() is False for each in equal):
            return
        name, *rest = names
        if not rest:
            for value in _solved(equal, name, spans[name]):
                yield {name: value}
            return
        for value in islice(self._values(equal, names, spans), MOST_TRIED):
            if value in spans[name]:
                put: dict[Atom, Polynomial] = {Symbol(name): number(value)}
                for others in self._chosen([put_in(each, put).expanded() for each in equal], rest, spans):
                    yield {name: value, **others}

    def _values(self, equal: Sequence[Polynomial], names: Sequence[str], spans: Mapping[str, Spans]) -> Iterator[int]:
        """Values to try for the first of these: of a batch as it is, then small; else from a square's side on."""
        name, *rest = names
        if name in self.batch:
            yield from dict.fromkeys((self.sizes[name], *_BATCHES))
            return
        side = max(_side(each, names) for each in equal)
        start = side if side in spans[name] else spans[name].after(side) or spans[name].most or 1
        furthest = max(_FURTHER * start, *(_side(each, (name,)) for each in self._narrow(equal, rest, spans)))
        yield start
        for step in range(1, furthest):
            if start > step:
                yield start - step
            if start + step <= furthest:
                yield start + step

    def _narrow(
        self, equal: Sequence[Polynomial], names: Sequence[str], spans: Mapping[str, Spans]
    ) -> Iterator[Polynomial]:
        """The polynomials with small numbers for these names: not too small, or floors of them are 0."""
        for small in _SMALL:
            put: dict[Atom, Polynomial] = {Symbol(name): number(max(small, spans[name].least or 1)) for name in names}
            yield from (put_in(each, put) for each in equal)


def _side(polynomial: Polynomial, names: Sequence[str]) -> int:
    """Where the polynomial turns its sign if all of these are alike: the side of a square, the edge of a cube."""
    same: dict[Atom, Polynomial] = {Symbol(name): of(Symbol("x")) for name in names}
    value = _function(put_in(polynomial, same), "x")
    sign = value(1) > 0
    low, high = 1, 2
    while (value(high) > 0) is sign:
        low, high = high, 2 * high
        if high > LARGEST_SIZE:
            return 1
    while high - low > 1:
        middle = (low + high) // 2
        if (value(middle) > 0) is sign:
            low = middle
        else:
            high = middle
    return high


def _solved(equal: Sequence[Polynomial], name: str, spans: Spans) -> Iterator[int]:
    """The first values of a symbol at which all of these are 0."""
    for each in equal:
        if each.constant is not None:
            continue
        found = solve("==", each, name)
        both = spans.meet(found) if found is not None else None
        if both is None:  # not worked out: where it turns its sign, or just before
            value, side = _function(each, name), _side(each, (name,))
            yield from (size for size in (side, side - 1) if size > 0 and size in spans and not value(size))
            return
        spans = both
    yield from islice(spans.values(), _EACH)


def _function(polynomial: Polynomial, name: str) -> Callable[[int], int]:
    compute = generated((("result", written(polynomial)),))

    def function(value: int) -> int:
        values = {name: value}
        try:
            compute(values)
        except ZeroDivisionError:
            return -1  # whatever is not 0
        return values["result"]

    return function
