"""What was assumed of symbolic sizes on the way: every comparison that a witness decided, kept as a condition.

A size under a symbol carries a number, its witness. Where a rule compares sizes the witness answers, and what it
answered is kept here: the result holds wherever all of these conditions hold, and :mod:`layercli.formula.region` says
where that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from math import gcd
from types import TracebackType
from typing import NamedTuple

from layercli.formula.expr import Expr, Op
from layercli.formula.notation import text
from layercli.formula.polynomial import ONE, Polynomial, number
from layercli.formula.written import written

NEED = "need"
"""What must hold, or there is no answer."""
CHOICE = "choice"
"""Which of several ways was taken: under another size the answer would be another."""

_BEYOND = 2**58
"""Bounds from here on are those of 64 bits, which every size is held to and none of interest comes near."""

_OPPOSITE = {"==": "!=", "!=": "=="}


class Guard(NamedTuple):
    """A condition that holds for the witnesses: ``left`` is ``==``, ``!=``, ``<`` or ``<=`` to ``right``."""

    relation: str
    left: Polynomial
    right: Polynomial
    category: str = CHOICE

    @property
    def condition(self) -> Expr:
        """The condition as a formula; what two sides with symbols have as a factor is left out."""
        numbered = self.left.constant is not None or self.right.constant is not None
        common = 1 if numbered else gcd(*self.left.terms.values(), *self.right.terms.values())
        return Op(self.relation, tuple(written(_shared(side, common)) for side in (self.left, self.right)))

    @property
    def text(self) -> str:
        """The condition as it is read: a number stands to the right."""
        condition = self.condition
        assert isinstance(condition, Op)
        left, right = map(text, condition.args)
        if self.left.constant is None:
            return f"{left} {self.relation} {right}"
        return f"{right} {_TURNED.get(self.relation, self.relation)} {left}"

    @property
    def of_64_bits(self) -> bool:
        """Whether it asks no more than that 64 bits are enough."""
        least, most = self.left.constant, self.right.constant
        beyond = (least is not None and least <= -_BEYOND) or (most is not None and most >= _BEYOND)
        return beyond and self.relation in ("<", "<=")

    def negated(self) -> Guard:
        """What holds where this does not."""
        if self.relation in _OPPOSITE:
            return self._replace(relation=_OPPOSITE[self.relation])
        return self._replace(relation="<=" if self.relation == "<" else "<", left=self.right, right=self.left)

    def standard(self) -> tuple[str, Polynomial]:
        """It as ``== 0``, ``!= 0`` or ``>= 0`` of one polynomial without a common factor: alike for the same demand."""
        if self.relation in _OPPOSITE:
            difference = (self.left - self.right).expanded()
            first = next(iter(difference.terms.values()), 1)
            common = gcd(*difference.terms.values()) or 1
            return self.relation, _shared(difference, common if first > 0 else -common)
        difference = (self.right - self.left).expanded()
        if self.relation == "<":
            difference = difference - number(1)
        common = reduce(gcd, (count for monomial, count in difference.terms.items() if monomial.powers), 0)
        return ">=", difference // number(common or 1)

    def decided(self) -> bool | None:
        """Whether it holds for all sizes, or for none; None where that depends."""
        relation, difference = self.standard()
        value = difference.constant
        if value is not None:
            return {"==": value == 0, "!=": value != 0, ">=": value >= 0}[relation]
        if relation != ">=" and difference.terms.get(ONE, 0) % _step(difference):
            return relation == "!="
        return None


_TURNED = {"<": ">", "<=": ">="}


def _shared(polynomial: Polynomial, common: int) -> Polynomial:
    return Polynomial({monomial: count // common for monomial, count in polynomial.terms.items()})


def _step(polynomial: Polynomial) -> int:
    return gcd(*(count for monomial, count in polynomial.terms.items() if monomial.powers))


class Tracer:
    """Collects guards while it is entered, each of them once and in order; what must hold outweighs a choice."""

    def __init__(self) -> None:
        self._guards: dict[tuple[str, Polynomial], Guard] = {}
        self._before: Tracer | None = None
        self.category = CHOICE
        self.last: Guard | None = None
        """What was recorded last, new or not."""
        self.recent: list[Guard] = []
        """What the last need has recorded, new or not."""
        self._fresh: tuple[int, int | None] = 0, None
        """Between which of the guards are those that the last need has recorded as the first."""

    @property
    def guards(self) -> tuple[Guard, ...]:
        """What was assumed."""
        return tuple(self._guards.values())

    @property
    def path(self) -> tuple[tuple[Guard, bool], ...]:
        """What was assumed until the last need was weighed, and whether that need is the first to ask it.

        What is recorded after a need that fails is compared for the words in which that is said.
        """
        since, until = self._fresh
        return tuple((guard, index >= since) for index, guard in enumerate(self.guards[:until]))

    def begin(self) -> None:
        """What was recorded so far is behind: a failure that follows is not that of the last need."""
        self.recent, self._fresh = [], (len(self._guards), None)

    def record(self, guard: Guard) -> None:
        """Keeps a condition that holds for the witnesses."""
        key = guard.standard()
        self.last = guard
        if self.category == NEED:
            self.recent.append(guard)
        kept = self._guards.get(key)
        if kept is None or (self.category == NEED and kept.category != NEED):
            self._guards[key] = guard._replace(category=self.category)

    def adopt(self, guards: tuple[Guard, ...]) -> None:
        """Keeps what was assumed for an answer that is used again."""
        before = self.category
        for guard in guards:
            self.category = guard.category
            self.record(guard)
        self.category = before

    def mended(self) -> tuple[Guard, ...]:
        """What must hold, with the last of the last need turned round: where the rule that just failed is met too."""
        turned = self.recent[-1] if self.recent else self.last
        assert turned is not None
        needs = [guard for guard in self.guards if guard.category == NEED and guard.standard() != turned.standard()]
        return (*needs, turned.negated()._replace(category=NEED))

    @contextmanager
    def under(self, category: str) -> Iterator[None]:
        """What is recorded inside is of this category."""
        before, self.category = self.category, category
        self.begin()
        try:
            yield
        finally:
            self.category = before
            self._fresh = self._fresh[0], len(self._guards)

    def __enter__(self) -> Tracer:
        self._before = _now.tracer
        _now.tracer = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _now.tracer = self._before


class _Now:
    """Which tracer is told of comparisons; without one they are answered and forgotten."""

    tracer: Tracer | None = None


_now = _Now()


def current() -> Tracer | None:
    """The tracer that is entered."""
    return _now.tracer


@contextmanager
def untraced() -> Iterator[None]:
    """What is compared inside is not recorded: it says something of the answer, and does not decide it."""
    before, _now.tracer = _now.tracer, None
    try:
        yield
    finally:
        _now.tracer = before


def assume(guard: Guard, holds: bool) -> bool:
    """Tells the tracer what the witnesses decided, unless it is so for all sizes that there are."""
    tracer = _now.tracer
    if tracer is not None and guard.decided() is None:
        held = guard if holds else guard.negated()
        if not held.of_64_bits:
            tracer.record(held)
    return holds
