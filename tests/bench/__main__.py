"""``python -m tests.bench [SECTION ...] [--quick]``: prints how fast layercli is beside what it is compared with."""

from __future__ import annotations

import argparse
import platform

from tests.bench import backwards, batch, chain, definitions, design, explorer, graph, lenet, startup, verified
from tests.bench.timing import layercli

SECTIONS = {
    "startup": startup.main,
    "verified": verified.main,
    "lenet": lenet.main,
    "design": design.main,
    "batch": batch.main,
    "chain": chain.main,
    "graph": graph.main,
    "definitions": definitions.main,
    "explorer": explorer.main,
    "backwards": backwards.main,
}


def main() -> None:
    """Runs the sections that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all where none is named"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and smaller inputs: a look, not a measurement"
    )
    asked = parser.parse_args()
    unknown = [name for name in asked.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    print(f"Python {platform.python_version()}, {platform.system()}; layercli is run as: {' '.join(layercli())}")
    for name in asked.sections or SECTIONS:
        SECTIONS[name](asked.quick)


if __name__ == "__main__":
    main()
