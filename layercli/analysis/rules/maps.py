"""Rules on linear maps: two in a row that are one, a 1x1 convolution on the dear side of a resampling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

from layercli.analysis.rows import Row
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.sliding import Slide, slides, times, typed
from layercli.analysis.rules.wiring import (
    ADAPTIVE,
    AVERAGES,
    CONVS,
    ELEMENTWISE,
    INSTANCE_NORMS,
    POINTWISE,
    POOLS,
    TRANSPOSED,
    Wiring,
    fed,
    given,
    kind,
    ranks,
)
from layercli.plan import Ref

_SAMPLERS = frozenset({"upsample", "upsamplingnearest2d", "upsamplingbilinear2d"})
_SHARED = ranks("adaptiveavgpool")
_MOST_TAPS = 4096


def _linear_twice(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("linear",)):
        second = net.after(row)
        if second is None or kind(second) != "linear":
            continue
        wide, hidden = row.bound.sizes["F"], row.bound.sizes["out"]
        out = second.bound.sizes["out"]
        if hidden < min(wide, out):
            continue
        together, alone = hidden * (wide + out), wide * out
        message = f"nothing between them makes {wide} -> {hidden} -> {out} more than one linear map: "
        message += f"one linear of {wide} -> {out} does the same with {alone:,} weights, not {together:,}"
        yield Finding(second, message, "put an activation between, or leave one out")


def _conv_twice(net: Wiring) -> Iterator[Finding]:
    for row in net.of(CONVS):
        second = net.after(row)
        if second is None or kind(second) != kind(row) or row.bound.sizes["g"] > 1 or second.bound.sizes["g"] > 1:
            continue
        first_axes, axes = slides(row), slides(second)
        taps = [_taps(first, then) for first, then in zip(first_axes, axes)]
        if not taps or not all(taps):
            continue
        wide, hidden, out = row.bound.sizes["C"], row.bound.sizes["out"], second.bound.sizes["out"]
        kernels = prod(axis.k for axis in first_axes), prod(axis.k for axis in axes)
        together, alone = hidden * (wide * kernels[0] + out * kernels[1]), wide * out * prod(map(len, taps))
        both_wide = any(first.k > 1 and then.k > 1 for first, then in zip(first_axes, axes))
        if not both_wide and (hidden < min(wide, out) or alone > together):
            continue
        kernel = times([max(offsets) + 1 for offsets in taps])
        message = f"nothing between the two convolutions makes them more than one linear map, of kernel {kernel}"
        message += f": one with {alone:,} weights does it, not {together:,}" if alone <= together else ""
        yield Finding(second, message, "put an activation between, or leave one out")


def _taps(first: Slide, then: Slide) -> set[int]:
    """The offsets that the two read together; empty where there are too many."""
    if first.k * then.k > _MOST_TAPS:
        return set()
    return {first.d * inner + first.s * then.d * outer for inner, outer in product(range(first.k), range(then.k))}


def _order(net: Wiring) -> Iterator[Finding]:
    for row in net.of(CONVS):
        axes = slides(row)
        if not axes or any((axis.k, axis.s, axis.p) != (1, 1, 0) for axis in axes):
            continue
        before, behind = net.before(row), net.after(row)
        if before is not None and kind(before) in _SAMPLERS and net.after(before) is row:
            other, side, large, small = before, "before", given(before).shape, fed(before).shape
            alike = len(large) == len(axes) + 2  # an upsampling reads the first two axes as batch and channels
        elif behind is not None and _averages(behind):
            other, side, large, small = behind, "behind", fed(behind).shape, given(behind).shape
            alike = kind(behind)[-2:] == kind(row)[-2:]
        else:
            continue
        many, few = prod(large[-len(axes) :]), max(1, prod(small[-len(axes) :]))
        if alike and many // few > 1:
            words = f"{many // few} times fewer" if many % few == 0 else f"more than {many // few} times fewer"
            message = f"a 1x1 convolution gives the same {side} the {kind(other)}, with {words} multiply-adds"
            yield Finding(row, message, f"put it {side} the {kind(other)}")


def _averages(row: Row) -> bool:
    """Whether it averages whole windows only, so that a linear map of the channels may stand on either side."""
    args = row.bound.args
    whole = not any(args.get("padding", (0,))) and not args.get("ceil_mode") and args.get("divisor_override") is None
    return kind(row) in _SHARED or (kind(row) in AVERAGES and whole)


def _flat(net: Wiring) -> Iterator[Finding]:
    """A linear layer right behind a map: along its last axis."""
    for row in net.of(("linear",)):
        maker = net.before(row, POINTWISE)
        if maker is None or not (maker.bound.layer.window or kind(maker) in ADAPTIVE) or kind(maker) == "unfold":
            continue
        shape = fed(row).shape
        label = given(maker).labels[-1:]
        if len(shape) < 3 or shape != given(maker).shape or label not in (("W",), ("L",)):
            continue
        message = f"it works along the last axis, {label[0]}, of {typed(shape)}, once for all channels alike"
        yield Finding(row, message, "flatten before, if all of it is meant, or permute the channels to the end")


def _unbatched(net: Wiring) -> Iterator[Finding]:
    """A flatten from axis 1 on a map without a batch, and a linear layer behind."""
    for row in net.of(("flatten",)):
        shape, out = fed(row).shape, given(row).shape
        last = int(row.bound.args["end_dim"]) in (-1, len(shape) - 1)
        reader = net.after(row, POINTWISE)
        if row.bound.args["start_dim"] != 1 or not last or reader is None or kind(reader) != "linear":
            continue
        if fed(reader).shape != out or not _without_batch(net, net.before(row)):
            continue
        whole = _from_input(net, row)
        message = f"there is no batch axis in {typed(shape)}: flatten begins at axis 1 and gives {typed(out)}, "
        message += f"and linear works on each of the {shape[0]} channels by itself"
        fix = f"give -i {typed((1, *whole))}" if whole else "give the input a batch axis"
        yield Finding(row, message, f"{fix}, or write flatten 0")


def _without_batch(net: Wiring, row: Row | None) -> bool:
    """Whether this row gives a map without a batch: a convolution read its input so, or a pool the input of the whole.

    A pool behind something else says too little: of 8,3,100 that conv1d gives maxpool2d makes one image.
    """
    waiting, seen = [row], set()
    while waiting:
        row = waiting.pop()
        if row is None or row.number in seen or not _keeps_layout(row):
            continue
        seen.add(row.number)
        if kind(row) in _MAPS:
            if len(fed(row).shape) != int(kind(row)[-2]) + 1:
                continue
            if kind(row) in CONVS | TRANSPOSED or net.feed(row) == _INPUT:
                return True
        waiting += map(net.maker, net.feeds(row))
    return False


def _from_input(net: Wiring, row: Row) -> tuple[int, ...]:
    """The shape of the input of the whole that this row's comes from, where all between keep its layout."""
    while _INPUT not in net.feeds(row):
        before = net.before(row)
        if before is None or not _keeps_layout(before):
            return ()
        row = before
    return fed(row).shape


