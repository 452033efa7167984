"""Which notation a text is in: the shell's, Python, or what ``print(model)`` shows. Told without reading it all."""

from __future__ import annotations

import re

from layercli.spec.python_brackets import closing

__all__ = ["looks_like_printed", "looks_like_python"]

_BLANK = re.compile(r"[\s\ufeff]*")
_PROMPTED = re.compile(r"(?:>>>|\.\.\.)[^\n]*")
_STATEMENT = re.compile(
    r"import\s{1,9}\w|from\s{1,9}[\w.]{1,99}\s{1,9}import\b|class\s{1,9}\w{1,99}\s{0,9}[(:]|def\s{1,9}\w{1,99}\s{0,9}\("
)
_MODULE = r"(?:nn\.|torch\.)[\w.]{0,99}\(|[A-Z]\w{0,99}\("
_ASSIGNED = re.compile(
    rf"[^\W\d][\w.]{{0,99}}(?:\s{{0,9}}:[\w\[\]., ]{{1,99}})?\s{{0,9}}=\s{{0,9}}\(?\s{{0,9}}(?:{_MODULE})"
)
_CALLED = re.compile(_MODULE)
_OPENING = re.compile(r"[^\s()]{1,200}\([ \t\r]*(?:\n|\Z)")
_LEAF = re.compile(r"[^\W\d]\w{0,99}\(")
_CHILD = re.compile(r"^[ \t]*\([^\s()'\"]+\): \S", re.MULTILINE)


def looks_like_python(text: str) -> bool:
    """Whether the text is Python: an import, an assignment, or one call and nothing more."""
    start = _after_comments(text)
    if text.startswith(">>>", start) or _STATEMENT.match(text, start) or _ASSIGNED.match(text, start):
        return True
    called = _CALLED.match(text, start)
    if called is None:
        return False
    end = closing(text, called.end() - 1, len(text))
    alone = end is None or _after_comments(text, end) == len(text) or text.startswith(".", end)
    return alone and not looks_like_printed(text)


def looks_like_printed(text: str) -> bool:
    """Whether the text is what ``print(model)`` shows: a class and "(" on a line, children such as ``(0): ReLU()``."""
    start = _skip_blank(text, 0)
    prompts = start
    while text.startswith((">>>", "..."), start):
        found = _PROMPTED.match(text, start)
        start = _skip_blank(text, found.end() if found else len(text))
    if start > prompts and _LEAF.match(text, start):
        return True
    opening = _OPENING.match(text, start)
    return opening is not None and _CHILD.search(text, opening.end()) is not None


def _skip_blank(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place


def _after_comments(text: str, place: int = 0) -> int:
    """The first place from there on that is neither blank nor in a comment."""
    place = _skip_blank(text, place)
    while text.startswith("#", place):
        newline = text.find("\n", place)
        place = _skip_blank(text, len(text) if newline < 0 else newline)
    return place
