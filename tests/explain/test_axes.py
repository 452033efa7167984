"""Pictures of rearranged axes: the numbers of the small tensor, rearranged by torch, and where each axis goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from layercli.explain.axes import draw
from layercli.explain.axes_moves import move_of
from layercli.explain.axes_numbers import numbers
from layercli.explain.diagram import Above, Beside, Grid, Picture
from tests.explain.seen import check_drawn, grids, subject

torch = pytest.importorskip("torch")


def cells(picture: Picture) -> list[str]:
    """The texts of a tensor's cells, in its order."""
    return [cell.text for grid in grids(picture) for row in grid.rows for cell in row]


def shape_of(picture: Picture) -> tuple[int, ...]:
    said = picture.title.partition(": ")[2]
    return () if said == "scalar" else tuple(map(int, said.split(",")))


def tensor_of(picture: Picture) -> Any:
    return torch.tensor(list(map(int, cells(picture)))).reshape(shape_of(picture))


def parts(spec: str, shape: str) -> list[Picture]:
    """The tensors of a picture's example, the first one before."""
    asked = subject(spec, shape)
    shown = numbers(asked, move_of(asked))
    assert shown is not None
    assert isinstance(shown.picture, (Above, Beside))
    return list(shown.picture.parts)


@pytest.mark.parametrize(
    ("spec", "shape", "does"),
    [
        ("flatten", "1,64,7,7", lambda x: x.flatten(1)),
        ("flatten 0 1", "5,3,16", lambda x: x.flatten(0, 1)),
        ("flatten 0", "2,3", lambda x: x.flatten()),
        ("unflatten 1 3,4,4", "2,48", lambda x: x.unflatten(1, (2, 2, 3))),
        ("unflatten 0 2,3", "6", lambda x: x.unflatten(0, (2, 3))),
        ("reshape 64,49", "1,64,7,7", lambda x: x.flatten(2)[0]),
        ("reshape 4,-1", "2,6", lambda x: x.reshape(4, -1)),
        ("permute 0,2,1", "1,197,768", lambda x: x.permute(0, 2, 1)),
        ("permute 3,0,2,1", "8,64,56,56", lambda x: x.permute(3, 0, 2, 1)),
        ("permute 2,0,1", "2,3,4", lambda x: x.permute(2, 0, 1)),
        ("permute -1,0", "30,20", lambda x: x.permute(-1, 0)),
        ("transpose 0 -1", "5,3,16", lambda x: x.transpose(0, -1)),
        ("squeeze 2", "1,8,1", lambda x: x.squeeze(2)),
        ("unsqueeze -1", "8,16", lambda x: x.unsqueeze(-1)),
        ("select 1 -1", "1,197,768", lambda x: x.select(1, -1)),
        ("select 0 2", "4,5", lambda x: x.select(0, 2)),
        ("expand 8,-1,-1", "1,1,768", lambda x: x.expand(3, -1, -1)),
        ("expand 2,3,4", "3,1", lambda x: x.expand(2, 3, 4)),
    ],
)  # fmt: skip
def test_numbers_are_those_of_torch(spec: str, shape: str, does: Callable[[Any], Any]) -> None:
    before, after = parts(spec, shape)
    given = tensor_of(before)
    assert given.flatten().tolist() == list(range(given.numel())), "numbered in the order of memory"
    torch.testing.assert_close(tensor_of(after), does(given))


@pytest.mark.parametrize(("spec", "shape"), [("chunk 3 -1", "2,7"), ("chunk 2 1", "1,64,16,16"), ("chunk 4", "6,2")])
def test_parts_are_those_of_torch(spec: str, shape: str) -> None:
    before, *made = parts(spec, shape)
    axis = {"chunk 3 -1": 1, "chunk 2 1": 1}.get(spec, 0)
    sizes = [shape_of(part)[axis] for part in made]
    for part, wanted in zip(made, torch.split(tensor_of(before), sizes, axis), strict=True):
        torch.testing.assert_close(tensor_of(part), wanted)


def test_a_slice_moves_as_a_whole() -> None:
    """A row that becomes a column; the numbers that are marked are the same on both sides."""
    before, after = parts("transpose 0 1", "3,4")
    marked = [
        {cell.text for grid in grids(picture) for row in grid.rows for cell in row if cell.mark == "tap"}
        for picture in (before, after)
    ]
    assert marked[0] == marked[1] == {"0", "1", "2", "3"}
    assert isinstance(after, Grid)
    assert [row[0].mark for row in after.rows] == ["tap"] * 4


def test_stretched_cells_are_read_again() -> None:
    _, after = parts("expand 2,3", "1,3")
    assert isinstance(after, Grid)
    assert [[cell.mark for cell in row] for row in after.rows] == [[""] * 3, ["pad"] * 3]


@pytest.mark.parametrize(
    ("spec", "shape", "origin"),
    [
        ("permute 4,0,2,1,3", "1,2,3,4,5", "4 0 2 1 3"), ("flatten 1 2", "2,3,4,5", "0 1-2 3"),
        ("unflatten -2 2,-1", "2,6,4", "0 1 1 2"), ("reshape 6,2,2", "2,3,4", "0-1 2 2"),
        ("unsqueeze 1", "2,3", "0 new 1"),
        ("select 0 0", "2,3,4", "1 2"), ("expand 2,3,-1", "3,1", "new 0 1"), ("transpose 0 2", "2,3,4", "2 1 0"),
    ],
)  # fmt: skip
def test_every_axis_says_where_it_comes_from(spec: str, shape: str, origin: str) -> None:
    """For any rank: the sizes of the output, and the axes of the input that they are made of."""
    asked = subject(spec, shape)
    picture = draw(asked).picture
    _, after, *_ = grids(picture)
    assert [cell.text for cell in after.rows[0]] == list(map(str, asked.given.shape))
    assert [cell.text for cell in after.rows[1]] == origin.split()


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("flatten 0", "scalar"), ("flatten", "1,3,224,224"), ("flatten 1 1", "2,3"), ("flatten", "0,3,4"),
        ("unflatten 1 -1,4,4", "2,48"), ("reshape -1", "1,64,7,7"), ("reshape 49,64", "64,49"), ("reshape 0,5", "3,0"),
        ("reshape 2,1,1,3,2", "1,6,2"), ("reshape 1,1", "scalar"), ("permute 0,1", "3,4"), ("transpose 0 -1", "scalar"),
        ("transpose 1 1", "2,3"), ("squeeze 1", "1,8,1"), ("squeeze 0", "scalar"), ("unsqueeze 0", "scalar"),
        ("select 0 3", "5"), ("select 1 0", "1,2,3,4,5,6"), ("expand 3,4", "scalar"), ("expand -1,-1", "3,4"),
        ("expand 0,3", "1,3"), ("chunk 5 1", "2,3"), ("chunk 16", "1000,3"), ("chunk 2", "0,3"), ("chunk 1", "3"),
        ("chunk 3 dim=4", "2,3,4,5,600"), ("permute 5,4,3,2,1,0", "2,3,4,5,6,7"), ("flatten", "2,3,4,5,6"),
    ],
)  # fmt: skip
def test_all_are_drawn(spec: str, shape: str) -> None:
    check_drawn(draw(subject(spec, shape)))
