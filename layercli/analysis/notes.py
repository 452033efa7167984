"""What a colleague would mention in passing: each note has a stable code, a sentence and a fix."""

from collections.abc import Iterator
from typing import NamedTuple

from layercli.analysis.layer import Bound
from layercli.errors import Span
from layercli.spec import Op

USUAL_KERNEL = 11
"""The largest kernel size that people commonly type."""


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
    if op is not None:
        yield from _torch_order(bound, op)


def _batch_first(bound: Bound) -> Iterator[Note]:
    args, sizes = bound.args, bound.sizes
    if args.get("batch_first") is not False or "batch_first" in bound.given.values:
        return
    if bound.variant.known["batched"] and not bound.variant.known["packed"] and sizes["N"] > sizes["T"]:
        yield Note(
            "recurrent.batch-first",
            f"read as {sizes['T']} steps of a batch of {sizes['N']}, as torch does by default",
            f"write batch_first=true if the batch is {sizes['T']}",
        )


def _dropout(bound: Bound) -> Iterator[Note]:
    if bound.args.get("num_layers") == 1 and bound.args.get("dropout"):
        yield Note(
            "recurrent.dropout",
            "dropout acts between stacked layers, and there is one layer: it does nothing",
            "use layers=2 or more, or leave dropout out",
        )


def _torch_order(bound: Bound, op: Op) -> Iterator[Note]:
    """``conv2d 3 64 7`` on three channels: most likely torch's (in, out, kernel)."""
    values = [argument.items[0].value for argument in op.arguments if argument.name is None]
    if bound.layer.positional[:2] != ("out_channels", "kernel_size") or len(values) < 2:
        return
    out, kernel = values[:2]
    if out == bound.sizes["C"] and isinstance(kernel, int) and kernel > USUAL_KERNEL:
        rest = " ".join(str(value) for value in values[1:])
        yield Note(
            "spec.torch-order",
            f"this reads as out={out}, k={kernel}: the input's channels are inferred, and come first in torch only",
            f"write {op.name} {rest}",
            span=op.span,
        )
