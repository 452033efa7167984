"""Steps that are functions of torch as the expressions that people write for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from layercli.errors import LayerError
from layercli.render.code_values import literal

Shape = Sequence[int]
Writer = Callable[[Sequence[str], Mapping[str, Any], Shape], str]

_SLICED = 4
"""Up to this axis an index is written in brackets: ``x[:, :, 0]``."""


def operation(name: str, operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
    """The expression; ``arguments`` are in their normal form, ``shape`` is that of the first operand."""
    writer = OPERATIONS.get(name)
    if writer is None:
        raise LayerError("render.code", f"there is no code for {name.removeprefix('torch.')}", fix="leave the step out")
    return writer(operands, arguments, shape)


def _infix(sign: str) -> Writer:
    return lambda operands, arguments, shape: f" {sign} ".join(operands)


def _folded(name: str) -> Writer:
    return lambda operands, arguments, shape: reduce(lambda a, b: f"torch.{name}({a}, {b})", operands)


def _joined(name: str) -> Writer:
    def write(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
        dim = arguments.get("dim", 0)
        return f"torch.{name}([{', '.join(operands)}]{f', dim={dim}' if dim else ''})"

    return write


def _sizes(value: Any) -> str:
    """Sizes or axes as arguments of their own; an empty tuple stays one."""
    return ", ".join(map(str, value)) or "()"


def _dim(value: Any) -> str:
    return str(value[0]) if isinstance(value, tuple) and len(value) == 1 else literal(value)


def _reduced(name: str) -> Writer:
    def write(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
        dim, keepdim = arguments.get("dim", ()), bool(arguments.get("keepdim", False)) and bool(shape)
        axes = dim or (tuple(range(len(shape))) if keepdim else ())
        said = ([f"dim={_dim(axes)}"] if axes else []) + (["keepdim=True"] if keepdim else [])
        return f"{operands[0]}.{name}({', '.join(said)})"

    return write


def _at(dim: int, index: str) -> str:
    """What stands in the brackets, behind the axes before ``dim``."""
    return ", ".join([*[":"] * dim, index])


def _select(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
    dim, index = arguments["dim"], arguments["index"]
    if 0 <= dim < _SLICED:
        return f"{operands[0]}[{_at(dim, str(index))}]"
    return f"{operands[0]}[..., {index}]" if dim == -1 else f"{operands[0]}.select({dim}, {index})"


def _narrow(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
    dim, start, length = arguments["dim"], arguments["start"], arguments["length"]
    if start < 0 or not (0 <= dim < _SLICED or dim == -1):
        return f"{operands[0]}.narrow({dim}, {start}, {length})"
    end = start + length
    part = f"{start or ''}:{'' if end == shape[dim] and length else end}"
    return f"{operands[0]}[..., {part}]" if dim == -1 else f"{operands[0]}[{_at(dim, part)}]"


def _crop(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
    size = arguments["size"]
    sizes = size if isinstance(size, tuple) else (size,)
    if len(sizes) == 1 and len(shape) >= 3:
        sizes *= len(shape) - 2
    parts = []
    for have, wanted in zip(shape[len(shape) - len(sizes) :], sizes):
        start = (have - wanted) // 2
        parts.append(":" if have == wanted else f"{start}:{start + wanted}")
    return f"{operands[0]}[{', '.join(['...', *parts])}]"


def _pad(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
    value = arguments.get("value", 0)
    return f"F.pad({operands[0]}, {literal(arguments['pad'])}{f', value={literal(value)}' if value else ''})"


def _chunk(operands: Sequence[str], arguments: Mapping[str, Any], shape: Shape) -> str:
    dim = arguments.get("dim", 0)
    return f"{operands[0]}.chunk({arguments['chunks']}{f', dim={dim}' if dim else ''})"


def _method(write: Callable[[Mapping[str, Any]], str]) -> Writer:
    return lambda operands, arguments, shape: f"{operands[0]}.{write(arguments)}"


OPERATIONS: dict[str, Writer] = {
    "torch.add": _infix("+"),
    "torch.sub": _infix("-"),
    "torch.mul": _infix("*"),
    "torch.maximum": _folded("maximum"),
    "torch.minimum": _folded("minimum"),
    "torch.cat": _joined("cat"),
    "torch.stack": _joined("stack"),
    "torch.matmul": _infix("@"),
    "torch.reshape": _method(lambda said: f"reshape({_sizes(said['shape'])})"),
    "torch.permute": _method(lambda said: f"permute({_sizes(said['dims'])})"),
    "torch.transpose": _method(lambda said: f"transpose({said['dim0']}, {said['dim1']})"),
    "torch.squeeze": _method(lambda said: f"squeeze({_dim(said['dim'])})"),
    "torch.unsqueeze": _method(lambda said: f"unsqueeze({said['dim']})"),
    "torch.select": _select,
    "torch.narrow": _narrow,
    "torch.expand": _method(lambda said: f"expand({_sizes(said['shape'])})"),
    "torch.chunk": _chunk,
    "torch.mean": _reduced("mean"),
    "torch.sum": _reduced("sum"),
    "torch.amax": _reduced("amax"),
    "torch.crop": _crop,
    "torch.pad": _pad,
}
"""By torch's name; ``param`` is an attribute and ``pick`` a name, so that neither is here."""

INFIX = frozenset(name for name in ("torch.add", "torch.sub", "torch.mul", "torch.matmul"))
"""What cannot stand inside another expression without parentheses."""
