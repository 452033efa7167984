"""The account of a net's memory, reckoned by hand: sums, peaks, what is shared and what is not known."""

from __future__ import annotations

import pytest

from layercli.analysis.memory import OPTIMIZERS, Memory, Peak, memory
from layercli.analysis.strides import (
    filled,
    in_order,
    in_rows,
    is_channels_last,
    is_in_order,
    only_splits,
    turned,
    viewed,
)
from layercli.analysis.walk import Options, analyse_spec
from layercli.plan import Input, decode_input
from layercli.spec import parse


def account(spec: str, *shape: int, mode: str = "train", optimizer: str = "sgd", **options: object) -> Memory:
    inputs: list[Input] = [decode_input(list(shape))]
    analysis = analyse_spec(parse(spec), inputs, Options(mode=mode, **options))  # type: ignore[arg-type]
    assert analysis.error is None, analysis.error
    return memory(analysis, optimizer)


def kept(spec: str, *shape: int, mode: str = "train") -> list[dict[str, int]]:
    return [{tensor.what: tensor.size for tensor in row.tensors} for row in account(spec, *shape, mode=mode).rows]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_storage_counts_at_its_first_keeper() -> None:
    """The relu keeps its output, which the second linear layer keeps as its input."""
    assert kept("linear 8 | relu | linear 4", 2, 16) == [{"input": 2 * 16 * 4}, {"output": 2 * 8 * 4}, {}]


def test_without_gradients_nothing_is_kept() -> None:
    assert kept("relu | maxpool2d 2", 1, 3, 8, 8) == [{}, {}]
    assert kept("relu | conv2d 4 3", 1, 3, 8, 8) == [{}, {"input": 3 * 64 * 4}]


def test_what_is_overwritten_in_place_is_one_storage() -> None:
    inplace, apart = (account(f"conv2d 4 1 | relu{how}", 2, 3, 8, 8) for how in (" inplace=true", ""))
    assert inplace.kept == apart.kept
    assert inplace.inference_peak.size < apart.inference_peak.size


def test_what_is_written_over_through_a_view_is_kept_for_who_reads_the_rest() -> None:
    read, unread = (kept(f"a: linear 8 | narrow 1 0 4 | silu inplace=true | {end}", 3, 8) for end in (
        "narrow 1 4 4 @a", "param 3,4",
    ))  # fmt: skip
    assert read == [{"input": 3 * 8 * 4}, {}, {"input before": 3 * 4 * 4}, {}]
    assert unread == [{}, {}, {}, {}]


def test_what_is_not_trained_is_unknown_and_the_rest_still_known() -> None:
    got = account("linear 8 | sigmoid | relu inplace=true | linear 4", 2, 16)
    assert [row.unknown for row in got.unknown] == [
        "torch does not train it: relu writes over what sigmoid keeps for backward"
    ]
    assert got.training is None
    assert got.inference is not None
    assert got.kept_known == 4 * 2 * (16 + 8)


def test_unfold_keeps_the_memory_of_a_larger_input() -> None:
    assert kept("conv2d 3 1 | unfold 2 s=3 | gelu", 2, 3, 9, 9)[2] == {"input": 4 * 2 * 3 * 81}
    assert kept("conv2d 3 1 | unfold 2 | gelu", 2, 3, 9, 9)[2] == {"input": 4 * 2 * 12 * 64}


def test_masks_are_kept_in_train_mode_only() -> None:
    assert kept("linear 8 | dropout", 2, 16)[1] == {"mask": 2 * 8 * 4}
    assert kept("linear 8 | dropout", 2, 16, mode="eval")[1] == {}


def test_a_pool_keeps_its_input_and_indices_of_eight_bytes() -> None:
    rows = kept("conv2d 4 1 | maxpool2d 2", 1, 3, 8, 8)
    assert rows[1] == {"input": 4 * 64 * 4, "indices": 4 * 16 * 8}


def test_branches_share_what_they_both_keep() -> None:
    rows = kept("linear 8 | add(linear 8 ; linear 8)", 2, 16)
    assert sorted(sum(row.values()) for row in rows) == [0, 0, 2 * 8 * 4, 2 * 16 * 4]


def test_unknown_is_said_and_the_rest_still_known() -> None:
    got = account("conv2d 4 3 | crossmaplrn2d 5 | relu", 1, 3, 8, 8)
    assert got.kept is None
    assert got.training is None
    assert [row.row for row in got.unknown] == [1]
    assert "crossmaplrn2d" in got.unknown[0].unknown
    assert got.kept_known == 3 * 64 * 4 + 4 * 36 * 4


def test_complex_numbers_are_not_worked_out() -> None:
    inputs = [decode_input({"shape": [2, 16], "dtype": "complex64"})]
    got = memory(analyse_spec(parse("sigmoid"), inputs, Options()), asking=[0])
    assert [row.unknown for row in got.rows] == ["what sigmoid keeps of complex numbers is not worked out"]


# --- sums ------------------------------------------------------------------------------------------------------------


