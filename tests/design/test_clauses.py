"""What a comparison must not come to: what a clause may say, where a caret points, and when it is met."""

from __future__ import annotations

from fractions import Fraction

import pytest

from layercli.design.clauses import Verdict, judged, parse_clause
from layercli.errors import ExitCode, LayerError
from tests.design.test_compare import compared


def verdict(clause: str, *specs: str, input: str = "1,3,16,16") -> Verdict:
    found = compared(*specs, input=input)
    pairs = [*zip(found.names, found.reports)]
    return judged(parse_clause(clause), pairs, found.points)


def met(clause: str, *specs: str, input: str = "1,3,16,16") -> bool | None:
    """Whether it is met for the second design."""
    return verdict(clause, *specs, input=input).findings[0].met


def refused(text: str) -> LayerError:
    with pytest.raises(LayerError) as caught:
        parse_clause(text)
    error = caught.value
    assert error.code == "expect.syntax"
    assert error.exit_code is ExitCode.USAGE
    assert error.fix
    assert error.source == f"--fail-if {text}"
    return error


@pytest.mark.parametrize(
    ("text", "of", "wanted"),
    [
        ("params>+5%", "percent", Fraction(5)),
        ("params < -2.5 %", "percent", Fraction(-5, 2)),
        ("macs>+0", "change", Fraction(0)),
        ("memory>+10MiB", "change", Fraction(10 * 2**20)),
        ("rf<-0", "change", Fraction(0)),
        ("params>=-1,000", "change", Fraction(-1000)),
        ("params>−1k", "change", Fraction(-1000)),
        ("params>5M", "value", Fraction(5_000_000)),
        ("shape!=same", "same", "same"),
        ("dtype=same", "same", "same"),
        ("params!=same", "same", "same"),
        ("shape!=1,_,8", "value", (1, None, 8)),
        ("rf=global", "value", "global"),
    ],
)
def test_what_is_read(text: str, of: str, wanted: object) -> None:
    clause = parse_clause(text)
    assert (clause.of, clause.asked.wanted) == (of, wanted)


@pytest.mark.parametrize(
    ("text", "under", "message"),
    [
        ("params", "", "nothing to compare with"),
        ("parms>+5%", "parms", "no figure 'parms'"),
        ("params>5%", "5%", "has a sign"),
        ("params>+5k%", "5k%", "has no unit"),
        ("params>+", "", "is no number"),
        ("params>+5MB", "MB", "no unit of params"),
        ("shape>+5", "+5", "no difference in numbers"),
        ("dtype!=+5", "+5", "no difference in numbers"),
        ("shape>same", ">", "with = or != only"),
        ("shape>1,3", ">", "with = or != only"),
        ("memory@enc>+5", "enc", "a figure of the whole"),
        ("rf>+1,1", "1,1", "is no number"),
        ("", "", "a figure is missing"),
    ],
)
def test_what_is_not_understood(text: str, under: str, message: str) -> None:
    error = refused(text)
    assert message in error.message
    assert error.span is not None
    assert error.source is not None
    assert error.source[slice(*error.span)] == under


SMALL, LARGE = "conv2d k=5 d=2", "conv2d k=9"  # 228 and 732 parameters, fields of 9x9


@pytest.mark.parametrize(
    ("clause", "is_met"),
    [
        ("params>+221%", True),
        ("params>+221.1%", False),
        ("params>+221.05%", True),
        ("params>=+504", True),
        ("params>+504", False),
        ("params=+504", True),
        ("params!=+504", False),
        ("params<-0", False),
        ("params<+0", False),
        ("params>700", True),
        ("params>732", False),
        ("macs>+0", True),
        ("macs>+50%", True),
        ("memory>+7KiB", True),
        ("memory>+8KiB", False),
        ("shape!=same", False),
        ("shape=same", True),
        ("shape!=1,3,8,8", False),
        ("shape=1,_,8,_", True),
        ("shape=1,3,8", False),
        ("dtype!=same", False),
        ("dtype=float32", True),
        ("dtype!=float32", False),
        ("params=same", False),
        ("rf<-0", False),
        ("rf!=same", False),
        ("rf>=9", True),
        ("rf>9", False),
        ("rf=9,9", True),
        ("rf=global", False),
        ("buffers>+5%", False),
        ("params@0>+100%", True),
    ],
)
def test_when_a_clause_is_met(clause: str, is_met: bool) -> None:
    assert met(clause, SMALL, LARGE) is is_met


def test_a_percentage_is_exact() -> None:
    """732 against 228 is 221.05263157…: no rounding decides."""
    percent = Fraction(504 * 100, 228)
    below = str(float(percent))[:12]
    assert met(f"params>+{below}%", SMALL, LARGE) is True
    assert met("params>+221.05263158%", SMALL, LARGE) is False


