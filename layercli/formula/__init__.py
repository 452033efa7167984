"""Formulas as values: one tree that is computed, kept with symbols, and printed."""

from layercli.formula.build import (
    among_,
    and_,
    at,
    broadcast,
    broadcasts_,
    concat,
    dims,
    drop,
    each,
    eq_,
    floor_,
    ge_,
    gt_,
    is_,
    le_,
    length,
    lt_,
    max_,
    min_,
    ne_,
    not_,
    num,
    or_,
    product,
    size,
    slice_,
    sum_,
    sym,
    total,
    when,
)
from layercli.formula.evaluate import Steps, evaluate, generated, run
from layercli.formula.expr import Axis, Expr, Num, Op, Sym
from layercli.formula.notation import latex, number, substitute, text
from layercli.formula.replace import replace
from layercli.formula.resolve import Unresolved, decide, resolve, resolve_shape, speaks_of_shapes
from layercli.formula.symbols import symbols

__all__ = [
    "Axis", "Expr", "Num", "Op", "Steps", "Sym", "Unresolved", "among_", "and_", "at", "broadcast", "broadcasts_",
    "concat", "decide", "dims", "drop", "each", "eq_", "evaluate", "floor_", "ge_", "generated", "gt_", "is_",
    "latex", "le_", "length", "lt_", "max_", "min_", "ne_", "not_", "num", "number", "or_", "product", "replace",
    "resolve", "resolve_shape", "run", "size", "slice_", "speaks_of_shapes", "substitute", "sum_", "sym", "symbols",
    "text", "total", "when",
]  # fmt: skip
