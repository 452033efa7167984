"""Other layers in the place of those of a design: what each saves, what it keeps, and what it does not.

\b
  layercli suggest conv2d 64 7 p=3 -i 1,64,56,56
  layercli suggest "conv2d 64 5 p=2 | batchnorm2d | relu | flatten | linear 10" -i 1,3,32,32
  layercli suggest conv2d 10 3 g=4 -i 1,8,16,16
  layercli suggest -f net.layers --only depthwise-separable --top 1 --format spec > new.layers

Every rewrite is tried at every step and analysed as a design of its own. It is told only if the output keeps its
shape and something is gained; torch runs what is told. Of a refused design the nearest numbers that make it hold.

\b
--only takes: stacked-3x3, depthwise-separable, 1xk-kx1, dilated, upsample-conv, divisible-kernel,
global-average-pool, 1x1-order, merged-linear, bias-before-norm, no-effect, nearest-count.
It exits 1 where there is nothing to suggest.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.cli.options import Settings
    from layercli.design.suggestions import Suggestions
    from layercli.measure.child import Child
    from layercli.spec import Spec


class Form(str, Enum):
    """How the answer is written."""

    table = "table"
    plain = "plain"
    json = "json"
    markdown = "markdown"
    spec = "spec"


def parameters() -> list[Parameter]:
    """The design, a file in its place, which rewrites are wanted, and the shared options that make sense here."""
    words = typer.Argument(
        metavar="[LAYER [KEYS]... | SPEC]", help="A layer with its keys, a chain, or - for standard input.",
        show_default=False,
    )  # fmt: skip
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        options.own("file", Path | None, None, "--file", "-f", metavar="FILE", help="Read the design from a file."),
        options.own(
            "only",
            list[str] | None,
            None,
            "--only",
            metavar="NAME",
            help="Only this rewrite; may be given again.",
            autocompletion=_names,
        ),
        options.own(
            "top", int | None, None, "--top", min=1, help="How many are told. [default: 10]", show_default=False
        ),
        options.own(
            "form", Form, Form.table, "--format", help="How the answer is written; spec: the new designs, a line each."
        ),
        *options.parameters(
            only=frozenset({"input", "json", "no_run", "dtype", "train", "timeout", "color", "width", "debug"})
        ),
    ]


def _names(incomplete: str) -> list[str]:
    from layercli.design.rewrites import rewrites

    return [name for name in rewrites() if name.startswith(incomplete)]


def run(
    child: Child | None,
    words: list[str] | None,
    file: Path | None,
    only: list[str] | None,
    top: int | None,
    form: Form,
    **values: Any,
) -> ExitCode:
    """Looks for rewrites, has torch run those that are told, and prints them."""
    settings = options.settings(values)
    form = Form.json if settings.json else form
    try:
        found = _found(child, _parsed(words or [], file), only or (), top, settings)
    except LayerError as error:
        return _failed(error, form)
    refusal = found.report.analysis.error
    if refusal is not None and not found.items:
        from layercli.cli.complain import complain

        complain(refusal)
    _show(found, form, settings)
    return found.exit_code


def _parsed(words: list[str], file: Path | None) -> Spec:
    from layercli.cli.verb_run import source
    from layercli.spec import parse

    if not words and file is None:
        fix = "write layercli suggest conv2d 64 7 p=3 -i 1,64,56,56"
        raise LayerError("spec.usage", "suggest needs a layer or a chain", fix=fix)
    if len(words) == 1 and "." in words[0] and os.path.isfile(words[0]):
        fix = f"write layercli suggest -f {words[0]}"
        raise LayerError("spec.usage", f"{words[0]} is a file", fix=fix)
    text = source(words, file)
    try:
        return parse(text)
    except LayerError as error:
        raise error.located(text) from None


def _found(child: Child | None, spec: Spec, only: Any, top: int | None, settings: Settings) -> Suggestions:
    from layercli.cli.answer import options_of
    from layercli.cli.inputs import parse_inputs
    from layercli.design.suggest import MOST, suggestions, verified

    inputs = parse_inputs(settings.input or ())

    def looked() -> Suggestions:
        return suggestions(spec, inputs, options_of(settings), only, top or MOST)

    if settings.no_run:
        return looked()
    if child is not None:
        return verified(looked(), lambda plan: child.ask(plan, settings.timeout))
    from layercli.measure.child import Reusable

    with Reusable() as torch:  # which loads while the rewrites are tried
        found = looked()
        with _waiting(settings):
            return verified(found, lambda plan: torch.ask(plan, settings.timeout))


def _waiting(settings: Settings) -> AbstractContextManager[Any]:
    """What a terminal shows while torch works."""
    from layercli.cli.show import console, drawn

    shown = sys.stdout.isatty() and drawn(settings)
    return console(settings).status("torch runs each of them …") if shown else nullcontext()


def _failed(error: LayerError, form: Form) -> ExitCode:
    """A question that was not understood."""
    from layercli.cli.complain import complain

    if form is Form.json:
        from layercli.cli.terminal import put
        from layercli.design.suggestions import failure
        from layercli.render.documents import json_text

        put(json_text(failure(error, "suggest")))
    complain(error)
    return error.exit_code


def _show(found: Suggestions, form: Form, settings: Settings) -> None:
    from layercli.cli.terminal import put

    if form is Form.json:
        from layercli.render.documents import json_text

        put(json_text(found.to_dict("suggest")))
    elif form is Form.spec:
        for item in found.items:
            put(item.spec)
    elif found.items or found.report.ok:
        from layercli.cli.show import show
        from layercli.render.suggestions import blocks

        show(list(blocks(found)), form.value, settings)
