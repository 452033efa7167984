"""Steps in which tensors come together: cell by cell, one behind the other, or as a product of matrices."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, product
from math import prod
from typing import NamedTuple

from layercli.analysis.flow import Flow as Tensor
from layercli.analysis.flow import tensors
from layercli.explain.boxes import written_shape
from layercli.explain.cells import written
from layercli.explain.diagram import Above, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.explain.tensors import Index, joined, made, pictured, sizes, value, windows, wrapped
from layercli.layers.dtypes import promoted_in_turn

MOST_FRAMES, MOST_INPUTS = 400, 3
_KEY = (
    ("tap", "come together in one cell"),
    ("out", "what becomes of them"),
    ("pad", "a size of 1, stretched: the same numbers again"),
)


class _Sign(NamedTuple):
    """What is done with two numbers, and how it is written between tensors and between numbers."""

    of: Callable[[float, float], float]
    between: str
    words: str
    """With ``{}`` for all numbers; ``infix`` where the sign stands between them."""
    infix: bool = True


_PLAIN = {"×": "*"}
_SIGNS = {
    "add": _Sign(lambda a, b: a + b, "+", "{}"),
    "sub": _Sign(lambda a, b: a - b, "-", "{}"),
    "mul": _Sign(lambda a, b: a * b, "×", "{}"),
    "maximum": _Sign(max, "max", "the larger of {}", infix=False),
    "minimum": _Sign(min, "min", "the smaller of {}", infix=False),
}


def draw(subject: Subject) -> Diagram | Nothing:
    """The shapes and what is stretched; under them numbers, with the cells that come together."""
    return without_numbers(subject) or _by_cell(subject)


def without_numbers(subject: Subject) -> Nothing | None:
    """Why there is nothing to draw of an empty output; None of any other."""
    if prod(subject.given.shape):
        return None
    return Nothing(f"the output {written_shape(subject.given.shape)} has no numbers")


def inputs_of(subject: Subject) -> list[Tensor]:
    """What comes together, in order."""
    return list(tensors(tuple(subject.bound.inputs.values())))


def _by_cell(subject: Subject) -> Diagram:
    """Sums, products, the larger and the smaller."""
    shape = subject.given.shape
    at = subject.place(shape, (0,) * len(shape))
    table = _shapes(subject)
    frames: tuple[Picture, ...] = ()
    if subject.moving:
        frames = tuple(_at(subject, each) for each in islice(product(*map(range, shape)), MOST_FRAMES))
    stretched = any(cell.mark == "pad" for row in table.rows for cell in row)
    return Diagram(Above((table, _at(subject, at))), _KEY if stretched else _KEY[:2], frames)


def _shapes(subject: Subject) -> Grid:
    """The shapes under one another, their last axes in line, as they are stretched."""
    shape, rows = subject.given.shape, []
    for number, tensor in enumerate(inputs_of(subject)):
        lack = len(shape) - len(tensor.shape)
        texts = [*[""] * lack, *map(str, tensor.shape)]
        marks = ["pad" if text in ("", "1") and size != 1 else "" for text, size in zip(texts, shape)]
        rows.append((f"input {number}", texts, marks))
    rows.append(("output", [str(size) for size in shape], [""] * len(shape)))
    return sizes("sizes by axis, the last ones in line", rows, range(-len(shape), 0))


def number_of(tensor: Tensor, which: int, index: Index) -> float:
    """The number at a place of an input: of each input others."""
    found = value((*index[:-2], *[at + 5 * which for at in index[-2:]])) if index else value((which,))
    return found % 2 if tensor.dtype == "bool" else found


def _at(subject: Subject, at: Index) -> Picture:
    """All inputs as far as they are shown, stretched to the output's shape, and the output."""
    shape, given = subject.given.shape, inputs_of(subject)
    axes = windows(shape, at)
    sign = _SIGNS[subject.layer.name]

    def own(tensor: Tensor, index: Index) -> Index:
        """The place in an input from which the output's cell takes its number."""
        lack = len(shape) - len(tensor.shape)
        return tuple(0 if size == 1 else i for size, i in zip(tensor.shape, index[lack:]))

    def again(tensor: Tensor, index: Index) -> bool:
        """Whether the cell is shown for the second time."""
        full = (*[1] * (len(shape) - len(tensor.shape)), *tensor.shape)
        return any(size == 1 and i != shown.start for size, i, shown in zip(full, index, axes))

    def mark(tensor: Tensor) -> Callable[[Index], str]:
        return lambda index: "tap" if index == at else "pad" if again(tensor, index) else ""

    def result(index: Index) -> float:
        return _folded(sign, [(each, number_of(each, n, own(each, index))) for n, each in enumerate(given)])

    pictures = []
    for number, tensor in enumerate(given[:MOST_INPUTS]):

        def of(index: Index, number: int = number, tensor: Tensor = tensor) -> float:
            return number_of(tensor, number, own(tensor, index))

        title = f"input {number}: {written_shape(tensor.shape)}"
        if number and len(shape) > 2:  # they stand under each other, without signs between them
            title = f"{_PLAIN.get(sign.between, sign.between)} {title}"
        pictures.append(pictured(made(axes, of, mark(tensor)), title))
    pictures.append(pictured(made(axes, result, lambda index: "out" if index == at else ""), "output"))
    signs = [sign.between] * (len(pictures) - 2) + ["="] * (len(pictures) > 1)
    values = [number_of(each, n, own(each, at)) for n, each in enumerate(given)]
    return joined(pictures, signs, note=_note(subject, sign, at, values, result(at)) + _left(given, shape, axes))


def _folded(sign: _Sign, values: list[tuple[Tensor, float]]) -> float:
    """All numbers two at a time, as torch does it, in the dtype that each step has."""
    (first, found), *others = values
    operands = [(first.dtype, bool(first.shape))]
    for tensor, number in others:
        operands.append((tensor.dtype, bool(tensor.shape)))
        found = wrapped(sign.of(found, number), promoted_in_turn(operands))
    return found


def _note(subject: Subject, sign: _Sign, at: Index, values: list[float], result: float) -> str:
    """What is computed at the position."""
    between = _PLAIN.get(sign.between, sign.between)
    words = (f" {between} " if sign.infix else ", ").join(map(written, values))
    where = f"at {written_shape(at)}: " if at else ""
    said = f"{where}{sign.words.format(words)} = {written(result)}"
    return said + (f", as {subject.given.dtype} has it" if subject.given.dtype in ("bool", "uint8", "int8") else "")


def _left(given: list[Tensor], shape: tuple[int, ...], axes: tuple[range, ...]) -> str:
    """What is not shown."""
    said = f"; {len(given) - MOST_INPUTS} inputs more come in" if len(given) > MOST_INPUTS else ""
    shown = tuple(map(len, axes))
    return said + (f"; {written_shape(shown)} of {written_shape(shape)} is shown" if shown != shape else "")
