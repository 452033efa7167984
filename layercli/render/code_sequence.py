"""An ``nn.Sequential`` as lines of code: equal times of a repeat are written once, with ``for _ in range(n)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeAlias

from layercli.render.code_lines import INDENT, WIDTH, Line, aligned, indented, statement
from layercli.render.code_parts import Entry

_FEWEST, _LONG = 3, 12
"""So many equal times of one layer are written as one, or so many lines of several."""


class Times(NamedTuple):
    """The same items several times."""

    number: int
    items: tuple[Item, ...]


Item: TypeAlias = "Entry | Times"


def sequence(entries: Sequence[Entry], start: str = "", end: str = "", depth: int = 0) -> list[Line]:
    """The entries inside of ``start`` nn.Sequential(…) ``end``; a single one as it is."""
    items = gathered(entries)
    if len(items) == 1 and isinstance(items[0], Entry):
        return statement(f"{start}{items[0].text}{end}", "" if depth else items[0].shape, depth)
    inside = [line for item in items for line in _lines(item, depth + 1)]
    if len(inside) == 1 and depth:
        return statement(f"{start}nn.Sequential({inside[0].code.removesuffix(',')}){end}", depth=depth)
    return [Line(f"{start}nn.Sequential("), *indented(aligned(inside, depth + 1)), Line(f"){end}")]


def gathered(entries: Sequence[Entry], depth: int = 0) -> tuple[Item, ...]:
    """The entries with equal times of the repeats at this depth put together."""
    found: list[Item] = []
    for path, group in groupby(entries, lambda entry: entry.times[depth][0] if len(entry.times) > depth else None):
        if path is None:
            found += group
            continue
        times = [gathered(list(time), depth + 1) for _, time in groupby(group, lambda entry: entry.times[depth][1])]
        for number, items in _equal(times):
            inner = items[0]
            if len(items) == 1 and isinstance(inner, Times):
                found.append(inner._replace(number=number * inner.number))
            else:
                once = number >= _FEWEST and (len(items) == 1 or number * len(items) >= _LONG)
                found += [Times(number, items)] if once else list(items) * number
    return tuple(found)


def _equal(times: Sequence[tuple[Item, ...]]) -> Iterator[tuple[int, tuple[Item, ...]]]:
    for _, group in groupby(times, _content):
        alike = list(group)
        yield len(alike), alike[0]


def _content(items: tuple[Item, ...]) -> tuple[object, ...]:
    """What is written of the items, without where they come from."""
    return tuple(
        (item.text, item.shape) if isinstance(item, Entry) else (item.number, _content(item.items)) for item in items
    )


def _lines(item: Item, depth: int) -> list[Line]:
    if isinstance(item, Entry):
        return statement(f"{item.text},", item.shape, depth)
    first = item.items[0]
    if len(item.items) == 1 and isinstance(first, Entry):
        text = f"*[{first.text} for _ in range({item.number})],"
        if len(INDENT) * depth + len(text) <= WIDTH:
            return [Line(text, first.shape)]
    inside = [line for inner in item.items for line in _lines(inner, depth + 2)]
    module = [Line("nn.Sequential("), *indented(inside), Line(")")] if len(item.items) > 1 else inside
    if len(item.items) == 1:
        module = [*inside[:-1], inside[-1]._replace(code=inside[-1].code.removesuffix(","))]
    return [Line("*["), *indented(module), Line(f"{INDENT}for _ in range({item.number})"), Line("],")]
