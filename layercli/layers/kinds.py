"""What a key may hold, with torch's own strictness: one class per kind of value.

``read`` takes the value as Python sees it (from the command line or from JSON) and gives it in its normal form, or
raises BadValue. ``words`` are the words that may stand for a value on the command line.
"""

from __future__ import annotations

import math
from typing import Any

LARGEST = 2**63 - 1
"""torch keeps sizes in 64 bits."""
_DOUBLE_BITS = 1024
"""Integers of more bits are beyond every double."""


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
    as_text = False
    """Whether it is read as it was written: 1.0 is a place there, no number."""
    switch = False
    """Whether it is an option with a negation on the command line: ``--bias/--no-bias``."""
    axes = 0
    """How many values, one per axis, are shown as one where they are equal."""
    listed = False
    """Whether it is a tuple of any length (or None), which formulas know as a shape under the key's one symbol."""
    tells_lists = False
    """Whether rules ask if a tuple shorter than the axes was written: ``<key>_listed``."""
    tells_single = False
    """Whether rules ask if one number was written instead of a tuple: ``<key>_single``."""
    tells_inferred = False
    """Whether rules ask which of a listed key's values is -1, to be worked out: ``<key>_inferred``."""
    tells_values = False
    """Whether a listed key's values are structure: formulas know them as numbers, not as symbols."""
    tells_none = False
    """Whether rules ask which of the values are None: ``<symbol>_none``."""

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        return value

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes, as Python sees them: what a test draws from."""
        return tuple(_PYTHON.get(word, word) for word in self.words)


_PYTHON = {"true": True, "false": False, "none": None}


class Flag(Kind):
    """True or false. Most constructors ask only for truth; ``strict`` ones refuse anything but a bool."""

    describe = "true or false"
    switch = True

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict

    def read(self, value: Any) -> bool:
        """The value in its normal form; BadValue where torch would not take it."""
        if self.strict and not isinstance(value, bool):
            raise BadValue(f"is true or false, not {shown(value)}", "write true or false")
        if math.prod(getattr(value, "shape", ())) != 1:
            raise BadValue(f"is true or false, not {shown(value)}", "write true or false")
        return bool(value)

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return True, False


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

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (1, 2, 2, 3, 4, self.least or 0)


def bounded(value: int, least: int | None, most: int = LARGEST) -> int:
    """The value, where it is not below ``least`` and fits the bits that torch keeps it in."""
    if least is not None and value < least:
        raise BadValue(f"must be at least {least}, not {shown(value)}", f"use {least} or more", "torch.range")
    if not -most <= value <= most:
        bits = 64 if most == LARGEST else 32
        raise BadValue(
            f"does not fit the {bits} bits torch keeps it in: {shown(value)}", "use a smaller one", "torch.range"
        )
    return int(value) if isinstance(value, bool) else value


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

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        one = (1, 1, 2, 2, 3, self.least or 0)
        return (*one, *((1, 2, 3, 1, 2)[start : start + self.axes] for start in range(3)), *self.words)


class OneSize(Sizes):
    """The one size of a tensor; an empty tuple is a tensor without axes, one number, and counts as shorter."""

    def __init__(self) -> None:
        super().__init__(1, 0, tells_lists=True)

    def read(self, value: Any) -> tuple[int, ...] | str | None:
        """The value in its normal form; BadValue where torch would not take it."""
        return (1,) if value == () else super().read(value)


class IntList(Kind):
    """An integer or a tuple of any length: the shape that a layer normalises over."""

    takes_tuple = True
    listed = True
    describe = "an integer or several"

    def __init__(self, least: int | None = None) -> None:
        self.least = least

    def read(self, value: Any) -> tuple[int, ...]:
        """The value in its normal form; BadValue where torch would not take it."""
        items = value if isinstance(value, tuple) else (value,)
        if not all(isinstance(item, int) for item in items) or (items and isinstance(items[0], bool)):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write integers, such as 3,16,16")
        return tuple(bounded(item, self.least) for item in items)

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 4, (2,), (4,), (2, 2), (1, 4), (2, 4), (2, 1, 3)


class Real(Kind):
    """A number, which torch keeps as a double.

    ``scalar``: one that tensors are reckoned with, whose integers torch keeps in 64 bits. ``finite``: no inf, no nan.
    """

    def __init__(
        self,
        least: float = -math.inf,
        most: float = math.inf,
        optional: bool = False,
        bools: bool = True,
        scalar: bool = False,
        finite: bool = False,
    ) -> None:
        self.least = least
        self.most = most
        self.optional = optional
        self.bools = bools
        self.scalar = scalar
        self.finite = finite
        self.tells_none = optional
        self.describe = "a number" + (" or none" if optional else "")

    def read(self, value: Any) -> int | float | None:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None and self.optional:
            return None
        if not isinstance(value, (int, float)) or (isinstance(value, bool) and not self.bools):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a number, such as 0.1")
        self._representable(value)
        free = self.least == -math.inf and self.most == math.inf
        if not free and not self.least <= value <= self.most:
            raise BadValue(
                f"lies between {self.least} and {self.most}, not {shown(value)}",
                f"use a number from {self.least} to {self.most}",
                "torch.range",
            )
        return value

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return tuple(number for number in (0, 0.0, 0.1, 0.5, 1, 2.5) if self.least <= number <= self.most)

    def _representable(self, value: int | float) -> None:
        """Refuses what torch cannot keep; of integers a double takes more than 64 bits do, but not all."""
        if isinstance(value, float):
            if self.finite and not math.isfinite(value):
                raise BadValue(f"is a finite number, not {shown(value)}", "use a finite one", "torch.range")
        elif self.scalar and not -LARGEST - 1 <= value <= 2 * LARGEST + 1:
            message = f"does not fit the 64 bits torch keeps it in: {shown(value)}"
            raise BadValue(message, "use a smaller one", "torch.range")
        elif value.bit_length() > _DOUBLE_BITS:
            raise BadValue(f"is too large for a double: {shown(value)}", "use a smaller one", "torch.range")


class Number(Kind):
    """A number as torch's operators take it: any float, or an integer of 64 bits with or without a sign."""

    def __init__(self, optional: bool = False) -> None:
        self.optional = optional
        self.tells_none = optional
        self.describe = "a number" + (" or none" if optional else "")

    def read(self, value: Any) -> int | float | None:
        """The value in its normal form; BadValue where torch would not take it."""
        if value is None and self.optional:
            return None
        if not isinstance(value, (int, float)):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a number, such as 0.1")
        if isinstance(value, int) and not -LARGEST - 1 <= value <= 2 * LARGEST + 1:
            raise BadValue(
                f"does not fit the 64 bits torch keeps it in: {shown(value)}", "use a smaller one", "torch.range"
            )
        return value

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return 0, 0.0, 0.1, 0.5, 1, 2.5, -1.5


