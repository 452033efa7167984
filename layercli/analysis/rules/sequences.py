"""Rules on sequences: a direction that has seen one step, attention with one key, a batch that becomes features."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.wiring import IDENTITY, RECURRENT, Wiring, fed, given, kind

_ATTENDING = ("multiheadattention", "transformerencoderlayer", "transformerencoder")


def _last_step(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("select",)):
        maker = net.before(row, IDENTITY | {"dropout"})
        if maker is None or kind(maker) not in RECURRENT or not maker.bound.args["bidirectional"]:
            continue
        shape, known = given(maker).shape, maker.bound.variant.known
        if known["packed"] or len(shape) != len(fed(row).shape):
            continue
        time = 1 if known["batched"] and maker.bound.args["batch_first"] else 0
        dim, steps = int(row.bound.args["dim"]) % len(shape), shape[time]
        index = int(row.bound.args["index"])
        place = index + steps if index < 0 else index
        if dim != time or steps < 2 or place not in (0, steps - 1):
            continue
        which, way = ("last", "backward") if place else ("first", "forward")
        message = f"at the {which} of {steps} steps the {way} direction of {kind(maker)} has made one step only: "
        message += f"half of the {shape[-1]} features say little of the sequence"
        states = "pick 1.0" if kind(maker) == "lstm" else "pick 1"
        yield Finding(row, message, f"take the final states ({states}), or a mean or maximum over the steps")


def _one_key(net: Wiring) -> Iterator[Finding]:
    for row in net.of(_ATTENDING):
        bound = row.bound
        if bound.sizes.get("S") != 1 or bound.args.get("add_bias_kv") or bound.args.get("add_zero_attn"):
            continue
        batch = bound.sizes.get("N", 1) if bound.variant.known["batched"] else 1
        message = "there is one key to attend to: its weight is 1, and the queries and keys have no effect"
        swapped = bound.args.get("batch_first") is not None and batch > 1
        fix = (
            f"write batch_first={str(not bound.args['batch_first']).lower()} if {batch} is the sequence"
            if swapped
            else ""
        )
        yield Finding(row, message, fix or "give it a sequence")


def _batch_flattened(net: Wiring) -> Iterator[Finding]:
    for row in net.of(("flatten",)):
        before = fed(row)
        labels = row.bound.labels.get("input", ())
        start, end = (int(row.bound.args[f"{name}_dim"]) % max(1, len(before.shape)) for name in ("start", "end"))
        reader = net.after(row)
        if start or end <= 0 or labels[:1] != ("N",) or "C" not in labels or reader is None or kind(reader) != "linear":
            continue
        message = f"it joins the batch of {before.shape[0]} with the features: linear holds for this batch size only"
        yield Finding(row, message, "write flatten, which begins at axis 1")


RULES = (
    Rule(
        "recurrent.last-step",
        "one end of a bidirectional layer's output",
        "The output of a bidirectional recurrent layer is taken at its last (or first) step.",
        "The backward direction begins at the last step: there its half of the features comes of one step. The final "
        "states of both directions are the layer's second output.",
        "Take the final states, or pool over the steps.",
        "input 8,20,32 | lstm 64 bidirectional=true batch_first=true | select dim=1 index=-1 | linear 2",
        "input 8,20,32 | lstm 64 batch_first=true | select dim=1 index=-1 | linear 2",
        "docs.pytorch.org LSTM: h_n is not equivalent to the last element of output for bidirectional layers",
        check=_last_step,
    ),
    Rule(
        "attention.one-key",
        "attention to a single key",
        "The sequence of keys has length 1.",
        "A softmax over one score is 1: every query gets the same value, and half of the projection is not trained. "
        "Most often batch and sequence are exchanged.",
        "Look at batch_first, or give it a sequence.",
        "input 8,1,64 | multiheadattention 4 batch_first=true",
        "input 8,5,64 | multiheadattention 4 batch_first=true",
        "Vaswani et al. 2017, Attention Is All You Need, section 3.2, arxiv.org/abs/1706.03762",
        check=_one_key,
    ),
    Rule(
        "flatten.batch",
        "a flatten that takes the batch along",
        "A flatten begins at axis 0, the batch of a map, and a linear layer follows.",
        "The samples of a batch become the features of one: the layer works for this batch size only.",
        "Begin at axis 1, as flatten does by itself.",
        "input 4,3,8,8 | conv2d 8 3 | flatten 0 | linear 10",
        "input 4,3,8,8 | conv2d 8 3 | flatten | linear 10",
        "docs.pytorch.org Flatten: start_dim is 1",
        check=_batch_flattened,
    ),
)
