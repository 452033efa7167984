"""Putting formulas in the place of symbols: how a layer made of layers takes over their formulas."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.formula.expr import Expr, Op, Sym


def replace(expr: Expr, mapping: Mapping[str, Expr]) -> Expr:
    """The formula with these symbols replaced, all at once."""
    if isinstance(expr, Sym):
        return mapping.get(expr.name, expr)
    if isinstance(expr, Op):
        return Op(expr.kind, tuple(replace(arg, mapping) for arg in expr.args))
    return expr
