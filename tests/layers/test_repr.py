"""What ``repr`` of torch's modules tells, against ``Layer.hidden``: torch builds and prints, our reader reads it back.

Values are drawn from the definitions' own domains. All that a module was made with must come back but what the
definition lists as hidden; and a module made again from what came back must print the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from layercli.layers import find, find_torch, known_names
from layercli.layers.definition import REQUIRED, Key, Layer, Same
from layercli.layers.kinds import BadValue
from layercli.layers.parts import Part, Weights
from layercli.measure import tensors
from layercli.plan import Module, Tensor
from layercli.spec import Call, Chain, Custom, Group
from layercli.spec.printed_model import parse_printed
from layercli.spec.python_source import parse_python

LAYERS = [layer for name in known_names() if (layer := find(name)) and not layer.operation]
every_layer = pytest.mark.parametrize("layer", LAYERS, ids=[layer.torch for layer in LAYERS])

DRAWN = 50
"""Modules of each class; those that torch refuses to make do not count."""

MAY_SHOW = {"activation"}
"""Hidden where it is a function, as it is by default; shown where it is a module."""

REFUSED = (ArithmeticError, AssertionError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""How torch refuses to make a module."""

ONE_VALUE = {"process_group", "options", "custom_encoder", "custom_decoder"}
"""What is taken only where it is None, here."""


# --- modules that torch makes ---------------------------------------------------------------------------------------


def draw(layer: Layer, r: Random) -> dict[str, Any]:
    """Values for what the class needs and for most of what it may be given."""
    given: dict[str, Any] = {}
    for key in layer.keys:
        if key.default is not REQUIRED and r.random() < 0.35:
            continue
        if isinstance(key.kind, Part):
            part = r.choice(list(key.kind.layers.values()))
            given[key.name] = Module(part.torch, (), draw(part, r))
        elif isinstance(key.kind, Weights):
            given[key.name] = Tensor((2,), low=0, high=1) if r.random() < 0.3 else None
        else:
            given[key.name] = r.choice(key.kind.typical() or (key.default,))
    if "activation" in given and r.random() < 0.3:
        given["activation"] = Module("GELU", (), {"approximate": r.choice(("none", "tanh"))})
    return given


def build(module: Module) -> Any:
    """torch's own."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = tensors.argument(torch, dict(module.kwargs), "cpu", build)
        return getattr(torch.nn, module.torch)(*module.args, **made)


def drawn(layer: Layer, times: int = DRAWN) -> list[tuple[dict[str, Any], str]]:
    """What modules of the class were made with, and what torch prints of them."""
    found = []
    for seed in range(times):
        given = draw(layer, Random(f"{layer.name}/{seed}"))
        try:
            found.append((given, repr(build(Module(layer.torch, (), given)))))
        except REFUSED:
            continue
    return found


# --- what comes back ------------------------------------------------------------------------------------------------


def arguments(call: Call) -> dict[str, Any]:
    """The arguments of a call by torch's names."""
    layer = find_torch(call.name)
    assert layer is not None
    names = [key.name for key in layer.keys if not key.keyword_only]
    assert len(call.args) <= len(names)
    found = {**dict(zip(names, call.args)), **dict(call.kwargs)}
    assert set(found) <= {key.name for key in layer.keys}, "arguments that the constructor does not take"
    return found


def as_module(value: Any, hidden: Any) -> Any:
    """A call as what torch can make again, its hidden arguments as they were given."""
    if not isinstance(value, Call):
        return value
    layer = find_torch(value.name)
    assert layer is not None
    original = hidden.kwargs if isinstance(hidden, Module) and hidden.torch == value.name else {}
    return Module(value.name, (), again(layer, original, arguments(value)))


def again(layer: Layer, given: Mapping[str, Any], back: Mapping[str, Any]) -> dict[str, Any]:
    """What came back, and what is hidden of what was given."""
    hidden = {name: given[name] for name in layer.hidden if name in given}
    return {**hidden, **{name: as_module(value, given.get(name)) for name, value in back.items()}}


