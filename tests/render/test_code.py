"""The code that is printed is run: it gives the same numbers as the design, with as many parameters and buffers."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from layercli.layers import find
from layercli.layers.index import FAMILIES
from layercli.plan import Input, Packing, Tensor
from tests.render.code_designs import ODD, REFERENCES, Drawn
from tests.render.code_judge import ask, judge

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESIGNS = sorted((ROOT / "docs" / "designs").glob("*.layers"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """With several, what an unpooling writes twice is the one or the other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("spec", [*REFERENCES, *ODD])
def test_the_code_gives_what_the_formulas_say(spec: str) -> None:
    judge(ask(spec))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda path: path.stem)
def test_the_code_of_a_design_of_the_docs(design: pathlib.Path) -> None:
    judge(ask(design.read_text("utf-8")))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_code_of_every_layers_examples(family: str) -> None:
    for torch_name in FAMILIES[family][1]:
        layer = find(torch_name.lower())
        assert layer is not None
        for example in layer.examples:
            spec, inputs, options = as_run(example)
            if layer.name not in NOT_ALONE:
                judge(ask(spec, *inputs, **options))


NOT_ALONE = ("input",)
"""Steps that are no design by themselves."""


def as_run(example: str) -> tuple[str, list[Input], dict[str, Any]]:
    """An example of the docs as a spec, its inputs and its options."""
    options: dict[str, Any] = {"mode": "eval"} if " --eval" in example else {}
    options |= {"unroll": True} if " --unroll" in example else {}
    spec, *given = re.sub(" --(eval|unroll)", "", example).split(" -i ")
    return spec, [given_input(text) for text in given], options


def given_input(text: str) -> Input:
    name, _, shape = text.rpartition("=")
    sizes, _, dtype = shape.partition(":")
    return Input(Tensor(tuple(map(int, sizes.split(","))), dtype), name or None)


@pytest.mark.parametrize(
    ("spec", "inputs", "options", "said"),
    [
        ("lstm 20", ["5,3,16", "h_0=1,3,20", "c_0=1,3,20"], {}, "self.lstm(x, (h_0, c_0))"),
        ("gru 20 | linear 3", ["5,3,16", "hx=1,3,20"], {}, "def forward(self, x, hx):"),
        ("mha 2", ["5,3,16", "key=7,3,16", "value=7,3,16"], {}, "self.attn(x, key, value)"),
        ("convtranspose2d 4 3 s=2", ["1,3,8,8", "output_size=18,18"], {}, "self.upconv(x, output_size=(18, 18))"),
        ("linear 4 | crossentropyloss", ["8,16", "target=8:int64"], {}, "self.loss(x, target)"),
        ("add", ["1,8,16,16", "1,8,1,1"], {}, "return x + y"),
        ("embeddingbag 10 3", ["12:int64", "offsets=4:int64"], {}, "self.embedding(x, offsets=offsets)"),
        ("conv2d 8 3 | relu", ["1,3,16,16"], {"dtype": "float64"}, ").to(torch.float64)"),
        ("add(linear 16; param 16)", ["3,16"], {"dtype": "float64"}, "self.to(torch.float64)"),
        ("nn.Linear(16, 3, dtype=torch.float64)", ["2,16:float64"], {}, "nn.Linear(16, 3, dtype=torch.float64)"),
        ("dropout 0.5 | batchnorm1d", ["2,16"], {"mode": "eval"}, "nn.Dropout(0.5)"),
        ("lstmcell 20", ["5,3,16"], {"unroll": True}, "for x in sequence:"),
        ("lstmcell 20", ["5,3,16", "h_0=3,20", "c_0=3,20"], {"unroll": True}, "hx = (h_0, c_0)"),
        ("grucell 20", ["5,3,16", "hx=3,20"], {"unroll": True, "dtype": "float64"}, "hx = self.cell(x, hx)"),
        ("rnncell 20", ["5,16"], {"unroll": True}, "hx=None"),
    ],
)  # fmt: skip
def test_inputs_and_options(spec: str, inputs: list[str], options: dict[str, Any], said: str) -> None:
    assert said in judge(ask(spec, *map(given_input, inputs), **options))


@pytest.mark.parametrize("part", range(6))
def test_the_code_of_random_designs(part: int) -> None:
    for seed in range(20):
        judge(ask("input 2,8,4,4 | " + Drawn(f"{part}/{seed}").chain(2)))


def test_a_packed_sequence_and_a_tuple_of_states() -> None:
    packed = Tensor((5, 3, 16), packed=Packing((5, 4, 2)))
    judge(ask("gru 8", Input(packed)))
    state = Input((Tensor((1, 3, 8)), Tensor((1, 3, 8))), "hx")
    assert "def forward(self, x, hx):" in judge(ask("lstm 8", Input(Tensor((5, 3, 16))), state))
