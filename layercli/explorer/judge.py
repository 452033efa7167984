"""torch beside the explorer: a thread asks its process, the newest question first; what is stale is not asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from layercli.measurement import FAILED, Measurement
from layercli.plan import Plan

PAUSE = 0.4
"""Seconds that a question stands before it is asked: while keys are pressed, torch is left alone."""
TIMEOUT = 20.0


class Measurer(Protocol):
    """What runs plans: torch's process, or something in its place."""

    def ask_all(self, plans: Sequence[Plan], timeout: float = ...) -> tuple[Measurement, ...]:
        """An answer to each plan."""

    def close(self) -> None:
        """The end of it; a question that is being asked is answered at once."""


class Judge:
    """Asks in a thread of its own. ``told`` is called there, with the question and its answers."""

    def __init__(
        self, make: Callable[[], Measurer], told: Callable[[Any, tuple[Measurement, ...]], None], pause: float = PAUSE
    ) -> None:
        self._make, self._told, self._pause = make, told, pause
        self._wanted: dict[str, tuple[Any, tuple[Plan, ...], float]] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._measurer: Measurer | None = None
        self._thread: threading.Thread | None = None

    def ask(self, topic: str, question: Any, plans: tuple[Plan, ...]) -> None:
        """Puts a question in the place of the last one of its topic; without plans there is none."""
        with self._changed:
            self._wanted.pop(topic, None)
            if plans and not self._closed:
                self._wanted[topic] = question, plans, time.monotonic() + self._pause
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, daemon=True, name="torch")
                    self._thread.start()
                self._changed.notify()

    def close(self) -> None:
        """Ends the thread and torch's process, also where it is at work."""
        with self._changed:
            self._closed = True
            self._wanted.clear()
            self._changed.notify()
        while self._thread is not None and self._thread.is_alive():
            if self._measurer is not None:
                self._measurer.close()
            self._thread.join(0.05)

    def _work(self) -> None:
        self._measurer = self._make()
        try:
            while (found := self._next()) is not None:
                question, plans = found
                answers = self._asked(self._measurer, plans)
                if not self._closed:
                    self._told(question, answers)
        finally:
            self._measurer.close()

    def _asked(self, measurer: Measurer, plans: tuple[Plan, ...]) -> tuple[Measurement, ...]:
        """What torch says; at the end its process is taken away under the question, which may then fail anyhow."""
        try:
            return measurer.ask_all(plans, TIMEOUT)
        except Exception as error:
            return (Measurement(FAILED, f"layercli could not ask it: {type(error).__name__}: {error}"),) * len(plans)

    def _next(self) -> tuple[Any, tuple[Plan, ...]] | None:
        """The question that has stood long enough; None at the end."""
        with self._changed:
            while not self._closed:
                if not self._wanted:
                    self._changed.wait()
                    continue
                topic = min(self._wanted, key=lambda each: self._wanted[each][2])
                question, plans, when = self._wanted[topic]
                left = when - time.monotonic()
                if left <= 0:
                    del self._wanted[topic]
                    return question, plans
                self._changed.wait(left)
        return None
