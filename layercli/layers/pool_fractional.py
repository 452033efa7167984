"""Fractional max pooling: windows at random places, as many as it takes to shrink by a ratio that is no integer."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from layercli.formula import (
    Expr,
    and_,
    at,
    dims,
    eq_,
    floor_,
    ge_,
    le_,
    length,
    lt_,
    not_,
    num,
    or_,
    size,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Key, Layer, Let, Need, Out, Param, TensorIn
from layercli.layers.kinds import BadValue, Kind, Sizes, shown
from layercli.layers.parts import Weights
from layercli.layers.pool import DTYPE, INDICES, INDICES_KEY, IS_COMPLEX, IS_FLOAT, dtype_taken, image, maximum_kept
from layercli.layers.reach import Hides
from layercli.layers.vocabulary import (
    BATCHED,
    DEFAULT_INPUT,
    ROWS,
    SMALL,
    SPATIAL,
    C,
    batched_forms,
    kernel,
    per_axis,
)

FAMILY = "pooling"


class MaybeSizes(Sizes):
    """One size, or exactly one per axis, or None."""

    tells_none = True

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        return None if value is None else super().read(value)


class Ratios(Kind):
    """One ratio between 0 and 1, or one per axis, or None; ``more``: whether torch lets further ones pass unread."""

    takes_tuple = True
    tells_none = True

    def __init__(self, axes: int, more: bool) -> None:
        self.axes = axes
        self.more = more
        self.describe = f"a number between 0 and 1, or {axes} of them"

    def read(self, value: Any) -> tuple[float, ...] | None:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None:
            return None
        items = value if isinstance(value, tuple) else (value,) * self.axes
        if len(items) < self.axes or (len(items) > self.axes and not self.more):
            raise BadValue(
                f"is {self.describe}, not {len(items)}", f"give one, or one for each of the {self.axes} axes"
            )
        ratios = items[: self.axes]
        if not all(isinstance(item, (int, float)) for item in ratios):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a number, such as 0.5")
        if not all(0 < item < 1 for item in ratios):
            raise BadValue(f"lies between 0 and 1, not {shown(value)}", "use 0.5", "torch.range")
        return tuple(map(float, ratios))

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 0.5, 0.29, 0.7, (0.5, 0.7, 0.29)[: self.axes]


_RATIO = "size of the output by that of the input"
_SAMPLES = sym("S", "shape of the random samples")
_SAMPLED = sym("_random_samples_given", "whether the random samples are given")
_SAMPLES_DTYPE = sym("_random_samples_dtype", "the dtype of the random samples")

_SAMPLES_KEY = Key(
    "_random_samples", Weights(), None, ("samples",), (_SAMPLES,), structural=True,
    meaning="the random numbers that place the windows, (N, C, axes); drawn anew in every call where left out",
    effect="the shape stays; the windows lie at the same places in every call",
)  # fmt: skip


def _samples_fit(rank: int) -> tuple[Need, ...]:
    want = dims(N=ROWS, C=C, axes=num(rank))
    shape = {"got": _SAMPLES, "want": want}
    told = "_random_samples are {got}, and {want} are needed"
    return (
        Need(
            eq_(slice_(_SAMPLES, 1, length(_SAMPLES)), dims(C=C, axes=num(rank))), told, "use samples={want}",
            "_random_samples", where=_SAMPLED, values=shape,
        ),
        Need(
            ge_(when(eq_(length(_SAMPLES), 3), at(_SAMPLES, 0)), ROWS), told, "use samples={want}",
            "_random_samples", where=_SAMPLED, values=shape,
        ),
        Need(
            eq_(_SAMPLES_DTYPE, DTYPE), "_random_samples are {samples}, but the input is {dtype}", "give both one dtype",
            "_random_samples", where=_SAMPLED, values={"samples": _SAMPLES_DTYPE, "dtype": DTYPE}, code="torch.dtype",
        ),
    )  # fmt: skip


def _dtypes(rank: int, outs: Iterable[Expr]) -> tuple[Need, ...]:
    """Where nothing comes out, torch asks only that random numbers can be drawn in the dtype, if it draws them."""
    name, none = f"fractionalmaxpool{rank}d", eq_(size([ROWS, C, *outs]), 0)
    return (
        dtype_taken(name, none, and_(not_(IS_FLOAT), or_(IS_COMPLEX, _SAMPLED))),
        dtype_taken(name, num(False), and_(not_(or_(IS_FLOAT, IS_COMPLEX)), not_(_SAMPLED))),
    )


@cache
def _along(name: str, no_ratio: Expr, strict: bool) -> tuple[Need | Let, ...]:
    """One axis: the size asked for, or the input's times the ratio in IEEE double precision, and whether it fits."""
    i, k = sym(name, f"size of the input along {name}"), sym(f"k_{name}", f"kernel size along {name}")
    asked, ratio = sym(f"size_{name}", f"size asked for along {name}"), sym(f"ratio_{name}", f"{_RATIO} along {name}")
    out = sym(f"{name}_out", f"size of the output along {name}")
    last = out + k - 1
    return (
        Need(ge_(i, 1), f"the input is empty along {name}", f"give {name} a size of at least 1"),
        Let(out, when(no_ratio, asked, floor_(i * ratio))),
        Need(
            lt_(last, i) if strict else le_(last, i),
            f"kernel_size {{k_{name}}} is too large for {{{name}_out}} windows over {{{name}}} cells along {name}",
            "keep kernel_size plus output size at {most} or less", "kernel_size", values={"most": i if strict else i + 1},
        ),
    )  # fmt: skip


