"""What building every definition costs, and what one command builds of them."""

from __future__ import annotations

import json
import statistics
import sys

from tests.bench.figures import bar, heading, line
from tests.bench.timing import run

EVERY = """\
import json, time
import layercli.layers.definition, layercli.layers.vocabulary
from layercli.layers import find, known_names
names = known_names()
wall, processor = time.perf_counter(), time.process_time()
for name in names:
    find(name)
print(json.dumps([len(names), (time.process_time() - processor) * 1000, (time.perf_counter() - wall) * 1000]))
"""

ONE = """\
import json, sys, time
import layercli.layers.definition, layercli.layers.vocabulary
from layercli.layers import find
processor = time.process_time()
find("conv2d")
print(json.dumps((time.process_time() - processor) * 1000))
"""


def main(quick: bool) -> None:
    """Prints the median over processes of their own; processor time, so that a busy machine does not bend it."""
    heading("Definitions: loaded and built, from compiled modules")
    rounds = 5 if quick else 31
    runs = [json.loads(run([sys.executable, "-c", EVERY]).output) for _ in range(rounds)]
    count, processor = runs[0][0], statistics.median(ms for _, ms, _ in runs)
    wall = statistics.median(ms for _, _, ms in runs)
    line(f"all {count} layers", f"{processor:8.1f} ms", f"{wall:6.1f} ms wall", bar(processor, 20, unit=" ms"))
    one = statistics.median(json.loads(run([sys.executable, "-c", ONE]).output) for _ in range(rounds))
    line("conv2d and its file", f"{one:8.1f} ms")
