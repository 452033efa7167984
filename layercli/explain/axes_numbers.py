"""Numbers of a small tensor before and after its axes are rearranged: the very one, or one with shorter axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from layercli.analysis.flow import tensors
from layercli.explain.axes_moves import Group, Move, axis, selected
from layercli.explain.boxes import written_shape
from layercli.explain.diagram import Picture
from layercli.explain.subject import Subject
from layercli.explain.tensors import Index, Small, cuts, drawable, indices, joined, made, pictured, place

_SLICE = (("tap", "the same numbers before and after"),)
_TAKEN = (("tap", "taken"),)
_AGAIN = (("pad", "the same numbers, read again"),)
_PARTS = (("tap", "the first part"), ("two", "the next"), ("three", "the one after that"))


class Shown(NamedTuple):
    """The numbers as a picture, and what marks mean in it."""

    picture: Picture
    key: tuple[tuple[str, str], ...]


class _Example(NamedTuple):
    """Shapes before and after, where each number of the output comes from, and marks by places of input and output."""

    before: tuple[int, ...]
    after: tuple[tuple[int, ...], ...]
    source: Callable[[int, Index], Index]
    """From the number of an output and a place in it."""
    marks: Callable[[Index], str]
    again: Callable[[Index], str]
    key: tuple[tuple[str, str], ...]


def numbers(subject: Subject, move: Move) -> Shown | None:
    """Each number is its place in the memory of the input; None where a tensor of so many axes is no help."""
    example = _EXAMPLES.get(subject.layer.name, _in_order)(subject, move)
    if example is None or not all(map(drawable, (example.before, *example.after))):
        return None
    before = _tensor(example.before, lambda index: index, example.before, example.marks)
    parts = [pictured(before, f"before: {written_shape(example.before)}")]
    for number, shape in enumerate(example.after):

        def source(index: Index, number: int = number) -> Index:
            return example.source(number, index)

        def mark(index: Index, source: Callable[[Index], Index] = source) -> str:
            return example.again(index) or example.marks(source(index))

        after = _tensor(shape, source, example.before, mark)
        name = f"part {number}" if len(example.after) > 1 else "after"
        parts.append(pictured(after, f"{name}: {written_shape(shape)}"))
    whole = example.before == subject.fed.shape
    title = "each number is its place in memory" + ("" if whole else "; a smaller tensor, for an example")
    used = {cell.mark for cell in before.cells} | {mark for mark, _ in example.key if mark == "pad"}
    key = tuple(item for item in example.key if item[0] in used)
    return Shown(joined(parts, ["→"] + [""] * (len(parts) - 2), title), key)


def _tensor(
    shape: Sequence[int], source: Callable[[Index], Index], before: Sequence[int], mark: Callable[[Index], str]
) -> Small:
    return made([range(size) for size in shape], lambda index: place(source(index), before), mark)


def _never(_: Index) -> str:
    return ""


def _fitting(shape: tuple[int, ...], *others: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape itself where it and the others are drawn as they are, else with shorter axes."""
    return shape if all(map(drawable, (shape, *others))) else next(cuts(shape), None)


# --- the same order --------------------------------------------------------------------------------------------------


def _in_order(subject: Subject, move: Move) -> _Example | None:
    """Flatten, unflatten, reshape, squeeze, unsqueeze: number n stays number n."""
    sizes = _cut(subject, move.groups)
    if sizes is None:
        return None
    before, after = sizes
    marked = _first_of(move.groups, before, after)
    back = list(indices(before))
    return _Example(
        before, (after,), lambda _, index: back[place(index, after)], lambda index: marked(place(index, before)),
        _never, _SLICE,
    )  # fmt: skip


