"""Modules in PyTorch's notation as layers and keys."""

from __future__ import annotations

from typing import Any

from layercli.analysis.complaints import unknown_layer
from layercli.analysis.keys import Given, from_module
from layercli.analysis.notes import Note
from layercli.layers import find_torch
from layercli.layers.definition import REQUIRED, Layer
from layercli.plan import DType, Module
from layercli.spec import Call, TorchName


def from_call(call: Call) -> tuple[Layer, Given, tuple[Note, ...]]:
    """The layer that a call names and its keys, with their places in the source; what had to be assumed."""
    layer = find_torch(call.name)
    if layer is None or layer.operation:
        raise unknown_layer(call.name, call.name_span)
    module = as_module(call)
    said: tuple[Note, ...] = ()
    if call.printed and layer.hidden:
        module, said = _shown(layer, module)
    given = from_module(layer, module)
    order = [key.name for key in layer.keys if not key.keyword_only]
    spans = {order[place] if isinstance(place, int) else place: span for place, span in call.spans}
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


def _shown(layer: Layer, module: Module) -> tuple[Module, tuple[Note, ...]]:
    """A printed module with what its repr does not show, and the note that says what was taken."""
    hidden = [key for key in layer.keys if key.name in layer.hidden and key.name not in module.kwargs]
    needed = {key.name: 1 for key in hidden if key.default is REQUIRED}
    taken = [f"{key.name}={needed.get(key.name, key.default_words)}" for key in hidden]
    if not taken:
        return module, ()
    message = f"a printed {layer.torch} does not show all of its arguments: assuming {', '.join(taken)}"
    note = Note("printed.hidden", message, "paste the source if they differ")
    return module._replace(kwargs={**module.kwargs, **needed}), (note,)


def as_module(call: Call) -> Module:
    """The module that torch is to build."""
    return Module(call.name, tuple(map(_value, call.args)), {name: _value(value) for name, value in call.kwargs})


def _value(value: Any) -> Any:
    if isinstance(value, Call):
        return as_module(value)
    if isinstance(value, TorchName):
        return value.name.rpartition(".")[2] if "functional." in value.name else DType(value.name)
    if type(value) is tuple:
        return tuple(map(_value, value))
    return {key: _value(item) for key, item in value.items()} if isinstance(value, dict) else value
