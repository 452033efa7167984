"""Fully connected layers."""

from __future__ import annotations

from layercli.formula import concat, dims, eq_, product, sym
from layercli.layers.definition import Form, Layer, Need, Out, Param, TensorIn
from layercli.layers.kinds import Int
from layercli.layers.vocabulary import LEAD, flag, integer

_F, _in, _out, _bias = (
    sym("F", "features of the input"),
    sym("in_features"),
    sym("out", "features of the output"),
    sym("bias"),
)


def linear() -> Layer:
    """y = x A^T + b over the last axis."""
    return Layer(
        name="linear",
        torch="Linear",
        summary="Multiplies the last axis by a learned matrix.",
        keys=(
            integer("in_features", "in_features", "features of the input", kind=Int(least=0), aliases=("in",), infer=_F),
            integer(
                "out_features", "out", "features of the output", kind=Int(least=0, bools=False), aliases=("o", "out"), infer=_F,
                effect="the last axis of the output has this size",
            ),
            flag("bias", True, "whether a learned constant is added to each output feature"),
        ),
        positional=("out_features",),
        inputs=(TensorIn("input", (Form("*LEAD F"),), "any axes before the features"),),
        outputs=(Out("output", concat(LEAD, dims(F=_out))),),
        rules=(
            Need(
                eq_(_F, _in), "in_features is {in_features}, but the last axis of the input has {F}",
                "use in={F}, or leave in_features out", "in_features",
            ),
        ),
        params=(Param("weight", (_out, _F)), Param("bias", (_out,), where=_bias)),
        macs=product(concat(LEAD, dims(F=_out, K=_F))),
        default_input=(48, 16),
        prose="Every axis before the last is left alone: a linear layer is the same matrix at each of their positions.",
        examples=("linear 4", "linear 10 bias=false"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (linear(),)
