"""What only the keys and calls of attention may hold."""

from __future__ import annotations

from typing import Any

from layercli.layers.kinds import BadValue, Flag, Kind, shown


class Truthy(Flag):
    """True or false by Python's rules where torch's own code asks; kernels take a bool alone.

    Of what is no bool formulas see that it is odd: the word ``odd`` where it counts as true, else the empty word.
    """

    def read(self, value: Any) -> Any:
        """The value in its normal form."""
        return value if isinstance(value, bool) else "odd" if value else ""


class IsTrue(Flag):
    """True and nothing else counts (``is_causal is True``)."""

    def read(self, value: Any) -> bool:
        """The value in its normal form."""
        return value is True


class Activation(Kind):
    """Attention's activation: a word, or a module that keeps the shape.

    Formulas know ``relu`` and ``gelu``, which kernels have built in, ``prelu``, which has a weight, and ``other``.
    """

    words = ("relu", "gelu")
    describe = "relu, gelu or a module of torch that keeps the shape"
    _OTHERS = frozenset((
        "CELU", "ELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "LeakyReLU", "LogSigmoid", "Mish",
        "RReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
    ))  # fmt: skip
    _ALONG_AN_AXIS = ("Softmax", "Softmin", "LogSoftmax")

    def read(self, value: Any) -> str:
        """The value in its normal form; BadValue where torch would not take it."""
        if isinstance(value, str) and value in self.words:
            return value
        name = getattr(value, "torch", "")
        if name in ("ReLU", "GELU"):
            return str(name).lower()
        if name == "PReLU" and _argument(value, "num_parameters", 1) == 1 and "dtype" not in value.kwargs:
            return "prelu"
        along = name in self._ALONG_AN_AXIS and _argument(value, "dim", None) in (None, -2, -1, 0, 1)
        if along or name in self._OTHERS:
            return "other"
        raise BadValue(f"is {self.describe}, not {name or shown(value)}", "use relu or gelu")


def _argument(module: Any, name: str, default: Any) -> Any:
    """The first argument of a module's constructor."""
    return module.args[0] if module.args else module.kwargs.get(name, default)


class Nothing(Kind):
    """What torch lets be a module of one's own; here only none is known."""

    words = ("none",)
    describe = "none"

    def read(self, value: Any) -> None:
        """The value in its normal form; BadValue for anything else."""
        if value is not None:
            raise BadValue(f"is known here as none only, not {shown(value)}", "leave it out")
