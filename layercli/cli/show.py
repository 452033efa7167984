"""Blocks on the screen: drawn on a terminal, aligned text in a pipe, or in one of the forms for documents."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.cli.options import Color, Settings
from layercli.cli.terminal import colours, draws, put, unicode, width
from layercli.errors import LayerError

if TYPE_CHECKING:
    from rich.console import Console

    from layercli.render.blocks import Block

NARROWEST = 60
"""Columns below which lines are better than a table."""


def show(blocks: Sequence[Block], form: str, settings: Settings) -> None:
    """Prints blocks as ``table`` (drawn where the stream takes it), ``plain`` or ``markdown``."""
    if form == "markdown":
        from layercli.render.documents import markdown_of

        put("\n\n".join(map(markdown_of, blocks)))
    elif form == "table" and drawn(settings):
        from rich.console import Group

        from layercli.render.table import block_of

        console(settings).print(Group(*map(block_of, blocks)))
    else:
        from layercli.render.plain import write

        put("\n".join(write(block, unicode=unicode(sys.stdout)) for block in blocks))


def save_svg(picture: Callable[[], str], file: Path) -> None:
    """Writes a picture, made when the file's name is right, as SVG; LayerError where it cannot be written."""
    if file.suffix.lower() != ".svg":
        raise LayerError("io.format", f"{file} does not end in .svg", fix="pictures are written as SVG: --save x.svg")
    try:
        file.write_text(picture(), encoding="utf-8")
    except OSError as error:
        raise LayerError("io.write", f"cannot write {file}: {error.strerror}", fix="name another place") from None


def drawn(settings: Settings) -> bool:
    """Whether tables are drawn: where the stream takes them and there is room for columns."""
    return draws(sys.stdout, settings.color) and width(settings.width) >= NARROWEST


def console(settings: Settings) -> Console:
    """The console that tables are drawn on."""
    from rich.console import Console

    coloured = colours(sys.stdout, settings.color)
    return Console(
        width=width(settings.width), no_color=not coloured,
        color_system=None if settings.color is Color.never else "auto", force_terminal=True if coloured else None,
        highlight=False, legacy_windows=False,
    )  # fmt: skip
