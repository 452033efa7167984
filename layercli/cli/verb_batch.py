"""Many questions: a JSON object a line in, a JSON report a line out, in order.

\b
  layercli batch specs.jsonl > results.jsonl
  echo '{"spec": "conv2d k=5 | relu", "input": [1, 3, 16, 16]}' | layercli batch -
  layercli batch specs.jsonl --run --brief

A line is {"id"?, "spec": "conv2d k=5 | relu", "input": [1, 3, 16, 16]}, or a module in torch's own terms:
{"id"?, "layer": "Conv2d", "args": [3, 8, 5], "kwargs": {"padding": 2}, "inputs": [{"shape": [1, 3, 16, 16]}]}.
A bad line is a report with its error, and the run goes on; it exits 1 if any line failed.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.cli.options import Settings
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.measure.child import Child


def parameters() -> list[Parameter]:
    """The file and the options that make sense for many lines."""
    file = typer.Argument(metavar="FILE", help="A file of JSON Lines, or - for standard input.", show_default=False)
    return [
        Parameter("file", Parameter.KEYWORD_ONLY, default=Path("-"), annotation=Annotated[Path, file]),
        _flag("run_torch", "--run", "Let torch verify every line, in one process that is used again."),
        _flag("no_run", "--no-run", "Formulas only; this is the default here."),
        _flag("brief", "--brief", "Leave out formulas, notes on whole designs and memory."),
        *options.parameters(only=frozenset({"measure", "device", "dtype", "train", "timeout", "debug"})),
    ]


def _flag(name: str, option: str, help: str) -> Parameter:
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, typer.Option(option, help=help)]
    )  # fmt: skip


def run(child: Child | None, file: Path, run_torch: bool, no_run: bool, brief: bool, **values: Any) -> ExitCode:
    """Answers line by line."""
    gc.enable()
    settings = options.settings(values)
    if not run_torch or no_run:
        return _answer(file, settings, brief, None)
    from layercli.measure.child import Reusable

    with Reusable() as torch:
        return _answer(file, settings, brief, lambda plan: torch.ask(plan, settings.timeout))


def _answer(file: Path, settings: Settings, brief: bool, measure: Any) -> ExitCode:
    from layercli.batch import answer_lines
    from layercli.cli.answer import options_of
    from layercli.render.documents import json_line

    worst = ExitCode.OK
    chosen = options_of(settings)._replace(planned=measure is not None)
    for document in answer_lines(_lines(file), chosen, brief=brief, measure=measure):
        sys.stdout.write(json_line(document) + "\n")
        sys.stdout.flush()
        ours = any(error["code"].startswith("internal.") for error in document["errors"])
        if ours or document["measured"]["status"] == "differs":
            worst = ExitCode.BUG
        elif not document["ok"] and worst is ExitCode.OK:
            worst = ExitCode.NEGATIVE
    return worst


def _lines(file: Path) -> Iterator[str]:
    """The lines one by one; a file of any length takes no more memory than its longest line."""
    if str(file) == "-":
        yield from _decoded(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as stream:
            yield from _decoded(stream)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LayerError("io.file", f"cannot read {file}: {reason}", fix="name a file that is there") from None


def _decoded(stream: Any) -> Iterator[str]:
    for number, line in enumerate(stream):
        yield line.decode("utf-8-sig" if number == 0 else "utf-8", "replace")
