"""The tree back to text, in one canonical spelling: steps on one line, one space between values."""

from __future__ import annotations

from layercli.spec.tree import Argument, Chain, Group, Op, Spec, Step

__all__ = ["format_spec"]


def format_spec(tree: Spec | Chain) -> str:
    """Text that parses to the same tree, spans aside."""
    chain = tree.chain if isinstance(tree, Spec) else tree
    return " | ".join([_step(step) for step in chain.steps])


def _step(step: Step) -> str:
    label = f"{step.label}: " if step.label is not None else ""
    repeat = f"{step.repeat}*" if step.repeat != 1 else ""
    unit = f"({format_spec(step.unit.chain)})" if isinstance(step.unit, Group) else _op(step.unit)
    return label + repeat + unit


def _op(op: Op) -> str:
    return " ".join([op.name, *map(_argument, op.arguments)])


def _argument(argument: Argument) -> str:
    key = f"{argument.name}=" if argument.name is not None else ""
    values = ",".join([item.text for item in argument.items])
    return f"{key}({values},)" if argument.is_tuple and len(argument.items) == 1 else key + values
