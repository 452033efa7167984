"""The receptive field of the formulas beside the one that gradients find in the real net."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from layercli.analysis.receptive import confirmed, describe, probes, unknown
from layercli.layers import find, known_names
from layercli.measure import gradient
from tests.measure.linear import Refused, beside

LENGTH = 331
"""Long enough for the field of a cell in the middle of any of the chains."""


def _layers() -> st.SearchStrategy[str]:
    small, few = st.integers(1, 4), st.integers(0, 2)
    pools = st.sampled_from(["maxpool1d {k} s={s} d={d}", "avgpool1d {k} s={s}", "lppool1d 2 {k} {s}"])
    convs = st.sampled_from(["conv1d 1 {k} s={s} p={p} d={d}", "convtranspose1d 1 {k} s={s} d={d}"])
    scales = st.sampled_from(["2", "3", "1.5", "0.5", "0.75"])
    modes = st.sampled_from(["", "mode=linear", "mode=nearest-exact"])
    steps = st.integers(1, 3)
    pads = st.sampled_from(["zeropad1d", "reflectionpad1d", "replicationpad1d", "circularpad1d"])
    return st.one_of(
        st.builds(lambda form, k, s, p, d: form.format(k=k, s=s, p=p, d=d), convs | pools, small, steps, few, small),
        st.builds(lambda k, p: f"maxpool1d {k + 1} s=2 p={min(p, (k + 1) // 2)}", small, few),
        st.builds(lambda s, k: f"convtranspose1d 1 {k + s} s={s} p=1 op={s - 1}", steps, small),
        st.builds("upsample scale={} {}".format, scales, modes),
        st.builds(lambda pad, a, b: f"{pad} {a},{b}", pads, few, few),
        st.builds("narrow 2 {} 40".format, st.integers(0, 5)),
        st.just("relu"),
        st.builds("adaptiveavgpool1d {}".format, st.sampled_from([40, 60, 66])),
    )  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.lists(_layers(), min_size=1, max_size=4))
def test_random_chains(steps: list[str]) -> None:
    """Of every cell near the middle the formulas know the first and the last cell that it reads."""
    shape = (1, 1, LENGTH)
    try:
        field, found = beside(" | ".join(steps), shape)
    except Refused:
        reject()
    for axis, fields in zip(field.spatial, found["fields"]):
        assert axis.cells is not None or axis.unknown, steps
        assert confirmed(axis, fields, LENGTH) is not False, steps


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("conv2d 2 3x5 s=2x1 d=1x2 p=1 | maxpool2d 3 s=2 p=1 d=2", (1, 3, 64, 64)),
        ("conv3d 2 3 | avgpool3d 2", (1, 1, 20, 20, 20)),
        ("maxpool2d 3 s=2 ceil_mode=true | conv2d 1 3 padding_mode=reflect p=1", (1, 1, 40, 40)),
        ("upsample scale=1.5 mode=bicubic | conv2d 2 3 d=2 | maxpool2d 3 s=2 d=2", (1, 1, 48, 48)),
        ("upsample scale=2 mode=bilinear | conv2d 1 3", (1, 1, 32, 32)),
        ("upsample scale=2 mode=bilinear align_corners=true | conv2d 1 3", (1, 1, 16, 16)),
        ("upsamplingbilinear2d 21,31 | conv2d 1 2", (1, 1, 16, 16)),
        ("upsample 20,24 mode=area", (1, 1, 48, 50)),
        ("adaptivemaxpool2d 6,9 | conv2d 1 2", (1, 1, 40, 40)),
        ("maxpool2d 3 s=2 p=1 return_indices=true | maxunpool2d 3 s=2 p=1", (1, 1, 21, 21)),
        ("conv2d 4 3 | pixelshuffle 2 | conv2d 4 3 | pixelunshuffle 2", (1, 3, 32, 32)),
        ("convtranspose2d 1 1 s=3 | conv2d 1 3", (1, 1, 16, 16)),
        ("convtranspose2d 1 4 s=2 p=1 | convtranspose2d 1 3 s=2 p=1 op=1 d=2", (1, 1, 24, 24)),
        ("conv2d 4 3 | batchnorm2d | gelu | dropout 0.5 | groupnorm 2 | softmax 1 | prelu 4", (1, 3, 32, 32)),
        ("conv2d 4 3 | glu 1 | conv2d 2 3", (1, 3, 32, 32)),
        ("add(conv2d 3 3 p=1 ; conv2d 3 5 p=2 | relu ; )", (1, 3, 32, 32)),
        ("cat dim=1 (conv2d 2 3 p=1 ; maxpool2d 2 | conv2d 2 3 p=1 | upsample scale=2)", (1, 3, 32, 32)),
        ("cat dim=1 ( ; maxpool2d 2 | conv2d 4 3 p=1 | convtranspose2d 2 2 s=2) | conv2d 2 3 p=1", (1, 1, 64, 64)),
        ("skip: conv2d 2 3 | conv2d 2 3 p=1 | mul @skip | conv2d 1 3", (1, 1, 30, 30)),
        ("skip: conv2d 2 3 | conv2d 2 3 | cat dim=1 (crop 24 ; relu | crop 24)", (1, 1, 30, 30)),
        ("maximum(conv2d 2 3 p=1 ; conv2d 2 3 p=2 d=2 ; conv2d 2 1)", (1, 1, 24, 24)),
        ("sub( ; avgpool2d 3 s=1 p=1) | conv2d 1 3 | pad 1,2,0,3 | narrow 3 2 20", (1, 1, 30, 30)),
        ("permute 0,2,3,1 | permute 0,3,1,2 | conv2d 2 3x5 | transpose 2 3 | conv2d 2 3x1", (1, 1, 24, 24)),
        ("conv2d 2 3 | unsqueeze 2 | squeeze 2 | flatten 2 | reshape 1,2,22,22 | conv2d 1 2", (1, 1, 24, 24)),
    ],
)  # fmt: skip
def test_chosen_nets(spec: str, shape: tuple[int, ...]) -> None:
    field, found = beside(spec, shape)
    assert found["why"] == ""
    lengths = [shape[probe.source] for probe in probes(field)]
    answers = [confirmed(*each) for each in zip(field.spatial, found["fields"], lengths)]
    assert answers == [True] * len(shape[2:]), (describe(field), unknown(field), found)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted({*known_names()} - {"input"}))
def test_the_examples_of_every_layer(name: str) -> None:
    """What the formulas say of a layer's own examples is never what torch does not do."""
    layer = find(name)
    assert layer is not None
    for example in layer.examples:
        words, _, given_shape = example.partition(" -i ")
        if " -" in words or " -" in given_shape:
            continue  # more inputs than one, or other options
        shape = tuple(map(int, given_shape.split(","))) if given_shape else layer.default_input
        try:
            field, found = beside(words, shape)
        except Refused:  # an input of its own is wanted
            continue
        for axis, probe, fields in zip(field.spatial, probes(field), found["fields"] or ()):
            assert confirmed(axis, fields, shape[probe.source]) is not False, (example, describe(field), fields)


