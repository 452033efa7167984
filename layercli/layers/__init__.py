"""The definitions: one file per family, and the index that finds a layer without building the others."""

from layercli.layers.registry import did_you_mean, families, find, find_torch, known_names, suggest

__all__ = ["did_you_mean", "families", "find", "find_torch", "known_names", "suggest"]
