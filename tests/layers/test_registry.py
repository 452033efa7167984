"""Every definition, walked: what a definition must have is said here, and by the message that fails."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layercli import analyze
from layercli.cli.catalogue import VERBS
from layercli.cli.layer import spellings
from layercli.cli.options import LONG_AND_SHORT
from layercli.layers import families, find, find_torch, known_names, suggest
from layercli.layers.definition import REQUIRED, Layer, Let, Same, TensorIn, TupleIn
from layercli.layers.index import ALIASES
from layercli.layers.registry import CALLED
from layercli.spec import parse

LAYERS = [layer for name in known_names() if (layer := find(name)) is not None]
ids = [layer.name for layer in LAYERS]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=ids)
MODULES = [layer for layer in LAYERS if not layer.operation]
every_module = pytest.mark.parametrize("layer", MODULES, ids=[layer.name for layer in MODULES])


def test_names_are_unique_and_no_verb() -> None:
    assert len(set(ids)) == len(ids)
    assert not {*ids, *ALIASES} & set(VERBS), "a layer and a verb share a name"
    assert not set(ids) & set(ALIASES), "a layer and an alias share a name"
    assert {layer.name for alias in ALIASES if (layer := find(alias))} <= set(ids)
    assert sorted(name for names in families().values() for name in names) == sorted(ids)


def test_finding_a_layer_builds_its_family_only() -> None:
    code = "import sys; from layercli.layers import find; find('relu'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "layercli.layers.activation" in loaded
    assert "layercli.layers.conv" not in loaded
    assert "torch" not in loaded


def test_find_by_torch_class_is_exact() -> None:
    assert find_torch("Conv2d") is find("conv2d")
    assert find_torch("conv2d") is None
    assert find("nosuch") is None
    assert "conv2d" in suggest("conv2")


def test_what_people_call_a_layer_leads_to_it() -> None:
    for layer, names in CALLED.items():
        assert find(layer) is not None, layer
        for name in names.split():
            assert find(name) is None, f"{name} is a layer itself"
            assert suggest(name.title()) == (layer,)
    assert suggest("batch_norm") == ("batchnorm1d", "batchnorm2d", "batchnorm3d")
    assert suggest("global_avg_pool2d") == ("adaptiveavgpool2d",)


@every_layer
def test_a_definition_says_what_it_is(layer: Layer) -> None:
    assert layer.summary.endswith("."), "summary: one sentence"
    assert layer.prose, "prose: what a newcomer should know"
    assert layer.examples, "examples: at least one"
    assert layer.default_input, "default_input: the shape taken without -i"
    for key in layer.keys:
        assert key.meaning, f"{key.name}: say what it means"
        assert key.kind.describe != "a value", f"{key.name}: say what it may hold"
    for name in layer.positional:
        assert layer.key(name) is not None, f"positional {name} is no key"


@every_layer
def test_key_names_are_unique(layer: Layer) -> None:
    names = [name for key in layer.keys for name in key.names]
    assert len(set(names)) == len(names), f"two keys share a name: {sorted(names)}"
    options = [option for key in layer.keys for spelling in spellings(key) for option in spelling.split("/")]
    assert len(set(options)) == len(options), f"two options are one: {sorted(options)}"
    assert not set(options) & LONG_AND_SHORT, "a key takes the option of a shared setting"


def test_a_short_key_means_one_thing() -> None:
    meanings: dict[str, set[str]] = {}
    for layer in LAYERS:
        for key in layer.keys:
            for alias in key.aliases:
                if len(alias) <= 2 and alias != "in":
                    meanings.setdefault(alias, set()).add(key.name)
    several = {alias: names for alias, names in meanings.items() if len(names) > 1}
    assert several == {"o": {"out_channels", "out_features"}}, "a short key has two meanings"


@every_layer
def test_a_short_name_is_no_argument_of_torch(layer: Layer) -> None:
    torch_names = {key.name for key in layer.keys}
    taken = {alias for key in layer.keys for alias in key.aliases if alias in torch_names and alias != key.name}
    assert not taken, f"{taken} are torch's own names for something else"


@every_module
def test_every_argument_of_torch_is_a_key_with_torchs_default(layer: Layer) -> None:
    import torch

    expected = {**_signature(torch, layer.torch)}
    keys = {key.name: key for key in layer.keys}
    assert set(keys) == set(expected), "keys and torch's arguments differ"
    for name, default in expected.items():
        ours = keys[name].default
        if isinstance(ours, Same):
            assert default is None, f"{name}: a default taken from another key stands for torch's None"
        elif default is inspect.Parameter.empty:
            assert ours is REQUIRED, f"{name} is required by torch"
        else:
            default = default.__name__ if inspect.isfunction(default) else default
            assert ours == default, f"{name}: torch's default is {default!r}"
    positional = [key.name for key in layer.keys if not key.keyword_only]
    assert positional == [name for name in expected if not keys[name].keyword_only], "torch's order of arguments"


def _signature(torch: Any, name: str) -> dict[str, Any]:
    """torch's arguments but for the run's own; RNN, LSTM and GRU hide theirs behind ``*args``."""
    recurrent = name in ("RNN", "LSTM", "GRU")
    source = inspect.signature(torch.nn.RNNBase.__init__ if recurrent else getattr(torch.nn, name).__init__)
    run = ("self", "device", "dtype", *(["mode"] if recurrent else []))
    found = {
        parameter.name: parameter.default
        for parameter in source.parameters.values()
        if parameter.name not in run and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    if name in ("RNN", "GRU"):
        del found["proj_size"]
    if name == "RNN":
        items = list(found.items())
        found = dict([*items[:3], ("nonlinearity", "tanh"), *items[3:]])
    return found


@every_module
def test_device_and_dtype_are_taken_where_torch_takes_them(layer: Layer) -> None:
    import torch

    recurrent = layer.torch in ("RNN", "LSTM", "GRU")
    taken = inspect.signature(torch.nn.RNNBase if recurrent else getattr(torch.nn, layer.torch)).parameters
    tensors = bool(layer.params or layer.buffers)
    assert (layer.factory and tensors) == ("dtype" in taken), "Layer.factory says whether torch takes device and dtype"


def test_the_macs_of_one_layer_alone_are_unknown() -> None:
    """They depend on the targets there; everywhere else a formula gives them."""
    assert [layer.torch for layer in LAYERS if layer.macs_unknown] == ["AdaptiveLogSoftmaxWithLoss"]


@every_layer
def test_every_key_says_what_it_is_and_what_it_does(layer: Layer) -> None:
    silent = [key.name for key in layer.shell_keys if not key.meaning or not key.effect]
    assert not silent, f"keys without a meaning or an effect: {silent}"
    assert layer.summary.endswith(".")
    assert layer.prose.count(". ") + 1 >= 2, "two sentences of prose: what it is for, what decides its shape"
    assert layer.examples


@every_layer
def test_what_a_key_is_drawn_from_is_taken(layer: Layer) -> None:
    for key in layer.shell_keys:
        for value in key.kind.typical():
            key.kind.read(value)


@every_layer
def test_every_symbol_has_a_meaning(layer: Layer) -> None:
    for mode in ("train", "eval"):
        report = analyze(layer.examples[0].split(" --")[0], mode=mode, run=False)
        assert report.ok, report.analysis.error
        for row in report.analysis.rows:
            missing = [name for name, meaning in row.bound.legend().items() if not meaning]
            assert not missing, f"symbols without a meaning: {missing}"


@every_layer
def test_inputs_speak_of_rules_that_exist(layer: Layer) -> None:
    from layercli.layers.dtypes import RULES

    for item in layer.inputs:
        for part in item.items if isinstance(item, TupleIn) else (item,):
            if isinstance(part, TensorIn) and isinstance(part.dtypes, str):
                assert part.dtypes in RULES
            assert part.forms or getattr(part, "kind", None) is not None


@every_layer
def test_rules_use_no_name_twice(layer: Layer) -> None:
    lets = [rule.symbol.name for rule in layer.rules if isinstance(rule, Let)]
    assert len(set(lets)) == len(lets)
    taken = {symbol.name for key in layer.keys for symbol in key.symbols}
    assert not taken & set(lets)


@every_layer
def test_examples_are_specs_of_the_layer(layer: Layer) -> None:
    for example in layer.examples:
        words = example.split(" --")[0].split(" -i ")[0]
        step = parse(words).chain.steps[0]
        assert getattr(step.unit, "name", None) == layer.name


def test_definitions_import_neither_torch_nor_drawing() -> None:
    for path in Path(inspect.getfile(importlib.import_module("layercli.layers"))).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            allowed = ("layercli.layers", "layercli.formula", "layercli.errors")
            outside = [n for n in names if n.startswith("layercli") and not n.startswith(allowed)]
            assert not outside, f"{path.name} imports {outside}"
            assert not {"torch", "rich", "typer"} & {name.split(".")[0] for name in names}, path.name
