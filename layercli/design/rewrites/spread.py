"""A transposed convolution along its axes, as its rewrites look at it."""

from __future__ import annotations

from typing import NamedTuple

from layercli.design.rewrites.net import Site

EVEN = "no checkerboard: away from the border an output cell is the sum of as many products as its neighbours"


class Spread(NamedTuple):
    """Kernel, stride, padding and output padding along one axis."""

    k: int
    s: int
    p: int
    op: int


def spreads(site: Site) -> list[Spread]:
    """Each axis; none where a dilation spreads the taps too, or the call asks for a size."""
    args, bound = site.bound.args, site.bound
    if any(rate > 1 for rate in args["dilation"]) or bound.inputs.get("output_size") is not None:
        return []
    listed = (args["kernel_size"], args["stride"], args["padding"], args["output_padding"])
    return [Spread(*axis) for axis in zip(*listed)]
