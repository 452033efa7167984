"""Sizes at which open designs are tried: legal ones are found, no sizes mend what is refused, demands are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from random import Random
from typing import Any, NamedTuple

import pytest

from layercli.analysis.layer import Analyser
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.errors import ExitCode, LayerError
from layercli.measure.build import run_plan
from layercli.plan import Input, Tensor
from layercli.report import Report
from layercli.spec import Spec, parse
from tests.analysis.test_fuzz import Writer
from tests.analysis.test_symbolic_designs import known, on


class Grid(NamedTuple):
    """A design that is legal at some sizes, and sizes around them: torch takes those that meet the demands."""

    text: str
    shape: str
    sizes: Mapping[str, Sequence[int]]
    mode: str = "train"


GRIDS = [
    Grid(
        "conv2d 8 3 p=1 | maxpool2d 2 | flatten | linear 10 in=2400", "1,3,H,W",
        {"H": (1, *range(28, 34), 40, 41, 600), "W": (2, *range(39, 43), 30)},
    ),
    Grid("flatten | linear 10 in=600", "N,3,H,W", {"N": (1, 3), "H": (1, 9, 10, 20), "W": (10, 19, 20, 21, 200)}),
    Grid("flatten | linear 10 in=6", "1,1,H,W", {"H": range(1, 8), "W": range(1, 8)}),
    Grid("flatten | linear 10 in=3000009", "N,3,H,W", {"N": (2,), "H": (1, 2, 1000), "W": (1000, 1000003)}),
    Grid(
        "maxpool2d 3 2 ceil_mode=true | flatten | linear 5 in=1200", "N,3,H,W",
        {"N": (1, 2), "H": range(37, 43), "W": range(39, 43)},
    ),
    Grid(
        "upsample scale=1.7 | flatten | linear 5 in=1200", "N,3,H,W",
        {"N": (1,), "H": range(9, 15), "W": range(11, 17)},
    ),
    Grid("conv2d 9 3 p=1 g=9", "N,C,H,W", {"N": (1, 2), "C": range(1, 28), "H": (1, 4), "W": (1,)}),
    Grid("conv2d 24 3 p=1 g=in", "N,C,H,W", {"N": (1,), "C": range(1, 50), "H": (1, 4), "W": (2,)}),
    Grid("groupnorm 9", "N,C,H,W", {"N": (1, 2), "C": range(8, 19), "H": (1, 2), "W": (1, 2)}),
    Grid("crop 4,6", "N,F", {"N": range(2, 7), "F": range(4, 9)}),
    Grid("crop 4,4", "N,F", {"N": range(2, 7), "F": range(2, 7)}),
    Grid("crop 4,2", "N,F", {"N": range(2, 7), "F": range(1, 5)}),
    Grid("reshape 3,5,-1", "N,L", {"N": range(1, 8), "L": range(1, 32)}),
    Grid("reshape 56", "N,8,L", {"N": range(1, 9), "L": range(1, 9)}),
    Grid("flatten 0 | linear 5 in=64", "N,4,H,W", {"N": (1, 2, 3, 4, 16), "H": range(1, 9), "W": (1, 2, 4, 8)}),
    Grid("conv2d 8 3 p=1 | add( ; param 1,8,16,16)", "N,3,H,W", {"N": (1,), "H": range(1, 34), "W": (1, 15, 16)}),
]  # fmt: skip


def numeric(spec: Spec, shape: str, sizes: Mapping[str, int], mode: str, **how: Any) -> Analysis:
    """The analysis at sizes in numbers."""
    parts = tuple(sizes[part] if part in sizes else int(part) for part in shape.split(","))
    return analyse_spec(spec, [Input(Tensor(parts, ""))], Options(mode=mode, device="meta"), **how)


def points(sizes: Mapping[str, Sequence[int]]) -> Iterator[dict[str, int]]:
    return (dict(zip(sizes, chosen)) for chosen in product(*sizes.values()))


@pytest.mark.parametrize("grid", GRIDS, ids=[f"{grid.text} on {grid.shape}" for grid in GRIDS])
def test_sizes_are_found_that_meet_what_is_asked_of_several(grid: Grid) -> None:
    analysis = on(parse(grid.text), grid.shape, mode=grid.mode, device="meta")
    needs = [demand for demand in known(analysis).demands if demand.category == "need"]
    assert Report(analysis, [run_plan(plan) for plan in analysis.plans]).status == "agrees"
    legal = 0
    for sizes in points(grid.sizes):
        found = numeric(parse(grid.text), grid.shape, sizes, grid.mode)
        assert (found.error is None) == all(demand.meets(sizes) for demand in needs), sizes
        if found.plan is not None and legal < 4:
            legal += 1
            assert Report(found, run_plan(found.plan)).status == "agrees"
    assert legal


REFUSED = [
    ("conv2d 4 3 | add( ; conv2d 5 1)", "N,3,H,W", "they differ on axis 1 (C): 4 and 5"),
    ("conv2d 8 3 | batchnorm2d 9", "N,3,H,W", "num_features is 9, but the input has 8 channels"),
    ("conv2d 8 3 | lstm 5", "N,3,H,W", "its input has 4 axes"),
    ("flatten | linear 10 in=7", "N,3,H,W", "in_features is 7"),  # no multiple of 3
    ("conv2d 6 5 | maxpool2d 2 | flatten | linear 10 in=1182", "N,1,H,H", "in_features is 1182"),  # no square
    ("conv2d 8 3 p=1 | add( ; param 1,8,16,16) | conv2d 8 3 in=5", "N,3,H,W", "in_channels is 5"),
    ("conv2d 4 3 p=1 | add( ; identity) | conv2d 8 1 in=5", "N,C,H,W", "in_channels is 5"),
]


@pytest.mark.parametrize(("text", "shape", "why"), REFUSED, ids=[text for text, _, _ in REFUSED])
def test_what_no_sizes_mend_is_refused_for_that_reason(text: str, shape: str, why: str) -> None:
    spec, reckoner = parse(text), Analyser("train")
    error = on(spec, shape).error
    assert error is not None
    assert (error.code.partition(".")[0], error.exit_code) == ("shape", ExitCode.NEGATIVE)
    assert error.code != "shape.undecided"
    assert why in error.message
    names = dict.fromkeys(part for part in shape.split(",") if part.isalpha())
    for sizes in points(dict.fromkeys(names, (1, 2, 3, 5, 16, 60))):
        assert numeric(spec, shape, sizes, "train", analyser=reckoner).error is not None, sizes


def test_where_no_sizes_are_found_that_is_no_refusal() -> None:
    text = "add(flatten | linear 10 in=600 ; maxpool2d 2 | flatten | linear 10 in=159)"
    analysis = on(parse(text), "N,3,H,W")
    assert analysis.error is not None
    error = analysis.error
    assert (error.code, error.fix, error.exit_code) == (
        "shape.undecided", "give sizes in numbers", ExitCode.NEGATIVE,
    )  # fmt: skip
    assert error.message.startswith(
        "no sizes were found for which every rule holds; the first that failed: in_features"
    )
    assert error.span is not None
    assert error.line_and_column is not None
    assert analysis.symbolic is not None
    assert analysis.symbolic.smallest is None


WAYS = [
    Grid("avgpool2d 2 p=1 ceil_mode=true | mean dim=0 | rmsnorm 5,5", "2,4,8,W", {"W": range(1, 20)}),
    Grid("lazyconv2d 4 3 | add( ; param 1,1,8,8)", "1,4,H,W", {"H": range(1, 14), "W": (3, 10, 11)}),
    Grid("4*maxpool2d 2 | add( ; param 4,4)", "1,3,H,W", {"H": range(12, 90), "W": (15, 16, 31, 32, 64, 79, 80)}),
    Grid("2*squeeze 2 | crop 3,3", "N,4,H,W", {"N": range(1, 5), "H": range(1, 5), "W": range(1, 5)}),
    Grid(
        "matmul(conv2d 3 1 ; conv2d 3 1) | add( ; param 4,4)", "N,2,H,W",
        {"N": (1, 2), "H": range(1, 6), "W": range(1, 6)},
    ),
]  # fmt: skip


@pytest.mark.parametrize("grid", WAYS, ids=[f"{grid.text} on {grid.shape}" for grid in WAYS])
def test_what_hangs_on_the_way_that_was_taken_is_no_demand(grid: Grid) -> None:
    symbolic = known(on(parse(grid.text), grid.shape, mode=grid.mode))
    needs = [demand for demand in symbolic.demands if demand.category == "need"]
    assert len(needs) < len(symbolic.demands), "the forms end somewhere"
    elsewhere = 0
    for sizes in points(grid.sizes):
        legal = numeric(parse(grid.text), grid.shape, sizes, grid.mode).error is None
        assert not legal or all(demand.meets(sizes) for demand in needs), sizes
        inside = all(demand.meets(sizes) for demand in symbolic.demands)
        assert legal or not inside, sizes
        elsewhere += legal and not inside
    assert elsewhere


def test_the_form_that_was_taken_is_told_once() -> None:
    symbolic = known(on(parse("avgpool2d 2 p=1 ceil_mode=true | mean dim=0 | rmsnorm 5,5"), "2,4,8,W"))
    assert [(demand.category, demand.text) for demand in symbolic.demands] == [("choice", "W == 8")]


def test_the_smallest_size_is_the_smallest_of_those_that_divide() -> None:
    assert known(on(parse("groupnorm 9"), "N,C,H,W")).smallest == {"N": 1, "C": 9, "H": 2, "W": 2}


# --- random designs ---

ENDS = (
    "flatten | linear 5 in={}", "flatten 0 | linear 5 in={}", "reshape {}", "reshape 2,3,-1", "reshape -1,6",
    "maxpool2d 3 2 ceil_mode=true p=1 | flatten | linear 3 in={}", "upsample scale=1.5 | flatten | linear 4 in={}",
    "add( ; param 4,4)", "rmsnorm 5,5", "crop 4,6", "groupnorm 3", "conv2d 6 3 g=3", "chunk 3 dim=-1 | linear 4 in=3",
    "avgpool2d 2 p=1 ceil_mode=true | mean dim=0 | rmsnorm 3,3",
)  # fmt: skip


def said_wrongly(seed: int) -> str | None:
    """What is said of a random design on open sizes and is not so at sizes in numbers; None where nothing is said."""
    r = Random(f"witnesses/{seed}")
    kind, width = r.choice(("map", "map", "tokens")), r.choice((1, 2, 4))
    text = f"{Writer(r).chain(kind, width, r.choice((1, 2, 3)))} | {r.choice(ENDS).format(r.choice((24, 36, 64, 96)))}"
    shapes = ("1,{},H,W", "N,{},H,W", "N,C,H,W") if kind == "map" else ("N,T,{}", "N,T,F")
    shape, mode = r.choice(shapes).format(width), r.choice(("train", "eval"))
    try:
        spec = parse(text)
    except LayerError:
        return None
    analysis, reckoner = on(spec, shape, mode=mode, planned=False), Analyser(mode)
    error = analysis.error
    if error is not None and (error.code == "shape.undecided" or not error.code.startswith(("shape.", "torch."))):
        return None
    assert analysis.symbolic is not None
    demands = analysis.symbolic.demands
    for _ in range(40):
        sizes = {name: r.randint(1, r.choice((4, 9, 20, 40))) for name in analysis.symbolic.symbols}
        legal = numeric(spec, shape, sizes, mode, analyser=reckoner).error is None
        needs = error is None and all(demand.meets(sizes) for demand in demands if demand.category == "need")
        inside = needs and all(demand.meets(sizes) for demand in demands)
        if (legal and not needs) or (inside and not legal):
            return f"{seed}: {text} on {shape} in {mode} at {sizes}: {legal=}, {[demand.text for demand in demands]}"
    return ""


def test_nothing_is_refused_that_is_legal_and_no_demand_is_more_than_needed() -> None:
    answers = (said_wrongly(seed) for seed in range(1000))
    found = list(islice((said for said in answers if said is not None), 60))
    assert not [said for said in found if said]
