"""Which dtypes an input may have and what comes out, by the name of the rule that a definition gives."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FLOATS = ("float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
_WHOLE = ("int64", "int32", "int16", "int8", "uint8")
INTEGERS = (*_WHOLE, "bool")


class DTypeRule(NamedTuple):
    """What is accepted; whether it must be the parameters' own; what becomes of integers."""

    accepts: tuple[str, ...]
    as_parameters: bool = False
    halves_too: bool = False
    """Whether float32 parameters take half precision as well."""
    integers_become: str = ""


RULES: dict[str, DTypeRule] = {
    "any": DTypeRule((*FLOATS, *COMPLEX, *INTEGERS)),
    "float": DTypeRule(FLOATS),
    "real": DTypeRule((*FLOATS, *_WHOLE)),
    "float or complex": DTypeRule((*FLOATS, *COMPLEX)),
    "float, not half": DTypeRule(("float32", "float64", "bfloat16")),
    "any, not complex": DTypeRule((*FLOATS, *INTEGERS)),
    "any, not bool": DTypeRule((*FLOATS, *COMPLEX, *_WHOLE)),
    "float, complex or bool": DTypeRule((*FLOATS, *COMPLEX, "bool")),
    "float or uint8": DTypeRule((*FLOATS, "uint8")),
    "parameters": DTypeRule((*FLOATS, *COMPLEX), as_parameters=True),
    "parameters, real": DTypeRule(FLOATS, as_parameters=True),
    "norm": DTypeRule(FLOATS, as_parameters=True, halves_too=True),
    "avgpool": DTypeRule((*FLOATS, "int64")),
    "avgpool3d": DTypeRule(("float32", "float64", "int64")),
    "avgpool of powers": DTypeRule((*FLOATS, *INTEGERS), integers_become="float32"),
    "avgpool of powers, 3d": DTypeRule(("float32", "float64", *INTEGERS), integers_become="float32"),
    "index": DTypeRule(("int64", "int32")),
    "int64": DTypeRule(("int64",)),
    "integer": DTypeRule(INTEGERS),
    "integer, not bool": DTypeRule(_WHOLE),
    "class index": DTypeRule(("int64", "uint8")),
    "class index or probability": DTypeRule((*FLOATS, "int64", "uint8")),
    "float, not small": DTypeRule(("float32", "float64")),
    "smooth": DTypeRule((*FLOATS, *COMPLEX, *INTEGERS), integers_become="float32"),
    "smooth, not bool": DTypeRule((*FLOATS, *COMPLEX, *_WHOLE), integers_become="float32"),
    "mask": DTypeRule((*FLOATS, "bool")),
}


def promoted(operands: Iterable[tuple[str, bool]]) -> str:
    """The dtype that torch gives an operation on these: (dtype, whether it has axes) each.

    Tensors without axes count only where they are of a higher kind (bool, integer, float, complex) than those with.
    Source: "Type promotion" of the documentation of torch tensor attributes.
    """
    with_axes, without = "", ""
    for dtype, axes in operands:
        if axes:
            with_axes = _joined(with_axes, dtype)
        else:
            without = _joined(without, dtype)
    if not with_axes or not without:
        return with_axes or without
    if _level(without) <= _level(with_axes):
        return with_axes
    if _level(without) == _COMPLEX_LEVEL and _level(with_axes) == _FLOAT_LEVEL:
        return {"float64": "complex128", "float16": HALF_COMPLEX}.get(with_axes, "complex64")
    return without


def promoted_in_turn(operands: Sequence[tuple[str, bool]]) -> str:
    """The dtype of a sum worked out two at a time: what comes out of the first two has axes where one of them has."""
    dtype, axes = operands[0]
    for other, more in operands[1:]:
        if dtype == HALF_COMPLEX:
            break
        dtype, axes = promoted(((dtype, axes), (other, more))), axes or more
    return dtype


HALF_COMPLEX = "complex32"
"""What torch makes of float16 and a complex scalar; nothing else is known of it here."""


_FLOAT_LEVEL, _COMPLEX_LEVEL = 2, 3


def _level(dtype: str) -> int:
    """bool 0, integers 1, floats 2, complex 3."""
    return 0 if dtype == "bool" else 1 if dtype in _WHOLE else _FLOAT_LEVEL if dtype in FLOATS else _COMPLEX_LEVEL


def _joined(a: str, b: str) -> str:
    """The smallest dtype that holds both."""
    if not a or a == b:
        return b
    low, high = sorted((a, b), key=_level)
    if _level(low) < _level(high):
        return "complex128" if (low, high) == ("float64", "complex64") else high
    if "uint8" in (a, b) and "int8" in (a, b):
        return "int16"
    if {a, b} == {"float16", "bfloat16"}:
        return "float32"
    order = (*_WHOLE[::-1], "bfloat16", "float16", "float32", "float64", *COMPLEX)
    return max(a, b, key=order.index)
