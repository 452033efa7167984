"""Losses with a margin, and those that compare embeddings."""

from __future__ import annotations

from collections.abc import Callable

from layercli.formula import Expr, and_, broadcast, concat, dims, eq_, is_, le_, not_, num, or_, sym, when
from layercli.layers.definition import Form, Key, Layer, Need, TensorIn
from layercli.layers.distance import (
    comparable,
    cosine_similarity,
    distance_dtype,
    is_axis,
    normable,
    pairwise_distance,
    similarity_dtype,
    without,
    without_last,
)
from layercli.layers.kinds import Double, Kind, Number
from layercli.layers.loss_common import (
    REDUCE,
    SAME,
    SAME_SHAPE,
    SIZE_AVERAGE,
    Y,
    loss,
    loss_dtype,
    mean_of_floats,
    must_broadcast,
    no_bools,
    reduction,
    same_rank,
    target,
    tensor,
    wants,
)
from layercli.layers.loss_dtypes import Typed, either, fillable, fractional, promote, typed
from layercli.layers.parts import Part
from layercli.layers.vocabulary import BATCHED, N, X, flag, setting

FAMILY = "loss"

_MARGIN = sym("margin", "how far apart is far enough")


def _margin(default: float, kind: Kind | None = None) -> Key:
    return Key(
        "margin", kind or Double(), default, symbols=(_MARGIN,), meaning=_MARGIN.meaning,
        effect="the shape stays; a larger margin asks for more distance before the loss is 0",
    )  # fmt: skip


def hinge_embedding() -> Layer:
    """x where the target is 1, max(0, margin - x) where it is -1, both in the input's own dtype."""
    x = typed("input")
    return loss(
        "HingeEmbeddingLoss", "Small where a distance is small for like pairs, large for unlike ones.",
        "The input holds distances of pairs, the target says which are alike (1) and which are not (-1). "
        "Input and target broadcast to the shape.",
        keys=(_margin(1.0), SIZE_AVERAGE, REDUCE, reduction()),
        inputs=(tensor("input", "X", "distances of pairs"), target("1 for like, -1 for unlike")),
        shape=when(SAME, X, broadcast(X, Y)),
        dtype=loss_dtype(x),
        facts=SAME_SHAPE,
        rules=(
            no_bools("input"),
            wants(not_(x.complex), "torch takes no maximum of complex numbers", "input"),
            Need(
                fillable(_MARGIN, x, X), "margin {margin} does not fit {input_dtype}", "use margin=1", "margin",
                code="torch.range",
            ),
            *must_broadcast({"input": X, "target": Y}),
            mean_of_floats(x, "input"),
        ),
        positional=("margin",),
    )  # fmt: skip


