"""Steps that change nothing, left out."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.analysis.rules.wiring import kind
from layercli.design.rewrites.net import Net
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.spec import Chain

_SAID = {
    "pool.no-effect": "a window of one cell",
    "activation.no-effect": "it changes nothing: ",
    "dropout.no-effect": "p=0 ",
}
"""By note: how it begins of a step that hands its input on; some give 0, or make the step before them idle."""


def _find(net: Net) -> Iterator[Proposal]:
    for code, begins in _SAID.items():
        for site in net.said(code, begins):
            yield Proposal(
                (Edit(site.op, Chain((), site.op.span)),),
                f"the {kind(site.rows[0])} left out: it gives what it is fed",
                keeps=("the function",),
                same_function=True,
            )


REWRITE = Rewrite(
    "no-effect",
    "a step that changes nothing",
    "A pool of one cell, an activation that its input never leaves the straight part of, or a dropout with p=0 is "
    "left out.",
    "the arithmetic of the notes pool.no-effect, activation.no-effect and dropout.no-effect",
    "conv2d 8 3 | relu | relu",
    "conv2d 8 3 | relu",
    "1,3,16,16",
    _find,
    same_field=True,
    saves=("memory", "inference_memory"),
)
