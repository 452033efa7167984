"""What a colleague would mention in passing: each note has a stable code, a sentence and a fix."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Bound
from layercli.errors import Span
from layercli.formula import Sym
from layercli.layers.definition import Layer, TensorIn
from layercli.spec import Op

USUAL_KERNEL = 11
"""The largest kernel size that people commonly type."""
USUAL_LAYERS = 8
"""The largest number of stacked recurrent layers that people commonly type."""


class Note(NamedTuple):
    """Something worth knowing that is no error."""

    code: str
    message: str
    fix: str = ""
    path: str = ""
    span: Span | None = None


def notes(bound: Bound, op: Op | None) -> Iterator[Note]:
    """What there is to say of one layer."""
    yield from _batch_first(bound)
    yield from _dropout(bound)
    first = next(tensors(next(iter(bound.inputs.values()))), None)
    meant = torch_order(bound.layer, op, first.shape) if op is not None and first is not None else None
    if meant is not None:
        yield meant


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


def torch_order(layer: Layer, op: Op, shape: Sequence[int]) -> Note | None:
    """``conv2d 3 64 7`` on three channels, ``lstm 64 128`` on 64 features: most likely torch's order of arguments."""
    values = [argument.items[0].value for argument in op.arguments if argument.name is None]
    usual = {"kernel_size": USUAL_KERNEL, "num_layers": USUAL_LAYERS}.get("".join(layer.positional[1:2]), 0)
    inferred = layer.keys[0].infer if layer.keys else None
    if not usual or len(values) < 2 or not isinstance(inferred, Sym) or not isinstance(layer.inputs[0], TensorIn):
        return None
    axes = layer.inputs[0].forms[0].axes.split()
    behind = len(axes) - axes.index(inferred.name)
    first, second = values[:2]
    if behind > len(shape) or first != shape[-behind] or not isinstance(second, int) or second <= usual:
        return None
    read = ", ".join(f"{key.names[-1]}={value}" for key, value in zip(map(layer.key, layer.positional), values) if key)
    rest = " ".join(str(value) for value in values[1:])
    message = f"this reads as {read}: {layer.keys[0].name} is inferred here, and comes first in torch only"
    return Note("spec.torch-order", message, f"write {layer.name} {rest}", span=op.span)
