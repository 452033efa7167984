"""The product of matrices: a row of the first times a column of the second makes a cell."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice, product
from typing import NamedTuple

from layercli.analysis.flow import Flow as Tensor
from layercli.explain.boxes import written_shape
from layercli.explain.cells import part, times, view, written
from layercli.explain.diagram import Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.merged import MOST_FRAMES, inputs_of, number_of, without_numbers
from layercli.explain.subject import Subject
from layercli.explain.tensors import Index, wrapped

MOST_ROWS, MOST_INNER, MOST_TERMS, MOST_SUMMED = 6, 7, 4, 1024
_KEY = (("tap", "multiplied one by one, and added up"), ("out", "the cell that they make"))


class _Product(NamedTuple):
    """The two tensors; how many rows, numbers in each, and columns; and whether each is a vector."""

    first: Tensor
    second: Tensor
    dtype: str
    rows: int
    inner: int
    columns: int

    @property
    def vectors(self) -> tuple[bool, bool]:
        """Whether the first is a vector, and the second: it has no axis of rows, or of columns, in the output."""
        return len(self.first.shape) == 1, len(self.second.shape) == 1

    def split(self, at: Index) -> tuple[Index, int, int]:
        """The batch's place, row and column of a position of the output."""
        front, behind = self.vectors
        left = list(at)
        column = 0 if behind else left.pop()
        row = 0 if front else left.pop()
        return tuple(left), row, column

    def left(self, batch: Index, row: int, place: int) -> float:
        """A number of the first matrix."""
        own = _own(batch, self.first.shape[:-2])
        return number_of(self.first, 0, (place,) if self.vectors[0] else (*own, row, place))

    def right(self, batch: Index, place: int, column: int) -> float:
        """A number of the second."""
        own = _own(batch, self.second.shape[:-2])
        return number_of(self.second, 1, (place,) if self.vectors[1] else (*own, place, column))


@lru_cache(maxsize=4096)
def _cell(made: _Product, batch: Index, row: int, column: int) -> float:
    """What a row and a column make; positions that are shown one after the other share most of them."""
    products = (made.left(batch, row, place) * made.right(batch, place, column) for place in range(made.inner))
    return wrapped(sum(products), made.dtype)


def _own(batch: Index, axes: tuple[int, ...]) -> Index:
    """The place in a tensor's own batch: its axes of size 1 are stretched, those that it lacks too."""
    lack = len(batch) - len(axes)
    return tuple(0 if size == 1 else i for size, i in zip(axes, batch[lack:]))


def draw(subject: Subject) -> Diagram | Nothing:
    """The two matrices and the output's, with a row, a column and the cell that they make."""
    nothing = without_numbers(subject)
    if nothing is not None:
        return nothing
    shape = subject.given.shape
    at = subject.place(shape, (0,) * len(shape))
    frames: tuple[Picture, ...] = ()
    made = _made(subject)
    if subject.moving:
        frames = tuple(_at(made, each) for each in islice(product(*map(range, shape)), MOST_FRAMES))
    return Diagram(_at(made, at), _KEY, frames)


def _made(subject: Subject) -> _Product:
    first, second = inputs_of(subject)
    rows = 1 if len(first.shape) == 1 else first.shape[-2]
    columns = 1 if len(second.shape) == 1 else second.shape[-1]
    return _Product(first, second, subject.given.dtype, rows, first.shape[-1], columns)


def _at(made: _Product, at: Index) -> Picture:
    batch, row, column = made.split(at)
    rows, columns = view(made.rows, row, row, MOST_ROWS), view(made.columns, column, column, MOST_ROWS)
    inner = view(made.inner, most=MOST_INNER)
    first = _grid(
        [[(made.left(batch, r, place), "tap" if r == row else "") for place in inner] for r in rows],
        f"first: {_sizes(made.first)}",
    )
    second = _grid(
        [[(made.right(batch, place, c), "tap" if c == column else "") for c in columns] for place in inner],
        f"second: {_sizes(made.second)}",
    )
    summed = made.inner <= MOST_SUMMED
    third = Grid(
        tuple(
            tuple(
                Cell(written(_cell(made, batch, r, c)) if summed else "", "out" if (r, c) == (row, column) else "")
                for c in columns
            )
            for r in rows
        ),
        f"output: {_result(made)}",
    )  # fmt: skip
    where = f", at {written_shape(batch)} of the batch" if batch else ""
    return Beside((first, second, third), ("×", "="), f"matrices{where}", _note(made, batch, row, column))


def _result(made: _Product) -> str:
    """The output of one place of the batch; a vector has no axis of its own in it."""
    sizes = [size for size, vector in zip((made.rows, made.columns), made.vectors) if not vector]
    return times(sizes) if len(sizes) > 1 else f"a vector of {sizes[0]}" if sizes else "a number"


def _sizes(tensor: Tensor) -> str:
    return times(tensor.shape[-2:]) if len(tensor.shape) > 1 else f"a vector of {tensor.shape[0]}"


def _grid(rows: list[list[tuple[float, str]]], title: str) -> Grid:
    """A matrix; without numbers inside, of one empty cell a row."""
    lines = tuple(tuple(Cell(written(number), mark) for number, mark in row) or (Cell("none"),) for row in rows)
    return Grid(lines or ((Cell("none"),),), title)


def _note(made: _Product, batch: Index, row: int, column: int) -> str:
    """The sum of products, in full where it is short, and what is not shown."""
    shown = [
        f"{written(made.left(batch, row, place))}*{written(made.right(batch, place, column))}"
        for place in range(min(made.inner, MOST_TERMS))
    ]
    if made.inner > MOST_TERMS:
        last = made.inner - 1
        shown[-1:] = ["...", f"{written(made.left(batch, row, last))}*{written(made.right(batch, last, column))}"]
    total = f" = {written(_cell(made, batch, row, column))}" if made.inner <= MOST_SUMMED else ""
    said = f"row {row} and column {column}: {' + '.join(shown)}{total}" if shown else "a sum of nothing is 0"
    for name, size, seen in (
        ("rows", made.rows, view(made.rows, row, row, MOST_ROWS)),
        ("columns", made.columns, view(made.columns, column, column, MOST_ROWS)),
    ):
        words = part(seen, 0, size)
        said += f"; {name} {words} are shown" if words else ""
    return said + (f"; {MOST_INNER} of {made.inner} products are shown" if made.inner > MOST_INNER else "")
