"""Inputs beside the first in a chain: taken from the layer before, or assumed and said; and other notes."""

from __future__ import annotations

import pytest

from layercli import analyze
from layercli.analysis.walk import every_note
from layercli.plan import Ref


def test_the_next_layer_takes_an_output_that_it_has_an_input_for() -> None:
    report = analyze("maxpool2d 2 return_indices=true | maxunpool2d 2", (1, 3, 8, 8))
    assert report.ok
    assert report.agrees
    assert not list(every_note(report.analysis))
    assert report.analysis.plan is not None
    assert report.analysis.plan.calls[1].kwargs == {"indices": Ref(0, (1,))}


def test_an_input_that_is_assumed_is_said() -> None:
    (note,) = every_note(analyze("relu | mseloss", (4, 3), run=False).analysis)
    assert (note.code, note.path) == ("input.assumed", "1")
    assert "4,3" in note.message


def test_what_torch_refuses_for_values_is_no_difference() -> None:
    report = analyze("maxpool2d 2 return_indices=true | maxunpool2d 2", (1, 3, 9, 9))
    assert report.ok
    assert report.status == "failed"
    assert "values" in report.why
    assert report.agrees is None


@pytest.mark.parametrize(
    ("text", "meant"), [("mha 512 1", "mha 1"), ("transformerencoderlayer 512 8", "transformerencoderlayer 8")]
)
def test_torchs_order_of_heads_is_noticed(text: str, meant: str) -> None:
    notes = {note.code: note.fix for note in every_note(analyze(text, (10, 2, 512), run=False).analysis)}
    assert notes["spec.torch-order"].split()[-1] == meant.split()[-1]


@pytest.mark.parametrize(("name", "said"), [("sequential", "a chain of layers"), ("modulelist", "container")])
def test_what_is_left_out_is_said_with_its_reason(name: str, said: str) -> None:
    error = analyze(name, (1, 3, 8, 8), run=False).analysis.error
    assert error is not None
    assert said in error.message
