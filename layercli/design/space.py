"""A design with open values as a space of designs: what may vary, and the design of each choice.

Open are values (``k=1..9``, ``k=3/5/7``, ``k=_``), steps (``{relu / gelu | dropout}``) and sizes of an input. A choice
is a number for each of these holes, which of its values it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any, NamedTuple, TypeAlias, TypeVar

from layercli.analysis.keys import named
from layercli.errors import LayerError, Span
from layercli.layers import find
from layercli.layers.definition import Key, Layer
from layercli.plan import Input, Tensor
from layercli.spec import EITHER, Argument, Chain, Choice, Group, Item, Op, Range, Spec, Step, Unknown, format_spec

Selection: TypeAlias = tuple[int, ...]
"""One design of a space: for each hole, which of its values."""
Value: TypeAlias = "tuple[Item, ...] | Chain"

MOST_VALUES = 1_000_000
"""The most values that one hole may have."""


class OpenInput(NamedTuple):
    """An input whose sizes may be open: what stands for them is put in at these axes."""

    given: Input
    open: tuple[tuple[int, Item], ...] = ()
    text: str = ""
    """The option as it was written, which errors show."""


class Where(NamedTuple):
    """Where a hole is: a key's value (or one of several), a step, or the size of an input."""

    path: str
    """Of the step, as tables name it; empty for an input."""
    layer: Layer | None = None
    key: Key | None = None
    axis: int = 0
    """Which of the values in a tuple, or which axis of an input."""
    span: Span | None = None
    source: str = ""
    """The text that holds the span."""


class Hole(NamedTuple):
    """Something that is left open, and what it may be."""

    where: Where
    values: Sequence[Value]
    asked: bool = False
    """Whether it is to be found (``_``), rather than one of the values that are written."""
    under: tuple[tuple[int, int], ...] = ()
    """The choices of steps that it stands inside of: which hole, and which of its values; the outermost first."""


class Column(NamedTuple):
    """What a table says of a choice under one heading: an argument, a step or an input, with all of its holes."""

    name: str
    holes: tuple[int, ...]
    text: Callable[[Selection], str]
    span: Span | None = None
    lone: int | None = None
    """The hole that is all that it says."""


Domain = Callable[[Where], Sequence[int]]
"""What ``_`` may be at a place; LayerError where it may not stand there."""
_Node = TypeVar("_Node")


