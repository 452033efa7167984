"""Steps that are functions of torch, as modules: what they compute, from the arguments that their definitions have."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

PREFIX = "torch."


def make(torch: Any, name: str, arguments: dict[str, Any], dtype: Any, device: str) -> Any:
    """The module that does this step, one of ``KNOWN``."""
    if name == "torch.param":
        return _learned(torch, arguments["shape"], dtype, device)
    function = OPERATIONS[name]

    class Operation(torch.nn.Module):  # type: ignore[misc]
        def forward(self, *inputs: Any, **named: Any) -> Any:
            return function(torch, *inputs, *named.values(), **arguments)

    Operation.__name__ = name.removeprefix(PREFIX)
    made = Operation()
    made.arguments = arguments  # what stands in for it where fields are measured has to know
    return made


def _learned(torch: Any, shape: tuple[int, ...], dtype: Any, device: str) -> Any:
    class Learned(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.value = torch.nn.Parameter(torch.zeros(shape, dtype=dtype, device=device))

        def forward(self) -> Any:
            # Where no gradients are recorded torch's counter of multiply-adds trips over views of a parameter.
            return self.value if torch.is_grad_enabled() else self.value.detach()

    return Learned()


def _fold(name: str) -> Callable[..., Any]:
    def run(torch: Any, *inputs: Any) -> Any:
        return reduce(getattr(torch, name), inputs)

    return run


def _reduce(name: str) -> Callable[..., Any]:
    def run(torch: Any, value: Any, dim: tuple[int, ...] = (), keepdim: bool = False) -> Any:
        axes = dim if isinstance(dim, tuple) else (dim,)
        return getattr(torch, name)(value, axes or tuple(range(value.dim())), keepdim=keepdim)

    return run


def _shape(size: Any) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size,)


def _crop(torch: Any, value: Any, like: Any = None, size: Any = None) -> Any:
    sizes = _shape(size) if like is None else tuple(like.shape[2:])
    if len(sizes) == 1 and value.dim() >= 3:
        sizes *= value.dim() - 2
    for axis, wanted in zip(range(value.dim() - len(sizes), value.dim()), sizes):
        value = value.narrow(axis, (value.size(axis) - wanted) // 2, wanted)
    return value


def _matmul(torch: Any, a: Any, b: Any) -> Any:
    """A vector is made a matrix, as torch says that it takes it: its counter does not know products with vectors."""
    front, behind = a.dim() == 1, b.dim() == 1
    product = torch.matmul(a[None] if front else a, b[:, None] if behind else b)
    product = product.squeeze(-1) if behind else product
    return product.squeeze(-1 if behind else -2) if front else product


def _pad(torch: Any, tensor: Any, pad: Any, value: float = 0) -> Any:
    return torch.nn.functional.pad(tensor, _shape(pad), "constant", value)


def _chunk(torch: Any, value: Any, chunks: int, dim: int = 0) -> Any:
    """The parts; a single one by itself, as every step hands on its only output."""
    parts = torch.chunk(value, chunks, dim)
    return parts if len(parts) > 1 else parts[0]


OPERATIONS: dict[str, Callable[..., Any]] = {
    "torch.add": _fold("add"),
    "torch.sub": _fold("sub"),
    "torch.mul": _fold("mul"),
    "torch.maximum": _fold("maximum"),
    "torch.minimum": _fold("minimum"),
    "torch.cat": lambda torch, *inputs, dim=0: torch.cat(inputs, dim),
    "torch.stack": lambda torch, *inputs, dim=0: torch.stack(inputs, dim),
    "torch.matmul": _matmul,
    "torch.reshape": lambda torch, value, shape: torch.reshape(value, _shape(shape)),
    "torch.permute": lambda torch, value, dims: torch.permute(value, _shape(dims)),
    "torch.transpose": lambda torch, value, dim0, dim1: torch.transpose(value, dim0, dim1),
    "torch.squeeze": lambda torch, value, dim: torch.squeeze(value, dim),
    "torch.unsqueeze": lambda torch, value, dim: torch.unsqueeze(value, dim),
    "torch.select": lambda torch, value, dim, index: torch.select(value, dim, index),
    "torch.narrow": lambda torch, value, dim, start, length: torch.narrow(value, dim, start, length),
    "torch.expand": lambda torch, value, shape: value.expand(_shape(shape)),
    "torch.chunk": _chunk,
    "torch.mean": _reduce("mean"),
    "torch.sum": _reduce("sum"),
    "torch.amax": _reduce("amax"),
    "torch.crop": _crop,
    "torch.pad": _pad,
    "torch.pick": lambda torch, value, output=0: value,
}
"""By the name that the definitions have for it."""
KNOWN = frozenset([*OPERATIONS, "torch.param"])
