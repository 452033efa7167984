"""A design as rewrites see it: the steps of its spec, each with the rows that it became, and who reads what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from layercli.analysis.layer import Bound
from layercli.analysis.rows import Row
from layercli.analysis.rules import Wiring, rules
from layercli.analysis.rules.sliding import Slide, slides
from layercli.analysis.rules.wiring import ACTIVATIONS, BATCH_NORMS, INSTANCE_NORMS, kind
from layercli.analysis.walk import Analysis
from layercli.design.replace import replaced
from layercli.design.rewrites.rewrite import Edit
from layercli.design.rewrites.write import fed_by_the_stream, text
from layercli.errors import Span
from layercli.spec import Chain, Group, Op, Spec

UNSURE = "spec.torch-order"
"""The note on a step that is perhaps not what was meant: nothing is built on it."""
_NORMS = BATCH_NORMS | INSTANCE_NORMS | {"groupnorm"}


class Site(NamedTuple):
    """A step of the spec, and its rows: several where it stands in a repeat."""

    op: Op
    rows: tuple[Row, ...]

    @property
    def bound(self) -> Bound:
        """The step's layer on what its first row is fed."""
        return self.rows[0].bound

    @property
    def slides(self) -> list[Slide]:
        """How its window goes along each axis; none where that cannot be told."""
        return slides(self.rows[0])

    @property
    def uniform(self) -> bool:
        """Whether its keys hold the same each time that it runs, but for the size of what it is fed."""
        kept = [
            [(name, value) for name, value in row.bound.args.items() if not name.startswith("in_")] for row in self.rows
        ]
        return all(each == kept[0] for each in kept)

    def alike(self, of: Callable[[Row], int]) -> int | None:
        """What holds of all rows; None where they differ."""
        found = {of(row) for row in self.rows}
        return found.pop() if len(found) == 1 else None


class Net:
    """See the module's docstring. ``analyse`` is what a changed spec is tried by."""

    def __init__(self, spec: Spec, analysis: Analysis, analyse: Callable[[Spec], Analysis]) -> None:
        self.spec = spec
        self.analysis = analysis
        self._analyse = analyse

    @cached_property
    def wiring(self) -> Wiring:
        """Who makes what a row is fed, and who reads what it gives."""
        result = self.analysis.result
        return Wiring(self.analysis.rows, None if result is None else result.call)

    @cached_property
    def sites(self) -> dict[Span, Site]:
        """Every step in the shell's notation that became a row, by its place in the text."""
        rows: dict[Span, list[Row]] = {}
        for row in self.analysis.rows:
            if row.span is not None:
                rows.setdefault(row.span, []).append(row)
        found = sorted(ops(self.spec.chain), key=lambda op: op.span)
        return {op.span: Site(op, tuple(rows[op.span])) for op in found if op.span in rows}

    def of(self, names: Iterable[str]) -> Iterator[Site]:
        """The steps of these layers, lazy ones among them."""
        wanted = frozenset(names)
        for site in self.sites.values():
            if kind(site.rows[0]) in wanted and site.uniform and not _unsure(site):
                yield site

    def at(self, row: Row) -> Site | None:
        """The step of a row; None where it has none of its own."""
        site = self.sites.get(row.span) if row.span is not None else None
        return site if site is not None and row in site.rows else None

    def said(self, code: str, begins: str = "") -> Iterator[Site]:
        """The steps of which a rule of the catalogue of notes says what begins so, each time that they run."""
        check = rules()[code].check
        assert check is not None
        spoken = {finding.row.number for finding in check(self.wiring) if finding.message.startswith(begins)}
        for site in self.sites.values():
            if spoken.issuperset(row.number for row in site.rows) and not _unsure(site):
                yield site

    def activation(self, site: Site) -> str:
        """The activation that the step's result goes to, across a norm, as it is typed; a ReLU where there is none."""
        row = self._reader(site.rows[0])
        if row is not None and kind(row) in _NORMS:
            row = self._reader(row)
        behind = self.at(row) if row is not None and kind(row) in ACTIVATIONS else None
        return "relu" if behind is None else text(fed_by_the_stream(behind.op))

    def _reader(self, row: Row) -> Row | None:
        """The first row that reads this one."""
        uses = self.wiring.uses[row.number]
        return uses[0].row if uses else None

    def rewritten(self, edits: Sequence[Edit]) -> Spec:
        """The whole design with these steps replaced."""
        return replaced(self.spec, {edit.op.span: edit.after for edit in edits})

    def holds(self, spec: Spec) -> bool:
        """Whether the formulas accept a design on the inputs of this one."""
        return self._analyse(spec).error is None


def _unsure(site: Site) -> bool:
    return any(note.code == UNSURE for note in site.rows[0].notes)


def ops(chain: Chain) -> Iterator[Op]:
    """Every step in the shell's notation, those inside of branches and groups too."""
    for step in chain.steps:
        if isinstance(step.unit, Group):
            yield from ops(step.unit.chain)
        elif isinstance(step.unit, Op):
            yield step.unit
            for branch in step.unit.branches:
                yield from ops(branch)
