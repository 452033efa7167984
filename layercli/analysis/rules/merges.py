"""The rule on branches of unequal rank: aligned at their last axes, the batch of one may meet another axis."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from layercli.analysis.axes import identity
from layercli.analysis.flow import Flow
from layercli.analysis.intervals import ITSELF
from layercli.analysis.receptive import CONSTANT, START
from layercli.analysis.rows import Row
from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.sliding import typed
from layercli.analysis.rules.wiring import ELEMENTWISE, Wiring
from layercli.plan import Ref

_Branch = tuple[tuple[int, ...], set[int]]
"""The shape of a tensor, and the axes of the net's first input that its first axis is, place by place."""


def _ranks(net: Wiring) -> Iterator[Finding]:
    for row in net.of(ELEMENTWISE):
        branches = sorted(_branches(net, row), key=lambda branch: len(branch[0]))
        for (small, its), (large, other) in combinations(branches, 2):
            missing = len(large) - len(small)
            # one cell there is an axis that was put there: every sample is compared with all others
            if len(small) < 2 or not missing or not its & other or large[missing] == 1:
                continue
            message = f"{typed(small)} is laid on the last axes of {typed(large)}: "
            message += f"axis 0, the same in both, meets axis {missing}"
            yield Finding(row, message, _fix(small, large))
            break


def _branches(net: Wiring, row: Row) -> Iterator[_Branch]:
    for name, ref in net.named(row):
        flow = row.bound.inputs.get(name)
        if isinstance(flow, Flow):
            yield flow.shape, _first_axis(net, ref, flow.shape)


def _first_axis(net: Wiring, ref: Ref, shape: tuple[int, ...]) -> set[int]:
    """Which axes of the first input this tensor's first one is; none of a learned tensor or a further input."""
    if ref.call is not None and any(ref.path):
        return set()
    field = START if ref == Ref(None, (0,)) else CONSTANT if ref.call is None else net.rows[ref.call].reach
    axes = identity(shape) if field.fresh else field.axes or ()
    return {source for source, axis in enumerate(axes) if axis.dim == 0 and axis.cells == ITSELF and not axis.beside}


def _fix(small: tuple[int, ...], large: tuple[int, ...]) -> str:
    missing = len(large) - len(small)
    behind, before = (_fits(small[1:], part) for part in (large[1 : len(small)], large[missing + 1 :]))
    if behind and (len(large) > 3 or not before):
        return f"end the branch with unflatten -1 {typed((small[-1], *[1] * missing))}, or reduce with keepdim=true"
    if before and not behind:
        return f"end the branch with {' | '.join(['unsqueeze 1'] * missing)}, or reduce with keepdim=true"
    return "reduce with keepdim=true, or put axes of one cell where they are missing with unflatten"


def _fits(small: tuple[int, ...], part: tuple[int, ...]) -> bool:
    return all(mine in (1, theirs) for mine, theirs in zip(small, part))


RULES = (
    Rule(
        "merge.ranks",
        "a merge that lays the batch on another axis",
        "Branches of unequal rank are merged number by number, and both begin with the same axis, the batch. Shapes "
        "are aligned at their last axes, so that the batch of the smaller one meets another axis of the larger.",
        "It goes through where the sizes happen to agree, or with a batch of one: samples and cells are mixed up, and "
        "another batch size is refused.",
        "Keep the axes that are reduced with keepdim=true, or put axes of one cell back with unflatten or unsqueeze.",
        "input 16,16,16,16 | mul( ; mean 2,3 | linear 4 | relu | linear 16 | sigmoid)",
        "input 16,16,16,16 | mul( ; mean 2,3 | linear 4 | relu | linear 16 | sigmoid | unflatten -1 16,1,1)",
        "docs.pytorch.org Broadcasting semantics: starting at the trailing dimension",
        check=_ranks,
    ),
)
