"""One layer over many settings: a function generated from its formulas in place of an analysis for each.

The formulas are those of the ordinary analysis, put together by it once for each structure (flags, words, ranks, how
values are written) that occurs among the designs. Which symbol each hole sets is found by trying every value of every
hole by itself. What cannot be told apart so, and every design that is refused, is left to the ordinary analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import from_feed
from layercli.analysis.keys import Given, from_op
from layercli.analysis.layer import MOST_TENSORS, Prepared, unmet
from layercli.analysis.variant import MACS, Variant
from layercli.analysis.walk import Options
from layercli.design.answers import Answer, Answers, Refusal
from layercli.design.space import Selection, Space, alone
from layercli.errors import LayerError
from layercli.formula import Expr, Steps, Sym, le_, max_, not_, resolve, size, total
from layercli.formula.specialised import Specialised, specialised
from layercli.layers.definition import Layer, Need, Window
from layercli.layers.kinds import LARGEST
from layercli.layers.reach import Spreads
from layercli.plan import Tensor, span
from layercli.spec import Op

MOST_CELLS = 256
"""More structures than this are left to the ordinary analysis."""
TRIED = 200
"""Designs among which one is looked for that the layer's keys allow."""
CONFIRMED = 12
"""Designs of each structure that are put together by the ordinary analysis too, to see that holes do not mix."""


class Cell(NamedTuple):
    """The designs of one structure."""

    variant: Variant
    base: Mapping[str, Any]
    """The symbols' values, those that vary at one of them."""
    symbols: tuple[tuple[str, ...], ...]
    """The symbols that each hole sets."""
    tables: tuple[Mapping[int, tuple[Any, ...]], ...]
    """For each hole and each of its values, those of its symbols."""
    function: Specialised
    rank: int
    """How many axes the output has; counts, then the figures of windows stand behind its sizes."""
    first: int
    """Which of the steps is the first of the definition's rules, which stand in their order."""
    steps: Steps
    """What the definition asks and works out, in order: not what torch cannot count, nor the windows."""
    windows: Steps
    """The figures of the windows that slide over the input; none of those that are spread."""
    sizes: tuple[str, ...]
    """The names of the output's sizes."""
    given: Given
    """The keys of one of the designs; where they stand is the same in all of them."""
    values: Mapping[str, Any]
    """The layer's keys at one of the designs: those that decide the structure have these values in all of them."""

    def at(self, choice: Selection) -> tuple[Any, ...] | int:
        """The figures of a design, or which step refuses it."""
        return self.function(*[table[index] for table, index in zip(self.tables, choice)])

    def rule(self, step: int) -> Need | None:
        """The definition's rule that a step is; None for a step of another kind."""
        number = step - self.first
        rule = self.variant.rules[number] if 0 <= number < len(self.variant.rules) else None
        return rule if isinstance(rule, Need) else None

    def symbols_at(self, choice: Selection) -> dict[str, Any]:
        """What formulas start from in a design."""
        return started(self.base, self.symbols, self.tables, choice)


def started(
    base: Mapping[str, Any],
    symbols: Sequence[Sequence[str]],
    tables: Sequence[Mapping[int, tuple[Any, ...]]],
    choice: Selection,
) -> dict[str, Any]:
    """The symbols' values at one design, with those that a choice sets."""
    found = dict(base)
    for names, table, index in zip(symbols, tables, choice):
        found.update(zip(names, table[index]))
    return found


