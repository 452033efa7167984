"""Processes timed side by side, so that a slow minute of the machine slows both sides of a ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """One process that ended well: its wall time, its processor time, its greatest resident size, what it wrote."""

    seconds: float
    processor: float
    peak_mib: float
    output: str


def layercli() -> list[str]:
    """The console script beside this interpreter, where it is installed; else the module."""
    script = Path(sys.executable).with_name("layercli")
    return [str(script)] if script.exists() else [sys.executable, "-m", "layercli"]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment with the checkout in reach, less what would colour an answer or slow Python's start.

    Without compiled modules (PYTHONDONTWRITEBYTECODE) the compiler would be measured, not the command.
    """
    dropped = ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **extra}


def run(
    command: list[str],
    *,
    env: dict[str, str] | None = None,
    stdin: Path | None = None,
    keep: bool = True,
    cores: int = 0,
) -> Ran:
    """Runs a command to its end, its output into a pipe (``keep``) or away; ``cores`` above 0 pins it to that many."""
    allowed = sorted(os.sched_getaffinity(0))[:cores] if cores and hasattr(os, "sched_getaffinity") else []
    with open(stdin or os.devnull, "rb") as source:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
            env=env or environment(),
            cwd=ROOT,
            preexec_fn=(lambda: os.sched_setaffinity(0, allowed)) if allowed else None,
        )
        output = process.stdout.read().decode() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout:
        process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    per_mib = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / per_mib, output)


class Question(NamedTuple):
    """A command to be timed, with what its environment needs besides."""

    command: list[str]
    extra: Mapping[str, str] = {}


def side_by_side(questions: dict[str, Question], rounds: int) -> dict[str, list[float]]:
    """The seconds of each question, round by round, every question once in each round; the first round is not kept."""
    seconds: dict[str, list[float]] = {name: [] for name in questions}
    for count in range(rounds + 1):
        for name, question in questions.items():
            taken = run(question.command, env=environment(**question.extra)).seconds
            if count:
                seconds[name].append(taken)
    return seconds


def ratio(taken: list[float], against: list[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(one / other for one, other in zip(taken, against, strict=True))
