"""Every rewrite on its example and not beside it, and what each of them writes."""

from __future__ import annotations

import re

import pytest

from layercli.cli import verb_suggest
from layercli.design.rewrites import Rewrite, rewrites
from tests.design.asking import after, asked

every_rewrite = pytest.mark.parametrize("rewrite", rewrites().values(), ids=rewrites())


# --- the catalogue ---------------------------------------------------------------------------------------------------


def shape_of(rewrite: Rewrite) -> tuple[int, ...]:
    return tuple(map(int, rewrite.given.split(",")))


@every_rewrite
def test_a_rewrite_holds_on_its_example_and_not_beside_it(rewrite: Rewrite) -> None:
    names = [item.rewrite.name for item in asked(rewrite.example, shape_of(rewrite)).items]
    assert rewrite.name in names, f"{rewrite.name} has nothing to say of its own example: {rewrite.example}"
    near = asked(rewrite.near_miss, shape_of(rewrite))
    assert rewrite.name not in [item.rewrite.name for item in near.items], "it speaks on its near miss too"
    assert near.report.ok is not rewrite.mends


@every_rewrite
def test_a_rewrite_is_told_in_words(rewrite: Rewrite) -> None:
    assert re.fullmatch(r"[0-9a-z-]+", rewrite.name)
    assert rewrite.what.endswith(".")
    assert rewrite.title
    assert rewrite.source
    assert rewrite.name in (verb_suggest.__doc__ or ""), "the help lists every name that --only takes"


@every_rewrite
def test_a_rewrite_keeps_the_function_or_says_that_it_does_not(rewrite: Rewrite) -> None:
    for item in asked(rewrite.example, shape_of(rewrite), [rewrite.name]).items:
        words = " ".join(item.loses)
        assert rewrite.mends or item.proposal.same_function is not ("another function" in words)


