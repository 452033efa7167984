"""Random calls of any layer, valid and broken, drawn from its own definition: the one strategy for all of them.

Keys take values from what their kind may hold, the first input one of its forms; the analysis itself infers the rest,
as on the command line. Then, now and then, one thing is broken. What is drawn is a question only: torch answers it.
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from layercli.analysis.flow import Flow, Tree, from_feed
from layercli.analysis.inputs import completed
from layercli.analysis.keys import Given, from_module
from layercli.analysis.layer import Analyser, Bound
from layercli.errors import LayerError
from layercli.formula import evaluate, resolve_shape
from layercli.layers.definition import REQUIRED, Form, InputDef, Key, Layer, Same, TensorIn, TupleIn, ValueIn
from layercli.layers.dtypes import RULES
from layercli.layers.parts import Part, Weights
from layercli.plan import ITEM_SIZE, Feed, Input, Literal, Module, Packing, Tensor

ODD = (None, True, False, 1.5, -1.0, "same", "x", -1, 0, 1, 2, 7, (), (1,), (1, 2), (1, 1, 1), (2, 2, 2, 2), (2.0,))
"""Values that seldom fit."""

CHANNELS = (1, 2, 3, 4, 4, 6, 8)
"""Sizes that divide each other often."""

TRIES = 12
"""Draws until one is right; the last stands whatever it is."""


# --- what a key may hold --------------------------------------------------------------------------------------------


def value(key: Key, r: Random) -> Any:
    """A value that the key takes, most of the time."""
    if isinstance(key.kind, Part):
        return keys(key.kind.layer, r) if not key.kind.optional else r.random() < 0.5
    if isinstance(key.kind, Weights):
        return Tensor(tuple(r.choice(CHANNELS) for _ in range(r.choice((1, 1, 0, 2)))), low=0, high=1)
    return r.choice(key.kind.typical())


def keys(layer: Layer, r: Random) -> dict[str, Any]:
    """Some keys of a layer, all those that it needs, none that it infers."""
    drawn = {}
    for key in layer.keys:
        needed = key.default is REQUIRED or (isinstance(key.kind, Part) and not key.kind.optional)
        if key.infer is None and (needed or r.random() < 0.4):
            drawn[key.name] = value(key, r)
    return drawn


# --- what an input may be -------------------------------------------------------------------------------------------


def first_input(layer: Layer, r: Random) -> Tensor:
    """A tensor in one of the first input's forms."""
    item = layer.inputs[0]
    assert isinstance(item, TensorIn)
    form: Form = r.choice(item.forms)
    if form.packed:
        steps, batch, features = r.randint(1, 4), r.randint(1, 3), r.choice(CHANNELS)
        lengths = tuple(sorted((r.randint(1, steps) for _ in range(batch)), reverse=True))
        return Tensor((steps, batch, features), packed=Packing(lengths, False))
    shape: list[int] = []
    for axis in form.axes.split():
        if axis.startswith("*"):
            shape += [r.randint(0, 4) if r.random() < 0.1 else r.choice(CHANNELS[1:]) for _ in range(r.randint(0, 4))]
        else:
            shape.append(r.choice(CHANNELS) if axis in "NCEFS" else r.randint(1, 9))
    return Tensor(tuple(shape), "")


def further_inputs(layer: Layer, bound: Bound, r: Random) -> list[Input]:
    """The inputs after the first: those that are needed as the command line assumes them, some of the others."""
    drawn = []
    for item in layer.inputs[1:]:
        if item.name in bound.inputs:
            drawn.append(Input(described(bound.inputs[item.name]), item.name))
        elif r.random() < 0.35:
            fed = optional(item, bound, r)
            if fed is not None:
                drawn.append(Input(fed, item.name))
    return drawn


def optional(item: InputDef, bound: Bound, r: Random) -> Feed:
    """A value for an argument that may be left out; None where nothing is known that would fit."""
    if isinstance(item, ValueIn):
        if item.kind is not None:
            return Literal(value(Key(item.name, item.kind), r))
        axes = r.choice(item.forms).axes.split() if item.forms else []
        return Literal(tuple(r.randint(1, 20) for _ in axes))
    if isinstance(item, TupleIn):
        parts = tuple(optional(part, bound, r) for part in item.items)
        return None if None in parts else parts
    if item.infer is None:
        return None
    shape = resolve_shape(item.infer, bound.variant.known)
    rule = item.dtypes if isinstance(item.dtypes, str) else None
    accepted = RULES[rule].accepts if rule and not RULES[rule].as_parameters else (bound.dtype,)
    dtype = bound.dtype if bound.dtype in accepted and r.random() < 0.8 else r.choice(accepted)
    return Tensor(tuple(evaluate(axis.size, bound.sizes) for axis in shape), dtype)


