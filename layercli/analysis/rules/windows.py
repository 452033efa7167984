"""Rules on sliding windows: cells of the input that nothing reads, weights that only ever meet padding."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import combinations
from math import prod
from operator import and_, or_
from typing import TypeAlias

from layercli.analysis.rows import Row
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.sliding import SLIDING, Slide, listed, slides, times
from layercli.analysis.rules.wiring import ADAPTIVE, CONVS, POOLS, Wiring, fed, given

_MOST_READERS = 8

# --- cells that nothing reads ----------------------------------------------------------------------------------------


Cells: TypeAlias = tuple[int, ...]
"""What is read along each axis, as bits: all combinations of these."""


def _unread(net: Wiring, names: frozenset[str]) -> Iterator[tuple[Row, list[Slide], list[Cells]]]:
    """Rows whose input has cells that neither they nor any other row reads, and what each of these rows reads."""
    for row in net.of(names):
        axes = slides(row)
        if all(axis.s == 1 for axis in axes) or not all(axis.short for axis in axes):
            continue
        readers = net.readers(row)
        beside = [slides(other) if other.bound.layer.window else [] for other in readers or [] if other is not row]
        if readers is None or not all(len(other) == len(axes) for other in beside):
            continue
        read = [tuple(axis.read() for axis in each) for each in (axes, *beside)]
        if any(cells != (1 << axis.size) - 1 for axis, cells in zip(axes, _along(read))):
            yield row, axes, read


def _along(read: list[Cells]) -> list[int]:
    """What is read along each axis by one or the other."""
    return [reduce(or_, cells) for cells in zip(*read)]


def _count(read: list[Cells]) -> int | None:
    """How many cells are read by one or the other; None where there are too many that differ to tell."""
    apart = list(dict.fromkeys(read))
    if len(apart) > _MOST_READERS:
        return None
    seen: int = sum(
        prod(reduce(and_, cells).bit_count() for cells in zip(*chosen)) * (1 if size % 2 else -1)
        for size in range(1, len(apart) + 1)
        for chosen in combinations(apart, size)
    )
    return seen


def _gaps(cells: int) -> bool:
    """Whether cells between the first and the last that are read are not."""
    span = cells.bit_length() - ((cells & -cells).bit_length() - 1)
    return cells == 0 or cells.bit_count() != span


def _border(net: Wiring, names: frozenset[str]) -> Iterator[tuple[Row, list[Slide], str]]:
    for row, axes, read in _unread(net, names):
        along = _along(read)
        ends = [(axis, axis.size - cells.bit_length()) for axis, cells in zip(axes, along) if axis.lost()]
        lost = [axis for axis, count in ends if count]
        if not lost or any(_gaps(cells) for cells in along):
            continue
        first, count = next(end for end in ends if end[1])
        if len({(*axis[1:], count) for axis, count in ends if count}) > 1:
            where = listed([f"{count} of {axis.size} along {axis.name}" for axis, count in ends if count])
            yield row, lost, f"no window reaches the last cells of its input: {where}"
            continue
        cells = "the last cell" if count == 1 else f"the last {count} cells"
        padded = f"{first.size} + {2 * first.p}" if first.p else str(first.size)
        beyond = f", of which {first.p} in the padding" if first.p else ""
        sum_ = f": ({padded} - {first.reach}) % {first.s} = {count + first.p}{beyond}" if count == first.lost() else ""
        where = listed([axis.name for axis in lost])
        yield row, lost, f"{cells} of {first.size} along {where} {_is(count)} never read{sum_}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _sizes(axis: Slide) -> str:
    """The nearest sizes that fit."""
    return f"{axis.size - axis.lost()} or {axis.size + axis.s - axis.lost() - axis.p}"


def _padding(axis: Slide) -> int:
    """The least padding with which everything is read."""
    return next(p for p in range(axis.p, axis.p + axis.s + 1) if (axis.size + 2 * p - axis.reach) % axis.s <= p)


def _conv_border(net: Wiring) -> Iterator[Finding]:
    for row, lost, message in _border(net, CONVS | {"unfold"}):
        same = len({(axis.size, axis.lost(), axis.s, axis.p) for axis in lost}) == 1
        fix = (
            f"use p={_padding(lost[0])}, or sizes that fit: {_sizes(lost[0])}" if same else "pad the input, or crop it"
        )
        yield Finding(row, message, fix)


def _pool_border(net: Wiring) -> Iterator[Finding]:
    for row, lost, message in _border(net, POOLS):
        yield Finding(row, message, f"use ceil_mode=true, or sizes that fit: {_sizes(lost[0])}")


def _skipped(net: Wiring) -> Iterator[Finding]:
    for row, axes, read in _unread(net, SLIDING):
        total, seen = prod(axis.size for axis in axes), _count(read)
        if seen is None or not any(map(_gaps, _along(read))):
            continue
        strides, kernels = times([axis.s for axis in axes]), times([axis.k for axis in axes])
        message = (
            f"{total - seen:,} of {total:,} cells of each channel are never read: stride {strides}, kernel {kernels}"
        )
        if any(axis.d > 1 for axis in axes):
            message += f", dilation {times([axis.d for axis in axes])}"
        yield Finding(row, message, f"use a kernel of at least {max(axis.s for axis in axes)}, or average before")


# --- padding ---------------------------------------------------------------------------------------------------------


def _zero_padded(net: Wiring) -> Iterator[tuple[Row, list[Slide]]]:
    for row in net.of(CONVS):
        axes = slides(row)
        if row.bound.args.get("padding_mode") == "zeros" and all(axis.short for axis in axes):
            yield row, axes


def _idle_taps(net: Wiring) -> Iterator[Finding]:
    for row, axes in _zero_padded(net):
        alive, taps = prod(axis.alive() for axis in axes), prod(axis.k for axis in axes)
        if not 0 < alive < taps:
            continue
        size, kernel = times([axis.size for axis in axes]), times([axis.k for axis in axes])
        dilated = f", dilation {times([axis.d for axis in axes])}" if any(axis.d > 1 for axis in axes) else ""
        message = f"{taps - alive} of the {taps} weights of each filter plane only ever meet padding: "
        message += f"the input is {size}, the kernel {kernel}{dilated}"
        fit = times([axis.alive() for axis in axes])
        yield Finding(
            row, message, f"a kernel of {fit} without padding does the same on this input, or feed larger ones"
        )


def _only_padding(net: Wiring) -> Iterator[Finding]:
    for row, axes in _zero_padded(net):
        idle = [axis for axis in axes if axis.outside()]
        if not idle:
            continue
        where = listed([f"{axis.outside()} of {axis.out} along {axis.name}" for axis in idle])
        least = min(axis.reach for axis in idle)
        keeps = f", p={(least - 1) // 2} keeps the size" if least % 2 and all(axis.s == 1 for axis in idle) else ""
        message = f"output cells that see padding only, and hold nothing but the bias: {where}"
        yield Finding(row, message, f"use a padding of at most {least - 1}{keeps}" if least > 1 else "use p=0")


def _even_same(net: Wiring) -> Iterator[Finding]:
    for row in net.of(CONVS):
        odd = [axis for axis in slides(row) if axis.reach % 2 == 0]
        if row.bound.args.get("padding") != "same" or not odd:
            continue
        near, far = (odd[0].reach - 1) // 2, odd[0].reach // 2
        where = listed([axis.name for axis in odd])
        message = f"same pads {near} before and {far} after along {where}: the output lies half a cell off the input"
        yield Finding(row, message, "use an odd kernel, or pad by hand")


# --- sizes that grow or shrink unasked -------------------------------------------------------------------------------


def _repeats(net: Wiring) -> Iterator[Finding]:
    for row in net.of(ADAPTIVE):
        before, after = fed(row).shape, given(row).shape
        if any(out > size for size, out in zip(before, after)):
            rank = int(row.bound.layer.name[-2])
            sizes, wished = times(list(before[-rank:])), times(list(after[-rank:]))
            message = f"makes {wished} cells out of {sizes}: it repeats some, and adds nothing"
            yield Finding(row, message, f"ask for at most {sizes}, or feed a larger input")


def _shrinks(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("upsample", "upsamplingnearest2d", "upsamplingbilinear2d")):
        before, after = fed(row).shape, given(row).shape
        sized = row.bound.args.get("size") is not None
        if sized and any(map(int.__lt__, after, before)) and not any(map(int.__gt__, after, before)):
            message = f"{times(list(before[2:]))} becomes {times(list(after[2:]))}: "
            message += "the value is a size, not a factor"
            yield Finding(row, message, f"write scale={after[2]} for a factor")


_GUIDE = "Dumoulin & Visin 2016, A guide to convolution arithmetic, arxiv.org/abs/1603.07285"
_TRICKS = "He et al. 2018, Bag of Tricks for Image Classification (ResNet-B and -D), arxiv.org/abs/1812.01187"

RULES = (
    Rule(
        "conv.border",
        "the last cells of the input are never read",
        "The stride does not divide what is left of the padded input behind the first window, and more is left over "
        "than the padding holds. The last window ends before the image does.",
        "Those pixels have no influence on the output, and the output lies off the centre of the image. A cell "
        "counts as read where any other layer reads it, as in a block with a shortcut.",
        "Pad by one more, or choose input sizes that fit.",
        "input 1,3,225,225 | conv2d 8 2 s=2",
        "input 1,3,224,224 | conv2d 8 2 s=2",
        f"{_GUIDE}, relationship 5",
        check=_conv_border,
    ),
    Rule(
        "pool.border",
        "the last cells of the input are never pooled",
        "The stride does not divide what is left of the padded input behind the first window: the floor drops the "
        "window that would hang over the end.",
        "What stands in those cells has no influence on the output, and with each such pool the map drifts off the "
        "centre of the image.",
        "Let the last window hang over with ceil_mode=true, or choose input sizes that fit.",
        "input 1,8,15,15 | maxpool2d 2",
        "input 1,8,15,15 | maxpool2d 2 ceil_mode=true",
        f"{_GUIDE}, relationship 5; docs.pytorch.org MaxPool2d, ceil_mode",
        check=_pool_border,
    ),
    Rule(
        "window.skipped",
        "the stride steps over cells that nothing reads",
        "The stride is larger than the kernel, or shares a factor with the dilation, so that cells between the "
        "windows are never read by this layer, nor by another one that is fed the same.",
        "What was computed for those cells is thrown away. A 1x1 convolution of stride 2 drops three quarters of its "
        "input; where the other branch of a block reads the rest nothing is said.",
        "Use a kernel at least as large as the stride, or an average pooling of that stride before.",
        "conv2d 8 1 s=2",
        "add(conv2d 8 1 s=2 ; conv2d 8 3 s=2 p=1)",
        _TRICKS,
        check=_skipped,
    ),
    Rule(
        "conv.idle-taps",
        "weights that only ever meet padding",
        "On an input as small as this some taps of the kernel never lie on the input, wherever the kernel stands.",
        "Those weights are multiplied by zero: they cost memory and time and are never trained. In a net for large "
        "images that is fed small ones it is the sign of too many strides; in a dilated one of a rate that is too "
        "large: the kernel degenerates to 1x1.",
        "Use a smaller kernel or dilation, fewer strides before, or a larger input.",
        "input 1,64,1,1 | conv2d 64 3 p=1",
        "input 1,64,2,2 | conv2d 64 3 p=1",
        "Chen et al. 2017, Rethinking Atrous Convolution, section 3.3, arxiv.org/abs/1706.05587",
        check=_idle_taps,
    ),
    Rule(
        "conv.padding-only",
        "output cells that see nothing but padding",
        "The padding is as large as the kernel's reach, so that the outermost windows lie in the padding as a whole.",
        "These cells hold the bias whatever the input is, and every later layer reads a frame that says nothing.",
        "Use a padding smaller than the kernel's reach; a 1x1 kernel needs none.",
        "conv2d 8 1 p=1",
        "conv2d 8 3 p=1",
        _GUIDE,
        check=_only_padding,
    ),
    Rule(
        "conv.even-same",
        "padding=same with an even kernel",
        "What an even kernel needs cannot be halved: torch pads one cell more at the far end.",
        "The output lies half a cell off the input; a few such layers move it by whole cells, which residual "
        "connections and dense predictions feel. torch also copies the input to pad it.",
        "Use an odd kernel.",
        "conv2d 8 4 p=same",
        "conv2d 8 5 p=same",
        "docs.pytorch.org Conv2d; Wu et al. 2019, Convolution with even-sized kernels, arxiv.org/abs/1903.08385",
        check=_even_same,
    ),
    Rule(
        "pool.repeats",
        "adaptive pooling to more cells than there are",
        "The output has more cells than the input along some axis, so that windows share cells, and some are copies.",
        "A linear layer behind it pays weights for copies. It comes of feeding a net that was made for large images "
        "small ones.",
        "Ask for no more cells than there are, or feed a larger input.",
        "input 1,8,4,4 | adaptiveavgpool2d 7",
        "input 1,8,7,7 | adaptiveavgpool2d 7",
        "docs.pytorch.org AdaptiveAvgPool2d",
        check=_repeats,
    ),
    Rule(
        "upsample.shrinks",
        "upsampling to a smaller size",
        "The size that is asked for is smaller than the input's.",
        "torch's first argument is the size of the output, not the factor: Upsample(2) makes a map of 2x2.",
        "Write scale=2 for a factor of two.",
        "input 1,8,16,16 | upsample 2",
        "input 1,8,16,16 | upsample scale=2",
        "docs.pytorch.org Upsample",
        check=_shrinks,
    ),
)
