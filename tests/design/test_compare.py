"""Designs side by side: figures and what lies between them, exactly; rows as a diff has lines."""

from __future__ import annotations

import json
from fractions import Fraction
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layercli.analysis.walk import Options
from layercli.cli.inputs import parse_inputs
from layercli.design import align as aligned
from layercli.design.align import align
from layercli.design.compare import Comparison, Design, Source, analysed, letters
from layercli.design.figures import CELLS, COUNT, KINDS, SHAPE, Change, change, decimals
from layercli.errors import ExitCode, LayerError
from layercli.formula.symbolic import SymInt
from layercli.report import Report


def compared(*specs: str, input: str = "1,3,16,16", **options: Any) -> Comparison:
    inputs = parse_inputs([input] if input else [])
    sources = [Source(letters(place), "spec", text) for place, text in enumerate(specs)]
    chosen = Options(planned=False, **options)
    return Comparison([Design(each, Report(analysed(each, inputs, chosen), None, "not asked")) for each in sources])


def told(found: Comparison, of: str) -> tuple[tuple[Any, ...], Change]:
    """The values of a figure, and what lies between the second and the first."""
    figure = next(figure for figure in found.figures if figure.of == of)
    return figure.values, found.changes[of][0]


def lines(found: Comparison) -> list[str]:
    """The pairs of rows, short."""
    assert found.pairs is not None
    marks = {"alike": "=", "changed": "~", "only first": "-", "only second": "+"}
    return [
        " ".join(
            [
                marks[pair.status],
                *(str(row.number) for row in (pair.first, pair.second) if row is not None),
                (pair.first or pair.second).bound.layer.name,  # type: ignore[union-attr]
                *pair.settings,
            ]
        )
        for pair in found.pairs
    ]


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_comparison_of_the_notebook() -> None:
    """The same output and receptive field with a third of the parameters."""
    found = compared("conv2d k=9", "conv2d k=5 d=2")
    assert told(found, "shape") == (((1, 3, 8, 8), (1, 3, 8, 8)), Change(True))
    assert told(found, "params") == ((732, 228), Change(False, -504, Fraction(228, 732)))
    assert told(found, "macs") == ((46656, 14400), Change(False, -32256, Fraction(14400, 46656)))
    assert told(found, "rf") == (((9, 9), (9, 9)), Change(True, (0, 0), (Fraction(1), Fraction(1))))
    assert told(found, "rf_stride")[1].same
    assert told(found, "trainable_params")[0] == (732, 228)
    assert told(found, "memory")[1].difference == 6728 - 14792
    assert found.ok
    assert found.exit_code is ExitCode.OK


def test_every_figure_is_one_of_the_reports_own() -> None:
    """What stands in the table is what each design's own report says."""
    found = compared("conv2d 8 3 p=1 | batchnorm2d | relu", "conv2d 8 5 p=2 | batchnorm2d | gelu")
    for place, report in enumerate(found.reports):
        document = report.to_dict()
        for of in ("params", "trainable_params", "buffers", "macs", "saved_bytes"):
            assert told(found, of)[0][place] == document["totals"][of]
        assert told(found, "memory")[0][place] == document["memory"]["training"]
        assert told(found, "inference_memory")[0][place] == document["memory"]["inference"]
        assert list(told(found, "shape")[0][place]) == document["output"]["shape"]
        for of, key in (("rf", "size"), ("rf_stride", "stride"), ("rf_padding", "padding")):
            assert list(told(found, of)[0][place]) == document["receptive_field"][key]


def test_what_is_unknown_is_not_compared() -> None:
    found = compared("linear 100", "adaptivelogsoftmaxwithloss 100 10,50", input="8,64")
    values, between = told(found, "macs")
    assert values == (51200, None)
    assert between == Change(None)
    why = next(figure.whys for figure in found.figures if figure.of == "macs")
    assert why[0] == ""
    assert "hangs on the targets" in why[1]


def test_a_refused_design_is_not_compared_and_the_others_are() -> None:
    found = compared("conv2d 8 3", "conv2d 8 99", "conv2d 8 5")
    assert not found.ok
    assert found.exit_code is ExitCode.NEGATIVE
    assert [change.same for change in found.changes["params"]] == [None, False]
    assert found.changes["params"][1].difference == 608 - 224
    assert compared("conv2d 8 99", "conv2d 8 5").pairs is None


@pytest.mark.parametrize(
    ("base", "value", "same", "difference", "ratio"),
    [
        (4, 6, False, 2, Fraction(3, 2)),
        (6, 4, False, -2, Fraction(2, 3)),
        (5, 5, True, 0, Fraction(1)),
        (0, 0, True, 0, None),
        (0, 7, False, 7, None),
        (7, 0, False, -7, Fraction(0)),
        (None, 7, None, None, None),
        (7, None, None, None, None),
    ],
)
def test_between_two_numbers(base: Any, value: Any, same: bool | None, difference: int, ratio: Fraction) -> None:
    assert change(COUNT, base, value) == Change(same, difference, ratio)


