"""``batch``: specs per second on one core, and how time and memory grow with the number of lines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.figures import bar, growth, heading, line
from tests.bench.timing import Ran, layercli, run

Line = dict[str, Any]

KINDS: tuple[Callable[[int], Line], ...] = (
    lambda n: {"spec": f"conv2d {n} k=5 p=2", "input": [1, 3, 16 + n % 7, 16]},
    lambda n: {"spec": f"convtranspose2d {n} k=3 s=2", "input": [1, 4, 16, 16 + n % 7]},
    lambda n: {"spec": f"maxpool2d 2 s={1 + n % 3}", "input": [1, 3, n + 2, 16]},
    lambda n: {"spec": "avgpool2d 3 p=1", "input": [1, 3, 16, n + 2]},
    lambda n: {"spec": "batchnorm2d", "input": [2, n, 8, 8]},
    lambda n: {"spec": f"linear {n}", "input": [48, 16]},
    lambda n: {"spec": "relu", "input": [1, n]},
    lambda n: {"spec": f"lstm {n} 2", "input": [5, 3, 16]},
    lambda n: {"spec": f"flatten {n % 3}", "input": [1, n, 16, 16]},
)
"""Layers of every family; from the number that each is given, no two lines are the same."""


def mixed(number: int) -> Line:
    """A line of the mixture."""
    return KINDS[number % len(KINDS)](1 + number // len(KINDS))


def conv(number: int) -> Line:
    """A line that is a convolution, the layer with the most formulas of those that people ask most."""
    return KINDS[0](1 + number)


def ask(lines: int, make: Callable[[int], Line], *options: str) -> Ran:
    """Runs batch on this many lines, on one core, its reports thrown away."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(make(number)) + "\n" for number in range(lines))
        file.flush()
        return run([*layercli(), "batch", "-", *options], stdin=Path(file.name), keep=False, cores=1)


def main(quick: bool) -> None:
    """Prints the rates, then the growth."""
    heading("batch, distinct single-layer specs, one core")
    count, rounds = (2_000, 1) if quick else (10_000, 3)
    for title, make in (("nine layers of every family, mixed", mixed), ("conv2d alone", conv)):
        for options, limit in (((), 1_500), (("--brief",), 5_000)):
            ran = sorted(ask(count, make, *options) for _ in range(rounds))[rounds // 2]
            rate, quiet = count / ran.seconds, count / ran.processor
            line(
                " ".join([title, *options]), f"{rate:8,.0f} a second", f"({quiet:,.0f} of processor time)",
                bar(rate, limit, at_least=True),
            )  # fmt: skip
    for options in ((), ("--brief",)):
        _growth(options, (10, 1_000, 10_000) if quick else (10, 1_000, 10_000, 100_000))


def _growth(options: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    heading(" ".join(["batch, growth with the number of lines", *options]))
    found = {size: ask(size, mixed, *options) for size in sizes}
    growth(found, "line")
    grown = found[sizes[-1]].peak_mib - found[sizes[1]].peak_mib
    line(f"memory, {sizes[-1]:,} less {sizes[1]:,} lines", f"{grown:8.1f} MiB", bar(grown, 8, unit=" MiB"))