# --- what each of them writes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "shape", "written"),
    [
        ("stacked-3x3", "conv2d 8 5 p=2", (1, 8, 9, 9), ["conv2d 8 3 p=1 | relu | conv2d 8 3 p=1"]),
        ("stacked-3x3", "conv2d 8 5 p=1", (1, 8, 9, 9), ["conv2d 8 3 p=1 | relu | conv2d 8 3"]),
        ("stacked-3x3", "conv2d 8 5 p=same", (1, 8, 9, 9), ["conv2d 8 3 p=same | relu | conv2d 8 3 p=same"]),
        ("stacked-3x3", "conv3d 4 5 p=2", (1, 4, 9, 9, 9), ["conv3d 4 3 p=1 | relu | conv3d 4 3 p=1"]),
        ("stacked-3x3", "conv1d 8 7 p=3", (1, 8, 99), []),  # along one axis three of 3 hold more than one of 7
        ("stacked-3x3", "conv2d 8 7,3 p=3,1", (1, 8, 9, 9),
         ["conv2d 8 3 p=1 | relu | conv2d 8 3,1 p=1,0 | relu | conv2d 8 3,1 p=1,0"]),
        ("stacked-3x3", "conv2d 8 7 s=2 p=3", (1, 8, 9, 9), ["conv2d 8 3 s=2 p=1 | relu | conv2d 8 3 p=1"]),
        ("stacked-3x3", "conv2d 8 5 s=2 p=2", (1, 8, 9, 9), []),  # its 3x3s cost more multiply-adds
        ("stacked-3x3", "conv2d 8 7 p=3", (1, 3, 9, 9), []),  # more weights behind the first
        ("stacked-3x3", "conv2d 8 5 p=4", (1, 8, 9, 9), []),
        ("stacked-3x3", "conv2d 8 5 d=2", (1, 8, 9, 9), []),
        ("stacked-3x3", "conv2d 8 6", (1, 8, 9, 9), []),
        ("stacked-3x3", "conv2d 8 5 g=8 bias=false padding_mode=reflect p=2 | batchnorm2d | silu", (2, 8, 9, 9),
         ["conv2d 8 3 p=1 g=8 bias=false padding_mode=reflect | silu | "
          "conv2d 8 3 p=1 g=8 bias=false padding_mode=reflect | batchnorm2d | silu"]),
        ("depthwise-separable", "conv2d 16 3 s=2 p=1 d=2 bias=false", (1, 8, 9, 9),
         ["conv2d 8 3 s=2 p=1 d=2 g=8 bias=false | conv2d 16 1 bias=false"]),
        ("depthwise-separable", "conv3d 16 3", (1, 8, 4, 4, 4), ["conv3d 8 3 g=8 bias=false | conv3d 16 1"]),
        ("depthwise-separable", "conv2d 1 3", (1, 8, 4, 4), []),  # one filter costs no more than that
        ("depthwise-separable", "conv2d 8 1", (1, 8, 4, 4), []),
        ("depthwise-separable", "conv2d 8 3", (1, 1, 4, 4), []),
        ("1xk-kx1", "conv2d 8 5 s=2,3 p=2 d=1,2", (1, 8, 30, 30),
         ["conv2d 8 1,5 s=1,3 p=0,2 d=1,2 | relu | conv2d 8 5,1 s=2,1 p=2,0"]),
        ("1xk-kx1", "conv1d 8 5", (1, 8, 30), []),
        ("dilated", "conv2d 8 9 p=4", (1, 8, 30, 30), ["conv2d 8 3 p=4 d=4"]),
        ("dilated", "conv2d 8 3,5 p=same", (1, 8, 30, 30), ["conv2d 8 3 p=same d=1,2"]),
        ("dilated", "conv2d 8 5 s=2", (1, 8, 30, 30), []),  # stride and dilation share a factor: half is never read
        ("dilated", "2*(conv2d 8 5 p=2 | relu)", (1, 8, 30, 30), []),  # a grid: conv.gridding
        ("upsample-conv", "convtranspose2d 8 3 s=2", (1, 8, 4, 4), ["upsample scale=2 | conv2d 8 4 p=2"]),
        ("upsample-conv", "convtranspose1d 8 5 s=3 p=1", (1, 8, 4), ["upsample scale=3 | conv1d 8 5 p=2"]),
        ("upsample-conv", "convtranspose2d 8 3 s=2,1 p=1,0 op=1,0", (1, 8, 4, 4),
         ["upsample scale=2,1 | conv2d 8 3 p=1,2"]),
        ("upsample-conv", "convtranspose2d 8 3 s=2", (8, 4, 4), []),  # an image without a batch is none to upsample
        ("upsample-conv", "convtranspose2d 8 3 s=2 d=2", (1, 8, 4, 4), []),
        ("divisible-kernel", "convtranspose2d 8 5 s=2 p=2 op=1", (1, 8, 4, 4), ["convtranspose2d 8 4 s=2 p=1"]),
        ("divisible-kernel", "convtranspose2d 8 3 s=2 p=1 op=1", (1, 8, 4, 4), ["convtranspose2d 8 4 s=2 p=1"]),
        # no output padding where nothing was taken off: its cells would hold the bias alone
        ("divisible-kernel", "convtranspose2d 8 5 s=2", (1, 8, 4, 4), ["convtranspose2d 8 6 s=2 p=1 op=1"]),
        ("global-average-pool", "conv2d 8 3 | maxpool2d 2 | flatten | dropout | linear 4", (1, 3, 8, 8),
         ["conv2d 8 3 | maxpool2d 2 | adaptiveavgpool2d 1 | flatten | dropout | linear 4"]),
        ("global-average-pool", "adaptiveavgpool2d 2 | flatten | linear 4", (1, 8, 8, 8),
         ["adaptiveavgpool2d 1 | flatten | linear 4"]),
        ("global-average-pool", "adaptivemaxpool2d 2 | flatten | linear 4", (1, 8, 8, 8),
         ["adaptivemaxpool2d 2 | adaptiveavgpool2d 1 | flatten | linear 4"]),
        ("global-average-pool", "conv2d 8 3 | f: flatten | linear 4 | cat dim=1 @f", (1, 3, 8, 8), []),
        ("global-average-pool", "flatten 2 | linear 4", (1, 3, 8, 8), []),
        ("1x1-order", "conv2d 8 1 | avgpool2d 2", (1, 16, 8, 8), ["avgpool2d 2 | conv2d 8 1"]),
        ("1x1-order", "up: upsample scale=2 | c: conv2d 8 1 | relu | add @c", (1, 16, 8, 8),
         ["up: conv2d 8 1 | c: upsample scale=2 | relu | add @c"]),
        ("1x1-order", "conv2d 8 1 | maxpool2d 2", (1, 16, 8, 8), []),
        ("merged-linear", "linear 64 bias=false | linear 10 bias=false", (8, 32), ["linear 10 bias=false"]),
        ("merged-linear", "h: linear 64 | linear 10 @h", (8, 32), ["h: identity | linear 10 @h"]),
        ("merged-linear", "linear 4 | linear 32", (8, 32), []),  # a bottleneck is a design
        ("bias-before-norm", "2*(conv2d 8 3 p=1 | batchnorm2d | relu) | linear 4", (2, 8, 4, 4),
         ["2*(conv2d 8 3 p=1 bias=false | batchnorm2d | relu) | linear 4"]),
        ("bias-before-norm", "conv2d 8 3 bias=true | batchnorm2d | conv2d 8 1 | instancenorm2d", (2, 8, 4, 4),
         ["conv2d 8 3 bias=false | batchnorm2d | conv2d 8 1 bias=false | instancenorm2d"]),
        ("bias-before-norm", "c: conv2d 8 3 p=1 | batchnorm2d | add @c", (2, 8, 4, 4), []),
        ("no-effect", "sigmoid | relu", (2, 8), ["sigmoid"]),
        ("no-effect", "conv2d 8 3 | maxpool2d 1 | relu", (1, 3, 8, 8), ["conv2d 8 3 | relu"]),
        ("no-effect", "linear 8 | relu | x: relu | add @x", (2, 8), ["linear 8 | relu | x: identity | add @x"]),
        ("no-effect", "logsoftmax 1 | softmax 1", (2, 8), []),
        ("no-effect", "linear 8 | dropout 1", (2, 8), []),
    ],
)  # fmt: skip
def test_what_a_rewrite_writes(name: str, text: str, shape: tuple[int, ...], written: list[str]) -> None:
    assert after(text, shape, name) == written


