"""The report: what the formulas say, what torch did, and whether they agree. ``to_dict`` is the JSON document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import Flow, Tree, as_json, tensors
from layercli.analysis.layer import param_bytes
from layercli.analysis.notes import Note
from layercli.analysis.rows import Row
from layercli.analysis.walk import Analysis, every_note
from layercli.checks import AGREES, DIFFERS, WORSE, Check, Outcome
from layercli.errors import ExitCode, LayerError, Span
from layercli.measurement import NOT_RUN, Measurement
from layercli.plan import ITEM_SIZE, Literal, Ref, Wire, elements, encode
from layercli.version import VERSION

if TYPE_CHECKING:
    from layercli.analysis.memory import Memory
    from layercli.analysis.symbolic import Symbolic

SCHEMA, SCHEMA_VERSION = "layercli.report", 1
TESTED_TORCH = ("2.13",)
"""The versions of torch whose behaviour the formulas were tested against."""

TOTALS = (
    "params", "trainable_params", "buffers", "macs", "flops", "param_bytes", "activation_bytes", "saved_bytes",
)  # fmt: skip
REJECTED = "the formulas reject it, so there is nothing to run"
UNREAD = "the question was not understood, so there is nothing to run"


class Claim(NamedTuple):
    """Something that was expected, and what is the case instead; empty where it holds."""

    text: str
    message: str


def _outcomes(analysis: Analysis, answers: Sequence[Measurement]) -> Iterator[Outcome]:
    if analysis.symbolic is None:
        yield from (Outcome(analysis, answer) for answer in answers)
        return
    from layercli.analysis.symbolic import evaluated

    for sample, answer in zip(analysis.symbolic.samples, answers):
        yield Outcome(evaluated(analysis, sample), answer, sample.text)


class Report:
    """Analysis and measurement together. ``measurement`` is None where torch was not asked, ``reason`` says why."""

    def __init__(
        self,
        analysis: Analysis,
        measured: Measurement | Sequence[Measurement] | None = None,
        reason: str = "",
        id: Any = None,
        command: str | None = None,
        optimizer: str | None = "adam",
        ignored: Collection[str] = (),
        expected: Sequence[str] = (),
    ) -> None:
        """``measured``: an answer of torch to each of the analysis' plans.

        ``optimizer``: whose state the account of memory counts, None for no account; ``ignored``: codes of notes to
        leave out; ``expected``: claims such as ``params<=5M`` to hold it against.
        """
        self.analysis = analysis
        answers = (measured,) if isinstance(measured, Measurement) else tuple(measured or ())
        rejected = analysis.error is not None and not answers and reason != UNREAD
        self.reason = REJECTED if rejected else analysis.unplanned or reason
        self.outcomes = tuple(_outcomes(analysis, answers))
        self.id = id
        self.command = command
        self.optimizer = optimizer
        self.ignored = frozenset(ignored)
        self.expected = tuple(expected)

    # --- what it comes to ---

    @property
    def ok(self) -> bool:
        """Whether the formulas accept the design."""
        return self.analysis.error is None

    @property
    def agrees(self) -> bool | None:
        """Whether everything that was compared agrees; None where nothing was."""
        return all(check.status == AGREES for check in self.checks) if self.checks else None

    @cached_property
    def outcome(self) -> Outcome | None:
        """What torch said; of several sizes the worst. None where it was not asked."""
        return max(self.outcomes, key=lambda outcome: WORSE.index(outcome.status), default=None)

    @property
    def status(self) -> str:
        """``agrees``, ``differs``, ``not run`` or ``failed``."""
        return NOT_RUN if self.outcome is None else self.outcome.status

    @property
    def why(self) -> str:
        """The sentence that goes with the status; empty where there is nothing to add."""
        return self.reason if self.outcome is None else self.outcome.why

    @property
    def measurement(self) -> Measurement | None:
        """What torch said; of several sizes the worst."""
        return None if self.outcome is None else self.outcome.measurement

    @property
    def tested(self) -> bool:
        """Whether this version of torch is one that the formulas were tested against."""
        version = self.measurement.torch if self.measurement else None
        return version is None or ".".join(version.split(".")[:2]) in TESTED_TORCH

    @property
    def exit_code(self) -> ExitCode:
        """The status that a command ends with on this report."""
        if self.analysis.error is not None:
            return self.analysis.error.exit_code
        if self.status == DIFFERS:
            return ExitCode.BUG
        return ExitCode.NEGATIVE if any(claim.message for claim in self.claims) else ExitCode.OK

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every figure that the formulas and torch both have."""
        return tuple(check for outcome in self.outcomes for check in outcome.checks)

    def checks_of(self, row: Row) -> list[Check]:
        """The checks that belong to one row."""
        return self._checks_by_path.get(row.path, [])

    @cached_property
    def _checks_by_path(self) -> dict[str, list[Check]]:
        found: dict[str, list[Check]] = {}
        for check in self.checks:
            found.setdefault(check.path, []).append(check)
        return found

    @cached_property
    def totals(self) -> dict[str, int | None]:
        """Sums over the net, weights that are used again counted once; None where a part is unknown or refused."""
        if not self.ok:
            return dict.fromkeys(TOTALS)
        rows, owners = self.analysis.rows, [row.bound for row in self.analysis.rows if row.shares is None]
        whole = not self.analysis.unplanned  # a class of the user's own may hold more than its children

        def held(count: int) -> int | None:
            return count if whole else None

        macs = [row.bound.macs for row in rows]
        known = None if None in macs else sum(value for value in macs if value is not None)
        return {
            "params": held(self.known_params),
            "trainable_params": held(sum(bound.trainable for bound in owners)),
            "buffers": held(sum(bound.buffers for bound in owners)),
            "macs": known,
            "flops": None if known is None else sum(row.bound.sizes["flops"] for row in rows),
            "param_bytes": held(sum(param_bytes(bound) for bound in owners)),
            "activation_bytes": None if self.analysis.unplanned else sum(map(self.output_bytes, rows)),
            "saved_bytes": None if self.memory is None else self.memory.kept,
        }

    @property
    def known_params(self) -> int:
        """Numbers in the parameters that are known, weights that are used again counted once."""
        return sum(row.bound.params for row in self.analysis.rows if row.shares is None)

    @cached_property
    def memory(self) -> Memory | None:
        """The account of memory; None where the design is refused, or its forward is not known."""
        from layercli.analysis.memory import memory

        if not self.ok or self.analysis.unplanned or self.optimizer is None:
            return None
        if self.analysis.symbolic is None:
            return memory(self.analysis, self.optimizer)
        from layercli.analysis.open_memory import account

        return account(self.analysis, self.optimizer)

    def output_bytes(self, row: Row) -> int:
        """Bytes of a row's outputs."""
        return sum(_bytes(flow) for flow in tensors(row.bound.outputs))

    def kept_bytes(self, row: Row) -> int | None:
        """Bytes that a row keeps for backward and that none before it keeps; None where that is not known."""
        return None if self.memory is None else self.memory.rows[row.number].size

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """What was expected, and what is the case where that does not hold; nothing of a design that is refused."""
        if not self.expected or not self.ok:
            return ()
        from layercli.expect import check, parse_expectation

        return tuple(Claim(text, check(parse_expectation(text), self) or "") for text in self.expected)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is worth knowing, of the whole and of each row, but for the codes that are ignored."""
        return tuple(note for note in every_note(self.analysis) if note.code not in self.ignored)

    @property
    def output(self) -> Flow | None:
        """The first output tensor of the whole."""
        return next(tensors(self.analysis.outputs), None) if self.ok else None

    @cached_property
    def unknown(self) -> list[dict[str, str]]:
        """The figures that no formula gives, each with the reason."""
        rows = [
            {"of": "macs", "path": row.path, "why": row.bound.layer.macs_unknown}
            for row in self.analysis.rows
            if row.bound.layer.macs_unknown
        ]
        seen: set[str] = set()
        for row in self.analysis.rows:
            why = row.bound.layer.window_unknown or receptive.unknown(row.reach)
            if why and why not in seen:  # what is unknown stays so in all rows behind
                seen.add(why)
                rows.append({"of": "receptive_field", "path": row.path, "why": why})
        if self.memory is not None:
            for kept in self.memory.unknown:
                path = self.analysis.rows[kept.row].path
                rows.append({"of": "saved_bytes", "path": path, "why": kept.unknown})
        if self.ok and self.analysis.unplanned:
            figures = ("params", "trainable_params", "buffers", "param_bytes", "activation_bytes")
            rows += [{"of": figure, "path": "", "why": self.analysis.unplanned} for figure in figures]
        if self.memory is None and self.ok:
            open_sizes = "what is kept has no one formula over the sizes that are left open"
            why = self.analysis.unplanned or (open_sizes if self.optimizer else "memory is left out of a brief report")
            rows.append({"of": "saved_bytes", "path": "", "why": why})
        return rows

    # --- JSON ---

    def to_dict(self, brief: bool = False) -> dict[str, Any]:
        """The report as one JSON document; ``brief`` leaves the formulas out, and how rows hang together."""
        analysis, ok, rows = self.analysis, self.ok, self.analysis.rows
        macs = [row.bound.macs for row in rows]
        output = self.output
        document = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "layercli": VERSION,
            "id": self.id,
            "ok": ok,
            "command": self.command,
            "spec": analysis.source,
            "mode": analysis.options.mode,
            "inputs": [item for name, tree in analysis.inputs for item in _inputs_json(name, tree)],
            "outputs": as_json(analysis.outputs) if ok else None,
            "output": as_json(output) if output is not None else None,
            "totals": self.totals if ok else None,
            "receptive_field": receptive.as_json(rows[-1].reach) if ok else None,
            "memory": self._memory_json(),
            "symbols": None if analysis.symbolic is None else _symbols_json(analysis.symbolic),
            "unknown": self.unknown,
            "known_part": self._known_json(macs),
            "layers": [_row_json(self, row, brief) for row in rows],
            "measured": self._measured_json(),
            "notes": [_note_json(note) for note in self.notes],
            "expected": [
                {"claim": claim.text, "holds": not claim.message, "message": claim.message or None}
                for claim in self.claims
            ],
            "errors": [] if analysis.error is None else [error_json(analysis.error)],
        }
        return document if analysis.symbolic is None else written(document)

    def _known_json(self, macs: Sequence[int | None]) -> dict[str, int] | None:
        """What is known of totals that are not."""
        known = {"macs": sum(value or 0 for value in macs)} if None in macs else {}
        if self.ok and self.analysis.unplanned:
            known["params"] = self.known_params
        return known or None

    def _memory_json(self) -> dict[str, Any] | None:
        """The account in bytes, each figure under its name."""
        found = self.memory
        if found is None:
            return None
        figures = {figure.name: figure.size for figure in found.figures()}
        rows = self.analysis.rows
        where = {
            name: None if peak.row is None else rows[peak.row].path
            for name, peak in (("largest", found.largest), ("inference_peak", found.inference_peak))
        }
        return {"optimizer": found.optimizer, **figures, "kept_known": found.kept_known, "at": where}

    def _measured_json(self) -> dict[str, Any]:
        found = self.measurement
        return {
            "status": self.status,
            "reason": self.why or None,
            "torch": found.torch if found else None,
            "device": found.device if found else None,
            "agrees": self.agrees,
            "checks": [{**check._asdict(), "status": check.status} for check in self.checks],
        }

    # --- how it shows itself ---

    def __rich__(self) -> Any:
        from layercli.render.table import renderable

        return renderable(self, error=True)

    def _repr_html_(self) -> str:
        from layercli.render.documents import html

        return html(self)

    def __repr__(self) -> str:
        from layercli.render.plain import plain

        return plain(self, error=True)


def failure(error: LayerError, id: Any = None, mode: str = "train", command: str | None = None) -> dict[str, Any]:
    """The document of a question that was not understood: the same keys, nothing known."""
    from layercli.analysis.rows import Options

    unread = Analysis(error.source, Options(mode=mode), (), (), (), error, None)
    return Report(unread, None, UNREAD, id, command).to_dict()


def _bytes(flow: Flow) -> int:
    return elements(flow.shape) * ITEM_SIZE[flow.dtype]


def _inputs_json(name: str, tree: Tree) -> Iterator[dict[str, Any]]:
    if isinstance(tree, Flow):
        yield {"name": name, **as_json(tree)}
    elif isinstance(tree, Literal):
        yield {"name": name, "shape": None, "dtype": None, "value": encode(tree.value)}
    elif isinstance(tree, tuple):
        for index, item in enumerate(tree):
            yield from _inputs_json(f"{name}.{index}", item)


def _row_json(report: Report, row: Row, brief: bool) -> dict[str, Any]:
    bound = row.bound
    variant = bound.variant
    macs = bound.macs
    return {
        "index": row.number,
        "path": row.path,
        "name": row.label or None,
        "op": bound.layer.name,
        "torch": bound.layer.torch,
        "span": _span_json(row.span),
        "args": {key: _argument(value) for key, value in bound.args.items()},
        "given": [*bound.given.values, *bound.given.taken],
        "inputs": [item for name, tree in bound.inputs.items() for item in _inputs_json(name, tree)],
        "outputs": as_json(bound.outputs),
        "params": {
            "total": bound.params,
            "trainable": bound.trainable,
            "tensors": {name: list(shape) for name, shape in bound.tensors(variant.params).items()},
            "shared_with": row.shares,
        },
        "buffers": {
            "total": bound.buffers,
            "tensors": {name: list(shape) for name, shape in bound.tensors(variant.buffers).items()},
        },
        "macs": macs,
        "formulas": [] if brief else [_formula_json(formula) for formula in bound.formulas()],
        "receptive_field": receptive.as_json(row.reach),
        "saved_bytes": report.kept_bytes(row) if report.ok else None,
        "sources": [] if brief else _sources_json(row),
        "blocks": [] if brief else [block._asdict() for block in row.blocks],
        "notes": [_note_json(note._replace(path=row.path)) for note in row.notes if note.code not in report.ignored],
    }


def _sources_json(row: Row) -> list[dict[str, Any]]:
    """Where each input comes from: another layer's outputs by its index, or an input of the whole (layer null)."""
    order = [item.name for item in row.bound.layer.inputs]
    wires = {**dict(zip(order, row.call.args)), **row.call.kwargs}
    return [source for name, wire in wires.items() for source in _source_json(name, wire)]


