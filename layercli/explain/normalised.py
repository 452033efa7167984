"""Norms: which numbers share a mean and a variance, and what becomes of such numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from layercli.explain.diagram import Above, Diagram, Grid, Nothing
from layercli.explain.figures import empty, explained, mean, said, table, variance
from layercli.explain.normalised_groups import Groups, compared, drawn, groups, running
from layercli.explain.subject import Subject

VALUES = (8.0, 2.0, 7.0, 4.0, 4.0, 5.0)
"""The numbers of the example: mean 5, deviation 2."""
_LEFT = (4.0, 9.0)
"""Running mean and variance as training may leave them."""
_KEY = {"one": "a group: one mean, one variance", "two": "a second group", "three": "a third"}
_RMS_KEY = {**_KEY, "one": "a group: one root mean square"}


def draw(subject: Subject) -> Diagram | Nothing:
    """The groups of this layer, those of its relatives, and one group before and after."""
    if empty(subject.fed.shape):
        return Nothing("the input has no numbers: there is nothing to normalise")
    made = groups(subject)
    rooted = subject.layer.name == "rmsnorm"
    block = drawn(made, "a root mean square" if rooted else "a mean and a variance")
    picture = Above((block, _example(subject, made), compared(subject.layer.name)))
    return explained(picture, _RMS_KEY if rooted else _KEY)


def _example(subject: Subject, made: Groups) -> Grid:
    """Some numbers before and after."""
    values = VALUES[: made.size]
    if subject.layer.name == "rmsnorm":
        found = _by_root(subject, values)
    elif running(subject):
        found = _by_running(subject, values)
    else:
        found = _by_own(subject, values)
    if made.size == len(values) or running(subject):
        return found
    return found._replace(note=f"{len(values)} of {made.size} numbers, as if they were all: {found.note}")


def root(value: float) -> float:
    """A square root, nan where there is none."""
    return math.sqrt(value) if value >= 0 else math.nan


def _over(value: float, divisor: float) -> float:
    return value / divisor if divisor else math.nan if not value else math.copysign(math.inf, value)


def _by_own(subject: Subject, values: Sequence[float]) -> Grid:
    """By the mean and the variance of the numbers themselves."""
    middle, spread, eps = mean(values), variance(values), subject.args["eps"]
    divisor = root(spread + eps)
    centred = [value - middle for value in values]
    after = [_over(value, divisor) for value in centred]
    left = ("x", f"x - {said(middle)}", f"/ {said(divisor)}")
    after_that = f"mean {said(round(mean(after), 12))} and deviation {said(root(variance(after)))} come out"
    note = (
        f"mean {said(middle)}, variance {said(spread)}, divisor sqrt({said(spread)} + {said(eps)}) = {said(divisor)}; "
        f"{'; '.join((after_that, _learned(subject), *_tracked(subject, values)))}"
    )
    return table([values, centred, after], "a group before and after", left=left, note=note)


def _by_running(subject: Subject, values: Sequence[float]) -> Grid:
    """By what training has left: nothing, and an example."""
    eps = subject.args["eps"]
    fresh, left = ([_over(value - m, root(v + eps)) for value in values] for m, v in ((0.0, 1.0), _LEFT))
    names = ("x", "by 0 and 1", f"by {said(_LEFT[0])} and {said(_LEFT[1])}")
    note = (
        "in eval mode the mean and variance are the running ones of the channel, kept from training, whatever the "
        f"input: 0 and 1 in a new layer, say {said(_LEFT[0])} and {said(_LEFT[1])} in a trained one; eps {said(eps)} "
        f"is added to the variance; {_learned(subject)}"
    )
    return table([values, fresh, left], "numbers of a channel before and after", left=names, note=note)


def _by_root(subject: Subject, values: Sequence[float]) -> Grid:
    """By the root of the mean square; the mean stays."""
    square, eps = mean([value * value for value in values]), subject.args["eps"]
    added = _epsilon(subject.fed.dtype) if eps is None else eps
    divisor = root(square + added)
    after = [_over(value, divisor) for value in values]
    of = " (the dtype's epsilon)" if eps is None else ""
    note = (
        f"mean square {said(square)}, divisor sqrt({said(square)} + {said(added)}{of}) = {said(divisor)}; out come "
        f"root mean square {said(root(mean([value * value for value in after])))}, mean {said(mean(after))}, "
        f"since no mean is taken off; {_learned(subject)}"
    )
    return table([values, after], "a group before and after", left=("x", f"/ {said(divisor)}"), note=note)


def _epsilon(dtype: str) -> float:
    """The epsilon that torch takes: half precision is computed in float32."""
    return 2.220446049250313e-16 if dtype in ("float64", "complex128") else 1.1920928955078125e-07


def _learned(subject: Subject) -> str:
    args = subject.args
    if not args.get("affine", args.get("elementwise_affine")):
        return "no weight and no bias follow"
    if args.get("bias"):
        return "weight and bias follow, 1 and 0 at first: before training no more happens"
    return "a weight follows, 1 at first: before training no more happens"


def _tracked(subject: Subject, values: Sequence[float]) -> Iterator[str]:
    """How the running statistics move, in train mode."""
    args = subject.args
    if not args.get("track_running_stats"):
        return
    share = 1.0 if args["momentum"] is None else args["momentum"]
    whole = variance(values) * len(values) / (len(values) - 1) if len(values) > 1 else math.nan
    moved = (1 - share) * 0 + share * mean(values), (1 - share) * 1 + share * whole
    yield (
        f"the running mean moves from 0 to {said(moved[0])}, the running variance from 1 to {said(moved[1])}: "
        f"{said(share)} of the way, to a variance divided by one less ({said(whole)})"
    )
