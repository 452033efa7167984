"""What pictures of numbers share: how they are written, statistics and norms as torch takes them, ranges of axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from layercli.explain.diagram import Above, Bars, Beside, Cell, Diagram, Grid, Picture
from layercli.explain.subject import Subject


def short(value: float | None) -> str:
    """A number in a cell, of five characters where that can be: whole ones without a point."""
    if value is None or not math.isfinite(value):
        return "nan" if value is None else str(value)
    if value == int(value) and abs(value) < 1e4:
        return str(int(value))
    tried = [f"{value:.{places}f}" for places in (2, 1, 0)] if abs(value) >= 0.005 else []
    return next((text for text in tried if len(text) <= 5), _power(value))


def _power(value: float) -> str:
    head, _, exponent = f"{value:.0e}".partition("e")
    return f"{head}e{int(exponent)}"


def said(value: float | None, digits: int = 4) -> str:
    """A number in a sentence, of so many digits."""
    if value is None:
        return "nan"
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text


def reckoned(function: Callable[[float], float], value: float) -> float | None:
    """A function's value; None where there is none, or one too large."""
    try:
        found = function(value)
    except (ArithmeticError, ValueError):
        return None
    return found if isinstance(found, (int, float)) and math.isfinite(found) else None


def mean(values: Sequence[float]) -> float:
    """The mean of some numbers."""
    return math.fsum(values) / len(values)


def variance(values: Sequence[float]) -> float:
    """The mean square distance from the mean, as norms take it: divided by the number itself, not one less."""
    middle = mean(values)
    return mean([(value - middle) ** 2 for value in values])


def norm(values: Iterable[float], p: float) -> float:
    """The p-norm as torch takes it: of p 0 how many are not zero, of inf the largest, of -inf the least."""
    sizes = [abs(value) for value in values]
    if p == math.inf or p == -math.inf:
        return max(sizes) if p > 0 else min(sizes)
    if p == 0:
        return float(sum(size != 0 for size in sizes))
    if p < 0 and 0 in sizes:
        return 0.0
    try:
        return float(math.fsum(size**p for size in sizes) ** (1 / p))
    except OverflowError:
        return math.inf if p > 0 else 0.0
    except ZeroDivisionError:  # a sum that is too small for a float, to a negative power
        return math.inf


def row(
    values: Sequence[float | None], title: str = "", marks: Sequence[str] = (), left: str = "", note: str = ""
) -> Grid:
    """Numbers in one row."""
    return table([values], title, [marks] if marks else (), (left,) if left else (), note=note)


def column(values: Sequence[float | None], title: str = "", marks: Sequence[str] = (), note: str = "") -> Grid:
    """Numbers one under the other."""
    return table([[value] for value in values], title, [[mark] for mark in marks], note=note)


def table(
    values: Sequence[Sequence[float | None]],
    title: str = "",
    marks: Sequence[Sequence[str]] = (),
    left: Sequence[str] = (),
    above: Sequence[str] = (),
    note: str = "",
) -> Grid:
    """Numbers in rows, with a mark each where there are marks."""
    cells = tuple(
        tuple(Cell(short(value), marks[r][c] if marks else "") for c, value in enumerate(line))
        for r, line in enumerate(values)
    )
    return Grid(cells, title, tuple(above), tuple(left), note)


def training(subject: Subject) -> bool:
    """Whether the module is in train mode."""
    return bool(subject.bound.variant.known["training"])


def around(low: float, high: float) -> tuple[float, float]:
    """A range of an axis that holds these, with ends that are easy to read."""
    if low == high:
        low, high = low - 1, high + 1
    tenth = (high - low) / 10
    power = 10 ** math.floor(math.log10(tenth))
    step = max(factor for factor in (1, 2, 5) if factor * power <= tenth * (1 + 1e-9)) * power
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def empty(shape: Sequence[int]) -> bool:
    """Whether something of this shape holds no numbers."""
    return 0 in shape


def explained(picture: Picture, meanings: Mapping[str, str], frames: Sequence[Picture] = ()) -> Diagram:
    """A picture with what its marks mean: of these meanings those of marks that occur, in it or in a frame."""
    used = {mark for each in (picture, *frames) for mark in _marks(each)}
    return Diagram(picture, tuple((mark, words) for mark, words in meanings.items() if mark in used), tuple(frames))


def _marks(picture: Picture) -> Iterator[str]:
    if isinstance(picture, (Beside, Above)):
        for part in picture.parts:
            yield from _marks(part)
    elif isinstance(picture, Grid):
        yield from (cell.mark for row in picture.rows for cell in row)
    elif isinstance(picture, Bars):
        yield from (bar.mark for bar in picture.bars)
