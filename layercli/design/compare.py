"""Designs side by side: what each comes to, what lies between each and the first, and their rows beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Analyser
from layercli.analysis.rows import Row
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.design.align import Pair, align
from layercli.design.clauses import Clause, Verdict, judged
from layercli.design.figures import Change, Figure, Points, changes, common, figures
from layercli.errors import ExitCode, LayerError
from layercli.formula.symbolic import shown
from layercli.plan import Input
from layercli.report import Report, error_json
from layercli.spec import parse
from layercli.version import VERSION

SCHEMA, SCHEMA_VERSION = "layercli.comparison", 1
SPEC, FILE, STDIN = "spec", "file", "stdin"


class Source(NamedTuple):
    """Where a design comes from."""

    name: str
    """What it is called beside the others: ``A``, ``B``, …"""
    kind: str
    """``spec``, ``file`` or ``stdin``."""
    text: str
    file: str | None = None

    @property
    def title(self) -> str:
        """What says which design it is, on one line."""
        return self.file or ("standard input" if self.kind == STDIN else " ".join(self.text.split()))

    def named(self, error: LayerError) -> LayerError:
        """An error of this design, its message beginning with the design's name."""
        name = f"{self.name} ({self.title})" if self.kind != SPEC else self.name
        return LayerError(
            error.code, f"{name}: {error.message}", span=error.span, fix=error.fix, suggestions=error.suggestions,
            source=error.source, path=error.path,
        )  # fmt: skip


def letters(number: int) -> str:
    """The name of a design by its place: ``A`` to ``Z``, then ``AA``, ``AB``, …"""
    before, last = divmod(number, 26)
    return (letters(before - 1) if before else "") + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[last]


def analysed(source: Source, inputs: Sequence[Input], options: Options, analyser: Analyser | None = None) -> Analysis:
    """A design's analysis, in which a refusal of torch stands; LayerError for a text that is not understood."""
    try:
        analysis = analyse_spec(parse(source.text), inputs, options, analyser)
    except LayerError as error:
        raise source.named(error.located(source.text)) from None
    if analysis.error is not None and analysis.error.exit_code is not ExitCode.NEGATIVE:
        raise source.named(analysis.error)
    return analysis


class Design(NamedTuple):
    """One of the designs."""

    source: Source
    report: Report


