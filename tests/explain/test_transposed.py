"""The picture of a transposed convolution: patches and overlaps are those of torch's with ones for weights."""

from __future__ import annotations

import pytest
import torch

from layercli.explain.diagram import Diagram, Grid, Nothing
from layercli.explain.pictures import picture
from layercli.explain.subject import Subject
from layercli.layers.vocabulary import SPATIAL
from tests.explain.seen import check_drawn, grids, marked, subject

CASES = [
    ("convtranspose1d 8 3 s=2 op=1", "2,6"),
    ("convtranspose1d 8 4 s=2 p=3", "1,2,7"),
    ("convtranspose1d 8 2 s=3", "1,2,5"),
    ("convtranspose1d 4 3 d=4 s=2 op=3 p=2", "1,2,4"),
    ("convtranspose1d 4 3 d=2 s=3", "1,2,4"),
    ("convtranspose2d 8 3 s=2 p=1 op=1", "1,2,6,7"),
    ("convtranspose2d 6 4,3 s=2,1 p=1,0 d=1,2 g=2", "4,6,6"),
    ("lazyconvtranspose2d 8 5", "1,2,6,5"),
    ("convtranspose2d 8 3 p=1", "1,2,1,1"),
    ("convtranspose3d 2 3 s=2 p=1 op=1", "1,1,3,3,3"),
    ("lazyconvtranspose3d 2 1,2,3", "1,1,3,3,3"),
]


def spread(seen: Subject, given: torch.Tensor) -> torch.Tensor:
    """What torch makes of one channel with a kernel of ones."""
    names = SPATIAL[given.dim()]
    k, s, p, d = (seen.sizes(symbol, names) for symbol in ("k", "s", "p", "d"))
    outs = seen.given.shape[-len(names) :]
    smallest = [(size - 1) * b - 2 * c + e * (a - 1) + 1 for size, a, b, c, e in zip(given.shape, k, s, p, d)]
    more = [out - least for out, least in zip(outs, smallest)]
    made = getattr(torch.nn.functional, f"conv_transpose{len(names)}d")(
        given[None, None], torch.ones(1, 1, *k), None, s, p, more, 1, d
    )
    return made[0, 0]


def planes(seen: Subject, frame: object) -> tuple[Grid, list[tuple[Grid, torch.Tensor]]]:
    """The input's grid, and those of the output with torch's counts."""
    into, *outs = grids(frame)  # type: ignore[arg-type]
    rank = int(seen.layer.name[-2])
    counts = spread(seen, torch.ones(seen.fed.shape[-rank:]))
    if rank < 3:
        return into, [(outs[0], counts.reshape(-1, counts.shape[-1]))]
    return into, [(out, counts[int(out.title.split()[2].rstrip(":"))]) for out in outs]


def cells(seen: Subject, grid: Grid) -> list[list[object]]:
    """The cells of the output itself, without those that the padding takes off."""
    rank = int(seen.layer.name[-2])
    p = (0, *seen.sizes("p", SPATIAL[rank]))[-2:]
    outs = (1, *seen.given.shape[-rank:])[-2:]
    return [list(row[p[1] : p[1] + outs[1]]) for row in grid.rows[p[0] : p[0] + outs[0]]]


@pytest.mark.parametrize(("spec", "shape"), CASES)
def test_counts_and_patches_are_torchs(spec: str, shape: str) -> None:
    seen = subject(spec, shape, moving=True)
    drawn = picture(seen)
    check_drawn(drawn)
    assert isinstance(drawn, Diagram)
    rank = int(seen.layer.name[-2])
    for frame in drawn.frames:
        into, outs = planes(seen, frame)
        ((row, column),) = marked(into, "tap")
        lead = (int(into.title.split()[-1]),) if rank == 3 else ()
        at = (*lead, row, column)[-rank:]
        one = torch.zeros(seen.fed.shape[-rank:])
        one[at] = 1
        patch = spread(seen, one)
        for grid, counts in outs:
            inside = cells(seen, grid)
            assert [[float(cell.text) for cell in line] for line in inside] == counts.tolist()
            fed = patch[int(grid.title.split()[2].rstrip(":"))] if rank == 3 else patch.reshape(counts.shape)
            assert [[float(cell.mark == "out") for cell in line] for line in inside] == fed.tolist()


@pytest.mark.parametrize(
    ("spec", "shape", "words"),
    [
        ("convtranspose2d 8 3 s=2", "1,2,8,8", "1, 2 or 4 taps land on a cell: the checkerboard; a kernel of 4 evens"),
        ("convtranspose2d 8 4 s=2 p=1", "1,2,8,8", "even: 4 taps land on every cell away from the borders"),
        ("convtranspose2d 8 2 s=2", "1,2,8,8", "even: 1 tap lands on every cell away from the borders"),
        ("convtranspose2d 8 2 s=3", "1,2,8,8", "0 or 1 taps land on a cell: gaps, which a kernel of 3 fills"),
        ("convtranspose2d 8 5,4 s=2,4", "1,2,9,9", "2 or 3 taps land on a cell: the checkerboard; a kernel of 6x4"),
        ("convtranspose1d 8 3 s=2 d=2", "2,9", "0 or 3 taps land on a cell: gaps that no kernel fills"),
        ("convtranspose1d 8 3 s=2 d=3", "2,9", "1 or 2 taps land on a cell: the checkerboard; a kernel of 4"),
        ("convtranspose2d 8 3", "1,2,2,2", "1 to 4 taps land on a cell: so small an input"),
        ("convtranspose1d 8 3 s=2 op=1", "2,9", "no tap lands on the last cell, which output_padding has added"),
        ("convtranspose2d 8 3,2 s=4,2 op=3,1", "1,2,9,9", "no tap lands on the last 3 rows and the last column"),
    ],
)  # fmt: skip
def test_what_is_said_of_the_overlap(spec: str, shape: str, words: str) -> None:
    seen = subject(spec, shape)
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    assert words in drawn.picture.note


@pytest.mark.parametrize(
    ("spec", "shape"), [("convtranspose2d 8 3 s=2", "1,2,9,9"), ("convtranspose2d 8 6 s=3 d=2", "1,2,19,19")]
)
def test_counts_that_are_told_are_those_far_from_the_borders(spec: str, shape: str) -> None:
    seen = subject(spec, shape)
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    counts = spread(seen, torch.ones(seen.fed.shape[-2:]))
    edge = 12 if "6" in spec else 3
    found = sorted({int(count) for count in counts[edge:-edge, edge:-edge].flatten()})
    told = drawn.picture.note.partition("; ")[2]
    assert told.startswith(
        ", ".join(map(str, found[:-1])) + f" or {found[-1]} taps" if found[1:] else f"even: {found[0]} taps"
    )


def test_an_output_size_that_is_asked_for() -> None:
    seen = subject("convtranspose1d 4 3 s=4", "1,4,3", "output_size=14")
    drawn = picture(seen)
    assert isinstance(drawn, Diagram)
    assert "no tap lands on the last 3 cells" in drawn.picture.note


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("convtranspose2d 8 3 s=2 p=1", "1,2,224,100"),
        ("convtranspose1d 4 999 s=998", "2,1000000"),
        ("convtranspose3d 2 9 s=9", "1,1,40,40,40"),
    ],
)
def test_large_inputs(spec: str, shape: str) -> None:
    check_drawn(picture(subject(spec, shape, moving=True)))


def test_an_output_without_numbers_is_nothing() -> None:
    assert isinstance(picture(subject("convtranspose2d 4 3", "0,3,8,8")), Nothing)
