"""Distances and similarities of the picture's own vectors, against torch."""

import pytest
import torch

from layercli.explain.diagram import Beside, Diagram, Grid, Nothing
from layercli.explain.distances import common, draw
from tests.explain.seen import check_drawn, subject


def parts(spec, *inputs) -> tuple[Grid, Grid]:
    found = draw(subject(spec, *inputs))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Beside)
    steps, out = found.picture.parts
    return steps, out


def row(grid: Grid, index: int) -> torch.Tensor:
    return torch.tensor([float(cell.text) for cell in grid.rows[index]], dtype=torch.float64)


@pytest.mark.parametrize(
    "spec", ["cosinesimilarity", "cosinesimilarity 0", "cosinesimilarity eps=10", "cosinesimilarity -1 eps=0"]
)
@pytest.mark.parametrize("shape", ["8,10", "3,4", "2,1", "1,2"])
def test_a_cosine_is_torchs(spec, shape):
    steps, out = parts(spec, shape)
    it = subject(spec, shape)
    made = torch.nn.CosineSimilarity(0, it.args["eps"])(row(steps, 0), row(steps, 1))
    assert float(out.rows[0][0].text) == pytest.approx(made.item(), abs=0.006, nan_ok=True)
    assert torch.equal(row(steps, 2), row(steps, 0) * row(steps, 1))


@pytest.mark.parametrize("p", ["1", "2", "3", "0.5", "inf", "-inf", "0", "-1"])
@pytest.mark.parametrize("eps", ["1e-6", "0", "0.5"])
@pytest.mark.parametrize("shape", ["8,10", "4", "2,1"])
def test_a_distance_is_torchs(p, eps, shape):
    steps, out = parts(f"pairwisedistance {p} eps={eps}", shape)
    made = torch.nn.PairwiseDistance(float(p), float(eps))(row(steps, 0), row(steps, 1))
    assert float(out.rows[0][0].text) == pytest.approx(made.item(), rel=0.06, abs=0.006)


def test_a_component_alone_stands_for_all():
    steps, _ = parts("cosinesimilarity 1", "8,4", "x2=8,1")
    assert len(set(row(steps, 1).tolist())) == 1
    assert len(set(row(steps, 0).tolist())) > 1


@pytest.mark.parametrize(("a", "b"), [((), ()), ((3,), ()), ((8, 1, 4), (5, 4)), ((1,), (2, 7)), ((0, 1), (1, 0))])
def test_shapes_broadcast_as_in_torch(a, b):
    assert common(a, b) == (tuple(torch.broadcast_shapes(a, b)) or (1,))


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        ("cosinesimilarity", "0,4"),
        ("cosinesimilarity", "4,0"),
        ("pairwisedistance", "4,0"),
        ("pairwisedistance", "0,4"),
    ],
)
def test_where_there_is_nothing_to_compare_the_reason_is_said(spec, shape):
    assert isinstance(draw(subject(spec, shape)), Nothing)


@pytest.mark.parametrize(
    ("spec", "inputs"),
    [
        ("cosinesimilarity 0", ["scalar"]), ("cosinesimilarity -1", ["2,3,4,100"]),
        ("cosinesimilarity 0 eps=inf", ["3"]),
        ("cosinesimilarity 0", ["3", "x2=4,3"]), ("pairwisedistance", ["scalar"]), ("pairwisedistance nan", ["3"]),
        ("pairwisedistance 1e300", ["5"]), ("pairwisedistance -1e300", ["5"]),
        ("pairwisedistance -1e300 eps=1e300", ["5"]), ("pairwisedistance eps=nan", ["5"]),
        ("pairwisedistance keepdim=true", ["8,10", "x2=10"]), ("pairwisedistance eps=-1e300 p=0.01", ["5"]),
    ],
)  # fmt: skip
def test_every_setting_is_drawn(spec, inputs):
    found = draw(subject(spec, *inputs))
    assert isinstance(found, Diagram)
    check_drawn(found)
