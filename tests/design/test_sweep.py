"""Sweeps: order, what is meant, what is refused, and the designs that no other beats."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layercli.analysis.walk import Options
from layercli.design.answers import Answer
from layercli.design.sweep import Direction, Sweep
from layercli.errors import LayerError
from tests.design.test_answers import alone, space


def sweep(spec: str, given: str, *where: str) -> Sweep:
    return Sweep(space(spec, given), Options(), where)


KEYS = st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["conv2d 4", "maxpool2d", "avgpool2d", "convtranspose2d 4", "lppool2d 2"]), KEYS, KEYS,
    st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(1, 12), min_size=2, max_size=2),
)  # fmt: skip
def test_every_row_is_what_a_single_run_says(
    layer: str, kernels: list[int], strides: list[int], paddings: list[int], sizes: list[int]
) -> None:
    padding = "" if layer.startswith("lp") else f" p={'/'.join(map(str, paddings))}"
    spec = f"{layer} k={'/'.join(map(str, kernels))} s={'/'.join(map(str, strides))}{padding}"
    whole = sweep(spec, f"2,3,{sizes[0]},{sizes[1]}/{sizes[1] + 1}")
    rows = [*whole.rows(refused=True)]
    assert len(rows) == whole.seen == whole.space.count
    assert rows == [alone(whole.space, answer.choice) for answer in rows]


def test_what_is_refused_is_counted_by_its_reason() -> None:
    whole = sweep("conv2d 8 k=3/5/9/11 p=0/1", "1,3,8,8")
    rows = [*whole.rows()]
    assert (whole.seen, len(rows), whole.left_out) == (8, 5, 0)
    ((why, times, example),) = whole.refused
    assert (why.code, times) == ("shape.mismatch", 3)
    assert "kernel_size 9 spans 9 cells" in whole.asked.error(example).message


def test_what_is_meant() -> None:
    whole = sweep("conv2d 8/16 k=1/3 p=0/1", "1,3,8,8", "shape=1,_,8,8", "params<400")
    assert [whole.space.text(answer.choice) for answer in whole.rows()] == [
        "conv2d 8 k=1 p=0", "conv2d 8 k=3 p=1", "conv2d 16 k=1 p=0",
    ]  # fmt: skip
    assert whole.left_out == 5


def test_a_name_that_is_not_understood_ends_the_sweep() -> None:
    with pytest.raises(LayerError) as caught:
        [*sweep("conv2d 8 k=3/foo", "1,3,8,8").rows()]
    assert caught.value.code == "type.value"
    assert caught.value.source == "conv2d 8 k=3/foo"


def test_order() -> None:
    whole = sweep("conv2d 8/4 k=3/1", "1,3,8,8")
    rows = [*whole.rows()]

    def texts(by: str) -> list[str]:
        ordered = whole.ordered(rows, whole.direction(by, "--sort "))
        return [whole.space.text(answer.choice)[7:] for answer in ordered]

    assert texts("params") == ["4 k=1", "8 k=1", "4 k=3", "8 k=3"]
    assert texts("macs:max") == ["8 k=3", "4 k=3", "8 k=1", "4 k=1"]
    assert texts("rf,params:max") == ["8 k=1", "4 k=1", "8 k=3", "4 k=3"]
    assert texts("out") == ["4 k=3", "4 k=1", "8 k=3", "8 k=1"]


@pytest.mark.parametrize(
    ("by", "marked"), [("prams", "prams"), ("params,,macs", ","), ("params:up", "params:up"), ("shape", "shape")]
)
def test_orders_that_are_none(by: str, marked: str) -> None:
    with pytest.raises(LayerError) as caught:
        sweep("conv2d 8/4", "1,3,8,8").direction(by, "--sort ")
    span = caught.value.span
    assert caught.value.code == "sweep.order"
    assert span is not None
    assert f"--sort {by}"[span.start : span.end] == marked


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), max_size=30)


class Numbers(Sweep):
    """A sweep whose designs have the numbers that they are given."""

    def __init__(self, numbers: Sequence[tuple[int, ...]]) -> None:
        self.numbers = numbers

    def number(self, name: str, answer: Answer) -> float | None:
        return self.numbers[answer.choice[0]][int(name)]


@given(points, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_the_front_is_what_no_other_beats(numbers: list[tuple[int, int, int]], larger: tuple[bool, ...]) -> None:
    by = [Direction(str(index), descending) for index, descending in enumerate(larger)]
    front = Numbers(numbers).front([Answer((index,)) for index in range(len(numbers))], by)

    def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
        signed = [(-a, -b) if descending else (a, b) for a, b, descending in zip(one, other, larger)]
        return one != other and all(a <= b for a, b in signed)

    assert front == {
        (index,) for index, one in enumerate(numbers) if not any(beats(other, one) for other in numbers)
    }  # fmt: skip
