"""The words that definitions are written in: conditions, shapes and what else Python has no operator for.

Shapes are expressions too: ``dims`` lists axes, ``slice_``, ``concat``, ``each`` and ``when`` make shapes of
shapes, ``product``, ``length`` and ``at`` take numbers out of them. They are worked out by
:func:`layercli.formula.resolve` once the rank of the input is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from layercli.formula.expr import Constant, Expr, Num, Op, Operand, Sym, lift


def sym(name: str, meaning: str = "") -> Sym:
    """A symbol."""
    return Sym(name, meaning)


def num(value: Constant) -> Num:
    """A constant."""
    return Num(value)


def eq_(a: Operand, b: Operand) -> Expr:
    """The condition a == b."""
    return Op("==", (lift(a), lift(b)))


def ne_(a: Operand, b: Operand) -> Expr:
    """The condition a != b."""
    return Op("!=", (lift(a), lift(b)))


def lt_(a: Operand, b: Operand) -> Expr:
    """The condition a < b."""
    return Op("<", (lift(a), lift(b)))


def le_(a: Operand, b: Operand) -> Expr:
    """The condition a <= b."""
    return Op("<=", (lift(a), lift(b)))


def gt_(a: Operand, b: Operand) -> Expr:
    """The condition a > b."""
    return Op("<", (lift(b), lift(a)))


def ge_(a: Operand, b: Operand) -> Expr:
    """The condition a >= b."""
    return Op("<=", (lift(b), lift(a)))


def is_(key: Sym, value: Constant) -> Expr:
    """The condition that a key holds this word (or None)."""
    return Op("==", (key, Num(value)))


def and_(*conditions: Expr) -> Expr:
    """All of them; true of none."""
    return joined("and", conditions) if conditions else Num(True)


def or_(*conditions: Expr) -> Expr:
    """Any of them; false of none."""
    return joined("or", conditions) if conditions else Num(False)


def joined(kind: str, parts: Sequence[Expr]) -> Expr:
    """One or more parts under an associative operation, in a tree as low as can be: there may be hundreds."""
    half = len(parts) // 2
    return Op(kind, (joined(kind, parts[:half]), joined(kind, parts[half:]))) if half else parts[0]


def not_(condition: Expr) -> Expr:
    """Not this."""
    return Op("not", (condition,))


def when(condition: Expr, then: Operand, otherwise: Operand = 0) -> Expr:
    """``then`` where the condition holds, else ``otherwise``; both may be shapes."""
    then = then if isinstance(then, Expr) else lift(then)
    return Op("when", (condition, then, otherwise if isinstance(otherwise, Expr) else lift(otherwise)))


def min_(a: Operand, b: Operand) -> Expr:
    """The smaller."""
    return Op("min", (lift(a), lift(b)))


def max_(a: Operand, b: Operand) -> Expr:
    """The larger."""
    return Op("max", (lift(a), lift(b)))


def floor_(value: Expr) -> Expr:
    """The largest integer not above a number in IEEE double precision, as torch rounds ``size * scale_factor``."""
    return Op("floor", (value,))


def total(terms: Iterable[Expr]) -> Expr:
    """The sum; 0 of nothing."""
    return _chain("+", terms, 0)


def size(factors: Iterable[Expr]) -> Expr:
    """The product of known factors; 1 of nothing."""
    return _chain("*", factors, 1)


def _chain(kind: str, parts: Iterable[Expr], empty: int) -> Expr:
    listed = list(parts)
    return joined(kind, listed) if listed else Num(empty)


# --- shapes --------------------------------------------------------------------------------------------------------


def dims(**axes: Operand) -> Expr:
    """A shape of these axes, by label: ``dims(N=N, C=out)``."""
    return Op("dims", tuple(Op("axis", (Num(label), lift(value))) for label, value in axes.items()))


def concat(*shapes: Expr) -> Expr:
    """The axes of all of them, in order."""
    return Op("concat", shapes)


def slice_(shape: Expr, start: Operand, stop: Operand) -> Expr:
    """The axes from ``start`` up to, not including, ``stop``; negative counts from the end, as in Python."""
    return Op("slice", (shape, lift(start), lift(stop)))


def length(shape: Expr) -> Expr:
    """How many axes a shape has."""
    return Op("length", (shape,))


def product(shape: Expr) -> Expr:
    """The number of elements of a shape; 1 of an empty one."""
    return Op("product", (shape,))


def broadcast(*shapes: Expr, label: str = "d") -> Expr:
    """The shape that these broadcast to: from the last axis backwards, a size of 1 gives way to any other.

    Axes are called ``d0``, ``d1``, … by ``label``. Where one shape lacks an axis, its formula does not speak of it.
    """
    return Op("broadcast", (Num(label), *shapes))


def broadcasts_(*shapes: Expr) -> Expr:
    """The condition that every two of these shapes broadcast: on each axis that both have, equal sizes or a 1."""
    return Op("broadcasts", shapes)


def sum_(shape: Expr) -> Expr:
    """The sum of the sizes of a shape; 0 of an empty one."""
    return Op("sum", (shape,))


def at(shape: Expr, index: Operand) -> Expr:
    """The size of one axis of a shape."""
    return Op("at", (shape, lift(index)))


def among_(index: Operand, axes: Expr, rank: Operand) -> Expr:
    """The condition that an axis is one of those listed, which may count backwards from ``rank``."""
    return Op("among", (lift(index), axes, lift(rank)))


def drop(shape: Expr, axes: Expr) -> Expr:
    """The axes of a shape but for those listed, which may count backwards."""
    return Op("drop", (shape, axes))


def each(count: Operand, body: Callable[[Sym], Expr], index: str = "i") -> Expr:
    """A shape of ``count`` axes; ``body`` gives the size of axis ``index``."""
    variable = Sym(index, "index of the axis")
    return Op("each", (variable, lift(count), body(variable)))
