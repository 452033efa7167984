"""Transposed convolutions of one, two and three spatial axes."""

from __future__ import annotations

from functools import cache

from layercli.formula import and_, eq_, ge_, gt_, le_, lt_, max_, not_, num, or_, size, sym, when
from layercli.layers.conv import BIAS, EAGER, FILTERS, GROUPS, POSITIONAL, SOME_FILTERS, along, channels, image, listed
from layercli.layers.definition import Form, Key, Layer, Let, Need, Param, TensorIn, ValueIn
from layercli.layers.kept import INPUT
from layercli.layers.kinds import Sizes, Word
from layercli.layers.reach import Spread, Spreads
from layercli.layers.vocabulary import (
    BATCHED,
    DEFAULT_INPUT,
    ROWS,
    SPATIAL,
    C,
    batched_forms,
    dilation,
    kernel,
    padding,
    per_axis,
    stride,
)

FAMILY = "convolution"

_ASKED = sym("output_size_given", "whether the call asks for an output size")
_ONLY_ZEROS = Key(
    "padding_mode", Word("zeros"), "zeros", meaning="what the padding holds: zeros only",
    effect="none: there is no other mode",
)  # fmt: skip


def _no_list(key: str) -> Need:
    return Need(
        num(False), f"with an output_size, {key} needs one number per axis, not a list of one",
        f"write {key} without brackets", key, where=and_(_ASKED, listed(key)), code="torch.list",
    )  # fmt: skip


_SOME_CHANNELS = Need(
    ge_(C, GROUPS), "the input has {C} channels: each of the {g} groups needs one", "give it {g} or more"
)
_NO_LISTS = tuple(map(_no_list, ("stride", "padding", "dilation")))


@cache
def _spreads(name: str) -> tuple[Need | Let, ...]:
    """A transposed convolution along one axis: what must hold, and its output."""
    _, i, k, s, _, d, out = along(name)
    p = sym(f"p_{name}", f"padding taken off each side along {name}")
    extra = sym(f"op_{name}", f"cells added to the far side along {name}")
    wanted = sym(f"want_{name}", f"size asked for along {name}")
    smallest = (i - 1) * s - 2 * p + d * (k - 1) + 1
    return (
        Need(or_(ge_(i, 1), eq_(ROWS, 0)), f"the input is empty along {name}", f"give {name} a size of at least 1"),
        Need(
            and_(le_(smallest, wanted), lt_(wanted, smallest + s)),
            f"output_size {{want_{name}}} along {name} cannot be had: it lies between {{low}} and {{high}}",
            "ask for {low} to {high}", "output_size", where=_ASKED,
            values={"low": smallest, "high": smallest + s - 1},
        ),
        Need(
            ge_(extra, 0), f"output_padding {{op_{name}}} is negative", "use 0 or more", "output_padding",
            where=not_(_ASKED), code="torch.range",
        ),
        Need(
            or_(or_(lt_(extra, s), lt_(extra, d)), eq_(ROWS, 0)),
            f"output_padding {{op_{name}}} must be smaller than the stride {{s_{name}}} or the dilation {{d_{name}}} "
            f"along {name}", "use an output_padding of at most {most}", "output_padding", where=not_(_ASKED),
            values={"most": max_(s, d) - 1},
        ),
        Let(out, when(_ASKED, wanted, smallest + extra)),
        Need(
            or_(gt_(out, 0), and_(eq_(out, 0), eq_(ROWS, 0))), f"the output would have {{{name}_out}} cells along {name}",
            "use a padding of at most {most}, or a larger kernel_size", "padding",
            values={"most": ((i - 1) * s + d * (k - 1) + extra) // 2}, code="shape.empty-output",
        ),
    )  # fmt: skip


def _output_size(rank: int) -> ValueIn:
    """What the call may ask for: the sizes along the axes, or the whole shape."""
    sizes = " ".join(f"want_{name}" for name in SPATIAL[rank])
    forms = (Form(sizes), Form(f"want_N want_C {sizes}", where=BATCHED), Form(f"want_C {sizes}", where=not_(BATCHED)))
    return ValueIn("output_size", forms, "the size asked for, where a stride leaves a choice")


def convtranspose(rank: int) -> Layer:
    """The gradient of a convolution as a layer: "A guide to convolution arithmetic", relationship 14."""
    axes, several = tuple(map(along, SPATIAL[rank])), rank > 1
    weight = (C, FILTERS // GROUPS, *(axis.k for axis in axes))
    inside, filters, groups, bias = channels(bools=False)
    output_padding = Key(
        "output_padding", Sizes(rank), 0, ("op",), per_axis("op", rank, "cells added to the far side"),
        meaning="cells added to the far side of each axis",
        effect="each unit adds one cell; it settles which of the sizes that a stride merges is meant",
    )  # fmt: skip
    return Layer(
        name=f"convtranspose{rank}d",
        torch=f"ConvTranspose{rank}d",
        summary="Spreads each input cell over a kernel: the way back from a convolution's shape.",
        keys=(
            inside, filters,
            kernel(rank, convolves=True)._replace(effect="a larger kernel spreads each cell further: the output grows"),
            stride(rank, tells_lists=several)._replace(effect="a stride of s multiplies the size of the output by s"),
            padding(rank, tells_lists=several)._replace(
                meaning="cells taken off both sides of each axis", effect="each unit of padding takes two cells off the output",
            ), output_padding, groups, bias, dilation(rank, tells_lists=several),
            _ONLY_ZEROS,
        ),
        positional=POSITIONAL,
        inputs=(TensorIn("input", batched_forms(rank), "what is spread"), _output_size(rank)),
        outputs=image(FILTERS, axes),
        rules=(
            *EAGER, _SOME_CHANNELS, SOME_FILTERS, *(_NO_LISTS if several else ()),
            *(rule for name in SPATIAL[rank] for rule in _spreads(name)),
        ),
        params=(Param("weight", weight), Param("bias", (FILTERS,), where=BIAS)),
        macs=size([ROWS, C, *(axis.size for axis in axes), *weight[1:]]),
        reach=Spreads(tuple(Spread(axis.k, axis.s, axis.p, axis.d) for axis in axes), mixes=True),
        kept=INPUT,
        storage=size([ROWS, C, *(axis.size for axis in axes)]) if rank == 3 else None,
        lies="joined",
        default_input=DEFAULT_INPUT[rank],
        prose="Every input cell adds its value times the kernel to a patch of the output. "
        "Where the kernel is not a multiple of the stride, patches overlap unevenly: the checkerboard.",
        examples=(f"convtranspose{rank}d k=5", f"convtranspose{rank}d 8 4 s=2 p=1", f"convtranspose{rank}d k=3 s=2 op=1"),
        paper="https://distill.pub/2016/deconv-checkerboard/",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return tuple(map(convtranspose, (1, 2, 3)))
