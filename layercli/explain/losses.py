"""Losses: curves of those that judge number by number, small computed examples of the others."""

from __future__ import annotations

from layercli.analysis.flow import tensors
from layercli.explain.cells import times
from layercli.explain.diagram import Above, Diagram, Nothing, Plot
from layercli.explain.loss_curves import CURVES, plot
from layercli.explain.loss_examples import BESIDE, EXAMPLES
from layercli.explain.subject import Subject

_NEEDED = {"ctcloss": ("log_probs",)}
"""Of which inputs a loss needs numbers; of all where it is not said."""


_WEIGHED = ("crossentropyloss", "nllloss", "nllloss2d", "linearcrossentropyloss")
"""Losses whose mean is divided by the weights of the targets."""


def draw(subject: Subject) -> Diagram | Nothing:
    """The picture of a loss, and what becomes of the losses."""
    name, inputs = subject.layer.name, subject.bound.inputs
    needed = [inputs[key] for key in _NEEDED.get(name, tuple(inputs))]
    if any(0 in flow.shape for flow in tensors(tuple(needed))):
        return Nothing("an input has no numbers, and so there are no losses")
    drawn = Diagram(_curve(subject)) if name in CURVES else EXAMPLES[name](subject)
    note = "; ".join(part for part in (drawn.picture.note, reduced(subject)) if part)
    return drawn._replace(picture=drawn.picture._replace(note=note))


def _curve(subject: Subject) -> Plot | Above:
    """The curve, and under it an example where there is one."""
    name = subject.layer.name
    curve = plot(name, subject.args)
    return Above((curve, BESIDE[name](subject))) if name in BESIDE else curve


def reduced(subject: Subject) -> str:
    """What becomes of the losses, in words."""
    name, word, shape = subject.layer.name, reduction(subject), subject.given.shape
    if name == "adaptivelogsoftmaxwithloss":
        return ""
    if name == "ctcloss" and word == "mean":
        return "each loss is divided by the length of its target, and their mean comes out"
    if name == "kldivloss" and word == "mean":
        return "the mean over all numbers comes out, which is not the divergence: that is reduction=batchmean"
    if word == "none":
        return f"each loss comes out: {times(shape)}" if shape else "the loss comes out"
    if word == "batchmean":
        return "the sum of all losses divided by the batch size comes out"
    if word == "mean" and name in _WEIGHED and subject.args["weight"] is not None:
        return "the mean of all losses comes out, each class counting by its weight"
    return f"the {word} of all losses comes out"


def reduction(subject: Subject) -> str:
    """What torch does with the losses: none, mean, sum or batchmean; the old notation decides where it is used."""
    args = subject.args
    average, reduce = args.get("size_average"), args.get("reduce")
    if average is not None or reduce is not None:
        if reduce is False:
            return "none"
        return "sum" if average is False else "mean"
    word: str = args.get("reduction", "mean")
    return "mean" if word == "elementwise_mean" else word
