"""Between which numbers a tensor lies, as far as the layers before it say: arithmetic on intervals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import inf
from typing import NamedTuple, TypeAlias

from layercli.analysis.rows import Row
from layercli.analysis.rules.wiring import (
    ADAPTIVE,
    AVERAGES,
    BATCH_NORMS,
    CONVS,
    INSTANCE_NORMS,
    TRANSPOSED,
    Wiring,
    kind,
    ranks,
    words,
)
from layercli.plan import Ref


class Range(NamedTuple):
    """From the least to the largest number that can come."""

    low: float
    high: float

    def within(self, low: float, high: float) -> bool:
        """Whether nothing outside of these two can come."""
        return low <= self.low and self.high <= high

    @property
    def width(self) -> float:
        """Between the two ends."""
        return self.high - self.low


Known: TypeAlias = Range | None
"""None where the layers do not say."""

ANY = Range(-inf, inf)

_FIXED = {
    "relu": Range(0, inf), "relu6": Range(0, 6), "sigmoid": Range(0, 1), "hardsigmoid": Range(0, 1),
    "tanh": Range(-1, 1), "softsign": Range(-1, 1), "softplus": Range(0, inf), "softmax": Range(0, 1),
    "softmin": Range(0, 1), "softmax2d": Range(0, 1), "logsoftmax": Range(-inf, 0), "logsigmoid": Range(-inf, 0),
}  # fmt: skip
_RAW = (
    CONVS | TRANSPOSED | BATCH_NORMS | INSTANCE_NORMS
    | {"linear", "bilinear", "layernorm", "rmsnorm", "groupnorm", "embedding", "multiheadattention"}
)  # fmt: skip
"""What can give any number, by its weights or by what it is fed."""
_SAME = (
    ADAPTIVE | ranks("maxpool", "fractionalmaxpool", "reflectionpad", "replicationpad", "circularpad")
    | words(
        "identity flatten unflatten reshape permute transpose squeeze unsqueeze select narrow chunk expand pick mean "
        "amax crop pixelshuffle pixelunshuffle channelshuffle upsamplingnearest2d upsamplingbilinear2d"
    )
)  # fmt: skip
"""What gives numbers that lie between those it is fed."""
_OR_ZERO = AVERAGES | ranks("zeropad", "maxunpool")
"""What gives zeros besides."""
_DROPS = ranks("dropout") | {"dropout"}


def range_of(net: Wiring, ref: Ref | None) -> Known:
    """Between which numbers this tensor lies."""
    return _Ranges(net).of(ref)


class _Ranges:
    def __init__(self, net: Wiring) -> None:
        self.net = net
        self.found: dict[int, Known] = net.ranges

    def of(self, ref: Ref | None) -> Known:
        """See :func:`range_of`; rows are gone through without recursion, since a design may be long."""
        if ref is None or ref.call is None or any(ref.path):
            return None
        waiting = [ref.call]
        while waiting:
            number = waiting[-1]
            if number in self.found:
                waiting.pop()
                continue
            row = self.net.rows[number]
            refs = self.net.feeds(row) if kind(row) not in _FIXED and kind(row) not in _RAW else ()
            missing = [one.call for one in refs if one.call is not None and one.call not in self.found]
            if missing:
                waiting += missing
                continue
            self.found[number] = after(row, [self._known(one) for one in refs])
            waiting.pop()
        return self.found[ref.call]

    def _known(self, ref: Ref) -> Known:
        return None if ref.call is None or any(ref.path) else self.found[ref.call]


def after(row: Row, before: Sequence[Known]) -> Known:
    """Between which numbers the output lies, from those of the inputs."""
    name, args = kind(row), row.bound.args
    if name in _FIXED or name in _RAW:
        return _FIXED.get(name, ANY)
    if name == "hardtanh":
        return Range(float(args["min_val"]), float(args["max_val"]))
    known = [found for found in before if found is not None]
    if len(known) < len(before) or not known:
        return None
    first = known[0]
    if name in _SAME or (name == "upsample" and args.get("mode") != "bicubic"):
        return first
    if name in _OR_ZERO:
        return Range(min(0.0, first.low), max(0.0, first.high))
    if name in _DROPS:
        scale = 1 / (1 - float(args["p"])) if float(args["p"]) < 1 else 1.0
        return Range(min(0.0, first.low * scale), max(0.0, first.high * scale))
    return _merged(name, known)


def _merged(name: str, known: Sequence[Range]) -> Known:
    if name == "add":
        return Range(sum(found.low for found in known), sum(found.high for found in known))
    if name in ("cat", "stack"):
        return Range(min(found.low for found in known), max(found.high for found in known))
    if name == "maximum":
        return Range(max(found.low for found in known), max(found.high for found in known))
    if name == "minimum":
        return Range(min(found.low for found in known), min(found.high for found in known))
    return reduce(_times, known) if name == "mul" else None


def _times(first: Range, second: Range) -> Range:
    corners = [_product(a, b) for a in first for b in second]
    return Range(min(corners), max(corners))


def _product(a: float, b: float) -> float:
    return 0.0 if not a or not b else a * b
