"""Multi-head attention: its way from query, key and value to the output, and what its scores cost."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from layercli.analysis.flow import Flow as Tensor
from layercli.explain.boxes import gate, op, tensor, written_shape
from layercli.explain.cells import part, view
from layercli.explain.diagram import Above, Bar, Bars, Beside, Cell, Diagram, Flow, Grid, Node, Picture, Wire
from layercli.explain.subject import Subject

MOST_FRAMES = 400
GROWTH = (1, 2, 4, 8)
_KEY = (
    ("tap", "this query's weights, which sum to 1"),
    ("two", "a key that is added to those of the input"),
    ("off", "not seen: after the query"),
    ("out", "this input"),
)


class _Sizes(NamedTuple):
    """The batch (empty for none), heads, lengths of query and key, keys that are added, features of a head."""

    batch: tuple[int, ...]
    heads: int
    queries: int
    keys: int
    added: int
    width: int

    @property
    def seen(self) -> int:
        """The keys that each query looks at."""
        return self.keys + self.added

    def split(self, length: int, width: int) -> str:
        """A tensor that has an axis for heads, as it is written."""
        return written_shape((*self.batch, self.heads, length, width))


def draw(subject: Subject) -> Diagram:
    """The flow; under it the scores of one head, and how many scores longer inputs have."""
    sizes = _sizes(subject)
    parts: list[Picture] = [_flow(subject, sizes)]
    frames: tuple[Picture, ...] = ()
    if sizes.queries * sizes.seen:
        (at,) = subject.place((sizes.queries,), (sizes.queries // 2,))
        scores = _scores(subject, sizes, at)
        below: list[Picture] = [scores, _cost(sizes)] if all(sizes.batch) else [scores]
        parts.append(Beside(tuple(below)))
        if subject.moving:
            frames = tuple(_scores(subject, sizes, row) for row in islice(range(sizes.queries), MOST_FRAMES))
        marks = {cell.mark for row in scores.rows for cell in row} | ({"out"} if len(below) > 1 else set())
        key = tuple((mark, words) for mark, words in _KEY if mark in marks)
        return Diagram(Above(tuple(parts)), key, frames)
    return Diagram(Above(tuple(parts)))


def _sizes(subject: Subject) -> _Sizes:
    query = _input(subject, "query")
    batch = () if len(query.shape) == 2 else (query.shape[0 if subject.args["batch_first"] else 1],)
    heads, args = subject.size("heads"), subject.args
    added = bool(args["add_bias_kv"]) + bool(args["add_zero_attn"])
    return _Sizes(batch, heads, subject.size("L"), subject.size("S"), added, subject.size("E") // heads)


def _input(subject: Subject, name: str) -> Tensor:
    found = subject.bound.inputs[name]
    assert isinstance(found, Tensor)
    return found


def masks(subject: Subject, *names: str) -> list[str]:
    """A line for each of these masks that is given, and for the hint that one is causal."""
    return [f"+ {name}" for name in names if subject.bound.inputs.get(name) is not None]


def _projection(subject: Subject, name: str, row: int, sizes: _Sizes) -> Node:
    """The query's, key's or value's linear layer, whose features are dealt out to the heads."""
    letter, args, width = name[0], subject.args, sizes.heads * sizes.width
    lines = [f"W_{letter} + b_{letter}" if args["bias"] else f"W_{letter}"]
    lines.append(f"{_input(subject, name).shape[-1]} to {width}")
    if row and args["add_bias_kv"]:
        lines.append(f"bias_{letter} added")
    lines.append(f"{sizes.heads} heads of {sizes.width}" if sizes.heads > 1 else "1 head")
    if row and args["add_zero_attn"]:
        lines.append("zeros added")
    return op(f"project {name}", lines, 1, row)


