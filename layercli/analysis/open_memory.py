"""The account of memory on sizes left open: closed forms where one holds for all sizes, else unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from layercli.analysis.memory import Memory, Peak, memory
from layercli.analysis.symbolic import Sample, Symbolic, number
from layercli.formula.guards import Guard, Tracer
from layercli.formula.polynomial import Polynomial
from layercli.formula.polynomial import number as polynomial
from layercli.formula.region import holds
from layercli.formula.symbolic import SymInt


class _Larger:
    """Which of two closed forms is larger, whatever the sizes; where that hangs on them it is noted."""

    def __init__(self) -> None:
        self.open = False

    def __call__(self, one: int, two: int) -> bool:
        difference = (_closed(one) - _closed(two)).expanded()
        signs = {count > 0 for count in difference.terms.values()}
        if len(signs) > 1:
            self.open = True
        return True in signs


def _closed(value: Any) -> Polynomial:
    return value.closed if isinstance(value, SymInt) else polynomial(value)


def account(analysis: Any, optimizer: str) -> Memory | None:
    """The account of memory in closed forms; None where what is kept hangs on sizes, such as a batch of one.

    What is alive at most is unknown where it hangs on the sizes which moment is the fullest.
    """
    symbolic: Symbolic = analysis.symbolic
    larger = _Larger()
    with Tracer() as tracer:
        found = memory(analysis, optimizer, (), larger)
    if larger.open:
        found = found._replace(largest=Peak(None, None), inference_peak=Peak(None, None))
    for sample in (*symbolic.samples, *_elsewhere(symbolic, tracer.guards)):
        pairs = zip(found.figures(), memory(sample.analysis, optimizer).figures())
        if any(ours.size is not None and number(ours.size, sample.sizes) != there.size for ours, there in pairs):
            return None
    return found


NEAR = 12
"""How far sizes are tried for a point at which a comparison comes out otherwise."""
ELSEWHERE = 6


def _elsewhere(symbolic: Symbolic, assumed: Sequence[Guard]) -> Iterator[Sample]:
    """Legal sizes at which comparisons come out otherwise than they did for the account: a batch of one, small maps."""
    open_ones = [guard for guard in assumed if guard.decided() is None]
    if not symbolic.samples or symbolic.again is None:
        return
    base = symbolic.samples[-1].sizes
    points = [{**base, name: size} for name in base for size in range(1, NEAR)]
    points += [{**dict.fromkeys(base, size), **one} for size in range(1, NEAR) for one in ({}, {next(iter(base)): 1})]
    found = 0
    for point in points:
        if found == ELSEWHERE or not open_ones:
            return
        left = [guard for guard in open_ones if holds((guard,), point)]
        if len(left) < len(open_ones) and holds(symbolic.guards, point):
            open_ones, found = left, found + 1
            analysis = symbolic.again(point)
            if analysis.error is None:
                yield Sample(point, analysis)
