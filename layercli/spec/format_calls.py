"""Modules in PyTorch's notation back to text."""

from __future__ import annotations

from typing import Any

from layercli.errors import LayerError
from layercli.spec.torch_name import TorchName
from layercli.spec.tree import Call, Custom

__all__ = ["format_call"]


def format_call(unit: Call | Custom) -> str:
    """The source that reads as this call; LayerError for a class whose forward no text tells."""
    if isinstance(unit, Custom):
        message = f"{unit.name} is a class of its own: no spec can say what its forward does"
        raise LayerError("spec.custom", message, span=unit.span, fix="write its layers")
    return _call(unit)


def _call(call: Call) -> str:
    keyed = [f"{name}={_value(value)}" for name, value in call.kwargs]
    return f"nn.{call.name}({', '.join([*map(_value, call.args), *keyed])})"


def _value(value: Any) -> str:
    if isinstance(value, Call):
        return _call(value)
    if isinstance(value, TorchName):
        return f"torch.{value.name}"
    if isinstance(value, dict):
        return f"{{{', '.join([f'{_value(key)}: {_value(item)}' for key, item in value.items()])}}}"
    if isinstance(value, tuple):
        inner = ", ".join(map(_value, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, float) and repr(value).lstrip("-") in ("inf", "nan"):
        return f"float({str(value)!r})"
    return repr(value)
