"""The explorer without a terminal: it runs in a test, keys are pressed, panes are read."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from layercli.cli.inputs import parse_inputs
from layercli.explorer.app import Explorer
from layercli.explorer.judge import Judge
from layercli.explorer.result import Result
from layercli.explorer.start import Opening, explorer
from layercli.measurement import Measurement
from layercli.plan import Plan

WIDE, NARROW = (160, 50), (80, 24)
Do = Callable[[Explorer, Pilot[None]], Awaitable[None]]


class Fake:
    """In the place of torch's process: it answers what it is given, when it is let."""

    def __init__(self, answer: Callable[[Plan], Measurement], free: threading.Event | None = None) -> None:
        self._answer, self._free = answer, free
        self.asked: list[Plan] = []
        self.closed = False

    def ask_all(self, plans: Sequence[Plan], timeout: float = 0) -> tuple[Measurement, ...]:
        self.asked += plans
        if self._free is not None:
            self._free.wait(20)
        return tuple(map(self._answer, plans))

    def close(self) -> None:
        self.closed = True
        if self._free is not None:
            self._free.set()


def run(
    do: Do, text: str = "", inputs: str = "", size: tuple[int, int] = WIDE, fake: Fake | None = None, **more: Any
) -> Explorer:
    """Opens the explorer with this text, and does something with it; without a fake, torch is left out."""
    app = explorer(Opening(text, more.pop("path", ""), inputs, torch=more.pop("torch", False)), parse_inputs)
    if fake is not None:
        app.why, app._judge = "", Judge(lambda: fake, app._judged, 0.02)

    async def session() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await do(app, pilot)

    asyncio.run(session())
    return app


def shown(app: Explorer) -> str:
    """All that is on the screen, as text."""
    return "\n".join("".join(part.text for part in strip) for strip in app.screen._compositor.render_strips())


def head(app: Explorer) -> str:
    """The first line of the result."""
    return app.query_one(Result).text.split("\n")[0]


async def wait(pilot: Pilot[None], true: Callable[[], bool], seconds: float = 30) -> None:
    """Waits until something is so, while the explorer goes on."""
    for _ in range(int(seconds * 20)):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError("it does not come about")


async def press(pilot: Pilot[None], keys: str) -> None:
    """Keys with blanks between them; a word in quotes is written where the cursor is."""
    for found in re.finditer(r"'([^']*)'|(\S+)", keys):
        if found[1] is not None:
            line = pilot.app.focused
            assert isinstance(line, Input)
            line.insert_text_at_cursor(found[1])
            await pilot.pause()
        else:
            await pilot.press(found[2])
    await pilot.pause()
