"""Between which numbers a tensor lies, as far as the layers before it say: arithmetic on intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import inf, prod
from typing import Any, NamedTuple, TypeAlias

from layercli.analysis.rows import Row
from layercli.analysis.rules.wiring import (
    ADAPTIVE,
    AVERAGES,
    BATCH_NORMS,
    CONVS,
    INSTANCE_NORMS,
    TRANSPOSED,
    Wiring,
    given,
    kind,
    ranks,
    words,
)
from layercli.layers.dtypes import COMPLEX
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
    "tanh": Range(-1, 1), "softsign": Range(-1, 1), "softmax": Range(0, 1),
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
_OR_ZERO = ranks("zeropad", "maxunpool")
"""What gives zeros besides."""
_SAMPLES = frozenset({"nearest", "nearest-exact", "area", "linear", "bilinear", "trilinear"})
"""The modes of an upsampling that weigh its input by shares."""
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
            refs = self.net.feeds(row) if kind(row) not in _ALONE else ()
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
    if given(row).dtype in COMPLEX:
        return None
    if name in _FIXED or name in _RAW:
        return _FIXED.get(name, ANY)
    if name in _BY_KEYS:
        return _BY_KEYS[name](args)
    known = [found for found in before if found is not None]
    if len(known) < len(before) or not known:
        return None
    first = known[0]
    if name in _SAME or (name == "upsample" and args.get("mode") in _SAMPLES):
        return first
    if name in _OR_ZERO:
        return Range(min(0.0, first.low), max(0.0, first.high))
    if name in AVERAGES:
        return _times(first, _share(row))
    if name in _DROPS:
        scale = 1 / (1 - float(args["p"])) if float(args["p"]) < 1 else 1.0
        return Range(min(0.0, first.low * scale), max(0.0, first.high * scale))
    return _merged(name, known)


def _softplus(args: Mapping[str, Any]) -> Known:
    """torch hands x on where beta*x is above the threshold, and takes the logarithm elsewhere."""
    beta, threshold = float(args["beta"]), float(args["threshold"])
    if not beta:
        return None
    ends = 0.0, threshold / beta
    return Range(min(ends), inf) if beta > 0 else Range(-inf, max(ends))


_BY_KEYS: dict[str, Callable[[Mapping[str, Any]], Known]] = {
    "hardtanh": lambda args: Range(float(args["min_val"]), float(args["max_val"])),
    "softplus": _softplus,
}
"""What lies between two numbers whatever it is fed, by what was written."""
_ALONE = _RAW | _FIXED.keys() | _BY_KEYS.keys()
"""What does not hang on what it is fed."""


def _share(row: Row) -> Range:
    """The least and the most that the cells of a window weigh together: some may be padding, some beyond the end."""
    args, sizes = row.bound.args, row.bound.sizes
    axes = range(len(row.bound.layer.window or ()))
    padded = any(sizes[f"window.{axis}.padding"] for axis in axes)
    divisor = args.get("divisor_override")
    if divisor is None:
        return Range(0 if padded and args.get("count_include_pad") else 1, 1)
    whole = prod(sizes[f"window.{axis}.kernel"] for axis in axes) / divisor
    least = 0 if padded or args.get("ceil_mode") else whole
    return Range(min(least, whole), max(least, whole))


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
