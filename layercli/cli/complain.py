"""Errors on standard error, in the characters that it has."""

from __future__ import annotations

import sys

from layercli.cli.terminal import put, unicode
from layercli.errors import LayerError
from layercli.render.errors import describe


def complain(error: LayerError) -> None:
    """Prints the error on standard error."""
    if sys.stderr is not None:
        put(describe(error, (sys.stderr.encoding or "ascii") if unicode(sys.stderr) else "ascii"), sys.stderr)
