"""What a colleague would mention in passing: each note has a stable code, a sentence and a fix."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Bound
from layercli.errors import Span
from layercli.formula import Sym
from layercli.layers.definition import REQUIRED, Layer, TensorIn
from layercli.spec import Op
from layercli.spec.tree import Argument

_USUAL = {"kernel_size": 11, "num_layers": 8}
"""The largest second value that people commonly type."""
_HEADS = (("num_heads",), ("nhead",))
"""Layers whose first value is a number of heads: as many as there are features is torch's first argument."""


class Note(NamedTuple):
    """Something worth knowing that is no error."""

    code: str
    message: str
    fix: str = ""
    path: str = ""
    span: Span | None = None


def notes(bound: Bound, op: Op | None, first: bool = True) -> Iterator[Note]:
    """What there is to say of one layer; ``first``: whether it takes the inputs of the whole."""
    yield from _assumed(bound, first)
    yield from _batch_first(bound)
    yield from _dropout(bound)
    fed = next(tensors(tuple(bound.inputs.values())), None)
    meant = torch_order(bound.layer, op, fed.shape) if op is not None and fed is not None else None
    if meant is not None and op is not None and _complete(bound.layer, op):
        yield meant


def _assumed(bound: Bound, first: bool) -> Iterator[Note]:
    for item in bound.assumed:
        for flow in tensors(bound.inputs[item.name]) if not item.like else ():
            shape = ",".join(map(str, flow.shape)) or "scalar"
            yield Note(
                "input.assumed",
                f"{item.name} is not given: {shape} of {flow.dtype} is assumed, with values made up",
                f"give your own with -i {item.name}={shape}" if first else "",
            )


def _batch_first(bound: Bound) -> Iterator[Note]:
    args, sizes = bound.args, bound.sizes
    if args.get("batch_first") is not False or "batch_first" in bound.given.values:
        return
    steps = next((sizes[name] for name in ("T", "L", "S") if name in sizes), None)
    if steps is None or not bound.variant.known["batched"] or bound.variant.known["packed"]:
        return
    if sizes["N"] > steps:
        yield Note(
            "recurrent.batch-first",
            f"read as {steps} steps of a batch of {sizes['N']}, as torch does by default",
            f"write batch_first=true if the batch is {steps}",
        )


def _dropout(bound: Bound) -> Iterator[Note]:
    if bound.args.get("num_layers") == 1 and bound.args.get("dropout"):
        yield Note(
            "recurrent.dropout",
            "dropout acts between stacked layers, and there is one layer: it does nothing",
            "use layers=2 or more, or leave dropout out",
        )


def _complete(layer: Layer, op: Op) -> bool:
    """Whether in torch's order nothing would be missing: a convolution then has three values, or a kernel by name."""
    kernel = layer.key("kernel_size")
    written = {argument.name for argument in op.arguments}
    values = sum(argument.name is None for argument in op.arguments)
    return kernel is None or values > 2 or bool(written.intersection(kernel.names))


def torch_order(layer: Layer, op: Op, shape: Sequence[int]) -> Note | None:
    """``conv2d 3 64 7`` on three channels, ``mha 512 8`` on 512 features: most likely torch's order of arguments."""
    values = [_alone(argument) for argument in op.arguments if argument.name is None]
    keys = layer.shell_keys
    inferred = keys[0].infer if keys else None
    if len(values) < 2 or not isinstance(inferred, Sym) or not isinstance(layer.inputs[0], TensorIn):
        return None
    axes = layer.inputs[0].forms[0].axes.split()
    behind = len(axes) - axes.index(inferred.name) if inferred.name in axes else len(shape) + 1
    first, second = values[:2]
    if behind > len(shape) or first != shape[-behind] or not isinstance(second, int):
        return None
    written = {argument.name for argument in op.arguments}
    left = (layer.key(name) for name in layer.positional[len(values) - 1 :])
    if any(key and key.default is REQUIRED and not written.intersection(key.names) for key in left):
        return None  # torch would miss one itself
    if layer.positional[:1] not in _HEADS:
        usual = _USUAL.get("".join(layer.positional[1:2]))
        if usual is None or second <= usual:
            return None
    read = ", ".join(f"{key.names[-1]}={value}" for key, value in zip(map(layer.key, layer.positional), values) if key)
    rest = " ".join(str(value) for value in values[1:])
    message = f"this reads as {read}: {keys[0].name} is inferred here, and comes first in torch only"
    return Note("spec.torch-order", message, f"write {layer.name} {rest}", span=op.span)


def _alone(argument: Argument) -> Any:
    """The value of an argument that is a single one; of several, all of them as they are written."""
    if len(argument.items) == 1:
        return argument.items[0].value
    return "x".join(item.text for item in argument.items)
