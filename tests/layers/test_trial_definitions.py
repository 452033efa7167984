"""Hard layers written as definitions before the easy ones could harden a wrong base: none may want a special case.

They are defined here and bound by the same engine as the shipped ones; what they say is compared with torch itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from layercli.analysis.flow import Flow, from_feed
from layercli.analysis.keys import from_module
from layercli.analysis.layer import Analyser, Bound
from layercli.errors import LayerError
from layercli.formula import (
    Expr,
    and_,
    at,
    concat,
    dims,
    each,
    eq_,
    floor_,
    ge_,
    is_,
    length,
    lt_,
    max_,
    not_,
    num,
    or_,
    product,
    replace,
    sym,
    total,
    when,
)  # fmt: skip
from layercli.layers import find
from layercli.layers.definition import Form, Key, Layer, Let, Need, Out, Param, Same, TensorIn, ValueIn
from layercli.layers.kinds import Flag, Int, IntList, Real
from layercli.layers.vocabulary import BATCHED, N, X, flag, integer, word
from layercli.plan import Literal, Module, Tensor

E, L, S = sym("E", "embedding"), sym("L", "queries"), sym("S", "keys")
heads, kdim, vdim, K, V = (sym(name) for name in ("heads", "kdim", "vdim", "K", "V"))


def attention() -> Layer:
    first, bias, bias_kv, zero = (sym(n) for n in ("batch_first", "bias", "add_bias_kv", "add_zero_attn"))
    one_matrix = sym("one_matrix")
    s2 = sym("S2", "keys with what is added to them")
    batch = when(BATCHED, N, 1)

    def forms(length_: str, width: str) -> tuple[Form, ...]:
        return (
            Form(f"N {length_} {width}", where=first, facts={"batched": True}),
            Form(f"{length_} N {width}", where=not_(first), facts={"batched": True}),
            Form(f"{length_} {width}", facts={"batched": False}),
        )

    out = when(BATCHED, when(first, dims(N=N, L=L, E=E), dims(L=L, N=N, E=E)), dims(L=L, E=E))
    weights = concat(
        when(BATCHED, dims(N=N), concat()),
        when(sym("average_attn_weights"), concat(), dims(heads=heads)),
        dims(L=L, S=s2),
    )
    return Layer(
        name="mha",
        torch="MultiheadAttention",
        summary="Attention.",
        keys=(
            integer("embed_dim", "E_key", "embedding", infer=E),
            integer("num_heads", "heads", "heads", kind=Int(least=1)),
            Key("dropout", Real(0, 1), 0.0),
            flag("bias", True, "biases"),
            flag("add_bias_kv", False, "a learned key and value"),
            flag("add_zero_attn", False, "a key and value of zeros"),
            integer("kdim", "kdim", "width of keys", default=Same("embed_dim"), kind=Int(optional=True)),
            integer("vdim", "vdim", "width of values", default=Same("embed_dim"), kind=Int(optional=True)),
            flag("batch_first", False, "layout"),
        ),
        inputs=(
            TensorIn("query", forms("L", "E")),
            TensorIn("key", forms("S", "K")),
            TensorIn("value", forms("S", "V")),
            ValueIn("need_weights", kind=Flag(), default=True),
            ValueIn("average_attn_weights", kind=Flag(), default=True),
        ),
        outputs=(Out("output", out), Out("weights", weights, none=not_(sym("need_weights")))),
        facts={"one_matrix": and_(eq_(kdim, E), eq_(vdim, E))},
        rules=(
            Need(eq_(E % heads, 0), "heads {heads} do not divide {E}", "use a divisor", "num_heads"),
            Need(and_(eq_(K, kdim), eq_(V, vdim)), "keys or values have another width", "give them kdim and vdim"),
            Let(s2, S + when(bias_kv, 1) + when(zero, 1)),
        ),
        params=(
            Param("in_proj_weight", (3 * E, E), one_matrix),
            Param("q_proj_weight", (E, E), not_(one_matrix)),
            Param("k_proj_weight", (E, kdim), not_(one_matrix)),
            Param("v_proj_weight", (E, vdim), not_(one_matrix)),
            Param("in_proj_bias", (3 * E,), bias),
            Param("bias_k", (num(1), num(1), E), bias_kv),
            Param("bias_v", (num(1), num(1), E), bias_kv),
            Param("out_proj.weight", (E, E)),
            Param("out_proj.bias", (E,), bias),
        ),
        macs=batch * total([L * E * E, S * kdim * E, S * vdim * E, 2 * L * s2 * E, L * E * E]),
    )


def encoder_layer() -> Layer:
    """Made of the definitions of its parts: their formulas, with this layer's symbols in the place of theirs."""
    model, wide, nhead, bias = sym("E"), sym("ff"), sym("heads"), sym("bias")
    mha, linear, norm = attention(), find("linear"), find("layernorm")
    assert linear is not None
    assert norm is not None
    attends: dict[str, Expr] = {"E": model, "kdim": model, "vdim": model, "S": L, "S2": L, "bias": bias, "heads": nhead}
    attends |= {"add_bias_kv": num(False), "add_zero_attn": num(False), "one_matrix": num(True)}
    widen: dict[str, Expr] = {"F": model, "out": wide, "bias": bias}
    narrow: dict[str, Expr] = {"F": wide, "out": model, "bias": bias}
    scale: dict[str, Expr] = {"S": model, "elementwise_affine": num(True), "bias": bias}
    params = (
        *(param.inside("self_attn.", attends) for param in mha.params),
        *(param.inside("linear1.", widen) for param in linear.params),
        *(param.inside("linear2.", narrow) for param in linear.params),
        *(param.inside(f"norm{i}.", scale) for i in (1, 2) for param in norm.params),
    )
    return Layer(
        name="encoderlayer",
        torch="TransformerEncoderLayer",
        summary="Attention and two linear layers.",
        keys=(
            integer("d_model", "E_key", "embedding", infer=sym("E")),
            integer("nhead", "heads", "heads"),
            integer("dim_feedforward", "ff", "width between the linear layers", default=2048),
            flag("bias", True, "biases"),
        ),
        inputs=(TensorIn("src", (Form("L N E", facts={"batched": True}),)),),
        outputs=(Out("output", dims(L=L, N=N, E=model)),),
        params=params,
        macs=total([replace(mha.macs, attends), 2 * (L * N * model * wide)]),
    )