def _source_json(name: str, wire: Wire) -> Iterator[dict[str, Any]]:
    if isinstance(wire, Ref):
        yield {"input": name, "layer": wire.call, "path": list(wire.path)}
    elif wire is not None:
        for index, part in enumerate(wire):
            yield from _source_json(f"{name}.{index}", part)


def _symbols_json(symbolic: Symbolic) -> dict[str, Any]:
    return {
        "names": list(symbolic.symbols),
        "demands": [
            {"text": demand.text, "kind": demand.kind, "category": demand.category} for demand in symbolic.demands
        ],
        "smallest": None if symbolic.smallest is None else dict(symbolic.smallest),
        "samples": [dict(sample.sizes) for sample in symbolic.samples],
    }


def written(value: Any) -> Any:
    """JSON with closed forms as text."""
    from layercli.formula.symbolic import SymInt

    if isinstance(value, SymInt):
        return str(value)
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    return [written(item) for item in value] if isinstance(value, (list, tuple)) else value


def _argument(value: Any) -> Any:
    """An argument as JSON, the common ones without a second look."""
    if isinstance(value, (int, str)):
        return value
    return list(value) if isinstance(value, tuple) and value and isinstance(value[0], int) else encode(value)


def _formula_json(formula: Any) -> dict[str, Any]:
    of, name, symbolic, substituted, value = formula
    return {
        "of": of,
        "name": name,
        "symbolic": symbolic,
        "substituted": substituted,
        "python": substituted,
        "value": value,
    }


def _note_json(note: Note) -> dict[str, Any]:
    return {**note._asdict(), "span": _span_json(note.span), "fix": note.fix or None}


def _span_json(span: Span | None) -> list[int] | None:
    return None if span is None else [span.start, span.end]


def error_json(error: LayerError) -> dict[str, Any]:
    """One entry of ``errors``."""
    place = error.line_and_column
    return {
        "code": error.code,
        "message": error.message,
        "span": _span_json(error.span),
        "line": place[0] if place else None,
        "column": place[1] if place else None,
        "path": error.path or None,
        "fix": error.fix or None,
        "suggestions": list(error.suggestions),
    }
