"""A convolution as one over each channel by itself, and a 1x1 over the channels."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from layercli.analysis.rules.wiring import CONVS
from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import convolution, steps, times


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.of(CONVS):
        bound, axes = site.bound, site.slides
        kernel = tuple(axis.k for axis in axes)
        if bound.sizes["g"] != 1 or prod(kernel) == 1 or min(row.bound.sizes["C"] for row in site.rows) < 2:
            continue
        inside = site.alike(lambda row: row.bound.sizes["C"]) or "in"
        once = (1,) * len(axes)
        # a bias of each channel would come out of the 1x1 as one of each filter, which that has itself
        each = convolution(bound, inside, kernel, groups=inside, bias=False)
        across = convolution(
            bound, bound.sizes["out"], once, stride=once, padding=0, dilation=once, padding_mode="zeros"
        )  # fmt: skip
        yield Proposal(
            (Edit(site.op, steps(site.op, (each, across))),),
            f"a {times(kernel)} over each channel by itself, then a {times(once)} over the channels",
            ("another function: all filters of a channel share one kernel; new weights",),
        )


REWRITE = Rewrite(
    "depthwise-separable",
    "channels and cells apart",
    "A convolution without groups becomes a depthwise one, which has one filter for each channel, and a 1x1 that "
    "mixes the channels. Nothing stands between the two: Xception was better without.",
    "Howard et al. 2017 (MobileNets), arxiv.org/abs/1704.04861; Chollet 2016 (Xception), section 4.7, "
    "arxiv.org/abs/1610.02357",
    "conv2d 64 3 p=1",
    "conv2d 64 3 p=1 g=64",
    "1,64,56,56",
    _find,
    same_field=True,
)
