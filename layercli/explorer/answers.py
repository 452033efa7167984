"""What is shown of a draft and of a design: worked out from the formulas alone, and kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from layercli.analysis.flow import Flow, tensors
from layercli.analysis.layer import Analyser, Bound
from layercli.analysis.walk import Analysis, Options, Row, analyse_spec
from layercli.errors import LayerError
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import file_of, picture
from layercli.explain.subject import Subject
from layercli.explorer.fields import Field, fields
from layercli.explorer.specs import bare, inputs_of, spec_of
from layercli.explorer.state import Design, Draft
from layercli.plan import ITEM_SIZE, Input
from layercli.render.words import outputs, shape_text
from layercli.report import Report
from layercli.spec import parse

REFUSED = "refused"
"""What stands in the place of the output of a step that is wrong."""
KEPT = 512
"""Answers that are kept at most."""
Reads = Callable[[Sequence[str]], "tuple[Input, ...]"]
"""What makes inputs of words such as those behind ``-i``."""


class Answer(NamedTuple):
    """What the formulas say of a draft; what is wrong with it where they refuse it."""

    draft: Draft
    fields: tuple[Field, ...]
    analysis: Analysis | None
    error: LayerError | None
    drawing: Diagram | Nothing

    @property
    def bound(self) -> Bound | None:
        """The layer as it was understood."""
        return None if self.analysis is None or self.error is not None else self.analysis.rows[0].bound

    @property
    def output(self) -> str:
        """The shapes of all outputs; empty where there are none."""
        return "" if self.bound is None else outputs(self.bound)


class StepRow(NamedTuple):
    """A step of a design with what comes of it; ``wrong``: that is what is wrong with it."""

    text: str
    output: str = ""
    params: str = ""
    macs: str = ""
    wrong: bool = False
    layers: tuple[Row, ...] = ()


class Sum(NamedTuple):
    """A design, step by step, and what it comes to."""

    design: Design
    rows: tuple[StepRow, ...]
    analysis: Analysis | None
    error: LayerError | None
    output: str = ""
    """The shape that it gives, as ``-i`` takes it; empty where that is not known."""


class Asker:
    """Answers drafts and designs, each once. ``read`` makes inputs of their words, ``mode`` is train or eval."""

    def __init__(self, read: Reads, mode: str = "train") -> None:
        self._read, self._options = read, Options(mode=mode)
        self._analyser = Analyser(mode)
        self._answers: dict[Any, Any] = {}

    def answer(self, draft: Draft) -> Answer:
        """What the formulas say of a draft."""
        found: Answer = self._kept(draft, self._answer)
        return found

    def sum(self, design: Design) -> Sum:
        """What the formulas say of a design."""
        found: Sum = self._kept(design, self._sum)
        return found

    def places(self, draft: Draft) -> tuple[int, ...] | None:
        """The output's axes along which the picture has positions, by their sizes; None where it has none."""
        found: tuple[int, ...] | None = self._kept(
            ("places", draft._replace(at=None)), lambda key: self._places(key[1])
        )
        return found

    def _kept(self, key: Any, make: Callable[[Any], Any]) -> Any:
        if key not in self._answers:
            if len(self._answers) >= KEPT:
                self._answers.pop(next(iter(self._answers)))
            self._answers[key] = make(key)
        return self._answers[key]

    def _answer(self, draft: Draft) -> Answer:
        analysis, error = None, None
        try:
            analysis = analyse_spec(spec_of(draft), self._read(inputs_of(draft.inputs)), self._options, self._analyser)
            error = analysis.error
            if error is None and len(analysis.rows) != 1:
                error = LayerError("explore.step", f"{draft.layer} is several layers here", fix="write it as a design")
        except LayerError as raised:
            error = raised
        except Exception as bug:  # one of ours must not take a design with it that no file holds
            error = _ours(bug)
        bound = None if analysis is None or error is not None else analysis.rows[0].bound
        return Answer(draft, fields(draft, bound), analysis, error, self._drawing(draft, analysis, bound))

    def _drawing(self, draft: Draft, analysis: Analysis | None, bound: Bound | None) -> Diagram | Nothing:
        if analysis is None or bound is None:
            return Nothing("it is refused as it is")
        if analysis.symbolic is not None:
            return Nothing("a picture needs sizes in numbers")
        if not file_of(draft.layer):
            return Nothing(f"{draft.layer} has none")
        try:
            return picture(Subject(bound, draft.at))
        except LayerError as raised:
            return Nothing(raised.message)
        except Exception as bug:
            return Nothing(_ours(bug).message)

    def _places(self, draft: Draft) -> tuple[int, ...] | None:
        answer = self.answer(draft)
        first = None if answer.bound is None else next(tensors(answer.bound.outputs), None)
        if first is None or not isinstance(answer.drawing, Diagram):
            return None
        for rank in range(1, len(first.shape) + 1):
            sizes = first.shape[-rank:]
            ends = [self.answer(draft._replace(at=at)).drawing for at in ((0,) * rank, tuple(n - 1 for n in sizes))]
            if all(isinstance(end, Diagram) for end in ends):
                return sizes if ends[0] != ends[1] else None
        return None

    def _sum(self, design: Design) -> Sum:
        if not design.steps:
            return Sum(design, (), None, None, next(iter(inputs_of(design.input)), ""))
        try:
            spec = parse(design.text)
            analysis = analyse_spec(spec, self._read(inputs_of(design.input)), self._options)
        except LayerError as raised:
            error = raised.located(design.text)
            return Sum(design, tuple(_unread(design, error)), None, error)
        except Exception as bug:
            return Sum(design, tuple(_unread(design, _ours(bug))), None, _ours(bug))
        report = Report(analysis)
        output = report.output
        last = "" if output is None or analysis.symbolic is not None else fed(output)
        return Sum(design, tuple(_steps(design, report)), analysis, analysis.error, last)


