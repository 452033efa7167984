"""Two linear layers with nothing between as the one that they are."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import steps
from layercli.spec import Chain


def _find(net: Net) -> Iterator[Proposal]:
    for site in net.said("linear.twice"):
        before = [net.wiring.before(row) for row in site.rows]
        firsts = {id(found): found for row in before if row is not None and (found := net.at(row)) is not None}
        if len(firsts) != 1 or len(site.rows) != len(next(iter(firsts.values())).rows):
            continue
        first = next(iter(firsts.values()))
        if first is site:
            continue
        hidden, out = first.bound.sizes["out"], site.bound.sizes["out"]
        bias = first.bound.args["bias"] or site.bound.args["bias"]
        text = f"linear {out}" + ("" if bias else " bias=false")
        yield Proposal(
            (Edit(first.op, Chain((), first.op.span)), Edit(site.op, steps(site.op, (text,)))),
            f"one linear layer in place of two with {hidden:,} features between",
            ("in training: a product of two matrices takes other steps than one matrix",),
            keeps=("the functions that can be had: its weights are the product of both",),
            same_function=True,
        )


REWRITE = Rewrite(
    "merged-linear",
    "two linear layers as one",
    "A linear layer is fed what another one gives, with nothing between, and the first is not narrower than both "
    "ends: the product of their weights is the weight of one.",
    "Goodfellow et al. 2016, Deep Learning, section 6.1, deeplearningbook.org",
    "linear 64 | linear 10",
    "linear 64 | relu | linear 10",
    "8,32",
    _find,
    same_field=True,
)
