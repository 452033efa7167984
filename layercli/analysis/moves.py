"""What the declarations of :mod:`layercli.layers.reach` do to the axes of a receptive field."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from layercli.analysis.axes import BROADCAST, OPEN, Axis, Branch, changed, followed, one_cell, plain, read
from layercli.analysis.intervals import as_ratio, ratio_of, sampling, sharing, sliding, spreading
from layercli.analysis.layer import Bound
from layercli.formula import Expr, evaluate
from layercli.layers import reach
from layercli.layers.reach import Place

_TAKEN = "only some of its positions are taken"
_APART = "an axis is taken apart"
JOINED = "tensors are joined along it"

Axes = tuple[Axis, ...]


class Tensors(NamedTuple):
    """The layer, the shapes of its first input and of its first output."""

    bound: Bound
    before: tuple[int, ...]
    behind: tuple[int, ...]

    @property
    def rank(self) -> int:
        """How many axes the first input has."""
        return len(self.before)

    def value(self, expr: Expr) -> Any:
        """What a formula of the definition comes to here."""
        return evaluate(self.bound.variant.resolved(expr), self.bound.sizes)

    def dims(self, place: Place, rank: int) -> list[int]:
        """Axes as numbers from 0, those that there are."""
        value = self.bound.args[place] if isinstance(place, str) else place
        value = self.value(value) if isinstance(value, Expr) else value
        if value is None or value == ():
            return list(range(rank))
        found = (dim + rank if dim < 0 else dim for dim in (value if isinstance(value, tuple) else (value,)))
        return [dim for dim in found if 0 <= dim < rank]

    def dim(self, place: Place, rank: int) -> int:
        """One axis as a number from 0; one behind the last where there is none such."""
        return next(iter(self.dims(place, rank)), rank)


# --- before branches are merged --------------------------------------------------------------------------------------


def of_branch(rule: reach.Reach | None, branch: Branch, tensors: Tensors) -> Branch:
    """What a rule does to one of the inputs, by itself."""
    rank = len(branch.shape)
    if isinstance(rule, reach.Mixes):
        named = [dim for dim, label in enumerate(branch.labels) if label in rule.labels]
        branch = branch.along(named, lambda axis: axis.everywhere()._replace(spatial=True))
        places = [dim for place in rule.axes for dim in tensors.dims(place, rank)]
        return branch.along(places, Axis.everywhere)
    if isinstance(rule, reach.Joins) and not rule.new:
        return branch.along(tensors.dims(rule.axis, rank), lambda axis: axis.lost(JOINED))
    return branch


# --- behind ----------------------------------------------------------------------------------------------------------


def moved(rule: reach.Reach | None, axes: Axes, tensors: Tensors) -> Axes:
    """What a rule does to the axes of all inputs together."""
    return axes if rule is None else _RULES[type(rule)](rule, axes, tensors)


def _numbered(axes: Axes, place: Callable[[int], int | None]) -> Axes:
    return tuple(axis if axis.dim is None else axis._replace(dim=place(axis.dim)) for axis in axes)


def _without(axes: Axes, dims: Iterable[int]) -> Axes:
    """The axes when these of the tensor's are gone."""
    gone = set(dims)
    return _numbered(axes, lambda dim: None if dim in gone else dim - sum(other < dim for other in gone))


def _spreads(rule: reach.Spreads, axes: Axes, tensors: Tensors) -> Axes:
    for back, spread in enumerate(reversed(rule.axes), 1):
        dim = tensors.rank - back
        axes = read(axes, dim, spreading(*map(tensors.value, spread)), tensors.behind[dim])
    if rule.mixes:
        axes = changed(axes, (tensors.rank - len(rule.axes) - 1,), Axis.everywhere)
    return axes


def _shares(rule: reach.Shares, axes: Axes, tensors: Tensors) -> Axes:
    for dim in range(tensors.rank - rule.last, tensors.rank):
        axes = _shared(axes, dim, tensors)
    return axes


def _shared(axes: Axes, dim: int, tensors: Tensors) -> Axes:
    cells, out = tensors.before[dim], tensors.behind[dim]
    if one_cell(out) and not one_cell(cells):
        return changed(axes, (dim,), lambda axis: axis.everywhere()._replace(spatial=True))
    if not plain(cells, out):
        return _open(axes, dim)
    return read(axes, dim, sharing(cells, out), out)


def _open(axes: Axes, dim: int) -> Axes:
    """The axes when how one of the tensor's is read hangs on sizes that are symbols."""
    return changed(axes, (dim,), lambda axis: axis.lost(OPEN)._replace(spatial=True))


