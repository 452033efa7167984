"""Which layers the list shows for what is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from layercli.layers import families, find, suggest

Known: TypeAlias = dict[str, tuple[str, ...]]

UNLISTED = ("input",)
"""What opens a design is a field of its own."""


def listed(typed: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The families with the layers whose names hold this, what begins so or is called so first; else what is near."""
    word = typed.strip().lower().replace("_", "")
    known = {family: tuple(name for name in names if name not in UNLISTED) for family, names in families().items()}
    if not word:
        return tuple(known.items())
    called = find(word)  # by an alias too, such as mha
    meant = "" if called is None else called.name
    found = _those(known, lambda name: word in name or name == meant)
    if not found:
        near = suggest(word)
        found = _those(known, lambda name: name in near)

    def far(name: str) -> tuple[bool, bool]:
        return name != meant, not name.startswith(word)

    ordered = [(family, tuple(sorted(names, key=far))) for family, names in found.items()]
    return tuple(sorted(ordered, key=lambda item: far(item[1][0])))


def _those(known: Known, wanted: Callable[[str], bool]) -> Known:
    found = {family: tuple(filter(wanted, names)) for family, names in known.items()}
    return {family: names for family, names in found.items() if names}
