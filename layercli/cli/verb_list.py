"""Every layer, by family.

\b
  layercli list
  layercli list pooling
"""

from __future__ import annotations

from inspect import Parameter
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli.terminal import put
from layercli.errors import ExitCode, LayerError, Span
from layercli.layers import families, find, suggest

if TYPE_CHECKING:
    from layercli.measure.child import Child


def parameters() -> list[Parameter]:
    """An optional family."""
    family = typer.Argument(
        metavar="FAMILY", help="Only this family.", show_default=False,
        autocompletion=lambda incomplete: [title for title in families() if title.startswith(incomplete)],
    )  # fmt: skip
    as_json = typer.Option("--json", help="One JSON document: the layers by family.")
    return [
        Parameter("family", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, family]),
        Parameter("json", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, as_json]),
    ]


def run(child: Child | None, family: str | None, json: bool) -> ExitCode:
    """Prints a line per layer."""
    known = families()
    if family is not None and family not in known:
        near = suggest(family, known)
        fix = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
        raise LayerError(
            "spec.unknown-family", f"there is no family {family[:60]!r}", source=f"layercli list {family[:60]}",
            span=Span(14, 14 + len(family[:60])), fix=fix, suggestions=near,
        )  # fmt: skip
    chosen = {family: known[family]} if family is not None else known
    if json:
        from layercli.render.documents import json_text

        put(json_text({title: [_entry(name) for name in names] for title, names in chosen.items()}))
        return ExitCode.OK
    lines: list[str] = []
    width = max(len(name) for names in chosen.values() for name in names) + 2
    for title, names in chosen.items():
        lines += ["", title] if lines else [title]
        lines += [f"  {name:<{width}}{entry['summary']}" for name in names for entry in [_entry(name)]]
    put("\n".join(lines))
    return ExitCode.OK


def _entry(name: str) -> dict[str, object]:
    layer = find(name)
    assert layer is not None
    return {
        "name": name,
        "torch": layer.torch,
        "summary": layer.summary,
        "keys": [key.name for key in layer.shell_keys],
        "positional": list(layer.positional),
    }
