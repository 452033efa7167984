"""Rules on normalisation: what it takes back, what it repeats, and where there is nothing to normalise over."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from layercli.analysis.rows import Row
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.wiring import (
    BATCH_NORMS,
    CONVS,
    IDENTITY,
    INSTANCE_NORMS,
    TRANSPOSED,
    Wiring,
    fed,
    given,
    kind,
)

_CHANNELWISE = BATCH_NORMS | INSTANCE_NORMS
_SHAPELY = frozenset({"layernorm", "rmsnorm"})
_KEEPS = IDENTITY | {"flatten"}


def _channel(row: Row) -> int:
    """The axis whose entries a channelwise norm treats each by itself."""
    labels = row.bound.labels.get("input", ())
    return labels.index("C") if "C" in labels else -1


def _learns(norm: Row) -> bool:
    """Whether evaluation takes off what the data have, too: by figures that training moves, or by the batch's own."""
    momentum = norm.bound.args["momentum"]
    if not _tracks(norm):
        return True
    if momentum is None:  # the mean of all batches; an instance norm takes it for 0
        return kind(norm) in BATCH_NORMS
    return float(momentum) != 0


def _bias(net: Wiring) -> Iterator[Finding]:
    for row in net.of(CONVS | TRANSPOSED | {"linear"}):
        if not row.bound.args.get("bias") or row.shares is not None:
            continue
        norm = net.after(row)
        if norm is None or kind(norm) not in _CHANNELWISE or given(row).shape != fed(norm).shape or not _learns(norm):
            continue
        rank = len(given(row).shape)
        own = rank - 1 if kind(row) == "linear" else rank - 1 - int(row.bound.layer.name[-2])
        if _channel(norm) != own:
            continue
        message = f"its bias does nothing: {kind(norm)} takes off the mean of each channel, and the bias with it"
        yield Finding(row, message, f"write bias=false: {row.bound.sizes['out']:,} parameters fewer")


def _twice(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_CHANNELWISE):
        second = net.after(row)
        if second is None or kind(second) not in _CHANNELWISE or _channel(row) != _channel(second):
            continue
        if not (_learns(row) and _learns(second)):
            continue
        if not {kind(row), kind(second)} & INSTANCE_NORMS and _tracks(row) != _tracks(second):
            continue
        one = next((each for each in (row, second) if kind(each) in INSTANCE_NORMS), second)
        other = row if one is second else second
        named = " ".join([kind(one), *_weights(one, second)])
        message = f"each channel is normalised by {kind(row)} and then by {kind(second)}: one {named} does the same"
        alike = kind(one) == kind(other)
        fix = "leave one out" if alike else f"leave the {kind(other)} out"
        yield Finding(second, message, fix if named == kind(one) or alike else f"{fix}, and write {named}")


def _weights(norm: Row, other: Row) -> Iterator[str]:
    """The keys by which a norm gets the weights that the other has."""
    for key in ("affine", "bias") if other.bound.args["affine"] else ("affine",):
        if norm.bound.args[key] != other.bound.args[key]:
            yield f"{key}={str(other.bound.args[key]).lower()}"


def _tracks(norm: Row) -> bool:
    """Whether it evaluates by running figures."""
    return bool(norm.bound.args["track_running_stats"])


