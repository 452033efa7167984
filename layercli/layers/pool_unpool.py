"""Max unpooling: the largest values go back to where they were, into zeros."""

from __future__ import annotations

from functools import cache
from typing import Any

from layercli.formula import Expr, and_, concat, dims, eq_, ge_, gt_, lt_, not_, num, size, sym, when
from layercli.layers.definition import Form, Kept, Key, Layer, Let, Need, Out, Same, TensorIn, ValueIn
from layercli.layers.kinds import Sizes
from layercli.layers.pool import IS_FLOAT, dtype_taken, image, ranks
from layercli.layers.reach import Spread, Spreads
from layercli.layers.vocabulary import (
    BATCH,
    BATCHED,
    DEFAULT_INPUT,
    ROWS,
    SPATIAL,
    C,
    batched_forms,
    kernel,
    padding,
    spatial,
    stride,
)

FAMILY = "pooling"


class Leading(Sizes):
    """One size, or one per axis; ``more``: whether torch lets further ones pass unread."""

    def __init__(self, axes: int, *, default: bool = False, more: bool = False, bools: bool = False) -> None:
        super().__init__(axes, repeats=False, bools=bools)
        self.default = default
        self.more = more

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None and self.default:
            return None
        return super().read(value[: self.axes] if self.more and isinstance(value, tuple) else value)


_ASKED = sym("output_size_given", "whether the call asks for an output size")


def _place(axis: str) -> str:
    return f"indices_{axis}"


def _keys(rank: int) -> tuple[Key, ...]:
    """torch's 3d kernel takes stride and padding itself, and looks at them more closely."""
    loose = rank < 3
    return (
        kernel(rank)._replace(
            kind=Leading(rank, bools=loose), effect="the output grows by as much as the kernel does",
        ),
        stride(rank, default=Same("kernel_size"))._replace(
            kind=Leading(rank, default=True, more=loose, bools=loose),
            effect="a stride of s makes the output s times as large",
        ),
        padding(rank)._replace(
            kind=Leading(rank, more=loose, bools=loose), meaning="cells that the pool had added on both sides of each axis",
            effect="each unit of padding takes two cells off the output",
        ),
    )  # fmt: skip


@cache
def _along(name: str, strides: bool) -> tuple[Need | Let, ...]:
    """One axis: the size that a pool would have made the input from, or the one asked for, less than a stride away."""
    i, k = sym(name, f"size of the input along {name}"), sym(f"k_{name}", f"kernel size along {name}")
    s, p = sym(f"s_{name}", f"stride along {name}"), sym(f"p_{name}", f"padding on each side along {name}")
    want, out = (
        sym(f"want_{name}", f"size asked for along {name}"),
        sym(f"{name}_out", f"size of the output along {name}"),
    )
    usual = (i - 1) * s + k - 2 * p
    return (
        Need(ge_(i, 1), f"the input is empty along {name}", f"give {name} a size of at least 1"),
        *((Need(gt_(s, 0), f"stride {{s_{name}}} along {name} must be positive", "use 1 or more", "stride"),) if strides else ()),
        Need(
            and_(lt_(usual - s, want), lt_(want, usual + s)),
            f"output_size {{want_{name}}} along {name} cannot be had: it lies between {{low}} and {{high}}",
            "ask for {low} to {high}", "output_size", where=_ASKED,
            values={"low": usual - s + 1, "high": usual + s - 1},
        ),
        Let(out, when(_ASKED, want, usual)),
        Need(
            ge_(out, 0), f"the output would have {{{name}_out}} cells along {name}", "use a padding of at most {most}",
            "padding", values={"most": ((i - 1) * s + k) // 2},
        ),
    )  # fmt: skip


def _forms(rank: int) -> tuple[Form, ...]:
    axes = " ".join(map(_place, ("C", *SPATIAL[rank])))
    return Form(f"{_place('N')} {axes}", where=BATCHED), Form(axes, where=not_(BATCHED))


def _agree(rank: int) -> tuple[Need, ...]:
    own: Expr = concat(BATCH, dims(C=C), dims(**dict(zip(SPATIAL[rank], spatial(rank)))))
    given = concat(
        when(BATCHED, dims(N=sym(_place("N"))), concat()), dims(**{a: sym(_place(a)) for a in ("C", *SPATIAL[rank])})
    )
    return (
        Need(
            eq_(own, given), "the indices are {got}, but the input is {want}", "give indices of the input's shape", "indices",
            values={"got": given, "want": own},
        ),
    )  # fmt: skip


def _output_size(rank: int) -> ValueIn:
    """What the call may ask for: the sizes along the axes, or the whole shape, of which torch reads the last ones."""
    sizes = " ".join(f"want_{name}" for name in SPATIAL[rank])
    return ValueIn(
        "output_size",
        (Form(sizes), Form(f"want_N want_C {sizes}")),
        "the size asked for, where a stride leaves a choice",
    )


def maxunpool(rank: int) -> Layer:
    """The inverse of max pooling, as far as there is one (Zeiler & Fergus 2013)."""
    outs = {name: sym(f"{name}_out", f"size of the output along {name}") for name in SPATIAL[rank]}
    name = f"maxunpool{rank}d"
    return Layer(
        name=name,
        torch=f"MaxUnpool{rank}d",
        summary="Puts values back to where max pooling took them from.",
        keys=_keys(rank),
        positional=("kernel_size", "stride", "padding"),
        inputs=(
            TensorIn("input", batched_forms(rank), "the largest values", dtypes="any", tells_dtype=True),
            TensorIn(
                "indices", _forms(rank), "where in the output each value goes: the indices of max pooling", dtypes="int64",
                infer=concat(BATCH, dims(C=C), dims(**dict(zip(SPATIAL[rank], spatial(rank))))), low=0, high=size(outs.values()),
            ),
            _output_size(rank),
        ),
        outputs=(Out("output", image(dict(outs))),),
        rules=(
            Need(ge_(C, 1), "the input has no channels", "give it at least one channel", where=BATCHED),
            *_agree(rank), *(rule for axis in SPATIAL[rank] for rule in _along(axis, rank == 3)),
            dtype_taken(name, eq_(size([ROWS, C, *outs.values()]), 0), not_(IS_FLOAT)),
        ),
        reach=Spreads(tuple(Spread(sym(f"k_{a}"), sym(f"s_{a}"), sym(f"p_{a}"), num(1)) for a in SPATIAL[rank])),
        kept=(Kept("indices"),),
        default_input=DEFAULT_INPUT[rank],
        prose="Undoes max pooling as far as it can be undone: all that was not the largest is zero. "
        "Kernel, stride and padding are the pool's, and the output has the size of what it pooled.",
        examples=(
            f"{name} 2", f"{name} 3 s=2 p=1",
            f"{name} 2 -i {','.join(map(str, (3, *(4,) * rank)))} -i output_size={','.join(map(str, (9,) * rank))}",
        ),
        paper="https://arxiv.org/abs/1311.2901",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return ranks(maxunpool)
