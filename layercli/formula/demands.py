"""Spans of values in words: what a size must be at least, what must divide it, which one it is tied to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from layercli.formula.evaluate import evaluate
from layercli.formula.expr import Expr
from layercli.formula.notation import text
from layercli.formula.spans import Spans
from layercli.formula.symbols import symbols

_FEW = 4
"""Values that are listed one by one."""


class Demand(NamedTuple):
    """One condition on the sizes, as it is read."""

    kind: str
    """``least``, ``most``, ``remainder``, ``equal``, ``among``, ``not``, ``none``; ``joint`` of several sizes;
    ``unknown``: a condition that is stated as it stands, because where it holds was not worked out."""
    text: str
    symbols: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    """What it says in numbers: the bound; the divisor and the remainders; the values."""
    category: str = "need"
    formula: Expr | None = None
    """What it speaks of: a size, or a formula of sizes that no words undo; a condition that is stated as it stands."""

    def meets(self, sizes: Mapping[str, int]) -> bool:
        """Whether sizes meet it."""
        if self.formula is None:
            return False
        try:
            value = evaluate(self.formula, sizes)
        except ZeroDivisionError:
            return False
        return _MEETS[self.kind](value, self.numbers) if self.kind in _MEETS else bool(value)


_MEETS: dict[str, Callable[[int, tuple[int, ...]], bool]] = {
    "least": lambda value, numbers: value >= numbers[0],
    "most": lambda value, numbers: value <= numbers[0],
    "equal": lambda value, numbers: value == numbers[0],
    "remainder": lambda value, numbers: value % numbers[0] in numbers[1:],
    "among": lambda value, numbers: value in numbers,
    "not": lambda value, numbers: value not in numbers,
}
"""By the kind of a demand: whether a value meets it."""


def described(spans: Spans, formula: Expr) -> list[Demand] | None:
    """The demands whose meeting are these values; None where words would be longer than the conditions."""
    found = _in_words(spans, formula, _FEW)
    return _in_words(spans, formula, 3 * _FEW) if found is None and spans.most is not None else found


def _in_words(spans: Spans, formula: Expr, few: int) -> list[Demand] | None:
    """The demands, so few values being listed one by one."""
    name, names = text(formula), tuple(symbols([formula]))

    def say(kind: str, written: str, *numbers: int) -> Demand:
        return Demand(kind, f"{name} {written}", names, numbers, formula=formula)

    least, most = spans.least, spans.most
    if least is None:
        return [Demand("none", f"no {name} will do", names)]
    if most is not None:
        listed = _listed(spans, least, most, few)
        if listed is not None:
            if len(listed) == 1:
                return [say("equal", f"== {listed[0]}", *listed)]
            return [say("among", f"in ({', '.join(map(str, listed))})", *listed)]
    endless = [rest for rest, held in enumerate(spans.classes) if held and held[-1][1] == _last(most, rest, spans)]
    modulus, rests = _remainders(endless, spans.period)
    gaps = _gaps(spans, least, modulus, rests)
    if gaps is None:
        return None
    demands = []
    if least > min((spans.first + (rest - spans.first) % modulus for rest in rests), default=least):
        demands.append(say("least", f">= {least}", least))
    if most is not None:
        demands.append(say("most", f"<= {most}", most))
    if modulus > 1:
        if len(rests) == 1:
            demands.append(say("remainder", f"% {modulus} == {rests[0]}", modulus, *rests))
        elif len(rests) == modulus - 1:
            (missing,) = set(range(modulus)) - set(rests)
            demands.append(say("remainder", f"% {modulus} != {missing}", modulus, *rests))
        elif len(rests) <= 2 * _FEW:
            demands.append(say("remainder", f"% {modulus} in ({', '.join(map(str, rests))})", modulus, *rests))
        else:
            return None
    return demands + [say("not", f"!= {gap}", gap) for gap in gaps]


def _listed(spans: Spans, least: int, most: int, few: int) -> list[int] | None:
    """The values, where they are few and no whole stretch."""
    found = [
        value
        for held in spans.classes
        for low, high in held
        for value in range(low, (most if high is None else high) + 1, spans.period)[: few + 1]
    ]
    if len(found) > few or (len(found) > 2 and most - least + 1 == len(found)):
        return None
    return sorted(found)


def _last(most: int | None, rest: int, spans: Spans) -> int | None:
    """Where a class ends that goes on to the end."""
    return None if most is None else most - (most - rest) % spans.period


def _remainders(rests: list[int], period: int) -> tuple[int, list[int]]:
    """The same remainders by the smallest divisor."""
    for modulus in range(1, period):
        if period % modulus == 0:
            fewer = {rest % modulus for rest in rests}
            if len(fewer) * (period // modulus) == len(rests):
                return modulus, sorted(fewer)
    return period, rests


def _gaps(spans: Spans, least: int, modulus: int, rests: list[int]) -> list[int] | None:
    """The few values from the least on that have one of the remainders and are left out; None where words fail."""
    gaps: list[int] = []
    meant = set(rests)
    for rest, held in enumerate(spans.classes):
        if rest % modulus not in meant:
            if held:
                return None
            continue
        value = least + (rest - least) % spans.period
        for low, high in held:
            missing = range(value, low, spans.period)
            gaps += missing[: _FEW + 1]
            value = low if high is None else high + spans.period
        if len(gaps) > _FEW:
            return None
    return sorted(gaps)
