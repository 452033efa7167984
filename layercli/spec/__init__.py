"""Text to a tree of steps with character spans. Knows the grammar and no layer."""

from layercli.spec.format import format_spec
from layercli.spec.parser import parse, parse_op, parse_values
from layercli.spec.torch_name import TorchName
from layercli.spec.tree import Argument, Call, Chain, Custom, Group, Item, Op, Reference, Spec, Step, Unit

__all__ = [
    "Argument",
    "Call",
    "Chain",
    "Custom",
    "Group",
    "Item",
    "Op",
    "Reference",
    "Spec",
    "Step",
    "TorchName",
    "Unit",
    "format_spec",
    "parse",
    "parse_op",
    "parse_values",
]
