"""What ``print(model)`` shows: what is read off it, what of it stays unknown, and what is refused.

That every class of torch comes back is tested against torch itself, in tests/layers/test_repr.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.errors import LayerError, Span
from layercli.spec import Call, Chain, Custom, Group, Spec, Step
from layercli.spec.limits import LENGTH, NESTING, STEPS
from layercli.spec.printed_model import parse_printed

from .strategies import near_texts, unicode_texts

RESIDUAL = """\
>>> print(model)
ResNet(
  (conv1): Conv2d(3, 8, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)
  (bn1): BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)

  (layer1): Sequential(
    (0): BasicBlock(
      (relu): ReLU(inplace=True)
      (downsample): None
    )
    (pool): AvgPool2d(kernel_size=2, stride=2, padding=0)
  )
  (blocks): ModuleList(
    (0-2): 3 x Block(
      dim=8, heads=2
      (fc): Linear(in_features=8, out_features=4, bias=True)
    )
    (3-4): 2 x ReLU()
  )
  (drop): DropPath(drop_prob=0.100)
)
"""


def outline(node: Any) -> Any:
    """The tree without places: a Sequential is a list, a class of one's own its name and a list."""
    if isinstance(node, Chain):
        return [outline(step) for step in node.steps]
    if isinstance(node, Step):
        before = (f"{node.label}: " if node.label is not None else "") + (
            f"{node.repeat} x " if node.repeat > 1 else ""
        )
        unit = outline(node.unit)
        return before + unit if isinstance(unit, str) else (before, unit)
    if isinstance(node, Group):
        return outline(node.chain)
    if isinstance(node, Custom):
        return node.name, [outline(step) for step in node.children]
    if isinstance(node, Call):
        assert node.printed
        values = [repr(outline(value)) for value in node.args]
        return f"{node.name}({', '.join([*values, *(f'{name}={outline(value)!r}' for name, value in node.kwargs)])})"
    return node


def read(text: str) -> Any:
    """The outline of a whole text."""
    return outline(parse_printed(text).chain)


def one(text: str) -> Any:
    """The outline of the one module that a text shows."""
    (found,) = read(text)
    return found


def refusal(text: str) -> LayerError:
    """The error that the text is refused with."""
    with pytest.raises(LayerError) as caught:
        parse_printed(text)
    assert caught.value.source == text
    assert caught.value.fix
    return caught.value


# --- what is read ---------------------------------------------------------------------------------------------------


def test_a_model() -> None:
    assert one(RESIDUAL) == (
        "",
        (
            "ResNet",
            [
                "conv1: Conv2d(3, 8, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)",
                "bn1: BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)",
                (
                    "layer1: ",
                    [
                        ("", ("BasicBlock", ["relu: ReLU(inplace=True)"])),
                        "pool: AvgPool2d(kernel_size=2, stride=2, padding=0)",
                    ],
                ),
                (
                    "blocks: ",
                    (
                        "ModuleList",
                        [
                            ("3 x ", ("Block", ["fc: Linear(in_features=8, out_features=4, bias=True)"])),
                            "2 x ReLU()",
                        ],
                    ),
                ),
                "drop: DropPath(drop_prob=0.1)",
            ],
        ),
    )


def test_a_sequential_is_the_chain() -> None:
    text = "Sequential(\n  (0): Linear(in_features=8, out_features=4, bias=True)\n  (act): ReLU()\n)"
    assert read(text) == ["Linear(in_features=8, out_features=4, bias=True)", "act: ReLU()"]
    assert read(f"Sequential(\n  (0): {text}\n  (1): Sequential()\n)") == [("", read(text)), ("", [])]


