"""What a key may hold, with torch's own strictness: one class per kind of value.

``read`` takes the value as Python sees it (from the command line or from JSON) and gives it in its normal form, or
raises BadValue. ``words`` are the words that may stand for a value on the command line.
"""

from __future__ import annotations

import math
from typing import Any

LARGEST = 2**63 - 1
"""torch keeps sizes in 64 bits."""


class BadValue(ValueError):
    """A value that the key does not take: why, one fix, and whether torch refuses its type or its size."""

    def __init__(self, message: str, fix: str, code: str = "type.value") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code


def shown(value: Any) -> str:
    """A value as an error message names it, never long."""
    written = str(value).lower() if value is None or isinstance(value, bool) else repr(value)
    return written if len(written) <= 40 else f"{written[:36]}…"


class Kind:
    """Any value at all."""

    words: tuple[str, ...] = ()
    takes_tuple = False
    describe = "a value"

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        return value


class Flag(Kind):
    """True or false. Most constructors ask only for truth; ``strict`` ones refuse anything but a bool."""

    describe = "true or false"

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict

    def read(self, value: Any) -> bool:
        """The value in its normal form; BadValue where torch would not take it."""
        if self.strict and not isinstance(value, bool):
            raise BadValue(f"is true or false, not {shown(value)}", "write true or false")
        return bool(value)


class Int(Kind):
    """One integer, not below ``least``."""

    def __init__(self, least: int | None = None, bools: bool = True, optional: bool = False) -> None:
        self.least = least
        self.bools = bools
        self.optional = optional
        self.describe = "an integer" if least is None else f"an integer, at least {least}"

    def read(self, value: Any) -> int | None:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None and self.optional:
            return None
        if not isinstance(value, int) or (isinstance(value, bool) and not self.bools):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write an integer")
        return bounded(value, self.least)


def bounded(value: int, least: int | None, most: int = LARGEST) -> int:
    """The value, where it is not below ``least`` and fits the bits that torch keeps it in."""
    if least is not None and value < least:
        raise BadValue(f"must be at least {least}, not {shown(value)}", f"use {least} or more", "torch.range")
    if not -most <= value <= most:
        bits = 64 if most == LARGEST else 32
        raise BadValue(
            f"does not fit the {bits} bits torch keeps it in: {shown(value)}", "use a smaller one", "torch.range"
        )
    return int(value)


class ZeroOrMore(Int):
    """An integer where every zero, 0.0 and False too, means none: an LSTM's ``proj_size``."""

    def read(self, value: Any) -> int | None:
        """The value in its normal form; BadValue where torch would not take it."""
        return 0 if isinstance(value, (bool, float)) and value == 0 else super().read(value)


class Sizes(Kind):
    """One integer for all axes, or a tuple of one per axis.

    torch's parser looks at the first element's type alone, so a bool may follow an integer; ``bools`` allows it first.
    ``repeats``: whether a tuple of one stands for all axes. ``tells_lists``: whether rules ask if it was such a tuple.
    """

    takes_tuple = True

    def __init__(
        self,
        axes: int,
        least: int | None = None,
        repeats: bool = True,
        words: tuple[str, ...] = (),
        empty_is_default: bool = False,
        bools: bool = False,
        most: int = LARGEST,
        tells_lists: bool = False,
    ) -> None:
        self.axes = axes
        self.bools = bools
        self.most = most
        self.tells_lists = tells_lists
        self.least = least
        self.repeats = repeats
        self.words = words
        self.empty_is_default = empty_is_default
        ints = "an integer" if axes == 1 else f"an integer or {axes} of them"
        self.describe = " or ".join([ints, *words])

    def read(self, value: Any) -> tuple[int, ...] | str | None:
        """The value in its normal form; BadValue where torch would not take it."""
        if isinstance(value, str):
            if value in self.words:
                return value
            raise BadValue(f"is {self.describe}, not {shown(value)}", f"use {' or '.join(self.words) or 'an integer'}")
        if self.empty_is_default and (value is None or value == ()):
            return None
        items = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(item, int) for item in items):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write integers")
        if items and isinstance(items[0], bool) and not self.bools:
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write integers")
        if isinstance(value, tuple) and len(items) != self.axes and not (len(items) == 1 and self.repeats):
            raise BadValue(
                f"is {self.describe}, not {len(items)}", f"give one, or one for each of the {self.axes} axes"
            )
        read = tuple(bounded(item, self.least, self.most) for item in items)
        return read * self.axes if len(read) == 1 else read


class IntList(Kind):
    """An integer or a tuple of any length: the shape that a layer normalises over."""

    takes_tuple = True
    describe = "an integer or several"

    def __init__(self, least: int | None = None) -> None:
        self.least = least

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where torch would not take it."""
        items = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(item, int) for item in items) or (items and isinstance(items[0], bool)):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write integers, such as 3,16,16")
        return tuple(bounded(item, self.least) for item in items)


class Real(Kind):
    """A number."""

    def __init__(
        self, least: float = -math.inf, most: float = math.inf, optional: bool = False, bools: bool = True
    ) -> None:
        self.least = least
        self.most = most
        self.optional = optional
        self.bools = bools
        self.describe = "a number" + (" or none" if optional else "")

    def read(self, value: Any) -> int | float | None:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None and self.optional:
            return None
        if not isinstance(value, (int, float)) or (isinstance(value, bool) and not self.bools):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a number, such as 0.1")
        free = self.least == -math.inf and self.most == math.inf
        if not free and not self.least <= value <= self.most:
            raise BadValue(
                f"lies between {self.least} and {self.most}, not {shown(value)}", f"use {self.least}", "torch.range"
            )
        return value


class Word(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.describe = " or ".join(words)

    def read(self, value: Any) -> str:
        """The value in its normal form; BadValue where torch would not take it."""
        if not isinstance(value, str) or value not in self.words:
            raise BadValue(f"is {self.describe}, not {shown(value)}", f"use {self.words[0]}")
        return value
