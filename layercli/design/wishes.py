"""What is wished of a design (``--where``), and its figures by name: from the short answer where that has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layercli.design.answers import Answer, Answers
from layercli.errors import LayerError, Span
from layercli.expect import Expectation, met, value_of
from layercli.expect.check import cells_of, rows_of
from layercli.report import Report

QUICK: dict[str, Callable[[Answer], Any]] = {
    "shape": lambda answer: answer.output,
    "params": lambda answer: answer.params,
    "macs": lambda answer: answer.macs,
    "rf": lambda answer: cells_of(answer.field),
}
"""The figures that the short answer has, as :func:`layercli.expect.value_of` gives them."""


class Wishes:
    """Clauses that a design has to meet, and what it has for a figure."""

    def __init__(self, clauses: Sequence[Expectation], asked: Answers, optimizer: str = "adam") -> None:
        self.clauses = tuple(clauses)
        self.asked = asked
        self.optimizer = optimizer
        self._missing: dict[str, LayerError] = {}
        self._there: set[str] = set()
        """The rows that are asked of: those that some design did not have, and those that some had."""
        self._last: tuple[Any, Report] | None = None

    def fit(self, answer: Answer) -> bool:
        """Whether all clauses hold of a design that is accepted."""
        return all(self.met(clause, answer) for clause in self.clauses)

    def met(self, clause: Expectation, answer: Answer) -> bool:
        """Whether a clause holds of a design that is accepted."""
        return met(clause, self.value(clause, answer))

    def span(self, clause: Expectation, answer: Answer) -> Span | None:
        """Where the row stands that a clause asks of; None where the design has no such row."""
        try:
            rows = rows_of(clause, self.report(answer))
        except LayerError:
            return None
        return rows[-1].span

    def value(self, clause: Expectation, answer: Answer) -> Any:
        """What a design has for the figure of a clause; None where that is unknown, or it has no such row."""
        quick = QUICK.get(clause.figure)
        if quick is not None and not clause.at:
            return quick(answer)
        try:
            value = value_of(clause, self.report(answer))[0]
        except LayerError as error:
            self._missing[clause.at] = error
            return None
        self._there.add(clause.at)
        return value

    @property
    def no_row(self) -> LayerError | None:
        """The error for a row that is asked of and that no design had."""
        return next((error for at, error in self._missing.items() if at not in self._there), None)

    def figure(self, name: str, answer: Answer) -> Any:
        """What a design has for a figure of the whole."""
        return self.value(Expectation(name, name, "", "=", ""), answer)

    def report(self, answer: Answer) -> Report:
        """The whole answer to a design."""
        if self._last is None or self._last[0] != answer.choice:
            self._last = answer.choice, Report(self.asked.analysis(answer.choice), None, "", optimizer=self.optimizer)
        return self._last[1]
