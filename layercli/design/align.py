"""The rows of two designs laid side by side, as a diff lays lines: alike, changed, only in one of them.

Rows are paired in order so that what pairs have in common is the most there can be (the dynamic programme of Needleman
and Wunsch): first of all rows that are alike, then rows of one layer with as many equal settings as possible. Rows of
different layers are no pair.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.rows import Row
from layercli.formula.symbolic import symbolic_key
from layercli.plan import Module

ALIKE, CHANGED, ONLY_FIRST, ONLY_SECOND = "alike", "changed", "only first", "only second"

MOST_PAIRS = 1_000_000
"""Pairs of rows that are weighed; designs that differ over more rows than that are not aligned."""

_ALIKE, _SETTINGS, _LAYER, _EQUAL_SETTINGS, _WRITTEN, _LABEL = 500, 360, 200, 100, 50, 60
"""What a pair is worth: alike in all, in its settings alone, of one layer; more with settings, those that are written
and a label equal."""


class Pair(NamedTuple):
    """Two rows side by side, or one that the other design lacks."""

    first: Row | None
    second: Row | None
    status: str
    settings: tuple[str, ...] = ()
    """The arguments that differ; none where a changed pair differs in its sizes alone."""


class _Signature(NamedTuple):
    """What of a row is held against another's."""

    layer: str
    settings: tuple[tuple[str, Hashable], ...]
    sizes: tuple[Hashable, ...]
    written: frozenset[str]
    """The settings that are written, not inferred and no defaults."""
    label: str


def align(first: Sequence[Row], second: Sequence[Row]) -> tuple[Pair, ...] | None:
    """The rows of two designs side by side, in order; None where they differ over too many rows to be aligned."""
    ones, twos = [*map(_signature, first)], [*map(_signature, second)]
    least = min(len(ones), len(twos))
    before = next((place for place in range(least) if not _alike(ones[place], twos[place])), least)
    rest = least - before
    after = next((place for place in range(rest) if not _alike(ones[-1 - place], twos[-1 - place])), rest)
    ends = len(ones) - after, len(twos) - after
    if (ends[0] - before) * (ends[1] - before) > MOST_PAIRS:
        return None
    found = [(place, place) for place in range(before)]
    middle = _paired(ones[before : ends[0]], twos[before : ends[1]])
    found += [(before + one, before + two) for one, two in middle]
    found += [(ends[0] + place, ends[1] + place) for place in range(after)]
    return tuple(_pairs(found, first, second, ones, twos))


def _pairs(
    found: Sequence[tuple[int, int]], first: Sequence[Row], second: Sequence[Row], ones: Sequence[_Signature],
    twos: Sequence[_Signature],
) -> Iterator[Pair]:  # fmt: skip
    """The pairs, and before each of them the rows that are in one design alone, the first design's before."""
    one = two = 0
    for place, other in [*found, (len(first), len(second))]:
        yield from (Pair(row, None, ONLY_FIRST) for row in first[one:place])
        yield from (Pair(None, row, ONLY_SECOND) for row in second[two:other])
        one, two = place + 1, other + 1
        if place == len(first):
            return
        status = ALIKE if _alike(ones[place], twos[other]) else CHANGED
        theirs = dict(twos[other].settings)
        settings = tuple(name for name, value in ones[place].settings if theirs.get(name) != value)
        yield Pair(first[place], second[other], status, settings)


def _paired(ones: Sequence[_Signature], twos: Sequence[_Signature]) -> list[tuple[int, int]]:
    """Which rows are pairs: those that are worth the most together, the earliest of equal ones."""
    worth = _weighed(ones, twos)
    best = [[0] * (len(twos) + 1) for _ in range(len(ones) + 1)]
    for one in range(len(ones) - 1, -1, -1):
        here, below = best[one], best[one + 1]
        for two in range(len(twos) - 1, -1, -1):
            pair = worth(one, two)
            left = max(below[two], here[two + 1])
            here[two] = max(left, pair + below[two + 1]) if pair else left
    found, one, two = [], 0, 0
    while one < len(ones) and two < len(twos):
        pair = worth(one, two)
        if pair and best[one][two] == pair + best[one + 1][two + 1]:
            found.append((one, two))
            one, two = one + 1, two + 1
        elif best[one][two] == best[one + 1][two]:
            one += 1
        else:
            two += 1
    return found


def _weighed(ones: Sequence[_Signature], twos: Sequence[_Signature]) -> Callable[[int, int], int]:
    """What a pair is worth by its places; rows that are alike are weighed once."""
    kinds: dict[_Signature, int] = {}
    places = [[kinds.setdefault(each, len(kinds)) for each in rows] for rows in (ones, twos)]
    every, known = list(kinds), dict[tuple[int, int], int]()

    def worth(one: int, two: int) -> int:
        pair = places[0][one], places[1][two]
        if pair not in known:
            known[pair] = _worth(every[pair[0]], every[pair[1]])
        return known[pair]

    return worth


def _worth(one: _Signature, two: _Signature) -> int:
    if one.layer != two.layer:
        return 0
    label = _LABEL if one.label and one.label == two.label else 0
    if one.settings == two.settings:
        return label + (_ALIKE if one.sizes == two.sizes else _SETTINGS)
    equal = {name for (name, mine), (_, theirs) in zip(one.settings, two.settings) if mine == theirs}
    written = _WRITTEN if one.written == two.written and one.written <= equal else 0
    return label + _LAYER + written + _EQUAL_SETTINGS * len(equal) // len(one.settings)


def _alike(one: _Signature, two: _Signature) -> bool:
    return one[:3] == two[:3]


def _signature(row: Row) -> _Signature:
    bound = row.bound
    settings = (*((name, _key(value)) for name, value in bound.args.items()), ("reference", row.refers))
    outputs = tuple((_key(flow.shape), flow.dtype) for flow in tensors(bound.outputs))
    figures = (_key(bound.params), _key(bound.buffers), _key(bound.macs), row.shares is None)
    written = frozenset((*bound.given.values, *bound.given.taken, "reference"))
    return _Signature(bound.layer.name, settings, (*outputs, *figures), written, row.label)


def _key(value: Any) -> Hashable:
    """A value that is equal to another's where the two arguments mean the same."""
    if isinstance(value, Module):
        return value.torch, _key(value.args), tuple((name, _key(item)) for name, item in value.kwargs.items())
    if isinstance(value, (tuple, list)):
        return tuple(map(_key, value))
    key = symbolic_key(value)
    if not isinstance(key, Hashable) or key != key:  # a mapping, or no number
        return repr(key)
    return type(key) is bool, key
