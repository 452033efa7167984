"""Other layers in the place of those of a design: every rewrite is tried at every step, and told if it holds.

A rewrite makes a new spec; the ordinary analysis says of that what it is. It is offered only if the whole gives what
it gave, if a receptive field that was claimed came out the same, if it saves what it is for, and if no new note has
come up on cells that nothing reads. Nothing is believed of the rewrite itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from layercli.analysis import receptive
from layercli.analysis.canonical import canonical
from layercli.analysis.flow import Tree, as_json, tensors
from layercli.analysis.layer import Analyser
from layercli.analysis.rules.wiring import fed
from layercli.analysis.walk import Analysis, Options, Row, analyse_spec, every_note
from layercli.design.rewrites import Proposal, Rewrite, rewrites
from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import COUNTED
from layercli.design.rewrites.write import chain_of, fed_by_the_stream, text
from layercli.design.suggestions import FIGURES, Change, Place, Suggestion, Suggestions
from layercli.errors import ExitCode, LayerError
from layercli.layers.registry import did_you_mean, suggest
from layercli.plan import Input, Plan, Tensor
from layercli.report import Report
from layercli.spec import Op, Spec, format_spec, parse

MOST = 10
"""How many are told where nothing else is asked for."""
ASIDE = ("net.parameters", "spec.torch-order", "input.default")
"""Notes that say nothing against a rewrite after which they come up."""


def suggestions(
    spec: Spec, inputs: Sequence[Input], options: Options, only: Collection[str] = (), most: int | None = MOST
) -> Suggestions:
    """What might stand in the place of steps of this design, the biggest saving first.

    ``only``: names of rewrites, all where there are none; ``most``: how many are told, None for all. LayerError where
    the spec cannot be read, where it is refused for what no rewrite mends, or where sizes are left open.
    """
    chosen = [_named(name) for name in only] or list(rewrites().values())
    trial = _Trial(spec, inputs, options)
    found = [item for rewrite in chosen for item in trial.of(rewrite)]
    ranked = sorted(found, key=_rank)
    return Suggestions(trial.report, tuple(ranked[:most]), len(ranked))


def verified(found: Suggestions, ask: Callable[[Plan], Any]) -> Suggestions:
    """The same with what torch did with every design that is told; ``ask`` gives the measurement of a plan."""

    def asked(report: Report) -> Report:
        plans = report.analysis.plans if report.ok else ()
        return Report(report.analysis, tuple(map(ask, plans))) if plans else report

    items = tuple(item._replace(report=asked(item.report)) for item in found.items)
    return found._replace(report=asked(found.report), items=items)


def _named(name: str) -> Rewrite:
    found = rewrites().get(name)
    if found is None:
        near = suggest(name, rewrites())
        fix = did_you_mean(near, f"they are {', '.join(rewrites())}")
        raise LayerError("spec.usage", f"there is no rewrite {name[:40]!r}", fix=fix, suggestions=near)
    return found


def _rank(item: Suggestion) -> tuple[float, float, int]:
    """The share of parameters and multiply-adds that it saves, then of memory, then the order of the design."""
    counted = sum((change.share for name, change in item.saves.items() if name in COUNTED), 0.0)
    memory = sum((change.share for name, change in item.saves.items() if name not in COUNTED), 0.0)
    return item.proposal.distance - counted, -memory, item.places[0].number or 0


class _Trial:
    """A design, and what is needed to try another one in its place."""

    def __init__(self, spec: Spec, inputs: Sequence[Input], options: Options) -> None:
        self.options = options
        self.inputs = tuple(inputs)
        self._analyser = Analyser(options.mode, options.dtype)
        before = analyse_spec(spec, self.inputs, options)
        if before.symbolic is not None:
            fix = "give sizes, such as -i 1,3,32,32"
            raise LayerError("spec.open-sizes", "what a rewrite saves is told in numbers", fix=fix)
        if before.error is not None and before.error.exit_code is not ExitCode.NEGATIVE:
            raise before.error
        if before.rows and any(note.code == "input.default" for note in before.notes):
            several = before.rows[0].bound.layer.several is not None
            self.inputs = (_as_input(before.inputs[0][1]),) * (2 if several else 1)  # another first layer has another
        self.report = Report(before, None, "--no-run was given")
        try:
            written = parse(format_spec(canonical(spec)))
        except LayerError as error:
            raise error.located(spec.source) from None
        self.net = Net(written, self.analyse(written), self.analyse)

    def analyse(self, spec: Spec) -> Analysis:
        """What the formulas say of another spec on the same inputs."""
        return analyse_spec(spec, self.inputs, self.options, self._analyser)

    def of(self, rewrite: Rewrite) -> Iterator[Suggestion]:
        """What this rewrite comes to, wherever it holds."""
        holds = self.net.analysis.error is None
        if holds is not self.report.ok or rewrite.mends is holds:  # torch's notation may be refused where ours is not
            return
        for proposal in rewrite.find(self.net):
            found = self._tried(rewrite, proposal)
            if found is not None:
                yield found

    def _tried(self, rewrite: Rewrite, proposal: Proposal) -> Suggestion | None:
        old = self.net.analysis
        new = self.analyse(self.net.rewritten(proposal.edits))
        if new.error is not None:
            return None
        report = Report(new, None, "--no-run was given")
        places = tuple(self._places(proposal))
        if rewrite.mends:
            return Suggestion(rewrite, proposal, places, report, {}, proposal.keeps, proposal.loses)
        saves = {name: Change(_figure(self.report, name), _figure(report, name)) for name in FIGURES}
        if _shapes(new) != _shapes(old) or not self._worth(rewrite, report) or _new_notes(old, new):
            return None
        step = self._step(rewrite, proposal)
        if step is None or (rewrite.same_field and _field(new) != _field(old)):
            return None
        keeps, loses = [f"output shape {_written(new)}"], [*proposal.loses]
        reach, was = (receptive.describe(each.rows[-1].reach) for each in (new, old))
        if step and step != reach:
            keeps.append(f"receptive field of the step {step}, of the whole {reach}")
        elif reach and _field(new) == _field(old):
            keeps.append(f"receptive field {reach}")
        elif reach:
            loses.append(f"receptive field {was}: now {reach}")
        return Suggestion(
            rewrite, proposal, places, report, saves, (*proposal.keeps, *keeps), tuple(loses)
        )  # fmt: skip

    def _worth(self, rewrite: Rewrite, report: Report) -> bool:
        """Whether one of the figures that it is for falls, and none of them grows."""
        if not rewrite.saves:
            return True
        before = [_known(self.report, name) for name in rewrite.saves]
        after = [_known(report, name) for name in rewrite.saves]
        return after != before and all(new <= old for old, new in zip(before, after))

    def _step(self, rewrite: Rewrite, proposal: Proposal) -> str | None:
        """The receptive field of the step, which the new steps have too; None where they do not hold by themselves.

        Asked of one step in the place of which others stand, each time that it runs; of several it is empty.
        """
        edit = proposal.edits[0]
        if len(proposal.edits) > 1 or not edit.after.steps:
            return ""
        first, *others = edit.after.steps
        assert isinstance(first.unit, Op)
        steps = edit.after._replace(steps=(first._replace(unit=fed_by_the_stream(first.unit)), *others))
        pair = [parse(format_spec(chain)) for chain in (chain_of(fed_by_the_stream(edit.op)), steps)]
        told = ""
        for row in self.net.sites[edit.op.span].rows:
            old, new = (self._by_itself(spec, row) for spec in pair)
            if old.error or new.error or _new_notes(old, new):
                return None
            if rewrite.same_field:
                if _field(old) != _field(new) or _shapes(old) != _shapes(new):
                    return None
                told = receptive.describe(new.rows[-1].reach)
        return told

    def _by_itself(self, spec: Spec, row: Row) -> Analysis:
        """What the formulas say of steps on what a row is fed."""
        options = self.options._replace(planned=False)
        return analyse_spec(spec, (_as_input(fed(row)),), options, self._analyser)

    def _places(self, proposal: Proposal) -> Iterator[Place]:
        for edit in proposal.edits:
            before, after = text(edit.op), format_spec(edit.after) if edit.after.steps else ""
            site = self.net.sites.get(edit.op.span)
            if site is None:
                yield self._refused(edit.op)._replace(before=before, after=after)
            else:
                row = site.rows[0]
                yield Place(row.path, row.number, row.label, len(site.rows), before, after)

    def _refused(self, op: Op) -> Place:
        """Where a step without a row stands: the one that is refused, or one behind it."""
        error = self.net.analysis.error
        if error is None or error.span is None or not op.span.start <= error.span.start < op.span.end:
            return Place("", None, "", 1, "", "")
        return Place(error.path, len(self.net.analysis.rows), "", 1, "", "")


def _as_input(tree: Tree) -> Input:
    flow = next(tensors(tree))
    return Input(Tensor(flow.shape, flow.dtype))


def _shapes(analysis: Analysis) -> Any:
    return as_json(analysis.outputs)


def _written(analysis: Analysis) -> str:
    return " ".join(",".join(map(str, flow.shape)) or "scalar" for flow in tensors(analysis.outputs))


def _field(analysis: Analysis) -> Any:
    return receptive.as_json(analysis.rows[-1].reach)


def _new_notes(old: Analysis, new: Analysis) -> bool:
    """Whether a kind of note has come up that was not there, such as one on cells that nothing reads."""
    before, after = ({note.code for note in every_note(analysis)} for analysis in (old, new))
    return bool(after - before - set(ASIDE))


def _figure(report: Report, name: str) -> int | None:
    """A figure of the whole; None where it is unknown."""
    if name in report.totals:
        return report.totals[name]
    found = report.memory
    return None if found is None else found.training if name == "memory" else found.inference


def _known(report: Report, name: str) -> int:
    """As much of a figure as is known: a rewrite changes nothing of the rest."""
    if name == "macs":
        return sum(row.bound.macs or 0 for row in report.analysis.rows)
    return report.known_params if name == "params" else _figure(report, name) or 0
