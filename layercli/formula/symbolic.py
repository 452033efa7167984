"""Sizes under a symbol that reckon as integers do, in the spirit of torch's SymInt.

A :class:`SymInt` is an ``int``, its witness, and the closed form that it stands for; so formulas, rules and whole
walks run on it as they run on numbers, and what comes out is a formula of the user's symbols. What Python does to an
``int`` without asking it (``range``, indexing, ``json``, ``2.0 * size``) sees the witness alone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from layercli.formula.closed import as_fraction, as_polynomial, power, put_in
from layercli.formula.evaluate import FUNCTIONS, MutableEnvironment, Steps, evaluate
from layercli.formula.expr import Expr, Num, Op, Sym
from layercli.formula.guards import NEED, Guard, Tracer, assume, current
from layercli.formula.notation import text
from layercli.formula.polynomial import Polynomial, Symbol, number, of
from layercli.formula.written import written


class _Reckoned:
    """What sizes under a symbol and doubles made of them have in common: Python's operators keep the formula."""

    def __add__(self, other: Any) -> Any:
        return _combined("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return _combined("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return _combined("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _combined("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return _combined("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _combined("*", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _combined("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _combined("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return _combined("%", self, other)

    def __rmod__(self, other: Any) -> Any:
        return _combined("%", other, self)

    def __pow__(self, other: Any, modulo: None = None) -> Any:
        return _combined("**", self, other)

    def __rpow__(self, other: Any, modulo: None = None) -> Any:
        return _combined("**", other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __truediv__(self, other: Any) -> NoReturn:
        raise TypeError("formulas of sizes have no true division: write //")

    __rtruediv__ = __truediv__

    def __eq__(self, other: object) -> Any:
        return _compared("==", self, other)

    def __ne__(self, other: object) -> Any:
        return _compared("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return _compared("<", self, other)

    def __le__(self, other: Any) -> Any:
        return _compared("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return _compared("<", other, self)

    def __ge__(self, other: Any) -> Any:
        return _compared("<=", other, self)

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    def __neg__(self) -> Any:
        return _combined("*", -1, self)


class SymInt(_Reckoned, int):  # type: ignore[misc]  # typeshed has an overload per literal power
    """An integer that knows its closed form; a result that has no symbol left is a plain ``int``."""

    closed: Polynomial

    def __new__(cls, witness: int, expr: Expr | Polynomial | str) -> SymInt:
        """``expr`` is a formula of the user's symbols, or the name of one."""
        polynomial = of(Symbol(expr)) if isinstance(expr, str) else expr
        made = int.__new__(cls, witness)
        made.closed = polynomial if isinstance(polynomial, Polynomial) else _polynomial_of(polynomial)
        return made

    @property
    def expr(self) -> Expr:
        """The closed form."""
        return written(self.closed)

    def __repr__(self) -> str:
        return f"({self})" if isinstance(self.expr, Op) else str(self)

    def __str__(self) -> str:
        return text(self.expr)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec.replace(",", ""))

    def __hash__(self) -> int:
        return int.__hash__(self)

    def __getnewargs__(self) -> tuple[int, Polynomial]:  # type: ignore[override]  # its tuple has the formula too
        return plain(self), self.closed

    __floor__ = __ceil__ = __trunc__ = _Reckoned.__pos__

    def __round__(self, digits: Any = None) -> SymInt:
        return self

    def __int__(self) -> int:
        """The witness; whoever asks for it makes the answer one for this size alone, so that is recorded."""
        witness: int = plain(self)
        assume(Guard("==", self.closed, number(witness)), True)
        return witness


class SymReal(_Reckoned, float):
    """A double reckoned from sizes, with its formula; its floor is a :class:`SymInt` again."""

    expr: Expr

    def __new__(cls, witness: float, expr: Expr) -> SymReal:
        """The witness must be what the formula gives in doubles."""
        made = float.__new__(cls, witness)
        made.expr = expr
        return made

    def __repr__(self) -> str:
        return f"({text(self.expr)})"

    def __hash__(self) -> int:
        return float.__hash__(self)

    def __neg__(self) -> SymReal:
        return SymReal(-plain(self), Op("neg", (self.expr,)))

    def __floor__(self) -> int:
        return _made(math.floor(plain(self)), _polynomial_of(Op("floor", (self.expr,))))

    def __ceil__(self) -> int:
        return -math.floor(-self)


# --- what others ask -------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """The witness as a plain number, nothing recorded; other values as they are."""
    if isinstance(value, SymInt):
        return int.__pos__(value)
    return float.__pos__(value) if isinstance(value, SymReal) else value


def shown(value: Any) -> Any:
    """The text of the closed form; other values as they are."""
    return str(value) if isinstance(value, SymInt) else value


def symbolic_key(value: Any) -> Any:
    """The value for keys of memories: equal only where closed forms are, and compared without recording a guard."""
    if isinstance(value, SymInt):
        return "sym", value.closed
    if isinstance(value, SymReal):
        return "sym", value.expr
    if not isinstance(value, tuple):
        return value
    items = tuple(map(symbolic_key, value))
    return items if type(value) is tuple else (type(value).__name__, *items)


def run_symbolic(steps: Steps, values: MutableEnvironment) -> int | None:
    """What ``run`` does; what a condition compares is recorded as a need, all else as a choice."""
    tracer = current()
    for index, (name, expr) in enumerate(steps):
        if name:
            values[name] = _weighed(expr, values)
        elif tracer is None:
            if not evaluate(expr, values):
                return index
        else:
            with tracer.under(NEED):
                if not _weighed(expr, values):
                    return index
    return None


def _weighed(expr: Expr, values: MutableEnvironment) -> Any:
    """The value as ``evaluate`` has it, without comparing sizes where the answer does not hang on them.

    ``a or b`` needs no look at the sizes in a where b holds anyway; ``1 if N == 1 else N`` is N.
    """
    if not isinstance(expr, Op) or expr.kind not in ("and", "or", "when"):
        return evaluate(expr, values)
    if expr.kind == "when":
        return _chosen(expr, values)
    ends = expr.kind == "or"
    left = []
    for part in _chained(expr.kind, expr):
        with Tracer() as tracer:
            found = bool(_weighed(part, values))
        if tracer.guards:
            left.append(part)
        elif found is ends:
            return ends
    return (any if ends else all)(_weighed(part, values) for part in left)


def _chained(kind: str, expr: Op) -> Iterator[Expr]:
    """The parts of a chain of one connective, ``a and b and c``, so that each of them is weighed twice and no more."""
    for part in expr.args:
        if isinstance(part, Op) and part.kind == kind:
            yield from _chained(kind, part)
        else:
            yield part


def _chosen(expr: Op, values: MutableEnvironment) -> Any:
    condition, then, otherwise = expr.args
    if isinstance(condition, Op) and condition.kind == "==":
        with Tracer():
            one, two = (evaluate(part, values) for part in condition.args)
            if type(one) is int:
                one, two = two, one
            name = _symbol(one)
            if name is not None and type(two) is int:
                there, elsewhere = _closed(_weighed(then, values)), _closed(_weighed(otherwise, values))
                same = there is not None and elsewhere is not None
                if same and put_in(elsewhere, {name: number(two)}) == there:  # type: ignore[arg-type]
                    condition = Num(False)
    return _weighed(then if _weighed(condition, values) else otherwise, values)


def _symbol(value: Any) -> Symbol | None:
    """The symbol that a size is, where it is nothing else."""
    if not isinstance(value, SymInt) or not isinstance(value.expr, Sym):
        return None
    return Symbol(value.expr.name)


# --- how it is done --------------------------------------------------------------------------------------------------

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
}


def _made(witness: int, closed: Polynomial) -> int:
    """A result: a plain number where no symbol is left."""
    constant = closed.constant
    return SymInt(witness, closed) if constant is None else constant


def _polynomial_of(expr: Expr) -> Polynomial:
    polynomial = as_polynomial(expr)
    if polynomial is None:
        raise TypeError(f"{text(expr)} is no formula of integers")
    return polynomial


def _closed(value: Any) -> Polynomial | None:
    if isinstance(value, SymInt):
        return value.closed
    return number(int(value)) if isinstance(value, int) else None


def _expr(value: Any) -> Expr:
    return value.expr if isinstance(value, (SymInt, SymReal)) else Num(value)


def _combined(kind: str, one: Any, two: Any) -> Any:
    left, right = _closed(one), _closed(two)
    if left is None or right is None:
        return _real(kind, one, two)
    witness = FUNCTIONS[kind](plain(one), plain(two))
    if kind == "**":
        closed = power(left, right)
        if closed is None:
            raise TypeError("a size is not raised to a negative power")
        return _made(witness, closed)
    if kind in ("//", "%"):
        assume(Guard("!=", right, number(0)), True)
    return _made(witness, FUNCTIONS[kind](left, right))


def _real(kind: str, one: Any, two: Any) -> Any:
    if not isinstance(one, (int, float)) or not isinstance(two, (int, float)):
        return NotImplemented
    return SymReal(float(FUNCTIONS[kind](plain(one), plain(two))), Op(kind, (_expr(one), _expr(two))))


def _compared(relation: str, one: Any, two: Any) -> Any:
    if not (isinstance(one, (int, float)) and isinstance(two, (int, float))):
        return NotImplemented
    holds = _COMPARE[relation](plain(one), plain(two))
    if current() is None or not (math.isfinite(plain(one)) and math.isfinite(plain(two))):
        return holds
    left, right = _fraction(one), _fraction(two)
    if left is not None and right is not None:
        return assume(Guard(relation, left[0].times(right[1]), right[0].times(left[1])), holds)
    if relation in ("==", "!="):
        if holds is (relation == "=="):
            _assume_real("<=", one, two, True)
            _assume_real("<=", two, one, True)
        else:
            _assume_real("<", *((one, two) if plain(one) < plain(two) else (two, one)), True)
        return holds
    return _assume_real(relation, one, two, holds)


def _fraction(value: Any) -> tuple[Polynomial, int] | None:
    """A number as integers, top and bottom, where that is exact."""
    closed = _closed(value)
    if closed is not None:
        return closed, 1
    if isinstance(value, SymReal):
        exact = as_fraction(value.expr)
        return None if exact is None else (exact[0], 2 ** exact[1])
    top, bottom = value.as_integer_ratio()
    return number(top), bottom


def _assume_real(relation: str, one: Any, two: Any, holds: bool) -> bool:
    """Doubles are compared by their floors: ``x < k`` is ``floor(x) < k``, and ``k < x`` is ``k < -floor(-x)``."""
    left, right = _closed(one), _closed(two)
    if left is None and right is None:
        left, right = None, number(0)
        one = SymReal(plain(one) - plain(two), Op("-", (_expr(one), _expr(two))))
    if left is None:
        left = _ceiling(one) if relation == "<=" else _polynomial_of(Op("floor", (_expr(one),)))
    if right is None:
        right = _ceiling(two) if relation == "<" else _polynomial_of(Op("floor", (_expr(two),)))
    return assume(Guard(relation, left, right), holds)


def _ceiling(value: Any) -> Polynomial:
    return -_polynomial_of(Op("floor", (Op("neg", (_expr(value),)),)))
