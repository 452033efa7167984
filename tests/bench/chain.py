"""A chain from 10 to 10,000 layers, through ``run``: no recursion, no growth faster than the chain's."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.bench.figures import growth, heading
from tests.bench.timing import Ran, layercli, run

PERIOD = ("conv2d 8 3 p=1", "batchnorm2d", "relu", "maxpool2d 3 s=1 p=1")


def ask(layers: int) -> Ran:
    """Runs a chain of this many layers, read from standard input."""
    with tempfile.NamedTemporaryFile("w", suffix=".layers") as file:
        file.writelines(f"{PERIOD[number % len(PERIOD)]}\n" for number in range(layers))
        file.flush()
        ran = run([*layercli(), "run", "-", "-i", "1,3,32,32", "--no-run", "--json"], stdin=Path(file.name))
    found = len(json.loads(ran.output)["layers"])
    if found != layers:
        raise SystemExit(f"{layers} layers went in, {found} came out")
    return ran


def main(quick: bool) -> None:
    """Prints the times and the growth."""
    heading("A chain, run --no-run --json")
    sizes = (10, 100, 1_000) if quick else (10, 100, 1_000, 10_000)
    growth({size: ask(size) for size in sizes}, "layer")
