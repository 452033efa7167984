"""Lines of printed code: what is too long is broken at its commas, comments stand in one column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

WIDTH = 96
"""What code is broken at."""
LONGEST = 100
"""What a line with its comment should not exceed."""
INDENT = "    "
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


class Line(NamedTuple):
    """A line of code and the comment behind it; a line without code is blank."""

    code: str
    comment: str = ""

    def indented(self, by: int = 1) -> Line:
        """The line, so many levels deeper."""
        return self._replace(code=INDENT * by + self.code) if self.code else self


def indented(lines: Iterable[Line], by: int = 1) -> list[Line]:
    """Lines, so many levels deeper."""
    return [line.indented(by) for line in lines]


def aligned(lines: Sequence[Line], depth: int = 0) -> list[Line]:
    """The lines with their comments written out, in one column where they fit; they will stand so many levels deep."""
    room = LONGEST - len(INDENT) * depth - len("  # ")
    widths = [len(line.code) for line in lines if line.comment and len(line.code) + len(line.comment) <= room]
    column = max(widths, default=0)
    return [text for line in lines for text in _commented(line, column, room)]


def _commented(line: Line, column: int, room: int) -> Iterator[Line]:
    code, comment = line
    if not comment:
        yield line
    elif len(code) + len(comment) > room:
        yield Line(f"{code[: len(code) - len(code.lstrip())]}# {comment}")
        yield Line(code)
    else:
        width = column if column + len(comment) <= room else len(code)
        yield Line(f"{code:<{width}}  # {comment}")


def statement(code: str, comment: str = "", depth: int = 2) -> list[Line]:
    """One statement as one line or, where it is too long at this depth, as several."""
    *lines, last = broken(code, WIDTH - len(INDENT) * depth)
    return [*map(Line, lines), Line(last, comment)]


def broken(code: str, room: int) -> list[str]:
    """Code that is too long for the room, with what stands in its last brackets on lines of their own."""
    if len(code) <= room:
        return [code]
    start, end = _last_brackets(code)
    if end - start <= 1:
        return [code]
    lines = [code[: start + 1]]
    inside = code[start + 1 : end]
    if len(inside) <= room - len(INDENT):
        return [*lines, INDENT + inside, code[end:]]
    for part in _parts(inside):
        lines += [INDENT + line for line in broken(f"{part},", room - len(INDENT))]
    return [*lines, code[end:]]


def _last_brackets(code: str) -> tuple[int, int]:
    """Where the last brackets of the code that are inside of no others open and close."""
    depth, found, quoted = 0, (0, 0), False
    start = 0
    for place, character in enumerate(code):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in _BRACKETS:
            start = start if depth else place
            depth += 1
        elif character in _BRACKETS.values():
            depth -= 1
            found = found if depth else (start, place)
    return found


def _parts(code: str) -> Iterator[str]:
    """What stands between the commas that are inside of no brackets."""
    depth, begin, quoted = 0, 0, False
    for place, character in enumerate(code):
        if character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in _BRACKETS:
            depth += 1
        elif character in _BRACKETS.values():
            depth -= 1
        elif character == "," and not depth:
            yield code[begin:place].strip()
            begin = place + 1
    if rest := code[begin:].strip():
        yield rest
