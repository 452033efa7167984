"""The receptive field of a chain: how much of the input one output cell sees.

size r grows by (k_eff - 1)*S at every layer, with k_eff = d*(k - 1) + 1 and S the product of the strides before;
padding P grows by p*S. Source: "Computing Receptive Fields of Convolutional Neural Networks" (Araujo et al., Distill
2019). A layer that works on each position by itself changes nothing; behind a layer that has no window (a linear
map over everything, a recurrence) the notion ends, and so does the figure.
"""

from typing import NamedTuple

from layercli.analysis.layer import Bound


class Reach(NamedTuple):
    """Along one spatial axis, in cells of the input: extent, distance between neighbours' centres, padding."""

    size: int = 1
    stride: int = 1
    padding: int = 0


Reaches = tuple[Reach, ...] | None
"""Per spatial axis; () before any layer has a window; None where the notion has ended."""


def advance(reaches: Reaches, bound: Bound) -> Reaches:
    """The receptive field after one more layer."""
    windows = bound.layer.window
    if reaches is None or windows is None:
        return None
    if not windows:
        return reaches
    if reaches and len(reaches) != len(windows):
        return None
    sizes, after = bound.sizes, []
    for axis, reach in enumerate(reaches or (Reach(),) * len(windows)):
        kernel, stride, padding, dilation = (
            sizes[f"window.{axis}.{part}"] for part in ("kernel", "stride", "padding", "dilation")
        )
        after.append(
            Reach(
                reach.size + dilation * (kernel - 1) * reach.stride,
                reach.stride * stride,
                reach.padding + padding * reach.stride,
            )
        )
    return tuple(after)
