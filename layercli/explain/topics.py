"""Topics that are about more than one layer, each worked out on examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import tensors
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.explain.arithmetic import arithmetic
from layercli.explain.diagram import Bar, Bars, Diagram, Nothing
from layercli.explain.essay import Essay, Part, Rows
from layercli.explain.pictures import picture
from layercli.explain.subject import Subject
from layercli.plan import Input, Tensor
from layercli.spec import format_spec, parse


class Topic(NamedTuple):
    """What it is about, in a line, and the function that works it out."""

    title: str
    parts: Callable[[], tuple[Part, ...]]
    more: tuple[str, ...] = ()


Shape = tuple[int, ...]


def topic(name: str) -> Essay:
    """The text of a topic of :data:`TOPICS`."""
    found = TOPICS[name]
    return Essay(f"{name}: {found.title}", found.parts(), found.more)


def _on(spec: str, *shapes: Shape) -> Analysis:
    """A spec on inputs of these shapes; what a topic shows has to be legal."""
    found = analyse_spec(parse(spec), [Input(Tensor(shape, "")) for shape in shapes], Options(planned=False))
    assert found.error is None, found.error
    return found


def _picture(spec: str, *shapes: Shape, at: Shape | None = None) -> Diagram:
    found = picture(Subject(_on(spec, *shapes).rows[0].bound, at))
    assert not isinstance(found, Nothing), found
    return found


def _shape(analysis: Analysis) -> str:
    return " ".join(",".join(map(str, flow.shape)) or "scalar" for flow in tensors(analysis.outputs))


def _macs_of(analysis: Analysis) -> int:
    """The multiply-adds of a design; what a topic shows has none that are unknown."""
    counts = [row.bound.macs for row in analysis.rows]
    assert None not in counts, analysis.source
    return sum(count for count in counts if count is not None)


def _compared(specs: Sequence[str], shape: Shape) -> Rows:
    """Designs on one input: what each gives and costs."""
    rows = []
    for spec in specs:
        found = _on(spec, shape)
        params = sum(row.bound.params for row in found.rows)
        macs = _macs_of(found)
        rows.append((spec, _shape(found), f"{params:,}", f"{macs:,}", receptive.describe(found.rows[-1].reach)))
    return Rows(("spec", "output", "parameters", "MACs", "receptive field"), tuple(rows), (2, 3))


def _by_row(spec: str, shape: Shape) -> Rows:
    """A chain row by row: output, receptive field."""
    found = _on(spec, shape)
    steps = [format_spec(parse(spec).chain._replace(steps=(step,))) for step in parse(spec).chain.steps]
    rows = tuple(
        (step, ",".join(map(str, next(tensors(row.bound.outputs)).shape)), receptive.describe(row.reach))
        for step, row in zip(steps, found.rows)
    )
    return Rows(("step", "output", "receptive field"), rows)


# --- the topics ------------------------------------------------------------------------------------------------------


def _convolution() -> tuple[Part, ...]:
    return (
        "A convolution lays a small kernel on the input, multiplies each number with the weight on it, adds the "
        "products up (and the bias), and goes on by the stride. With several input channels each has a kernel of its "
        "own, and the sums are added; with several filters there are as many outputs.",
        arithmetic(),
        "With padding the border is read too; with a stride of 2 every other position is left out.",
        arithmetic(s=2, p=1, at=(1, 1)),
        "What torch calls a convolution does not flip the kernel: in mathematics it is a cross-correlation.",
        _compared(("conv2d 1 3", "conv2d 1 3 p=1", "conv2d 1 3 s=2 p=1", "conv2d 16 3 p=1"), (1, 1, 5, 5)),
    )


def _receptive_field() -> tuple[Part, ...]:
    return (
        "The receptive field of an output cell is the stretch of the input that it can see. Each layer adds its "
        "kernel's reach times the product of the strides before it: r = 1 + sum of (k_eff - 1) * strides before, with "
        "k_eff = d*(k - 1) + 1. So strides and pools early in a net make every later layer see more.",
        _by_row("conv2d 8 3 p=1 | maxpool2d 2 | conv2d 8 3 p=1 | maxpool2d 2 | conv2d 8 3 p=1", (1, 3, 32, 32)),
        "Three 3x3 convolutions see what one of 7x7 sees, with fewer weights and two more non-linearities between.",
        _compared(
            (
                "conv2d 16 7 p=3", "conv2d 16 3 p=1 | relu | conv2d 16 3 p=1 | relu | conv2d 16 3 p=1",
                "conv2d 16 3 p=3 d=3",
            ),
            (1, 16, 32, 32),
        ),
        "What a cell really uses is less: gradients fall off from the centre like a bell. Over branches the largest "
        "path counts. Attention, a mean over all cells and linear layers behind a flatten see everything: global.",
    )  # fmt: skip


def _macs() -> tuple[Part, ...]:
    specs = ("conv2d 64 3 p=1", "conv2d 64 3 p=1 g=in", "conv2d 64 1", "conv2d 64 3 p=1 s=2", "batchnorm2d", "relu")
    costs = [(spec, _macs_of(_on(spec, (1, 64, 56, 56)))) for spec in specs]
    bars = tuple(Bar(spec, float(macs), f"{macs:,}") for spec, macs in costs)
    return (
        "A MAC is one multiply-add. A convolution does one for each weight of a filter at each output cell: "
        "N * C_out * (C_in/g) * k*k * H_out * W_out; a linear layer one for each weight and position. FLOPs count "
        "multiplication and addition apart: 2 * MACs. Papers that say \"4 GFLOPs\" of ResNet-50 mean 4.09 GMACs.",
        Diagram(Bars(bars, "MACs on 1,64,56,56")),
        "Counted are convolutions, linear and bilinear layers, the matrix products of attention, recurrent gates. Not "
        "counted are biases, normalisation, activations, pooling and look-ups: they cost memory traffic, not "
        "arithmetic, so that time on a device follows MACs only roughly.",
        "Halving the resolution divides the MACs of a convolution by four, halving both channel counts too; a "
        "depthwise convolution followed by 1x1 costs about 1/C_out + 1/(k*k) of the ordinary one.",
        _compared(("conv2d 128 3 p=1", "conv2d 64 3 p=1 g=in | conv2d 128 1"), (1, 64, 56, 56)),
    )  # fmt: skip


def _same_padding() -> tuple[Part, ...]:
    return (
        "A convolution of stride 1 keeps the size where the padding is half of what the kernel reaches over: "
        "2*p = d*(k - 1). For an odd kernel that is p = d*(k - 1)/2 on either side: k=3 p=1, k=5 p=2, k=3 d=2 p=2.",
        _picture("conv2d 1 3 p=1", (1, 1, 6, 6), at=(0, 0)),
        "p=same works that out. An even kernel needs an odd number of cells, of which torch puts the odd one at the "
        "far side; the output then lies half a cell off.",
        _picture("conv2d 1 4 p=same", (1, 1, 6, 6), at=(0, 0)),
        "With a stride there is no same in torch: it refuses it. TensorFlow pads so that the output is ceil(i/s), at "
        "the far side first: zeropad2d 0,1,0,1 before a convolution of k=3 s=2 does that on even sizes.",
        _compared(("conv2d 8 3 s=2 p=1", "zeropad2d 0,1,0,1 | conv2d 8 3 s=2"), (1, 3, 32, 32)),
    )


def _dilation() -> tuple[Part, ...]:
    return (
        "A dilated kernel leaves cells out between its taps: k taps reach over d*(k - 1) + 1 cells. It sees more with "
        "the same weights and MACs, and keeps the resolution, which pools and strides do not.",
        _picture("conv2d 1 3 d=2", (1, 1, 9, 9), at=(2, 2)),
        _compared(("conv2d 3 k=5 d=2", "conv2d 3 k=9", "conv2d 3 k=5"), (1, 3, 16, 16)),
        "Several layers with one dilation see a grid with holes (gridding): neighbours of an output cell are made of "
        "different cells. Rates without a common factor, such as 1, 2, 5, fill the holes.",
        _compared(
            ("conv2d 8 3 p=2 d=2 | conv2d 8 3 p=2 d=2", "conv2d 8 3 p=1 d=1 | conv2d 8 3 p=2 d=2 | conv2d 8 3 p=5 d=5"),
            (1, 8, 32, 32),
        ),
    )  # fmt: skip


def _transposed() -> tuple[Part, ...]:
    return (
        "A transposed convolution spreads each input cell over a kernel's width of the output and adds what overlaps: "
        "the shape of a convolution backwards, o = (i - 1)*s - 2*p + d*(k - 1) + 1 + op. It is not its inverse: the "
        "numbers do not come back.",
        _picture("convtranspose2d 1 3 s=2", (1, 1, 4, 4), at=(1, 1)),
        "Where the kernel is no multiple of the stride, cells get different numbers of taps: the checkerboard. k=4 s=2 "
        "p=1 doubles the size evenly; upsample scale=2 and a convolution of 3x3 has no overlap at all.",
        _compared(
            ("convtranspose2d 8 3 s=2 p=1 op=1", "convtranspose2d 8 4 s=2 p=1", "upsample scale=2 | conv2d 8 3 p=1"),
            (1, 8, 16, 16),
        ),
        "A stride merges several sizes into one on the way down: 7 and 8 both give 4 with k=3 s=2 p=1. output_padding "
        "says which of them is meant on the way up.",
        _compared(("convtranspose2d 8 3 s=2 p=1", "convtranspose2d 8 3 s=2 p=1 op=1"), (1, 8, 4, 4)),
    )  # fmt: skip


def _broadcasting() -> tuple[Part, ...]:
    return (
        "Two tensors are added element by element where their shapes agree from the last axis backwards: sizes are "
        "equal, or one of them is 1 and is stretched, or one has no such axis.",
        _picture("add", (3, 4), (1, 4)),
        "That is what a channel gate relies on: N,C,H,W times N,C,1,1. It is also how mistakes pass unseen: N,1 "
        "against N, as a loss's input and target, becomes N,N.",
        Rows(
            ("shapes", "together"),
            tuple(
                (" and ".join(",".join(map(str, shape)) for shape in shapes), _shape(_on("add", *shapes)))
                for shapes in (((2, 8, 4, 4), (2, 8, 1, 1)), ((8, 1), (8,)), ((5, 1, 3), (4, 3)))
            ),
        ),
    )


def _groups() -> tuple[Part, ...]:
    return (
        "With g groups the channels are parted: each filter reads C/g of them, so that weights and MACs are g times "
        "fewer. Both channel counts have to divide by g. g=in is depthwise: every channel has filters of its own.",
        _picture("conv2d 8 3 g=4 p=1", (1, 8, 6, 6)),
        _compared(
            ("conv2d 64 3 p=1", "conv2d 64 3 p=1 g=4", "conv2d 64 3 p=1 g=in", "conv2d 64 3 p=1 g=in | conv2d 64 1"),
            (1, 64, 28, 28),
        ),
        "Channels of different groups never meet in such a layer. A 1x1 convolution (MobileNet) or a shuffle "
        "(ShuffleNet) behind it mixes them.",
    )  # fmt: skip


def _ceil_mode() -> tuple[Part, ...]:
    return (
        "Where the stride does not divide what is left behind the first window, the last cells are dropped (floor). "
        "ceil_mode lets one more window hang over the end, unless it would begin in the padding behind the input: then "
        "torch drops it again, which plain ceil(...) in many tables misses.",
        _picture("maxpool1d 2", (1, 1, 7)),
        _picture("maxpool1d 2 ceil_mode=true", (1, 1, 7)),
        Rows(
            ("pool", "on a length of 10", "ceil_mode"),
            tuple(
                (spec, _shape(_on(spec, (1, 1, 10))), _shape(_on(f"{spec} ceil_mode=true", (1, 1, 10))))
                for spec in ("maxpool1d 3 s=2", "maxpool1d 2 s=3", "maxpool1d 1 s=2")
            ),
        ),
    )


def _normalisation() -> tuple[Part, ...]:
    return (
        "Norms take off a mean and divide by a deviation; they differ in which numbers share them. Batch norm: one "
        "channel over the whole batch. Instance norm: one channel of one sample. Layer norm: all features of one "
        "position or sample. Group norm: some channels of one sample, between the two.",
        _picture("batchnorm2d", (4, 6, 4, 4)),
        "Batch norm's figures hang on the other samples, and in eval mode running averages stand in their place; the "
        "others do the same in both modes, and take a batch of one.",
    )


def _memory() -> tuple[Part, ...]:
    return (
        "Training holds the weights, as many gradients, the optimizer's state (Adam: twice the weights), and what each "
        "layer keeps from forward for backward: mostly its input or its output. Inference needs the weights and, at "
        "its fullest moment, a few activations.",
        "What is kept grows with the batch and the square of the resolution, the rest does not. layercli run shows "
        "both lines; --columns saved shows each layer's part, --optimizer sgd leaves Adam's state out.",
        "Fewer bytes: in-place activations (what they overwrite must not be needed), half precision, checkpoints "
        "(recompute instead of keeping), smaller early maps: they are the largest.",
    )


def _batch_first() -> tuple[Part, ...]:
    rows = tuple(
        (spec, "5,3,16", _shape(_on(spec, (5, 3, 16))))
        for spec in ("lstm 20", "lstm 20 batch_first=true", "mha 4", "mha 4 batch_first=true")
    )
    return (
        "Recurrent layers and attention read (time, batch, features) by default. Fed (batch, time, features) they run "
        "without an error and mix the samples of the batch along what they take for time. batch_first=true exchanges "
        "the first two axes of input and output, but not of an LSTM's states.",
        Rows(("layer", "input", "outputs"), rows),
    )


TOPICS: dict[str, Topic] = {
    "convolution": Topic("worked out with numbers", _convolution, ("layercli explain conv2d k=3 -i 1,1,5,5",)),
    "receptive-field": Topic(
        "what an output cell can see", _receptive_field,
        ('layercli run "conv2d 8 3 | maxpool2d 2" --columns output,rf',),
    ),
    "macs": Topic("multiply-adds and FLOPs", _macs),
    "same-padding": Topic("keeping the size", _same_padding),
    "dilation": Topic(
        "taps with gaps", _dilation, ("layercli explain conv2d k=3 d=2", "layercli explain conv.gridding")
    ),
    "groups": Topic("filters that see some channels only", _groups),
    "transposed": Topic(
        "growing a map, and the checkerboard", _transposed, ("layercli explain convtranspose2d 8 3 s=2",)
    ),
    "ceil-mode": Topic("the last window of a pool", _ceil_mode),
    "normalisation": Topic("which numbers share a mean", _normalisation),
    "broadcasting": Topic("shapes that are stretched", _broadcasting),
    "batch-first": Topic("which axis is time", _batch_first),
    "memory": Topic("what training holds", _memory),
}  # fmt: skip
"""By the name that `layercli explain` takes."""
