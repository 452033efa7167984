"""Convolutions of one, two and three spatial axes, and what they share with transposed and lazy ones.

What holds along one axis is built once and shared by all ranks: a convolution is part of nearly every start.
"""

from functools import cache, reduce
from typing import NamedTuple

from layercli.formula import (
    Expr,
    Sym,
    and_,
    concat,
    dims,
    eq_,
    ge_,
    is_,
    le_,
    lt_,
    max_,
    not_,
    or_,
    size,
    sym,
    when,
)
from layercli.layers.definition import Kept, Key, Layer, Let, Need, Out, Param, TensorIn, Window
from layercli.layers.kept import GRAD
from layercli.layers.kinds import Int
from layercli.layers.reach import Mixes
from layercli.layers.vocabulary import (
    BATCH,
    BATCHED,
    DEFAULT_INPUT,
    ROWS,
    SPATIAL,
    C,
    batched_forms,
    dilation,
    flag,
    integer,
    kernel,
    padding,
    stride,
    word,
)

FAMILY = "convolution"

FILTERS, GROUPS, BIAS = sym("out", "number of filters"), sym("g", "number of groups"), sym("bias")

_mode, _padding = sym("padding_mode"), sym("padding")
_SAME, _SIZED = is_(_padding, "same"), is_(_padding, None)
_ZEROS, _REFLECT, _REPLICATE, _CIRCULAR = (is_(_mode, w) for w in ("zeros", "reflect", "replicate", "circular"))
_IDLE = or_(eq_(ROWS, 0), eq_(C, 0))
"""On an input without samples or channels torch looks at less."""
_MAY_BE_EMPTY = not_(or_(_SAME, _REPLICATE))


def listed(key: str) -> Sym:
    """Whether the key is a list of one for several axes."""
    return sym(f"{key}_listed")


# --- channels --------------------------------------------------------------------------------------------------------


def channels(bools: bool) -> tuple[Key, ...]:
    """The keys of the channels: in_channels, out_channels, groups, bias. ``bools``: whether True is one channel."""
    inside = integer(
        "in_channels", "in_channels", "channels of the input", kind=Int(least=0, bools=bools), aliases=("in",), infer=C,
        effect="the shape stays; weights grow with it",
    )  # fmt: skip
    return (inside, *_CHANNELS)


_CHANNELS = (
    integer(
        "out_channels", "out", "number of filters", kind=Int(least=0, bools=False), aliases=("o", "out"), infer=C,
        effect="the output has this many channels",
    ),
    integer(
        "groups", "g", "number of groups that channels are split into", kind=Int(least=1, bools=False), default=1,
        aliases=("g",), effect="each filter sees C/g channels: g times fewer weights and MACs",
    ),
    flag(
        "bias", True, "whether each filter adds a learned constant",
        effect="the shape stays; one parameter less per filter without it",
    ),
)  # fmt: skip
POSITIONAL = ("out_channels", "kernel_size", "stride", "padding")


