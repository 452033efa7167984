"""Pictures of max unpooling: torch's own module puts the picture's values to the picture's places."""

from __future__ import annotations

import math

import pytest
import torch

from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import picture
from layercli.explain.windows import positions
from tests.explain.seen import check_drawn, grids, marked, module, numbers, subject

CASES = [
    ("maxunpool1d 2", ("2,5",)),
    ("maxunpool1d 3 s=1 p=1", ("1,2,6",)),
    ("maxunpool2d 2", ("1,2,3,4",)),
    ("maxunpool2d 3,2 s=2,1 p=1,0", ("2,3,4",)),
    ("maxunpool2d 2 s=3", ("1,2,3,3",)),
    ("maxunpool2d 2", ("1,2,4,3", "output_size=7,5")),
    ("maxunpool1d 3 p=4", ("1,2,6",)),
    ("maxunpool3d 2", ("1,1,2,2,2",)),
    ("maxunpool3d 3 s=2 p=1", ("1,1,2,3,2",)),
]


@pytest.mark.parametrize(("spec", "inputs"), CASES)
def test_values_go_where_torch_puts_them(spec: str, inputs: tuple[str, ...]) -> None:
    seen = subject(spec, *inputs, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    rank = int(seen.layer.name[-2])
    sizes, outs = seen.fed.shape[-rank:], seen.given.shape[-rank:]
    values, indices = torch.zeros(sizes), torch.zeros(sizes, dtype=torch.int64)
    for place, frame in zip(positions(sizes), drawn.frames):
        given, at, *_ = grids(frame)
        ((row, column),) = marked(given, "tap")
        assert marked(at, "tap") == [(row, column)]
        values[place] = float(given.rows[row][column].text)
        indices[place] = int(at.rows[row][column].text)
    made = module(seen)(values[None, None], indices[None, None], output_size=list(outs))[0, 0]
    for place, frame in zip(positions(sizes), drawn.frames):
        _, _, *outputs = grids(frame)
        goes = tuple(int(i) for i in torch.unravel_index(indices[place], outs))
        found = [(grid, spot) for grid in outputs for spot in marked(grid, "out")]
        assert [spot for _, spot in found] == [(0, *goes)[-2:]]
        for grid in outputs:
            plane = made[int(grid.title.split()[-1])] if rank == 3 else made.reshape(-1, made.shape[-1])
            assert numbers(grid) == plane.tolist()


def test_a_stretch_of_a_large_map() -> None:
    drawn = picture(subject("maxunpool2d 3 s=2 p=1", "1,3,160,160", at=(100, 100), moving=True))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    values, indices, out = grids(drawn.picture)
    assert "of 160" in values.note
    assert "of 319" in out.note
    index = int(indices.rows[marked(indices, "tap")[0][0]][marked(indices, "tap")[0][1]].text)
    assert (
        drawn.picture.note == f"cell 100,100 goes to index {index} of 319x319: row {index // 319}, column {index % 319}"
    )
    check_drawn(picture(subject("maxunpool2d 300", "1,3,2,2", moving=True)))
    check_drawn(picture(subject("maxunpool3d 30 s=2", "1,3,4,4,4", moving=True)))


def test_what_no_pool_has_made() -> None:
    assert isinstance(picture(subject("maxunpool1d 3 s=0", "1,2,6")), Nothing)
    assert isinstance(picture(subject("maxunpool1d 2", "0,2,6")), Nothing)
    assert math.prod(subject("maxunpool1d 3 s=0", "1,2,6").given.shape) == 6
