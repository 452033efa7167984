"""A 1x1 convolution moved to the side of a resampling where there are fewer cells."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.analysis.rows import Row
from layercli.analysis.rules.wiring import kind
from layercli.design.rewrites.net import Net, Site
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import chain_of, fed_alike

_SAMPLERS = ("upsample", "upsamplingnearest2d", "upsamplingbilinear2d")


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.said("conv.order"):
        pairs = [_pair(net, row) for row in site.rows]
        first, then = ({id(step): step for step in found}.values() for found in zip(*pairs))
        if None in (*first, *then) or len(first) > 1 or len(then) > 1:
            continue
        (one,), (other,) = first, then
        if one is None or other is None or one is other or len(one.rows) != len(site.rows):
            continue
        conv, moved = (one, other) if site is one else (other, one)
        where = "behind" if conv is one else "before"
        yield Proposal(
            (
                Edit(one.op, chain_of(fed_alike(other.op, one.op))),
                Edit(other.op, chain_of(fed_alike(one.op, other.op))),
            ),
            f"the 1x1 convolution {where} the {kind(moved.rows[0])}",
            ("rounding: the sums are taken in another order",),
            keeps=("the function and its weights",),
            same_function=True,
        )


def _pair(net: Net, row: Row) -> tuple[Site | None, Site | None]:
    """The convolution and what it changes places with, in the order in which they stand."""
    before = net.wiring.before(row)
    if before is not None and kind(before) in _SAMPLERS and net.wiring.after(before) is row:
        return net.at(before), net.at(row)
    behind = net.wiring.after(row)
    return net.at(row), net.at(behind) if behind is not None else None


REWRITE = Rewrite(
    "1x1-order",
    "a 1x1 convolution where there are fewer cells",
    "A 1x1 convolution behind an upsampling, or before an average pool, changes places with it. Both work on each "
    "channel by itself with weights that add up to one, so that the same numbers come out.",
    "the arithmetic of the note conv.order: layercli explain conv.order",
    "upsample scale=2 | conv2d 8 1",
    "conv2d 8 1 | upsample scale=2",
    "1,16,8,8",
    _find,
    same_field=True,
)
