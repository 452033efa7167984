"""Multi-head attention."""

from __future__ import annotations

from functools import cache

from layercli.formula import Expr, and_, concat, dims, eq_, le_, lt_, ne_, not_, num, or_, sym, when
from layercli.layers.attention_kept import LIES, attention_kept, whole
from layercli.layers.attention_kinds import Truthy
from layercli.layers.attention_rules import Attends, E, mask, open_rules, padding_mask
from layercli.layers.definition import Form, Layer, Need, Out, Param, Same, TensorIn, ValueIn
from layercli.layers.kept import dtype_of, read
from layercli.layers.kinds import Flag, Int, Overridden
from layercli.layers.reach import Mixes
from layercli.layers.vocabulary import BATCH, BATCHED, ROWS, TRAINING, N, flag, integer, setting

FAMILY = "attention"

L, S = sym("L", "length of the query"), sym("S", "length of key and value")
heads = sym("heads", "number of heads")
_embed = sym("embed_dim")
kdim, vdim = sym("kdim", "features of the key"), sym("vdim", "features of the value")
_K, _V = sym("K"), sym("V")
FIRST, BIAS = sym("batch_first"), sym("bias")
_BIAS_KV, _ZERO = sym("add_bias_kv"), sym("add_zero_attn")
_WEIGHTS, _MEAN = sym("need_weights"), sym("average_attn_weights")
ONE_MATRIX = sym("one_matrix", "whether query, key and value are as wide as each other")
CAUSAL = sym("is_causal", "whether the mask is said to be the causal one")
_DROPOUT = sym("dropout", "probability of dropping a weight")

_KDIM_WRITTEN, _VDIM_WRITTEN = sym("kdim_written"), sym("vdim_written")

_ADDED = when(_BIAS_KV, 1) + when(_ZERO, 1)
_KEYS = S + when(_BIAS_KV, 1) + when(_ZERO, 1)

BATCH_FIRST = flag(
    "batch_first", False, "whether the batch is the first axis, before the positions",
    effect="input and output are (N, L, E) instead of (L, N, E); weights and MACs stay",
)  # fmt: skip
WITH_BIAS = flag(
    "bias", True, "whether projections add a learned constant", effect="the shape stays; fewer parameters without it"
)


OVER_POSITIONS = Mixes((-1,), ("L", "S", "T"))
"""A causal mask makes no difference to it: what is told is the most that a position sees."""


def sequence_forms(batch: str, length: str, width: str, first: bool) -> tuple[Form, ...]:
    """(N, L, E) or (L, N, E), or (L, E) for one sample; ``first``: of the input that decides which."""
    facts = {"batched": True} if first else {}
    others = {"batched": False} if first else {}
    kept: Expr = num(True) if first else BATCHED
    return (
        Form(f"{batch} {length} {width}", and_(kept, FIRST), facts),
        Form(f"{length} {batch} {width}", and_(kept, not_(FIRST)), facts),
        Form(f"{length} {width}", None if first else not_(BATCHED), others),
    )


def sequence(length: Expr, label: str = "L") -> Expr:
    """The shape of a sequence with the features of the first input."""
    axes = {label: length}
    return when(
        BATCHED, when(FIRST, dims(N=N, **axes, E=E), dims(**axes, N=N, E=E)), dims(**axes, E=E)
    )  # fmt: skip


def _other(length: Expr, width: Expr) -> Expr:
    """The shape of a key or value of this length and width, beside the query."""
    whole = when(FIRST, dims(N=N, S=length, K=width), dims(S=length, N=N, K=width))
    return when(BATCHED, whole, dims(S=length, K=width))


