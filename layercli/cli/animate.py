"""A window that slides on the terminal: arrow keys step, space pauses and goes on, q leaves."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layercli.cli.options import Settings
from layercli.cli.terminal import colours, unicode
from layercli.errors import ExitCode, LayerError
from layercli.explain.diagram import Diagram

PAUSE = 0.35
"""Seconds that a position is shown."""
_FORWARD, _BACK = {"\x1b[C", "\x1b[B", "l", "n"}, {"\x1b[D", "\x1b[A", "h", "p"}
_SPACE, _LEAVE = {" "}, {"q", "\x1b", "\x03"}


def animate(page: Any, settings: Settings) -> ExitCode:
    """Shows all positions in turn until it is left; LayerError where that cannot be."""
    diagram = page.diagram
    if not isinstance(diagram, Diagram) or not diagram.frames:
        raise LayerError(
            "explain.still", f"nothing slides in the picture of {page.bound.layer.name}",
            fix="it is for convolutions and pools",
        )  # fmt: skip
    if not (sys.stdout.isatty() and sys.stdin.isatty()) or sys.platform == "win32":
        raise LayerError("explain.still", "a moving picture needs a terminal", fix="save it: --animate --save x.svg")
    player = Player(len(diagram.frames))
    with _keys() as key:
        while True:
            _draw(diagram, player, settings)
            pressed = key(None if player.paused else PAUSE)
            if pressed in _LEAVE:
                return ExitCode.OK
            player.press(pressed)


class Player:
    """Which position is shown, and whether time goes on."""

    def __init__(self, count: int) -> None:
        self.count, self.place, self.paused = count, 0, False

    def press(self, key: str) -> None:
        """A key, or none in time."""
        if key in _SPACE:
            self.paused = not self.paused
        elif key in _FORWARD or key in _BACK:
            self.paused = True
            self.place = (self.place + (1 if key in _FORWARD else -1)) % self.count
        elif not key:
            self.place = (self.place + 1) % self.count


def _draw(diagram: Diagram, player: Player, settings: Settings) -> None:
    from layercli.render.sketch import sketch
    from layercli.render.table import painted

    columns, rows = shutil.get_terminal_size((80, 24))
    shown = Diagram(diagram.frames[player.place], diagram.key)
    sheet = sketch(shown, settings.width or columns, unicode(sys.stdout))[: max(1, rows - 2)]
    lines = painted(sheet, colours(sys.stdout, settings.color))
    state = "paused" if player.paused else "running"
    status = f"position {player.place + 1} of {player.count}, {state}: arrows step, space pauses, q leaves"
    sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + status[:columns] + "\x1b[K\x1b[J")
    sys.stdout.flush()


@contextmanager
def _keys() -> Iterator[Any]:
    """A function that waits for a key, so many seconds at most; meanwhile the terminal is a screen of its own."""
    import termios
    import tty

    stream = sys.stdin.fileno()
    before = termios.tcgetattr(stream)

    def key(seconds: float | None) -> str:
        ready, _, _ = select.select([stream], [], [], seconds)
        return os.read(stream, 8).decode("utf-8", "replace") if ready else ""

    try:
        tty.setcbreak(stream)
        sys.stdout.write("\x1b[?1049h\x1b[?25l\x1b[2J")
        yield key
    finally:
        termios.tcsetattr(stream, termios.TCSADRAIN, before)
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()
