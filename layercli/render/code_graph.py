"""What feeds what in a design, for the code that is printed: names that only hand a value on are seen through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from layercli.analysis.flow import Flow, Tree, from_feed
from layercli.analysis.rows import Row
from layercli.analysis.walk import Analysis
from layercli.errors import LayerError
from layercli.plan import Input, Literal, Module, Ref, Wire


class Node:
    """Rows that stand together in the spec: one row, or a block of nodes."""

    def __init__(
        self, kind: str, label: str, path: str, depth: int, rows: Sequence[Row], nodes: Sequence[Node] = ()
    ) -> None:
        self.kind = kind
        """``row``, ``group``, ``repeat``, ``time`` (one of a repeat) or ``branch``."""
        self.label = label
        self.path = path
        self.depth = depth
        """How many blocks its rows stand inside of, it among them."""
        self.rows = rows
        self.nodes = nodes


def nodes_of(rows: Sequence[Row], depth: int = 0) -> list[Node]:
    """The rows as a tree of the blocks that they stand inside of."""
    found: list[Node] = []
    start = 0
    while start < len(rows):
        row = rows[start]
        if len(row.blocks) == depth:
            found.append(Node("row", _own_label(row), row.path, depth, [row]))
            start += 1
            continue
        block = row.blocks[depth]
        end = _end(rows, start, depth, number=block.kind == "branch")
        inside = rows[start:end]
        if block.kind == "repeat":
            times = list(_times(inside, depth))
            found.append(Node("repeat", block.label, block.path, depth, inside, times))
        else:
            found.append(Node(block.kind, block.label, block.path, depth + 1, inside, nodes_of(inside, depth + 1)))
        start = end
    return found


def _end(rows: Sequence[Row], start: int, depth: int, number: bool) -> int:
    block = rows[start].blocks[depth]
    for end in range(start, len(rows)):
        blocks = rows[end].blocks
        if len(blocks) <= depth or (blocks[depth].kind, blocks[depth].path) != (block.kind, block.path):
            return end
        if number and blocks[depth].number != block.number:
            return end
    return len(rows)


def _times(rows: Sequence[Row], depth: int) -> Iterator[Node]:
    start = 0
    while start < len(rows):
        block = rows[start].blocks[depth]
        end = _end(rows, start, depth, number=True)
        inside = rows[start:end]
        yield Node("time", block.label, block.path, depth + 1, inside, nodes_of(inside, depth + 1))
        start = end


def _own_label(row: Row) -> str:
    """The row's label, where that is not the one of the repeat that it is the whole of."""
    block = row.blocks[-1] if row.blocks else None
    whole = block is not None and block.kind == "repeat" and row.path == f"{block.path}.{block.number}"
    return "" if whole else row.label


class Made(NamedTuple):
    """An argument of a row's call, by name where the call names it."""

    name: str | None
    wire: Wire | Literal


