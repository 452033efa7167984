"""Pictures of shuffles: torch moves the same cells."""

from __future__ import annotations

import pytest
import torch

from layercli.explain.diagram import Diagram, Grid, Nothing
from layercli.explain.pictures import picture
from layercli.explain.windows import positions
from tests.explain.seen import check_drawn, grids, marked, module, subject


def texts(grid: Grid) -> list[list[str]]:
    return [[cell.text for cell in row] for row in grid.rows]


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("pixelshuffle 2", "1,8,3,3"), ("pixelshuffle 3", "9,2,2"), ("pixelshuffle 1", "2,3,5,4,4"),
        ("pixelunshuffle 2", "1,2,6,6"), ("pixelunshuffle 3", "1,6,3"), ("pixelunshuffle 1", "1,4,4"),
    ],
)  # fmt: skip
def test_maps_are_interleaved_as_torch_does(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    finer, square = spec.startswith("pixelshuffle"), seen.size("r") ** 2
    for at, frame in zip(positions(seen.given.shape[-3:]), drawn.frames):
        *maps, image = grids(frame) if finer else list(grids(frame))[::-1]
        if not finer:
            maps.reverse()
        first = int(maps[0].title.split()[1])
        assert [int(grid.title.split()[1]) for grid in maps] == list(range(first, first + square))
        names: list[str] = []
        coded = torch.tensor([[[code(names, text) for text in row] for row in texts(grid)] for grid in maps])
        made = torch.nn.functional.pixel_shuffle(coded, seen.size("r"))[0]
        assert [[names[int(code)] for code in row] for row in made] == texts(image)
        goes = [grid for grid in ([image] if finer else maps) if marked(grid, "out")]
        comes = [grid for grid in (maps if finer else [image]) if marked(grid, "tap")]
        assert [texts(goes[0])[r][c] for r, c in marked(goes[0], "out")] == [
            texts(comes[0])[r][c] for r, c in marked(comes[0], "tap")
        ]
        assert finer or goes[0].title == f"channel {at[0]}"


def code(names: list[str], text: str) -> int:
    names.append(text)
    return len(names) - 1


@pytest.mark.parametrize("spec", ["pixelshuffle 5", "pixelunshuffle 5"])
def test_one_pixel_of_many_channels(spec: str) -> None:
    finer = spec.startswith("pixels")
    drawn = picture(subject(spec, "1,50,4,4" if finer else "1,2,20,20", at=(1, 3, 3) if finer else (43, 0, 0)))
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    pixel, square = list(grids(drawn.picture))[:: 1 if finer else -1]
    assert texts(square) == [[str(25 + 5 * i + j) for j in range(5)] for i in range(5)]
    assert marked(square, "out" if finer else "tap") == [(3, 3)]
    ((row, _),) = marked(pixel, "tap" if finer else "out")
    assert texts(pixel)[row] == ["43"]


@pytest.mark.parametrize(("groups", "channels"), [(1, 3), (2, 4), (2, 10), (3, 12), (4, 4)])
def test_channels_are_dealt_as_torch_does(groups: int, channels: int) -> None:
    seen = subject(f"channelshuffle {groups}", f"1,{channels},2,2", moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    made = module(seen)(torch.arange(float(channels)).reshape(1, channels, 1, 1))[0, :, 0, 0].tolist()
    for at, frame in enumerate(drawn.frames):
        into, out = grids(frame)
        assert [int(text) for row in texts(into) for text in row] == list(range(channels))
        assert [float(text) for text in texts(out)[0]] == made
        assert marked(out, "out") == [(0, at)]
        assert [float(texts(into)[r][c]) for r, c in marked(into, "tap")] == [made[at]]


def test_many_channels() -> None:
    check_drawn(picture(subject("channelshuffle 64", "1,1024,2", at=(1000,))))
    check_drawn(picture(subject("pixelshuffle 40", "1,1600,4,4", at=(0, 99, 150), moving=True)))
    assert isinstance(picture(subject("channelshuffle 2", "1,4,0")), Nothing)
