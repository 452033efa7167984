"""The cells of its input that a sliding window reads, axis by axis: the arithmetic behind the notes on windows."""

from collections.abc import Callable
from typing import NamedTuple

from layercli.analysis.rows import Row
from layercli.analysis.rules.wiring import CONVS, POOLS, fed, given, kind

SLIDING = CONVS | POOLS | {"unfold"}
LONGEST = 1 << 16
"""Axes longer than this, or kernels with more taps than a 16th of it, are not looked at."""


class Slide(NamedTuple):
    """A window along one axis: what it is called, the sizes of input and output, kernel, stride, padding, dilation.

    ``filled``: what the padding holds, by torch's ``padding_mode``; but for zeros these are cells of the input.
    """

    name: str
    size: int
    out: int
    k: int
    s: int
    p: int
    d: int
    filled: str = "zeros"

    @property
    def reach(self) -> int:
        """Cells from a window's first tap to its last."""
        return self.d * (self.k - 1) + 1

    @property
    def short(self) -> bool:
        """Whether the axis is short enough to be looked at."""
        return max(self.size, self.out * self.s) <= LONGEST and self.k <= LONGEST // 16

    def read(self) -> int:
        """The cells that some window reads, by way of the padding too, as the bits of a number."""
        starts = sum_of_bits(self.s, self.out)
        padded = 0
        for tap in range(self.k):
            padded |= starts << self.d * tap
        all_cells = (1 << self.size) - 1
        near, inside, far = padded & ((1 << self.p) - 1), padded >> self.p & all_cells, padded >> self.p + self.size
        return (inside | _FILLED[self.filled](self, near, far)) & all_cells

    def lost(self) -> int:
        """Cells at the far end that the last window does not reach."""
        return max(0, self.size + self.p - (self.out - 1) * self.s - self.reach)

    def alive(self) -> int:
        """How many of the kernel's taps ever lie on the input."""
        return sum(self._lands(self.d * tap - self.p) for tap in range(self.k))

    def _lands(self, first: int) -> bool:
        turn = max(0, -(first // self.s))
        return turn < self.out and first + turn * self.s < self.size

    def outside(self) -> int:
        """How many output cells, at both ends, read nothing but padding."""
        near = max(0, -((self.reach - 1 - self.p) // self.s))
        far = max(0, self.out - max(0, -(-(self.size + self.p) // self.s)))
        return min(self.out, near + far)


def _around(slide: Slide, near: int, far: int) -> int:
    return near << slide.size - slide.p | far


def _mirrored(slide: Slide, near: int, far: int) -> int:
    return _turned(near, slide.p) << 1 | _turned(far, slide.size - 1)


def _turned(bits: int, count: int) -> int:
    return int(f"{bits:0{count}b}"[::-1], 2) if count else 0


_FILLED: dict[str, Callable[[Slide, int, int], int]] = {
    "zeros": lambda slide, near, far: 0,
    "circular": _around,
    "reflect": _mirrored,
    "replicate": lambda slide, near, far: bool(near) | bool(far) << slide.size - 1,
}
"""By what the padding is filled with: the cells that it holds where it is read, before and behind the input."""


def sum_of_bits(step: int, count: int) -> int:
    """The bits 0, step, 2*step, …, so many of them."""
    return ((1 << step * count) - 1) // ((1 << step) - 1) if count > 0 else 0


def slides(row: Row) -> list[Slide]:
    """Each axis that the layer slides along."""
    bound = row.bound
    windows = len(bound.layer.window or ())
    labels = bound.labels.get(bound.layer.inputs[0].name, ())[-windows:]
    before, after = fed(row).shape[-windows:], given(row).shape[-windows:]
    found = []
    for axis, (name, size) in enumerate(zip(labels, before)):
        k, s, p, d = (bound.sizes[f"window.{axis}.{part}"] for part in ("kernel", "stride", "padding", "dilation"))
        d = d if k > 1 else 1
        if min(k, s, d) < 1 or size < 1:
            return []
        out = after[axis] if kind(row) != "unfold" else (size + 2 * p - d * (k - 1) - 1) // s + 1
        found.append(Slide(name, size, out, k, s, p, d, bound.args.get("padding_mode", "zeros")))
    return found if len(found) == windows else []


def listed(names: list[str]) -> str:
    """Names in words: H and W."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def times(sizes: list[int]) -> str:
    """Sizes in words: 3x5."""
    return "x".join(map(str, sizes))


def typed(shape: tuple[int, ...]) -> str:
    """A shape as it is typed: 1,3,32,32."""
    return ",".join(map(str, shape))