def upsample() -> Layer:
    sizes = {"H": sym("H"), "W": sym("W")}
    scale = sym("scale")
    return Layer(
        name="upsample",
        torch="Upsample",
        summary="Repeats cells.",
        keys=(Key("scale_factor", Real(), symbols=(scale,)),),
        inputs=(TensorIn("input", (Form("N C H W"),), dtypes="any"),),
        outputs=(
            Out("output", concat(dims(N=N, C=sym("C")), dims(**{a: floor_(s * scale) for a, s in sizes.items()}))),
        ),
    )


def constant_pad() -> Layer:
    """Pads the last axes first: (left, right) of the last one, then of the one before."""
    pads, rank = sym("P"), length(X)

    def axis(i: Any) -> Expr:
        last = 2 * (rank - 1 - i)
        return at(X, i) + when(lt_(last, length(pads)), at(pads, last) + at(pads, last + 1))

    return Layer(
        name="constantpad2d",
        torch="ConstantPad2d",
        summary="Adds constant cells around.",
        keys=(Key("padding", IntList(), symbols=(pads,), structural=True), Key("value", Real(), 0.0)),
        inputs=(TensorIn("input", (Form("*X"),), dtypes="any"),),
        outputs=(Out("output", each(rank, axis)),),
        rules=(
            Need(ge_(2 * rank, length(pads)), "more pads than axes", "give fewer"),
            Need(eq_(length(pads) % 2, 0), "an odd number of pads", "give pairs"),
        ),
    )


def loss() -> Layer:
    """An element-wise loss: its inputs broadcast, ``reduction`` decides whether their shape is left."""
    target, rank = sym("Y", "shape of the target"), max_(length(X), length(sym("Y")))

    def mine(shape: Expr, i: Any) -> Expr:
        return i - (rank - length(shape))

    def axis(i: Any) -> Expr:
        both = when(eq_(at(X, mine(X, i)), 1), at(target, mine(target, i)), at(X, mine(X, i)))
        return when(
            lt_(mine(X, i), 0),
            at(target, mine(target, i)),
            when(lt_(mine(target, i), 0), at(X, mine(X, i)), both),
        )

    def fits(i: Any) -> Expr:
        a, b = at(X, mine(X, i)), at(target, mine(target, i))
        agree = or_(eq_(a, b), or_(eq_(a, 1), eq_(b, 1)))
        return when(or_(lt_(mine(X, i), 0), lt_(mine(target, i), 0)), 1, when(agree, 1, 0))

    return Layer(
        name="mseloss",
        torch="MSELoss",
        summary="Mean squared error.",
        keys=(word("reduction", "none", "mean", "sum", default="mean", meaning="what becomes of the elements"),),
        inputs=(TensorIn("input", (Form("*X"),), dtypes="float"), TensorIn("target", (Form("*Y"),), dtypes="float")),
        outputs=(Out("output", when(is_(sym("reduction"), "none"), each(rank, axis), concat())),),
        rules=(Need(eq_(product(each(rank, fits)), 1), "the shapes do not broadcast", "give one shape"),),
    )


def bind(layer: Layer, module: Module, *inputs: Any, mode: str = "train") -> Bound:
    return Analyser(mode).bind(layer, from_module(layer, module), [(None, from_feed(item)) for item in inputs])


def shapes(bound: Bound) -> list[Any]:
    return [out.shape if isinstance(out, Flow) else out for out in bound.outputs]


def tensor(*shape: int) -> Tensor:
    return Tensor(shape)


