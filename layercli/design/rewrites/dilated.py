"""A large kernel as a 3x3 with gaps."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from layercli.analysis.rules.wiring import CONVS
from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import convolution, steps, times


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.of(CONVS):
        axes = site.slides
        large = [axis.k >= 5 and axis.k % 2 == 1 for axis in axes]
        if not any(large) or any(axis.d > 1 for axis in axes):
            continue
        kernel = tuple(3 if wide else axis.k for wide, axis in zip(large, axes))
        dilation = tuple((axis.k - 1) // 2 if wide else 1 for wide, axis in zip(large, axes))
        new = convolution(site.bound, site.bound.sizes["out"], kernel, dilation=dilation)
        before, cells = times([axis.k for axis in axes]), prod(axis.k for axis in axes)
        rate = str(max(dilation)) if all(large) else times(dilation)
        yield Proposal(
            (Edit(site.op, steps(site.op, (new,))),),
            f"a {times(kernel)} with dilation {rate} in place of a {before}",
            (f"another function: it reads {prod(kernel)} of the {cells} cells under the window; new weights",),
        )


REWRITE = Rewrite(
    "dilated",
    "a large kernel as a 3x3 with gaps",
    "A convolution with an odd kernel of 5 or more becomes one of 3 whose dilation spreads it as far. It is left out "
    "where stride or neighbours would leave cells that nothing reads.",
    "Yu & Koltun 2015, Multi-Scale Context Aggregation by Dilated Convolutions, arxiv.org/abs/1511.07122",
    "conv2d 64 7 p=3",
    "conv2d 64 7 s=3 p=3",
    "1,64,56,56",
    _find,
    same_field=True,
)
