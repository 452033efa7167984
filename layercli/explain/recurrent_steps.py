"""A recurrent layer over its sequence: the state that each layer hands on from step to step."""

from __future__ import annotations

from typing import NamedTuple

from layercli.explain.boxes import written_shape
from layercli.explain.diagram import Cell, Grid
from layercli.explain.recurrent_cells import Step, step_of
from layercli.explain.subject import Subject

MOST_STEPS, MOST_LAYERS = 4, 3
_KEY = (
    ("tap", "read at this step"),
    ("out", "put out at this step"),
    ("two", "in reverse, from the last step to the first"),
)
_GAP = -1
"""What stands for the steps or layers that are left out."""


class _Run(NamedTuple):
    """What the steps of a sequence are drawn with."""

    subject: Subject
    step: Step
    batches: tuple[tuple[int, ...], ...]
    """The batch of every step; it shrinks where sequences are packed."""
    layers: int
    directions: int

    @property
    def given(self) -> bool:
        """Whether a first state is."""
        return self.subject.bound.inputs.get("hx") is not None


def unrolled(subject: Subject) -> Grid:
    """Steps from left to right, layers from the bottom up: the way of the states, with where each comes from."""
    run = _run(subject)
    steps = _some(len(run.batches), MOST_STEPS)
    rows: list[tuple[Cell, ...]] = [_line(run, steps, run.directions * run.step.recurs, "out")]
    left = ["output"]
    for layer in reversed(_some(run.layers, MOST_LAYERS)):
        if layer == _GAP:
            rows.append(tuple(Cell("...") for _ in range(len(steps) + 2)))
            left.append("")
            continue
        for direction in reversed(range(run.directions)):
            rows.append(_passed(run, steps, layer, direction))
            left.append(f"layer {layer}" + (" <-" if direction else ""))
    rows.append(_line(run, steps, run.step.features, "tap"))
    above = ("", *("..." if step == _GAP else f"t={step}" for step in steps), "")
    count = len(run.batches)
    title = f"the sequence, in {count} step" + ("s" if count > 1 else "")
    return Grid(tuple(rows), title, above, (*left, "input"), _note(run))


def key_of(grid: Grid) -> tuple[tuple[str, str], ...]:
    """What the marks mean, of those that there are."""
    used = {cell.mark for row in grid.rows for cell in row}
    return tuple((mark, words) for mark, words in _KEY if mark in used)


def _run(subject: Subject) -> _Run:
    step, fed = step_of(subject), subject.fed
    if fed.batch_sizes is not None:
        batches: tuple[tuple[int, ...], ...] = tuple((size,) for size in fed.batch_sizes)
    else:
        batched = len(fed.shape) == 3
        batches = (step.batch,) * fed.shape[1 if batched and subject.args["batch_first"] else 0]
    return _Run(subject, step, batches, subject.size("layers"), 2 if subject.args["bidirectional"] else 1)


def _some(count: int, most: int) -> list[int]:
    """All of so many, or the first ones, a gap, and the last."""
    return list(range(count)) if count <= most else [*range(most - 2), _GAP, count - 1]


def _line(run: _Run, steps: list[int], width: int, mark: str) -> tuple[Cell, ...]:
    """The shape of what is read or put out at each step."""
    cells = (Cell("...") if step == _GAP else Cell(written_shape((*run.batches[step], width)), mark) for step in steps)
    return Cell(), *cells, Cell()


def _passed(run: _Run, steps: list[int], layer: int, direction: int) -> tuple[Cell, ...]:
    """The states of a layer in one direction, from the first to the last that it hands on."""
    index = layer * run.directions + direction
    first = Cell(f"h_0[{index}]" if run.given else "zeros")
    last = Cell(f"h_n[{index}]")
    way = tuple(Cell("<-", "two") if direction else Cell("->") for _ in steps)
    return (last, *way, first) if direction else (first, *way, last)


def _note(run: _Run) -> str:
    """The shapes of the states, which step is where, and what is handed out in the end."""
    step, packed = run.step, run.subject.fed.batch_sizes is not None
    widths = {"h": step.recurs, **({"c": step.hidden} if run.subject.layer.name == "lstm" else {})}
    said = [" and ".join(f"{name} is {step.label(width)}" for name, width in widths.items())]
    if packed:
        said[0] += " at the first step, where all sequences are"
    elif step.batch:
        said.append("step t is input[:, t]" if run.subject.args["batch_first"] else "step t is input[t]")
    rows = run.layers * run.directions
    last = " and ".join(f"{name}_n is {written_shape((rows, *step.batch, width))}" for name, width in widths.items())
    said.append(f"{last}: a row per layer" + (" and direction" if run.directions > 1 else ""))
    return "; ".join(said)
