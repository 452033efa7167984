"""Formulas as text: one table per notation, from an operation to how it is written.

The text notation is also valid Python, so that what is shown can be pasted and evaluated: with the numbers put in it
is the ``python`` field of a report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from layercli.formula.expr import Expr, Num, Op, Sym

_ATOM, _POWER, _SIGN, _PRODUCT, _SUM, _COMPARE, _NOT, _AND, _OR, _WHEN = range(10, 0, -1)

_INFIX = {
    "+": (_SUM, " + "),
    "-": (_SUM, " - "),
    "*": (_PRODUCT, "*"),
    "//": (_PRODUCT, "//"),
    "%": (_PRODUCT, " % "),
    "==": (_COMPARE, " == "),
    "!=": (_COMPARE, " != "),
    "<": (_COMPARE, " < "),
    "<=": (_COMPARE, " <= "),
    "and": (_AND, " and "),
    "or": (_OR, " or "),
}
_JOINS = {"+": ("+", "-"), "*": ("*",), "and": ("and",), "or": ("or",)}
"""What may stand to the right of each without parentheses: ``a + (b - c)`` is ``a + b - c``."""


def number(value: Any) -> str:
    """A value as it stands in a formula: a negative number needs its parentheses."""
    written = repr(value)
    return f"({written})" if written.startswith("-") else written


def text(expr: Expr, name: Callable[[str], str] = str, show: Callable[[Any], str] = number) -> str:
    """The formula in the notation of Python's integers; ``name`` may rename symbols."""
    return _text(expr, name, show)[0]


def substitute(expr: Expr, values: Mapping[str, Any]) -> str:
    """The formula with the numbers put in."""
    return text(expr, lambda name: number(values[name]))


def _text(expr: Expr, name: Callable[[str], str], show: Callable[[Any], str]) -> tuple[str, int]:
    if isinstance(expr, Sym):
        return name(expr.name), _ATOM
    if isinstance(expr, Num):
        return show(expr.value), _ATOM
    assert isinstance(expr, Op)

    def put(arg: Expr, least: int) -> str:
        written, level = _text(arg, name, show)
        return written if level >= least else f"({written})"

    kind, args = expr.kind, expr.args
    if kind in _INFIX:
        level, sign = _INFIX[kind]
        left, right = args
        left_level = level + 1 if level == _COMPARE else level
        if kind == "*" and isinstance(left, Op) and left.kind in ("//", "%"):
            left_level += 1  # Python needs no parentheses there, a reader does
        return f"{put(left, left_level)}{sign}{put(right, level + 1 - _joins(kind, right))}", level
    if kind == "**":
        return f"{put(args[0], _ATOM)}**{put(args[1], _POWER)}", _POWER
    if kind == "neg":
        return f"-{put(args[0], _POWER)}", _SIGN
    if kind == "not":
        return f"not {put(args[0], _NOT)}", _NOT
    if kind == "when":
        condition, then, otherwise = args
        return f"{put(then, _OR)} if {put(condition, _OR)} else {put(otherwise, _WHEN)}", _WHEN
    return f"{kind}({', '.join(put(arg, _WHEN) for arg in args)})", _ATOM


def _joins(kind: str, right: Expr) -> bool:
    return isinstance(right, Op) and right.kind in _JOINS.get(kind, ())


_LATEX_INFIX = {
    **{kind: (level, sign) for kind, (level, sign) in _INFIX.items() if kind != "//"},
    "*": (_PRODUCT, r" \cdot "),
    "%": (_PRODUCT, r" \bmod "),
    "==": (_COMPARE, " = "),
    "!=": (_COMPARE, r" \ne "),
    "<=": (_COMPARE, r" \le "),
    "and": (_AND, r" \land "),
    "or": (_OR, r" \lor "),
}


def latex(expr: Expr, name: Callable[[str], str] = str) -> str:
    """The formula as LaTeX, a floor division as a fraction between floor signs."""
    return _latex(expr, name)[0]


def _latex_name(name: str) -> str:
    head, _, tail = name.partition("_")
    plain = tail.replace("_", r"\_")
    if tail and len(head) > 1 and len(tail) > 1:  # a name of several words, such as a parameter's
        return rf"\mathrm{{{head}\_{plain}}}"
    head = head if len(head) == 1 else rf"\mathrm{{{head}}}"
    return f"{head}_{{{plain}}}" if tail else head


def _latex(expr: Expr, name: Callable[[str], str]) -> tuple[str, int]:
    if isinstance(expr, Sym):
        return _latex_name(name(expr.name)), _ATOM
    if isinstance(expr, Num):
        value = expr.value
        return (str(value) if isinstance(value, (int, float)) else rf"\mathrm{{{value}}}"), _ATOM
    assert isinstance(expr, Op)

    def put(arg: Expr, least: int) -> str:
        written, level = _latex(arg, name)
        return written if level >= least else rf"\left({written}\right)"

    kind, args = expr.kind, expr.args
    if kind == "//":
        return rf"\left\lfloor \frac{{{put(args[0], 0)}}}{{{put(args[1], 0)}}} \right\rfloor", _ATOM
    if kind in _LATEX_INFIX:
        level, sign = _LATEX_INFIX[kind]
        return f"{put(args[0], level)}{sign}{put(args[1], level + 1 - _joins(kind, args[1]))}", level
    if kind == "**":
        return f"{put(args[0], _ATOM)}^{{{put(args[1], 0)}}}", _POWER
    if kind == "neg":
        return f"-{put(args[0], _POWER)}", _SIGN
    if kind == "not":
        return rf"\lnot {put(args[0], _ATOM)}", _NOT
    if kind == "when":
        condition, then, otherwise = (put(arg, 0) for arg in args)
        return rf"\begin{{cases}} {then} & {condition} \\ {otherwise} & \text{{otherwise}} \end{{cases}}", _ATOM
    if kind == "floor":
        return rf"\left\lfloor {put(args[0], 0)} \right\rfloor", _ATOM
    return rf"\{kind}\left({', '.join(put(arg, 0) for arg in args)}\right)", _ATOM
