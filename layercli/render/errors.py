"""How an error looks to a person: what, where with a caret, one fix."""

from __future__ import annotations

import unicodedata

from layercli.errors import LayerError

WIDEST = 100
"""Characters of a source line that are shown around the caret."""


def describe(error: LayerError, encoding: str = "utf-8") -> str:
    """The error as lines of text, without a last newline; the caret fits what the encoding makes of the source."""
    lines = [f"error: {error.message}"]
    if error.source is not None and error.span is not None:
        lines += excerpt(error.source, error.span.start, error.span.end, encoding)
    if error.fix:
        lines.append(f"  fix: {error.fix}")
    return "\n".join(lines)


def excerpt(source: str, start: int, end: int, encoding: str = "utf-8") -> list[str]:
    """The line of the source that holds ``start``, a caret under every character up to ``end``."""
    begin = source.rfind("\n", 0, start) + 1
    finish = source.find("\n", start)
    line = source[begin : len(source) if finish < 0 else finish]
    first, last = start - begin, max(start - begin + 1, end - begin)
    left = max(0, first - WIDEST // 2)
    shown = [_shown(character, encoding) for character in line[left : left + WIDEST]]
    before = _shown("…", encoding) if left else ""
    after = _shown("…", encoding) if left + WIDEST < len(line) else ""
    number = source.count("\n", 0, start) + 1
    place = f"  line {number}: " if "\n" in source else "  "
    indent = _columns(place + before + "".join(shown[: first - left]))
    carets = max(1, _columns("".join(shown[first - left : last - left])))
    return [f"{place}{before}{''.join(shown)}{after}", " " * indent + "^" * carets]


def _shown(character: str, encoding: str) -> str:
    """A character as the stream shows it: what it cannot carry as an escape, what has no width as a space."""
    if character == "…" and encoding == "ascii":
        return "..."
    escaped = character.encode(encoding, "backslashreplace").decode(encoding)
    return escaped if escaped.isprintable() else " "


def _columns(text: str) -> int:
    """Columns of a terminal that the text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
