"""Biases that the norm behind them takes off, left out."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.analysis.rules.wiring import kind
from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import with_key


def _find(net: Net) -> Iterator[Proposal]:
    sites = list(net.said("norm.bias"))
    if not sites:
        return
    norms = [norm for site in sites for row in site.rows if (norm := net.wiring.after(row)) is not None]
    tracks = any(norm.bound.args["track_running_stats"] for norm in norms)
    yield Proposal(
        tuple(Edit(site.op, with_key(site.op, "bias", "false")) for site in sites),
        f"no bias in {len(norms)} layers before norms" if len(norms) > 1 else f"no bias before the {kind(norms[0])}",
        ("copied weights: take the bias off the norm's running_mean",) if tracks else (),
        keeps=("the function: the norm takes the mean off, and the bias is in it",),
        same_function=True,
    )


REWRITE = Rewrite(
    "bias-before-norm",
    "no bias before a norm that takes it off",
    "A convolution or linear layer is read by nothing but a batch or instance norm over its channels, which subtracts "
    "the mean of each, and the bias with it. All such layers of the design together are one rewrite.",
    "Ioffe & Szegedy 2015, Batch Normalization, section 3.2, arxiv.org/abs/1502.03167",
    "conv2d 8 3 | batchnorm2d | relu",
    "conv2d 8 3 bias=false | batchnorm2d | relu",
    "4,3,16,16",
    _find,
    same_field=True,
)
