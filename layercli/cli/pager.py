"""A long answer on a terminal, page by page."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from typing import Any

from layercli.cli.options import Settings
from layercli.cli.terminal import colours, width


def paged(renderable: Any, settings: Settings) -> None:
    """Prints it; on a terminal that it does not fit on through the reader's own pager, ``less`` where none is named."""
    from rich.console import Console

    stream, coloured = io.StringIO(), colours(sys.stdout, settings.color)
    console = Console(
        file=stream, width=width(settings.width), force_terminal=coloured, no_color=not coloured,
        color_system="standard" if coloured else None, highlight=False,
    )  # fmt: skip
    console.print(renderable)
    text = stream.getvalue()
    tall = text.count("\n") >= shutil.get_terminal_size((100, 24)).lines
    if not (tall and sys.stdout.isatty() and sys.stdin.isatty() and _piped(text)):
        sys.stdout.write(text)


def _piped(text: str) -> bool:
    """Whether a pager took the text."""
    named = os.environ.get("PAGER", "less")
    program = shutil.which(named.split()[0]) if named.strip() else None
    if program is None or named.strip() == "cat":
        return False
    environment = {**os.environ, "LESS": os.environ.get("LESS", "-RFX")}
    try:
        with subprocess.Popen([program, *named.split()[1:]], stdin=subprocess.PIPE, env=environment) as pager:
            pager.communicate(text.encode(sys.stdout.encoding or "utf-8", "replace"))
    except (OSError, KeyboardInterrupt):
        return True
    return True
