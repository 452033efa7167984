"""Formulas against torch itself, live: acceptance, every shape and dtype, parameters, buffers, multiply-adds."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import pytest

from layercli.analysis.walk import Analysis, Options, analyse_module
from layercli.layers import families, find
from layercli.measure.child import measure_in_process
from layercli.measurement import MEASURED, Measurement
from layercli.plan import Call, Input, Module, Plan, Ref, encode_input, encode_module
from layercli.report import Report
from tests.conformance.draws import DRAWS

DRAWN = 120
"""Calls of each class in one run of the tests."""


def ask_torch(module: Module, inputs: list[Input], mode: str, macs: bool) -> Measurement:
    """What torch does with the call, whatever the formulas say of it."""
    args = tuple(Ref(None, (index,)) for index, item in enumerate(inputs) if item.name is None)
    kwargs = {item.name: Ref(None, (index,)) for index, item in enumerate(inputs) if item.name is not None}
    call = Call(0, args, kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return measure_in_process(Plan((module,), tuple(inputs), (call,), mode=mode, device="cpu", count_macs=macs))


def hangs_on_the_machine(module: Module, analysis: Analysis) -> bool:
    """Calls that torch answers by the backend it finds (oneDNN): empty outputs and no dilation, transposed."""
    said = str(analysis.error)
    return module.torch.startswith("ConvTranspose") and ("would have 0 cells" in said or "dilation must be" in said)


def problem(name: str, seed: int) -> str | None:
    """What differs between formulas and torch on one drawn call; None where nothing does."""
    r = Random(f"{name}/{seed}")
    module, inputs = DRAWS[name](r)
    mode = r.choice(("train", "eval"))
    analysis = analyse_module(module, inputs, Options(mode=mode))
    if hangs_on_the_machine(module, analysis):
        return None
    plain = all(getattr(item.feed, "dtype", "float32") == "float32" for item in inputs)
    found = ask_torch(module, inputs, mode, macs=analysis.error is None and plain and seed % 4 == 0)
    said = f"seed {seed}: {encode_module(module)} on {[encode_input(item) for item in inputs]} in {mode}: "
    if found.status != MEASURED:
        return said + found.reason
    if analysis.error is not None:
        accepted = found.error is None
        internal = analysis.error.code.startswith("internal")
        return said + f"formulas refuse, torch accepts: {analysis.error}" if accepted or internal else None
    if found.error is not None:
        return said + f"formulas accept, torch refuses: {found.error.message}"
    wrong = [check for check in Report(analysis, found).checks if check.status != "agrees"]
    return said + f"{wrong}" if wrong else None


@pytest.mark.parametrize("name", DRAWS)
def test_formulas_and_torch_agree(name: str) -> None:
    problems: list[Any] = [found for seed in range(DRAWN) if (found := problem(name, seed))]
    assert not problems, "\n".join(problems[:5])


def test_every_layer_is_drawn() -> None:
    torch_names = {layer.torch for names in families().values() for name in names if (layer := find(name))}
    assert torch_names == set(DRAWS), "add the layer to tests/conformance/draws.py"


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_worth_drawing(name: str) -> None:
    """At least a quarter of the calls of a class are valid, so that a rule that refuses everything is seen."""
    drawn = [DRAWS[name](Random(f"{name}/{seed}")) for seed in range(DRAWN)]
    accepted = [analyse_module(module, inputs, Options()).error is None for module, inputs in drawn]
    assert sum(accepted) > DRAWN / 4
