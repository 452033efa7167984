"""How the cells of a tensor read the axes of the net's input, and what windows and merges make of that.

A size may be a symbol that stands for many (an ``int`` that remembers what it was compared with). It is never compared
here: an answer about other figures must not hang on one size because of this one. So sizes are looked at only where
they are plain, and where a map needs them and they are not, it is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from layercli.analysis.intervals import AS_IT_IS, ITSELF, Cells, Reads, joined, through

LATE = "its fields repeat too late to be followed"
OPEN = "it hangs on sizes that are left open"
_FLAT = "a window slides over axes that were joined in one"
BROADCAST = "a branch of one cell is stretched along it"
_CROSSED = "the branches have it along different axes"


class Axis(NamedTuple):
    """How the cells of a tensor read one axis of the net's input."""

    cells: Cells | None
    """The map; None where it is global or unknown."""
    dim: int | None
    """The axis of the tensor that says where; None where it is gone."""
    spatial: bool = False
    misaligned: str = ""
    """Why branches do not fit upon each other; empty where they do."""
    unknown: str = ""
    """Why there is no map; empty where there is one, and where it is global."""
    beside: tuple[str, ...] = ()
    """The sizes, written out, of all axes that were joined in ``dim``, where that was done to this one."""
    place: int = 0
    """Which of these it is."""
    inside: tuple[int, int] | None = None
    """The first and the last cell of the tensor whose field touches no end of any tensor before; None for no sizes.

    There the map holds to the cell. Only a measurement asks for it.
    """

    @property
    def whole(self) -> bool:
        """Whether it is global: every cell reads all of it."""
        return self.cells is None and not self.unknown

    def within(self, shape: Sequence[int]) -> Axis:
        """The same axis, no cell counted that the tensor does not have: some may have been cut off."""
        if self.inside is None or self.dim is None or not plain(shape[self.dim]) or self.inside[1] < shape[self.dim]:
            return self
        return self._replace(inside=(self.inside[0], shape[self.dim] - 1))

    def everywhere(self) -> Axis:
        """The same axis, read as a whole."""
        return self._replace(cells=None, unknown="", misaligned="")

    def lost(self, why: str) -> Axis:
        """The same axis, its map not known; what is global stays so."""
        return self if self.whole else self._replace(cells=None, unknown=self.unknown or why, misaligned="")


def plain(*sizes: int) -> bool:
    """Whether these are numbers and no symbols."""
    return all(type(size) is int for size in sizes)


def one_cell(size: int) -> bool:
    """Whether an axis has one cell for certain."""
    return plain(size) and size == 1


Change = Callable[[Axis], Axis]


class Branch(NamedTuple):
    """One of a layer's inputs: what its axes read, its shape, and what the layer calls its axes."""

    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    labels: tuple[str, ...]

    def along(self, dims: Sequence[int], change: Change) -> Branch:
        """With a change to what lies along these axes of the tensor."""
        return self._replace(axes=changed(self.axes, dims, change))


def changed(axes: tuple[Axis, ...], dims: Sequence[int], change: Change) -> tuple[Axis, ...]:
    """The axes, with a change to those that lie along these axes of the tensor."""
    return tuple(change(axis) if axis.dim in dims else axis for axis in axes)


def identity(shape: Sequence[int]) -> tuple[Axis, ...]:
    """The axes of a tensor of this shape that is the input itself."""
    return tuple(Axis(ITSELF, dim, inside=(0, size - 1) if plain(size) else None) for dim, size in enumerate(shape))


# --- windows along the last axes -------------------------------------------------------------------------------------


def read(axes: tuple[Axis, ...], dim: int, reads: Reads | None, size: int) -> tuple[Axis, ...]:
    """The axes when one of the tensor's is read so and comes out at this size: spatial from now on.

    Without ``reads`` the map repeats too late.
    """
    return changed(axes, (dim,), lambda axis: followed(axis, reads, size))


def followed(axis: Axis, reads: Reads | None, size: int) -> Axis:
    """One axis of the input, read through one more layer."""
    axis = axis if axis.spatial else axis._replace(spatial=True)
    if axis.cells is None or reads == AS_IT_IS:
        return axis
    if axis.beside:
        return axis.lost(_FLAT)
    cells = None if reads is None else through(axis.cells, reads)
    if cells is None or reads is None:
        return axis.lost(LATE)
    return axis._replace(cells=cells, inside=reads.inside(*axis.inside, size) if axis.inside and plain(size) else None)


# --- merging ---------------------------------------------------------------------------------------------------------


def merged(branches: Sequence[Branch], shapes: Sequence[tuple[int, ...]]) -> tuple[Axis, ...]:
    """What the branches read together, aligned at their last axes; ``shapes``: what they are broadcast with."""
    if len(branches) == 1 and len(shapes) < 2:
        return branches[0].axes
    rank = max(len(shape) for shape in (*shapes, *(branch.shape for branch in branches)))
    whole: tuple[Axis, ...] = ()
    for branch in branches:
        offset = rank - len(branch.shape)
        axes = tuple(axis if axis.dim is None else axis._replace(dim=axis.dim + offset) for axis in branch.axes)
        sizes = {offset + place: size for place, size in enumerate(branch.shape)}
        axes = tuple(axis.lost(BROADCAST) if _stretched(axis, sizes, shapes, rank) else axis for axis in axes)
        whole = tuple(map(_both, whole, axes)) if whole else axes
    return whole


def _stretched(axis: Axis, sizes: Mapping[int, int], shapes: Sequence[tuple[int, ...]], rank: int) -> bool:
    """Whether another input is longer along the axis than this branch, whose one cell then stands for all."""
    if axis.cells is None or axis.dim is None or not one_cell(sizes[axis.dim]):
        return False
    places = ((shape, axis.dim - rank + len(shape)) for shape in shapes)
    return any(place >= 0 and not one_cell(shape[place]) for shape, place in places)


def _both(first: Axis, second: Axis) -> Axis:
    """What two branches read of one axis of the input."""
    spatial = first.spatial or second.spatial
    first, second = first._replace(spatial=spatial), second._replace(spatial=spatial)
    if first.whole or first == second:
        return first
    if second.whole:
        return second
    if first.cells is None or second.cells is None:
        return first if first.cells is None else second
    if (first.dim, first.beside, first.place) != (second.dim, second.beside, second.place):
        return first.lost(_CROSSED)._replace(dim=None)
    misaligned = first.misaligned or second.misaligned
    if first.cells.stride != second.cells.stride:
        largest = max(first, second, key=lambda axis: axis.cells.size if axis.cells else 0)
        steps = f"branches step by {first.cells.stride} and {second.cells.stride} cells"
        return largest._replace(misaligned=misaligned or f"{steps}; the largest is shown", inside=None)
    cells = joined(first.cells, second.cells)
    if cells is None:
        return first.lost(LATE)
    inside = None
    if first.inside and second.inside:
        inside = max(first.inside[0], second.inside[0]), min(first.inside[1], second.inside[1])
    if first.cells.centre != second.cells.centre:
        apart = abs(first.cells.centre - second.cells.centre)
        misaligned = misaligned or f"the centres of branches lie {apart} cells apart"
    return first._replace(cells=cells, misaligned=misaligned, inside=inside)
