"""The Python API: the same answer as the command's, as a value."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest

import layercli
from layercli import LayerError, Report, analyze


def test_the_package() -> None:
    assert set(layercli.__all__) == {"LayerError", "Report", "__version__", "analyze"}
    for name in layercli.__all__:
        assert getattr(layercli, name) is not None
    with pytest.raises(AttributeError, match="analyse"):
        layercli.analyse  # noqa: B018
    assert not hasattr(layercli, "nonsense")


def test_the_example_of_the_package() -> None:
    import doctest

    assert doctest.testmod(layercli) == (0, 3)


def test_formulas_alone() -> None:
    report = analyze("conv2d k=5 | relu", input=(1, 3, 16, 16), run=False)
    assert isinstance(report, Report)
    assert report.ok
    assert report.output is not None
    assert report.output.shape == (1, 3, 12, 12)
    assert report.totals["params"] == 228
    assert (report.status, report.agrees, report.checks) == ("not run", None, ())


@pytest.mark.parametrize("input", [(1, 3, 16, 16), [1, 3, 16, 16], None])
def test_beside_torch(input: Any, validate: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = analyze("conv2d 8 k=5 | relu", input)
    assert report.agrees
    assert report.status == "agrees"
    assert {check.of for check in report.checks} >= {"outputs.0.shape", "params.weight", "trainable_params"}
    assert validate(report.to_dict())["measured"]["device"] == "cpu"


def test_it_is_the_answer_of_the_command(cli: Any) -> None:
    command = cli.json("run 'conv2d 8 k=5 | relu' -i 1,3,16,16")
    document = analyze("conv2d 8 k=5 | relu", (1, 3, 16, 16)).to_dict()
    assert {**document, "command": command["command"]} == command


def test_what_is_asked_of_torch_changes_nothing_of_the_users() -> None:
    import torch

    torch.manual_seed(7)
    state = torch.get_rng_state()
    before = (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), torch.backends.mkldnn.flags)
    flags = torch.are_deterministic_algorithms_enabled()
    assert analyze("conv2d 8 k=5 | batchnorm2d | flatten | linear 4", (2, 3, 16, 16), dtype="float64").agrees
    assert (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.backends.mkldnn.flags,
    ) == before
    assert torch.are_deterministic_algorithms_enabled() == flags
    assert torch.equal(torch.get_rng_state(), state)


def test_further_inputs_by_name() -> None:
    report = analyze("rnn 20", (5, 3, 16), inputs={"hx": (1, 3, 20)})
    assert report.agrees
    assert [name for name, _ in report.analysis.inputs] == ["input", "hx"]
    assert analyze("lstm 4", (5, 3, 16), inputs={"h_0": (1, 3, 4), "c_0": (1, 3, 4)}).agrees
    assert not analyze("rnn 20", (5, 3, 16), inputs={"hx": (1, 3, 21)}).ok


def test_dtype_mode_and_device(validate: Any) -> None:
    report = analyze("linear 4", (2, 3), dtype="float64", mode="eval", device="meta")
    document = validate(report.to_dict())
    assert (document["mode"], document["output"]["dtype"], document["measured"]["device"]) == (
        "eval",
        "float64",
        "meta",
    )
    assert report.agrees
    assert analyze("batchnorm2d", (1, 3, 1, 1), mode="eval").agrees
    assert not analyze("batchnorm2d", (1, 3, 1, 1)).ok


def test_a_design_that_torch_refuses_is_a_report(validate: Any) -> None:
    report = analyze("relu | conv2d k=99", (1, 3, 16, 16))
    assert not report.ok
    assert report.output is None
    assert isinstance(report.analysis.error, LayerError)
    document = validate(report.to_dict())
    assert document["errors"][0]["code"].startswith("shape.")
    assert document["measured"]["status"] == "not run"
    assert "99" in repr(report)
    assert "99" in report._repr_html_()
    assert "99" in drawn(report)


@pytest.mark.parametrize("spec", ["conv2d k=5 |", "conv2d k=", "(", "", "conv2d 'k'"])
def test_a_spec_that_cannot_be_read_raises(spec: str) -> None:
    with pytest.raises(LayerError) as raised:
        analyze(spec)
    error = raised.value
    assert error.code.startswith("spec.")
    assert error.span is not None
    assert error.source == spec, "whoever catches it can show where"
    assert error.fix


@pytest.mark.parametrize("spec", ["rlu", "conv2d foo=1", "conv2d k=x", "conv2d"])
def test_a_name_that_is_not_known_is_a_report_or_raises(spec: str, validate: Any) -> None:
    """Both are promised nowhere; what matters is that it is one of ours, with its place."""
    report = analyze(spec, (1, 3, 16, 16), run=False)
    (error,) = validate(report.to_dict())["errors"]
    assert error["span"]


@pytest.mark.parametrize("wrong", [{"mode": "test"}, {"dtype": "float31"}, {"dtype": "int64"}])
def test_an_option_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises((LayerError, ValueError)):
        analyze("linear 4", (2, 3), run=False, **wrong)


def test_sizes_left_open() -> None:
    report = analyze("conv2d 8 3 s=2 | relu", ("N", 3, "H", "W"))
    assert report.output is not None
    assert report.to_dict()["output"]["shape"] == ["N", 8, "(H - 1)//2", "(W - 1)//2"]
    assert report.status == "agrees"
    assert {check.at for check in report.checks} == {sample.text for sample in report.analysis.symbolic.samples}


@pytest.mark.parametrize("input", [(1, -3), (1, 2.5), ("a b",), "1,3"])
def test_an_input_that_is_no_shape_is_refused(input: Any) -> None:
    with pytest.raises((LayerError, ValueError, TypeError)):
        analyze("relu", input, run=False)


def test_torch_that_cannot_be_loaded_is_a_lost_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "layercli.measure.build", raising=False)
    report = analyze("relu", (2, 3))
    assert report.status == "failed"
    assert "torch" in report.why
    assert report.ok


# --- how a report shows itself ---------------------------------------------------------------------------------------


def drawn(report: Report, width: int = 120) -> str:
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=width).print(report)
    return stream.getvalue()


def test_rich_draws_it() -> None:
    text = drawn(analyze("conv2d k=5", (1, 3, 16, 16)))
    for part in ("Conv2d(", "H_out", "(16 + 2*0 - 1*(5 - 1) - 1)//1 + 1", "✓", "checks agree"):
        assert part in text
    assert max(map(len, drawn(analyze("conv2d k=5", run=False), 60).splitlines())) <= 60


def test_repr_is_the_plain_text(cli: Any) -> None:
    report = analyze("conv2d k=5", (1, 3, 16, 16), run=False)
    assert repr(report).splitlines()[:-1] == cli("conv2d k=5 -i 1,3,16,16 --no-run").out.splitlines()[:-1]


def test_html_for_a_notebook() -> None:
    from html.parser import HTMLParser

    class Checker(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.text = ""

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            self.text += data

    for spec in ("conv2d k=5", "conv2d k=5 | relu"):
        checker = Checker()
        checker.feed(analyze(spec, (1, 3, 16, 16))._repr_html_())
        assert checker.open == []
        for part in ("228", "✓", "checks agree", "H_out" if "|" not in spec else "total"):
            assert part in checker.text
