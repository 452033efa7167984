"""Pictures of pools: their numbers are torch's on the picture's own input, their marks the windows' cells."""

from __future__ import annotations

import math

import pytest
import torch

from layercli.explain.adaptive import SAMPLE
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import picture
from layercli.explain.pooled import at_place
from layercli.explain.subject import Subject
from layercli.explain.windows import positions
from tests.explain.seen import check_drawn, grids, marked, module, numbers, subject

CASES = [
    ("maxpool1d 3 s=2 p=1", "2,3,11"),
    ("maxpool2d 2", "1,3,8,8"),
    ("maxpool2d 3 s=2 p=1 ceil_mode=true", "3,8,8"),
    ("maxpool2d 2,3 s=1,2 d=2,1 return_indices=true", "1,3,7,8"),
    ("maxpool2d 2 p=1 d=5", "1,3,4,9"),
    ("maxpool3d 2", "1,3,4,4,4"),
    ("maxpool3d 3 s=1 p=1", "1,1,3,4,4"),
    ("maxpool3d 2 p=1 d=5", "1,1,4,5,5"),
    ("avgpool1d 3 s=2 p=1", "3,10"),
    ("avgpool2d 3 s=2 p=1", "1,3,9,9"),
    ("avgpool2d 3 s=2 p=1 ceil_mode=true", "1,3,8,8"),
    ("avgpool2d 3 s=2 p=1 ceil_mode=true count_include_pad=false", "1,3,8,8"),
    ("avgpool2d 2 divisor_override=-3", "1,3,6,6"),
    ("avgpool3d 2", "1,1,4,4,4"),
    ("avgpool3d 2 p=1 count_include_pad=false divisor_override=7", "1,1,4,4,4"),
    ("lppool1d 3 3", "3,9"),
    ("lppool2d 2 3 s=2 ceil_mode=true", "1,3,8,8"),
    ("lppool2d 1.5 2,3", "1,3,8,8"),
    ("lppool2d -1 2", "1,3,4,4"),
    ("lppool2d 60 2", "1,3,4,4"),
    ("lppool2d inf 3 s=2 ceil_mode=true", "1,3,8,8"),
    ("lppool1d -inf 3", "3,9"),
    ("lppool3d 2 2", "1,1,4,4,4"),
    ("adaptiveavgpool1d 3", "3,8"),
    ("adaptiveavgpool2d 3,4", "1,3,9,8"),
    ("adaptiveavgpool2d none,2", "3,5,5"),
    ("adaptiveavgpool2d 7", "1,3,3,4"),
    ("adaptiveavgpool3d 2", "1,1,4,5,6"),
    ("adaptivemaxpool1d 7", "3,9"),
    ("adaptivemaxpool2d 3", "1,3,8,8"),
    ("adaptivemaxpool3d 2,3,1", "1,1,4,5,6"),
]


def volume(shape: tuple[int, ...]) -> torch.Tensor:
    """The picture's own input."""
    return torch.tensor([at_place(place) for place in positions(shape, math.prod(shape))]).reshape(1, 1, *shape)


def pooled(seen: Subject, given: torch.Tensor) -> torch.Tensor:
    """What torch makes of it."""
    made = module(seen)(given)
    return made[0] if isinstance(made, tuple) else made


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_numbers_are_what_torch_computes(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    rank = int(seen.layer.name[-2])
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    given = volume(seen.fed.shape[-rank:])
    made = pooled(seen, given)
    outs = seen.given.shape[-rank:]
    assert len(drawn.frames) == min(400, math.prod(outs))
    for place, frame in zip(positions(outs), drawn.frames):
        out = list(grids(frame))[-1]
        (spot,) = marked(out, "out")
        written = float(out.rows[spot[0]][spot[1]].text)
        assert written == pytest.approx(float(made[(0, 0, *place)]), abs=0.00501), place


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        case
        for case in CASES
        if "2d" in case[0] and not case[0].startswith(("lppool2d 1.5", "lppool2d -1", "lppool2d 60"))
    ],
)
def test_marks_are_the_cells_under_the_window(spec: str, shape: str) -> None:
    """What is under a window changes its output when it becomes very large, or very small."""
    seen = subject(spec, shape)
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    (at,) = marked(out, "out")
    given = volume(seen.fed.shape[-2:])
    rows, columns = given.shape[-2:]
    others = given.repeat(rows * columns, 1, 1, 1)
    others.view(rows * columns, -1).fill_diagonal_(-9 if "-inf" in spec else 10)
    changed = pooled(seen, others)[:, 0, at[0], at[1]] != pooled(seen, given)[0, 0, at[0], at[1]]
    read = {divmod(index, columns) for index in changed.nonzero().flatten().tolist()}
    first = max(seen.args.get("padding", (0,)))
    taps, wins = ({(r - first, c - first) for r, c in marked(into, mark)} for mark in ("tap", "win"))
    assert {(r, c) for r, c in taps if 0 <= r < rows and 0 <= c < columns} <= read
    assert read - taps <= wins


