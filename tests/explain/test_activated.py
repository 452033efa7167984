"""Curves of activations against torch's values and gradients, and what is said of them."""

import math

import pytest
import torch

from layercli.explain.activated import draw, overlay
from layercli.explain.activations import SHAPES, shape
from layercli.explain.diagram import Above, Diagram, Plot
from layercli.explain.pictures import _FILES
from tests.explain.seen import check_drawn, subject

SPECS = (
    "relu", "relu6", "leakyrelu", "leakyrelu 0.3", "leakyrelu 0", "rrelu 0.1 0.3", "prelu", "prelu 3 init=-0.5", "elu",
    "elu -2", "elu 0", "celu", "celu 0.3", "celu -1", "selu", "softplus", "softplus 3 threshold=0.5", "softplus -1",
    "softplus 2 threshold=-3", "softplus 0", "softplus 0 threshold=-1", "threshold 0.1 20", "threshold -1 2", "gelu",
    "gelu approximate=tanh", "silu", "mish", "hardswish", "sigmoid", "tanh", "logsigmoid", "hardsigmoid", "hardtanh",
    "hardtanh -20 40", "hardtanh max_value=3 min_value=1", "softsign", "tanhshrink", "hardshrink", "hardshrink -1",
    "hardshrink 2", "softshrink", "softshrink 0",
)  # fmt: skip
ODD = (
    "softplus 1e-300", "softplus inf", "softplus nan", "elu inf", "elu 1e38", "celu 1e-30", "celu 1e30",
    "threshold 1e30 0", "threshold nan 1", "threshold inf 1", "hardtanh -inf inf", "hardtanh nan 1", "hardshrink nan",
    "hardshrink inf", "leakyrelu inf", "leakyrelu nan", "rrelu 0 0", "rrelu -1 2", "prelu 3", "sigmoid -i 2:complex64",
)  # fmt: skip
WEAK = "the derivative is less than 0.01"
ONE_SLOPE = {"num_parameters": 1}
AT = [-7.3, -3.7, -2.9, -1.21, -0.7, -0.31, -0.02, 0.03, 0.4, 0.77, 1.6, 2.3, 3.7, 6.4, 9.1]


@pytest.mark.filterwarnings("ignore:keyword argument:FutureWarning")
@pytest.mark.parametrize("spec", SPECS)
def test_values_and_derivatives_are_those_of_torch(spec):
    it = subject(spec, "1,3,4", mode="eval")
    made = shape(it.layer.name, it.args)
    module = getattr(torch.nn, it.layer.torch)(**{**it.args, **ONE_SLOPE} if spec.startswith("prelu") else it.args)
    module.double().eval()
    x = torch.tensor(AT, dtype=torch.float64, requires_grad=True)
    y = module(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    for place, value, steep in zip(AT, y.tolist(), slope.tolist()):
        piece = made.at(place)
        assert piece.value(place) == pytest.approx(value, rel=1e-6, abs=1e-12)
        if math.isfinite(value):
            assert piece.slope(place) == pytest.approx(steep, rel=1e-6, abs=1e-12)
            assert not piece.dead or steep == 0


@pytest.mark.parametrize("spec", [*SPECS, *ODD])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_setting_is_drawn(spec, mode):
    spec, *inputs = spec.split(" -i ")
    check_drawn(draw(subject(spec, *(inputs or ["1,3,4"]), mode=mode)))


def test_the_index_names_what_is_known_here():
    assert set(_FILES["activated"]) == set(SHAPES)


def plot(spec, **more) -> Plot:
    found = draw(subject(spec, "1,3,4", **more))
    assert isinstance(found, Diagram)
    assert isinstance(found.picture, Plot)
    return found.picture


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("relu", "no value below 0; 0 becomes 0; no gradient comes back for x below 0"),
        ("relu6", "values between 0 and 6; 0 becomes 0; no gradient comes back for x below 0 and above 6"),
        ("sigmoid", f"values between 0 and 1; 0 becomes 0.5; {WEAK} for x below -4.6 and above 4.6"),
        ("gelu", "no value below -0.17; 0 becomes 0; the derivative is less than 0.01 for x below -3.1"),
        ("softshrink", "any value comes out; 0 becomes 0; no gradient comes back for x between -0.5 and 0.5"),
        ("tanhshrink", "any value comes out; 0 becomes 0"),
        ("softsign", f"values between -1 and 1; 0 becomes 0; {WEAK} for x below -9 and above 9"),
        ("logsigmoid", "no value above 0; 0 becomes -0.6931; the derivative is less than 0.01 for x above 4.6"),
        ("prelu 3", "any value comes out; 0 becomes 0; the slope is learned and starts so: one for each of 3 channels"),
        ("leakyrelu 0", "no value below 0; 0 becomes 0; no gradient comes back for x below 0"),
        ("hardtanh nan 1", "no finite value comes out; 0 becomes nan; no gradient comes back for x anywhere"),
    ],
)  # fmt: skip
def test_what_is_said(spec, words):
    assert plot(spec).note == words


def test_jumps_are_gaps():
    points = plot("hardshrink 2").curves[0].points
    gaps = [index for index, (_, y) in enumerate(points) if y is None]
    assert [points[index][0] for index in gaps] == [-2.0, 2.0]
    assert [points[index - 1][1] for index in gaps] == [-2.0, 0.0]
    assert all(y is not None for _, y in plot("relu").curves[0].points)


def test_all_that_happens_is_in_view():
    for spec, places in (("relu6", (0, 6)), ("hardtanh -3 1", (-3, 1)), ("softplus 2 threshold=1", (0.5,))):
        low, high = plot(spec).x
        assert all(low < place < high for place in places)


def test_a_random_slope_is_a_band_in_train_mode_and_the_mean_in_eval_mode():
    train = plot("rrelu 0.1 0.3")
    assert [curve.points[0][1] for curve in train.curves] == pytest.approx([train.x[0] * 0.1, train.x[0] * 0.3])
    found = plot("rrelu 0.1 0.3", mode="eval")
    assert found.curves[0].points[0][1] == pytest.approx(found.x[0] * 0.2)


def test_several_in_one_plot():
    found = overlay([subject(name, "1,3") for name in ("relu", "sigmoid", "leakyrelu 0.2", "rrelu")])
    check_drawn(found)
    assert isinstance(found.picture, Above)
    values, slopes = found.picture.parts
    assert isinstance(values, Plot)
    assert isinstance(slopes, Plot)
    names = ["relu", "sigmoid", "leakyrelu negative_slope=0.2", "rrelu, slope 0.125", "rrelu, slope 0.3333"]
    assert [curve.name for curve in values.curves] == [curve.name for curve in slopes.curves] == names
    assert values.x == slopes.x
