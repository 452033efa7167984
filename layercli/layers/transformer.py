"""Stacks of encoder and decoder layers, and the whole transformer of both."""

from __future__ import annotations

from layercli.formula import Expr, Sym, and_, dims, eq_, ge_, not_, num, or_, product, replace, sym, when
from layercli.layers.attention import BIAS, OVER_POSITIONS, sequence, sequence_forms
from layercli.layers.attention_kept import (
    GELU,
    RELU,
    Positions,
    copied,
    decoder_numbers,
    encoder_numbers,
    known,
    memory_kept,
    norm_numbers,
    stacked,
)
from layercli.layers.attention_kinds import IsTrue, Nothing
from layercli.layers.attention_rules import Attends, E, given, mask, padding_mask
from layercli.layers.definition import REQUIRED, Copies, Kept, Key, Layer, Need, Out, Param, TensorIn, ValueIn
from layercli.layers.kinds import Int
from layercli.layers.norm_layer import layernorm
from layercli.layers.parts import Part
from layercli.layers.transformer_layer import (
    DECODER_AGREES,
    DECODER_MASKS,
    ENCODER_FACTS,
    FACTS,
    FUSED,
    IDLE,
    MEMORY_CAUSAL,
    MEMORY_INPUT,
    NORM_FIRST,
    NUMBERS,
    OTHER,
    OWN,
    PAPER,
    SOURCE,
    TARGET_CAUSAL,
    TARGET_INPUT,
    S,
    T,
    decoder_layer,
    decoder_macs,
    decoder_rules,
    encoder_layer,
    encoder_macs,
    encoder_rules,
    ff,
    hint_input,
    inside,
    layer_keys,
    norm_part,
    self_attends,
    width_agrees,
)
from layercli.layers.vocabulary import BATCHED, N, flag, integer

FAMILY = "attention"

_layers = sym("layers", "number of stacked layers")
_enc, _dec = sym("enc", "number of encoder layers"), sym("dec", "number of decoder layers")
_NORMED = sym("norm_given", "whether there is a norm at the end")
_NORM: dict[str, Expr] = {
    "S": sym("norm_S", "shape that the last norm is over"),
    "elementwise_affine": sym("norm_elementwise_affine"),
    "bias": sym("norm_bias"),
}
_NESTS, _CHECKS = sym("enable_nested_tensor"), sym("mask_check")
_SOURCE_CAUSAL = sym("is_causal", "whether the mask is said to be the causal one")


def _stacked(layer: Layer, prefix: str, times: Sym) -> tuple[Param, ...]:
    copies = (Copies("layer", times),)
    return tuple(param._replace(copies=copies) for param in inside(layer, f"{prefix}layers.{{layer}}.", {}))


def _depth(name: str, symbol: str, of: str, default: int | None = None) -> Key:
    return integer(
        name, symbol, f"number of {of} layers", kind=Int(least=1), default=REQUIRED if default is None else default,
        aliases=("layers",) if default is None else (),
        effect="the shape stays; parameters and MACs grow with it",
    )  # fmt: skip


def _norm_key() -> Key:
    plain = layernorm()
    shape = plain.keys[0]._replace(infer=dims(E=E))
    part = Part(plain._replace(keys=(shape, *plain.keys[1:])), "norm_", optional=True)
    return Key(
        "norm", part, None, meaning="whether a layer norm follows the last layer", effect="the shape stays; 2*d_model parameters"
    )  # fmt: skip


def _norm_params() -> tuple[Param, ...]:
    found = inside(layernorm(), "norm.", _NORM)
    return tuple(
        param._replace(where=_NORMED if param.where is None else and_(_NORMED, param.where)) for param in found
    )


def _norm_rules(output: Expr) -> tuple[Need, ...]:
    """The norm's own rules, about the output of the last layer."""
    mapping = {"S": _NORM["S"], "X": output}
    return tuple(
        Need(
            replace(rule.condition, mapping), f"the norm at the end: {rule.message}", "give it the features of the layers",
            "norm", _NORMED, {name: replace(value, mapping) for name, value in rule.values.items()},
        )
        for rule in layernorm().rules if isinstance(rule, Need)
    )  # fmt: skip


