"""Asking for suggestions in tests, and what holds of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.analysis import receptive
from layercli.analysis.flow import as_json
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.design.suggest import suggestions
from layercli.design.suggestions import FIGURES, Suggestions
from layercli.plan import Input, Tensor
from layercli.report import Report
from layercli.spec import parse


def fed(*shape: int) -> tuple[Input, ...]:
    return (Input(Tensor(shape, "")),) if shape else ()


def asked(text: str, shape: Sequence[int] = (), only: Sequence[str] = (), **options: Any) -> Suggestions:
    return suggestions(parse(text), fed(*shape), Options(**options), only, None)


def after(text: str, shape: Sequence[int], *only: str) -> list[str]:
    """The whole new designs, the best first."""
    return [item.spec for item in asked(text, shape, only).items]


def analysed(text: str, shape: Sequence[int]) -> Analysis:
    return analyse_spec(parse(text), fed(*shape), Options())


def figures(report: Report) -> dict[str, int | None]:
    memory = report.memory
    assert memory is not None
    sums = {name: report.totals[name] for name in ("params", "macs", "saved_bytes")}
    return {**sums, "memory": memory.training, "inference_memory": memory.inference}


def hold(found: Suggestions, shape: Sequence[int]) -> None:
    """What is told of each is worked out anew, from its text alone."""
    old = found.report.analysis
    for item in found.items:
        new = analysed(item.spec, shape)
        assert new.error is None, item.spec
        assert as_json(new.outputs) == as_json(old.outputs), item.spec
        report = Report(new, None, "not asked")
        before, now = figures(found.report), figures(report)
        assert tuple(item.saves) == FIGURES
        assert {name: change[:2] for name, change in item.saves.items()} == {
            name: (before[name], now[name]) for name in FIGURES
        }
        of_interest = [item.saves[name].saved or 0 for name in item.rewrite.saves]
        assert not of_interest or (max(of_interest) > 0 and min(of_interest) >= 0), item.spec
        assert of_interest or item.proposal.gain
        fields = [receptive.as_json(each.rows[-1].reach) for each in (old, new)]
        assert not item.rewrite.same_field or fields[0] == fields[1], item.spec
        assert any("receptive field" in text for text in item.keeps) is (fields[0] == fields[1] and bool(fields[0]))
