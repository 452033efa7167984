"""Text to tokens, one at a time, so that the first thing that is wrong is the one that is told."""

from __future__ import annotations

import re
from collections.abc import Callable

from layercli.errors import LayerError, Span
from layercli.spec import limits

__all__ = ["END", "NEWLINE", "WORD", "Scanner", "quote"]

WORD = "word"
NEWLINE = "\n"
END = ""


# Some alternative matches at every position, so the blanks in front never backtrack.
def _tokens(marks: str) -> Callable[[str, int, int], re.Match[str] | None]:
    return re.compile(
        rf"[ \t]*(?:#[^\n]*)?(?:([-=]+>)|([A-Za-z0-9_.+\-]+)|(\r?\n)|([{marks}])|(.)|\Z)", re.DOTALL
    ).match


_TOKEN, _OPEN_TOKEN = _tokens("|(),;:=*/@"), _tokens("|(),;:=*/@{}")
_ARROW, _WORD, _NEWLINE, _MARK = 1, 2, 3, 4

_SHOWN = 40


def quote(text: str) -> str:
    """The text in quotes, its middle left out where it is long."""
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[: _SHOWN - 12]}...{text[-9:]}"'


class Scanner:
    """A cursor on the token at ``start`` to ``stop``. ``kind`` is WORD, NEWLINE, END or the mark itself."""

    __slots__ = ("kind", "last", "limit", "open", "source", "start", "stop", "token")

    def __init__(self, source: str, start: int, end: int, open: bool = False) -> None:
        """A cursor on the first token between ``start`` and ``end``; ``open``: values and steps may be left open."""
        self.open = open
        self.token = _OPEN_TOKEN if open else _TOKEN
        self.source = source
        self.limit = end
        if len(source) > limits.LENGTH:
            raise self.error(
                "limit.length",
                f"the text has {len(source):,} characters, and {limits.LENGTH:,} is the most",
                "write repeated steps as a repeat, such as 3*(conv2d 8 | relu)",
                limits.LENGTH,
                len(source),
            )
        self.start = self.stop = start + (start == 0 and source.startswith("\ufeff"))
        self.advance()

    def advance(self) -> None:
        """Go to the next token; what can be no token is refused here."""
        self.last = self.stop
        match = self.token(self.source, self.last, self.limit)
        assert match is not None
        index = match.lastindex
        if index is None:
            self.start = self.stop = self.limit
            self.kind = END
            return
        self.start, self.stop = match.span(index)
        if index == _WORD:
            self.kind = WORD
        elif index == _MARK:
            self.kind = self.source[self.start]
        elif index == _NEWLINE:
            self.kind = NEWLINE
        else:
            raise self._refused(arrow=index == _ARROW)

    def skip_newlines(self) -> bool:
        """Go past line ends; whether there were any."""
        if self.kind != NEWLINE:
            return False
        while self.kind == NEWLINE:
            self.advance()
        return True

    @property
    def text(self) -> str:
        """The current token as it was written."""
        return self.source[self.start : self.stop]

    def written(self, span: Span) -> str:
        """What the text holds at a span."""
        return self.source[span.start : span.end]

    @property
    def following(self) -> str:
        """The character right after the current token, or nothing at the end."""
        return self.source[self.stop] if self.stop < self.limit else ""

    @property
    def glued(self) -> bool:
        """Whether no blank stands before the current token."""
        return self.start == self.last

    def mark(self) -> tuple[str, int, int, int]:
        """Where the cursor stands, for :meth:`reset`."""
        return self.kind, self.last, self.start, self.stop

    def reset(self, mark: tuple[str, int, int, int]) -> None:
        """Go back to a mark, so that a few tokens can be looked at ahead of time."""
        self.kind, self.last, self.start, self.stop = mark

    def error(self, code: str, message: str, fix: str, start: int | None = None, stop: int | None = None) -> LayerError:
        """An error at the current token, or at the given place."""
        begin = self.start if start is None else start
        return LayerError(
            code, message, span=Span(begin, self.stop if stop is None else stop), fix=fix, source=self.source
        )

    def _refused(self, arrow: bool) -> LayerError:
        if arrow:
            return self.error("spec.separator", f"{quote(self.text)} does not separate steps", 'write "|" between them')
        from layercli.spec.characters import explain

        name, fix = explain(self.text)
        return self.error("spec.unexpected-character", f"{name} has no meaning in a spec", fix)
