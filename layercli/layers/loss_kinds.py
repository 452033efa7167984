"""What the keys and lengths of losses may hold."""

from __future__ import annotations

from typing import Any

from layercli.layers.kinds import BadValue, IntList, Kind, shown


class IntTuple(IntList):
    """A tuple of integers of any length, or of at least one where it is ``filled``; an integer alone is none."""

    describe = "a tuple of integers"

    def __init__(self, least: int | None = None, filled: bool = False) -> None:
        super().__init__(least)
        self.filled = filled

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where torch would not take it."""
        items = tuple(value) if isinstance(value, (str, dict)) else value  # torch takes apart whatever can be
        if not isinstance(items, tuple):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a tuple, such as (4,) or 4,10")
        if self.filled and not items:
            raise BadValue("is empty", "give at least one integer")
        bools = isinstance(next(iter(items), None), bool)
        return super().read((int(items[0]), *items[1:]) if bools else items)

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (1,), (2,), (2, 3), (1, 2, 4), *(() if self.filled else ((), (4, 3)))


class Unwritten(Kind):
    """None, or an object of torch's own, which has no notation here: rules know only that one is given."""

    words = ("none",)
    describe = "none"

    def read(self, value: Any) -> str | None:
        """None, or a word for what is given."""
        return None if value is None else "given"


class Lengths(IntTuple):
    """Integers of which torch's parser refuses a bool in the first place."""

    describe = "a tensor or a tuple of integers"

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where torch would not take it."""
        if not isinstance(value, tuple) or isinstance(next(iter(value), None), bool):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write integers")
        return super().read(value)
