"""Pictures of transformers: the boxes, taken at their word, give torch's numbers; stacks say how many there are."""

from __future__ import annotations

from typing import Any

import pytest

from layercli.explain.diagram import Above, Diagram, Flow
from layercli.explain.transformers import draw
from layercli.render.flow_list import listed
from layercli.render.sketch import sketch
from tests.explain.seen import check_drawn, subject, text
from tests.explain.wires import check_flows, flows

torch = pytest.importorskip("torch")


def flow_of(spec: str, *inputs: str) -> Flow:
    return next(flows(draw(subject(spec, *inputs)).picture))


def lines_of(flow: Flow) -> dict[str, tuple[str, ...]]:
    return {node.name: node.lines for node in flow.nodes}


def run(flow: Flow, module: Any, given: dict[str, Any]) -> Any:
    """What the boxes of a layer compute, one after the other."""
    values = dict(given)
    for node in sorted(flow.nodes, key=lambda each: each.column):
        sources = [values[wire.start] for wire in flow.wires if wire.end == node.name]
        if node.name in given:
            continue
        if node.name.startswith("norm"):
            values[node.name] = getattr(module, node.name)(*sources)
        elif node.name == "feed-forward":
            values[node.name] = module.linear2(module.activation(module.linear1(*sources)))
        elif node.name == "self-attention":
            values[node.name] = module.self_attn(sources[0], sources[0], sources[0])[0]
        elif node.name == "attention":
            values[node.name] = module.multihead_attn(sources[0], sources[1], sources[1])[0]
        else:
            values[node.name] = sum(sources)
    return values["output"]


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", ["Encoder", "Decoder"])
def test_the_flow_computes_a_layer(kind: str, first: bool) -> None:
    module = getattr(torch.nn, f"Transformer{kind}Layer")(12, 3, 20, dropout=0.0, norm_first=first)
    source, memory = torch.randn(5, 2, 12), torch.randn(7, 2, 12)
    given = {"src": source} if kind == "Encoder" else {"tgt": source, "memory": memory}
    more = [] if kind == "Encoder" else ["memory=7,2,12"]
    flow = flow_of(f"transformer{kind.lower()}layer 3 ff=20 norm_first={str(first).lower()}", "5,2,12", *more)
    torch.testing.assert_close(run(flow, module, given), module(*given.values()))


def test_sizes_and_masks_are_said() -> None:
    lines = lines_of(
        flow_of(
            "transformerencoderlayer 8 ff=256 activation=gelu", "10,2,64", "src_mask=10,10", "is_causal=true",
            "src_key_padding_mask=2,10",
        )
    )  # fmt: skip
    assert lines["self-attention"] == (
        "self-attention", "8 heads of 8", "+ src_mask, causal", "+ src_key_padding_mask",
    )  # fmt: skip
    assert lines["feed-forward"] == ("feed-forward", "64 to 256, gelu", "256 to 64")


def test_a_stack_says_how_many_layers_and_their_parameters() -> None:
    layer = torch.nn.TransformerEncoderLayer(64, 8, 128)
    each = sum(tensor.numel() for tensor in layer.parameters())
    lines = lines_of(flow_of("transformerencoder 6 heads=8 ff=128 norm=true", "10,2,64", "mask=10,10"))
    assert lines["layers"] == ("6 x encoder layer", f"{each:,} parameters each", "+ mask")
    assert lines["norm"] == ("norm", "over 64")
    assert "norm" not in lines_of(flow_of("transformerdecoder 2 heads=8 ff=128", "10,2,64"))


def test_a_decoder_ends_as_long_as_the_target() -> None:
    flow = flow_of("transformer 8 2 3 256", "10,2,64", "tgt=20,2,64")
    lines = lines_of(flow)
    assert lines["encoder"][0] == "2 x encoder layer"
    assert lines["decoder"][0] == "3 x decoder layer"
    assert lines["output"] == ("output", "20,2,64")
    assert {wire.start for wire in flow.wires if wire.end == "decoder"} == {"norm", "tgt"}


def test_a_layer_goes_down_in_a_narrow_terminal() -> None:
    flow = flow_of("transformerencoderlayer 8", "10,2,64")
    assert "▶" in text(sketch(Diagram(flow), 120))
    assert "▼" in text(sketch(Diagram(flow), 60))
    assert "norm1: over 64 ← self-attention + src" in text(listed(flow, 60, True))


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        ("transformerencoderlayer 8 norm_first=true", ["10,2,64"]),
        ("transformerencoderlayer 1 ff=0 bias=false", ["10,64"]),
        ("transformerdecoderlayer 8", ["10,2,64", "memory=20,2,64", "memory_mask=10,20", "tgt_mask=10,10"]),
        ("transformerencoder 12 heads=12 batch_first=true", ["128,512,768", "src_key_padding_mask=128,512"]),
        ("transformerdecoder 6 heads=8 norm=true", ["10,2,64", "memory=20,2,64"]), ("transformer", ["10,2,64"]),
        ("transformer heads=4 batch_first=true dropout=0", ["2,10,64", "tgt=2,3,64", "tgt_mask=3,3"]),
        ("transformerencoder 1 heads=8", ["10,0,64"]),
        ("transformerencoderlayer 8 norm_first=1", ["10,2,64"]),
    ],
)  # fmt: skip
def test_all_are_drawn(spec: str, inputs: list[str]) -> None:
    diagram = draw(subject(spec, *inputs))
    assert isinstance(diagram.picture, (Above, Flow))
    check_drawn(diagram)
    check_flows(diagram.picture)
