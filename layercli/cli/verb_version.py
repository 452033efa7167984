"""Versions of layercli, Python and torch, for a report of a bug.

\b
  layercli version
  layercli version --json
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli.terminal import put
from layercli.errors import ExitCode
from layercli.version import VERSION

if TYPE_CHECKING:
    from layercli.measure.child import Child


def parameters() -> list[Parameter]:
    """The form only."""
    as_json = typer.Option("--json", help="One JSON document.")
    return [Parameter("json", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, as_json])]


def run(child: Child | None, json: bool) -> ExitCode:
    """Prints the versions; torch's is read from its metadata, so torch is not loaded."""
    versions: dict[str, str | None] = {"layercli": VERSION, "python": platform.python_version()}
    for name in ("torch", "typer", "rich"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    if json:
        from layercli.render.documents import json_text

        put(json_text(versions))
    else:
        put("\n".join(f"{name:<9} {value or 'not installed'}" for name, value in versions.items()))
    return ExitCode.OK