@pytest.mark.parametrize(
    "change", [str.strip, lambda text: text.replace("\n", "\r\n"), lambda text: "\n" + text + "\n\n"]
)
def test_how_it_was_copied_does_not_matter(change: Any) -> None:
    assert read(change(RESIDUAL)) == read(RESIDUAL)
    flat = "\n".join(line.strip() for line in RESIDUAL.splitlines())
    deep = "\n".join("    " + line for line in RESIDUAL.splitlines())
    assert read(change(flat)) == read(change(deep)) == read(RESIDUAL)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=same, padding_mode=reflect)",
         "Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding='same', padding_mode='reflect')"),
        ("Hardtanh(min_val=-inf, max_val=nan)", "Hardtanh(min_val=-inf, max_val=nan)"),
        ("Upsample(scale_factor=2.0, mode='nearest')", "Upsample(scale_factor=2.0, mode='nearest')"),
        ("UpsamplingNearest2d(scale_factor=2.0, mode='nearest')", "UpsamplingNearest2d(scale_factor=2.0)"),
        ("LazyConv2d(0, 8, kernel_size=(3, 3), stride=(1, 1))", "LazyConv2d(8, kernel_size=(3, 3), stride=(1, 1))"),
        ("LazyLinear(in_features=0, out_features=3, bias=True)", "LazyLinear(out_features=3, bias=True)"),
        ("LazyBatchNorm1d(0, eps=1e-05)", "LazyBatchNorm1d(eps=1e-05)"),
        ("LayerNorm((8,), elementwise_affine=False, bias=False)", "LayerNorm((8,), elementwise_affine=False)"),
        ("Unflatten(dim=1, unflattened_size=torch.Size([2, 5]))", "Unflatten(dim=1, unflattened_size=(2, 5))"),
        ("ReflectionPad2d((1, 1, 1, 1))", "ReflectionPad2d((1, 1, 1, 1))"),
        ("Swin[tiny](8)", "Swin[tiny](8)"),
    ],
)  # fmt: skip
def test_a_line(line: str, expected: str) -> None:
    assert one(line) == expected
    assert one(f"Net(\n  (x): {line}\n)")[1][1] == [f"x: {expected}"]


@pytest.mark.parametrize(
    "line", ["Quant(in=3, out=4)", "Scale(3 -> 4)", "Net(x=f(3), y=<function>)", "MultiheadAttention()"]
)
def test_a_line_that_cannot_be_read_is_a_class_of_ones_own(line: str) -> None:
    assert one(line) == ("", (line.partition("(")[0], []))


def test_what_is_no_module_is_left_out() -> None:
    text = """ParameterList(
  (0): Parameter containing: [torch.float32 of size 3x4]
  (1): Tensor containing: [torch.float32 of size 3x4 (cuda:0)]
  (2): Object of type: str
)"""
    assert one(text) == ("", ("ParameterList", []))


def test_places() -> None:
    """Every node says where it stands."""
    text = "\n>>> model\n  Net(\n    (conv1): Conv2d(3, 8, k=(5, 5))\n    (0-3): 4 x Conv2d(3, 8, k=(5, 5))\n  )\n"
    (step,) = parse_printed(text).chain.steps
    net = step.unit
    assert isinstance(net, Custom)

    def at(span: Span | None) -> str:
        assert span is not None
        return text[span.start : span.end]

    assert at(net.name_span) == "Net"
    assert at(net.span) == text[text.index("Net") :].rstrip()
    first, second = net.children
    assert isinstance(first.unit, Call)
    assert isinstance(second.unit, Call)
    assert at(first.label_span) == "conv1"
    assert at(first.span) == "(conv1): Conv2d(3, 8, k=(5, 5))"
    assert second.label_span is None
    assert second.repeat == 4
    assert at(second.span) == "(0-3): 4 x Conv2d(3, 8, k=(5, 5))"
    for unit in (first.unit, second.unit):
        assert at(unit.span) == "Conv2d(3, 8, k=(5, 5))"
        assert at(unit.name_span) == "Conv2d"
        assert [(key, at(span)) for key, span in unit.spans] == [(0, "3"), (1, "8"), ("k", "k=(5, 5)")]
    assert first.unit.span != second.unit.span


# --- classes that are made of others --------------------------------------------------------------------------------

