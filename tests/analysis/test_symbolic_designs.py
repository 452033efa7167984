"""Designs on sizes left open: their closed forms, and what they demand, against torch at every size of a window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Analyser
from layercli.analysis.symbolic import Symbolic, number
from layercli.analysis.walk import Analysis, Options, analyse_spec, every_note
from layercli.cli.inputs import parse_inputs
from layercli.errors import LayerError
from layercli.formula.demands import Demand
from layercli.measure.build import run_plan
from layercli.plan import Input, Module, Plan, Tensor
from layercli.report import Report
from layercli.spec import Spec, parse
from tests.analysis.test_fuzz import Writer

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "designs"


@cache
def design(name: str) -> Spec:
    return parse((FOLDER / f"{name}.layers").read_text("utf-8"))


def on(spec: Spec, shape: str, **options: Any) -> Analysis:
    return analyse_spec(spec, parse_inputs([shape]), Options(**options))


def known(analysis: Analysis) -> Symbolic:
    assert analysis.error is None, analysis.error
    assert analysis.symbolic is not None
    return analysis.symbolic


def meets(demands: tuple[Demand, ...], sizes: Mapping[str, int], needs: bool = False) -> bool:
    return all(eval(demand.text, {}, dict(sizes)) for demand in demands if not needs or demand.category == "need")


class Told(NamedTuple):
    """What is said of a design on open sizes."""

    output: tuple[str, ...]
    needs: tuple[str, ...]
    smallest: dict[str, int]


def batchnorms(factor: str) -> str:
    """That batch norms in training have more than one value each: those with the fewest say it for all."""
    return f"N*{factor.format('H')}*{factor.format('W')} != 1"


DESIGNS = {
    ("alexnet", "N,3,H,W"): Told(("N", "1000"), ("H >= 63", "W >= 63"), {"N": 1, "H": 63, "W": 63}),
    ("vgg16", "N,3,H,W"): Told(("N", "1000"), ("H >= 32", "W >= 32"), {"N": 1, "H": 32, "W": 32}),
    ("resnet18", "N,3,H,W"): Told(("N", "1000"), (batchnorms("(({} + 31)//32)"),), {"N": 1, "H": 33, "W": 33}),
    ("resnet50", "N,3,H,W"): Told(("N", "1000"), (batchnorms("(({} + 31)//32)"),), {"N": 1, "H": 33, "W": 33}),
    ("unet", "N,3,H,W"): Told(
        ("N", "1", "16*(H//16)", "16*(W//16)"), ("H % 16 == 0", "W % 16 == 0", batchnorms("({}//16)")),
        {"N": 1, "H": 32, "W": 32},
    ),
    ("unet2015", "N,1,H,H"): Told(("N", "2", "388", "388"), ("H >= 572", "H <= 587"), {"N": 1, "H": 572}),
    ("dcgan-generator", "N,100,H,W"): Told(("N", "3", "16*H + 48", "16*W + 48"), (), {"N": 1, "H": 1, "W": 1}),
    ("dcgan-discriminator", "N,3,H,W"): Told(
        ("N", "1", "(H - 48)//16", "(W - 48)//16"), ("H >= 64", "W >= 64"), {"N": 1, "H": 64, "W": 64}
    ),
    ("vit-b16", "N,3,224,224"): Told(("N", "1000"), (), {"N": 1}),
    ("lstm-classifier", "N,T"): Told(("N", "2"), (), {"N": 1, "T": 1}),
    ("transformer-encoder", "T,N,512"): Told(("T", "N", "512"), (), {"T": 1, "N": 1}),
    ("inception3a", "N,192,H,W"): Told(("N", "256", "H", "W"), (), {"N": 1, "H": 1, "W": 1}),
    ("se-block", "N,256,H,W"): Told(("N", "256", "H", "W"), (), {"N": 1, "H": 1, "W": 1}),
    ("mnist-example", "N,1,H,W"): Told(("N", "10"), ("H >= 6", "W >= 6"), {"N": 1, "H": 6, "W": 6}),
    ("lenet5", "N,1,H,W"): Told(("N", "10"), ("H >= 32", "W >= 32"), {"N": 1, "H": 32, "W": 32}),
    ("cifar-tutorial", "N,3,H,W"): Told(("N", "10"), ("H >= 16", "W >= 16"), {"N": 1, "H": 16, "W": 16}),
}  # fmt: skip
OPEN = pytest.mark.parametrize(("name", "shape"), DESIGNS, ids=[f"{name} on {shape}" for name, shape in DESIGNS])


@OPEN
def test_closed_forms_and_demands(name: str, shape: str) -> None:
    analysis = on(design(name), shape)
    symbolic = known(analysis)
    (flow,) = tensors(analysis.outputs)
    needs = tuple(demand.text for demand in symbolic.demands)
    assert Told(tuple(map(str, flow.shape)), needs, dict(symbolic.smallest or {})) == DESIGNS[name, shape]
    assert {demand.category for demand in symbolic.demands} <= {"need"}, "nothing is narrower than it need be"


@OPEN
def test_totals_put_in_are_those_of_the_numbers(name: str, shape: str) -> None:
    analysis = on(design(name), shape)
    samples = known(analysis).samples
    assert len(samples) == 3
    told = Report(analysis, None, "not asked").totals
    for sample in samples:
        numbers = Report(sample.analysis, None, "not asked").totals
        put_in = {key: number(value, sample.sizes) for key, value in told.items()}
        if told["saved_bytes"] is None:  # no one formula gives it for all sizes, such as for a batch of one
            put_in["saved_bytes"] = numbers["saved_bytes"]
        assert put_in == numbers, sample.text


@pytest.mark.parametrize("name", ["mnist-example", "lenet5", "cifar-tutorial"])
def test_a_linear_behind_a_flatten_ties_the_design_to_a_size(name: str) -> None:
    shape = "N,3,H,W" if name == "cifar-tutorial" else "N,1,H,W"
    notes = [note for note in every_note(on(design(name), shape)) if note.code == "symbolic.tied"]
    assert [note.message.split()[0] for note in notes] == ["linear"]


def test_a_linear_with_its_width_given_asks_for_that_size() -> None:
    symbolic = known(on(parse("conv2d 6 5 | maxpool2d 2 | flatten | linear 10 in=1176"), "N,1,H,H"))
    assert [demand.text for demand in symbolic.demands] == ["H in (32, 33)"]
    assert symbolic.smallest == {"N": 1, "H": 32}


# --- torch at every size of a window ---


class Window(NamedTuple):
    """Sizes of one symbol around its bounds, and which of them are known to be legal."""

    name: str
    shape: str
    sizes: range
    legal: Callable[[int], bool]
    mode: str = "train"


WINDOWS = [
    Window("alexnet", "1,3,H,64", range(55, 75), lambda size: size >= 63),
    Window("alexnet", "1,3,64,H", range(58, 68), lambda size: size >= 63),
    Window("vgg16", "1,3,H,32", range(28, 40), lambda size: size >= 32),
    Window("unet", "1,3,H,32", range(8, 82), lambda size: size % 16 == 0 and size > 0),
    Window("unet", "1,3,H,H", range(8, 50), lambda size: size in (32, 48)),
    Window("unet", "1,3,H,H", range(8, 50), lambda size: size % 16 == 0, "eval"),
    Window("unet2015", "1,1,H,H", range(566, 594), lambda size: 572 <= size <= 587),
    Window("resnet18", "1,3,H,H", range(26, 40), lambda size: size >= 33),
    Window("resnet18", "1,3,H,H", range(1, 9), lambda size: True, "eval"),
    Window("dcgan-discriminator", "2,3,H,64", range(60, 70), lambda size: size >= 64),
    Window("vit-b16", "1,3,H,H", range(218, 246), lambda size: 224 <= size <= 239),
    Window("lenet5", "1,1,H,32", range(28, 40), lambda size: size >= 32),
    Window("mnist-example", "1,1,H,28", range(2, 12), lambda size: size >= 6),
]


@cache
def modules_of(name: str, mode: str) -> tuple[list[nn.Module], Plan]:
    """The design's own modules of torch, without the numbers in their weights, and how they are wired."""
    analysis = analyse_spec(design(name), (), Options(mode=mode, planned=True))
    assert analysis.plan is not None
    return [_made(module).train(mode == "train") for module in analysis.plan.modules], analysis.plan