class Space:
    """The designs that a spec with open values stands for."""

    def __init__(self, spec: Spec, inputs: Sequence[OpenInput], domain: Domain) -> None:
        self.spec = spec
        self.inputs = tuple(inputs)
        self.holes: list[Hole] = []
        self.columns: list[Column] = []
        self._of: dict[int, int] = {}
        """The hole that an open item is, by the item's identity."""
        self._inner: dict[int, tuple[int, ...]] = {}
        """The holes inside of a node, by its identity; nodes without holes are left out."""
        self._made: dict[tuple[int, ...], Any] = {}
        self._domain = domain
        self._under: tuple[tuple[int, int], ...] = ()
        for number, item in enumerate(self.inputs):
            self._input(item, number)
        self._find(spec.chain, "")
        self._named()

    @property
    def count(self) -> int:
        """How many designs there are."""
        return prod(self._designs(number) for number, hole in enumerate(self.holes) if not hole.under)

    def _designs(self, number: int) -> int:
        """How many designs a hole makes, with all that stands inside of its steps."""
        inside = [(other, hole.under[-1]) for other, hole in enumerate(self.holes) if hole.under]
        branches = range(len(self.holes[number].values))
        return sum(prod(self._designs(other) for other, place in inside if place == (number, b)) for b in branches)

    def design(self, choice: Selection) -> tuple[Spec, tuple[Input, ...]]:
        """The design of a choice, and what it is fed. Parts that two choices share are one object."""
        chain = self._chain(self.spec.chain, choice)
        if not chain.steps:
            chain = Chain((Step(None, None, 1, Op("identity", chain.span, (), chain.span), chain.span),), chain.span)
        return Spec(self.spec.source, chain), self.fed(choice)

    def fed(self, choice: Selection) -> tuple[Input, ...]:
        """What the design of a choice is fed."""
        return tuple(self._fed(item, choice) for item in self.inputs)

    def text(self, choice: Selection) -> str:
        """The design of a choice as ``layercli run`` takes it."""
        if self._template is None:
            return format_spec(self.design(choice)[0])
        return "".join([part if isinstance(part, str) else self._words[part][choice[part]] for part in self._template])

    @cached_property
    def _words(self) -> list[list[str]]:
        """Each value of each hole as it is written; of steps nothing."""
        return [[_text(value) for value in hole.values] for hole in self.holes]

    @cached_property
    def _template(self) -> list[str | int] | None:
        """The text of every design: what is the same in all of them, and the holes between; None with open steps."""
        if any(isinstance(hole.values[0], Chain) for hole in self.holes):
            return None
        marked = Space.__new__(Space)
        marked.__dict__.update(self.__dict__, _made={})
        signs = [f"\0{number}\0" for number in range(len(self.holes))]
        marked.holes = [hole._replace(values=[(_word(sign),)]) for hole, sign in zip(self.holes, signs)]
        parts = format_spec(marked._chain(self.spec.chain, (0,) * len(signs))).split("\0")
        return [int(part) if index % 2 else part for index, part in enumerate(parts)]

    def shapes(self, choice: Selection) -> tuple[str, ...]:
        """What ``-i`` says of a choice, input by input."""
        return tuple(_written(self._fed(item, choice)) for item in self.inputs)

    def forget(self) -> None:
        """Drops the parts that were made: who keeps answers by their identity drops those first."""
        self._made.clear()

    # --- finding what is open ---

    def _input(self, item: OpenInput, number: int) -> None:
        first = len(self.holes)
        for axis, open_ in item.open:
            if id(open_) not in self._of:  # one value may stand for several axes
                self._hole(Where("", axis=axis, span=open_.span, source=item.text), open_)
        if item.open:
            holes = tuple(range(first, len(self.holes)))
            name = item.given.name or ("input" if number == 0 else f"input{number}")
            span = Span(item.open[0][1].span.start, item.open[-1][1].span.end)
            self.columns.append(Column(name, holes, lambda choice: _written(self._fed(item, choice), False), span))

    def _find(self, chain: Chain, prefix: str) -> None:
        first = len(self.holes)
        for position, step in enumerate(chain.steps):
            path = f"{prefix}{step.label or position}"
            begun = len(self.holes)
            unit = step.unit
            if isinstance(unit, Group):
                self._find(unit.chain, f"{path}.")
            elif isinstance(unit, Op):
                self._op(unit, path)
            self._noted(step, begun)
        self._noted(chain, first)

    def _op(self, op: Op, path: str) -> None:
        begun = len(self.holes)
        if op.name == EITHER:
            self._either(op, path)
        else:
            layer = find(op.name)
            if layer is None:
                from layercli.analysis.complaints import unknown_layer

                raise unknown_layer(op.name, op.name_span).located(self.spec.source)
            try:
                keys = [*named(layer, op)]
            except LayerError as error:
                raise error.located(self.spec.source, op.span) from None
            for argument, _, key in keys:
                self._argument(argument, argument.name or key.names[-1], path, layer, key)
            for number, branch in enumerate(op.branches):
                self._find(branch, f"{path}.{number}.")
        self._noted(op, begun)

    def _either(self, op: Op, path: str) -> None:
        hole = self._of[id(op)] = self._add(Hole(Where(path, span=op.span, source=self.spec.source), op.branches))
        name = path.rpartition(".")[2]

        def text(choice: Selection) -> str:
            return format_spec(self._chain(op.branches[choice[hole]], choice)) or "-"

        around = self._under
        for number, branch in enumerate(op.branches):
            self._under = (*around, (hole, number))
            self._find(branch, f"{path}.")
        self._under = around
        if not around:
            holes = tuple(range(hole, len(self.holes)))
            self.columns.append(Column(name if name.isidentifier() else f"step@{path}", holes, text, op.span))

    def _argument(self, argument: Argument, name: str, path: str, layer: Layer, key: Key) -> None:
        first = len(self.holes)
        for axis, item in enumerate(argument.items):
            if item.open is None:
                continue
            if len(argument.items) > 1 and isinstance(item.open, Choice):
                _one_each(item, self.spec.source)
            self._hole(Where(path, layer, key, axis, item.span, self.spec.source), item)
        if len(self.holes) > first:
            holes = self._inner[id(argument)] = tuple(range(first, len(self.holes)))
            if self._under:
                return  # the column of the step that it stands in shows it
            lone = first if len(argument.items) == 1 else None
            text = partial(self._said, argument)
            self.columns.append(Column(f"{name}@{path}", holes, text, argument.span, lone))

    def _said(self, argument: Argument, choice: Selection) -> str:
        return _text(self._filled(argument, choice).items)

    def _hole(self, where: Where, item: Item) -> None:
        if isinstance(item.open, Unknown):
            values: Sequence[Value] = [(_integer(value, item.span),) for value in self._domain(where)]
        else:
            values = [*_expanded(item, where.source)]
        self._of[id(item)] = self._add(Hole(where, values, isinstance(item.open, Unknown)))

    def _add(self, hole: Hole) -> int:
        self.holes.append(hole._replace(under=self._under))
        return len(self.holes) - 1

    def _noted(self, node: Any, first: int) -> None:
        if len(self.holes) > first:
            self._inner[id(node)] = tuple(range(first, len(self.holes)))

    def setting(self, column: Column, choice: Selection) -> str:
        """What a column says of a choice."""
        if column.lone is not None:
            return self._words[column.lone][choice[column.lone]]
        return column.text(choice)

    def _named(self) -> None:
        """Leaves the step out of a heading that no other column has."""
        short = [column.name.partition("@")[0] for column in self.columns]
        self.columns = [
            column._replace(name=name) if short.count(name) == 1 else column
            for column, name in zip(self.columns, short)
        ]

    # --- filling it in ---

    def _once(self, node: _Node, choice: Selection, make: Callable[[_Node, Selection], _Node]) -> _Node:
        """The node of a choice, made once for all choices that agree inside of it."""
        holes = self._inner.get(id(node))
        if holes is None:
            return node
        key = (id(node), *(choice[hole] for hole in holes))
        made: _Node | None = self._made.get(key)
        if made is None:
            made = self._made[key] = make(node, choice)
        return made

    def _chain(self, chain: Chain, choice: Selection) -> Chain:
        return self._once(chain, choice, self._make_chain)

    def _make_chain(self, chain: Chain, choice: Selection) -> Chain:
        return chain._replace(steps=tuple(made for step in chain.steps for made in self._steps(step, choice)))

    def _steps(self, step: Step, choice: Selection) -> tuple[Step, ...]:
        """The step of a choice; of several to choose from the steps of the one, which may be none."""
        unit = step.unit
        if not (isinstance(unit, Op) and unit.name == EITHER):
            return (self._once(step, choice, self._make_step),)
        chain = self._chain(unit.branches[choice[self._of[id(unit)]]], choice)
        if step.label is None and step.repeat == 1:
            return chain.steps
        if not chain.steps:
            return (step._replace(unit=Op("identity", unit.name_span, (), unit.span)),)
        return (step._replace(unit=Group(chain, unit.span)),)

    def _make_step(self, step: Step, choice: Selection) -> Step:
        unit = step.unit
        if isinstance(unit, Group):
            return step._replace(unit=unit._replace(chain=self._chain(unit.chain, choice)))
        assert isinstance(unit, Op)
        return step._replace(unit=self._once(unit, choice, self._make_op))

    def _make_op(self, op: Op, choice: Selection) -> Op:
        return op._replace(
            arguments=tuple(self._filled(argument, choice) for argument in op.arguments),
            branches=tuple(self._chain(branch, choice) for branch in op.branches),
        )

    def _filled(self, argument: Argument, choice: Selection) -> Argument:
        if id(argument) not in self._inner:
            return argument
        items: list[Item] = []
        for item in argument.items:
            items += (item,) if item.open is None else self._value(item, choice)
        return argument._replace(items=tuple(items), is_tuple=argument.is_tuple or len(items) > 1)

    def _value(self, item: Item, choice: Selection) -> tuple[Item, ...]:
        hole = self._of[id(item)]
        value = self.holes[hole].values[choice[hole]]
        assert not isinstance(value, Chain)
        return value

    def _fed(self, item: OpenInput, choice: Selection) -> Input:
        if not item.open:
            return item.given
        feed = item.given.feed
        assert isinstance(feed, Tensor)
        sizes: list[Any] = list(feed.shape)
        for axis, open_ in item.open:
            sizes[axis] = self._value(open_, choice)[0].value
        return item.given._replace(feed=feed._replace(shape=tuple(sizes)))


