"""What is wanted of the output: a shape with ``_`` for any size, or a word for what becomes of the spatial axes.

``same``, ``half``, ``double``, ``x/4`` and ``x*3`` speak of the axes that windows slide along (of a layer without such
axes, of the last one); the others may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from layercli.analysis.walk import first_layer
from layercli.errors import LayerError, Span
from layercli.expect import Expectation, parse_expectation
from layercli.layers.definition import TensorIn
from layercli.spec import Chain

OPTION = "--want "
_WORDS = {"same": (1, 1), "half": (1, 2), "double": (2, 1), "quarter": (1, 4)}
_FACTOR = re.compile(r"x ?([*/]) ?(\d{1,6})|x(\d{1,6})|(\d{1,6})x")
_SPATIAL = {"D", "H", "W", "L"}


def wanted(text: str, chain: Chain, shape: Sequence[int] | None) -> Expectation:
    """The shape that the text asks for, the input being of this shape (None: of a shape that is looked for)."""
    said = text.strip().lower()
    times = _ratio(said)
    if times is None:
        meant = get_close_matches(said, _WORDS, n=1, cutoff=0.6)
        if meant:
            raise _wrong(text, f"{said[:40]!r} says no shape", f"did you mean {meant[0]}?")
        found = parse_expectation(text, OPTION)
        if found.figure != "shape" or found.at or found.test != "=":
            fix = f"write --where {text.strip()}" if found.figure != "shape" else "write the shape alone: 1,64,_,_"
            raise _wrong(text, "--want says a shape, or same, half, double, x/4", fix)
        return found
    if shape is None:
        raise _wrong(text, f"{said!r} hangs on an input that is not in numbers", "write the shape that is wanted")
    if not shape:
        raise _wrong(text, f"{said!r} speaks of axes, and the input has none", "write the shape that is wanted")
    multiplier, divisor = times
    sizes: list[int | None] = [None] * len(shape)
    along = spatial(chain, len(shape))
    for axis in along:
        size = shape[axis] * multiplier
        if size % divisor:
            near = ",".join(str(size * multiplier // divisor) if at in along else "_" for at, size in enumerate(shape))
            raise _wrong(text, f"{shape[axis]} is no multiple of {divisor}", f"write the sizes, such as --want {near}")
        sizes[axis] = size // divisor
    span = Span(len(OPTION), len(OPTION) + max(1, len(text)))
    return Expectation(text, "shape", "", "=", tuple(sizes), span)


def only_numbers(wish: Expectation) -> None:
    """LayerError for a shape with names in it, where no size was left open."""
    name = (
        next((size for size in wish.wanted if isinstance(size, str)), None) if isinstance(wish.wanted, tuple) else None
    )
    if name is not None:
        raise _wrong(wish.text, f"{name[:40]!r} is no size", "write numbers, with _ for any size: 1,64,_,_")


def _ratio(said: str) -> tuple[int, int] | None:
    if said in _WORDS:
        return _WORDS[said]
    match = _FACTOR.fullmatch(said)
    if match is None or not int(next(filter(None, match.groups()[1:]))):
        return None
    number = int(match[2] or match[3] or match[4])
    return (1, number) if match[1] == "/" else (number, 1)


def spatial(chain: Chain, rank: int) -> tuple[int, ...]:
    """The axes of the input that windows of its first layer slide along; the last one where none do."""
    layer = first_layer(chain)
    forms = [form for item in layer.inputs[:1] if isinstance(item, TensorIn) for form in item.forms] if layer else []
    for form in forms:
        axes = form.axes.split()
        if len(axes) == rank and not axes[0].startswith("*"):
            found = tuple(index for index, name in enumerate(axes) if name.rpartition("_")[2] in _SPATIAL)
            return found or (rank - 1,)
    return tuple(range(2, rank)) if rank > 3 else (rank - 1,)


def _wrong(text: str, message: str, fix: str) -> LayerError:
    span = Span(len(OPTION), len(OPTION) + max(1, len(text)))
    return LayerError("solve.want", message, span=span, source=OPTION + text, fix=fix)