class Overridden(Number):
    """A number that another key may override: what is no number reads as None, which a rule refuses where it counts."""

    def __init__(self) -> None:
        super().__init__()
        self.tells_none = True

    def read(self, value: Any) -> int | float | None:
        """The value in its normal form; None where torch would not take it."""
        try:
            return super().read(value)
        except BadValue:
            return None


class Float(Kind):
    """A float of Python's, not below ``least``; torch takes no integer for it."""

    describe = "a float"

    def __init__(self, least: float) -> None:
        self.least = least

    def read(self, value: Any) -> float:
        """The value in its normal form; BadValue where torch would not take it."""
        if not isinstance(value, float):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write a float, such as 1.0")
        if value < self.least:
            raise BadValue(f"must be at least {self.least}, not {shown(value)}", "use 1.0", "torch.range")
        return value


class Double(Real):
    """A number as torch's parser of calls takes it: a tensor without axes may stand for it, its number unseen."""

    def read(self, value: Any) -> int | float | None:
        """The value in its normal form; BadValue where torch would not take it. 1 stands for the unseen number."""
        unseen = getattr(value, "shape", None) == () and not value.dtype.startswith("complex")
        return 1 if unseen else super().read(value)


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

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return self.words


class OneOfCall(Word):
    """A word that the constructor takes whatever it is; the call refuses one that it does not know (``reduction``)."""

    def read(self, value: Any) -> str:
        """The value in its normal form: a word as it is, anything else as Python writes it."""
        return value if isinstance(value, str) else repr(value)


class Truth(Kind):
    """Anything that is true or false, or None where nothing is said."""

    words = ("true", "false")
    describe = "true, false or none"

    def read(self, value: Any) -> bool | None:
        """The value in its normal form; BadValue for a tensor that is not one number."""
        if math.prod(getattr(value, "shape", ())) != 1:
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write true or false")
        return None if value is None else bool(value)
