"""Which dtypes an input may have and what comes out, by the name of the rule that a definition gives."""

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
    "parameters": DTypeRule((*FLOATS, *COMPLEX), as_parameters=True),
    "parameters, real": DTypeRule(FLOATS, as_parameters=True),
    "norm": DTypeRule(FLOATS, as_parameters=True, halves_too=True),
    "avgpool": DTypeRule((*FLOATS, "int64")),
    "avgpool3d": DTypeRule(("float32", "float64", "int64")),
    "smooth": DTypeRule((*FLOATS, *COMPLEX, *INTEGERS), integers_become="float32"),
}
