"""What walks over designs that share parts hand on to one another, so that shared parts are worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.analysis.keys import Given
from layercli.analysis.layer import Bound
from layercli.analysis.receptive import Field
from layercli.layers.definition import Layer
from layercli.plan import Input
from layercli.spec import Op


class Remembered:
    """What walks over designs that share parts need not do again. It keeps alive what its keys name by identity."""

    def __init__(self, trail: bool = False) -> None:
        """``trail``: whether designs begin alike, so that the state behind each of their steps is worth a copy."""
        self.given: dict[int, tuple[Op, Layer, Given]] = {}
        """By the identity of an op: the layer that it names, and its keys."""
        self.bound: dict[Any, Bound] = {}
        """By the identity of the keys and by the inputs."""
        self.reach: dict[Any, tuple[Bound, Mapping[str, Field], Field]] = {}
        """By the identities of a bound layer and of its inputs' receptive fields."""
        self.trail: list[tuple[Any, dict[str, Any]]] | None = [] if trail else None
        """The steps of the last design and the state of its walk behind each of them."""
        self.fed: tuple[Input, ...] = ()
        """What the last design was fed."""

    def __len__(self) -> int:
        return len(self.bound)
