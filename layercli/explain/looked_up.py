"""Embeddings: indices take rows of a table, and the rows of a bag become one."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from layercli.explain.cells import numbers, times
from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.figures import column, empty, explained, mean, norm, said, table
from layercli.explain.subject import Subject

ROWS, COLUMNS, INDICES, BAG = 8, 5, 5, 4
"""What is shown of the table, of the indices, and of a bag."""
_PERIOD = 64
_PICKED = (3, 1, 6, 3, 4)
_MARKS = ("tap", "two", "three")
_SMALL = 1e-7
"""What torch adds to a norm before it divides by it."""
_MEANINGS = {
    "tap": "the row of the first index", "two": "of the second", "three": "of the third", "pad": "the row for padding",
}  # fmt: skip
_BAG_MEANINGS = {
    "tap": "rows of this bag",
    "pad": "the row for padding, which does not count",
    "out": "the bag's one row",
}


def draw(subject: Subject) -> Diagram | Nothing:
    """A few indices, the table, and the rows that come out."""
    if empty(subject.given.shape):
        return Nothing(f"the output is empty: {times(subject.given.shape)}")
    if empty(subject.fed.shape):
        return Nothing("there are no indices: every bag is empty, and comes out as zeros")
    return _bag(subject) if subject.layer.name == "embeddingbag" else _rows(subject)


class _Table:
    """The rows of the table that are shown, with their numbers."""

    def __init__(self, subject: Subject) -> None:
        args = subject.args
        self.count, self.width = args["num_embeddings"], args["embedding_dim"]
        padding = args["padding_idx"]
        self.padding = None if padding is None else padding % self.count
        self.given = args["_weight"] is not None
        self.shown = list(range(min(ROWS, self.count)))
        if self.padding is not None and self.padding not in self.shown:
            self.shown[-1] = self.padding
        self.columns = min(COLUMNS, self.width)
        self._values = numbers(_PERIOD, self.columns, 5)

    def row(self, index: int) -> list[float]:
        """The numbers of a row; that for padding is made of zeros, unless the table is given."""
        if index == self.padding and not self.given:
            return [0.0] * self.columns
        return self._values[index % _PERIOD]

    def picked(self, count: int) -> list[int]:
        """So many indices, that for padding the last of several."""
        free = [index for index in self.shown if index != self.padding] or self.shown
        found = [free[place % len(free)] for place in _PICKED[:count]]
        if self.padding is not None and count > 1:
            found[-1] = self.padding
        return found

    def grid(self, marks: dict[int, str]) -> Grid:
        """The table, rows that are looked up marked."""
        title = f"table {self.count}x{self.width}"
        marked = [[marks.get(index, "")] * self.columns for index in self.shown]
        return table([self.row(index) for index in self.shown], title, marked, [str(index) for index in self.shown])

    def said(self) -> list[str]:
        """What of it is left out."""
        cut = [(len(self.shown), self.count, "rows"), (self.columns, self.width, "columns")]
        return [f"{shown} of {count} {name}" for shown, count, name in cut if shown < count]


def limited(subject: Subject, values: list[float]) -> list[float]:
    """A row scaled down to max_norm, where there is one and the row is longer."""
    most = subject.args["max_norm"]
    if most is None:
        return values
    size = norm(values, subject.args["norm_type"])
    return [value * most / (size + _SMALL) for value in values] if size > most else values


def _limit(subject: Subject) -> str:
    args = subject.args
    if args["max_norm"] is None:
        return ""
    most = f"{said(args['norm_type'])}-norm is above {said(args['max_norm'])}"
    return f"; a row whose {most} is scaled down to it, in the table too"


# --- rows ------------------------------------------------------------------------------------------------------------


def _rows(subject: Subject) -> Diagram:
    made, total = _Table(subject), prod(subject.fed.shape)
    picked = made.picked(min(INDICES, total))
    order = [index for index in dict.fromkeys(picked) if index != made.padding]
    marks = dict(zip(order, _MARKS))
    if made.padding is not None:
        marks[made.padding] = "pad"
    column_of_marks = [marks.get(index, "") for index in picked]
    out = [limited(subject, made.row(index)) for index in picked]
    shape = times(subject.fed.shape) or "one"
    picture = Beside(
        (
            column([float(index) for index in picked], f"indices {shape}", column_of_marks),
            made.grid(marks),
            table(out, f"output {times(subject.given.shape)}", [[mark] * made.columns for mark in column_of_marks]),
        ),
        ("→", "→"),
        note=_note(subject, made, len(picked), total),
    )
    return explained(picture, _MEANINGS)


def _note(subject: Subject, made: _Table, picked: int, total: int) -> str:
    note = "each index takes the row of its number; nothing is computed" + _limit(subject)
    if made.padding is not None:
        begins = "is the given one" if made.given else "starts as zeros"
        note += f"; row {made.padding} stands for padding: it {begins} and is not trained"
    cut = [*([f"{picked} of {total} indices"] if picked < total else []), *made.said()]
    return f"{note}. Shown: {', '.join(cut)}" if cut else note


# --- bags ------------------------------------------------------------------------------------------------------------


def combined(mode: str, rows: Sequence[Sequence[float]]) -> list[float]:
    """The rows of a bag as one; of no rows zeros."""
    if mode == "max":
        return [max(values) for values in zip(*rows)]
    return [mean(values) if mode == "mean" else sum(values) for values in zip(*rows)]


def _bag(subject: Subject) -> Diagram:
    made, mode = _Table(subject), subject.args["mode"]
    bags, total = subject.given.shape[0], subject.fed.shape[-1]
    joined = len(subject.fed.shape) == 1
    size = min(BAG, max(1, total // bags) if joined else total)
    picked = made.picked(size)
    weights = [1.0, 2.0, 0.5, 1.0][:size] if subject.bound.inputs.get("per_sample_weights") is not None else None
    factors = weights or [1.0] * size
    counts = [index != made.padding for index in picked]
    taken = [limited(subject, made.row(index)) for index in picked]
    rows = [[factor * value for value in row] for row, factor in zip(taken, factors)]
    out = combined(mode, [row for row, counted in zip(rows, counts) if counted]) or [0.0] * made.columns
    marks = ["tap" if counted else "pad" for counted in counts]
    picture = Beside(
        (
            column([float(index) for index in picked], "a bag", marks),
            made.grid(dict(zip(picked, marks))),
            *((column(weights, "weights", marks),) if weights else ()),
            table(rows, "its rows" + (", weighted" if weights else ""), [[mark] * made.columns for mark in marks]),
            table([out], mode, [["out"] * made.columns]),
        ),
        ("→", *(("→",) if weights else ()), "→", "→"),
        note=_bag_note(subject, made, size),
    )
    return explained(picture, _BAG_MEANINGS)


def _bag_note(subject: Subject, made: _Table, size: int) -> str:
    shape, bags, mode = subject.fed.shape, subject.given.shape[0], subject.args["mode"]
    becomes = {"sum": "are added up", "mean": "are averaged", "max": "leave the largest of each column"}
    layout = (
        f"offsets say where the {bags} bags begin" if len(shape) == 1 else f"each of {bags} rows of indices is a bag"
    )
    note = f"the rows of a bag {becomes[mode]}: one row per bag; {layout}{_limit(subject)}"
    if made.padding is not None:
        note += f"; row {made.padding} stands for padding, and does not count"
    cut = made.said()
    if len(shape) > 1 and size < shape[1]:
        cut.insert(0, f"{size} of {shape[1]} indices, as if they were the bag")
    elif len(shape) == 1:
        cut.insert(0, f"a bag of {size} of {shape[0]} indices")
    return f"{note}. Shown: {', '.join(cut)}" if cut else note
