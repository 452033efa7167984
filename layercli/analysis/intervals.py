"""Which cells of an axis are read: the arithmetic behind the receptive field.

*The interval rule.* On an axis without ends, output cell u reads a set of input cells; what is kept of it is its
smallest interval [lo(u), hi(u)], or nothing where u reads none (between the cells that a strided transposed
convolution spreads). For every layer that torch has the intervals repeat: with a period of m output cells everything
moves on by n input cells, lo(u + m) = lo(u) + n. So m intervals and n are the whole map (:class:`Cells`), its stride
is n/m, and its size the largest of the m.

Layers are composed cell by cell and not interval by interval: of a dilated kernel only the cells under its taps count
(:class:`Reads` lists them, per phase as first, step and number). The interval of a union is the interval of the
intervals, so that the map of a chain is exact: its interval is what a gradient finds, where weights are positive and
the ends of the input are far.

Distill's formulas are the case of m = 1: r = 1 + sum (k_eff - 1)*S, P = sum p*S, lo(u) = u*S - P. For m > 1 the
centre of output u is taken as c + u*S, where c is the mean over the phases of their intervals' centres less their
share of the stride, and P follows from it: c = (r - 1)/2 - P holds for both.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import ceil, floor, gcd, lcm
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from fractions import Fraction

Ratio: TypeAlias = "int | Fraction"
"""An integer where it is one: most nets need no fractions, and loading them is a tenth of a short answer's time."""


def ratio_of(part: int, whole: int) -> Ratio:
    """The exact quotient."""
    if part % whole == 0:
        return part // whole
    from fractions import Fraction

    return Fraction(part, whole)


MOST_PHASES = 1024
"""Maps that repeat later than this are given up: sizes such as 224 -> 225 in a row multiply their periods."""

Interval: TypeAlias = "tuple[int, int] | None"
Run: TypeAlias = "tuple[int, int, int] | None"
"""Cells at equal distances: the first, the distance, how many."""


class Cells(NamedTuple):
    """What the cells of an axis read of the net's input: the interval of each phase, and how far a period moves on."""

    intervals: tuple[Interval, ...]
    rise: int

    def at(self, place: int) -> Interval:
        """What the output cell at this place reads, were the input without ends."""
        turns, phase = divmod(place, len(self.intervals))
        found = self.intervals[phase]
        return None if found is None else (found[0] + turns * self.rise, found[1] + turns * self.rise)

    @property
    def size(self) -> int:
        """How many input cells an output cell reads at most."""
        return max(0 if found is None else found[1] - found[0] + 1 for found in self.intervals)

    @property
    def stride(self) -> Ratio:
        """Input cells between the centres of neighbours."""
        return ratio_of(self.rise, len(self.intervals))

    @property
    def centre(self) -> Ratio:
        """Where the field of output cell 0 lies in the mean over the phases."""
        period = len(self.intervals)
        twice = [  # of each phase's centre, moved back to cell 0, in parts of the period
            (found[0] + found[1]) * period - 2 * phase * self.rise
            for phase, found in enumerate(self.intervals)
            if found is not None
        ]
        return ratio_of(sum(twice), 2 * period * len(twice)) if twice else 0

    @property
    def padding(self) -> Ratio:
        """By how much the field of output cell 0 begins before the input."""
        if len(self.intervals) == 1 and self.intervals[0] is not None:
            return -self.intervals[0][0]
        return ratio_of(self.size - 1, 2) - self.centre


