"""Pictures of attention: the boxes, taken at their word, give torch's numbers, and shapes are those of tensors."""

from __future__ import annotations

import math
from typing import Any

import pytest

from layercli.explain.attention import draw
from layercli.explain.boxes import written_shape
from layercli.explain.diagram import Above, Bars, Beside, Flow
from layercli.explain.subject import Subject
from tests.explain.seen import check_drawn, grids, subject
from tests.explain.wires import check_flows

torch = pytest.importorskip("torch")


def flow_of(asked: Subject) -> Flow:
    picture = draw(asked).picture
    assert isinstance(picture, Above)
    assert isinstance(picture.parts[0], Flow)
    return picture.parts[0]


def bars_of(asked: Subject) -> Bars:
    picture = draw(asked).picture
    assert isinstance(picture, Above)
    assert isinstance(picture.parts[1], Beside)
    assert isinstance(picture.parts[1].parts[1], Bars)
    return picture.parts[1].parts[1]


def run(flow: Flow, module: Any, given: dict[str, Any], heads: int) -> dict[str, Any]:
    """What the boxes of a flow compute, on (batch, position, feature)."""
    values = dict(given)
    width = module.embed_dim
    matrices = (
        module.in_proj_weight.chunk(3) if module.in_proj_weight is not None
        else (module.q_proj_weight, module.k_proj_weight, module.v_proj_weight)
    )  # fmt: skip
    lines = {node.name: node.lines for node in flow.nodes}
    for number, name in enumerate(("query", "key", "value")):
        made = values[name] @ matrices[number].T + module.in_proj_bias.chunk(3)[number]
        for extra in lines[f"project {name}"]:
            more = {"bias_k added": module.bias_k, "bias_v added": module.bias_v}.get(extra)
            if extra == "zeros added":
                more = torch.zeros(1, 1, width)
            if more is not None:
                made = torch.cat([made, more.expand(len(made), 1, width)], 1)
        values[f"project {name}"] = made.unflatten(2, (heads, -1)).transpose(1, 2)
    values["scores"] = values["project query"] @ values["project key"].mT / math.sqrt(width // heads)
    values["softmax"] = values["scores"].softmax(-1)
    values["weighted"] = values["softmax"] @ values["project value"]
    joined = values["weighted"].transpose(1, 2).flatten(2)
    values["output"] = values["out"] = joined @ module.out_proj.weight.T + module.out_proj.bias
    values["w"] = values["softmax"].mean(1)
    return values


@pytest.mark.parametrize("added", [{}, {"add_bias_kv": True}, {"add_zero_attn": True, "add_bias_kv": True}])
@pytest.mark.parametrize("sizes", [(12, 12), (8, 10)])
def test_the_flow_computes_attention(added: dict[str, bool], sizes: tuple[int, int]) -> None:
    kdim, vdim = sizes
    module = torch.nn.MultiheadAttention(12, 3, batch_first=True, kdim=kdim, vdim=vdim, **added)
    given = {"query": torch.randn(2, 5, 12), "key": torch.randn(2, 7, kdim), "value": torch.randn(2, 7, vdim)}
    output, weights = module(*given.values())
    words = " ".join(f"{name}=true" for name in added)
    flow = flow_of(subject(f"mha 3 batch_first=true {words}", "2,5,12", f"key=2,7,{kdim}", f"value=2,7,{vdim}"))
    values = run(flow, module, given, 3)
    torch.testing.assert_close(values["output"], output)
    torch.testing.assert_close(values["w"], weights)
    for wire in flow.wires:
        assert not wire.label or wire.label == written_shape(values[wire.start].shape), wire
    for node in flow.nodes:
        assert node.kind != "tensor" or node.lines[1] == written_shape(values[node.name].shape)


def test_weights_are_there_where_torch_returns_them() -> None:
    assert "w" not in {node.name for node in flow_of(subject("mha 8", "10,2,64", "need_weights=false")).nodes}
    lines = {node.name: node.lines for node in flow_of(subject("mha 8", "10,64", "average_attn_weights=false")).nodes}
    assert lines["w"] == ("attn_weights", "8,10,10")


def test_scores_grow_with_the_square() -> None:
    bars = bars_of(subject("mha 8", "10,2,64"))
    assert [bar.value for bar in bars.bars] == [2 * 8 * (factor * 10) ** 2 for factor in (1, 2, 4, 8)]
    assert [bar.mark for bar in bars.bars] == ["out", "", "", ""]
    added = bars_of(subject("mha 8 add_zero_attn=true", "10,2,64", "key=20,2,64"))
    assert [bar.name for bar in added.bars] == ["10 x 21", "20 x 41", "40 x 81", "80 x 161"]


def test_the_row_of_a_query() -> None:
    """A causal query sees the keys up to its own, and those that are added."""
    (grid,) = grids(
        draw(subject("mha 8 add_bias_kv=true", "5,2,64", "attn_mask=5,5", "is_causal=true", at=(3,))).picture
    )
    marks = [[cell.mark for cell in row] for row in grid.rows]
    assert marks[3] == ["tap"] * 4 + ["off", "tap"]
    assert marks[0] == ["", "off", "off", "off", "off", "two"]


def test_each_query_is_a_frame() -> None:
    diagram = draw(subject("mha 8", "10,2,64", moving=True))
    assert len(diagram.frames) == 10


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        ("mha 8", ["10,2,64"]), ("mha 1 bias=false", ["10,64"]), ("mha 8 batch_first=true dropout=0.1", ["2,1000,64"]),
        ("mha 4 add_bias_kv=true add_zero_attn=true", ["10,2,64", "key=500,2,32", "value=500,2,16"]),
        ("mha 2", ["3,0,4"]), ("mha 2", ["0,3,4", "key=5,3,4"]), ("mha 2", ["3,2,4", "key=0,2,4"]),
        ("mha 16 batch_first=true", ["128,2048,1024"]),
        ("mha 8", ["10,2,64", "key_padding_mask=2,10:bool", "attn_mask=16,10,10", "need_weights=false"]),
    ],
)  # fmt: skip
def test_all_are_drawn(spec: str, inputs: list[str]) -> None:
    diagram = draw(subject(spec, *inputs))
    check_drawn(diagram)
    check_flows(diagram.picture)
