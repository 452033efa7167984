"""What is suggested, as plain data: a rewrite, the design that it makes, and what that saves, keeps and loses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.flow import as_json
from layercli.analysis.rows import Row
from layercli.design.rewrites.rewrite import Proposal, Rewrite
from layercli.errors import ExitCode, LayerError
from layercli.report import Report, error_json
from layercli.report import failure as unread
from layercli.version import VERSION

SCHEMA, SCHEMA_VERSION = "layercli.suggestions", 1
FIGURES = ("params", "macs", "saved_bytes", "memory", "inference_memory")
"""What is compared: parameters, multiply-adds, bytes kept for backward, bytes of a training step and of inference."""

MEASURED = ("status", "reason", "torch", "device", "agrees")
"""What is told of a run with torch, beside how many figures were compared."""


class Change(NamedTuple):
    """A figure of the whole design before and after; None where it is unknown."""

    before: int | None
    after: int | None

    @property
    def saved(self) -> int | None:
        """What is saved; negative where it costs more."""
        return None if self.before is None or self.after is None else self.before - self.after

    @property
    def ratio(self) -> float | None:
        """What is left, as a part of what was; None of nothing."""
        return None if not self.before or self.after is None else self.after / self.before

    @property
    def share(self) -> float:
        """The saving as a part of what was; 0 where that is not known."""
        return (self.saved or 0) / self.before if self.before else 0.0


class Place(NamedTuple):
    """One step that is replaced, as text, and its first row; the text behind is empty where it is left out."""

    path: str
    number: int | None
    """Of the row: the one that a refused step would have been, None for a step behind that."""
    label: str
    times: int
    """How many rows it has: of a step in a repeat every time is replaced."""
    before: str
    after: str


class Suggestion(NamedTuple):
    """A rewrite that was tried and holds."""

    rewrite: Rewrite
    proposal: Proposal
    places: tuple[Place, ...]
    report: Report
    """The new design; its source is the whole spec to paste."""
    saves: Mapping[str, Change]
    """By figure; empty where the old design was refused, and has none."""
    keeps: tuple[str, ...]
    loses: tuple[str, ...]

    @property
    def spec(self) -> str:
        """The whole new design, on one line."""
        return self.report.analysis.source or ""


class Suggestions(NamedTuple):
    """The answer: the design as it is, and what might stand in its place, the biggest saving first."""

    report: Report
    items: tuple[Suggestion, ...]
    found: int
    """How many there were before only the first were taken."""

    @property
    def reports(self) -> tuple[Report, ...]:
        """Every design of which torch is asked."""
        own = (self.report,) if self.report.ok else ()
        return (*own, *(item.report for item in self.items))

    @property
    def exit_code(self) -> ExitCode:
        """The status that a command ends with: a difference from torch is a bug, nothing to suggest is negative."""
        codes = {report.exit_code for report in self.reports}
        if ExitCode.BUG in codes:
            return ExitCode.BUG
        return ExitCode.OK if self.items else ExitCode.NEGATIVE

    def to_dict(self, command: str | None = None) -> dict[str, Any]:
        """The answer as one JSON document."""
        report, error = self.report, self.report.analysis.error
        told = report.to_dict(brief=True)
        return {
            **_head(report.ok, command, report.analysis.source),
            "inputs": told["inputs"],
            "output": told["output"],
            "totals": told["totals"],
            "memory": told["memory"],
            "receptive_field": told["receptive_field"],
            "measured": _measured(report),
            "found": self.found,
            "suggestions": [_suggestion(item) for item in self.items],
            "errors": [] if error is None else [error_json(error)],
        }


def failure(error: LayerError, command: str | None = None) -> dict[str, Any]:
    """The document of a question that was not understood: the same keys, nothing known."""
    told = unread(error)["measured"]
    return {
        **_head(False, command, error.source),
        "inputs": [],
        "output": None,
        "totals": None,
        "memory": None,
        "receptive_field": None,
        "measured": {name: told[name] for name in MEASURED} | {"checks": 0},
        "found": 0,
        "suggestions": [],
        "errors": [error_json(error)],
    }


def _head(ok: bool, command: str | None, spec: str | None) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "layercli": VERSION,
        "ok": ok,
        "command": command,
        "spec": spec,
    }


def _suggestion(item: Suggestion) -> dict[str, Any]:
    report, first = item.report, item.places[0]
    rows: tuple[Row, ...] = report.analysis.rows
    return {
        "rule": item.rewrite.name,
        "title": item.proposal.title,
        "path": first.path or None,
        "index": first.number,
        "before": first.before,
        "after": first.after or None,
        "places": [_place(place) for place in item.places],
        "spec": item.spec,
        "output": as_json(report.output) if report.output is not None else None,
        "totals": report.totals,
        "receptive_field": receptive.as_json(rows[-1].reach),
        "saves": {
            name: {"before": change.before, "after": change.after, "saved": change.saved, "ratio": change.ratio}
            for name, change in item.saves.items()
        },
        "gain": item.proposal.gain or None,
        "keeps": list(item.keeps),
        "loses": list(item.loses),
        "same_function": item.proposal.same_function,
        "source": item.rewrite.source,
        "measured": _measured(report),
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "path": place.path or None,
        "index": place.number,
        "label": place.label or None,
        "times": place.times,
        "before": place.before,
        "after": place.after or None,
    }


def _measured(report: Report) -> dict[str, Any]:
    told = report.to_dict(brief=True)["measured"]
    return {name: told[name] for name in MEASURED} | {"checks": len(told["checks"])}
