"""Claims held against a report: whether one holds, and what a design has for the figure that it is about."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from layercli.analysis import receptive
from layercli.analysis.flow import tensors
from layercli.errors import LayerError
from layercli.expect.read import OF_THE_WHOLE, Expectation, behind, near_to

if TYPE_CHECKING:
    from layercli.analysis.rows import Row
    from layercli.report import Report

TESTS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "<=": (operator.le, "at most "),
    "<": (operator.lt, "less than "),
    ">=": (operator.ge, "at least "),
    ">": (operator.gt, "more than "),
    "=": (operator.eq, ""),
    "!=": (operator.ne, "anything but "),
}


def check(expectation: Expectation, report: Report) -> str | None:
    """None where it holds, else what is instead, in a sentence; LayerError for a row that the design does not have."""
    error = report.analysis.error
    if error is not None:
        return f"{name_of(expectation)} is unknown, since the design is refused: {error.message}"
    rows = rows_of(expectation, report) if expectation.at else None
    if expectation.figure == "rf":
        return _check_field(expectation, rows[-1] if rows else next(iter(report.analysis.rows[-1:]), None))
    if expectation.figure in ("shape", "dtype"):
        return _check_output(expectation, report, rows)
    value = _value(expectation.figure, report, rows)
    if type(value) is not int:
        why = _why(expectation.figure, report, rows)
        found = f"unknown{f' ({why})' if why else ''}" if value is None else f"{value}, which hangs on an open size"
        return f"{name_of(expectation)} is {found}, expected {_words(expectation)}"
    holds = TESTS[expectation.test][0](value, expectation.wanted)
    return None if holds else f"{name_of(expectation)} is {value:,}, expected {_words(expectation)}"


def rows_of(expectation: Expectation, report: Report) -> list[Row]:
    """The row of this path or label and all rows inside of it, itself the last; else the row of this number."""
    rows, at = report.analysis.rows, expectation.at
    for path in (at, *(path for row in rows for path, label in _labels(row) if label == at)):
        inside = [row for row in rows if row.path == path or row.path.startswith(f"{path}.")]
        if inside:
            return sorted(inside, key=lambda row: (row.path == path, row.number))
    if at.isdecimal() and int(at) < len(rows):
        return [rows[int(at)]]
    near = near_to(at, [name for row in rows for name in (row.path, *(label for _, label in _labels(row))) if name])
    known = ", ".join(dict.fromkeys(label for row in rows for _, label in _labels(row) if label)) or "none"
    fix = f"did you mean {near[0]}?" if near else f"give a row's number, 0 to {len(rows) - 1}, or its label: {known}"
    message = f"the design has no row {at[:60]!r}"
    error = LayerError("expect.unknown-row", message, span=expectation.at_span, fix=fix, suggestions=near)
    raise behind(error, expectation.text, expectation.option)


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
    if figure == "inference_memory" and report.memory is not None:
        return "it hangs on the sizes which moment is the fullest"
    of = {"flops": "macs", "memory": "saved_bytes", "inference_memory": "saved_bytes"}.get(figure, figure)
    paths = None if rows is None else {row.path for row in rows}
    return next((u["why"] for u in report.unknown if u["of"] == of and (paths is None or u["path"] in paths)), "")


def _field(row: Row | None) -> tuple[tuple[Any, ...] | None, str]:
    """The receptive field's cells along each axis, infinite where it is global, None where one is unknown; and why."""
    said = None if row is None else receptive.as_json(row.reach)
    why = "" if row is None else receptive.unknown(row.reach)
    return cells_of(said), why


def cells_of(field: Mapping[str, Sequence[Any]] | None) -> tuple[Any, ...] | None:
    """A receptive field's cells along each axis, infinite where it is global; ``field`` as JSON has it."""
    if field is None:
        return None
    return tuple(float("inf") if whole else size for size, whole in zip(field["size"], field["global"]))


