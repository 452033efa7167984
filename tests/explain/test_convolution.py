"""The picture of a convolution: the cells that it marks are those that torch's output cell hangs on."""

from __future__ import annotations

import pytest
import torch

from layercli.errors import LayerError
from layercli.explain.diagram import Diagram, Grid, Nothing
from layercli.explain.pictures import picture
from layercli.explain.subject import Subject
from layercli.explain.windows import plane, sliding
from tests.explain.seen import check_drawn, grids, marked, module, subject

CASES = [
    ("conv1d 4 3 p=1", "3,16", (0,)),
    ("conv1d 2 4 p=same d=3", "1,3,9", (8,)),
    ("conv2d 4 3 s=2 p=1", "2,3,9,9", (0, 4)),
    ("conv2d 4 5 d=2", "3,16,14", None),
    ("conv2d 4 2,4 p=same", "1,3,7,8", (6, 7)),
    ("conv2d 6 3,2 s=2,1 p=2,0 d=1,2 g=3", "1,3,8,9", (1, 2)),
    ("lazyconv2d 4 3 p=valid", "1,3,8,8", None),
    ("conv2d 4 3 p=1 padding_mode=circular", "1,3,8,8", (3, 4)),
    ("conv2d 4 3 p=-1,2 padding_mode=replicate", "1,3,8,8", (0, 4)),
    ("conv3d 2 3,3,2 p=1,0,1", "1,1,5,6,7", (0, 1, 2)),
    ("lazyconv3d 2 2 p=same", "1,4,4,4", None),
]


def read_by(seen: Subject, place: tuple[int, ...]) -> torch.Tensor:
    """Where the output cell's gradient is not zero, with weights of 1."""
    layer, given = module(seen), torch.ones(seen.fed.shape, requires_grad=True)
    layer(given)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(1)
    made = layer(given)
    made.reshape(-1, *made.shape[-len(place) :])[(0, *place)].backward()
    assert given.grad is not None
    return given.grad.reshape(-1, *given.shape[-len(place) :])[0]


def taps(seen: Subject, grid: Grid) -> set[tuple[int, int]]:
    """The marked cells of the input, without those of the padding."""
    rows, columns = plane(sliding(seen))
    places = ((r + min(0, -rows.before), c + min(0, -columns.before)) for r, c in marked(grid, "tap"))
    return {(r, c) for r, c in places if 0 <= r < rows.size and 0 <= c < columns.size}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize(("spec", "shape", "at"), CASES)
def test_taps_are_the_cells_that_the_output_hangs_on(spec: str, shape: str, at: tuple[int, ...] | None) -> None:
    seen = subject(spec, shape, at=at)
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    check_drawn(drawn)
    *inputs, out = [grid for grid in grids(drawn.picture) if "channels that they read" not in grid.title]
    axes = sliding(seen)
    place = at or tuple(axis.usual for axis in axes)
    assert marked(out, "out") == [((0, *place)[-2:])]
    read = read_by(seen, place)
    if len(axes) < 3:
        assert taps(seen, inputs[0]) == {tuple(found) for found in read.reshape(-1, read.shape[-1]).nonzero().tolist()}
        return
    assert len(inputs) == len(axes[0].reads(place[0]))
    for grid in inputs:
        if grid.title != "a slice of padding":
            assert taps(seen, grid) == {tuple(found) for found in read[int(grid.title.split()[1])].nonzero().tolist()}


def test_same_pads_the_far_side_with_what_it_cannot_halve() -> None:
    drawn = picture(subject("conv1d 2 4 p=same", "1,3,9", at=(0,)))
    assert isinstance(drawn, Diagram)
    (into, _) = grids(drawn.picture)
    assert into.title == "input 9, padding 1+2"
    assert [cell.mark for cell in into.rows[0]].count("pad") == 2  # one of the three is read


def test_a_negative_padding_crops() -> None:
    drawn = picture(subject("conv1d 2 3 p=-2 padding_mode=circular", "1,3,9"))
    assert isinstance(drawn, Diagram)
    (into, out) = grids(drawn.picture)
    assert marked(into, "off") == [(0, 0), (0, 1), (0, 7), (0, 8)]
    assert marked(into, "tap") == [(0, 2), (0, 3), (0, 4)]
    assert len(out.rows[0]) == 3


def test_large_inputs_are_shown_in_part_and_that_is_said() -> None:
    drawn = picture(subject("conv2d 4 3 p=1", "1,3,224,100", at=(200, 3)))
    assert isinstance(drawn, Diagram)
    (into, out) = grids(drawn.picture)
    assert into.note == "rows 191 to 208 of 224 and columns -1 to 16 of 100 are shown"
    assert "of 224" in out.note
    check_drawn(drawn)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [("conv1d 4 3", "3,1000000000"), ("conv1d 4 999999999 d=1", "3,1000000000"), ("conv2d 4 3 p=999999", "3,9,9")],
)
def test_sizes_without_measure(spec: str, shape: str) -> None:
    check_drawn(picture(subject(spec, shape, moving=True)))


def test_frames_are_every_position() -> None:
    drawn = picture(subject("conv2d 4 3 s=2", "1,3,8,6", moving=True))
    assert isinstance(drawn, Diagram)
    places = [marked(list(grids(frame))[1], "out") for frame in drawn.frames]
    assert places == [[(r, c)] for r in range(3) for c in range(2)]
    check_drawn(drawn)


def test_filters_read_their_group() -> None:
    seen = subject("conv2d 6 3 g=3", "1,6,8,8")
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    *_, groups = grids(drawn.picture)
    layer, given = module(seen), torch.ones(1, 6, 8, 8)
    for channel in range(6):
        one = given.clone()
        one[0, channel] = 2
        changed = (layer(one) - layer(given)).abs().sum((0, 2, 3)) > 1e-6
        assert [r for r, c in marked(groups, "tap") if c == channel] == changed.nonzero().flatten().tolist()


def test_an_output_without_numbers_is_nothing() -> None:
    found = picture(subject("conv2d 4 3", "0,3,8,8"))
    assert found == Nothing("the output 0x4x6x6 holds no numbers")


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(LayerError, match="no position 9,9"):
        picture(subject("conv2d 4 3", "1,3,8,8", at=(9, 9)))
