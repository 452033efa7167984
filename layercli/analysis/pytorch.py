"""Modules in PyTorch's notation as layers and keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercli.analysis.complaints import unknown_layer
from layercli.analysis.keys import Given, from_module
from layercli.analysis.notes import Note
from layercli.layers import find_torch
from layercli.layers.definition import REQUIRED, Key, Layer
from layercli.plan import DType, Module
from layercli.spec import Call, TorchName


def from_call(call: Call) -> tuple[Layer, Given, tuple[Note, ...]]:
    """The layer that a call names and its keys, with their places in the source; what had to be assumed."""
    layer = find_torch(call.name)
    if layer is None or layer.operation:
        raise unknown_layer(call.name, call.name_span)
    module = as_module(call)
    said = tuple(_hidden(call))
    given = from_module(layer, module)
    order = dict(enumerate(key.name for key in layer.keys if not key.keyword_only))
    placed = ((order.get(place) if isinstance(place, int) else place, span) for place, span in call.spans)
    spans = {name: span for name, span in placed if name}  # Identity takes arguments that it has no name for
    return layer, given._replace(spans=spans, span=call.span), said


def not_shown(call: Call) -> str:
    """Why a printed module cannot be told: it needs an argument that its repr does not show; empty where it does."""
    layer = find_torch(call.name) if call.printed else None
    if layer is None:
        return ""
    needed = [key.name for key in layer.keys if key.name in layer.hidden and key.default is REQUIRED]
    missing = [name for name in needed if name not in _HEADS]
    return f"print(model) does not show {', '.join(missing)} of a {layer.torch}" if missing else ""


_HEADS = ("num_heads", "nhead")
"""What a figure never hangs on: heads share out the same features."""


def _hidden(call: Call) -> Iterator[Note]:
    """What is said of the arguments that a printed module, or one that it is made of, does not show."""
    assumed = _assumed(call)
    taken = [f"{key.name}={assumed.get(key.name, key.default_words)}" for key in _not_in_repr(call)]
    if taken:
        message = f"a printed {call.name} does not show all of its arguments: assuming {', '.join(taken)}"
        yield Note("printed.hidden", message, "paste the source if they differ")
    for value in (*call.args, *(value for _, value in call.kwargs)):
        if isinstance(value, Call):
            yield from _hidden(value)


def _not_in_repr(call: Call) -> list[Key]:
    """The arguments of a printed module that its repr does not show."""
    layer = find_torch(call.name) if call.printed else None
    shown = {name for name, _ in call.kwargs}
    return [] if layer is None else [key for key in layer.keys if key.name in layer.hidden and key.name not in shown]


def _assumed(call: Call) -> dict[str, int]:
    """What is taken for those of them that have no default."""
    return {key.name: 1 for key in _not_in_repr(call) if key.default is REQUIRED}


def as_module(call: Call) -> Module:
    """The module that torch is to build."""
    kwargs = {name: _value(value) for name, value in call.kwargs}
    return Module(call.name, tuple(map(_value, call.args)), {**kwargs, **_assumed(call)})


def _value(value: Any) -> Any:
    if isinstance(value, Call):
        return as_module(value)
    if isinstance(value, TorchName):
        return value.name.rpartition(".")[2] if "functional." in value.name else DType(value.name)
    if type(value) is tuple:
        return tuple(map(_value, value))
    return {key: _value(item) for key, item in value.items()} if isinstance(value, dict) else value
