"""From the plan's vocabulary to torch's values, and from what torch returned to plain shapes and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from layercli.plan import DType, Feed, Literal, Module, Tensor


def tensor(torch: Any, spec: Tensor, device: str) -> Any:
    """The tensor that the plan describes; on meta only its shape is made."""
    dtype = getattr(torch, spec.dtype)
    made = (
        torch.empty(spec.shape, dtype=dtype, device=device) if device == "meta" else _filled(torch, spec, dtype, device)
    )
    if spec.packed is None:
        return made
    packing = spec.packed
    return torch.nn.utils.rnn.pack_padded_sequence(
        made, list(packing.lengths), batch_first=packing.batch_first, enforce_sorted=packing.enforce_sorted
    )


def _filled(torch: Any, spec: Tensor, dtype: Any, device: str) -> Any:
    if spec.values is not None:
        return torch.tensor(spec.values, dtype=dtype, device=device).reshape(spec.shape)
    if spec.dtype == "bool":
        low, high = spec.low or 0, 2 if spec.high is None else spec.high
        return torch.randint(int(low), max(int(high), int(low) + 1), spec.shape, device=device).to(dtype)
    if dtype.is_complex or (dtype.is_floating_point and spec.low is None and spec.high is None):
        return torch.randn(spec.shape, dtype=dtype, device=device)
    low = 0 if spec.low is None else spec.low
    high = low + 1 if spec.high is None else spec.high
    if dtype.is_floating_point:
        return torch.rand(spec.shape, dtype=dtype, device=device) * (high - low) + low
    # An index into nothing (high = 0) is still made, as 0: it is the module's to refuse, not randint's.
    return torch.randint(int(low), max(int(high), int(low) + 1), spec.shape, dtype=dtype, device=device)


def feed(torch: Any, spec: Feed, device: str, module: Callable[[Module], Any]) -> Any:
    """One argument of the net's call."""
    if spec is None:
        return None
    if isinstance(spec, Literal):
        return argument(torch, spec.value, device, module)
    if isinstance(spec, Tensor):
        return tensor(torch, spec, device)
    return tuple(feed(torch, item, device, module) for item in spec)


def argument(torch: Any, value: Any, device: str, module: Callable[[Module], Any]) -> Any:
    """An argument as torch takes it; ``module`` builds the modules among them."""
    if isinstance(value, DType):
        return getattr(torch, value.name)
    if isinstance(value, Module):
        return module(value)
    if isinstance(value, Tensor):
        return tensor(torch, value, device)
    if isinstance(value, (tuple, list)):
        return tuple(argument(torch, item, device, module) for item in value)
    if isinstance(value, Mapping):
        return {key: argument(torch, item, device, module) for key, item in value.items()}
    return value


def outputs(torch: Any, value: Any) -> list[Any]:
    """What a call returned, as the list of its outputs; a lone tensor is a list of one."""
    described = _described(torch, value)
    return described if isinstance(described, list) else [described]


def _described(torch: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, torch.Tensor):
        return {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return {**_described(torch, value.data), "packed": {"batch_sizes": value.batch_sizes.tolist()}}
    if isinstance(value, (tuple, list)):
        return [_described(torch, item) for item in value]
    return {"type": type(value).__name__}


def shapes(named: Any) -> dict[str, list[int] | None]:
    """Shape by name; None where a lazy module has not settled it."""
    return {name: None if _unsettled(item) else list(item.shape) for name, item in named}


def _unsettled(item: Any) -> bool:
    return type(item).__name__.startswith("Uninitialized")
