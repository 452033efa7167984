"""A chain of layers, one after the other.

\b
  layercli run "conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2 | flatten | linear 10" -i 1,3,16,16
  layercli "conv2d k=5 p=2 s=2"
  layercli run -f net.layers -i 1,3,32,32
  cat net.layers | layercli run - -i 1,3,32,32 --json

A step is a layer, values and key=value; steps stand behind | or on lines of their own, # begins a comment.
Repeat a step or a group with 3*relu or 2*(conv2d 8 3 p=1 | relu); name a step with stem: conv2d 8.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.measure.child import Child
    from layercli.spec import Spec


def parameters() -> list[Parameter]:
    """The spec, a file in its place, and the shared options."""
    words = typer.Argument(metavar="SPEC", help="The chain, or - for standard input.", show_default=False)
    file = typer.Option("--file", "-f", metavar="FILE", help="Read the chain from a file.")
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        Parameter("file", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, file]),
        *options.parameters(),
    ]


def run(child: Child | None, words: list[str] | None, file: Path | None, **values: Any) -> ExitCode:
    """Analyses the chain and prints the answer."""
    from layercli.cli.answer import answer, options_of
    from layercli.cli.inputs import parse_inputs

    settings = options.settings(values)

    def parsed() -> Spec:
        from layercli.spec import parse

        text = source(words or [], file)
        try:
            return parse(text)
        except LayerError as error:
            raise error.located(text) from None

    def ask() -> Any:
        from layercli.analysis.walk import analyse_spec

        return analyse_spec(parsed(), parse_inputs(settings.input or ()), options_of(settings))

    if settings.format is options.Format.spec and not settings.json:
        return rewrite(parsed, settings)

    return answer("run", ask, settings, child)


def rewrite(parsed: Callable[[], Spec], settings: options.Settings) -> ExitCode:
    """Prints the design in the canonical spelling of the shell's notation; -i becomes its first step."""
    from layercli.analysis.canonical import canonical
    from layercli.cli.inputs import parse_inputs
    from layercli.cli.terminal import put
    from layercli.plan import Tensor
    from layercli.spec import Op, format_spec

    spec = canonical(parsed())
    written = format_spec(spec)
    first = spec.chain.steps[0].unit if spec.chain.steps else None
    given = parse_inputs(settings.input or ())
    feed = given[0].feed if len(given) == 1 else None
    if isinstance(feed, Tensor) and feed.shape and not (isinstance(first, Op) and first.name == "input"):
        dtype = f" dtype={feed.dtype}" if feed.dtype else ""
        names = feed.symbols or ("",) * len(feed.shape)
        sizes = ",".join(name or str(size) for name, size in zip(names, feed.shape))
        written = f"input {sizes}{dtype} | {written}"
    put(written)
    return ExitCode.OK


def source(words: list[str], file: Path | None, verb: str = "run") -> str:
    """The text of the chain, from the words, the file or standard input."""
    if file is not None and words:
        raise LayerError("spec.usage", "a chain and a file are given", fix="leave one of them out")
    if file is not None and str(file) != "-":
        return read(file)
    if words == ["-"] or file is not None:
        return decoded(sys.stdin.buffer.read(), "standard input")
    if not words:
        raise LayerError("spec.usage", f"{verb} needs a chain", fix=f'write layercli {verb} "conv2d 8 k=5 | relu"')
    if len(words) == 1 and "." in words[0] and os.path.isfile(words[0]):  # False too where it can be no name
        raise LayerError("spec.usage", f"{words[0]} is a file", fix=f"write layercli {verb} -f {words[0]}")
    return " ".join(words)


def read(file: Path) -> str:
    """A file's text; LayerError with the reason where there is none."""
    try:
        return decoded(file.read_bytes(), str(file))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LayerError("io.file", f"cannot read {file}: {reason}", fix="name a file that is there") from None


def decoded(data: bytes, name: str) -> str:
    """Bytes as UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise LayerError("io.encoding", f"{name} is not UTF-8 text", fix="save it as UTF-8") from None