def _keeps_layout(row: Row) -> bool:
    """Whether its output has the axes of its input, each in its place."""
    alike = kind(row) in POINTWISE | _MAPS or (kind(row) in ELEMENTWISE and fed(row).shape == given(row).shape)
    return alike and len(fed(row).shape) == len(given(row).shape)


_INPUT = Ref(None, (0,))
_MAPS = CONVS | TRANSPOSED | POOLS | ADAPTIVE | INSTANCE_NORMS | ranks("fractionalmaxpool", "maxunpool")

RULES = (
    Rule(
        "linear.twice",
        "two linear layers with nothing between",
        "A linear layer is fed what another one gives, and nothing else reads that.",
        "The product of two matrices is a matrix: the pair can say nothing that one layer cannot, and costs more. "
        "Where the middle is narrower than both ends it is a factorisation, which is a design, and nothing is said.",
        "Put an activation between them, or leave one out.",
        "input 8,32 | linear 64 | linear 10",
        "input 8,32 | linear 64 | relu | linear 10",
        "Goodfellow et al. 2016, Deep Learning, section 6.1, deeplearningbook.org",
        check=_linear_twice,
    ),
    Rule(
        "conv.twice",
        "two convolutions with nothing between",
        "A convolution without groups is fed what another one gives, with neither an activation nor a norm between.",
        "Away from the border the pair is one convolution with a larger kernel. Pairs of which one is depthwise, "
        "whose kernels lie along different axes, or that save weights by a narrow middle are factorisations: nothing "
        "is said of them.",
        "Put an activation between them, or leave one out.",
        "conv2d 8 3 | conv2d 8 3",
        "conv2d 8 3 | relu | conv2d 8 3",
        "Simonyan & Zisserman 2014 (VGG), section 2.3, arxiv.org/abs/1409.1556",
        check=_conv_twice,
    ),
    Rule(
        "conv.order",
        "a 1x1 convolution where there are more cells than need be",
        "A 1x1 convolution stands behind an upsampling or before an average pooling. Both work on each channel by "
        "itself with weights that add up to one, so that the two may change places.",
        "On the smaller map the same numbers come out, apart from rounding, for a fraction of the multiply-adds.",
        "Exchange the two.",
        "conv2d 64 3 | upsample scale=2 | conv2d 8 1",
        "conv2d 64 3 | relu | conv2d 8 1 | upsample scale=2",
        "",
        check=_order,
    ),
    Rule(
        "linear.no-flatten",
        "a linear layer on a map",
        "A linear layer is fed a map as a convolution or a pool gives it, and works along its last axis: the width.",
        "Here the number of inputs is read off the input, so that what torch would refuse for a wrong in_features is "
        "accepted; most likely a flatten is missing.",
        "Flatten before it, or permute the channels to the end.",
        "conv2d 8 3 | relu | linear 10",
        "conv2d 8 3 | relu | flatten | linear 10",
        "docs.pytorch.org Linear: the last dimension of the input",
        check=_flat,
    ),
    Rule(
        "flatten.unbatched",
        "a flatten that keeps the channels apart",
        "The input is an image without a batch axis; flatten begins at axis 1, and a linear layer follows.",
        "Convolutions and pools take an image without a batch, flatten does not know of it: what it keeps for the "
        "batch is the channels, and the linear layer works on each of them by itself.",
        "Give the input a batch axis, or flatten from axis 0.",
        "input 3,32,32 | conv2d 8 3 | relu | flatten | linear 10",
        "input 1,3,32,32 | conv2d 8 3 | relu | flatten | linear 10",
        "docs.pytorch.org Flatten: start_dim is 1; Conv2d: (C, H, W) or (N, C, H, W)",
        check=_unbatched,
    ),
)