def _ours(bug: Exception) -> LayerError:
    """A bug of layercli, as an error to show."""
    text = f"layercli failed: {type(bug).__name__}: {bug}"[:300]
    return LayerError("internal.error", text, fix="please report it")


def fed(flow: Flow) -> str:
    """A tensor as ``-i`` takes it."""
    dtype = "" if flow.dtype == "float32" or flow.dtype not in ITEM_SIZE else f":{flow.dtype}"
    return shape_text(flow.shape) + dtype


def moved(at: tuple[int, ...] | None, sizes: tuple[int, ...], by: int) -> tuple[int, ...]:
    """The position so many cells on, row by row, around the end; from the usual one to the first or the last."""
    count = 1
    for size in sizes:
        count *= size
    number = (-1 if by > 0 else 0) if at is None else 0
    for place, size in zip(at or (), sizes):
        number = number * size + place
    number = (number + by) % max(1, count)
    found = []
    for size in reversed(sizes):
        number, place = divmod(number, size)
        found.append(place)
    return tuple(reversed(found))


# --- a design, step by step -------------------------------------------------------------------------------------------


def _starts(design: Design) -> list[int]:
    """Where in the text each step begins, and where the text ends."""
    found = [0]
    for step in design.steps:
        found.append(found[-1] + len(step) + 1)
    return found


def _unread(design: Design, error: LayerError) -> Iterator[StepRow]:
    at = -1 if error.span is None else error.span.start
    starts = _starts(design)
    for number, step in enumerate(design.steps):
        wrong = starts[number] <= at < starts[number + 1]
        yield StepRow(bare(step), REFUSED if wrong else "", wrong=wrong)


def _steps(design: Design, report: Report) -> Iterator[StepRow]:
    starts, rows, error = _starts(design), report.analysis.rows, report.analysis.error
    at = -1 if error is None or error.span is None else error.span.start
    failed = False
    for number, step in enumerate(design.steps):
        own = [row for row in rows if row.span and starts[number] <= row.span.start < starts[number + 1]]
        wrong = error is not None and not failed and (starts[number] <= at < starts[number + 1])
        failed = failed or wrong
        if wrong:
            yield StepRow(bare(step), REFUSED, wrong=True)
        elif not own:
            yield StepRow(bare(step))
        else:
            yield StepRow(bare(step), outputs(own[-1].bound), *_counts(own), layers=tuple(own))


def _counts(rows: list[Row]) -> tuple[str, str]:
    macs = [row.bound.macs for row in rows]
    known = "unknown" if None in macs else f"{sum(value or 0 for value in macs):,}"
    return f"{sum(row.bound.params for row in rows if row.shares is None):,}", known
