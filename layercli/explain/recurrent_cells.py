"""What a recurrent layer does in one step, as a flow: LSTM, GRU and the plain RNN."""

from __future__ import annotations

from typing import NamedTuple

from layercli.explain.boxes import gate, join, op, tensor, written_shape
from layercli.explain.diagram import Flow, Node, Wire
from layercli.explain.subject import Subject


class Step(NamedTuple):
    """The numbers of one step: the batch (empty for none), features read, of the state, and of what recurs."""

    batch: tuple[int, ...]
    features: int
    hidden: int
    recurs: int
    bias: bool

    def shape(self, width: int) -> tuple[int, ...]:
        """Of a tensor with so many features."""
        return (*self.batch, width)

    def label(self, width: int) -> str:
        """The same as it is written on a wire."""
        return written_shape(self.shape(width))


def step_of(subject: Subject) -> Step:
    """The first step that the first layer takes."""
    fed, name = subject.fed, subject.layer.name
    if fed.batch_sizes is not None:
        batch: tuple[int, ...] = fed.batch_sizes[:1]
    elif name.endswith("cell"):
        batch = fed.shape[:-1]
    else:
        batch = () if len(fed.shape) == 2 else (fed.shape[0 if subject.args["batch_first"] else 1],)
    hidden = subject.size("h")
    projected = subject.size("proj") if name == "lstm" else 0
    return Step(batch, fed.shape[-1], hidden, projected or hidden, bool(subject.args["bias"]))


def cell(subject: Subject) -> Flow:
    """One step of the first layer."""
    step, name = step_of(subject), subject.layer.name.removesuffix("cell")
    if name == "lstm":
        return _lstm(step)
    return _gru(step) if name == "gru" else _rnn(step, str(subject.args["nonlinearity"]))


def _weights(step: Step, rows: tuple[int, int]) -> tuple[Node, Node]:
    """The two products, of the input and of the state."""
    return (
        op("ih", ["W_ih x + b_ih" if step.bias else "W_ih x"], 1, rows[0]),
        op("hh", ["W_hh h + b_hh" if step.bias else "W_hh h"], 1, rows[1]),
    )


def _rnn(step: Step, function: str) -> Flow:
    state, label = step.shape(step.hidden), step.label(step.hidden)
    nodes = (
        tensor("x", "x_t", step.shape(step.features), 0, 0), tensor("h", "h_t-1", state, 0, 1),
        *_weights(step, (0, 1)),
        join("sum", "+", 2, 0), op("f", [function], 3, 0), tensor("next", "h_t", state, 4, 0),
    )  # fmt: skip
    wires = (
        Wire("x", "ih"), Wire("h", "hh"), Wire("ih", "sum", label), Wire("hh", "sum", label),
        Wire("sum", "f"), Wire("f", "next"),
    )  # fmt: skip
    return Flow(nodes, wires, "one step of an RNN", "the state is made anew from the input and the state before")


def _lstm(step: Step) -> Flow:
    """The cell state runs along the top, row 0; the gates, which are parts of one sum, stand under it."""
    rows, part = step.label(4 * step.hidden), step.label(step.hidden)
    cell_state, state = step.shape(step.hidden), step.shape(step.recurs)
    projected = step.recurs != step.hidden
    nodes = (
        tensor("c", "c_t-1", cell_state, 0, 0), tensor("x", "x_t", step.shape(step.features), 0, 1),
        tensor("h", "h_t-1", state, 0, 3), *_weights(step, (1, 3)), join("sum", "+", 2, 2),
        gate("f", ["f", "sigmoid"], 3, 1), gate("i", ["i", "sigmoid"], 3, 2), gate("g", ["g", "tanh"], 3, 3),
        gate("o", ["o", "sigmoid"], 3, 4), join("fc", "x", 4, 0), join("ig", "x", 4, 2), join("new", "+", 5, 0),
        op("tanh", ["tanh"], 6, 2), join("seen", "x", 7, 4), tensor("next c", "c_t", cell_state, 8, 0),
        *([op("project", [f"W_hr, {step.recurs}x{step.hidden}"], 8, 4)] if projected else []),
        tensor("next h", "h_t", state, 9 if projected else 8, 4),
    )  # fmt: skip
    end = "project" if projected else "next h"
    wires = (
        Wire("x", "ih"), Wire("h", "hh"), Wire("ih", "sum", rows), Wire("hh", "sum", rows),
        *(Wire("sum", name, rows) for name in ("f", "i", "g", "o")),
        Wire("f", "fc", part), Wire("c", "fc"), Wire("i", "ig", part), Wire("g", "ig", part),
        Wire("fc", "new"), Wire("ig", "new"), Wire("new", "tanh"), Wire("new", "next c"),
        Wire("o", "seen", part), Wire("tanh", "seen"), Wire("seen", end),
        *([Wire("project", "next h")] if projected else []),
    )  # fmt: skip
    note = "gates: f forgets, i lets in, g is the candidate, o lets out; each is a quarter of the sum"
    return Flow(nodes, wires, "one step of an LSTM", note)


def _gru(step: Step) -> Flow:
    """The state before runs along the top; torch weighs the state's part of n by r after its product, not before."""
    rows, part, state = step.label(3 * step.hidden), step.label(step.hidden), step.shape(step.hidden)
    nodes = (
        tensor("h", "h_t-1", state, 0, 0), tensor("x", "x_t", step.shape(step.features), 0, 4),
        *_weights(step, (4, 2)), join("sum z", "+", 2, 1), join("sum r", "+", 2, 3),
        gate("z", ["z", "sigmoid"], 3, 1), gate("r", ["r", "sigmoid"], 3, 3),
        join("zh", "x", 4, 0), join("not z", "1-", 4, 1), join("rh", "x", 4, 2), join("sum n", "+", 5, 2),
        op("n", ["n", "tanh"], 6, 2), join("zn", "x", 7, 1), join("sum", "+", 8, 0), tensor("next", "h_t", state, 9, 0),
    )  # fmt: skip
    wires = (
        Wire("h", "hh"), Wire("x", "ih"),
        *(Wire(name, end, rows) for name in ("ih", "hh") for end in ("sum z", "sum r")),
        Wire("ih", "sum n", rows), Wire("sum z", "z"), Wire("sum r", "r"),
        Wire("z", "zh", part), Wire("h", "zh"), Wire("z", "not z", part), Wire("r", "rh", part), Wire("hh", "rh", rows),
        Wire("rh", "sum n"),
        Wire("sum n", "n"), Wire("not z", "zn"), Wire("n", "zn"), Wire("zn", "sum"), Wire("zh", "sum"),
        Wire("sum", "next"),
    )  # fmt: skip
    note = "r resets, z keeps, n is the candidate; each takes its third of the two products"
    return Flow(nodes, wires, "one step of a GRU", note)
