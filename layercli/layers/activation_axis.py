"""Activations that look along an axis: the softmax family, GLU, which halves one, and PReLU with a slope per channel."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    concat,
    dims,
    eq_,
    ge_,
    is_,
    le_,
    length,
    lt_,
    max_,
    not_,
    or_,
    product,
    slice_,
    sym,
    when,
)
from layercli.layers.activation import INPUT_DTYPE, computed, number
from layercli.layers.definition import Form, Key, Layer, Need, Out, Param, TensorIn
from layercli.layers.dtypes import FLOATS
from layercli.layers.kept import INPUT, OUTPUT
from layercli.layers.kinds import Int, OneSize
from layercli.layers.reach import Mixes, Takes
from layercli.layers.vocabulary import BATCH, DEFAULT_INPUT, C, X, batched_forms, spatial

FAMILY = "activation"

_DIM = sym("dim")
_RANK = max_(length(X), 1)
_INSIDE = and_(le_(-_RANK, _DIM), lt_(_DIM, _RANK))


def _axis_exists(where: Expr | None = None) -> Need:
    return Need(
        _INSIDE, "dim {dim} is no axis of an input with {rank} axes", "use {low} to {high}", "dim", where,
        {"rank": length(X), "low": -_RANK, "high": _RANK - 1}, "shape.rank",
    )  # fmt: skip


def _floats_only(name: str, elements: Expr) -> Need:
    """On nothing at all the kernel is never asked for."""
    return Need(
        eq_(elements, 0), f"{name} does not take {{input_dtype}} on the CPU", "use float32", "",
        not_(or_(*(is_(INPUT_DTYPE, dtype) for dtype in FLOATS))), code="torch.dtype",
    )  # fmt: skip


def _softmax(torch: str, summary: str, prose: str, dtypes: str = "any") -> Layer:
    name = torch.lower()
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=(
            Key(
                "dim", Int(bools=False, optional=True), None, (), (_DIM,), structural=True,
                meaning="axis whose numbers are set against each other; none is 0 for 0, 1 or 3 axes, else 1",
                effect="the shape stays; the numbers along another axis are normalised",
            ),
        ),
        positional=("dim",),
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes=dtypes, tells_dtype=True),),
        outputs=(Out("output", X),),
        rules=(_axis_exists(not_(is_(_DIM, None))), _floats_only(name, product(X))),
        kept=OUTPUT,
        lies="any",
        reach=Mixes((when(is_(_DIM, None), when(or_(le_(length(X), 1), eq_(length(X), 3)), 0, 1), _DIM),)),
        default_input=(8, 10),
        prose=f"{prose} Name the axis: torch's choice without dim is deprecated. The shape stays.",
        examples=(f"{name} 1", f"{name} dim=-1 -i 8,5,10"),
    )  # fmt: skip


def _softmax2d() -> Layer:
    height, width = spatial(2)
    return Layer(
        name="softmax2d",
        torch="Softmax2d",
        summary="A softmax over the channels of each position.",
        keys=(),
        inputs=(TensorIn("input", batched_forms(2), "a picture", dtypes="any", tells_dtype=True),),
        outputs=(Out("output", concat(BATCH, dims(C=C, H=height, W=width))),),
        rules=(_floats_only("softmax2d", product(concat(BATCH, dims(C=C, H=height, W=width)))),),
        window=(),
        kept=OUTPUT,
        default_input=DEFAULT_INPUT[2],
        prose="Makes the channels of every position a distribution, as for a class per pixel. The shape stays.",
        examples=("softmax2d", "softmax2d -i 21,32,32"),
    )


def _glu() -> Layer:
    axis = when(lt_(_DIM, 0), _DIM + length(X), _DIM)
    gated = product(slice_(X, axis, axis + 1))
    return Layer(
        name="glu",
        torch="GLU",
        summary="a*sigmoid(b), where a and b are the halves of an axis.",
        keys=(
            Key(
                "dim", Int(bools=False), -1, (), (_DIM,), structural=True, meaning="axis that is cut in two halves",
                effect="this axis is half as long in the output",
            ),
        ),
        positional=("dim",),
        inputs=(TensorIn("input", (Form("*X"),), "any shape with an axis of even size", dtypes="float"),),
        outputs=(Out("output", concat(slice_(X, 0, axis), dims(M=gated // 2), slice_(X, axis + 1, length(X)))),),
        rules=(
            Need(ge_(length(X), 1), "a number without axes cannot be halved", "give it at least one axis"),
            _axis_exists(),
            Need(
                eq_(gated % 2, 0), "axis {dim} has {size} numbers, which do not halve", "give it an even size", "dim", _INSIDE,
                {"size": gated},
            ),
        ),
        reach=Takes("dim"),
        kept=INPUT,
        default_input=(8, 10),
        prose="One half gates the other, as in a gated convolution. The axis dim is halved, the others stay.",
        examples=("glu", "glu 1 -i 1,6,16,16", "glu dim=0 -i 8"),
        paper="https://arxiv.org/abs/1612.08083",
    )  # fmt: skip


def _prelu() -> Layer:
    slopes = sym("P", "number of learned slopes")
    bare = sym("num_parameters_listed", "whether there is one slope without an axis")
    channels = when(lt_(length(X), 2), 1, product(slice_(X, 1, 2)))
    return Layer(
        name="prelu",
        torch="PReLU",
        summary="x where x > 0, else a*x with a learned slope a.",
        keys=(
            Key(
                "num_parameters", OneSize(), 1, (), (slopes,), meaning="slopes that are learned: one for all, or one per channel",
                effect="the shape stays; each channel gets a slope of its own",
            ),
            number("init", 0.25, "what the slopes start with", "more of the negative side passes at first"),
        ),
        positional=("num_parameters", "init"),
        inputs=(TensorIn("input", (Form("*X"),), "any shape; axis 1 holds the channels", dtypes="parameters, real", tells_dtype=True),),
        outputs=(Out("output", X),),
        rules=(
            computed("init")._replace(where=is_(INPUT_DTYPE, "float32")),
            Need(
                or_(eq_(slopes, 1), ge_(length(X), 1)), "num_parameters is {P}, but the input has no axes", "use one slope",
                "num_parameters",
            ),
            Need(
                or_(eq_(slopes, 1), eq_(slopes, channels)), "num_parameters is {P}, but axis 1 of the input has {channels} channels",
                "use num_parameters={channels}, or 1 for all", "num_parameters", values={"channels": channels},
            ),
        ),
        params=(Param("weight", (slopes,), not_(bare)), Param("weight", (), bare)),
        window=(),
        kept=INPUT,
        default_input=(1, 3, 16, 16),
        hidden=("init",),
        prose="A leaky ReLU whose slope is trained, one for all or one per channel (axis 1). The shape stays.",
        examples=("prelu", "prelu 3", "prelu 3 init=0.1"),
        paper="https://arxiv.org/abs/1502.01852",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (
        _prelu(),
        _glu(),
        _softmax(
            "Softmax", "exp(x) / sum of exp(x) along an axis.",
            "Turns scores into probabilities, as attention does; losses of classes want the scores themselves.",
        ),
        _softmax(
            "Softmin", "exp(-x) / sum of exp(-x) along an axis.",
            "A softmax where the smallest number gets the most, such as for distances.", "any, not bool",
        ),
        _softmax(
            "LogSoftmax", "log(exp(x) / sum of exp(x)) along an axis.",
            "The logarithm of a softmax, more exact than taking it afterwards; NLLLoss wants it.",
        ),
        _softmax2d(),
    )  # fmt: skip
