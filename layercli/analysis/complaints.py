"""What a colleague would say of a step that does not fit: which step gave what, and where two branches differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING

from layercli.analysis.flow import Flow
from layercli.analysis.keys import Given
from layercli.analysis.notes import torch_order
from layercli.analysis.stream import Stream
from layercli.errors import LayerError, Span
from layercli.layers import did_you_mean, find, suggest
from layercli.layers.definition import Layer
from layercli.layers.kinds import shown
from layercli.layers.left_out import left_out
from layercli.spec import Chain, Group, Op

if TYPE_CHECKING:
    from layercli.analysis.rows import Row

_IN_FEATURES = re.compile(r"in_features is (\d+), but")
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


def unknown_input(chain: Chain, names: Sequence[str | None]) -> LayerError | None:
    """The error for the first of the inputs' names that no step of the design has; None where all are known."""
    known = [*dict.fromkeys(_inputs(chain, len(names)))]
    strange = next((name for name in names if name is not None and name not in known), None)
    if strange is None:
        return None
    near = suggest(strange, known)
    step = chain.steps[0].unit
    alone = step.name if len(chain.steps) == 1 and not isinstance(step, Group) else ""
    message = f"{alone} has no input {shown(strange)}" if alone else f"no step has an input {shown(strange)}"
    otherwise = f"it takes {', '.join(known)}" if alone else (
        "name it as a layer's input, or as the label of an input step"
    )  # fmt: skip
    return LayerError("type.inputs", message, fix=did_you_mean(near, otherwise), suggestions=near)


def _inputs(chain: Chain, count: int) -> Iterator[str]:
    """The names that the steps of a chain have for their inputs; those that merge for so many."""
    for step in chain.steps:
        unit = step.unit
        if isinstance(unit, Group):
            yield from _inputs(unit.chain, count)
            continue
        layer = find(unit.name) if isinstance(unit, Op) else find(unit.name.lower())
        if layer is not None and layer.name == "input" and step.label:
            yield step.label
        if layer is not None and layer.several is not None:
            layer = layer.several(max(2, count))
        for item in layer.inputs if layer is not None else ():
            yield item.name
            yield from (part.name for part in getattr(item, "items", ()))
        for branch in unit.branches if isinstance(unit, Op) else ():
            yield from _inputs(branch, count)


def explain(
    error: LayerError, layer: Layer, given: Given, op: Op, sources: Sequence[Stream], rows: Sequence[Row]
) -> None:
    """Makes of what a layer refuses what a colleague would say of it in this design."""
    meant = torch_order(layer, op, sources[0].flow.shape if sources else ())
    if meant is not None:
        error.fix = meant.fix
    elif layer.several is not None and len(sources) > 1:
        clash(error, layer, given, sources)
    elif sources:
        why_it_does_not_fit(error, rows, sources[0])


def several_outputs(row: Row, layer: Layer) -> LayerError:
    """What torch says of a module behind one that gives a tuple, in a Sequential."""
    name = row.bound.layer.torch
    return LayerError(
        "torch.tuple", f"{name} gives a tuple, and in PyTorch {layer.torch} is handed it as it is",
        fix=f"write it as steps, where the first output flows on: {row.bound.layer.name} … | {layer.name} …",
    )  # fmt: skip


def clash(error: LayerError, layer: Layer, given: Given, sources: Sequence[Stream]) -> None:
    """Says of branches that do not merge what each gives, and the first axis on which they differ and must not."""
    flows = [source.flow for source in sources]
    listed = ", ".join(f"branch {number} gives {_written(flow.shape)}" for number, flow in enumerate(flows))
    error.message = f"{layer.name} cannot merge: {listed}"
    ranks = {len(flow.shape) for flow in flows}
    if len(ranks) > 1:
        counts = dict.fromkeys(len(flow.shape) for flow in flows)
        error.message += f"; they have {' and '.join(map(str, counts))} axes"
        error.fix = _more_axes(flows, max(ranks))
        return
    rank = ranks.pop()
    joined = given.values.get("dim", 0) % max(rank, 1) if layer.name == "cat" else None
    stretches = layer.name not in ("cat", "stack")  # a size of 1 gives way where shapes broadcast
    for axis, sizes in enumerate(zip(*(flow.shape for flow in flows))):
        differing = dict.fromkeys(sizes)
        if axis != joined and len(differing.keys() - ({1} if stretches else set())) > 1:
            said = next((flow.labels[axis] for flow in flows if len(flow.labels) == rank), "")
            label = f" ({said})" if said.isalpha() else ""
            error.message += f"; they differ on axis {axis}{label}: {' and '.join(map(str, differing))}"
            error.fix = _one_size(axis, rank, sizes)
            return


def _more_axes(flows: Sequence[Flow], rank: int) -> str:
    """How a branch of too few axes gets as many as the others."""
    number, few = min(enumerate(flows), key=lambda branch: len(branch[1].shape))
    most = next(flow for flow in flows if len(flow.shape) == rank)
    if len(few.shape) == 2 and few.shape == most.shape[:2]:
        last = ",".join([str(few.shape[1]), *["1"] * (rank - 2)])
        return f"end branch {number} with unflatten 1 {last}, which keeps its channels in place"
    return f"give branch {number} {rank} axes: unsqueeze, unflatten or reshape at its end"


def _one_size(axis: int, rank: int, sizes: Sequence[int]) -> str:
    """What makes branches alike along an axis on which they differ."""
    wanted = sizes[-1]
    if axis == 1 and 3 <= rank <= 5:
        return f"give all of them one number of channels: conv{rank - 2}d {wanted} 1 in branch 0 projects it"
    if axis == rank - 1 and rank < 4:
        return f"give all of them {wanted} features: linear {wanted} in branch 0 projects it"
    if axis > 1 and rank > 2:
        return "choose padding and stride so that both come out alike, or cut the larger: crop like=@label"
    return "give them one shape"


def why_it_does_not_fit(error: LayerError, rows: Sequence[Row], source: Stream) -> None:
    """Adds which step gave the shape that the error speaks of."""
    if source.wire.call is None or not error.code.startswith("shape."):
        return
    row = rows[source.wire.call]
    shape = source.flow.shape
    meant = _IN_FEATURES.match(error.message)
    if meant and len(shape) > 2 and int(meant[1]) == prod(shape[1:]):
        error.fix = "put flatten before it: the features are those of all axes behind the batch"
    elif meant and len(shape) > 3:
        error.fix = (
            f"put flatten before it, which gives {prod(shape[1:])} features, and use in_features={prod(shape[1:])}"
        )
    error.message += f" ({row.label or row.bound.layer.name} gives {_written(source.flow.shape)})"


def _written(shape: tuple[int, ...]) -> str:
    return ",".join(map(str, shape)) or "a scalar"
