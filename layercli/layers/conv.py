"""Convolutions and transposed convolutions of one, two and three spatial axes."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    concat,
    dims,
    eq_,
    ge_,
    gt_,
    is_,
    le_,
    lt_,
    max_,
    not_,
    num,
    or_,
    size,
    sym,
    when,
)
from layercli.layers.definition import Form, Key, Layer, Let, Need, Out, Param, TensorIn, ValueIn, Window
from layercli.layers.kinds import Int, Sizes, Word
from layercli.layers.vocabulary import (
    BATCH,
    BATCHED,
    DEFAULT_INPUT,
    SPATIAL,
    C,
    N,
    batched_forms,
    dilation,
    flag,
    integer,
    kernel,
    padding,
    per_axis,
    spatial,
    stride,
    word,
)

_out, _in, _g = sym("out", "number of filters"), sym("in_channels"), sym("g", "number of groups")
_bias = sym("bias")
_padding, _mode = sym("padding"), sym("padding_mode")
_LISTED = sym("padding_listed", "whether the padding is a list of one for several axes")
_WORDED = or_(is_(_padding, "same"), is_(_padding, "valid"))
_EMPTY = sym("no_channels", "whether the input has no channels")


def _channels(transposed: bool) -> tuple[Key, Key, Key]:
    return (
        integer(
            "in_channels", "in_channels", "channels of the input", kind=Int(least=0, bools=not transposed), aliases=("in",),
            infer=C,
        ),
        integer(
            "out_channels", "out", "number of filters", kind=Int(least=0, bools=False), aliases=("o", "out"), infer=C,
            effect="the output has this many channels",
        ),
        integer(
            "groups", "g", "number of groups that channels are split into", kind=Int(least=1, bools=False),
            default=1, aliases=("g",),
            effect="each filter sees C/g channels: g times fewer weights and MACs",
        ),
    )  # fmt: skip


def _divides(key: str, channels: Expr, what: str) -> Need:
    return Need(
        eq_(channels % _g, 0),
        f"groups={{g}} does not divide the {{n}} {what} channels",
        f"use groups that divide {{n}}, or {key} that groups={{g}} divides, such as {{next}}",
        "groups",
        values={"n": channels, "next": (channels // _g + 1) * _g},
    )


_CHANNELS_AGREE = Need(
    eq_(C, _in),
    "in_channels is {in_channels}, but the input has {C} channels",
    "use in={C}, or leave in_channels out",
    "in_channels",
)
_SOME_FILTERS = Need(
    ge_(_out, _g), "out_channels is {out}: each of the {g} groups needs a filter", "use out={g} or more", "out_channels"
)


_ROWS = when(BATCHED, N, 1)


def _nonempty(axes: tuple[str, ...], sizes: tuple[Expr, ...], unless: Expr, where: Expr | None = None) -> list[Need]:
    return [
        Need(or_(ge_(i, 1), unless), f"the input is empty along {a}", f"give {a} a size of at least 1", where=where)
        for a, i in zip(axes, sizes)
    ]


def conv(rank: int) -> Layer:
    """Cross-correlation with learned filters: "A guide to convolution arithmetic" (Dumoulin & Visin), relationship 15."""
    axes = SPATIAL[rank]
    image = spatial(rank)
    k, s = per_axis("k", rank, "kernel size"), per_axis("s", rank, "stride")
    p, d = per_axis("p", rank, "padding on each side"), per_axis("d", rank, "dilation")
    outs = tuple(sym(f"{a}_out", f"size of the output along {a}") for a in axes)
    in_channels, out_channels, groups = _channels(transposed=False)
    same, valid, sized = is_(_padding, "same"), is_(_padding, "valid"), not_(_WORDED)
    rules: list[Need | Let] = [_divides("in_channels", _in, "input"), _divides("out_channels", _out, "output")]
    rules += [
        Need(
            eq_(stride_, 1), f"padding=same needs a stride of 1, not {{s_{a}}}",
            "use s=1, or a padding in numbers", "stride", where=same,
        )
        for a, stride_ in zip(axes, s)
    ]  # fmt: skip
    rules += [
        Need(
            is_(_mode, "zeros"), "padding_mode={padding_mode} needs one padding per axis, not a list of one",
            f"write the padding without brackets, or {rank} of them", "padding", where=_LISTED if rank > 1 else num(False), code="torch.padding",
        ),
        _CHANNELS_AGREE, _SOME_FILTERS,
        Need(
            ge_(C, 1), "padding_mode={padding_mode} takes no input without channels", "use padding_mode=zeros",
            "padding_mode", where=or_(is_(_mode, "reflect"), is_(_mode, "replicate")),
        ),
        *_nonempty(axes, image, num(False), where=same),
        *_nonempty(axes, image, or_(eq_(_ROWS, 0), eq_(C, 0)), where=not_(same)),
    ]  # fmt: skip
    for a, i, k_, s_, p_, d_, o_ in zip(axes, image, k, s, p, d, outs):
        spread = d_ * (k_ - 1)
        far = when(same, spread - spread // 2, p_)  # what "same" cannot halve goes to the far side
        rules += [
            Need(
                ge_(p_, 0), f"padding {{p_{a}}} is negative", "use 0 or more, or crop before", "padding",
                where=and_(sized, is_(_mode, "zeros")), code="torch.range",
            ),
            Need(
                lt_(far, i),
                f"padding {{far}} cannot be reflected from an input of {{{a}}} along {a}",
                "use a padding of at most {most}, or padding_mode=zeros",
                "padding",
                where=and_(not_(valid), is_(_mode, "reflect")),
                values={"far": far, "most": i - 1},
            ),
            Need(
                le_(far, i),
                f"padding {{far}} wraps around an input of {{{a}}} along {a} more than once",
                "use a padding of at most {most}, or padding_mode=zeros",
                "padding",
                where=and_(not_(valid), is_(_mode, "circular")),
                values={"far": far, "most": i},
            ),
            Need(
                ge_(i + when(sized, 2 * p_), d_ * (k_ - 1) + 1),
                f"kernel_size {{k_{a}}} spans {{span}} cells along {a}, but the padded input has {{padded}}",
                "use a kernel_size of at most {most}, or a padding of at least {least}", "kernel_size",
                where=not_(same),
                values={
                    "span": d_ * (k_ - 1) + 1, "padded": i + when(sized, 2 * p_),
                    "most": (i + when(sized, 2 * p_) - 1) // d_ + 1, "least": (d_ * (k_ - 1) + 2 - i) // 2,
                },
            ),
            Let(o_, when(same, i, (i + when(sized, 2 * p_) - d_ * (k_ - 1) - 1) // s_ + 1)),
        ]  # fmt: skip
    shape = concat(BATCH, dims(C=when(_EMPTY, 0, _out)), dims(**dict(zip(axes, outs))))
    return Layer(
        name=f"conv{rank}d",
        torch=f"Conv{rank}d",
        summary="Slides learned filters over the input.",
        keys=(
            in_channels, out_channels, kernel(rank, convolves=True), stride(rank),
            padding(rank, least=None, words=("same", "valid"), tells_lists=rank > 1), dilation(rank), groups,
            flag("bias", True, "whether each filter adds a learned constant"),
            word("padding_mode", "zeros", "reflect", "replicate", "circular", default="zeros", meaning="what the padding holds"),
        ),
        positional=("out_channels", "kernel_size", "stride", "padding"),
        inputs=(TensorIn("input", batched_forms(rank), "what the filters slide over"),),
        outputs=(Out("output", shape),),
        facts={"no_channels": eq_(C, 0)},
        rules=tuple(rules),
        params=(Param("weight", (_out, C // _g, *k)), Param("bias", (_out,), where=_bias)),
        macs=size([_ROWS, _out, C // _g, *k, *outs]),
        window=tuple(
            Window(k_, s_, when(same, d_ * (k_ - 1) // 2, when(valid, 0, p_)), d_) for k_, s_, p_, d_ in zip(k, s, p, d)
        ),
        default_input=DEFAULT_INPUT[rank],
        prose="Each output cell is the sum of one filter times the input cells under it. "
        "Kernel and dilation decide what a cell sees, stride and padding how many cells there are.",
        examples=(f"conv{rank}d k=5", f"conv{rank}d 8 3 s=2 p=1", f"conv{rank}d 8 3 p=same bias=false"),
        paper="https://arxiv.org/abs/1603.07285",
    )  # fmt: skip


def convtranspose(rank: int) -> Layer:
    """The gradient of a convolution as a layer: "A guide to convolution arithmetic", relationship 14."""
    axes = SPATIAL[rank]
    image = spatial(rank)
    k, s = per_axis("k", rank, "kernel size"), per_axis("s", rank, "stride")
    p, d = per_axis("p", rank, "padding taken off each side"), per_axis("d", rank, "dilation")
    extra = per_axis("op", rank, "cells added to the far side")
    wanted = per_axis("want", rank, "size asked for")
    outs = tuple(sym(f"{a}_out", f"size of the output along {a}") for a in axes)
    in_channels, out_channels, groups = _channels(transposed=True)
    asked = sym("output_size_given", "whether the call asks for an output size")
    rules: list[Need | Let] = [
        _divides("in_channels", _in, "input"),
        _divides("out_channels", _out, "output"),
        _CHANNELS_AGREE,
        Need(ge_(C, _g), "the input has {C} channels: each of the {g} groups needs one", "give it {g} or more"),
        _SOME_FILTERS,
        *_nonempty(axes, image, eq_(_ROWS, 0)),
    ]
    if rank > 1:
        rules += [
            Need(
                num(False), f"with an output_size, {key} needs one number per axis, not a list of one",
                f"write {key} without brackets", key, where=and_(asked, sym(f"{key}_listed")), code="torch.list",
            )
            for key in ("stride", "padding", "dilation")
        ]  # fmt: skip
    for a, i, k_, s_, p_, d_, op_, want_, o_ in zip(axes, image, k, s, p, d, extra, wanted, outs):
        smallest = (i - 1) * s_ - 2 * p_ + d_ * (k_ - 1) + 1
        rules += [
            Need(
                and_(le_(smallest, want_), lt_(want_, smallest + s_)),
                f"output_size {{want_{a}}} along {a} cannot be had: it lies between {{low}} and {{high}}",
                "ask for {low} to {high}", "output_size", where=asked,
                values={"low": smallest, "high": smallest + s_ - 1},
            ),
            Need(
                or_(or_(lt_(op_, s_), lt_(op_, d_)), eq_(_ROWS, 0)),
                f"output_padding {{op_{a}}} must be smaller than the stride {{s_{a}}} or the dilation {{d_{a}}} along {a}",
                "use an output_padding of at most {most}", "output_padding", where=not_(asked),
                values={"most": max_(s_, d_) - 1},
            ),
            Let(o_, when(asked, want_, smallest + op_)),
            Need(
                or_(gt_(o_, 0), and_(eq_(o_, 0), eq_(_ROWS, 0))), f"the output would have {{{a}_out}} cells along {a}",
                "use a padding of at most {most}, or a larger kernel_size", "padding",
                values={"most": ((i - 1) * s_ + d_ * (k_ - 1) + op_) // 2},
            ),
        ]  # fmt: skip
    shape = concat(BATCH, dims(C=_out), dims(**dict(zip(axes, outs))))
    return Layer(
        name=f"convtranspose{rank}d",
        torch=f"ConvTranspose{rank}d",
        summary="Spreads each input cell over a kernel: the way back from a convolution's shape.",
        keys=(
            in_channels, out_channels, kernel(rank, convolves=True), stride(rank, tells_lists=rank > 1),
            padding(rank, tells_lists=rank > 1),
            Key(
                "output_padding", Sizes(rank, least=0), 0, ("op",), extra,
                meaning="cells added to the far side of each axis",
                effect="each unit adds one cell; it settles which of the sizes that a stride merges is meant",
            ),
            groups, flag("bias", True, "whether each filter adds a learned constant"),
            dilation(rank, tells_lists=rank > 1),
            Key("padding_mode", Word("zeros"), "zeros", meaning="what the padding holds: zeros only"),
        ),
        positional=("out_channels", "kernel_size", "stride", "padding"),
        inputs=(
            TensorIn("input", batched_forms(rank), "what is spread"),
            ValueIn(
                "output_size",
                (
                    Form(" ".join(str(w.name) for w in wanted)),
                    Form("want_N want_C " + " ".join(w.name for w in wanted), where=BATCHED),
                    Form("want_C " + " ".join(w.name for w in wanted), where=not_(BATCHED)),
                ),
                "the size asked for, where a stride leaves a choice",
            ),
        ),
        outputs=(Out("output", shape),),
        rules=tuple(rules),
        params=(Param("weight", (C, _out // _g, *k)), Param("bias", (_out,), where=_bias)),
        macs=size([_ROWS, C, *image, _out // _g, *k]),
        window_unknown="the rule for transposed convolutions is not worked out yet",
        default_input=DEFAULT_INPUT[rank],
        prose="Every input cell adds its value times the kernel to a patch of the output. "
        "Where the kernel is not a multiple of the stride, patches overlap unevenly: the checkerboard.",
        examples=(f"convtranspose{rank}d k=5", f"convtranspose{rank}d 8 4 s=2 p=1", f"convtranspose{rank}d k=3 s=2 op=1"),
        paper="https://distill.pub/2016/deconv-checkerboard/",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return tuple(make(rank) for make in (conv, convtranspose) for rank in (1, 2, 3))
