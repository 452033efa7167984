"""Parentheses, strings and comments of Python, told apart without Python's parser, which is neither cheap nor safe."""

from __future__ import annotations

import re

from layercli.spec import limits

__all__ = ["closing", "deepest"]

_STRING_END = {quote: re.compile(rf"\\.|{quote}|\n", re.DOTALL) for quote in ("'", '"')}
_LONG_STRING_END = {quote: re.compile(rf"\\.|{quote * 3}", re.DOTALL) for quote in ("'", '"')}
_MARK = re.compile(r"""["'#()\[\]{}]""")
_LEFT_DEEP = "+-*/%@&|^<>.(["
_TOKEN = re.compile(r"""["'#()\[\]{}+\-*/%@&|^<>.,;\n]""")
_BRACKETS = 200
"""How many may be open at once, for Python itself."""


def closing(source: str, start: int, stop: int) -> int | None:
    """The place after the parenthesis that closes the first one from ``start`` on; strings and comments are no code."""
    depth = 0
    place = start
    while (match := _MARK.search(source, place, stop)) is not None:
        mark, place = match.group(), match.end()
        if mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth -= 1
            if depth <= 0:
                return place
        elif mark == "#":
            place = _after(source.find("\n", place, stop), stop)
        else:
            place = _after_string(source, mark, match.start(), stop)
    return None


def _after_string(source: str, quote: str, start: int, stop: int) -> int:
    long = source.startswith(quote * 3, start)
    ends = (_LONG_STRING_END if long else _STRING_END)[quote]
    for match in ends.finditer(source, start + (3 if long else 1), stop):
        if match.group()[0] != "\\":
            return match.end()
    return stop


def _after(place: int, stop: int) -> int:
    return stop if place < 0 else place + 1


def deepest(source: str, start: int, stop: int) -> int | None:
    """Where a sum, or calls on calls, go deeper than is read: every operator in a row puts what is before it deeper.

    Looked at beforehand, because Python 3.10 ends the whole process on a hundred thousand of them.
    """
    if sum(source.count(mark, start, stop) for mark in _LEFT_DEEP) <= limits.NESTING:
        return None
    rows = [0]
    place = start
    while (match := _TOKEN.search(source, place, stop)) is not None:
        mark, place = match.group(), match.end()
        if mark in "\"'":
            place = _after_string(source, mark, match.start(), stop)
        elif mark == "#":
            newline = source.find("\n", place, stop)
            place = stop if newline < 0 else newline
        elif mark in ",;" or (mark == "\n" and len(rows) == 1 and source[match.start() - 1 : match.start()] != "\\"):
            rows[-1] = 0
        elif mark in ")]}":
            rows = rows[:-1] or [0]
        elif mark != "\n":
            rows[-1] += 1
            if rows[-1] > limits.NESTING:
                return match.start()
            if mark in "([{":
                rows.append(0)
                if len(rows) > _BRACKETS:
                    return match.start()
    return None
