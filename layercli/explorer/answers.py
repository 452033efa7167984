"""What is shown of a draft and of a design: worked out from the formulas alone, and kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from layercli.analysis.flow import Flow, tensors
from layercli.analysis.layer import Analyser, Bound
from layercli.analysis.walk import Analysis, Options, Row, analyse_spec
from layercli.checks import AGREES
from layercli.errors import LayerError
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import file_of, picture
from layercli.explain.subject import Subject
from layercli.explorer.fields import Field, fields
from layercli.explorer.specs import bare, inputs_of, spec_of
from layercli.explorer.state import Design, Draft
from layercli.measurement import FAILED, MEASURED, Measurement
from layercli.plan import ITEM_SIZE, Input
from layercli.render.blocks import Block, Cell, Facts, Heading, Line, Table
from layercli.render.layout import layout
from layercli.render.words import outputs, reach_text, row_mark, shape_text, size_text
from layercli.report import Report
from layercli.spec import parse

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
        report = Report(analysis)
        output = report.output
        last = "" if output is None or analysis.symbolic is not None else fed(output)
        return Sum(design, tuple(_steps(design, report)), analysis, analysis.error, last)


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
        yield StepRow(bare(step), error.message if wrong else "", wrong=wrong)


def _steps(design: Design, report: Report) -> Iterator[StepRow]:
    starts, rows, error = _starts(design), report.analysis.rows, report.analysis.error
    at = -1 if error is None or error.span is None else error.span.start
    failed = False
    for number, step in enumerate(design.steps):
        own = [row for row in rows if row.span and starts[number] <= row.span.start < starts[number + 1]]
        wrong = error is not None and not failed and (starts[number] <= at < starts[number + 1])
        failed = failed or wrong
        if wrong and error is not None:
            yield StepRow(bare(step), error.message, wrong=True)
        elif not own:
            yield StepRow(bare(step))
        else:
            yield StepRow(bare(step), outputs(own[-1].bound), *_counts(own), layers=tuple(own))


def _counts(rows: list[Row]) -> tuple[str, str]:
    macs = [row.bound.macs for row in rows]
    known = "unknown" if None in macs else f"{sum(value or 0 for value in macs):,}"
    return f"{sum(row.bound.params for row in rows if row.shares is None):,}", known


# --- what torch adds --------------------------------------------------------------------------------------------------


class Told:
    """An analysis beside what torch answered, if it has. ``why``: why it is not going to."""

    def __init__(self, analysis: Analysis | None, measured: tuple[Measurement, ...] | None, why: str = "") -> None:
        self.analysis, self.measured, self.why = analysis, measured, why

    @cached_property
    def report(self) -> Report | None:
        """Both; None where there is no analysis."""
        return None if self.analysis is None else Report(self.analysis, self.measured, self.why or "not asked yet")

    @property
    def waiting(self) -> bool:
        """Whether torch may still answer."""
        plans = self.analysis is not None and self.analysis.error is None and bool(self.analysis.plans)
        return plans and self.measured is None and not self.why

    def mark(self) -> Cell:
        """Whether torch agrees, in a few words."""
        report = self.report
        if report is None or not report.ok:
            return Cell("")
        if self.waiting:
            return Cell("… torch", "dim")
        found = report.measurement
        if found is None or found.status != MEASURED or report.status == FAILED:
            return Cell(f"torch: {report.why}", "dim")
        wrong = [check for check in report.checks if check.status != AGREES]
        if wrong:
            return Cell(f"✗ torch differs: {wrong[0].of} is {wrong[0].torch}", "bad")
        return Cell(f"✓ torch agrees ({len(report.checks)} checks)", "good")

    def of(self, step: StepRow) -> Cell:
        """Whether torch agrees with a step of a design."""
        if step.wrong:
            return Cell("✗", "bad")
        if self.report is None or not step.layers:
            return Cell("")
        return row_mark(self.report, step.layers, self.waiting)

    def blocks(self) -> tuple[Block, ...]:
        """All that there is to say, the most important first."""
        if self.report is None:
            return ()
        found = [block for block in layout(self.report, waiting=self.waiting) if not isinstance(block, Heading)]
        found = [block for block in found if not (isinstance(block, Line) and block.text.startswith("torch"))]
        return tuple(sorted(found, key=_order))


def _order(block: Block) -> int:
    if isinstance(block, Facts):
        return 0
    if isinstance(block, Line):
        return 1 if block.style == "note" else 3
    return 2 if isinstance(block, Table) else 4


def totals(report: Report) -> tuple[tuple[str, Cell], ...]:
    """What a design comes to: its output, parameters, MACs, memory, receptive field."""
    if not report.ok or not report.analysis.rows:
        return ()
    counts = report.totals
    shown = {name: "unknown" if counts[name] is None else f"{counts[name]:,}" for name in ("params", "macs")}
    output = report.output
    found = [
        ("output", Cell("" if output is None else shape_text(output.shape), "strong")),
        ("parameters", Cell(shown["params"], "strong")), ("MACs", Cell(shown["macs"], "strong")),
    ]  # fmt: skip
    memory = report.memory
    if memory is not None and report.analysis.symbolic is None and memory.training is not None:
        found.append(("training", Cell(size_text(memory.training))))
    reach = reach_text(report.analysis.rows[-1])
    return (*found, *([("receptive field", Cell(reach))] if reach else []))
