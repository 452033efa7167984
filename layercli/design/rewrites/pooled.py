"""The mean over all cells before a linear layer that has weights for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from layercli.analysis.rules.wiring import ACTIVATIONS, ALPHA_DROPOUTS, AVERAGES, DROPOUTS, IDENTITY, fed, kind
from layercli.design.rewrites.net import Net, Site
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import chain_of, steps, text, without_keys

_CELL_BY_CELL = IDENTITY | DROPOUTS | ALPHA_DROPOUTS | ACTIVATIONS


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.of(("flatten",)):
        row = site.rows[0]
        linear = net.wiring.after(row, _CELL_BY_CELL)
        shape, labels = fed(row).shape, row.bound.labels.get("input", ())
        rank, last = len(shape) - 2, row.bound.args["end_dim"] in (-1, len(shape) - 1)
        if len(site.rows) > 1 or linear is None or kind(linear) != "linear" or labels[:2] != ("N", "C"):
            continue
        reader = net.at(linear)
        if reader is None or row.bound.args["start_dim"] != 1 or not last or not 1 <= rank <= 3:
            continue
        if linear.bound.sizes["F"] != prod(shape[1:]) or prod(shape[2:]) < 2:
            continue
        features = without_keys(reader.op, ("in_features",))
        edits = [_averaging(net, site, rank)]
        edits += [Edit(reader.op, chain_of(features))] if features != reader.op else []
        cells = "x".join(map(str, shape[2:]))
        yield Proposal(
            tuple(edits),
            f"the mean over {cells} cells before the flatten: {shape[1]:,} features in place of {prod(shape[1:]):,}",
            ("another function: where on the map something stood is lost; new weights",),
            gain="it takes maps of any size",
        )


def _averaging(net: Net, site: Site, rank: int) -> Edit:
    """The pool put before the flatten, or in the place of one that averages already."""
    before = net.wiring.before(site.rows[0])
    pool = net.at(before) if before is not None else None
    single = f"adaptiveavgpool{rank}d 1"
    averages = {f"adaptiveavgpool{rank}d"} | (AVERAGES & {f"avgpool{rank}d"})
    if before is not None and pool is not None and kind(before) in averages and len(pool.rows) == 1:
        follower = net.wiring.after(before)
        if follower is site.rows[0]:
            return Edit(pool.op, steps(pool.op, (single,)))
    return Edit(site.op, steps(site.op, (single, text(site.op._replace(references=())))))


REWRITE = Rewrite(
    "global-average-pool",
    "the mean of each channel before a linear layer",
    "A flattened map goes to a linear layer, which has weights for every cell of it. The mean over all cells leaves "
    "one feature for each channel; an average pool that stands there already gives way to it.",
    "Lin et al. 2013, Network In Network, section 3.2, arxiv.org/abs/1312.4400",
    "conv2d 16 3 | relu | flatten | linear 10",
    "conv2d 16 3 | relu | adaptiveavgpool2d 1 | flatten | linear 10",
    "1,3,32,32",
    _find,
)