def _over(row: Row) -> int:
    """How many numbers it takes one mean over."""
    if kind(row) in _SHAPELY:
        return prod(row.bound.args["normalized_shape"])
    shape = fed(row).shape
    return int(prod(shape[1:]) // max(1, row.bound.sizes["g"]))


def _single(net: Wiring) -> Iterator[Finding]:
    for row in net.of((*_SHAPELY, "groupnorm")):
        if _over(row) != 1:
            continue
        if kind(row) == "rmsnorm":
            message = "it normalises over a single number, of which its sign is left"
        elif kind(row) == "groupnorm":
            message = f"each of its {row.bound.sizes['g']} groups is a single number, of which zero is left"
        else:
            message = "it normalises over a single number, of which zero is left"
        yield Finding(row, message, "normalise over more: fewer groups, or the axis of the features")


def _last_axis(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_SHAPELY):
        labels, shape = _labels(net, row), fed(row).shape
        if len(labels) != len(shape) or labels[-2:] not in (("H", "W"), ("C", "L")) or "C" not in labels:
            continue
        if len(row.bound.args["normalized_shape"]) == 1:
            message = f"it normalises along {labels[-1]} only, {shape[-1]} cells at a time, not over the channels"
            channels = shape[labels.index("C")]
            fix = f"permute the channels ({channels}) to the end before, or use groupnorm 1"
            yield Finding(row, message, fix)


def _labels(net: Wiring, row: Row) -> tuple[str, ...]:
    """What the axes of its input are called by the layer that gives it."""
    maker = net.before(row)
    return () if maker is None else given(maker).labels


def _dropped(net: Wiring) -> Iterator[Finding]:
    for row in net.of(BATCH_NORMS):
        before = net.before(row, _KEEPS)
        if before is None or kind(before) not in ("dropout", "dropout1d", "dropout2d", "dropout3d"):
            continue
        p = float(before.bound.args["p"])
        if not 0 < p < 1 or not row.bound.args.get("track_running_stats"):
            continue
        message = f"dropout p={p:g} before it makes the variance larger in training than in evaluation, "
        message += f"where its running figures are used: the mean square by {1 / (1 - p):.3g}"
        yield Finding(before, message, f"put dropout behind the {kind(row)}")


RULES = (
    Rule(
        "norm.bias",
        "a bias that the norm behind it takes off",
        "A convolution or linear layer with a bias is read by nothing but a batch or instance norm over its channels.",
        "The norm subtracts the mean of each channel, in which the bias is contained: its gradient is zero. In "
        "evaluation the running mean holds it, unless momentum=0 keeps that where it began. The norm has a bias of its "
        "own, or affine=true gives it one.",
        "Write bias=false.",
        "conv2d 8 3 | batchnorm2d | relu",
        "conv2d 8 3 bias=false | batchnorm2d | relu",
        "Ioffe & Szegedy 2015, Batch Normalization, section 3.2, arxiv.org/abs/1502.03167",
        check=_bias,
    ),
    Rule(
        "norm.twice",
        "two norms of each channel in a row",
        "A batch or instance norm is fed what another one gives, and nothing else reads that.",
        "The second takes off the mean and the scale of each channel, and with them the weights of the first, which "
        "are never trained to any effect. Of a batch and an instance norm the instance norm alone does the same, with "
        "affine=true where the second has weights.",
        "Leave one out.",
        "conv2d 8 3 bias=false | batchnorm2d | batchnorm2d",
        "conv2d 8 3 bias=false | batchnorm2d | relu | conv2d 8 3 bias=false | batchnorm2d",
        "Ioffe & Szegedy 2015, Batch Normalization, arxiv.org/abs/1502.03167",
        check=_twice,
    ),
    Rule(
        "norm.single",
        "a norm over a single number",
        "The norm's mean is over one number only.",
        "A number less itself is zero: the output is the norm's bias, whatever the input was. Of a batch or instance "
        "norm torch refuses it, of these it does not.",
        "Normalise over more: fewer groups, or the axis that holds the features.",
        "input 4,8,1,1 | groupnorm 8",
        "input 4,8,1,1 | groupnorm 2",
        "Wu & He 2018, Group Normalization, section 3, arxiv.org/abs/1803.08494",
        check=_single,
    ),
    Rule(
        "norm.last-axis",
        "a layer norm along the width",
        "A layer norm over one axis is fed a map as a convolution or a pool gives it: its last axis is the width.",
        "Each row of the map is normalised by itself and gets its own weights by place; the channels, which are "
        "meant, are not mixed. The size of the norm is read off the input here, so that torch does not refuse it.",
        "Permute the channels to the end and back, as ConvNeXt does, or use groupnorm 1.",
        "conv2d 8 3 p=1 | layernorm",
        "conv2d 8 3 p=1 | permute 0,2,3,1 | layernorm | permute 0,3,1,2",
        "Liu et al. 2022, A ConvNet for the 2020s, arxiv.org/abs/2201.03545; docs.pytorch.org LayerNorm",
        check=_last_axis,
    ),
    Rule(
        "dropout.before-norm",
        "dropout right before a batch norm",
        "A batch norm is fed what dropout gives.",
        "Dropout keeps the mean and raises the variance, in training only. The running variance is learned with it "
        "and used without it, so that evaluation sees other numbers than training did.",
        "Put dropout behind the last batch norm.",
        "input 8,32 | linear 64 bias=false | dropout | batchnorm1d",
        "input 8,32 | linear 64 bias=false | batchnorm1d | dropout",
        "Li et al. 2018, Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift, "
        "arxiv.org/abs/1801.05134",
        check=_dropped,
    ),
)
