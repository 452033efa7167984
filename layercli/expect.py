"""What a design is expected to come to, as ``--expect`` says it: read with a caret under what is off, and checked.

``--where`` asks in the same words which of many designs are meant.

A shape alone (``1,1000``, ``_,1000`` where a size may be any) is the output's. Else a figure is compared:
``params<=5M``, ``macs<4.1G``, ``memory<=100MiB``, ``rf>=200``, ``dtype=float32``. Behind ``@`` stands the row it is
asked of, by its label, its path in the table or its number: ``shape@enc=1,64,56,56``; a step with steps inside counts
with all of them. Numbers are exact: 4.1G is 4,100,000,000, and 1Ki is 1,024.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from layercli.analysis import receptive
from layercli.analysis.flow import tensors
from layercli.errors import LayerError, Span
from layercli.plan import ITEM_SIZE

if TYPE_CHECKING:
    from layercli.analysis.rows import Row
    from layercli.report import Report

_OPTION = "--expect "

COUNTS = ("params", "trainable_params", "buffers", "macs", "flops")
BYTES = ("param_bytes", "activation_bytes", "saved_bytes", "memory", "inference_memory")
OF_THE_WHOLE = ("memory", "inference_memory")
"""What no single row has: all that a training step holds when forward has ended, all that inference holds at most."""
FIGURES = ("shape", "dtype", "rf", *COUNTS, *BYTES)
ALIASES = {
    "output": "shape", "receptive_field": "rf", "parameters": "params", "weights": "params",
    "trainable": "trainable_params", "mac": "macs", "flop": "flops",
}  # fmt: skip

_TESTS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "<=": (operator.le, "at most "),
    "<": (operator.lt, "less than "),
    ">=": (operator.ge, "at least "),
    ">": (operator.gt, "more than "),
    "=": (operator.eq, ""),
    "!=": (operator.ne, "anything but "),
}
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
    spans: tuple[Span, Span, Span] = (Span(0, 0), Span(0, 0), Span(0, 0))
    """Where in the source of an error the figure, the row and the value stand."""

    @property
    def source(self) -> str:
        """The text that an error shows."""
        return _OPTION + self.text


# --- reading ---------------------------------------------------------------------------------------------------------


def parse_expectation(text: str) -> Expectation:
    """An expectation; LayerError with a caret under what is not understood."""
    match = _PARTS.fullmatch(text)
    assert match is not None
    name, at, test, rest = match.groups()
    if test is None and not match[2]:
        return _bare(text)
    spans = (_span(match, 1), _span(match, 2), _span(match, 4))
    figure = _figure(text, name.strip(), spans[0])
    if test is None:
        raise _wrong(
            text, Span(_end(text), _end(text) + 1), "there is nothing to compare with", f"write {text.strip()}=…"
        )
    if at is not None and not at.strip():
        raise _wrong(text, _mark(match, 1), "behind @ stands no row", "name a row by its label or number, such as @enc")
    if at and figure in OF_THE_WHOLE:
        fix = "use saved_bytes or activation_bytes, or leave the row out"
        raise _wrong(text, spans[1], f"{figure} is a figure of the whole, not of a row", fix)
    test = _SPELLED.get(test, test)
    wanted = _wanted(text, figure, test, rest.strip(), spans[2])
    if isinstance(wanted, Fraction) or test in ("=", "!="):
        return Expectation(text, figure, (at or "").strip(), test, wanted, spans)
    fix = f"write {name.strip()}={rest.strip()}"
    if figure == "rf":
        fix += ", or one number for the smallest or largest axis"
    raise _wrong(text, _mark(match, 3, 0), f"{figure} is compared with = or != only", fix)


def _bare(text: str) -> Expectation:
    """A shape alone."""
    start = len(_OPTION) + len(text) - len(text.lstrip())
    span = Span(start, max(_end(text), start + 1))
    said = text.strip()
    if _SHAPE.fullmatch(said) or _OPEN_SHAPE.fullmatch(said):
        return Expectation(text, "shape", "", "=", _sizes(said), (span, span, span))
    if not said:
        raise _wrong(text, span, "an expectation is empty", "write 1,1000 for the output, or params<=5M")
    if ALIASES.get(said, said) in FIGURES:
        raise _wrong(text, Span(_end(text), _end(text) + 1), "there is nothing to compare with", f"write {said}=…")
    near = _near(said, (*FIGURES, *ALIASES))
    fix = f"did you mean {near[0]}?" if near else "write a shape such as 1,1000, or a figure: params<=5M"
    raise _wrong(text, span, f"{said[:60]!r} is neither a shape nor a comparison", fix, near)


def _figure(text: str, name: str, span: Span) -> str:
    figure = ALIASES.get(name.lower(), name.lower())
    if figure in FIGURES:
        return figure
    near = _near(name.lower(), (*FIGURES, *ALIASES))
    fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(FIGURES)}"
    if " and " in name:
        fix = "give --expect once for each"
    raise _wrong(text, span, f"there is no figure {name[:60]!r}" if name else "a figure is missing", fix, near)


def _wanted(text: str, figure: str, test: str, said: str, span: Span) -> Wanted:
    if not said:
        raise _wrong(text, Span(_end(text), _end(text) + 1), "there is nothing to compare with", "give a value")
    if figure == "dtype":
        if said in ITEM_SIZE:
            return said
        near = _near(said, ITEM_SIZE)
        fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(ITEM_SIZE)}"
        raise _wrong(text, span, f"{said[:60]!r} is no dtype", fix, near)
    if figure == "shape" or (figure == "rf" and re.search(r"[,x_]", said)):
        if _SHAPE.fullmatch(said) or (figure == "shape" and _OPEN_SHAPE.fullmatch(said)):
            return _sizes(said)
        raise _wrong(text, span, f"{said[:60]!r} is no {_KINDS[figure]}", f"write {figure}={_SAMPLES[figure]}")
    if figure == "rf" and said == "global":
        return said
    return _number(text, figure, said, span)


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


def _number(text: str, figure: str, said: str, span: Span) -> Fraction:
    match = _NUMBER.fullmatch(said)
    if match is None:
        fix = f"write digits, with commas between thousands only: {figure}<=5,500,000, or 5.5M"
        raise _wrong(text, span, f"{said[:60]!r} is no number", fix)
    digits, fraction, unit = match.groups()
    if len(said) > _MOST_DIGITS:
        raise _wrong(text, span, f"the number has more than {_MOST_DIGITS} digits", "use a smaller one")
    scale = _scale(figure, unit)
    if scale is None:
        at = Span(span.start + match.start(3), span.start + match.end(3))
        fix = "use k, M, G, T, or Ki, Mi, Gi, Ti" + (", with or without B" if figure in BYTES else "")
        if unit.removesuffix("B") in _SCALES:
            fix = f"write {said[: match.start(3)]}{unit.removesuffix('B')}: it is a number, not bytes"
        raise _wrong(text, at, f"{unit[:20]!r} is no unit of {figure}", fix)
    return Fraction(re.sub("[,_]", "", digits) + (fraction or "")) * scale


_MOST_DIGITS = 4000


def _scale(figure: str, unit: str) -> int | None:
    """What a unit stands for; bytes may have a B, and of counts B is a billion."""
    if figure in BYTES:
        return _SCALES.get(unit.removesuffix("B") if unit != "B" else "")
    return 10**9 if unit == "B" and figure in COUNTS else _SCALES.get(unit)


def _near(name: str, known: Any) -> tuple[str, ...]:
    from difflib import get_close_matches

    return tuple(get_close_matches(name, [*known], n=1, cutoff=0.6))


def _wrong(text: str, span: Span, message: str, fix: str, near: tuple[str, ...] = ()) -> LayerError:
    return LayerError("expect.syntax", message, span=span, fix=fix, suggestions=near, source=_OPTION + text)


def _span(match: re.Match[str], group: int) -> Span:
    """Where a part stands, without the blanks around it."""
    said = match[group] or ""
    start = max(match.start(group), 0) + len(said) - len(said.lstrip())
    return Span(len(_OPTION) + start, len(_OPTION) + start + max(1, len(said.strip())))


def _mark(match: re.Match[str], group: int, more: int = 1) -> Span:
    """The mark at, or right behind, a part."""
    start, stop = (match.end(group), match.end(group) + 1) if more else match.span(group)
    return Span(len(_OPTION) + start, len(_OPTION) + stop)


def _end(text: str) -> int:
    return len(_OPTION) + len(text.rstrip())


# --- checking --------------------------------------------------------------------------------------------------------


def check(expectation: Expectation, report: Report) -> str | None:
    """None where it holds, else what is instead, in a sentence; LayerError for a row that the design does not have."""
    error = report.analysis.error
    if error is not None:
        return f"{_of(expectation)} is unknown, since the design is refused: {error.message}"
    rows = _rows(expectation, report) if expectation.at else None
    if expectation.figure == "rf":
        return _check_field(expectation, rows[-1] if rows else next(iter(report.analysis.rows[-1:]), None))
    if expectation.figure in ("shape", "dtype"):
        return _check_output(expectation, report, rows)
    value = _value(expectation.figure, report, rows)
    if type(value) is not int:
        why = _why(expectation.figure, report, rows)
        found = f"unknown{f' ({why})' if why else ''}" if value is None else f"{value}, which hangs on an open size"
        return f"{_of(expectation)} is {found}, expected {_words(expectation)}"
    holds = _TESTS[expectation.test][0](value, expectation.wanted)
    return None if holds else f"{_of(expectation)} is {value:,}, expected {_words(expectation)}"


def _rows(expectation: Expectation, report: Report) -> list[Row]:
    """The row of this path or label and all rows inside of it, itself the last; else the row of this number."""
    rows, at = report.analysis.rows, expectation.at
    for path in (at, *(path for row in rows for path, label in _labels(row) if label == at)):
        inside = [row for row in rows if row.path == path or row.path.startswith(f"{path}.")]
        if inside:
            return sorted(inside, key=lambda row: (row.path == path, row.number))
    if at.isdecimal() and int(at) < len(rows):
        return [rows[int(at)]]
    near = _near(at, [name for row in rows for name in (row.path, *(label for _, label in _labels(row))) if name])
    known = ", ".join(dict.fromkeys(label for row in rows for _, label in _labels(row) if label)) or "none"
    fix = f"did you mean {near[0]}?" if near else f"give a row's number, 0 to {len(rows) - 1}, or its label: {known}"
    raise LayerError(
        "expect.unknown-row", f"the design has no row {at[:60]!r}", span=expectation.spans[1], fix=fix,
        suggestions=near, source=expectation.source,
    )  # fmt: skip


def _labels(row: Row) -> list[tuple[str, str]]:
    """The paths and labels of what a row stands inside of, and its own."""
    return [*((block.path, block.label) for block in row.blocks), (row.path, row.label)]


def _value(figure: str, report: Report, rows: list[Row] | None) -> Any:
    if figure in OF_THE_WHOLE:
        memory = report.memory
        return None if memory is None else memory.training if figure == "memory" else memory.inference
    if rows is None:
        return report.totals[figure]
    values = [_of_row(figure, report, row) for row in rows]
    return None if None in values else sum(values)


def _of_row(figure: str, report: Report, row: Row) -> Any:
    bound = row.bound
    if figure == "activation_bytes":
        return report.output_bytes(row)
    if figure == "saved_bytes":
        return report.kept_bytes(row)
    if figure == "macs" or figure == "flops":
        return None if bound.macs is None else bound.sizes["flops"] if figure == "flops" else bound.macs
    if row.shares is not None:
        return 0
    if figure == "param_bytes":
        from layercli.analysis.layer import param_bytes

        return param_bytes(bound)
    return {"params": bound.params, "trainable_params": bound.trainable, "buffers": bound.buffers}[figure]


def _why(figure: str, report: Report, rows: list[Row] | None) -> str:
    """Why a figure is unknown."""
    of = {"flops": "macs", "memory": "saved_bytes"}.get(figure, figure)
    paths = None if rows is None else {row.path for row in rows}
    return next((u["why"] for u in report.unknown if u["of"] == of and (paths is None or u["path"] in paths)), "")


def _check_output(expectation: Expectation, report: Report, rows: list[Row] | None) -> str | None:
    flow = report.output if rows is None else next(tensors(rows[-1].bound.outputs), None)
    if flow is None:
        return f"{_of(expectation)} is unknown, expected {_words(expectation)}"
    wanted = expectation.wanted
    if isinstance(wanted, tuple):
        same = len(flow.shape) == len(wanted) and all(_fits(size, want) for size, want in zip(flow.shape, wanted))
        found = ",".join(map(str, flow.shape)) or "scalar"
    else:
        same, found = flow.dtype == wanted, flow.dtype
    if same == (expectation.test == "="):
        return None
    return f"{_of(expectation)} is {found}, expected {_words(expectation)}"


def _fits(size: Any, want: int | str | None) -> bool:
    """Whether a size is the wanted one; one that was left open is none in particular, but has its closed form."""
    if isinstance(want, str):
        return str(size).replace(" ", "") == want
    return want is None or (type(size) is int and size == want)


def _check_field(expectation: Expectation, row: Row | None) -> str | None:
    said = None if row is None else receptive.as_json(row.reach)
    if said is None or row is None:
        why = "" if row is None else receptive.unknown(row.reach)
        return f"{_of(expectation)} is unknown{f' ({why})' if why else ''}, expected {_words(expectation)}"
    sizes = [float("inf") if whole else size for size, whole in zip(said["size"], said["global"])]
    found = "x".join("unknown" if size is None else "global" if size == float("inf") else str(size) for size in sizes)
    if _field_holds(expectation, sizes):
        return None
    return f"{_of(expectation)} is {found}, expected {_words(expectation)}"


def _field_holds(expectation: Expectation, sizes: list[Any]) -> bool:
    """Every axis is held against the number: so the smallest counts for >=, the largest for <=."""
    wanted, test = expectation.wanted, expectation.test
    pairs: list[tuple[Any, Any]]
    if isinstance(wanted, tuple):
        if len(wanted) != len(sizes):
            return test == "!="
        pairs = [(size, want) for size, want in zip(sizes, wanted) if want is not None]
    else:
        pairs = [(size, float("inf") if wanted == "global" else wanted) for size in sizes]
    if any(size is None for size, _ in pairs):
        return False
    if test == "!=":
        return any(size != want for size, want in pairs)
    return all(_TESTS[test][0](size, want) for size, want in pairs)


def _of(expectation: Expectation) -> str:
    name = {"shape": "the output", "rf": "the receptive field", "dtype": "the dtype"}.get(
        expectation.figure, expectation.figure
    )
    return f"{name} of {expectation.at}" if expectation.at else name


def _words(expectation: Expectation) -> str:
    wanted, how = expectation.wanted, _TESTS[expectation.test][1]
    if isinstance(wanted, str):
        return how + wanted
    if isinstance(wanted, tuple):
        return how + (("x" if expectation.figure == "rf" else ",").join(_size(size) for size in wanted) or "scalar")
    return how + _exact(wanted)


def _exact(number: Fraction) -> str:
    """A decimal number with all of its places, of which there are few."""
    whole, rest = divmod(number.numerator, number.denominator)
    places = ""
    while rest:
        digit, rest = divmod(rest * 10, number.denominator)
        places += str(digit)
    return f"{whole:,}" + (f".{places}" if places else "")


def _size(size: int | str | None) -> str:
    return "_" if size is None else str(size)
