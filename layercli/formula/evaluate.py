"""A formula's value: exact integers, IEEE doubles only where a key is a float."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from layercli.formula.expr import Expr, Num, Op, Sym
from layercli.formula.notation import text

Environment = Mapping[str, Any]
MutableEnvironment = MutableMapping[str, Any]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "neg": operator.neg,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    "not": operator.not_,
    "min": min,
    "max": max,
    "floor": math.floor,
}
"""What each strict operation does. ``when``, ``and`` and ``or`` look at what they need only."""


def evaluate(expr: Expr, values: Environment) -> Any:
    """The value of a scalar formula, its symbols taken from ``values``.

    Raises KeyError for a symbol without a value, ZeroDivisionError as Python does.
    """
    while isinstance(expr, Op) and expr.kind == "when":  # no recursion: there may be hundreds, one in another
        condition, then, otherwise = expr.args
        expr = then if evaluate(condition, values) else otherwise
    if isinstance(expr, Sym):
        return values[expr.name]
    if isinstance(expr, Num):
        return expr.value
    if not isinstance(expr, Op):
        raise TypeError(f"{expr!r} is no formula")
    kind, args = expr.kind, expr.args
    if kind == "and":
        return bool(evaluate(args[0], values) and evaluate(args[1], values))
    if kind == "or":
        return bool(evaluate(args[0], values) or evaluate(args[1], values))
    if kind not in FUNCTIONS:
        raise TypeError(f"{kind!r} makes a shape: resolve it first")
    return FUNCTIONS[kind](*[evaluate(arg, values) for arg in args])


Steps = tuple[tuple[str, Expr], ...]
"""What to work through in order: a name with the formula of its value, or no name with a condition that must hold."""


def run(steps: Steps, values: MutableEnvironment) -> int | None:
    """Works through the steps, adding each named value; the index of the first condition that fails, or None."""
    for index, (name, expr) in enumerate(steps):
        value = evaluate(expr, values)
        if name:
            values[name] = value
        elif not value:
            return index
    return None


def generated(steps: Steps) -> Callable[[MutableEnvironment], int | None]:
    """What :func:`run` does with these steps, as one Python function generated from the trees: for many values."""
    lines = []
    for index, (name, expr) in enumerate(steps):
        written = text(expr, lambda symbol: f"v[{symbol!r}]")
        lines.append(f"    v[{name!r}] = {written}" if name else f"    if not ({written}):\n        return {index}")
    scope: dict[str, Any] = {"floor": math.floor, "inf": math.inf, "nan": math.nan}
    exec("\n".join(["def function(v):", *lines, "    return None"]), scope)
    function: Callable[[MutableEnvironment], int | None] = scope["function"]
    return function