class Comparison:
    """Designs beside each other, the first of them the one that the others are held against."""

    def __init__(self, designs: Sequence[Design], clauses: Sequence[Clause] = (), command: str | None = None) -> None:
        self.designs = tuple(designs)
        self.clauses = tuple(clauses)
        self.command = command

    @property
    def reports(self) -> tuple[Report, ...]:
        """What each design comes to."""
        return tuple(design.report for design in self.designs)

    @property
    def names(self) -> tuple[str, ...]:
        """What the designs are called."""
        return tuple(design.source.name for design in self.designs)

    @property
    def ok(self) -> bool:
        """Whether every design is accepted."""
        return all(report.ok for report in self.reports)

    @property
    def exit_code(self) -> ExitCode:
        """The status that a command ends with on this comparison."""
        if any(report.exit_code is ExitCode.BUG for report in self.reports):
            return ExitCode.BUG
        failed = any(verdict.failed for verdict in self.verdicts)
        return ExitCode.OK if self.ok and not failed else ExitCode.NEGATIVE

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure of the designs."""
        return figures(self.reports)

    @cached_property
    def changes(self) -> dict[str, tuple[Change, ...]]:
        """For each figure, what lies between each further design and the first."""
        return {figure.of: changes(figure, self.points) for figure in self.figures}

    @cached_property
    def points(self) -> tuple[Points, ...]:
        """For each further design, sizes at which its forms and the first design's hold."""
        first, *others = self.reports
        return tuple(common(first, other) for other in others)

    @cached_property
    def pairs(self) -> tuple[Pair, ...] | None:
        """The rows of two designs side by side; None of more designs, of a refused one, and of too many rows."""
        if len(self.designs) != 2 or not self.ok:
            return None
        one, two = self.reports
        return align(one.analysis.rows, two.analysis.rows)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every clause, judged; LayerError for a row that a design does not have."""
        return tuple(judged(clause, [*zip(self.names, self.reports)], self.points) for clause in self.clauses)

    # --- JSON ---

    def to_dict(self) -> dict[str, Any]:
        """The comparison as one JSON document."""
        pairs = self.pairs
        return {
            **_head(self.ok, self.command, self.reports[0].analysis.options.mode),
            "designs": [_design_json(design) for design in self.designs],
            "figures": [_figure_json(figure, self.changes[figure.of]) for figure in self.figures],
            "rows": None if pairs is None else [_pair_json(pair) for pair in pairs],
            "fail_if": [verdict.to_dict() for verdict in self.verdicts],
            "errors": [],
        }


def failure(error: LayerError, mode: str = "train", command: str | None = None) -> dict[str, Any]:
    """The document of a question that was not understood: the same keys, nothing known."""
    nothing: dict[str, Any] = {"designs": [], "figures": [], "rows": None, "fail_if": []}
    return {**_head(False, command, mode), **nothing, "errors": [error_json(error)]}


def _head(ok: bool, command: str | None, mode: str) -> dict[str, Any]:
    return {
        "schema": SCHEMA, "schema_version": SCHEMA_VERSION, "layercli": VERSION, "ok": ok, "command": command,
        "mode": mode,
    }  # fmt: skip


_OF_A_REPORT = (
    "inputs", "outputs", "output", "totals", "receptive_field", "memory", "symbols", "unknown", "measured", "errors",
)  # fmt: skip


def _design_json(design: Design) -> dict[str, Any]:
    name, kind, text, file = design.source
    document = design.report.to_dict(brief=True)
    told = {key: document[key] for key in _OF_A_REPORT}
    return {"name": name, "source": kind, "file": file, "spec": text, "ok": design.report.ok, **told}


def _figure_json(figure: Figure, found: Sequence[Change]) -> dict[str, Any]:
    """One figure; what is said of a design beside the first has null for the first."""
    return {
        "of": figure.of,
        "values": [_json(value) for value in figure.values],
        "same": [None, *(change.same for change in found)],
        "differences": [None, *(_json(change.difference) for change in found)],
        "ratios": [None, *(_json(change.ratio) for change in found)],
    }


def _json(value: Any) -> Any:
    """A value as JSON: closed forms are text, a field without end is the word, a fraction the nearest number."""
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else value.numerator / value.denominator
    return "global" if isinstance(value, float) else shown(value)


def _pair_json(pair: Pair) -> dict[str, Any]:
    one, two = (None if row is None else _side_json(row) for row in (pair.first, pair.second))
    return {
        "status": pair.status,
        "settings": list(pair.settings),
        "figures": [] if one is None or two is None else [name for name in FACTS if one[name] != two[name]],
        "first": one,
        "second": two,
    }


FACTS = ("outputs", "params", "buffers", "macs")
"""What of a row is told on both sides."""


def _side_json(row: Row) -> dict[str, Any]:
    return {
        "index": row.number, "path": row.path, "name": row.label or None, "op": row.bound.layer.name,
        **{fact: _json(value) for fact, value in facts(row).items()},
    }  # fmt: skip


def facts(row: Row) -> dict[str, Any]:
    """What of a row is told on both sides, by its name; weights that are used again count where they are made."""
    bound, owner = row.bound, row.shares is None
    outputs = tuple(flow.shape for flow in tensors(bound.outputs))
    held = (bound.params, bound.buffers) if owner else (0, 0)
    return dict(zip(FACTS, (outputs, *held, bound.macs)))


def counted(pairs: Sequence[Pair]) -> Iterator[tuple[str, int]]:
    """How many pairs there are of each status, as far as there are any."""
    for status in dict.fromkeys(pair.status for pair in pairs):
        yield status, sum(pair.status == status for pair in pairs)