def _made(module: Module) -> nn.Module:
    from layercli.measure import operations

    with torch.device("meta"):
        if module.torch in operations.KNOWN:
            return operations.make(torch, module.torch, dict(module.kwargs), torch.float32, "meta")
        return getattr(nn, module.torch)(*module.args, **module.kwargs)


def torch_accepts(name: str, mode: str, shape: tuple[int, ...]) -> bool:
    """Whether torch runs the design, built for the size that its file says, on another one."""
    modules, plan = modules_of(name, mode)
    results: list[Any] = []

    def wired(wire: Any) -> Any:
        value = torch.empty(shape, device="meta") if wire.call is None else results[wire.call]
        for index in wire.path if wire.call is not None else ():
            value = value[index] if isinstance(value, tuple) else value
        return value

    try:
        for call in plan.calls:
            kwargs = {key: wired(wire) for key, wire in call.kwargs.items()}
            results.append(modules[call.module](*map(wired, call.args), **kwargs))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


@pytest.mark.parametrize("window", WINDOWS, ids=[f"{w.name} on {w.shape} in {w.mode}" for w in WINDOWS])
def test_torch_takes_the_sizes_that_meet_the_demands_and_no_others(window: Window) -> None:
    tied = window.name in ("lenet5", "mnist-example")
    symbolic = known(on(design(window.name), window.shape, mode=window.mode))
    for size in window.sizes:
        assert meets(symbolic.demands, {"H": size}) == window.legal(size), size
        shape = tuple(size if part == "H" else int(part) for part in window.shape.split(","))
        if tied:  # the linear is made for each size anew
            inputs = [Input(Tensor(shape, ""))]
            numeric = analyse_spec(design(window.name), inputs, Options(device="meta", mode=window.mode))
            assert (numeric.error is None) == window.legal(size), size
            if numeric.plan is not None:
                assert Report(numeric, run_plan(numeric.plan)).status == "agrees"
        else:
            assert torch_accepts(window.name, window.mode, shape) == window.legal(size), size


