"""A design as the steps that code is written from: single layers, chains of them, and parts with a class of their own.

A labelled group that is a chain becomes one ``nn.Sequential``; one that is more, and times of a repeat that are alike,
become classes, as long as one tensor goes in and one value comes out. Whatever is not so is written out in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from layercli.analysis.flow import Flow, Tree
from layercli.analysis.rows import Row
from layercli.plan import Literal, Ref
from layercli.render.code_graph import Graph, Made, Node, refs
from layercli.render.code_names import short
from layercli.render.code_values import constructor

_SHOWN = 4
"""So many outputs have their shapes in a comment."""
MODULE, OPERATION, PARAM = "module", "operation", "param"


class Entry(NamedTuple):
    """One line of an ``nn.Sequential``: what is built, the shape behind it, which times of which repeats it is in."""

    text: str
    shape: str
    times: tuple[tuple[str, int], ...] = ()


class Step(NamedTuple):
    """Something that ``forward`` computes by one expression."""

    kind: str
    row: Row
    """Of a chain, the last one."""
    reads: tuple[Made, ...]
    gives: Ref
    tree: Tree
    name: str
    """What its attribute would be called."""
    labelled: bool = False
    entries: tuple[Entry, ...] = ()
    branch: str = ""
    prefix: str = ""

    @property
    def source(self) -> Ref | None:
        """The one tensor that it is called with, where that is all that it takes."""
        if self.kind == MODULE and len(self.reads) == 1 and self.reads[0].name is None:
            wire = self.reads[0].wire
            return wire if isinstance(wire, Ref) else None
        return None

    @property
    def chains(self) -> bool:
        """Whether it can stand inside of an ``nn.Sequential``: one tensor in, one out."""
        return self.source is not None and isinstance(self.tree, Flow)

    def refs(self) -> Iterator[Ref]:
        """Everything that it reads."""
        for item in self.reads:
            yield from refs(item.wire)


ClassMaker = Callable[[Sequence[Step], Ref, Ref, str], str]
"""The name of the class that does these steps, from one place to another; the label that it is named after."""


class Parts:
    """Makes the steps of a design. ``made``: the classes that were written, which a try that fails takes back."""

    def __init__(self, graph: Graph, make: ClassMaker, made: dict[str, str], dtype: str | None) -> None:
        self.graph, self.make, self.made, self.dtype = graph, make, made, dtype

    def steps(self, nodes: Sequence[Node]) -> list[Step]:
        """The steps of these nodes, in order."""
        return [step for node in nodes for step in self._node(node)]

    def _node(self, node: Node) -> list[Step]:
        if node.kind == "row":
            row = node.rows[0]
            return [self._single(row, node.label)] if row.number in self.graph.arguments else []
        inside = self._times(node) if node.kind == "repeat" else self.steps(node.nodes)
        if node.kind == "branch":
            return [step if step.branch else step._replace(branch=node.path) for step in inside]
        if not node.label:
            return inside
        whole = self.whole(inside, node)
        if whole is not None:
            return [whole._replace(name=node.label, labelled=True)]
        return [_inside(step, node.label) for step in inside]

    def _single(self, row: Row, label: str) -> Step:
        graph = self.graph
        reads = tuple(graph.arguments[row.number])
        gives = Ref(row.number)
        tree = graph.tree(gives)
        torch = row.bound.layer.torch
        if torch == "torch.param":
            label = label or _alone(row)
            return Step(PARAM, row, reads, gives, tree, label or "param", bool(label))
        if row.bound.layer.operation:
            return Step(OPERATION, row, reads, gives, tree, label, bool(label))
        text = constructor(graph.modules[row.call.module], self.dtype)
        entry = Entry(text, shape_text(tree), _repeats(row))
        return Step(MODULE, row, reads, gives, tree, label or short(torch), bool(label), (entry,))

    def _times(self, node: Node) -> list[Step]:
        """The times of a repeat one after another: as they are where they are chains, else as a class if alike."""
        times = [self.steps(time.nodes) for time in node.nodes]
        flat = [step for time in times for step in time]
        if all(step.chains and not step.labelled for step in flat):
            return flat
        before = dict(self.made)
        whole = [self.whole(steps, time, node.label) for steps, time in zip(times, node.nodes)]
        found = [step for step in whole if step is not None and len(step.entries) == 1]
        if len(found) == len(times) and 2 * len({step.entries[0].text for step in found}) <= len(times):
            return found
        self.made.clear()
        self.made.update(before)
        return flat

    def whole(self, steps: Sequence[Step], node: Node, label: str = "") -> Step | None:
        """The steps as one: a chain, or a class; None where more than one value goes in or comes out."""
        inside = {row.number for row in node.rows}
        sources = {ref for step in steps for ref in step.refs() if ref.call not in inside}
        results = self._results(inside)
        if len(sources) != 1 or len(results) != 1:
            return None
        (source,), (result,) = sources, results
        if is_chain(steps, source, result) and (len(steps) == 1 or not any(step.labelled for step in steps)):
            return chain(steps)
        if len(steps) < 2:
            return None
        name = self.make(steps, source, result, label or node.label)
        tree = self.graph.tree(result)
        entry = Entry(f"{name}()", shape_text(tree), _repeats(node.rows[-1], node.depth))
        return Step(
            MODULE,
            node.rows[-1],
            (Made(None, source),),
            result,
            tree,
            name.rstrip("0123456789").lower(),
            False,
            (entry,),
        )

    def _results(self, inside: set[int]) -> set[Ref]:
        """What the rest of the design reads of these rows."""
        graph = self.graph
        found = {graph.result} if graph.result is not None and graph.result.call in inside else set()
        for number in inside:
            for reader in graph.readers.get(number, set()) - inside:
                found |= {ref for ref in graph.refs(reader) if ref.call == number}
        return found


def is_chain(steps: Sequence[Step], source: Ref, result: Ref) -> bool:
    """Whether the steps hand one tensor on, each to the next."""
    for step in steps:
        if not step.chains or step.source != source:
            return False
        source = step.gives
    return source == result


def chain(steps: Sequence[Step]) -> Step:
    """Steps that hand one tensor on as one step."""
    first, last = steps[0], steps[-1]
    entries = tuple(entry for step in steps for entry in step.entries)
    return first._replace(row=last.row, gives=last.gives, tree=last.tree, entries=entries)


def _inside(step: Step, label: str) -> Step:
    return step._replace(prefix=f"{label}_{step.prefix}" if step.prefix else label)


def _alone(row: Row) -> str:
    """The label of the step that merges, for a learned tensor that is a branch of it by itself."""
    block = row.blocks[-1] if row.blocks else None
    return block.label if block is not None and block.kind == "branch" and row.path == f"{block.path}.0" else ""


def _repeats(row: Row, depth: int | None = None) -> tuple[tuple[str, int], ...]:
    return tuple((block.path, block.number) for block in row.blocks[:depth] if block.kind == "repeat")


def shape_text(tree: Tree) -> str:
    """A value's shape as a comment has it."""
    if isinstance(tree, Flow):
        return ", ".join(map(str, tree.shape)) or "scalar"
    if tree is None or isinstance(tree, Literal):
        return "None"
    shown = [_nested(item) for item in tree]
    more = len(shown) - _SHOWN
    return ", ".join(shown) if more <= 0 else f"{', '.join(shown[: _SHOWN - 1])}, and {more + 1} more"


def _nested(tree: Tree) -> str:
    text = shape_text(tree)
    return text if tree is None or isinstance(tree, Literal) else f"({text})"
