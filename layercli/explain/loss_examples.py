"""Losses on a few numbers, computed: of distributions, of triplets, of sequences, of very many classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import groupby, product

from layercli.analysis.flow import Flow as Tensor
from layercli.explain.cells import times
from layercli.explain.diagram import Beside, Cell, Diagram, Flow, Grid, Node, Wire
from layercli.explain.distances import distance
from layercli.explain.figures import explained, said, short, table
from layercli.explain.loss_classes import (
    cross_entropy,
    linear_cross_entropy,
    multi_label_margin,
    multi_margin,
    negative_log_likelihood,
)
from layercli.explain.subject import Subject

MOST_STEPS, MOST_TAILS = 3, 4


# --- beside a curve --------------------------------------------------------------------------------------------------

_TRUE, _GUESS = (0.5, 0.25, 0.125, 0.125), (0.25, 0.25, 0.25, 0.25)


def divergence(subject: Subject) -> Grid:
    """Two distributions, term by term."""
    inputs, targets = ([math.log(p) for p in probabilities] for probabilities in (_GUESS, _TRUE))
    terms = [p * (y - x) for p, y, x in zip(_TRUE, targets, inputs)]
    shown: Sequence[float] = targets if subject.args["log_target"] else _TRUE
    return table(
        [inputs, shown, terms], "one distribution", (), ("input", "target", "loss"),
        note=f"the losses add up to {said(sum(terms))}, the divergence",
    )  # fmt: skip


_ANCHOR, _POSITIVE, _NEGATIVE = (1.0, 2.0, 0.0), (2.0, 2.0, 1.0), (3.0, 2.0, 0.0)


def triplet(subject: Subject) -> Grid:
    """Three small vectors, their distances and the loss."""
    args = subject.args
    apart = [
        distance(a, b, args["p"], args["eps"])
        for a, b in ((_ANCHOR, _POSITIVE), (_ANCHOR, _NEGATIVE), (_POSITIVE, _NEGATIVE))
    ]
    near, far, between = apart
    used = min(far, between) if args["swap"] else far
    loss = max(0.0, near - used + args["margin"])
    note = f"by the {said(args['p'])}-norm d(a,p) is {said(near)}, d(a,n) {said(far)}"
    note += f", d(p,n) {said(between)}" if args["swap"] else ""
    note += f": loss max(0, {said(near)} - {said(used)} + {said(args['margin'])}) = {said(loss)}"
    return table(
        [_ANCHOR, _POSITIVE, _NEGATIVE], "one triplet", (), ("anchor", "positive", "negative"), note=note
    )  # fmt: skip


BESIDE: dict[str, Callable[[Subject], Grid]] = {"kldivloss": divergence, "tripletmarginloss": triplet}
"""What stands under the curve of a loss."""


# --- sequences -------------------------------------------------------------------------------------------------------

_CHANCES = ((6, 3, 1), (2, 5, 3), (3, 1, 6))
_BLANK = "-"


def collapsed(path: Sequence[int], blank: int) -> tuple[int, ...]:
    """The labels of an alignment: repeats taken together, then blanks taken out."""
    return tuple(label for label, _ in groupby(path) if label != blank)


def sequence(subject: Subject) -> Diagram:
    """The alignments of a short target, their probabilities, and minus the logarithm of the sum."""
    steps, labels, blank = subject.fed.shape[0], subject.fed.shape[-1], subject.args["blank"]
    shown = min(MOST_STEPS, steps)
    others = [label for label in range(min(labels, 4)) if label != blank][:2]
    target = tuple(others[: min(shown, _longest(subject))])
    known = [blank, *others]
    chances = [[part / sum(line[: len(known)]) for part in line[: len(known)]] for line in _CHANCES[:shown]]
    paths = [path for path in product(known, repeat=shown) if collapsed(path, blank) == target]
    chance = {path: math.prod(chances[t][known.index(label)] for t, label in enumerate(path)) for path in paths}
    total = math.fsum(chance.values())

    def name(label: int) -> str:
        return _BLANK if label == blank else str(label)

    inputs = table(
        chances, "probabilities", (), [f"step {t}" for t in range(shown)], [name(label) for label in known]
    )  # fmt: skip
    rows = tuple((*(Cell(name(label)) for label in path), Cell(short(chance[path]), "out")) for path in paths)
    above = (*map(str, range(shown)), "p")
    goal = " ".join(map(str, target)) or "nothing"
    note = (
        f"{_BLANK} is the blank, label {blank}; repeats taken together and blanks taken out, each row says {goal}; "
        f"they add up to {said(total)}: loss -log({said(total)}) = {said(-math.log(total) + 0.0)}"
    )
    cut = [f"{shown} of {steps} steps"] if shown < steps else []
    cut += [f"{len(known)} of {labels} labels"] if len(known) < labels else []
    note += f"; shown, as if they were all: {', '.join(cut)}" if cut else ""
    note += "; a target longer than its input has an infinite loss" + (
        ", here 0" if subject.args["zero_infinity"] else ""
    )
    picture = Beside((inputs, Grid(rows, f"alignments of target {goal}", above)), ("→",), note=note)
    return explained(picture, {"out": "the alignment's probability"})


def _longest(subject: Subject) -> int:
    """How many labels a target may have."""
    targets = subject.bound.inputs["targets"]
    assert isinstance(targets, Tensor)
    batch = subject.fed.shape[1] if len(subject.fed.shape) == 3 else 1
    return targets.shape[-1] if len(targets.shape) == 2 else targets.shape[0] // max(1, batch)


# --- very many classes -----------------------------------------------------------------------------------------------


def adaptive(subject: Subject) -> Diagram:
    """The head, and the tails that the rare classes are left to."""
    args = subject.args
    cutoffs, total, into = args["cutoffs"], args["n_classes"], args["in_features"]
    ends, clusters = (*cutoffs, total), len(cutoffs)
    said_head = f"{into} to {ends[0]} + {clusters}", f"classes 0 to {ends[0] - 1}", f"and {clusters} clusters"
    head = Node("head", ("head", *said_head), 1, 0)
    made = subject.bound.tensors(subject.bound.variant.params)
    shown = min(clusters, MOST_TAILS)
    tails = []
    for number in range(shown):
        width = made[f"tail.{number}.0.weight"][0]
        first, last = ends[number], ends[number + 1]
        lines = (f"tail {number}", f"{into} to {width} to {last - first}", f"classes {first} to {last - 1}")
        tails.append(Node(f"tail {number}", lines, 1, number + 1))
    nodes = (
        Node("x", ("features", str(into)), 0, 0, "tensor"), head, *tails, Node("sum", ("+",), 2, 0, "join"),
        Node("out", ("log-probability", "of the target"), 3, 0, "tensor"),
    )  # fmt: skip
    wires = (
        *(Wire("x", node.name) for node in (head, *tails)),
        *(Wire(node.name, "sum") for node in (head, *tails)),
        Wire("sum", "out"),
    )
    note = (
        f"a frequent class comes from the head alone; a rare one from its cluster in the head and from that tail: both "
        f"logarithms are added. {subject.bound.params} weights instead of {into * total}"
    )
    note += f"; {shown} of {clusters} tails are shown" if shown < clusters else ""
    rows = times(subject.given.shape) if subject.given.shape else "one"
    note += f"; output is the log-probability of each target ({rows}), loss minus their mean"
    return Diagram(Flow(nodes, wires, "adaptive log-softmax", note))


EXAMPLES: dict[str, Callable[[Subject], Diagram]] = {
    "crossentropyloss": cross_entropy,
    "nllloss": negative_log_likelihood,
    "nllloss2d": negative_log_likelihood,
    "linearcrossentropyloss": linear_cross_entropy,
    "multimarginloss": multi_margin,
    "multilabelmarginloss": multi_label_margin,
    "ctcloss": sequence,
    "adaptivelogsoftmaxwithloss": adaptive,
}
"""The example of each loss that has no curve, by the layer's name."""
