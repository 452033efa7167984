"""Rules on the design as a whole: where its parameters are, work that nothing reads, dropout that does nothing."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.analysis.rows import Row
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.sliding import times
from layercli.analysis.rules.wiring import ALPHA_DROPOUTS, DROPOUTS, IDENTITY, Wiring, given, kind

_LARGE = 1_000_000


def _most_parameters(net: Wiring) -> Iterator[Finding]:
    owners = [row for row in net.rows if row.shares is None]
    total = sum(row.bound.params for row in owners)
    for row in owners:
        mine = row.bound.params
        if mine <= _LARGE or 2 * mine < total or kind(row) != "linear":
            continue
        flat = net.before(row, IDENTITY | {"dropout"})
        if flat is None or kind(flat) != "flatten":
            continue
        labels, shape = flat.bound.labels.get("input", ()), _fed(flat)
        width, out = row.bound.sizes["F"], row.bound.sizes["out"]
        rank = len(shape) - 2
        if rank < 1 or rank > 3 or labels[:2] != ("N", "C") or shape[1] == width or width % max(1, shape[1]):
            continue
        fewer = shape[1] * out + (out if row.bound.args["bias"] else 0)
        message = f"{mine:,} of {total:,} parameters ({100 * mine // total} %) are in this layer: "
        message += f"its {width:,} inputs are {shape[1]} channels of {times(list(shape[2:]))} cells"
        yield Finding(row, message, f"adaptiveavgpool{rank}d 1 before the flatten leaves {fewer:,} of them")


def _fed(row: Row) -> tuple[int, ...]:
    return tuple(getattr(row.bound.inputs["input"], "shape", ()))


def _unused(net: Wiring) -> Iterator[Finding]:
    for row in net.rows:
        read = net.uses[row.number] or row.number in net.shared
        if row.number != net.end and not read and row.bound.outputs:
            yield Finding(row, "nothing reads what it gives", "refer to it by its label, or leave it out")


def _idle(net: Wiring) -> Iterator[Finding]:
    for row in net.of(DROPOUTS | ALPHA_DROPOUTS):
        p = float(row.bound.args["p"])
        if p == 0:
            yield Finding(row, "p=0 drops nothing", "leave it out, or give a p above 0")
        elif p == 1:
            yield Finding(row, "p=1 drops everything: in training all it gives is 0", "give a p below 1")


def _dropout_twice(net: Wiring) -> Iterator[Finding]:
    for row in net.of(DROPOUTS):
        second = net.after(row)
        if second is None or kind(second) != kind(row):
            continue
        kept = (1 - float(row.bound.args["p"])) * (1 - float(second.bound.args["p"]))
        if 0 < kept < min(1 - float(row.bound.args["p"]), 1 - float(second.bound.args["p"])):
            message = f"two dropouts in a row are one of p={1 - kept:.3g}"
            yield Finding(second, message, "leave one out")


def _pool_of_one(net: Wiring) -> Iterator[Finding]:
    names = [f"{word}pool{rank}d" for word in ("max", "avg") for rank in (1, 2, 3)]
    for row in net.of(names):
        sizes = row.bound.sizes
        axes = len(row.bound.layer.window or ())
        alone = all(sizes[f"window.{axis}.{part}"] == 1 for axis in range(axes) for part in ("kernel", "stride"))
        plain = not row.bound.args.get("return_indices") and row.bound.args.get("divisor_override") in (None, 1)
        if alone and plain and _fed(row) == given(row).shape:
            yield Finding(row, "a window of one cell at every place: it changes nothing", "leave it out")


RULES = (
    Rule(
        "net.parameters",
        "most parameters are in one layer behind a flatten",
        "Half of all parameters or more, and more than a million, are in a linear layer that is fed a flattened map.",
        "Such a layer has weights of its own for each cell: it is most of the file and of the optimiser's state, "
        "overfits, and ties the net to one input size. What nets did before 2014, and few have since.",
        "Average over the cells before the flatten, or shrink the map further.",
        "input 1,3,32,32 | conv2d 64 3 p=1 | relu | flatten | linear 256",
        "input 1,3,32,32 | conv2d 64 3 p=1 | relu | adaptiveavgpool2d 1 | flatten | linear 256",
        "Lin et al. 2013, Network In Network, section 3.2, arxiv.org/abs/1312.4400",
        check=_most_parameters,
    ),
    Rule(
        "net.unused",
        "a step that nothing reads",
        "A layer's output is neither the end of the design nor read by another step.",
        "Its work is thrown away, and its parameters get no gradient: in distributed training torch stops at those.",
        "Refer to it by its label, or leave it out.",
        "conv2d 8 3 | input 1,3,8,8 | relu",
        "a: conv2d 8 3 p=1 | input 1,8,16,16 | add @a",
        "docs.pytorch.org DistributedDataParallel, find_unused_parameters",
        check=_unused,
    ),
    Rule(
        "dropout.no-effect",
        "dropout of nothing, or of everything",
        "The p of a dropout is 0 or 1.",
        "With 0 it hands its input on; with 1 all it gives in training is 0, and no gradient comes back.",
        "Leave it out, or give a p between.",
        "linear 8 | relu | dropout 0",
        "linear 8 | relu | dropout 0.1",
        "docs.pytorch.org Dropout",
        check=_idle,
    ),
    Rule(
        "dropout.twice",
        "two dropouts in a row",
        "A dropout is fed what another one gives.",
        "They drop independently of each other: two of a half keep a quarter. Of two alpha dropouts nothing is said: "
        "the second moves the floor that the first has set.",
        "Leave one out.",
        "linear 8 | dropout 0.5 | dropout 0.5",
        "linear 8 | dropout 0.5 | linear 8 | dropout 0.5",
        "Srivastava et al. 2014, Dropout, jmlr.org/papers/v15/srivastava14a.html",
        check=_dropout_twice,
    ),
    Rule(
        "pool.no-effect",
        "a pool of one cell",
        "Kernel and stride are 1.",
        "Every cell is the largest of itself, and its own mean.",
        "Leave it out; a pool of its own stride takes the kernel's.",
        "conv2d 8 3 | maxpool2d 1",
        "conv2d 8 3 | maxpool2d 2",
        "docs.pytorch.org MaxPool2d",
        check=_pool_of_one,
    ),
)
