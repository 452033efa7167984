"""The tree back to text, in one canonical spelling: steps on one line, one space between values."""

from __future__ import annotations

from layercli.spec.tree import Argument, Chain, Group, Op, Reference, Spec, Step, Unit

__all__ = ["format_spec"]


def format_spec(tree: Spec | Chain) -> str:
    """Text that parses to the same tree, spans aside."""
    chain = tree.chain if isinstance(tree, Spec) else tree
    return " | ".join([_step(step) for step in chain.steps])


def _step(step: Step) -> str:
    label = f"{step.label}: " if step.label is not None else ""
    repeat = f"{step.repeat}*" if step.repeat != 1 else ""
    return label + repeat + _unit(step.unit)


def _unit(unit: Unit) -> str:
    if isinstance(unit, Group):
        return f"({format_spec(unit.chain)})"
    if isinstance(unit, Op):
        return _op(unit)
    from layercli.spec.format_calls import format_call

    return format_call(unit)


def _op(op: Op) -> str:
    branches = [f"({' ; '.join(map(format_spec, op.branches))})"] if op.branches else []
    return " ".join([op.name, *map(_argument, op.arguments), *map(_reference, op.references), *branches])


def _argument(argument: Argument) -> str:
    key = f"{argument.name}=" if argument.name is not None else ""
    if argument.reference is not None:
        return key + _reference(argument.reference)
    values = ",".join([item.text for item in argument.items])
    return f"{key}({values},)" if argument.is_tuple and len(argument.items) == 1 else key + values


def _reference(reference: Reference) -> str:
    return "@" + ".".join([reference.name, *map(str, reference.path)])
