"""How usual a setting is: solutions that people write come before those that only the arithmetic allows.

A point for each thing that is out of the ordinary. Sources: VGG (1409.1556) and ResNet (1512.03385) for small odd
kernels that are padded by half; Odena et al. 2016 (distill.pub/2016/deconv-checkerboard) for the stride dividing a
transposed convolution's kernel; ViT (2010.11929) for kernels as large as the stride.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Values = Mapping[str, Sequence[Any]]
"""The values of keys along the axes, by torch's names."""


def exotic(values: Values, transposed: bool) -> int:
    """Points for what is unusual; 0 for a setting that nobody would ask about."""
    points = 2 * bool(values.get("ceil_mode", (False,))[0]) + bool(values.get("bidirectional", (False,))[0])
    points += 2 * bool(values.get("proj_size", (0,))[0])
    kernels = values.get("kernel_size")
    if kernels is None:
        pads = values.get("padding") or ()
        uneven: int = sum(max(0, abs(before - after) - 1) for before, after in zip(pads[::2], pads[1::2]))
        return points + len({*values.get("scale_factor", ())}) // 2 + uneven
    worst = 0
    for axis, kernel in enumerate(kernels):
        stride, dilation, padding, extra = (
            _along(values, name, axis, usual)
            for name, usual in (("stride", 1), ("dilation", 1), ("padding", 0), ("output_padding", 0))
        )
        worst = max(worst, _along_one(kernel, stride, dilation, padding, extra, transposed))
    different = sum(len(set(values.get(name, (0,)))) > 1 for name in ("kernel_size", "stride", "padding", "dilation"))
    return points + worst + different


def _along(values: Values, name: str, axis: int, usual: int) -> int:
    found = values.get(name) or (usual,)
    value = found[axis] if axis < len(found) else found[-1]
    return value if isinstance(value, int) else usual


def _along_one(kernel: int, stride: int, dilation: int, padding: int, extra: int, transposed: bool) -> int:
    spans = dilation * (kernel - 1) + 1
    points = 0
    if dilation > 1:
        points += dilation if kernel > 1 else 20  # a kernel of one cell has nothing to dilate
    if stride > spans:
        points += 6  # cells between two windows are never read, or never written
    if transposed:
        points += 2 * (kernel % stride != 0) + (extra > 0) + (extra >= stride)
    elif kernel % 2 == 0 and kernel not in (stride, 2 * stride):
        points += 2
    if kernel > 7 and kernel != stride:
        points += 1 + (kernel > 11)
    usual = {0, (spans - 1) // 2} | ({(spans - stride) // 2} if (spans - stride) % 2 == 0 else set())
    if padding not in usual:
        points += 1 + 2 * (2 * padding > spans)
    elif padding and 2 * padding >= spans:
        points += 3
    return points
