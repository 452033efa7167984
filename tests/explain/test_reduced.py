"""Pictures of mean, sum and amax: torch reduces the picture's own cells to the same numbers."""

from __future__ import annotations

from typing import Any

import pytest

from layercli.explain.cells import written
from layercli.explain.diagram import Above, Cell, Diagram, Nothing, Picture
from layercli.explain.reduced import draw
from tests.explain.seen import check_drawn, grids, subject

torch = pytest.importorskip("torch")


def parts(diagram: Diagram | Nothing) -> tuple[Picture, Picture]:
    """The numbers before and after."""
    assert isinstance(diagram, Diagram)
    assert isinstance(diagram.picture, Above)
    shown = diagram.picture.parts[1]
    before, after = shown.parts  # type: ignore[union-attr]
    return before, after


def cells(picture: Picture) -> list[Cell]:
    return [cell for grid in grids(picture) for row in grid.rows for cell in row]


def tensor(picture: Picture, shape: tuple[int, ...]) -> Any:
    return torch.tensor([float(cell.text) for cell in cells(picture)], dtype=torch.float64).reshape(shape)


@pytest.mark.parametrize("name", ["mean", "sum", "amax"])
@pytest.mark.parametrize(
    ("shape", "dims", "keep"),
    [
        ((3, 4), (0,), False), ((2, 3, 4), (1, -1), True), ((2, 2, 3, 4), (1, 2), False), ((5,), (), False),
        ((2, 3), (), True),
    ],
)  # fmt: skip
def test_numbers_are_those_of_torch(name: str, shape: tuple[int, ...], dims: tuple[int, ...], keep: bool) -> None:
    spec = f"{name} keepdim={str(keep).lower()}" + (f" dim={','.join(map(str, dims))}" if dims else "")
    before, after = parts(draw(subject(spec, ",".join(map(str, shape)))))
    wanted = getattr(torch, name)(tensor(before, shape), dims or tuple(range(len(shape))), keepdim=keep)
    assert [cell.text for cell in cells(after)] == [written(number) for number in wanted.flatten().tolist()]


def test_a_global_pool_shows_the_whole_map() -> None:
    before, after = parts(draw(subject("mean dim=2,3", "1,64,7,7", at=(0, 5))))
    taken = [float(cell.text) for cell in cells(before) if cell.mark == "tap"]
    assert len(taken) == 49
    (out,) = [cell.text for cell in cells(after) if cell.mark == "out"]
    assert out == written(sum(taken) / 49)


def test_the_cells_that_become_one() -> None:
    before, after = parts(draw(subject("sum dim=0", "3,4", at=(2,))))
    assert [cell.mark for cell in cells(before)] == ["", "", "tap", ""] * 3
    assert [cell.mark for cell in cells(after)] == ["", "", "out", ""]


def test_the_largest_is_marked() -> None:
    before, after = parts(draw(subject("amax dim=1", "3,4", at=(1,))))
    (largest,) = [cell.text for cell in cells(before) if cell.mark == "win"]
    assert largest == next(cell.text for cell in cells(after) if cell.mark == "out")


def test_every_position_is_a_frame() -> None:
    diagram = draw(subject("mean dim=1", "2,3,4", moving=True))
    assert isinstance(diagram, Diagram)
    assert len(diagram.frames) == 8


@pytest.mark.parametrize("name", ["mean", "sum", "amax"])
@pytest.mark.parametrize(
    ("keys", "shape"),
    [
        ("", "scalar"), ("", "1,64,7,7"), ("dim=2,3 keepdim=true", "8,64,112,112"), ("dim=1", "1,1000"),
        ("dim=0", "1000,3"), ("dim=-1", "2,3,4,5,6,7"), ("dim=0,2,4", "9,9,9,9,9"), ("dim=1", "0,3"),
        ("dim=1", "2,300,4,4"),
    ],
)  # fmt: skip
def test_all_are_drawn(name: str, keys: str, shape: str) -> None:
    check_drawn(draw(subject(f"{name} {keys}", shape)))


def test_of_nothing_there_is_no_picture() -> None:
    assert isinstance(draw(subject("sum dim=0", "0,3")), Nothing)


def test_small_numbers_of_other_kinds() -> None:
    """A bool is 0 or 1."""
    before, after = parts(draw(subject("sum dim=1", "2,8:bool")))
    assert {cell.text for cell in cells(before)} <= {"0", "1"}
    assert [cell.text for cell in cells(after)] == [
        str(int(row.sum())) for row in tensor(before, (2, 8)).to(torch.bool)
    ]