@pytest.mark.parametrize(("spec", "shape"), [case for case in CASES if "maxpool2d" in case[0]])
def test_every_window_has_its_winner_marked(spec: str, shape: str) -> None:
    seen = subject(spec, shape)
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    layer = module(seen)
    layer.return_indices = True
    given = volume(seen.fed.shape[-2:])
    made, indices = layer(given)
    first = max(seen.args.get("padding", (0,)))
    best = {divmod(int(index), given.shape[-1]) for index in indices[made.isfinite()]}
    assert {(r - first, c - first) for r, c in marked(next(iter(grids(drawn.picture))), "win")} == best


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("fractionalmaxpool2d 2 ratio=0.7", "1,1,9,11"),
        ("fractionalmaxpool2d 3 1,4", "1,9,11"),
        ("fractionalmaxpool3d 2 2,5,3", "1,1,6,7,7"),
    ],
)
def test_a_draw_is_one_that_torch_may_make(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    assert "one draw of many" in drawn.picture.note
    rank = int(seen.layer.name[-2])
    layer = module(seen)
    layer._random_samples = torch.full((1, 1, rank), SAMPLE)
    made = layer(volume(seen.fed.shape[-rank:]))
    for place, frame in zip(positions(seen.given.shape[-rank:]), drawn.frames):
        out = list(grids(frame))[-1]
        ((row, column),) = marked(out, "out")
        assert float(out.rows[row][column].text) == float(made[(0, 0, *place)])


def test_regions_that_overlap_are_told() -> None:
    drawn = picture(subject("adaptiveavgpool1d 3", "3,8", at=(1,)))
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    # cells 0 to 2, 2 to 5, 5 to 7: the third and the sixth are read twice
    assert [cell.mark for cell in into.rows[0]] == ["one", "one", "tap", "tap", "tap", "tap", "one", "one"]
    drawn = picture(subject("adaptiveavgpool1d 3", "3,8", at=(2,)))
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    assert [cell.mark for cell in into.rows[0]] == ["one", "one", "three", "two", "two", "tap", "tap", "tap"]
    assert [cell.mark for cell in out.rows[0]] == ["one", "two", "out"]


def test_integers_are_divided_as_integers() -> None:
    seen = subject("avgpool2d 3 divisor_override=-4", "1,3,6,6:int64")
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    made = module(seen)(volume((6, 6)).to(torch.int64))
    assert numbers(list(grids(drawn.picture))[1]) == made[0, 0].tolist()


def test_powers_too_large_for_the_dtype() -> None:
    seen = subject("lppool2d 6 2", "1,3,4,4:float16")
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    made = module(seen)(volume((4, 4)).half())
    assert made.isinf().any()
    assert numbers(list(grids(drawn.picture))[1]) == made[0, 0].tolist()


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("maxpool2d 3 s=2 p=1", "1,3,224,160"), ("avgpool2d 20", "1,3,40,49"), ("maxpool1d 999", "3,1000000000"),
        ("maxpool3d 20", "1,1,40,40,40"), ("adaptiveavgpool2d 1", "1,3,224,224"),
        ("adaptivemaxpool3d 5", "1,1,64,64,64"),
        ("adaptiveavgpool1d 7", "3,1000000000"), ("avgpool2d 40 p=20", "1,3,60,9"), ("maxpool3d 2 s=9", "1,1,40,40,40"),
    ],
)  # fmt: skip
def test_large_inputs(spec: str, shape: str) -> None:
    drawn = picture(subject(spec, shape, moving=True))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    assert "shown" in str(drawn) or "stands for" in str(drawn)
    assert all(len(grid.rows) <= 18 and len(grid.rows[0]) <= 18 for grid in grids(drawn.picture))


def test_what_has_no_numbers_is_nothing() -> None:
    assert picture(subject("adaptiveavgpool2d 1", "1,3,0,4")) == Nothing("the input 1x3x0x4 holds no numbers")
    assert isinstance(picture(subject("maxpool2d 2", "0,3,8,8")), Nothing)
    assert isinstance(picture(subject("fractionalmaxpool2d 0 2", "1,3,4,4")), Nothing)
