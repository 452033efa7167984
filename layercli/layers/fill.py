"""What a tensor of each dtype can be filled with: the value of a padding.

No family: the files of padding build their rules of this.
"""

from __future__ import annotations

from layercli.formula import Expr, Sym, and_, at, each, eq_, is_, le_, length, ne_, not_, num, or_, product, sym, when
from layercli.layers.definition import Need

_DTYPE = sym("input_dtype")

_HOLDS: dict[str, tuple[int, int]] = {
    "uint8": (0, 255),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63),  # its largest is rounded up, since torch compares it with a double
    "float16": (-65504, 65504),
    "bfloat16": (-255 * 2**120, 255 * 2**120),
    "float32": (2**104 - 2**128, 2**128 - 2**104),
    "complex64": (2**104 - 2**128, 2**128 - 2**104),
}
"""The smallest and the largest number of each dtype that does not hold every double."""


def _any_of(*dtypes: str) -> Expr:
    return or_(*(is_(_DTYPE, dtype) for dtype in dtypes))


def _limit(which: int) -> Expr:
    chosen: Expr = num(0)
    for dtype, limits in _HOLDS.items():
        chosen = when(is_(_DTYPE, dtype), limits[which], chosen)
    return chosen


def fits_dtype(value: Sym, pads: Expr) -> Need:
    """torch looks at the value only where something is added; floats hold what is not finite, too."""
    unused = eq_(product(each(length(pads), lambda i: when(le_(at(pads, i), 0), 1))), 1)
    within = and_(le_(_limit(0), value), le_(value, _limit(1)))
    endless = and_(_any_of("float16", "bfloat16", "float32", "complex64"), ne_(value - value, 0))
    return Need(
        or_(not_(_any_of(*_HOLDS)), unused, within, endless), "value {value} does not fit {input_dtype}",
        "use a value from {low} to {high}", "value", None, {"low": _limit(0), "high": _limit(1)}, "torch.range",
    )  # fmt: skip
