"""A square kernel as a row and a column."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import convolution, steps


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.of(("conv2d",)):
        bound, axes = site.bound, site.slides
        if len(axes) != 2 or axes[0].k != axes[1].k or axes[0].k < 3:
            continue
        down, along = axes
        out, same = bound.sizes["out"], bound.args["padding"] == "same"
        row = convolution(
            bound, out, (1, along.k), stride=(1, along.s), padding="same" if same else (0, along.p),
            dilation=(1, along.d),
        )  # fmt: skip
        column = convolution(
            bound, out, (down.k, 1), stride=(down.s, 1), padding="same" if same else (down.p, 0),
            dilation=(down.d, 1),
        )  # fmt: skip
        yield Proposal(
            (Edit(site.op, steps(site.op, (row, net.activation(site), column))),),
            f"a 1x{along.k} and a {down.k}x1 in place of a {down.k}x{along.k}",
            ("another function: 1 more nonlinearity, new weights",),
        )


REWRITE = Rewrite(
    "1xk-kx1",
    "a square kernel as a row and a column",
    "A two-dimensional convolution with a square kernel of 3 or more becomes a 1xk and a kx1 with a nonlinearity "
    "between: 2*k weights for each pair of channels in place of k*k, where there are as many filters as channels.",
    "Szegedy et al. 2015 (Inception-v3), section 3.2, arxiv.org/abs/1512.00567",
    "conv2d 64 3 p=1",
    "conv2d 64 3,1 p=1,0",
    "1,64,56,56",
    _find,
    same_field=True,
)
