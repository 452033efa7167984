"""Inputs that say less than a tensor, or more: plain numbers in its place, and a dtype that hangs on the rank."""

from __future__ import annotations

from typing import Any

import pytest

from layercli import analyze
from layercli.analysis.walk import Analysis, Options, analyse_module
from layercli.plan import Feed, Input, Literal, Module, Tensor


def ctc(*lengths: Feed, targets: tuple[int, ...] = (2, 3)) -> Analysis:
    feeds = (Tensor((5, 2, 4)), Tensor(targets, "int64"), *lengths)
    return analyse_module(Module("CTCLoss"), [Input(feed) for feed in feeds], Options())


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (Literal((5, 5)), Literal((3, 1)), None),
        (Tensor((2,), "int64"), Tensor((1, 2), "int32"), None),
        (Literal((5, True)), Literal((3, 1)), None),
        (Literal((6, 5)), Literal((3, 1)), "input_lengths (6,5) holds more than 5"),
        (Literal((5, 5)), Literal((3, -1)), "target_lengths (3,-1) holds a negative number"),
        (Literal((5, 5)), Literal((4, 1)), "target_lengths (4,1) holds more than 3"),
        (Literal((5,)), Literal((3, 1)), "input_lengths has 1 numbers, but there are 2 sequences"),
        (Literal((5, 5)), Tensor((2,), "int64"), "both tensors or both tuples"),
        (Literal((True, 5)), Literal((3, 1)), "is a tensor or a tuple of integers"),
        (Literal(5), Literal((3, 1)), "is a tensor or a tuple of integers"),
    ],
)
def test_plain_numbers_in_a_tensors_place(inputs: Any, targets: Any, said: str | None) -> None:
    error = ctc(inputs, targets).error
    assert error is None if said is None else said in str(error)


def test_plain_numbers_are_added_up() -> None:
    assert ctc(Literal((5, 5)), Literal((3, 1)), targets=(4,)).error is None
    assert "add up to 3" in str(ctc(Literal((5, 5)), Literal((2, 1)), targets=(4,)).error)


@pytest.mark.parametrize(
    ("further", "dtype"), [({}, "int64"), ({"target": (8,)}, "int64"), ({"target": (8, 10)}, "float32")]
)
def test_the_usual_dtype_may_hang_on_the_rank(further: dict[str, tuple[int, ...]], dtype: str) -> None:
    report = analyze("crossentropyloss", (8, 10), inputs=further, run=False)
    assert report.ok
    assert report.to_dict()["inputs"][1]["dtype"] == dtype


def test_a_frozen_table_is_not_trained() -> None:
    totals = analyze("embedding 10 3 _freeze=true", (2, 5), run=False).to_dict()["totals"]
    assert (totals["params"], totals["trainable_params"]) == (30, 0)
