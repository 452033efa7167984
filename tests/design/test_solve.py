"""Searching backwards: the settings that are found are those that torch gives the wanted output for, and no others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from layercli.analysis.walk import Options
from layercli.cli.inputs import parse_open_inputs
from layercli.design.answered import answered, wishes_of
from layercli.design.course import selections
from layercli.design.domains import Domains, searched
from layercli.design.question import Question
from layercli.design.solutions import Found
from layercli.design.solve import MOST_LISTED, Search
from layercli.design.space import Space
from layercli.errors import LayerError
from layercli.expect import parse_expectation
from layercli.layers import find, known_names
from layercli.layers.definition import Layer
from layercli.spec import parse
from tests.design.brute import Setting, outcomes, written
from tests.design.test_answers import alone

WITHOUT_TORCH = {"crop": "a step of layercli's own", "linearcrossentropyloss": "its output is a number"}
"""Layers with keys that are searched, of which torch.nn has no module to ask for a shape."""
SHAPES = {
    "fold": (1, 12, 4), "pixelshuffle": (1, 36, 2, 3), "linear": (2, 5), "lazylinear": (2, 5), "bilinear": (2, 3),
    "embedding": (2, 5), "embeddingbag": (2, 5),
}  # fmt: skip
FURTHER: Mapping[str, dict[str, Any]] = {
    **{f"lppool{n}d": {"norm_type": 2} for n in (1, 2, 3)},
    **{f"constantpad{n}d": {"value": 0.5} for n in (1, 2, 3)},
    "embedding": {"num_embeddings": 10},
    "embeddingbag": {"num_embeddings": 10},
}
SERVED = [
    layer.name
    for name in known_names()
    if (layer := find(name)) and any(searched(layer, ())) and name not in WITHOUT_TORCH
]


def shape_of(layer: Layer) -> tuple[int, ...]:
    """A small input; axes differ, so that none is taken for another."""
    return SHAPES.get(layer.name) or (*layer.default_input[:2], *(6, 5, 4)[: len(layer.default_input) - 2])


def search(spec: str, shape: Sequence[int], *claims: str) -> Found:
    wishes = [parse_expectation(claim, "--where ") for claim in claims]
    alone_ = "|" not in spec
    inputs = parse_open_inputs([",".join(map(str, shape))])
    return Search(Space(parse(spec, open=True), inputs, Domains(alone_, None)), Options(), wishes).found()


def settings(found: Found) -> set[Setting]:
    """What was found, as the values of its holes."""
    return {
        tuple(
            hole.values[index][0].value for hole, index in zip(solution.space.holes, solution.answer.choice)
        )
        for solution in found.solutions
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_torch_by_brute_force(name: str) -> None:
    """Each layer that is served, over a small grid: for every output that torch gives, the settings that give it."""
    layer = find(name)
    assert layer is not None
    further = FURTHER.get(name, {})
    shape = shape_of(layer)
    for keys in searched(layer, [*further]):
        by_output: dict[Any, set[Setting]] = defaultdict(set)
        for setting, output in outcomes(layer, keys, shape, further).items():
            by_output[output].add(setting)
        refused = by_output.pop(None, set())
        assert by_output, f"{name}: torch refuses all {len(refused)} settings, so nothing is compared"
        spec = " ".join([name, *(f"{key}={value}" for key, value in further.items()), written(keys)])
        for output, expected in by_output.items():
            found = search(spec, shape, ",".join(map(str, output)))
            assert settings(found) == expected, f"{name} gives {output}"
            assert found.times == len(expected)


def test_a_shape_that_no_setting_gives() -> None:
    found = search("conv2d 8 k=1..5 s=1..3 p=0..2", (1, 3, 32, 32), "1,8,100,_")
    assert found.solutions == ()
    assert found.candidates == 45
    (miss,) = found.misses
    assert (miss.found, miss.nearest.answer.output) == ("the output is 1,8,36,36", (1, 8, 36, 36))


def test_sizes_that_no_setting_changes() -> None:
    found = search("conv2d 8 k=1..5", (1, 3, 32, 32), "2,16,32,32")
    assert found.fixed == (
        "N of the output is 1 in every setting, and 2 is wanted",
        "C of the output is 8 in every setting, and 16 is wanted",
    )


CLAIMS = [
    ("conv2d 8 k=1..6 s=1..4 p=0..4 d=1..3", (1, 3, 13, 17), ["params<=500", "rf>=7", "macs<100k"]),
    ("conv2d 4..16 k=1..4", (1, 3, 9, 9), ["params=112"]),
    ("conv2d 4..16 k=1..4 s=1..3", (1, 3, 9, 9), ["macs!=5000", "shape!=1,4,9,9", "params>200.5"]),
    ("linear 1..64", (4, 10), ["flops<=1.5k", "memory<=10KiB"]),
    ("maxpool2d k=1..5 s=1..5 p=0..2 ceil_mode=true/false", (1, 2, 11, 11), ["shape=1,2,4,4"]),
    ("lstm 1..12 bidirectional=true/false proj_size=0..3", (4, 2, 6), ["4,2,6"]),
    ("convtranspose2d 2 k=1..6 s=1..4 p=0..3 op=0..3 d=1..2", (1, 3, 5, 5), ["1,2,10,10", "params<=60"]),
    ("conv2d 3 k=1..4,1..4 s=1..2 p=0..2,0", (1, 3, 6, 5), ["1,3,4,3"]),
    ("groupnorm 1..12", (1, 12, 3), ["shape=1,12,3"]),
    ("conv2d 12 1 g=1..12", (1, 12, 3, 3), ["params<=60"]),
    ("conv2d 8 k=1..3 p=0..1 | relu | maxpool2d k=1..3 | flatten | linear 10", (1, 3, 8, 8), ["params<=1k"]),
    ("a: conv2d 8 k=1..4 | maxpool2d k=1..3", (1, 3, 9, 9), ["shape@a=1,8,8,8", "shape=1,8,4,4"]),
    ("{conv2d 8 3 / conv2d 8 1..3 p=0..1} | relu | avgpool2d 1..3", (1, 3, 9, 9), ["rf<=4", "shape@1=1,8,9,9"]),
    ("add( ; conv2d 3 k=1..4 p=0..2)", (1, 3, 9, 9), ["1,3,9,9"]),
]


@pytest.mark.parametrize(("spec", "shape", "claims"), CLAIMS)
def test_every_claim_and_nothing_else(spec: str, shape: Sequence[int], claims: list[str]) -> None:
    """The same set as by asking of every design, analysed by itself, whether it is what is claimed."""
    from layercli.analysis.walk import analyse_spec
    from layercli.expect import check
    from layercli.report import Report

    found = search(spec, shape, *claims)
    space = found.solutions[0].space
    wishes = [parse_expectation(claim) for claim in claims]
    expected = set()
    for choice in selections(space):
        report = Report(analyse_spec(parse(space.text(choice)), space.fed(choice), Options()), None, "")
        if report.ok and all(check(wish, report) is None for wish in wishes):
            expected.add(choice)
    assert {solution.answer.choice for solution in found.solutions} == expected
    assert len(found.solutions) == found.times == len(expected)
    for solution in found.solutions[:5]:
        assert alone(space, solution.answer.choice)[1:5] == solution.answer[1:5]


def ask(spec: str, given: str, want: str | None = None, *where: str, per_axis: bool = False) -> Found:
    """The question as the command asks it."""
    tree, inputs = parse(spec, open=True), parse_open_inputs([given])
    wishes = wishes_of(want, where, tree, inputs)
    return answered(Question(tree, inputs, wishes, Options(), per_axis=per_axis)).found


def first(found: Found) -> str:
    return found.solutions[0].space.text(found.solutions[0].answer.choice)


@pytest.mark.parametrize(
    ("spec", "given", "want", "best"),
    [
        ("conv2d 64", "1,3,224,224", "half", "conv2d 64 k=2 s=2 p=0 d=1"),
        ("conv2d 64 k=3", "1,3,224,224", "half", "conv2d 64 k=3 s=2 p=1 d=1"),
        ("conv2d 64 k=7", "1,3,224,224", "1,64,112,112", "conv2d 64 k=7 s=2 p=3 d=1"),
        ("conv2d 64 k=3", "1,3,224,224", "same", "conv2d 64 k=3 s=1 p=1 d=1"),
        ("conv2d 64 k=3 d=2", "1,3,64,64", "same", "conv2d 64 k=3 d=2 s=1 p=2"),
        ("maxpool2d", "1,64,112,112", "half", "maxpool2d k=2 s=2 p=0 d=1 ceil_mode=false"),
        ("maxpool2d", "1,64,33,33", "1,64,17,17", "maxpool2d k=3 s=2 p=1 d=1 ceil_mode=false"),
        ("convtranspose2d 8", "1,16,8,8", "double", "convtranspose2d 8 k=2 s=2 p=0 op=0 d=1"),
        ("convtranspose2d 8 k=4", "1,16,8,8", "double", "convtranspose2d 8 k=4 s=2 p=1 op=0 d=1"),
        ("conv1d 8 k=16", "1,3,160", "x/16", "conv1d 8 k=16 s=16 p=0 d=1"),
        ("zeropad2d", "1,3,8,8", "1,3,11,12", "zeropad2d p=2,2,1,2"),
        ("upsample", "1,3,8,8", "x*3", "upsample scale=3"),
        ("lstm", "5,3,16", "5,3,32", "lstm hidden=32 bidirectional=false proj=0"),
        ("linear", "4,7", "4,100", "linear out=100"),
        ("conv2d 8 3 s=2 p=1", "1,3,_,_", "1,8,16,16", "conv2d 8 3 s=2 p=1"),
    ],
)
def test_the_usual_setting_comes_first(spec: str, given: str, want: str, best: str) -> None:
    assert first(ask(spec, given, want)) == best


def test_settings_differ_by_axis_where_they_have_to() -> None:
    found = ask("conv2d 8 p=0 d=1", "1,3,32,64", "1,8,16,16")
    assert found.per_axis
    assert first(found) == "conv2d 8 p=0 d=1 k=2,4 s=2,4"


def test_alike_axes_are_tried_first() -> None:
    assert not ask("conv2d 8", "1,3,32,64", "1,8,16,32").per_axis


def test_unknown_sizes_of_an_input() -> None:
    found = ask("conv2d 8 7 s=2 p=3 | maxpool2d 3 s=2 p=1", "1,3,_,_", "1,8,56,56")
    assert [solution.space.shapes(solution.answer.choice) for solution in found.solutions] == [
        (f"1,3,{size},{size}",) for size in (221, 222, 223, 224)
    ]


def test_a_budget_is_used_up() -> None:
    found = ask("linear _", "1,512", None, "params<=100k")
    assert first(found) == "linear 194"
    assert found.times == 194


def test_near_misses_leave_one_wish_out() -> None:
    found = ask(
        "conv2d 32 3 | maxpool2d k=1..8 | flatten | linear 10", "1,3,32,32", None, "params<=1k", "shape@1=_,32,15,15"
    )
    assert not found.solutions
    assert [(miss.wish, miss.found) for miss in found.misses] == [
        ("params<=1k", "params is 72,906"),
    ]  # fmt: skip


def test_what_a_row_keeps_hangs_on_the_steps_behind_it() -> None:
    found = ask("conv2d 4 k=1/3 | sigmoid | relu inplace=true/false", "1,3,8,8", None, "saved_bytes@1>5")
    assert found.times == 2


@pytest.mark.parametrize("spec", ["unsqueeze dim=9/1", "unsqueeze dim=1/9"])
def test_a_rank_that_a_key_is_too_large_for_ends_nothing(spec: str) -> None:
    """A rule on the key speaks of the rank as well, and other values of the key are tried."""
    assert ask(spec, "N,3", "N,1,3").times == 1


def test_a_rank_that_no_key_mends_is_asked_about_once() -> None:
    found = ask("maxpool2d", "1,3", "1,9")
    (said,) = found.fixed
    assert "its input has 2 axes" in said
    assert found.candidates == 69_632


def test_a_value_that_is_not_understood_is_not_passed_over() -> None:
    with pytest.raises(LayerError) as caught:
        ask("batchnorm2d num_features=4/0.5 affine=true/false", "1,_,4,4", "1,4,4,4")
    assert caught.value.code == "type.value"


def test_what_a_flag_changes_is_not_fixed() -> None:
    found = ask("rnn hidden=3", "5,3,4", "5,3,9")
    assert found.fixed == ()
    assert [miss.found for miss in found.misses] == ["the output is 5,3,6"]


def test_what_is_nearest_to_one_wish_is_all_that_the_others_ask() -> None:
    found = ask("upsamplingnearest2d size=_", "1,3,12,12", "_,_,7,7", "shape=_,3,6,_")
    assert [(miss.wish, miss.nearest.answer.output) for miss in found.misses] == [
        ("_,_,7,7", (1, 3, 6, 6)), ("shape=_,3,6,_", (1, 3, 7, 7)),
    ]  # fmt: skip


def test_more_solutions_than_are_listed_are_counted() -> None:
    """Of axes that are searched apart the numbers multiply; the most usual of each are combined."""
    found = ask("conv2d 8", "1,3,32,64", "1,8,16,16", per_axis=True)
    assert found.times > MOST_LISTED >= len(found.solutions)
    one = search("conv2d 8 k=1..16 s=1..16 p=0..16 d=1..8", (1, 3, 32, 32), "1,8,16,16").times
    other = search("conv2d 8 k=1..16 s=1..16 p=0..16 d=1..8", (1, 3, 64, 64), "1,8,16,16").times
    assert found.times == one * other


@pytest.mark.parametrize(
    ("spec", "given", "want", "where", "code"),
    [
        ("relu", "1,3", "1,4", (), "solve.closed"),
        ("conv2d 8 3 s=2 | relu", "1,3,8,8", "1,8,4,4", (), "solve.closed"),
        ("conv2d 8", "1,3,9,9", "half", (), "solve.want"),
        ("conv2d 8", "1,3,9,9", "haf", (), "solve.want"),
        ("conv2d 8", "1,3,9,9", "params<=3", (), "solve.want"),
        ("conv2d 8", "1,3,_,9", "half", (), "solve.want"),
        ("conv2d 8", "1,3,9,9", None, (), "solve.wish"),
        ("conv2d 8", "1,3,9,9", None, ("parms<=3",), "expect.syntax"),
        ("conv2d 8 k=_ bias=_", "1,3,9,9", "same", (), "solve.unknown-value"),
        ("conv2d 8 kernal=3", "1,3,9,9", "same", (), "spec.unknown-key"),
        ("conw2d 8", "1,3,9,9", "same", (), "spec.unknown-layer"),
        ("linear _", "scalar", "half", (), "solve.want"),
        ("conv2d 8 k=1..3", "N,3,H,32", "half", (), "solve.want"),
        ("linear _", "1,3", "1,3000000", (), "limit.values"),
        ("linear 1..99999999999999999999", "1,3", "1,3", (), "limit.values"),
        ("conv2d _ | conv2d _ | relu", "1,3,9,9", None, ("params<=3",), "limit.designs"),
    ],
)
def test_what_is_no_question(spec: str, given: str, want: str | None, where: tuple[str, ...], code: str) -> None:
    with pytest.raises(LayerError) as caught:
        ask(spec, given, want, *where)
    assert caught.value.code == code
