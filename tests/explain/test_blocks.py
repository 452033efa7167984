"""Pictures of unfold and fold: torch makes the same of the same numbers."""

from __future__ import annotations

import pytest
import torch

from layercli.explain.cells import number
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import picture
from tests.explain.seen import check_drawn, grids, marked, module, numbers, subject


def sheet(rows: int, columns: int) -> torch.Tensor:
    """The numbers of the pictures."""
    return torch.tensor([[number(row, column) for column in range(columns)] for row in range(rows)])


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("unfold 2", "1,2,3,4"),
        ("unfold 2 s=2 p=1", "1,5,5"),
        ("unfold 3,2 d=2,1", "2,1,6,5"),
        ("unfold 1", "1,1,3,3"),
        ("unfold 2 s=3", "1,1,8,8"),
    ],
)
def test_columns_are_torchs(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    rows, columns = seen.fed.shape[-2:]
    channels = seen.fed.shape[-3]
    given = sheet(rows, columns).expand(1, channels, rows, columns)
    made = module(seen)(given)[0]
    assert len(drawn.frames) == made.shape[1]
    for block, frame in enumerate(drawn.frames):
        image, matrix = grids(frame)
        p = max(seen.args["padding"])
        assert numbers(image) == given[0, 0].tolist()
        places = [int(name) for name in matrix.above]
        assert numbers(matrix) == made[: len(matrix.rows), places].tolist()
        assert {c for _, c in marked(matrix, "out")} == {places.index(block)}
        one = given.clone().requires_grad_()
        module(seen)(one)[0, : len(matrix.rows), block].sum().backward()
        assert one.grad is not None
        taps = {(r - p, c - p) for r, c in marked(image, "tap")}
        assert {(r, c) for r, c in taps if 0 <= r < rows and 0 <= c < columns} == {
            tuple(found) for found in one.grad[0, 0].nonzero().tolist()
        }


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("fold 5 2", "1,12,16"), ("fold 4,6 2 s=2", "1,12,6"), ("fold 8 3 s=2 p=1", "9,16"), ("fold 8 2 s=3", "4,9"),
        ("fold 6,7 2,3 d=2,1", "1,6,20"), ("fold 3 2 p=1", "1,12,16"),
    ],
)  # fmt: skip
def test_sums_are_torchs(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    entries, blocks = seen.fed.shape[-2:]
    given = sheet(entries, blocks).requires_grad_()
    made = module(seen)(given[None])[0, 0]
    counts = module(seen)(torch.ones(1, entries, blocks))[0, 0]
    for index, frame in enumerate(drawn.frames):
        matrix, image = grids(frame)
        at = divmod(index, made.shape[1])
        assert numbers(image) == made.tolist()
        assert marked(image, "out") == [at]
        shades = [[cell.shade for cell in row] for row in image.rows]
        assert torch.tensor(shades) == pytest.approx(counts / counts.max())
        given.grad = None
        made[at].backward(retain_graph=True)
        assert given.grad is not None
        places = [int(name) for name in matrix.above]
        read = {(r, places.index(c)) for r, c in given.grad.nonzero().tolist()}
        assert set(marked(matrix, "tap")) == read
        assert numbers(matrix) == given[: len(matrix.rows), places].tolist()
    lost = torch.ones(1, entries, blocks).requires_grad_()
    module(seen)(lost)[0, 0].sum().backward()
    assert lost.grad is not None
    matrix, _ = grids(drawn.picture)
    places = [int(name) for name in matrix.above]
    gone = lost.grad[0][: len(matrix.rows), places] == 0
    assert set(marked(matrix, "pad")) == {tuple(found) for found in gone.nonzero().tolist()}


def test_large_inputs() -> None:
    for spec, shape in (
        ("unfold 3", "1,3,224,224"), ("unfold 50", "1,3,60,60"), ("fold 16 3", "1,27,196"), ("fold 40 20", "1,400,441"),
    ):  # fmt: skip
        check_drawn(picture(subject(spec, shape, moving=True)))
    drawn = picture(subject("fold 40 20", "1,400,441"))
    assert isinstance(drawn, Diagram)
    (image,) = grids(drawn.picture)
    counts = torch.nn.Fold(40, 20)(torch.ones(1, 400, 441))[0, 0]
    assert numbers(image) == counts[14:24, 14:24].tolist()


def test_empty_ones_are_nothing() -> None:
    assert isinstance(picture(subject("unfold 3", "0,3,8,8")), Nothing)
