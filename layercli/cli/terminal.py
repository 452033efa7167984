"""What the streams can show: colours, drawing, Unicode, width."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from layercli.cli.options import Color


def unicode(stream: TextIO) -> bool:
    """Whether the stream can carry the marks that are printed."""
    try:
        "✓…✗─".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def draws(stream: TextIO, choice: Color = Color.auto) -> bool:
    """Whether tables are drawn there: on a terminal that is not dumb, or where colours are asked for; in Unicode."""
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    return (terminal or (not stream.isatty() and colours(stream, choice))) and unicode(stream)


def colours(stream: TextIO, choice: Color) -> bool:
    """Whether colours are used there; NO_COLOR and FORCE_COLOR as their conventions have it."""
    if choice is not Color.auto:
        return choice is Color.always
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width(asked: int | None) -> int:
    """Columns to draw in."""
    return asked or shutil.get_terminal_size((100, 24)).columns


def put(text: str, stream: TextIO | None = None) -> None:
    """Writes text and a newline in characters that the stream has."""
    stream = stream or sys.stdout
    if not unicode(stream):
        from layercli.render.plain import ascii_only

        text = ascii_only(text)
    elif not text.isascii():
        encoding = stream.encoding or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)  # a word that is not of this world
    stream.write(text + "\n")
