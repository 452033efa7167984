"""Losses of classification: one class per position, or several labels per row.

Source: ``torch/nn/functional.py``, and what torch 2.13 does where it calls into C++.
"""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    broadcast,
    concat,
    dims,
    eq_,
    ge_,
    le_,
    length,
    lt_,
    not_,
    num,
    or_,
    product,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Need, TensorIn
from layercli.layers.kinds import Number, Real
from layercli.layers.loss_common import (
    REDUCE,
    SAME,
    SAME_SHAPE,
    SIZE_AVERAGE,
    Y,
    is_dtype,
    loss,
    must_broadcast,
    no_bools,
    reduction,
    tensor,
    wants,
)
from layercli.layers.loss_cross import (
    CROSS_DTYPE,
    IGNORE,
    PROBABILITIES,
    SMOOTHING,
    WEIGHT,
    WEIGHT_BUFFER,
    W,
    classes,
    cross_entropy_rules,
    index_rules,
    one_axis,
    one_weight_per_class,
    positions,
    same_dtype_as_weight,
    weight_key,
)
from layercli.layers.loss_dtypes import promote, representable, typed
from layercli.layers.vocabulary import X, named

FAMILY = "loss"

_MATRIX = (named(("N", "C")), named(("C",)), named(()))
"""Rows of classes, one row, or a single number, which counts as a row of one class."""
_POSITIONS = (named(("N", "C")), named(("C",)), *(named(("N", "C", *axes)) for axes in ("L", "HW", "DHW")), Form("*X"))
_x, _y, _w = typed("input", X), typed("target", Y), typed("weight", W)
_EMPTY = eq_(product(X), 0)
_ROWS = when(eq_(length(X), 2), slice_(X, 0, 1), concat())
"""The rows of a matrix of classes, as a shape."""
_CLASSES = when(eq_(length(X), 0), 1, product(slice_(X, -1, length(X))))


def nll(torch: str) -> Layer:
    """Minus the input at the target's class."""
    return loss(
        torch, "Minus the log-probability of the right class.",
        "It follows a log_softmax; the cross entropy loss does both. The input is (C), (N, C) or (N, C, d1, …), "
        "the target the same without C, and the losses have the target's shape.",
        keys=(WEIGHT, SIZE_AVERAGE, IGNORE, REDUCE, reduction()),
        inputs=(
            TensorIn("input", _POSITIONS, "logarithms of probabilities", dtypes="float", tells_dtype=True),
            TensorIn(
                "target", (Form("*Y"),), "the right class of each position", dtypes="class index", tells_dtype=True,
                infer=positions(X), low=0, high=classes(X),
            ),
        ),
        shape=positions(X),
        rules=(one_axis(X), *index_rules(X)),
        buffers=WEIGHT_BUFFER,
        kept=(Kept("input"), Kept("target"), Kept("sum of weights", num(1))),
        kept_known=not_(is_dtype("target", "uint8")),
        examples=("", "weight=10", "reduction=none -i 8,10,4"),
    )  # fmt: skip


def cross_entropy() -> Layer:
    """A log_softmax over the classes, then minus the log-probability that the target gives weight to."""
    return loss(
        "CrossEntropyLoss", "Log-softmax over the classes, then minus the log-probability of the right one.",
        "The usual loss of classification. A target of integers names classes and has the input's shape without C; "
        "a target of floats holds probabilities and has the input's shape.",
        keys=(WEIGHT, SIZE_AVERAGE, IGNORE, REDUCE, reduction(), SMOOTHING),
        inputs=(
            TensorIn("input", _POSITIONS, "a number for each class", dtypes="any", tells_dtype=True),
            TensorIn(
                "target", (Form("*Y"),), "the right class of each position, or probabilities of all classes",
                dtypes="class index or probability", tells_dtype=True, infer=positions(X), low=0,
                high=when(PROBABILITIES, 1, classes(X)), usual=when(eq_(sym("target_rank"), length(X)), num(""), num("int64")),
            ),
        ),
        shape=positions(X),
        dtype=CROSS_DTYPE,
        rules=(
            *cross_entropy_rules(X),
            wants(or_(_x.reals, and_(PROBABILITIES, _EMPTY)), "the input is of floats", "input"),
            Need(
                lt_(sym("ignore_index"), 0), "ignore_index {ignore_index} is for targets that name classes", "leave it out",
                "ignore_index", where=PROBABILITIES, code="type.value",
            ),
        ),
        buffers=WEIGHT_BUFFER,
        kept=(Kept("logarithms of probabilities", product(X)), Kept("target"), Kept("sum of weights", num(1))),
        kept_known=and_(not_(PROBABILITIES), not_(is_dtype("target", "uint8")), le_(sym("label_smoothing"), 0)),
        examples=("", "label_smoothing=0.1", "weight=10 reduction=none -i 8,10,4 -i target=8,4:int64"),
        paper="https://doi.org/10.1109/CVPR.2016.308",
    )  # fmt: skip


def _target(meaning: str, infer: Expr) -> TensorIn:
    """Classes as int64."""
    return tensor("target", "Y", meaning, infer=infer, low=0, high=_CLASSES, usual="int64")


