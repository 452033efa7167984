"""What the keys of pads, of upsampling and of unflatten may hold."""

from __future__ import annotations

import math
from typing import Any

from layercli.layers.kinds import BadValue, Flag, IntList, Kind, shown


class Pads(IntList):
    """Two integers for each padded axis, the last axis first, or one for both ends of ``axes`` axes.

    torch takes apart whatever can be, so that an empty text is as good as an empty tuple.
    """

    tells_single = True
    describe = "an integer, or two for each padded axis"

    def __init__(self, axes: int) -> None:
        super().__init__()
        self.ends = 2 * axes

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where torch would not take it."""
        apart = tuple(value) if isinstance(value, (str, dict)) else value
        read = super().read(apart)
        return read if isinstance(apart, tuple) else read * self.ends

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (
            1,
            2,
            (1, 2, 0, 1, 2, 1)[: self.ends],
            (1, 0, 2, 0, 1, 1)[: self.ends],
            (1, 1),
            (-1, 2) * (self.ends // 2),
        )


class Parts(IntList):
    """The sizes that an axis is taken apart into: a tuple, and of one at least."""

    tells_inferred = True
    describe = "a tuple of integers"

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where torch would not take it."""
        if not isinstance(value, tuple) or not value:
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write two or more, such as 3,4,4")
        return super().read(value)

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (2, 2), (4,), (-1,), (2, -1), (1, 4), (-1, 2, 1), (3,)


class TargetSize(IntList):
    """The size asked for: one integer for all axes, a tuple of one per axis, or None."""

    tells_single = True
    describe = "an integer, one for each axis, or none"

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        if value == ():
            raise BadValue(f"is {self.describe}, not an empty tuple", "give one for each axis")
        return None if value is None else super().read(value)

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 1, 4, 7, (5,), (3, 4), (2, 5, 3)


class Scale(Kind):
    """A factor for all axes, a tuple of one per axis, or None. torch takes whatever ``float()`` does, and 0 for None."""

    takes_tuple = True
    listed = True
    tells_single = True
    describe = "a number, one for each axis, or none"

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        if value == ():
            raise BadValue(f"is {self.describe}, not an empty tuple", "give one for each axis")
        if not value:
            return None
        try:
            read = tuple(float(item) for item in (value if isinstance(value, tuple) else (value,)))
        except (TypeError, ValueError, OverflowError):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a number, such as 2 or 0.5") from None
        if not all(map(math.isfinite, read)):
            raise BadValue(f"is a finite number, not {shown(value)}", "write a number, such as 2 or 0.5", "torch.range")
        return read

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 2, 2.0, 0.5, 1.5, (2.5,), (1.5, 2), (0.5, 2, 1)


class MaybeFlag(Flag):
    """True, false or None; what else there is, too, where only its truth is asked for (not ``strict``)."""

    describe = "true, false or none"

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        if self.strict and value is not None and not isinstance(value, bool):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write true or false, or leave it out")
        return None if value is None else bool(value)

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return True, False, None
