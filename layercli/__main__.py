"""The command's entry: starts torch's process first, then the command itself, and ends the process."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from layercli.measure.child import Child

WITHOUT_TORCH = {"list", "batch", "sweep", "compare", "suggest", "explain", "explore", "schema", "version"}
"""Verbs that never ask torch, or start it themselves."""

WITHOUT_RUN = {"--no-run", "--help", "-h"}


def asks_torch(words: list[str], environment: dict[str, str]) -> bool:
    """Whether this command line is going to want torch, judged without understanding it."""
    if not words or words[0].startswith("-") or words[0] in WITHOUT_TORCH or "_LAYERCLI_COMPLETE" in environment:
        return False
    return not WITHOUT_RUN.intersection(words)


def main() -> NoReturn:
    """Runs the command line and exits with its status; Ctrl-C is quiet from the first moment on."""
    try:
        _main(sys.argv[1:])
    except KeyboardInterrupt:
        from layercli.errors import ExitCode

        sys.exit(ExitCode.INTERRUPTED)


def _main(words: list[str]) -> NoReturn:
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    child: Child | None = None
    if asks_torch(words, dict(os.environ)):
        from layercli.measure.child import Child

        child = Child(once=True)
    gc.disable()  # one answer keeps what it loads and makes to the end; what asks many questions turns it on again
    from layercli.cli.app import run

    status = run(words, child)
    try:
        sys.stdout.flush()
    except OSError:  # what could not be written was said; the interpreter would try, and complain, once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


if __name__ == "__main__":
    main()