@pytest.mark.parametrize(
    ("clause", "first", "second", "message"),
    [
        ("params>+5%", "relu", "conv2d 8 3", "there is no percentage of 0"),
        ("params<-5%", "relu", "conv2d 8 3", "there is no percentage of 0"),
        ("params>+5%", "conv2d 8 99", "conv2d 8 3", "params of A is unknown (the design is refused"),
        ("params>5M", "conv2d 8 3", "conv2d 8 99", "params of B is unknown (the design is refused"),
        ("shape=same", "conv2d 8 3", "conv2d 8 99", "the output of B is unknown"),
        ("rf<-5%", "flatten | linear 4 | unflatten 1 2,2", "conv2d 8 3", "is unknown"),
    ],
)
def test_what_cannot_be_told_counts_as_met(clause: str, first: str, second: str, message: str) -> None:
    found = verdict(clause, first, second)
    assert found.findings[0].met is None
    assert found.failed
    assert message in found.message


def test_fields_of_other_axes_are_not_compared() -> None:
    found = verdict("rf>+0", "input 1,3,16 | conv1d 8 3", "input 1,3,16,16 | conv2d 8 3", input="")
    assert found.findings[0].met is None
    assert found.message == "the receptive field of B is 3x3, of A 3: they have not the same axes"
    assert met("rf!=same", "input 1,3,16 | conv1d 8 3", "input 1,3,16,16 | conv2d 8 3", input="") is True


def test_nothing_of_nothing_is_no_change() -> None:
    assert met("params>+5%", "relu", "tanh") is False
    assert met("params!=+0%", "relu", "tanh") is False
    assert met("params=+0%", "relu", "tanh") is True


def test_what_is_said() -> None:
    assert verdict("params>+5%", SMALL, LARGE).message == "params of B is 732, of A 228: +221.1%"
    assert verdict("params>+5%", LARGE, SMALL).message == "params of B is 228, of A 732: -68.9%"
    assert verdict("memory>+0", SMALL, LARGE).message == "memory of B is 14,792 bytes, of A 6,728 bytes: +8,064"
    assert verdict("shape!=same", SMALL, LARGE).message == "the output of B is 1,3,8,8, of A 1,3,8,8: the same"
    assert verdict("rf>+1", SMALL, "conv2d k=9x11").message == (
        "the receptive field of B is 9x11, of A 9x9: +0 x +2"
    )  # fmt: skip
    assert verdict("rf>+1", SMALL, "conv2d k=9 | flatten | linear 3").message.endswith(": global")


def test_one_axis_of_a_receptive_field_is_enough() -> None:
    assert met("rf>+1", "conv2d k=9", "conv2d k=9x11") is True
    assert met("rf<-0", "conv2d k=9x11", "conv2d k=11x9") is True
    assert met("rf=+0", "conv2d k=9", "conv2d k=9x11") is False
    assert met("rf>10", "conv2d k=9", "conv2d k=9x11") is True
    assert met("rf>+0", "conv2d k=9", "conv2d k=9 | flatten | linear 3") is True
    assert met("rf<-0", "conv2d k=9 | flatten | linear 3", "conv2d k=9") is True
    assert met("rf<-5%", "conv2d k=9 | flatten | linear 3", "conv2d k=9") is None
    assert met("rf>+5%", "conv2d k=9 | flatten | linear 3", "conv2d k=5 | flatten | linear 3") is False


def test_a_row_is_asked_of_each_design() -> None:
    first, second = "enc: conv2d 8 3 | relu", "enc: conv2d 16 3 | relu"
    assert met("params@enc>+50%", first, second) is True
    assert met("shape@enc!=same", first, second) is True
    with pytest.raises(LayerError, match="B has no row 'enc'") as caught:
        verdict("params@enc>+50%", first, "conv2d 8 3")
    assert caught.value.source == "--fail-if params@enc>+50%"
    assert caught.value.span is not None
    assert caught.value.source[slice(*caught.value.span)] == "enc"


def test_every_design_but_the_first_is_judged() -> None:
    found = verdict("params>+5%", SMALL, SMALL, LARGE)
    assert [(each.design, each.met) for each in found.findings] == [("B", False), ("C", True)]
    assert found.failed
    assert found.message == "params of B is 228, of A 228: +0%; params of C is 732, of A 228: +221.1%"


def test_open_sizes_decide_what_they_can() -> None:
    one, two = "conv2d 8 3 p=1", "conv2d 16 3 p=1"
    assert met("params>+50%", one, two, input="N,3,H,W") is True
    assert met("macs>+0", one, two, input="N,3,H,W") is None
    assert met("macs>+0", one, one, input="N,3,H,W") is False
    assert met("macs>5M", one, two, input="N,3,H,W") is None
    assert met("shape!=same", one, two, input="N,3,H,W") is True
    assert met("shape=N,16,H,W", one, two, input="N,3,H,W") is True
    assert met("shape=1,16,_,_", one, two, input="N,3,H,W") is None
    assert met("shape=1,8,_,_", one, two, input="N,3,H,W") is False
    assert verdict("macs>+0", one, two, input="N,3,H,W").message == (
        "macs of B is 432*N*H*W, of A 216*N*H*W: 216*N*H*W more, which hangs on an open size"
    )