CASES = [
    (attention, Module("MultiheadAttention", (8, 2)), [tensor(5, 3, 8), tensor(6, 3, 8), tensor(6, 3, 8)]),
    (attention, Module("MultiheadAttention", (8, 2)), [tensor(5, 8), tensor(6, 8), tensor(6, 8)]),
    (
        attention,
        Module("MultiheadAttention", (8, 2), {"kdim": 4, "vdim": 6, "bias": False, "batch_first": True}),
        [tensor(3, 5, 8), tensor(3, 6, 4), tensor(3, 6, 6)],
    ),
    (
        attention,
        Module("MultiheadAttention", (8, 2), {"add_bias_kv": True, "add_zero_attn": True}),
        [tensor(5, 1, 8), tensor(6, 1, 8), tensor(6, 1, 8)],
    ),
    (encoder_layer, Module("TransformerEncoderLayer", (8, 2)), [tensor(5, 3, 8)]),
    (encoder_layer, Module("TransformerEncoderLayer", (8, 2, 16), {"bias": False}), [tensor(5, 3, 8)]),
    (upsample, Module("Upsample", (), {"scale_factor": 0.29}), [tensor(1, 1, 100, 50)]),
    (upsample, Module("Upsample", (), {"scale_factor": 1.1}), [tensor(1, 2, 30, 7)]),
    (constant_pad, Module("ConstantPad2d", ((1, 2, 0, 3), 0.5)), [tensor(1, 1, 5, 6)]),
    (constant_pad, Module("ConstantPad2d", ((1, 2), 0.5)), [tensor(5, 6)]),
    (constant_pad, Module("ConstantPad2d", ((1, 2, 3, 4, 1, 1), 0.0)), [tensor(1, 1, 5, 6)]),
    (loss, Module("MSELoss"), [tensor(2, 3), tensor(2, 3)]),
    (loss, Module("MSELoss", (), {"reduction": "none"}), [tensor(2, 3), tensor(3)]),
    (loss, Module("MSELoss", (), {"reduction": "none"}), [tensor(3), tensor(4, 1, 1)]),
]


@pytest.mark.parametrize(("make", "module", "inputs"), CASES, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_hard_layer_is_a_definition_and_torch_agrees(make: Any, module: Module, inputs: list[Tensor]) -> None:
    import torch

    bound = bind(make(), module, *inputs)
    made = getattr(torch.nn, module.torch)(*module.args, **module.kwargs)
    found = made(*(torch.zeros(item.shape) for item in inputs))
    found = list(found) if isinstance(found, tuple) else [found]
    assert shapes(bound) == [None if item is None else tuple(item.shape) for item in found]
    named = {name: tuple(item.shape) for name, item in made.named_parameters()}
    assert bound.tensors(bound.variant.params) == named
    assert bound.params == sum(item.numel() for item in made.parameters())


def test_outputs_that_hang_on_flags_of_the_call() -> None:
    inputs = [tensor(5, 3, 8), tensor(6, 3, 8), tensor(6, 3, 8)]
    module = Module("MultiheadAttention", (8, 2))
    assert shapes(bind(attention(), module, *inputs, Literal(False))) == [(5, 3, 8), None]
    assert shapes(bind(attention(), module, *inputs, Literal(True), Literal(False)))[1] == (3, 2, 5, 6)


def test_attention_macs_are_those_of_the_reference_table() -> None:
    same = [tensor(197, 1, 768)] * 3
    assert bind(attention(), Module("MultiheadAttention", (768, 12)), *same).macs == 524_391_936


def test_an_encoder_layer_has_the_macs_of_its_parts() -> None:
    bound = bind(encoder_layer(), Module("TransformerEncoderLayer", (512, 8, 2048)), tensor(10, 1, 512))
    assert 6 * (bound.macs or 0) == 189_358_080


@pytest.mark.parametrize(
    ("layer", "module", "inputs", "said"),
    [
        (attention, Module("MultiheadAttention", (8, 3)), [tensor(5, 3, 8)] * 3, "heads 3 do not divide 8"),
        (constant_pad, Module("ConstantPad2d", ((1, 1, 1, 1),)), [tensor(3)], "more pads than axes"),
        (loss, Module("MSELoss"), [tensor(2, 3), tensor(2)], "do not broadcast"),
    ],
)
def test_what_they_reject(layer: Any, module: Module, inputs: list[Tensor], said: str) -> None:
    with pytest.raises(LayerError, match=said):
        bind(layer(), module, *inputs)


def test_scaled_sizes_are_rounded_in_double_precision() -> None:
    """0.29 * 100 is 28.999999999999996 in IEEE double, and 29 in exact arithmetic: torch says 28."""
    bound = bind(upsample(), Module("Upsample", (), {"scale_factor": 0.29}), tensor(1, 1, 100, 100))
    rows = {row.of: row for row in bound.formulas()}
    assert rows["outputs.0.2"] == ("outputs.0.2", "H_out", "floor(H*scale)", "floor(100*0.29)", 28)
