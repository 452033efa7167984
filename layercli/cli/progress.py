"""How far a long search or sweep is, on a terminal: a bar on standard error, gone when it is through."""

from __future__ import annotations

import sys
from typing import Any


class Bar:
    """A bar that comes up once there is enough to do."""

    def __init__(self, least: int) -> None:
        """``least``: designs from which it is worth a bar."""
        self._least = least
        self._shown = sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Bar:
        return self

    def reached(self, number: int, of: int) -> None:
        """Says how many of how many are done."""
        if not self._shown or of < self._least:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("designs", total=of)
            self._bar.start()
        self._bar.update(self._task, completed=number)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
