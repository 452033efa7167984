"""What a spec says, as frozen values that keep their place in the text. A new kind of unit or value is a new node."""

from typing import Any, NamedTuple, TypeAlias

from layercli.errors import Span

__all__ = [
    "EITHER", "Argument", "Call", "Chain", "Choice", "Custom", "Group", "Item", "Op", "Range", "Reference", "Spec",
    "Step", "Unit", "Unknown",
]  # fmt: skip


class Unknown(NamedTuple):
    """``_``: any value."""


class Range(NamedTuple):
    """``first..last..step``: integers, both ends among them."""

    first: int
    last: int
    step: int = 1


class Choice(NamedTuple):
    """``3/5/7``: one of these, each a scalar, a range, or the sizes of a tuple (``3x5``)."""

    options: tuple[tuple["Item", ...], ...]


class Item(NamedTuple):
    """One scalar: ``kind`` is "int", "float", "word", "bool" or "none"; ``text`` is what was written.

    Of kind "open" where the value is left open, which is read for sweeping and solving only.
    """

    value: int | float | bool | str | None
    kind: str
    text: str
    span: Span
    open: Unknown | Range | Choice | None = None


class Reference(NamedTuple):
    """``@name`` or ``@name.1.0``: what a labelled step gave, or the part of it that the path leads to."""

    name: str
    path: tuple[int, ...]
    span: Span


class Argument(NamedTuple):
    """A value handed to an op, positional where ``name`` is None; a lone scalar is one item and no tuple.

    With a ``reference`` it holds no items: the value is another step's output.
    """

    name: str | None
    name_span: Span | None
    items: tuple[Item, ...]
    is_tuple: bool
    span: Span
    reference: Reference | None = None


EITHER = "{}"
"""The name of an op that no layer has: ``{relu / gelu | dropout}``, its branches the chains to choose one from. Read
for sweeping and solving only; what is analysed has none."""


class Op(NamedTuple):
    """A name and its arguments, in the order in which they were written; what it refers to; its branches."""

    name: str
    name_span: Span
    arguments: tuple[Argument, ...]
    span: Span
    references: tuple[Reference, ...] = ()
    branches: tuple["Chain", ...] = ()
    """Chains fed the same input; one without steps hands it on as it is."""


class Call(NamedTuple):
    """A module in PyTorch's notation, ``nn.Conv2d(3, 8, kernel_size=5)``: the class and its arguments as values.

    Values are what Python's literals are, lists read as tuples; a module among them is a Call.
    """

    name: str
    """The class without ``nn.`` or ``torch.nn.`` before it."""
    name_span: Span
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    span: Span
    spans: tuple[tuple[int | str, Span], ...] = ()
    """Where each argument stands, by its place or its name."""
    printed: bool = False
    """Whether it was read off what ``print(model)`` shows, which hides some arguments."""


class Custom(NamedTuple):
    """A class of the user's own in a printed model: its children are known, what its forward does with them is not."""

    name: str
    name_span: Span
    children: tuple["Step", ...]
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
    unit: "Unit"
    span: Span


Unit: TypeAlias = Op | Group | Call | Custom


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
        unit = step.unit
        if isinstance(unit, Group):
            inner = _expanded(unit.chain)
        else:
            inner = 1 + sum(map(_expanded, unit.branches)) if isinstance(unit, Op) else 1
        total += step.repeat * inner
    return total
