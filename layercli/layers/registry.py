"""Finding a layer by any of its names. Only the one file of its family is built."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterable
from functools import cache

from layercli.layers.definition import Layer
from layercli.layers.index import ALIASES, FAMILIES

_MODULE = {torch.lower(): module for module, (_, classes) in FAMILIES.items() for torch in classes}


@cache
def _family(module: str) -> dict[str, Layer]:
    collecting = gc.isenabled()
    gc.disable()  # formulas are trees: the collector would walk thousands of nodes and find nothing to free
    try:
        layers: Iterable[Layer] = importlib.import_module(f"layercli.layers.{module}").layers()
        return {layer.name: layer for layer in layers}
    finally:
        if collecting:
            gc.enable()


def known_names() -> tuple[str, ...]:
    """Every layer's name, family by family."""
    return tuple(name for names in families().values() for name in names)


def families() -> dict[str, tuple[str, ...]]:
    """The layers' names by the name of their family."""
    named: dict[str, tuple[str, ...]] = {}
    for title, classes in FAMILIES.values():
        named[title] = (*named.get(title, ()), *(torch.lower() for torch in classes))
    return named


def find(name: str) -> Layer | None:
    """The layer of this name or alias; only the file that defines it is built."""
    name = ALIASES.get(name, name)
    module = _MODULE.get(name)
    return None if module is None else _family(module)[name]


def find_torch(torch: str) -> Layer | None:
    """The layer of this torch class, spelled as torch spells it."""
    layer = find(torch.lower())
    return layer if layer is not None and layer.torch == torch else None


CALLED = {
    "linear": "dense fc fullyconnected affine",
    "conv2d": "convolution convolution2d depthwiseconv2d separableconv2d",
    "convtranspose2d": "deconv deconv2d conv2dtranspose transposedconv upconv",
    "maxpool2d": "pooling maxpooling maxpooling2d", "avgpool2d": "averagepooling averagepooling2d",
    "adaptiveavgpool1d": "globalaveragepooling1d globalavgpool1d",
    "adaptiveavgpool2d": "gap globalaveragepooling2d globalavgpool2d globalaveragepooling globalavgpool",
    "adaptivemaxpool2d": "gmp globalmaxpooling2d globalmaxpool2d globalmaxpooling globalmaxpool",
    "batchnorm2d": "bn bn2d spatialbatchnorm", "batchnorm1d": "bn1d", "batchnorm3d": "bn3d",
    "layernorm": "ln layernormalization", "groupnorm": "gn groupnormalization", "instancenorm2d": "in2d",
    "upsample": "interpolate upsampling2d resize", "zeropad2d": "zeropadding2d zeropadding",
    "multiheadattention": "attention selfattention sdpa scaleddotproductattention msa",
    "crossentropyloss": "ce crossentropy", "bceloss": "bce binarycrossentropy", "mseloss": "mse l2loss",
    "leakyrelu": "lrelu", "hardswish": "hswish", "hardsigmoid": "hsigmoid",
    "reshape": "view", "cat": "concat concatenate", "add": "residual skip shortcut plus",
    "mul": "multiply times gate",
    "sub": "subtract minus", "permute": "swapaxes rearrange", "select": "last", "mean": "avg average",
    "narrow": "slice", "chunk": "split", "param": "parameter", "identity": "noop",
}  # fmt: skip
"""What people and other frameworks call some layers."""

_MEANT = {name: layer for layer, names in CALLED.items() for name in names.split()}


def suggest(name: str, candidates: Iterable[str] | None = None) -> tuple[str, ...]:
    """Names that a person who typed this may have meant, the nearest first.

    Without ``candidates`` layers are meant: those that begin like it, else those very near, because another layer in
    place of a missing one is another net.
    """
    from difflib import SequenceMatcher, get_close_matches

    typed = name.lower().strip("-")
    if candidates is None:
        typed = typed.replace("_", "")
        if typed in _MEANT:
            return (_MEANT[typed],)
        begun = tuple(layer for layer in _MODULE if layer.startswith(typed) and len(typed) > 2)
        near = get_close_matches(typed, _MODULE, n=3, cutoff=0.82)
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
