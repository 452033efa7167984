"""What a note means, and what to do about it.

\b
  layercli explain conv.checkerboard
  layercli explain
"""

from __future__ import annotations

from inspect import Parameter
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli.terminal import put
from layercli.errors import ExitCode

if TYPE_CHECKING:
    from layercli.measure.child import Child


def parameters() -> list[Parameter]:
    """An optional code."""

    def offered(incomplete: str) -> list[tuple[str, str]]:
        from layercli.analysis.rules import rules

        return [(code, rule.title) for code, rule in rules().items() if code.startswith(incomplete)]

    code = typer.Argument(
        metavar="CODE", help="The code of a note; all are listed without one.", show_default=False,
        autocompletion=offered,
    )  # fmt: skip
    return [Parameter("code", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, code])]


def run(child: Child | None, code: str | None) -> ExitCode:
    """Prints the rule behind a note, or lists all rules."""
    from layercli.analysis.rules import explain_note, rules

    if code is not None:
        put(explain_note(code))
        return ExitCode.OK
    width = max(map(len, rules()))
    put("\n".join(f"{code:<{width}}  {rule.title}" for code, rule in rules().items()))
    return ExitCode.OK
