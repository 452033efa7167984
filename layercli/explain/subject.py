"""What a picture is drawn of: one layer on its input, understood, and the output cell that is looked at."""

from __future__ import annotations

from typing import Any, NamedTuple

from layercli.analysis.flow import Flow, tensors
from layercli.analysis.layer import Bound
from layercli.errors import LayerError
from layercli.layers.definition import Layer


class Subject(NamedTuple):
    """A layer on an input. ``at`` is the output position that is asked for; ``moving``: all positions are wanted."""

    bound: Bound
    at: tuple[int, ...] | None = None
    moving: bool = False

    @property
    def layer(self) -> Layer:
        """The definition."""
        return self.bound.layer

    @property
    def args(self) -> Any:
        """The constructor's arguments by torch's names, resolved."""
        return self.bound.args

    @property
    def fed(self) -> Flow:
        """The first input; LayerError for a layer that takes none."""
        found = next(tensors(tuple(self.bound.inputs.values())), None)
        return Flow((), "") if found is None else found

    @property
    def given(self) -> Flow:
        """The first output."""
        return next(tensors(self.bound.outputs))

    def size(self, name: str) -> int:
        """The number that a symbol of the formulas has here, such as ``k_H``."""
        return int(self.bound.sizes[name])

    def sizes(self, name: str, axes: tuple[str, ...]) -> tuple[int, ...]:
        """The numbers of a symbol along these axes: ``k`` along H and W."""
        return tuple(self.size(f"{name}_{axis}") for axis in axes)

    def place(self, shape: tuple[int, ...], usual: tuple[int, ...]) -> tuple[int, ...]:
        """The position that is looked at in something of this shape: the one asked for, or this usual one."""
        if self.at is None:
            return usual
        if len(self.at) != len(shape) or any(not 0 <= i < size for i, size in zip(self.at, shape)):
            last = ",".join(str(size - 1) for size in shape)
            said = ",".join(map(str, self.at))
            first = ",".join("0" for _ in shape)
            raise LayerError("explain.at", f"there is no position {said} here", fix=f"give --at from {first} to {last}")
        return self.at
