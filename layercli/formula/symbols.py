"""Which symbols a formula speaks of, in the order in which they are met: what a legend lists."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.formula.expr import Expr, Op, Sym


def symbols(exprs: Iterable[Expr]) -> dict[str, Sym]:
    """Every symbol of these formulas by its name."""
    found: dict[str, Sym] = {}
    waiting = list(exprs)[::-1]
    while waiting:
        expr = waiting.pop()
        if isinstance(expr, Sym):
            found.setdefault(expr.name, expr)
        elif isinstance(expr, Op):
            waiting.extend(expr.args[::-1])
    return found
