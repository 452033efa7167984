"""The convolution with numbers is torch's."""

from __future__ import annotations

import pytest
import torch

from layercli.explain.arithmetic import KERNEL, arithmetic, convolved
from layercli.explain.cells import numbers
from layercli.explain.diagram import Above, Beside, Grid
from tests.explain.seen import check_drawn, grids


@pytest.mark.parametrize(("size", "s", "p"), [(5, 1, 0), (5, 2, 1), (7, 3, 2), (4, 1, 1)])
def test_the_sums_are_torchs(size: int, s: int, p: int) -> None:
    diagram = arithmetic(size, s=s, p=p)
    check_drawn(diagram)
    image = torch.tensor(numbers(size, size))[None, None]
    weight = torch.tensor(KERNEL, dtype=torch.float32)[None, None]
    wanted = torch.nn.functional.conv2d(image, weight, stride=s, padding=p)
    assert isinstance(diagram.picture, Above)
    assert isinstance(diagram.picture.parts[0], Beside)
    made = [*grids(diagram.picture.parts[0])][-1]
    assert [[float(cell.text) for cell in row] for row in made.rows] == wanted[0, 0].tolist()
    assert len(diagram.frames) == wanted.numel()


def test_the_written_sum_is_the_cell() -> None:
    picture = arithmetic(at=(1, 2)).picture
    assert isinstance(picture, Above)
    text = picture.parts[1]
    assert isinstance(text, Grid)
    *terms, total = (row[0].text for row in text.rows)
    assert eval(" + ".join(terms)) == int(total.removeprefix("= "))
    assert int(total.removeprefix("= ")) == convolved(numbers(5, 5), KERNEL, 1)[1][2]