def _samples(rule: reach.Samples, axes: Axes, tensors: Tensors) -> Axes:
    mode, corners = tensors.value(rule.mode), bool(tensors.value(rule.corners))
    for dim in range(2, tensors.rank):
        cells, out = tensors.before[dim], tensors.behind[dim]
        factor = tensors.value(rule.factors[dim - tensors.rank])
        if mode == "area":
            axes = _shared(axes, dim, tensors)
        elif factor and not corners:
            axes = read(axes, dim, sampling(mode, as_ratio(factor), corners), out)
        elif not plain(cells, out):
            axes = _open(axes, dim)
        else:
            ratio = ratio_of(cells - 1, out - 1) if corners and out > 1 else ratio_of(cells, out)
            axes = read(axes, dim, sampling(mode, ratio, corners), out)
    return axes


def _shifts(rule: reach.Shifts, axes: Axes, tensors: Tensors) -> Axes:
    return _begun(axes, tensors, [tensors.value(before) for before in reversed(rule.before[-tensors.rank :])])


def _pads(rule: reach.Pads, axes: Axes, tensors: Tensors) -> Axes:
    return _begun(axes, tensors, tensors.bound.args[rule.key][::2])


def _crops(rule: reach.Crops, axes: Axes, tensors: Tensors) -> Axes:
    for dim, (cells, left) in enumerate(zip(tensors.before, tensors.behind)):
        if plain(cells, left):
            axes = _begun(axes, tensors, [*[0] * (tensors.rank - dim - 1), -((cells - left) // 2)])
        elif str(cells) != str(left):
            axes = _open(axes, dim)
    return axes


def _begun(axes: Axes, tensors: Tensors, cells: Sequence[int]) -> Axes:
    """The axes with so many cells put before each of the last, the last axis first."""
    for back, before in enumerate(cells, 1):
        if before:
            dim = tensors.rank - back
            axes = read(axes, dim, sliding(1, 1, before, 1), tensors.behind[dim])
    return axes


def _hides(rule: reach.Hides, axes: Axes, tensors: Tensors) -> Axes:
    why = tensors.bound.layer.window_unknown
    dims = range(tensors.rank - rule.last, tensors.rank)
    return changed(axes, dims, lambda axis: axis.lost(why)._replace(spatial=True))


def _as_merged(rule: reach.Mixes, axes: Axes, tensors: Tensors) -> Axes:
    return axes


def _reduces(rule: reach.Reduces, axes: Axes, tensors: Tensors) -> Axes:
    dims = tensors.dims(rule.axes, tensors.rank)
    axes = changed(axes, dims, Axis.everywhere)
    keep = tensors.bound.args[rule.keep] if isinstance(rule.keep, str) else rule.keep
    return axes if keep else _without(axes, dims)


def _takes(rule: reach.Takes, axes: Axes, tensors: Tensors) -> Axes:
    dims = tensors.dims(rule.axis, tensors.rank)
    axes = changed(axes, dims, lambda axis: axis.lost(_TAKEN))
    return _without(axes, dims) if rule.gone else axes


def _narrows(rule: reach.Narrows, axes: Axes, tensors: Tensors) -> Axes:
    dim = tensors.dim(rule.axis, tensors.rank)
    start = tensors.bound.args[rule.start] if isinstance(rule.start, str) else rule.start
    start = tensors.value(start) if isinstance(start, Expr) else start
    if start < 0 and not plain(tensors.before[dim]):
        return changed(axes, (dim,), lambda axis: axis.lost(OPEN))
    start += tensors.before[dim] if start < 0 else 0
    reads, size = sliding(1, 1, -start, 1), tensors.behind[dim]
    return changed(axes, (dim,), lambda axis: followed(axis, reads, size)._replace(spatial=axis.spatial))


def _joins(rule: reach.Joins, axes: Axes, tensors: Tensors) -> Axes:
    return _inserted(axes, tensors.dim(rule.axis, tensors.rank + 1)) if rule.new else axes


def _inserts(rule: reach.Inserts, axes: Axes, tensors: Tensors) -> Axes:
    return _inserted(axes, tensors.dim(rule.axis, tensors.rank + 1))


def _inserted(axes: Axes, place: int) -> Axes:
    return _numbered(axes, lambda dim: dim + (dim >= place))


def _permutes(rule: reach.Permutes, axes: Axes, tensors: Tensors) -> Axes:
    order = tensors.dims(rule.order, tensors.rank)
    return _numbered(axes, order.index)


def _swaps(rule: reach.Swaps, axes: Axes, tensors: Tensors) -> Axes:
    first, second = (tensors.dim(place, tensors.rank) for place in rule)
    return _numbered(axes, lambda dim: {first: second, second: first}.get(dim, dim))


def _flattens(rule: reach.Flattens, axes: Axes, tensors: Tensors) -> Axes:
    start, end = (tensors.dim(place, tensors.rank) for place in rule)
    axes = _flat(axes, range(start, end + 1), start, tensors.before)
    return _numbered(axes, lambda dim: dim if dim <= start else dim - (end - start))


def _flat(axes: Axes, dims: Sequence[int], place: int, shape: Sequence[int]) -> Axes:
    """The axes when these of the tensor's, in order, have become the one at ``place``."""
    if len(dims) < 2:
        return axes
    sizes = tuple(str(shape[dim]) for dim in dims)

    def flat(axis: Axis) -> Axis:
        assert axis.dim is not None
        beside = ("several",) if axis.beside else sizes  # what was joined twice is not found again by sizes
        return axis._replace(dim=place, beside=beside, place=dims.index(axis.dim))

    return changed(axes, dims, flat)


def _squeezes(rule: reach.Squeezes, axes: Axes, tensors: Tensors) -> Axes:
    dims = tensors.dims(rule.axes, tensors.rank)
    if len(dims) != tensors.rank - len(tensors.behind):
        dims = [dim for dim in dims if one_cell(tensors.before[dim])]
    return _without(axes, dims)


def _expands(rule: reach.Expands, axes: Axes, tensors: Tensors) -> Axes:
    added = len(tensors.behind) - tensors.rank
    sizes = enumerate(zip(tensors.before, tensors.behind[added:]))
    longer = [dim for dim, (cells, out) in sizes if one_cell(cells) and not one_cell(out)]
    return _numbered(changed(axes, longer, lambda axis: axis.lost(BROADCAST)), lambda dim: dim + added)


# --- a reshape -------------------------------------------------------------------------------------------------------


def _reshapes(rule: reach.Reshapes, axes: Axes, tensors: Tensors) -> Axes:
    """Axes keep their map where their cells stay together: alone, joined with neighbours, or apart as once joined."""
    found: dict[int, Axis] = {}
    for before, behind in _groups(tensors.before, tensors.behind):
        for index, axis in enumerate(axes):
            if axis.dim in before:
                found[index] = _regrouped(axis, before, behind, tensors)
    return tuple(found.get(index, axis._replace(dim=None)) for index, axis in enumerate(axes))


def _regrouped(axis: Axis, before: list[int], behind: list[int], tensors: Tensors) -> Axis:
    """One axis of the input whose cells lie along ``before`` and then along ``behind``."""
    if len(behind) == 1:
        (flat,) = _flat((axis,), before, behind[0], tensors.before)
        return flat._replace(dim=behind[0])
    if len(before) == 1 and axis.beside:
        kept = [place for place, size in enumerate(axis.beside) if size != "1"]
        if [axis.beside[place] for place in kept] == [str(tensors.behind[dim]) for dim in behind]:
            dim = behind[kept.index(axis.place)] if axis.place in kept else None
            return axis._replace(dim=dim, beside=(), place=0)
    known = plain(*(tensors.before[dim] for dim in before), *(tensors.behind[dim] for dim in behind))
    return axis.lost(_APART if known else OPEN)._replace(dim=None, beside=(), place=0)


def _groups(before: tuple[int, ...], behind: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of axes with as many cells before a reshape as behind it; axes of one cell are left out.

    Sizes that are symbols are only looked for as they stand; what lies between such axes is one run.
    """
    left, right = ([dim for dim, size in enumerate(shape) if not one_cell(size)] for shape in (before, behind))
    groups: list[tuple[list[int], list[int]]] = []
    ends: list[tuple[list[int], list[int]]] = []
    while left and right and str(before[left[0]]) == str(behind[right[0]]):
        groups.append(([left.pop(0)], [right.pop(0)]))
    while left and right and str(before[left[-1]]) == str(behind[right[-1]]):
        ends.append(([left.pop()], [right.pop()]))
    if not plain(*(before[dim] for dim in left), *(behind[dim] for dim in right)):
        return [*groups, (left, right), *ends]
    while left and right:
        here, there = [left.pop(0)], [right.pop(0)]
        cells, made = before[here[0]], behind[there[0]]
        while cells != made:
            grown, shape, rest = (here, before, left) if cells < made else (there, behind, right)
            if not rest:  # a tensor without cells
                return [*groups, *ends]
            grown.append(rest.pop(0))
            cells, made = (cells * shape[grown[-1]], made) if grown is here else (cells, made * shape[grown[-1]])
        groups.append((here, there))
    return [*groups, *ends]


_RULES: dict[type[Any], Callable[[Any, Axes, Tensors], Axes]] = {
    reach.Spreads: _spreads,
    reach.Shares: _shares,
    reach.Samples: _samples,
    reach.Shifts: _shifts,
    reach.Pads: _pads,
    reach.Crops: _crops,
    reach.Hides: _hides,
    reach.Mixes: _as_merged,
    reach.Reduces: _reduces,
    reach.Takes: _takes,
    reach.Narrows: _narrows,
    reach.Joins: _joins,
    reach.Permutes: _permutes,
    reach.Swaps: _swaps,
    reach.Flattens: _flattens,
    reach.Inserts: _inserts,
    reach.Squeezes: _squeezes,
    reach.Reshapes: _reshapes,
    reach.Expands: _expands,
}
