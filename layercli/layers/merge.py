"""Steps that merge branches: sums and products of tensors, and joining them along an axis.

They are functions of torch, not modules; each is a function of how many tensors come together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from layercli.formula import (
    Expr,
    Sym,
    and_,
    at,
    broadcast,
    broadcasts_,
    concat,
    dims,
    eq_,
    ge_,
    le_,
    length,
    lt_,
    not_,
    num,
    or_,
    product,
    slice_,
    sym,
    total,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, TensorIn
from layercli.layers.kept import ALWAYS, NOTHING
from layercli.layers.kinds import Int
from layercli.layers.merge_kept import comparison_kept, matmul_kept, one_dtype, product_kept
from layercli.layers.reach import Joins, Mixes

FAMILY = "merging"

_DIM = sym("dim")
_NO_AXES = concat()
_ALIKE = sym("alike", "whether all inputs have one shape")


def _shapes(count: int) -> tuple[Sym, ...]:
    return tuple(sym(f"X{number}", f"shape of input {number}") for number in range(count))


def _inputs(count: int, dtypes: str) -> tuple[TensorIn, ...]:
    return tuple(
        TensorIn(f"input{number}", (Form(f"*X{number}"),), f"tensor {number}", dtypes=dtypes) for number in range(count)
    )


def _same(shapes: tuple[Sym, ...]) -> Expr:
    return and_(*(eq_(shapes[0], other) for other in shapes[1:]))


def _elementwise(
    name: str,
    torch: str,
    verb: str,
    dtypes: str,
    prose: str,
    kept: Callable[[tuple[Sym, ...]], tuple[Kept, ...]] = lambda shapes: NOTHING,
) -> Callable[[int], Layer]:
    @cache
    def of(count: int) -> Layer:
        shapes = _shapes(count)
        return Layer(
            name=name,
            torch=torch,
            summary=f"{verb} tensors, element by element.",
            keys=(),
            inputs=_inputs(count, dtypes),
            outputs=(Out("output", when(_ALIKE, shapes[0], broadcast(*shapes)), dtype="promoted in turn"),),
            facts={_ALIKE.name: _same(shapes)},
            rules=(Need(broadcasts_(*shapes), "the shapes do not broadcast", "give them one shape", where=not_(_ALIKE)),),
            window=(),
            several=of,
            kept=kept(shapes),
            kept_known=one_dtype(count),
            view=ALWAYS if count == 1 else None,
            lies="alike",
            default_input=(1, 8, 16, 16),
            prose=f"{prose} Sizes of 1 are stretched to the other's size, from the last axis backwards.",
            examples=(name, f"{name} -i 1,8,16,16 -i 1,8,1,1"),
        )  # fmt: skip

    return of


add = _elementwise(
    "add", "torch.add", "Adds", "any", "What a residual connection ends in: a block's output and its input."
)
sub = _elementwise(
    "sub", "torch.sub", "Subtracts", "any, not bool", "The first tensor less the others, such as an error signal."
)
mul = _elementwise(
    "mul", "torch.mul", "Multiplies", "any", "What a gate does: channel or spatial attention, a mask.", product_kept
)
maximum = _elementwise(
    "maximum",
    "torch.maximum",
    "Takes the larger of",
    "any, not complex",
    "Maxout, or the union of soft masks.",
    comparison_kept,
)
minimum = _elementwise(
    "minimum",
    "torch.minimum",
    "Takes the smaller of",
    "any, not complex",
    "The intersection of soft masks.",
    comparison_kept,
)


def _axis_key(default: int, meaning: str, effect: str) -> Key:
    return Key("dim", Int(bools=False), default, (), (_DIM,), structural=True, meaning=meaning, effect=effect)


def _there(rank: Expr) -> Expr:
    return and_(le_(-rank, _DIM), lt_(_DIM, rank))


def _inside(rank: Expr, there: Expr | None = None) -> Need:
    return Need(
        _there(rank) if there is None else there, "dim {dim} is no axis of {rank} axes", "use {low} to {high}", "dim",
        values={"rank": rank, "low": -rank, "high": rank - 1}, code="shape.rank",
    )  # fmt: skip


@cache
def cat(count: int) -> Layer:
    """Joins tensors along an axis that they have (torch.cat); the other axes must agree."""
    shapes = _shapes(count)
    skipped = [sym(f"skipped{number}", "whether torch passes over it: one axis, empty") for number in range(count)]
    first: Expr = shapes[-1]
    for passed, other in reversed([*zip(skipped, shapes[:-1])]):
        first = when(passed, first, other)
    rank, none, fits = length(first), sym("nothing", "whether all are passed over"), sym("fits")
    empty = [and_(eq_(length(shape), 1), eq_(product(shape), 0)) for shape in shapes]
    alike = [sym(f"rank{number}", "whether it has as many axes as the others") for number in range(count)]
    there = or_(none, _there(rank))
    place = when(none, 0, when(lt_(_DIM, 0), _DIM + rank, _DIM))

    def beside(shape: Expr) -> Expr:
        return concat(slice_(shape, 0, place), slice_(shape, place + 1, rank))

    return Layer(
        name="cat",
        torch="torch.cat",
        summary="Joins tensors along an axis.",
        keys=(_axis_key(0, "the axis along which they are joined", "the sizes along it add up"),),
        positional=("dim",),
        inputs=_inputs(count, "any"),
        outputs=(
            Out(
                "output",
                when(
                    fits,
                    concat(
                        slice_(first, 0, place),
                        dims(cat=total(when(passed, 0, at(shape, place)) for passed, shape in zip(skipped, shapes))),
                        slice_(first, place + 1, rank),
                    ),
                    first,
                ),
                dtype="promoted",
            ),
        ),
        facts={
            **{passed.name: fact for passed, fact in zip(skipped, empty)},
            none.name: and_(*empty),
            **{
                name.name: or_(passed, eq_(length(shape), rank))
                for name, passed, shape in zip(alike, skipped, shapes)
            },
            fits.name: and_(there, *(or_(fact, eq_(length(shape), rank)) for fact, shape in zip(empty, shapes))),
        },
        rules=(
            Need(
                ge_(rank, 1), "cat joins tensors with axes, and this is a scalar", "use stack dim=0", code="shape.rank"
            ),
            *(Need(name, "the inputs differ in how many axes they have", "give them equally many", code="shape.rank")
              for name in alike),
            _inside(rank, there),
            *(
                Need(
                    eq_(beside(first), beside(shape)), "the inputs differ along another axis than dim {dim}",
                    "make their other sizes equal", where=and_(fits, not_(passed)),
                )
                for passed, shape in zip(skipped[1:], shapes[1:])
            ),
        ),
        window=(),
        reach=Joins("dim"),
        several=cat,
        kept=NOTHING,
        lies="joined",
        default_input=(1, 8, 16, 16),
        prose="What U-Net, Inception and DenseNet merge with: along dim the sizes add up, all other sizes must agree. "
        "As in torch, dim=0 is the default; channels are dim=1. A tensor of shape 0 is passed over.",
        examples=("cat dim=1", "cat dim=1 -i 1,8,16,16 -i 1,24,16,16"),
    )  # fmt: skip


@cache
def stack(count: int) -> Layer:
    """Joins tensors of one shape along a new axis (torch.stack)."""
    shapes = _shapes(count)
    first, rank = shapes[0], length(shapes[0]) + 1
    place = when(lt_(_DIM, 0), _DIM + rank, _DIM)
    joined = concat(slice_(first, 0, place), dims(stack=num(count)), slice_(first, place, rank))
    return Layer(
        name="stack",
        torch="torch.stack",
        summary="Joins tensors of one shape along a new axis.",
        keys=(_axis_key(0, "where the new axis goes", "there is an axis more, as long as there are tensors"),),
        positional=("dim",),
        inputs=_inputs(count, "any"),
        outputs=(Out("output", when(_there(rank), joined, first), dtype="promoted"),),
        rules=(
            _inside(rank),
            Need(_same(shapes), "stack needs inputs of one shape", "give them one shape"),
        ),
        several=stack,
        kept=NOTHING,
        lies="joined",
        window=(),
        reach=Joins("dim", new=True),
        default_input=(1, 8, 16),
        prose="Collects maps or vectors without mixing them. "
        "The new axis is as long as there are tensors, and all other axes stay.",
        examples=("stack", "stack dim=1"),
    )  # fmt: skip


def matmul() -> Layer:
    """The matrix product of two tensors, batched over the axes before the last two (torch.matmul)."""
    rows, inner, other, columns = (
        sym("n", "rows of the first matrix"), sym("m", "columns of the first matrix"),
        sym("m2", "rows of the second matrix"), sym("p", "columns of the second matrix"),
    )  # fmt: skip
    alike = sym("alike", "whether the batch axes agree")
    first, second = sym("matrix0", "whether the first is no vector"), sym("matrix1", "whether the second is no vector")
    left = when(first, sym("A", "the first input's batch axes"), _NO_AXES)
    right = when(second, sym("B", "the second input's batch axes"), _NO_AXES)
    height, width = when(first, dims(n=rows), _NO_AXES), when(second, dims(p=columns), _NO_AXES)
    batch = when(alike, left, broadcast(left, right))
    return Layer(
        name="matmul",
        torch="torch.matmul",
        summary="The matrix product of two tensors.",
        keys=(),
        inputs=(
            TensorIn(
                "input0", (Form("*A n m", facts={first.name: True}), Form("m", facts={first.name: False})),
                "matrices, or a vector", dtypes="any, not bool", tells_dtype=True,
            ),
            TensorIn(
                "input1", (Form("*B m2 p", facts={second.name: True}), Form("m2", facts={second.name: False})),
                "matrices with as many rows as those have columns, or a vector as long", dtypes="any, not bool",
                tells_dtype=True, infer=concat(left, dims(m=inner), height),
            ),
        ),
        outputs=(Out("output", concat(batch, height, width), dtype="input"),),
        facts={alike.name: eq_(left, right)},
        rules=(
            Need(
                eq_(inner, other), "matmul needs as many rows in the second ({m2}) as columns in the first ({m})",
                "transpose one of them",
            ),
            Need(broadcasts_(left, right), "the batch axes do not broadcast", "give them one shape", where=not_(alike)),
            Need(
                eq_(sym("input0_dtype"), sym("input1_dtype")),
                "matmul needs one dtype, not {input0_dtype} and {input1_dtype}", "use one dtype", code="torch.dtype",
            ),
        ),
        macs=product(concat(batch, height)) * inner * product(width),
        reach=Mixes((-1, -2)),
        kept=matmul_kept(concat(left, dims(n=rows, m=inner)), concat(right, dims(m=other, p=columns))),
        kept_known=and_(alike, first, second),
        lies="any",
        default_input=(1, 8, 16, 16),
        prose="Attention by hand: queries times keys, weights times values. "
        "The last two axes are matrices, those before them a batch. A tensor of one axis is a vector.",
        examples=("matmul", "matmul -i 1,8,16,64 -i 1,8,64,16"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family, merging two."""
    return (*(of(2) for of in (add, sub, mul, maximum, minimum, cat, stack)), matmul())
