"""Rows of tables, alone and in bags, against torch on the picture's own table."""

import pytest
import torch

from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.looked_up import draw
from tests.explain.seen import check_drawn, subject


def tensor(grid: Grid) -> torch.Tensor:
    return torch.tensor([[float(cell.text) for cell in row] for row in grid.rows], dtype=torch.float64)


def parts(spec, *inputs) -> list[Grid]:
    found = draw(subject(spec, *inputs))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Beside)
    return list(found.picture.parts)


def table_of(grid: Grid, rows: int) -> torch.Tensor:
    """The table, of which rows that are not shown are full of nan."""
    made = torch.full((rows, len(grid.rows[0])), torch.nan, dtype=torch.float64)
    made[[int(name) for name in grid.left]] = tensor(grid)
    return made


@pytest.mark.parametrize(
    "more", ["", "padding_idx=-1", "padding_idx=1", "max_norm=4", "max_norm=3 norm_type=1", "max_norm=2 norm_type=inf"]
)
@pytest.mark.parametrize(("rows", "width"), [(7, 3), (1, 1), (3, 5), (1000, 64)])
def test_rows_are_those_that_torch_takes(rows, width, more):
    if rows == 1 and "padding_idx=1" in more:
        return
    spec = f"embedding {rows} {width} {more}".strip()
    it = subject(spec, "2,5")
    indices, table, out = parts(spec, "2,5")
    limit = {} if it.args["max_norm"] is None else {"max_norm": it.args["max_norm"], "norm_type": it.args["norm_type"]}
    taken = torch.nn.functional.embedding(tensor(indices)[:, 0].long(), table_of(table, rows), **limit)
    assert torch.allclose(tensor(out), taken, atol=0.006)


def test_rows_have_the_mark_of_their_index():
    indices, table, out = parts("embedding 10 3 padding_idx=2", "2,5")
    for index, row in zip(indices.rows, out.rows):
        place = table.left.index(index[0].text)
        assert {cell.mark for cell in row} == {cell.mark for cell in table.rows[place]} == {index[0].mark}
    (padding,) = {index[0].text for index in indices.rows if index[0].mark == "pad"}
    assert padding == "2"
    assert [cell.text for cell in table.rows[2]] == ["0", "0", "0"]


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("more", ["", "padding_idx=2", "max_norm=4"])
@pytest.mark.parametrize("width", [1, 3])
def test_a_bag_is_what_torch_makes_of_its_rows(mode, more, width):
    spec = f"embeddingbag 8 {width} mode={mode} {more}".strip()
    it = subject(spec, "2,4")
    bag, table, _, out = parts(spec, "2,4")
    keys = {key: it.args[key] for key in ("mode", "padding_idx", "max_norm", "norm_type")}
    made = torch.nn.functional.embedding_bag(tensor(bag).T.long(), table_of(table, 8), **keys)
    assert torch.allclose(tensor(out), made, atol=0.006)


def test_weights_of_a_bag_count():
    bag, table, weights, _, out = parts("embeddingbag 8 3 mode=sum", "3,3", "per_sample_weights=3,3")
    made = torch.nn.functional.embedding_bag(
        tensor(bag).T.long(), table_of(table, 8), mode="sum", per_sample_weights=tensor(weights).T
    )
    assert torch.equal(tensor(out), made)


def test_a_bag_of_padding_alone_is_zeros():
    *_, out = parts("embeddingbag 1 2 padding_idx=0", "3,2")
    assert tensor(out).tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        ("embedding 10 0", ["2,5"]), ("embedding 10 3", ["0"]), ("embeddingbag 10 3", ["0", "offsets=2"]),
        ("embeddingbag 10 0", ["2,4"]),
    ],
)  # fmt: skip
def test_where_nothing_comes_out_the_reason_is_said(spec, inputs):
    found = draw(subject(spec, *inputs))
    assert isinstance(found, Nothing)
    check_drawn(found)


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        ("embedding 10 3", ["scalar"]), ("embedding 1 1 padding_idx=0", ["3"]), ("embedding 100000 300", ["8,20,3"]),
        ("embedding 10 3 max_norm=0", ["4"]), ("embedding 10 3 max_norm=-1 norm_type=-2 padding_idx=3", ["4"]),
        ("embedding 10 3 max_norm=nan", ["4"]), ("embedding 10 3 max_norm=1 norm_type=nan", ["4"]),
        ("embedding 10 3 max_norm=1 norm_type=0", ["4"]),
        ("embedding 10 3 max_norm=1 norm_type=-inf padding_idx=1", ["4"]),
        ("embedding 10 3 _weight=10,3 padding_idx=1", ["4"]), ("embeddingbag 10 3 mode=max", ["8", "offsets=3"]),
        ("embeddingbag 10 3 mode=sum include_last_offset=true", ["8", "offsets=3", "per_sample_weights=8"]),
        ("embeddingbag 1000 64 padding_idx=500", ["8,20"]), ("embeddingbag 10 3", ["2", "offsets=5"]),
        ("embeddingbag 10 2 max_norm=1 mode=sum", ["1,1"]),
    ],
)  # fmt: skip
def test_every_setting_is_drawn(spec, inputs):
    found = draw(subject(spec, *inputs))
    assert isinstance(found, Diagram)
    check_drawn(found)
