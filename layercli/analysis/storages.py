"""Tensors on their way through a net as far as memory goes: which storage each lies in, and how."""

import enum
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from layercli.analysis.flow import Flow
from layercli.analysis.strides import Shape, Strides, is_in_order
from layercli.analysis.variant import Shaped, ShapedTree
from layercli.layers.definition import InputDef, TupleIn
from layercli.layers.dtypes import COMPLEX, FLOATS
from layercli.plan import ITEM_SIZE, Wire, elements

DIFFERENTIABLE = frozenset((*FLOATS, *COMPLEX))


class Storage(NamedTuple):
    """A piece of memory: its number, its bytes, and the row that makes it (None for an input of the net)."""

    number: int
    size: int
    row: int | None
    tensor: int
    """The bytes of the tensor that it is made for; torch makes room for more at some outputs."""


class Origin(enum.Enum):
    """How autograd came by a tensor: what it lets be written over hangs on that."""

    COMPUTED = enum.auto()
    LEARNED = enum.auto()
    """A parameter, or a view of one: a leaf of the graph."""
    PART = enum.auto()
    """One of several views that a step gives at once, or a view of one."""


class Held(NamedTuple):
    """A tensor on its way, as far as memory goes."""

    storage: Storage
    shape: Shape
    strides: Strides | None
    """None where it is not known how it lies in memory."""
    dtype: str
    grad: bool
    """Whether it asks for a gradient."""
    sure: bool = True
    """Whether it is known that it lies in this storage; else it may be a copy."""
    wire: Wire = None
    """Where it comes from: one wire is one tensor."""
    origin: Origin = Origin.COMPUTED
    rough: Strides = ()
    """Where the strides are not known: 0 for an axis that is known to repeat its numbers, 1 for any other."""

    @property
    def overlaps(self) -> bool:
        """Whether several of its numbers are known to lie in one place."""
        steps = self.rough if self.strides is None else self.strides
        return 0 not in self.shape and any(step == 0 and size > 1 for size, step in zip(self.shape, steps))

    @property
    def in_order(self) -> bool:
        """Whether its numbers are known to lie in order."""
        return self.strides is not None and is_in_order(self.shape, self.strides)


Holding: TypeAlias = Held | tuple["Holding", ...] | None
"""What a wire brings, nested as torch nests it."""


def bytes_of(flow: Flow) -> int:
    """The bytes of a tensor's numbers."""
    return elements(flow.shape) * ITEM_SIZE[flow.dtype]


def every(holding: Holding) -> Iterator[Held]:
    """Every tensor in it, in order."""
    if isinstance(holding, Held):
        yield holding
    elif holding is not None:
        for item in holding:
            yield from every(item)


def input_names(item: InputDef, holding: Holding) -> dict[str, Held]:
    """The tensors of an input by name, those of a tuple by their own."""
    if isinstance(holding, Held):
        return {item.name: holding}
    if isinstance(item, TupleIn) and holding is not None:
        return {part.name: held for part, held in zip(item.items, holding) if isinstance(held, Held)}
    return {}


Path: TypeAlias = tuple[int, ...]
"""Where a tensor stands among a row's outputs."""


def output_places(shaped: tuple[ShapedTree, ...], before: Path = ()) -> Iterator[tuple[str, Path]]:
    """The output tensors' names, each with its place."""
    for index, item in enumerate(shaped):
        if isinstance(item, Shaped):
            yield item.out.name, (*before, index)
        elif item is not None:
            yield from output_places(item, (*before, index))


def output_names(shaped: tuple[ShapedTree, ...], outputs: tuple[Holding, ...]) -> dict[str, Held]:
    """The output tensors by name."""
    named: dict[str, Held] = {}
    for item, holding in zip(shaped, outputs):
        if item is None or holding is None:
            continue
        if isinstance(item, Shaped):
            if isinstance(holding, Held):
                named[item.out.name] = holding
        elif not isinstance(holding, Held):
            named.update(output_names(item, holding))
    return named
