"""Claims as they are typed, read with a caret under what is off.

A shape alone (``1,1000``, ``_,1000`` where a size may be any) is the output's. Else a figure is compared:
``params<=5M``, ``macs<4.1G``, ``memory<=100MiB``, ``rf>=200``, ``dtype=float32``. Behind ``@`` stands the row it is
asked of, by its label, its path in the table or its number: ``shape@enc=1,64,56,56``; a step with steps inside counts
with all of them. Numbers are exact: 4.1G is 4,100,000,000, and 1Ki is 1,024.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias, TypeVar

from layercli.errors import LayerError, Span
from layercli.plan import ITEM_SIZE

OPTION = "--expect "

COUNTS = ("params", "trainable_params", "buffers", "macs", "flops")
BYTES = ("param_bytes", "activation_bytes", "saved_bytes", "memory", "inference_memory")
OF_THE_WHOLE = ("memory", "inference_memory")
"""What no single row has: all that a training step holds when forward has ended, all that inference holds at most."""
FIGURES = ("shape", "dtype", "rf", *COUNTS, *BYTES)
ALIASES = {
    "output": "shape", "receptive_field": "rf", "parameters": "params", "weights": "params",
    "trainable": "trainable_params", "mac": "macs", "flop": "flops",
}  # fmt: skip

_SPELLED = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!=", "=<": "<=", "=>": ">="}
_PARTS = re.compile(r"([^@<>=!≤≥≠]*)(?:@([^<>=!≤≥≠]*))?(<=|>=|==|!=|=<|=>|<|>|=|≤|≥|≠)?(.*)", re.DOTALL)
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*)(\.\d+)? ?([A-Za-z]*)")
_SIZE = r"(?:_|\d{1,40})"
_SHAPE = re.compile(rf"\(?{_SIZE}(?:\s*[,x]\s*{_SIZE})*\s*,?\)?|\(\)|scalar")
_OPEN_SIZE = r"[\w*/+()% -]+"
_OPEN_SHAPE = re.compile(rf"{_OPEN_SIZE}(?:,{_OPEN_SIZE})+")
"""Sizes among which are closed forms as they are printed: ``N,2,16*(H//16)``."""

_SCALES = {
    "": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip

Shape: TypeAlias = "tuple[int | str | None, ...]"
"""Sizes, open ones as they are written; None where any will do."""
Wanted: TypeAlias = "Fraction | Shape | str"


class Expectation(NamedTuple):
    """One expectation, read."""

    text: str
    figure: str
    at: str
    """The row that is asked; empty for the whole."""
    test: str
    """``<=``, ``<``, ``>=``, ``>``, ``=`` or ``!=``."""
    wanted: Wanted
    """A number; sizes, None where any will do (a shape, a receptive field by axis); a word (a dtype, ``global``)."""
    at_span: Span = Span(0, 0)
    """Where in the text the row stands."""
    option: str = OPTION
    """What stands before the text where an error shows it."""


class Parts(NamedTuple):
    """A comparison, taken apart: nothing is known yet of what stands behind the sign."""

    name: str
    """The figure as it was written."""
    figure: str
    at: str
    test: str
    said: str
    """What it is compared with, as it was written."""
    at_span: Span
    test_span: Span
    said_span: Span


Read = TypeVar("Read")


def reading(text: str, option: str, read: Callable[[str], Read]) -> Read:
    """What ``read`` makes of the text; an error of it shows the text behind the option that it was given to."""
    try:
        return read(text)
    except LayerError as error:
        raise behind(error, text, option) from None


def behind(error: LayerError, text: str, option: str) -> LayerError:
    """An error, its place counted in the text, with the text behind its option as the source."""
    before = len(option)
    error.source = option + text
    error.span = error.span and Span(before + error.span.start, before + error.span.end)
    return error


def parse_expectation(text: str, option: str = OPTION) -> Expectation:
    """An expectation; LayerError with a caret under what is not understood."""
    return reading(text, option, expectation)._replace(option=option)


def expectation(text: str) -> Expectation:
    """An expectation; the place of an error is counted in the text."""
    if not re.search("[@<>=!≤≥≠]", text):
        return _bare(text)
    found = parts(text)
    wanted = _wanted(text, found.figure, found.test, found.said, found.said_span)
    if isinstance(wanted, Fraction) or found.test in ("=", "!="):
        return Expectation(text, found.figure, found.at, found.test, wanted, found.at_span)
    fix = f"write {found.name}={found.said}"
    if found.figure == "rf":
        fix += ", or one number for the smallest or largest axis"
    raise wrong(found.test_span, f"{found.figure} is compared with = or != only", fix)


def parts(text: str) -> Parts:
    """A comparison taken apart; LayerError where a part of it is missing, or is no figure."""
    match = _PARTS.fullmatch(text)
    assert match is not None
    name, at, test, said = (None if part is None else part.strip() for part in match.groups())
    assert name is not None
    figure = _figure(name, _span(match, 1))
    if test is None:
        raise wrong(_after(text), "there is nothing to compare with", f"write {text.strip()}=…")
    if at == "":
        raise wrong(_mark(match, 1), "behind @ stands no row", "name a row by its label or number, such as @enc")
    if at and figure in OF_THE_WHOLE:
        fix = "use saved_bytes or activation_bytes, or leave the row out"
        raise wrong(_span(match, 2), f"{figure} is a figure of the whole, not of a row", fix)
    spans = (_span(match, 2), Span(*match.span(3)), _span(match, 4))
    return Parts(name, figure, at or "", _SPELLED.get(test, test), said or "", *spans)


def _bare(text: str) -> Expectation:
    """A shape alone."""
    start = len(text) - len(text.lstrip())
    span = Span(start, max(len(text.rstrip()), start + 1))
    said = text.strip()
    if _SHAPE.fullmatch(said) or _OPEN_SHAPE.fullmatch(said):
        return Expectation(text, "shape", "", "=", _sizes(said))
    if not said:
        raise wrong(span, "an expectation is empty", "write 1,1000 for the output, or params<=5M")
    if ALIASES.get(said, said) in FIGURES:
        raise wrong(_after(text), "there is nothing to compare with", f"write {said}=…")
    near = near_to(said, (*FIGURES, *ALIASES))
    fix = f"did you mean {near[0]}?" if near else "write a shape such as 1,1000, or a figure: params<=5M"
    raise wrong(span, f"{said[:60]!r} is neither a shape nor a comparison", fix, near)


def _figure(name: str, span: Span) -> str:
    figure = ALIASES.get(name.lower(), name.lower())
    if figure in FIGURES:
        return figure
    near = near_to(name.lower(), (*FIGURES, *ALIASES))
    fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(FIGURES)}"
    if " and " in name:
        fix = "give the option once for each"
    raise wrong(span, f"there is no figure {name[:60]!r}" if name else "a figure is missing", fix, near)


def _wanted(text: str, figure: str, test: str, said: str, span: Span) -> Wanted:
    if not said:
        raise wrong(_after(text), "there is nothing to compare with", "give a value")
    if figure == "dtype":
        if said in ITEM_SIZE:
            return said
        near = near_to(said, ITEM_SIZE)
        fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(ITEM_SIZE)}"
        raise wrong(span, f"{said[:60]!r} is no dtype", fix, near)
    if figure == "shape" or (figure == "rf" and re.search(r"[,x_]", said)):
        if _SHAPE.fullmatch(said) or (figure == "shape" and _OPEN_SHAPE.fullmatch(said)):
            return _sizes(said)
        raise wrong(span, f"{said[:60]!r} is no {_KINDS[figure]}", f"write {figure}={_SAMPLES[figure]}")
    if figure == "rf" and said == "global":
        return said
    return number(figure, said, span)


