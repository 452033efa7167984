"""Batch, instance and layer normalisation."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    concat,
    dims,
    eq_,
    ge_,
    le_,
    length,
    lt_,
    ne_,
    not_,
    num,
    or_,
    size,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Key, Layer, Need, Out, Param, TensorIn
from layercli.layers.kinds import Int, IntList, Real
from layercli.layers.vocabulary import (
    BATCH,
    BATCHED,
    DEFAULT_INPUT,
    SPATIAL,
    TRAINING,
    C,
    N,
    X,
    batched_forms,
    flag,
    integer,
    setting,
    spatial,
)

_AFFINE, _TRACKS, _FEATURES = (
    sym("affine"),
    sym("track_running_stats"),
    sym("num_features", "channels that the layer is made for"),
)
_EPS = sym("eps")
_RUNNING = (
    Param("running_mean", (_FEATURES,)),
    Param("running_var", (_FEATURES,)),
    Param("num_batches_tracked", (), dtype="int64"),
)
_EMPTY = sym("empty", "whether the input has no elements")
_GIVE_MORE = "give it a larger input, or use --eval with running statistics"


def _channels_agree(where: Expr, unless: Expr | None = None) -> Need:
    agree = eq_(C, _FEATURES)
    return Need(
        agree if unless is None else or_(agree, unless),
        "num_features is {num_features}, but the input has {C} channels",
        "use features={C}, or leave num_features out",
        "num_features",
        where=where,
    )


def _keys(affine: bool, tracks: bool) -> tuple[Key, ...]:
    return (
        integer(
            "num_features",
            "num_features",
            "channels of the input",
            kind=Int(least=0, bools=False),
            aliases=("features", "in"),
            infer=C,
        )._replace(where=or_(_AFFINE, _TRACKS)),
        setting("eps", Real(), 1e-5, "what is added to the variance before its root is taken", "eps"),
        setting("momentum", Real(optional=True), 0.1, "weight of the newest batch in the running statistics"),
        flag("affine", affine, "whether each channel is scaled and shifted by learned numbers"),
        flag("track_running_stats", tracks, "whether the module keeps running statistics for eval mode"),
        flag("bias", True, "whether an affine norm shifts as well as scales")._replace(keyword_only=True),
    )


def _tensors() -> tuple[tuple[Param, ...], tuple[Param, ...]]:
    params = (Param("weight", (_FEATURES,), _AFFINE), Param("bias", (_FEATURES,), and_(_AFFINE, sym("bias"))))
    return params, tuple(param._replace(where=_TRACKS) for param in _RUNNING)


def batchnorm(rank: int) -> Layer:
    """Batch normalisation (Ioffe & Szegedy 2015): one mean and variance per channel, over the batch and all positions."""
    axes, image = SPATIAL[rank], spatial(rank)
    forms = [Form("N C " + " ".join(axes), facts={"positions": True})]
    if rank == 1:
        forms.append(Form("N C", facts={"positions": False}))
    positions = sym("positions", "whether the input has spatial axes")
    values = size([N, *image])
    params, buffers = _tensors()
    batch_statistics = or_(TRAINING, not_(_TRACKS))
    count = when(positions, values, N) if rank == 1 else values
    rules = (
        Need(
            ne_(count, 1), "mean and variance need more than one value per channel, and the input has one",
            _GIVE_MORE.replace("input", "batch"), where=batch_statistics, code="shape.single-value",
        ),
        Need(
            not_(le_(_EPS, 0)), "eps must be positive while batch statistics are used, not {eps}", "use eps=1e-5", "eps",
            where=batch_statistics, code="torch.range",
        ),
        Need(
            not_(lt_(_EPS, 0)), "eps must not be negative, and is {eps}", "use eps=1e-5", "eps",
            where=not_(batch_statistics), code="torch.range",
        ),
        _channels_agree(and_(or_(_AFFINE, _TRACKS), not_(_EMPTY))),
        Need(
            ge_(_FEATURES, 1), "an affine batch norm needs at least one feature", "use features=1 or more", "num_features",
            where=_AFFINE,
        ),
    )  # fmt: skip
    shape = concat(dims(N=N, C=C), dims(**dict(zip(axes, image))))
    if rank == 1:
        shape = when(positions, shape, dims(N=N, C=C))
    return Layer(
        name=f"batchnorm{rank}d",
        torch=f"BatchNorm{rank}d",
        summary="Normalises each channel over the batch and all positions.",
        keys=_keys(affine=True, tracks=True),
        positional=("num_features",),
        inputs=(
            TensorIn(
                "input",
                tuple(forms),
                "what is normalised",
                dtypes=when(or_(_AFFINE, _TRACKS), num("norm"), num("float")),
            ),
        ),
        outputs=(Out("output", shape),),
        facts={"empty": eq_(count * C, 0)},
        rules=rules,
        params=params,
        buffers=buffers,
        window=(),
        default_input=DEFAULT_INPUT[rank],
        prose="In train mode the statistics are the batch's own, in eval mode the running ones. The shape does not change.",
        examples=(f"batchnorm{rank}d", f"batchnorm{rank}d affine=false", f"batchnorm{rank}d track_running_stats=false"),
        paper="https://arxiv.org/abs/1502.03167",
    )


def instancenorm(rank: int) -> Layer:
    """Instance normalisation (Ulyanov et al. 2016): one mean and variance per sample and channel."""
    axes, image = SPATIAL[rank], spatial(rank)
    params, buffers = _tensors()
    rows = when(BATCHED, N, 1)
    return Layer(
        name=f"instancenorm{rank}d",
        torch=f"InstanceNorm{rank}d",
        summary="Normalises each channel of each sample over its positions.",
        keys=_keys(affine=False, tracks=False),
        positional=("num_features",),
        inputs=(TensorIn("input", batched_forms(rank), "what is normalised", dtypes=when(_AFFINE, num("norm"), num("float"))),),
        outputs=(Out("output", concat(BATCH, dims(C=C), dims(**dict(zip(axes, image))))),),
        facts={"empty": eq_(rows * C * size(image), 0)},
        rules=(
            Need(
                ne_(size(image), 1), "mean and variance need more than one position per channel, and the input has one",
                _GIVE_MORE, code="shape.single-value", where=or_(TRAINING, not_(_TRACKS)),
            ),
            _channels_agree(_AFFINE),
            _channels_agree(and_(and_(_TRACKS, not_(_AFFINE)), not_(_EMPTY))),
            _channels_agree(
                and_(and_(_TRACKS, not_(_AFFINE)), and_(_EMPTY, TRAINING)), unless=and_(eq_(rows, 0), eq_(C, 1))
            ),
            Need(
                ge_(rows * C, 1), "an affine instance norm needs a batch and channels that are not empty",
                "give it at least one sample with one channel", where=_AFFINE,
            ),
        ),
        params=params,
        buffers=buffers,
        window=(),
        default_input=DEFAULT_INPUT[rank],
        prose="Unlike batch norm it does not look across the batch, and by default it learns nothing and keeps no statistics.",
        examples=(f"instancenorm{rank}d", f"instancenorm{rank}d affine=true"),
        paper="https://arxiv.org/abs/1607.08022",
    )  # fmt: skip


def layernorm() -> Layer:
    """Layer normalisation (Ba et al. 2016): one mean and variance per sample, over the last axes."""
    shape, affine, bias = sym("S", "shape that is normalised over"), sym("elementwise_affine"), sym("bias")
    tail = slice_(X, length(X) - length(shape), length(X))
    agree = [
        Need(ge_(length(shape), 1), "normalized_shape is empty", "give the sizes of the last axes", "normalized_shape"),
        Need(
            ge_(length(X), length(shape)), "normalized_shape has {have} axes, but the input has {rank}",
            "name at most the last {rank} axes", "normalized_shape", values={"have": length(shape), "rank": length(X)},
        ),
    ]  # fmt: skip
    return Layer(
        name="layernorm",
        torch="LayerNorm",
        summary="Normalises each sample over its last axes.",
        keys=(
            Key(
                "normalized_shape", IntList(), aliases=("shape",), symbols=(shape,), structural=True,
                infer=slice_(X, -1, length(X)), meaning="sizes of the last axes, over which mean and variance are taken",
            ),
            setting("eps", Real(), 1e-5, "what is added to the variance before its root is taken"),
            flag("elementwise_affine", True, "whether each element is scaled (and shifted) by learned numbers"),
            flag("bias", True, "whether there is a learned shift beside the scale"),
        ),
        positional=("normalized_shape",),
        inputs=(TensorIn("input", (Form("*X"),), "what is normalised", dtypes=when(affine, num("norm"), num("float"))),),
        outputs=(Out("output", X),),
        rules=(
            *agree,
            Need(
                eq_(shape, tail), "normalized_shape is {want}, but the last axes of the input are {got}",
                "use shape={got}", "normalized_shape", values={"want": shape, "got": tail},
            ),
        ),
        params=(
            Param("weight", (shape,), where=affine),
            Param("bias", (shape,), where=and_(affine, bias)),
        ),
        window=None,
        default_input=(1, 3, 16, 16),
        prose="Left alone it normalises the last axis. It does not look across the batch and keeps no statistics.",
        examples=("layernorm", "layernorm 3,16,16", "layernorm 16 bias=false"),
        paper="https://arxiv.org/abs/1607.06450",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (*map(batchnorm, (1, 2, 3)), *map(instancenorm, (1, 2, 3)), layernorm())
