"""The receptive field of every row of a net: which cells of the net's first input one cell of its output sees.

Kept is, for each axis of that input, how the cells of the tensor at hand read it (:class:`Axis`), which axis of the
tensor says where, and whether it counts as spatial: whether a window slid along it, or positions were mixed along it
by name. Batch and channels are followed too, since a net may turn them into positions, but they are not told.

What the figures mean:

- Where maps repeat (:mod:`layercli.analysis.intervals`) size, stride, padding and centre are Distill's: the field of
  output cell u has its centre at ``-padding + u*stride + (size - 1)/2``. Behind a transposed convolution or an
  upsampling the stride is a fraction, the size the largest of all phases, the centre their mean. All of it holds far
  from the ends of the input: borders, ceil_mode and what a padding is filled with change nothing.
- *Merging*, by any layer with several tensors that works position by position, takes the smallest interval around
  those of all branches. It is misaligned where the branches' centres differ, and where their strides do: there the
  largest branch stands for all. Learned tensors and further inputs of the net read nothing.
- *Global* is an axis of which each cell reads all there is, by the letter: a linear map over what was flattened,
  attention and recurrences along a sequence (a causal one too), adaptive pooling to one cell, a mean. What is global
  stays so, and a merge with it is global: a gate of squeeze-and-excitation makes its block global.
- *Norms* are skipped, as everywhere in the literature, though their statistics see all that they normalise over.
- *Unknown* is an axis whose map no interval rule holds for (random windows, an axis taken apart, cells picked): the
  reason stays with it until something global follows.
- A layer that no rule is declared for (a loss, a bag of embeddings) ends the notion.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from layercli.analysis import moves
from layercli.analysis.axes import Axis, Branch, identity, merged, read
from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.intervals import Ratio, sliding, spreading
from layercli.analysis.layer import Bound
from layercli.layers import reach
from layercli.layers.definition import Layer, TupleIn


class Field(NamedTuple):
    """The receptive field of a tensor: how it reads every axis of the net's first input.

    ``axes`` is None where there is nothing to tell: of the input itself, of a constant, where the notion has ended.
    """

    axes: tuple[Axis, ...] | None
    fresh: bool = False
    """Whether it is the input itself."""
    constant: bool = False
    """Whether it is a tensor that reads nothing of the input."""

    @property
    def spatial(self) -> tuple[Axis, ...]:
        """What is told: the axes along which something slid or was mixed."""
        return tuple(axis for axis in self.axes or () if axis.spatial)


START = Field(None, fresh=True)
"""The net's first input."""
CONSTANT = Field(None, constant=True)
"""A learned tensor, or a further input."""
ENDED = Field(None)
"""Behind a layer that no rule is declared for."""


def after(bound: Bound, inputs: Mapping[str, Field]) -> Field:
    """The field of a layer's first output, from those of the tensors that its inputs are wired to, by their names.

    Inputs that are left out count as constant.
    """
    live = [(name, field) for name, field in inputs.items() if not field.constant]
    layer = bound.layer
    if not live:
        return CONSTANT
    if layer.window is None and layer.reach is None:
        return ENDED
    if layer.window == () and layer.reach is None and len(layer.inputs) == 1:
        return live[0][1]  # most rows of most nets: a layer that works on each position by itself
    flows = _flows(bound)
    if any(field == ENDED or name not in flows for name, field in live):
        return ENDED
    shapes = moves.Tensors(bound, flows[live[0][0]].shape, next(tensors(bound.outputs)).shape)
    branches = [moves.of_branch(layer.reach, _branch(bound, name, field, flows[name]), shapes) for name, field in live]
    broadcast = [flow.shape for flow in flows.values()] if layer.window == () else []
    axes = merged(branches, broadcast)
    if layer.window:
        axes = _slid(axes, bound, shapes)
    return Field(moves.moved(layer.reach, axes, shapes))


def _branch(bound: Bound, name: str, field: Field, flow: Flow) -> Branch:
    axes = identity(flow.shape) if field.axes is None else tuple(axis.within(flow.shape) for axis in field.axes)
    return Branch(axes, flow.shape, bound.labels.get(name, ()))


def _flows(bound: Bound) -> dict[str, Flow]:
    """Every tensor that goes in, by its name; those of a tuple by their own."""
    found: dict[str, Flow] = {}
    for item in bound.layer.inputs:
        value: Tree = bound.inputs.get(item.name)
        if isinstance(value, Flow):
            found[item.name] = value
        elif isinstance(item, TupleIn) and value is not None:
            found.update(zip((part.name for part in item.items), tensors(value)))
    return found


def slides(layer: Layer) -> bool:
    """Whether the field of its output over the input itself is a matter of numbers that :func:`of_windows` takes."""
    rule, window = layer.reach, layer.window
    if isinstance(rule, reach.Mixes):
        beside = all(isinstance(dim, int) and -dim > len(window or ()) for dim in rule.axes)
        return bool(window) and not rule.labels and beside
    return (bool(window) and rule is None) or (isinstance(rule, reach.Spreads) and not window)


def fixed(layer: Layer) -> bool:
    """Whether the field of its output over the input itself is the same for all sizes."""
    return not layer.window and (layer.reach is None or isinstance(layer.reach, reach.Mixes))


