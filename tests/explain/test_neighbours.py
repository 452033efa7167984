"""Channels that damp each other, against torch's local response norms."""

import pytest
import torch

from layercli.explain.diagram import Diagram, Grid, Nothing
from layercli.explain.neighbours import draw, value
from tests.explain.seen import check_drawn, subject

SPECS = (
    "localresponsenorm 1", "localresponsenorm 3 alpha=1", "localresponsenorm 4 alpha=2 k=2 beta=0.5",
    "localresponsenorm 5 0.1 1 2", "localresponsenorm 9 alpha=1", "localresponsenorm 2 alpha=1",
    "crossmaplrn2d 3 alpha=1", "crossmaplrn2d 4 alpha=1", "crossmaplrn2d 5 alpha=1 k=2", "crossmaplrn2d 1 alpha=1",
    "crossmaplrn2d 2.5 alpha=1", "crossmaplrn2d 0.5 alpha=1", "crossmaplrn2d -1 alpha=-1", "crossmaplrn2d 20 alpha=1",
)  # fmt: skip


def grid(spec, shape, **more) -> Grid:
    found = draw(subject(spec, shape, **more))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Grid)
    return found.picture


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_every_channel_comes_out_as_torch_makes_it(spec, channels):
    it = subject(spec, f"1,{channels},1,1")
    x = torch.tensor([value(channel) for channel in range(channels)], dtype=torch.float64).reshape(1, -1, 1, 1)
    after = getattr(torch.nn, it.layer.torch)(**it.args)(x).flatten().tolist()
    for at in range(channels):
        found = grid(spec, f"1,{channels},1,1", at=(at,))
        (out,) = (cell.text for cell in found.rows[2] if cell.mark == "out")
        assert float(out) == pytest.approx(after[at], abs=0.006, nan_ok=True)


@pytest.mark.parametrize("spec", SPECS[:9])
def test_marked_channels_are_those_that_matter(spec):
    it = subject(spec, "1,8,1,1")
    x = torch.rand(1, 8, 1, 1, dtype=torch.float64) + 1
    norm = getattr(torch.nn, it.layer.torch)(**it.args)
    for at in range(8):
        found = grid(spec, "1,8,1,1", at=(at,))
        marked = {int(name) for name, cell in zip(found.above, found.rows[0]) if cell.mark == "tap"}
        matter = set()
        for other in range(8):
            moved = x.clone()
            moved[0, other] += 0.5
            if abs(norm(moved)[0, at] - norm(x)[0, at]) > 1e-9:  # a running sum rounds
                matter.add(other)
        shown = {int(name) for name in found.above if name}
        assert marked == matter & shown


def test_channel_0_that_torch_never_takes_off_is_said():
    assert "channel 0, which torch's running sum never takes off" in grid("crossmaplrn2d 3", "1,8,2,2", at=(4,)).note
    assert "never" not in grid("crossmaplrn2d 3", "1,8,2,2", at=(1,)).note


def test_frames_are_all_channels():
    found = draw(subject("localresponsenorm 5", "1,12,4,4", moving=True))
    assert isinstance(found, Diagram)
    outs = [[cell.mark for cell in frame.rows[2]].index("out") for frame in found.frames]
    assert len(outs) == 12


def test_an_empty_input_has_no_picture():
    assert isinstance(draw(subject("localresponsenorm 5", "1,0,4,4")), Nothing)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        *((spec, "2,7,3,3") for spec in SPECS),
        ("localresponsenorm 2147483647", "1,8,4"), ("localresponsenorm 5", "1,200,4,4"),
        ("localresponsenorm 5 alpha=nan", "1,3,4"), ("localresponsenorm 5 alpha=-100 k=0 beta=0.5", "1,3,4"),
        ("localresponsenorm 5 beta=1e300", "1,3,4"), ("localresponsenorm 3 k=0 beta=-1", "1,3,4"),
        ("crossmaplrn2d 1e300", "1,100000,4,4"), ("localresponsenorm 100000", "1,1000000000,1"),
    ],
)  # fmt: skip
def test_every_setting_is_drawn(spec, shape):
    check_drawn(draw(subject(spec, shape)))
    check_drawn(draw(subject(spec, shape, at=(1,), moving=True)))
