"""Designs with branches: how analysis grows with them, and what sizes left open cost."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from tests.bench.figures import bar, growth, heading, line
from tests.bench.timing import ROOT, Ran, layercli, run

BLOCK = """\
add(
  conv2d 8 3 p=1 bias=false | batchnorm2d | relu
  cat dim=1 (conv2d 4 1 ; conv2d 4 3 p=1 | relu)
  ;
)
relu
"""
LAYERS = 9
"""Layers of a block."""
RESNET = ROOT / "docs" / "designs" / "resnet50.layers"


def ask(layers: int, *options: str) -> Ran:
    """Runs a design of about this many layers, none of them a repeat, read from standard input."""
    blocks = max(1, round(layers / LAYERS))
    with tempfile.NamedTemporaryFile("w", suffix=".layers") as file:
        file.write(BLOCK * blocks)
        file.flush()
        command = [*layercli(), "run", "-", "-i", "1,8,32,32", "--no-run", *options]
        ran = run(command, stdin=Path(file.name))
    if "--json" in options and len(json.loads(ran.output)["layers"]) != blocks * LAYERS:
        raise SystemExit("layers are lost")
    return ran


def main(quick: bool) -> None:
    """Prints the times, less those of a design of one block."""
    heading("Designs with branches, run --no-run, beyond a design of one block")
    rounds = 3 if quick else 9
    for title, options in (("1,000 layers as a table", ()), ("1,000 layers as JSON", ("--json",))):
        taken = statistics.median(
            ask(1_000, *options).processor - ask(LAYERS, *options).processor for _ in range(rounds)
        )
        line(title, f"{taken * 1000:8.0f} ms of processor time", bar(taken * 1000, 1_000, unit=" ms"))
    whole = statistics.median(_resnet("1,3,224,224") for _ in range(rounds))
    open_sizes = statistics.median(_resnet("N,3,H,W") for _ in range(rounds))
    line("ResNet-50", f"{whole * 1000:8.0f} ms")
    line("ResNet-50 on N,3,H,W", f"{open_sizes * 1000:8.0f} ms", f"{open_sizes / whole:6.2f} x")
    sizes = (9, 90, 900) if quick else (9, 90, 900, 9_000)
    growth({size: ask(size, "--json") for size in sizes}, "layer")


def _resnet(shape: str) -> float:
    return run([*layercli(), "run", "-f", str(RESNET), "-i", shape, "--no-run"]).seconds
