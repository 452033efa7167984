"""The receptive field over whole nets: published tables, branches, moved axes, every layer there is.

That torch sees the same is what ``tests/measure/test_gradient.py`` asks.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from layercli import analyze
from layercli.analysis.axes import OPEN
from layercli.analysis.flow import Flow
from layercli.analysis.keys import from_op
from layercli.analysis.layer import Analyser
from layercli.analysis.receptive import (
    CONSTANT,
    START,
    Field,
    after,
    as_json,
    confirmed,
    describe,
    misaligned,
    probes,
    unknown,
)
from layercli.formula.guards import Tracer
from layercli.formula.symbolic import SymInt
from layercli.layers import find, known_names
from layercli.layers.registry import families
from layercli.spec import Op as Written
from layercli.spec import parse


def rows(spec: str, *shape: int) -> Any:
    report = analyze(spec, shape, run=False)
    assert report.ok, report.analysis.error
    return report.analysis.rows


def told(spec: str, *shape: int) -> str:
    return describe(rows(spec, *shape)[-1].reach)


def why(spec: str, *shape: int) -> str:
    return unknown(rows(spec, *shape)[-1].reach)


# --- published nets --------------------------------------------------------------------------------------------------


def figures(spec: str, *shape: int) -> list[tuple[int, int, int]]:
    """Size, stride and padding behind every convolution and pool; these nets are square."""
    found = []
    for row in rows(spec, *shape):
        if row.bound.layer.window:
            high, wide = (axis.cells for axis in row.reach.spatial)
            assert high == wide
            found.append((high.size, high.stride, high.padding))
    return found


def test_alexnet_v2() -> None:
    spec = "conv2d 64 11 4 | maxpool2d 3 2 | conv2d 192 5 p=2 | maxpool2d 3 2 | 3*(conv2d 384 3 p=1) | maxpool2d 3 2"
    assert figures(spec, 1, 3, 224, 224) == [
        (11, 4, 0), (19, 8, 0), (51, 8, 16), (67, 16, 16), (99, 16, 32), (131, 16, 48), (163, 16, 64), (195, 32, 64),
    ]  # fmt: skip


def test_vgg_16() -> None:
    stages = [f"{deep}*(conv2d 8 3 p=same | relu) | maxpool2d 2" for deep in (2, 2, 3, 3, 3)]
    assert figures(" | ".join(stages), 1, 3, 224, 224) == [
        (3, 1, 1), (5, 1, 2), (6, 2, 2), (10, 2, 4), (14, 2, 6), (16, 4, 6), (24, 4, 10), (32, 4, 14), (40, 4, 18),
        (44, 8, 18), (60, 8, 26), (76, 8, 34), (92, 8, 42), (100, 16, 42), (132, 16, 58), (164, 16, 74), (196, 16, 90),
        (212, 32, 90),
    ]  # fmt: skip


STEM = "conv2d 1 7 s=2 p=3 | batchnorm2d | relu | maxpool2d 3 s=2 p=1"


def basic(stride: int) -> str:
    """A block of ResNet-18; the first of a stage halves the image."""
    shortcut = f"conv2d 1 1 s={stride} | batchnorm2d" if stride > 1 else ""
    main = f"conv2d 1 3 s={stride} p=1 | batchnorm2d | relu | conv2d 1 3 p=1 | batchnorm2d"
    return f"add({main} ; {shortcut}) | relu"


def bottleneck(stride: int) -> str:
    """A block of ResNet-50."""
    shortcut = f"conv2d 1 1 s={stride} | batchnorm2d" if stride > 1 else ""
    return f"add(conv2d 1 1 | relu | conv2d 1 3 s={stride} p=1 | relu | conv2d 1 1 ; {shortcut}) | relu"


@pytest.mark.parametrize(
    ("block", "depths", "sizes"),
    [(basic, (2, 2, 2, 2), (43, 99, 211, 435)), (bottleneck, (3, 4, 6, 3), (35, 91, 267, 427))],
)
def test_resnets(block: Any, depths: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    spec, found = STEM, []
    for stage, depth in enumerate(depths):
        spec = " | ".join([spec, block(2 if stage else 1), *(block(1) for _ in range(depth - 1))])
        field = rows(spec, 1, 1, 224, 224)[-1].reach
        assert misaligned(field) == ""
        assert {axis.cells.stride for axis in field.spatial} == {4 * 2**stage}
        found.append({axis.cells.size for axis in field.spatial})
    assert found == [{size} for size in sizes]


def test_the_first_centre_and_those_after_it() -> None:
    """Distill: the centre of output u is -P + u*S + (r - 1)/2."""
    (axis, _) = rows("conv2d 1 5 s=2 p=1 | conv2d 1 3 s=3 p=2", 1, 1, 64, 64)[-1].reach.spatial
    cells = axis.cells
    assert cells.centre == -cells.padding + Fraction(cells.size - 1, 2)
    for place in range(5):
        first, last = cells.at(place)
        assert Fraction(first + last, 2) == cells.centre + place * cells.stride


# --- every axis by itself, every kind of layer -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "shape", "expected"),
    [
        ("conv2d k=3x5 s=2 | conv2d k=3x1 s=2", (1, 1, 64, 64), "7x5, stride 4, padding 0"),
        ("conv1d k=3 d=4 p=2", (1, 1, 64), "9, stride 1, padding 2"),
        ("conv2d 8 3 p=same d=2", (1, 1, 64, 64), "5x5, stride 1, padding 2"),
        ("conv3d 8 3 | relu", (1, 1, 9, 9, 9), "3x3x3, stride 1, padding 0"),
        ("zeropad2d 1,2,3,4 | conv2d 1 1", (1, 1, 8, 8), "1x1, stride 1, padding 3x1"),
        ("zeropad2d 1,2,3,4,5,6", (1, 1, 8, 8, 8), "1x1x1, stride 1, padding 5x3x1"),
        ("crop 4 | conv2d 1 3", (1, 1, 8, 8), "3x3, stride 1, padding -2"),
        ("pad 1,0,2,0 | conv2d 1 3", (1, 1, 8, 8), "3x3, stride 1, padding 2x1"),
        ("conv2d 1 3 | narrow 2 2 4", (1, 1, 8, 8), "3x3, stride 1, padding -2x0"),
        ("convtranspose2d 1 4 s=2 p=1", (1, 1, 8, 8), "2x2, stride 1/2, padding 3/4"),
        ("convtranspose2d 1 2 s=2 | conv2d 1 3", (1, 1, 8, 8), "2x2, stride 1/2, padding 1/4"),
        ("upsample scale=2 | conv2d 1 3 p=1", (1, 1, 8, 8), "2x2, stride 1/2, padding 3/4"),
        ("upsample scale=2 mode=bilinear", (1, 1, 8, 8), "2x2, stride 1/2, padding 3/4"),
        ("upsample scale=3 mode=bilinear", (1, 1, 8, 8), "2x2, stride 1/3, padding 5/6"),
        ("upsample 12 mode=bicubic", (1, 1, 8, 8), "4x4, stride 2/3, padding 5/3"),
        ("pixelshuffle 2", (1, 4, 8, 8), "1x1, stride 1/2, padding 1/4"),
        ("pixelunshuffle 2 | conv2d 1 3", (1, 1, 8, 8), "6x6, stride 2, padding 0"),
        ("maxpool2d 2 return_indices=true | maxunpool2d 2", (1, 1, 8, 8), "2x2, stride 1, padding 1/2"),
        ("adaptiveavgpool2d 4", (1, 1, 8, 8), "2x2, stride 2, padding 0"),
        ("adaptiveavgpool2d 5", (1, 1, 8, 8), "3x3, stride 8/5, padding 7/10"),
        ("conv2d 1 3 | adaptiveavgpool2d 1", (1, 1, 8, 8), "global"),
        ("conv2d 1 3 | adaptivemaxpool2d 1,6", (1, 1, 8, 8), "global x 3, stride 1, padding 0"),
        ("conv2d 1 8 | adaptiveavgpool2d 1", (1, 1, 8, 8), "8x8, stride 1, padding 0"),
        ("unfold 3 p=1", (1, 1, 8, 8), "3x3, stride 1, padding 1"),
        ("conv2d 1 3 | flatten", (1, 1, 8, 8), "3x3, stride 1, padding 0"),
        ("conv2d 1 3 | flatten | relu | linear 4 | relu", (1, 1, 8, 8), "global"),
        ("conv2d 1 3 | linear 4", (1, 1, 8, 8), "3 x global, stride 1, padding 0"),
        ("conv2d 1 3 | mean 2,3", (1, 1, 8, 8), "global"),
        ("conv2d 1 3 | mean dim=2 keepdim=true", (1, 1, 8, 8), "global x 3, stride 1, padding 0"),
        ("conv2d 4 3 | mean 1", (1, 1, 8, 8), "3x3, stride 1, padding 0"),
        ("conv2d 1 3 | layernorm | instancenorm2d | batchnorm2d", (1, 1, 8, 8), "3x3, stride 1, padding 0"),
        ("conv2d 4 3 | softmax 1 | glu 1 | chunk 2 dim=1", (1, 1, 8, 8), "3x3, stride 1, padding 0"),
        ("conv2d 4 3 | softmax -1", (1, 1, 8, 8), "3 x global, stride 1, padding 0"),
        ("lstm 8 bidirectional=true", (5, 3, 16), "global"),
        ("mha 4", (10, 2, 64), "global"),
        ("transformerencoder 2 heads=4 ff=16", (10, 2, 64), "global"),
        ("embedding 10 4 | permute 0,2,1 | conv1d 3 3 | conv1d 3 3", (2, 9), "5, stride 1, padding 0"),
        ("linear 4 | relu", (2, 9), ""),
        ("relu", (1, 1, 8, 8), ""),
        ("input 1,1,8,8 | flatten | linear 16 | reshape 1,1,4,4 | conv2d 1 3", (1, 1, 8, 8), ""),
    ],
)  # fmt: skip
def test_layers(spec: str, shape: tuple[int, ...], expected: str) -> None:
    assert told(spec, *shape) == expected


@pytest.mark.parametrize(
    ("spec", "shape", "expected"),
    [
        ("conv2d 1 3 | permute 0,2,3,1 | relu | permute 0,3,1,2 | conv2d 1 3x1", (1, 1, 8, 8), "5x3"),
        ("conv2d 1 3x5 | transpose 2 3 | conv2d 1 3x1", (1, 1, 8, 8), "3x7"),
        ("conv2d 1 3x5 | unsqueeze 0 | squeeze 0 | flatten 2 | reshape 1,1,6,4 | conv2d 1 3", (1, 1, 8, 8), "5x7"),
        ("conv2d 1 3x5 | flatten 2 | conv1d 1 1", (1, 1, 8, 8), "3x5"),
        ("conv2d 4 3 | unflatten 1 2,2 | flatten 1 2 | conv2d 1 3", (1, 1, 8, 8), "5x5"),
        ("conv2d 8 4 s=4 | flatten 2 | permute 0,2,1 | layernorm | linear 16 | gelu", (1, 3, 16, 16), "4x4"),
        ("conv2d 1 3 | stack ( ; relu) | mean 0 | conv2d 1 3", (1, 1, 8, 8), "5x5"),
    ],
)
def test_axes_are_followed_where_they_go(spec: str, shape: tuple[int, ...], expected: str) -> None:
    assert told(spec, *shape).partition(",")[0] == expected


def test_a_vision_transformer() -> None:
    spec = (
        "conv2d 8 4 s=4 | flatten 2 | permute 0,2,1 | cat dim=1 (param 1,1,8 ; ) | add( ; param 1,17,8) | "
        "add(layernorm | mha 2 batch_first=true ; ) | add(layernorm | linear 16 | gelu | linear 8 ; ) | select 1 0"
    )
    found = rows(spec, 1, 3, 16, 16)
    by_layer = {row.bound.layer.name: row.reach for row in found}
    assert describe(by_layer["permute"]) == "4x4, stride 4, padding 0"
    assert unknown(by_layer["cat"]) == "tensors are joined along it"
    assert by_layer["param"] == CONSTANT
    assert describe(by_layer["multiheadattention"]) == describe(found[-1].reach) == "global"


@pytest.mark.parametrize(
    ("spec", "shape", "words"),
    [
        ("fractionalmaxpool2d 2 output_ratio=0.5", (1, 1, 8, 8), "random places"),
        ("fold 5 2", (1, 12, 16), "summed back"),
        ("conv2d 1 3 | flatten 2 | conv1d 1 3", (1, 1, 8, 8), "joined in one"),
        ("conv2d 1 3 | reshape 1,1,2,3,6 | relu", (1, 1, 8, 8), "taken apart"),
        ("conv2d 1 3 | chunk 2 dim=2", (1, 1, 8, 8), "some of its positions"),
        ("conv2d 1 3 | select 2 0", (1, 1, 8, 8), "some of its positions"),
        ("conv2d 1 3 | cat dim=2 ( ; relu)", (1, 1, 8, 8), "joined along it"),
        ("conv2d 1 3 | add( ; transpose 2 3)", (1, 1, 8, 8), "different axes"),
        ("conv2d 1 3 | add( ; conv2d 1 6)", (1, 1, 8, 8), "stretched"),
        ("upsample 1031", (1, 1, 8, 8), "too late"),
    ],
)  # fmt: skip
def test_what_is_unknown_says_why(spec: str, shape: tuple[int, ...], words: str) -> None:
    assert words in why(spec, *shape)
    behind = why(f"{spec} | relu", *shape)
    assert words in behind, "the reason stays"


def test_what_mixes_everything_is_global_whatever_came_before() -> None:
    assert told("conv2d 1 3 | cat dim=2 ( ; relu) | mean 2,3", 1, 1, 8, 8) == "global"
    assert told("conv2d 1 3 | adaptiveavgpool2d 1 | upsample 8 | conv2d 1 3 p=1", 1, 1, 8, 8) == "global"


def test_a_layer_without_a_rule_ends_the_notion() -> None:
    fields = [row.reach for row in rows("conv2d 1 3 | mseloss | relu", 1, 1, 8, 8)]
    assert [as_json(field) is None for field in fields] == [False, True, True]
    assert unknown(fields[-1]) == describe(fields[-1]) == ""


# --- branches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("cat dim=1 (conv2d 1 1 ; conv2d 1 3 p=1 ; conv2d 1 5 p=2 ; maxpool2d 3 s=1 p=1)", "5x5, stride 1, padding 2"),
        ("conv2d 4 3 p=1 | mul( ; adaptiveavgpool2d 1 | conv2d 1 1 | relu | conv2d 4 1 | sigmoid)", "global"),
        ("cat dim=1 ( ; maxpool2d 2 | conv2d 1 3 p=1 | convtranspose2d 1 2 s=2)", "6x6, stride 1, padding 5/2"),
        ("conv2d 4 3 p=1 | add( ; param 1,4,8,8) | mul( ; param 4,1,1)", "3x3, stride 1, padding 1"),
        ("conv2d 4 3 p=1 | matmul( ; relu)", "global"),
        ("sub(zeropad2d 2 | conv2d 1 5 ; )", "5x5, stride 1, padding 2"),
        ("add(zeropad2d 2,0,2,0 | conv2d 1 3 ; conv2d 1 3 p=1)", "4x4, stride 1, padding 2, misaligned"),
        ("add(conv2d 1 3 s=2 p=1 ; conv2d 1 5)", "5x5, stride 1, padding 0, misaligned"),
    ],
)  # fmt: skip
def test_branches(spec: str, expected: str) -> None:
    assert told(spec, 1, 1, 8, 8) == expected


def test_why_branches_are_misaligned() -> None:
    first = rows("add(zeropad2d 2,0,2,0 | conv2d 1 3 ; conv2d 1 3 p=1) | conv2d 1 3", 1, 1, 8, 8)[-1].reach
    assert misaligned(first) == "the centres of branches lie 1 cells apart"
    second = rows("add(conv2d 1 3 s=2 p=1 ; conv2d 1 5)", 1, 1, 8, 8)[-1].reach
    assert misaligned(second) == "branches step by 2 and 1 cells; the largest is shown"
    assert as_json(second)["misaligned"] == [True, True]


# --- what is told ----------------------------------------------------------------------------------------------------


def test_as_json() -> None:
    assert as_json(START) is as_json(CONSTANT) is as_json(Field(None)) is None
    assert as_json(rows("conv2d k=3x5 s=2 p=1", 1, 1, 8, 8)[0].reach) == {
        "size": [3, 5], "stride": [2, 2], "padding": [1, 1], "centre": [0, 1], "global": [False, False],
        "misaligned": [False, False],
    }  # fmt: skip
    assert as_json(rows("convtranspose1d 1 4 s=2 p=1", 1, 1, 8)[0].reach) == {
        "size": [2], "stride": [0.5], "padding": [0.75], "centre": [-0.25], "global": [False], "misaligned": [False],
    }  # fmt: skip
    assert as_json(rows("conv2d 1 3 | adaptiveavgpool2d 1,none", 1, 1, 8, 8)[1].reach) == {
        "size": [None, 3], "stride": [None, 1], "padding": [None, 0], "centre": [None, 1], "global": [True, False],
        "misaligned": [False, False],
    }  # fmt: skip
    assert as_json(rows("fractionalmaxpool2d 2 output_ratio=0.5", 1, 1, 8, 8)[0].reach) is None


def test_probes_and_what_they_confirm() -> None:
    field = rows("conv1d 1 3 p=1 | upsample scale=2", 1, 1, 8)[-1].reach
    (probe,) = probes(field)
    assert (probe.source, probe.dim, probe.phases) == (2, 2, 2)
    assert probe.inside == (2, 13), "the first and the last two cells see the padding"
    (axis,) = field.spatial
    assert confirmed(axis, [(4, 1, 3), (5, 1, 3)], 8) is True
    assert confirmed(axis, [(4, 1, 3), (5, 1, 4)], 8) is False
    assert confirmed(axis, [(0, 0, 1)], 8) is None


# --- every layer there is --------------------------------------------------------------------------------------------

WITHOUT = {
    "embeddingbag", "pairwisedistance", "cosinesimilarity", "input", "param",
    *(name for family, names in families().items() if family == "loss" for name in names),
}  # fmt: skip
"""Where the notion of a receptive field ends, or has not begun."""


@pytest.mark.parametrize("name", known_names())
def test_every_layer_says_what_it_reads(name: str) -> None:
    layer = find(name)
    assert layer is not None
    silent = layer.window is None and layer.reach is None
    assert silent == (name in WITHOUT), f"give {name} window= or reach=, or say in WITHOUT that the notion ends there"


@pytest.mark.parametrize("name", sorted(set(known_names()) - WITHOUT))
def test_no_answer_hangs_on_a_size_because_of_this_one(name: str) -> None:
    """Sizes that are symbols are not compared: a comparison would tie every figure to it."""
    layer = find(name)
    assert layer is not None
    for example in (example for example in layer.examples if " -" not in example):
        op = parse(example).chain.steps[0].unit
        assert isinstance(op, Written)
        given, shape = from_op(layer, op), layer.default_input
        count = len(layer.inputs) if layer.several else 1
        plain = Analyser().bind(layer, given, [(None, Flow(shape, ""))] * count)
        symbols = tuple(SymInt(size, f"x{axis}") for axis, size in enumerate(shape))
        with Tracer():
            open_ = Analyser().bind(layer, given, [(None, Flow(symbols, ""))] * count)
        fields = []
        for bound in (plain, open_):
            with Tracer() as tracer:
                fields.append(after(bound, {item.name: START for item in layer.inputs[:count]}))
                as_json(fields[-1])
            assert not tracer.guards, example
        assert unknown(fields[1]) == OPEN or describe(fields[0]) == describe(fields[1]), example