def _flow(subject: Subject, sizes: _Sizes) -> Flow:
    """Query, key and value side by side; where query and key meet, each head has a score for each pair."""
    names, heads = ("query", "key", "value"), sizes.heads * sizes.width
    pairs, ahead = sizes.split(sizes.queries, sizes.seen), sizes.split(sizes.queries, sizes.width)
    behind = sizes.split(sizes.seen, sizes.width)
    scores = [f"Q K^T / sqrt({sizes.width})", *masks(subject, "attn_mask", "key_padding_mask")]
    softmax = ["softmax", f"over {sizes.seen} keys"]
    if subject.args["dropout"]:
        softmax.append(f"then dropout {subject.args['dropout']}")
    nodes = [
        *(tensor(name, name, _input(subject, name).shape, 0, row) for row, name in enumerate(names)),
        *(_projection(subject, name, row, sizes) for row, name in enumerate(names)),
        op("scores", scores, 2, 0), gate("softmax", softmax, 3, 0), op("weighted", ["weights x V"], 4, 1),
        op("out", ["W_o + b_o" if subject.args["bias"] else "W_o", f"{heads} to {heads}"], 5, 1),
        tensor("output", "attn_output", subject.given.shape, 6, 1),
    ]  # fmt: skip
    wires = [
        *(Wire(name, f"project {name}") for name in names),
        Wire("project query", "scores", ahead), Wire("project key", "scores", behind),
        Wire("scores", "softmax", pairs), Wire("softmax", "weighted", pairs), Wire("project value", "weighted", behind),
        Wire("weighted", "out", ahead), Wire("out", "output"),
    ]  # fmt: skip
    weights = subject.bound.outputs[1]
    if isinstance(weights, Tensor):
        shape = written_shape(weights.shape)
        averaged = len(weights.shape) < len(sizes.batch) + 3
        nodes.append(Node("w", ("attn_weights", shape, *(["mean of heads"] if averaged else [])), 6, 0, "tensor"))
        wires.append(Wire("softmax", "w", pairs))
    return Flow(tuple(nodes), tuple(wires), "from query, key and value to the output", _note(sizes))


def _note(sizes: _Sizes) -> str:
    axes = (*(["batch"] if sizes.batch else []), "head", "position", "feature")
    return f"shapes between the projections: {', '.join(axes)}; of scores the last two are query and key"


def _scores(subject: Subject, sizes: _Sizes, at: int) -> Grid:
    """The score matrix of one head, with the row of one query."""
    causal = getattr(subject.bound.inputs.get("is_causal"), "value", False)
    rows, columns = view(sizes.queries, at, at, 10), view(sizes.seen, *(sizes.seen - 1 if sizes.added else at,) * 2)

    def mark(row: int, column: int) -> str:
        if causal and row < column < sizes.keys:
            return "off"
        if row == at:
            return "tap"
        return "two" if column >= sizes.keys else ""

    cells = tuple(tuple(Cell("", mark(row, column)) for column in columns) for row in rows)
    said = [
        f"{name} {words}"
        for name, words in (("queries", part(rows, 0, sizes.queries)), ("keys", part(columns, 0, sizes.seen)))
        if words
    ]
    note = f"row {at}: what query {at} takes of each key"
    note += f"; {' and '.join(said)} are shown" if said else ""
    return Grid(cells, f"weights of one head, {sizes.queries} x {sizes.seen}", note=note)


def _cost(sizes: _Sizes) -> Bars:
    """How many scores there are where query and key are as long, and longer."""
    bars = []
    for factor in GROWTH:
        queries, keys = factor * sizes.queries, factor * sizes.keys + sizes.added
        count = queries * keys * sizes.heads
        for size in sizes.batch:
            count *= size
        bars.append(Bar(f"{queries} x {keys}", count, f"{count:,}", "" if factor > 1 else "out"))
    words = "batch x heads x queries x keys" if sizes.batch else "heads x queries x keys"
    return Bars(tuple(bars), f"scores: {words}", "twice the length, four times the scores")