def cosine_embedding() -> Layer:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1; of (D) or a batch (N, D)."""
    N2, D, D2, T = (
        sym("N2", "batch size of input2"),
        sym("D", "components"),
        sym("D2", "components in input2"),
        sym("T", "batch size of the target"),
    )
    x, y = (fractional(typed(name)) for name in ("input1", "input2"))
    pairs = when(SAME, N, when(eq_(N, 1), when(eq_(N2, 1), T, N2), N))
    both = (Form("N D", facts={"batched": True}), Form("D", facts={"batched": False}))
    second = (Form("N2 D2", where=BATCHED), Form("D2", where=not_(BATCHED)))

    def fits(a: Expr, b: Expr, said: str, fix: str, where: Expr | None = None) -> Need:
        return Need(or_(eq_(a, b), eq_(a, 1), eq_(b, 1)), said, fix, where=where, values={"a": a, "b": b})

    return loss(
        "CosineEmbeddingLoss", "Small where like pairs point the same way and unlike ones do not.",
        "For embeddings of which only the direction counts; the target says which pairs are alike. "
        "One loss per pair; without a batch it is a single one.",
        keys=(_margin(0.0), SIZE_AVERAGE, REDUCE, reduction()),
        inputs=(
            TensorIn("input1", both, "vectors", dtypes="any", tells_dtype=True),
            TensorIn("input2", second, "vectors to compare them with", dtypes="any", tells_dtype=True, like="input1"),
            TensorIn(
                "target", (Form("T", where=BATCHED), Form("", where=not_(BATCHED))), "1 for like, -1 for unlike",
                dtypes="any", infer=when(BATCHED, dims(N=N), concat()),
            ),
        ),
        shape=when(BATCHED, dims(N=pairs), concat()),
        dtype=promote(x, y).word,
        facts={"same_shape": when(BATCHED, and_(eq_(N, N2), eq_(N, T)), num(True))},
        rules=(
            wants(not_(or_(x.complex, y.complex)), "torch takes no maximum of complex numbers", "input1", "input2"),
            fits(D, D2, "input1 has {a} components, but input2 has {b}", "give input2 {a} components"),
            fits(N, N2, "input1 has {a} vectors, but input2 has {b}", "give input2 {a} vectors", BATCHED),
            fits(
                when(eq_(N, 1), N2, N), T, "there are {a} pairs, but the target has {b}", "give the target {a} numbers",
                BATCHED,
            ),
        ),
        positional=("margin",),
        examples=("", "margin=0.5 reduction=none -i 8,10", "-i 10"),
    )  # fmt: skip


def margin_ranking() -> Layer:
    """max(0, -target * (input1 - input2) + margin)."""
    T = sym("T", "shape of the target")
    x, y, t = typed("input1"), typed("input2"), typed("target")
    names = ("input1", "input2", "target")
    shapes: dict[str, Expr] = {"input1": X, "input2": Y, "target": T}
    return loss(
        "MarginRankingLoss", "Small where one score is above the other by a margin.",
        "For scores of which only the order counts: the target is 1 where the first should be higher, else -1. "
        "All three have as many axes, and broadcast to the shape.",
        keys=(_margin(0.0), SIZE_AVERAGE, REDUCE, reduction()),
        inputs=(
            tensor("input1", "X", "scores"),
            tensor("input2", "Y", "scores to compare them with", like="input1"),
            tensor("target", "T", "1 where input1 should be higher, else -1", infer=X),
        ),
        shape=when(SAME, X, broadcast(X, Y, T)),
        dtype=fractional(promote(t, promote(x, y))).word,
        facts={"same_shape": and_(eq_(X, Y), eq_(X, T))},
        rules=(
            *same_rank(shapes),
            no_bools(*names),
            wants(not_(or_(or_(x.complex, y.complex), t.complex)), "torch takes no maximum of complex numbers", *names),
            *must_broadcast(shapes),
        ),
        positional=("margin",),
        examples=("", "margin=0.5 reduction=none -i 8"),
    )  # fmt: skip


# --- triplets --------------------------------------------------------------------------------------------------------

_POS, _NEG = sym("POS", "shape of the positive"), sym("NEG", "shape of the negative")
_SWAP = sym("swap")
_SHAPES: dict[str, Expr] = {"anchor": X, "positive": _POS, "negative": _NEG}
_ALIKE = {"same_shape": and_(eq_(X, _POS), eq_(X, _NEG))}
_TRIPLET = (
    tensor("anchor", "X", "vectors"),
    tensor("positive", "POS", "vectors that are like them", like="anchor"),
    tensor("negative", "NEG", "vectors that are unlike them", like="anchor"),
)
_LARGER = Need(
    not_(le_(_MARGIN, 0)), "margin must be positive, not {margin}", "use margin=1", "margin", code="torch.range"
)
_BALNTAS = "https://doi.org/10.5244/C.30.119"


def _swap(strict: bool) -> Key:
    return flag(
        "swap", False, "whether a negative nearer to the positive than to the anchor counts by that distance",
        strict=strict, effect="the shape stays; true takes the harder of two negatives",
    )  # fmt: skip


def _triplets(
    distances: Callable[[Expr], Expr],
    dtype: Callable[[Typed, Typed], Typed],
    rules: Callable[[Expr, Expr | None], tuple[Need, ...]],
) -> tuple[Expr, Expr, tuple[Need, ...]]:
    """The shape, dtype and rules of max(0, margin + d(anchor, positive) - d(anchor, negative)).

    ``distances``: the shape of the distances of vectors of a shape, ``dtype`` that of two vectors', ``rules`` what
    vectors of a shape must meet.
    """
    anchor, positive, negative = map(typed, _SHAPES)
    near, far, between = broadcast(X, _POS), broadcast(X, _NEG), broadcast(_POS, _NEG)
    losses = promote(dtype(anchor, positive), dtype(anchor, negative))
    swapped = promote(losses, dtype(positive, negative))
    shapes = {name: distances(shape) for name, shape in _SHAPES.items()}
    return (
        when(SAME, shapes["anchor"], broadcast(*shapes.values())),
        when(_SWAP, swapped.word, losses.word),
        (
            *same_rank(_SHAPES),
            *must_broadcast({"anchor": X, "positive": _POS}),
            *must_broadcast({"anchor": X, "negative": _NEG}),
            *must_broadcast({"positive": _POS, "negative": _NEG}, where=_SWAP),
            *must_broadcast({"positive": distances(_POS), "negative": distances(_NEG)}, where=not_(_SWAP)),
            *rules(near, None), *rules(far, None), *rules(between, _SWAP),
        ),
    )  # fmt: skip


def triplet_margin() -> Layer:
    """Triplets by the p-norm (Balntas et al. 2016)."""
    p = sym("p", "degree of the norm")
    shape, dtype, rules = _triplets(
        lambda shape: without_last(shape, num(False)), distance_dtype, lambda shape, where: (normable(shape, p, where),)
    )
    return loss(
        "TripletMarginLoss", "Small where an anchor is nearer to its like than to its unlike, by a margin.",
        "For embeddings that are learned from which is like which. "
        "One loss per vector: the last axis goes, the others broadcast.",
        keys=(
            _margin(1.0),
            Key(
                "p", Double(), 2.0, symbols=(p,), meaning="degree of the norm that is the distance",
                effect="the shape stays; the larger, the more the largest difference counts",
            ),
            setting(
                "eps", Double(), 1e-6, "what is added to each difference",
                effect="the shape stays; it keeps the distance of equal vectors off 0",
            ),
            _swap(strict=True), SIZE_AVERAGE, REDUCE, reduction(),
        ),
        inputs=_TRIPLET,
        facts=_ALIKE,
        shape=shape,
        dtype=dtype,
        rules=(_LARGER, no_bools(*_SHAPES), *rules),
        positional=("margin", "p"),
        examples=("", "margin=0.5 swap=true", "reduction=none -i 8,10"),
        paper=_BALNTAS,
    )  # fmt: skip


def triplet_margin_with_distance() -> Layer:
    """Triplets by a distance of one's own choice: a PairwiseDistance, with its defaults where left out, or a cosine."""
    given, p, dim, eps = (sym(f"distance_{name}") for name in ("function_given", "p", "dim", "eps"))
    cosine = is_(sym("distance_function_class"), "CosineSimilarity")
    normed = and_(given, not_(cosine))
    keepdim = when(normed, sym("distance_keepdim"), num(False))
    shape, dtype, rules = _triplets(
        lambda shape: when(cosine, without(shape, dim), without_last(shape, keepdim)),
        lambda x, y: either(cosine, similarity_dtype(x, y)[1], distance_dtype(x, y)),
        lambda shape, where: (normable(shape, p, normed if where is None else and_(normed, where)),),
    )

    def alike(x: str, y: str, where: Expr) -> tuple[Need, ...]:
        return comparable(x, y, similarity_dtype(typed(x), typed(y))[0], eps, where)

    return loss(
        "TripletMarginWithDistanceLoss", "The triplet loss by a distance of one's own choice.",
        "For embeddings that are learned from which is like which. "
        "The distance decides the shape: a PairwiseDistance takes the last axis away.",
        keys=tuple(
            key._replace(keyword_only=True)
            for key in (
                Key(
                    "distance_function", Part(pairwise_distance(), "distance_", True, (cosine_similarity(),)), None,
                    meaning="the distance of two vectors; left out, a PairwiseDistance with its defaults",
                    effect="the losses have the shape of its output",
                ),
                _margin(1.0, Number()), _swap(strict=False), reduction(),
            )
        ),
        legacy=False,
        deprecated_word=False,
        shown=("distance_function",),
        inputs=_TRIPLET,
        facts=_ALIKE,
        shape=shape,
        dtype=dtype,
        rules=(
            _LARGER,
            no_bools(*_SHAPES, where=not_(cosine)),
            *rules[:2],
            is_axis(dim, X, cosine),
            *alike("anchor", "positive", cosine),
            *alike("anchor", "negative", cosine),
            *alike("positive", "negative", and_(cosine, _SWAP)),
            *rules[2:],
        ),
        positional=("margin",),
        examples=("", "margin=0.5 swap=true", "reduction=none -i 8,10"),
        paper=_BALNTAS,
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (
        hinge_embedding(),
        cosine_embedding(),
        margin_ranking(),
        triplet_margin(),
        triplet_margin_with_distance(),
    )
