"""Pictures of recurrent layers: the flow computes what torch computes, and the steps are those of the sequence."""

from __future__ import annotations

from typing import Any

import pytest

from layercli.explain.diagram import Above, Bars, Diagram, Flow, Grid, Node
from layercli.explain.recurrent import compared, draw
from layercli.render.sketch import sketch
from tests.explain.seen import check_drawn, subject, text
from tests.explain.wires import check_flows, flows

torch = pytest.importorskip("torch")


def parts(spec: str, *inputs: str) -> tuple[Flow, Grid | None, Grid]:
    diagram = draw(subject(spec, *inputs))
    assert isinstance(diagram.picture, Above)
    flow, *steps, weights = diagram.picture.parts
    assert isinstance(flow, Flow)
    assert isinstance(weights, Grid)
    return flow, steps[0] if steps else None, weights  # type: ignore[return-value]


def run(flow: Flow, module: Any, given: dict[str, Any], gates: list[str]) -> dict[str, Any]:
    """What a flow computes: each box from what is wired to it, gates from their rows."""
    values = dict(given)
    rows = {name: number for number, name in enumerate(gates)}
    for node in sorted(flow.nodes, key=lambda each: each.column):
        sources = [wire.start for wire in flow.wires if wire.end == node.name]
        if not sources:
            continue
        part = rows.get(node.name)
        values[node.name] = compute(node, [values[name] for name in sources], module, part, len(gates))
    return values


def compute(node: Node, tensors: list[Any], module: Any, part: int | None, count: int) -> Any:
    sign = node.lines[-1]
    if node.name in ("ih", "hh"):
        weight, bias = getattr(module, f"weight_{node.name}_l0"), getattr(module, f"bias_{node.name}_l0", 0)
        return tensors[0] @ weight.T + bias
    if node.name == "project":
        return tensors[0] @ module.weight_hr_l0.T
    if part is not None and tensors[0].shape[-1] > module.hidden_size:
        tensors = [tensors[0].chunk(count, -1)[part]]
    if node.name in ("rh", "sum n"):  # the candidate's third of a product
        tensors = [t.chunk(3, -1)[2] if t.shape[-1] > module.hidden_size else t for t in tensors]
    if sign == "+":
        return tensors[0] + tensors[1]
    if sign == "x":
        return tensors[0] * tensors[1]
    if sign == "1-":
        return 1 - tensors[0]
    return getattr(torch, sign)(tensors[0]) if hasattr(torch, sign) else tensors[0]


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("spec", "gates"),
    [
        ("lstm 5", "ifgo"), ("lstm 5 proj=3", "ifgo"), ("lstm 5 bias=false", "ifgo"), ("gru 5", "rzn"),
        ("gru 5 bias=false", "rzn"), ("rnn 5", ""), ("rnn 5 nonlinearity=relu", ""),
    ],
)  # fmt: skip
def test_the_flow_computes_one_step(spec: str, gates: str) -> None:
    """The boxes and wires, taken at their word, give torch's own numbers."""
    layer = subject(spec, "1,2,4")
    kind, width = layer.layer.torch, layer.size("proj") if "proj" in spec else 5
    more = {"nonlinearity": "relu"} if "relu" in spec else {"proj_size": 3} if "proj" in spec else {}
    module = getattr(torch.nn, kind)(4, 5, bias="bias" not in spec, **more)
    x, h, c = torch.randn(1, 2, 4), torch.randn(1, 2, width), torch.randn(1, 2, 5)
    output, last = module(x, (h, c) if kind == "LSTM" else h)
    flow, _, _ = parts(spec, "1,2,4")
    values = run(flow, module, {"x": x[0], "h": h[0], "c": c[0]}, list(gates))
    if kind == "LSTM":
        torch.testing.assert_close(values["next h"], output[0])
        torch.testing.assert_close(values["next c"], last[1][0])
    else:
        torch.testing.assert_close(values["next"], output[0])


def test_shapes_of_a_step() -> None:
    flow, _, _ = parts("lstm 20 proj=8", "5,3,16")
    texts = {node.name: node.lines[-1] for node in flow.nodes if node.kind == "tensor"}
    assert texts == {"c": "3,20", "x": "3,16", "h": "3,8", "next c": "3,20", "next h": "3,8"}
    assert {wire.label for wire in flow.wires if wire.start == "sum"} == {"3,80"}


def test_weights_by_gate_are_those_of_torch() -> None:
    _, _, weights = parts("gru 20 bias=false", "5,3,16")
    module = torch.nn.GRU(16, 20, bias=False)
    assert [name.split(",")[0] for name in weights.left] == ["r", "z", "n"]
    assert weights.above == ("W_ih", "W_hh", "numbers")
    total = sum(int(row[-1].text) for row in weights.rows)
    assert total == sum(each.numel() for each in module.parameters())
    assert {row[0].text for row in weights.rows} == {"20x16"}


def test_steps_of_a_bidirectional_stack() -> None:
    _, steps, _ = parts("lstm 20 layers=5 bidirectional=true batch_first=true", "3,9,16")
    assert steps is not None
    assert steps.above == ("", "t=0", "t=1", "...", "t=8", "")
    assert steps.left[:3] == ("output", "layer 4 <-", "layer 4")
    by_name = dict(zip(steps.left, steps.rows))
    assert [cell.text for cell in by_name["output"]] == ["", "3,40", "3,40", "...", "3,40", ""]
    assert [cell.text for cell in by_name["input"]] == ["", "3,16", "3,16", "...", "3,16", ""]
    assert by_name["layer 4 <-"][0].text == "h_n[9]"
    assert by_name["layer 0"][-1].text == "h_n[0]"
    assert "h_n is 10,3,20" in steps.note
    assert "input[:, t]" in steps.note


def test_a_given_state_is_named() -> None:
    _, steps, _ = parts("gru 20", "5,3,16", "hx=1,3,20")
    assert steps is not None
    assert steps.rows[1][0].text == "h_0[0]"


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        ("lstm 20", ["5,3,16"]), ("lstm 20 2 bidirectional=true proj=8", ["7,16"]),
        ("gru 300 batch_first=true", ["32,100,512"]),
        ("rnn 20 bias=false nonlinearity=relu", ["1,0,16"]), ("gru 1", ["1,1"]), ("lstm 1000 9", ["900,128,1000"]),
        ("rnncell 10", ["3,16"]), ("grucell 10", ["16"]), ("lstmcell 10 bias=false", ["3,16"]), ("lstmcell 0", ["3,0"]),
    ],
)  # fmt: skip
def test_all_are_drawn(spec: str, inputs: list[str]) -> None:
    diagram = draw(subject(spec, *inputs))
    check_drawn(diagram)
    check_flows(diagram.picture)


def test_several_are_compared() -> None:
    subjects = [subject(f"{name} 20", "5,3,16") for name in ("lstm", "gru", "rnn")]
    diagram = compared(subjects)
    check_drawn(diagram)
    assert len(list(flows(diagram.picture))) == 3
    assert isinstance(diagram.picture, Above)
    bars = diagram.picture.parts[-1]
    assert isinstance(bars, Bars)
    assert [bar.value for bar in bars.bars] == [3040, 2280, 760]


def test_where_there_is_no_room_steps_are_written_as_formulas() -> None:
    drawn = text(sketch(Diagram(parts("gru 20", "5,3,16")[0]), 60))
    assert "h_t: 3,20 ← (1-z) x n + z x h_t-1" in drawn
    drawn = text(sketch(Diagram(parts("lstm 20", "5,3,16")[0]), 60))
    assert "c_t: 3,20 ← f x c_t-1 + i x g" in drawn