def meant(layer: Layer, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values in force: defaults filled in, and what torch does not look at, or takes over, put right."""
    values = {key.name: normal(key, given) for key in layer.keys}
    if values.get("affine") is False or values.get("elementwise_affine") is False:
        values.pop("bias", None)
    if layer.torch == "Hardtanh":
        for old, new in (("min_value", "min_val"), ("max_value", "max_val")):
            values[new] = values[new] if values[old] is None else values[old]
            del values[old]
    if layer.torch.startswith("Upsampl") and values["scale_factor"] is not None:
        del values["size"]  # both together are refused in the call
    if layer.torch == "TripletMarginWithDistanceLoss" and values["distance_function"] is None:
        values["distance_function"] = ("PairwiseDistance", {})
    if layer.torch == "AdaptiveLogSoftmaxWithLoss":
        del values["div_value"]  # any that makes the same sizes is as good: what is made again prints the same
    return {name: value for name, value in values.items() if name not in layer.hidden}


def normal(key: Key, given: Mapping[str, Any]) -> Any:
    """A value in the form in which equal values are equal."""
    value = given.get(key.name, key.default)
    if isinstance(key.default, Same) and (value is None or value is key.default):
        layer_key = key._replace(name=key.default.key, default=REQUIRED)
        return normal(layer_key, given)
    if isinstance(value, (Module, Call)):
        name = value[0]
        layer = find_torch(name)
        assert layer is not None
        return name, meant(layer, value.kwargs if isinstance(value, Module) else arguments(value))
    if value is REQUIRED:
        return "missing"
    try:
        return key.kind.read(value)
    except BadValue:
        return value


def read_back(text: str) -> Call:
    """The call of a printed module."""
    (step,) = parse_printed(text if "\n" in text else f">>> module\n{text}").chain.steps
    assert isinstance(step.unit, Call), f"{text}\nis no {step.unit}"
    assert step.unit.printed
    return step.unit


@every_layer
def test_all_comes_back_but_what_is_hidden(layer: Layer) -> None:
    modules = drawn(layer)
    assert len(modules) >= 10, "too few of what is drawn can be made"
    seen: dict[str, set[str]] = {key.name: set() for key in layer.keys}
    for given, text in modules:
        call = read_back(text)
        assert call.name == layer.torch
        back = arguments(call)
        shown = set(back) & set(layer.hidden) - MAY_SHOW
        assert not shown, f"{shown} can be read off {text}, so they are not hidden"
        assert meant(layer, back) == meant(layer, given), text
        assert repr(build(Module(layer.torch, (), again(layer, given, back)))) == text
        for name, value in given.items():
            seen[name].add(repr(value))
    untried = [name for name, values in seen.items() if len(values) < 2 and name not in {*ONE_VALUE, *layer.hidden}]
    if "ConvTranspose" in layer.torch:
        untried.remove("padding_mode")
    assert not untried, f"{untried} had one value at most, so nothing is known of them"


@every_layer
def test_a_hidden_argument_is_one_of_the_constructor(layer: Layer) -> None:
    assert set(layer.hidden) <= {key.name for key in layer.keys}
    assert len(set(layer.hidden)) == len(layer.hidden)


@every_layer
def test_a_hidden_argument_makes_no_difference_to_what_is_printed(layer: Layer) -> None:
    """Each by itself: another value of it, and torch prints the same."""
    for given, text in drawn(layer, 6):
        for key in layer.keys:
            if key.name not in layer.hidden or isinstance(given.get(key.name), Module):
                continue
            for other in dict.fromkeys(key.kind.typical()):
                try:
                    module = build(Module(layer.torch, (), {**given, key.name: other}))
                except REFUSED:
                    continue
                assert repr(module) == text, f"{key.name}={other!r} shows"


@every_layer
def test_what_is_left_out_comes_back_as_the_default(layer: Layer) -> None:
    """A module that is given only what it needs."""
    for seed in range(20):
        given = draw(layer, Random(f"{layer.name}/bare/{seed}"))
        given = {key.name: given[key.name] for key in layer.keys if key.default is REQUIRED}
        try:
            text = repr(build(Module(layer.torch, (), given)))
        except REFUSED:
            continue
        assert meant(layer, arguments(read_back(text))) == meant(layer, given)
        return
    if layer.torch not in ("FractionalMaxPool2d", "FractionalMaxPool3d"):  # these need one of two that have defaults
        pytest.fail("nothing that is drawn can be made")


# --- nets -----------------------------------------------------------------------------------------------------------


def source(value: Any) -> str:
    """A module, or a value, as people write it in Python."""
    if not isinstance(value, Module):
        return f"float('{value}')" if value in (float("inf"), float("-inf")) else repr(value)
    return f"nn.{value.torch}({', '.join(f'{name}={source(item)}' for name, item in value.kwargs.items())})"


def random_net(r: Random, depth: int) -> tuple[str, Any]:
    """A Sequential of random modules, some with names: its source, and torch's own."""
    import torch

    texts, modules = [], []
    while len(modules) < 4:
        if depth and r.random() < 0.25:
            text, made = random_net(r, depth - 1)
        else:
            layer = r.choice(LAYERS)
            given = {name: value for name, value in draw(layer, r).items() if not isinstance(value, Tensor)}
            module = Module(layer.torch, (), given)
            try:
                text, made = source(module), build(module)
            except REFUSED:
                continue
        texts.append(text)
        modules.append(made)
    if r.random() < 0.5:
        names = [f"part{i}" if r.random() < 0.7 else str(i) for i in range(len(texts))]
        pairs = ", ".join(f"({name!r}, {text})" for name, text in zip(names, texts))
        net = torch.nn.Sequential()
        for name, made in zip(names, modules):
            net.add_module(name, made)
        return f"nn.Sequential(OrderedDict([{pairs}]))", net
    return f"nn.Sequential(\n{', '.join(texts)},\n)", torch.nn.Sequential(*modules)


def outline(chain: Chain) -> list[Any]:
    """Labels, and classes with the values that a printed model shows."""
    found: list[Any] = []
    for step in chain.steps:
        unit = step.unit
        assert step.repeat == 1
        if isinstance(unit, Group):
            found.append((step.label, outline(unit.chain)))
        else:
            assert isinstance(unit, Call), unit
            layer = find_torch(unit.name)
            assert layer is not None
            found.append((step.label, unit.name, meant(layer, arguments(unit))))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_source_and_print_of_a_net_read_the_same(seed: int) -> None:
    r = Random(f"net/{seed}")
    text, net = random_net(r, 2)
    assert outline(parse_python(text).chain) == outline(parse_printed(repr(net)).chain)


def test_parts_that_torch_would_not_make_are_not_taken_for_torchs_own() -> None:
    """A layer whose insides were changed by hand computes something else."""
    import torch

    layer = build(Module("TransformerEncoderLayer", (), {"d_model": 8, "nhead": 2, "dim_feedforward": 16}))
    layer.norm2 = torch.nn.RMSNorm(8)
    (step,) = parse_printed(repr(layer)).chain.steps
    assert isinstance(step.unit, Custom)
    assert [child.label for child in step.unit.children][:3] == ["self_attn", "linear1", "dropout"]
