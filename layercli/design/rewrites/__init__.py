"""The catalogue of rewrites: every one by its name, in the order in which they are tried."""

from __future__ import annotations

import importlib
from functools import cache

from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite

__all__ = ["Edit", "Proposal", "Rewrite", "rewrites"]

MODULES = (
    "stacked", "separable", "asymmetric", "dilated", "upsampled", "divisible", "pooled", "order", "merged", "bias",
    "idle", "counts",
)  # fmt: skip


@cache
def rewrites() -> dict[str, Rewrite]:
    """Every rewrite by its name."""
    modules = [importlib.import_module(f"layercli.design.rewrites.{name}") for name in MODULES]
    return {module.REWRITE.name: module.REWRITE for module in modules}