def described(tree: Tree) -> Feed:
    """What an input that the analysis took is fed as."""
    assert isinstance(tree, Flow)
    return Tensor(tree.shape, tree.dtype)


# --- a call ---------------------------------------------------------------------------------------------------------


@cache
def analyser_of(mode: str) -> Analyser:
    """One analyser for all calls of a mode, so that a structure is resolved once."""
    return Analyser(mode)


def draw(layer: Layer, r: Random, mode: str = "train") -> tuple[Module, list[Input]]:
    """A call of the layer: right in its parts in most cases, then sometimes broken in one place."""
    analyser = analyser_of(mode)
    for _ in range(TRIES):
        given, first = keys(layer, r), first_input(layer, r)
        try:
            bound = analyser.bind(layer, Given(given, {}, shell=True), [(None, from_feed(first))])
        except LayerError:
            continue
        kwargs = {
            key.name: bound.args[key.name]
            for key in layer.keys
            if key.name in given or key.infer is not None or isinstance(key.kind, Part)
        }
        kwargs.update({name: given[name] for name in given if not isinstance(given[name], (dict, bool))})
        inputs = [Input(first), *further_inputs(layer, bound, r)]
        inputs = [_without_range(item) for item in completed(bound, inputs)]
        break
    else:
        kwargs = {key.name: r.randint(1, 4) for key in layer.keys if key.infer is not None} | {
            name: item for name, item in given.items() if not isinstance(item, dict)
        }
        inputs = [Input(first._replace(dtype="float32"))]
    if r.random() < 0.4:
        kwargs, inputs = broken(layer, kwargs, inputs, r)
    module = Module(layer.torch, (), kwargs)
    try:
        given = from_module(layer, module)
        bound = analyser.bind(layer, given, [(item.name, from_feed(item.feed)) for item in inputs])
    except LayerError:
        return module, inputs
    return module, list(completed(bound, inputs))


def _without_range(item: Input) -> Input:
    """The input with its values open again: what they may be hangs on what is broken yet."""
    fed = item.feed
    return item._replace(feed=fed._replace(low=None, high=None)) if isinstance(fed, Tensor) else item


def broken(layer: Layer, kwargs: dict[str, Any], inputs: list[Input], r: Random) -> tuple[dict[str, Any], list[Input]]:
    """The call with one thing changed."""
    choices = [key for key in layer.keys if not isinstance(key.kind, Part)]
    if choices and r.random() < 0.5:
        key = r.choice(choices)
        other = r.choice(choices)
        odd = r.choice(ODD) if r.random() < 0.7 else value(other, r)
        if isinstance(key.default, Same) and r.random() < 0.2:
            odd = None
        return {**kwargs, key.name: odd}, inputs
    at = r.randrange(len(inputs))
    fed = inputs[at].feed
    if not isinstance(fed, Tensor):
        return kwargs, inputs
    changed = _other_tensor(fed, r)
    return kwargs, [*inputs[:at], inputs[at]._replace(feed=changed), *inputs[at + 1 :]]


def _other_tensor(tensor: Tensor, r: Random) -> Tensor:
    """The tensor with another size, rank or dtype."""
    shape, chance = list(tensor.shape), r.random()
    if tensor.packed is not None:  # torch checks no width where it is packed
        return tensor._replace(dtype=r.choice(tuple(ITEM_SIZE)))
    if chance < 0.3 and 0 not in shape:  # on nothing at all, torch lets other dtypes pass
        return tensor._replace(dtype=r.choice(tuple(ITEM_SIZE)))
    if chance < 0.45:
        shape.insert(r.randint(0, len(shape)), r.randint(1, 3))
    elif shape and chance < 0.6:
        shape.pop(r.randrange(len(shape)))
    elif shape:
        axis = r.randrange(len(shape))
        shape[axis] = r.choice((0, 1, shape[axis] + 1, max(shape[axis] - 1, 0), 2 * shape[axis]))
    return tensor._replace(shape=tuple(shape))