def fractionalmaxpool(rank: int) -> Layer:
    """Max pooling over windows placed at random (Graham 2014); torch's 3d one wants a cell more than the windows need."""
    first = SPATIAL[rank][0]
    no_size = sym(f"size_{first}_none", "whether no size is asked for")
    no_ratio = sym(f"ratio_{first}_none", "whether no ratio is asked for")
    outs: dict[str, Expr] = {name: sym(f"{name}_out", f"size of the output along {name}") for name in SPATIAL[rank]}
    shape = image(outs)
    output_size = Key(
        "output_size", MaybeSizes(rank, 0, repeats=False), None, ("size",), per_axis("size", rank, "size asked for"),
        meaning="size of the output along each axis", effect="is the output's size; output_ratio is left out then",
    )  # fmt: skip
    output_ratio = Key(
        "output_ratio", Ratios(rank, more=rank == 3), None, ("ratio",), per_axis("ratio", rank, _RATIO),
        meaning=f"{_RATIO}, between 0 and 1",
        effect="a ratio of r makes the output r times the input, rounded down; output_size is left out then",
    )  # fmt: skip
    return Layer(
        name=f"fractionalmaxpool{rank}d",
        torch=f"FractionalMaxPool{rank}d",
        summary="Keeps the largest value under windows at random places.",
        keys=(
            kernel(rank)._replace(
                kind=Sizes(rank, 1 if rank == 3 else None, repeats=False, most=SMALL),
                effect="the shape stays; each output cell sees more",
            ),
            output_size, output_ratio, INDICES_KEY, _SAMPLES_KEY,
        ),
        positional=("kernel_size", "output_size"),
        inputs=(TensorIn("input", batched_forms(rank), "what is pooled", dtypes="any", tells_dtype=True),),
        outputs=(Out("output", shape), Out("indices", shape, dtype="int64", where=INDICES)),
        rules=(
            Need(
                num(False), "neither an output_size nor an output_ratio is given", "write ratio=0.5, or size=8",
                "output_size", where=and_(no_size, no_ratio), code="type.missing-argument",
            ),
            Need(
                num(False), "output_size and output_ratio are both given", "leave one of them out", "output_ratio",
                where=and_(not_(no_size), not_(no_ratio)), code="type.value",
            ),
            *_samples_fit(rank),
            Need(ge_(C, 1), "the input has no channels", "give it at least one channel", where=BATCHED),
            *(rule for name in SPATIAL[rank] for rule in _along(name, no_ratio, rank == 3)),
            *_dtypes(rank, outs.values()),
        ),
        buffers=(Param("_random_samples", (_SAMPLES,), where=_SAMPLED),),
        factory=False,
        window_unknown="the windows lie at random places",
        kept=maximum_kept(shape),
        reach=Hides(rank),
        default_input=DEFAULT_INPUT[rank],
        hidden=("kernel_size", "output_size", "output_ratio", "return_indices", "_random_samples"),
        prose="Shrinks by less than half at a time, so that a net may have more layers; its windows overlap and move from "
        "call to call. The output has the size asked for, or the input's times a ratio.",
        examples=(
            f"fractionalmaxpool{rank}d 2 ratio=0.7", f"fractionalmaxpool{rank}d 3 {','.join(map(str, (4, 13, 12)[3 - rank:]))}",
            f"fractionalmaxpool{rank}d 2 ratio=0.5 return_indices=true",
        ),
        paper="https://arxiv.org/abs/1412.6071",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return fractionalmaxpool(2), fractionalmaxpool(3)
