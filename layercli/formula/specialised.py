"""Steps as one Python function of what varies, for many values: what does not vary is worked out once.

Like :func:`layercli.formula.generated` it is made from the trees, so it computes what they say and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from layercli.formula.evaluate import Steps, evaluate
from layercli.formula.notation import number, text
from layercli.formula.symbols import symbols

Specialised: TypeAlias = Callable[..., "tuple[Any, ...] | int"]


def specialised(
    steps: Steps, constants: Mapping[str, Any], groups: Sequence[Sequence[str]], wanted: Sequence[str]
) -> Specialised:
    """The wanted values as a function of one tuple of values for each group of symbols.

    Where a condition among the steps does not hold the function gives its index instead. ``constants``: the values
    of all symbols that are in no group.
    """
    names = {name: f"g{g}_{i}" for g, group in enumerate(groups) for i, name in enumerate(group)}
    known = {name: value for name, value in constants.items() if name not in names}
    lines: list[str] = []
    if groups:
        heads = ", ".join(f"g{index}" for index in range(len(groups)))
        for index, group in enumerate(groups):
            if group:
                parts = ", ".join(names[name] for name in group)
                lines.append(f"    {parts}{',' * (len(group) == 1)} = g{index}")
    else:
        heads = ""

    def written(name: str) -> str:
        return names[name] if name in names else _constant(known[name])

    for index, name, expr in _needed(steps, wanted):
        varies = any(symbol in names for symbol in symbols([expr]))
        if varies:
            said = text(expr, written)
            if name:
                names[name] = f"x{index}"
                lines.append(f"    x{index} = {said}")
            else:
                lines.append(f"    if not ({said}):\n        return {index}")
            continue
        value = evaluate(expr, known)
        if name:
            known[name] = value
            names.pop(name, None)
        elif not value:
            lines.append(f"    return {index}")
            break
    else:
        lines.append(f"    return ({''.join(f'{written(name)}, ' for name in wanted)})")
    scope: dict[str, Any] = {"floor": math.floor, "inf": math.inf, "nan": math.nan}
    exec("\n".join([f"def function({heads}):", *lines]), scope)
    function: Specialised = scope["function"]
    return function


def folded(steps: Steps, constants: Mapping[str, Any], varied: Collection[str]) -> tuple[Steps, dict[str, Any]] | None:
    """The steps that hang on what varies, and what the others come to; None where one of their conditions fails."""
    open_ = set(varied)
    known = {name: value for name, value in constants.items() if name not in open_}
    left = []
    for name, expr in steps:
        if open_.isdisjoint(symbols([expr])):
            value = evaluate(expr, known)
            if name:
                known[name] = value
                open_.discard(name)
            elif not value:
                return None
        else:
            left.append((name, expr))
            if name:
                open_.add(name)
    return tuple(left), known


def _constant(value: Any) -> str:
    """A value as Python reads it, wherever it stands."""
    return f"({number(value)})" if isinstance(value, (int, float)) else repr(value)


def _needed(steps: Steps, wanted: Sequence[str]) -> list[tuple[int, str, Any]]:
    """The conditions, and the values that they or the wanted ones hang on, in order, with their indices."""
    asked = set(wanted)
    found: list[tuple[int, str, Any]] = []
    for index in range(len(steps) - 1, -1, -1):
        name, expr = steps[index]
        if not name or name in asked:
            asked.update(symbols([expr]))
            found.append((index, name, expr))
    return found[::-1]
