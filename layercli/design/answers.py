"""What a design of a space comes to, in short: its output, its counts, its receptive field, or why it is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

from layercli.analysis import receptive
from layercli.analysis.layer import Analyser
from layercli.analysis.remembered import Remembered
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.design.space import Selection, Space
from layercli.errors import LayerError
from layercli.report import Report

REMEMBERED = 50_000
"""Layers on inputs after which what is remembered of a sweep is forgotten, so that its memory stays bounded."""


class Answer(NamedTuple):
    """The figures of one design; None where it is refused."""

    choice: Selection
    refused: Refusal | None = None
    output: tuple[int, ...] | None = None
    """The shape of the first output tensor."""
    params: int | None = None
    macs: int | None = None
    field: dict[str, list[Any]] | None = None
    """The receptive field as JSON has it; None where there is none to tell."""


class Refusal(NamedTuple):
    """Why torch would refuse a design: what all designs that are refused for it share."""

    code: str
    path: str
    """The step."""
    rule: str
    """The message, without the numbers where a rule of a definition made it."""


class Answers:
    """Answers of the ordinary analysis, which remembers what designs share."""

    def __init__(self, space: Space, options: Options) -> None:
        self.space = space
        self.options = options._replace(planned=False, advised=False, noted=False)
        self.analyser = Analyser(options.mode, options.dtype)
        self.last_error: LayerError | None = None
        """Why the last design that the ordinary analysis was asked for is refused."""
        self._remembered = Remembered(trail=True)
        self._last: tuple[Selection, Analysis] | None = None

    def analysis(self, choice: Selection) -> Analysis:
        """The ordinary analysis of a design, without notes and without a plan for torch; the last one is kept."""
        if self._last is not None and self._last[0] == choice:
            return self._last[1]
        if len(self._remembered) > REMEMBERED:
            self._forget()
        spec, inputs = self.space.design(choice)
        analysis = analyse_spec(spec, inputs, self.options, self.analyser, self._remembered)
        self._last = choice, analysis
        return analysis

    def error(self, choice: Selection) -> LayerError:
        """Why a design is refused, in full."""
        error = self.analysis(choice).error
        assert error is not None
        return error

    def forget(self) -> None:
        """Drops what is no longer likely to be asked for, where a lot of it has come together."""

    def _forget(self) -> None:
        self._remembered = Remembered(trail=True)
        self.space.forget()

    def answer(self, choice: Selection) -> Answer:
        """The figures of a design."""
        analysis = self.analysis(choice)
        self.last_error = analysis.error
        return answer_of(choice, analysis)


def answer_of(choice: Selection, analysis: Analysis) -> Answer:
    """The figures of an analysis."""
    error = analysis.error
    if error is not None:
        return Answer(choice, Refusal(error.code, error.path, error.rule or error.message))
    report = Report(analysis, None, "", optimizer=None)
    output = report.output
    totals = report.totals
    reach = analysis.rows[-1].reach
    return Answer(
        choice, None, None if output is None else output.shape, totals["params"], totals["macs"],
        receptive.as_json(reach),
    )  # fmt: skip
