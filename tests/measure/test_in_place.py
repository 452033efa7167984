"""Layers that write over their input, against torch: what it keeps of them, what it refuses, what it does not train."""

from __future__ import annotations

import warnings

import pytest
import torch

from layercli.analysis.in_place import IN_PLACE, writes
from layercli.analysis.memory import memory
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.layers import find, known_names
from layercli.layers.definition import Layer
from layercli.measure import tensors
from layercli.measure.build import _Net, _RefusedError, run_plan
from layercli.plan import decode_input
from layercli.spec import parse

TOLD = [layer for name in known_names() if (layer := find(name)) and layer.key(IN_PLACE)]
every_told = pytest.mark.parametrize("layer", TOLD, ids=[layer.torch for layer in TOLD])
both_modes = pytest.mark.parametrize("mode", ["train", "eval"])


def analysed(spec: str, shape: list[int], mode: str = "train") -> Analysis:
    return analyse_spec(parse(spec), [decode_input(shape)], Options(mode=mode))


def written(layer: Layer) -> str:
    return f"{layer.name} {'0 1 ' if layer.name == 'threshold' else ''}inplace=true"


def reasons(analysis: Analysis) -> list[str]:
    assert analysis.error is None, analysis.error
    return [row.unknown for row in memory(analysis).unknown]


def trained(analysis: Analysis) -> torch.Tensor:
    """The sum of what the design gives, gradients recorded and followed back."""
    assert analysis.plan is not None
    net = _Net(torch, analysis.plan, "cpu")
    net.modules = [net._module(index, spec) for index, spec in enumerate(analysis.plan.modules)]
    net.feeds = [tensors.feed(torch, item.feed, "cpu", net._nested) for item in analysis.plan.inputs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of a dropout3d of fewer axes
        result: torch.Tensor = net.run().sum()
    result.backward()  # type: ignore[no-untyped-call]
    return result


# --- what writes -----------------------------------------------------------------------------------------------------


@both_modes
@every_told
def test_what_writes_over_its_input(layer: Layer, mode: str) -> None:
    shape = list(layer.default_input)
    row = analysed(written(layer), shape, mode).rows[0]
    module = getattr(torch.nn, layer.torch)(*((0, 1) if layer.name == "threshold" else ()), inplace=True)
    value = torch.full(shape, -3.0)
    before = value._version
    module.train(mode == "train")(value)
    assert writes(row.bound) is (value._version > before)


def test_only_who_is_told_to_writes() -> None:
    assert not writes(analysed("relu", [4]).rows[0].bound)
    assert not writes(analysed("dropout 0 inplace=true", [4]).rows[0].bound)
    assert not writes(analysed("identity", [4]).rows[0].bound)


# --- what is kept ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("q: batchnorm1d | alphadropout inplace=true | identity @q", [4, 8]),
        ("q: batchnorm1d | featurealphadropout inplace=true | identity @q", [4, 8]),
        ("a: linear 8 | transpose 0 1 | silu inplace=true | identity @a", [3, 8]),
        ("a: conv2d 4 1 | narrow 1 0 2 | silu inplace=true | identity @a | conv2d 1 1", [1, 3, 8, 8]),
        ("linear 3 | sub(q2: flatten 0 0 ; relu6 inplace=true | identity @q2)", [3]),
        ("a: linear 8 | narrow 1 0 4 | silu inplace=true | narrow 1 4 4 @a", [3, 8]),
        ("a: linear 8 | b: narrow 1 0 4 | identity @a | mish inplace=true | identity @b", [3, 8]),
        ("a: linear 8 | transpose 0 1 | flatten 0 1 | silu inplace=true | identity @a", [3, 8]),
        ("a: linear 8 | silu inplace=true | identity @a | mish inplace=true | identity @a", [3, 8]),
        ("a: linear 8 | add(narrow 1 0 4 | silu inplace=true ; narrow 1 4 4 | mish inplace=true) | linear 1", [3, 8]),
        ("a: linear 8 | b: silu inplace=true | linear 2 | identity @a", [3, 8]),
        ("linear 8 | expand 2,3,8 | narrow 0 0 1 | silu inplace=true", [3, 8]),
        ("linear 8 | chunk 2 dim=1 | linear 3", [3, 8]),
        ("a: linear 8 | relu inplace=true | chunk 2 dim=1 | linear 3", [3, 8]),
        ("conv2d 3 1 | unfold 2 s=3 | gelu", [2, 3, 9, 9]),
        ("conv2d 3 1 | unfold 2 s=3 | gelu", [3, 9, 9]),
        ("conv2d 3 1 | unfold 2 | gelu", [2, 3, 9, 9]),
        ("a: conv2d 2 1 | e: sigmoid | conv2d 1 1 @a | crop like=@e | silu", [1, 3, 8, 8]),
        ("x: identity | e: conv2d 2 1 | crop like=@e @x | silu", [1, 3, 8, 8]),
    ],
)
def test_what_is_kept(spec: str, shape: list[int]) -> None:
    analysis = analysed(spec, shape)
    assert analysis.error is None, analysis.error
    assert analysis.plan is not None
    kept = memory(analysis).kept
    assert kept is not None
    assert kept == run_plan(analysis.plan._replace(count_saved=True)).saved


# --- what is refused -------------------------------------------------------------------------------------------------