# --- nets whose receptive fields are published -----------------------------------------------------------------------

_VGG = " | ".join(f"{deep}*(conv2d 1 3 p=same | relu) | maxpool2d 2" for deep in (2, 2, 3, 3, 3))
_ALEXNET = "conv2d 2 11 4 | maxpool2d 3 2 | conv2d 2 5 p=2 | maxpool2d 3 2 | 3*(conv2d 2 3 p=1 | relu) | maxpool2d 3 2"


def _resnet() -> str:
    stages = []
    for stage in range(4):
        down = "s=2" if stage else ""
        shortcut = "conv2d 1 1 s=2 | batchnorm2d" if stage else ""
        first = f"add(conv2d 1 3 {down} p=1 | batchnorm2d | relu | conv2d 1 3 p=1 | batchnorm2d ; {shortcut}) | relu"
        stages += [first, "add(conv2d 1 3 p=1 | relu | conv2d 1 3 p=1 ; ) | relu"]
    return " | ".join(["conv2d 1 7 s=2 p=3 | batchnorm2d | relu | maxpool2d 3 s=2 p=1", *stages])


@pytest.mark.parametrize(
    ("spec", "length", "size"), [(_ALEXNET, 300, 195), (_VGG, 320, 212), (_resnet(), 600, 435)]
)  # fmt: skip
def test_published_nets(spec: str, length: int, size: int) -> None:
    field, found = beside(spec, (1, 1, length, length))
    assert found["size"] == [size, size]
    assert found["clipped"] == [False, False]
    assert [confirmed(axis, each, length) for axis, each in zip(field.spatial, found["fields"])] == [True, True]


# --- what cannot be measured, and what it says ------------------------------------------------------------------------


def test_a_field_larger_than_the_input_is_clipped() -> None:
    field, found = beside("3*(conv2d 1 3 p=4 d=4)", (1, 1, 16, 16))
    assert [axis.cells.size for axis in field.spatial if axis.cells] == [25, 25]
    assert found["clipped"] == [True, True]
    assert [confirmed(axis, each, 16) for axis, each in zip(field.spatial, found["fields"])] == [None, None]


def test_what_is_global_reaches_everything() -> None:
    field, found = beside("conv2d 2 3 | mul( ; adaptiveavgpool2d 1 | conv2d 2 1 | sigmoid) | conv2d 1 3", (1, 1, 9, 9))
    assert describe(field) == "global"
    assert found["size"] == [9, 9]
    assert [confirmed(axis, each, 9) for axis, each in zip(field.spatial, found["fields"])] == [True, True]


def test_a_module_that_is_not_made_linear() -> None:
    found = gradient.receptive_field(torch, [torch.nn.LSTM(3, 3)], lambda modules, x: modules[0](x)[0], (5, 3), [])
    assert found == {"size": None, "clipped": None, "fields": None, "why": "LSTM is not made linear"}


def test_the_nets_own_modules_are_left_alone() -> None:
    layer = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.ReLU())[0]
    before = layer.weight.detach().clone()
    gradient.receptive_field(torch, [layer], lambda modules, x: modules[0](x), (1, 1, 9), [gradient.Axis(2, 2)])
    assert torch.equal(layer.weight, before)
    assert layer.weight.dtype == torch.float32
    assert not layer._forward_hooks


def test_an_output_that_does_not_hang_on_the_input() -> None:
    def constant(modules: Any, image: Any) -> Any:
        return torch.ones(3)

    assert gradient.receptive_field(torch, [], constant, (1, 1, 9), [])["why"] == "no gradient reaches the input"
