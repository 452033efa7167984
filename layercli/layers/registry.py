"""The index: every name that a layer goes by, and the one file of its family. Building one builds no other family.

A test compares it with the definitions, so that it cannot go stale.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from functools import cache

from layercli.layers.definition import Layer

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "conv": (
        "convolution",
        ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
    ),
    "pool": ("pooling", ("MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d")),
    "norm": (
        "normalisation",
        (
            "BatchNorm1d", "BatchNorm2d", "BatchNorm3d",
            "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm",
        ),
    ),
    "linear": ("linear", ("Linear",)),
    "activation": ("activation", ("ReLU", "Sigmoid", "Tanh")),
    "recurrent": ("recurrent", ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")),
    "shape": ("shape", ("Flatten",)),
}  # fmt: skip
"""By module: the family's name, and the torch classes that it defines. A layer's name is its class in lower case."""

_MODULE = {torch.lower(): module for module, (_, classes) in FAMILIES.items() for torch in classes}


@cache
def _family(module: str) -> dict[str, Layer]:
    layers: Iterable[Layer] = importlib.import_module(f"layercli.layers.{module}").layers()
    return {layer.name: layer for layer in layers}


def known_names() -> tuple[str, ...]:
    """Every layer's name."""
    return tuple(_MODULE)


def families() -> dict[str, tuple[str, ...]]:
    """The layers' names by the name of their family."""
    return {title: tuple(torch.lower() for torch in classes) for title, classes in FAMILIES.values()}


def find(name: str) -> Layer | None:
    """The layer of this name; only its family is built."""
    module = _MODULE.get(name)
    return None if module is None else _family(module)[name]


def find_torch(torch: str) -> Layer | None:
    """The layer of this torch class, spelled as torch spells it."""
    layer = find(torch.lower())
    return layer if layer is not None and layer.torch == torch else None


def suggest(name: str, candidates: Iterable[str] | None = None) -> tuple[str, ...]:
    """Names that a person who typed this may have meant, the nearest first.

    Without ``candidates`` layers are meant: those that begin like it, else those very near, because another layer in
    place of a missing one is another net.
    """
    from difflib import SequenceMatcher, get_close_matches

    typed = name.lower().strip("-")
    if candidates is None:
        begun = tuple(layer for layer in _MODULE if layer.startswith(typed) and len(typed) > 2)
        near = get_close_matches(typed, _MODULE, n=3, cutoff=0.78)
        best = max((SequenceMatcher(None, layer, typed).ratio() for layer in near), default=0)
        return begun[:3] or tuple(n for n in near if SequenceMatcher(None, n, typed).ratio() > best - 0.02)
    bare = {candidate.lower().strip("-"): candidate for candidate in candidates}
    return tuple(bare[match] for match in get_close_matches(typed, bare, n=3, cutoff=0.6))


def did_you_mean(near: Iterable[str], otherwise: str) -> str:
    """The fix that names what was perhaps meant."""
    *most, last = tuple(near) or ("",)
    if not last:
        return otherwise
    return f"did you mean {', '.join(most)} or {last}?" if most else f"did you mean {last}?"