ATTENTION = """MultiheadAttention(
  (out_proj): NonDynamicallyQuantizableLinear(in_features=8, out_features=8, bias=True)
)"""
ENCODER_LAYER = f"""TransformerEncoderLayer(
  (self_attn): {ATTENTION}
  (linear1): Linear(in_features=8, out_features=16, bias=True)
  (dropout): Dropout(p=0.2, inplace=False)
  (linear2): Linear(in_features=16, out_features=8, bias=True)
  (norm1): LayerNorm((8,), eps=1e-06, elementwise_affine=True)
  (norm2): LayerNorm((8,), eps=1e-06, elementwise_affine=True, bias=True)
  (dropout1): Dropout(p=0.2, inplace=False)
  (dropout2): Dropout(p=0.2, inplace=False)
)"""
LAYER = "TransformerEncoderLayer(d_model=8, dim_feedforward=16, dropout=0.2, layer_norm_eps=1e-06, bias=True)"
ENCODER = f"TransformerEncoder(\n  (layers): ModuleList(\n    (0-5): 6 x {ENCODER_LAYER}\n  )\n)"
TAIL = """  (tail): ModuleList(
    (0): Sequential(
      (0): Linear(in_features=64, out_features=16, bias=False)
      (1): Linear(in_features=16, out_features=10, bias=False)
    )
    (1): Sequential(
      (0): Linear(in_features=64, out_features=4, bias=False)
      (1): Linear(in_features=4, out_features=80, bias=False)
    )
  )
"""
ADAPTIVE = f"AdaptiveLogSoftmaxWithLoss(\n  (head): Linear(in_features=64, out_features=12, bias=False)\n{TAIL})"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ATTENTION, "MultiheadAttention(embed_dim=8, bias=True)"),
        (ENCODER_LAYER, LAYER),
        (ENCODER_LAYER[:-1] + "  (activation): GELU()\n)", f"{LAYER[:-1]}, activation='GELU()')"),
        (ENCODER, f"TransformerEncoder(encoder_layer='{LAYER}', num_layers=6)"),
        ("TransformerEncoder(\n  (layers): ModuleList()\n)", "TransformerEncoder(num_layers=0)"),
        (ADAPTIVE,
         "AdaptiveLogSoftmaxWithLoss(in_features=64, n_classes=100, cutoffs=(10, 20), div_value=4.0, head_bias=False)"),
        ("TripletMarginWithDistanceLoss(\n  (distance_function): PairwiseDistance()\n)",
         "TripletMarginWithDistanceLoss(distance_function='PairwiseDistance()')"),
    ],
)  # fmt: skip
def test_children_tell_the_arguments(text: str, expected: str) -> None:
    assert one(text) == expected


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (ATTENTION, "out_features=8", "out_features=9"),
        (ATTENTION, "NonDynamicallyQuantizableLinear", "LoraLinear"),
        (ATTENTION, "(out_proj)", "(out)"),
        (ENCODER_LAYER, "(norm2): LayerNorm", "(norm2): RMSNorm"),
        (ENCODER_LAYER, "(dropout1): Dropout(p=0.2", "(dropout1): Dropout(p=0.3"),
        (ENCODER_LAYER, "(linear2): Linear(in_features=16", "(linear2): Linear(in_features=17"),
        (ENCODER_LAYER, "  (dropout2): Dropout(p=0.2, inplace=False)\n", ""),
        (ENCODER_LAYER, "(norm1): LayerNorm((8,), eps=1e-06", "(norm1): LayerNorm((8,), eps=1e-05"),
        (ENCODER_LAYER, "MultiheadAttention(\n", "LinearAttention(\n"),
        (ENCODER, "6 x TransformerEncoderLayer", "6 x MyLayer"),
        (ENCODER, "(layers): ModuleList", "(layers): Sequential"),
        (ADAPTIVE, "in_features=16, out_features=10", "in_features=15, out_features=10"),
        (ADAPTIVE, "out_features=4, bias=False", "out_features=60, bias=False"),
        (ADAPTIVE, "(tail): ModuleList", "(end): ModuleList"),
        (ADAPTIVE, "in_features=64, out_features=12", "in_features=x, out_features=12"),
        (ADAPTIVE, "out_features=12", f"out_features={'9' * 400}"),
    ],
)
def test_what_torch_would_not_make_is_a_class_of_ones_own(text: str, old: str, new: str) -> None:
    assert old in text
    changed = text.replace(old, new, 1)
    (step,) = parse_printed(changed).chain.steps
    assert isinstance(step.unit, Custom)
    assert step.unit.name == text.partition("(")[0]


# --- what is refused ------------------------------------------------------------------------------------------------

PRINTED = "spec.printed-model"


