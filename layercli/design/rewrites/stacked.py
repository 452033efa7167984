"""A large kernel as 3x3 convolutions one after another, which read the same cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from layercli.analysis.rules.sliding import Slide
from layercli.analysis.rules.wiring import CONVS
from layercli.design.rewrites.net import Net, Site
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import convolution, steps, times

LONGEST = 9
"""Convolutions that one is taken apart into, at the most."""
_WIDEST_STRIDE = 3
"""A stride that a kernel of 3 reads every cell at."""


class _Part(NamedTuple):
    """One of the stacked convolutions along one axis."""

    k: int = 1
    p: int = 0
    s: int = 1


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.of(CONVS):
        axes = site.slides
        if not axes or max(axis.k for axis in axes) < 5 or any(axis.d > 1 for axis in axes):
            continue
        parts = _first(axes) or _last(axes)
        if parts is not None:
            yield _proposal(net, site, axes, parts)


def _first(axes: list[Slide]) -> list[list[_Part]] | None:
    """The stride in the first, which leaves the others a small map; by axis. None where the sizes do not come out.

    A later 3 reads 2*s cells more: 3 + 2*s*(n - 1) cells in all, and its padding counts s times.
    """
    found = []
    for axis in axes:
        more, uneven = divmod(axis.k - 3, 2 * axis.s) if axis.k > 3 else (0, 0)
        fitting = [p for p in (1, 0) if p <= axis.p and (axis.p - p) % axis.s == 0 and p < axis.k]
        if uneven or not fitting or axis.s > _WIDEST_STRIDE or axis.k == 2:
            return None
        near = fitting[0]
        padded = (axis.p - near) // axis.s
        if padded > more:
            return None
        parts = [_Part(min(axis.k, 3), near, axis.s), *(_Part(3, int(place < padded)) for place in range(more))]
        found.append(parts)
    return _level(found)


def _last(axes: list[Slide]) -> list[list[_Part]] | None:
    """The stride in the last, by axis: 1 + 2*n cells in all."""
    found = []
    for axis in axes:
        count = (axis.k - 1) // 2
        if axis.k % 2 == 0 or axis.p > count:
            return None
        found.append([_Part(3, int(place < axis.p)) for place in range(count)])
    level = _level(found)
    if level is None:
        return None
    return [[*parts[:-1], parts[-1]._replace(s=axis.s)] for axis, parts in zip(axes, level)]


def _level(found: list[list[_Part]]) -> list[list[_Part]] | None:
    longest = max(map(len, found))
    if not 1 < longest <= LONGEST:
        return None
    return [[*parts, *[_Part()] * (longest - len(parts))] for parts in found]


def _proposal(net: Net, site: Site, axes: list[Slide], parts: list[list[_Part]]) -> Proposal:
    bound, between = site.bound, net.activation(site)
    out, same = bound.sizes["out"], bound.args["padding"] == "same"
    texts: list[str] = []
    for stage in zip(*parts):
        padding = "same" if same else tuple(part.p for part in stage)
        kernel, stride = tuple(part.k for part in stage), tuple(part.s for part in stage)
        texts += [between, convolution(bound, out, kernel, stride=stride, padding=padding)]
    count = len(parts[0])
    loses = [f"another function: {count - 1} more {'nonlinearity' if count == 2 else 'nonlinearities'}, new weights"]
    if any(axis.p for axis in axes):
        loses.append("at the border: what lies between is padded too")
    title = f"{count} convolutions of {times([part.k for part in next(zip(*parts))])} in place of one of "
    return Proposal((Edit(site.op, steps(site.op, texts[1:])),), title + times([axis.k for axis in axes]), tuple(loses))


REWRITE = Rewrite(
    "stacked-3x3",
    "a large kernel as a stack of 3x3",
    "A convolution with an odd kernel of 5 or more becomes convolutions of 3 with a nonlinearity between each two. "
    "Where it strides, one of them does: the first where that comes out exactly, else the last.",
    "Simonyan & Zisserman 2014 (VGG), section 2.3, arxiv.org/abs/1409.1556",
    "conv2d 64 7 p=3",
    "conv2d 64 3 p=1",
    "1,64,56,56",
    _find,
    same_field=True,
)
