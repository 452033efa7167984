"""Activations: a function of each number by itself, so the shape stays."""

from __future__ import annotations

from layercli.layers.definition import Form, Key, Layer, Out, TensorIn
from layercli.layers.vocabulary import X, flag


def _pointwise(
    name: str, torch: str, summary: str, prose: str, dtypes: str, keys: tuple[Key, ...] = (), paper: str = ""
) -> Layer:
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=keys,
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes=dtypes),),
        outputs=(Out("output", X),),
        window=(),
        default_input=(1, 3, 16, 16),
        prose=prose,
        examples=(name,),
        paper=paper,
    )


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (
        _pointwise(
            "relu", "ReLU", "max(0, x).",
            "Negative numbers become 0, the others stay; the gradient is 0 or 1.", "real",
            (flag("inplace", False, "whether the input's own memory is overwritten"),),
            "https://proceedings.mlr.press/v15/glorot11a.html",
        ),
        _pointwise(
            "sigmoid", "Sigmoid", "1 / (1 + exp(-x)).",
            "Squeezes every number between 0 and 1; it saturates on both sides, where the gradient vanishes.", "smooth",
        ),
        _pointwise(
            "tanh", "Tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x)).",
            "Squeezes every number between -1 and 1, with 0 at 0; it saturates on both sides.", "smooth",
        ),
    )  # fmt: skip
