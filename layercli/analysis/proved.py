"""Which of the conditions on open sizes are demands: those without which the design is refused, asked in numbers.

A rule may be met in more ways than one (equal sizes, or a size of 1), and what a rule asks may hang on a way that was
taken before it. The walk has gone one way, and what its rules have asked there may be more than what has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product

from layercli.formula import Op, Sym
from layercli.formula.demands import Demand
from layercli.formula.guards import CHOICE, Guard
from layercli.formula.polynomial import number
from layercli.formula.region import Conditions, Region, Sizes
from layercli.formula.search import allowance, search
from layercli.formula.symbols import symbols

TRIED = 3
"""How many sizes that do not meet a demand are tried against the rules."""
TRIED_ON_A_WAY = 8
"""How many of each kind where what is demanded may hang on a way that was taken."""
MOST_ALTERNATIVES = 6
LARGE = 16
"""What the other sizes are where they may be too small."""


def proved(
    found: Region, guards: Sequence[Guard], points: Sequence[Sizes], legal: Callable[[Sizes], bool]
) -> tuple[Demand, ...]:
    """What must hold; then, of the category "choice", where else than there the closed forms end.

    ``points``: legal sizes, the smallest first. Where a size of 1 is the only other way of meeting a rule that is
    found, both are what is demanded.
    """
    return _Judge(found, guards, points, legal).demands()


class _Judge:
    """The state of one judgement."""

    def __init__(
        self, found: Region, guards: Sequence[Guard], points: Sequence[Sizes], legal: Callable[[Sizes], bool]
    ) -> None:
        self.found = found
        self.guards = guards
        self.choices = [*_choices(guards)]
        needs = (guard for guard in guards if guard.category != CHOICE and guard.relation == "==")
        self.joint = [guard for guard in needs if len(symbols([guard.condition])) > 1]
        self.left = allowance()
        self.least, self.base = points[0], points[-1]
        self.legal = legal
        self._asked: dict[tuple[int, ...], bool] = {}

    def demands(self) -> tuple[Demand, ...]:
        """What is demanded, then what else the forms ask."""
        said = [judged for demand in self.found.needs for judged in self._judged(demand)]
        for sizes in self._alternatives():
            self._is_legal(sizes)
        needs = [demand for demand in said if demand.kind == "none" or self._stands(demand)]
        texts = {demand.text for demand in needs}
        ways = [demand for demand in self.found.forms if demand.text not in texts]
        equal = [demand for demand in ways if _kind(demand) == "equal" and demand not in self.found.needs]
        needs += (judged for demand in equal for judged in self._judged(demand) if self._stands(judged))
        return (*needs, *(demand._replace(category=CHOICE) for demand in ways if demand not in needs))

    def _stands(self, demand: Demand) -> bool:
        """Whether none of the sizes that were tried is legal without it."""
        return all(demand.meets(dict(zip(self.base, sizes))) for sizes, holds in self._asked.items() if holds)

    def _judged(self, demand: Demand) -> Iterator[Demand]:
        """The demand, or what is demanded in its place; nothing where the design is legal without it."""
        if not (self.choices or _kind(demand)):
            yield demand
            return
        found = self._legal_without(demand)
        if not found:
            yield demand
        elif _kind(demand) == "equal":
            (name,) = demand.symbols
            further = [*islice(self._against(demand), 2 * TRIED), {**self.base, name: 2 * self.base[name]}]
            if {sizes[name] for sizes in (*found, *filter(self._is_legal, further))} == {1}:
                one = (1, *demand.numbers)
                yield demand._replace(kind="among", text=f"{name} in {one}", numbers=one)

    def _legal_without(self, demand: Demand) -> list[Sizes]:
        """Sizes that do not meet a demand, and are legal all the same."""
        if not self.choices:
            return [*filter(self._is_legal, islice(self._against(demand), TRIED))]
        kinds = (self._against(demand), self._against(demand, False), self._on_other_ways(demand))
        return [sizes for each in kinds for sizes in islice(each, TRIED_ON_A_WAY) if self._is_legal(sizes)]

    def _is_legal(self, sizes: Sizes) -> bool:
        key = tuple(sizes[name] for name in self.base)
        if key not in self._asked:
            self._asked[key] = self.legal(sizes)
        return self._asked[key]

    # --- sizes to try ---

    def _against(self, demand: Demand, meeting: bool = True) -> Iterator[Sizes]:
        """Sizes near to a demand that do not meet it; those that meet all others, or those that do not."""
        others = [need for need in self.found.needs if need.text != demand.text]
        mends = TRIED
        for sizes in self._near(demand):
            if demand.meets(sizes):
                continue
            met = all(need.meets(sizes) for need in others)
            if met is meeting:
                yield sizes
            elif meeting and mends:
                mends -= 1
                mended = self._mended(sizes, demand)
                if mended is not None and all(need.meets(mended) for need in others):
                    yield mended

    def _mended(self, sizes: Sizes, demand: Demand) -> Sizes | None:
        """The sizes with others than those of a demand changed, so that what is asked of several of them is met."""
        names = {name for guard in self.joint for name in symbols([guard.condition])} - {*demand.symbols}
        return search(self.joint, names, sizes, (), self.left) if names else None

    def _on_other_ways(self, demand: Demand) -> Iterator[Sizes]:
        """Sizes that do not meet a demand and go another way besides, the others as they are or large enough there."""
        others = [found for guard in self.choices if (found := Conditions((guard.negated(),)).smallest())]
        alike = dict.fromkeys((max(self.least.values()), max(self.base.values()), LARGE))
        for sizes in self._against(demand):
            own = {name: sizes[name] for name in demand.symbols}
            for rest, other in product((sizes, *(dict.fromkeys(sizes, size) for size in alike)), others):
                point = {**rest, **own, **other}
                if not demand.meets(point):
                    yield point

    def _near(self, demand: Demand) -> Iterator[Sizes]:
        """Sizes near to the bounds of a demand and to legal ones, one of them another at a time; all of them 1."""
        if len(demand.symbols) > 1:
            yield {**self.base, **dict.fromkeys(demand.symbols, 1)}
        for name in demand.symbols:
            base, least = self.base[name], self.least[name]
            bounds = demand.numbers if _kind(demand) in ("least", "most", "equal", "among", "not") else ()
            near = [bound + step for bound in (*bounds, base) for step in (-1, 1)] + [1]
            near += [bound + step for bound in (*bounds, base, least) for step in (-2, 2, -3, 3)]
            for size in dict.fromkeys((*near, *range(2, 2 * base + 2))):
                if size > 0:
                    yield {**self.base, name: size}

    def _alternatives(self) -> Iterator[Sizes]:
        """Sizes at which one side of an equality is 1: a rule that asks for equal sizes may take that as well."""
        sides = (side for guard in self.guards if guard.relation == "==" for side in (guard.left, guard.right))
        ones = [Guard("==", side, number(1)) for side in dict.fromkeys(sides) if side.constant is None]
        found = (Conditions(each).smallest() for each in (ones, *((one,) for one in ones)))
        points = ({**self.base, **sizes} for sizes in found if sizes)
        outside = (point for point in points if not all(need.meets(point) for need in self.found.needs))
        return islice(outside, MOST_ALTERNATIVES)


def _choices(guards: Sequence[Guard]) -> Iterator[Guard]:
    """The ways that were taken where others were open, and that needs were asked behind."""
    needs = [index for index, guard in enumerate(guards) if guard.category != CHOICE]
    for index, guard in enumerate(guards[: needs[-1]] if needs else ()):
        if guard.category == CHOICE:
            turned = guard.negated()
            before = [other for other in guards[:index] if other.category != CHOICE]
            if not any(Conditions(each).impossible for each in ((turned,), (*before, turned))):
                yield guard


def _kind(demand: Demand) -> str:
    """The kind of what is asked of one size alone, or that sizes be equal; empty for all else."""
    if isinstance(demand.formula, Sym):
        return demand.kind
    return "joint" if isinstance(demand.formula, Op) and demand.formula.kind == "==" else ""
