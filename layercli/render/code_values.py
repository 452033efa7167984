"""A module's constructor as Python source: only the arguments that are needed, spelled as people spell them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from layercli.layers import find_torch
from layercli.layers.definition import REQUIRED, Key, Layer, Same
from layercli.layers.kinds import BadValue
from layercli.plan import DType, Module, Tensor

_UNNAMED = ("p", "start_dim", "negative_slope")
"""First arguments with a default that people write, and without a name, as those that have none."""

_IMPLIED = {"kdim": "embed_dim", "vdim": "embed_dim"}
"""Arguments whose None stands for another's value."""


def constructor(module: Module, dtype: str | None = None) -> str:
    """The call that builds the module; ``dtype``: what its parameters are made in, where it does not say itself."""
    layer = find_torch(module.torch)
    assert layer is not None
    order = [key.name for key in layer.keys if not key.keyword_only]
    values = {**dict(zip(order, module.args)), **module.kwargs}
    said: list[str] = []
    named = False
    for place, key in enumerate(layer.keys):
        if key.name not in values or _usual(key, values):
            named = True  # the arguments behind one that is left out have to be named
            continue
        first = key.default is REQUIRED or (place == 0 and key.name in _UNNAMED)
        named = named or key.keyword_only or not first
        text = _argument(key.name, values[key.name])
        said.append(f"{key.name}={text}" if named else text)
    said += [f"{name}={literal(value)}" for name, value in values.items() if layer.key(name) is None]
    if dtype and "dtype" not in values and _takes_dtype(layer):
        said.append(f"dtype=torch.{dtype}")
    text = f"nn.{module.torch}({', '.join(said)})"
    return f"{text}.to(torch.{dtype})" if dtype and "dtype" not in values and not _takes_dtype(layer) else text


def _takes_dtype(layer: Layer) -> bool:
    return bool(layer.factory and (layer.params or layer.buffers))


def _usual(key: Key, values: Mapping[str, Any]) -> bool:
    """Whether torch would take the same value where the argument is left out."""
    value, default = values[key.name], key.default
    if default is REQUIRED or isinstance(value, (DType, Module, Tensor)) or key.name in _UNNAMED:
        return False
    if isinstance(default, Same):
        default = values.get(default.key)
    elif default is None and key.name in _IMPLIED and value == values.get(_IMPLIED[key.name]):
        return True
    if value is None or default is None:
        return value is default
    try:
        return bool(key.kind.read(value) == key.kind.read(default))
    except BadValue:
        return bool(value == default)


def _argument(name: str, value: Any) -> str:
    if name == "normalized_shape" and isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    return literal(value)


def literal(value: Any) -> str:
    """A value as Python source."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, DType):
        return f"torch.{value.name}"
    if isinstance(value, Module):
        return constructor(value)
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, (tuple, list)):
        items = ", ".join(map(literal, value))
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return str(value)


def _tensor(tensor: Tensor) -> str:
    """Numbers that were given, or ones in the place of those that the design leaves open."""
    said = "" if tensor.dtype in ("", "float32") else f", dtype=torch.{tensor.dtype}"
    if tensor.values is None:
        return f"torch.ones({', '.join(map(str, tensor.shape)) or '()'}{said})"
    flat = f"torch.tensor({list(tensor.values)}{said or ', dtype=torch.float32'})"
    return flat if len(tensor.shape) == 1 else f"{flat}.reshape({', '.join(map(str, tensor.shape)) or '()'})"
