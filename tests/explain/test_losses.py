"""Curves and examples of losses, against torch on the pictures' own numbers."""

import math
import re

import pytest
import torch

from layercli.explain.diagram import Above, Bars, Curve, Diagram, Flow, Grid, Nothing, Picture, Plot
from layercli.explain.loss_curves import CURVES
from layercli.explain.loss_examples import EXAMPLES
from layercli.explain.losses import draw, reduction
from layercli.explain.pictures import _FILES
from tests.explain.seen import check_drawn, grids, subject

DOUBLE = torch.float64


def drawn(spec, *inputs, **more) -> Diagram:
    found = draw(subject(spec, *inputs, **more))
    assert isinstance(found, Diagram)
    return found


def curves(spec) -> tuple[Curve, ...]:
    picture = drawn(spec).picture
    plot = picture.parts[0] if isinstance(picture, Above) else picture
    assert isinstance(plot, Plot)
    return plot.curves


def tensor(grid: Grid) -> torch.Tensor:
    return torch.tensor([[float(cell.text) for cell in row] for row in grid.rows], dtype=DOUBLE)


def full(x: torch.Tensor, value: float) -> torch.Tensor:
    return torch.full_like(x, value)


def test_the_index_names_what_is_known_here():
    assert set(_FILES["losses"]) == {*CURVES, *EXAMPLES}


# --- curves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "targets"),
    [
        ("l1loss", (0,)), ("mseloss", (0,)), ("smoothl1loss", (0,)), ("smoothl1loss beta=0.3", (0,)),
        ("smoothl1loss beta=0", (0,)), ("huberloss", (0,)), ("huberloss delta=0.4", (0,)), ("huberloss delta=7", (0,)),
        ("kldivloss", (0.5, 0.1)), ("kldivloss log_target=true", (math.log(0.5), math.log(0.1))),
        ("poissonnllloss", (0, 1, 4)), ("poissonnllloss full=true", (0, 1, 4)),
        ("poissonnllloss log_input=false", (0, 1, 4)),
        ("poissonnllloss log_input=false full=true eps=0.5", (0, 1, 4)),
        ("bceloss", (1, 0)), ("bcewithlogitsloss", (1, 0)),
        ("softmarginloss", (1, -1)), ("hingeembeddingloss", (1, -1)), ("hingeembeddingloss 0.4", (1, -1)),
        ("hingeembeddingloss -2", (1, -1)),
    ],
)  # fmt: skip
def test_curves_are_the_losses_of_torch(spec, targets):
    it = subject(f"{spec} reduction=none")
    module = getattr(torch.nn, it.layer.torch)(**it.args)
    for curve, target in zip(curves(spec), targets):
        x = torch.tensor([x for x, y in curve.points if y is not None], dtype=DOUBLE)
        y = torch.tensor([y for _, y in curve.points if y is not None], dtype=DOUBLE)
        assert len(x) > 100
        assert torch.allclose(module(x, full(x, target)), y, atol=1e-6)


@pytest.mark.parametrize("more", ["", "full=true", "eps=2"])
def test_gaussian_curves_are_those_of_torch(more):
    it = subject(f"gaussiannllloss {more} reduction=none".replace("  ", " "))
    module = torch.nn.GaussianNLLLoss(**it.args)
    for curve, var in zip(curves(f"gaussiannllloss {more}".strip()), (0.25, 1, 4)):
        x, y = (torch.tensor(values, dtype=DOUBLE) for values in zip(*curve.points))
        assert torch.allclose(module(x, full(x, 0), full(x, var)), y, atol=1e-6)


def test_multilabel_curves_are_the_losses_of_one_class():
    for curve, target in zip(curves("multilabelsoftmarginloss"), (1, 0)):
        x, y = (torch.tensor(values, dtype=DOUBLE)[:, None] for values in zip(*curve.points))
        made = torch.nn.functional.multilabel_soft_margin_loss(x, full(x, target), reduction="none")
        assert torch.allclose(made, y[:, 0], atol=1e-6)


