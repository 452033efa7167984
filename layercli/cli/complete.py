"""What the shell offers: commands and layers, a layer's keys, the words that a key takes."""

from __future__ import annotations

from typing import Any

import typer.core

from layercli.cli.catalogue import VERBS
from layercli.layers import families
from layercli.layers.definition import Layer

CompletionItem: Any = vars(typer.core)["CompletionItem"]
"""What Typer's shells understand; it lives in a module that has no public name in every version."""


def commands(incomplete: str) -> list[Any]:
    """Verbs and layers that begin like this; no layer is built for it."""
    found = [CompletionItem(name, help=summary) for name, summary in VERBS.items() if name.startswith(incomplete)]
    return found + [
        CompletionItem(name, help=family)
        for family, names in families().items()
        for name in names
        if name.startswith(incomplete)
    ]


def words(layer: Layer, incomplete: str) -> list[tuple[str, str]]:
    """Keys of a layer as ``kernel=``, and behind the sign the words that it takes."""
    name, sign, begun = incomplete.partition("=")
    if sign:
        key = next((key for key in layer.shell_keys if name in key.names), None)
        choices = () if key is None else key.kind.words or (("true", "false") if key.kind.switch else ())
        return [(f"{name}={word}", "") for word in choices if word.startswith(begun)]
    return [
        (f"{spelling}=", key.meaning)
        for key in layer.shell_keys
        for spelling in key.names
        if len(spelling) > 1 and spelling.startswith(incomplete)
    ]
