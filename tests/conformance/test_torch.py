"""Formulas against torch itself, live: acceptance, every shape and dtype, parameters, buffers, multiply-adds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random

import pytest

from layercli.analysis.walk import Options, analyse_module
from layercli.layers import find, known_names
from layercli.layers.definition import Layer
from layercli.measure.child import Reusable
from tests.conformance.draws import analyser_of, draw
from tests.conformance.judge import plan_of, problem

DRAWN = int(os.environ.get("LAYERCLI_DRAWS", "25"))
"""Calls of each class in one run of the tests."""

LAYERS = [layer for name in known_names() if (layer := find(name)) and not layer.operation]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=[layer.torch for layer in LAYERS])


@pytest.fixture(scope="module")
def torch_child() -> Iterator[Reusable]:
    """Torch in a process of its own: a real module can take it down. What it runs of ours is not counted as covered."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE")]:
            patch.delenv(name)
        with Reusable() as child:
            yield child


def difference(layer: Layer, seed: int, torch_child: Reusable) -> str | None:
    """What differs between formulas and torch on one drawn call; None where nothing does."""
    r = Random(f"{layer.name}/{seed}")
    mode = r.choice(("train", "eval"))
    module, inputs = draw(layer, r, mode)
    analysis = analyse_module(module, inputs, Options(mode=mode), analyser_of(mode))
    plain = all(getattr(item.feed, "dtype", "float32") in ("float32", "int64") for item in inputs)
    macs = analysis.error is None and plain and seed % 8 == 0
    found = torch_child.ask(plan_of(module, inputs, mode, macs))
    said = problem(module, inputs, mode, analysis, found)
    return f"seed {seed}: {said}" if said else None


@every_layer
def test_formulas_and_torch_agree(layer: Layer, torch_child: Reusable) -> None:
    problems = [found for seed in range(DRAWN) if (found := difference(layer, seed, torch_child))]
    assert not problems, f"{len(problems)} of {DRAWN}\n" + "\n".join(problems[:5])


@every_layer
def test_draws_are_worth_drawing(layer: Layer) -> None:
    """At least a quarter of the calls of a class are valid, so that a rule that refuses everything is seen."""
    drawn = [draw(layer, Random(f"{layer.name}/{seed}")) for seed in range(40)]
    analysed = [analyse_module(module, inputs, Options(), analyser_of("train")) for module, inputs in drawn]
    assert sum(analysis.error is None for analysis in analysed) > 10
