"""The expression tree: numbers, symbols and operations on them, without any printing or computing.

Python's own branching on a formula is a bug (it would decide at definition time what hangs on a size), so it is
loud: ``bool(e)``, ``e < 3``, ``e == 3`` and ``max(e, 1)`` raise. Conditions are expressions, made by ``when``,
``eq_``, ``le_``, ``min_`` and their like. ``==`` between two expressions is structural.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn, TypeAlias, Union

Constant: TypeAlias = "int | float | str | None"
Operand: TypeAlias = Union["Expr", int, float]


class Expr:
    """A formula. Immutable; hashable; equal when it is the same tree."""

    __slots__ = ()

    def __add__(self, other: Operand) -> Expr:
        return Op("+", (self, other if isinstance(other, Expr) else lift(other)))

    def __radd__(self, other: Operand) -> Expr:
        return Op("+", (lift(other), self))

    def __sub__(self, other: Operand) -> Expr:
        return Op("-", (self, other if isinstance(other, Expr) else lift(other)))

    def __rsub__(self, other: Operand) -> Expr:
        return Op("-", (lift(other), self))

    def __mul__(self, other: Operand) -> Expr:
        return Op("*", (self, other if isinstance(other, Expr) else lift(other)))

    def __rmul__(self, other: Operand) -> Expr:
        return Op("*", (lift(other), self))

    def __floordiv__(self, other: Operand) -> Expr:
        return Op("//", (self, other if isinstance(other, Expr) else lift(other)))

    def __rfloordiv__(self, other: Operand) -> Expr:
        return Op("//", (lift(other), self))

    def __mod__(self, other: Operand) -> Expr:
        return Op("%", (self, other if isinstance(other, Expr) else lift(other)))

    def __rmod__(self, other: Operand) -> Expr:
        return Op("%", (lift(other), self))

    def __pow__(self, other: Operand) -> Expr:
        return Op("**", (self, other if isinstance(other, Expr) else lift(other)))

    def __neg__(self) -> Expr:
        return Op("neg", (self,))

    def __bool__(self) -> NoReturn:
        raise TypeError("a formula has no truth value: write when(), and_(), or_(), not_()")

    def _compared(self, other: object) -> NoReturn:
        raise TypeError("a formula is not compared by <, <=, >, >= or max(): write lt_(), le_(), gt_(), ge_(), max_()")

    __lt__ = __le__ = __gt__ = __ge__ = _compared

    def _parts(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expr):
            raise TypeError("a formula equals only another formula: write eq_() for a condition")
        return type(self) is type(other) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._parts()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._parts()}"


class Num(Expr):
    """A constant: a number, or the word or None that a key may hold."""

    __slots__ = ("value",)

    def __init__(self, value: Constant) -> None:
        self.value = value

    def _parts(self) -> tuple[Any, ...]:
        return type(self.value).__name__, self.value


class Sym(Expr):
    """A named quantity with a one-line meaning. Two symbols of one name are the same symbol."""

    __slots__ = ("meaning", "name")

    def __init__(self, name: str, meaning: str = "") -> None:
        self.name = name
        self.meaning = meaning

    def _parts(self) -> tuple[Any, ...]:
        return (self.name,)


class Op(Expr):
    """An operation; ``kind`` says which, and the tables of each reader (evaluate, notation, …) say what it means."""

    __slots__ = ("args", "kind")

    def __init__(self, kind: str, args: tuple[Expr, ...]) -> None:
        self.kind = kind
        self.args = args

    def _parts(self) -> tuple[Any, ...]:
        return self.kind, self.args


class Axis(NamedTuple):
    """One axis of a resolved shape: what it is called, and its size."""

    label: str
    size: Expr


def lift(value: Operand) -> Expr:
    """A number as an expression; an expression as it is."""
    if isinstance(value, Expr):
        return value
    if type(value) is int:
        known = _SMALL.get(value)
        return Num(value) if known is None else known
    if isinstance(value, float):
        return Num(value)
    raise TypeError(f"{value!r} cannot stand in a formula")


_SMALL = {value: Num(value) for value in range(-2, 9)}
"""The numbers that definitions are full of, made once."""
