"""Expectations: what they may say, where a caret points when they are off, and what holds of a report."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.analysis.walk import Options, analyse_spec
from layercli.errors import ExitCode, LayerError
from layercli.expect import ALIASES, FIGURES, check, parse_expectation
from layercli.plan import Input, Tensor
from layercli.report import TOTALS, Report
from layercli.spec import parse

NET = (
    "enc: (conv2d 8 3 s=2 p=1 | batchnorm2d | relu) | res: add( ; in1: conv2d 8 1) | maxpool2d 2 | flatten | linear 10"
)
CONVOLUTIONS = "conv2d 8 3 | conv2d 8 5x3"


def report(spec: str = NET, shape: tuple[int, ...] = (1, 3, 32, 32)) -> Report:
    return Report(analyse_spec(parse(spec), [Input(Tensor(shape))], Options(planned=False)))


def refused(text: str) -> LayerError:
    with pytest.raises(LayerError) as caught:
        parse_expectation(text)
    error = caught.value
    assert error.code == "expect.syntax"
    assert error.exit_code == ExitCode.USAGE
    assert error.fix
    assert error.source == f"--expect {text}"
    assert error.span is not None
    return error


def pointed_at(error: LayerError) -> str:
    assert error.source is not None
    assert error.span is not None
    return error.source[slice(*error.span)]


# --- what holds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "1,10", "_,10", "1,_", "_,_", "(1, 10)", "1x10", "output=1,10", "shape = 1,10", "output!=1,11",
        "output!=1,10,1", "params=5442", "params==5,442", "params = 5_442", "params<=5.442k", "params<5443",
        "params>=5442", "params>5441", "params != 5", "params<=7B", "trainable_params=5442", "buffers=17",
        "macs<4.1G", "flops>1k", "weights<=10Ki", "param_bytes<=22KB", "param_bytes<=21.4KiB",
        "activation_bytes<1MiB", "memory<=1MB", "inference_memory<1M", "saved_bytes<=1MiB", "dtype=float32",
        "dtype!=float16", "params≤5442", "PARAMS=5442", "params@enc=240", "params@0=224", "params@enc.0=224",
        "params@in1=72", "params@res=72", "params@res.1.in1=72", "macs@enc=55,296", "flops@in1=32,768",
        "shape@enc=1,8,_,16", "output@res=1,8,16,16", "buffers@enc=17", "rf@enc=3", "rf@enc=3,3", "rf@enc=3,_",
        "rf=global", "rf>=200", "activation_bytes@in1=8,192",
    ],
)  # fmt: skip
def test_what_holds(text: str) -> None:
    assert check(parse_expectation(text), report()) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,1000", "the output is 1,10, expected 1,1000"),
        ("_,11", "the output is 1,10, expected _,11"),
        ("scalar", "the output is 1,10, expected scalar"),
        ("params<=5k", "params is 5,442, expected at most 5,000"),
        ("params<5442", "params is 5,442, expected less than 5,442"),
        ("params>=5.4425k", "params is 5,442, expected at least 5,442.5"),
        ("params>1M", "params is 5,442, expected more than 1,000,000"),
        ("params!=5442", "params is 5,442, expected anything but 5,442"),
        ("params@enc<=10", "params of enc is 240, expected at most 10"),
        ("shape@enc=1,64,56,56", "the output of enc is 1,8,16,16, expected 1,64,56,56"),
        ("dtype=float16", "the dtype is float32, expected float16"),
        ("rf@enc>=4", "the receptive field of enc is 3x3, expected at least 4"),
        ("rf@enc=3,4", "the receptive field of enc is 3x3, expected 3x4"),
        ("rf@enc=3,3,3", "the receptive field of enc is 3x3, expected 3x3x3"),
        ("rf<=5", "the receptive field is globalxglobal, expected at most 5"),
    ],
)
def test_what_does_not_hold(text: str, said: str) -> None:
    assert check(parse_expectation(text), report()) == said


@pytest.mark.parametrize(
    ("text", "holds"),
    [("rf>=5", True), ("rf>=6", False), ("rf<=7", True), ("rf<=6", False), ("rf=7,5", True), ("rf=5", False),
     ("rf!=5", True), ("rf!=7,5", False), ("rf=_,5", True), ("rf>5", False), ("rf<8", True)],
)  # fmt: skip
def test_every_axis_of_a_receptive_field_is_held_against_the_number(text: str, holds: bool) -> None:
    assert (check(parse_expectation(text), report(CONVOLUTIONS)) is None) == holds


def test_what_is_unknown_holds_for_nothing() -> None:
    adaptive = report("adaptivelogsoftmaxwithloss 100 10,50", (8, 64))
    for test in ("<", ">", "!="):
        assert str(check(parse_expectation(f"macs{test}5"), adaptive)).startswith("macs is unknown (")
        assert "macs of 0 is unknown (" in str(check(parse_expectation(f"macs@0{test}5"), adaptive))
    loss = report("mseloss", (4, 3))
    assert "the receptive field is unknown" in str(check(parse_expectation("rf!=5"), loss))


def test_a_design_that_is_refused_holds_for_nothing() -> None:
    broken = report("conv2d 8 99")
    for text in ("1,10", "params>=0", "params@nowhere>=0", "rf>0"):
        said = check(parse_expectation(text), broken)
        assert said is not None
        assert "since the design is refused: kernel_size 99" in said


def test_an_open_size_holds_for_nothing_but_any() -> None:
    open_batch = Input(Tensor((0, 3, 32, 32), symbols=("N", "", "", "")))
    found = Report(analyse_spec(parse("conv2d 8 3 | flatten"), [open_batch], Options(planned=False)))
    assert check(parse_expectation("_,7200"), found) is None
    assert check(parse_expectation("1,7200"), found) == "the output is N,7200, expected 1,7200"
    assert check(parse_expectation("params=224"), found) is None
    assert "hangs on an open size" in str(check(parse_expectation("macs<1G"), found))


def test_open_sizes_are_expected_as_they_are_printed() -> None:
    open_sizes = Input(Tensor((0, 3, 0, 0), symbols=("N", "", "H", "W")))
    found = Report(analyse_spec(parse("maxpool2d 2"), [open_sizes], Options(planned=False)))
    for claim in ("N,3,H//2,W//2", "shape=N, 3, H // 2, _", "shape!=N,3,H,W"):
        assert check(parse_expectation(claim), found) is None, claim
    assert check(parse_expectation("N,3,H,W"), found) == "the output is N,3,H//2,W//2, expected N,3,H,W"


def test_a_row_that_is_not_there() -> None:
    with pytest.raises(LayerError) as caught:
        check(parse_expectation("params@encc<=5"), report())
    error = caught.value
    assert (error.code, error.exit_code, error.fix) == ("expect.unknown-row", ExitCode.USAGE, "did you mean enc?")
    assert pointed_at(error) == "encc"
    with pytest.raises(LayerError, match="no row '99'"):
        check(parse_expectation("params@99<=5"), report())


# --- what is not understood ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "said", "fix"),
    [
        ("parms<=5", "parms", "there is no figure 'parms'", "did you mean params?"),
        ("params <= 5,5M", "5,5M", "'5,5M' is no number", "5,500,000, or 5.5M"),
        ("params<=-5", "-5", "'-5' is no number", "digits"),
        ("params<=5x", "x", "'x' is no unit of params", "Ki"),
        ("params<=5MB", "MB", "'MB' is no unit of params", "write 5M: it is a number, not bytes"),
        ("param_bytes<=5Mx", "Mx", "no unit of param_bytes", "with or without B"),
        ("dtype=flaot32", "flaot32", "is no dtype", "did you mean float32?"),
        ("dtype<float32", "<", "compared with = or != only", "write dtype=float32"),
        ("shape@enc>=1,8", ">=", "compared with = or != only", "write shape=1,8"),
        ("shape@enc=1,,8", "1,,8", "is no shape", "_ for any size"),
        ("rf>=20,20", ">=", "compared with = or != only", "one number for the smallest"),
        ("memory@enc<5", "enc", "memory is a figure of the whole", "saved_bytes"),
        ("params@<5", "@", "behind @ stands no row", "@enc"),
        ("<5", "<", "a figure is missing", "use one of"),
        ("1,1000 and params<5", "1,1000 and params", "there is no figure", "once for each"),
        ("1,,2", "1,,2", "neither a shape nor a comparison", "1,1000"),
        ("param", "param", "neither a shape nor a comparison", "did you mean params?"),
        ("params", "", "nothing to compare with", "write params=…"),
        ("params<=", "", "nothing to compare with", "give a value"),
        ("params@enc", "", "nothing to compare with", "write params@enc=…"),
        ("", "", "an expectation is empty", "params<=5M"),
        ("params<=" + "9" * 5000, "9" * 5000, "more than 4000 digits", "smaller"),
        ("9" * 5000, "9" * 5000, "neither a shape nor a comparison", "1,1000"),
    ],
)
def test_what_is_not_understood(text: str, at: str, said: str, fix: str) -> None:
    error = refused(text)
    assert said in error.message
    assert fix in error.fix
    assert pointed_at(error) == at


# --- of all texts ----------------------------------------------------------------------------------------------------


@given(st.text(alphabet="0123456789_,.x()@<>=!≤ abcdefgkmMGTiBparms\n\t", max_size=30))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        found = parse_expectation(text)
    except LayerError:
        error = refused(text)
        assert error.span is not None
        assert len("--expect ") <= error.span.start < error.span.end <= len(str(error.source)) + 1
    else:
        assert found.figure in FIGURES
        assert found.test in ("<=", "<", ">=", ">", "=", "!=")


@given(st.integers(0, 10**30), st.sampled_from(["{}", "{:,}", "{:_}"]))
def test_a_number_is_exact_however_it_is_written(number: int, written: str) -> None:
    assert parse_expectation(f"params<={written.format(number)}").wanted == number


@given(st.integers(0, 10**6), st.integers(1, 999), st.sampled_from([("k", 3), ("M", 6), ("G", 9), ("T", 12)]))
def test_a_decimal_number_is_exact(whole: int, places: int, unit: tuple[str, int]) -> None:
    text = f"macs<{whole}.{places:03}{unit[0]}"
    assert parse_expectation(text).wanted == Fraction(whole * 1000 + places, 1000) * 10 ** unit[1]


@given(st.integers(0, 10_000), st.sampled_from(["<=", "<", ">=", ">", "=", "!="]))
def test_a_comparison_is_pythons(number: int, test: str) -> None:
    compared: Any = {
        "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt, "=": operator.eq, "!=": operator.ne,
    }[test]  # fmt: skip
    assert (check(parse_expectation(f"params{test}{number}"), _NET) is None) == compared(5442, number)


_NET = report()


@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=1, max_size=4))
def test_a_shape_holds_where_every_size_fits(sizes: list[int | None]) -> None:
    text = ",".join("_" if size is None else str(size) for size in sizes)
    found = report("identity", (1, 2, 3))
    fits = len(sizes) == 3 and all(size in (None, here) for size, here in zip(sizes, (1, 2, 3)))
    assert (check(parse_expectation(text), found) is None) == fits
    assert (check(parse_expectation(f"output!={text}"), found) is None) != fits


def test_every_total_of_the_report_can_be_expected() -> None:
    assert set(TOTALS) <= set(FIGURES)
    assert set(ALIASES.values()) <= set(FIGURES)
    for figure in TOTALS:
        if report().totals[figure] is not None:
            assert check(parse_expectation(f"{figure}={report().totals[figure]}"), report()) is None