def _nested_rules(use: Attends, enabled: Expr, checks: Expr) -> tuple[Need, ...]:
    """In eval mode padding is cut off, and the samples go through the layers as nested tensors."""
    padding, is_mask = sym(use.padding.upper(), f"shape of {use.padding}"), given(use.mask)
    looks = and_(FUSED, not_(NORM_FIRST), enabled, given(use.padding))
    nests = and_(looks, not_(is_mask))
    sees = and_(looks, or_(checks, not_(is_mask)))
    wanted = dims(N=N, S=use.queries)
    return (
        Need(
            eq_(padding, wanted), f"{use.padding} is {{got}}, but must be {{want}}: one per position", "give it {want}",
            where=sees, values={"got": padding, "want": wanted},
        ),
        Need(
            ge_(use.queries, 1), f"torch takes no {use.padding} of no positions in eval mode", f"leave {use.padding} out",
            where=sees,
        ),
        Need(
            ge_(N, 1), f"torch takes no {use.padding} of an empty batch in eval mode", f"leave {use.padding} out", where=nests
        ),
        Need(
            ge_(ff, 1), "torch cuts no padding off in a layer without features between its two linear layers",
            f"use ff=1 or more, or leave {use.padding} out", "dim_feedforward", where=nests,
        ),
        width_agrees("the input", E, nests),
    )  # fmt: skip


def _said(symbol: Sym, of: str) -> ValueIn:
    """A hint of which only True counts; left out, torch compares the mask with the causal one."""
    return ValueIn(symbol.name, meaning=f"whether {of} is the causal one", kind=IsTrue(), default=None)


def encoder() -> Layer:
    """A stack of encoder layers, which it copies."""
    use = self_attends("src", "mask", S, _SOURCE_CAUSAL, True)
    output = sequence(S, "S")
    return Layer(
        name="transformerencoder",
        torch="TransformerEncoder",
        summary="A stack of encoder layers.",
        keys=(
            Key(
                "encoder_layer", Part(encoder_layer()), meaning="the layer that is stacked", effect="its keys decide parameters and MACs"
            ),
            _depth("num_layers", "layers", "stacked"),
            _norm_key(),
            flag(
                "enable_nested_tensor", True, "whether padding is cut off in eval mode, where torch can",
                effect="the shape stays; padding costs no time",
            ),
            flag(
                "mask_check", True, "whether torch looks if the padding is at the end before it is cut off",
                effect="the shape stays",
            ),
        ),
        positional=("num_layers",),
        inputs=(
            TensorIn("src", SOURCE, "the sequence", dtypes=NUMBERS, tells_dtype=True),
            mask("mask", "which positions each may not see: (S, S), or (N*heads, S, S)", dims(S=S, S2=S)),
            padding_mask("src_key_padding_mask", "which positions are padding: (N, S)", S),
            _said(_SOURCE_CAUSAL, "mask"),
        ),
        outputs=(Out("output", output),),
        facts=ENCODER_FACTS,
        rules=(*encoder_rules(use), *_nested_rules(use, _NESTS, _CHECKS), *_norm_rules(output)),
        params=(*_stacked(encoder_layer(), "", _layers), *_norm_params()),
        macs=when(IDLE, 0, _layers * encoder_macs()),
        kept=(
            *stacked("src", Positions(S), _layers), Kept("inside", _layers * encoder_numbers(Positions(S))),
            Kept("norm", norm_numbers(_NORMED, Positions(S), product(_NORM["S"]))),
        ),
        kept_known=known("src", RELU, GELU),
        factory=False,
        reach=OVER_POSITIONS,
        default_input=(10, 2, 64),
        hidden=("enable_nested_tensor", "mask_check"),
        prose="Each layer lets the positions look at each other once more; every layer has weights of its own. The shape stays.",
        examples=(
            "transformerencoder 6 heads=8 ff=256",
            "transformerencoder 6 heads=8 ff=2048 norm=true -i 10,2,512",
            "transformerencoder 2 heads=4 ff=64 batch_first=true -i 2,10,64",
        ),
        paper=PAPER,
    )  # fmt: skip


def decoder() -> Layer:
    """A stack of decoder layers, which it copies."""
    output = sequence(T, "T")
    return Layer(
        name="transformerdecoder",
        torch="TransformerDecoder",
        summary="A stack of decoder layers, which all look at the same memory.",
        keys=(
            Key(
                "decoder_layer", Part(decoder_layer()), meaning="the layer that is stacked", effect="its keys decide parameters and MACs"
            ),
            _depth("num_layers", "layers", "stacked"),
            _norm_key(),
        ),
        positional=("num_layers",),
        inputs=(
            TARGET_INPUT, MEMORY_INPUT, *DECODER_MASKS, _said(TARGET_CAUSAL, "tgt_mask"),
            hint_input(MEMORY_CAUSAL, "memory_mask"),
        ),
        outputs=(Out("output", output),),
        facts=FACTS,
        rules=(*DECODER_AGREES, *decoder_rules(OWN, OTHER), *_norm_rules(output)),
        params=(*_stacked(decoder_layer(), "", _layers), *_norm_params()),
        macs=_layers * decoder_macs(),
        kept=(
            *stacked("tgt", Positions(T), _layers), *memory_kept(Positions(S), _layers),
            Kept("inside", _layers * decoder_numbers(Positions(T), Positions(S))),
            Kept("norm", norm_numbers(_NORMED, Positions(T), product(_NORM["S"]))),
        ),
        kept_known=known("tgt", RELU, lengths=(S, T)),
        factory=False,
        reach=OVER_POSITIONS,
        default_input=(10, 2, 64),
        prose="Each layer looks at the target and at the memory once more. The output is as long as the target.",
        examples=(
            "transformerdecoder 6 heads=8 ff=256",
            "transformerdecoder 6 heads=8 norm=true -i 10,2,512 -i memory=20,2,512",
        ),
        paper=PAPER,
    )  # fmt: skip


