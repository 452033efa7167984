"""torch beside the explorer: it is asked late and once, what is stale is dropped, and it ends with the explorer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from layercli.explorer.app import Explorer
from layercli.explorer.judge import Judge
from layercli.measure.child import Reusable
from layercli.measurement import FAILED, MEASURED, Measurement, Weights
from layercli.plan import Plan
from tests.explorer.screens import Fake, head, press, run, shown, wait


def right(plan: Plan) -> Measurement:
    """What torch would say of conv2d 3 to 3 channels on 1,3,16,16."""
    kernel = int(plan.modules[0].kwargs.get("kernel_size", 5))
    out = 16 - kernel + 1
    weights = Weights({"weight": [3, 3, kernel, kernel], "bias": [3]}, 9 * kernel * kernel + 3, {})
    found = [{"shape": [1, 3, out, out], "dtype": "float32"}]
    return Measurement(MEASURED, torch="2.13.0", device="cpu", outputs=(found,), modules=(weights,))


def wrong(plan: Plan) -> Measurement:
    return right(plan)._replace(outputs=([{"shape": [1, 3, 1, 1], "dtype": "float32"}],))


@pytest.mark.parametrize(
    ("answer", "mark"),
    [
        (right, "✓ torch agrees (5 checks)"),
        (wrong, "✗ torch differs"),
        (lambda plan: Measurement(FAILED, "torch cannot be imported"), "torch: torch cannot be imported"),
    ],
)
def test_the_mark(answer: Callable[[Plan], Measurement], mark: str) -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await wait(pilot, lambda: mark in head(app))

    fake = Fake(answer)
    run(do, "conv2d k=5", "1,3,16,16", fake=fake)
    assert fake.closed


def test_keys_do_not_wait_for_torch_and_what_is_stale_is_dropped() -> None:
    free = threading.Event()

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await wait(pilot, lambda: len(fake.asked) == 1)
        await press(pilot, "right")
        assert head(app).startswith("1,3,11,11  … torch")
        free.set()
        await wait(pilot, lambda: "agrees" in head(app))
        assert head(app).startswith("1,3,11,11")
        await press(pilot, "left")
        assert "agrees" in head(app), "what was answered is kept"
        assert len(fake.asked) == 2

    fake = Fake(right, free)
    run(do, "conv2d k=5", "1,3,16,16", fake=fake)


def test_a_question_in_progress_ends_with_the_explorer() -> None:
    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await wait(pilot, lambda: len(fake.asked) == 1)

    fake = Fake(right, threading.Event())
    start = time.monotonic()
    run(do, "conv2d k=5", "1,3,16,16", fake=fake)
    assert fake.closed
    assert time.monotonic() - start < 15
    assert "torch" not in {thread.name for thread in threading.enumerate()}


def test_a_question_that_fails_is_an_answer() -> None:
    def broken(plan: Plan) -> Measurement:
        raise AssertionError("its process was taken away")

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        await wait(pilot, lambda: "could not ask it" in head(app))

    run(do, "conv2d k=5", "1,3,16,16", fake=Fake(broken))


def test_only_the_last_of_many_questions_is_asked() -> None:
    told: list[Any] = []
    fake = Fake(lambda plan: Measurement(FAILED, "no"))
    judge = Judge(lambda: fake, lambda question, answers: told.append(question), 0.3)
    plan: Any = "plan"
    for number in range(5):
        judge.ask("layer", number, (plan,))
    judge.ask("design", "d", (plan,))
    judge.ask("none", "n", (plan,))
    judge.ask("none", "n", ())
    while len(told) < 2:
        time.sleep(0.01)
    judge.close()
    assert sorted(map(str, told)) == ["4", "d"]
    judge.ask("layer", 9, (plan,))
    judge.close()
    assert len(told) == 2


def test_torch_itself() -> None:
    made: list[Reusable] = []

    def make() -> Reusable:
        made.append(Reusable())
        return made[-1]

    async def do(app: Explorer, pilot: Pilot[None]) -> None:
        app._judge = Judge(make, app._judged, 0.05)
        app.why = ""
        await press(pilot, "right")
        await wait(pilot, lambda: "agrees" in head(app), 60)
        await press(pilot, "a a")
        await wait(pilot, lambda: shown(app).count("torch agrees") == 2, 60)

    run(do, "conv2d k=4", "1,3,16,16")
    assert len(made) == 1, "one process for all"
    assert not made[0]._child.alive
