"""Every design of a space: those that are meant, those that torch would refuse and why, the best of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from layercli.analysis.walk import Options
from layercli.design.answers import Answer, Answers, Refusal
from layercli.design.course import answers, selections
from layercli.design.grid import Grid
from layercli.design.space import Column, Selection, Space
from layercli.design.wishes import Wishes
from layercli.errors import LayerError, Span
from layercli.expect import ALIASES, FIGURES, parse_expectation
from layercli.spec import Item

FORGET_AFTER = 4096
"""Designs after which what was made for them is dropped, so that a long sweep takes no more memory than a short one."""
LARGER_IS_BETTER = {"rf"}
_NO_NUMBERS = ("shape", "dtype")
_KNOWN = [name for name in (*FIGURES, *ALIASES) if ALIASES.get(name, name) not in _NO_NUMBERS]


class Refused(NamedTuple):
    """Designs that torch would refuse for one reason."""

    why: Refusal
    times: int
    example: Selection


class Direction(NamedTuple):
    """A figure, or a column, and which way is better."""

    name: str
    descending: bool = False


class Sweep:
    """A sweep in the making; its counts grow as :meth:`rows` is gone through."""

    def __init__(self, space: Space, options: Options, where: Sequence[str] = (), optimizer: str = "adam") -> None:
        self.space = space
        self.asked = Grid.of(space, options)
        self.wishes = Wishes([parse_expectation(text, "--where ") for text in where], self.asked, optimizer)
        self.seen = 0
        """Designs that were gone through."""
        self.left_out = 0
        """Designs that are accepted, but are not what was wished."""
        self.open_sizes = any(getattr(item.given.feed, "symbols", ()) for item in space.inputs)
        """Whether figures may be closed forms."""
        self._refused: dict[Refusal, list[Any]] = {}

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What was refused, the most frequent reason first."""
        found = [Refused(why, times, example) for why, (times, example) in self._refused.items()]
        return tuple(sorted(found, key=lambda item: -item.times))

    def rows(self, refused: bool = False) -> Iterator[Answer]:
        """The designs that are meant, in order, and with ``refused`` those that are refused too."""
        for answer in answers(self.asked, selections(self.space)):
            self.seen += 1
            if self.seen % FORGET_AFTER == 0:
                self.asked.forget()
            if answer.refused is not None:
                understood(self.asked, answer)
                kept = self._refused.setdefault(answer.refused, [0, answer.choice])
                kept[0] += 1
                if refused:
                    yield answer
            elif self.wishes.fit(answer):
                yield answer
            else:
                self.left_out += 1

    # --- order ---

    def direction(self, text: str, option: str, larger: bool = False) -> tuple[Direction, ...]:
        """``params,rf`` as what to sort by or to weigh; ``:min`` or ``:max`` behind a name says which way is better."""
        found = []
        at = len(option)
        columns = [column.name for column in self.space.columns]
        for part in text.split(","):
            name, colon, way = (piece.strip() for piece in part.partition(":"))
            figure = ALIASES.get(name.lower(), name.lower())
            span = Span(at, at + max(1, len(part)))
            at += len(part) + 1
            if name not in columns and (figure not in FIGURES or figure in _NO_NUMBERS):
                raise _wrong(option + text, span, name, [*columns, *_KNOWN])
            if colon and way not in ("min", "max"):
                raise LayerError(
                    "sweep.order", f"{way[:20]!r} is neither min nor max", span=span, source=option + text,
                    fix=f"write {name}:min or {name}:max",
                )  # fmt: skip
            name = name if name in columns else figure
            descending = way == "max" if colon else larger and name in LARGER_IS_BETTER
            found.append(Direction(name, descending))
        return tuple(found)

    def number(self, name: str, answer: Answer) -> float | None:
        """What a design is sorted by: a figure, a receptive field's largest axis, a key's number.

        Of a key that holds no one number it is the place among the values that were written.
        """
        for column in self.space.columns:
            if column.name == name:
                return self._setting(column, answer.choice)
        value = self.wishes.figure(name, answer)
        if isinstance(value, tuple):
            return None if None in value else max(value, default=None)
        return value if type(value) in (int, float) else None

    def _setting(self, column: Column, choice: Selection) -> float:
        if column.lone is not None:
            value = self.space.holes[column.lone].values[choice[column.lone]]
            number = value[0].value if len(value) == 1 and isinstance(value[0], Item) else None
            if isinstance(number, (int, float)):
                return number
        place = 0
        for hole in column.holes:
            place = place * len(self.space.holes[hole].values) + choice[hole]
        return place

    def ordered(self, rows: Sequence[Answer], by: Sequence[Direction]) -> list[Answer]:
        """The rows, the best first; what is unknown stands at the end, and equals keep their order."""
        found = list(rows)
        for name, descending in reversed(by):
            numbers = {answer.choice: self.number(name, answer) for answer in found}
            known = [answer for answer in found if numbers[answer.choice] is not None]
            unknown = [answer for answer in found if numbers[answer.choice] is None]
            known.sort(key=lambda answer: numbers[answer.choice] or 0, reverse=descending)
            found = known + unknown
        return found

    def front(self, rows: Sequence[Answer], by: Sequence[Direction]) -> set[Selection]:
        """The designs that no other one beats: as good in all of these figures, and better in one (the Pareto front).

        A design of which one of the figures is unknown is not among them.
        """
        points: list[tuple[tuple[float, ...], Selection]] = []
        for answer in rows:
            numbers = [self.number(name, answer) for name, _ in by]
            if None not in numbers:
                costs = tuple(-(n or 0) if way.descending else (n or 0) for n, way in zip(numbers, by))
                points.append((costs, answer.choice))
        points.sort()
        best: list[tuple[float, ...]] = []
        front = set()
        for costs, choice in points:
            if not any(_beats(other, costs) for other in best):
                front.add(choice)
                if not best or best[-1] != costs:
                    best.append(costs)
        return front


def understood(asked: Answers, answer: Answer) -> None:
    """LayerError for a design that is not refused by torch but not understood: a name, a type, a limit of ours."""
    assert answer.refused is not None
    if not answer.refused.code.startswith(("shape.", "torch.")):
        error = asked.analysis(answer.choice).error
        assert error is not None
        raise error.located(asked.space.spec.source)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other))


def _wrong(source: str, span: Span, name: str, known: Sequence[str]) -> LayerError:
    from difflib import get_close_matches

    near = tuple(get_close_matches(name, known, n=1, cutoff=0.6))
    fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known[:12])}"
    said = f"there is no number {name[:40]!r} of a design" if name else "a name is missing"
    return LayerError("sweep.order", said, span=span, source=source, fix=fix, suggestions=near)
