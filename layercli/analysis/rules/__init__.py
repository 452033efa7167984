"""The catalogue of notes: every code that a note may have, its check, and what ``layercli explain`` says of it."""

from __future__ import annotations

from functools import cache

from layercli.analysis.rules import (
    activations,
    dilation,
    losses,
    maps,
    norms,
    sequences,
    spoken,
    transposed,
    whole,
    windows,
)
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.wiring import Wiring
from layercli.errors import LayerError
from layercli.layers.registry import did_you_mean, suggest

__all__ = ["Finding", "Rule", "Wiring", "explain_note", "rules"]


@cache
def rules() -> dict[str, Rule]:
    """Every rule by its code."""
    modules = (windows, transposed, dilation, maps, norms, activations, losses, sequences, whole, spoken)
    return {rule.code: rule for module in modules for rule in module.RULES}


def explain_note(code: str) -> str:
    """What a note of this code means, why it is said, and an example, as plain text."""
    found = rules().get(code)
    if found is None:
        near = suggest(code, rules())
        fix = did_you_mean(near, f"one of {', '.join(sorted(rules()))}")
        raise LayerError("spec.unknown-note", f"there is no note {code!r}", fix=fix, suggestions=near)
    return found.text()
