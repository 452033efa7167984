"""The formulas against what torch lists of itself: its table of modules, and the examples in its docstrings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from typing import Any

import pytest

from layercli.analysis.layer import Analyser
from layercli.analysis.walk import Options, analyse_module
from layercli.layers import find, known_names
from layercli.measurement import Measurement
from layercli.plan import decode_input, decode_module
from tests.conformance.judge import problem

CALLS = {"tables": 1000, "docstrings": 150}
"""How many calls there are at least: fewer would mean that the recorder has lost some."""

SKIPPED = ("built-in function", "LinearCrossEntropyOptions")
"""What the vocabulary has no word for: functions as arguments (an activation), and one loss's hints about memory."""


@cache
def recorded(which: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.conformance.record", which]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("which", CALLS)
def test_formulas_and_torch_agree(which: str) -> None:
    calls = [call for call in recorded(which) if "skipped" not in call]
    assert len(calls) >= CALLS[which]
    analysers = {mode: Analyser(mode) for mode in ("train", "eval")}
    problems = []
    for call in calls:
        module, mode = decode_module(call["module"]), call["mode"]
        inputs = [decode_input(item) for item in call["inputs"]]
        analysis = analyse_module(module, inputs, Options(mode=mode), analysers[mode])
        found = problem(module, inputs, mode, analysis, Measurement.from_json(call["measurement"]))
        if found:
            problems.append(f"{call['origin']}: {found}")
    assert not problems, f"{len(problems)} of {len(calls)}\n" + "\n".join(problems[:8])


@pytest.mark.parametrize("which", CALLS)
def test_little_is_skipped(which: str) -> None:
    skipped = Counter(call["skipped"] for call in recorded(which) if "skipped" in call)
    strange = {reason: times for reason, times in skipped.items() if not any(word in reason for word in SKIPPED)}
    assert not strange
    assert sum(times for reason, times in skipped.items() if SKIPPED[0] in reason) < 20


SILENT = {
    "AdaptiveLogSoftmaxWithLoss", "CrossMapLRN2d", "MaxUnpool2d", "MultiheadAttention", "NLLLoss2d",
    "TripletMarginWithDistanceLoss", "Unflatten",
}  # fmt: skip
"""Classes whose docstrings hold no example that can be told: none at all, or one with a function of one's own."""


def test_the_docstrings_speak_of_every_other_layer() -> None:
    classes = {call["module"]["layer"] for call in recorded("docstrings") if "skipped" not in call}
    silent = {layer.torch for name in known_names() if (layer := find(name)) and not layer.operation} - classes
    assert {name for name in silent if not name.startswith("Lazy")} <= SILENT


def test_lazy_classes_are_asked_as_lazy() -> None:
    classes = {call["module"]["layer"] for call in recorded("tables") if "skipped" not in call}
    assert {"LazyConv2d", "LazyConvTranspose3d"} <= classes
