"""What torch adds: a mark, and all figures beside its own."""

from __future__ import annotations

from functools import cached_property

from layercli.analysis.walk import Analysis
from layercli.checks import AGREES
from layercli.explorer.answers import StepRow
from layercli.measurement import FAILED, MEASURED, Measurement
from layercli.render.blocks import Block, Cell, Facts, Heading, Line, Table
from layercli.render.layout import layout
from layercli.render.words import reach_text, row_mark, shape_text, size_text
from layercli.report import Report


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
