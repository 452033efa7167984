"""Formulas against autograd on whole nets: what is shared, what is a view, what a layer has to copy first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from layercli.analysis.memory import OPTIMIZERS, memory
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.measure.saved import saved_bytes
from layercli.plan import decode_input
from layercli.spec import parse
from tests.measure.test_saved import problem


def analysed(spec: str, shape: list[int], mode: str = "train", dtype: str | None = None) -> Analysis:
    analysis = analyse_spec(parse(spec), [decode_input(shape)], Options(mode=mode, dtype=dtype))
    assert analysis.error is None, analysis.error
    return analysis


VGG = "2*(conv2d 8 3 p=1 | relu inplace=true) | maxpool2d 2 | flatten | linear 16 | relu | dropout | linear 10"
RESIDUAL = (
    "conv2d 8 3 p=1 bias=false | batchnorm2d | relu inplace=true | maxpool2d 3 s=2 p=1 | "
    "add(conv2d 16 3 s=2 p=1 bias=false | batchnorm2d | relu | conv2d 16 3 p=1 bias=false | batchnorm2d ; "
    "conv2d 16 1 s=2 bias=false | batchnorm2d) | relu | adaptiveavgpool2d 1 | flatten | linear 10"
)
UNET = (
    "2*(conv2d 8 3 p=1 | relu) | cat dim=1 ( ; maxpool2d 2 | 2*(conv2d 16 3 p=1 | relu) | convtranspose2d 8 2 s=2) | "
    "2*(conv2d 8 3 p=1 | relu) | conv2d 2 1"
)
VIT = (
    "conv2d 16 4 s=4 | flatten 2 | transpose 1 2 | cat dim=1 (param 1,1,16 | expand 2,-1,-1 ; ) | "
    "add( ; param 1,17,16) | dropout 0.1 | transformerencoderlayer 4 ff=32 batch_first=true | "
    "add(layernorm | mha 4 batch_first=true ; ) | add(layernorm | linear 32 | gelu | linear 16 ; ) | "
    "select 1 0 | layernorm | linear 10"
)
ATTENTION = (
    "linear 16 | reshape 4,5,2,8 | permute 0,2,1,3 | matmul(matmul( ; transpose 2 3) | softmax -1 ; ) | "
    "permute 0,2,1,3 | reshape 4,5,16 | linear 3"
)
NETS = {
    "vgg": (VGG, [2, 3, 16, 16]),
    "resnet": (RESIDUAL, [2, 3, 32, 32]),
    "unet": (UNET, [1, 1, 32, 32]),
    "vit": (VIT, [2, 3, 16, 16]),
    "attention by hand": (ATTENTION, [4, 5, 16]),
    "depthwise": ("conv2d 8 3 p=1 g=4 | batchnorm2d | relu6 | conv2d 16 1 | batchnorm2d | hardswish", [2, 4, 8, 8]),
    "squeeze and excite": (
        "conv2d 8 1 | mul( ; adaptiveavgpool2d 1 | conv2d 2 1 | relu | conv2d 8 1 | sigmoid)", [2, 3, 8, 8],
    ),
    "gan": (
        "unflatten 1 16,1,1 | convtranspose2d 8 4 | batchnorm2d | relu | convtranspose2d 3 4 s=2 p=1 | tanh", [2, 16],
    ),
    "critic": ("conv2d 8 4 s=2 p=1 | leakyrelu 0.2 inplace=true | conv2d 1 4 | flatten | sigmoid", [2, 3, 16, 16]),
    "lstm": ("lstm 10 2 batch_first=true bidirectional=true | select 1 -1 | dropout | linear 2", [4, 5, 16]),
    "lstm, every step": ("lstm 10 batch_first=true | dropout | linear 2 | logsoftmax -1", [4, 5, 16]),
    "lstms": ("lstm 10 batch_first=true | lstm 6 batch_first=true | gru 6 | linear 4", [4, 5, 16]),
    "last state": ("gru 10 | pick 1 | squeeze 0 | linear 2", [4, 5, 16]),
    "encoder": ("transformerencoder 3 heads=4 ff=32 batch_first=true norm=true | linear 3", [2, 5, 16]),
    "encoder layers": (
        "transformerencoderlayer 4 ff=32 | transformerencoderlayer 4 ff=32 norm_first=true activation=gelu | linear 3",
        [5, 2, 16],
    ),
    "attentions": ("mha 4 batch_first=true | relu | mha 4 batch_first=true | mha 4 | linear 3", [4, 5, 16]),
    "loss": ("linear 8 | relu | linear 5 | crossentropyloss", [4, 16]),
    "channels last": ("conv2d 8 3 | permute 0,2,3,1 | linear 4 | layernorm | permute 0,3,1,2 | relu", [2, 3, 8, 8]),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", NETS)
def test_nets(name: str, mode: str) -> None:
    analysis = analysed(*NETS[name], mode)
    assert memory(analysis).kept is not None, memory(analysis).unknown
    assert problem(analysis, []) is None


@pytest.mark.parametrize(
    "spec",
    [
        "linear 8 | narrow 1 1 3 | linear 4",
        "linear 8 | narrow 1 1 3 | relu | linear 4",
        "linear 8 | narrow 0 1 3 | linear 4",
        "linear 8 | transpose 0 1 | linear 4",
        "linear 8 | transpose 1 2 | relu | flatten | gelu",
        "linear 8 | chunk 2 -1 | linear 3",
        "linear 8 | transpose 1 2 | flatten | linear 4",
        "linear 8 | permute 2,0,1 | layernorm | linear 4",
        "linear 8 | permute 2,0,1 | softmax 1 | linear 4",
        "linear 8 | unsqueeze 0 | linear 4 | squeeze 0 | relu",
        "linear 8 | reshape 2,2,5,8 | permute 1,0,2,3 | reshape 4,5,8 | linear 3",
        "linear 8 | expand 3,-1,-1,-1 | linear 3",
        "lstm 10 batch_first=true | select 0 -1 | linear 4",
        "lstm 10 | lstm 6 batch_first=true | linear 4",
        "add(mha 4 batch_first=true ; ) | linear 3",
        "add( ; mha 4 batch_first=true) | linear 3",
        "linear 8 | transpose 1 2 | conv1d 4 3 | relu",
        "linear 8 | transpose 1 2 | pad 1,1 | linear 3",
        "linear 8 | transpose 1 2 | stack( ; relu) | relu | linear 3",
        "linear 8 | mean dim=1 | linear 3",
        "linear 8 | amax dim=1 | relu",
        "linear 8 | crop 3,4 | linear 3",
        "linear 8 | matmul( ; transpose 1 2) | softmax -1",
        "linear 8 | mul( ; tanh ; sigmoid) | relu",
        "linear 8 | maximum( ; tanh ; sigmoid) | relu",
        "relu | dropout | linear 3 | dropout | dropout inplace=true | tanh",
        "identity | linear 3 | identity | relu | flatten | gelu",
    ],
)
def test_views_and_copies(spec: str) -> None:
    analysis = analysed(spec, [4, 5, 16])
    assert memory(analysis).kept is not None, memory(analysis).unknown
    assert problem(analysis, []) is None


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("name", ["resnet", "lstm", "loss"])
def test_dtypes(name: str, dtype: str) -> None:
    analysis = analysed(*NETS[name], dtype=dtype)
    assert memory(analysis).kept is not None
    assert problem(analysis, []) is None


def test_torchs_own_sequential() -> None:
    """Once without anything of ours in between: the same net written in torch."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(8 * 64, 10), nn.LogSoftmax(1),
    )  # fmt: skip
    images = torch.randn(4, 3, 16, 16)
    analysis = analysed(
        "conv2d 8 3 p=1 | batchnorm2d | relu inplace=true | maxpool2d 2 | flatten | dropout | linear 10 | logsoftmax 1",
        [4, 3, 16, 16],
    )
    own = [*net.parameters(), *net.buffers()]
    assert memory(analysis).kept == saved_bytes(torch, lambda: net(images), own)


MADE: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda own: torch.optim.SGD(own, 0.1),
    "momentum": lambda own: torch.optim.SGD(own, 0.1, momentum=0.9),
    "adam": lambda own: torch.optim.Adam(own),
    "adamw": lambda own: torch.optim.AdamW(own),
    "adagrad": lambda own: torch.optim.Adagrad(own),
    "rmsprop": lambda own: torch.optim.RMSprop(own),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    """The state after a step, and the gradients and parameters beside it."""
    net = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.LSTM(8, 4))
    optimizer = MADE[name](net.parameters())
    net(torch.randn(3, 16))[0].sum().backward()
    optimizer.step()
    state = [item for values in optimizer.state.values() for item in values.values() if isinstance(item, torch.Tensor)]
    account = memory(analysed("linear 8 | batchnorm1d | prelu | lstm 4", [3, 16]), name)
    assert account.optimizer_state == sum(item.nbytes for item in state)
    assert account.gradients == sum(item.grad.nbytes for item in net.parameters() if item.grad is not None)
    assert account.parameters == sum(item.nbytes for item in net.parameters())
    assert account.buffers == sum(item.nbytes for item in net.buffers())
