"""Power-average pooling: between the mean and the largest value."""

from __future__ import annotations

import math
from typing import Any

from layercli.formula import Expr, and_, is_, lt_, ne_, not_, num, or_, product, sym, when
from layercli.layers.definition import Kept, Key, Layer, Need, Out, TensorIn
from layercli.layers.kept import INPUT
from layercli.layers.kinds import LARGEST, BadValue, Kind, Sizes, shown
from layercli.layers.pool import (
    CEIL_KEY,
    DTYPE,
    image,
    pool_stride,
    pooled,
    ranks,
    rules_of,
    slides,
    small,
    whole_kernels,
)
from layercli.layers.vocabulary import DEFAULT_INPUT, SMALL, SPATIAL, batched_forms, kernel, spatial

FAMILY = "pooling"


class Power(Kind):
    """What Python's float() takes; torch asks for no more."""

    describe = "a number"

    def read(self, value: Any) -> float:
        """The value in its normal form; BadValue where torch would not take it."""
        if isinstance(value, (int, float, str)):
            try:
                return float(value)
            except (ValueError, OverflowError):
                pass
        raise BadValue(f"is {self.describe}, not {shown(value)}", "write a number, such as 2")

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 1, 2, 2.0, 1.5, 3, math.inf, -math.inf


class Kernel(Sizes):
    """A kernel of one number, or of exactly one per axis; rules ask which was written."""

    tells_single = True


_POWER = sym("norm_type", "the power")
_EXTREME = or_(is_(_POWER, math.inf), is_(_POWER, -math.inf))
_REAL = when(
    is_(DTYPE, "complex64"), num("float32"), when(is_(DTYPE, "complex128"), num("float64"), num("input"))
)  # fmt: skip
"""An infinite power takes the absolute value first."""
_NO_ZERO = Need(ne_(_POWER, 0), "norm_type is 0: its inverse is the last power taken", "use another one", "norm_type")
_ONE_NUMBER = Need(
    sym("kernel_size_single"), "kernel_size is one number here, not a list of one", "write it without brackets",
    "kernel_size", where=not_(_EXTREME), code="torch.list",
)  # fmt: skip


def _representable(dtype: str, most: float) -> Need:
    """torch takes the power and its inverse in the dtype of the input."""
    near = and_(lt_(-1 / most, _POWER), lt_(_POWER, 1 / most))
    return Need(
        not_(or_(or_(lt_(most, _POWER), lt_(_POWER, -most)), near)), f"norm_type {{norm_type}} or its inverse does not fit {dtype}",
        "use a power such as 2, or float32", "norm_type", where=and_(is_(DTYPE, dtype), not_(_EXTREME)), code="torch.range",
    )  # fmt: skip


_HALVES = (_representable("float16", 65504.0), _representable("bfloat16", (2 - 2**-7) * 2.0**127))
_POWER_KEY = Key(
    "norm_type", Power(), symbols=(_POWER,), structural=True,
    meaning="the power p: each output is the p-th root of the sum of p-th powers",
    effect="the shape stays; 1 sums, a larger power comes nearer to the largest value, inf takes it",
)  # fmt: skip


def _kept(rank: int, shape: Expr) -> tuple[Kept, ...]:
    """The power's input and the mean's; of the mean its sign, its size and what the last power is taken of.

    An infinite power is a maximum over absolute values.
    """
    inside = product(image(dict(zip(SPATIAL[rank], spatial(rank)))))
    return (
        *INPUT, Kept("powers", inside), Kept("parts of the means", 4 * product(shape), where=not_(_EXTREME)),
        Kept("indices", product(shape), "int64", _EXTREME),
    )  # fmt: skip


def lppool(rank: int) -> Layer:
    """The p-norm under each window (Sermanet et al. 2012); torch takes a mean of powers, and the maximum for inf."""
    window = slides(rank, padded=False)
    whole = whole_kernels(rank, padded=False, where=not_(_EXTREME)) if rank == 3 else ()
    powers = num("avgpool of powers, 3d" if rank == 3 else "avgpool of powers")
    extremes = num("float or complex" if rank == 1 else "any, not bool")
    return Layer(
        name=f"lppool{rank}d",
        torch=f"LPPool{rank}d",
        summary="Takes the p-norm of the values under each window.",
        keys=(
            _POWER_KEY, kernel(rank)._replace(kind=Kernel(rank, 1, repeats=False, most=SMALL)), pool_stride(rank, most=LARGEST if rank == 1 else SMALL),
            CEIL_KEY,
        ),
        positional=("norm_type", "kernel_size", "stride"),
        inputs=(
            TensorIn(
                "input", batched_forms(rank), "what is pooled", dtypes=when(_EXTREME, extremes, powers),
                tells_dtype=True,
            ),
        ),
        outputs=(Out("output", pooled(window), dtype=when(_EXTREME, _REAL, num("input"))),),
        rules=(_NO_ZERO, *(_HALVES if rank < 3 else ()), *((_ONE_NUMBER, small("stride", "s_L", not_(_EXTREME))) if rank == 1 else ()), *rules_of(window, whole)),
        window=tuple(axis.window for axis in window),
        kept=_kept(rank, pooled(window)),
        default_input=DEFAULT_INPUT[rank],
        prose="Shrinks each channel by itself, by a measure that lies between the mean and the largest value. "
        "The stride, which is the kernel where it is not given, decides how many windows there are.",
        examples=(f"lppool{rank}d 2 3", f"lppool{rank}d 1.5 3 s=2", f"lppool{rank}d inf 3 s=2 ceil_mode=true"),
        paper="https://arxiv.org/abs/1204.3968",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return ranks(lppool)
