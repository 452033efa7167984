"""Pictures of upsampling: every number is torch's, and what weighs is what torch's output hangs on."""

from __future__ import annotations

import math

import pytest
import torch

from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import picture
from layercli.explain.pooled import at_place
from layercli.explain.upsampling import _lines, _parts, _value
from layercli.explain.windows import positions
from tests.explain.seen import check_drawn, grids, marked, module, numbers, subject

MODES = {1: ("linear",), 2: ("bilinear", "bicubic"), 3: ("trilinear",)}
SIZES = [
    ("scale=2", 1), ("scale=1.7", 1), ("scale=0.5", 1), ("scale=1.05", 1), ("scale=3.3 recompute_scale_factor=true", 1),
    ("size=7", 1), ("size=1", 1), ("scale=2", 2), ("scale=1.5,0.7", 2), ("4,9", 2), ("scale=2,1.3,0.6", 3),
    ("3,5,4", 3), ("scale=1.04", 2), ("scale=2.1", 2), ("scale=2.1", 3),
]  # fmt: skip
SHAPES = {1: "1,2,10", 2: "1,2,5,8", 3: "1,2,3,4,4"}
CASES = [
    (f"upsample {asked} mode={mode}{corners}", SHAPES[rank])
    for asked, rank in SIZES
    for mode in ("nearest", "nearest-exact", *MODES[rank])
    for corners in (("", " align_corners=true") if mode in MODES[rank] else ("",))
] + [
    ("upsamplingnearest2d scale=2", "1,2,4,5"),
    ("upsamplingbilinear2d scale=1.6", "1,2,6,5"),
    ("upsamplingbilinear2d 7,4", "1,2,6,5"),
    ("upsample scale=2 mode=bilinear", "1,2,1,1"),
]


def volume(shape: tuple[int, ...]) -> torch.Tensor:
    """The picture's own input."""
    return torch.tensor([at_place(place) for place in positions(shape, math.prod(shape))]).reshape(1, 1, *shape)


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_numbers_are_what_torch_computes(spec: str, shape: str) -> None:
    seen = subject(spec, shape)
    shape_ = seen.fed.shape[2:]
    made = module(seen)(volume(shape_))[0, 0]
    lines = _lines(seen)
    assert made.shape == seen.given.shape[2:]
    for place in positions(made.shape, 10_000):
        assert _value(lines, place) == pytest.approx(float(made[place]), abs=2e-5), place
        assert math.fsum(weight for _, weight in _parts(lines, place)) == pytest.approx(1)


@pytest.mark.parametrize(("spec", "shape"), CASES[::3])
def test_what_is_drawn(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    given = volume(seen.fed.shape[2:]).requires_grad_()
    made = module(seen)(given)[0, 0]
    place = list(positions(made.shape))[-1]
    *inputs, out = grids(drawn.frames[-1])
    ((row, column),) = marked(out, "out")
    assert float(out.rows[row][column].text) == pytest.approx(float(made[place].detach()), abs=0.00501)
    if made.dim() == 2 and len(inputs[0].rows) == seen.fed.shape[2] and len(inputs[0].rows[0]) == seen.fed.shape[3]:
        made[place].backward()
        assert given.grad is not None
        weights = given.grad[0, 0]
        read = {tuple(found) for found in (weights.abs() > 1e-6).nonzero().tolist()}
        assert {*marked(inputs[0], "tap"), *marked(inputs[0], "win")} == read
        (most,) = marked(inputs[0], "win")
        assert float(weights[most]) == pytest.approx(float(weights.max()), abs=1e-6)
        assert numbers(inputs[0]) == given[0, 0].tolist()


@pytest.mark.parametrize(("asked", "shape"), [("scale=1.5", "1,2,6"), ("scale=0.7", "1,2,5,6"), ("2,3,7", "1,2,4,4,5")])
def test_areas_are_torchs(asked: str, shape: str) -> None:
    seen = subject(f"upsample {asked} mode=area", shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    made = module(seen)(volume(seen.fed.shape[2:]))[0, 0]
    for place, frame in zip(positions(made.shape), drawn.frames):
        out = list(grids(frame))[-1]
        ((row, column),) = marked(out, "out")
        assert float(out.rows[row][column].text) == pytest.approx(float(made[place]), abs=0.00501)


def test_cells_that_one_input_cell_goes_into() -> None:
    drawn = picture(subject("upsample scale=2", "1,2,3,3", at=(2, 2)))
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    assert marked(into, "win") == [(1, 1)]
    assert marked(out, "two") == [(2, 3), (3, 2), (3, 3)]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_the_nearest_is_reckoned_in_torchs_precision(mode: str, dtype: str) -> None:
    for scale in (1.1, 1.3, 2.3, 2.6, 3.7, 0.3, 0.7):
        for shape, ones in (("1,2,31", ""), ("1,2,1,31", "1,"), ("1,2,1,1,29", "1,1,")):
            seen = subject(f"upsample scale={ones}{scale} mode={mode}", f"{shape}:{dtype}")
            made = module(seen)(volume(seen.fed.shape[2:]).to(getattr(torch, dtype)))[0, 0]
            lines = _lines(seen)
            assert [_value(lines, place) for place in positions(made.shape)] == made.flatten().tolist()


def test_large_and_empty() -> None:
    check_drawn(picture(subject("upsample scale=2 mode=bicubic", "1,2,224,100", at=(300, 7), moving=True)))
    check_drawn(picture(subject("upsample 1 mode=area", "1,2,224,100")))
    check_drawn(picture(subject("upsample 100000000", "1,2,9")))
    assert isinstance(picture(subject("upsample scale=2", "0,2,3,3")), Nothing)