@pytest.mark.parametrize(
    ("text", "code", "marked", "fix"),
    [
        ("Net(\n  (a): ReLU()", "spec.unclosed", "(", "give all that print(model) shows"),
        ("Net(\n  (a): Net(\n", "spec.unclosed", "(", "give all that print(model) shows"),
        ("Net(\n  (a): ReLU()\n)\n)", "spec.unopened", ")", 'remove this ")"'),
        (")", "spec.unopened", ")", 'remove this ")"'),
        ("Net(\n  (a): ReLU()\n)\nNet()", PRINTED, "Net()", "remove what follows the model"),
        ("Net(\n  (a): ReLU()\n  ...\n)", PRINTED, "...", "give all that print(model) shows"),
        ("Net(\n  (a): relu here\n)", PRINTED, "relu here", "give the text as print(model) wrote it"),
        ("Net(\n  (a): Conv2d(3,\n)", PRINTED, "Conv2d(3,", "give the text as print(model) wrote it"),
        ("(a): ReLU()", PRINTED, "(a): ReLU()", 'begin with the line of the whole model, such as "Sequential("'),
        ("Net(\n  (0-3): 0 x ReLU()\n)", PRINTED, "0", "remove this line"),
        (">>> print(model)", "spec.empty", ">>> print(model)", "give what print(model) shows"),
        ("Sequential(\n)", "spec.empty", "Sequential(\n)", "give a model that does"),
        (f"Net(\n  (a): {STEPS + 1} x ReLU()\n)", "limit.steps", str(STEPS + 1), "give a smaller model"),
        (f"Net(\n  (a): {'9' * 9999} x ReLU()\n)", "limit.steps", "9" * 9999, "give a smaller model"),
        (
            "A(\n(a): 1000 x B(\n(b): 1000 x ReLU()\n)\n)",
            "limit.steps",
            "B(\n(b): 1000 x ReLU()\n)",
            "give a smaller model",
        ),
    ],
)
def test_refused(text: str, code: str, marked: str, fix: str) -> None:
    """What is wrong, where, and what to do."""
    error = refusal(text)
    assert error.span is not None
    assert (error.code, text[slice(*error.span)], error.fix) == (code, marked, fix)
    assert len(error.message) < 200


def test_limits() -> None:
    """A hundred levels are fine, the next is refused; a mebibyte of anything is answered at once."""
    deep = "Net(\n  (a): " * NESTING + "ReLU()\n" + ")\n" * NESTING
    assert parse_printed(deep).expanded_steps == 1
    assert refusal("Net(\n  (a): " + deep).code == "limit.nesting"
    assert refusal("Net(\n  (a): " * 80_000).code == "limit.nesting"
    assert refusal("\n" * (LENGTH + 1)).code == "limit.length"
    lines = "(a): ReLU(inplace=True)\n" * 40_000
    assert len(parse_printed(f"Sequential(\n{lines})").chain.steps) == 40_000
    assert one(f"Net(\n{'x, ' * 300_000}\n)") == ("", ("Net", []))
    assert one(f"Net({'(' * 300_000}{')' * 300_000})") == ("", ("Net", []))
    assert refusal("(" * 1_000_000).code == PRINTED
    assert refusal("Net(\n" + "(a): " * 200_000).code == PRINTED
    assert refusal("Net(\n(a): " + "9 " * 500_000).code == PRINTED


_LINES = st.sampled_from(
    ["Net(", "Sequential(", ")", "(a): ReLU()", "(0): Sequential(", "(b): 3 x Net(", "x=3",
     "(c): Linear(in_features=3)", "...", "(d): None", ">>> m", "(layers): ModuleList(",
     "(0-1): 2 x Linear(in_features=4, out_features=4, bias=False)", "", "é(3", "(tail): ModuleList(",
     "(head): Linear(in_features=4, out_features=9, bias=True)", "(out_proj): Linear(in_features=8)",
     "AdaptiveLogSoftmaxWithLoss(", "(self_attn): MultiheadAttention(", "TransformerEncoder(",
     "(norm): LayerNorm((8,))"]
)  # fmt: skip


@given(st.one_of(near_texts, unicode_texts, st.lists(_LINES, max_size=25).map("\n".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"Net(\n{text}\n)", f"AdaptiveLogSoftmaxWithLoss(\n{text}\n)"):
        found = outcome(whole)
        if isinstance(found, LayerError):
            assert found.span is not None
            assert 0 <= found.span.start <= found.span.end <= len(whole)
            assert found.code.startswith(("spec.", "limit."))


@given(st.data())
def test_a_damaged_model_is_read_or_refused(data: st.DataObject) -> None:
    """One piece of a model left out or written twice."""
    text = data.draw(st.sampled_from([RESIDUAL, ENCODER, ADAPTIVE]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    for damaged in (text[:start] + text[end:], text[:end] + text[start:]):
        outcome(damaged)


def outcome(text: str) -> Spec | LayerError:
    """What comes of the text, an error too."""
    try:
        return parse_printed(text)
    except LayerError as error:
        return error
