"""Ways to look at a tree: written out compactly, without its spans, node by node."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.errors import Span
from layercli.spec import Argument, Call, Chain, Custom, Group, Item, Op, Reference, Step

Node = Chain | Step | Group | Op | Call | Custom | Argument | Reference | Item


def outline(node: Node) -> str:
    """The tree in one line: ``[a, b]`` is a chain or a tuple, ``!`` marks a label, ``;`` parts branches."""
    if isinstance(node, Chain):
        return "[" + ", ".join(map(outline, node.steps)) + "]"
    if isinstance(node, Step):
        label = f"{node.label}! " if node.label is not None else ""
        return label + (f"{node.repeat} x " if node.repeat != 1 else "") + outline(node.unit)
    if isinstance(node, Group):
        return outline(node.chain)
    if isinstance(node, Op):
        branches = f"{{{'; '.join(map(outline, node.branches))}}}" if node.branches else ""
        values = [*map(outline, node.arguments), *map(outline, node.references)]
        return f"{node.name}({', '.join(values)}){branches}"
    if isinstance(node, Call):
        values = [*map(repr, node.args), *(f"{name}={value!r}" for name, value in node.kwargs)]
        return f"nn.{node.name}({', '.join(values)})"
    if isinstance(node, Custom):
        return f"{node.name}<{', '.join(map(outline, node.children))}>"
    if isinstance(node, Reference):
        return "@" + ".".join([node.name, *map(str, node.path)])
    if isinstance(node, Argument):
        values_of_it = ", ".join(map(outline, node.items))
        value = outline(node.reference) if node.reference is not None else values_of_it
        return (f"{node.name}=" if node.name else "") + (f"[{value}]" if node.is_tuple else value)
    return repr(node.value)


def bare(node: object) -> object:
    """The same tree without spans; values as text, because 1, 1.0 and True are equal and nan is not."""
    if isinstance(node, Item):
        return ("Item", repr(node.value), node.kind, node.text)
    if isinstance(node, Call):
        return ("Call", node.name, repr(bare(node.args)), repr(bare(node.kwargs)), node.printed)
    if isinstance(node, Span):
        return None
    if isinstance(node, dict):
        return {key: bare(value) for key, value in node.items()}
    if isinstance(node, tuple):
        return (type(node).__name__, *map(bare, node))
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the text."""
    yield node
    below: tuple[Node, ...]
    if isinstance(node, Chain):
        below = node.steps
    elif isinstance(node, Step):
        below = (node.unit,)
    elif isinstance(node, Group):
        below = (node.chain,)
    elif isinstance(node, Op):
        below = (*node.arguments, *node.references, *node.branches)
    elif isinstance(node, Argument):
        below = node.items if node.reference is None else (node.reference,)
    else:
        below = node.children if isinstance(node, Custom) else ()
    for child in below:
        yield from walk(child)