class Reads(NamedTuple):
    """What the output cells of one layer read of its input: the cells of each phase, and how far a period moves on."""

    runs: tuple[Run, ...]
    rise: int

    def inside(self, first: int, last: int, size: int) -> tuple[int, int]:
        """Of so many output cells the first and the last of those between which all read from these cells only."""
        low, high, period = 0, size - 1, len(self.runs)
        for phase, run in enumerate(self.runs):
            if run is None:
                continue
            end = run[0] + run[1] * (run[2] - 1)
            if self.rise:
                low = max(low, (-((run[0] - first) // self.rise) - 1) * period + phase + 1)
                high = min(high, ((last - end) // self.rise + 1) * period + phase - 1)
            elif run[0] < first or end > last:
                high = -1
        return low, high


ITSELF = Cells(((0, 0),), 1)
"""Every cell reads itself."""
AS_IT_IS = Reads(((0, 1, 1),), 1)


def through(cells: Cells, reads: Reads) -> Cells | None:
    """One more layer; None where the map would repeat too late."""
    intervals, rise = cells
    period = len(intervals)
    if period == 1 and len(reads.runs) == 1:
        return _simple(cells, reads)
    times = period // gcd(period, reads.rise)
    if times * len(reads.runs) > MOST_PHASES:
        return None
    found: list[Interval] = []
    for time in range(times):
        moved = time * reads.rise
        found += (None if run is None else _over(cells, run[0] + moved, run[1], run[2]) for run in reads.runs)
    return _shortest(Cells(tuple(found), rise * times * reads.rise // period))


def _simple(cells: Cells, reads: Reads) -> Cells:
    """The case of Distill's formulas."""
    own, run = cells.intervals[0], reads.runs[0]
    if own is None or run is None or run[2] < 1:
        return Cells((None,), cells.rise * reads.rise)
    low = own[0] + run[0] * cells.rise
    return Cells(((low, low + own[1] - own[0] + run[1] * (run[2] - 1) * cells.rise),), cells.rise * reads.rise)


def _over(cells: Cells, first: int, step: int, count: int) -> Interval:
    """The interval of what these cells of the layer's input read: of those of one phase the ends are enough."""
    intervals, rise = cells
    period = len(intervals)
    cycle = period // gcd(period, step)
    low: int | None = None
    high: int | None = None
    for number in range(min(count, cycle)):
        last = number + cycle * ((count - 1 - number) // cycle)
        turns, phase = divmod(first + number * step, period)
        interval = intervals[phase]
        if interval is None:
            continue
        start = interval[0] + turns * rise
        stop = interval[1] + (first + last * step) // period * rise
        low = start if low is None else min(low, start)
        high = stop if high is None else max(high, stop)
    return None if low is None or high is None else (low, high)


def joined(first: Cells, second: Cells) -> Cells | None:
    """The smallest intervals around both; None where their strides differ, or where it would repeat too late."""
    if first == second:
        return first
    period = lcm(len(first.intervals), len(second.intervals))
    if first.stride != second.stride or period > MOST_PHASES:
        return None
    both = zip(_repeated(first, period), _repeated(second, period))
    found: list[Interval] = [
        a or b if a is None or b is None else (min(a[0], b[0]), max(a[1], b[1])) for a, b in both
    ]  # fmt: skip
    return _shortest(Cells(tuple(found), first.rise * (period // len(first.intervals))))


def _repeated(cells: Cells, period: int) -> Iterator[Interval]:
    for turn in range(period // len(cells.intervals)):
        moved = turn * cells.rise
        for found in cells.intervals:
            yield None if found is None else (found[0] + moved, found[1] + moved)


def _shortest(cells: Cells) -> Cells:
    """The same map by its shortest period."""
    intervals, rise = cells
    common, prime = gcd(len(intervals), rise), 2
    while common > 1:
        if common % prime:
            prime += 1
            continue
        common //= prime
        shorter = Cells(intervals[: len(intervals) // prime], rise // prime)
        if tuple(_repeated(shorter, len(intervals))) == intervals:
            intervals, rise = shorter
    return Cells(intervals, rise)


# --- what a layer reads along one axis; None where that repeats too late ---------------------------------------------


def sliding(kernel: int, stride: int, padding: int, dilation: int) -> Reads:
    """A window: cells u*s - p + d*i for the taps i."""
    return Reads(((-padding, dilation, kernel),), stride)


@lru_cache(maxsize=256)
def spreading(kernel: int, stride: int, padding: int, dilation: int) -> Reads | None:
    """A transposed convolution: the cells v of which a tap lands on u, v*s - p + d*i = u.

    Taps that fit are s/g apart, with g the divisor that s and d share, and their cells d/g.
    """
    if stride > MOST_PHASES:
        return None
    if not stride:
        return Reads((None,), 1)
    shared = gcd(stride, dilation)
    apart, step = stride // shared, dilation // shared
    inverse = pow(step, -1, apart) if apart > 1 else 0
    runs: list[Run] = []
    for phase in range(stride):
        target = phase + padding
        first = target // shared * inverse % apart if target % shared == 0 else kernel
        if first >= kernel:
            runs.append(None)
            continue
        count = (kernel - 1 - first) // apart + 1
        lowest = (target - dilation * (first + (count - 1) * apart)) // stride
        runs.append((lowest, max(step, 1), count))
    return Reads(tuple(runs), 1)


@lru_cache(maxsize=256)
def sharing(cells: int, out: int) -> Reads | None:
    """Adaptive pooling: from cell floor(u*I/O) up to ceil((u + 1)*I/O)."""
    if not out:
        return Reads((None,), 1)
    common = gcd(cells, out)
    period, rise = out // common, cells // common
    if period > MOST_PHASES:
        return None
    starts = [phase * rise // period for phase in range(period)]
    stops = [-(-(phase + 1) * rise // period) for phase in range(period)]
    return Reads(tuple((start, 1, stop - start) for start, stop in zip(starts, stops)), rise)


@lru_cache(maxsize=256)
def sampling(mode: str, ratio: Ratio, corners: bool) -> Reads | None:
    """Interpolation where neighbours are ``ratio`` input cells apart: the cells around a place that weigh something.

    Cell u looks at u*ratio (nearest, and all modes that keep the corners' centres), at (u + 1/2)*ratio
    (nearest-exact), else at (u + 1/2)*ratio - 1/2. Where that is a cell's own centre, no neighbour has any weight.
    """
    if ratio.denominator > MOST_PHASES:
        return None
    half = 0 if corners or mode == "nearest" else ratio_of(1, 2)
    runs: list[Run] = []
    for phase in range(ratio.denominator):
        place = (phase + half) * ratio
        if mode in ("nearest", "nearest-exact"):
            runs.append((floor(place), 1, 1))
            continue
        place -= half
        around = 1 if mode == "bicubic" and place.denominator > 1 else 0
        start, stop = floor(place) - around, ceil(place) + around
        runs.append((start, 1, stop - start + 1))
    return Reads(tuple(runs), ratio.numerator)


def as_ratio(factor: float) -> Ratio:
    """Input cells per output cell for a scale factor: as it is meant (1.3, 1/3) where a double comes to the same."""
    from fractions import Fraction

    exact = Fraction(factor)
    meant = exact.limit_denominator(MOST_PHASES)
    return 1 / (meant if float(meant) == float(factor) else exact)
