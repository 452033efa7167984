"""What steps that merge tensors keep for backward: they are worked through two at a time, with results in between."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.formula import Expr, and_, broadcast, eq_, not_, num, or_, product
from layercli.layers.definition import Kept
from layercli.layers.kept import dtype_of, grad, in_batches


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"input{number}" for number in range(count))


def _asks(names: Sequence[str]) -> Expr:
    """Whether one of these asks for a gradient, and so their result."""
    return or_(*(grad(name) for name in names))


def product_kept(shapes: Sequence[Expr]) -> tuple[Kept, ...]:
    """Of two factors each is kept where the other asks for a gradient."""
    names = _names(len(shapes))
    if len(names) == 1:
        return ()
    kept = [Kept(names[0], where=grad(names[1]))]
    for number in range(1, len(names)):
        kept.append(Kept(names[number], where=_asks(names[:number])))
        if number > 1:
            kept.append(Kept("product", product(broadcast(*shapes[:number])), where=grad(names[number])))
    return tuple(kept)


def comparison_kept(shapes: Sequence[Expr]) -> tuple[Kept, ...]:
    """Both sides of every comparison, where one of them asks for a gradient."""
    names = _names(len(shapes))
    if len(names) == 1:
        return ()
    kept = [Kept(names[0], where=_asks(names[:2]))]
    for number in range(1, len(names)):
        where = _asks(names[: number + 1])
        kept.append(Kept(names[number], where=where))
        if number > 1:
            kept.append(Kept("result", product(broadcast(*shapes[:number])), where=where))
    return tuple(kept)


def matmul_kept(left: Expr, right: Expr) -> tuple[Kept, ...]:
    """Of two batches of matrices each is kept where the other asks for a gradient; copied where they lie apart."""
    return tuple(
        item
        for name, other, shape in (("input0", "input1", left), ("input1", "input0", right))
        for item in (
            Kept(name, where=and_(grad(other), in_batches(name))),
            Kept("matrices in order", product(shape), where=and_(grad(other), not_(in_batches(name)))),
        )
    )


def one_dtype(count: int) -> Expr:
    """Whether all have one dtype; else torch makes others of them first."""
    first, *others = _names(count)
    return and_(num(True), *(eq_(dtype_of(first), dtype_of(other)) for other in others))
