"""Rules on activations: those that change nothing, and those that are fed too little to use their range."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf, tanh

from layercli.analysis.rows import Row
from layercli.analysis.rules.ranges import Range, range_of
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.wiring import Wiring, fed, kind

_KEEP_POSITIVE = frozenset({"relu", "leakyrelu", "prelu", "elu", "celu", "rrelu"})
_SOFTMAXES = frozenset({"softmax", "logsoftmax", "softmin"})
_NARROW = 2.0
"""The widest range of which a sigmoid, a tanh or a softmax is said to be fed too little."""


def _no_effect(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_KEEP_POSITIVE | {"relu6", "hardtanh"}):
        found = range_of(net, net.feed(row))
        if found is None:
            continue
        name = kind(row)
        low, high = (0.0, inf) if name in _KEEP_POSITIVE else (0.0, 6.0)
        if name == "hardtanh":
            low, high = float(row.bound.args["min_val"]), float(row.bound.args["max_val"])
        if found.within(low, high):
            yield Finding(row, f"it changes nothing: {_fed_with(net, row, found)}", f"leave this {name} out")
        elif found.high <= low and name in ("relu", "relu6"):
            yield Finding(row, f"it gives 0 throughout: {_fed_with(net, row, found)}", f"leave this {name} out")
    for row in net.of(("logsoftmax", "softmax")):
        before = net.before(row)
        if before is not None and kind(before) == "logsoftmax" and axis_of(before) == axis_of(row):
            message = "it changes nothing: its input is the output of logsoftmax along the same axis"
            if kind(row) == "softmax":
                message = "the logsoftmax before it changes nothing: softmax of either input is the same"
            yield Finding(row, message, "leave one out")


def _fed_with(net: Wiring, row: Row, found: Range) -> str:
    maker = net.before(row)
    name = kind(maker) if maker is not None else "what comes before"
    if found.low >= 0 and found.high == inf:
        return f"what {name} gives here is never negative"
    if found.high <= 0:
        return f"what {name} gives here is never positive"
    return f"what {name} gives here lies between {found.low:g} and {found.high:g}"


def _range(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("sigmoid", "tanh", *_SOFTMAXES)):
        found = range_of(net, net.feed(row))
        before = net.before(row)
        if found is None or (before is not None and kind(before) == "logsoftmax"):
            continue
        name, outcome = kind(row), ""
        if name == "sigmoid" and found.low >= 0:
            outcome = "0.5 or more" if found.high == inf else f"0.5 to {_sigmoid(found.high):.3g}"
        elif name == "sigmoid" and found.high <= 0:
            outcome = "0.5 or less"
        elif name == "sigmoid" and found.width <= _NARROW:
            outcome = f"{_sigmoid(found.low):.2g} to {_sigmoid(found.high):.2g}"
        elif name == "tanh" and found.width <= _NARROW:
            outcome = f"{tanh(found.low):.2g} to {tanh(found.high):.2g}"
        elif name in _SOFTMAXES and found.width <= _NARROW and _entries(row) > 1:
            outcome = f"at most {share(found.width, _entries(row)):.0%} for one of {_entries(row)}"
        if outcome:
            message = f"{name} can only give {outcome}: {_fed_with(net, row, found)}"
            yield Finding(row, message, "leave the activation before it out")


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-min(x, 60.0)))


def share(width: float, entries: int) -> float:
    """The largest share that a softmax can give one of these entries, which lie no further than this apart."""
    return exp(width) / (exp(width) + entries - 1)


def axis_of(row: Row) -> int:
    """The axis of a softmax, from 0; where none is said, torch's choice."""
    rank, dim = len(fed(row).shape), row.bound.args["dim"]
    if dim is None:
        return 0 if rank in (0, 1, 3) else 1
    return int(dim) % rank if rank else 0


def _entries(row: Row) -> int:
    shape = fed(row).shape
    return shape[axis_of(row)] if shape else 1


def _single(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_SOFTMAXES):
        if fed(row).shape and _entries(row) == 1:
            outcome = "0" if kind(row) == "logsoftmax" else "1"
            message = (
                f"axis {axis_of(row)} of {','.join(map(str, fed(row).shape))} has one entry: all it gives is {outcome}"
            )
            yield Finding(row, message, "use sigmoid for one score, or another dim")


def _implicit(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_SOFTMAXES):
        rank = len(fed(row).shape)
        if row.bound.args["dim"] is None and rank:
            message = (
                f"no dim is given: on {rank} axes torch takes dim={axis_of(row)}, and warns that the choice will go"
            )
            yield Finding(row, message, "write dim=-1 for the last axis, dim=1 for channels")


_DEEP = "Goodfellow et al. 2016, Deep Learning, section 6.3, deeplearningbook.org"

RULES = (
    Rule(
        "activation.no-effect",
        "an activation that changes nothing",
        "What the layers before give lies where this activation hands its input on, such as numbers of 0 or more for "
        "relu, or gives one value only.",
        "It costs time and memory and hides what is meant; often the other activation is the one too many.",
        "Leave one of the two out.",
        "linear 8 | relu | relu",
        "linear 8 | relu | linear 8 | relu",
        "",
        check=_no_effect,
    ),
    Rule(
        "activation.range",
        "an activation that cannot use its range",
        "A sigmoid, tanh or softmax is fed numbers that another activation has limited already.",
        "The sigmoid of a number of 0 or more is at least a half; of numbers between -1 and 1 it lies between 0.27 "
        "and 0.73; a softmax over them stays near the even share. The answers in question cannot be given at all.",
        "Leave the activation before it out.",
        "linear 1 | relu | sigmoid",
        "linear 1 | sigmoid",
        _DEEP,
        check=_range,
    ),
    Rule(
        "softmax.single",
        "a softmax over one entry",
        "The axis that it normalises over has one entry.",
        "e^x / e^x is 1: the output says nothing, and no gradient comes back.",
        "Use sigmoid for a single score, or another dim.",
        "input 8,16 | linear 1 | softmax dim=1",
        "input 8,16 | linear 1 | sigmoid",
        "docs.pytorch.org Softmax",
        check=_single,
    ),
    Rule(
        "softmax.dim",
        "a softmax without a dim",
        "No dim is given, and torch takes one by the number of axes: 0 for one or three, else 1.",
        "On three axes that is the batch or the sequence. torch warns, and means to give the choice up.",
        "Say which axis is meant.",
        "input 8,16 | linear 10 | softmax",
        "input 8,16 | linear 10 | softmax dim=1",
        "docs.pytorch.org functional.softmax",
        check=_implicit,
    ),
)
