"""Norms: which numbers torch lets depend on each other, and one group before and after."""

from itertools import product

import pytest
import torch

from layercli.explain.diagram import Above, Beside, Diagram, Grid, Nothing
from layercli.explain.normalised import VALUES, draw
from tests.explain.seen import check_drawn, subject


def parts(spec, *inputs, **more) -> tuple[Beside, Grid, Beside]:
    found = draw(subject(spec, *inputs, **more))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Above)
    block, example, others = found.picture.parts
    return block, example, others


def module(it) -> torch.nn.Module:
    return getattr(torch.nn, it.layer.torch)(**it.args).double().train(it.bound.variant.known["training"])


def letters(block: Beside, shape: tuple[int, ...], columns: int) -> dict[tuple[int, ...], str]:
    """The letter of each number of an input that is shown as a whole."""
    found = {}
    for number, grid in enumerate(block.parts):
        for row, name in zip(grid.rows, grid.left or [""] * len(grid.rows)):
            for column, cell in enumerate(row):
                rest = [int(part) for part in name.split(",") if part]
                if len(shape) > 2 and len(rest) == len(shape) - 2:
                    rest.insert(0, number)
                rest.insert(columns, column)
                found[tuple(rest)] = cell.text
    assert sorted(found) == list(product(*map(range, shape)))
    return found


@pytest.mark.parametrize(
    ("spec", "shape", "columns", "mode"),
    [
        ("batchnorm2d", (2, 3, 2, 2), 1, "train"),
        ("batchnorm1d track_running_stats=false", (4, 3), 1, "eval"),
        ("syncbatchnorm", (2, 3, 2, 2), 1, "train"),
        ("instancenorm2d", (2, 3, 2, 2), 1, "train"),
        ("instancenorm1d track_running_stats=true", (2, 3, 4), 1, "train"),
        ("groupnorm 2", (2, 4, 2, 2), 1, "train"),
        ("groupnorm 1", (4, 4), 1, "train"),
        ("layernorm", (2, 2, 3, 4), 3, "train"),
        ("layernorm 3,4", (2, 2, 3, 4), 3, "eval"),
        ("layernorm 2,3,4", (2, 2, 3, 4), 3, "train"),
        ("layernorm", (3, 6), 1, "train"),
        ("rmsnorm 3,4", (2, 2, 3, 4), 3, "train"),
    ],
)
def test_numbers_of_a_letter_are_those_that_torch_takes_together(spec, shape, columns, mode):
    if spec.startswith("syncbatchnorm"):
        spec, like = "syncbatchnorm", torch.nn.BatchNorm2d(3).double()
    else:
        like = None
    it = subject(spec, ",".join(map(str, shape)), mode=mode)
    named = letters(parts(spec, ",".join(map(str, shape)), mode=mode)[0], shape, columns)
    norm = like or module(it)
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    y = norm(x)
    for at in product(*map(range, shape)):
        (gradient,) = torch.autograd.grad(y[at], x, retain_graph=True)
        together = {place for place, letter in named.items() if letter == named[at]}
        assert {tuple(place) for place in gradient.nonzero().tolist()} == together


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("batchnorm1d", (6, 1)),
        ("batchnorm1d eps=1 affine=false", (6, 1)),
        ("layernorm", (6,)),
        ("layernorm eps=0.5", (4,)),
        ("groupnorm 1", (1, 6)),
        ("instancenorm1d", (1, 1, 6)),
        ("rmsnorm", (6,)),
        ("rmsnorm eps=2", (3,)),
        ("layernorm", (1,)),
        ("layernorm eps=-1000", (6,)),
    ],
)
def test_a_group_comes_out_as_torch_makes_it(spec, shape):
    it = subject(spec, ",".join(map(str, shape)))
    _, example, _ = parts(spec, ",".join(map(str, shape)))
    before = [float(cell.text) for cell in example.rows[0]]
    assert before == list(VALUES[: len(before)])
    after = module(it)(torch.tensor(before, dtype=torch.float64).reshape(shape)).flatten().tolist()
    assert [float(cell.text) for cell in example.rows[-1]] == pytest.approx(after, abs=0.006, nan_ok=True)


@pytest.mark.parametrize("momentum", ["0.1", "0.5", "none"])
def test_running_statistics_move_as_in_torch(momentum):
    it = subject(f"batchnorm1d momentum={momentum}", "6,1")
    norm = module(it)
    norm(torch.tensor(VALUES, dtype=torch.float64).reshape(6, 1))
    note = draw(it).picture.parts[1].note
    assert f"mean moves from 0 to {norm.running_mean.item():.4g}" in note
    assert f"variance from 1 to {norm.running_var.item():.4g}" in note


def test_eval_mode_takes_the_running_figures():
    it = subject("batchnorm1d", "6,1", mode="eval")
    example = draw(it).picture.parts[1]
    norm = module(it)
    x = torch.tensor(VALUES, dtype=torch.float64).reshape(6, 1)
    assert [float(cell.text) for cell in example.rows[1]] == pytest.approx(norm(x).flatten().tolist(), abs=0.006)
    norm.running_mean[0], norm.running_var[0] = 4, 9
    assert [float(cell.text) for cell in example.rows[2]] == pytest.approx(norm(x).flatten().tolist(), abs=0.006)
    assert "running ones" in example.note


def test_an_instance_norm_with_running_statistics_takes_those_of_the_channel_in_eval_mode():
    block, _, _ = parts("instancenorm1d track_running_stats=true", "2,3,4", mode="eval")
    assert block.parts[0] == block.parts[1]._replace(title="sample 0")
    block, _, _ = parts("instancenorm1d track_running_stats=true", "2,3,4")
    assert block.parts[0] != block.parts[1]._replace(title="sample 0")


@pytest.mark.parametrize(
    ("spec", "first"), [("batchnorm2d", "batch"), ("groupnorm 3", "group of 2"), ("rmsnorm", "rms, layer")]
)
def test_the_norm_asked_for_comes_first(spec, first):
    _, _, others = parts(spec, "2,6,4,4")
    assert others.parts[0].title == first
    assert len(others.parts) == 4


def test_an_empty_input_has_no_picture():
    assert isinstance(draw(subject("layernorm 4", "0,4")), Nothing)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("batchnorm1d", "4,12"), ("batchnorm1d", "4,3,16"), ("batchnorm2d", "1,3,16,16"), ("batchnorm3d", "2,3,4,5,6"),
        ("syncbatchnorm", "2,3,4,5,6,7"), ("lazybatchnorm2d", "8,64,7,7"), ("instancenorm1d", "3,16"),
        ("instancenorm2d affine=true track_running_stats=true", "64,20,20"), ("instancenorm3d", "2,3,4,4,4"),
        ("lazyinstancenorm2d momentum=none", "2,3,9,9"), ("layernorm", "7"), ("layernorm", "2,10,512"),
        ("layernorm 3,16,16 bias=false", "1,3,16,16"), ("layernorm 16", "2,2,2,2,2,2,16"), ("layernorm eps=nan", "4,4"),
        ("layernorm elementwise_affine=false eps=0", "1"), ("rmsnorm", "2,10,64:complex64"), ("rmsnorm", "3,4:float64"),
        ("groupnorm 8", "2,64,7,7"), ("groupnorm 2", "2,64,7"), ("groupnorm 3 affine=false", "5,6"),
        ("groupnorm 6", "1,6,1,2"), ("batchnorm2d 3 momentum=nan", "1,3,200,200"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_setting_is_drawn(spec, shape, mode):
    check_drawn(draw(subject(spec, shape, mode=mode)))