@pytest.mark.parametrize("margin", ["0", "0.3", "-0.5"])
def test_cosine_and_ranking_curves_are_those_of_torch(margin):
    for curve, target in zip(curves(f"cosineembeddingloss {margin}"), (1, -1)):
        cos, y = (torch.tensor(values, dtype=DOUBLE) for values in zip(*curve.points))
        turned = torch.stack((cos, (1 - cos**2).clamp(min=0).sqrt()), 1)
        ahead = torch.tensor([[1.0, 0.0]], dtype=DOUBLE).expand_as(turned)
        made = torch.nn.functional.cosine_embedding_loss(
            ahead, turned, full(cos, target), margin=float(margin), reduction="none"
        )
        assert torch.allclose(made, y, atol=1e-6)
    for curve, target in zip(curves(f"marginrankingloss {margin}"), (1, -1)):
        x, y = (torch.tensor(values, dtype=DOUBLE) for values in zip(*curve.points))
        made = torch.nn.functional.margin_ranking_loss(x, full(x, 0), full(x, target), float(margin), reduction="none")
        assert torch.allclose(made, y, atol=1e-6)


@pytest.mark.parametrize("more", ["", "margin=0.5 p=1", "swap=true", "margin=3 p=inf swap=true", "eps=0.1 p=3"])
def test_a_triplet_is_torchs(more):
    it = subject(f"tripletmarginloss {more}".strip())
    picture = drawn(f"tripletmarginloss {more}".strip()).picture
    assert isinstance(picture, Above)
    plot, example = picture.parts
    vectors = tensor(example)[:, None]
    made = torch.nn.TripletMarginLoss(**it.args)(*vectors)
    assert float(example.note.rpartition("= ")[2]) == pytest.approx(made.item(), rel=1e-3, abs=1e-3)
    near, far, between = (
        torch.nn.functional.pairwise_distance(*pair, it.args["p"], it.args["eps"])
        for pair in ((vectors[0], vectors[1]), (vectors[0], vectors[2]), (vectors[1], vectors[2]))
    )
    error = (near - (torch.minimum(far, between) if it.args["swap"] else far)).item()
    x, y = min(plot.curves[0].points, key=lambda point: abs(point[0] - error))
    assert y == pytest.approx(max(0, x + it.args["margin"]))


def test_a_divergence_is_torchs():
    example = drawn("kldivloss").picture.parts[1]
    x, target, _ = tensor(example)
    assert float(re.search(r"add up to ([\d.]+)", example.note)[1]) == pytest.approx(
        torch.nn.functional.kl_div(x, target, reduction="sum").item(), abs=0.03
    )


# --- classes ---------------------------------------------------------------------------------------------------------


def scores(bars: Bars) -> torch.Tensor:
    return torch.tensor([[float(re.search(r"score (\S+)", bar.name)[1]) for bar in bars.bars]], dtype=DOUBLE)


def target(bars: Bars) -> torch.Tensor:
    return torch.tensor([[bar.mark for bar in bars.bars].index("tap")])


def bars_of(picture: Picture) -> list[Bars]:
    if isinstance(picture, Bars):
        return [picture]
    return [bars for part in getattr(picture, "parts", ()) for bars in bars_of(part)]


def last(note: str) -> float:
    """The loss that a note ends its sum with."""
    return float(re.search(r"= (-?[\d.e+-]+)", note)[1])


@pytest.mark.parametrize(
    "more", ["", "label_smoothing=0.1", "label_smoothing=1", "ignore_index=0", "label_smoothing=-1"]
)
@pytest.mark.parametrize("classes", [1, 2, 3, 5, 10])
def test_cross_entropy_is_torchs(classes, more):
    picture = drawn(f"crossentropyloss {more}".strip(), f"8,{classes}").picture
    first, *rest = bars_of(picture)
    smoothing = float(more.partition("smoothing=")[2] or 0)
    made = torch.nn.functional.cross_entropy(scores(first), target(first), label_smoothing=smoothing)
    assert last(picture.note) == pytest.approx(made.item(), rel=1e-3, abs=1e-6)
    assert bool(rest) == (smoothing > 0 and classes > 1)
    if rest:
        assert sum(bar.value for bar in rest[0].bars) == pytest.approx(1)
    if "ignore" in more and classes > 1:
        assert target(first).item() != 0


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_a_target_of_probabilities_is_torchs(smoothing):
    picture = drawn(f"crossentropyloss label_smoothing={smoothing}", "8,4", "target=8,4:float32").picture
    first, goal = bars_of(picture)
    made = torch.nn.functional.cross_entropy(
        scores(first), torch.tensor([[bar.value for bar in goal.bars]], dtype=DOUBLE)
    )
    assert last(picture.note) == pytest.approx(made.item(), rel=1e-3)