def test_the_account_adds_up() -> None:
    got = account("conv2d 8 3 | batchnorm2d | relu | flatten | linear 10", 4, 3, 8, 8, optimizer="adam")
    params = 8 * 3 * 9 + 8 + 2 * 8 + 10 * 8 * 36 + 10
    assert got.parameters == got.gradients == 4 * params
    assert got.buffers == 4 * 16 + 8
    assert got.optimizer_state == 2 * 4 * params + 4 * 6
    assert got.kept == sum(row.size or 0 for row in got.rows)
    assert got.training == got.parameters + got.buffers + got.gradients + got.optimizer_state + got.kept
    assert [figure.name for figure in got.figures()] == [
        "parameters", "buffers", "gradients", "optimizer_state", "kept", "largest", "inference_peak", "inference",
        "training",
    ]  # fmt: skip
    assert all(figure.formula for figure in got.figures())


def test_what_is_frozen_has_no_gradient() -> None:
    got = account("embedding 10 4 _freeze=true | linear 2", 2, 3, optimizer="adam")
    assert got.parameters == 4 * (40 + 10)
    assert got.gradients == 4 * 10
    assert got.optimizer_state == 2 * 4 * 10 + 2 * 4


def test_shared_weights_count_once() -> None:
    inputs = [decode_input([5, 3, 16])]
    got = memory(analyse_spec(parse("lstmcell 10"), inputs, Options(unroll=True)), "adam")
    once = account("lstmcell 10", 3, 16, optimizer="adam")
    assert (got.parameters, got.optimizer_state) == (once.parameters, once.optimizer_state)
    assert got.kept is not None
    assert once.kept is not None
    assert got.kept > 4 * once.kept


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_dtypes_scale_the_account(dtype: str) -> None:
    whole, other = (
        account("linear 8 | relu | linear 4", 2, 16),
        account("linear 8 | relu | linear 4", 2, 16, dtype=dtype),
    )
    factor = {"float64": 2, "bfloat16": 0.5}[dtype]
    assert (other.parameters, other.kept) == (whole.parameters * factor, (whole.kept or 0) * factor)


def test_every_optimizer_is_told_in_words() -> None:
    for name in OPTIMIZERS:
        told = next(
            f.formula for f in account("linear 2", 1, 2, optimizer=name).figures() if f.name == "optimizer_state"
        )
        assert told.startswith(name)


# --- peaks -----------------------------------------------------------------------------------------------------------


def test_the_peak_holds_input_and_output_of_a_call() -> None:
    got = account("linear 8 | linear 32 | linear 2", 1, 4)
    assert got.inference_peak == Peak(4 * (4 + 8 + 32), 1)
    assert got.largest == Peak(4 * 32, 1)


def test_a_skip_lives_until_it_is_read() -> None:
    got = account("linear 100 | add(linear 10 | linear 100 ; )", 1, 4)
    assert got.inference_peak == Peak(4 * (4 + 100 + 100 + 100), 3)


def test_a_view_takes_no_memory() -> None:
    assert account("linear 8 | flatten", 2, 4).inference_peak == Peak(4 * (8 + 16), 0)


# --- strides ---------------------------------------------------------------------------------------------------------


def test_in_order() -> None:
    assert in_order((2, 3, 4)) == (12, 4, 1)
    assert is_in_order((2, 1, 4), (4, 77, 1))
    assert not is_in_order((2, 3), (1, 2))
    assert turned((4, 5, 6)) == (6, 24, 1)


def test_views_of_other_shapes() -> None:
    assert viewed((2, 3, 4), (12, 4, 1), (6, 4)) == (4, 1)
    assert viewed((2, 3, 4), (4, 8, 1), (6, 4)) is None
    assert viewed((2, 3, 4), (4, 8, 1), (2, 3, 2, 2)) == (4, 8, 2, 1)
    assert viewed((4,), (0,), (2, 2)) == (0, 0)
    assert viewed((), (), (1, 1)) == (1, 1)


def test_what_is_taken_apart_is_a_view_however_it_lies() -> None:
    assert only_splits((4, 6), (1, 4, 1, 2, 3, 1))
    assert only_splits((4, 1, 6), (4, 6))
    assert only_splits((), (1, 1))
    assert not only_splits((4, 6), (24,))
    assert not only_splits((4, 6), (8, 3))
    assert not only_splits((4, 6), (2, 6))
    assert not only_splits((0, 4), (4, 0))


def test_rows() -> None:
    assert in_rows((2, 3, 4), (12, 4, 1))
    assert not in_rows((2, 3, 4), (4, 8, 1))
    assert in_rows((2, 3, 4), (4, 8, 1), exchange=True)


def test_results_lie_as_their_operand_does() -> None:
    assert filled((2, 3, 4), (100, 1, 10)) == (12, 1, 3)
    assert filled((2, 3), (0, 1)) is None
    assert is_channels_last((2, 3, 4, 5), (60, 1, 15, 3))
    assert not is_channels_last((2, 3, 4, 5), (60, 20, 5, 1))
