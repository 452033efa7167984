"""A transposed convolution with a kernel that its stride divides."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.spread import EVEN, Spread, spreads
from layercli.design.rewrites.write import convolution, steps, times


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.said("conv.checkerboard"):
        axes = spreads(site)
        fitted = [_fitted(axis) for axis in axes]
        new = [axis for axis in fitted if axis is not None]
        if not axes or len(new) < len(axes):
            continue
        kernel = tuple(axis.k for axis in new)
        text = convolution(
            site.bound, site.bound.sizes["out"], kernel, padding=tuple(axis.p for axis in new),
            output_padding=tuple(axis.op for axis in new),
        )  # fmt: skip
        yield Proposal(
            (Edit(site.op, steps(site.op, (text,))),),
            f"a kernel of {times(kernel)}, which the stride divides, in place of {times([axis.k for axis in axes])}",
            ("another function: new weights",),
            gain=EVEN,
        )


def _fitted(axis: Spread) -> Spread | None:
    """The nearest kernel that is a multiple of the stride; the smaller of two that are as near where it overlaps.

    The size is (n - 1)*s + k - 2*p + op, so that what the kernel gains the padding takes off. Cells added to the far
    side beyond what the padding took off there would hold nothing but the bias.
    """
    below = axis.k // axis.s * axis.s
    above = -(-axis.k // axis.s) * axis.s
    order = (above, below) if above - axis.k < axis.k - below else (below, above)
    for kernel in order if below >= 2 * axis.s else (above,):
        taken = kernel - axis.k + 2 * axis.p - axis.op
        padding = max(0, -(-taken // 2))
        extra = 2 * padding - taken
        if 0 <= extra < axis.s and extra - padding <= max(0, axis.op - axis.p):
            return Spread(kernel, axis.s, padding, extra)
    return None


REWRITE = Rewrite(
    "divisible-kernel",
    "a transposed convolution that overlaps evenly",
    "A transposed convolution whose kernel the stride does not divide gets the nearest kernel that it divides, and "
    "the padding with which the shape stays.",
    "Odena et al. 2016, Deconvolution and Checkerboard Artifacts, distill.pub/2016/deconv-checkerboard",
    "convtranspose2d 8 3 s=2 p=1 op=1",
    "convtranspose2d 8 4 s=2 p=1",
    "1,16,8,8",
    _find,
    saves=(),
)