STRETCHED = {
    "stretched": ("expand 3,4,5", [1, 4, 5], True),
    "in front": ("expand 3,4,5", [4, 5], True),
    "one in front": ("expand 1,4,5", [4, 5], False),
    "as it was": ("expand 1,4,5", [1, 4, 5], False),
    "stretched and turned": ("expand 3,4,5 | transpose 0 2", [1, 4, 5], True),
    "stretched and joined": ("expand 3,4,5 | flatten 0 1 | unsqueeze 0", [1, 4, 5], False),
    "stretched and taken apart": ("expand 4,3,5 | unflatten 0 2,2 | select 2 0", [1, 3, 5], True),
    "one of the places": ("expand 3,4,5 | narrow 0 1 1", [1, 4, 5], False),
    "of nothing": ("expand 3,0,5", [1, 0, 5], False),
    "of a copy": ("expand 3,4,5 | tanh", [1, 4, 5], False),
    "of a copy, again": ("expand 3,4,5 | tanh | unsqueeze 0 | expand 2,3,4,5 | select 1 0", [1, 4, 5], True),
    "of a copy, taken apart": ("expand 2,4 | tanh | unsqueeze 0 | expand 4,2,4 | unflatten 0 2,2", [1, 4], True),
}


@both_modes
@pytest.mark.parametrize("case", STRETCHED)
@every_told
def test_what_is_stretched_is_not_written_over(layer: Layer, case: str, mode: str) -> None:
    before, shape, overlaps = STRETCHED[case]
    spec = f"{before} | {written(layer)}"
    plain = analysed(f"{before} | {written(layer).replace('true', 'false')}", shape, mode)
    if plain.error is not None:
        pytest.skip("this layer takes no such shape")
    assert plain.plan is not None
    modules = list(plain.plan.modules)
    modules[-1] = modules[-1]._replace(kwargs={**modules[-1].kwargs, IN_PLACE: True})
    refusal = run_plan(plain.plan._replace(modules=tuple(modules))).error
    analysis = analysed(spec, shape, mode)
    assert (refusal is not None and "more than one element" in refusal.message) is (analysis.error is not None)
    if overlaps and mode == "train" and layer.name not in ("threshold", "alphadropout", "featurealphadropout"):
        assert analysis.error is not None
        assert analysis.error.code == "torch.in-place"
    if not overlaps:
        assert analysis.error is None


def test_the_refusal_names_the_step_that_stretches() -> None:
    error = analysed("linear 4 | wide: expand 3,4 | expand 3,4 | transpose 0 1 | relu inplace=true", [1, 4]).error
    assert error is not None
    assert "expand (wide)" in error.message
    assert error.fix == "leave inplace out, or put relu before expand"
    assert error.source is not None
    assert error.span is not None
    assert error.source[error.span.start : error.span.end] == "true"


# --- what is not trained ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "shape", "why", "said"),
    [
        ("linear 4 | chunk 2 dim=1 | relu inplace=true", [2, 4], "one of several views that a step gives", "view"),
        (
            "linear 4 | chunk 2 dim=1 | flatten 0 0 | relu inplace=true", [2, 4],
            "one of several views that a step gives", "view",
        ),
        (
            "a: linear 4 | b: chunk 2 dim=1 | identity @a | relu inplace=true | tanh @b", [2, 4],
            "tanh takes one of several views of what was written over since", "view",
        ),
        ("param 3,4 | relu inplace=true", [2, 4], "a learned tensor", "leaf"),
        ("param 3,4 | transpose 0 1 | relu inplace=true", [2, 4], "a learned tensor", "leaf"),
        ("param 3,4 | dropout3d 0 inplace=true", [2, 4], "a learned tensor", "leaf"),
        ("linear 4 | sigmoid | relu inplace=true", [2, 4], "relu writes over what sigmoid keeps", "modified by"),
        (
            "linear 4 | a: sigmoid | narrow 1 0 1 | relu inplace=true | add @a", [2, 4],
            "what sigmoid keeps", "modified by",
        ),
        ("linear 4 | sigmoid | dropout3d 0 inplace=true | tanh", [2, 4, 4], "what sigmoid keeps", "modified by"),
        ("add(linear 4 ; relu inplace=true | linear 4)", [2, 4], "relu writes over what linear keeps", "modified by"),
        ("linear 4 | expand 3,2,4 | threshold 0 1 inplace=true", [2, 4], "stretched without copying", "more than one"),
    ],
)  # fmt: skip
def test_what_torch_does_not_train(spec: str, shape: list[int], why: str, said: str) -> None:
    analysis = analysed(spec, shape)
    (reason,) = reasons(analysis)
    assert reason.startswith("torch does not train it: ")
    assert why in reason
    account = memory(analysis)
    assert account.kept is None
    assert account.training is None
    with pytest.raises((RuntimeError, _RefusedError), match=said):
        trained(analysis)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("param 3,4 | transpose 0 1 | flatten | flatten 0 1 | relu inplace=true", [2, 4]),
        ("param 3,4 | dropout 0 inplace=true | tanh", [2, 4]),
        ("a: linear 4 | relu inplace=true | chunk 2 dim=1 | tanh", [2, 4]),
        ("linear 4 | chunk 2 dim=0 | flatten 0 1 | tanh | relu6", [2, 4]),
        ("linear 4 | sigmoid | dropout3d 0 inplace=true | tanh", [2, 3, 4, 2, 4]),
        ("linear 4 | relu inplace=true | linear 4 | relu inplace=true", [2, 4]),
        ("a: linear 4 | sigmoid | relu inplace=true | linear 4 @a", [2, 4]),
    ],
)
def test_what_torch_trains(spec: str, shape: list[int]) -> None:
    analysis = analysed(spec, shape)
    assert reasons(analysis) == []
    trained(analysis)
