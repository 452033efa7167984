"""The explorer: what a key press takes until all panes show its answer, and the way to the first picture."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from tests.bench.figures import against, bar, heading, line
from tests.bench.timing import Question, side_by_side

SIZE = (160, 50)
EMPTY = """\
from textual.app import App


async def leave(pilot):
    pilot.app.exit()


App().run(headless=True, size=(160, 50), auto_pilot=leave)
"""
FULL = """\
from layercli.cli.inputs import parse_inputs
from layercli.explorer.start import Opening, explorer


async def leave(pilot):
    pilot.app.exit()


opening = Opening("conv2d k=5", "", "1,3,16,16", torch=False)
explorer(opening, parse_inputs).run(headless=True, size=(160, 50), auto_pilot=leave)
"""


def main(quick: bool) -> None:
    """Prints the medians, each beside its bar."""
    heading(f"The explorer on {SIZE[0]}x{SIZE[1]}, without torch")
    rounds = 20 if quick else 100
    answers, presses, waited = asyncio.run(_keys(rounds))
    line("an answer with its picture", f"{statistics.median(answers) * 1000:8.1f} ms")
    key, least = ((each(presses) - waited) * 1000 for each in (statistics.median, min))
    line("a key press, answered and drawn", f"{key:8.1f} ms", f"at best {least:.1f} ms", bar(key, 50, unit=" ms"))
    line("(what the test's pilot waits besides)", f"{waited * 1000:8.1f} ms")
    questions = {
        "an empty Textual application": Question([sys.executable, "-c", EMPTY]),
        "the explorer": Question([sys.executable, "-c", FULL]),
    }
    against(side_by_side(questions, 3 if quick else 9), "an empty Textual application", 3, ("the explorer",))


async def _keys(rounds: int) -> tuple[list[float], list[float], float]:
    """Seconds of each answer, of each press until nothing is left to do, and of a press where there is nothing."""
    from textual.app import App

    from layercli.cli.inputs import parse_inputs
    from layercli.explorer.answers import Asker
    from layercli.explorer.specs import first_draft
    from layercli.explorer.start import Opening, explorer

    asker, draft = Asker(parse_inputs), first_draft("conv2d")
    answers, presses = [], []
    for number in range(rounds):
        start = time.perf_counter()
        asker.answer(draft.fed(f"1,3,{number + 16},{number + 16}"))
        answers.append(time.perf_counter() - start)
    app = explorer(Opening("conv2d k=5", "", "1,3,32,32", torch=False), parse_inputs)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for number in range(rounds):
            start = time.perf_counter()
            await pilot.press("right" if number % 20 < 10 else "left")
            presses.append(time.perf_counter() - start)
    empty: App[None] = App()
    waited = []
    async with empty.run_test(size=SIZE) as pilot:
        for _ in range(rounds):
            start = time.perf_counter()
            await pilot.press("right")
            waited.append(time.perf_counter() - start)
    return answers, presses, statistics.median(waited)
