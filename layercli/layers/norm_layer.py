"""Normalisation over the axes of one sample: layer, RMS, group and local response."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    at,
    dims,
    eq_,
    ge_,
    gt_,
    is_,
    le_,
    length,
    lt_,
    max_,
    ne_,
    not_,
    num,
    or_,
    product,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, Param, TensorIn
from layercli.layers.kept import INPUT, dtype_of, grad
from layercli.layers.kinds import Int, IntList, Real
from layercli.layers.vocabulary import SMALL, SPATIAL, C, N, X, channelled, flag, integer, setting, spatial

FAMILY = "normalisation"

_SHAPE, _AFFINE, _BIAS = sym("S", "shape that is normalised over"), sym("elementwise_affine"), sym("bias")
_TAIL = slice_(X, length(X) - length(_SHAPE), length(X))
_SAMPLES = product(slice_(X, 0, length(X) - length(_SHAPE)))
_MEANING = "what is normalised"
_ADDED = "what is added to the variance before its root is taken"
_DAMPS = "the shape stays; what varies little is amplified less"


# --- over the last axes ----------------------------------------------------------------------------------------------

_NORMALISED = Key(
    "normalized_shape", IntList(), aliases=("shape",), symbols=(_SHAPE,), structural=True,
    infer=slice_(X, -1, length(X)), meaning="sizes of the last axes, which are normalised together",
    effect="the shape stays; the weight has this shape",
)  # fmt: skip
_ENDS_SO = (
    Need(ge_(length(_SHAPE), 1), "normalized_shape is empty", "give the sizes of the last axes", "normalized_shape"),
    Need(
        ge_(length(X), length(_SHAPE)), "normalized_shape has {have} axes, but the input has {rank}",
        "name at most the last {rank} axes", "normalized_shape", values={"have": length(_SHAPE), "rank": length(X)},
    ),
    Need(
        eq_(_SHAPE, _TAIL), "normalized_shape is {want}, but the last axes of the input are {got}",
        "use shape={got}", "normalized_shape", values={"want": _SHAPE, "got": _TAIL},
    ),
)  # fmt: skip
_WEIGHT = Param("weight", (_SHAPE,), _AFFINE)


def _statistics(groups: Expr, learns: Expr) -> tuple[Kept, ...]:
    """The input, and mean and deviation of each of so many groups, in the dtype of the parameters if there are any."""
    dtype = when(learns, num("parameters"), num("input"))
    return (*INPUT, Kept("means", groups, dtype), Kept("inverse deviations", groups, dtype))


def _scaled(what: str) -> Key:
    return flag(
        "elementwise_affine", True, f"whether each element is {what} by learned numbers",
        effect="the shape stays; without it there are no parameters",
    )  # fmt: skip


def layernorm() -> Layer:
    """Layer normalisation (Ba et al. 2016): one mean and variance per sample, over the last axes."""
    return Layer(
        name="layernorm",
        torch="LayerNorm",
        summary="Normalises each sample over its last axes.",
        keys=(
            _NORMALISED,
            setting("eps", Real(), 1e-5, _ADDED, effect=_DAMPS),
            _scaled("scaled (and shifted)"),
            flag(
                "bias", True, "whether there is a learned shift beside the scale",
                effect="the shape stays; half the parameters without it",
            ),
        ),
        positional=("normalized_shape",),
        inputs=(TensorIn("input", (Form("*X"),), _MEANING, dtypes=when(_AFFINE, num("norm"), num("float"))),),
        outputs=(Out("output", X),),
        rules=_ENDS_SO,
        params=(_WEIGHT, Param("bias", (_SHAPE,), and_(_AFFINE, _BIAS))),
        kept=_statistics(_SAMPLES, _AFFINE),
        lies="any",
        window=(),
        default_input=(1, 3, 16, 16),
        prose="Left alone it normalises the last axis; it does not look across the batch and keeps no statistics. "
        "normalized_shape must be the input's last axes, and the shape does not change.",
        examples=("layernorm", "layernorm 3,16,16", "layernorm 16 bias=false"),
        paper="https://arxiv.org/abs/1607.06450",
    )  # fmt: skip


def rmsnorm() -> Layer:
    """Root mean square normalisation (Zhang & Sennrich 2019): layer norm without taking the mean off."""
    halves = or_(is_(dtype_of("x"), "float16"), is_(dtype_of("x"), "bfloat16"))
    dtype = when(halves, num("float32"), num("input"))
    return Layer(
        name="rmsnorm",
        torch="RMSNorm",
        summary="Divides each sample by the root mean square over its last axes.",
        keys=(
            _NORMALISED,
            setting(
                "eps", Real(optional=True), None,
                "what is added to the mean square before its root is taken; none for the dtype's machine epsilon",
                effect=_DAMPS,
            ),
            _scaled("scaled"),
        ),
        positional=("normalized_shape",),
        inputs=(TensorIn("x", (Form("*X"),), _MEANING, dtypes="float or complex"),),
        outputs=(Out("output", X),),
        rules=_ENDS_SO,
        params=(_WEIGHT,),
        kept=(
            Kept("x", where=and_(grad("x"), not_(halves))), Kept("x in float32", product(X), "float32", and_(grad("x"), halves)),
            Kept("inverse roots", _SAMPLES, dtype, grad("x")), Kept("normalised x", product(X), dtype, _AFFINE),
        ),
        window=(),
        default_input=(1, 3, 16, 16),
        prose="A layer norm without mean and without bias, which is cheaper and serves language models as well. "
        "normalized_shape must be the input's last axes, and the shape does not change.",
        examples=("rmsnorm", "rmsnorm 16,16", "rmsnorm elementwise_affine=false -i 2,10,64"),
        paper="https://arxiv.org/abs/1910.07467",
    )  # fmt: skip


# --- over groups of channels -----------------------------------------------------------------------------------------


_GROUPS = sym("g", "number of groups")
_CHANNELS = sym("num_channels", "channels that the layer is made for")
_SCALED = sym("affine")
_RANKED = ge_(length(X), 2)
_SECOND = when(_RANKED, at(X, 1), 0)
_VALUES = when(_RANKED, at(X, 0) * at(X, 1) // _GROUPS * product(slice_(X, 2, length(X))), 0)
"""What torch counts: the values of a group in the whole batch, although each sample is normalised by itself."""


def _group_keys() -> tuple[Key, ...]:
    return (
        integer(
            "num_groups", "g", "number of groups that channels are split into", kind=Int(least=1, bools=False),
            aliases=("groups",),
            effect="the shape stays; 1 normalises all channels together, num_channels each by itself",
        ),
        integer(
            "num_channels", "num_channels", "channels of the input", kind=Int(bools=False), aliases=("channels", "in"),
            infer=_SECOND, effect="the shape stays; weight and bias have this many numbers",
        ),
        setting("eps", Real(), 1e-5, _ADDED, effect=_DAMPS),
        flag(
            "affine", True, "whether each channel is scaled and shifted by learned numbers",
            effect="the shape stays; adds 2*num_channels parameters",
        ),
        flag(
            "bias", True, "whether an affine norm shifts as well as scales",
            effect="the shape stays; num_channels parameters less without it",
        )._replace(keyword_only=True),
    )  # fmt: skip


def _group_rules() -> tuple[Need, ...]:
    """The constructor holds the groups against num_channels; of what it is for, only a weight makes sure."""
    return (
        Need(
            _RANKED, "groupnorm takes (N, C, …), but its input has {rank} axes", "give it 2 or more axes",
            values={"rank": length(X)}, code="shape.rank",
        ),
        Need(
            eq_(_CHANNELS % _GROUPS, 0), "num_groups {g} does not divide the {num_channels} channels",
            "use {divisors} groups", "num_groups", divisors=(_CHANNELS, _GROUPS),
        ),
        Need(
            ge_(_CHANNELS, 0), "num_channels must be at least 0, not {num_channels}", "leave num_channels out",
            "num_channels", where=_SCALED, code="torch.range",
        ),
        Need(
            eq_(_SECOND % _GROUPS, 0), "num_groups {g} does not divide the {channels} channels of the input",
            "use {divisors} groups", "num_groups", values={"channels": _SECOND}, divisors=(_SECOND, _GROUPS),
        ),
        Need(
            eq_(_SECOND, _CHANNELS), "num_channels is {num_channels}, but the input has {channels} channels",
            "use channels={channels}, or leave num_channels out", "num_channels", where=_SCALED,
            values={"channels": _SECOND},
        ),
        Need(
            ne_(_VALUES, 1), "mean and variance need more than one value per group, and the input has one",
            "give it a larger input, or use fewer groups", code="shape.single-value",
        ),
    )  # fmt: skip


def groupnorm() -> Layer:
    """Group normalisation (Wu & He 2018): one mean and variance per sample and group of channels."""
    return Layer(
        name="groupnorm",
        torch="GroupNorm",
        summary="Normalises each sample over groups of its channels.",
        keys=_group_keys(),
        positional=("num_groups",),
        inputs=(TensorIn("input", channelled(), _MEANING, dtypes=when(_SCALED, num("norm"), num("float"))),),
        outputs=(Out("output", X),),
        rules=_group_rules(),
        params=(Param("weight", (_CHANNELS,), _SCALED), Param("bias", (_CHANNELS,), and_(_SCALED, _BIAS))),
        window=(),
        kept=_statistics(at(X, 0) * _GROUPS, _SCALED),
        default_input=(1, 6, 16, 16),
        prose="It does not look across the batch, so that it is the same for every batch size; between layer norm "
        "(one group) and instance norm (a group per channel). The shape does not change.",
        examples=("groupnorm 3", "groupnorm 6 affine=false", "groupnorm 4 -i 2,8,10"),
        paper="https://arxiv.org/abs/1803.08494",
    )


# --- over neighbouring channels --------------------------------------------------------------------------------------

_ALEXNET = "https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html"


def _response(size: Key, alpha: Real) -> tuple[Key, ...]:
    """The keys of a_c / (k + alpha/size * sum of the neighbours' squares)**beta, and torch's defaults."""
    return (
        size,
        setting(
            "alpha", alpha, 1e-4, "factor of the mean square of the neighbours",
            effect="the shape stays; strong neighbours damp a channel more",
        ),
        setting(
            "beta", Real(scalar=True), 0.75, "power that the divisor is taken to",
            effect="the shape stays; the divisor weighs more",
        ),
        setting(
            "k", Real(scalar=True), 1.0, "what is added to the neighbours' part of the divisor",
            effect="the shape stays; everything becomes smaller, and neighbours count for less",
        ),
    )  # fmt: skip


_WIDTH = sym("size", "channels that are taken together")
_WIDER = "the shape stays; each channel is damped by more neighbours"


def localresponsenorm() -> Layer:
    """Local response normalisation (Krizhevsky et al. 2012): an average pool of squares across channels."""
    dtype = sym("input_dtype", "dtype of the input")
    empty = sym("empty", "whether the input has no elements, and comes out as it is")
    pooled = or_(is_(dtype, "float32"), or_(is_(dtype, "float64"), is_(dtype, "int64")))
    halves = or_(is_(dtype, "float16"), is_(dtype, "bfloat16"))
    return Layer(
        name="localresponsenorm",
        torch="LocalResponseNorm",
        summary="Divides each channel by the strength of its neighbours.",
        keys=_response(
            integer("size", "size", "channels that are taken together", kind=Int(bools=False), effect=_WIDER),
            Real(scalar=True),
        ),
        positional=("size", "alpha", "beta", "k"),
        inputs=(TensorIn("input", channelled(), _MEANING, dtypes="any", tells_dtype=True),),
        outputs=(Out("output", X, dtype=when(and_(is_(dtype, "int64"), not_(empty)), num("float32"), num("input"))),),
        facts={"empty": eq_(product(X), 0)},
        rules=(
            Need(
                ge_(length(X), 3), "localresponsenorm takes (N, C, …), with at least one axis after C, but its input has "
                "{rank} axes", "give it 3 or more axes", values={"rank": length(X)}, code="shape.rank",
            ),
            Need(
                or_(pooled, and_(halves, eq_(length(X), 3))),
                "localresponsenorm does not take {input_dtype} with {rank} axes on the CPU", "use float32",
                where=not_(empty), values={"rank": length(X)}, code="torch.dtype",
            ),
            Need(
                and_(ge_(_WIDTH, 1), le_(_WIDTH, SMALL)), "size is at least 1 and fits 32 bits, not {size}",
                "use size=5", "size", where=not_(empty), code="torch.range",
            ),
        ),
        window=(),
        kept=(
            *INPUT, Kept("padded squares", product(X) // max_(at(X, 1), 1) * (at(X, 1) + _WIDTH - 1)), Kept("bases", product(X)),
            Kept("divisors", product(X)),
        ),
        view=empty,
        default_input=(1, 8, 16, 16),
        prose="Channels compete: what is strong in one damps the same position of its neighbours. "
        "Channels beyond the ends count as zeros, so the shape does not change.",
        examples=("localresponsenorm 5", "localresponsenorm 5 k=2", "localresponsenorm 3 -i 2,6,10"),
        paper=_ALEXNET,
    )  # fmt: skip


def crossmaplrn2d() -> Layer:
    """Lua Torch's local response normalisation, kept for old networks: a running sum over channels, in Python."""
    return Layer(
        name="crossmaplrn2d",
        torch="CrossMapLRN2d",
        summary="Divides each channel by the strength of its neighbours, as Lua Torch did.",
        keys=_response(
            Key("size", Real(finite=True), symbols=(_WIDTH,), meaning="channels that are taken together", effect=_WIDER),
            Real(),
        ),
        positional=("size", "alpha", "beta", "k"),
        inputs=(TensorIn("input", (Form("N C H W"),), _MEANING, dtypes="float or complex"),),
        outputs=(Out("output", dims(N=N, C=C, **dict(zip(SPATIAL[2], spatial(2))))),),
        rules=(
            Need(ge_(C, 1), "the input has no channels", "give it at least one channel"),
            Need(ne_(_WIDTH, 0), "size is 0, and it is divided by", "use size=5", "size", code="torch.range"),
            Need(
                or_(gt_(_WIDTH, -3), lt_(C, 2)), "size {size} looks for channels beyond the last", "use size=5", "size",
                code="torch.range",
            ),
        ),
        window=(),
        default_input=(1, 8, 16, 16),
        prose="The same formula as localresponsenorm, which is to be preferred: this one is for images only, and slower. "
        "The shape does not change.",
        examples=("crossmaplrn2d 5", "crossmaplrn2d 5 1e-4 0.75 2"),
        paper=_ALEXNET,
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return layernorm(), rmsnorm(), groupnorm(), localresponsenorm(), crossmaplrn2d()
