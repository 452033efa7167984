"""Max and average pooling of one, two and three spatial axes."""

from __future__ import annotations

from layercli.formula import Expr, Sym, concat, dims, ge_, gt_, le_, min_, ne_, num, sym, when
from layercli.layers.definition import Key, Layer, Let, Need, Out, Same, TensorIn, Window
from layercli.layers.kinds import Int
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
    per_axis,
    spatial,
    stride,
)

_CEIL = sym("ceil_mode")


def _rules(
    rank: int, dilated: bool, whole_kernel: bool
) -> tuple[tuple[Sym, ...], tuple[Window, ...], list[Need | Let]]:
    """The output sizes, how the window slides, and what must hold.

    With ``ceil_mode`` the last window may hang over the end, as long as it starts inside the input or its left
    padding: the second term of the minimum (torch's ``pooling_output_shape``). ``whole_kernel``: torch's 3d average
    asks that the input without its padding be at least as large as the kernel.
    """
    axes, image = SPATIAL[rank], spatial(rank)
    k, s = per_axis("k", rank, "kernel size"), per_axis("s", rank, "stride")
    p = per_axis("p", rank, "padding on each side")
    dilations: tuple[Expr, ...] = per_axis("d", rank, "dilation") if dilated else ()
    outs = tuple(sym(f"{a}_out", f"size of the output along {a}") for a in axes)
    rules: list[Need | Let] = [
        Need(ge_(C, 1), "the input has no channels", "give it at least one channel"),
        *(
            Need(ge_(i, 1), f"the input is empty along {a}", f"give {a} a size of at least 1")
            for a, i in zip(axes, image)
        ),
    ]
    for n, (a, i, k_, s_, p_, o_) in enumerate(zip(axes, image, k, s, p, outs)):
        span = dilations[n] * (k_ - 1) if dilations else k_ - 1
        rules.append(
            Need(
                le_(p_, k_ // 2), f"padding {{p_{a}}} is more than half of kernel_size {{k_{a}}} along {a}",
                "use a padding of at most {most}", "padding", values={"most": k_ // 2},
            )
        )  # fmt: skip
        if whole_kernel:
            rules.append(
                Need(
                    ge_(i, k_), f"kernel_size {{k_{a}}} is larger than the input of {{{a}}} along {a}, whatever its padding",
                    "use a kernel_size of at most {most}", "kernel_size", values={"most": i},
                )
            )  # fmt: skip
        floored = (i + 2 * p_ - span - 1) // s_ + 1
        ceiled = min_((i + 2 * p_ - span - 1 + s_ - 1) // s_ + 1, (i + p_ - 1) // s_ + 1)
        rules += [
            Let(o_, when(_CEIL, ceiled, floored)),
            Need(
                gt_(o_, 0), f"kernel_size {{k_{a}}} does not fit the padded input of {{padded}} along {a}",
                "use a kernel_size of at most {most}", "kernel_size",
                values={"padded": i + 2 * p_, "most": (i + 2 * p_ - 1) // (dilations[n] if dilations else 1) + 1},
            ),
        ]  # fmt: skip
    windows = tuple(Window(*row) for row in zip(k, s, p, dilations or (num(1),) * rank))
    return outs, windows, rules


def _shape(rank: int, outs: tuple[Sym, ...]) -> Expr:
    return concat(BATCH, dims(C=C), dims(**dict(zip(SPATIAL[rank], outs))))


def _common(rank: int) -> tuple[Key, ...]:
    return kernel(rank, most=SMALL), stride(rank, default=Same("kernel_size"), most=SMALL), padding(rank, most=SMALL)


_CEIL_KEY = flag(
    "ceil_mode", False, "whether a last window may hang over the end", strict=True,
    effect="adds one output cell where the stride would leave cells unread",
)  # fmt: skip


def maxpool(rank: int) -> Layer:
    """The largest value under each window."""
    outs, windows, rules = _rules(rank, dilated=True, whole_kernel=False)
    indices = sym("return_indices")
    return Layer(
        name=f"maxpool{rank}d",
        torch=f"MaxPool{rank}d",
        summary="Keeps the largest value under each window.",
        keys=(
            *_common(rank), dilation(rank, most=SMALL),
            flag("return_indices", False, "whether the positions of the largest values come out too"), _CEIL_KEY,
        ),
        positional=("kernel_size", "stride", "padding"),
        inputs=(TensorIn("input", batched_forms(rank), "what is pooled", dtypes=when(indices, num("real"), num("float")) if rank == 1 else "real"),),
        outputs=(
            Out("output", _shape(rank, outs)),
            Out("indices", _shape(rank, outs), dtype="int64", where=indices),
        ),
        rules=tuple(rules),
        window=windows,
        default_input=DEFAULT_INPUT[rank],
        prose="Each channel by itself. The stride is the kernel where it is not given, so windows do not overlap.",
        examples=(f"maxpool{rank}d 2", f"maxpool{rank}d 3 s=2 p=1", f"maxpool{rank}d 3 s=2 ceil_mode=true"),
    )  # fmt: skip


def avgpool(rank: int) -> Layer:
    """The mean under each window."""
    outs, windows, rules = _rules(rank, dilated=False, whole_kernel=rank == 3)
    divisor = sym("divisor_override")
    keys: tuple[Key, ...] = (
        *_common(rank), _CEIL_KEY,
        flag("count_include_pad", True, "whether padding counts as cells of value 0 in the mean", strict=True),
    )  # fmt: skip
    if rank > 1:
        keys += (
            Key(
                "divisor_override", Int(bools=False, optional=True), None, symbols=(divisor,), structural=True,
                meaning="what to divide by in place of the number of cells",
            ),
        )  # fmt: skip
        rules.insert(
            0, Need(ne_(divisor, 0), "divisor_override is 0", "use another divisor, or none", "divisor_override")
        )  # fmt: skip
    return Layer(
        name=f"avgpool{rank}d",
        torch=f"AvgPool{rank}d",
        summary="Takes the mean under each window.",
        keys=keys,
        positional=("kernel_size", "stride", "padding"),
        inputs=(
            TensorIn("input", batched_forms(rank), "what is pooled", dtypes="avgpool3d" if rank == 3 else "avgpool"),
        ),
        outputs=(Out("output", _shape(rank, outs)),),
        rules=tuple(rules),
        window=windows,
        default_input=DEFAULT_INPUT[rank],
        prose="Each channel by itself. The stride is the kernel where it is not given, so windows do not overlap.",
        examples=(f"avgpool{rank}d 2", f"avgpool{rank}d 3 s=2 p=1", f"avgpool{rank}d 3 s=2 ceil_mode=true"),
    )


def layers() -> tuple[Layer, ...]:
    """The family."""
    return tuple(make(rank) for make in (maxpool, avgpool) for rank in (1, 2, 3))
