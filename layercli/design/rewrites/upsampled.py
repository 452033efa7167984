"""A transposed convolution that overlaps unevenly as an upsampling and a convolution."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.design.rewrites.net import Net, Site
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.spread import EVEN, Spread, spreads
from layercli.design.rewrites.write import convolution, sizes, steps, times

_FURTHEST = 8
"""How far from the old kernel a new one is looked for."""


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.said("conv.checkerboard"):
        axes = spreads(site)
        fitted = [_fitted(axis) for axis in axes]
        if axes and all(fitted):
            yield _proposal(site, axes, [found for found in fitted if found])


def _fitted(axis: Spread) -> tuple[int, int] | None:
    """The kernel nearest to the old one, odd before even, with which a padding keeps the size; and that padding.

    The upsampled axis has s*n cells, of which the convolution makes s*n + 2*p - k + 1.
    """
    kernels = range(max(1, axis.k - _FURTHEST), axis.k + _FURTHEST + 1)
    for kernel in sorted(kernels, key=lambda k: (abs(k - axis.k), k % 2 == 0, -k)):
        twice = axis.k - 2 * axis.p + axis.op - axis.s + kernel - 1
        if twice >= 0 and twice % 2 == 0 and twice // 2 < kernel:
            return kernel, twice // 2
    return None


def _proposal(site: Site, axes: list[Spread], fitted: list[tuple[int, int]]) -> Proposal:
    bound = site.bound
    kernel, padding = tuple(k for k, _ in fitted), tuple(p for _, p in fitted)
    scale = tuple(axis.s for axis in axes)
    once = (1,) * len(axes)
    plain = bound._replace(layer=bound.layer._replace(name=f"conv{len(axes)}d"))
    conv = convolution(
        plain, bound.sizes["out"], kernel, stride=once, padding=padding, output_padding=0, dilation=once
    )  # fmt: skip
    return Proposal(
        (Edit(site.op, steps(site.op, (f"upsample scale={sizes(scale)}", conv))),),
        f"upsample {times(scale) if len(set(scale)) > 1 else scale[0]} times to the nearest, then convolve",
        ("another function: new weights",),
        gain=EVEN,
    )


REWRITE = Rewrite(
    "upsample-conv",
    "upsampling and a convolution in place of an uneven transposed one",
    "A transposed convolution whose kernel the stride does not divide becomes an upsampling to the nearest and a "
    "convolution with the kernel nearest in size that gives the same shape. It costs more multiply-adds, which are "
    "told.",
    "Odena et al. 2016, Deconvolution and Checkerboard Artifacts, distill.pub/2016/deconv-checkerboard",
    "convtranspose2d 8 3 s=2 p=1 op=1",
    "convtranspose2d 8 4 s=2 p=1",
    "1,16,8,8",
    _find,
    saves=(),
)