def of_windows(windows: Sequence[Sequence[int]], spread: bool = False) -> Field:
    """The field behind windows that slide over the input itself: kernel, stride, padding and dilation of each axis.

    ``spread``: a transposed convolution's.
    """
    axes = identity((1,) * len(windows))
    for dim, (kernel, stride, padding, dilation) in enumerate(windows):
        dilation = dilation if kernel > 1 or spread else 1
        axes = read(axes, dim, (spreading if spread else sliding)(kernel, stride, padding, dilation), 1)
    return Field(axes)


def _slid(axes: tuple[Axis, ...], bound: Bound, shapes: moves.Tensors) -> tuple[Axis, ...]:
    """A window over each of the last axes."""
    windows, sizes = bound.layer.window or (), bound.sizes
    for number in range(len(windows)):
        dim = shapes.rank - len(windows) + number
        if dim >= 0:  # a padding layer may be given fewer axes than it knows to pad
            kernel, stride, padding, dilation = (
                sizes[f"window.{number}.{part}"] for part in ("kernel", "stride", "padding", "dilation")
            )
            reads = sliding(kernel, stride, padding, dilation if kernel > 1 else 1)
            axes = read(axes, dim, reads, shapes.behind[dim] if dim < len(shapes.behind) else 0)
    return axes


# --- what is told ----------------------------------------------------------------------------------------------------


def as_json(field: Field) -> dict[str, list[Any]] | None:
    """A list for each figure, with an entry for each spatial axis; None where there is none, or nothing is known.

    A figure is null along an axis that is global or unknown, an integer where it is whole, else a float: exactly n/m
    for small m.
    """
    axes = field.spatial
    if not axes or all(axis.unknown for axis in axes):
        return None
    known = [axis.cells for axis in axes]
    return {
        "size": [cells and cells.size for cells in known],
        "stride": [cells and _figure(cells.stride) for cells in known],
        "padding": [cells and _figure(cells.padding) for cells in known],
        "centre": [cells and _figure(cells.centre) for cells in known],
        "global": [axis.whole for axis in axes],
        "misaligned": [bool(axis.misaligned) for axis in axes],
    }


def _figure(value: Ratio) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def describe(field: Field) -> str:
    """In a few words: ``212x212, stride 32, padding 90``, ``global``, ``3 x global, stride 1, padding 1``."""
    axes = field.spatial
    known = [axis.cells for axis in axes if axis.cells is not None]
    words = [
        "unknown" if axis.unknown else "global" if axis.cells is None else str(axis.cells.size) for axis in axes
    ]  # fmt: skip
    if len(set(words)) == 1 and not known:
        return words[0]
    parts = [("x" if len(known) == len(axes) else " x ").join(words)]
    for name, figures in (("stride", [c.stride for c in known]), ("padding", [c.padding for c in known])):
        parts.append(f"{name} {_together(figures)}")
    if any(axis.misaligned for axis in axes):
        parts.append("misaligned")
    return ", ".join(parts) if axes else ""


def _together(figures: Sequence[Ratio]) -> str:
    return str(figures[0]) if len(set(figures)) == 1 else "x".join(map(str, figures))


def unknown(field: Field) -> str:
    """Why an axis is unknown; empty where none is."""
    return next((axis.unknown for axis in field.spatial if axis.unknown), "")


def misaligned(field: Field) -> str:
    """Why branches do not fit upon each other; empty where they do."""
    return next((axis.misaligned for axis in field.spatial if axis.misaligned), "")


class Probe(NamedTuple):
    """A spatial axis, for a measurement by gradients."""

    source: int
    """Which axis of the net's first input it is."""
    dim: int | None
    """The axis of the output that says where; None where it is gone, or shared with others."""
    phases: int
    """How many neighbouring output cells differ in what they read; the largest of them is the size."""
    inside: tuple[int, int] | None
    """The first and the last output cell that :func:`confirmed` can compare."""


def confirmed(axis: Axis, fields: Sequence[tuple[int | None, int, int]], length: int) -> bool | None:
    """Whether a measurement found what the map says; None where nothing can be compared.

    ``fields``: the places of output cells, and the first and the last cell that each was found to read of an axis of
    this length. Cells whose field touches an end of any tensor on the way are left out.
    """
    if axis.cells is None:
        return True if axis.whole and fields and all(found[1:] == (0, length - 1) for found in fields) else None
    if axis.inside is None:
        return None
    first, last = axis.inside
    pairs = [
        axis.cells.at(place) == (low, high)
        for place, low, high in fields
        if place is not None and first <= place <= last
    ]
    return all(pairs) if pairs else None


def probes(field: Field) -> tuple[Probe, ...]:
    """What to measure in order to check the sizes, axis by axis as they are told.

    Nothing where tensors are joined along an axis of positions: which of their fields a cell has hangs on the place.
    """
    if any(axis.unknown == moves.JOINED for axis in field.spatial):
        return ()
    return tuple(
        Probe(source, None if axis.beside else axis.dim, len(axis.cells.intervals) if axis.cells else 1, axis.inside)
        for source, axis in enumerate(field.axes or ())
        if axis.spatial
    )