def _cut(subject: Subject, groups: Sequence[Group]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Shapes that are small: of each group the side with more axes is cut, and the other is their product."""
    before, after = list(subject.fed.shape), list(subject.given.shape)
    if drawable(before) and drawable(after):
        return tuple(before), tuple(after)
    if any(min(len(group.ins), len(group.outs)) > 1 for group in groups):
        return None
    many = [(after if len(group.outs) > len(group.ins) else before)[at] for group in groups for at in _many(group)]
    for cut in cuts(many):
        left = list(cut)
        for group in groups:
            parts, whole, ends = before, after, group.outs
            if len(group.outs) > len(group.ins):
                parts, whole, ends = after, before, group.ins
            side = _many(group)
            mine, left = left[: len(side)], left[len(side) :]
            for at, size in zip(side, mine):
                parts[at] = size
            for at in ends:
                whole[at] = prod(mine)
        if drawable(before) and drawable(after):
            return tuple(before), tuple(after)
    return None


def _many(group: Group) -> tuple[int, ...]:
    """The side with more axes."""
    return group.outs if len(group.outs) > len(group.ins) else group.ins


def _first_of(groups: Sequence[Group], before: tuple[int, ...], after: tuple[int, ...]) -> Callable[[int], str]:
    """The numbers of the first step along an axis that is joined, or made; else of the first row."""
    for group in groups:
        outer = len(group.outs) > len(group.ins)
        shape, side = (after, group.outs) if outer else (before, group.ins)
        longer = [at for at in side if shape[at] > 1]
        if group.changed and group.ins and group.outs and longer:
            chosen = {place(index, shape) for index in indices(shape) if index[longer[0]] == 0}
            return lambda number: "tap" if number in chosen else ""
    row = before[-1] if before else 1
    return lambda number: "tap" if number < row else ""


# --- other orders ----------------------------------------------------------------------------------------------------


def _permuted(subject: Subject, move: Move) -> _Example | None:
    """Permute and transpose: the slice at 0 of the first axis that moves."""
    before = _fitting(subject.fed.shape, subject.given.shape)
    if before is None:
        return None
    order = [group.ins[0] for group in move.groups]
    moved = next((old for old in range(len(before)) if order[old] != old and before[old] > 1), len(before) - 1)

    def source(_: int, index: Index) -> Index:
        found = [0] * len(before)
        for new, old in enumerate(order):
            found[old] = index[new]
        return tuple(found)

    after = tuple(before[old] for old in order)
    return _Example(
        before, (after,), source, lambda index: "tap" if not index or index[moved] == 0 else "", _never, _SLICE
    )  # fmt: skip


def _selected(subject: Subject, move: Move) -> _Example | None:
    """Select: where the axis is cut, the index stands as near to its ends as it does in the whole axis."""
    before = _fitting(subject.fed.shape)
    if before is None:
        return None
    at, whole = axis(subject, "dim", len(before)), subject.fed.shape
    index = selected(subject)
    if before[at] < whole[at]:
        index = index if index < before[at] - 1 else before[at] - 1 if index == whole[at] - 1 else before[at] // 2
    return _Example(
        before, ((*before[:at], *before[at + 1 :]),), lambda _, place_: (*place_[:at], index, *place_[at:]),
        lambda place_: "tap" if place_[at] == index else "", _never, _TAKEN,
    )  # fmt: skip


def _expanded(subject: Subject, move: Move) -> _Example | None:
    """Expand: the numbers at 0 of each stretched axis, and the same ones at all other places."""
    after = _fitting(subject.given.shape, subject.fed.shape)
    if after is None:
        return None
    more = len(after) - len(subject.fed.shape)
    kept = [size > 1 or after[old + more] == 1 for old, size in enumerate(subject.fed.shape)]
    before = tuple(after[old + more] if same else 1 for old, same in enumerate(kept))

    def again(index: Index) -> str:
        stretched = (*index[:more], *(at for at, same in zip(index[more:], kept) if not same))
        return "pad" if any(stretched) else ""

    return _Example(
        before, (after,), lambda _, index: tuple(at if same else 0 for at, same in zip(index[more:], kept)), _never,
        again, _AGAIN if before != after else (),
    )  # fmt: skip


def _dealt(subject: Subject, move: Move) -> _Example | None:
    """Chunk: as many parts as there are."""
    fed = subject.fed.shape
    at = axis(subject, "dim", len(fed))
    sizes = [part.shape[at] for part in tensors(subject.bound.outputs)]
    shorter = ((*fed[:at], *fed[at + 1 :]), sizes)
    if not drawable(fed):
        found = next((each for each in _shorter(*shorter) if drawable(_with(each[0], at, sum(each[1])))), None)
        if found is None:
            return None
        shorter = found
    others, sizes = shorter
    begins = [sum(sizes[:number]) for number in range(len(sizes))]
    shapes = [_with(others, at, size) for size in (sum(sizes), *sizes)]

    def part(index: Index) -> str:
        number = next(n for n in reversed(range(len(sizes))) if index[at] >= begins[n])
        return _PARTS[number % 3][0]

    return _Example(
        shapes[0], tuple(shapes[1:]), lambda number, index: (*index[:at], index[at] + begins[number], *index[at + 1 :]),
        part, _never, _PARTS,
    )  # fmt: skip


def _shorter(others: tuple[int, ...], sizes: list[int]) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Other axes and parts cut short, a last part that is shorter staying so."""
    for longest in (3, 2, 1):
        if longest <= sizes[0] and (longest > 1 or sizes[0] == sizes[-1]):
            parts = [longest if size == sizes[0] else min(size, longest - 1) for size in sizes]
            yield from ((cut, parts) for cut in cuts(others))


def _with(others: tuple[int, ...], at: int, size: int) -> tuple[int, ...]:
    return (*others[:at], size, *others[at:])


_EXAMPLES: dict[str, Callable[[Subject, Move], _Example | None]] = {
    "permute": _permuted, "transpose": _permuted, "select": _selected, "expand": _expanded, "chunk": _dealt,
}  # fmt: skip
