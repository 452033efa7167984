"""A full screen to try layers on: keys to turn, the answer and the picture beside them, a design to put together.

\b
  layercli explore
  layercli explore conv2d k=5 -i 1,3,16,16
  layercli explore "conv2d 8 3 | relu | maxpool2d 2"
  layercli explore -f net.layers
  layercli explore --web

? shows all keys. With --web it is served in a browser, on this machine alone.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib.util import find_spec
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.cli.terminal import put
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.measure.child import Child

_SERVED = "TEXTUAL_DRIVER"
"""What textual-serve sets for the process behind a page, which has no terminal."""
_OPTIONS = frozenset({"input", "no_run", "train", "debug"})


def parameters() -> list[Parameter]:
    """A layer with its keys or a design, a file in its place, and how it is shown."""
    words = typer.Argument(
        metavar="[LAYER [KEYS]... | SPEC]", show_default=False, help="What to open: a layer with its keys, or a design."
    )
    file = typer.Option("--file", "-f", metavar="FILE", help="Open the design of a file.")
    web = typer.Option("--web", help="Serve it in a browser, on 127.0.0.1.")
    port = typer.Option(
        "--port", metavar="N", min=0, max=65535, show_default=False, help="The port of --web; left out, any."
    )
    browser = typer.Option("--open", help="Open the browser too.")
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        Parameter("file", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, file]),
        Parameter("web", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, web]),
        Parameter("port", Parameter.KEYWORD_ONLY, default=0, annotation=Annotated[int, port]),
        Parameter("browser", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, browser]),
        *options.parameters(only=_OPTIONS),
    ]


def run(
    child: Child | None, words: list[str] | None, file: Path | None, web: bool, port: int, browser: bool, **values: Any
) -> ExitCode:
    """Runs the explorer until it is left, or serves it."""
    gc.enable()
    if child is not None:
        child.close()
    settings = options.settings(values)
    _possible(web)
    if web:
        return _serve(_again(words or [], file, settings), port, browser)
    from layercli.cli.inputs import parse_inputs
    from layercli.explorer.start import Opening, explore

    mode = "train" if settings.train else "eval"
    path = "" if file is None else str(file)
    opening = Opening(_text(words or [], file), path, " ".join(settings.input or ()), mode, not settings.no_run)
    return ExitCode.OK if explore(opening, parse_inputs) else ExitCode.BUG


def _possible(web: bool) -> None:
    """LayerError where there is no Textual, or nothing that it could draw on."""
    if find_spec("textual") is None or (web and find_spec("textual_serve") is None):
        raise LayerError("io.textual", 'the explorer needs Textual: pip install "layercli[explore]"')
    if web or _SERVED in os.environ:
        return
    if not (sys.stdout.isatty() and sys.stdin.isatty()) or os.environ.get("TERM") == "dumb":
        raise LayerError("io.terminal", "the explorer needs a terminal: layercli explore --web serves it in a browser")


def _text(words: list[str], file: Path | None) -> str:
    from layercli.cli.verb_run import source

    return source(words, file) if words or file is not None else ""


def _serve(command: list[str], port: int, browser: bool) -> ExitCode:
    from layercli.explorer.web import serve

    def say(address: str) -> None:
        put(f"{address}  (Ctrl+C ends it)")
        sys.stdout.flush()
        if browser:
            import webbrowser

            webbrowser.open(address)

    serve(command, port, say)
    return ExitCode.OK


def _again(words: list[str], file: Path | None, settings: options.Settings) -> list[str]:
    """The command line of the process behind a page: as this one was started, without what is said of the web."""
    own = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv[1:])]
    found = [sys.executable, *own, "explore"]
    found += [] if file is None else ["--file", str(file)]
    found += [word for each in settings.input or () for word in ("--input", each)]
    found += ["--no-run"] * settings.no_run + ["--eval"] * (not settings.train)
    return [*found, *(["--", *words] if words else [])]