@pytest.mark.parametrize(
    ("base", "value", "expected"),
    [
        ((3, 3), (3, 3), Change(True, (0, 0), (1, 1))),
        ((3, 3), (3, 6), Change(False, (0, 3), (1, 2))),
        ((3,), (3, 3), Change(False)),
        ((inf, 3), (inf, 3), Change(True)),
        ((inf, 3), (5, 3), Change(False)),
        ((None, 3), (None, 3), Change(None)),
        ((None, 3), (None, 4), Change(False)),
    ],
)
def test_between_two_receptive_fields(base: Any, value: Any, expected: Change) -> None:
    assert change(CELLS, base, value) == expected


@pytest.mark.parametrize(
    ("number", "places", "apart", "written"),
    [
        (Fraction(1, 3), 2, (), "0.33"),
        (Fraction(-1, 3), 1, (), "-0.3"),
        (Fraction(12345678, 10), 1, (), "1,234,567.8"),
        (Fraction(1000001, 1000000), 2, (1,), "1.000001"),
        (Fraction(1), 2, (1,), "1.00"),
        (Fraction(1, 5000), 1, (0,), "0.0002"),
        (Fraction(-1, 5000), 1, (0,), "-0.0002"),
        (Fraction(50004, 10000), 1, (5,), "5.0004"),
        (Fraction(2, 3), 0, (), "1"),
    ],
)
def test_rounding_hides_no_difference(number: Fraction, places: int, apart: tuple[int, ...], written: str) -> None:
    assert decimals(number, places, *map(Fraction, apart)) == written


# --- sizes left open -------------------------------------------------------------------------------------------------


def test_closed_forms_are_compared_as_forms() -> None:
    found = compared("conv2d 8 3 p=1", "conv2d 16 3 p=1", input="N,3,H,W")
    values, between = told(found, "macs")
    assert [*map(str, values)] == ["216*N*H*W", "432*N*H*W"]
    assert (between.same, str(between.difference), between.ratio) == (False, "216*N*H*W", None)
    assert told(found, "params")[1] == Change(False, 224, Fraction(2))
    assert told(found, "shape")[1].same is False
    assert told(compared("conv2d 8 3 p=1", "conv2d 8 5 p=2", input="N,3,H,W"), "shape")[1].same


def test_one_form_in_two_spellings_is_the_same() -> None:
    n, h = SymInt(3, "N"), SymInt(5, "H")
    assert change(COUNT, n * (h + 1), n * h + n) == Change(True, 0, 1)
    assert change(COUNT, n * h + 7, n * h + 9) == Change(False, 2, None)


def test_forms_that_are_not_told_apart_are_not_called_different() -> None:
    """Nothing is claimed of two forms that differ as they stand and agree wherever they were tried."""
    h = SymInt(4, "H")
    halves = h // 2 + (h + 1) // 2
    assert change(SHAPE, (halves,), (h,), ({"H": 3}, {"H": 8})).same is None
    assert change(SHAPE, (h // 2,), (h,), ({"H": 3},)).same is False


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("conv2d 8 3 | relu", "conv2d 8 3 | relu", ["= 0 0 conv2d", "= 1 1 relu"]),
        ("conv2d 8 3 p=1 | relu", "conv2d 8 5 p=2 | relu", ["~ 0 0 conv2d kernel_size padding", "= 1 1 relu"]),
        ("conv2d 8 3 p=1 | relu", "conv2d 8 3 p=1 | gelu", ["= 0 0 conv2d", "- 1 relu", "+ 1 gelu"]),
        ("conv2d 8 3 | relu", "relu | conv2d 8 3", ["+ 0 relu", "= 0 1 conv2d", "- 1 relu"]),
        ("relu | relu", "relu", ["= 0 0 relu", "- 1 relu"]),
        ("relu", "relu | tanh | relu", ["= 0 0 relu", "+ 1 tanh", "+ 2 relu"]),
        ("conv2d 8 3 | relu", "conv2d 8 3 s=2 | relu", ["~ 0 0 conv2d stride", "~ 1 1 relu"]),
        ("dropout 0.1 | relu", "dropout 0.10 | relu", ["= 0 0 dropout", "= 1 1 relu"]),
        ("leakyrelu 1 | tanh", "nn.Sequential(nn.LeakyReLU(1.0), nn.Tanh())", ["= 0 0 leakyrelu", "= 1 1 tanh"]),
        (
            "a: relu | tanh | add @a",
            "relu | b: tanh | add @b",
            ["= 0 0 relu", "= 1 1 tanh", "~ 2 2 add reference"],
        ),
        (
            "flatten | linear 10",
            "flatten | linear 64 | gelu | linear 10",
            ["= 0 0 flatten", "+ 1 linear", "+ 2 gelu", "~ 1 3 linear in_features"],
        ),
        (
            "stem: conv2d 8 3 p=1",
            "conv2d 8 5 p=2 | stem: conv2d 8 5 p=2",
            ["+ 0 conv2d", "~ 0 1 conv2d in_channels kernel_size padding"],
        ),
    ],
)
def test_rows_side_by_side(first: str, second: str, expected: list[str]) -> None:
    assert lines(compared(first, second)) == expected


