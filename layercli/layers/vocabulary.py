"""The keys and symbols that families share, so that one name means one thing in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from layercli.formula import Axis, Expr, Sym, concat, dims, sym, when
from layercli.layers.definition import REQUIRED, Form, Key, Same
from layercli.layers.kinds import LARGEST, Flag, Int, Kind, Sizes, Word

SPATIAL: dict[int, tuple[str, ...]] = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""The names of the spatial axes, by their number, as torch's documentation has them."""

DEFAULT_INPUT = {1: (1, 3, 16), 2: (1, 3, 16, 16), 3: (1, 3, 8, 16, 16)}
"""What a layer over so many spatial axes is fed where no input is given."""

N = sym("N", "batch size")
C = sym("C", "channels of the input")
X = sym("X", "shape of the input")
LEAD = sym("LEAD", "the axes before those that the layer works on")

BATCHED = sym("batched", "whether the input has a batch axis")
PACKED = sym("packed", "whether the input is a packed sequence")
TRAINING = sym("training", "whether the module is in train mode")

ROWS: Expr = when(BATCHED, N, 1)
"""How many samples there are."""

BATCH: Expr = when(BATCHED, dims(N=N), concat())
"""The batch axis, where there is one."""


@cache
def spatial(rank: int) -> tuple[Sym, ...]:
    """One symbol per spatial axis of the input."""
    return tuple(sym(axis, f"size of the input along {axis}") for axis in SPATIAL[rank])


@cache
def per_axis(name: str, rank: int, meaning: str) -> tuple[Sym, ...]:
    """One symbol per spatial axis of a key: ``k_H``, ``k_W``."""
    return tuple(sym(f"{name}_{axis}", f"{meaning} along {axis}") for axis in SPATIAL[rank])


@cache
def batched_forms(rank: int) -> tuple[Form, ...]:
    """(N, C, *spatial), or the same without N."""
    axes = " ".join(("C", *SPATIAL[rank]))
    return Form(f"N {axes}", facts={"batched": True}), Form(axes, facts={"batched": False})


_AXES = {"N": N, "C": C, **{symbol.name: symbol for rank in (1, 2, 3) for symbol in spatial(rank)}}


def named(labels: Sequence[str], **facts: Any) -> Form:
    """A form with these axes, which formulas know as the shape X too, as where any shape is taken."""
    axes = tuple(Axis(label, _AXES[label]) for label in labels)
    return Form(" ".join(labels), facts={"batched": "N" in labels, "X": axes, **facts})


@cache
def channelled() -> tuple[Form, ...]:
    """Any shape, known to formulas as X; where there may be a batch and channels, the axes have their names."""
    return (*(named(("N", "C", *axes)) for axes in ((), *SPATIAL.values())), Form("*X"))


SMALL = 2**31 - 1
"""Pools keep their arguments in 32 bits."""


def kernel(rank: int, *, least: int = 1, convolves: bool = False, most: int = LARGEST) -> Key:
    return Key(
        "kernel_size", Sizes(rank, least, repeats=not convolves, bools=convolves, most=most), aliases=("kernel", "k"),
        symbols=per_axis("k", rank, "kernel size"),
        meaning="extent of the window along each axis",
        effect="a larger kernel sees more and shrinks the output",
    )  # fmt: skip


def stride(rank: int, *, default: Any = 1, most: int = LARGEST, tells_lists: bool = False) -> Key:
    kind = Sizes(rank, 1, empty_is_default=isinstance(default, Same), most=most, tells_lists=tells_lists)
    return Key(
        "stride", kind, default, ("s",),
        per_axis("s", rank, "stride"),
        meaning="step from one window to the next",
        effect="a stride of s divides the output size by s",
    )  # fmt: skip


def padding(
    rank: int, *, least: int | None = 0, words: tuple[str, ...] = (), most: int = LARGEST, tells_lists: bool = False
) -> Key:
    return Key(
        "padding", Sizes(rank, least, words=words, most=most, tells_lists=tells_lists), 0, ("p",), per_axis("p", rank, "padding on each side"),
        structural=bool(words),
        meaning="cells added on both sides of each axis",
        effect="each unit of padding adds two cells to the input size",
    )  # fmt: skip


def dilation(rank: int, *, least: int = 1, most: int = LARGEST, tells_lists: bool = False) -> Key:
    return Key(
        "dilation", Sizes(rank, least, most=most, tells_lists=tells_lists), 1, ("d",), per_axis("d", rank, "dilation"),
        meaning="distance between neighbouring taps of the kernel",
        effect="a dilation of d spreads the kernel over d*(k - 1) + 1 cells without more weights",
    )  # fmt: skip


def flag(name: str, default: bool, meaning: str, *, strict: bool = False, effect: str = "") -> Key:
    """A key that switches something on or off; formulas ask for it by a symbol of its own name."""
    return Key(
        name, Flag(strict), default, symbols=(sym(name, meaning),), structural=True, meaning=meaning, effect=effect
    )


def word(name: str, *words: str, default: str, meaning: str, effect: str = "") -> Key:
    """A key that chooses one of a few words."""
    return Key(
        name, Word(*words), default, symbols=(sym(name, meaning),), structural=True, meaning=meaning, effect=effect
    )


def integer(
    name: str,
    symbol: str,
    meaning: str,
    *,
    kind: Kind | None = None,
    default: Any = REQUIRED,
    aliases: tuple[str, ...] = (),
    infer: Expr | None = None,
    effect: str = "",
) -> Key:
    """A key that formulas call by one symbol."""
    return Key(
        name, kind or Int(), default, aliases, (sym(symbol, meaning),), infer=infer, meaning=meaning, effect=effect
    )  # fmt: skip


def setting(name: str, kind: Kind, default: Any, meaning: str, symbol: str = "", effect: str = "") -> Key:
    """A key that changes values, not sizes; a rule may still speak of it by a symbol."""
    return Key(
        name, kind, default, symbols=(sym(symbol, meaning),) if symbol else (), meaning=meaning, effect=effect
    )  # fmt: skip
