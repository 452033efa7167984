"""Pictures of pads and crops: torch makes the same of the same numbers."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from layercli.errors import LayerError
from layercli.explain.cells import number
from layercli.explain.diagram import Diagram, Grid, Nothing
from layercli.explain.pictures import picture
from layercli.explain.subject import Subject
from tests.explain.seen import check_drawn, grids, marked, module, numbers, subject

CASES = [
    ("zeropad1d 2", "3,6"),
    ("zeropad2d 1,2,0,3", "1,3,4,5"),
    ("constantpad1d 1,0 2.5", "6"),
    ("constantpad2d -1,1,-1,2 7", "3,5,5"),
    ("constantpad2d 1 none", "1,3,3,3"),
    ("constantpad2d 1 0.7", "1,3,3,3:int32"),
    ("constantpad3d 1,0,2,1,1,2 -3", "1,3,3,4,4"),
    ("constantpad1d 0,0,1,1 5", "4,3"),
    ("reflectionpad1d 3,2", "1,2,6"),
    ("reflectionpad2d 2,1,0,3", "3,4,5"),
    ("reflectionpad2d -1,2,1,-2", "1,1,6,5"),
    ("reflectionpad3d 1", "1,3,3,4,4"),
    ("replicationpad1d 4", "2,3"),
    ("replicationpad2d -1,2,1,-2", "1,1,6,5"),
    ("replicationpad3d 1,0,2,0,1,2", "1,3,3,4,4"),
    ("circularpad1d 3", "2,3"),
    ("circularpad2d 2,1,0,3", "1,3,4,5"),
    ("circularpad2d -1,2,1,-2", "1,2,6,5"),
    ("circularpad3d 1,2,1,1,2,1", "1,1,3,4,4"),
    ("pad 1,0,0,1", "1,3,4,4"),
    ("pad 1,0,0,1,-1,1 9", "3,4,4"),
    ("pad 2,1", "5"),
    ("crop 3", "1,3,6,7"),
    ("crop 3,2", "6,7"),
    ("crop 2,4,4", "1,5,4,7"),
    ("narrow 0 1 3", "5,4"),
    ("narrow -1 -3 2", "5,7"),
    ("narrow 1 0 4", "2,4,3"),
]


def planes(seen: Subject, rank: int) -> torch.Tensor:
    """The picture's own input: the same along the axes that are not drawn."""
    shape = seen.fed.shape[-rank:]
    cells = [number((0, *place)[-2], place[-1], sum(place[:-2])) for place in product(*map(range, shape))]
    return torch.tensor(cells).reshape(shape)


def torchs(seen: Subject, given: torch.Tensor) -> torch.Tensor:
    """What torch makes of it."""
    args, name, before = seen.args, seen.layer.name, len(seen.fed.shape) - given.dim()
    if name == "narrow":
        return given.narrow(args["dim"] % len(seen.fed.shape) - before, args["start"], args["length"])
    if name == "crop":
        for dim, size in enumerate(seen.given.shape[before:]):
            given = given.narrow(dim, (given.shape[dim] - size) // 2, size)
        return given
    whole = given.expand(seen.fed.shape)
    made = torch.nn.functional.pad(whole, args["pad"], value=args["value"]) if name == "pad" else module(seen)(whole)
    return made[(0,) * before]


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_numbers_are_what_torch_makes(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    rank = (
        next(grid.title for grid in grids(drawn.picture) if grid.title.startswith("output")).split(",")[0].count("x")
        + 1
    )
    given = planes(seen, rank)
    made = torchs(seen, given.to(getattr(torch, seen.fed.dtype)))
    fresh = torchs(seen, torch.full_like(given, 100.0)) if "pad" in spec else None
    for place, frame in zip(product(*map(range, seen.given.shape[-rank:])), drawn.frames):
        found = [grid for grid in grids(frame) if not grid.title.startswith("axis")]
        into, out = found
        slice_ = place[:-2]
        plane = made[slice_].reshape(-1, made.shape[-1])
        assert numbers(out) == plane.tolist()
        assert marked(out, "out") == [(0, *place)[-2:]]
        ((row, column),) = marked(out, "out")
        taps = marked(into, "tap")
        if taps:
            assert into.rows[taps[0][0]][taps[0][1]].text == out.rows[row][column].text
        else:
            assert fresh is not None
            assert fresh[place] != 100


def added(grid: Grid) -> list[list[bool]]:
    return [[cell.mark == "pad" for cell in row] for row in grid.rows]


def test_new_cells_are_marked_and_named() -> None:
    drawn = picture(subject("reflectionpad2d 2,1,0,1", "3,4,4", at=(0, 4)))
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    assert out.above == ("(2)", "(1)", "0", "1", "2", "3", "(2)")
    assert out.left == ("0", "1", "2", "3", "(2)")
    assert added(out) == [[c in (0, 1, 6) or r == 4 for c in range(7)] for r in range(5)]
    assert marked(into, "tap") == [(0, 2)]
    assert drawn.picture.note == "cell 0,4 is cell 0,2 of the input"


def test_what_is_kept_is_marked() -> None:
    drawn = picture(subject("crop 3", "1,3,6,7", at=(1, 1)))
    assert isinstance(drawn, Diagram)
    into, _ = grids(drawn.picture)
    assert {*marked(into, "win"), *marked(into, "tap")} == {(r, c) for r in (1, 2, 3) for c in (2, 3, 4)}


def test_the_axes_of_a_narrow_are_told() -> None:
    drawn = picture(subject("narrow 0 1 2", "4,5,3", at=(1, 2)))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    assert into.title == "input 4x3, axes 0 and 2"
    assert numbers(out) == numbers(into)[1:3]
    assert marked(into, "tap") == [(2, 2)]


def test_a_crop_as_large_as_another_tensor() -> None:
    drawn = picture(subject("crop", "1,64,9,9", "like=1,32,5,6"))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    assert numbers(out) == [row[1:7] for row in numbers(into)[2:7]]


def test_further_axes_are_told_slice_by_slice() -> None:
    drawn = picture(subject("constantpad3d 0,0,0,0,1,2 4", "1,3,2,3,3", at=(3, 0, 0)))
    assert isinstance(drawn, Diagram)
    _, out, strip = grids(drawn.picture)
    assert [cell.text for cell in strip.rows[0]] == ["+", "0", "1", "+", "+"]
    assert numbers(out) == [[4.0] * 3] * 3
    assert added(out)[1] == [True] * 3


def test_large_inputs_show_their_ends() -> None:
    drawn = picture(subject("circularpad2d 3", "1,3,224,100", moving=True))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    into, out = grids(drawn.picture)
    assert out.above[:4] == (" (97)".strip(), "(98)", "(99)", "0")
    assert marked(into, "tap")
    check_drawn(picture(subject("narrow 1 1 196", "1,197,768", at=(100, 300))))
    check_drawn(picture(subject("zeropad1d 1000000000", "1,3,9")))


def test_nothing_where_nothing_is_known() -> None:
    assert isinstance(picture(subject("narrow 1 0 0", "1,9")), Nothing)
    assert isinstance(picture(subject("zeropad2d 1", "0,3,4,4")), Nothing)


def test_an_input_without_numbers_is_all_padding() -> None:
    drawn = picture(subject("zeropad2d 1", "3,0,2"))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    (out,) = grids(drawn.picture)
    assert numbers(out) == [[0.0] * 4] * 2


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(LayerError, match="no position 9"):
        picture(subject("zeropad1d 2", "3,5", at=(9,)))
