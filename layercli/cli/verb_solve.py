"""The settings that give what you want: the question the other way round.

\b
  layercli solve conv2d -i 1,3,224,224 --want 1,64,112,112
  layercli solve maxpool2d -i 1,64,32,32 --want half --top 5
  layercli solve convtranspose2d 8 k=2..6 -i 1,16,8,8 --want double
  layercli solve "conv2d 8 k=_ | maxpool2d k=_ | flatten | linear 9" -i 1,3,9,9 --where "rf>=6"
  layercli solve "conv2d 8 7 s=2 p=3 | maxpool2d 3 s=2 p=1" -i 1,3,_,_ --want 1,8,56,56
  layercli solve "linear _" -i 1,512 --where "params<=100k"

_ stands for what is looked for; 3/5/7 and 1..9 bound a key. A layer without _ is asked for every key
that its output hangs on. Every setting within the bounds is considered; what is shown is checked by
the analysis and by torch.
"""

from __future__ import annotations

import sys
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.cli.options import Settings
from layercli.cli.terminal import put
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.design.answered import Answered
    from layercli.measure.child import Child

TOP = 10
LONG = 2_000
"""Designs of several layers from which a bar shows how far the search is."""
_SHARED = frozenset({
    "input", "json", "no_run", "require_measured", "device", "dtype", "train", "timeout", "optimizer", "color", "width",
    "debug",
})  # fmt: skip


class Form(str, Enum):
    """How solutions are written."""

    table = "table"
    plain = "plain"
    json = "json"
    markdown = "markdown"


def parameters() -> list[Parameter]:
    """The layer or design, what is wanted, how many solutions are shown, and the shared options."""

    words = typer.Argument(
        metavar="LAYER|SPEC", help="A layer with the keys that are known, or a design with _.", show_default=False
    )
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        options.own("file", Path | None, None, "--file", "-f", metavar="FILE", help="Read the design from a file."),
        options.own("want", str | None, None, "--want", "-w", metavar="SHAPE",
            help="The output: 1,64,112,112, _ for any size; or same, half, double, x/4, x*3 of the spatial axes."),
        options.own("where", list[str] | None, None, "--where", metavar="CLAIM",
            help="What has to hold besides: params<=20k, rf>=31, shape@2=1,32,8,8 (of a row, by number or label)."),
        options.own("top", int, TOP, "--top", min=1, metavar="N", help="How many are shown, the best first."),
        options.own("every", bool, False, "--all", help="Show all of them."),
        options.own("per_axis", bool, False, "--per-axis", help="Let settings differ by axis."),
        options.own("form", Form, Form.table, "--format", help="How the solutions are written."),
        *options.parameters(only=_SHARED),
    ]  # fmt: skip


def run(child: Child | None, words: list[str] | None, file: Path | None, **values: Any) -> ExitCode:
    """Solves, checks what it found, and prints it."""
    asked = {name: values.pop(name) for name in ("want", "where", "top", "every", "per_axis", "form")}
    settings = options.settings(values)
    form = Form.json if settings.json else asked["form"]
    try:
        return _solved(words or [], file, asked, settings, form, child)
    except LayerError as error:
        if form is Form.json:
            from layercli.render.documents import json_text
            from layercli.render.solutions import failure

            put(json_text(failure(error)))
        from layercli.cli.complain import complain

        complain(error)
        return error.exit_code
    finally:
        if child is not None:
            child.close()


def _solved(
    words: list[str], file: Path | None, asked: dict[str, Any], settings: Settings, form: Form, child: Child | None
) -> ExitCode:
    from layercli.cli.answer import measured, options_of
    from layercli.cli.opened import fed, parsed
    from layercli.cli.progress import Bar
    from layercli.design.answered import answered, wishes_of
    from layercli.design.question import Question

    spec = parsed("solve", words, file)
    inputs = fed(spec, settings.input or ())
    wishes = wishes_of(asked["want"], asked["where"] or (), spec, inputs)
    optimizer = settings.optimizer.value if settings.optimizer else "adam"
    with Bar(LONG) as bar:
        question = Question(spec, inputs, wishes, options_of(settings), optimizer, asked["per_axis"])
        found = answered(question, bar.reached)
    top = None if asked["every"] else asked["top"]
    found = found.checked(top)
    if not settings.no_run and found.plans:
        found = found.measured(measured(found.plans, settings, child))
    _show(found, form, settings)
    return _ending(found, settings)


def _show(found: Answered, form: Form, settings: Settings) -> None:
    from layercli.render import solutions as written

    if form is Form.json:
        from layercli.render.documents import json_text

        put(json_text(written.document(found)))
        return
    from layercli.cli.show import show

    show(tuple(written.blocks(found)), form.value, settings)


def _ending(found: Answered, settings: Settings) -> ExitCode:
    if found.differs:
        return ExitCode.BUG
    if not found.rows:
        return ExitCode.NEGATIVE
    if settings.require_measured and not found.agrees:
        put(f"torch gave no answer: {found.why_not_run or 'not for all of them'}", sys.stderr)
        return ExitCode.NEGATIVE
    return ExitCode.OK
