"""Tensors one behind the other along an axis: cat and stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from layercli.analysis.flow import Flow as Tensor
from layercli.explain.boxes import written_shape
from layercli.explain.diagram import Above, Diagram, Grid, Nothing, Picture
from layercli.explain.merged import inputs_of, number_of, without_numbers
from layercli.explain.subject import Subject
from layercli.explain.tensors import Index, Small, cuts, drawable, joined, made, pictured, sizes

MOST_PARTS = 3
_MARKS = ("one", "two", "three")
_KEY = (("one", "the first input"), ("two", "the next"), ("three", "the one after that"), ("out", "they add up"))


class _Join(NamedTuple):
    """The parts that there is something of, with the numbers of their inputs, and the axis along which they lie."""

    parts: tuple[tuple[int, Tensor], ...]
    axis: int
    new: bool
    """Whether the axis is a new one."""

    def long(self, tensor: Tensor) -> int:
        """What a part takes of the axis."""
        return 1 if self.new else tensor.shape[self.axis]

    def others(self, tensor: Tensor) -> tuple[int, ...]:
        """The sizes of the other axes."""
        return tensor.shape if self.new else (*tensor.shape[: self.axis], *tensor.shape[self.axis + 1 :])


def draw(subject: Subject) -> Diagram | Nothing:
    """The sizes, which add up along one axis, and the numbers of each part where they come to lie."""
    nothing = without_numbers(subject)
    if nothing is not None:
        return nothing
    join = _join(subject)
    table = _shapes(subject, join)
    shown = _numbers(join)
    parts: list[Picture] = [table, *([shown] if shown is not None else [])]
    used = {_MARKS[number % 3] for number, _ in join.parts} | ({"out"} if not join.new else set())
    return Diagram(
        Above(tuple(parts)) if len(parts) > 1 else table, tuple(item for item in _KEY if item[0] in used)
    )  # fmt: skip


def _join(subject: Subject) -> _Join:
    """An input of one axis without numbers is passed over by torch."""
    given, rank, new = inputs_of(subject), len(subject.given.shape), subject.layer.name == "stack"
    axis = int(subject.args["dim"]) % rank
    parts = tuple((number, each) for number, each in enumerate(given) if new or each.shape != (0,))
    return _Join(parts, axis, new)


def _shapes(subject: Subject, join: _Join) -> Grid:
    """The shapes under one another, marked along the axis."""
    given, shape = inputs_of(subject), subject.given.shape
    shown = given if len(given) <= 6 else [*given[:4], given[-1]]
    rows: list[tuple[str, Sequence[object], Sequence[str]]] = []
    taken = {number for number, _ in join.parts}
    for tensor in shown:
        number = len(rows) if len(rows) < 4 or len(given) <= 6 else len(given) - 1
        texts: list[object] = list(tensor.shape)
        if join.new:
            texts.insert(join.axis, "-")
        if number not in taken:
            texts = ["0", *[""] * (len(shape) - 1)]
        mark = _MARKS[number % 3] if number in taken else ""
        rows.append((f"input {number}", texts, [mark if axis == join.axis else "" for axis in range(len(shape))]))
    rows.append(("output", shape, ["out" if axis == join.axis and not join.new else "" for axis in range(len(shape))]))
    return sizes("sizes by axis", rows, range(len(shape)))._replace(note=_note(subject, join, len(given) - len(shown)))


def _note(subject: Subject, join: _Join, left: int) -> str:
    if join.new:
        said = f"{len(join.parts)} tensors of one shape, along a new axis {join.axis}"
    else:
        longs = [str(join.long(tensor)) for _, tensor in join.parts]
        longs = longs if len(longs) < 8 else [*longs[:6], "...", longs[-1]]
        said = f"{' + '.join(longs)} = {subject.given.shape[join.axis]} along axis {join.axis}"
    passed = len(inputs_of(subject)) - len(join.parts)
    said += f"; {passed} of shape 0 passed over" if passed else ""
    return said + (f"; {left} inputs more are not shown" if left else "")


def _numbers(join: _Join) -> Picture | None:
    """The parts and the whole, long axes cut so that a part stays shorter than another; None where that is a lot."""
    parts = [(number, tensor) for number, tensor in join.parts if prod(tensor.shape)][:MOST_PARTS]
    whole_others, whole_longs = join.others(parts[0][1]), tuple(join.long(tensor) for _, tensor in parts)
    fitting = (
        each for each in _shorter(whole_others, whole_longs) if drawable(_with(each[0], join.axis, sum(each[1])))
    )
    others, longs = next(fitting, ((), ()))
    if not longs:
        return None
    begins = [sum(longs[:place]) for place in range(len(longs))]

    def which(index: Index) -> int:
        return next(place for place in reversed(range(len(parts))) if index[join.axis] >= begins[place])

    def of(index: Index) -> float:
        place = which(index)
        along = () if join.new else (index[join.axis] - begins[place],)
        number, tensor = parts[place]
        return number_of(tensor, number, (*index[: join.axis], *along, *index[join.axis + 1 :]))

    def mark(index: Index) -> str:
        return _MARKS[parts[which(index)][0] % 3]

    pictures = []
    for begin, long, (number, _) in zip(begins, longs, parts):
        axes = [*map(range, others)]
        axes.insert(join.axis, range(begin, begin + long))
        small = made(axes, of, mark)
        shape = others if join.new else small.shape
        own = Small(tuple(map(range, shape)), small.cells)
        pictures.append(pictured(own, f"input {number}: {written_shape(shape)}"))
    pictures.append(pictured(made([*map(range, _with(others, join.axis, sum(longs)))], of, mark), "output"))
    whole = (others, longs) == (whole_others, whole_longs) and len(parts) == len(join.parts)
    signs = [*[""] * (len(pictures) - 2), "→"]
    return joined(pictures, signs if len(pictures) > 1 else (), note="" if whole else "a smaller example")


def _shorter(others: tuple[int, ...], longs: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The sizes as they are, then shorter: the longest parts 3, 2 or 1 long, shorter ones one less."""
    yield others, longs
    for most in (3, 2, 1):
        cut = tuple(min(long, most if long == max(longs) else max(1, most - 1)) for long in longs)
        yield from ((each, cut) for each in cuts(others))


def _with(others: tuple[int, ...], axis: int, long: int) -> tuple[int, ...]:
    return *others[:axis], long, *others[axis:]
