"""Fully connected layers."""

from __future__ import annotations

from functools import cache

from layercli.formula import Expr, concat, dims, eq_, not_, product, sym
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, Param, TensorIn, lazy
from layercli.layers.kept import ALWAYS, NOTHING, in_rows
from layercli.layers.kinds import Int
from layercli.layers.reach import Mixes
from layercli.layers.vocabulary import LEAD, X, flag, integer

FAMILY = "linear"

_F, _in, _out, _bias = (
    sym("F", "features of the input"),
    sym("in_features"),
    sym("out", "features of the output"),
    sym("bias"),
)
_F1, _F2 = sym("F1", "features of the first input"), sym("F2", "features of the second input")
_OTHER = sym("B", "the axes of the second input before its features")
_BIAS = flag(
    "bias",
    True,
    "whether a learned constant is added to each output feature",
    effect="the shape stays; adds out weights",
)


def _out_features(infer: Expr) -> Key:
    return integer(
        "out_features", "out", "features of the output", kind=Int(least=0, bools=False), aliases=("o", "out"), infer=infer,
        effect="the last axis of the output has this size",
    )  # fmt: skip


@cache
def linear() -> Layer:
    """y = x A^T + b over the last axis."""
    return Layer(
        name="linear",
        torch="Linear",
        summary="Multiplies the last axis by a learned matrix.",
        keys=(
            integer(
                "in_features", "in_features", "features of the input", kind=Int(least=0), aliases=("in",), infer=_F,
                effect="weights grow with it; it is the size of the input's last axis",
            ),
            _out_features(_F),
            _BIAS,
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
        kept=(
            Kept("input", where=in_rows("input")),
            Kept("input in order", product(concat(LEAD, dims(F=_F))), where=not_(in_rows("input"))),
        ),
        lies="any",
        reach=Mixes((-1,)),
        default_input=(48, 16),
        prose="Mixes all features of a position into new ones, each by weights of its own. "
        "Every axis before the last is left alone: it is the same matrix at each of their positions.",
        examples=("linear 4", "linear 10 bias=false", "linear 10 -i 8,5,16"),
    )  # fmt: skip


def bilinear() -> Layer:
    """y = x1^T A x2 + b over the last axes of two inputs."""
    first, second = concat(LEAD, dims(F=_F1)), concat(_OTHER, dims(F=_F2))

    def features(number: int, symbol: str, infer: Expr) -> Key:
        which = ("first", "second")[number - 1]
        return integer(
            f"in{number}_features", symbol, f"features of the {which} input", kind=Int(least=1), aliases=(f"in{number}",),
            infer=infer, effect=f"weights grow with it; it is the size of the {which} input's last axis",
        )  # fmt: skip

    def agrees(number: int) -> Need:
        return Need(
            eq_(sym(f"F{number}"), sym(f"in{number}_features")),
            f"in{number}_features is {{in{number}_features}}, but the last axis of input{number} has {{F{number}}}",
            f"use in{number}={{F{number}}}, or leave it out", f"in{number}_features",
        )  # fmt: skip

    return Layer(
        name="bilinear",
        torch="Bilinear",
        summary="A learned bilinear form of two inputs for each output feature.",
        keys=(features(1, "in1_features", _F1), features(2, "in2_features", _F2), _out_features(_F1), _BIAS),
        positional=("out_features",),
        inputs=(
            TensorIn("input1", (Form("*LEAD F1"),), "any axes before the features"),
            TensorIn(
                "input2", (Form("*B F2"),), "the same axes before its own features", like="input1",
                like_where=not_(sym("in2_features_written")), infer=concat(LEAD, dims(F=sym("in2_features"))),
            ),
        ),
        outputs=(Out("output", concat(LEAD, dims(F=_out))),),
        rules=(
            Need(
                eq_(LEAD, _OTHER), "input1 {first} and input2 {second} differ before their last axes",
                "give both the same axes before their features", values={"first": first, "second": second},
            ),
            agrees(1),
            agrees(2),
        ),
        params=(Param("weight", (_out, _F1, _F2)), Param("bias", (_out,), where=_bias)),
        macs=product(concat(LEAD, dims(F=_out * (_F1 + 1) * _F2))),
        kept=(Kept("input1"), Kept("input2")),
        reach=Mixes((-1,)),
        default_input=(48, 16),
        prose="Each output feature is a weighted sum of all products of a feature of one input and one of the other. "
        "The axes before the last are shared by both inputs and left alone.",
        examples=("bilinear 4", "bilinear 40 -i 128,20 -i input2=128,30", "bilinear 10 bias=false"),
    )  # fmt: skip


def identity() -> Layer:
    """A place that does nothing."""
    return Layer(
        name="identity",
        torch="Identity",
        summary="Returns its input.",
        keys=(),
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes="any"),),
        outputs=(Out("output", X),),
        window=(),
        kept=NOTHING,
        view=ALWAYS,
        lies="alike",
        default_input=(1, 3, 16, 16),
        ignores_arguments=True,
        prose="Keeps a place where a layer is switched off, such as a norm. Shape, numbers and dtype stay.",
        examples=("identity", "identity -i 8,10"),
    )


def layers() -> tuple[Layer, ...]:
    """The family."""
    plain = linear()
    return (plain, lazy(plain, "in_features"), bilinear(), identity())