def alone(spec: Spec) -> tuple[Layer, Op] | None:
    """The layer that a spec of one step is; None for a design of several."""
    steps = spec.chain.steps
    op = steps[0].unit if len(steps) == 1 and steps[0].repeat == 1 else None
    if not isinstance(op, Op) or op.name == EITHER or op.branches:
        return None
    layer = find(op.name)
    return None if layer is None else (layer, op)


def _expanded(item: Item, source: str) -> Iterator[tuple[Item, ...]]:
    """Every value that an open item stands for."""
    found = item.open
    if isinstance(found, Range):
        numbers = range(found.first, found.last + 1, found.step)
        count = (found.last - found.first) // found.step + 1  # which may be more than len() can say
        if count > MOST_VALUES:
            raise LayerError(
                "limit.values", f"{item.text[:40]} has {count:,} values, and {MOST_VALUES:,} is the most",
                span=item.span, source=source, fix="write a shorter range, or a larger distance: 1..1000..10",
            )  # fmt: skip
        for value in numbers:
            yield (_integer(value, item.span),)
    elif isinstance(found, Choice):
        for option in found.options:
            if len(option) == 1 and option[0].open is not None:
                yield from _expanded(option[0], source)
            else:
                yield option


def _one_each(item: Item, source: str) -> None:
    assert isinstance(item.open, Choice)
    if any(len(option) > 1 for option in item.open.options):
        raise LayerError(
            "spec.alternatives", f"{item.text} has tuples among its values, and stands in a tuple", span=item.span,
            source=source, fix="write whole tuples with x: 3x3/1x5",
        )  # fmt: skip


def _integer(value: int, span: Span) -> Item:
    return Item(value, "int", str(value), span)


def _word(text: str) -> Item:
    return Item(text, "word", text, Span(0, 0))


def _text(value: Value) -> str:
    return "" if isinstance(value, Chain) else ",".join([item.text for item in value])


def _written(item: Input, named: bool = True) -> str:
    """An input as ``-i`` takes it."""
    feed = item.feed
    name = f"{item.name}=" if item.name and named else ""
    if not isinstance(feed, Tensor):
        return f"{name}{str(getattr(feed, 'value', 'none')).lower()}"
    names = feed.symbols or ("",) * len(feed.shape)
    sizes = ",".join(symbol or str(size) for symbol, size in zip(names, feed.shape)) or "scalar"
    return name + sizes + (f":{feed.dtype}" if feed.dtype else "")
