"""Recurrent layers: one step as a flow, the sequence step by step, and the weights by gate."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from layercli.explain.cells import times
from layercli.explain.diagram import Above, Bar, Bars, Cell, Diagram, Grid, Picture
from layercli.explain.recurrent_cells import cell, step_of
from layercli.explain.recurrent_steps import key_of, unrolled
from layercli.explain.subject import Subject

_GATES = {"rnn": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
"""The blocks of rows of every weight, in torch's order."""


def draw(subject: Subject) -> Diagram:
    """One step, the steps of the sequence where it is no cell, and what the weights are made of."""
    parts: list[Picture] = [cell(subject)]
    if subject.layer.name.endswith("cell"):
        return Diagram(Above((*parts, _weights(subject))))
    steps = unrolled(subject)
    return Diagram(Above((*parts, steps, _weights(subject))), key_of(steps))


def compared(subjects: Sequence[Subject]) -> Diagram:
    """The steps of several layers one under the other, and how many numbers each layer learns."""
    bars = tuple(Bar(each.layer.torch, each.bound.params, f"{each.bound.params:,}") for each in subjects)
    return Diagram(Above((*map(cell, subjects), Bars(bars, "parameters"))))


def _weights(subject: Subject) -> Grid:
    """The first layer's weights, by the rows of each gate."""
    step = step_of(subject)
    gates = _GATES[subject.layer.name.removesuffix("cell")]
    rows, left = [], []
    for number, name in enumerate(gates):
        sizes: list[tuple[int, ...]] = [(step.hidden, step.features), (step.hidden, step.recurs)]
        sizes += [(step.hidden,)] * 2 if step.bias else []
        rows.append(tuple(Cell(text) for text in (*map(times, sizes), str(sum(map(prod, sizes))))))
        left.append(f"{name}, rows {number * step.hidden} to {(number + 1) * step.hidden - 1}")
    above = ("W_ih", "W_hh", *(("b_ih", "b_hh") if step.bias else ()), "numbers")
    return Grid(tuple(rows), _title(subject), above, tuple(left), _note(subject))


def _title(subject: Subject) -> str:
    return "weights by gate" if subject.layer.name.endswith("cell") else "weights of layer 0, by gate"


def _note(subject: Subject) -> str:
    step = step_of(subject)
    said = []
    if step.recurs != step.hidden:
        said.append(f"W_hr is {step.recurs}x{step.hidden}")
    if not subject.layer.name.endswith("cell"):
        layers, directions = subject.size("layers"), 2 if subject.args["bidirectional"] else 1
        if directions == 2:
            said.append("each direction has its own")
        if layers > 1:
            said.append(f"deeper layers read {directions * step.recurs} features")
    return "; ".join((*said, f"{subject.bound.params:,} parameters in all"))
