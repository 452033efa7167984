"""One layer by its name."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.cli.layer import OF_DESIGNS, parameter, spec_of, spellings
from layercli.errors import ExitCode
from layercli.layers.definition import Layer

if TYPE_CHECKING:
    from layercli.measure.child import Child


def parameters(layer: Layer) -> list[Parameter]:
    """Words, the layer's keys as options, and the shared options."""

    def offered(incomplete: str) -> list[tuple[str, str]]:
        from layercli.cli.complete import words

        return words(layer, incomplete)

    argument = typer.Argument(
        metavar="[VALUES] [KEY=VALUE]...",
        autocompletion=offered,
        show_default=False,
    )
    words = Parameter(
        "words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, argument]
    )  # fmt: skip
    keys = [parameter(key) for key in layer.shell_keys if spellings(key)]
    hidden = frozenset() if layer.unroll else frozenset({"unroll"})
    shared = options.parameters(only=frozenset(options.Settings._fields) - hidden - OF_DESIGNS)
    return [words, *keys, *shared]


def runner(layer: Layer) -> Callable[..., ExitCode]:
    """The function of the layer's command."""

    def run(child: Child | None, words: list[str] | None, **values: Any) -> ExitCode:
        from layercli.cli.answer import answer, options_of
        from layercli.cli.inputs import parse_inputs

        settings = options.settings(values)
        if settings.format is options.Format.spec and not settings.json:
            from layercli.cli.verb_run import rewrite

            return rewrite(lambda: spec_of(layer, words or [], values), settings)

        def ask() -> Any:
            from layercli.analysis.walk import analyse_spec

            spec = spec_of(layer, words or [], values)
            return analyse_spec(spec, parse_inputs(settings.input or ()), options_of(settings))

        return answer(layer.name, ask, settings, child)

    return run