_KINDS = {"shape": "shape", "rf": "size for each axis"}
_SAMPLES = {"shape": "1,64,56,56, with _ for any size", "rf": "200, or 200,200"}


def _sizes(said: str) -> Shape:
    if _SHAPE.fullmatch(said) is None:
        return tuple(map(_open_size, said.split(",")))
    inner = said.strip("()")
    if not inner.strip() or said == "scalar":
        return ()
    return tuple(map(_open_size, filter(str.strip, re.split("[,x]", inner))))


def _open_size(part: str) -> int | str | None:
    plain = part.replace(" ", "")
    return None if plain == "_" else int(plain) if plain.isdecimal() else plain


def number(figure: str, said: str, span: Span) -> Fraction:
    """A number with the unit of a figure, exactly; LayerError, its place being ``span``, where it is none."""
    match = _NUMBER.fullmatch(said)
    if match is None:
        fix = f"write digits, with commas between thousands only: {figure}<=5,500,000, or 5.5M"
        raise wrong(span, f"{said[:60]!r} is no number", fix)
    digits, fraction, unit = match.groups()
    if len(said) > _MOST_DIGITS:
        raise wrong(span, f"the number has more than {_MOST_DIGITS} digits", "use a smaller one")
    scale = _scale(figure, unit)
    if scale is None:
        at = Span(span.start + match.start(3), span.start + match.end(3))
        fix = "use k, M, G, T, or Ki, Mi, Gi, Ti" + (", with or without B" if figure in BYTES else "")
        if unit.removesuffix("B") in _SCALES:
            fix = f"write {said[: match.start(3)]}{unit.removesuffix('B')}: it is a number, not bytes"
        raise wrong(at, f"{unit[:20]!r} is no unit of {figure}", fix)
    return Fraction(re.sub("[,_]", "", digits) + (fraction or "")) * scale


_MOST_DIGITS = 4000


def _scale(figure: str, unit: str) -> int | None:
    """What a unit stands for; bytes may have a B, and of counts B is a billion."""
    if figure in BYTES:
        return _SCALES.get(unit.removesuffix("B") if unit != "B" else "")
    return 10**9 if unit == "B" and figure in COUNTS else _SCALES.get(unit)


def near_to(name: str, known: Any) -> tuple[str, ...]:
    """The name that may have been meant, where there is one."""
    from difflib import get_close_matches

    return tuple(get_close_matches(name, [*known], n=1, cutoff=0.6))


def wrong(span: Span, message: str, fix: str, near: tuple[str, ...] = ()) -> LayerError:
    """What is not understood at this place of the text; :func:`reading` says what the text is."""
    return LayerError("expect.syntax", message, span=span, fix=fix, suggestions=near)


def _span(match: re.Match[str], group: int) -> Span:
    """Where a part stands, without the blanks around it."""
    said = match[group] or ""
    start = max(match.start(group), 0) + len(said) - len(said.lstrip())
    return Span(start, start + max(1, len(said.strip())))


def _mark(match: re.Match[str], group: int) -> Span:
    """The mark right behind a part."""
    return Span(match.end(group), match.end(group) + 1)


def _after(text: str) -> Span:
    """Where something is missing at the end."""
    end = len(text.rstrip())
    return Span(end, end + 1)
