"""Every setting of a small grid, built and run with torch: what a search has to find, found the slow way."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from layercli.layers.definition import Key, Layer

SMALL: Mapping[str, Sequence[Any]] = {
    "kernel_size": (1, 2, 3), "stride": (1, 2, 3), "padding": (0, 1, 2), "dilation": (1, 2), "output_padding": (0, 1),
    "out_channels": (1, 2), "out_features": (1, 2, 3), "hidden_size": (1, 2, 3, 4), "embedding_dim": (1, 2, 3),
    "output_size": (1, 2, 3, 4), "size": (1, 2, 3, 4), "proj_size": (0, 1, 2), "scale_factor": (1, 2, 3),
    "upscale_factor": (1, 2, 3), "downscale_factor": (1, 2, 3), "ceil_mode": (False, True),
    "bidirectional": (False, True),
}  # fmt: skip
"""The values that are tried of each key that is searched."""

Setting = tuple[Any, ...]


def written(keys: Sequence[Key]) -> str:
    """The grid as words of a spec."""
    return " ".join(f"{key.names[-1]}={'/'.join(str(value).lower() for value in SMALL[key.name])}" for key in keys)


def outcomes(
    layer: Layer, keys: Sequence[Key], shape: Sequence[int], further: Mapping[str, Any]
) -> dict[Setting, tuple[int, ...] | None]:
    """What torch's first output is like at each setting; None where torch refuses it."""
    return {
        setting: _outcome(layer, {**dict(zip((key.name for key in keys), setting)), **further}, shape)
        for setting in product(*(SMALL[key.name] for key in keys))
    }


def _outcome(layer: Layer, arguments: dict[str, Any], shape: Sequence[int]) -> tuple[int, ...] | None:
    import torch

    module = getattr(torch.nn, layer.torch)
    own = {key.name for key in layer.keys}
    inferred = {
        "in_channels": shape[1] if len(shape) > 1 else 0, "in_features": shape[-1], "in1_features": shape[-1],
        "in2_features": shape[-1], "input_size": shape[-1],
    }  # fmt: skip
    whole = layer.name.startswith("embedding")
    given = torch.zeros(*shape, dtype=torch.int64 if whole else torch.float32)
    inputs = [given] * (2 if layer.name == "bilinear" else 1)
    if layer.name.startswith("maxunpool"):
        inputs.append(torch.zeros(*shape, dtype=torch.int64))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of settings that torch takes and advises against
            made = module(**{name: value for name, value in inferred.items() if name in own}, **arguments)
            found = made(*inputs)
    except (RuntimeError, ValueError, AssertionError, TypeError):
        return None
    first = found[0] if isinstance(found, tuple) else found
    return tuple(first.shape)
