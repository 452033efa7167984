"""Formulas against autograd itself: what every layer keeps for backward, and how its output lies in memory.

Whole nets are held against torch in ``tests/measure/test_saved_nets.py``.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from layercli.analysis.kept import trace
from layercli.analysis.memory import memory
from layercli.analysis.walk import Analysis, Options, analyse_module, analyse_spec
from layercli.layers import find, known_names
from layercli.layers.definition import Layer
from layercli.measure.saved import recording, saved_bytes
from layercli.plan import encode_input, encode_module
from layercli.spec import parse
from tests.conformance.draws import analyser_of, draw
from tests.measure.kept_by_torch import kept_by_torch

DRAWN = int(os.environ.get("LAYERCLI_DRAWS", "25")) // 2
"""Calls of each class in one run of the tests."""

MODULES = [layer for name in known_names() if (layer := find(name)) and not layer.operation]
KNOWN = [layer for layer in MODULES if layer.kept is not None]
every_known = pytest.mark.parametrize("layer", KNOWN, ids=[layer.torch for layer in KNOWN])

NOT_WORKED_OUT = {
    "AdaptiveLogSoftmaxWithLoss": "hangs on the targets' values",
    "CTCLoss": "hangs on the lengths' values",
    "CosineEmbeddingLoss": "a dozen intermediates", "CosineSimilarity": "a dozen intermediates",
    "CrossMapLRN2d": "keeps a tensor where autograd does not see it",
    "EmbeddingBag": "hangs on the mode, the offsets and the number of threads",
    "Fold": "its output lies in a storage larger than itself",
    "GaussianNLLLoss": "hangs on how the variance is given", "HingeEmbeddingLoss": "intermediates by margin",
    "LinearCrossEntropyLoss": "hangs on how torch cuts it into chunks",
    "MarginRankingLoss": "intermediates by margin", "MultiLabelMarginLoss": "a loss that is seldom met",
    "MultiLabelSoftMarginLoss": "a dozen intermediates", "MultiMarginLoss": "a loss that is seldom met",
    "PairwiseDistance": "hangs on the norm", "PoissonNLLLoss": "intermediates by the form of the input",
    "SoftMarginLoss": "a loss that is seldom met",
    "TripletMarginLoss": "a dozen intermediates", "TripletMarginWithDistanceLoss": "a dozen intermediates",
}  # fmt: skip
"""The classes whose part is unknown, and why."""

REFUSED = ("not differentiable", "Found an invalid max index", "attn_mask", "is_causal")
"""What torch says where gradients are asked for that do not exist, and on the open way of what only a kernel takes."""


def asked(layer: Layer, r: Random, count: int) -> list[int]:
    """The inputs of a call that ask for a gradient: none as data, all as what other layers give, the first alone."""
    if r.random() < 0.4:
        return []
    return [0] if layer.torch.endswith(("Loss", "Loss2d")) or r.random() < 0.3 else list(range(count))


def problem(analysis: Analysis, asking: list[int]) -> str | None:
    """What differs between formulas and torch; None where nothing does, or where the formulas do not say."""
    assert analysis.plan is not None
    account, found = memory(analysis, asking=asking), trace(analysis.rows, asking)
    if account.kept is None:
        return None
    try:
        calls = kept_by_torch(analysis.plan, asking)
    except RuntimeError as error:
        if any(word in str(error) for word in REFUSED):
            return None
        raise
    sizes = [call.size for call in calls]
    if [row.size for row in account.rows] != sizes:
        return f"kept {[(row.size, row.tensors) for row in account.rows]}, torch {sizes}"
    for held, call in zip(found.first, calls):
        wide = [axis for axis, size in enumerate(held.shape) if size > 1 and 0 not in held.shape]
        if held.strides is not None and [held.strides[a] for a in wide] != [call.strides[a] for a in wide]:
            return f"strides of {held.shape} {held.strides}, torch {call.strides}"
    return None


@every_known
def test_formulas_and_autograd_agree(layer: Layer) -> None:
    problems = []
    for seed in range(DRAWN):
        r = Random(f"{layer.name}/{seed}/kept")
        mode = r.choice(("train", "eval"))
        module, inputs = draw(layer, r, mode)
        asking = asked(layer, r, len(inputs))
        analysis = analyse_module(module, inputs, Options(mode=mode), analyser_of(mode))
        found = None if analysis.error or analysis.plan is None else problem(analysis, asking)
        if found:
            said = f"{encode_module(module)} on {[encode_input(item) for item in inputs]} in {mode}, asking {asking}"
            problems.append(f"{said[:1000]}: {found}")
    assert not problems, f"{len(problems)} of {DRAWN}\n" + "\n".join(problems[:5])


@every_known
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("asking", [[], [0]], ids=["data", "activation"])
def test_default_inputs(layer: Layer, mode: str, asking: list[int]) -> None:
    """The usual call of a layer is known, not only some odd one."""
    example = next(example for example in layer.examples if " -" not in example)
    analysis = analyse_spec(parse(example), [], Options(mode=mode))
    assert analysis.error is None
    assert memory(analysis, asking=asking).kept is not None
    assert problem(analysis, asking) is None


def test_what_is_not_worked_out_is_listed() -> None:
    assert {layer.torch for layer in MODULES if layer.kept is None} == set(NOT_WORKED_OUT)


# --- how torch is asked ----------------------------------------------------------------------------------------------


def test_a_storage_counts_once_and_whole() -> None:
    linear = nn.Linear(4, 2, bias=False)
    whole = torch.randn(6, 4)

    def run() -> list[torch.Tensor]:
        return [linear(whole[:2]), linear(whole[2:])]

    assert saved_bytes(torch, run, linear.parameters()) == 6 * 4 * 4


def test_what_leads_to_no_result_is_let_go() -> None:
    linear = nn.Linear(4, 4)

    def run() -> Any:
        linear(torch.randn(100, 4)).exp()
        return linear(torch.randn(2, 4))

    assert saved_bytes(torch, run, linear.parameters()) == 2 * 4 * 4


def test_calls_one_after_another() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Sigmoid())
    value, kept = torch.randn(3, 4), []
    with recording(torch, net.parameters()) as recorder:
        for layer in net:
            value = layer(value)
            kept.append(recorder.newly())
    assert kept == [3 * 4 * 4, 3 * 8 * 4, 0, 3 * 8 * 4]
    assert recorder.total == sum(kept)


def test_the_callers_settings_stay() -> None:
    before = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled(), torch.is_grad_enabled()
    with torch.no_grad():
        assert saved_bytes(torch, lambda: nn.Linear(2, 2)(torch.randn(2, 2)), ()) > 0
        assert not torch.is_grad_enabled()
    assert (
        torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled(), torch.is_grad_enabled()
    ) == before  # fmt: skip