@pytest.mark.parametrize("classes", [1, 3, 10])
@pytest.mark.parametrize("name", ["nllloss", "nllloss2d"])
def test_negative_log_likelihood_is_torchs(name, classes):
    shape = f"8,{classes},4,4" if name == "nllloss2d" else f"8,{classes}"
    picture = drawn(name, shape).picture
    logs, loss = grids(picture)
    (bars,) = bars_of(picture)
    made = torch.nn.functional.nll_loss(tensor(logs), target(bars))
    assert tensor(loss).item() == pytest.approx(made.item(), abs=0.006)


@pytest.mark.parametrize("bias", ["true", "false"])
@pytest.mark.parametrize(("classes", "features"), [(10, 64), (1, 1), (3, 2)])
def test_linear_cross_entropy_scores_by_its_weight(classes, features, bias):
    picture = drawn(f"linearcrossentropyloss {classes} bias={bias}", f"8,{features}").picture
    weight, x, *b, made = grids(picture)
    shift = tensor(b[0])[:, 0] if b else None
    assert torch.equal(torch.nn.functional.linear(tensor(x).T, tensor(weight), shift).T, tensor(made))
    (bars,) = bars_of(picture)
    assert torch.equal(scores(bars), tensor(made).T)
    loss = torch.nn.functional.cross_entropy(scores(bars), target(bars))
    assert last(picture.parts[1].note) == pytest.approx(loss.item(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("more", ["", "p=2", "margin=0.5", "margin=3 p=2", "margin=-1"])
@pytest.mark.parametrize("classes", [1, 3, 5, 10])
def test_multi_margin_is_torchs(classes, more):
    it = subject(f"multimarginloss {more}".strip(), f"8,{classes}")
    picture = draw(it).picture
    steps, loss = grids(picture)
    row = [cell.mark for cell in steps.rows[0]]
    made = torch.nn.functional.multi_margin_loss(
        tensor(steps)[:1], torch.tensor([row.index("tap")]), it.args["p"], it.args["margin"]
    )
    assert tensor(loss).item() == pytest.approx(made.item(), abs=0.06 if made > 99 else 0.006)


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 10])
def test_multi_label_margin_is_torchs(classes):
    given, *_, loss = grids(drawn("multilabelmarginloss", f"8,{classes}").picture)
    holding = [index for index, cell in enumerate(given.rows[0]) if cell.mark == "tap"]
    labels = [*holding, *[-1] * (len(given.rows[0]) - len(holding))]
    made = torch.nn.functional.multilabel_margin_loss(tensor(given), torch.tensor([labels]))
    assert tensor(loss).item() == pytest.approx(made.item(), abs=0.006)


def test_what_arguments_add_is_said():
    note = drawn("crossentropyloss weight=10 ignore_index=3").picture.note
    assert "weight multiplies the loss of each class" in note
    assert "targets of 3 do not count" in note
    assert "each class counting by its weight" in note
    assert "pos_weight" in drawn("bcewithlogitsloss pos_weight=10", "8,10").picture.note


# --- sequences, very many classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", [0, 1])
@pytest.mark.parametrize(
    ("shape", "targets"),
    [("50,16,20", None), ("1,4", "1"), ("2,3,2", "3,2"), ("3,1,1", "1,0"), ("5,2,3", "7"), ("4,3", "0")],
)
def test_ctc_is_torchs(shape, targets, blank):
    labels = int(shape.rpartition(",")[2])
    if blank >= labels:
        return
    given = [] if targets is None else [f"targets={targets}"]
    picture = drawn(f"ctcloss blank={blank}", shape, *given).picture
    chances, paths = grids(picture)
    order = [blank if name == "-" else int(name) for name in chances.above]
    logs = torch.full((len(chances.rows), 1, max(order) + 1), -1e9, dtype=DOUBLE)
    logs[:, 0, order] = tensor(chances).log()
    goal = [int(word) for word in paths.title.removeprefix("alignments of target ").split() if word != "nothing"]
    lengths = torch.tensor([len(chances.rows)]), torch.tensor([len(goal)])
    made = torch.nn.functional.ctc_loss(
        logs, torch.tensor([goal], dtype=torch.int64), *lengths, blank=blank, reduction="sum"
    )
    assert last(picture.note) == pytest.approx(made.item(), rel=0.02, abs=0.01)


