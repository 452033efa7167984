"""What torch says of rewrites: it builds every new design, and the same function gives the same numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from layercli.design.suggest import verified
from layercli.errors import ExitCode
from layercli.measure.child import measure_in_process
from layercli.render.code import code
from layercli.report import Report
from tests.design.asking import analysed, asked, hold
from tests.render.code_judge import built

SAMPLED = [
    ("2*(conv2d 4 7 s=2 p=3 | gelu) | conv2d 8 5 p=2 bias=false | batchnorm2d | flatten | linear 3", (2, 4, 40, 40)),
    ("x: conv1d 4 9 p=4 | batchnorm1d | relu | add @x", (2, 4, 20)),
    (
        "cat dim=1 (conv3d 4 5 p=2 ; conv3d 4 3 p=1 padding_mode=replicate) | convtranspose3d 4 3 s=2 p=1",
        (1, 4, 6, 6, 6),
    ),
    ("conv2d 4 11 s=3 p=5 | relu | relu | upsample scale=2 | conv2d 2 1", (1, 4, 33, 33)),
    ("convtranspose1d 4 5 s=3 p=1 op=1 | 2*convtranspose1d 4 3 s=2", (2, 4, 9)),
    ("linear 32 | linear 8 | relu | dropout 0 | relu", (2, 4, 16)),
]


@pytest.mark.parametrize(("text", "shape"), SAMPLED, ids=[text[:40] for text, _ in SAMPLED])
def test_torch_builds_every_one_of_them(text: str, shape: tuple[int, ...]) -> None:
    found = verified(asked(text, shape), measure_in_process)
    assert len(found.items) > 1
    hold(found, shape)
    assert found.report.agrees
    for item in found.items:
        assert item.report.agrees, item.spec
        net = module(item.spec, shape)
        assert sum(each.numel() for each in net.parameters()) == item.saves["params"].after
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert net(torch.randn(shape)).shape == found.report.output.shape  # type: ignore[union-attr]


def test_a_difference_from_torch_is_a_bug() -> None:
    def lie(plan: Any) -> Any:
        answer = measure_in_process(plan)
        first, *rest = answer.outputs[-1]
        wrong = {**first, "shape": [*first["shape"][:-1], first["shape"][-1] + 1]}
        return answer._replace(outputs=(*answer.outputs[:-1], [wrong, *rest]))

    found = asked("conv2d 8 5", (1, 8, 9, 9))
    assert found.exit_code is ExitCode.OK
    assert verified(found, lie).exit_code is ExitCode.BUG


# --- the same function -----------------------------------------------------------------------------------------------


def module(text: str, shape: Sequence[int]) -> torch.nn.Module:
    """The design in torch, by the code that is printed for it."""
    return built(code(Report(analysed(text, shape), None, "not asked")))


def pair(text: str, shape: tuple[int, ...], name: str) -> tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]:
    """The old design and the new one in torch, and something to feed both."""
    torch.manual_seed(0)
    (item,) = asked(text, shape, [name]).items
    assert item.proposal.same_function
    return module(text, shape), module(item.spec, shape), torch.randn(shape)


def copied(old: torch.nn.Module, new: torch.nn.Module) -> None:
    """The weights of the layers that hold some, in order, by their class."""
    left = [layer for layer in old.modules() if layer._parameters or layer._buffers]
    for layer in new.modules():
        if layer._parameters or layer._buffers:
            mine = next(other for other in left if type(other) is type(layer))
            left.remove(mine)
            result = layer.load_state_dict(mine.state_dict(), strict=False)
            assert not result.missing_keys


@pytest.mark.parametrize(
    ("text", "shape", "name"),
    [
        ("upsample scale=2 mode=bilinear | conv2d 8 1", (1, 16, 8, 8), "1x1-order"),
        ("upsample scale=3 | conv1d 8 1", (2, 16, 8), "1x1-order"),
        ("conv2d 8 1 | avgpool2d 2", (1, 16, 8, 8), "1x1-order"),
        ("conv2d 8 1 | adaptiveavgpool2d 3", (1, 16, 8, 8), "1x1-order"),
        ("conv2d 8 3 | relu | relu", (1, 3, 8, 8), "no-effect"),
        ("conv2d 8 3 | maxpool2d 1", (1, 3, 8, 8), "no-effect"),
        ("conv2d 8 3 | instancenorm2d", (2, 3, 8, 8), "bias-before-norm"),
    ],
)
def test_the_same_numbers_come_out(text: str, shape: tuple[int, ...], name: str) -> None:
    old, new, x = pair(text, shape, name)
    copied(old, new)
    torch.testing.assert_close(new(x), old(x), rtol=1e-4, atol=1e-5)


def test_without_the_bias_a_batch_norm_gives_the_same() -> None:
    old, new, x = pair("conv2d 8 3 | batchnorm2d | relu", (4, 3, 8, 8), "bias-before-norm")
    copied(old, new)
    torch.testing.assert_close(new(x), old(x))  # in training, where both take the batch's mean
    for _ in range(5):
        old(torch.randn(4, 3, 8, 8))
    copied(old, new)
    bias = next(value for name, value in old.named_parameters() if name.endswith("bias") and value.shape == (8,))
    (mean,) = (value for name, value in new.named_buffers() if name.endswith("running_mean"))
    assert not torch.allclose(new.eval()(x), old.eval()(x))
    mean -= bias.detach()  # as it says of copied weights
    torch.testing.assert_close(new.eval()(x), old.eval()(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("first", ["linear 64", "linear 64 bias=false"])
@pytest.mark.parametrize("second", ["linear 10", "linear 10 bias=false"])
def test_one_linear_layer_is_the_product_of_two(first: str, second: str) -> None:
    old, new, x = pair(f"{first} | {second}", (8, 32), "merged-linear")
    layers = [layer for layer in old.modules() if isinstance(layer, torch.nn.Linear)]
    (merged,) = (layer for layer in new.modules() if isinstance(layer, torch.nn.Linear))
    with torch.no_grad():
        merged.weight.copy_(layers[1].weight @ layers[0].weight)
        bias = layers[1].bias if layers[1].bias is not None else torch.zeros(10)
        if layers[0].bias is not None:
            bias = bias + layers[1].weight @ layers[0].bias
        if merged.bias is not None:
            merged.bias.copy_(bias)
    torch.testing.assert_close(new(x), old(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "convtranspose2d 1 3 s=2",
        "convtranspose2d 1 5 s=2 p=2 op=1",
        "convtranspose2d 1 7 s=3",
        "convtranspose1d 1 5 s=4",
    ],
)
def test_there_is_no_checkerboard(text: str) -> None:
    """With all weights 1 a constant image gives a constant one, away from the border."""
    shape = (1, 2, *[12] * int(text[13]))

    def inside(spec: str) -> torch.Tensor:
        net = module(spec, shape)
        with torch.no_grad():
            for name, value in net.named_parameters():
                value.fill_(0.0 if name.endswith("bias") else 1.0)
            given = net(torch.ones(shape))
        return given[(..., *[slice(8, -8)] * (len(shape) - 2))]

    assert inside(text).unique().numel() > 1
    found = asked(text, shape, ["upsample-conv", "divisible-kernel"]).items
    assert {item.rewrite.name for item in found} == {"upsample-conv", "divisible-kernel"}
    for item in found:
        assert inside(item.spec).unique().numel() == 1, item.spec
