"""Python's own parser on a piece of a text, with its places as characters of that text and its errors as ours."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right

from layercli.errors import LayerError, Span, short
from layercli.spec import limits
from layercli.spec.python_brackets import deepest

__all__ = ["Places", "read_syntax", "refuse_length", "too_deep", "too_many_digits"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_PROMPT = re.compile(r"^([ \t]*)(>>>|\.\.\.)(?=[ \r\n]|\Z)", re.MULTILINE)

_FIXES = (
    ("was never closed", 'write ")" where it ends'),
    ("unmatched", "remove it"),
    ("does not match", "close each parenthesis with its own kind"),
    ("forgot a comma", "write a comma between the two"),
    ("unterminated", "close the quotes on the same line"),
    ("positional argument follows", "write values without a name before those with one"),
    ("indent", "begin every line of it in the same column"),
)


class Places:
    """Where the nodes of one parsed piece stand in the whole text."""

    __slots__ = ("lines", "shift", "source", "start", "stop")

    def __init__(self, source: str, start: int, stop: int, shift: int) -> None:
        """``shift``: how many lines were put before the piece."""
        self.source, self.start, self.stop, self.shift = source, start, stop, shift
        self.lines = [start, *(match.end() for match in _LINE_END.finditer(source, start, stop))]

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> Span:
        """The characters that the node was written with."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return Span(self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset))

    def line(self, number: int) -> int:
        """Where a line, counted from 1 as Python counts, begins."""
        return self.lines[min(max(number - 1 - self.shift, 0), len(self.lines) - 1)]

    def number(self, place: int) -> int:
        """The line of a place, as Python counts."""
        return bisect_right(self.lines, place) + self.shift

    def written(self, span: Span) -> str:
        """What the text holds there, as a message quotes it."""
        return f'"{short(" ".join(self.source[span.start : span.end][:200].split()))}"'

    def error(self, span: Span, message: str, fix: str, code: str = "spec.pytorch-notation") -> LayerError:
        """An error at a place of the text."""
        return LayerError(code, message, span=span, fix=fix, source=self.source)

    def _at(self, line: int, column: int) -> int:
        """The character at a column, which Python counts in bytes of UTF-8."""
        begin = self.line(line)
        piece = self.source[begin : begin + column]
        if not piece.isascii():
            piece = piece.encode("utf-8")[:column].decode("utf-8", "ignore")
        return min(begin + len(piece), self.stop)


def refuse_length(source: str) -> None:
    """Raise where the text is longer than any is read."""
    if len(source) > limits.LENGTH:
        raise LayerError(
            "limit.length",
            f"the text has {len(source):,} characters, and {limits.LENGTH:,} is the most",
            span=Span(limits.LENGTH, len(source)),
            fix="write repeated steps as a repeat, such as 3*(conv2d 8 | relu)",
            source=source,
        )


def read_syntax(source: str, start: int, stop: int) -> tuple[list[ast.stmt], Places]:
    """The statements of a piece of Python, which may be indented as a whole or stand behind prompts."""
    refuse_length(source)
    start += source.startswith("\ufeff", start)
    deep = deepest(source, start, stop)
    if deep is not None:
        raise too_deep(Places(source, start, stop, 0), Span(deep, deep + 1))
    piece = source[start:stop]
    first = re.sub(r"#.*", "", piece).lstrip("\r\n\f")[:1] if "#" in piece else piece.lstrip("\r\n\f")[:1]
    if ">>>" in piece and piece.lstrip().startswith(">>>"):
        piece = _PROMPT.sub(lambda match: match[1] + "   ", piece)
        first = " "
    indented = first in (" ", "\t")
    places = Places(source, start, stop, int(indented))
    body = _parse(f"if 1:\n{piece}" if indented else piece, places)
    if indented:
        assert isinstance(body[0], ast.If)
        return body[0].body, places
    return body, places


def _parse(piece: str, places: Places) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings, which are no business of ours
            return ast.parse(piece).body
    except SyntaxError as error:
        raise _syntax_error(error, places) from None
    except (RecursionError, MemoryError):
        raise too_deep(places, Span(places.start, places.stop)) from None
    except ValueError:
        raise _strange_character(places) from None


def too_deep(places: Places, span: Span) -> LayerError:
    """Modules, tuples or sums within too many others."""
    message = f"this is nested more than {limits.NESTING} deep"
    return places.error(span, message, "take some of the modules out of each other", "limit.nesting")


def too_many_digits(places: Places, span: Span) -> LayerError:
    """A number that is written, or comes out, longer than any is read."""
    return places.error(
        span,
        f"the number {places.written(span)} has more digits than can be read",
        f"write a number of at most {limits.DIGITS:,} digits",
        "limit.digits",
    )


def _syntax_error(error: SyntaxError, places: Places) -> LayerError:
    begin = _clipped(error.lineno, error.offset, places)
    end = _clipped(error.end_lineno, error.end_offset, places)
    if end <= begin:
        end = min(begin + 1, places.stop)
        begin = max(min(begin, end - 1), places.start)
    span, message = Span(begin, end), error.msg
    if "null bytes" in message:
        return _strange_character(places)
    if "too many nested" in message or "too complex" in message:
        return too_deep(places, span)
    if "for integer string conversion" in message:
        digits = re.compile(r"\d{999,}").search(places.source, places.start, places.stop)
        return too_many_digits(places, Span(*digits.span()) if digits else span)
    message = message.split(". ")[0].rstrip(".")
    fix = next((fix for part, fix in _FIXES if part in error.msg), "write it as Python does, such as nn.Linear(8, 4)")
    return places.error(span, f"this is no Python: {short(message, 100)}", fix, "spec.pytorch-syntax")


def _clipped(line: int | None, column: int | None, places: Places) -> int:
    """The place of a syntax error, whose columns are characters counted from 1 and may lie outside of the text."""
    if not line or line <= places.shift:
        return places.start
    return min(places.line(line) + max((column or 1) - 1, 0), places.stop)


def _strange_character(places: Places) -> LayerError:
    """A null or half of a surrogate pair, of which Python says no place."""
    found = re.search("[\0\ud800-\udfff]", places.source[places.start : places.stop])
    at = places.start + (found.start() if found else 0)
    span = Span(at, min(at + 1, places.stop))
    return places.error(span, "this character has no meaning in Python", "remove it", "spec.pytorch-syntax")
