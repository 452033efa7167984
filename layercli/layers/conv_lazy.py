"""The lazy classes of the convolutions: what is asked of the channels is asked of the first input."""

from __future__ import annotations

from layercli.formula import Expr
from layercli.layers.conv import BIAS, EAGER, FILTERS, GROUPS, OUT_DIVIDES, along, conv, divides, image
from layercli.layers.conv_transpose import convtranspose
from layercli.layers.definition import Layer, Need, lazy
from layercli.layers.vocabulary import SPATIAL, C

FAMILY = "convolution"

_IN_DIVIDES = divides(C, "channels of the input")


def _lazily(layer: Layer, begin: tuple[Need, ...]) -> Layer:
    return lazy(layer, "in_channels")._replace(
        rules=begin + layer.rules[len(EAGER) :],
        prose="Which channels come in need not be said: the first call makes the weights for those of its input. "
        f"Otherwise, and in its shape, it is {layer.name}.",
    )


def lazyconv(rank: int) -> Layer:
    """A convolution whose groups are held against the filters by the call, not by the constructor."""
    return _lazily(conv(rank), (_IN_DIVIDES, OUT_DIVIDES))


def lazyconvtranspose(rank: int) -> Layer:
    """A transposed convolution. Filters that its groups do not divide are fewer, unless a bias is held against them."""
    filters: Expr = FILTERS // GROUPS * GROUPS
    begin = (_IN_DIVIDES, divides(FILTERS, "output channels", where=BIAS))
    return _lazily(convtranspose(rank), begin)._replace(outputs=image(filters, tuple(map(along, SPATIAL[rank]))))


def layers() -> tuple[Layer, ...]:
    """The family."""
    return tuple(make(rank) for make in (lazyconv, lazyconvtranspose) for rank in (1, 2, 3))
