"""All choices in which the conditions of a structure hold, without trying each: boxes of values are kept or dropped.

Holes that no condition ties together are searched apart, and what they allow is multiplied. In each such part a box of
values is asked for as a whole (:mod:`layercli.formula.enclosed`): where it is certain that a condition holds nowhere it
is dropped, where all hold everywhere it is taken, else it is halved along the hole with the most values left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from typing import Any, NamedTuple

from layercli.formula import Expr, Op, Steps, symbols
from layercli.formula.enclosed import enclosed
from layercli.formula.specialised import folded, specialised

Part = tuple[int, ...]

MOST_BOXES = 400_000
"""Boxes that are asked of in one part."""
MOST_CHOICES = 1_000_000
"""Choices of one part that are listed."""


class TooMany(Exception):
    """More choices, or boxes, than are gone through."""


class Allowed(NamedTuple):
    """The choices of some holes that their conditions allow, each a tuple of places in the holes' values."""

    holes: Part
    choices: list[tuple[int, ...]]


def allowed(
    steps: Steps,
    constants: Mapping[str, Any],
    groups: Sequence[Sequence[str]],
    tables: Sequence[Mapping[int, tuple[Any, ...]]],
) -> list[Allowed]:
    """For each part what its conditions allow; a choice of all holes is one of each part. TooMany of too many.

    ``groups``: the symbols that each hole sets; ``tables``: by the place of each of its values, those of its symbols.
    """
    names = {name for group in groups for name in group}
    rest = folded(tuple(_apart(steps)), constants, names)
    if rest is None:
        return [Allowed(tuple(range(len(groups))), [])]
    open_steps, known = rest
    hangs_on = _holes(open_steps, groups)
    found = []
    for holes in _parts(open_steps, hangs_on, len(groups)):
        mine = _steps_of(open_steps, hangs_on, set(holes))
        own_groups = [groups[hole] for hole in holes]
        own_tables = [tables[hole] for hole in holes]
        choices = [*islice(_search(mine, known, own_groups, own_tables), MOST_CHOICES + 1)]
        if len(choices) > MOST_CHOICES:
            raise TooMany
        found.append(Allowed(holes, choices))
    return found


def _apart(steps: Iterable[tuple[str, Expr]]) -> Iterator[tuple[str, Expr]]:
    """The steps, conditions that all have to hold one by one: each may tie fewer holes together."""
    for name, expr in steps:
        if not name and isinstance(expr, Op) and expr.kind == "and":
            yield from _apart([("", part) for part in expr.args])
        else:
            yield name, expr


def _holes(steps: Steps, groups: Sequence[Sequence[str]]) -> list[set[int]]:
    """The holes that each step hangs on."""
    of = {name: {hole} for hole, group in enumerate(groups) for name in group}
    found = []
    for name, expr in steps:
        holes = set().union(*(of.get(symbol, set()) for symbol in symbols([expr])))
        found.append(holes)
        if name:
            of[name] = holes
    return found


def _parts(steps: Steps, hangs_on: Sequence[set[int]], count: int) -> list[Part]:
    """Holes that a condition ties together, directly or by others."""
    parts = [{hole} for hole in range(count)]
    for (name, _), holes in zip(steps, hangs_on):
        if not name and len(holes) > 1:
            together = [part for part in parts if part & holes]
            parts = [part for part in parts if not part & holes] + [set().union(*together)]
    return sorted(tuple(sorted(part)) for part in parts)


def _steps_of(steps: Steps, hangs_on: Sequence[set[int]], holes: set[int]) -> Steps:
    """The conditions on these holes, and the values that they need."""
    asked: set[str] = set()
    found = []
    for (name, expr), on in zip(reversed(steps), reversed(hangs_on)):
        if name in asked if name else on <= holes:
            asked.update(symbols([expr]))
            found.append((name, expr))
    return tuple(found[::-1])


def _search(
    steps: Steps,
    known: Mapping[str, Any],
    groups: Sequence[Sequence[str]],
    tables: Sequence[Mapping[int, tuple[Any, ...]]],
) -> Iterator[tuple[int, ...]]:
    exact = specialised(steps, known, groups, ())
    ranges = [_Range(table) for table in tables]
    if not all(each.ordered for each in ranges):
        for choice in product(*(each.places for each in ranges)):
            if exact(*[table[place] for table, place in zip(tables, choice)]) == ():
                yield choice
        return
    asks = enclosed(steps, known, groups)
    boxes = [tuple((0, len(each.places)) for each in ranges)]
    asked_of = 0
    while boxes:
        box = boxes.pop()
        asked_of += 1
        if asked_of > MOST_BOXES:
            raise TooMany
        sure = asks(*[each.ends(*part) for each, part in zip(ranges, box)])
        if sure is False:
            continue
        if sure:
            yield from product(*(each.places[low:high] for each, (low, high) in zip(ranges, box)))
            continue
        widths = [high - low for low, high in box]
        widest = max(range(len(widths)), key=widths.__getitem__, default=0)
        if prod(widths) == 1:
            choice = tuple(each.places[low] for each, (low, _) in zip(ranges, box))
            if exact(*[table[place] for table, place in zip(tables, choice)]) == ():
                yield choice
            continue
        low, high = box[widest]
        middle = (low + high) // 2
        boxes.append((*box[:widest], (middle, high), *box[widest + 1 :]))
        boxes.append((*box[:widest], (low, middle), *box[widest + 1 :]))


class _Range:
    """The values of one hole in the order of their size."""

    def __init__(self, table: Mapping[int, tuple[Any, ...]]) -> None:
        self.ordered = all(isinstance(value, (int, float)) for values in table.values() for value in values)
        self.places = sorted(table, key=table.__getitem__) if self.ordered else [*table]
        self._values = [table[place] for place in self.places]
        columns = [*zip(*self._values)]
        self._rising = self.ordered and all([*column] == sorted(column) for column in columns)

    def ends(self, low: int, high: int) -> tuple[tuple[Any, Any], ...]:
        """Between which numbers each symbol lies over a run of the values."""
        if self._rising:
            return tuple(zip(self._values[low], self._values[high - 1]))
        return tuple((min(column), max(column)) for column in zip(*self._values[low:high]))
