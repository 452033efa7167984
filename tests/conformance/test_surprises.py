"""Where torch departs from its documentation: every line of surprises.txt, asked of torch and of the formulas."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from layercli.analysis.flow import Flow
from layercli.analysis.walk import Options, analyse_module
from layercli.layers import find_torch
from layercli.plan import Input, Literal, Module, Tensor

LINES = [
    tuple(part.strip() for part in line.split("#->"))
    for line in (Path(__file__).parent / "surprises.txt").read_text("utf-8").splitlines()
    if "#->" in line and not line.startswith("#")
]


class Refused(Exception):
    """The formulas reject the call."""


class Zeros:
    """A tensor as the formulas see it."""

    def __init__(self, *shape: Any, dtype: str = "float32", device: str = "") -> None:
        self.shape = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        self.dtype = dtype

    def long(self) -> Zeros:
        return Zeros(*self.shape, dtype="int64") if self.shape else Zeros((), dtype="int64")


class Formulas:
    """``nn`` as the formulas have it."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: Made(name, args, kwargs)


class Made:
    """A module that only the formulas know."""

    def __init__(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        assert find_torch(name) is not None, name
        self.mode = "train"
        self.module = Module(name, tuple(map(_argument, args)), {key: _argument(item) for key, item in kwargs.items()})

    def __repr__(self) -> str:
        return f"{self.module.torch}()"

    def eval(self) -> Made:
        self.mode = "eval"
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        named = [(None, item) for item in args] + list(kwargs.items())
        inputs = [Input(_feed(item), name) for name, item in named]
        analysis = analyse_module(self.module, inputs, Options(mode=self.mode))
        if analysis.error is not None:
            raise Refused(str(analysis.error))
        self.bound = analysis.rows[0].bound
        outputs = self.bound.outputs
        return outputs[0] if len(outputs) == 1 else outputs


def _argument(value: Any) -> Any:
    if isinstance(value, Zeros):
        return Tensor(value.shape, value.dtype)
    return tuple(map(_argument, value)) if isinstance(value, (list, tuple)) else value


def _feed(value: Any) -> Any:
    return Tensor(value.shape, value.dtype) if isinstance(value, Zeros) else Literal(value)


class Indices:
    """``torch`` as far as the lines use it."""

    int64 = "int64"
    float32 = "float32"

    def tensor(self, values: list[int]) -> Zeros:
        return Zeros(len(values), dtype="int64")

    def empty(self, *shape: int, device: str) -> Any:
        return pytest.skip("what the meta device says is no question to the formulas")


def shown(value: Any) -> Any:
    """Shapes, nested; a dtype by its name."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Flow):
        return value.shape
    if isinstance(value, (tuple, list)) and not hasattr(value, "dtype"):
        return tuple(map(shown, value))
    if hasattr(value, "shape"):
        return tuple(value.shape)
    return str(value).removeprefix("torch.")


def fitting(made: Made) -> tuple[int, ...]:
    """An input that the module would take if its arguments were right."""
    if made.module.torch.startswith("Conv"):
        return (1, made.module.args[0], 9, 8)[: 2 + int(made.module.torch[-2])]
    return (2, 4) if made.module.torch == "Unflatten" else (5, 2, made.module.args[0])


EXAMPLES = {
    "BatchNorm2d": (1, 3, 4, 4), "InstanceNorm2d": (1, 3, 4, 4), "GroupNorm": (1, 6), "LayerNorm": (3, 5),
    "RMSNorm": (3, 5),
    "LSTM": (5, 2, 3), "GRU": (5, 2, 3), "MultiheadAttention": (5, 3, 8), "TransformerEncoderLayer": (5, 3, 8),
    "CrossEntropyLoss": (4, 3), "LinearCrossEntropyLoss": (4, 5), "AdaptiveLogSoftmaxWithLoss": (4, 8),
}  # fmt: skip
"""Inputs that the modules of ``count`` take."""


def counted(made: Made) -> tuple[int, int]:
    """Parameters and buffer elements by the formulas, on an input that fits."""
    name, kwargs = made.module.torch, made.module.kwargs
    first = Zeros(*EXAMPLES[name])
    further: list[Any] = []
    if name == "MultiheadAttention":
        widths = (kwargs.get("kdim", 8), kwargs.get("vdim", 8))
        further = [Zeros(6, 3, width) for width in widths]
    if name.endswith(("Loss",)):
        further = [Zeros(4, dtype="int64")]
    made(first, *further)
    return made.bound.params, made.bound.buffers


def judge(found: Any, expected: str, line: str) -> None:
    """What came out is what the line says: a shape, a dtype, or how a module shows itself."""
    if expected.startswith("("):
        assert found == ast.literal_eval(expected), line
    else:
        assert str(found) == expected.removeprefix("torch."), line


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line[:70] for line, _ in LINES])
def test_torch_does_so(line: str, expected: str) -> None:
    import torch

    def count(module: Any) -> tuple[int, int]:
        return sum(p.numel() for p in module.parameters()), sum(b.numel() for b in module.buffers())

    scope = {"nn": torch.nn, "torch": torch, "z": torch.zeros, "count": count}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "Error" in expected:
            kind, _, said = expected.removeprefix("[c] ").partition(": ")
            with pytest.raises(getattr(builtins, kind), match=f"^{re.escape(said)}"):
                eval(line, scope)
            return
        found = eval(line, scope)
    judge(found if "count(" in line else shown(found), expected, line)


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line[:70] for line, _ in LINES])
def test_the_formulas_say_so(line: str, expected: str) -> None:
    scope = {"nn": Formulas(), "torch": Indices(), "z": Zeros, "count": counted}
    if expected.startswith("[c]"):
        made = eval(line, scope)
        with pytest.raises(Refused) as refused:
            made(Zeros(*fitting(made)))
        assert not any(word in str(refused.value) for word in ("the input has", "axes")), (
            "it is the arguments that are off"
        )
        return
    if "Error" in expected:
        with pytest.raises(Refused):
            eval(line, scope)
        return
    found = eval(line, scope)
    judge(found if "count(" in line else shown(found), expected, line)


def test_there_are_as_many_lines_as_there_were() -> None:
    assert len(LINES) > 150
