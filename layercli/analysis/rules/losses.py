"""Rules on what a loss is fed: raw scores, probabilities or their logarithms, and shapes that broadcast."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from layercli.analysis.flow import Flow
from layercli.analysis.rules.activations import axis_of, share
from layercli.analysis.rules.ranges import range_of
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.wiring import ALPHA_DROPOUTS, DROPOUTS, Wiring, fed, kind

_PAIRED = ("mseloss", "l1loss", "smoothl1loss", "huberloss")
_SIGMOID_INSIDE = ("bcewithlogitsloss", "multilabelsoftmarginloss")
_LOGARITHMS = {"nllloss": "input", "nllloss2d": "input", "kldivloss": "input", "ctcloss": "log_probs"}


def _classes(shape: tuple[int, ...]) -> int:
    return shape[1] if len(shape) > 1 else shape[0] if shape else 0


def _softmax_twice(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("crossentropyloss",)):
        maker, found = net.before(row), range_of(net, net.feed(row, "input"))
        classes = _classes(fed(row).shape)
        if maker is None or found is None or classes < 2:
            continue
        if kind(maker) == "logsoftmax":
            if axis_of(maker) != min(1, len(fed(row).shape) - 1):
                continue
            message = "crossentropyloss takes the logsoftmax itself: this one changes nothing"
            yield Finding(maker, message, "leave it out, or use nllloss")
        elif found.width <= 1:
            most = share(found.width, classes)
            message = f"crossentropyloss takes raw scores and applies softmax itself: between {found.low:g} and "
            message += f"{found.high:g}, as {kind(maker)} gives them, "
            message += f"the right one of {classes} classes gets {most:.0%} at most"
            yield Finding(maker, message, f"leave {kind(maker)} out")


def _sigmoid_twice(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_SIGMOID_INSIDE):
        maker, found = net.before(row), range_of(net, net.feed(row, "input"))
        if maker is None or found is None:
            continue
        bound = "below a half" if found.low >= 0 else "above a half" if found.high <= 0 else ""
        if bound:
            message = f"{kind(row)} applies sigmoid itself: of what {kind(maker)} gives, none comes out {bound}"
            yield Finding(maker, message, f"leave {kind(maker)} out")


def _probabilities(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("bceloss",)):
        maker, found = net.before(row), range_of(net, net.feed(row, "input"))
        if maker is not None and found is not None and not found.within(0, 1):
            where = _between(found.low, found.high)
            message = f"bceloss takes probabilities, and torch refuses others: {kind(maker)} gives {where}"
            yield Finding(row, message, "use bcewithlogitsloss, or sigmoid before")


def _between(low: float, high: float) -> str:
    if (low, high) == (-inf, inf):
        return "any number"
    return f"{low:g} or more" if high == inf else f"{high:g} or less" if low == -inf else f"{low:g} to {high:g}"


def _logarithms(net: Wiring) -> Iterator[Finding]:
    for name, of in _LOGARITHMS.items():
        for row in net.of((name,)):
            maker, found = net.before(row, name=of), range_of(net, net.feed(row, of))
            if maker is not None and found is not None and found.high > 0:
                instead = ", or use crossentropyloss on raw scores" if name.startswith("nll") else ""
                message = f"{name} takes logarithms of probabilities, of 0 or less: {kind(maker)} gives "
                message += _between(found.low, found.high)
                place = "in place of softmax" if kind(maker) == "softmax" else "before it"
                yield Finding(row, message, f"put logsoftmax {place}{instead}")


def _one_class(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("crossentropyloss",)):
        if _classes(fed(row).shape) == 1 and len(fed(row).shape) > 1:
            message = "with one class its softmax is 1 and the loss 0, whatever the input is"
            yield Finding(row, message, "use bcewithlogitsloss for one score, or two classes")


def _broadcast(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_PAIRED):
        mine, target = fed(row).shape, row.bound.inputs.get("target")
        if isinstance(target, Flow) and mine != target.shape:
            shapes = " and ".join(",".join(map(str, shape)) or "scalar" for shape in (mine, target.shape))
            message = f"input and target are {shapes}: they are broadcast, and every number is compared with several"
            yield Finding(row, message, "give both one shape, with squeeze or unsqueeze")


def _dropped(net: Wiring) -> Iterator[Finding]:
    for name in (*_PAIRED, *_SIGMOID_INSIDE, "crossentropyloss", "bceloss", *_LOGARITHMS):
        for row in net.of((name,)):
            maker = net.before(row)
            if maker is None or kind(maker) not in DROPOUTS | ALPHA_DROPOUTS or not float(maker.bound.args["p"]):
                continue
            p = float(maker.bound.args["p"])
            dropped = "one number, SELU's floor," if kind(maker) in ALPHA_DROPOUTS and p < 1 else "0"
            message = f"it drops scores that {name} asks about: {p:.0%} of them are {dropped} in training"
            yield Finding(maker, message, "put dropout before the last linear layer")


RULES = (
    Rule(
        "loss.softmax",
        "a softmax before a cross-entropy",
        "A cross-entropy is fed probabilities, or other scores within a range of 1, and applies softmax to them.",
        "Of ten classes the right one gets 23 % at most, so that the loss cannot fall below 1.46: the net learns "
        "slowly and is never sure. A logsoftmax before it changes nothing.",
        "Feed raw scores, or use nllloss behind logsoftmax.",
        "input 8,32 | linear 10 | softmax dim=1 | crossentropyloss",
        "input 8,32 | linear 10 | crossentropyloss",
        "docs.pytorch.org CrossEntropyLoss: the input is expected to contain the unnormalized logits",
        check=_softmax_twice,
    ),
    Rule(
        "loss.sigmoid",
        "a sigmoid or relu before a loss that applies sigmoid",
        "The loss applies sigmoid itself, to numbers that are never negative (or never positive).",
        "The sigmoid of a number of 0 or more is at least a half: one of the two answers cannot be given.",
        "Feed raw scores.",
        "input 8,32 | linear 1 | sigmoid | bcewithlogitsloss",
        "input 8,32 | linear 1 | bcewithlogitsloss",
        "docs.pytorch.org BCEWithLogitsLoss: combines a Sigmoid layer and the BCELoss",
        check=_sigmoid_twice,
    ),
    Rule(
        "loss.probabilities",
        "raw scores into a loss on probabilities",
        "bceloss is fed by a layer that gives numbers below 0 or above 1.",
        "torch stops at the first of them: all elements of input should be between 0 and 1.",
        "Use bcewithlogitsloss, which is also the more exact, or put a sigmoid before.",
        "input 8,32 | linear 1 | bceloss",
        "input 8,32 | linear 1 | sigmoid | bceloss",
        "docs.pytorch.org BCELoss",
        check=_probabilities,
    ),
    Rule(
        "loss.log-probabilities",
        "a loss on logarithms of probabilities that is fed others",
        "nllloss, kldivloss and ctcloss take logarithms of probabilities, which are 0 or less, and are fed by a layer "
        "that gives numbers above 0.",
        "nllloss takes the number at the right class and turns its sign: of a softmax it is no logarithm, and of raw "
        "scores it falls without end.",
        "Put logsoftmax before it, or use crossentropyloss on raw scores.",
        "input 8,32 | linear 10 | softmax dim=1 | nllloss",
        "input 8,32 | linear 10 | logsoftmax dim=1 | nllloss",
        "docs.pytorch.org NLLLoss, KLDivLoss, CTCLoss",
        check=_logarithms,
    ),
    Rule(
        "loss.one-class",
        "a cross-entropy of one class",
        "The input of crossentropyloss has one class.",
        "The softmax of one score is 1 and its logarithm 0: there is no loss and no gradient.",
        "Use bcewithlogitsloss for one score, or two classes.",
        "input 8,32 | linear 1 | crossentropyloss",
        "input 8,32 | linear 2 | crossentropyloss",
        "docs.pytorch.org CrossEntropyLoss",
        check=_one_class,
    ),
    Rule(
        "loss.broadcast",
        "a loss whose input and target are broadcast",
        "Input and target have different shapes, and are stretched to one that fits both.",
        "8,1 and 8 become 8,8: each prediction is compared with the targets of all samples, and the net learns their "
        "mean. torch computes it and warns.",
        "Give both one shape.",
        "t: input 8 | input 8,16 | linear 1 | mseloss target=@t",
        "t: input 8,1 | input 8,16 | linear 1 | mseloss target=@t",
        "docs.pytorch.org functional.mse_loss: using a target size that is different to the input size",
        check=_broadcast,
    ),
    Rule(
        "loss.dropout",
        "dropout on the scores of a loss",
        "A loss is fed what dropout gives.",
        "In training a part of the scores is 0, or SELU's floor behind an alpha dropout, and the others are scaled: "
        "the loss asks about answers that were taken away. Dropout is meant for features, which the next layer weighs "
        "together.",
        "Put dropout before the last linear layer.",
        "input 8,32 | linear 10 | dropout | crossentropyloss",
        "input 8,32 | dropout | linear 10 | crossentropyloss",
        "Srivastava et al. 2014, Dropout, jmlr.org/papers/v15/srivastava14a.html",
        check=_dropped,
    ),
)
