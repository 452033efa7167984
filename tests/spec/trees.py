"""Ways to look at a tree: written out compactly, without its spans, node by node."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.errors import Span
from layercli.spec import Argument, Chain, Group, Item, Op, Step

Node = Chain | Step | Group | Op | Argument | Item


def outline(node: Node) -> str:
    """The tree in one line: ``[a, b]`` is a chain or a tuple, ``!`` marks a label, words are quoted."""
    if isinstance(node, Chain):
        return "[" + ", ".join(map(outline, node.steps)) + "]"
    if isinstance(node, Step):
        label = f"{node.label}! " if node.label is not None else ""
        return label + (f"{node.repeat} x " if node.repeat != 1 else "") + outline(node.unit)
    if isinstance(node, Group):
        return outline(node.chain)
    if isinstance(node, Op):
        return f"{node.name}({', '.join(map(outline, node.arguments))})"
    if isinstance(node, Argument):
        values = ", ".join(map(outline, node.items))
        return (f"{node.name}=" if node.name else "") + (f"[{values}]" if node.is_tuple else values)
    return repr(node.value)


def bare(node: object) -> object:
    """The same tree without spans; values as text, because 1, 1.0 and True are equal and nan is not."""
    if isinstance(node, Item):
        return ("Item", repr(node.value), node.kind, node.text)
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return (type(node).__name__, *map(bare, node))
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    if isinstance(node, Chain):
        below: tuple[Node, ...] = node.steps
    elif isinstance(node, Step):
        below = (node.unit,)
    elif isinstance(node, Group):
        below = (node.chain,)
    elif isinstance(node, Op):
        below = node.arguments
    else:
        below = node.items if isinstance(node, Argument) else ()
    for child in below:
        yield from walk(child)
