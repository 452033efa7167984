"""The encoder's and the decoder's layer: attention, two linear layers and norms, made of their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from layercli.formula import Expr, Sym, and_, concat, dims, eq_, is_, not_, num, or_, replace, sym, when
from layercli.layers.attention import (
    BATCH_FIRST,
    BIAS,
    CAUSAL,
    FIRST,
    OVER_POSITIONS,
    batches_agree,
    divides,
    heads,
    multiheadattention,
    sequence,
    sequence_forms,
)
from layercli.layers.attention_kept import (
    GELU,
    RELU,
    Positions,
    decoder_numbers,
    encoder_numbers,
    known,
    memory_kept,
    stacked,
)
from layercli.layers.attention_kinds import Activation, Truthy
from layercli.layers.attention_rules import (
    Attends,
    E,
    boolean_masks,
    fused_rules,
    fusible,
    mask,
    open_rules,
    padding_mask,
    unread_mask_rules,
)
from layercli.layers.definition import REQUIRED, Kept, Key, Layer, Need, Out, Param, TensorIn, ValueIn
from layercli.layers.kinds import Int, Real
from layercli.layers.linear import linear
from layercli.layers.norm_layer import layernorm
from layercli.layers.vocabulary import BATCH, N, flag, integer, setting

FAMILY = "attention"

S, T = sym("S", "length of the source"), sym("T", "length of the target")
model, ff = sym("d", "d_model: features of each position"), sym("ff", "features between the two linear layers")
NORM_FIRST = sym("norm_first")
_ACTIVATION, _EPS = sym("activation"), sym("eps")
FUSIBLE = sym("fusible", "whether eval mode, layout and an even number of heads allow a fused kernel")
FUSED = sym("fused", "whether the whole encoder layer runs as one fused kernel")
IDLE = sym("idle", "whether the fused kernel gets nothing, and returns it as it is")
MEMORY = sym("m_E", "features of the memory")
PAPER = "https://arxiv.org/abs/1706.03762"

SOURCE = sequence_forms("N", "S", "E", True)
TARGET = sequence_forms("N", "T", "E", True)
ATTENDED = sequence_forms("m_N", "S", "m_E", False)
NUMBERS = "parameters, real"


def layer_keys(width: int | None = None, head_count: int | None = None) -> tuple[Key, ...]:
    """What both layers take; the defaults of the first two are the whole transformer's."""
    return (
        integer(
            "d_model", "d", "features of each position", kind=Int(least=1, bools=False), infer=E,
            default=REQUIRED if width is None else width,
            effect="the output has this many features; weights grow with its square",
        ),
        integer(
            "nhead", "heads", "number of heads, which share the features", kind=Int(least=1), aliases=("heads",),
            default=REQUIRED if head_count is None else head_count,
            effect="the shape stays, and so do parameters and MACs; each head sees d_model/heads features",
        ),
        integer(
            "dim_feedforward", "ff", "features between the two linear layers", kind=Int(least=0, bools=False), default=2048,
            aliases=("ff",), effect="the shape stays; parameters and MACs grow with it",
        ),
        setting(
            "dropout", Real(0, 1), 0.1, "probability of dropping a number, in train mode", "dropout",
            effect="the shape stays; numbers are zeroed at random",
        ),
        Key(
            "activation", Activation(), "relu", symbols=(_ACTIVATION,), structural=True,
            meaning="the function between the two linear layers", effect="the shape stays",
        ),
        setting(
            "layer_norm_eps", Real(), 1e-5, "what the norms add to the variance", "eps",
            effect="the shape stays; what varies little is amplified less",
        ),
        BATCH_FIRST,
        Key(
            "norm_first", Truthy(), False, symbols=(NORM_FIRST,), structural=True,
            meaning="whether the norms come before attention and linear layers, not after",
            effect="the shape stays; deep stacks train more steadily",
        ),
        flag(
            "bias", True, "whether projections and norms add a learned constant",
            effect="the shape stays; fewer parameters without it",
        ),
    )  # fmt: skip


FACTS: dict[str, Expr] = {"fusible": fusible(FIRST, heads)}
"""What the number of heads decides."""
_fused = and_(FACTS["fusible"], BIAS, or_(is_(_ACTIVATION, "relu"), is_(_ACTIVATION, "gelu")), eq_(_EPS, _EPS))
ENCODER_FACTS = {**FACTS, "fused": _fused, "idle": and_(_fused, eq_(N * S * E, 0))}
"""torch compares the eps of the two norms, so that a nan rules the kernel out."""


def inside(layer: Layer, prefix: str, mapping: Mapping[str, Expr]) -> tuple[Param, ...]:
    """The parameters of a part."""
    return tuple(param.inside(prefix, mapping) for param in layer.params)


_FALSE, _TRUE = num(False), num(True)


