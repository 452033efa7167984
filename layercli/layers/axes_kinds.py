"""What the keys of steps that rearrange axes may hold."""

from __future__ import annotations

from typing import Any

from layercli.layers.kinds import BadValue, IntList, Kind, shown


class Axes(IntList):
    """A list of axes or sizes that decides the form of the output: formulas know its values."""

    tells_values = True

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (0, 2, 1), (1, 0), (0,), (-1, -1, 4), (2, -1, 0)


class Shape(IntList):
    """The sizes of a shape; one may be -1, for what is left."""

    tells_inferred = True

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (2, 2), (-1,), (2, -1), (1, 4), (-1, 2, 1)


class Extents(IntList):
    """Sizes of a window: one, or one for each of the last axes."""

    def __init__(self, optional: bool = False) -> None:
        super().__init__(least=0)
        self.optional = optional

    def read(self, value: Any) -> tuple[int, ...] | None:  # type: ignore[override]
        """The value in its normal form; BadValue where there is none."""
        if value is None and self.optional:
            return None
        read = super().read(value)
        if not read:
            raise BadValue("is an integer or several, not none", "write a size, such as 56")
        return read

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 1, 2, (2, 2), (1, 2)


class Ends(IntList):
    """Two integers for each padded axis."""

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (1, 1), (0, 1, 2, 0), (-1, 0)


class Path(Kind):
    """Which of several outputs: ``1``, or ``1.0`` for what lies in a tuple of its own."""

    describe = "the place of an output, such as 1 or 1.0"
    as_text = True

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where it is no place."""
        parts = str(value).split(".")
        if isinstance(value, bool) or not all(part.isdigit() and len(part) < 9 for part in parts):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write 1, or 1.0 for a part of output 1")
        return tuple(map(int, parts))

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 0, "0"
