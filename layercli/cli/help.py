"""The first screens: a greeting for the bare command, and the overview that ``--help`` shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from layercli.cli.catalogue import EXAMPLES, VERBS
from layercli.layers import families

PURPOSE = "What a layer does to a tensor: shapes, counts, formulas, checked by torch."
_OPTIONS = """\
  --version               The version, and nothing else.
  --install-completion    Completion of layers and keys in your shell (bash, zsh, fish).
  -h, --help              This page; layercli conv2d --help for one layer."""


def greeting() -> str:
    """What the bare command prints."""
    return f"{PURPOSE}\n\n{EXAMPLES}\n\nlayercli --help shows all commands and layers.\n"


def overview() -> str:
    """All verbs and all layers on one screen."""
    width = max(len(name) for name in (*VERBS, *families()))
    verbs = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in VERBS.items())
    layers = "\n".join(
        textwrap.fill(
            " ".join(folded(names)), 98, initial_indent=f"  {family:<{width}}  ", subsequent_indent=" " * (width + 4),
            break_on_hyphens=False,
        )
        for family, names in families().items()
    )  # fmt: skip
    return (
        f"{PURPOSE}\n\nExamples:\n{EXAMPLES}\n\n"
        f"Commands:\n{verbs}\n\nLayers, each a command:\n{layers}\n\nOptions:\n{_OPTIONS}\n"
    )


def folded(names: Sequence[str]) -> list[str]:
    """Names, those that differ in the number of axes only as one: ``conv1d/2d/3d``."""
    stems: dict[str, list[str]] = {}
    for name in names:
        if name[-2:] in _RANKS:
            stems.setdefault(name[:-2], []).append(name[-2:])
        else:
            stems[name + " "] = []
    return [stem.rstrip() + "/".join(ranks) for stem, ranks in stems.items()]


_RANKS = ("1d", "2d", "3d")
