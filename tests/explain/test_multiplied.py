"""Products drawn as grids, against torch on the grids' own numbers."""

import pytest
import torch

from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.multiplied import draw
from tests.explain.seen import check_drawn, subject


def tensor(grid: Grid) -> torch.Tensor:
    return torch.tensor([[float(cell.text) for cell in row] for row in grid.rows], dtype=torch.float64)


def parts(spec, *inputs, **more) -> list[Grid]:
    found = draw(subject(spec, *inputs, **more))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Beside)
    return list(found.picture.parts)


def marked(grid: Grid, mark: str) -> list[tuple[int, int]]:
    return [(r, c) for r, row in enumerate(grid.rows) for c, cell in enumerate(row) if cell.mark == mark]


@pytest.mark.parametrize("bias", ["true", "false"])
@pytest.mark.parametrize(("out", "into"), [(1, 1), (3, 4), (6, 8), (10, 16), (100, 3)])
def test_a_row_of_the_weight_makes_an_output_feature(out, into, bias):
    for at in (0, out - 1):
        weight, x, *b, y = parts(f"linear {out} bias={bias}", f"2,{into}", at=(at,))
        assert len(b) == (bias == "true")
        made = torch.nn.functional.linear(tensor(x).T, tensor(weight), tensor(b[0])[:, 0] if b else None)
        assert torch.equal(made.T, tensor(y))
        (place,) = marked(y, "out")
        assert weight.left[place[0]] == str(at)
        assert {row for row, _ in marked(weight, "tap")} == {place[0]}
        assert len(marked(weight, "tap")) == len(weight.rows[0])


@pytest.mark.parametrize("bias", ["true", "false"])
@pytest.mark.parametrize(("first", "second", "out"), [(3, 4, 2), (1, 1, 1), (20, 30, 40)])
def test_a_bilinear_form_is_torchs(first, second, out, bias):
    for at in range(min(out, 3)):
        spec = f"bilinear {out} bias={bias}"
        x1, weight, x2, *b, y = parts(spec, f"2,{first}", f"input2=2,{second}", at=(at,))
        shift = tensor(b[0])[at] if b else None
        made = torch.nn.functional.bilinear(tensor(x1), tensor(x2).T, tensor(weight)[None], shift)
        ((row, column),) = marked(y, "out")
        assert tensor(y)[row, column] == made.item()
        assert weight.title.startswith(f"W[{at}]")


def test_axes_that_are_left_alone_are_said():
    assert "each of the 8x5 positions" in draw(subject("linear 4", "8,5,16")).picture.note
    assert "one position" in draw(subject("linear 4", "16")).picture.note
    assert "made when the first input is seen" in draw(subject("lazylinear 4", "8,5,16")).picture.note


def test_frames_are_the_output_features():
    found = draw(subject("linear 7", "2,3", moving=True))
    assert isinstance(found, Diagram)
    assert len(found.frames) == 7


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("identity", "1,3"),
        ("linear 0", "2,3"),
        ("linear 3", "0,3"),
        ("linear 3", "2,0"),
        ("linear 3 bias=false", "2,0"),
    ],
)
def test_where_there_is_nothing_to_draw_the_reason_is_said(spec, shape):
    found = draw(subject(spec, shape))
    assert isinstance(found, Nothing)
    check_drawn(found)


@pytest.mark.parametrize(
    "spec", ["linear 10", "linear 1", "lazylinear 100", "linear 3 bias=false", "bilinear 4", "bilinear 1 bias=false"]
)
@pytest.mark.parametrize("shape", ["16", "1", "48,16", "2,3,4,5,1000"])
def test_every_setting_is_drawn(spec, shape):
    found = draw(subject(spec, shape, moving=True))
    assert isinstance(found, Diagram)
    check_drawn(found)
