"""From a definition's general formula to the one that holds here: shapes become axes, decided conditions go.

What is known beforehand is the *structure*: the rank and labels of an input, flags, words, how long a list is.
Sizes stay symbols. A term that a known flag switches off is dropped (that, and nothing else, is simplified).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

from layercli.formula.build import joined, size, total
from layercli.formula.evaluate import evaluate
from layercli.formula.expr import Axis, Expr, Num, Op, Sym

Known = Mapping[str, Any]
"""By symbol: a flag, word, number or None that is decided, or the tuple of axes of a shape."""

_CONDITIONS = ("not", "!=", "<", "<=")
_UNIT = {"+": 0, "-": 0, "*": 1}


class Unresolved(ValueError):
    """A shape whose structure hangs on something that is not known."""


def resolve(expr: Expr, known: Known) -> Expr:
    """The scalar formula under this structure."""
    result = _resolve(expr, known)
    if isinstance(result, tuple):
        raise Unresolved(f"a number is wanted, not a shape: {expr!r}")
    return result


def resolve_shape(expr: Expr, known: Known) -> tuple[Axis, ...]:
    """The axes of a shape-valued formula under this structure."""
    result = _resolve(expr, known)
    if not isinstance(result, tuple):
        raise Unresolved(f"a shape is wanted, not a number: {expr!r}")
    return result


def decide(expr: Expr, known: Known) -> Any:
    """The value of a formula that is decided by the structure alone; Unresolved where it is not."""
    result = resolve(expr, known)
    if not isinstance(result, Num):
        raise Unresolved(f"not decided by what is known: {expr!r}")
    return result.value


def speaks_of_shapes(expr: Expr, shapes: Container[str] = ()) -> bool:
    """Whether it has to be resolved before it can be computed; ``shapes`` are the symbols that stand for shapes."""
    if isinstance(expr, Sym):
        return expr.name in shapes
    return isinstance(expr, Op) and (expr.kind in _SHAPES or any(speaks_of_shapes(arg, shapes) for arg in expr.args))


def _resolve(expr: Expr, known: Known) -> Expr | tuple[Axis, ...]:
    if isinstance(expr, Sym):
        if expr.name not in known:
            return expr
        value = known[expr.name]
        return tuple(value) if isinstance(value, tuple) else Num(value)
    if not isinstance(expr, Op):
        return expr
    shape = _SHAPES.get(expr.kind)
    return _scalar(expr, known) if shape is None else shape(expr.args, known)


def _scalar(expr: Op, known: Known) -> Expr | tuple[Axis, ...]:
    kind, args = expr.kind, expr.args
    if kind == "when":
        return _when(args, known)
    if kind == "==":
        return _equal(args, known)
    parts = [resolve(arg, known) for arg in args]
    if kind in ("and", "or"):
        return _connective(kind, parts)
    if kind in _UNIT:
        kept = [p for arg, p in zip(args, parts) if not _switched_off(kind, arg, p)]
        if len(kept) < 2 and not (kind == "-" and parts[1:] == kept):
            return kept[0] if kept else Num(_UNIT[kind])
    if all(isinstance(part, Num) for part in parts) and (kind in _CONDITIONS or _decided(args, known)):
        return Num(evaluate(Op(kind, tuple(parts)), {}))
    return Op(kind, tuple(parts))


def _when(args: tuple[Expr, ...], known: Known) -> Expr | tuple[Axis, ...]:
    condition = resolve(args[0], known)
    if isinstance(condition, Num):
        return _resolve(args[1] if condition.value else args[2], known)
    return Op("when", (condition, resolve(args[1], known), resolve(args[2], known)))


def _equal(args: tuple[Expr, ...], known: Known) -> Expr:
    """Equality, of two shapes axis by axis."""
    left, right = (_resolve(arg, known) for arg in args)
    if isinstance(left, tuple) and isinstance(right, tuple):
        pairs: list[Expr] = [Op("==", (a.size, b.size)) for a, b in zip(left, right)]
        return _connective("and", pairs) if len(left) == len(right) else Num(False)
    if isinstance(left, tuple) or isinstance(right, tuple):
        raise Unresolved(f"a shape is compared with a number: {args!r}")
    return _compared(left, right)


def _connective(kind: str, parts: list[Expr]) -> Expr:
    ends = kind == "or"
    kept = []
    for part in parts:
        if not isinstance(part, Num):
            kept.append(part)
        elif bool(part.value) is ends:
            return Num(ends)
    if not kept:
        return Num(not ends)
    return joined(kind, kept)


def _switched_off(kind: str, arg: Expr, resolved: Expr) -> bool:
    """Whether a conditional term came out as the neutral element, and so is not shown."""
    return isinstance(arg, Op) and arg.kind == "when" and isinstance(resolved, Num) and resolved.value == _UNIT[kind]


def _decided(args: tuple[Expr, ...], known: Known) -> bool:
    """Whether a number came from the structure; ``2*3`` that a definition writes out is left as it is."""
    return any(isinstance(arg, Op) or (isinstance(arg, Sym) and arg.name in known) for arg in args)


# --- shapes --------------------------------------------------------------------------------------------------------


def _dims(args: tuple[Expr, ...], known: Known) -> tuple[Axis, ...]:
    axes = []
    for axis in args:
        assert isinstance(axis, Op)
        label, value = axis.args
        assert isinstance(label, Num)
        axes.append(Axis(str(label.value), resolve(value, known)))
    return tuple(axes)


def _concat(args: tuple[Expr, ...], known: Known) -> tuple[Axis, ...]:
    return tuple(axis for arg in args for axis in resolve_shape(arg, known))


def _slice(args: tuple[Expr, ...], known: Known) -> tuple[Axis, ...]:
    return resolve_shape(args[0], known)[decide(args[1], known) : decide(args[2], known)]


def _each(args: tuple[Expr, ...], known: Known) -> tuple[Axis, ...]:
    variable, count, body = args
    assert isinstance(variable, Sym)
    return tuple(
        Axis(f"{variable.name}{i}", resolve(body, {**known, variable.name: i})) for i in range(decide(count, known))
    )


def _length(args: tuple[Expr, ...], known: Known) -> Expr:
    return Num(len(resolve_shape(args[0], known)))


def _product(args: tuple[Expr, ...], known: Known) -> Expr:
    return size(axis.size for axis in resolve_shape(args[0], known))


def _sum(args: tuple[Expr, ...], known: Known) -> Expr:
    return total(axis.size for axis in resolve_shape(args[0], known))


def _aligned(args: tuple[Expr, ...], known: Known) -> list[list[Expr]]:
    """Per axis of the shape that these broadcast to, the sizes of those shapes that have it."""
    shapes = [resolve_shape(arg, known) for arg in args]
    rank = max(map(len, shapes))
    missing = [rank - len(shape) for shape in shapes]
    return [[s[axis - lack].size for s, lack in zip(shapes, missing) if axis >= lack] for axis in range(rank)]


def _broadcast(args: tuple[Expr, ...], known: Known) -> tuple[Axis, ...]:
    label, *shapes = args
    assert isinstance(label, Num)
    aligned = _aligned(tuple(shapes), known)
    return tuple(Axis(f"{label.value}{i}", _stretched(*sizes)) for i, sizes in enumerate(aligned))


def _stretched(first: Expr, *rest: Expr) -> Expr:
    """The first of these sizes that is not 1, or the last."""
    if not rest:
        return first
    gives_way = _compared(first, Num(1))
    if isinstance(gives_way, Num):
        return _stretched(*rest) if gives_way.value else first
    return Op("when", (gives_way, _stretched(*rest), first))


def _broadcasts(args: tuple[Expr, ...], known: Known) -> Expr:
    one = Num(1)
    fits = []
    for sizes in _aligned(args, known):
        if len(sizes) == 2:
            a, b = sizes
            fits.append(_connective("or", [_compared(a, b), _compared(a, one), _compared(b, one)]))
        elif len(sizes) > 2:
            whole = _stretched(*sizes)
            fits += [_connective("or", [_compared(size, whole), _compared(size, one)]) for size in sizes]
    return _connective("and", fits)


def _compared(a: Expr, b: Expr) -> Expr:
    return Num(a.value == b.value) if isinstance(a, Num) and isinstance(b, Num) else Op("==", (a, b))


def _at(args: tuple[Expr, ...], known: Known) -> Expr:
    axes, index = resolve_shape(args[0], known), int(decide(args[1], known))
    if not -len(axes) <= index < len(axes):
        raise Unresolved(f"axis {index} of a shape of {len(axes)}")
    return axes[index].size


def _numbers(expr: Expr, known: Known, rank: int) -> set[int]:
    """The axes that a list of known numbers names, counted from 0."""
    values = [int(decide(axis.size, known)) for axis in resolve_shape(expr, known)]
    return {value + rank if value < 0 else value for value in values}


def _among(args: tuple[Expr, ...], known: Known) -> Expr:
    index, axes, rank = args
    return Num(decide(index, known) in _numbers(axes, known, int(decide(rank, known))))


def _drop(args: tuple[Expr, ...], known: Known) -> tuple[Axis, ...]:
    shape, axes = args
    there = resolve_shape(shape, known)
    gone = _numbers(axes, known, len(there))
    return tuple(axis for index, axis in enumerate(there) if index not in gone)


_SHAPES: dict[str, Callable[[tuple[Expr, ...], Known], Expr | tuple[Axis, ...]]] = {
    "dims": _dims,
    "concat": _concat,
    "slice": _slice,
    "each": _each,
    "length": _length,
    "product": _product,
    "sum": _sum,
    "broadcast": _broadcast,
    "broadcasts": _broadcasts,
    "at": _at,
    "among": _among,
    "drop": _drop,
}