def value_of(asked: Expectation, report: Report) -> tuple[Any, str]:
    """What a design has for a figure, of the whole or of the row that is asked, and why it is unknown, if that is said.

    A number, which may be a closed form; the sizes of an output; the cells that a receptive field has along each axis
    (infinite where it is global, None where it is unknown); a dtype. None where the figure is unknown. LayerError for
    a row that the design does not have.
    """
    if report.analysis.error is not None:
        return None, f"the design is refused: {report.analysis.error.message}"
    rows = rows_of(asked, report) if asked.at else None
    last = rows[-1] if rows else next(iter(report.analysis.rows[-1:]), None)
    if asked.figure == "rf":
        return _field(last)
    if asked.figure in ("shape", "dtype"):
        flow = report.output if rows is None else next(tensors(rows[-1].bound.outputs), None)
        return (None, "") if flow is None else (flow.shape if asked.figure == "shape" else flow.dtype, "")
    value = _value(asked.figure, report, rows)
    return value, _why(asked.figure, report, rows) if value is None else ""


def _check_output(expectation: Expectation, report: Report, rows: list[Row] | None) -> str | None:
    flow = report.output if rows is None else next(tensors(rows[-1].bound.outputs), None)
    if flow is None:
        return f"{name_of(expectation)} is unknown, expected {_words(expectation)}"
    wanted = expectation.wanted
    if isinstance(wanted, tuple):
        same = len(flow.shape) == len(wanted) and all(_fits(size, want) for size, want in zip(flow.shape, wanted))
        found = ",".join(map(str, flow.shape)) or "scalar"
    else:
        same, found = flow.dtype == wanted, flow.dtype
    if same == (expectation.test == "="):
        return None
    return f"{name_of(expectation)} is {found}, expected {_words(expectation)}"


def _fits(size: Any, want: int | str | None) -> bool:
    """Whether a size is the wanted one; one that was left open is none in particular, but has its closed form."""
    if isinstance(want, str):
        return str(size).replace(" ", "") == want
    return want is None or (type(size) is int and size == want)


def _check_field(expectation: Expectation, row: Row | None) -> str | None:
    sizes, why = _field(row)
    if sizes is None:
        return f"{name_of(expectation)} is unknown{f' ({why})' if why else ''}, expected {_words(expectation)}"
    found = "x".join("unknown" if size is None else "global" if size == float("inf") else str(size) for size in sizes)
    if _field_holds(expectation, sizes):
        return None
    return f"{name_of(expectation)} is {found}, expected {_words(expectation)}"


def _field_holds(expectation: Expectation, sizes: Sequence[Any]) -> bool:
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
    return all(TESTS[test][0](size, want) for size, want in pairs)


def name_of(expectation: Expectation) -> str:
    """What is asked, in words: ``params of enc``."""
    name = {"shape": "the output", "rf": "the receptive field", "dtype": "the dtype"}.get(
        expectation.figure, expectation.figure
    )
    return f"{name} of {expectation.at}" if expectation.at else name


def _words(expectation: Expectation) -> str:
    wanted, how = expectation.wanted, TESTS[expectation.test][1]
    if isinstance(wanted, str):
        return how + wanted
    if isinstance(wanted, tuple):
        return how + (("x" if expectation.figure == "rf" else ",").join(_size(size) for size in wanted) or "scalar")
    return how + exact(wanted)


def exact(number: Fraction) -> str:
    """A decimal number with all of its places, of which there are few."""
    whole, rest = divmod(number.numerator, number.denominator)
    places = ""
    while rest:
        digit, rest = divmod(rest * 10, number.denominator)
        places += str(digit)
    return f"{whole:,}" + (f".{places}" if places else "")


def _size(size: int | str | None) -> str:
    return "_" if size is None else str(size)


def met(asked: Expectation, value: Any) -> bool:
    """Whether a value, as :func:`value_of` gives it, is what was asked; never where it is unknown."""
    if value is None:
        return False
    if asked.figure == "rf":
        return _field_holds(asked, value)
    if asked.figure in ("shape", "dtype"):
        wanted = asked.wanted
        if isinstance(wanted, tuple):
            same = len(value) == len(wanted) and all(_fits(size, want) for size, want in zip(value, wanted))
        else:
            same = value == wanted
        return same == (asked.test == "=")
    return type(value) is int and TESTS[asked.test][0](value, asked.wanted)
