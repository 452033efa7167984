"""The answer to a question: what was found, each solution checked by the ordinary analysis and held against torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from layercli.analysis.walk import Analysis, analyse_spec
from layercli.checks import AGREES, DIFFERS
from layercli.design.answers import answer_of
from layercli.design.question import Question, differs, nothing_open, spaces
from layercli.design.solutions import Found, Solution
from layercli.design.solve import Search
from layercli.design.space import OpenInput, alone
from layercli.design.wanted import only_numbers, wanted
from layercli.errors import LayerError
from layercli.expect import Expectation, parse_expectation
from layercli.measurement import Measurement
from layercli.plan import Plan, Tensor
from layercli.report import Report
from layercli.spec import Spec, parse


class Row(NamedTuple):
    """A solution that is shown, with the whole answer to it."""

    solution: Solution
    spec: str
    report: Report


class Answered(NamedTuple):
    """What is known in the end. Every row was analysed by itself, as ``layercli run`` does it."""

    question: Question
    found: Found
    rows: tuple[Row, ...] = ()
    why_not_run: str = "--no-run was given"

    def checked(self, top: int | None) -> Answered:
        """With the best analysed again; LayerError where the analysis does not find what the search says."""
        return self._replace(rows=tuple(map(self._checked, self.found.solutions[:top])))

    def _checked(self, solution: Solution) -> Row:
        space, answer = solution.space, solution.answer
        text = space.text(answer.choice)
        analysis = analyse_spec(parse(text), space.fed(answer.choice), self.question.options)
        again = answer_of(answer.choice, analysis)
        if again.refused is not None or again[1:5] != answer[1:5]:
            message = f"the search and the analysis differ at {text}: {answer[1:5]}, {again[1:5]}"
            raise LayerError("internal.solve", message, fix="please report it")
        return Row(solution, text, Report(analysis, None, self.why_not_run, optimizer=self.question.optimizer))

    @property
    def plans(self) -> tuple[Plan, ...]:
        """What there is for torch to run."""
        return tuple(plan for row in self.rows for plan in row.report.analysis.plans)

    def measured(self, answers: Sequence[Measurement]) -> Answered:
        """With what torch did, plan by plan."""
        left = list(answers)
        rows = []
        for row in self.rows:
            analysis: Analysis = row.report.analysis
            own = [left.pop(0) for _ in analysis.plans]
            rows.append(row._replace(report=Report(analysis, own, "", optimizer=self.question.optimizer)))
        return self._replace(rows=tuple(rows), why_not_run="")

    @property
    def differs(self) -> bool:
        """Whether torch did something else than a row says."""
        return any(row.report.status == DIFFERS for row in self.rows)

    @property
    def agrees(self) -> bool:
        """Whether torch did what every row says."""
        return bool(self.rows) and all(row.report.status == AGREES for row in self.rows)


def wishes_of(
    want: str | None, where: Sequence[str], spec: Spec, inputs: Sequence[OpenInput]
) -> tuple[Expectation, ...]:
    """What ``--want`` and ``--where`` ask; LayerError where nothing is asked."""
    shape = None
    if inputs and not inputs[0].open:
        feed = inputs[0].given.feed
        shape = feed.shape if isinstance(feed, Tensor) and not feed.symbols else None
    wishes = [] if want is None else [wanted(want, spec.chain, shape)]
    if wishes and not any(getattr(item.given.feed, "symbols", ()) for item in inputs):
        only_numbers(wishes[0])
    wishes += [parse_expectation(text, "--where ") for text in where]
    if not wishes:
        fix = "write --want 1,64,112,112, or --where params<=20k"
        raise LayerError("solve.wish", "nothing says what is wanted", fix=fix)
    return tuple(wishes)


def answered(question: Question, progress: Callable[[int, int], None] = lambda number, of: None) -> Answered:
    """Searches for all axes alike first, and by axis where that finds nothing and axes may differ.

    ``progress`` is told how many of how many designs a long search is through.
    """
    found = _found(question, progress)
    if not found.solutions and not question.per_axis and not found.fixed and differs(question):
        try:
            again = _found(question._replace(per_axis=True), progress)
        except LayerError as error:
            if error.code != "limit.designs":
                raise
            said = f"sizes that differ by axis were not tried, {error.message}"
            return Answered(question, found._replace(fixed=(f"{said}: bound them, as in -i 1,3,200..260,100..140",)))
        if again.solutions:
            found = again
    return Answered(question, found)


def _found(question: Question, progress: Callable[[int, int], None]) -> Found:
    outcomes = []
    for space in spaces(question):
        if not space.holes:
            raise nothing_open(space)
        search = Search(space, question.options, question.wishes, question.optimizer)
        outcomes.append(search.found(lambda number, of=space.count: progress(number, of)))  # type: ignore[misc]
    solutions = [solution for outcome in outcomes for solution in outcome.solutions]
    if len(outcomes) > 1:
        solutions.sort(key=lambda solution: (solution.exotic, sum(solution.unread)))
    first = outcomes[0]
    return first._replace(
        solutions=tuple(solutions),
        times=sum(outcome.times for outcome in outcomes),
        candidates=sum(outcome.candidates for outcome in outcomes),
        bounds=tuple(bound for outcome in outcomes for bound in outcome.bounds),
        misses=tuple(miss for outcome in outcomes for miss in outcome.misses) if not solutions else (),
        fixed=tuple(dict.fromkeys(words for outcome in outcomes for words in outcome.fixed)) if not solutions else (),
        per_axis=question.per_axis and alone(question.spec) is not None,
    )
