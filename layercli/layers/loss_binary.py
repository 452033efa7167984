"""Losses of yes and no: each element of the input against a probability or a sign."""

from __future__ import annotations

from layercli.formula import Sym, eq_, not_, or_, product, sym
from layercli.layers.definition import Key, Layer, Need, Param
from layercli.layers.loss_common import (
    BOTH,
    REDUCE,
    SIZE_AVERAGE,
    Y,
    expandable,
    loss,
    must_equal,
    reduction,
    same_dtype,
    target,
    tensor,
    wants,
)
from layercli.layers.loss_dtypes import dtype_of, holds, promote, typed
from layercli.layers.parts import Weights
from layercli.layers.vocabulary import X

FAMILY = "loss"

_ONE_SHAPE = must_equal("input", X, "target", Y)
_TARGET = target("probability of a yes", low=0, high=1)


def weights(name: str, shape: Sym, meaning: str, effect: str) -> Key:
    """A key that holds a tensor of factors."""
    return Key(name, Weights(), None, symbols=(shape,), structural=True, meaning=meaning, effect=effect)


def buffer(name: str, shape: Sym) -> Param:
    """The buffer in which the module keeps such a tensor."""
    return Param(name, (shape,), where=sym(f"{name}_given"))


def expands(name: str, shape: Sym) -> Need:
    """The factors broadcast to the input's own shape, because torch multiplies in place."""
    return Need(
        expandable(shape, X), f"{name} ({{w}}) does not broadcast to the input's shape ({{x}})",
        f"give {name} the shape of the input, or of its last axes", name, where=sym(f"{name}_given"), values={"w": shape, "x": X},
    )  # fmt: skip


_W = sym("W", "shape of weight")
_WEIGHT = weights(
    "weight", _W, "a factor for each loss, broadcast to the input's shape", "the shape stays; each loss is multiplied"
)


def bce() -> Layer:
    """Cross-entropy of probabilities; torch promotes nothing here."""
    x, w = typed("input"), typed("weight")
    return loss(
        "BCELoss", "Binary cross-entropy of probabilities.",
        "For answers of yes and no, several of which may hold at once; the input lies between 0 and 1. "
        "The target has the input's shape, or torch refuses it.",
        keys=(_WEIGHT, SIZE_AVERAGE, REDUCE, reduction()),
        inputs=(tensor("input", "X", "probabilities, such as a sigmoid's", low=0, high=1), _TARGET),
        shape=X,
        rules=(
            _ONE_SHAPE,
            wants(x.reals, "the input must be floats", "input"),
            same_dtype("input", "target"),
            expands("weight", _W),
            wants(not_(w.complex), "the weight must not be complex", "weight", where=sym("weight_given")),
        ),
        buffers=(buffer("weight", _W),),
        kept=BOTH,
        kept_known=eq_(dtype_of("input"), dtype_of("target")),
        storage=product(X),
        examples=("", "reduction=none -i 3,5", "weight=10 -i 8,10"),
    )  # fmt: skip


def bce_with_logits() -> Layer:
    """Cross-entropy of logits, ``(1 - y)*x - log_sigmoid(x)``; torch computes it in the target's own dtype."""
    x, y, w, pos = typed("input"), typed("target"), typed("weight"), typed("pos_weight")
    positive = sym("PW", "shape of pos_weight")
    weighted, positively = sym("weight_given"), sym("pos_weight_given")
    return loss(
        "BCEWithLogitsLoss", "Sigmoid and binary cross-entropy in one.",
        "For answers of yes and no, several of which may hold at once; in one step it loses no digits. "
        "The target has the input's shape, or torch refuses it.",
        keys=(
            _WEIGHT, SIZE_AVERAGE, REDUCE, reduction(),
            weights(
                "pos_weight", positive, "a factor for each yes, broadcast to the input's shape",
                "the shape stays; above 1 a missed yes costs more, below 1 a false one does",
            ),
        ),
        inputs=(tensor("input", "X", "logits: any numbers, 0 is even odds"), _TARGET),
        shape=X,
        dtype=y.word,
        rules=(
            _ONE_SHAPE,
            wants(x.reals, "the input must be floats", "input"),
            wants(y.floats, "the target must be floats", "target"),
            expands("pos_weight", positive),
            wants(not_(pos.bools), "torch subtracts no bools", "pos_weight", where=positively),
            wants(
                not_(or_(pos.complex, y.complex)), "pos_weight times target must not be complex", "pos_weight", "target",
                where=positively,
            ),
            expands("weight", _W),
            wants(holds(y, promote(y, w)), "torch multiplies by the weight in the target's dtype, which it must fit", "weight", "target", where=weighted),
        ),
        buffers=(buffer("weight", _W), buffer("pos_weight", positive)),
        kept=BOTH,
        kept_known=eq_(dtype_of("input"), dtype_of("target")),
        examples=("", "reduction=none -i 3,5", "pos_weight=10 -i 8,10"),
    )  # fmt: skip


def soft_margin() -> Layer:
    """``log(1 + exp(-x*y))``, computed in place in a tensor like the input."""
    x, y = typed("input", X), typed("target", Y)
    return loss(
        "SoftMarginLoss", "log(1 + exp(-target*input)): a hinge without a corner.",
        "For two classes that the target calls 1 and -1. "
        "The losses have the input's shape, to which a smaller target is broadcast.",
        keys=(SIZE_AVERAGE, REDUCE, reduction()),
        inputs=(tensor("input", "X", "a score, positive for class 1"), target("1 or -1")),
        shape=X,
        rules=(
            wants(x.floats, "the input must be floats", "input"),
            Need(
                expandable(Y, X), "target ({y}) does not broadcast to the input's shape ({x})",
                "give target the shape of the input", values={"x": X, "y": Y},
            ),
            wants(holds(x, promote(x, y)), "torch multiplies by the target in the input's dtype, which it must fit", "input", "target"),
        ),
        storage=product(X),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (bce(), bce_with_logits(), soft_margin())
