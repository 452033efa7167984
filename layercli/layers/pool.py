"""Max and average pooling of one, two and three spatial axes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from typing import NamedTuple

from layercli.formula import Expr, Sym, concat, dims, ge_, gt_, is_, le_, min_, ne_, not_, num, or_, product, sym, when
from layercli.layers.definition import Kept, Key, Layer, Let, Need, Out, Same, TensorIn, Window
from layercli.layers.dtypes import COMPLEX, FLOATS
from layercli.layers.kept import INPUT
from layercli.layers.kinds import LARGEST, Int
from layercli.layers.vocabulary import (
    BATCH,
    DEFAULT_INPUT,
    SMALL,
    SPATIAL,
    C,
    batched_forms,
    dilation,
    flag,
    kernel,
    padding,
    stride,
)

FAMILY = "pooling"

INDICES, CEIL = sym("return_indices"), sym("ceil_mode")


# --- a window along one axis -----------------------------------------------------------------------------------------


class Slide(NamedTuple):
    """A window along one axis: what must hold, the output's size, and how it slides."""

    name: str
    some: Need
    rules: tuple[Need | Let, ...]
    out: Sym
    window: Window


@cache
def slide(name: str, padded: bool, dilated: bool) -> Slide:
    """A window along the axis of this name.

    With ``ceil_mode`` the last window may hang over the end, as long as it starts inside the input or its left
    padding: the second term of the minimum (torch's ``pooling_output_shape``).
    """
    i, k = sym(name, f"size of the input along {name}"), sym(f"k_{name}", f"kernel size along {name}")
    s, out = sym(f"s_{name}", f"stride along {name}"), sym(f"{name}_out", f"size of the output along {name}")
    p = sym(f"p_{name}", f"padding on each side along {name}")
    d: Expr = sym(f"d_{name}", f"dilation along {name}") if dilated else num(1)
    room = (i + 2 * p if padded else i) - (d * (k - 1) if dilated else k - 1) - 1
    starts = i + p - 1 if padded else i - 1
    fits = Need(
        gt_(out, 0), f"kernel_size {{k_{name}}} does not fit the {'padded ' * padded}input of {{have}} along {name}",
        "use a kernel_size of at most {most}", "kernel_size",
        values={"have": i + 2 * p if padded else i, "most": ((i + 2 * p if padded else i) - 1) // d + 1},
    )  # fmt: skip
    at_most_half = Need(
        le_(p, k // 2), f"padding {{p_{name}}} is more than half of kernel_size {{k_{name}}} along {name}",
        "use a padding of at most {most}", "padding", values={"most": k // 2},
    )  # fmt: skip
    some = Need(ge_(i, 1), f"the input is empty along {name}", f"give {name} a size of at least 1")
    rules: tuple[Need | Let, ...] = (
        *((at_most_half,) if padded else ()),
        Let(out, when(CEIL, min_((room + s - 1) // s + 1, starts // s + 1), room // s + 1)),
        fits,
    )
    return Slide(name, some, rules, out, Window(k, s, p if padded else num(0), d))


def slides(rank: int, *, padded: bool = True, dilated: bool = False) -> tuple[Slide, ...]:
    """A window over so many axes."""
    return tuple(slide(name, padded, dilated) for name in SPATIAL[rank])


SOME_CHANNELS = Need(ge_(C, 1), "the input has no channels", "give it at least one channel")


def whole_kernels(rank: int, *, padded: bool, where: Expr | None = None) -> tuple[Need, ...]:
    """torch's 3d average asks that the input without its padding be at least as large as the kernel."""
    return tuple(
        Need(
            ge_(sym(name), sym(f"k_{name}")),
            f"kernel_size {{k_{name}}} is larger than the input of {{{name}}} along {name}"
            + (", whatever its padding" if padded else ""),
            "use a kernel_size of at most {most}", "kernel_size", where, {"most": sym(name)},
        )
        for name in SPATIAL[rank]
    )  # fmt: skip


def rules_of(window: tuple[Slide, ...], whole: tuple[Need, ...] = ()) -> tuple[Need | Let, ...]:
    """What must hold along every axis, and the sizes of the output."""
    return (
        SOME_CHANNELS, *(axis.some for axis in window), *whole, *(rule for axis in window for rule in axis.rules)
    )  # fmt: skip


def image(sizes: dict[str, Expr]) -> Expr:
    """The shape of an output that has the input's batch and channels."""
    return concat(BATCH, dims(C=C), dims(**sizes))


def pooled(window: tuple[Slide, ...]) -> Expr:
    """The shape of the output."""
    return image({axis.name: axis.out for axis in window})


def maximum_kept(shape: Expr) -> tuple[Kept, ...]:
    """What a maximum keeps: its input and where in it the output's cells of this shape come from, in int64."""
    return (
        *INPUT, Kept("indices", where=INDICES), Kept("indices", product(shape), "int64", not_(INDICES)),
    )  # fmt: skip


# --- dtypes that hang on sizes ---------------------------------------------------------------------------------------

DTYPE = sym("input_dtype", "the dtype of the input")
IS_FLOAT, IS_COMPLEX = (reduce(or_, (is_(DTYPE, name) for name in names)) for names in (FLOATS, COMPLEX))


def dtype_taken(name: str, condition: Expr, where: Expr) -> Need:
    """Such a dtype is taken only under a condition: where nothing comes out, torch often runs nothing that asks for it."""
    return Need(
        condition, f"{name} does not take {{dtype}} on the CPU", "use float32", where=where, values={"dtype": DTYPE},
        code="torch.dtype",
    )  # fmt: skip


# --- keys ------------------------------------------------------------------------------------------------------------


def pool_stride(rank: int, *, most: int = SMALL) -> Key:
    """The stride of a pool: the kernel where it is not given."""
    return stride(rank, default=Same("kernel_size"), most=most)


def small(key: str, symbol: str, where: Expr) -> Need:
    """torch's 1d maximum without indices keeps 64 bits where all other pools keep 32."""
    return Need(
        le_(sym(symbol), SMALL), f"{key} does not fit the 32 bits torch keeps it in: {{{symbol}}}", "use a smaller one", key,
        where=where, code="torch.range",
    )  # fmt: skip


CEIL_KEY = flag(
    "ceil_mode", False, "whether a last window may hang over the end", strict=True,
    effect="adds one output cell where the stride would leave cells unread",
)  # fmt: skip
INDICES_KEY = flag(
    "return_indices", False, "whether the positions of the largest values come out too",
    effect="adds an output of the same shape, in int64: what max unpooling takes",
)  # fmt: skip
_COUNT_PADDING = flag(
    "count_include_pad", True, "whether padding counts as cells of value 0 in the mean", strict=True,
    effect="the shape stays; without it, means at the border are over the real cells only",
)  # fmt: skip
_DIVISOR = Key(
    "divisor_override", Int(bools=False, optional=True), None, symbols=(sym("divisor_override"),), structural=True,
    meaning="what to divide by in place of the number of cells",
    effect="the shape stays; the sum under the window is divided by this number",
)  # fmt: skip
_A_DIVISOR = Need(
    ne_(sym("divisor_override"), 0), "divisor_override is 0", "use another divisor, or none", "divisor_override"
)


# --- the layers ------------------------------------------------------------------------------------------------------


def maxpool(rank: int) -> Layer:
    """The largest value under each window."""
    window = slides(rank, dilated=True)
    dtypes = when(INDICES, num("real"), num("float")) if rank == 1 else "real"
    most = LARGEST if rank == 1 else SMALL
    fits = (small("stride", "s_L", INDICES), small("dilation", "d_L", INDICES)) if rank == 1 else ()
    return Layer(
        name=f"maxpool{rank}d",
        torch=f"MaxPool{rank}d",
        summary="Keeps the largest value under each window.",
        keys=(
            kernel(rank, most=SMALL), pool_stride(rank, most=most), padding(rank, most=SMALL), dilation(rank, most=most),
            INDICES_KEY, CEIL_KEY,
        ),
        positional=("kernel_size", "stride", "padding"),
        inputs=(TensorIn("input", batched_forms(rank), "what is pooled", dtypes=dtypes),),
        outputs=(Out("output", pooled(window)), Out("indices", pooled(window), dtype="int64", where=INDICES)),
        rules=(*fits, *rules_of(window)),
        window=tuple(axis.window for axis in window),
        kept=maximum_kept(pooled(window)),
        default_input=DEFAULT_INPUT[rank],
        hidden=("return_indices",),
        prose="Shrinks each channel by itself and keeps what stands out, wherever in its window it was. "
        "The stride, which is the kernel where it is not given, decides how many windows there are.",
        examples=(f"maxpool{rank}d 2", f"maxpool{rank}d 3 s=2 p=1", f"maxpool{rank}d 3 s=2 ceil_mode=true"),
    )  # fmt: skip


def avgpool(rank: int) -> Layer:
    """The mean under each window."""
    window = slides(rank)
    whole = whole_kernels(rank, padded=True) if rank == 3 else ()
    return Layer(
        name=f"avgpool{rank}d",
        torch=f"AvgPool{rank}d",
        summary="Takes the mean under each window.",
        keys=(
            kernel(rank, most=SMALL), pool_stride(rank), padding(rank, most=SMALL), CEIL_KEY, _COUNT_PADDING,
            *((_DIVISOR,) if rank > 1 else ()),
        ),
        positional=("kernel_size", "stride", "padding"),
        inputs=(
            TensorIn("input", batched_forms(rank), "what is pooled", dtypes="avgpool3d" if rank == 3 else "avgpool"),
        ),
        outputs=(Out("output", pooled(window)),),
        rules=(*((_A_DIVISOR,) if rank > 1 else ()), *rules_of(window, whole)),
        window=tuple(axis.window for axis in window),
        kept=INPUT,
        default_input=DEFAULT_INPUT[rank],
        hidden=("ceil_mode", "count_include_pad", *(("divisor_override",) if rank > 1 else ())),
        prose="Shrinks each channel by itself and smooths it. "
        "The stride, which is the kernel where it is not given, decides how many windows there are.",
        examples=(f"avgpool{rank}d 2", f"avgpool{rank}d 3 s=2 p=1", f"avgpool{rank}d 3 s=2 ceil_mode=true"),
    )  # fmt: skip


def ranks(*makes: Callable[[int], Layer]) -> tuple[Layer, ...]:
    """Each of these layers over one, two and three spatial axes."""
    return tuple(make(rank) for make in makes for rank in (1, 2, 3))


def layers() -> tuple[Layer, ...]:
    """The family."""
    return ranks(maxpool, avgpool)
