"""Dropped numbers and channels, against torch's own scale, floor and masks."""

import pytest
import torch

from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.dropped import draw, draws
from tests.explain.seen import check_drawn, subject


def grids(spec, *inputs, **more) -> tuple[Grid, Grid]:
    found = draw(subject(spec, *inputs, **more))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Beside)
    before, after = found.picture.parts
    return before, after


def numbers(grid: Grid) -> list[float]:
    return [float(cell.text or 0) for row in grid.rows for cell in row]


def outcomes(name: str, p: float, value: float) -> tuple[float, float]:
    """What torch makes of a number that stays and of one that is dropped."""
    torch.manual_seed(0)
    made = getattr(torch.nn, name)(p).train()(torch.full((64, 64), value, dtype=torch.float64))
    dropped = getattr(torch.nn, name)(p).train()(torch.zeros(64, 64, dtype=torch.float64)).unique().tolist()
    off = min(dropped)
    (kept,) = [x for x in made.unique().tolist() if abs(x - off) > 1e-9]
    return kept, off


@pytest.mark.parametrize("name", ["Dropout", "AlphaDropout", "FeatureAlphaDropout", "Dropout2d"])
@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_what_stays_and_what_goes_is_what_torch_makes_of_it(name, p):
    before, after = grids(f"{name.lower()} {p}", "4,6,3,3")
    marks = [cell.mark for row in after.rows for cell in row]
    assert set(marks) >= {"win" if "Alpha" in name else "off"}
    for x, y, mark in zip(numbers(before), numbers(after), marks):
        kept, off = outcomes(name.replace("Feature", "").replace("2d", ""), p, x)
        assert y == pytest.approx(off if mark else kept, abs=0.06 if abs(y) > 99 else 0.006)


@pytest.mark.parametrize(
    ("spec", "shape", "channels"),
    [
        ("dropout1d", "2,3,8", 6), ("dropout1d", "5,8", 5), ("dropout2d", "2,3,8,8", 6), ("dropout2d", "2,3,8", 6),
        ("dropout2d", "2,3", 6), ("dropout3d", "1,4,2,2,2", 4), ("dropout3d", "3,2,2,2", 3), ("dropout3d", "4", 4),
        ("featurealphadropout", "2,3,4", 6),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:dropout:UserWarning")
def test_a_channel_goes_as_a_whole_where_torch_drops_it_so(spec, shape, channels):
    _, after = grids(spec, shape)
    assert len(after.above) == channels
    columns = list(zip(*after.rows))
    assert all(len({cell.mark for cell in column}) == 1 for column in columns)
    assert {column[0].mark for column in columns} >= {""}
    sizes = tuple(map(int, shape.split(",")))
    torch.manual_seed(1)
    it = subject(spec, shape)
    dropped = getattr(torch.nn, it.layer.torch)(0.5).train()(torch.ones(sizes))
    flat = dropped.reshape(channels, -1)
    assert bool((flat == flat[:, :1]).all())


@pytest.mark.parametrize("spec", ["dropout 0.5", "dropout2d", "alphadropout 0.5"])
def test_eval_mode_changes_nothing(spec):
    before, after = grids(spec, "2,3,4,4", mode="eval")
    assert before.rows == after.rows
    assert "eval mode" in draw(subject(spec, "2,3,4,4", mode="eval")).picture.note


def test_p_of_0_and_1():
    before, after = grids("dropout 0", "4,4")
    assert before.rows == after.rows
    for spec in ("dropout 1", "alphadropout 1", "dropout3d 1", "featurealphadropout 1"):
        _, after = grids(spec, "2,3,4,4")
        assert {cell.mark for row in after.rows for cell in row} == {"off"}
        assert set(numbers(after)) == {0}


def test_the_draw_is_the_same_each_time_and_as_frequent_as_p():
    assert grids("dropout 0.3", "8,8") == grids("dropout 0.3", "8,8")
    chance = draws()
    assert sum(next(chance) < 0.3 for _ in range(5000)) / 5000 == pytest.approx(0.3, abs=0.03)


def test_an_empty_input_has_no_picture():
    assert isinstance(draw(subject("dropout", "0,3")), Nothing)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("dropout 0.999999", "8,8"), ("dropout true", "8,8"), ("dropout", "scalar"), ("dropout", "7"),
        ("dropout", "1,2,3,4,5,6"),
        ("dropout1d", "64,512,100"), ("dropout2d", "100,2"), ("dropout3d", "1,1"), ("alphadropout 0.01", "1"),
        ("featurealphadropout 0.9", "100,100,3"), ("dropout2d 0", "scalar"), ("dropout2d 1", "3"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_setting_is_drawn(spec, shape, mode):
    check_drawn(draw(subject(spec, shape, mode=mode)))
