"""The JSON Schema of a document: of reports, or of what is named.

\b
  layercli schema > report.schema.json
  layercli schema comparison > comparison.schema.json
"""

from __future__ import annotations

import sys
from importlib.resources import files
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.errors import ExitCode, LayerError, Span

if TYPE_CHECKING:
    from layercli.measure.child import Child

SUFFIX = ".schema.json"
USUAL = "report"


def parameters() -> list[Parameter]:
    """The kind of document."""
    kind = typer.Argument(metavar="[KIND]", help=f"{', '.join(kinds())}.", autocompletion=_offered)
    return [Parameter("kind", Parameter.KEYWORD_ONLY, default=USUAL, annotation=Annotated[str, kind])]


def kinds() -> list[str]:
    """The kinds of documents that have a schema, that of reports first: those whose file is there."""
    names = [file.name.removesuffix(SUFFIX) for file in files("layercli").iterdir() if file.name.endswith(SUFFIX)]
    return sorted(names, key=lambda name: (name != USUAL, name))


def _offered(incomplete: str) -> list[str]:
    return [kind for kind in kinds() if kind.startswith(incomplete)]


def run(child: Child | None, kind: str) -> ExitCode:
    """Prints the schema that is shipped."""
    if kind not in kinds():
        from layercli.layers import did_you_mean, suggest

        near = suggest(kind, kinds())
        source = f"layercli schema {kind[:200]}"
        raise LayerError(
            "spec.usage", f"there is no schema of {kind[:60]!r}", source=source, span=Span(16, len(source)),
            fix=did_you_mean(near, f"there are {', '.join(kinds())}"), suggestions=near,
        )  # fmt: skip
    sys.stdout.write(files("layercli").joinpath(kind + SUFFIX).read_text("utf-8"))
    return ExitCode.OK
