"""The report: checks, totals, unknowns, status and exit code, and the document that they make."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layercli import analyze
from layercli.analysis.walk import Analysis, Options, analyse_module, analyse_spec
from layercli.errors import ExitCode, LayerError, Span
from layercli.measurement import FAILED, MEASURED, NOT_RUN, Measurement, Refusal
from layercli.plan import Input, Module, Packing, Tensor
from layercli.report import Report, failure
from layercli.spec import parse

DESIGNS = sorted((Path(__file__).resolve().parents[1] / "docs" / "designs").glob("*.layers"))


def analysed(spec: str, *inputs: tuple[int, ...], **options: Any) -> Analysis:
    return analyse_spec(parse(spec), [Input(Tensor(shape)) for shape in inputs], Options(**options))


def with_macs_unknown(analysis: Analysis, index: int) -> Analysis:
    """The same answer where no formula gives the MACs of one layer."""
    row = analysis.rows[index]
    layer = row.bound.layer._replace(macs_unknown="it depends on the values")
    rows = list(analysis.rows)
    rows[index] = row._replace(bound=row.bound._replace(layer=layer))
    return analysis._replace(rows=tuple(rows))


@pytest.fixture
def measured(torch_child: Any) -> Callable[[Analysis], Measurement]:
    """What torch really does with an analysis."""

    def ask(analysis: Analysis) -> Measurement:
        found = torch_child.ask(analysis.plan)
        assert found.status == MEASURED
        return found

    return ask


# --- status ---------------------------------------------------------------------------------------------------------


def test_agreement(measured: Any) -> None:
    analysis = analysed("conv2d k=5 | relu", (1, 3, 16, 16))
    report = Report(analysis, measured(analysis))
    assert (report.ok, report.agrees, report.status, report.exit_code) == (True, True, "agrees", ExitCode.OK)
    assert {(check.path, check.of) for check in report.checks} == {
        ("0", "outputs.0.shape"),
        ("0", "outputs.0.dtype"),
        ("0", "params.weight"),
        ("0", "params.bias"),
        ("0", "trainable_params"),
        ("1", "outputs.0.shape"),
        ("1", "outputs.0.dtype"),
        ("1", "trainable_params"),
    }
    assert [check.of for check in report.checks_of(report.analysis.rows[1])] == [
        "outputs.0.shape",
        "outputs.0.dtype",
        "trainable_params",
    ]


def test_no_measurement() -> None:
    report = Report(analysed("relu", (1,)), None, "nobody asked")
    assert (report.agrees, report.status, report.why, report.checks) == (None, "not run", "nobody asked", ())
    assert report.exit_code is ExitCode.OK


@pytest.mark.parametrize("status", [FAILED, NOT_RUN])
def test_a_lost_measurement(status: str, validate: Any) -> None:
    report = Report(analysed("relu", (1,)), Measurement(status, "it is gone"))
    assert (report.agrees, report.status, report.why, report.exit_code) == (None, status, "it is gone", ExitCode.OK)
    assert validate(report.to_dict())["measured"]["reason"] == "it is gone"


@pytest.mark.parametrize(
    ("spec", "code", "exit_code"),
    [
        ("conv2d k=99", "shape.", ExitCode.NEGATIVE),
        ("conv2d foo=1", "spec.", ExitCode.USAGE),
        ("conv2d k=x", "type.", ExitCode.USAGE),
    ],
)
def test_a_rejected_design(spec: str, code: str, exit_code: ExitCode, validate: Any) -> None:
    report = Report(analysed(spec, (1, 3, 16, 16)))
    assert (report.ok, report.status, report.exit_code) == (False, "not run", exit_code)
    assert report.output is None
    document = validate(report.to_dict())
    assert document["errors"][0]["code"].startswith(code)
    assert document["measured"]["reason"]


# --- differences -----------------------------------------------------------------------------------------------------


def differing(analysis: Analysis, found: Measurement) -> set[tuple[str, str]]:
    report = Report(analysis, found)
    assert (report.status, report.agrees, report.exit_code) == ("differs", False, ExitCode.BUG)
    return {(check.path, check.of) for check in report.checks if check.status == "differs"}


def test_a_shape_or_a_dtype_differs(measured: Any, validate: Any) -> None:
    analysis = analysed("conv2d k=5 | relu", (1, 3, 16, 16))
    found = measured(analysis)
    for change, of in (
        ({"shape": [1, 3, 12, 13]}, "outputs.0.shape"),
        ({"shape": [1, 3, 12]}, "outputs.0.shape"),
        ({"dtype": "float64"}, "outputs.0.dtype"),
    ):
        wrong = found._replace(outputs=(found.outputs[0], [{**found.outputs[1][0], **change}]))
        assert differing(analysis, wrong) == {("1", of)}
        assert validate(_plain(Report(analysis, wrong).to_dict()))["measured"]["agrees"] is False


def test_the_nesting_differs(measured: Any) -> None:
    analysis = analysed("lstm 4", (5, 3, 16))
    found = measured(analysis)
    ((out, (h, c)),) = found.outputs
    for outputs, of in (
        (
            [out, h, c],
            {
                "outputs.1.0.shape",
                "outputs.1.0.dtype",
                "outputs.1.1.shape",
                "outputs.1.1.dtype",
                "outputs.2.shape",
                "outputs.2.dtype",
            },
        ),
        ([out, [h]], {"outputs.1.1.shape", "outputs.1.1.dtype"}),
        ([out, [h, None]], {"outputs.1.1.shape", "outputs.1.1.dtype"}),
        ([out], {"outputs.1.0.shape", "outputs.1.0.dtype", "outputs.1.1.shape", "outputs.1.1.dtype"}),
        ([out, [c, h, h]], {"outputs.1.2.shape", "outputs.1.2.dtype"}),
    ):
        assert {name for _, name in differing(analysis, found._replace(outputs=(outputs,)))} >= of - {
            "outputs.1.0.shape",
            "outputs.1.0.dtype",
        }


def test_the_packing_differs(measured: Any) -> None:
    packed = Input(Tensor((5, 3, 16), packed=Packing((5, 4, 2))))
    analysis = analyse_module(Module("RNN", (16, 4)), [packed], Options())
    found = measured(analysis)
    assert Report(analysis, found).agrees
    ((out, h),) = found.outputs
    assert out["packed"]["batch_sizes"] == [3, 3, 2, 2, 1]
    for wrong in (
        {**out, "packed": {"batch_sizes": [3, 3, 3, 1, 1]}},
        {name: value for name, value in out.items() if name != "packed"},
    ):
        assert differing(analysis, found._replace(outputs=([wrong, h],)))


def test_the_tensors_of_a_module_differ(measured: Any, validate: Any) -> None:
    analysis = analysed("batchnorm2d", (2, 3, 4, 4))
    found = measured(analysis)
    (weights,) = found.modules
    cases = {
        "params.weight": weights._replace(params={**weights.params, "weight": [4]}),
        "params.bias": weights._replace(params={"weight": [3]}),
        "params.extra": weights._replace(params={**weights.params, "extra": [1]}),
        "buffers.running_mean": weights._replace(buffers={**weights.buffers, "running_mean": [4]}),
        "buffers.more": weights._replace(buffers={**weights.buffers, "more": []}),
        "trainable_params": weights._replace(trainable=5),
    }
    for of, changed in cases.items():
        wrong = found._replace(modules=(changed,))
        assert differing(analysis, wrong) == {("0", of)}
        validate(_plain(Report(analysis, wrong).to_dict()))


def test_the_macs_differ(measured: Any) -> None:
    analysis = analysed("conv2d k=5", (1, 3, 16, 16), count_macs=True)
    found = measured(analysis)
    assert Report(analysis, found).agrees
    assert {of for _, of in differing(analysis, found._replace(macs=1))} == {"macs"}


def test_unknown_macs_are_not_compared(measured: Any) -> None:
    """No formula, no check: an unknown is never taken for 0."""
    analysis = analysed("conv2d k=5 | relu", (1, 3, 16, 16), count_macs=True)
    report = Report(with_macs_unknown(analysis, 0), measured(analysis))
    assert report.agrees
    assert "macs" not in {check.of for check in report.checks}


def test_torch_refuses(measured: Any) -> None:
    analysis = analysed("conv2d k=5 | relu", (1, 3, 16, 16))
    found = measured(analysis)
    for refusal, path in (
        (Refusal("forward", "RuntimeError", "no", call=1), "1"),
        (Refusal("construct", "ValueError", "no", module=0), "0"),
        (Refusal("input", "ValueError", "no"), ""),
        (Refusal("forward", "ValueError", "no", call=9), ""),
    ):
        wrong = found._replace(outputs=(), modules=(), error=refusal)
        assert differing(analysis, wrong) == {(path, "accepts")}
        assert Report(analysis, wrong).why


def test_shared_parameters_are_compared_once(measured: Any) -> None:
    analysis = analysed("rnncell 4", (5, 3, 16), unroll=True)
    report = Report(analysis, measured(analysis))
    assert report.agrees
    assert [check.path for check in report.checks if check.of == "params.weight_ih"] == ["0"]
    assert sum(check.of == "outputs.0.shape" for check in report.checks) == 5


def test_which_versions_are_tested(measured: Any) -> None:
    analysis = analysed("relu", (1,))
    assert Report(analysis).tested
    assert Report(analysis, Measurement(MEASURED, torch="2.13.0+cpu")).tested
    assert not Report(analysis, Measurement(MEASURED, torch="2.1.0")).tested
    assert not Report(analysis, Measurement(MEASURED, torch="2.130.0")).tested, "a number, not a beginning of one"
    assert not Report(analysis, Measurement(MEASURED, torch="1.9")).tested


# --- totals and unknowns ----------------------------------------------------------------------------------------------


def test_totals() -> None:
    totals = Report(analysed("conv2d 8 5 | batchnorm2d | relu | flatten | linear 10", (2, 3, 16, 16))).totals
    params = 608 + 16 + 8 * 144 * 10 + 10
    macs = 2 * 8 * 3 * 25 * 144 + 2 * 8 * 144 * 10
    activations = 4 * 2 * (4 * 8 * 144 + 10)
    assert totals == {
        "params": params, "trainable_params": params, "buffers": 17, "macs": macs, "flops": 2 * macs,
        "param_bytes": 4 * (params + 16) + 8, "activation_bytes": activations,
        # the data, what batchnorm takes with its mean and deviation, and what relu gives, which linear takes too
        "saved_bytes": 4 * (2 * 3 * 256 + 2 * 8 * 144 + 2 * 8 + 2 * 8 * 144),
    }  # fmt: skip


def test_bytes_follow_the_dtype() -> None:
    analysis = analyse_spec(parse("linear 4"), [Input(Tensor((2, 3), "float16"))], Options(dtype="float16"))
    assert Report(analysis).totals["param_bytes"] == 2 * 16
    assert Report(analysis).totals["activation_bytes"] == 2 * 8


def test_an_unknown_part_makes_an_unknown_total(validate: Any) -> None:
    analysis = with_macs_unknown(analysed("conv2d 8 5 | conv2d 8 5", (1, 3, 16, 16)), 1)
    report = Report(analysis)
    document = report.to_dict()
    assert (document["totals"]["macs"], document["totals"]["flops"]) == (None, None)
    assert document["known_part"] == {"macs": 86_400}
    assert {"of": "macs", "path": "1", "why": "it depends on the values"} in document["unknown"]
    assert [layer["macs"] for layer in document["layers"]] == [86_400, None]


UNTOLD = ("params", "trainable_params", "buffers", "param_bytes", "activation_bytes", "saved_bytes")
PRINTED = """\
Sequential(
  (0): Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))
  (1): Block(
    (a): Linear(in_features=4, out_features=2, bias=True)
  )
  (2): ReLU()
)"""
"""A model as torch prints it, with a class of which only the weights are known."""


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("conv2d k=5", set()),
        ("convtranspose2d k=5 s=2 | conv2d k=3", set()),
        ("fractionalmaxpool2d 2 output_ratio=0.5 | relu", {("receptive_field", "0")}),
        (PRINTED, {(of, path) for of in ("macs", "receptive_field") for path in "12"} | {(of, "") for of in UNTOLD}),
    ],
)
def test_every_null_figure_says_why(spec: str, said: set[tuple[str, str]], validate: Any) -> None:
    document = validate(_plain(Report(analysed(spec, (1, 3, 16, 16)), None, "no").to_dict()))
    assert {(entry["of"], entry["path"]) for entry in document["unknown"]} == said
    assert all(entry["why"] for entry in document["unknown"])
    assert (document["memory"] is None) == (("saved_bytes", "") in said)


def _plain(document: Any) -> Any:
    """As it is after a trip through JSON."""
    import json

    return json.loads(json.dumps(document))


def test_the_receptive_field_of_a_chain(validate: Any) -> None:
    document = _plain(
        Report(analysed("conv2d 8 3 p=1 | maxpool2d 2 | conv2d 8 3,5 | relu", (1, 3, 16, 16)), None, "no").to_dict()
    )
    validate(document)
    apart = {"global": [False, False], "misaligned": [False, False]}
    assert document["receptive_field"] == {
        "size": [8, 12], "stride": [2, 2], "padding": [1, 1], "centre": [2.5, 4.5], **apart,
    }  # fmt: skip
    assert document["layers"][0]["receptive_field"] == {
        "size": [3, 3], "stride": [1, 1], "padding": [1, 1], "centre": [0, 0], **apart,
    }  # fmt: skip


# --- the document -----------------------------------------------------------------------------------------------------


def test_it_is_json_as_it_stands(validate: Any) -> None:
    """Lists, not tuples: the value that to_dict gives is the document that is written."""
    for analysis in (
        analysed("conv2d k=5 | flatten", (1, 3, 16, 16)),
        analysed("lstm 4 2", (5, 3, 16)),
        analysed("layernorm 3,16,16", (1, 3, 16, 16)),
        analyse_module(Module("RNN", (16, 4)), [Input(Tensor((5, 3, 16), packed=Packing((5, 4, 2))))], Options()),
    ):
        document = Report(analysis, None, "no").to_dict()
        assert _plain(document) == document
        validate(document)


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_documents_of_whole_designs(path: Path, validate: Any) -> None:
    """Their figures hang together; on open sizes at every size that torch is asked at."""
    text = path.read_text("utf-8")
    document = validate(_plain(analyze(text, run=False).to_dict()))
    assert document["ok"]
    blocks = {block["path"]: block for layer in document["layers"] for block in layer["blocks"]}
    for path_of, block in blocks.items():
        if block["kind"] == "branch":  # what a branch leads to is there, and its branches are told apart
            assert path_of.rpartition(".")[0] in [layer["path"] for layer in document["layers"]]
            assert path_of.rpartition(".")[2] == str(block["number"])
    opened = re.sub(r"^input \d+", "input N", text, flags=re.M)
    open_sizes = validate(_plain(analyze(opened, run=False).to_dict()))
    assert open_sizes["ok"]
    assert open_sizes["symbols"]["names"] == ["N"]
    assert [layer["path"] for layer in open_sizes["layers"]] == [layer["path"] for layer in document["layers"]]
    assert open_sizes["totals"]["params"] == document["totals"]["params"]


def test_brief() -> None:
    report = Report(analysed("conv2d k=5", (1, 3, 16, 16)))
    full, brief = report.to_dict(), report.to_dict(brief=True)
    assert full["layers"][0]["formulas"]
    assert brief["layers"][0]["formulas"] == []


def test_a_failure(validate: Any) -> None:
    error = LayerError(
        "spec.x", "it is wrong", source="a\nbc", span=Span(3, 4), fix="mend it", suggestions=("b", "c"), path="1"
    )
    document = validate(failure(error, id=[1], mode="eval"))
    assert (document["id"], document["mode"], document["spec"], document["ok"]) == ([1], "eval", "a\nbc", False)
    assert document["errors"] == [
        {
            "code": "spec.x",
            "message": "it is wrong",
            "span": [3, 4],
            "line": 2,
            "column": 2,
            "path": "1",
            "fix": "mend it",
            "suggestions": ["b", "c"],
        }
    ]
    assert document["measured"]["reason"] != "the formulas reject it, so there is nothing to run", "they never saw it"
    bare = validate(failure(LayerError("internal.error", "oh")))
    assert bare["errors"][0]["span"] is None
    assert bare["spec"] is None


def test_notes_carry_their_path() -> None:
    document = Report(analysed("relu | lstm 4", (3, 5, 16))).to_dict()
    (note,) = document["notes"]
    assert note["path"] == "1"
    assert document["layers"][1]["notes"] == [note], "the same note in both places"


def test_the_schema_is_strict_and_documented(schema: Any) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    good = _plain(Report(analysed("conv2d k=5", (1, 3, 16, 16)), None, "no").to_dict())
    assert validator.is_valid(good)
    for spoil in (
        lambda d: d.pop("known_part"),
        lambda d: d.update(more=1),
        lambda d: d.update(ok=False),
        lambda d: d.update(ok=1),
        lambda d: d["layers"][0].update(more=1),
        lambda d: d["layers"][0].pop("macs"),
        lambda d: d["measured"].update(status="maybe"),
        lambda d: d["totals"].update(params=1.5),
        lambda d: d["outputs"][0].update(dtype="float31"),
        lambda d: d["outputs"][0]["shape"].append(-1),
        lambda d: d.update(outputs=None),
        lambda d: d.update(layers=[]),
        lambda d: d["layers"][0]["formulas"][0].update(of="outputs"),
        lambda d: d.update(errors=[{"code": "spec.x"}]),
        lambda d: d.update(schema_version=2),
        lambda d: d.update(mode="test"),
        lambda d: d["layers"][0]["args"].update(x={"__what__": 1}),
        lambda d: d["layers"][0].update(span=[1]),
    ):
        bad = _plain(good)
        spoil(bad)
        assert not validator.is_valid(bad)

    def undocumented(node: Any, path: str) -> list[str]:
        found = []
        for name, part in node.get("properties", {}).items():
            found += [] if "description" in part or "$ref" in part else [f"{path}.{name}"]
            found += undocumented(part, f"{path}.{name}")
        return found

    assert [
        *undocumented(schema, ""),
        *(x for name, part in schema["$defs"].items() for x in undocumented(part, name)),
    ] == []
    assert all("description" in part for part in schema["$defs"].values())