def test_figures_by_hand() -> None:
    found = asked("conv2d 64 7 p=3", (1, 64, 56, 56))
    saved = {item.rewrite.name: item.saves["params"] for item in found.items}
    assert {name: change.before for name, change in saved.items()} == dict.fromkeys(saved, 64 * 64 * 49 + 64)
    assert {name: change.after for name, change in saved.items()} == {
        "depthwise-separable": 64 * 49 + 64 * 64 + 64,
        "dilated": 64 * 64 * 9 + 64,
        "1xk-kx1": 2 * (64 * 64 * 7 + 64),
        "stacked-3x3": 3 * (64 * 64 * 9 + 64),
    }
    macs = [item.saves["macs"].after for item in found.items]
    assert macs == sorted(macs)
    stacked = found.items[-1]
    assert stacked.saves["macs"].after == 3 * 64 * 64 * 9 * 56 * 56
    assert stacked.saves["saved_bytes"].after == 3 * 4 * 64 * 56 * 56, "the input, and what goes into two convolutions"
    assert stacked.saves["saved_bytes"].saved == -2 * 4 * 64 * 56 * 56
    assert stacked.saves["params"].ratio == pytest.approx(110784 / 200768)


def test_what_is_kept_and_what_is_not() -> None:
    found = {item.rewrite.name: item for item in asked("conv2d 64 7 p=3 | maxpool2d 2", (1, 64, 56, 56)).items}
    field = "receptive field of the step 7x7, stride 1, padding 3, of the whole 8x8, stride 2, padding 3"
    assert found["stacked-3x3"].keeps == ("output shape 1,64,28,28", field)
    assert found["stacked-3x3"].loses == (
        "another function: 2 more nonlinearities, new weights",
        "at the border: what lies between is padded too",
    )
    assert "9 of the 49 cells" in found["dilated"].loses[0]
    (bias,) = asked("conv2d 8 3 | batchnorm2d", (2, 3, 8, 8), ["bias-before-norm"]).items
    assert bias.proposal.same_function
    assert "running_mean" in bias.loses[0]
    (bias,) = asked("conv2d 8 3 | instancenorm2d", (2, 3, 8, 8), ["bias-before-norm"]).items
    assert bias.loses == ()
    (up,) = asked("convtranspose2d 8 3 s=2", (1, 8, 4, 4), ["upsample-conv"]).items
    assert "no checkerboard" in up.proposal.gain
    assert any("receptive field" in text for text in up.loses)
    assert up.saves["macs"].saved is not None
    assert up.saves["macs"].saved < 0
