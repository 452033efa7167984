"""Batch and instance normalisation: statistics per channel, running ones for eval mode, and their lazy classes."""

from __future__ import annotations

from typing import Any

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
    ne_,
    not_,
    num,
    or_,
    product,
    size,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, Param, TensorIn, lazy
from layercli.layers.kept import GRAD, INPUT
from layercli.layers.kinds import Int, Kind, Real
from layercli.layers.vocabulary import (
    BATCH,
    BATCHED,
    DEFAULT_INPUT,
    ROWS,
    SPATIAL,
    TRAINING,
    C,
    N,
    X,
    batched_forms,
    channelled,
    flag,
    integer,
    setting,
    spatial,
)

FAMILY = "normalisation"

_FEATURES = sym("num_features", "channels that the layer is made for")
_AFFINE, _TRACKS, _EPS = sym("affine"), sym("track_running_stats"), sym("eps")
_POSITIONS = sym("positions", "whether the input has spatial axes")

_HOLDS_SOMETHING = or_(_AFFINE, _TRACKS)
_BATCH_STATISTICS = or_(TRAINING, not_(_TRACKS))
_STATISTICS_ONLY = and_(_TRACKS, not_(_AFFINE))

_PARAMS = (Param("weight", (_FEATURES,), _AFFINE), Param("bias", (_FEATURES,), and_(_AFFINE, sym("bias"))))
_BUFFERS = (
    Param("running_mean", (_FEATURES,), _TRACKS),
    Param("running_var", (_FEATURES,), _TRACKS),
    Param("num_batches_tracked", (), _TRACKS, dtype="int64"),
)
_MEANING = "what is normalised"


def _computed_in(own: Expr) -> Expr:
    return when(own, num("parameters"), num("input"))


def _kept(groups: Expr, count: Expr, own: Expr = _HOLDS_SOMETHING) -> tuple[Kept, ...]:
    """The input, and where they are the batch's own, mean and deviation of each of so many groups of ``count``.

    ``own``: whether they are computed in the parameters' dtype, not the input's.
    """
    where = and_(_BATCH_STATISTICS, ne_(groups * count, 0))
    dtype = _computed_in(own)
    return (*INPUT, Kept("means", groups, dtype, where), Kept("inverse deviations", groups, dtype, where))


# --- keys ----------------------------------------------------------------------------------------------------------


class _Vector(Int):
    """The length of a vector. torch makes it of a list of one as well."""

    tells_single = True

    def read(self, value: Any) -> int | None:
        """The value in its normal form; BadValue where torch would not take it."""
        return super().read(value[0] if isinstance(value, tuple) and len(value) == 1 else value)


def _keys(learns: bool, kind: Kind) -> tuple[Key, ...]:
    """``learns``: whether affine and track_running_stats are on where nothing is said."""
    return (
        integer(
            "num_features", "num_features", "channels of the input", kind=kind, aliases=("features", "in"), infer=C,
            effect="the shape stays; parameters and statistics grow with it",
        )._replace(where=_HOLDS_SOMETHING),
        setting(
            "eps", Real(), 1e-5, "what is added to the variance before its root is taken", "eps",
            effect="the shape stays; channels of little variance are amplified less",
        ),
        setting(
            "momentum", Real(optional=True), 0.1,
            "weight of the newest batch in the running statistics; none for their plain mean",
            effect="the shape stays; running statistics follow the newest batches sooner",
        ),
        flag(
            "affine", learns, "whether each channel is scaled and shifted by learned numbers",
            effect="the shape stays; adds 2*num_features parameters",
        ),
        flag(
            "track_running_stats", learns, "whether the module keeps running statistics for eval mode",
            effect="the shape stays; adds 2*num_features + 1 numbers in buffers, which eval mode normalises by",
        ),
        flag(
            "bias", True, "whether an affine norm shifts as well as scales",
            effect="the shape stays; num_features parameters less without it",
        )._replace(keyword_only=True),
    )  # fmt: skip


class _Group(Kind):
    """A process group: where there is one process only, torch does not look at it."""

    words = ("none",)
    describe = "a process group, or none"


_LEARNING = _keys(True, _Vector(least=0, bools=False))
_PLAIN = _keys(False, _Vector(least=0, bools=False))
_GROUP = Key(
    "process_group", _Group(), None, meaning="the processes whose batches are normalised together",
    effect="the shape stays; one process, as here, is a group of its own",
)  # fmt: skip


