"""Text to a tree of steps with character spans. Knows the grammar and no layer."""

from layercli.spec.format import format_spec
from layercli.spec.parser import parse, parse_op, parse_values
from layercli.spec.tree import Argument, Chain, Group, Item, Op, Spec, Step

__all__ = [
    "Argument",
    "Chain",
    "Group",
    "Item",
    "Op",
    "Spec",
    "Step",
    "format_spec",
    "parse",
    "parse_op",
    "parse_values",
]
