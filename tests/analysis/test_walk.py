"""Chains: what flows from layer to layer, where each stands, and what is said where one does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from layercli.analysis.keys import from_module
from layercli.analysis.layer import Analyser
from layercli.analysis.variant import GENERATE_AFTER
from layercli.analysis.walk import Analysis, Options, analyse_module, analyse_spec
from layercli.errors import ExitCode, LayerError, Span
from layercli.layers import find
from layercli.plan import Call, Input, Literal, Module, Packing, Ref, Tensor
from layercli.spec import parse


def chain(text: str, *shapes: tuple[int, ...], **options: Any) -> Analysis:
    return analyse_spec(parse(text), [Input(Tensor(shape)) for shape in shapes], Options(**options))


def module(name: str, *args: Any, inputs: list[Input] | None = None, mode: str = "train", **kwargs: Any) -> Analysis:
    return analyse_module(Module(name, args, kwargs), inputs or [Input(Tensor((1, 3, 16, 16)))], Options(mode=mode))


def refused(analysis: Analysis) -> LayerError:
    assert analysis.error is not None
    assert analysis.plan is None
    return analysis.error


def outputs(analysis: Analysis) -> list[tuple[int, ...]]:
    assert analysis.error is None, analysis.error
    return [row.bound.outputs[0].shape for row in analysis.rows]  # type: ignore[union-attr]


def test_every_layer_takes_what_the_one_before_gives() -> None:
    found = outputs(chain("conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2 | flatten | linear 10", (1, 3, 16, 16)))
    assert found == [(1, 8, 8, 8), (1, 8, 8, 8), (1, 8, 4, 4), (1, 128), (1, 10)]


def test_repeats_and_groups_have_paths_and_weights_of_their_own() -> None:
    analysis = chain("stem: conv2d 4 3 p=1 | 2*(conv2d 4 3 p=1 | relu) | 3*relu", (1, 3, 8, 8))
    paths = [row.path for row in analysis.rows]
    assert paths == ["stem", "1.0.0", "1.0.1", "1.1.0", "1.1.1", "2.0", "2.1", "2.2"]
    assert analysis.plan is not None
    assert len(analysis.plan.modules) == len(analysis.plan.calls) == 8


def test_of_several_outputs_the_first_flows_on() -> None:
    analysis = chain("lstm 10 | linear 4 | maxpool1d 2 return_indices=true | relu", (5, 3, 16))
    assert outputs(analysis) == [(5, 3, 10), (5, 3, 4), (5, 3, 2), (5, 3, 2)]
    assert analysis.plan is not None
    assert analysis.plan.calls[1:] == (Call(1, (Ref(0, (0,)),)), Call(2, (Ref(1),)), Call(3, (Ref(2, (0,)),)))


def test_axis_names_travel_with_the_tensor() -> None:
    rows = chain("conv2d 4 3 | relu | flatten", (1, 3, 8, 8)).rows
    assert [formula.name for formula in rows[1].bound.formulas()] == ["N_out", "C_out", "H_out", "W_out"]
    flat = {formula.of: formula.symbolic for formula in rows[2].bound.formulas()}
    assert flat == {"outputs.0.0": "N", "outputs.0.1": "C*H*W"}


def test_an_axis_name_that_is_taken_gives_way() -> None:
    """What flattening calls F meets a linear layer whose own F is the last axis."""
    rows = chain("flatten 0 1 | linear 4", (2, 3, 8)).rows
    assert [formula.symbolic for formula in rows[1].bound.formulas()][:2] == ["d0", "out"]


@pytest.mark.parametrize("text", ["relu", "2*(3*zeropad2d 1)", "(relu | (tanh))"])
def test_a_default_input_is_said(text: str) -> None:
    analysis = chain(text)
    assert [note.code for note in analysis.notes] == ["input.default"]
    assert analysis.inputs[0][1].shape == (1, 3, 16, 16)  # type: ignore[union-attr]


def test_rows_before_an_error_are_kept() -> None:
    analysis = chain("conv2d 8 3 | relu | linear 10 in=400", (1, 3, 16, 16))
    error = refused(analysis)
    assert len(analysis.rows) == 2
    assert (error.code, error.path, error.exit_code) == ("shape.mismatch", "2", ExitCode.NEGATIVE)
    assert error.source is not None
    assert error.source[slice(*error.span)] == "400"  # type: ignore[misc]
    assert error.message == "in_features is 400, but the last axis of the input has 14 (relu gives 1,8,14,14)"


def test_an_equal_step_is_understood_once() -> None:
    analysis = chain("1000*relu", (1, 3, 8, 8))
    assert len({id(row.bound) for row in analysis.rows[1:]}) == 1  # the first one meets axes without names


def test_a_long_chain_is_no_deep_recursion() -> None:
    assert len(chain(" | ".join(["conv2d 4 3 p=1", "relu"] * 5000), (1, 3, 8, 8)).rows) == 10_000


# --- errors: each names the key, the value and a fix -----------------------------------------------------------------

REJECTED = [
    ("conv2d k=20", "k=20", "20", "kernel_size 20 spans 20 cells along H, but the padded input has 16"),
    ("conv2d k=9 d=3", "k=9 d=3", "9", "kernel_size 9 spans 25 cells along H"),
    ("conv2d 4 3 g=2", "g=2", "2", "groups=2 does not divide the 3 input channels"),
    ("conv2d 4 3 g=3", "g=3", "3", "groups=3 does not divide the 4 output channels"),
    ("conv2d 4 3 g=0", "g=0", "0", "groups must be at least 1, not 0"),
    ("conv2d 0 3", "0", "0", "out_channels is 0"),
    ("conv2d 4 0", "0", "0", "kernel_size must be at least 1"),
    ("conv2d 4 3 s=0", "s=0", "0", "stride must be at least 1"),
    ("conv2d 4 3 p=-1", "p=-1", "-1", "padding -1 is negative"),
    ("conv2d 4 3 d=0", "d=0", "0", "dilation must be at least 1"),
    ("conv2d 4 3 in=8", "in=8", "8", "in_channels is 8, but the input has 3 channels"),
    ("conv2d 4 3 s=2 p=same", "s=2", "2", "padding=same needs a stride of 1, not 2"),
    ("conv2d 4 3 p=16 padding_mode=reflect", "p=16", "16", "padding 16 cannot be reflected from an input of 16"),
    ("conv2d 4 3 p=17 padding_mode=circular", "p=17", "17", "wraps around"),
    ("conv2d 4 3x3x3", "3x3x3", "3x3x3", "kernel_size is an integer or 2 of them, not 3"),
    ("conv2d 4 1.5", "1.5", "1.5", "kernel_size is an integer or 2 of them, not 1.5"),
    ("conv2d 4 3 p=half", "half", "half", "padding is an integer or 2 of them or same or valid, not 'half'"),
    ("conv2d 4 3 padding_mode=mirror", "mirror", "mirror", "padding_mode is zeros or reflect"),
    ("convtranspose2d k=3 s=2 op=2", "op=2", "2", "output_padding 2 must be smaller than the stride 2"),
    ("convtranspose2d k=1 p=9", "p=9", "9", "the output would have -2 cells along H"),
    ("maxpool2d 3 p=2", "p=2", "2", "padding 2 is more than half of kernel_size 3"),
    ("maxpool2d 40", "40", "40", "kernel_size 40 does not fit the padded input of 16"),
    ("avgpool2d 2 divisor_override=0", "0", "0", "divisor_override is 0"),
    ("batchnorm2d 64", "64", "64", "num_features is 64, but the input has 3 channels"),
    ("layernorm 3,5", "3,5", "3,5", "normalized_shape is 3,5, but the last axes of the input are 16,16"),
    ("flatten 4", "4", "4", "start_dim 4 is no axis of an input with 4 axes"),
    ("flatten 3 1", "3", "3", "start_dim 3 comes after end_dim 1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "around", "marked", "said"), REJECTED)
def test_what_torch_rejects_is_rejected_with_the_key_the_value_and_a_fix(
    text: str, around: str, marked: str, said: str
) -> None:
    error = refused(chain(text, (1, 3, 16, 16)))
    assert said in error.message
    assert error.fix, "one thing to do"
    assert error.span is not None
    assert text[slice(*error.span)] == marked
    assert error.span.start >= text.index(around)


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        ("conv2d 4 3", (16, 16), "conv2d takes (N, C, H, W) or (C, H, W), but its input has 2 axes: 16,16"),
        ("batchnorm2d", (3, 16, 16), "batchnorm2d takes (N, C, H, W), but"),
        ("batchnorm2d", (1, 3, 1, 1), "more than one value per channel"),
        ("instancenorm2d", (2, 3, 1, 1), "more than one position per channel"),
        ("maxpool2d 2", (2, 0, 4, 4), "no channels"),
        ("maxpool2d 2", (2, 1, 4, 0), "empty along W"),
        ("avgpool3d 3 p=1", (1, 1, 2, 2, 2), "larger than the input of 2 along D, whatever its padding"),
        ("linear 4", (), "linear takes (…, F), but its input has 0 axes: a scalar"),
        ("lstm 4", (0, 2, 3), "the sequence has no steps"),
        ("lstm 4 proj=4", (5, 2, 3), "proj_size 4 is not smaller than hidden_size 4"),
        ("lstm", (5, 2, 3), "lstm needs hidden"),
        ("conv2d 4", (1, 3, 8, 8), "conv2d needs k"),
        ("rnncell 4", (1, 2, 3), "rnncell takes (N, F) or (F)"),
        ("linear 4000000000 | linear 4000000000", (4000000000, 1), "torch counts bytes in 64 bits"),
        ("linear 4000000000", (1, 4000000000), "the parameters of linear would hold"),
        ("lstm 1 200000", (5, 1, 1), "more than 100,000 parameter tensors"),
    ],
)
def test_inputs_that_torch_rejects(text: str, shape: tuple[int, ...], said: str) -> None:
    error = refused(chain(text, shape))
    assert said in error.message
    assert error.fix


@pytest.mark.parametrize(("name", "near"), [("con2d", "conv2d"), ("Conv2d", "conv2d"), ("rel", "relu"), ("zzz", None)])
def test_an_unknown_layer(name: str, near: str | None) -> None:
    error = refused(chain(name, (1, 3, 8, 8)))
    assert error.code == "spec.unknown-layer"
    assert error.span == Span(0, len(name))
    assert (near in error.suggestions) if near else not error.suggestions


# --- torch's own terms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "code"),
    [
        ((3, 8), {}, "type.missing-argument"),
        ((3, 8, 5), {"kernel_size": 5}, "type.duplicate-argument"),
        ((3, 8, 5), {"kernel": 5}, "type.unknown-argument"),
        ((3, 8, 5, 1, 0, 1, 1, True, "zeros", None, None, 1), {}, "type.arguments"),
        ((3, 8, 5.0), {}, "type.value"),
        ((3, 8, None), {}, "type.value"),
        ((3, True, 5), {}, "type.value"),
        ((3, 8, 5), {"dtype": "float32"}, "type.value"),
        ((3, 8, 5), {"device": "cuda"}, "type.value"),
        ((3, 8, (5,)), {}, "type.value"),
        ((3, 8, 5), {"padding": (1,), "padding_mode": "reflect"}, "torch.padding"),
    ],
)
def test_constructors_are_as_strict_as_torchs(args: tuple[Any, ...], kwargs: dict[str, Any], code: str) -> None:
    assert refused(module("Conv2d", *args, **kwargs)).code == code


def test_what_a_constructor_takes() -> None:
    assert outputs(module("Conv2d", 3, 8, 5, stride=(2,), bias="no")) == [(1, 8, 6, 6)]
    assert outputs(module("MaxPool2d", 3, stride=())) == [(1, 3, 5, 5)]
    assert outputs(module("BatchNorm2d", "anything", affine=False, track_running_stats=False)) == [(1, 3, 16, 16)]
    assert module("LSTM", 3, 4, proj_size=False, inputs=[Input(Tensor((5, 2, 3)))]).error is None


@pytest.mark.parametrize(
    ("name", "args", "inputs", "code"),
    [
        ("LSTM", (3, 4), [Input(Tensor((5, 2, 3))), Input(Tensor((1, 2, 4)))], "type.inputs"),
        ("GRU", (3, 4), [Input(Tensor((5, 2, 3))), Input((Tensor((1, 2, 4)), Tensor((1, 2, 4))))], "type.inputs"),
        ("GRU", (3, 4), [Input(Tensor((5, 2, 3))), Input(Tensor((1, 3, 4)))], "shape.mismatch"),
        ("GRU", (3, 4), [Input(Tensor((5, 2, 3))), Input(Tensor((2, 4)))], "shape.rank"),
        ("ReLU", (), [Input(Tensor((5,))), Input(Tensor((5,)))], "type.inputs"),
        ("ReLU", (), [Input(None)], "type.inputs"),
        ("ReLU", (), [Input(Tensor((5,)), "x")], "type.inputs"),
        ("ReLU", (), [Input(Tensor((5,))), Input(Tensor((5,)), "input")], "type.inputs"),
        ("ReLU", (), [Input(Literal(3))], "type.inputs"),
        ("ReLU", (), [Input(Tensor((5,), "bool"))], "torch.dtype"),
        ("Linear", (3, 4), [Input(Tensor((2, 3), "float64"))], "torch.dtype"),
        ("ConvTranspose1d", (2, 3, 3), [Input(Tensor((1, 2, 9))), Input(Literal((1, 2, 3, 4)))], "type.inputs"),
        ("ConvTranspose1d", (2, 3, 3), [Input(Tensor((1, 2, 9))), Input(Literal("x"))], "type.inputs"),
        ("ConvTranspose1d", (2, 3, 3, 2), [Input(Tensor((1, 2, 9))), Input(Literal((21,)))], "shape.mismatch"),
        ("Conv1d", (2, 3, 3), [Input(Tensor((9, 2), packed=Packing((5, 4))))], "type.inputs"),
    ],
)
def test_inputs_are_as_strict_as_torchs(name: str, args: tuple[Any, ...], inputs: list[Input], code: str) -> None:
    error = refused(module(name, *args, inputs=inputs))
    assert error.code == code
    assert error.fix


def test_a_packed_sequence_comes_out_packed() -> None:
    packed = Tensor((5, 3, 3), packed=Packing((5, 2, 4), enforce_sorted=False))
    (row,) = module("GRU", 3, 4, inputs=[Input(packed)], bidirectional=True).rows
    output, hidden = row.bound.outputs
    assert (output.shape, output.batch_sizes, hidden.shape) == ((11, 8), (3, 3, 2, 2, 1), (2, 3, 4))
    assert row.bound.macs == 11 * 2 * 3 * 4 * (3 + 4)


@pytest.mark.parametrize(
    "packing",
    [
        Packing((2, 5, 4)), Packing((5, 4)), Packing((5, 4, 0)), Packing((6, 4, 2)),
        Packing((5, 4, 2), batch_first=True),
    ],
)  # fmt: skip
def test_what_cannot_be_packed(packing: Packing) -> None:
    assert refused(module("GRU", 3, 4, inputs=[Input(Tensor((5, 3, 3), packed=packing))])).code == "shape.packing"


def test_the_mode_counts() -> None:
    single = [Input(Tensor((1, 3, 1, 1)))]
    assert refused(module("BatchNorm2d", 3, inputs=single)).code == "shape.single-value"
    assert module("BatchNorm2d", 3, inputs=single, mode="eval").error is None
    assert refused(module("BatchNorm2d", 3, inputs=single, mode="eval", track_running_stats=False))


def test_dtypes_flow() -> None:
    halves = [Input(Tensor((1, 3, 8, 8), "float16"))]
    assert module("BatchNorm2d", 3, inputs=halves).rows[0].bound.outputs[0].dtype == "float16"
    whole = [Input(Tensor((4,), "int64"))]
    assert module("Sigmoid", inputs=whole).rows[0].bound.outputs[0].dtype == "float32"
    assert module("ReLU", inputs=whole).rows[0].bound.outputs[0].dtype == "int64"
    chosen = chain("linear 4", dtype="float64")
    assert chosen.rows[0].bound.outputs[0].dtype == "float64"
    assert chosen.plan is not None
    assert chosen.plan.dtype == "float64"


# --- unrolling -------------------------------------------------------------------------------------------------------


def test_a_cell_unrolled_shares_its_weights_and_hands_its_state_on() -> None:
    analysis = chain("lstmcell 10", (5, 3, 16), unroll=True)
    assert [row.shares for row in analysis.rows] == [None, 0, 0, 0, 0]
    assert all([out.shape for out in row.bound.outputs] == [(3, 10)] * 2 for row in analysis.rows)  # type: ignore[union-attr]
    assert analysis.plan is not None
    assert len(analysis.plan.modules) == 1
    assert analysis.plan.calls[2] == Call(0, (Ref(None, (0, 2)), (Ref(1, (0,)), Ref(1, (1,)))))


def test_a_cell_unrolled_from_a_given_state() -> None:
    inputs = [Input(Tensor((2, 3, 16))), Input(Tensor((3, 10)), "h_0"), Input(Tensor((3, 10)), "c_0")]
    analysis = analyse_spec(parse("lstmcell 10"), inputs, Options(unroll=True))
    assert analysis.plan is not None
    assert analysis.plan.calls[0].kwargs == {"hx": (Ref(None, (1,)), Ref(None, (2,)))}


@pytest.mark.parametrize(
    ("text", "shape", "code"),
    [
        ("conv2d 3 3", (5, 3, 16, 16), "spec.unroll"),
        ("rnncell 4 | relu", (5, 3, 16), "spec.unroll"),
        ("rnncell 4", (5,), "shape.rank"),
        ("rnncell 4", (0, 3, 16), "shape.mismatch"),
    ],
)
def test_what_cannot_be_unrolled(text: str, shape: tuple[int, ...], code: str) -> None:
    assert refused(chain(text, shape, unroll=True)).code == code


def test_a_cell_unrolled_without_an_input() -> None:
    assert len(chain("grucell 10", unroll=True).rows) == 5


# --- notes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "codes"),
    [
        ("lstm 4", (8, 128, 3), ["recurrent.batch-first"]),
        ("lstm 4", (128, 8, 3), []),
        ("lstm 4 batch_first=false", (8, 128, 3), []),
        ("lstm 4 dropout=0.5", (9, 2, 3), ["recurrent.dropout"]),
        ("lstm 4 2 dropout=0.5", (9, 2, 3), []),
        ("conv2d 3 64 7", (1, 3, 99, 99), ["spec.torch-order"]),
        ("conv2d 3 7", (1, 3, 99, 99), []),
        ("conv2d 8 64", (1, 3, 99, 99), []),
    ],
)
def test_notes(text: str, shape: tuple[int, ...], codes: list[str]) -> None:
    (row,) = chain(text, shape).rows
    assert [note.code for note in row.notes] == codes


# --- variants --------------------------------------------------------------------------------------------------------


def test_the_generated_function_takes_over_and_says_the_same() -> None:
    layer = find("conv2d")
    assert layer is not None
    analyser, sizes = Analyser(), range(8, 8 + 3 * GENERATE_AFTER)
    given = from_module(layer, Module("Conv2d", (3, 8, 5), {"stride": 2}))
    from layercli.analysis.flow import Flow

    bounds = [analyser.bind(layer, given, [(None, Flow((1, 3, size, size), "float32"))]) for size in sizes]
    assert len({id(bound.variant) for bound in bounds}) == 1
    assert bounds[0].variant.uses > GENERATE_AFTER
    assert [bound.sizes["H_out"] for bound in bounds] == [(size - 5) // 2 + 1 for size in sizes]
    with pytest.raises(LayerError, match="kernel_size 5 spans 5 cells along H, but the padded input has 4"):
        analyser.bind(layer, given, [(None, Flow((1, 3, 4, 9), "float32"))])


# --- what people who know torch type first --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "fix"),
    [
        ("conv2d 3 64 3", (1, 3, 8, 8), "write conv2d 64 3"),
        ("relu | conv2d 3 64 3", (1, 3, 8, 8), "write conv2d 64 3"),
        ("linear 784 128", (4, 784), "in_features is inferred, and comes first in torch only: write linear 128"),
        ("layernorm 3 8 8", (1, 3, 8, 8), "write layernorm 3,8,8"),
        ("conv2d 99 50", (1, 3, 8, 8), "use a kernel_size of at most 8"),
    ],
)
def test_the_fix_for_torchs_order_of_arguments(text: str, shape: tuple[int, ...], fix: str) -> None:
    assert fix in refused(chain(text, shape)).fix


def test_stacked_layers_that_were_meant_as_the_hidden_size() -> None:
    (row,) = chain("lstm 64 128", (50, 4, 64)).rows
    (note,) = row.notes
    assert (note.code, note.fix) == ("spec.torch-order", "write lstm 128")
    assert chain("lstm 64 2", (50, 4, 64)).rows[0].notes == ()


@pytest.mark.parametrize("text", ["relu", "flatten", "linear 10", "layernorm"])
def test_an_empty_axis_hides_no_overflow(text: str) -> None:
    assert refused(chain(text, (0, 2**63 - 1, 3))).code == "torch.overflow"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("maxpool", ("maxpool1d", "maxpool2d", "maxpool3d")), ("conv", ("conv1d", "conv2d", "conv3d")),
        ("maxpol2d", ("maxpool2d",)), ("gelou", ("gelu",)),
        ("batchnorm", ("batchnorm1d", "batchnorm2d", "batchnorm3d")), ("dense", ("linear",)), ("swiglu", ()),
    ],
)  # fmt: skip
def test_another_layer_is_suggested_only_where_it_is_very_near(name: str, meant: tuple[str, ...]) -> None:
    assert refused(chain(name, (1, 3, 8, 8))).suggestions == meant