# --- what must hold --------------------------------------------------------------------------------------------------

_LISTED = Need(
    sym("num_features_single"), "an affine instance norm takes no list for num_features", "write the number alone", "num_features",
    where=_AFFINE, code="torch.list",
)  # fmt: skip


def _channels_agree(where: Expr, unless: Expr | None = None, channels: Expr = C) -> Need:
    agree = eq_(channels, _FEATURES)
    return Need(
        agree if unless is None else or_(agree, unless),
        "num_features is {num_features}, but the input has {channels} channels",
        "use features={channels}, or leave num_features out", "num_features", where, {"channels": channels},
    )  # fmt: skip


def _batch_rules(count: Expr, channels: Expr = C) -> tuple[Need, ...]:
    """``count``: the values per channel that mean and variance are taken over."""
    return (
        Need(
            ne_(count, 1), "mean and variance need more than one value per channel, and the input has one",
            "give it a larger batch, or use --eval with running statistics", where=_BATCH_STATISTICS,
            code="shape.single-value",
        ),
        Need(
            not_(le_(_EPS, 0)), "eps must be positive while batch statistics are used, not {eps}", "use eps=1e-5", "eps",
            where=_BATCH_STATISTICS, code="torch.range",
        ),
        Need(
            not_(lt_(_EPS, 0)), "eps must not be negative, and is {eps}", "use eps=1e-5", "eps",
            where=not_(_BATCH_STATISTICS), code="torch.range",
        ),
        _channels_agree(_HOLDS_SOMETHING, eq_(count * channels, 0), channels),
        Need(
            ge_(_FEATURES, 1), "an affine batch norm needs at least one channel", "give it an input with channels",
            where=_AFFINE,
        ),
    )  # fmt: skip


def _instance_rules(rank: int) -> tuple[Need, ...]:
    """An empty input is asked for its channels only where running statistics are to be updated."""
    positions, rows = size(spatial(rank)), ROWS
    return (
        Need(
            ne_(positions, 1), "mean and variance need more than one position per channel, and the input has one",
            "give it a larger input, or use --eval with running statistics", where=_BATCH_STATISTICS,
            code="shape.single-value",
        ),
        _channels_agree(_AFFINE),
        _channels_agree(and_(_STATISTICS_ONLY, not_(TRAINING)), unless=eq_(rows * C * positions, 0)),
        _channels_agree(and_(_STATISTICS_ONLY, TRAINING), unless=and_(eq_(rows, 0), eq_(C, 1))),
        Need(
            ge_(rows * C, 1), "an affine instance norm needs a batch and channels that are not empty",
            "give it at least one sample with one channel", where=_AFFINE,
        ),
    )  # fmt: skip


# --- the layers ------------------------------------------------------------------------------------------------------


def batchnorm(rank: int) -> Layer:
    """Batch normalisation (Ioffe & Szegedy 2015): one mean and variance per channel, over the batch and all positions."""
    axes, image = SPATIAL[rank], spatial(rank)
    forms: tuple[Form, ...] = (Form(f"N C {' '.join(axes)}", facts={"positions": True}),)
    count, shape = size([N, *image]), dims(N=N, C=C, **dict(zip(axes, image)))
    if rank == 1:
        forms += (Form("N C", facts={"positions": False}),)
        count, shape = when(_POSITIONS, count, N), when(_POSITIONS, shape, dims(N=N, C=C))
    return Layer(
        name=f"batchnorm{rank}d",
        torch=f"BatchNorm{rank}d",
        summary="Normalises each channel over the batch and all positions.",
        keys=_LEARNING,
        positional=("num_features",),
        inputs=(TensorIn("input", forms, _MEANING, dtypes=when(_HOLDS_SOMETHING, num("norm"), num("float"))),),
        outputs=(Out("output", shape),),
        rules=_batch_rules(count),
        params=_PARAMS,
        buffers=_BUFFERS,
        window=(),
        kept=_kept(C, count),
        default_input=DEFAULT_INPUT[rank],
        prose="In train mode the statistics are the batch's own, in eval mode the running ones. The shape does not change.",
        examples=(f"batchnorm{rank}d", f"batchnorm{rank}d affine=false", f"batchnorm{rank}d track_running_stats=false"),
        paper="https://arxiv.org/abs/1502.03167",
    )