@pytest.mark.parametrize("name", ["unet", "resnet18", "dcgan-generator", "lstm-classifier"])
def test_torch_agrees_with_closed_forms(name: str) -> None:
    shape = next(shape for known_name, shape in DESIGNS if known_name == name)
    analysis = on(design(name), shape, device="meta")
    report = Report(analysis, [run_plan(plan) for plan in analysis.plans])
    assert report.status == "agrees", report.why
    assert {check.at for check in report.checks} == {sample.text for sample in known(analysis).samples}


# --- random designs, by brute force ---


def region_differs(seed: int) -> str | None:
    """Where what is said of a random design on open sizes is not so; None where there is nothing to say."""
    r = Random(f"region/{seed}")
    writer = Writer(r)
    kind, width = r.choice(("map", "map", "tokens")), r.choice((1, 2, 3, 4, 8))
    text, mode = writer.chain(kind, width, 5), r.choice(("train", "eval"))
    shape = ("1", str(width), "H", r.choice(("H", "16"))) if kind == "map" else ("2", "H", str(width))
    try:
        spec = parse(text)
    except LayerError:
        return None
    analysis, reckoner = on(spec, ",".join(shape), mode=mode, planned=False), Analyser(mode)
    if analysis.error is not None:
        return None
    symbolic = known(analysis)
    said = f"{seed}: {text} on {shape} in {mode}, {[(d.category, d.text) for d in symbolic.demands]}: "
    for size in range(1, 101):
        sizes = {"H": size}
        inputs = [Input(Tensor(tuple(size if part == "H" else int(part) for part in shape), ""))]
        numeric = analyse_spec(spec, inputs, Options(mode=mode, planned=False), reckoner)
        if not meets(symbolic.demands, sizes):
            if numeric.error is None and meets(symbolic.demands, sizes, needs=True) is False:
                return said + f"{size} is legal"
            continue
        if numeric.error is not None:
            return said + f"{size} is not legal: {numeric.error}"
        for ours, theirs in zip(analysis.rows, numeric.rows, strict=True):
            put_in = [tuple(number(part, sizes) for part in flow.shape) for flow in tensors(ours.bound.outputs)]
            if put_in != [flow.shape for flow in tensors(theirs.bound.outputs)]:
                return said + f"at {size} {ours.path} gives {put_in}"
            for figure in ("params", "buffers", "macs"):
                if number(getattr(ours.bound, figure), sizes) != getattr(theirs.bound, figure):
                    return said + f"{figure} at {size} in {ours.path}"
    return ""


def test_regions_of_random_designs_are_exact() -> None:
    answers = (region_differs(seed) for seed in range(1000))
    found = list(islice((said for said in answers if said is not None), 30))
    assert not [said for said in found if said]


# --- which sizes are tried, and what is told where none will do ---


def test_the_width_of_another_branch_is_tried_before_1() -> None:
    symbolic = known(on(design("mobilenet-block"), "N,C,H,W"))
    assert "C == 24" in [demand.text for demand in symbolic.demands]
    assert symbolic.smallest == {"N": 1, "C": 24, "H": 2, "W": 2}


def test_parts_of_an_open_axis_are_told_for_all_sizes() -> None:
    analysis = on(parse("chunk 2 dim=1"), "N,C,H,W")
    assert [str(flow.shape[1]) for flow in tensors(analysis.outputs)] == ["(C + 1)//2", "C - (C + 1)//2"]
    assert [demand.text for demand in known(analysis).demands] == ["C >= 2"]


def test_what_fits_for_no_sizes_is_told_with_symbols(validate: Any) -> None:
    analysis = on(parse("conv2d 4 3 | add( ; conv2d 5 1)"), "N,3,H,W")
    assert analysis.error is not None
    assert "N,4,H - 2,W - 2" in analysis.error.message
    document = validate(Report(analysis, None, "not asked").to_dict())
    assert document["symbols"]["names"] == ["N", "H", "W"]
    assert document["layers"][0]["outputs"][0]["shape"] == ["N", 4, "H - 2", "W - 2"]


def test_many_branches_on_open_sizes_are_weighed_one_by_one() -> None:
    analysis = on(parse("mul(conv2d 2 1 ; ; conv2d 2 1 ; ; conv2d 2 1 ; )"), "N,C,H,W")
    assert [[str(size) for size in flow.shape] for flow in tensors(analysis.outputs)] == [["N", "2", "H", "W"]]
    assert known(analysis).smallest == {"N": 1, "C": 2, "H": 1, "W": 1}
