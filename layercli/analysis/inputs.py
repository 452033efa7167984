"""The inputs of a whole net: what torch cannot make, what is no tensor, and what a layer settles of its own inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from layercli.analysis.flow import Flow, Tree
from layercli.analysis.layer import Bound
from layercli.errors import LayerError
from layercli.formula import Expr, evaluate
from layercli.layers.definition import InputDef, Layer, TensorIn, TupleIn, ValueIn
from layercli.layers.kinds import LARGEST
from layercli.plan import Feed, Input, Literal, Packing, Tensor, span


def as_literals(layer: Layer, inputs: Sequence[Input]) -> tuple[Input, ...]:
    """On the command line a shape may stand for an argument that is no tensor: ``-i output_size=18,15``."""
    settings = {item.name for item in layer.inputs if isinstance(item, ValueIn)}
    order = [item.name for item in layer.inputs]
    return tuple(
        Input(Literal(item.feed.shape), item.name)
        if isinstance(item.feed, Tensor) and (item.name or "".join(order[position : position + 1])) in settings
        else item
        for position, item in enumerate(inputs)
    )


def completed(bound: Bound, inputs: Sequence[Input]) -> tuple[Input, ...]:
    """The inputs of a layer's call, each with the dtype that it is taken to have and values that the layer can take.

    What an input says itself is left as it is.
    """
    order = [item.name for item in bound.layer.inputs]
    places: dict[str, tuple[InputDef, Tree]] = {}
    for item in bound.layer.inputs:
        value = bound.inputs.get(item.name)
        places[item.name] = item, value
        if isinstance(item, TupleIn) and isinstance(value, tuple):
            places.update({part.name: (part, inner) for part, inner in zip(item.items, value)})
    settled: list[Input] = []
    for position, given in enumerate(inputs):
        feed = _settled(bound, *places[given.name or order[position]], given.feed)
        settled.append(given if feed is given.feed else given._replace(feed=feed))
    return tuple(settled)


def _settled(bound: Bound, item: InputDef, value: Tree, feed: Feed) -> Feed:
    if isinstance(feed, Tensor) and isinstance(item, TensorIn) and isinstance(value, Flow):
        bounded = item.low is not None or item.high is not None
        if bounded and feed.values is None and feed.low is None and feed.high is None:
            feed = feed._replace(low=_number(bound, item.low), high=_number(bound, item.high))
        return feed if feed.dtype == value.dtype else feed._replace(dtype=value.dtype)
    if isinstance(item, TupleIn) and isinstance(feed, tuple) and isinstance(value, tuple):
        parts = zip(item.items, value, cast("tuple[Feed, ...]", feed))
        return tuple(_settled(bound, part, tree, inner) for part, tree, inner in parts)
    return feed


def _number(bound: Bound, value: Expr | float | None) -> Any:
    return evaluate(bound.variant.resolved(value), bound.sizes) if isinstance(value, Expr) else value


def usual(tree: Tree, dtype: str | None) -> Tree:
    """A value that no layer has taken, a dtype that is not said being the run's."""
    if isinstance(tree, Flow):
        return tree if tree.dtype else tree._replace(dtype=dtype or "float32")
    if tree is None or isinstance(tree, Literal):
        return tree
    return tuple(usual(item, dtype) for item in tree)


def refused(item: Input) -> LayerError | None:
    """Why torch cannot make this input: too many bytes, or what ``pack_padded_sequence`` asks of it."""
    feed = item.feed
    if not isinstance(feed, Tensor):
        return None
    if span(feed.shape) > LARGEST // 16:
        message = f"an input of {','.join(map(str, feed.shape))} is more than torch can count: its bytes are in 64 bits"
        return LayerError("torch.overflow", message, fix="use smaller sizes")
    problem = _packing_problem(feed.shape, feed.packed) if feed.packed else ""
    fix = "give one length per sequence, from 1 to the padded length"
    return LayerError("shape.packing", problem, fix=fix) if problem else None


def _packing_problem(shape: tuple[int, ...], packing: Packing) -> str:
    lengths = packing.lengths
    if len(shape) < 2:
        return "a sequence is packed from a tensor with a time and a batch axis"
    batch, steps = (shape[0], shape[1]) if packing.batch_first else (shape[1], shape[0])
    if len(lengths) != batch:
        return f"there are {len(lengths)} lengths for a batch of {batch}"
    if min(lengths, default=0) < 1:
        return "every length must be at least 1"
    if max(lengths) > steps:
        return f"a length of {max(lengths)} is more than the {steps} steps there are"
    if packing.enforce_sorted and list(lengths) != sorted(lengths, reverse=True):
        return "with enforce_sorted the lengths must not grow"
    return ""
