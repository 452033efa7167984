"""Modules in PyTorch's notation as layers and keys."""

from __future__ import annotations

from typing import Any

from layercli.analysis.complaints import unknown_layer
from layercli.analysis.keys import Given, from_module
from layercli.layers import find_torch
from layercli.layers.definition import Layer
from layercli.plan import DType, Module
from layercli.spec import Call, TorchName


def from_call(call: Call) -> tuple[Layer, Given]:
    """The layer that a call names and its keys, with their places in the source."""
    layer = find_torch(call.name)
    if layer is None or layer.operation:
        raise unknown_layer(call.name, call.name_span)
    given = from_module(layer, as_module(call))
    order = [key.name for key in layer.keys if not key.keyword_only]
    spans = {order[place] if isinstance(place, int) else place: span for place, span in call.spans}
    return layer, given._replace(spans=spans, span=call.span)


def as_module(call: Call) -> Module:
    """The module that torch is to build."""
    return Module(call.name, tuple(map(_value, call.args)), {name: _value(value) for name, value in call.kwargs})


def _value(value: Any) -> Any:
    if isinstance(value, Call):
        return as_module(value)
    if isinstance(value, TorchName):
        return DType(value.name)
    if type(value) is tuple:
        return tuple(map(_value, value))
    return {key: _value(item) for key, item in value.items()} if isinstance(value, dict) else value