_NUMBERS = TensorIn("input", _MATRIX, "a number for each class", dtypes="any", tells_dtype=True)
_MARGIN_RULES = (
    Need(
        ge_(_CLASSES, 1), "there are no classes: the input has the shape ({x})", "give it at least one", values={"x": X}
    ),
    wants(or_(is_dtype("input", "float32", "float64"), _EMPTY), "the input is float32 or float64", "input"),
    wants(or_(is_dtype("target", "int64"), _EMPTY), "the target is int64", "target", fix="use int64"),
)


def multi_margin() -> Layer:
    """``sum over the other classes of max(0, margin - x[y] + x[i])**p / C``."""
    p, margin = sym("p", "the power of each difference"), sym("margin")
    return loss(
        "MultiMarginLoss", "How far the other classes come within a margin of the right one.",
        "The hinge loss of a support vector machine with many classes. "
        "The input is (N, C) or (C), and there is one loss per row.",
        keys=(
            Key(
                "p", Real(), 1, symbols=(p,), meaning="the power of each difference: 1 or 2",
                effect="the shape stays; 2 makes large violations count more",
            ),
            Key(
                "margin", Number(), 1.0, symbols=(margin,), meaning="how much larger the right class should be",
                effect="the shape stays; a larger margin asks for more distance",
            ),
            WEIGHT, SIZE_AVERAGE, REDUCE, reduction(),
        ),
        inputs=(_NUMBERS, _target("the right class of each row", _ROWS)),
        shape=when(eq_(length(Y), 0), concat(), dims(N=when(eq_(length(X), 2), product(_ROWS), 1))),
        rules=(
            Need(or_(eq_(p, 1), eq_(p, 2)), "p is 1 or 2, not {p}", "use p=1", "p", code="torch.range"),
            *_MARGIN_RULES,
            Need(
                and_(le_(length(Y), 1), eq_(product(Y), product(_ROWS))),
                "target has the shape ({y}), but there are {rows} rows", "give target the shape {rows}",
                values={"y": Y, "rows": product(_ROWS)},
            ),
            one_weight_per_class(_CLASSES),
            same_dtype_as_weight(unless=_EMPTY),
            Need(
                or_(representable(margin, _x), _EMPTY), "margin {margin} is too large for {input_dtype}", "use margin=1",
                "margin", code="torch.range",
            ),
        ),
        buffers=WEIGHT_BUFFER,
        examples=("", "p=2 margin=0.5", "weight=10 reduction=none"),
    )  # fmt: skip


def multi_label_margin() -> Layer:
    """``sum over labels j and other classes i of max(0, 1 - (x[y[j]] - x[i])) / C``."""
    return loss(
        "MultiLabelMarginLoss", "How far the other classes come within 1 of those that hold.",
        "For rows to which several classes belong: the target lists them, and ends at the first -1. "
        "The input is (N, C) or (C), the target has its shape, and there is one loss per row.",
        keys=(SIZE_AVERAGE, REDUCE, reduction()),
        inputs=(_NUMBERS, _target("the classes of each row, up to a -1", X)),
        shape=_ROWS,
        rules=(
            *_MARGIN_RULES,
            Need(
                when(eq_(length(X), 2), eq_(Y, X), and_(le_(length(Y), 1), eq_(product(Y), _CLASSES))),
                "target has the shape ({y}), but the input has ({x})", "give target the shape {x}", values={"y": Y, "x": X},
            ),
        ),
        examples=("", "reduction=none", "-i 10"),
    )  # fmt: skip


def multi_label_soft_margin() -> Layer:
    """The mean over the last axis of ``-(y*log(sigmoid(x)) + (1 - y)*log(sigmoid(-x)))``."""
    last, losses = length(X) - 1, when(SAME, broadcast(X, W), broadcast(X, Y, W))
    half = eq_(_x.a + _x.b, 7)
    return loss(
        "MultiLabelSoftMarginLoss", "A yes or no for every class: the mean of their binary cross entropies.",
        "For rows to which several classes belong. The last axis holds the classes and is averaged away; "
        "target and weight broadcast to the input.",
        keys=(
            weight_key(
                "what the loss of each class is multiplied by, by broadcasting",
                "the shape stays if it has the sizes of the last axes; a class counts more or less",
            ),
            SIZE_AVERAGE, REDUCE, reduction(),
        ),
        deprecated_word=False,
        inputs=(
            tensor("input", "X", "a number for each class"),
            tensor("target", "Y", "1 for the classes that hold, 0 for others", infer=X, low=0, high=2),
        ),
        shape=concat(slice_(losses, 0, last), slice_(losses, last + 1, length(losses))),
        dtype=promote(promote(_x, _y), _w).word,
        facts=SAME_SHAPE,
        rules=(
            one_axis(X),
            wants(_x.reals, "the input is of floats", "input"),
            no_bools("target"),
            wants(not_(and_(_y.complex, and_(_y.bare, half))), "torch has no complex numbers so small", "input", "target"),
            *must_broadcast({"input": X, "target": Y, "weight": W}),
        ),
        buffers=WEIGHT_BUFFER,
        examples=("", "weight=10", "reduction=none -i 8,4,10"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (
        nll("NLLLoss"), nll("NLLLoss2d"), cross_entropy(), multi_margin(), multi_label_margin(),
        multi_label_soft_margin(),
    )  # fmt: skip
