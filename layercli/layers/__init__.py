"""The definitions: one file per family, and the index that finds a layer without building the others."""

from layercli.layers.registry import families, find, find_torch, known_names, suggest

__all__ = ["families", "find", "find_torch", "known_names", "suggest"]
