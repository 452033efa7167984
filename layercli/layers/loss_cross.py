"""What the losses of one class per position share: the target's shapes and dtypes, class weights, cross entropy.

No family. ``shape`` is everywhere that of the logits: (C), (N, C) or (N, C, d1, …). Source: what torch 2.13 does
where ``torch/nn/functional.py`` calls ``nll_loss_nd`` and ``cross_entropy_loss``.
"""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    at,
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
from layercli.layers.definition import Key, Need, Param
from layercli.layers.kinds import Double, Int
from layercli.layers.loss_common import Y, averaged, is_dtype, kept, wants
from layercli.layers.loss_dtypes import dtype_of, promote, typed
from layercli.layers.parts import Weights

W = sym("W", "shape of the class weights")
GIVEN = sym("weight_given", "whether there are class weights")
WEIGHT_BUFFER = (Param("weight", (W,), where=GIVEN),)
_INPUT, _TARGET, _WEIGHT = typed("input"), typed("target"), typed("weight")
PROBABILITIES = _TARGET.reals
"""Whether the target is of floats: torch takes one of the logits' shape for probabilities, and no other of floats."""
_SMOOTHING = sym("label_smoothing")
_SMOOTH = lt_(0, _SMOOTHING)
_BYTES = is_dtype("target", "uint8")


def weight_key(meaning: str, effect: str) -> Key:
    """The key ``weight``: a tensor, or None."""
    return Key("weight", Weights(), None, symbols=(W,), meaning=meaning, effect=effect)


WEIGHT = weight_key(
    "how much each class counts, one number per class",
    "the shape stays; the losses of a class are multiplied by its weight",
)
IGNORE = Key(
    "ignore_index", Int(bools=False), -100, symbols=(sym("ignore_index"),), meaning="the target that does not count",
    effect="the shape stays; positions with this target have a loss of 0",
)  # fmt: skip
SMOOTHING = Key(
    "label_smoothing", Double(), 0.0, symbols=(_SMOOTHING,), meaning="how much of the target is spread over all classes",
    effect="the shape stays; more of it makes the model less sure",
)  # fmt: skip


def classes(shape: Expr) -> Expr:
    """The number of classes."""
    return when(le_(length(shape), 1), when(eq_(length(shape), 1), at(shape, 0), 0), at(shape, 1))


def positions(shape: Expr) -> Expr:
    """The shape without the classes: that of the losses."""
    return when(le_(length(shape), 1), concat(), concat(slice_(shape, 0, 1), slice_(shape, 2, length(shape))))


def one_axis(shape: Expr) -> Need:
    """The logits have an axis of classes."""
    return Need(ge_(length(shape), 1), "the input has no axes", "give it an axis of classes", code="shape.rank")


def same_dtype_as_weight(where: Expr = GIVEN, unless: Expr = num(False)) -> Need:
    """Input and class weights have one dtype."""
    return Need(
        or_(unless, eq_(dtype_of("weight"), dtype_of("input"))),
        "weight is {weight_dtype}, but the input is {input_dtype}: torch wants one dtype",
        "use an input of {weight_dtype}", "weight", where=where, code="torch.dtype",
    )  # fmt: skip


def one_weight_per_class(count: Expr, where: Expr = GIVEN) -> Need:
    """The class weights have one axis, with a number for each class."""
    return _weights(and_(eq_(length(W), 1), eq_(product(W), count)), count, where)


def _weights(condition: Expr, count: Expr, where: Expr) -> Need:
    return Need(
        condition, "weight has the shape ({w}), but there are {c} classes", "use weight={c}", "weight", where=where,
        values={"w": W, "c": count},
    )  # fmt: skip


def index_rules(shape: Expr, where: Expr = num(True), legacy: bool = True) -> tuple[Need, ...]:
    """What holds where the target names classes. From three axes on torch asks the weights for their number only."""
    count, deep = classes(shape), lt_(2, length(shape))
    fits = or_(eq_(Y, positions(shape)), and_(eq_(length(shape), 1), eq_(Y, dims(one=1))))
    return (
        Need(
            fits, "target has the shape ({y}), but the classes of an input of ({x}) have ({want})",
            "give target the shape {want}", where=where, values={"y": Y, "x": shape, "want": positions(shape)},
        ),
        Need(or_(ge_(count, 1), eq_(product(Y), 0)), "there are no classes", "give the input at least one", where=where),
        wants(
            and_(not_(kept(legacy)), eq_(product(Y), 0)), "torch takes bytes for classes of (C) or (N, C) only", "target",
            where=and_(where, and_(deep, _BYTES)), fix="use int64",
        ),
        _weights(
            and_(eq_(product(W), count), or_(deep, eq_(length(W), 1))), count, and_(where, GIVEN),
        ),
        same_dtype_as_weight(and_(where, GIVEN)),
    )  # fmt: skip


def _smoothing_rules(shape: Expr, legacy: bool) -> tuple[Need, ...]:
    """What torch refuses of classes only where their labels are smoothed."""
    where, mean, nothing = not_(PROBABILITIES), averaged(legacy), eq_(product(Y), 0)
    axes = length(W)
    rows = when(eq_(axes, 0), 0, at(W, 0))
    gathered = or_(eq_(axes, 1), and_(eq_(product(W), rows), or_(not_(mean), nothing)))
    return (
        Need(
            not_(_SMOOTH), "with label_smoothing the target of an unbatched input has no axes, not ({y})",
            "give target no axes, or use label_smoothing=0", "label_smoothing",
            where=and_(where, and_(eq_(length(shape), 1), eq_(length(Y), 1))), values={"y": Y},
        ),
        Need(
            or_(not_(_SMOOTH), gathered), "with label_smoothing weight has one axis, and not the shape ({w})",
            "use weight={c}", "weight", where=and_(where, GIVEN), values={"w": W, "c": classes(shape)},
        ),
        wants(
            or_(not_(_SMOOTH), nothing), "with label_smoothing torch takes no mean by weight and bytes", "target",
            where=and_(and_(where, _BYTES), and_(GIVEN, mean)), fix="use int64",
        ),
    )  # fmt: skip


def cross_entropy_rules(shape: Expr, legacy: bool = True) -> tuple[Need, ...]:
    """What holds for logits of this shape, whether the target names classes or holds probabilities."""
    named = {"x": shape, "y": Y, "want": positions(shape)}
    return (
        one_axis(shape),
        Need(
            not_(lt_(1, _SMOOTHING)), "label_smoothing is at most 1, not {label_smoothing}", "use label_smoothing=0.1",
            "label_smoothing", code="torch.range",
        ),
        Need(
            eq_(Y, shape), "a target of floats holds probabilities, in the logits' shape ({x}), and not in ({y})",
            "give target the shape {x}, or classes as int64: {want}", where=PROBABILITIES, values=named,
        ),
        wants(
            not_(eq_(Y, shape)), "a target of the logits' shape holds probabilities, and so floats", "target",
            where=not_(PROBABILITIES),
        ),
        one_weight_per_class(classes(shape), and_(PROBABILITIES, GIVEN)),
        *index_rules(shape, not_(PROBABILITIES), legacy),
        *_smoothing_rules(shape, legacy),
    )  # fmt: skip


CROSS_DTYPE = when(PROBABILITIES, promote(promote(_INPUT, _TARGET), _WEIGHT).word, num("input"))
"""The dtype that cross entropy comes out in: probabilities promote, classes do not."""
