"""Modules in PyTorch's notation back to text."""

from __future__ import annotations

from typing import Any

from layercli.errors import LayerError
from layercli.spec.tree import Call, Custom

__all__ = ["format_call"]


def format_call(unit: Call | Custom) -> str:
    """The source that reads as this call; LayerError for a class whose forward no text tells."""
    if isinstance(unit, Custom):
        message = f"{unit.name} is a class of its own: no spec can say what its forward does"
        raise LayerError("spec.custom", message, span=unit.span, fix="write its layers")
    return f"nn.{_call(unit)}"


def _call(call: Call) -> str:
    keyed = [f"{name}={_value(value)}" for name, value in call.kwargs]
    return f"{call.name}({', '.join([*map(_value, call.args), *keyed])})"


def _value(value: Any) -> str:
    if isinstance(value, Call):
        return f"nn.{_call(value)}"
    if isinstance(value, tuple) and type(value) is tuple:
        inner = ", ".join(map(_value, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
