"""The rule on transposed convolutions: output cells that get more contributions than their neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import gcd
from typing import NamedTuple

from layercli.analysis.rules.rule import Finding, Rule
from layercli.analysis.rules.sliding import LONGEST, listed
from layercli.analysis.rules.wiring import TRANSPOSED, Wiring

_KEYS = ("k", "s", "p", "d", "op")


class _Spread(NamedTuple):
    name: str
    size: int
    k: int
    s: int
    p: int
    d: int
    op: int

    def counts(self) -> list[int]:
        """How many taps land on each of s neighbours."""
        landed = Counter(self.d * tap % self.s for tap in range(self.k))
        return sorted(landed.get(phase, 0) for phase in range(self.s))

    def uneven(self) -> bool:
        """Whether some get more than others."""
        if not 1 < self.s <= LONGEST or self.k > LONGEST or self.size < 2:
            return False
        counts = self.counts()
        return counts[0] != counts[-1]

    @property
    def shared(self) -> int:
        """What stride and dilation have in common: taps land on every so many cells only, whatever the kernel is."""
        return gcd(self.s, self.d) if self.k > 1 else 1

    @property
    def why(self) -> str:
        """The cause, in words."""
        if self.shared > 1:
            return f"the dilation {self.d} and the stride {self.s} share the factor {self.shared}"
        return f"the kernel {self.k} is no multiple of the stride {self.s}"


def _checkerboard(net: Wiring) -> Iterator[Finding]:
    for row in net.of(TRANSPOSED):
        sizes = row.bound.sizes
        names = [name for name in "DHWL" if f"s_{name}" in sizes]
        axes = [_Spread(name, sizes[name], *(sizes[f"{key}_{name}"] for key in _KEYS)) for name in names]
        uneven = [axis for axis in axes if axis.uneven()]
        if uneven:
            first, counts = uneven[0], uneven[0].counts()
            where = listed([axis.name for axis in uneven])
            said = "none" if counts[0] == 0 else str(counts[0])
            message = f"neighbouring output cells get {said} or {counts[-1]} contributions along {where}: "
            message += first.why
            yield Finding(row, message, _fix(first, alike=len({axis[2:] for axis in axes}) == 1))


def _fix(axis: _Spread, alike: bool) -> str:
    """A kernel that fits and, where the axes are ``alike``, the padding with which the output keeps its size."""
    kernel = -(-axis.k // axis.s) * axis.s
    if axis.shared > 1:
        return "use dilation 1" + (" and a kernel that the stride divides" if kernel != axis.k else "")
    if not alike:
        return "use kernels that the strides divide, or upsample and convolve"
    more = 2 * axis.p - axis.op + axis.d * (kernel - axis.k)
    padding = max(0, (more + 1) // 2)
    odd = f" op={2 * padding - more}" if 2 * padding > more else ""
    return f"k={kernel} p={padding}{odd} gives the same size evenly, or upsample and convolve"


RULES = (
    Rule(
        "conv.checkerboard",
        "a transposed convolution that overlaps unevenly",
        "The stride does not divide the kernel, so that some output cells get more contributions than their "
        "neighbours do (or, with a kernel smaller than the stride, none). Where dilation and stride share a factor "
        "the taps land on some of the cells only, whatever the kernel is.",
        "The pattern repeats with the stride and shows as a checkerboard in what is generated. A net can learn "
        "weights against it, and often does not.",
        "Use a kernel that is a multiple of the stride, without dilation, or upsample to the nearest and convolve.",
        "convtranspose2d 8 3 s=2",
        "convtranspose2d 8 4 s=2 p=1",
        "Odena et al. 2016, Deconvolution and Checkerboard Artifacts, distill.pub/2016/deconv-checkerboard",
        check=_checkerboard,
    ),
)
