"""The report: what the formulas say, what torch did, and whether they agree. ``to_dict`` is the JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import Flow, Tree, as_json, tensors
from layercli.analysis.graph import Row
from layercli.analysis.layer import param_bytes
from layercli.analysis.notes import Note
from layercli.analysis.walk import Analysis, every_note
from layercli.errors import ExitCode, LayerError, Span
from layercli.measurement import FAILED, MEASURED, NOT_RUN, Measurement
from layercli.plan import ITEM_SIZE, Literal, elements, encode
from layercli.version import VERSION

SCHEMA, SCHEMA_VERSION = "layercli.report", 1
AGREES, DIFFERS = "agrees", "differs"
TESTED_TORCH = ("2.13",)
"""The versions of torch whose behaviour the formulas were tested against."""

TOTALS = (
    "params", "trainable_params", "buffers", "macs", "flops", "param_bytes", "activation_bytes", "saved_bytes",
)  # fmt: skip
REJECTED = "the formulas reject it, so there is nothing to run"
UNREAD = "the question was not understood, so there is nothing to run"


class Check(NamedTuple):
    """One figure, as the formulas have it and as torch has it."""

    of: str
    path: str
    formula: Any
    torch: Any

    @property
    def status(self) -> str:
        """``agrees`` or ``differs``."""
        return AGREES if self.formula == self.torch else DIFFERS


class Report:
    """Analysis and measurement together. ``measurement`` is None where torch was not asked, ``reason`` says why."""

    def __init__(
        self,
        analysis: Analysis,
        measurement: Measurement | None = None,
        reason: str = "",
        id: Any = None,
        command: str | None = None,
    ) -> None:
        self.analysis = analysis
        self.measurement = measurement
        rejected = analysis.error is not None and measurement is None and reason != UNREAD
        self.reason = REJECTED if rejected else reason
        self.id = id
        self.command = command

    # --- what it comes to ---

    @property
    def ok(self) -> bool:
        """Whether the formulas accept the design."""
        return self.analysis.error is None

    @property
    def agrees(self) -> bool | None:
        """Whether everything that was compared agrees; None where nothing was."""
        return all(check.status == AGREES for check in self.checks) if self.checks else None

    @property
    def status(self) -> str:
        """``agrees``, ``differs``, ``not run`` or ``failed``."""
        if self.measurement is None:
            return NOT_RUN
        if self.measurement.status != MEASURED:
            return self.measurement.status
        if self._refused_values:
            return FAILED
        return AGREES if self.agrees else DIFFERS

    @property
    def why(self) -> str:
        """The sentence that goes with the status; empty where there is nothing to add."""
        if self.measurement is None:
            return self.reason
        if self._refused_values and self.measurement.error is not None:
            return f"torch refused the values that it was fed: {self.measurement.error.message.partition(chr(10))[0]}"
        return self.measurement.reason or ("torch refused what the formulas accept" if self.measurement.error else "")

    @property
    def _refused_values(self) -> bool:
        """Whether torch refused a call for what the formulas do not see: the values inside a tensor."""
        error = self.measurement.error if self.measurement else None
        if error is None or error.call is None or not self.ok or error.call >= len(self.analysis.rows):
            return False
        return error.call > 0 and self.analysis.rows[error.call].bound.minds_values

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
        return ExitCode.BUG if self.status == DIFFERS else ExitCode.OK

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Every figure that the formulas and torch both have."""
        if self.measurement is None or self.measurement.status != MEASURED or not self.ok or self._refused_values:
            return ()
        return tuple(_checks(self.analysis, self.measurement))

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
        params = sum(bound.params for bound in owners)
        macs = [row.bound.macs for row in rows]
        known = None if None in macs else sum(value for value in macs if value is not None)
        return {
            "params": params,
            "trainable_params": sum(bound.trainable for bound in owners),
            "buffers": sum(bound.buffers for bound in owners),
            "macs": known,
            "flops": None if known is None else sum(row.bound.sizes["flops"] for row in rows),
            "param_bytes": sum(param_bytes(bound) for bound in owners),
            "activation_bytes": sum(_bytes(flow) for row in rows for flow in tensors(row.bound.outputs)),
            "saved_bytes": None,
        }

    def output_bytes(self, row: Row) -> int:
        """Bytes of a row's outputs."""
        return sum(_bytes(flow) for flow in tensors(row.bound.outputs))

    def kept_bytes(self, row: Row) -> int | None:
        """Bytes that a row keeps for backward and that none before it keeps; None where that is not known."""
        return None

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
        rows += [
            {"of": "receptive_field", "path": row.path, "why": row.bound.layer.window_unknown}
            for row in self.analysis.rows
            if row.bound.layer.window_unknown
        ]
        if self.analysis.rows:
            rows.append({"of": "saved_bytes", "path": "", "why": "what layers keep for backward is not worked out yet"})
        return rows

    # --- JSON ---

    def to_dict(self, brief: bool = False) -> dict[str, Any]:
        """The report as one JSON document; ``brief`` leaves the formulas out."""
        analysis, ok, rows = self.analysis, self.ok, self.analysis.rows
        macs = [row.bound.macs for row in rows]
        output = self.output
        return {
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
            "unknown": self.unknown,
            "known_part": {"macs": sum(value or 0 for value in macs)} if None in macs else None,
            "layers": [_row_json(row, brief) for row in rows],
            "measured": self._measured_json(),
            "notes": [_note_json(note) for note in every_note(analysis)],
            "errors": [] if analysis.error is None else [error_json(analysis.error)],
        }

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
    from layercli.analysis.graph import Options

    unread = Analysis(error.source, Options(mode=mode), (), (), (), error, None)
    return Report(unread, None, UNREAD, id, command).to_dict()


