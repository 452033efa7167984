"""Distances and similarities of vectors: the axis on which the vectors lie goes."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    Sym,
    and_,
    at,
    broadcast,
    concat,
    dims,
    eq_,
    ge_,
    gt_,
    le_,
    length,
    lt_,
    max_,
    not_,
    or_,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Key, Layer, Need, Out
from layercli.layers.kinds import Double, Int
from layercli.layers.loss_common import SAME, must_broadcast, no_bools, tensor, wants
from layercli.layers.loss_dtypes import (
    Typed,
    either,
    fractional,
    is_finite,
    magnitude,
    promote,
    representable,
    typed,
)
from layercli.layers.vocabulary import X, flag, setting

FAMILY = "distance"

_Y = sym("Y", "shape of the second input")
_INPUTS = (tensor("x1", "X", "vectors"), tensor("x2", "Y", "vectors to compare them with", like="x1"))
_FITS = must_broadcast({"x1": X, "x2": _Y})
_BOTH = when(SAME, X, broadcast(X, _Y))
_FACTS = {"same_shape": eq_(X, _Y)}


# --- what a triplet's loss needs of them too ---------------------------------------------------------------------------


def without_last(shape: Expr, keepdim: Expr) -> Expr:
    """The shape of the distances of vectors along the last axis; a scalar stays one."""
    return concat(slice_(shape, 0, -1), when(and_(keepdim, gt_(length(shape), 0)), dims(D=1), concat()))


def distance_dtype(x: Typed, y: Typed) -> Typed:
    """The dtype of a p-norm of ``x - y + eps``."""
    return magnitude(fractional(promote(x, y)))


def normable(shape: Expr, p: Expr, where: Expr | None = None) -> Need:
    """A largest or smallest component there is only of a vector that has one."""
    axes = gt_(length(shape), 0)
    return Need(
        or_(ge_(at(shape, -1), 1), and_(not_(lt_(p, 0)), or_(is_finite(p), not_(eq_(p, p))))),
        "the norm p={p} is not defined on vectors of no components", "use p=2", "p",
        where=axes if where is None else and_(where, axes), values={"p": p},
    )  # fmt: skip


def without(shape: Expr, dim: Expr) -> Expr:
    """The shape without the axis ``dim``."""
    place = when(lt_(dim, 0), dim + max_(length(shape), 1), dim)
    return concat(slice_(shape, 0, place), slice_(shape, place + 1, length(shape)))


def is_axis(dim: Sym, shape: Expr, where: Expr | None = None) -> Need:
    """``dim`` is an axis of the shape; a scalar counts as one with one axis."""
    rank = max_(length(shape), 1)
    return Need(
        and_(le_(-rank, dim), lt_(dim, rank)), "dim {dim} is no axis of inputs with {rank} axes",
        "use {low} to {high}", "dim", where=where,
        values={"dim": dim, "rank": length(shape), "low": -rank, "high": rank - 1},
    )  # fmt: skip


def similarity_dtype(x: Typed, y: Typed) -> tuple[Typed, Typed]:
    """The dtype that both have in common, and that of their similarity: only integers are brought to the common one."""
    common = promote(x, y)
    a, b = (either(item.floats, item, common) for item in (x, y))
    return common, promote(a._replace(bare=common.bare), b._replace(bare=common.bare))


def comparable(x: str, y: str, common: Typed, eps: Sym, where: Expr | None = None) -> tuple[Need, ...]:
    """What two inputs, the dtype that they have in common, and ``eps`` must meet for a cosine."""
    said = "eps {eps} does not fit float32, in which torch compares it"
    compared = common._replace(a=max_(common.a, 4), b=max_(common.b, 4))
    return (
        wants(common.reals, "one of both must be floats, and none complex", x, y, where=where),
        Need(
            ge_(eps, 0), "eps must be 0 or more, not {eps}", "use eps=1e-8", "eps", where, {"eps": eps}, "torch.range"
        ),
        Need(representable(eps, compared), said, "use eps=1e-8", "eps", where, {"eps": eps}, "torch.range"),
    )


# --- the layers ------------------------------------------------------------------------------------------------------


def pairwise_distance() -> Layer:
    """The p-norm of the difference, along the last axis of the shape that both broadcast to."""
    p, keepdim, both = sym("p", "degree of the norm"), sym("keepdim"), _BOTH
    return Layer(
        name="pairwisedistance",
        torch="PairwiseDistance",
        summary="The p-norm of the difference of vectors along the last axis.",
        keys=(
            Key(
                "p", Double(), 2.0, symbols=(p,), meaning="degree of the norm: 1 adds up differences, inf takes the largest",
                effect="the shape stays; the larger, the more the largest difference counts",
            ),
            setting(
                "eps", Double(), 1e-6, "what is added to each difference",
                effect="the shape stays; it keeps the distance of equal vectors off 0",
            ),
            flag(
                "keepdim", False, "whether the last axis stays, of size 1", strict=True,
                effect="true keeps the last axis, of size 1",
            ),
        ),
        positional=("p",),
        inputs=_INPUTS,
        outputs=(
            Out("output", without_last(both, keepdim), distance_dtype(typed("x1", X), typed("x2", _Y)).word),
        ),
        facts=_FACTS,
        rules=(no_bools("x1", "x2"), *_FITS, normable(both, p)),
        default_input=(8, 10),
        hidden=("p", "eps", "keepdim"),
        prose="How far the vectors of one batch are from those of another, one distance per pair. "
        "The inputs broadcast to one shape, whose last axis goes.",
        examples=("pairwisedistance", "pairwisedistance 1 keepdim=true", "pairwisedistance -i 8,10 -i x2=10"),
    )  # fmt: skip


def cosine_similarity() -> Layer:
    """The cosine of the angle between vectors along one axis of the shape that both broadcast to."""
    dim, eps, both = sym("dim", "axis of the vectors"), sym("eps", "least norm that is divided by"), _BOTH
    common, dtype = similarity_dtype(typed("x1", X), typed("x2", _Y))
    return Layer(
        name="cosinesimilarity",
        torch="CosineSimilarity",
        summary="The cosine of the angle between vectors along one axis.",
        keys=(
            Key(
                "dim", Int(bools=False), 1, symbols=(dim,), structural=True, meaning="axis on which the vectors lie",
                effect="this axis goes, the others stay",
            ),
            Key(
                "eps", Double(), 1e-8, symbols=(eps,), meaning="least norm that is divided by",
                effect="the shape stays; it keeps vectors of zeros from dividing by 0",
            ),
        ),
        positional=("dim",),
        inputs=_INPUTS,
        outputs=(Out("output", without(both, dim), dtype.word),),
        facts=_FACTS,
        rules=(*_FITS, is_axis(dim, both), *comparable("x1", "x2", common, eps)),
        default_input=(8, 10),
        hidden=("dim", "eps"),
        prose="How alike the directions of vectors are, from -1 to 1, whatever their lengths. "
        "The inputs broadcast to one shape, of which the axis dim goes.",
        examples=("cosinesimilarity", "cosinesimilarity -1 -i 8,4,10", "cosinesimilarity 0 -i 8,10 -i x2=8,1"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (cosine_similarity(), pairwise_distance())
