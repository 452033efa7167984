"""What a colleague would say of a step that does not fit: which step gave what, and where two branches differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layercli.analysis.stream import Stream
from layercli.errors import LayerError, Span
from layercli.layers import did_you_mean, find, suggest
from layercli.layers.definition import Layer
from layercli.layers.left_out import left_out

if TYPE_CHECKING:
    from layercli.analysis.graph import Row

_WRITE_A_CHAIN = 'write layers, a chain of them as "conv2d 8 3 | relu"'


def unknown_layer(name: str, span: Span | None) -> LayerError:
    """The error for a name that no layer has."""
    why = left_out(name)
    if why:
        return LayerError("spec.unknown-layer", f"{name} is no layer: it is {why}", span=span, fix=_WRITE_A_CHAIN)
    near = suggest(name)
    lower = find(name.lower())
    fix = did_you_mean(near, "layercli list shows every layer")
    return LayerError(
        "spec.unknown-layer", f"there is no layer {name[:60]!r}",
        span=span, fix=f"write {lower.name}" if lower else fix, suggestions=(lower.name,) if lower else near,
    )  # fmt: skip


def clash(error: LayerError, layer: Layer, sources: Sequence[Stream]) -> None:
    """Says of branches that do not merge what each gives, and the first axis on which two of them differ."""
    shapes = [source.flow.shape for source in sources]
    listed = ", ".join(f"{number} gives {_written(shape)}" for number, shape in enumerate(shapes))
    error.message = f"{layer.name} cannot merge its inputs: {listed}"
    first = shapes[0]
    other = next((shape for shape in shapes if len(shape) != len(first)), None)
    if other is not None:
        error.message += f"; they have {len(first)} and {len(other)} axes"
        return
    for axis, sizes in enumerate(zip(*shapes)):
        if len(set(sizes)) > 1 and (layer.name in ("cat", "stack") or len(set(sizes) - {1}) > 1):
            differing = " and ".join(map(str, dict.fromkeys(sizes)))
            error.message += f"; they differ on axis {axis}: {differing}"
            return


def why_it_does_not_fit(error: LayerError, rows: Sequence[Row], source: Stream) -> None:
    """Adds which step gave the shape that the error speaks of."""
    if source.wire.call is None or not error.code.startswith("shape."):
        return
    row = rows[source.wire.call]
    error.message += f" ({row.label or row.bound.layer.name} gives {_written(source.flow.shape)})"


def _written(shape: tuple[int, ...]) -> str:
    return ",".join(map(str, shape)) or "a scalar"
