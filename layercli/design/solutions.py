"""What a search comes to, as plain data: the settings that fit, how good each is, and what lies nearest instead."""

from __future__ import annotations

from typing import NamedTuple

from layercli.design.answers import Answer
from layercli.design.domains import Bound
from layercli.design.space import Space


class Solution(NamedTuple):
    """A design that is all that was wished."""

    space: Space
    """Of which it is a choice."""
    answer: Answer
    exotic: int
    """Points for what is unusual about it."""
    unread: tuple[int, ...] = ()
    """Along each spatial axis, the cells at the end of the input that no window reads; none where nothing slides."""


class Miss(NamedTuple):
    """What there is instead: the wish that has to go, and the design that then comes nearest to it."""

    wish: str
    times: int
    """Designs that are all else that was wished."""
    nearest: Solution
    found: str
    """What it has in the place of what was wished."""


class Found(NamedTuple):
    """The outcome of a search, the best first."""

    solutions: tuple[Solution, ...]
    times: int
    """How many there are, of which the best are in ``solutions``."""
    candidates: int
    bounds: tuple[Bound, ...]
    misses: tuple[Miss, ...] = ()
    fixed: tuple[str, ...] = ()
    """Why no setting could do: sizes that no key changes."""
    per_axis: bool = False
    """Whether settings differ by axis."""
