"""What flows from step to step of a design: a step's outputs, and where the run finds them."""

from __future__ import annotations

from typing import NamedTuple

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.layer import Bound
from layercli.errors import LayerError
from layercli.layers.definition import Out
from layercli.plan import Literal, Ref


class Stream(NamedTuple):
    """A value on its way: its tree, and the wire that leads to the tree's root."""

    tree: Tree
    wire: Ref
    named: tuple[tuple[str, Flow, Ref], ...] = ()
    """A step's outputs after the first: the next takes those that it has an input of that name for."""

    @property
    def flow(self) -> Flow:
        """The tensor that flows on: the first one."""
        return next(tensors(self.tree))

    @property
    def flow_wire(self) -> Ref:
        """Where that tensor is found."""
        return self.wire._replace(path=(*self.wire.path, *_first_path(self.tree)))

    def at(self, path: tuple[int, ...], name: str) -> Stream:
        """The part of it that the path leads to; LayerError where there is none. ``name``: what it is called."""
        tree = self.tree
        for depth, index in enumerate(path):
            there = len(tree) if isinstance(tree, tuple) and not isinstance(tree, (Flow, Literal)) else 0
            if not there and index == 0 and not depth:
                continue  # a tensor alone is its own first output
            if index >= there:
                where = ".".join(map(str, path[: depth + 1]))
                parts = f"{there} outputs, 0 to {there - 1}" if there else "one output"
                raise LayerError("shape.output", f"{name} has no output {where}: it has {parts}", fix=_fix(there))
            tree = tree[index]  # type: ignore[index, assignment]
        if tree is None or isinstance(tree, Literal):
            where = ".".join(map(str, path))
            raise LayerError("shape.output", f"output {where} of {name} is None", fix="take another one")
        lone = isinstance(self.tree, Flow)
        return Stream(tree, self.wire if lone else self.wire._replace(path=(*self.wire.path, *path)))


def _fix(there: int) -> str:
    return f"use 0 to {there - 1}" if there else "leave the number out"


def _first_path(tree: Tree) -> tuple[int, ...]:
    """Where the first tensor of a tree lies in it."""
    if isinstance(tree, tuple) and not isinstance(tree, (Flow, Literal)):
        for index, item in enumerate(tree):
            if next(tensors(item), None) is not None:
                return (index, *_first_path(item))
    return ()


def outputs_of(bound: Bound, number: int) -> Stream:
    """What a row hands on."""
    single = len(bound.outputs) == 1
    tree: Tree = bound.outputs[0] if single else bound.outputs
    named = tuple(
        (out.name, flow, Ref(number, (place,)))
        for place, (out, flow) in enumerate(zip(bound.layer.outputs, bound.outputs))
        if place and isinstance(out, Out) and isinstance(flow, Flow)
    )
    return Stream(tree, Ref(number), named)