class Graph:
    """The rows of an analysis with their wires, each leading to the row that computes a value.

    ``open_sizes``: the analysis of the same design on sizes left open, whose shapes are shown.
    """

    def __init__(self, analysis: Analysis, open_sizes: Analysis | None = None) -> None:
        if analysis.plan is None:
            why = analysis.unplanned or "the design is not known in full"
            raise LayerError("render.code", f"there is no code: {why}", fix="use layers of torch.nn")
        self.rows: tuple[Row, ...] = analysis.rows
        self.inputs: tuple[Input, ...] = analysis.plan.inputs
        self.modules: tuple[Module, ...] = analysis.plan.modules
        self.dtype = None if analysis.plan.dtype == "float32" else analysis.plan.dtype
        self._same: dict[int, Ref] = {}
        self.arguments: dict[int, list[Made]] = {}
        """By row; the rows that only hand a value on are left out."""
        self.readers: dict[int, set[int]] = defaultdict(set)
        """By row, the rows that read an output of it."""
        for row in self.rows:
            made = [Made(None, self._wire(wire)) for wire in row.call.args]
            made += [Made(name, self._wire(wire)) for name, wire in row.call.kwargs.items()]
            if _hands_on(row) and isinstance(made[0].wire, Ref):
                self._same[row.number] = made[0].wire
                continue
            self.arguments[row.number] = made
            for ref in self.refs(row.number):
                if ref.call is not None:
                    self.readers[ref.call].add(row.number)
        self.shown = self.rows if open_sizes is None else open_sizes.rows
        """The rows whose shapes are shown."""
        self.outputs = (open_sizes or analysis).outputs
        self.result = self._result(analysis)
        self.names = self._names()

    def refs(self, number: int) -> Iterator[Ref]:
        """Everything that the row reads."""
        for item in self.arguments[number]:
            yield from refs(item.wire)

    def tree(self, ref: Ref) -> Tree:
        """The value that is found there, its sizes as they are shown."""
        if ref.call is None:
            return self._fed(ref) if self.shown is not self.rows else self.numbers(ref)
        return _at(self.shown[ref.call].bound.outputs, ref.path, self.lone(ref.call))

    def numbers(self, ref: Ref) -> Tree:
        """The value that is found there, its sizes as numbers."""
        if ref.call is None:
            return _at((from_feed(self.inputs[ref.path[0]].feed),), ref.path[1:], True)
        return _at(self.rows[ref.call].bound.outputs, ref.path, self.lone(ref.call))

    def _fed(self, ref: Ref) -> Tree:
        """An input of the whole as the first row that reads it has it."""
        for number, made in self.arguments.items():
            bound = self.shown[number].bound
            for place, item in enumerate(made):
                if item.wire == ref:
                    return bound.inputs[item.name or bound.layer.inputs[place].name]
        return self.numbers(ref)

    def lone(self, number: int) -> bool:
        """Whether the row gives one tensor."""
        outputs = self.rows[number].bound.outputs
        return len(outputs) == 1 and isinstance(outputs[0], Flow)

    def _wire(self, wire: Wire) -> Wire | Literal:
        if wire is None:
            return None
        if not isinstance(wire, Ref):
            return tuple(cast("Wire", self._wire(item)) for item in wire)
        if wire.call is None:
            feed = self.inputs[wire.path[0]].feed
            return feed if feed is None or isinstance(feed, Literal) else wire
        if self.lone(wire.call) and wire.path == (0,):
            wire = Ref(wire.call)
        seen = self._same.get(cast("int", wire.call))
        return wire if seen is None else seen._replace(path=(*seen.path, *wire.path))

    def _result(self, analysis: Analysis) -> Ref | None:
        """Where the whole's output is found; None where the design computes nothing."""
        return None if analysis.result is None else cast("Ref", self._wire(analysis.result))

    def _names(self) -> dict[Ref, str]:
        """What the design calls its values."""
        found: dict[Ref, str] = {}
        for row in self.rows:
            ends = row.number + 1 == len(self.rows)
            following = () if ends else self.rows[row.number + 1].blocks
            early = {block.label for block in row.blocks if block.kind == "repeat" and block.number + 1 < block.of}
            labels = [row.label] + [
                block.label
                for depth, block in enumerate(row.blocks)
                if block.kind != "branch" and (ends or following[depth : depth + 1] != (block,))
            ]
            labels = [label for label in labels if label not in early]
            label = next(filter(None, labels), "")
            if label:
                ref = cast("Ref", self._wire(Ref(row.number)))
                if not self.lone(row.number):
                    ref = ref._replace(path=(*ref.path, 0))
                found[ref] = label
        return found


def refs(wire: Wire | Literal) -> Iterator[Ref]:
    """The places that a wire comes from."""
    if isinstance(wire, Ref):
        yield wire
    elif wire is not None and not isinstance(wire, Literal):
        for item in wire:
            yield from refs(item)


def _hands_on(row: Row) -> bool:
    """Whether the row gives what it is fed: a pick, or the identity that a branch is made of."""
    name = row.bound.layer.name
    return name == "pick" or (name == "identity" and bool(row.blocks) and row.blocks[-1].kind == "branch")


def _at(outputs: tuple[Tree, ...], path: tuple[int, ...], lone: bool) -> Tree:
    tree: Tree = outputs[0] if lone else outputs
    for index in path:
        tree = cast("tuple[Tree, ...]", tree)[index]
    return tree


def _shape(tree: Tree) -> tuple[int, ...] | None:
    return tree.shape if isinstance(tree, Flow) else None