def attention_part(queries: Expr, keys: Expr) -> dict[str, Expr]:
    """Attention's symbols as this layer calls them: one width, nothing added."""
    return {
        "E": model, "kdim": model, "vdim": model, "L": queries, "S": keys, "one_matrix": _TRUE, "add_bias_kv": _FALSE,
        "add_zero_attn": _FALSE,
    }  # fmt: skip


def norm_part(bias: Expr = BIAS) -> dict[str, Expr]:
    """A layer norm's symbols where it is over the features and learned."""
    return {"S": model, "elementwise_affine": _TRUE, "bias": bias}


@cache
def _parts(attentions: tuple[str, ...], norms: int) -> tuple[Param, ...]:
    wide = linear()
    return (
        *(param for name in attentions for param in inside(multiheadattention(), f"{name}.", attention_part(S, S))),
        *inside(wide, "linear1.", {"F": model, "out": ff}),
        *inside(wide, "linear2.", {"F": ff, "out": model}),
        *(param for i in range(norms) for param in inside(layernorm(), f"norm{i + 1}.", norm_part())),
        Param("activation.weight", (num(1),), is_(_ACTIVATION, "prelu")),
    )


@cache
def attention_macs(queries: Expr, keys: Expr) -> Expr:
    """Projections, scores and the weighted sum."""
    return replace(multiheadattention().macs, attention_part(queries, keys))


def feedforward_macs(length: Sym) -> Expr:
    """The two linear layers, at every position."""
    lead, macs = concat(BATCH, dims(L=length)), linear().macs
    return replace(macs, {"LEAD": lead, "F": model, "out": ff}) + replace(macs, {"LEAD": lead, "F": ff, "out": model})


@cache
def encoder_macs() -> Expr:
    """One encoder layer."""
    return attention_macs(S, S) + feedforward_macs(S)


@cache
def decoder_macs() -> Expr:
    """One decoder layer."""
    return attention_macs(T, T) + attention_macs(T, S) + feedforward_macs(T)


def _activation_fits(query: str) -> Need:
    """A module given as an activation has a dtype of its own. (A decoder stack never calls it: its copies use relu.)"""
    dtype = sym(f"{query}_dtype", f"dtype of {query}")
    return Need(
        is_(dtype, "float32"), "the activation's weight is float32, and the layer {dtype}", "use relu or gelu", "activation",
        where=is_(_ACTIVATION, "prelu"), values={"dtype": dtype}, code="torch.dtype",
    )  # fmt: skip


def self_attends(query: str, mask_name: str, length: Expr, hint: Sym, floats: bool) -> Attends:
    """Positions among themselves."""
    return Attends(query, mask_name, f"{query}_key_padding_mask", hint, length, length, heads, floats=floats)


@cache
def encoder_rules(use: Attends) -> tuple[Need, ...]:
    """One encoder layer. Its masks become floats before attention gets them, so only without any its kernel runs."""
    by_kernel = and_(FUSIBLE, BIAS, boolean_masks(use))
    return (
        divides("nhead", model),
        width_agrees("the input", E, not_(IDLE)),
        _activation_fits(use.query),
        Need(
            or_(is_(NORM_FIRST, True), is_(NORM_FIRST, False)), "norm_first goes to a kernel that takes true or false only",
            "write true or false", "norm_first", where=FUSED, code="type.value",
        ),
        *open_rules(use, not_(FUSED), not_(by_kernel)),
        *fused_rules(use, FUSED, eq_(N * use.queries * E, 0)),
    )  # fmt: skip


@cache
def decoder_rules(own: Attends, other: Attends) -> tuple[Need, ...]:
    """One decoder layer: among themselves its positions may attend by a kernel, to the memory they never do."""
    by_kernel = and_(FUSIBLE, boolean_masks(own))
    fused = and_(by_kernel, BIAS)
    return (
        *open_rules(own, not_(fused)),
        *unread_mask_rules(own, and_(by_kernel, not_(BIAS))),
        *fused_rules(own, fused, eq_(N * own.queries, 0)),
        *open_rules(other),
    )


def width_agrees(what: str, width: Expr, where: Expr | None = None) -> Need:
    """Every position has d_model features."""
    return Need(
        eq_(width, model), f"d_model is {{d}}, but {what} has {{width}} features", "use d_model={width}, or leave it out",
        "d_model", where=where, values={"width": width},
    )  # fmt: skip


def hint_input(sym_: Sym, of: str, *, default: bool | None = False, kind: Truthy | None = None) -> ValueIn:
    """A causal hint of the call."""
    return ValueIn(sym_.name, meaning=f"whether {of} is the causal one", kind=kind or Truthy(), default=default)


