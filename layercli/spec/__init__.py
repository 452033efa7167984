"""Text to a tree of steps with character spans. Knows the grammar and no layer."""

from layercli.spec.format import format_spec
from layercli.spec.parser import parse, parse_op, parse_values
from layercli.spec.torch_name import TorchName
from layercli.spec.tree import (
    EITHER,
    Argument,
    Call,
    Chain,
    Choice,
    Custom,
    Group,
    Item,
    Op,
    Range,
    Reference,
    Spec,
    Step,
    Unit,
    Unknown,
)

__all__ = [
    "EITHER",
    "Argument",
    "Call",
    "Chain",
    "Choice",
    "Custom",
    "Group",
    "Item",
    "Op",
    "Range",
    "Reference",
    "Spec",
    "Step",
    "TorchName",
    "Unit",
    "Unknown",
    "format_spec",
    "parse",
    "parse_op",
    "parse_values",
]
