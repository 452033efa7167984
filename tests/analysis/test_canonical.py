"""Modules in PyTorch's notation as steps of the shell's: the text that is written means the same net."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from layercli.analysis.canonical import canonical
from layercli.analysis.flow import tensors
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.layers import find, known_names
from layercli.layers.definition import Layer
from layercli.plan import DType, Input, Module, Tensor
from layercli.report import Report
from layercli.spec import Call, format_spec, parse
from tests.conformance.draws import draw
from tests.spec.trees import bare

LAYERS = [layer for name in known_names() if (layer := find(name)) and not layer.operation]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=[layer.torch for layer in LAYERS])

DRAWN = 12
"""Calls of each class."""


def source(value: Any) -> str | None:
    """A value as Python writes it; None where the text has no word for it."""
    if isinstance(value, Module):
        written = {name: source(item) for name, item in value.kwargs.items()}
        args = [source(item) for item in value.args]
        if None in args or None in written.values():
            return None
        listed = [*map(str, args), *(f"{name}={text}" for name, text in written.items())]
        return f"nn.{value.torch}({', '.join(listed)})"
    if isinstance(value, DType):
        return f"torch.{value.name}"
    if isinstance(value, Tensor) or (isinstance(value, float) and value != value):
        return None
    return f"float('{value}')" if value in (float("inf"), float("-inf")) else repr(value)


def figures(analysis: Analysis) -> Any:
    """What an analysis comes to."""
    outputs = [(flow.shape, flow.dtype) for flow in tensors(analysis.outputs)]
    totals = Report(analysis, None, "not asked").totals if analysis.error is None else None
    return outputs, totals, analysis.error and analysis.error.code


def difference(layer: Layer, seed: int) -> str | None:
    """What differs between a module's source and its step; "" where nothing does, None where there is no step."""
    r = Random(f"canonical/{layer.name}/{seed}")
    module, inputs = draw(layer, r)
    text = source(module)
    if text is None or "float(" in text:
        return None
    spec = parse(text)
    before = analyse_spec(spec, inputs, Options(planned=False))
    if before.error is not None:
        return None
    found = canonical(spec)
    if isinstance(found.chain.steps[0].unit, Call):
        return None
    written = format_spec(found)
    again = parse(written)
    if bare(again.chain) != bare(found.chain) or format_spec(again) != written:
        return f"{text} is {written}, which reads as another step"
    after = analyse_spec(again, inputs, Options(planned=False))
    if figures(before) != figures(after):
        return f"{text} is {written}: {figures(before)} and {figures(after)} {after.error}"
    return ""


@every_layer
def test_a_module_and_its_step_are_the_same_net(layer: Layer) -> None:
    found = [difference(layer, seed) for seed in range(DRAWN)]
    wrong = [item for item in found if item]
    assert not wrong, "\n".join(wrong[:3])
    assert "" in found, "one of them has a step"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("nn.Conv2d(3, 8, 5)", "conv2d 8 5 in=3"),
        (
            "nn.Sequential(nn.Conv2d(3, 8, kernel_size=(3, 5), padding='same'), nn.ReLU(inplace=True))",
            "conv2d 8 3,5 p=same in=3 | relu inplace=true",
        ),
        (
            "nn.Sequential(OrderedDict([('a', nn.ReLU()), ('b', nn.Sequential(nn.GELU(), nn.Flatten()))]))",
            "a: relu | b: (gelu | flatten)",
        ),
        ("nn.Sequential(nn.Sequential(), nn.ReLU())", "nn.Sequential() | relu"),
        ("add(nn.Conv2d(3, 3, 1) ; 2*(nn.ReLU() | gelu))", "add(conv2d 3 1 in=3 ; 2*(relu | gelu))"),
        ("enc: nn.Linear(4, 4) | relu | add @enc", "enc: linear 4 in=4 | relu | add @enc"),
        ("nn.Linear(4, 4, device='cpu')", "linear 4 in=4"),
    ],
)
def test_designs_with_modules(text: str, written: str) -> None:
    spec = parse(text)
    found = canonical(spec)
    line = format_spec(found)
    assert bare(parse(line).chain) == bare(found.chain)
    assert line == written
    shape = (2, 4) if "Linear" in text else (1, 3, 8, 8)
    one, other = (analyse_spec(each, [Input(Tensor(shape))], Options(planned=False)) for each in (spec, parse(line)))
    assert figures(one) == figures(other)


def test_what_has_no_step_stays_a_module() -> None:
    text = "relu | nn.Linear(3, 4, dtype=torch.float64)"
    assert format_spec(canonical(parse(text))) == text


def test_what_a_printed_model_shows_of_defaults_is_left_out() -> None:
    printed = """Sequential(
  (0): Conv2d(3, 96, kernel_size=(4, 4), stride=(4, 4))
  (1): BatchNorm2d(96, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
  (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
  (3): Conv2d(96, 96, kernel_size=(3, 5), stride=(1, 1), padding=(1, 2), groups=96)
  (4): Flatten(start_dim=1, end_dim=-1)
)"""
    assert format_spec(canonical(parse(printed)).chain) == (
        "conv2d 96 4 s=4 in=3 | batchnorm2d 96 | maxpool2d 2 | conv2d 96 3,5 p=1,2 in=96 g=96 | flatten"
    )


def test_arguments_that_identity_has_no_name_for_are_taken_and_left_out() -> None:
    spec = parse("nn.Sequential(nn.Identity(54, unused_argument1=0.1, unused_argument2=False))")
    assert analyse_spec(spec, [Input(Tensor((1, 3)))], Options(planned=False)).error is None
    assert format_spec(canonical(spec).chain) == "identity"
