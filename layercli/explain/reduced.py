"""Steps that make one number of many: the cells that become one, with the numbers computed."""

from __future__ import annotations

from itertools import islice, product
from math import prod

from layercli.explain.boxes import written_shape
from layercli.explain.cells import view, written
from layercli.explain.diagram import Above, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.explain.tensors import (
    Index,
    Small,
    cuts,
    drawable,
    joined,
    made,
    pictured,
    sizes,
    value,
    wrapped,
)

MOST_FRAMES, MOST_TERMS, MOST_REDUCED, MOST_SHOWN = 400, 6, 64, 100
_KEY = (("tap", "these become one"), ("win", "the largest of them"), ("out", "the one that they become"))


def draw(subject: Subject) -> Diagram | Nothing:
    """The sizes with the axes that go, and the numbers that become one at a position of the output."""
    shape, given = subject.fed.shape, subject.given.shape
    if not prod(given):
        return Nothing(f"the output {written_shape(given)} has no numbers")
    if not prod(shape):
        return Nothing("an axis is empty, so there is nothing to reduce: the mean is nan, the sum 0")
    at = subject.place(given, (0,) * len(given))
    frames: tuple[Picture, ...] = ()
    if subject.moving:
        frames = tuple(_at(subject, each) for each in islice(product(*map(range, given)), MOST_FRAMES))
    key = _KEY if subject.layer.name == "amax" else (_KEY[0], _KEY[2])
    return Diagram(Above((_sizes(subject), _at(subject, at))), key, frames)


def _axes(subject: Subject) -> list[int]:
    """The axes that go, in order; none named are all."""
    rank = len(subject.fed.shape)
    named = {dim % rank for dim in subject.args["dim"]} if rank else set()
    return sorted(named) or list(range(rank))


def _sizes(subject: Subject) -> Grid:
    """The input's sizes, and what becomes of them."""
    shape, gone = subject.fed.shape, _axes(subject)
    left = "1" if subject.args["keepdim"] else "-"
    marks = ["tap" if axis in gone else "" for axis in range(len(shape))]
    after = [left if axis in gone else size for axis, size in enumerate(shape)]
    title = f"{written_shape(shape)} becomes {written_shape(subject.given.shape)}"
    return sizes(title, [("input", shape, marks), ("output", after, [""] * len(shape))], range(len(shape)))


def _cut(subject: Subject, at: Index, gone: list[int]) -> tuple[range, ...]:
    """What is shown of each axis: all of those that go where there is room, a stretch of the others."""
    shape = subject.fed.shape
    if drawable(shape):
        return tuple(map(range, shape))
    most = [shape[axis] for axis in gone]
    if prod(most) > MOST_REDUCED or max(most, default=1) > 12:
        most = list(next(cuts(most), [min(size, 2) if axis >= len(shape) - 2 else 1 for axis, size in zip(gone, most)]))
    whole = dict(zip(gone, most))
    for kept in (3, 2, 1):
        counts = [whole.get(axis, min(size, kept)) for axis, size in enumerate(shape)]
        if kept == 1 or (prod(counts) <= MOST_SHOWN and prod(counts[:-2]) <= 4):
            break
    return tuple(
        range(count) if axis in whole else view(size, i, i, count)
        for axis, (size, count, i) in enumerate(zip(shape, counts, _whole_place(subject, at, gone)))
    )


def _whole_place(subject: Subject, at: Index, gone: list[int]) -> Index:
    """The place in the input of an output's cell: its first cell along the axes that go."""
    if subject.args["keepdim"]:
        return at
    left = iter(at)
    return tuple(0 if axis in gone else next(left) for axis in range(len(subject.fed.shape)))


def _at(subject: Subject, at: Index) -> Picture:
    """The numbers, with those that become the output's cell at this position."""
    name, gone, keep = subject.layer.name, _axes(subject), bool(subject.args["keepdim"])
    dtype, given = subject.fed.dtype, subject.given.dtype
    axes = _cut(subject, at, gone)
    home = _whole_place(subject, at, gone)

    def of(index: Index) -> float:
        found = value(index)
        return found % 2 if dtype == "bool" else found

    def block(index: Index) -> list[Index]:
        return list(product(*(axes[axis] if axis in gone else (index[axis],) for axis in range(len(axes)))))

    def result(index: Index) -> float:
        values = [of(each) for each in block(_whole_place(subject, index, gone))]
        found = max(values) if name == "amax" else sum(values) / (len(values) if name == "mean" else 1)
        return wrapped(found, given)

    taken = set(block(home))
    largest = max(taken, key=lambda index: (of(index), [-i for i in index])) if name == "amax" else None
    before = made(axes, of, lambda index: "win" if index == largest else "tap" if index in taken else "")
    after_axes = [range(1) if axis in gone else shown for axis, shown in enumerate(axes) if keep or axis not in gone]
    after = made(after_axes, result, lambda index: "out" if index == at else "")
    note = _note(name, [of(each) for each in block(home)], result(at))
    return joined(
        [pictured(before, _title(subject, before)), pictured(after, "output")], ["→"], note=note + _said(subject, axes)
    )  # fmt: skip


def _title(subject: Subject, shown: Small) -> str:
    return "input" if shown.shape == subject.fed.shape else f"{written_shape(shown.shape)} of the input"


def _note(name: str, values: list[float], result: float) -> str:
    """What is computed, in full where it is short."""
    words = [written(each) for each in values]
    if len(values) > MOST_TERMS:
        words = [*words[: MOST_TERMS - 2], "...", words[-1]]
    if name == "amax":
        return f"the largest of {', '.join(words)} is {written(result)}"
    total = " + ".join(words)
    return f"({total}) / {len(values)} = {written(result)}" if name == "mean" else f"{total} = {written(result)}"


def _said(subject: Subject, axes: tuple[range, ...]) -> str:
    """Which of the axes that go are not shown as a whole: the numbers are then those of shorter axes."""
    short = [axis for axis in _axes(subject) if len(axes[axis]) < subject.fed.shape[axis]]
    said = " and ".join(f"axis {axis} to {len(axes[axis])} of {subject.fed.shape[axis]}" for axis in short)
    return f"; an example, which cuts {said}" if said else ""