@cache
def encoder_layer() -> Layer:
    """ "Attention Is All You Need" (Vaswani et al. 2017), figure 1, left."""
    return Layer(
        name="transformerencoderlayer",
        torch="TransformerEncoderLayer",
        summary="Self-attention, then two linear layers at each position, each with a short cut and a norm.",
        keys=layer_keys(),
        positional=("nhead", "dim_feedforward", "dropout"),
        inputs=(
            TensorIn("src", SOURCE, "the sequence", dtypes=NUMBERS, tells_dtype=True),
            mask("src_mask", "which positions each may not see: (S, S), or (N*heads, S, S)", dims(S=S, S2=S)),
            padding_mask("src_key_padding_mask", "which positions are padding: (N, S)", S),
            hint_input(CAUSAL, "src_mask"),
        ),
        outputs=(Out("output", sequence(S, "S")),),
        facts=ENCODER_FACTS,
        rules=encoder_rules(self_attends("src", "src_mask", S, CAUSAL, True)),
        params=_parts(("self_attn",), 2),
        macs=when(IDLE, 0, encoder_macs()),
        kept=(*stacked("src", Positions(S), num(1)), Kept("inside", encoder_numbers(Positions(S)))),
        kept_known=known("src", RELU, GELU),
        reach=OVER_POSITIONS,
        default_input=(10, 2, 64),
        hidden=("nhead", "activation", "batch_first", "norm_first"),
        prose="Positions look at each other, then each is worked on by itself. The shape stays, so that such layers stack.",
        examples=(
            "transformerencoderlayer 8",
            "transformerencoderlayer 8 ff=256 batch_first=true -i 2,10,64",
            "transformerencoderlayer 4 64 norm_first=true activation=gelu",
        ),
        paper=PAPER,
    )  # fmt: skip


MEMORY_INPUT = TensorIn("memory", ATTENDED, "what the encoder made of the source", dtypes=NUMBERS, like="tgt")
TARGET_INPUT = TensorIn("tgt", TARGET, "the sequence", dtypes=NUMBERS, tells_dtype=True)
TARGET_CAUSAL = sym("tgt_is_causal", "whether tgt_mask is said to be the causal one")
MEMORY_CAUSAL = sym("memory_is_causal", "whether memory_mask is said to be the causal one")
OWN = self_attends("tgt", "tgt_mask", T, TARGET_CAUSAL, False)
OTHER = Attends("tgt", "memory_mask", "memory_key_padding_mask", MEMORY_CAUSAL, T, S, heads)
DECODER_MASKS = (
    mask("tgt_mask", "which target positions each may not see: (T, T), or (N*heads, T, T)", dims(T=T, T2=T)),
    mask("memory_mask", "which source positions each may not see: (T, S), or (N*heads, T, S)", dims(T=T, S=S)),
    padding_mask("tgt_key_padding_mask", "which target positions are padding: (N, T)", T),
    padding_mask("memory_key_padding_mask", "which source positions are padding: (N, S)", S),
)
DECODER_AGREES = (
    divides("nhead", model),
    width_agrees("the input", E),
    width_agrees("the memory", MEMORY),
    batches_agree("tgt", "memory", sym("m_N", "batch size of the memory"), num(False)),
)


@cache
def decoder_layer() -> Layer:
    """ "Attention Is All You Need" (Vaswani et al. 2017), figure 1, right."""
    return Layer(
        name="transformerdecoderlayer",
        torch="TransformerDecoderLayer",
        summary="Self-attention, attention to a memory, then two linear layers, each with a short cut and a norm.",
        keys=layer_keys(),
        positional=("nhead", "dim_feedforward", "dropout"),
        inputs=(
            TARGET_INPUT, MEMORY_INPUT, *DECODER_MASKS, hint_input(TARGET_CAUSAL, "tgt_mask"),
            hint_input(MEMORY_CAUSAL, "memory_mask"),
        ),
        outputs=(Out("output", sequence(T, "T")),),
        facts=FACTS,
        rules=(*DECODER_AGREES, _activation_fits("tgt"), *decoder_rules(OWN, OTHER)),
        params=_parts(("self_attn", "multihead_attn"), 3),
        macs=decoder_macs(),
        kept=(
            *stacked("tgt", Positions(T), num(1)), *memory_kept(Positions(S), num(1)),
            Kept("inside", decoder_numbers(Positions(T), Positions(S))),
        ),
        kept_known=known("tgt", RELU, GELU, lengths=(S, T)),
        reach=OVER_POSITIONS,
        default_input=(10, 2, 64),
        hidden=("nhead", "activation", "batch_first", "norm_first"),
        prose="An encoder layer that also looks at what an encoder made of another sequence, the memory. "
        "The output is as long as the target, however long the memory is.",
        examples=(
            "transformerdecoderlayer 8",
            "transformerdecoderlayer 8 ff=256 -i 10,2,64 -i memory=20,2,64",
            "transformerdecoderlayer 4 64 batch_first=true -i 2,10,64",
        ),
        paper=PAPER,
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (encoder_layer(), decoder_layer())
