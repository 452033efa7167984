"""Softmaxes and GLU on the picture's own numbers, against torch."""

import pytest
import torch

from layercli.explain.diagram import Above, Bars, Beside, Diagram, Grid, Nothing
from layercli.explain.shared_out import axis, draw
from tests.explain.seen import check_drawn, grids, subject


def numbers(grid: Grid) -> torch.Tensor:
    return torch.tensor([[float(cell.text) for cell in row] for row in grid.rows], dtype=torch.float64)


def module(it) -> torch.nn.Module:
    return getattr(torch.nn, it.layer.torch)(**it.args)


@pytest.mark.parametrize(
    ("spec", "shape", "rows"),
    [
        ("softmax 1", "8,10", 1), ("softmax 0", "8,10", 0), ("softmin 1", "3,4", 1), ("logsoftmax 0", "5,2", 0),
        ("logsoftmax -1", "2,7", 1), ("softmax 1", "2,4,3", 0), ("softmax -1", "2,4,3", 1), ("softmin 0", "6", 1),
        ("softmax2d", "1,21,4,5", 0), ("softmax 1", "1,1", 1), ("softmax 0", "9,1", 1),
    ],
)  # fmt: skip
def test_numbers_become_what_torch_makes_of_them(spec, shape, rows):
    it = subject(spec, shape)
    found = draw(it)
    before, after = grids(found.picture)
    norm = {"Softmax2d": "softmax"}.get(it.layer.torch, it.layer.name)
    expected = {
        "softmax": torch.nn.functional.softmax, "softmin": torch.nn.functional.softmin,
        "logsoftmax": torch.nn.functional.log_softmax,
    }[norm](numbers(before), dim=rows)  # fmt: skip
    assert torch.allclose(numbers(after), expected, atol=0.006)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("softmax 1", "2,4,3"), ("softmax -1", "2,4,3"), ("softmin 0", "2,4,3"), ("logsoftmax -3", "2,4,3"),
        ("softmax2d", "2,4,3"), ("softmax2d", "2,2,4,3"), ("softmax 0", "scalar"),
    ],
)  # fmt: skip
def test_the_axis_is_torchs(spec, shape):
    it = subject(spec, shape)
    after = module(it)(torch.zeros(it.fed.shape)).exp() if "log" in spec else module(it)(torch.zeros(it.fed.shape))
    assert after.flatten()[0].item() == pytest.approx(1 / (it.fed.shape or (1,))[axis(it)])


@pytest.mark.filterwarnings("ignore:Implicit dimension choice:UserWarning")
@pytest.mark.parametrize("shape", ["4", "2,4", "2,4,3", "2,4,3,5", "2,3,4,5,6"])
def test_without_dim_the_axis_is_torchs_too(shape):
    it = subject("softmax", shape)
    after = module(it)(torch.zeros(it.fed.shape))
    assert after.flatten()[0].item() == pytest.approx(1 / it.fed.shape[axis(it)])


def test_bars_are_the_marked_numbers():
    for spec in ("softmax 1", "logsoftmax 1"):
        found = draw(subject(spec, "8,10"))
        assert isinstance(found.picture, Above)
        both, bars = found.picture.parts
        assert isinstance(both, Beside)
        assert isinstance(bars, Bars)
        assert sum(bar.value for bar in bars.bars) == pytest.approx(1)
        assert [cell.mark for cell in both.parts[0].rows[0]] == ["tap"] * 6
        assert [bar.name for bar in bars.bars] == [cell.text for cell in both.parts[0].rows[0]]


@pytest.mark.parametrize(("spec", "shape"), [("glu", "8,10"), ("glu 0", "4,3"), ("glu 1", "1,40,5"), ("glu -2", "2,2")])
def test_glu_gates_as_torch_does(spec, shape):
    found = draw(subject(spec, shape))
    halves, steps = grids(found.picture)
    out = torch.nn.functional.glu(numbers(halves)[0], 0)
    assert torch.allclose(numbers(steps)[3], out, atol=0.006)
    assert torch.equal(numbers(halves)[0], numbers(steps)[:2].flatten())


@pytest.mark.parametrize(("spec", "shape"), [("softmax 1", "8,0"), ("glu 0", "0,4"), ("softmax2d", "0,3,4,4")])
def test_an_empty_input_has_no_picture(spec, shape):
    assert isinstance(draw(subject(spec, shape)), Nothing)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("softmax 1", "8,10"), ("softmax", "scalar"), ("softmin -1", "2,3,4,5,6,7"), ("logsoftmax 2", "1,1,1"),
        ("softmax2d", "21,32,32"), ("softmax2d", "1,1,1,1"), ("glu", "2"), ("glu 2", "3,4,50,6"),
        ("softmax 0", "100000"),
    ],
)  # fmt: skip
def test_every_setting_is_drawn(spec, shape):
    found = draw(subject(spec, shape))
    assert isinstance(found, Diagram)
    check_drawn(found)