def test_the_tails_of_an_adaptive_softmax_are_torchs():
    flow = drawn("adaptivelogsoftmaxwithloss 1000 100,500 div_value=2").picture
    assert isinstance(flow, Flow)
    lines = {node.name: node.lines for node in flow.nodes}
    made = torch.nn.AdaptiveLogSoftmaxWithLoss(64, 1000, [100, 500], div_value=2)
    for number, tail in enumerate(made.tail):
        sizes = [tail[0].in_features, tail[0].out_features, tail[1].out_features]
        assert lines[f"tail {number}"][1] == " to ".join(map(str, sizes))
    assert sum(p.numel() for p in made.parameters()) == int(re.search(r"(\d+) weights", flow.note)[1])


# --- what becomes of them --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:size_average:UserWarning")
@pytest.mark.parametrize(
    "more",
    [
        "", "reduction=sum", "reduction=none", "reduction=sum size_average=true", "reduce=false", "size_average=false",
        "size_average=false reduce=true", "reduce=true reduction=none",
    ],
)  # fmt: skip
def test_the_reduction_is_torchs(more):
    it = subject(f"l1loss {more}".strip())
    assert reduction(it) == torch.nn.L1Loss(**it.args).reduction


def test_losses_that_are_kept_have_their_shape_said():
    assert drawn("mseloss reduction=none", "3,5").picture.note.endswith("each loss comes out: 3x5")


@pytest.mark.parametrize("spec", ["l1loss", "crossentropyloss", "tripletmarginloss", "linearcrossentropyloss 4"])
def test_without_numbers_there_are_no_losses(spec):
    assert isinstance(draw(subject(spec, "0,4")), Nothing)


LINES = """
smoothl1loss beta=inf
smoothl1loss beta=1e300
smoothl1loss beta=1e-300
huberloss delta=inf
huberloss delta=1e-9
kldivloss reduction=batchmean
kldivloss log_target=true reduction=sum
poissonnllloss log_input=false eps=-3
poissonnllloss eps=nan log_input=false
gaussiannllloss eps=1e30
gaussiannllloss -i 3,5 -i var=3,1
bceloss weight=10
bcewithlogitsloss weight=10 pos_weight=10 reduction=none
softmarginloss -i scalar
hingeembeddingloss margin=inf
hingeembeddingloss margin=1e30
hingeembeddingloss 0
cosineembeddingloss margin=nan
cosineembeddingloss -i 10
marginrankingloss margin=1e40 reduction=none
tripletmarginloss margin=nan
tripletmarginloss p=-1 eps=nan
tripletmarginloss margin=1e200
tripletmarginwithdistanceloss
tripletmarginwithdistanceloss distance_function=true swap=true
crossentropyloss -i 5
crossentropyloss reduction=none -i 8,1000,4,4
crossentropyloss -i 8,4 -i target=8,4:float32
nllloss weight=10 ignore_index=1
nllloss -i 7
nllloss2d -i 2,3,4,5 reduction=none
multimarginloss -i scalar
multimarginloss weight=10 reduction=none
multimarginloss -i 10
multilabelmarginloss -i 10 reduction=none
multilabelmarginloss -i scalar
multilabelsoftmarginloss weight=10
ctcloss reduction=none zero_infinity=true
ctcloss -i 50,20
ctcloss reduction=sum -i 4,2,3 -i targets=5
adaptivelogsoftmaxwithloss 10 1,2,3,4,5,6,7 div_value=1
adaptivelogsoftmaxwithloss 1000 (100,) head_bias=true -i 64
linearcrossentropyloss 1 -i 4
linearcrossentropyloss 4 out_features=(2,3) reduction=none
linearcrossentropyloss 4 label_smoothing=0.5 weight=4
"""


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_every_setting_is_drawn(line):
    words = line.split(" -i ")
    spec = " ".join([words[0], *(word.partition(" ")[2] for word in words[1:])]).strip()
    found = draw(subject(spec, *(word.partition(" ")[0] for word in words[1:])))
    assert isinstance(found, Diagram)
    check_drawn(found)
