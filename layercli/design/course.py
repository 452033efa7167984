"""Going through the designs of a space: in order, each once, and what is refused early is not worked out again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from layercli.design.answers import Answer, Answers, Refusal
from layercli.design.space import Selection, Space
from layercli.errors import LayerError, Span
from layercli.spec import Chain, Group, Op


def selections(space: Space) -> Iterator[Selection]:
    """Every design once, the last hole changing fastest; holes inside of a step that is not chosen stay at 0."""
    sizes = [len(hole.values) for hole in space.holes]
    if not any(hole.under for hole in space.holes):
        return product(*map(range, sizes))
    return _selections(space, sizes, ())


def _selections(space: Space, sizes: list[int], begun: Selection) -> Iterator[Selection]:
    if len(begun) == len(sizes):
        yield begun
        return
    hole = space.holes[len(begun)]
    active = all(begun[other] == branch for other, branch in hole.under)
    for index in range(sizes[len(begun)] if active else 1):
        yield from _selections(space, sizes, (*begun, index))


def answers(asked: Answers, chosen: Iterable[Selection]) -> Iterator[Answer]:
    """The answer to each of these designs.

    Where a step is refused, so are all designs that are alike up to it: they get the same answer without being asked.
    """
    depth = Depth(asked.space)
    begun: Selection = ()
    refused: Refusal | None = None
    for choice in chosen:
        if refused is not None and choice[: len(begun)] == begun:
            yield Answer(choice, refused)
            continue
        answer = asked.answer(choice)
        refused = answer.refused
        if refused is not None:
            begun = choice[: depth.of(asked.last_error)]
        yield answer


class Depth:
    """How many of a space's holes, from the first on, something hangs on that was found at a place in the spec."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._places = [*_places(space.spec.chain)]

    def of(self, error: LayerError | None) -> int:
        """The holes before the end of the step that an error stands at; all of them where it stands nowhere."""
        if error is None or error.source not in (None, self.space.spec.source):
            return len(self.space.holes)
        return self.before(error.span)

    def before(self, place: Span | None) -> int:
        """The holes before the end of the step that holds this place."""
        holes = self.space.holes
        if place is None:
            return len(holes)
        start, stop = place
        around = [(span, repeated) for span, repeated in self._places if span.start <= start and stop <= span.end]
        if not around:
            return len(holes)
        again = [span.end for span, repeated in around if repeated]  # the second time hangs on all that is inside
        end = max(again) if again else min(span.end for span, _ in around)
        return sum(not hole.where.path or hole.where.span is None or hole.where.span.start < end for hole in holes)


def _places(chain: Chain) -> Iterator[tuple[Span, bool]]:
    """The spans of ops, and of steps that are repeated, which the flags tell apart."""
    for step in chain.steps:
        unit = step.unit
        if step.repeat > 1:
            yield step.span, True
        if isinstance(unit, Group):
            yield from _places(unit.chain)
            continue
        yield unit.span, False
        if isinstance(unit, Op):
            for branch in unit.branches:
                yield from _places(branch)