class Grid(Answers):
    """Answers for a space of one layer; :meth:`of` says whether a space is one."""

    layer: Layer

    @classmethod
    def of(cls, space: Space, options: Options, fields: bool = True) -> Answers:
        """The fastest answers for a space; ``fields``: whether receptive fields are wanted."""
        one = alone(space.spec)
        if one is None or len(space.inputs) != 1 or options.unroll:
            return Answers(space, options)
        layer, op = one
        given = space.inputs[0].given
        plain = (
            layer.several is None
            and layer.inputs
            and layer.name not in ("input", "pick")
            and not (op.references or any(argument.reference for argument in op.arguments))
            and given.name is None
            and isinstance(given.feed, Tensor)
            and not given.feed.symbols
        )
        if not plain:
            return Answers(space, options)
        grid = cls(space, options)
        grid.layer = layer
        return grid if grid._begun(fields) else Answers(space, options)

    # --- answers ---

    def answer(self, choice: Selection) -> Answer:
        """The figures of a design."""
        cell = self._cell(choice)
        if cell is None:
            return super().answer(choice)
        found = cell.at(choice)
        if isinstance(found, tuple):
            return self._read(cell, choice, found)
        need = cell.rule(found)
        if need is None:
            return super().answer(choice)
        self.last_error = None
        return Answer(choice, Refusal(need.code, self._path, need.message))

    def error(self, choice: Selection) -> LayerError:
        """Why a design is refused, in full: in the words of its rule, as the ordinary analysis puts them."""
        cell = self._cell(choice)
        if cell is None or self._torch_order:
            return super().error(choice)
        found = cell.at(choice)
        if isinstance(found, tuple) or cell.rule(found) is None:
            return super().error(choice)
        sizes = cell.symbols_at(choice)
        need = cell.variant.compute(sizes)
        assert need is not None
        error = unmet(need, cell.variant, sizes, cell.given)
        return error.located(self.space.spec.source, cell.given.span, self._path)

    def forget(self) -> None:
        """Drops the designs that were made: the generated functions need none."""
        self._forget()

    def _read(self, cell: Cell, choice: Selection, found: tuple[Any, ...]) -> Answer:
        rank = cell.rank
        field = None
        if self._slides:
            field = _field(found[rank + 2 :], not self.layer.window)
        elif self._still:
            field = self._fixed(cell, choice)
        macs = None if self.layer.macs_unknown else found[rank + 1]
        return Answer(choice, None, found[:rank], found[rank], macs, field)

    def _fixed(self, cell: Cell, choice: Selection) -> dict[str, list[Any]] | None:
        """The field that all designs of a structure have."""
        if id(cell) not in self._fields:
            self._fields[id(cell)] = super().answer(choice).field
        return self._fields[id(cell)]

    # --- structures ---

    @property
    def cells(self) -> Iterator[tuple[list[list[int]], Cell | None]]:
        """Every structure: the values that each hole has in it, and its cell; None where it has none."""
        groups = [
            [*members, [place for place, number in enumerate(numbers) if number is None]]
            for members, numbers in zip(self._members, self._classes)
        ]
        for key in product(*(range(len(of_hole)) for of_hole in groups)):
            values = [of_hole[number] for of_hole, number in zip(groups, key)]
            if all(values):  # the last group, of what is refused beside the base, is empty for most holes
                yield values, self._cell(tuple(places[0] for places in values))

    def _begun(self, fields: bool) -> bool:
        """Sorts the values of each hole by structure; whether that can be done."""
        layer, holes = self.layer, self.space.holes
        self._slides = fields and receptive.slides(layer)
        self._still = fields and receptive.fixed(layer)
        if fields and not (self._slides or self._still):
            return False
        step = self.space.spec.chain.steps[0]
        self._path = step.label or "0"
        unit = step.unit
        assert isinstance(unit, Op)
        # with two values or more it may be torch's order of arguments, of which the ordinary analysis speaks
        self._torch_order = sum(argument.name is None for argument in unit.arguments) > 1
        self._fields: dict[int, dict[str, list[Any]] | None] = {}
        feed = self.space.inputs[0].given.feed
        assert isinstance(feed, Tensor)
        largest = list(feed.shape)
        for hole in holes:
            if not hole.where.path:
                largest[hole.where.axis] = max(_number(value) for value in hole.values)
        if span(largest) > LARGEST // 16:
            return False
        base = self._base()
        if base is None:
            return False
        self._classes: list[list[int | None]] = []
        """For each hole the number of the structure that each of its values makes; None where it makes none."""
        self._members: list[list[list[int]]] = []
        for number, place in enumerate(holes):
            signatures: dict[Any, int] = {}
            numbers: list[int | None] = []
            for value in range(len(place.values)):
                ready = self._prepared((*base[:number], value, *base[number + 1 :]))
                signature = None if ready is None else ready.signature
                numbers.append(None if signature is None else signatures.setdefault(signature, len(signatures)))
            self._classes.append(numbers)
            self._members.append([[v for v, n in enumerate(numbers) if n == c] for c in range(len(signatures))])
        cells = 1
        for members in self._members:
            cells *= len(members)
        self._cells: dict[tuple[int, ...], Cell | None] = {}
        self._lone: Cell | None = None
        if cells > MOST_CELLS:
            return False
        if cells == 1 and all(None not in numbers for numbers in self._classes):
            self._lone = self._made(tuple(0 for _ in holes))
            return self._lone is not None
        return True

    def _base(self) -> Selection | None:
        """A design that the layer's keys allow."""
        holes = self.space.holes
        for choice in product(*(range(min(len(hole.values), 3)) for hole in holes)):
            if self._prepared(choice) is not None:
                return choice
        random = Random(0)
        for _ in range(TRIED):
            choice = tuple(random.randrange(len(hole.values)) for hole in holes)
            if self._prepared(choice) is not None:
                return choice
        return None

    def _prepared(self, choice: Selection) -> Prepared | None:
        """A design put together, its formulas not yet worked out; None where its keys or inputs are refused."""
        spec, inputs = self.space.design(choice)
        op = spec.chain.steps[0].unit
        assert isinstance(op, Op)
        try:
            given = from_op(self.layer, op)
            return self.analyser.prepare(self.layer, given, [(None, from_feed(item.feed)) for item in inputs])
        except LayerError:
            return None

    def _cell(self, choice: Selection) -> Cell | None:
        if self._lone is not None:
            return self._lone
        key = tuple([number for numbers, index in zip(self._classes, choice) if (number := numbers[index]) is not None])
        if len(key) < len(choice):
            return None
        if key not in self._cells:
            self._cells[key] = self._made(key)
        return self._cells[key]

    def _made(self, key: tuple[int, ...]) -> Cell | None:
        """The cell of a structure; None where its holes cannot be told apart."""
        members = [of_hole[number] for of_hole, number in zip(self._members, key)]
        first = tuple(values[0] for values in members)
        ready = self._prepared(first)
        if ready is None:
            return None
        base = dict(ready.sizes)
        tables: list[dict[int, tuple[Any, ...]]] = []
        varied: list[tuple[str, ...]] = []
        for hole, values in enumerate(members):
            found: dict[int, dict[str, Any]] = {}
            for value in values:
                other = self._prepared((*first[:hole], value, *first[hole + 1 :]))
                if other is None or other.signature != ready.signature or other.sizes.keys() != base.keys():
                    return None
                found[value] = other.sizes
            names = tuple(name for name in base if any(not _same(sizes[name], base[name]) for sizes in found.values()))
            if any(set(names) & set(others) for others in varied):
                return None
            varied.append(names)
            tables.append({value: tuple(sizes[name] for name in names) for value, sizes in found.items()})
        if not self._apart(members, base, varied, tables, ready):
            return None
        return self._compiled(ready, base, varied, tables)

    def _apart(
        self,
        members: Sequence[Sequence[int]],
        base: Mapping[str, Any],
        varied: Sequence[Sequence[str]],
        tables: Sequence[Mapping[int, tuple[Any, ...]]],
        ready: Prepared,
    ) -> bool:
        """Whether designs in which several holes are changed at once are what their holes make one by one."""
        random = Random(0)
        for turn in range(CONFIRMED):
            last = turn == 0
            choice = tuple(values[-1] if last else random.choice(values) for values in members)
            other = self._prepared(choice)
            if other is None or other.signature != ready.signature:
                return False
            expected = started(base, varied, tables, choice)
            if any(not _same(other.sizes[name], value) for name, value in expected.items()):
                return False
        return True

    def _compiled(
        self,
        ready: Prepared,
        base: dict[str, Any],
        varied: Sequence[tuple[str, ...]],
        tables: Sequence[dict[int, tuple[Any, ...]]],
    ) -> Cell | None:
        variant = ready.variant
        outputs = [shaped for _, shaped in variant.every_output()]
        if not outputs or (variant.params and not ready.parameters.startswith(("float", "bfloat", "complex"))):
            return None
        facts = [*self._facts(ready)]
        windows = self._windows(ready) if self._slides else []
        own = (*facts, *variant.steps)
        steps = (*own, *(("", limit) for limit in self._limits(variant)), *windows)
        wanted = [*outputs[0].sizes, "params", MACS.name, *(name for name, _ in windows)]
        try:
            function = specialised(steps, base, varied, wanted)
        except (ArithmeticError, KeyError, TypeError, ValueError):
            return None
        return Cell(
            variant, base, tuple(varied), tuple(tables), function, len(outputs[0].sizes), len(facts), own,
            () if isinstance(self.layer.reach, Spreads) else tuple(windows),
            outputs[0].sizes, ready.given, ready.values,
        )  # fmt: skip

    def _facts(self, ready: Prepared) -> Iterator[tuple[str, Expr]]:
        """What has to hold for the formulas to have the form that they have here."""
        for name, fact in self.layer.facts.items():
            resolved = resolve(fact, ready.matcher.known)
            yield "", resolved if ready.matcher.known[name] else not_(resolved)

    def _limits(self, variant: Variant) -> Iterator[Expr]:
        """What torch can count: each output and the parameters in 64 bits; and how many tensors are listed."""
        for _, shaped in variant.every_output():
            yield le_(size(max_(1, Sym(name)) for name in shaped.sizes), LARGEST // 16)
        yield le_(Sym("params"), LARGEST // 16)
        copies = [size(variant.resolved(copy.times) for copy in tensor.param.copies) for tensor in variant.params]
        yield le_(total(copies), MOST_TENSORS)

    def _windows(self, ready: Prepared) -> list[tuple[str, Expr]]:
        """The figures of the windows that slide or spread, axis by axis, under names of their own."""
        first = self.layer.inputs[0]
        rule = self.layer.reach
        windows = rule.axes if isinstance(rule, Spreads) else self.layer.window or ()
        axes = len(getattr(ready.arranged[first.name], "shape", ()))
        return [
            (f"slides.{number}.{part}", ready.variant.resolved(getattr(window, part)))
            for number, window in enumerate(windows)
            if axes - len(windows) + number >= 0
            for part in Window._fields
        ]


def _number(value: Any) -> int:
    number: int = value[0].value
    return number


def _same(one: Any, two: Any) -> bool:
    """Whether two values are the same number of the same type: 1, 1.0 and True are told apart."""
    return type(one) is type(two) and (one == two or one != one)


@lru_cache(maxsize=100_000)
def _field(windows: tuple[int, ...], spread: bool) -> dict[str, list[Any]] | None:
    """The receptive field of windows over the input itself: kernel, stride, padding, dilation by axis."""
    parts = [windows[at : at + 4] for at in range(0, len(windows), 4)]
    return receptive.as_json(receptive.of_windows(parts, spread))
