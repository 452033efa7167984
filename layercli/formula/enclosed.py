"""Whether conditions hold over a whole box of values: everywhere, nowhere, or here and there.

The conditions' formulas are worked out on intervals in place of numbers, by a function generated from the trees. What
it says is certain: an interval may be wider than need be (a symbol that stands in a formula twice is taken for two),
then the answer is None, and the box is to be taken apart. Source: Moore, "Interval Analysis", 1966.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from layercli.formula.evaluate import Steps
from layercli.formula.expr import Expr, Num, Op, Sym

Interval: TypeAlias = "tuple[Any, Any]"
Enclosed: TypeAlias = Callable[..., "bool | None"]
"""True where all conditions hold everywhere in the box, False where one holds nowhere; None where neither is certain.
It takes, for each group of symbols, the interval of each of them."""


class _Unbounded(Exception):
    """A value has no bounds that could be told."""


def enclosed(steps: Steps, constants: Mapping[str, Any], groups: Sequence[Sequence[str]]) -> Enclosed:
    """The conditions among the steps as a function of intervals, a tuple of (low, high) for each group."""
    writer = _Writer(constants)
    for g, group in enumerate(groups):
        for i, name in enumerate(group):
            writer.names[name] = f"g{g}[{i}][0]", f"g{g}[{i}][1]"
    for name, expr in steps:
        try:
            low, high = writer.bounds(expr)
        except _Unbounded:
            if name:
                writer.names[name] = None
            else:
                writer.lines.append("sure = False")
            continue
        if name:
            writer.names[name] = low, high
        else:
            writer.lines.append(f"if not {high}: return False")
            writer.lines.append(f"sure = sure and {low}")
    body = "\n".join(f"        {line}" for line in writer.lines)
    heads = ", ".join(f"g{index}" for index in range(len(groups)))
    text = f"def function({heads}):\n    sure = True\n    try:\n{body or '        pass'}\n"
    text += "    except (Unbounded, OverflowError):\n        return None\n    return True if sure else None"
    scope: dict[str, Any] = {"Unbounded": _Unbounded, "inf": math.inf, **_HELPERS}
    exec(text, scope)
    function: Enclosed = scope["function"]
    return function


class _Writer:
    """Writes the bounds of a formula as statements, and names them."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self.constants = constants
        self.names: dict[str, tuple[str, str] | None] = {}
        self.lines: list[str] = []

    def bounds(self, expr: Expr) -> tuple[str, str]:
        """Where the low and the high end of a formula stand."""
        if isinstance(expr, Num):
            return _literal(expr.value)
        if isinstance(expr, Sym):
            if expr.name in self.names:
                found = self.names[expr.name]
                if found is None:
                    raise _Unbounded
                return found
            return _literal(self.constants[expr.name])
        assert isinstance(expr, Op)
        parts = [self.bounds(arg) for arg in expr.args]
        low, high = _RULES[expr.kind](*parts) if expr.kind in _RULES else self._called(expr.kind, parts)
        return (low, high) if low.isidentifier() else self._named(low, high)

    def _named(self, low: str, high: str) -> tuple[str, str]:
        number = len(self.lines)
        self.lines.append(f"l{number} = {low}; h{number} = {high}")
        return f"l{number}", f"h{number}"

    def _called(self, kind: str, parts: Sequence[tuple[str, str]]) -> tuple[str, str]:
        helper = _CALLS.get(kind)
        if helper is None:
            raise _Unbounded
        number = len(self.lines)
        ends = ", ".join(end for part in parts for end in part)
        self.lines.append(f"l{number}, h{number} = {helper}({ends})")
        return f"l{number}", f"h{number}"


def _literal(value: Any) -> tuple[str, str]:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _Unbounded
    written = f"({value!r})"
    return written, written


Ends: TypeAlias = "tuple[str, str]"


def _equal(a: Ends, b: Ends) -> Ends:
    return f"({a[0]} == {a[1]} == {b[0]} == {b[1]})", f"({a[0]} <= {b[1]} and {b[0]} <= {a[1]})"


def _unequal(a: Ends, b: Ends) -> Ends:
    low, high = _equal(a, b)
    return f"not {high}", f"not {low}"


def _chosen(c: Ends, a: Ends, b: Ends) -> Ends:
    return (
        f"({a[0]} if {c[0]} else {b[0]} if not {c[1]} else min({a[0]}, {b[0]}))",
        f"({a[1]} if {c[0]} else {b[1]} if not {c[1]} else max({a[1]}, {b[1]}))",
    )


_RULES: dict[str, Callable[..., Ends]] = {
    "+": lambda a, b: (f"{a[0]} + {b[0]}", f"{a[1]} + {b[1]}"),
    "-": lambda a, b: (f"{a[0]} - {b[1]}", f"{a[1]} - {b[0]}"),
    "neg": lambda a: (f"-{a[1]}", f"-{a[0]}"),
    "min": lambda a, b: (f"min({a[0]}, {b[0]})", f"min({a[1]}, {b[1]})"),
    "max": lambda a, b: (f"max({a[0]}, {b[0]})", f"max({a[1]}, {b[1]})"),
    "<": lambda a, b: (f"{a[1]} < {b[0]}", f"{a[0]} < {b[1]}"),
    "<=": lambda a, b: (f"{a[1]} <= {b[0]}", f"{a[0]} <= {b[1]}"),
    "==": _equal,
    "!=": _unequal,
    "and": lambda a, b: (f"({a[0]} and {b[0]})", f"({a[1]} and {b[1]})"),
    "or": lambda a, b: (f"({a[0]} or {b[0]})", f"({a[1]} or {b[1]})"),
    "not": lambda a: (f"not {a[1]}", f"not {a[0]}"),
    "when": _chosen,
}
_CALLS = {"*": "times", "//": "divided", "%": "rest", "**": "power", "floor": "floored"}


def _times(a: Any, b: Any, c: Any, d: Any) -> Interval:
    if a >= 0 <= c:
        return a * c, b * d
    ends = (a * c, a * d, b * c, b * d)
    return min(ends), max(ends)


def _divided(a: Any, b: Any, c: Any, d: Any) -> Interval:
    if c > 0:
        return min(a // c, a // d), max(b // c, b // d)
    if d < 0:
        return min(b // c, b // d), max(a // c, a // d)
    raise _Unbounded


def _rest(a: Any, b: Any, c: Any, d: Any) -> Interval:
    if c <= 0:
        raise _Unbounded
    if c == d and b - a < c and a % c <= b % c:
        return a % c, b % c
    return (a, b) if a >= 0 and b < c else (0, d - 1 if isinstance(d, int) else d)


def _power(a: Any, b: Any, c: Any, d: Any) -> Interval:
    if a < 1 or c < 0:
        raise _Unbounded
    return a**c, b**d


def _floored(a: Any, b: Any) -> Interval:
    if not (math.isfinite(a) and math.isfinite(b)):
        raise _Unbounded
    return math.floor(a), math.floor(b)


_HELPERS = {"times": _times, "divided": _divided, "rest": _rest, "power": _power, "floored": _floored}
