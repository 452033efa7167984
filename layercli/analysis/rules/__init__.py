"""The catalogue of notes: every code that a note may have, its check, and what ``layercli explain`` says of it."""

from __future__ import annotations

import importlib
from functools import cache

from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.wiring import Wiring

__all__ = ["Finding", "Rule", "Wiring", "explain_note", "rules"]

MODULES = (
    "windows", "transposed", "dilation", "maps", "norms", "activations", "losses", "sequences", "merges", "whole",
    "spoken",
)  # fmt: skip
"""Where the rules stand, in the order in which they are asked."""

ALONE = {
    "convtranspose": ("windows", "transposed"),
    "conv": ("windows",),
    "maxpool": ("windows", "whole"),
    "avgpool": ("windows", "whole"),
}
"""By how a layer's name begins: those that have something to say of it by itself, so that one layer loads no others."""


@cache
def rules(alone: str = "") -> dict[str, Rule]:
    """Every rule by its code, or those that may speak of a design of this one layer."""
    names = next((found for begin, found in ALONE.items() if alone.startswith(begin)), MODULES) if alone else MODULES
    modules = [importlib.import_module(f"layercli.analysis.rules.{name}") for name in names]
    return {rule.code: rule for module in modules for rule in module.RULES}


def explain_note(code: str) -> str:
    """What a note of this code means, why it is said, and an example, as plain text."""
    found = rules().get(code)
    if found is None:
        from layercli.errors import LayerError
        from layercli.layers.registry import did_you_mean, suggest

        near = suggest(code, rules())
        fix = did_you_mean(near, f"one of {', '.join(sorted(rules()))}")
        raise LayerError("spec.unknown-note", f"there is no note {code!r}", fix=fix, suggestions=near)
    return found.text()
