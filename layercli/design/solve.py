"""Which designs of a space are all that is wished: every one within the bounds, the best first.

A layer alone is searched by boxes of values (:mod:`layercli.design.boxes`), a design of several by going through it,
where what a step decides early is not tried again. Either way nothing within the bounds is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from heapq import nsmallest
from itertools import product
from typing import Any

from layercli.analysis.walk import Options
from layercli.design.answers import Answer, Answers
from layercli.design.boxes import Allowed, TooMany, allowed
from layercli.design.conditions import condition
from layercli.design.course import Depth, selections
from layercli.design.domains import SIZES, Bound, bounds_of
from layercli.design.grid import Cell, Grid
from layercli.design.judged import of_analysis, of_cell, points_of
from layercli.design.solutions import Found, Miss, Solution
from layercli.design.space import Selection, Space, alone
from layercli.design.sweep import understood
from layercli.design.wishes import Wishes
from layercli.errors import LayerError
from layercli.expect import Expectation
from layercli.expect.check import name_of
from layercli.formula.specialised import folded
from layercli.layers.definition import TensorIn

MOST_LISTED = 10_000
"""Solutions that are worked out one by one; of more, the most usual."""
MOST_WEIGHED = 60_000
"""Solutions of which it is asked how usual they are; where parts multiply to more, the most usual of each part."""
MOST_ASKED = 200_000
"""Settings that are asked one by one for what is no condition on them, such as memory."""
MOST_OPEN = 2_000
"""Designs that are gone through where sizes are left open, which take a hundred times as long."""
MOST_AGAIN = 20_000
"""Designs that are gone through once more for what lies nearest, where wishes of rows left some out."""
MOST_DESIGNS = 200_000
"""Designs of several layers that are gone through."""
NEAR = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128)
"""How far from the wanted sizes is looked in turn where nothing fits."""

_OF_LATER = {"saved_bytes"}
"""Figures of a row that hang on the steps behind it."""

Progress = Callable[[int], None]
Far = tuple[float, float]
"""How far something is from what was wished, and what decides between equals."""
NOT_TOLD: Far = (math.inf, 0)


class Search:
    """A search in a space."""

    def __init__(self, space: Space, options: Options, wishes: Sequence[Expectation], optimizer: str = "adam") -> None:
        self.space = space
        self.asked = Grid.of(space, options)
        if type(self.asked) is Answers:
            self.asked = Grid.of(space, options, fields=any(wish.figure == "rf" for wish in wishes))
        self.wishes = Wishes(tuple(map(self._of_the_whole, wishes)), self.asked, optimizer)

    def _of_the_whole(self, wish: Expectation) -> Expectation:
        """A wish of the only row there is, as one of the whole."""
        steps = self.space.spec.chain.steps
        lone = isinstance(self.asked, Grid) and wish.at in (steps[0].label, "0")
        return wish._replace(at="") if lone else wish

    def found(self, progress: Progress = lambda _: None) -> Found:
        """All solutions; where there are none, what lies nearest."""
        bounds = tuple(
            Bound(column.name, " x ".join(self._bound(hole) for hole in column.holes)) for column in self.space.columns
        )
        if isinstance(self.asked, Grid):
            return self._alone(self.asked, bounds)
        open_sizes = any(getattr(item.given.feed, "symbols", ()) for item in self.space.inputs)
        most = MOST_OPEN if open_sizes else MOST_DESIGNS
        if self.space.count > most:
            raise self._too_many(self.space.count, most)
        found, pruned = self._together(bounds, progress)
        if not found.solutions and pruned and self.space.count <= MOST_AGAIN:
            found, _ = self._together(bounds, progress, prune=False)  # for the nearest misses
        return found

    def _bound(self, number: int) -> str:
        hole = self.space.holes[number]
        values = [value[0].value if len(value) == 1 and hasattr(value[0], "value") else "…" for value in hole.values]
        return bounds_of(["true" if v is True else "false" if v is False else v for v in values])

    def _too_many(self, count: int, most: int) -> LayerError:
        widest = max(self.space.holes, key=lambda hole: len(hole.values))
        return LayerError(
            "limit.designs", f"{count:,} designs would have to be gone through one by one, and {most:,} is the most",
            span=widest.where.span, source=widest.where.source, fix="bound what is looked for: 1..8, or 16/32/64",
        )  # fmt: skip

    def _too_loose(self) -> LayerError:
        widest = max(self.space.holes, key=lambda hole: len(hole.values))
        return LayerError(
            "limit.designs", f"too many of the {self.space.count:,} designs are what is wished, or nearly so",
            span=widest.where.span, source=widest.where.source, fix="say more of what is wanted, or bound a key: 1..8",
        )  # fmt: skip

    # --- one layer ---

    def _alone(self, grid: Grid, bounds: tuple[Bound, ...]) -> Found:
        clauses = self.wishes.clauses
        solutions, count = self._fitting(grid, clauses)
        if solutions:
            return Found(self._ranked(solutions), max(count, len(solutions)), self.space.count, bounds)
        if self.wishes.no_row is not None:
            raise self.wishes.no_row
        fixed = self._everywhere(grid)
        misses = () if fixed else tuple(self._misses(grid))
        if not fixed and not misses:
            fixed = tuple(self._refused(grid, next(selections(self.space))))
        return Found((), 0, self.space.count, bounds, misses, fixed)

    def _refused(self, asked: Answers, choice: Selection) -> Iterator[str]:
        """Why torch would refuse a design, where it would."""
        if asked.answer(choice).refused is not None:
            yield f"torch would refuse designs such as {self.space.text(choice)}: {asked.error(choice).message}"

    def _fitting(
        self, grid: Grid, clauses: Sequence[Expectation], loose: Expectation | None = None, slack: int = 0
    ) -> tuple[list[Solution], int]:
        """The solutions under these clauses, the sizes of a ``loose`` one within ``slack`` of its own; how many."""
        solutions: list[Solution] = []
        total = 0
        for values, cell in grid.cells:
            if cell is None:
                if (count := math.prod(map(len, values))) > MOST_ASKED:
                    raise self._too_many(count, MOST_ASKED)
                for choice in product(*values):
                    answer = grid.answer(choice)
                    if answer.refused is not None:
                        understood(grid, answer)
                    elif self._fits(answer, clauses, loose, slack):
                        solutions.append(of_analysis(self.space, answer, grid.analysis(choice)))
                continue
            asked = [condition(cell, clause, slack if clause is loose else 0) for clause in clauses]
            conditions = [("", found) for found in asked if found is not None]
            steps = (*cell.steps, *cell.windows, *conditions)
            try:
                parts = allowed(steps, cell.base, cell.symbols, cell.tables)
            except TooMany:
                raise self._too_loose() from None
            number = math.prod(len(part.choices) for part in parts)
            kept = 0
            whole = number <= MOST_LISTED or any(found is None for found in asked)
            if whole and number > MOST_ASKED:
                raise self._too_many(number, MOST_ASKED)
            for choice in _combined(parts) if whole else self._usual(grid, cell, parts, number):
                answer = grid.answer(choice)
                if answer.refused is None and self._fits(answer, clauses, loose, slack):
                    solutions.append(of_cell(grid, cell, answer))
                    kept += 1
            total += kept if whole else number
        return solutions, max(total, len(solutions))

    def _fits(self, answer: Answer, clauses: Sequence[Expectation], loose: Expectation | None, slack: int) -> bool:
        for clause in clauses:
            if clause is loose:
                if _distance(clause, answer)[0] > slack:
                    return False
            elif not self.wishes.met(clause, answer):
                return False
        return True

    def _usual(self, grid: Grid, cell: Cell, parts: Sequence[Allowed], number: int) -> list[Selection]:
        """The most usual of more choices than are listed; of very many, parts by themselves are thinned out before."""
        if number > MOST_WEIGHED:
            first = [part.choices[0] for part in parts]
            several = sum(len(part.choices) > 1 for part in parts)
            most = max(1, int(MOST_WEIGHED ** (1 / several)))

            def points(index: int, places: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
                chosen = [*first[:index], places, *first[index + 1 :]]
                return points_of(grid, cell, _joined(parts, chosen)), places

            parts = [
                part._replace(choices=nsmallest(most, part.choices, key=partial(points, index)))
                for index, part in enumerate(parts)
            ]
        return nsmallest(MOST_LISTED, _combined(parts), key=lambda choice: (points_of(grid, cell, choice), choice))

    # --- why not ---

    def _everywhere(self, grid: Grid) -> tuple[str, ...]:
        """Sizes of the output that no setting changes, and that are not what is wanted, whatever the structure."""
        said: list[str] | None = None
        for _, cell in grid.cells:
            if cell is None:
                return ()
            rest = folded(cell.steps, cell.base, {name for group in cell.symbols for name in group})
            if rest is not None:  # else a rule refuses all designs of this structure, and it says nothing
                mine = [*self._fixed(cell, rest[1])]
                said = mine if said is None else [words for words in said if words in mine]
        return tuple(said or ())

    def _fixed(self, cell: Cell, known: Mapping[str, Any]) -> Iterator[str]:
        """The same of one structure, in which these values are known."""
        labels = [axis.label for axis in next(iter(cell.variant.every_output()))[1].axes]
        for clause in self.wishes.clauses:
            wanted = clause.wanted
            if clause.figure != "shape" or clause.at or not isinstance(wanted, tuple) or clause.test != "=":
                continue
            if len(wanted) != cell.rank:
                yield f"the output has {_axes(cell.rank)}, and {_axes(len(wanted))} are wanted"
                continue
            for label, name, want in zip(labels, cell.sizes, wanted):
                if want is not None and name in known and known[name] != want:
                    yield f"{label} of the output is {known[name]:,} in every setting, and {want} is wanted"

    def _misses(self, grid: Grid) -> Iterator[Miss]:
        """For each wish: the designs that are all else, and the one among them that comes nearest to it."""
        clauses = self.wishes.clauses
        for number, clause in enumerate(clauses):
            others = (*clauses[:number], *clauses[number + 1 :])
            if clause.figure == "shape" and not clause.at and clause.test == "=":
                for slack in NEAR:
                    solutions, _ = self._fitting(grid, (*others, clause), clause, slack)
                    if solutions:
                        ranked = self._ranked(solutions, partial(_distance, clause))
                        yield self._miss(clause, len(solutions), ranked[0])
                        break
                continue
            solutions, count = self._fitting(grid, others)
            if solutions:
                ranked = self._ranked(solutions, partial(self._far, clause))
                yield self._miss(clause, count, ranked[0])

    def _miss(self, clause: Expectation, times: int, nearest: Solution) -> Miss:
        value = self.wishes.value(clause, nearest.answer)
        if isinstance(value, tuple):
            said = ("x" if clause.figure == "rf" else ",").join("global" if v == math.inf else str(v) for v in value)
        else:
            said = "unknown" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
        return Miss(clause.text.strip(), times, nearest, f"{name_of(clause)} is {said}")

    def _far(self, clause: Expectation, answer: Answer) -> Far:
        """How far a design is from a wish; far where that cannot be told."""
        value = self.wishes.value(clause, answer)
        if clause.figure == "shape" and isinstance(value, tuple):
            return _distance(clause, answer._replace(output=value))
        if isinstance(value, tuple):
            value = None if None in value else min(value, default=None)
        if not isinstance(value, (int, float)) or not isinstance(clause.wanted, Fraction):
            return NOT_TOLD
        return abs(value - float(clause.wanted)), 0

    # --- several layers ---

    def _together(self, bounds: tuple[Bound, ...], progress: Progress, prune: bool = True) -> tuple[Found, bool]:
        """What is found, and whether designs were left out for a wish of a row: which are near is not known then."""
        space, asked = self.space, self.asked
        depth = Depth(space)
        clauses = self.wishes.clauses
        solutions: list[Solution] = []
        near: dict[int, list[Any]] = {}
        begun: Selection | None = None
        refused: list[Answer] = []
        accepted = pruned = False
        for number, choice in enumerate(selections(space)):
            if number % 64 == 0:
                progress(number)
            if begun is not None and choice[: len(begun)] == begun:
                continue
            begun = None
            answer = asked.answer(choice)
            if answer.refused is not None:
                understood(asked, answer)
                begun = choice[: self._hangs_on(depth)]
                refused.append(answer)
                continue
            accepted = True
            failed = [clause for clause in clauses if not self.wishes.met(clause, answer)]
            if not failed:
                solutions.append(of_analysis(space, answer, self.wishes.report(answer).analysis))
            elif len(failed) == 1:
                kept = near.setdefault(clauses.index(failed[0]), [0, NOT_TOLD, None])
                far = self._far(failed[0], answer)
                kept[0] += 1
                if far < kept[1] or kept[2] is None:
                    kept[1:] = far, answer
            rows = [clause for clause in failed if prune and clause.at and clause.figure not in _OF_LATER]
            if rows:
                begun = choice[: min(depth.before(self.wishes.span(clause, answer)) for clause in rows)]
                pruned = True
        if solutions:
            return Found(self._ranked(solutions), len(solutions), space.count, bounds), pruned
        if self.wishes.no_row is not None:
            raise self.wishes.no_row
        misses = tuple(
            self._miss(clauses[index], times, of_analysis(space, answer, asked.analysis(answer.choice)))
            for index, (times, _, answer) in sorted(near.items())
        )
        fixed: tuple[str, ...] = ()
        if not accepted and refused:
            fixed = tuple(self._refused(asked, refused[-1].choice))
        return Found((), 0, space.count, bounds, misses, fixed), pruned

    def _hangs_on(self, depth: Depth) -> int:
        """How many of the first holes a refusal hangs on."""
        error, one = self.asked.last_error, alone(self.space.spec)
        of_the_input = error is not None and error.code == "shape.rank" and not error.rule  # and not of a rule on keys
        if of_the_input and one is not None:
            forms = [form for item in one[0].inputs if isinstance(item, TensorIn) for form in item.forms]
            if all(form.where is None for form in forms):
                return sum(not hole.where.path for hole in self.space.holes)
        return depth.of(error)

    # --- the best first ---

    def _ranked(
        self, solutions: Sequence[Solution], first: Callable[[Answer], Far] | None = None
    ) -> tuple[Solution, ...]:
        budget = next(
            (
                clause for clause in self.wishes.clauses
                if clause.test in ("<", "<=") and isinstance(clause.wanted, Fraction) and self._spends
            ),
            None,
        )  # fmt: skip

        def rank(solution: Solution) -> tuple[Any, ...]:
            answer = solution.answer
            cost: Any = answer.macs if answer.macs is not None else 0
            if budget is not None:
                value = self.wishes.value(budget, answer)
                cost = -value if isinstance(value, int) else 0
            far = first(answer) if first else (0, 0)
            return far, solution.exotic, sum(solution.unread), cost, answer.params or 0, self._sizes(answer.choice)

        return tuple(sorted(solutions, key=rank))

    @property
    def _spends(self) -> bool:
        """Whether something is looked for that is better the larger it is: channels, or features."""
        return any(hole.asked and hole.where.key and hole.where.key.name in SIZES for hole in self.space.holes)

    def _sizes(self, choice: Selection) -> tuple[int, ...]:
        return (sum(choice), *choice)


def _combined(parts: Sequence[Allowed]) -> Iterator[Selection]:
    """One choice of each part as a choice of all holes."""
    return (_joined(parts, several) for several in product(*(part.choices for part in parts)))


def _joined(parts: Sequence[Allowed], several: Sequence[tuple[int, ...]]) -> Selection:
    flat = {hole: place for part, places in zip(parts, several) for hole, place in zip(part.holes, places)}
    return tuple([flat[hole] for hole in range(len(flat))])


def _distance(clause: Expectation, answer: Answer) -> Far:
    """How far the output's sizes are from the wanted ones: along the axis where they differ most, then in all."""
    wanted, output = clause.wanted, answer.output
    if not isinstance(wanted, tuple) or output is None or len(wanted) != len(output):
        return NOT_TOLD
    if any(type(size) is not int for size in output):
        return NOT_TOLD  # a size that is left open
    apart = [abs(size - want) for size, want in zip(output, wanted) if isinstance(want, int)]
    return max(apart, default=0), sum(apart)


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"
