"""Which sizes a design on open sizes is tried at: usual ones, then those at which the rule that failed is met.

A walk goes one way through the conditions that it meets, and all sizes that meet them go the same way. So what a walk
that failed has recorded says which other sizes fail too, and where every other way is known to fail as well, no sizes
will do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from layercli.formula.guards import CHOICE, NEED, Guard, Tracer
from layercli.formula.polynomial import Polynomial
from layercli.formula.region import Conditions, holding
from layercli.formula.search import allowance, search
from layercli.formula.symbols import symbols

WITNESSES = (224, 256, 64, 32, 28, 128, 16, 100, 512, 8, 10, 48, 7, 572, 5, 4, 3, 2, 1)
"""Sizes to begin with; where a need is not met, what mends it is tried next."""
BATCH = 2
TRIES = 60
MOST_WAYS = 4
"""How many ways to meet a rule are tried: that one size equals another, or is 1."""

Sizes = dict[str, int]
Guards = tuple[Guard, ...]
Standard = tuple[str, Polynomial]


class _Way(NamedTuple):
    """A way that a walk did not go: where it would leave that walk's, and the condition to be met there."""

    node: int
    guards: Guards
    """What comes before."""
    turned: Guard
    sizes: Sizes
    """Those of the walk."""

    @property
    def key(self) -> tuple[int, Standard]:
        return self.node, self.turned.standard()


class Witnesses:
    """The sizes to try, one after another; what a walk that failed has recorded decides which come next."""

    def __init__(self, names: Sequence[str], batch: Collection[str]) -> None:
        self.batch = batch
        self._usual = iter([{name: BATCH if name in batch else size for name in names} for size in WITNESSES])
        self._waiting: list[Sizes] = []
        self._left = allowance()
        self._failing: list[Callable[[Mapping[str, int]], bool]] = []
        self._nodes: dict[tuple[int, Standard], int] = {}
        """The tree of the conditions that walks have met: where one leads to from where it was asked."""
        self._ways: list[_Way] = []
        self._asked: set[tuple[int, Standard]] = set()

    def __iter__(self) -> Iterator[Sizes]:
        for _ in range(TRIES):
            sizes = next((each for each in self._following() if not self._fails(each)), None)
            if sizes is None:
                return
            yield sizes
            if self.hopeless:
                return

    def _following(self) -> Iterator[Sizes]:
        while self._waiting:
            yield self._waiting.pop()
        yield from self._usual
        while (way := next((way for way in reversed(self._ways) if way.key not in self._asked), None)) is not None:
            self._asked.add(way.key)
            found = self._found((*way.guards, way.turned), [way.turned], way.sizes)
            if found is not None:
                yield found

    def _fails(self, sizes: Mapping[str, int]) -> bool:
        return any(failing(sizes) for failing in self._failing)

    def failed(self, tracer: Tracer, sizes: Sizes) -> bool:
        """Learns from a walk that a rule has ended at these sizes; whether other sizes might meet that rule there."""
        self._failing.append(holding([guard for guard, _ in tracer.path]))
        open_there = self._note(tracer.path, sizes)
        if not self.hopeless:
            self._waiting += self._mended(tracer, sizes)
        return open_there

    # --- which ways are left ---

    @property
    def hopeless(self) -> bool:
        """Whether it is certain that no sizes will do: there were walks on every way."""
        return bool(self._failing) and not self._ways

    def _note(self, path: Sequence[tuple[Guard, bool]], sizes: Sizes) -> bool:
        """Keeps the ways that leave that of a walk, and says whether one does so in its last rule.

        A bound that an earlier rule has found met is no way to leave: without it that rule would have failed.
        """
        node, last = 0, False
        guards: Guards = ()
        for guard, fresh in path:
            turned = guard.negated()
            leaves = fresh or guard.category == CHOICE or guard.relation in ("==", "!=")
            if leaves and not any(Conditions(each).impossible for each in ((turned,), (*guards, turned))):
                self._ways.append(_Way(node, guards, turned, sizes))
                last = last or fresh
            node = self._nodes.setdefault((node, guard.standard()), len(self._nodes) + 1)
            guards = (*guards, guard)
        self._ways = [way for way in self._ways if way.key not in self._nodes]
        return last

    # --- how a rule is met ---

    def _mended(self, tracer: Tracer, sizes: Sizes) -> Iterator[Sizes]:
        """Sizes at which the rule that just failed is met, by each way that it left open; its first is the last."""
        if not tracer.recent:
            return
        last = takewhile(lambda guard: guard.relation == "!=", reversed(tracer.recent))
        unequal = [*{guard.standard(): guard for guard in last}.values()]
        bounds = [guard for guard in tracer.recent if guard.relation in ("<", "<=")]

        def without(guards: Sequence[Guard]) -> Guards:
            gone = {guard.standard() for guard in guards}
            return tuple(guard for guard in tracer.guards if guard.category == NEED and guard.standard() not in gone)

        *kept, turned_round = tracer.mended()
        ways: list[tuple[Guards, Guards]] = [(tuple(kept), (turned_round,))]
        ones_first = sorted(unequal[:MOST_WAYS], key=lambda guard: 1 not in (guard.left.constant, guard.right.constant))
        ways += [(without(unequal), (guard.negated(),)) for guard in ones_first]
        if len(bounds) > 1:
            ways.append((without(bounds), tuple(guard.negated() for guard in bounds)))  # one rule about several axes
        for others, turned in ways:
            found = self._found((*others, *turned), turned, sizes)
            if found is not None:
                yield found

    def _found(self, guards: Guards, turned: Sequence[Guard], sizes: Sizes) -> Sizes | None:
        names = symbols(guard.condition for guard in turned)
        return search(guards, names, sizes, self.batch, self._left)
