"""How an error looks to a person: what, where with a caret, one fix; and as JSON where JSON was asked for."""

from __future__ import annotations

import sys

from layercli.cli.terminal import put
from layercli.errors import LayerError

WIDEST = 100
"""Characters of a source line that are shown around the caret."""


def describe(error: LayerError) -> str:
    """The error as lines of text, without a last newline."""
    lines = [f"error: {error.message}"]
    if error.source is not None and error.span is not None:
        lines += excerpt(error.source, error.span.start, error.span.end)
    if error.fix:
        lines.append(f"  fix: {error.fix}")
    return "\n".join(lines)


def excerpt(source: str, start: int, end: int) -> list[str]:
    """The line of the source that holds ``start``, a caret under every character up to ``end``."""
    begin = source.rfind("\n", 0, start) + 1
    finish = source.find("\n", start)
    finish = len(source) if finish < 0 else finish
    line = source[begin:finish]
    first, last = start - begin, max(start - begin + 1, min(end, finish) - begin)
    left = max(0, first - WIDEST // 2)
    shown = line[left : left + WIDEST]
    before, after = "…" if left else "", "…" if left + WIDEST < len(line) else ""
    printable = "".join(c if c.isprintable() else " " for c in shown)
    carets = "^" * max(1, min(last, left + WIDEST) - first)
    number = source.count("\n", 0, start) + 1
    place = f"  line {number}: " if "\n" in source else "  "
    return [f"{place}{before}{printable}{after}", " " * (len(place) + len(before) + first - left) + carets]


def complain(error: LayerError) -> None:
    """Prints the error on standard error."""
    put(describe(error), sys.stderr)
