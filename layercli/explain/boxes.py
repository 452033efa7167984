"""What pictures of flows share: shapes as they are written, boxes of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.explain.diagram import Node


def written_shape(sizes: Sequence[object]) -> str:
    """A shape on a wire or in a box: ``3,20``."""
    return ",".join(map(str, sizes)) or "scalar"


def tensor(name: str, text: str, shape: Sequence[object], column: int, row: int) -> Node:
    """What flows: its name and its shape."""
    return Node(name, (text, written_shape(shape)), column, row, "tensor")


def op(name: str, lines: Sequence[str], column: int, row: int) -> Node:
    """What is done."""
    return Node(name, tuple(lines), column, row)


def gate(name: str, lines: Sequence[str], column: int, row: int) -> Node:
    """What makes a weight for something else."""
    return Node(name, tuple(lines), column, row, "gate")


def join(name: str, sign: str, column: int, row: int) -> Node:
    """Where wires come together."""
    return Node(name, (sign,), column, row, "join")