@cache
def multiheadattention() -> Layer:
    """Queries look for keys and take the values there ("Attention Is All You Need", Vaswani et al. 2017)."""
    use = Attends("query", "attn_mask", "key_padding_mask", CAUSAL, L, S, heads, _WEIGHTS, _ADDED)
    weights = concat(BATCH, when(_MEAN, concat(), dims(H=heads)), dims(L=L, S=_KEYS))
    return Layer(
        name="multiheadattention",
        torch="MultiheadAttention",
        aliases=("mha",),
        summary="Each position takes what it needs from the others, by several heads.",
        keys=(
            integer(
                "embed_dim", "embed_dim", "features of query and output", kind=Int(least=1, bools=False), infer=E,
                effect="the output has this many features; weights grow with its square",
            ),
            integer(
                "num_heads", "heads", "number of heads, which share the features", kind=Int(least=1), aliases=("heads",),
                effect="the shape stays, and so do parameters and MACs; each head sees embed_dim/heads features",
            ),
            setting(
                "dropout", Overridden(), 0.0, "probability of dropping an attention weight, in train mode", "dropout",
                effect="the shape stays; weights are zeroed at random",
            ),
            WITH_BIAS,
            flag(
                "add_bias_kv", False, "whether a learned key and value are added to those of the input",
                effect="the weights have one column more; two vectors of parameters more",
            ),
            flag(
                "add_zero_attn", False, "whether a key and value of zeros are added",
                effect="the weights have one column more",
            ),
            integer(
                "kdim", "kdim", "features of the key", kind=Int(least=0, optional=True), default=Same("embed_dim"), infer=_K,
                effect="the shape stays; the key's matrix has this many columns",
            ),
            integer(
                "vdim", "vdim", "features of the value", kind=Int(least=0, optional=True), default=Same("embed_dim"), infer=_V,
                effect="the shape stays; the value's matrix has this many columns",
            ),
            BATCH_FIRST,
        ),
        positional=("num_heads", "dropout"),
        inputs=(
            TensorIn(
                "query", sequence_forms("N", "L", "E", True), "what looks", dtypes="parameters, real", tells_dtype=True
            ),
            TensorIn(
                "key", sequence_forms("k_N", "S", "K", False), "where it looks", dtypes="parameters, real", like="query",
                like_where=not_(_KDIM_WRITTEN), infer=_other(L, kdim),
            ),
            TensorIn(
                "value", sequence_forms("v_N", "v_S", "V", False), "what it takes", dtypes="parameters, real", like="key",
                like_where=not_(or_(_KDIM_WRITTEN, _VDIM_WRITTEN)), infer=_other(S, when(_VDIM_WRITTEN, vdim, E)),
            ),
            padding_mask("key_padding_mask", "which keys are padding: (N, S)", S),
            ValueIn("need_weights", meaning="whether the weights are returned too", kind=Flag(), default=True),
            mask("attn_mask", "which keys each query may not see: (L, S), or (N*heads, L, S)", dims(L=L, S=S)),
            ValueIn("average_attn_weights", meaning="whether heads are averaged", kind=Flag(), default=True),
            ValueIn("is_causal", meaning="whether attn_mask is the causal one", kind=Truthy(), default=False),
        ),
        outputs=(
            Out("attn_output", sequence(L)),
            Out("attn_output_weights", weights, none=not_(_WEIGHTS)),
        ),
        facts={"one_matrix": and_(eq_(kdim, _embed), eq_(vdim, _embed))},
        rules=(divides("num_heads", _embed), *_agreements(), *open_rules(use), *_dropout_rules()),
        params=(
            Param("in_proj_weight", (3 * E, E), ONE_MATRIX),
            Param("q_proj_weight", (E, E), not_(ONE_MATRIX)),
            Param("k_proj_weight", (E, kdim), not_(ONE_MATRIX)),
            Param("v_proj_weight", (E, vdim), not_(ONE_MATRIX)),
            Param("in_proj_bias", (3 * E,), BIAS),
            Param("bias_k", (num(1), num(1), E), _BIAS_KV),
            Param("bias_v", (num(1), num(1), E), _BIAS_KV),
            Param("out_proj.weight", (E, E)),
            Param("out_proj.bias", (E,), BIAS),
        ),
        macs=ROWS * (2 * L * E * E + S * E * (kdim + vdim) + 2 * L * _KEYS * E),
        kept=attention_kept(),
        kept_known=and_(read("attn_output"), or_(_WEIGHTS, and_(whole(dtype_of("query")), ne_(L * S, 0)))),
        lies=LIES,
        reach=OVER_POSITIONS,
        default_input=(10, 2, 64),
        hidden=("num_heads", "dropout", "add_bias_kv", "add_zero_attn", "kdim", "vdim", "batch_first"),
        prose="Each head compares every query with every key, and the output is the mean of the values, weighted by how "
        "well they fit. The query decides how long the output is; key and value may be longer or shorter.",
        examples=(
            "multiheadattention 8",
            "multiheadattention heads=8 batch_first=true -i 2,10,64",
            "multiheadattention 8 -i 10,2,64 -i key=20,2,32",
        ),
        paper="https://arxiv.org/abs/1706.03762",
    )  # fmt: skip


def divides(key: str, width: Expr) -> Need:
    """Every head gets the same number of features."""
    return Need(
        eq_(width % heads, 0), f"{key} {{heads}} does not divide the {{width}} features", "use {divisors} heads", key,
        values={"width": width}, divisors=(width, heads),
    )  # fmt: skip


def batches_agree(query: str, key: str, batch: Expr, strict: Expr) -> Need:
    """The batch of query and key. Without keys there is nothing that torch could compare, unless some are added."""
    return Need(
        or_(eq_(batch, N), and_(not_(strict), eq_(S, 0))),
        f"{query} has a batch of {{N}}, but {key} of {{batch}}", "give both the same", where=BATCHED, values={"batch": batch},
    )  # fmt: skip


def _agreements() -> tuple[Need, ...]:
    """What query, key and value must have in common."""
    n_k, n_v, s_v = sym("k_N", "batch size of the key"), sym("v_N"), sym("v_S")
    return (
        Need(
            eq_(E, _embed), "embed_dim is {embed_dim}, but the query has {E} features", "use embed_dim={E}, or leave it out",
            "embed_dim",
        ),
        Need(
            eq_(_K, kdim), "the key has {K} features, but kdim is {kdim}", "use kdim={K}, or give a key of {kdim}", "kdim"
        ),
        Need(
            eq_(_V, vdim), "the value has {V} features, but vdim is {vdim}", "use vdim={V}, or give a value of {vdim}", "vdim"
        ),
        Need(eq_(S, s_v), "the key has {S} positions, but the value {v_S}", "give both the same"),
        Need(eq_(n_k, n_v), "the key has a batch of {k_N}, but the value of {v_N}", "give both the same", where=BATCHED),
        batches_agree("the query", "the key", n_k, _BIAS_KV),
    )  # fmt: skip


def _dropout_rules() -> tuple[Need, ...]:
    """In train mode only, and asked of as much as the way through torch needs: below 0 the weights' way drops nothing."""
    message, fix = "dropout must lie between 0 and 1, not {dropout}", "use 0 to 1"
    return (
        Need(
            not_(sym("dropout_none")), "dropout is a number, not another value", "write a number, such as 0.1", "dropout",
            where=TRAINING, code="type.value",
        ),
        Need(not_(lt_(1, _DROPOUT)), message, fix, "dropout", where=and_(TRAINING, _WEIGHTS), code="torch.range"),
        Need(
            or_(and_(le_(0, _DROPOUT), le_(_DROPOUT, 1)), eq_(ROWS * L * _KEYS, 0)), message, fix, "dropout",
            where=and_(TRAINING, not_(_WEIGHTS)), code="torch.range",
        ),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (multiheadattention(),)
