"""What the worker builds, feeds, and says of it; in this process."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from layercli.measure.build import run_plan
from layercli.measurement import Measurement
from layercli.plan import Call, DType, Input, Literal, Module, Packing, Plan, Ref, Tensor
from tests.measure.plans import conv, plan, shape

TOO_BIG: dict[str, Any] = {"cost": (10**12, 10**12, 0)}
WITHOUT_WEIGHTS = {"need_weights": Literal(False)}


def measured(question: Plan) -> Measurement:
    answer = run_plan(question)
    assert answer.status == "measured", answer.reason
    assert answer.error is None
    assert Measurement.from_json(json.loads(json.dumps(answer.to_json()))) == answer
    return answer


def test_a_convolution() -> None:
    answer = measured(conv())
    assert answer.outputs == ([shape(1, 8, 12, 12)],)
    assert answer.modules[0] == ({"weight": [8, 3, 5, 5], "bias": [8]}, 608, {})
    assert answer.device == "cpu"
    assert answer.reason == ""
    assert answer.macs is None


@pytest.mark.parametrize(
    ("question", "outputs"),
    [
        (
            plan(Module("LSTM", (3, 4, 2)), Tensor((5, 1, 3))),
            [shape(5, 1, 4), [shape(2, 1, 4), shape(2, 1, 4)]],
        ),
        (
            plan(Module("LSTM", (3, 4)), Tensor((5, 3)), (Tensor((1, 4)), Tensor((1, 4)))),
            [shape(5, 4), [shape(1, 4), shape(1, 4)]],
        ),
        (
            plan(Module("MaxPool2d", (2,), {"return_indices": True}), Tensor((1, 1, 4, 4))),
            [shape(1, 1, 2, 2), shape(1, 1, 2, 2, dtype="int64")],
        ),
        (
            plan(Module("GRU", (3, 4)), Tensor((5, 3, 3), packed=Packing((5, 2, 4), enforce_sorted=False))),
            [{**shape(11, 4), "packed": {"batch_sizes": [3, 3, 2, 2, 1]}}, shape(1, 3, 4)],
        ),
        (
            plan(Module("MultiheadAttention", (8, 2)), *[Tensor((3, 8))] * 3, named=WITHOUT_WEIGHTS),
            [shape(3, 8), None],
        ),
        (
            plan(
                Module("ConvTranspose1d", (2, 2, 3), {"stride": 2}),
                Tensor((1, 2, 6)),
                named={"output_size": Literal((14,))},
            ),
            [shape(1, 2, 14)],
        ),
        (plan(Module("MSELoss"), Tensor((3,)), Tensor((3,))), [shape()]),
    ],
)
def test_outputs_are_nested_as_torch_nests_them(question: Plan, outputs: list[Any]) -> None:
    assert measured(question).outputs == (outputs,)


@pytest.mark.parametrize(
    ("tensor", "ok"),
    [
        (Tensor((2, 3), "int64", high=10), True),
        (Tensor((2, 3), "int32"), True),
        (Tensor((2, 3), "int64", low=9, high=10), True),
        (Tensor((2, 3), "int64", low=10, high=11), False),
        (Tensor((3,), "int64", values=(0, 9, 4)), True),
        (Tensor((3,), "int64", values=(0, 10, 4)), False),
        (Tensor((0,), "int64", high=0), True),
        (Tensor((2, 3)), False),
    ],
)
def test_indices(tensor: Tensor, ok: bool) -> None:
    answer = run_plan(plan(Module("Embedding", (10, 4)), tensor))
    assert (answer.error is None) == ok
    if ok:
        assert answer.outputs == ([shape(*tensor.shape, 4)],)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float16", "bfloat16", "float64", "complex64"])
def test_every_dtype_can_be_fed(dtype: str) -> None:
    assert measured(plan(Module("Identity"), Tensor((2, 3), dtype))).outputs == ([shape(2, 3, dtype=dtype)],)


def test_ranges_and_values_are_kept() -> None:
    in_range = Tensor((1000,), low=0, high=1)
    assert measured(plan(Module("BCELoss"), in_range, in_range)).outputs == ([shape()],)
    outside = run_plan(plan(Module("BCELoss"), Tensor((1000,), low=2, high=3), in_range))
    assert outside.error is not None
    wrong_number = run_plan(plan(Module("ReLU"), Tensor((3,), values=(1.0, 2.0))))
    assert wrong_number.error is not None
    assert wrong_number.error.stage == "input"


def test_a_chain_runs_on_its_own_outputs() -> None:
    modules = (Module("LSTM", (4, 6), {"bidirectional": True}), Module("Linear", (6, 2)), Module("Identity"))
    chain = Plan(
        modules,
        (Input(Tensor((5, 3, 4))),),
        (Call(0, (Ref(None, (0,)),)), Call(1, (Ref(0, (1, 0)),)), Call(2, (Ref(1, (0,)),)), Call(2, (Ref(2),))),
    )
    lstm, *rest = measured(chain).outputs
    assert lstm == [shape(5, 3, 12), [shape(2, 3, 6), shape(2, 3, 6)]]
    assert rest == [[shape(2, 3, 2)]] * 3


def test_a_shared_module_is_built_and_counted_once() -> None:
    first = Ref(None, (0,))
    answer = measured(
        Plan((Module("BatchNorm1d", (4,)),), (Input(Tensor((3, 4))),), (Call(0, (first,)), Call(0, (Ref(0),))))
    )
    assert len(answer.outputs) == 2
    assert len(answer.modules) == 1
    assert answer.modules[0].trainable == 8
    assert answer.modules[0].buffers == {"running_mean": [4], "running_var": [4], "num_batches_tracked": []}


def test_branches_run_on_what_they_come_from() -> None:
    """A value that two calls read is there for both, however far apart they are."""
    modules = (
        Module("ReLU"), Module("Conv2d", (3, 4, 1)), Module("torch.cat", (), {"dim": 1}), Module("torch.chunk", (), {
            "chunks": 7, "dim": 1}), Module("torch.add"),
    )  # fmt: skip
    calls = (
        Call(0, (Ref(None, (0,)),)),
        Call(1, (Ref(0),)),
        Call(2, (Ref(0), Ref(1))),
        Call(3, (Ref(2),)),
        Call(4, (Ref(0), Ref(3, (6,)), Ref(None, (1,)))),
    )
    answer = measured(Plan(modules, (Input(Tensor((2, 3, 5, 5))), Input(Tensor((1,)), "more")), calls))
    assert answer.outputs == (
        [shape(2, 3, 5, 5)], [shape(2, 4, 5, 5)], [shape(2, 7, 5, 5)], [shape(2, 1, 5, 5)] * 7, [shape(2, 3, 5, 5)],
    )  # fmt: skip
    assert [weights.trainable for weights in answer.modules] == [0, 16, 0, 0, 0]


def test_a_learned_tensor_is_a_parameter() -> None:
    modules = (Module("torch.param", (), {"shape": (1, 3)}), Module("torch.mul"))
    calls = (Call(0, ()), Call(1, (Ref(None, (0,)), Ref(0))))
    answer = measured(Plan(modules, (Input(Tensor((4, 3), "float64")),), calls, dtype="float64"))
    assert answer.outputs[1] == [shape(4, 3, dtype="float64")]
    assert answer.modules[0] == ({"value": [1, 3]}, 3, {})


def test_a_refusal_in_a_branch_names_its_call() -> None:
    modules = (Module("ReLU"), Module("Linear", (3, 4)), Module("torch.add"))
    calls = (Call(0, (Ref(None, (0,)),)), Call(1, (Ref(0),)), Call(2, (Ref(0), Ref(1))))
    answer = run_plan(Plan(modules, (Input(Tensor((2, 3))),), calls))
    assert answer.error is not None
    assert (answer.error.stage, answer.error.call) == ("forward", 2)
    assert answer.outputs == ([shape(2, 3)], [shape(2, 4)])


def test_an_input_is_walked_step_by_step() -> None:
    calls = tuple(Call(0, (Ref(None, (0, step)), Ref(None, (1, 0)))) for step in range(3))
    cell = Plan((Module("RNNCell", (4, 6)),), (Input(Tensor((3, 2, 4))), Input((Tensor((2, 6)), None))), calls)
    assert measured(cell).outputs == ([shape(2, 6)],) * 3


def test_modules_and_tensors_among_the_arguments() -> None:
    encoder = Module("TransformerEncoder", (Module("TransformerEncoderLayer", (8, 2, 16)), 2))
    answer = measured(plan(encoder, Tensor((5, 1, 8), "float64"), dtype="float64", mode="eval"))
    assert answer.outputs == ([shape(5, 1, 8, dtype="float64")],)
    assert answer.modules[0].params["layers.1.linear1.weight"] == [16, 8]
    loss = plan(Module("NLLLoss", (), {"weight": Tensor((3,))}), Tensor((2, 3)), Tensor((2,), "int64", high=3))
    assert measured(loss).modules[0].buffers == {"weight": [3]}


@pytest.mark.parametrize(
    "module",
    [
        Module("Linear", (4, 6)),
        Module("RNN", (4, 6)),
        Module("Linear", (4, 6, True, None, DType("float64"))),
        Module("Linear", (4, 6), {"dtype": DType("float64")}),
    ],
)
def test_the_dtype_of_the_run(module: Module) -> None:
    fed = Tensor((5, 4), "float64")
    run_dtype = None if DType("float64") in (*module.args, *module.kwargs.values()) else "float64"
    assert measured(plan(module, fed, dtype=run_dtype)).outputs[0][0] == shape(5, 6, dtype="float64")


def test_dtypes_that_do_not_fit_are_refused_by_torch() -> None:
    answer = run_plan(conv(dtype="float64"))
    assert answer.error is not None
    assert answer.error.stage == "forward"


def test_the_mode_counts() -> None:
    batchnorm = plan(Module("BatchNorm1d", (4,)), Tensor((1, 4)))
    assert run_plan(batchnorm).error is not None
    assert run_plan(batchnorm._replace(mode="eval")).error is None


def test_a_lazy_module_is_described_after_its_call() -> None:
    assert measured(plan(Module("LazyLinear", (5,)), Tensor((2, 7)))).modules[0].params["weight"] == [5, 7]
    unsettled = run_plan(plan(Module("LazyLinear", (5,)), Tensor((2, 7), "int64")))
    assert unsettled.error is not None
    never = run_plan(plan(Module("LazyLinear", (5,)), Tensor((2, 7)))._replace(calls=()))
    assert never.modules[0] == ({"weight": None, "bias": None}, 0, {})


@pytest.mark.parametrize(
    ("module", "error"),
    [
        (Module("Conv2d", (3, 8, 5), {"groups": 2}), ("construct", "ValueError", 1, None)),
        (Module("Conv2d", (3, 8)), ("construct", "TypeError", 1, None)),
        (Module("Conv2d", (4, 8, 5)), ("forward", "RuntimeError", 1, 1)),
    ],
)
def test_what_torch_refuses_is_an_answer(module: Module, error: tuple[Any, ...]) -> None:
    calls = (Call(0, (Ref(None, (0,)),)), Call(1, (Ref(0),)))
    answer = run_plan(Plan((Module("Conv2d", (3, 3, 1)), module), (Input(Tensor((1, 3, 16, 16))),), calls))
    assert answer.status == "measured"
    assert answer.error is not None
    assert (answer.error.stage, answer.error.type, answer.error.module, answer.error.call) == error
    assert answer.error.message
    assert answer.modules[0].trainable == 12
    assert answer.outputs == (([shape(1, 3, 16, 16)],) if error[3] else ())
    assert Measurement.from_json(json.loads(json.dumps(answer.to_json()))) == answer


def test_a_packing_that_torch_refuses() -> None:
    answer = run_plan(plan(Module("GRU", (3, 4)), Tensor((5, 2, 3), packed=Packing((2, 5)))))
    assert answer.error is not None
    assert answer.error.stage == "input"


@pytest.mark.parametrize("name", ["Conv9d", "functional", "Parameterless", "torch.load", "Buffer"])
def test_a_class_that_this_torch_lacks(name: str) -> None:
    answer = run_plan(plan(Module(name), Tensor((1,))))
    assert answer.status == "not run"
    assert f"has no nn.{name}" in answer.reason


def test_a_mistake_of_ours_is_not_blamed_on_torch() -> None:
    with pytest.raises(LookupError):
        run_plan(conv()._replace(calls=(Call(0, (Ref(None, (0,)),)), Call(0, (Ref(0, (0, 0)),)))))


# --- devices ---------------------------------------------------------------------------------------------------------


def test_a_huge_layer_runs_on_meta_and_takes_no_memory() -> None:
    began = time.perf_counter()
    answer = measured(plan(Module("Linear", (10**6, 10**6)), Tensor((1, 10**6)), cost=(4 * 10**12, 10**12, 0)))
    assert time.perf_counter() - began < 20
    assert answer.device == "meta"
    assert "3.6 TiB of memory would be needed" in answer.reason
    assert answer.modules[0].trainable == 10**12 + 10**6
    assert answer.outputs == ([shape(1, 10**6)],)


@pytest.mark.parametrize(
    "module",
    [
        Module("Embedding", (10**6, 10**6)),
        Module("TransformerEncoder", (Module("TransformerEncoderLayer", (2**20, 2)), 1)),
        Module("NLLLoss", (), {"weight": Tensor((10**12,))}),
        Module("LSTM", (10**6, 10**6)),
        Module("AdaptiveLogSoftmaxWithLoss", (10**6, 10**6, [10])),
    ],
)
def test_nothing_big_is_made_on_meta(module: Module) -> None:
    weights = measured(Plan((module,), (), (), cost=(10**13, 0, 0))).modules[0]
    assert weights.params or weights.buffers


def test_a_failure_on_meta_is_no_answer() -> None:
    losses = [Tensor((4, 3))] * 2
    answer = run_plan(plan(Module("GaussianNLLLoss"), *losses, Tensor((4, 3), low=1, high=2), **TOO_BIG))
    assert answer.status == "not run"
    assert answer.error is None
    assert answer.reason.startswith("the meta device could not run it: ")
    assert "931.3 GiB of memory would be needed" in answer.reason
    asked_for = run_plan(plan(Module("GaussianNLLLoss"), *losses, Tensor((4, 3), low=1, high=2), device="meta"))
    assert asked_for.status == "not run"
    assert "()" not in asked_for.reason.replace(".item()", "")
    packed = run_plan(plan(Module("GRU", (3, 4)), Tensor((5, 2, 3), packed=Packing((5, 2))), **TOO_BIG))
    assert packed.status in ("measured", "not run")
    assert len(packed.modules) == 1


def test_a_constructor_refuses_on_meta_as_anywhere() -> None:
    answer = run_plan(plan(Module("Conv2d", (3, 8, 5), {"groups": 2}), Tensor((1, 3, 16, 16)), **TOO_BIG))
    assert answer.status == "measured"
    assert answer.error is not None


def test_too_many_steps_are_not_run() -> None:
    answer = run_plan(plan(Module("LSTM", (3, 4)), Tensor((30_000, 1, 3)), cost=(10**6, 10**6, 30_000)))
    assert answer.status == "not run"
    assert "30,000 steps" in answer.reason
    assert answer.torch


@pytest.mark.parametrize(("device", "reason"), [("cuda", "no CUDA device"), ("toaster", "'toaster'")])
def test_a_device_that_is_not_there(device: str, reason: str) -> None:
    import torch

    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one here")
    answer = run_plan(conv(device=device))
    assert answer.status == "failed"
    assert reason in answer.reason


def test_memory_that_is_not_there() -> None:
    answer = run_plan(plan(Module("Identity"), Tensor((2**45,)), device="cpu"))
    assert answer.status == "failed"
    assert "not enough memory on cpu" in answer.reason


def test_the_callers_torch_is_left_as_it_was() -> None:
    import torch

    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    try:
        assert measured(conv()).outputs == ([shape(1, 8, 12, 12)],)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.rand(1), expected)


# --- counting --------------------------------------------------------------------------------------------------------

T, B, C, H = 7, 2, 6, 4


@pytest.mark.parametrize(
    ("question", "macs"),
    [
        (conv(), 8 * 3 * 5 * 5 * 12 * 12),
        (plan(Module("ConvTranspose1d", (4, 6, 3), {"groups": 2}), Tensor((1, 4, 10))), 10 * 4 * 6 // 2 * 3),
        (plan(Module("Linear", (C, H)), Tensor((B, T, C))), B * T * C * H),
        (plan(Module("LSTM", (C, H)), Tensor((T, B, C))), T * B * 4 * H * (C + H)),
        (plan(Module("LSTM", (C, H), {"proj_size": 3}), Tensor((T, B, C))), T * B * (4 * H * (C + 3) + H * 3)),
        (plan(Module("GRU", (C, H), {"bidirectional": True}), Tensor((T, B, C))), 2 * T * B * 3 * H * (C + H)),
        (
            plan(Module("MultiheadAttention", (C, 2)), *[Tensor((T, B, C))] * 3, named=WITHOUT_WEIGHTS),
            4 * T * B * C * C + 2 * B * T * T * C,
        ),
        (plan(Module("ReLU"), Tensor((3,))), 0),
        (plan(Module("Bilinear", (3, 4, 5)), Tensor((2, 3)), Tensor((2, 4))), None),
    ],
)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_macs_are_those_of_the_closed_formulas(question: Plan, macs: int | None, mode: str) -> None:
    assert measured(question._replace(count_macs=True, mode=mode)).macs == macs


def test_counting_does_not_change_what_ran() -> None:
    layer = Module("TransformerEncoderLayer", (8, 2, 16), {"batch_first": True})
    mask = Tensor((2, 4), "bool", values=(False, False, True, True) * 2)
    question = plan(
        Module("TransformerEncoder", (layer, 1)), Tensor((2, 4, 8)), named={"src_key_padding_mask": mask}, mode="eval"
    )
    assert (
        measured(question._replace(count_macs=True)).outputs == measured(question).outputs
    )  # the fast path cuts the padding
    import torch

    assert torch.backends.mha.get_fastpath_enabled()


def test_nothing_heavy_is_imported_unless_asked() -> None:
    code = (
        "import sys; import layercli.measure.child; heavy = {'torch', 'subprocess', 'dataclasses', 'inspect'};"
        "print(*sorted(heavy & sys.modules.keys()));"
        "from layercli.measure.build import run_plan; from tests.measure.plans import conv; run_plan(conv());"
        "print('torch.utils.flop_counter' in sys.modules)"
    )
    path = f"import sys; sys.path[:0] = {[*sys.path]!r};"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it imports much itself
    done = subprocess.run(
        [sys.executable, "-c", path + code], capture_output=True, text=True, check=True, env=bare
    )  # fmt: skip
    assert done.stdout.splitlines() == ["", "False"]