def _checks(analysis: Analysis, found: Measurement) -> Iterator[Check]:
    for row, outputs in zip(analysis.rows, found.outputs):
        ours = as_json(row.bound.outputs)
        for of, formula, torch in _pairs(ours, outputs, "outputs"):
            yield Check(of, row.path, formula, torch)
    owners = [row for row in analysis.rows if row.shares is None]
    for row, weights in zip(owners, found.modules):
        bound = row.bound
        for kind, ours, theirs in (
            ("params", bound.tensors(bound.variant.params), weights.params),
            ("buffers", bound.tensors(bound.variant.buffers), weights.buffers),
        ):
            for name in {**ours, **theirs}:
                mine, torch = ours.get(name), theirs.get(name)
                yield Check(f"{kind}.{name}", row.path, None if mine is None else list(mine), torch)
        yield Check("trainable_params", row.path, bound.trainable, weights.trainable)
    if found.macs is not None and not any(row.bound.macs is None for row in analysis.rows):
        path = analysis.rows[0].path if len(analysis.rows) == 1 else ""
        yield Check("macs", path, sum(row.bound.macs or 0 for row in analysis.rows), found.macs)
    if found.error is not None:
        at = found.error.call if found.error.call is not None else found.error.module
        path = analysis.rows[at].path if at is not None and at < len(analysis.rows) else ""
        yield Check("accepts", path, "accepted", f"{found.error.type}: {found.error.message}")


def _pairs(ours: Any, theirs: Any, of: str) -> Iterator[tuple[str, Any, Any]]:
    """Every shape and dtype of two output trees, side by side; a difference in nesting shows as a None."""
    if isinstance(ours, list) or isinstance(theirs, list):
        mine, torch = (side if isinstance(side, list) else [side] for side in (ours, theirs))
        for index in range(max(len(mine), len(torch))):
            a = mine[index] if index < len(mine) else None
            b = torch[index] if index < len(torch) else None
            yield from _pairs(a, b, f"{of}.{index}")
        return
    for fact in ("shape", "dtype", "packed"):
        if fact == "packed" and not any("packed" in (side or {}) for side in (ours, theirs)):
            continue
        yield f"{of}.{fact}", (ours or {}).get(fact), (theirs or {}).get(fact)


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


def _row_json(row: Row, brief: bool) -> dict[str, Any]:
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
        "given": list(bound.given.values),
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
        "saved_bytes": None,
        "notes": [_note_json(note._replace(path=row.path)) for note in row.notes],
    }


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