def test_every_row_is_there_once_and_in_order() -> None:
    found = compared("3*(conv2d 8 3 p=1 | relu) | flatten", "2*(relu | conv2d 8 5 p=2) | gelu | flatten")
    pairs = found.pairs or ()
    assert [pair.first.number for pair in pairs if pair.first] == list(range(7))
    assert [pair.second.number for pair in pairs if pair.second] == list(range(6))


def test_rows_of_open_sizes_are_alike_where_their_forms_are() -> None:
    found = compared("conv2d 8 3 p=1 | relu", "conv2d 8 3 p=1 | relu", input="N,3,H,W")
    assert lines(found) == ["= 0 0 conv2d", "= 1 1 relu"]
    assert lines(compared("relu | tanh", "relu | mean 2", input="N,3,H,W"))[0] == "= 0 0 relu"


def test_too_many_rows_are_not_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligned, "MOST_PAIRS", 3)
    one, two = (report.analysis.rows for report in compared("relu | 2*tanh", "relu | 2*gelu").reports)
    assert align(one, two) is None
    assert align(one, one) is not None, "rows at the ends that are alike are weighed with none"
    assert compared("relu | 2*tanh", "relu | 2*gelu").to_dict()["rows"] is None


def test_more_than_two_designs_have_no_rows() -> None:
    assert compared("relu", "tanh", "gelu").pairs is None


# --- properties ------------------------------------------------------------------------------------------------------

STEPS = st.sampled_from(
    ["conv2d 8 3 p=1", "conv2d 4 5 p=2", "conv2d 8 3 p=1 groups=1", "relu", "gelu", "batchnorm2d", "maxpool2d 3 1 p=1",
     "2*(conv2d 6 3 p=1 | relu)", "dropout 0.5", "avgpool2d 2 s=1", "add(; relu)", "conv2d 8 3 s=2 p=1"]
)  # fmt: skip
CHAINS = st.lists(STEPS, min_size=1, max_size=6).map(" | ".join)


@settings(deadline=None, max_examples=40)
@given(CHAINS)
def test_a_design_is_no_different_from_itself(spec: str) -> None:
    found = compared(spec, spec)
    for figure in found.figures:
        (between,) = found.changes[figure.of]
        value = figure.values[0]
        assert between.same is (None if value is None else True), figure
        if KINDS[figure.of] in ("count", "bytes") and value is not None:
            assert between == Change(True, 0, 1 if value else None)
        if figure.of == "rf" and value is not None:
            assert between == Change(True, (0,) * len(value), (1,) * len(value))
    assert {pair.status for pair in found.pairs or ()} == {"alike"}


@settings(deadline=None, max_examples=40)
@given(CHAINS, CHAINS)
def test_swapped_designs_differ_by_as_much_the_other_way(one: str, two: str) -> None:
    there, back = compared(one, two), compared(two, one)
    for figure in there.figures:
        (forth,), (again,) = there.changes[figure.of], back.changes[figure.of]
        assert forth.same is again.same
        for mine, theirs in zip(_listed(forth.difference), _listed(again.difference), strict=True):
            assert mine == -theirs
        for mine, theirs in zip(_listed(forth.ratio), _listed(again.ratio)):
            assert mine == 0 or mine * theirs == 1
    for found in (there, back):  # a diff, whichever way: every row of both, once and in order
        for side, report in enumerate(found.reports):
            numbers = [pair[side].number for pair in found.pairs or () if pair[side] is not None]
            assert numbers == [row.number for row in report.analysis.rows]


def _listed(value: Any) -> tuple[Any, ...]:
    return () if value is None else value if isinstance(value, tuple) else (value,)


# --- the rest --------------------------------------------------------------------------------------------------------


def test_names() -> None:
    assert [letters(number) for number in (0, 1, 25, 26, 27, 51, 52, 701, 702)] == [
        "A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip


def test_an_error_says_which_design_it_is_of() -> None:
    with pytest.raises(LayerError, match="B: there is no layer 'rlu'") as caught:
        compared("relu", "rlu")
    assert caught.value.source == "rlu"
    assert caught.value.exit_code is ExitCode.USAGE
    error = Source("C", "file", "x", "nets/c.layers").named(LayerError("spec.usage", "oh"))
    assert error.message == "C (nets/c.layers): oh"


def test_the_document_is_json() -> None:
    document = compared("conv2d 8 3 | flatten | linear 3", "conv2d 8 5 s=2 | flatten | linear 3").to_dict()
    json.dumps(document, allow_nan=False)
    figures = {figure["of"]: figure for figure in document["figures"]}
    first, second = figures["params"]["values"]
    assert figures["params"]["differences"] == [None, second - first]
    assert figures["params"]["ratios"] == [None, second / first]
    assert figures["rf"]["values"] == [["global", "global"]] * 2
    assert figures["rf"]["same"] == [None, True]