def divides(count: Expr, what: str, where: Expr | None = None) -> Need:
    """That the groups divide these channels."""
    return Need(
        eq_(count % GROUPS, 0), f"groups={{g}} does not divide the {{n}} {what}",
        f"use {{divisors}} groups, or a multiple of {{g}} {what}, such as {{next}}", "groups", where,
        {"n": count, "next": (count // GROUPS + 1) * GROUPS}, divisors=(count, GROUPS),
    )  # fmt: skip


OUT_DIVIDES = divides(FILTERS, "output channels")
EAGER = (
    divides(sym("in_channels"), "input channels"),
    OUT_DIVIDES,
    Need(
        eq_(C, sym("in_channels")), "in_channels is {in_channels}, but the input has {C} channels",
        "use in={C}, or leave in_channels out", "in_channels",
    ),
)  # fmt: skip
"""What a layer whose channels are said asks of them, before all else."""
SOME_FILTERS = Need(
    ge_(FILTERS, GROUPS), "out_channels is {out}: each of the {g} groups needs a filter", "use out={g} or more",
    "out_channels",
)  # fmt: skip


# --- along one axis --------------------------------------------------------------------------------------------------


class Along(NamedTuple):
    """One spatial axis: its name, and the sizes along it of the input, the keys and the output."""

    name: str
    size: Sym
    k: Sym
    s: Sym
    p: Sym
    d: Sym
    out: Sym


@cache
def along(name: str) -> Along:
    """The symbols of one axis."""
    k, s, p, d = (sym(f"{letter}_{name}", f"{meaning} along {name}") for letter, meaning in _ALONG.items())
    out = sym(f"{name}_out", f"size of the output along {name}")
    return Along(name, sym(name, f"size of the input along {name}"), k, s, p, d, out)


_ALONG = {"k": "kernel size", "s": "stride", "p": "padding on each side", "d": "dilation"}


def image(filters: Expr, axes: tuple[Along, ...]) -> tuple[Out]:
    """The output."""
    return (Out("output", concat(BATCH, dims(C=filters, **{axis.name: axis.out for axis in axes}))),)


@cache
def _slides(name: str, first: bool) -> tuple[tuple[Need | Let, ...], Window]:
    """A convolution along one axis: what must hold, its output, its window.

    "same" pads as much as the kernel spreads, and what cannot be halved goes to the far side. For modes other than
    zeros torch goes by what was written: for "same" a list of one dilation pads the first axis only, and a list of
    one padding, which only an image without a batch axis may have, the last.
    """
    _, i, k, s, p, d, out = along(name)
    same = _SAME if first else and_(_SAME, or_(_ZEROS, not_(listed("dilation"))))
    sized = and_(_SIZED, or_(_ZEROS, not_(listed("padding")))) if first and name == "H" else _SIZED
    pads = or_(same, sized)
    spread = d * (k - 1)
    padded = i + when(sized, 2 * p)
    far = when(same, spread - spread // 2, p)
    return (
        Need(
            eq_(s, 1), f"padding=same needs a stride of 1, not {{s_{name}}}", "use s=1, or a padding in numbers", "stride",
            where=_SAME,
        ),
        Need(
            or_(ge_(i, 1), and_(_MAY_BE_EMPTY, _IDLE)), f"the input is empty along {name}",
            f"give {name} a size of at least 1",
        ),
        Need(
            or_(ge_(k, 1), eq_(C, 0)), f"kernel_size must be at least 1, not {{k_{name}}}", "use 1 or more",
            "kernel_size", code="torch.range",
        ),
        Need(
            or_(ge_(d, 1), _IDLE), f"dilation must be at least 1, not {{d_{name}}}", "use 1 or more", "dilation",
            code="torch.range",
        ),
        Need(
            ge_(p, 0), f"padding {{p_{name}}} is negative", "use 0 or more, or crop before", "padding",
            where=and_(_SIZED, _ZEROS), code="torch.range",
        ),
        Need(
            lt_(far, i), f"padding {{far}} cannot be reflected from an input of {{{name}}} along {name}",
            "use a padding of at most {most}, or padding_mode=zeros", "padding", where=and_(pads, _REFLECT),
            values={"far": far, "most": i - 1},
        ),
        Need(
            le_(far, i), f"padding {{far}} wraps around an input of {{{name}}} along {name} more than once",
            "use a padding of at most {most}, or padding_mode=zeros", "padding", where=and_(pads, _CIRCULAR),
            values={"far": far, "most": i},
        ),
        Need(
            ge_(padded, spread + 1),
            f"kernel_size {{k_{name}}} spans {{span}} cells along {name}, but the padded input has {{padded}}",
            "use a kernel_size of at most {most}, or a padding of at least {least}", "kernel_size", where=not_(same),
            values={
                "span": spread + 1, "padded": padded, "most": (padded - 1) // max_(d, 1) + 1,
                "least": (spread + 2 - i) // 2,
            },
        ),
        Let(out, when(same, i, (padded - spread - 1) // s + 1)),
    ), Window(k, s, when(same, spread // 2, when(sized, p)), d)  # fmt: skip


# --- the layers ------------------------------------------------------------------------------------------------------

_MODE = word(
    "padding_mode", "zeros", "reflect", "replicate", "circular", default="zeros", meaning="what the padding holds",
    effect="the shape stays; reflect and circular ask for less padding than there is input",
)  # fmt: skip
_SOMETHING_TO_REPEAT = Need(
    ge_(C, 1), "padding_mode={padding_mode} takes no input without channels", "use padding_mode=zeros", "padding_mode",
    where=or_(_REFLECT, _REPLICATE),
)  # fmt: skip
_NO_LIST = Need(
    or_(_ZEROS, not_(BATCHED)), "padding_mode={padding_mode} needs one padding per axis, not a list of one",
    "write the padding without brackets, or one per axis", "padding", where=listed("padding"), code="torch.padding",
)  # fmt: skip
_NO_LISTS = ((), (_NO_LIST,), (_NO_LIST._replace(condition=_ZEROS),))
"""By rank."""


def _kept(axes: tuple[Along, ...]) -> tuple[Kept, ...]:
    """The input, or what it is padded to beforehand: all around in other modes than zeros, by the odd cell of "same"."""
    odd = reduce(or_, (eq_(axis.d * (axis.k - 1) % 2, 1) for axis in axes))
    beforehand = or_(not_(_ZEROS), and_(_SAME, odd))
    cells = [
        axis.size
        + when(_ZEROS, axis.d * (axis.k - 1) % 2, when(_SAME, axis.d * (axis.k - 1), when(_SIZED, 2 * axis.p)))
        for axis in axes
    ]
    return (
        Kept("input", where=or_(not_(beforehand), and_(GRAD, or_(_REFLECT, _REPLICATE)))),
        Kept("padded input", size([ROWS, C, *cells]), where=beforehand),
    )


def conv(rank: int) -> Layer:
    """Cross-correlation with learned filters: "A guide to convolution arithmetic" (Dumoulin & Visin), relationship 15."""
    axes, several = tuple(map(along, SPATIAL[rank])), rank > 1
    slides = [_slides(axis.name, axis is axes[0]) for axis in axes]
    weight = (FILTERS, C // GROUPS, *(axis.k for axis in axes))
    inside, filters, groups, bias = channels(bools=True)
    return Layer(
        name=f"conv{rank}d",
        torch=f"Conv{rank}d",
        summary="Slides learned filters over the input.",
        keys=(
            inside, filters, kernel(rank, least=0, convolves=True), stride(rank),
            padding(rank, least=None, words=("same", "valid"), tells_lists=several),
            dilation(rank, least=0, tells_lists=several), groups, bias, _MODE,
        ),
        positional=POSITIONAL,
        inputs=(TensorIn("input", batched_forms(rank), "what the filters slide over"),),
        outputs=image(when(sym("no_channels"), 0, FILTERS), axes),
        facts={"no_channels": eq_(C, 0)},
        rules=(
            *EAGER, *_NO_LISTS[rank - 1], SOME_FILTERS, _SOMETHING_TO_REPEAT,
            *(rule for rules, _ in slides for rule in rules),
        ),
        params=(Param("weight", weight), Param("bias", (FILTERS,), where=BIAS)),
        macs=size([ROWS, *weight, *(axis.out for axis in axes)]),
        window=tuple(window for _, window in slides),
        reach=Mixes((-1 - rank,)),
        kept=_kept(axes),
        lies="joined",
        default_input=DEFAULT_INPUT[rank],
        prose="Each output cell is the sum of one filter times the input cells under it. "
        "Kernel and dilation decide what a cell sees, stride and padding how many cells there are.",
        examples=(f"conv{rank}d k=5", f"conv{rank}d 8 3 s=2 p=1", f"conv{rank}d 8 3 p=same bias=false"),
        paper="https://arxiv.org/abs/1603.07285",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return tuple(map(conv, (1, 2, 3)))
