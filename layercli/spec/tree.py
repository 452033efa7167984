"""What a spec says, as frozen values that keep their place in the text. A new kind of unit or value is a new node."""

from typing import NamedTuple

from layercli.errors import Span

__all__ = ["Argument", "Chain", "Group", "Item", "Op", "Spec", "Step"]


class Item(NamedTuple):
    """One scalar: ``kind`` is "int", "float", "word", "bool" or "none"; ``text`` is what was written."""

    value: int | float | bool | str | None
    kind: str
    text: str
    span: Span


class Argument(NamedTuple):
    """A value handed to an op, positional where ``name`` is None; a lone scalar is one item and no tuple."""

    name: str | None
    name_span: Span | None
    items: tuple[Item, ...]
    is_tuple: bool
    span: Span


class Op(NamedTuple):
    """A name and its arguments, in the order in which they were written."""

    name: str
    name_span: Span
    arguments: tuple[Argument, ...]
    span: Span


class Group(NamedTuple):
    """A chain in parentheses; the span holds them."""

    chain: "Chain"
    span: Span


class Step(NamedTuple):
    """One place in a chain: a unit, perhaps labelled, perhaps repeated with weights of its own each time."""

    label: str | None
    label_span: Span | None
    repeat: int
    unit: Op | Group
    span: Span


class Chain(NamedTuple):
    """Steps in the order in which a tensor meets them."""

    steps: tuple[Step, ...]
    span: Span


class Spec(NamedTuple):
    """A whole text, understood."""

    source: str
    chain: Chain

    @property
    def expanded_steps(self) -> int:
        """How many ops run once every repeat is written out."""
        return _expanded(self.chain)


def _expanded(chain: Chain) -> int:
    total = 0
    for step in chain.steps:
        total += step.repeat * (_expanded(step.unit.chain) if isinstance(step.unit, Group) else 1)
    return total
