"""What a comparison must not come to, as ``--fail-if`` says it: read with a caret under what is off, and judged.

With a sign behind the comparison a figure's change against the first design is meant, in per cent or as a number:
``params>+5%``, ``macs>+0``, ``memory>+10MiB``, ``rf<-0``. Without one the figure itself is: ``params>5M``,
``shape!=1,10``. ``shape!=same`` asks whether it is the first design's. Names, units and ``@row`` are those of claims
(:mod:`layercli.expect`). Of a receptive field it is enough that one axis is meant; ``=`` asks it of all.

A clause is judged for every design but the first. Where it cannot be told it counts as met, so that what is not known
passes no gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf
from typing import Any, NamedTuple

from layercli.design.figures import BYTES, CELLS, KINDS, SHAPE, WORD, Change, Points, change, decimals
from layercli.errors import LayerError
from layercli.expect.check import TESTS, value_of
from layercli.expect.read import BYTES as IN_BYTES
from layercli.expect.read import Expectation, Parts, expectation, number, parts, reading, wrong
from layercli.formula.symbolic import SymInt
from layercli.report import Report

OPTION = "--fail-if "
VALUE, CHANGE, PERCENT, SAME = "value", "change", "percent", "same"


class Clause(NamedTuple):
    """One clause, read."""

    text: str
    asked: Expectation
    """The figure, the row, the comparison, and what it is compared with; of a change the number with its sign."""
    of: str = VALUE
    """What is compared: the value, its change as a number or in per cent, or whether it is the same."""


class Finding(NamedTuple):
    """A clause and one design."""

    design: str
    met: bool | None
    """None where it cannot be told."""
    message: str
    """What is the case."""


class Verdict(NamedTuple):
    """A clause, judged for every design but the first."""

    clause: Clause
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether it is met, or cannot be told, for any design."""
        return any(finding.met is not False for finding in self.findings)

    @property
    def message(self) -> str:
        """What is the case, in words."""
        return "; ".join(finding.message for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        designs = [finding._asdict() for finding in self.findings]
        return {"clause": self.clause.text, "met": self.failed, "message": self.message, "designs": designs}


# --- reading ---------------------------------------------------------------------------------------------------------


def parse_clause(text: str) -> Clause:
    """A clause; LayerError with a caret under what is not understood."""
    read = reading(text, OPTION, _clause)
    return read._replace(asked=read.asked._replace(option=OPTION))


def _clause(text: str) -> Clause:
    found = parts(text)
    said, start = found.said, found.said_span.start
    if said == "same":
        if found.test not in ("=", "!="):
            raise wrong(found.test_span, "same is compared with = or != only", f"write {found.name}!=same")
        return _read(text, found, said, SAME)
    if said[:1] not in ("+", "-", "−") or not said:
        if said.endswith("%"):
            fix = f"write {found.name}{found.test}+{said}"
            raise wrong(found.said_span, "a percentage is of the first design's figure: it has a sign", fix)
        return Clause(text, expectation(text))
    if KINDS.get(found.figure) in (SHAPE, WORD):
        raise wrong(found.said_span, f"{found.figure} has no difference in numbers", f"write {found.name}!=same")
    percent = said.endswith("%")
    digits = said[1 : len(said) - percent].strip()
    span = found.said_span._replace(start=start + 1)
    if percent and digits[-1:].isalpha():
        raise wrong(span, "a percentage has no unit", f"write {found.name}{found.test}{said[0]}5%")
    amount = number(found.figure, digits, span)
    return _read(text, found, amount if said[0] == "+" else -amount, PERCENT if percent else CHANGE)


def _read(text: str, found: Parts, wanted: Fraction | str, of: str) -> Clause:
    return Clause(text, Expectation(text, found.figure, found.at, found.test, wanted, found.at_span), of)


# --- judging ---------------------------------------------------------------------------------------------------------


def judged(clause: Clause, designs: Sequence[tuple[str, Report]], points: Sequence[Points]) -> Verdict:
    """The clause, judged; LayerError for a row that a design does not have."""
    (first, base), *others = designs
    theirs = (None, "") if clause.of == VALUE else _value(clause, first, base)
    findings = []
    for (name, report), at in zip(others, points):
        value = _value(clause, name, report)
        findings.append(_finding(clause, (first, *theirs), (name, *value), at))
    return Verdict(clause, tuple(findings))


def _value(clause: Clause, name: str, report: Report) -> tuple[Any, str]:
    try:
        return value_of(clause.asked, report)
    except LayerError as error:
        error.message = error.message.replace("the design", name)
        raise


_Told = tuple[str, Any, str]
"""A design's name, its value, and why it is unknown."""


def _finding(clause: Clause, first: _Told, design: _Told, points: Points) -> Finding:
    name, value, _ = design
    unknown = [each for each in (first, design) if each[1] is None and (each is design or clause.of != VALUE)]
    if unknown:
        said = "; ".join(f"{_of(clause, each[0])} is unknown{f' ({each[2]})' if each[2] else ''}" for each in unknown)
        return Finding(name, None, said)
    said = f"{_of(clause, name)} is {_shown(clause, value)}"
    if clause.of == VALUE:
        met, why = _holds(clause, value)
        return Finding(name, met, said + why)
    base = first[1]
    said += f", of {first[0]} {_shown(clause, base)}"
    found = change(_kind(clause), base, value, points)
    if clause.of == SAME:
        met = None if found.same is None else found.same == (clause.asked.test == "=")
        return Finding(name, met, said + (": the same" if found.same else ", in another form" * (found.same is None)))
    if not isinstance(value, tuple):
        base, value, found = (base,), (value,), Change(found.same, (found.difference,), (found.ratio,))
    if len(base) != len(value):
        return Finding(name, None, f"{said}: they have not the same axes")
    amounts = [_amount(clause, *each) for each in zip(base, value, found.difference or [None] * len(base))]
    return Finding(name, _together(clause, [each[0] for each in amounts]), said + _every([each[1] for each in amounts]))


def _kind(clause: Clause) -> str:
    return KINDS.get(clause.asked.figure, BYTES)


def _amount(clause: Clause, base: Any, value: Any, difference: Any) -> tuple[bool | None, str]:
    """Whether a change is what is meant, and the change in words."""
    wanted = clause.asked.wanted
    if base is None or value is None:
        return None, "unknown"
    if base == value == inf:
        return _tested(clause, Fraction(0)), "the same"
    if inf in (base, value):
        if clause.of == PERCENT and base == inf:
            return None, "no percentage of a global field is known"
        return _tested(clause, inf if value == inf else -inf), "global" if value == inf else "no longer global"
    if type(difference) is not int:
        return None, f"{difference} more, which hangs on an open size" if difference is not None else "unknown"
    if clause.of == CHANGE:
        return _tested(clause, Fraction(difference)), f"{difference:+,}"
    if difference == 0:
        return _tested(clause, Fraction(0)), "+0%"
    if type(base) is not int or base == 0:
        return None, "there is no percentage of 0" if base == 0 else "no percentage is known of an open size"
    percent = Fraction(difference * 100, base)
    assert isinstance(wanted, Fraction)
    written = decimals(percent, 1, Fraction(0), wanted)
    return _tested(clause, percent), f"{'' if percent < 0 else '+'}{written}%"


def _holds(clause: Clause, value: Any) -> tuple[bool | None, str]:
    """Whether a value is what is meant, and why that cannot be told."""
    wanted, open_size = clause.asked.wanted, ", which hangs on an open size"
    if isinstance(value, str):
        return _tested(clause, value), ""
    if not isinstance(value, tuple):
        return (None, open_size) if isinstance(value, SymInt) else (_tested(clause, value), "")
    if not isinstance(wanted, tuple):
        number = inf if wanted == "global" else wanted
        told = [None if size is None or isinstance(size, SymInt) else _tested(clause, size, number) for size in value]
    elif len(wanted) != len(value):
        return clause.asked.test == "!=", ""
    else:
        told = [_fits(clause, size, want) for size, want in zip(value, wanted) if want is not None]
    met = _together(clause, told)
    return met, open_size if met is None else ""


def _fits(clause: Clause, size: Any, want: int | str) -> bool | None:
    """Of a size and what it is compared with; an open one may be any number, but it is its own closed form."""
    if isinstance(size, SymInt) or isinstance(want, str):
        same = True if str(size).replace(" ", "") == str(want) else None
    else:
        same = None if size is None else bool(size == want)
    return None if same is None else same == (clause.asked.test == "=")


def _tested(clause: Clause, value: Any, wanted: Any = None) -> bool:
    return bool(TESTS[clause.asked.test][0](value, clause.asked.wanted if wanted is None else wanted))


def _together(clause: Clause, told: Sequence[bool | None]) -> bool | None:
    """Along several axes: ``=`` asks all of them, everything else any."""
    decisive = clause.asked.test != "="
    return decisive if decisive in told else None if None in told else not decisive


# --- in words --------------------------------------------------------------------------------------------------------


def _of(clause: Clause, design: str) -> str:
    asked = clause.asked
    name = {"shape": "the output", "rf": "the receptive field", "dtype": "the dtype"}.get(asked.figure, asked.figure)
    return f"{name} at {asked.at} of {design}" if asked.at else f"{name} of {design}"


def _shown(clause: Clause, value: Any) -> str:
    if isinstance(value, tuple):
        words = ["unknown" if size is None else "global" if size == inf else str(size) for size in value]
        return ("x" if _kind(clause) == CELLS else ",").join(words) or "scalar"
    unit = " bytes" * (clause.asked.figure in IN_BYTES)
    return value if isinstance(value, str) else f"{value:,}{unit}"


def _every(words: Sequence[str]) -> str:
    """Changes along axes, said once where they are all alike."""
    return f": {words[0] if len(set(words)) == 1 else ' x '.join(words)}"