def syncbatchnorm() -> Layer:
    """Batch normalisation over the batches of several processes; in one process it is plain, whatever the rank."""
    ranked = ge_(length(X), 2)
    channels = when(ranked, at(X, 1), 0)
    count = when(ranked, at(X, 0) * product(slice_(X, 2, length(X))), 0)
    return batchnorm(2)._replace(
        name="syncbatchnorm",
        torch="SyncBatchNorm",
        summary="Batch norm with one mean and variance for the batches of all processes.",
        keys=(_LEARNING[0]._replace(infer=channels), *_LEARNING[1:-1], _GROUP, _LEARNING[-1]),
        inputs=(
            TensorIn("input", channelled(), _MEANING, dtypes=when(_HOLDS_SOMETHING, num("norm"), num("float"))),
        ),
        outputs=(Out("output", X),),
        rules=(
            Need(
                ranked, "syncbatchnorm takes (N, C, …), but its input has {rank} axes", "give it 2 or more axes",
                values={"rank": length(X)}, code="shape.rank",
            ),
            Need(ge_(channels, 1), "the input has no channels", "give it at least one channel"),
            *_batch_rules(count, channels),
        ),
        kept=_kept(channels, count),
        hidden=("process_group",),
        prose="Where each of several processes holds few samples, statistics over all of them are steadier. "
        "One process alone, as here, does what batch norm does, over any number of axes; the shape does not change.",
        examples=("syncbatchnorm", "syncbatchnorm affine=false -i 4,8,10"),
        paper="https://arxiv.org/abs/1803.08904",
    )  # fmt: skip


def instancenorm(rank: int) -> Layer:
    """Instance normalisation (Ulyanov et al. 2016): one mean and variance per sample and channel."""
    filled = ne_(size(spatial(rank)), 0)
    return Layer(
        name=f"instancenorm{rank}d",
        torch=f"InstanceNorm{rank}d",
        summary="Normalises each channel of each sample over its positions.",
        keys=_PLAIN,
        positional=("num_features",),
        inputs=(
            TensorIn("input", batched_forms(rank), _MEANING, dtypes=when(_AFFINE, num("norm"), num("float"))),
        ),
        outputs=(Out("output", concat(BATCH, dims(C=C, **dict(zip(SPATIAL[rank], spatial(rank)))))),),
        rules=(_LISTED, *_instance_rules(rank)),
        params=_PARAMS,
        buffers=_BUFFERS,
        window=(),
        kept=(
            *_kept(ROWS * C, size(spatial(rank)), _AFFINE),
            Kept("weight of each sample", ROWS * C, "parameters", and_(_AFFINE, or_(filled, GRAD))),
            Kept("running statistics of each sample", 2 * ROWS * C, _computed_in(_AFFINE), and_(_TRACKS, filled)),
        ),
        default_input=DEFAULT_INPUT[rank],
        prose="Unlike batch norm it does not look across the batch, and by default it learns nothing and keeps no "
        "statistics. The shape does not change.",
        examples=(f"instancenorm{rank}d", f"instancenorm{rank}d affine=true"),
        paper="https://arxiv.org/abs/1607.08022",
    )  # fmt: skip


def lazily(layer: Layer, second: Expr = C) -> Layer:
    """The lazy class: it learns and tracks unless told not to, and reads num_features off the ``second`` axis."""
    made = lazy(layer, "num_features")
    told = "num_features is read off axis 1 as {num_features}, but the {channels} channels are axis 0"
    return made._replace(
        keys=_LEARNING[1:],
        materialised=(_LEARNING[0]._replace(infer=second),),
        rules=tuple(
            rule._replace(message=told, fix="give it a batch axis", key="") if rule.key == "num_features" else rule
            for rule in layer.rules
            if rule is not _LISTED
            if isinstance(rule, Need)
        ),
        prose="The first call makes parameters and running statistics for as many channels as the input's axis 1 has. "
        "Both are there unless they are turned off; the shape does not change.",
        examples=(made.name, f"{made.name} affine=false"),
    )


def layers() -> tuple[Layer, ...]:
    """The family."""
    batch, instance = tuple(map(batchnorm, (1, 2, 3))), tuple(map(instancenorm, (1, 2, 3)))
    seconds = (when(BATCHED, C, spatial(rank)[0]) for rank in (1, 2, 3))
    return (*batch, *instance, syncbatchnorm(), *map(lazily, batch), *map(lazily, instance, seconds))
