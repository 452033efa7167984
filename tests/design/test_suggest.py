"""Rewrites inside of whole designs, designs that are refused, and what holds whatever the design."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layercli.analysis.flow import as_json
from layercli.errors import ExitCode, LayerError
from layercli.measure.child import measure_in_process
from layercli.report import Report
from layercli.spec import parse
from tests.design.asking import after, analysed, asked, hold
from tests.design.conv_designs import designs

# --- inside of a design ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # the label goes onto the group, and a reference brings what the last step of it gives
        ("enc: conv2d 8 5 p=2 | relu | add @enc",
         "enc: (conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1) | relu | add @enc"),
        ("a: (b: conv2d 8 5 p=2) | add @b", "a: (b: (conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1)) | add @b"),
        # a repeat: every time; a step alone in it becomes a group
        ("3*conv2d 8 5 p=2", "3*(conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1)"),
        ("3*(conv2d 8 5 p=2 | relu)", "3*(conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1 | relu)"),
        ("x: 2*conv2d 8 5 p=2 | add @x", "x: 2*(conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1) | add @x"),
        ("add( ; conv2d 8 5 p=2)", "add( ; conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1)"),
        ("add(conv2d 8 5 p=2)(", ""),
        # what it is fed by reference the first of the new steps is fed
        ("x: relu | tanh | conv2d 8 5 p=2 @x", "x: relu | tanh | conv2d 8 5 p=2 g=8 bias=false @x | conv2d 8 1"),
        ("x: relu | tanh | conv2d 8 5 p=2 input=@x",
         "x: relu | tanh | conv2d 8 5 p=2 g=8 bias=false input=@x | conv2d 8 1"),
        # modules in PyTorch's notation
        ("nn.Sequential(nn.Conv2d(8, 8, 5, padding=2), nn.ReLU())",
         "conv2d 8 5 p=2 g=8 bias=false | conv2d 8 1 | relu"),
        # other channels each time: a word in place of a number
        ("2*(conv2d 16 5 p=2 | relu)", "2*(conv2d in 5 p=2 g=in bias=false | conv2d 16 1 | relu)"),
    ],
)  # fmt: skip
def test_a_step_inside_a_design(text: str, written: str) -> None:
    if not written:
        with pytest.raises(LayerError):
            parse(text)
        return
    (item,) = asked(text, (1, 8, 12, 12), ["depthwise-separable"]).items
    assert item.spec == written
    again = analysed(written, (1, 8, 12, 12))
    assert again.error is None
    assert as_json(again.outputs) == as_json(analysed(text, (1, 8, 12, 12)).outputs)
    assert Report(again, measure_in_process(again.plan)).agrees  # type: ignore[arg-type]


def test_places() -> None:
    found = asked("stem: conv2d 8 3 p=1 | 2*(conv2d 8 3 p=1 | batchnorm2d)", (2, 8, 8, 8))
    (bias,) = [item for item in found.items if item.rewrite.name == "bias-before-norm"]
    (place,) = bias.places
    assert place._asdict() == {
        "path": "1.0.0", "number": 1, "label": "", "times": 2, "before": "conv2d 8 3 p=1",
        "after": "conv2d 8 3 p=1 bias=false",
    }  # fmt: skip
    labels = {item.places[0].label for item in found.items if item.places[0].number == 0}
    assert labels == {"stem"}


def test_a_repeated_step_whose_groups_differ_is_left_alone() -> None:
    assert after("2*(conv2d 8 5 p=2 g=in)", (1, 4, 9, 9), "stacked-3x3") == []
    assert after("2*(conv2d 8 5 p=2 g=in)", (1, 8, 9, 9), "stacked-3x3") == [
        "2*(conv2d 8 3 p=1 g=8 | relu | conv2d 8 3 p=1 g=8)"
    ]


def test_nothing_is_built_on_what_was_perhaps_not_meant() -> None:
    found = asked("conv2d 3 64 7", (1, 3, 99, 99))
    assert "spec.torch-order" in [note.code for note in found.report.notes]
    assert found.items == ()
    assert found.exit_code is ExitCode.NEGATIVE


def test_without_an_input_every_design_is_fed_the_same() -> None:
    found = asked("convtranspose2d 8 3 s=2", (), ["upsample-conv"])
    (item,) = found.items
    assert item.report.output == found.report.output


def test_where_multiply_adds_are_unknown_the_rest_is_told() -> None:
    text = "conv2d 8 5 | flatten | adaptivelogsoftmaxwithloss 20 cutoffs=5,10"
    found = asked(text, (2, 8, 6, 6), ["depthwise-separable"])
    if found.report.totals["macs"] is None:
        assert found.items
        assert found.items[0].saves["macs"].saved is None
        assert found.items[0].saves["params"].saved > 0  # type: ignore[operator]


def test_the_new_steps_are_one_line_that_reads_back() -> None:
    items = asked("conv2d 64 7 p=3 | 2*(relu | conv2d 64 5 p=2)", (1, 64, 20, 20)).items
    assert len(items) > 4
    for item in items:
        for place in item.places:
            assert "\n" not in place.after
            assert parse(place.after)
        assert item.report.analysis.source == item.spec


# --- designs that are refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "written"),
    [
        ("conv2d 10 3 g=4", (1, 8, 8, 8), {"conv2d 8 3 g=4", "conv2d 12 3 g=4", "conv2d 10 3 g=2"}),
        ("conv2d 8 3 g=2", (1, 3, 8, 8), {"conv2d 8 3 g=1"}),
        ("mha 7", (10, 2, 64), {"mha 8", "mha 4"}),
        ("linear 100 | mha 8", (10, 2, 64),
         {"linear 96 | mha 8", "linear 104 | mha 8", "linear 100 | mha 10", "linear 100 | mha 5"}),
        ("linear 100 | transformerencoder 2 heads=8", (10, 2, 64),
         {"linear 96 | transformerencoder 2 heads=8", "linear 104 | transformerencoder 2 heads=8",
          "linear 100 | transformerencoder 2 heads=10", "linear 100 | transformerencoder 2 heads=5"}),
        ("conv2d 10 3 | groupnorm 4", (1, 3, 8, 8),
         {"conv2d 8 3 | groupnorm 4", "conv2d 12 3 | groupnorm 4", "conv2d 10 3 | groupnorm 5",
          "conv2d 10 3 | groupnorm 2"}),
        # what is joined to it is as wide: both change
        ("conv2d 10 3 p=1 | add( ; conv2d 10 3 p=1) | groupnorm 4", (1, 3, 8, 8),
         {"conv2d 8 3 p=1 | add( ; conv2d 8 3 p=1) | groupnorm 4",
          "conv2d 12 3 p=1 | add( ; conv2d 12 3 p=1) | groupnorm 4",
          "conv2d 10 3 p=1 | add( ; conv2d 10 3 p=1) | groupnorm 5",
          "conv2d 10 3 p=1 | add( ; conv2d 10 3 p=1) | groupnorm 2"}),
        ("conv2d 10 3 | pixelshuffle 2", (1, 3, 8, 8), {"conv2d 8 3 | pixelshuffle 2", "conv2d 12 3 | pixelshuffle 2"}),
        ("conv2d 7 3 | glu 1", (1, 3, 8, 8), {"conv2d 6 3 | glu 1", "conv2d 8 3 | glu 1"}),
        # a size that repeats the channels of the step before is left to be read off
        ("nn.Sequential(nn.Conv2d(3, 10, 3), nn.GroupNorm(4, 10))", (1, 3, 8, 8),
         {"conv2d 10 3 in=3 | groupnorm 5 in=10", "conv2d 10 3 in=3 | groupnorm 2 in=10",
          "conv2d 8 3 in=3 | groupnorm 4", "conv2d 12 3 in=3 | groupnorm 4"}),
        ("conv2d 8 30", (1, 3, 8, 8), set()),
        ("conv2d 10 3 g=4 | conv2d 8 30", (1, 8, 8, 8), set()),  # refused behind it all the same
        ("linear 8 in=5", (1, 3), set()),
    ],
)  # fmt: skip
def test_the_nearest_numbers(text: str, shape: tuple[int, ...], written: set[str]) -> None:
    found = asked(text, shape)
    assert not found.report.ok
    assert {item.spec for item in found.items} == written
    assert found.exit_code is (ExitCode.OK if written else ExitCode.NEGATIVE)
    for item in found.items:
        assert analysed(item.spec, shape).error is None
        assert (item.saves, item.rewrite.name) == ({}, "nearest-count")


def test_the_nearest_is_told_first() -> None:
    distances = [item.proposal.distance for item in asked("conv2d 10 3 | groupnorm 4", (1, 3, 8, 8)).items]
    assert distances == sorted(distances)
    assert [item.proposal.title for item in asked("mha 7", (10, 2, 64)).items] == [
        "8 heads in place of 7", "4 heads in place of 7",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(1, 40), st.sampled_from(["linear {} | mha {}", "linear {} | groupnorm {}"]))
def test_no_number_lies_nearer(divisor: int, count: int, form: str) -> None:
    """Among all numbers: brute force over both."""
    shape = (3, 2, 5) if "mha" in form else (3, 5)
    if count % divisor == 0:
        return
    found = {item.spec for item in asked(form.format(count, divisor), shape).items}
    counts = [each for each in range(1, 120) if each % divisor == 0]
    divisors = [each for each in range(1, 120) if count % each == 0]
    expected = set()
    for value, numbers, place in ((count, counts, 0), (divisor, divisors, 1)):
        for near in (
            max((n for n in numbers if n < value), default=0),
            min((n for n in numbers if n > value), default=0),
        ):
            pair = [count, divisor]
            pair[place] = near
            expected |= {form.format(*pair)} if near else set()
    assert found == expected


# --- what cannot be asked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        ("input N,8,16,16 | conv2d 8 5", "spec.open-sizes", "give sizes"),
        ("conv2d 8 five", "type.value", "five"),
        ("conv2d 8 5 foo=1", "spec.unknown-key", "its keys"),
    ],
)
def test_what_cannot_be_asked(text: str, code: str, fix: str) -> None:
    with pytest.raises(LayerError) as raised:
        asked(text)
    assert raised.value.code == code
    assert raised.value.exit_code is ExitCode.USAGE
    assert fix in raised.value.fix


def test_a_class_whose_forward_is_not_known() -> None:
    printed = "Net(\n  (conv): Conv2d(3, 8, kernel_size=(5, 5), stride=(1, 1))\n  (act): ReLU()\n)"
    with pytest.raises(LayerError) as raised:
        asked(printed, (1, 3, 8, 8))
    assert raised.value.code == "spec.custom"
    assert raised.value.source == printed


def test_a_rewrite_that_there_is_not() -> None:
    with pytest.raises(LayerError) as raised:
        asked("relu", (1, 3), ["stacked"])
    assert "stacked-3x3" in raised.value.fix


# --- whatever the design ---------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(designs())
def test_every_suggestion_keeps_the_shape_and_saves_what_it_says(design: tuple[str, tuple[int, ...]]) -> None:
    text, shape = design
    found = asked(text, shape)
    if found.report.ok:
        hold(found, shape)
    else:
        assert all(item.rewrite.mends for item in found.items)
        assert all(analysed(item.spec, shape).error is None for item in found.items)
