"""Several layers in one picture: curves of activations, cells of recurrent layers, or their figures side by side."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.analysis import receptive
from layercli.analysis.flow import tensors
from layercli.analysis.walk import Analysis
from layercli.explain.diagram import Diagram
from layercli.explain.essay import Essay, Part, Rows
from layercli.explain.pictures import file_of
from layercli.explain.subject import Subject


def together(analyses: Sequence[Analysis]) -> Essay:
    """These layers, each on its input, as one text."""
    subjects = [Subject(analysis.rows[0].bound) for analysis in analyses]
    parts: list[Part] = [*_picture(subjects)]
    columns = ("layer", "input", "output", "parameters", "MACs", "receptive field")
    parts.append(Rows(columns, tuple(map(_row, analyses)), (3, 4)))
    parts += [f"{subject.layer.name}: {subject.layer.summary} {subject.layer.prose}" for subject in subjects]
    names = [subject.layer.name for subject in subjects]
    return Essay(", ".join(names), tuple(parts), tuple(f"layercli explain {name}" for name in names))


def _picture(subjects: Sequence[Subject]) -> list[Diagram]:
    """One picture of all where they are of a kind that has one."""
    files = {file_of(subject.layer.name) for subject in subjects}
    if files == {"activated"}:
        from layercli.explain.activated import overlay

        return [overlay(subjects)]
    if files == {"recurrent"}:
        from layercli.explain.recurrent import compared

        return [compared(subjects)]
    return []


def _row(analysis: Analysis) -> tuple[str, ...]:
    row = analysis.rows[0]
    bound = row.bound
    fed = next(tensors(tuple(bound.inputs.values())), None)
    outputs = " ".join(",".join(map(str, flow.shape)) or "scalar" for flow in tensors(bound.outputs))
    macs = "unknown" if bound.macs is None else f"{bound.macs:,}"
    shape = ",".join(map(str, fed.shape)) if fed else ""
    return bound.layer.name, shape, outputs, f"{bound.params:,}", macs, receptive.describe(row.reach)
