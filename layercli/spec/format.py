"""The tree back to text, in one canonical spelling: steps on one line, one space between values."""

from __future__ import annotations

from collections.abc import Set

from layercli.spec.scalars import is_constant, is_name
from layercli.spec.tree import Argument, Chain, Group, Op, Reference, Spec, Step

__all__ = ["format_spec"]


def format_spec(tree: Spec | Chain) -> str:
    """Text that parses to the same tree, spans aside.

    Names of modules in PyTorch's notation are left out where they cannot be labels: that several share, for one.
    """
    chain = tree.chain if isinstance(tree, Spec) else tree
    met: set[str] = set()
    left_out: set[str] = set()
    _sift(chain, met, left_out)
    return _chain(chain, left_out)


def _sift(chain: Chain, met: set[str], left_out: set[str]) -> None:
    """Gathers the labels, and those that cannot be written."""
    for step in chain.steps:
        label, unit = step.label, step.unit
        if label is not None:
            if label in met or not (label.isascii() and is_name(label)):
                left_out.add(label)
            met.add(label)
        if isinstance(unit, Group):
            _sift(unit.chain, met, left_out)
        elif isinstance(unit, Op):
            for branch in unit.branches:
                _sift(branch, met, left_out)


def _chain(chain: Chain, left_out: Set[str]) -> str:
    return " | ".join([_step(step, left_out) for step in chain.steps])


def _step(step: Step, left_out: Set[str]) -> str:
    label = f"{step.label}: " if step.label is not None and step.label not in left_out else ""
    before = label + (f"{step.repeat}*" if step.repeat != 1 else "")
    unit = step.unit
    if isinstance(unit, Op):
        return before + _op(unit, left_out)
    if isinstance(unit, Group):
        return f"{before}({_chain(unit.chain, left_out)})" if unit.chain.steps else f"{before}nn.Sequential()"
    from layercli.spec.format_calls import format_call

    return before + format_call(unit)


def _op(op: Op, left_out: Set[str]) -> str:
    text = " ".join([op.name, *map(_argument, op.arguments), *map(_reference, op.references)])
    if not op.branches:
        return text
    space = "" if text == op.name and not op.name[0].isupper() else " "  # a class and "(" are a module
    once = "1*" if _reads_as_a_value(op, bool(space) and not op.references) else ""
    inner = ""
    for number, branch in enumerate(op.branches):
        # what is empty takes no room: "( ; relu)", "(relu ; ; tanh)", "(relu ; )"
        inner += ("; " if inner.endswith(" ; ") else " ; ") * (number > 0) + _chain(branch, left_out)
    return f"{text}{space}({once}{inner})"


def _reads_as_a_value(op: Op, value: bool) -> bool:
    """Whether its one branch is a lone word that would be read as a value, which ``value`` says may stand there."""
    steps = op.branches[0].steps
    if len(op.branches) > 1 or len(steps) != 1:
        return False
    label, _, repeat, unit, _ = steps[0]
    if label is not None or repeat != 1 or not isinstance(unit, Op):
        return False
    lone = not (unit.arguments or unit.references or unit.branches)
    return lone and (is_constant(unit.name) or value)


def _argument(argument: Argument) -> str:
    key = f"{argument.name}=" if argument.name is not None else ""
    if argument.reference is not None:
        return key + _reference(argument.reference)
    values = ",".join([item.text for item in argument.items])
    return f"{key}({values},)" if argument.is_tuple and len(argument.items) == 1 else key + values


def _reference(reference: Reference) -> str:
    return "@" + ".".join([reference.name, *map(str, reference.path)])