def _custom(name: str) -> Key:
    return Key(
        name, Nothing(), None, meaning="a module of one's own in its place; none is known here",
        effect="none builds torch's own",
    )  # fmt: skip


def _kept(source: Positions, target: Positions) -> tuple[Kept, ...]:
    """Encoder and decoder: the memory is a tensor of their own, which the decoder's layers may have to copy."""
    copies = when(copied("src"), _dec, 1)
    return (
        *stacked("src", source, _enc), *stacked("tgt", target, _dec), Kept("memory", copies * source.numbers),
        Kept("inside the encoder", _enc * encoder_numbers(source)),
        Kept("inside the decoder", _dec * decoder_numbers(target, source)),
        Kept("norms", source.numbers + source.statistics + target.numbers + target.statistics),
    )  # fmt: skip


def transformer() -> Layer:
    """Encoder and decoder ("Attention Is All You Need", Vaswani et al. 2017), figure 1."""
    width, head_count, *rest = layer_keys(512, 8)
    feedforward, dropout, activation, *others = rest
    source = self_attends("src", "src_mask", S, sym("src_is_causal", "whether src_mask is said to be causal"), True)
    attended = OTHER._replace(query="src")
    own = OWN._replace(query="src")
    target_width, target_batch = sym("t_E", "features of the target"), sym("t_N", "batch size of the target")
    return Layer(
        name="transformer",
        torch="Transformer",
        summary="An encoder of one sequence and a decoder of another that looks at it.",
        keys=(
            width, head_count, _depth("num_encoder_layers", "enc", "encoder", 6),
            _depth("num_decoder_layers", "dec", "decoder", 6), feedforward, dropout, activation, _custom("custom_encoder"),
            _custom("custom_decoder"), *others,
        ),
        positional=("nhead", "num_encoder_layers", "num_decoder_layers", "dim_feedforward"),
        inputs=(
            TensorIn("src", SOURCE, "what is encoded", dtypes=NUMBERS, tells_dtype=True),
            TensorIn("tgt", sequence_forms("t_N", "T", "t_E", False), "what is decoded", dtypes=NUMBERS, like="src"),
            mask("src_mask", "which source positions each may not see: (S, S), or (N*heads, S, S)", dims(S=S, S2=S)),
            *DECODER_MASKS[:2],
            padding_mask("src_key_padding_mask", "which source positions are padding: (N, S)", S),
            *DECODER_MASKS[2:],
            _said(source.hint, "src_mask"),
            _said(TARGET_CAUSAL, "tgt_mask"),
            hint_input(MEMORY_CAUSAL, "memory_mask"),
        ),
        outputs=(Out("output", sequence(T, "T")),),
        facts=ENCODER_FACTS,
        rules=(
            width_agrees("src", E),
            width_agrees("tgt", target_width),
            Need(
                eq_(N, target_batch), "src has a batch of {N}, but tgt of {t_N}", "give both the same", where=BATCHED
            ),
            *encoder_rules(source),
            *_nested_rules(source, num(True), num(True)),
            *decoder_rules(own, attended),
        ),
        params=(
            *_stacked(encoder_layer(), "encoder.", _enc),
            *inside(layernorm(), "encoder.norm.", norm_part(BIAS)),
            *_stacked(decoder_layer(), "decoder.", _dec),
            *inside(layernorm(), "decoder.norm.", norm_part(BIAS)),
        ),
        macs=_enc * encoder_macs() + _dec * decoder_macs(),
        kept=_kept(Positions(S), Positions(T)),
        kept_known=known("src", RELU, lengths=(S, T)),
        reach=OVER_POSITIONS,
        default_input=(10, 2, 64),
        hidden=("nhead", "activation", "batch_first", "norm_first"),
        prose="The encoder makes a memory of the source, which every decoder layer looks at. "
        "The output is as long as the target; embedding, positions and the last linear layer are not part of it.",
        examples=(
            "transformer",
            "transformer 8 2 2 256 -i 10,2,64 -i tgt=20,2,64",
            "transformer heads=4 ff=64 batch_first=true -i 2,10,64",
        ),
        paper=PAPER,
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (encoder(), decoder(), transformer())
