"""JSON Lines in, JSON Lines out: the vocabulary, bad lines, order, and torch beside it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import Any

import pytest

from layercli.analysis.walk import Options
from layercli.batch import answer_lines
from layercli.measurement import FAILED, Measurement


@pytest.fixture
def ask(validate: Any) -> Any:
    """Answers questions, each report judged after a trip through JSON."""

    def ask(*lines: Any, **how: Any) -> list[dict[str, Any]]:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        options = how.pop("options", Options())
        return [validate(strict(json.dumps(document))) for document in answer_lines(texts, options, **how)]

    return ask


def strict(text: str) -> Any:
    """Standard JSON only."""

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def shapes(tree: Any) -> Any:
    """Nested outputs as nested shapes."""
    if isinstance(tree, list):
        return [shapes(item) for item in tree]
    return None if tree is None else tuple(tree["shape"])


IMAGE = [1, 3, 16, 16]


# --- good lines -----------------------------------------------------------------------------------------------------

PACKED = {"shape": [5, 3, 16], "packed": {"lengths": [5, 4, 2]}}
LEARNED = [
    # what it shows, the line, its outputs
    ("spec", {"spec": "conv2d k=5 | relu", "input": IMAGE}, [(1, 3, 12, 12)]),
    ("spec-inputs", {"spec": "conv2d k=5", "inputs": [{"shape": IMAGE, "dtype": "float32"}]}, [(1, 3, 12, 12)]),
    (
        "module",
        {"layer": "Conv2d", "args": [3, 8, 5], "kwargs": {"padding": 2}, "inputs": [{"shape": IMAGE}]},
        [(1, 8, 16, 16)],
    ),
    ("module-input", {"layer": "ReLU", "input": [2, 3]}, [(2, 3)]),
    (
        "tuple-argument",
        {"layer": "Conv2d", "args": [3, 8, [3, 5]], "kwargs": {"stride": [2, 1]}, "inputs": [IMAGE]},
        [(1, 8, 7, 12)],
    ),
    (
        "word",
        {"layer": "Conv2d", "args": [3, 8, 5], "kwargs": {"padding": "same"}, "inputs": [IMAGE]},
        [(1, 8, 16, 16)],
    ),
    ("null-argument", {"layer": "MaxPool2d", "args": [2, None], "inputs": [IMAGE]}, [(1, 3, 8, 8)]),
    ("no-arguments", {"layer": "ReLU", "args": None, "kwargs": None, "inputs": [[2, 3]]}, [(2, 3)]),
    (
        "dtype-argument",
        {
            "layer": "Linear",
            "args": [4, 5],
            "kwargs": {"dtype": {"__dtype__": "float64"}},
            "inputs": [{"shape": [2, 4], "dtype": "float64"}],
        },
        [(2, 5)],
    ),
    (
        "float",
        {"layer": "BatchNorm2d", "args": [3], "kwargs": {"momentum": {"__float__": "inf"}}, "inputs": [IMAGE]},
        [(1, 3, 16, 16)],
    ),
    (
        "null-input",
        {"layer": "LSTM", "args": [16, 4], "inputs": [[5, 3, 16], None]},
        [(5, 3, 4), [(1, 3, 4), (1, 3, 4)]],
    ),
    (
        "tuple-input",
        {"layer": "LSTM", "args": [16, 4], "inputs": [[5, 3, 16], {"tuple": [[1, 3, 4], [1, 3, 4]]}]},
        [(5, 3, 4), [(1, 3, 4), (1, 3, 4)]],
    ),
    (
        "named-input",
        {"layer": "GRU", "args": [16, 4], "inputs": [[5, 3, 16], {"shape": [1, 3, 4], "name": "hx"}]},
        [(5, 3, 4), (1, 3, 4)],
    ),
    (
        "named-tuple",
        {"layer": "LSTM", "args": [16, 4], "inputs": [[5, 3, 16], {"tuple": [[1, 3, 4], [1, 3, 4]], "name": "hx"}]},
        [(5, 3, 4), [(1, 3, 4), (1, 3, 4)]],
    ),
    (
        "named-null",
        {"layer": "LSTM", "args": [16, 4], "inputs": [[5, 3, 16], {"value": None, "name": "hx"}]},
        [(5, 3, 4), [(1, 3, 4), (1, 3, 4)]],
    ),
    (
        "value",
        {"layer": "ConvTranspose2d", "args": [3, 3, 5, 2], "inputs": [IMAGE, {"value": [36, 36]}]},
        [(1, 3, 36, 36)],
    ),
    (
        "named-value",
        {
            "layer": "ConvTranspose2d",
            "args": [3, 3, 5, 2],
            "inputs": [IMAGE, {"value": [36, 35], "name": "output_size"}],
        },
        [(1, 3, 36, 35)],
    ),
    ("packed", {"layer": "RNN", "args": [16, 4], "inputs": [PACKED]}, [(11, 4), (1, 3, 4)]),
    (
        "packed-unsorted",
        {
            "layer": "RNN",
            "args": [16, 4],
            "inputs": [{"shape": [5, 3, 16], "packed": {"lengths": [2, 5, 4], "enforce_sorted": False}}],
        },
        [(11, 4), (1, 3, 4)],
    ),
    (
        "packed-batch-first",
        {
            "layer": "LSTM",
            "args": [16, 4],
            "kwargs": {"batch_first": True},
            "inputs": [{"shape": [3, 5, 16], "packed": {"lengths": [5, 4, 2], "batch_first": True}}],
        },
        [(11, 4), [(1, 3, 4), (1, 3, 4)]],
    ),
    ("values", {"layer": "ReLU", "inputs": [{"shape": [3], "values": [1.0, -2.0, 3.0]}]}, [(3,)]),
    ("low-high", {"layer": "ReLU", "inputs": [{"shape": [3], "dtype": "int64", "low": 0, "high": 9}]}, [(3,)]),
    (
        "indices",
        {"layer": "MaxPool2d", "args": [2], "kwargs": {"return_indices": True}, "inputs": [IMAGE]},
        [(1, 3, 8, 8), (1, 3, 8, 8)],
    ),
    ("unbatched", {"layer": "Conv2d", "args": [3, 8, 5], "inputs": [[3, 16, 16]]}, [(8, 12, 12)]),
    ("scalar", {"layer": "ReLU", "inputs": [[]]}, [()]),
    ("eval", {"layer": "BatchNorm2d", "args": [3], "inputs": [[1, 3, 1, 1]], "mode": "eval"}, [(1, 3, 1, 1)]),
    ("dtype", {"spec": "linear 4", "input": [2, 3], "dtype": "float64"}, [(2, 4)]),
    ("newlines", {"spec": "conv2d 8 3\nrelu # and a comment\n", "input": IMAGE}, [(1, 8, 14, 14)]),
    ("branches", {"spec": "add(conv2d 3 3 p=1 ; ) | cat dim=1 (relu ; tanh)", "input": IMAGE}, [(1, 6, 16, 16)]),
    ("reference", {"spec": "a: relu | maxpool2d 2 | upsample scale_factor=2 | add @a", "input": IMAGE}, [tuple(IMAGE)]),
    ("python", {"spec": "nn.Conv2d(3, 8, 5) | nn.ReLU()", "input": IMAGE}, [(1, 8, 12, 12)]),
    ("input-step", {"spec": "input 1,3,16,16 | conv2d 8 5"}, [(1, 8, 12, 12)]),
    ("input-step-overridden", {"spec": "input 1,3,99,99 | conv2d 8 5", "input": IMAGE}, [(1, 8, 12, 12)]),
    (
        "two-inputs",
        {"spec": "add(relu ; more: input 5)", "inputs": [{"shape": [2, 3]}, {"shape": [2, 1], "name": "more"}]},
        [(2, 3)],
    ),
    ("open-sizes", {"spec": "conv2d 8 5", "input": ["N", 3, "H", "W"]}, [("N", 8, "H - 4", "W - 4")]),
    ("open-input-step", {"spec": "input N,3,H,16 | conv2d 8 5"}, [("N", 8, "H - 4", 12)]),
]


@pytest.mark.parametrize(("line", "outputs"), [pytest.param(line, outputs, id=name) for name, line, outputs in LEARNED])
def test_a_good_line_by_formula_and_by_torch(ask: Any, torch_child: Any, line: Any, outputs: Any) -> None:
    (report,) = ask(line)
    assert (report["ok"], report["errors"]) == (True, [])
    assert shapes(report["outputs"]) == outputs
    assert report["measured"]["status"] == "not run"
    (report,) = ask(line, measure=torch_child.ask)
    assert shapes(report["outputs"]) == outputs
    assert report["measured"]["status"] == "agrees", report["measured"]


def test_outputs_say_dtypes_and_packing(ask: Any) -> None:
    pooled, packed = ask(
        {"layer": "MaxPool1d", "args": [2], "kwargs": {"return_indices": True}, "inputs": [[3, 8]]},
        {"layer": "RNN", "args": [16, 4], "inputs": [PACKED]},
    )
    assert pooled["outputs"] == [{"shape": [3, 4], "dtype": "float32"}, {"shape": [3, 4], "dtype": "int64"}]
    assert packed["outputs"][0]["packed"] == {"batch_sizes": [3, 3, 2, 2, 1]}


def test_values_that_json_lacks_come_back(ask: Any) -> None:
    lines = [
        {"layer": "BatchNorm2d", "args": [3], "kwargs": {"eps": {"__float__": name}}, "inputs": [IMAGE]}
        for name in ("inf", "nan")
    ]
    assert [report["layers"][0]["args"]["eps"] for report in ask(*lines)] == [
        {"__float__": name} for name in ("inf", "nan")
    ]


def test_what_was_given_and_what_the_mode_was(ask: Any) -> None:
    train, evaluated, default = ask(
        {"layer": "Conv2d", "args": [3, 8], "kwargs": {"kernel_size": 3}, "inputs": [IMAGE], "mode": "train"},
        {"layer": "Conv2d", "args": [3, 8, 3], "inputs": [IMAGE], "mode": "eval"},
        {"spec": "relu", "input": [1]},
        options=Options(mode="eval"),
    )
    assert [report["mode"] for report in (train, evaluated, default)] == ["train", "eval", "eval"]
    assert set(train["layers"][0]["given"]) == {"in_channels", "out_channels", "kernel_size"}
    assert train["spec"] is None
    assert default["spec"] == "relu"


def test_the_line_decides_over_the_options(ask: Any) -> None:
    given, default = ask(
        {"spec": "linear 3", "input": [1, 2], "dtype": "float32"},
        {"spec": "linear 3", "input": {"shape": [1, 2], "dtype": "float64"}},
        options=Options(dtype="float64"),
    )
    assert given["output"]["dtype"] == "float32"
    assert default["output"]["dtype"] == "float64"


def test_a_dtype_for_the_whole_line_is_that_of_its_inputs_too(ask: Any) -> None:
    (report,) = ask({"spec": "linear 4 | relu", "input": [2, 3], "dtype": "float64"})
    assert report["inputs"][0]["dtype"] == report["output"]["dtype"] == "float64"


def test_brief_leaves_out_formulas_memory_and_the_graph_and_nothing_else(ask: Any) -> None:
    line = {"spec": "conv2d k=5 | add(relu ; ) | flatten | linear 4", "input": IMAGE}
    (full,), (brief,) = ask(line), ask(line, brief=True)
    for key in ("formulas", "sources"):
        assert all(layer[key] for layer in full["layers"])
        assert all(layer.pop(key) == [] for layer in brief["layers"])
    assert any(layer["blocks"] for layer in full["layers"])
    assert all(layer.pop("blocks") == [] for layer in brief["layers"])
    assert all(layer.pop("saved_bytes") is None for layer in brief["layers"])
    assert (brief.pop("memory"), brief["totals"].pop("saved_bytes")) == (None, None)
    assert [(entry["of"], entry["path"]) for entry in brief.pop("unknown")] == [("saved_bytes", "")]
    del full["memory"], full["totals"]["saved_bytes"], full["unknown"]
    for layer in full["layers"]:
        for key in ("formulas", "sources", "blocks", "saved_bytes"):
            del layer[key]
    assert brief == full


@pytest.mark.parametrize(
    "id", [1, 0, -1, 1.5, "a", "", True, False, None, [], [1, ["b"]], {"a": {"b": None}}, "é日\ud800", 10**30]
)
def test_an_id_of_any_kind_comes_back(ask: Any, id: Any) -> None:
    for line in ({"spec": "relu", "input": [1]}, {"spec": "no", "input": [1]}, {"spec": "relu"}, {}):
        (report,) = ask({"id": id, **line})
        assert report["id"] == id
        assert type(report["id"]) is type(id)


def test_a_line_with_an_unknown_key_keeps_its_id(ask: Any) -> None:
    (report,) = ask({"id": 7, "spec": "relu", "input": [1], "foo": 1})
    assert (report["id"], report["ok"]) == (7, False)


def test_without_an_id_it_is_null(ask: Any) -> None:
    assert ask({"spec": "relu", "input": [1]})[0]["id"] is None


# --- bad lines ------------------------------------------------------------------------------------------------------

BAD = [
    # what is wrong, the line, how the code of its error begins
    ("no-json", "{", "io."),
    ("no-json-2", "spec", "io."),
    ("two", '{"spec": "relu"} {}', "io."),
    ("array", "[1]", "io."),
    ("number", "5", "io."),
    ("null", "null", "io."),
    ("string", '"relu"', "io."),
    ("empty", "{}", "io."),
    ("unknown-key", {"spec": "relu", "input": [1], "foo": 1}, "io."),
    ("misspelt-key", {"spec": "relu", "inptu": [1]}, "io."),
    ("both", {"spec": "relu", "layer": "ReLU", "input": [1]}, "io."),
    ("neither", {"input": [1]}, "io."),
    ("both-inputs", {"spec": "relu", "input": [1], "inputs": [[2]]}, "io."),
    ("args-of-a-spec", {"spec": "relu", "args": [1], "input": [1]}, "io."),
    ("kwargs-of-a-spec", {"spec": "relu", "kwargs": {"inplace": True}, "input": [1]}, "io."),
    ("no-input", {"spec": "relu"}, "io."),
    ("no-inputs", {"spec": "relu", "inputs": []}, "io."),
    ("no-input-of-a-module", {"layer": "ReLU"}, ""),
    ("spec-type", {"spec": 5, "input": [1]}, "io."),
    ("spec-null", {"spec": None, "input": [1]}, "io."),
    ("layer-type", {"layer": 5, "inputs": [[1]]}, "io."),
    ("layer-null", {"layer": None, "inputs": [[1]]}, "io."),
    ("args-type", {"layer": "ReLU", "args": 5, "inputs": [[1]]}, "io."),
    ("kwargs-type", {"layer": "ReLU", "kwargs": [1], "inputs": [[1]]}, "io."),
    ("inputs-type", {"spec": "relu", "inputs": 5}, "io."),
    ("inputs-object", {"spec": "relu", "inputs": {"shape": [1]}}, "io."),
    ("input-type", {"spec": "relu", "input": 5}, "io."),
    ("input-string", {"spec": "relu", "input": "1,3"}, "io."),
    ("input-object", {"spec": "relu", "input": {"foo": 1}}, "io."),
    ("shape-type", {"spec": "relu", "input": {"shape": 5}}, "io."),
    ("size-float", {"spec": "relu", "input": [1.0]}, "io."),
    ("size-bool", {"spec": "relu", "input": [True]}, "io."),
    ("size-negative", {"spec": "relu", "input": [-1]}, "io."),
    ("size-null", {"spec": "relu", "input": [None]}, "io."),
    ("size-string", {"spec": "relu", "input": ["1"]}, "io."),
    ("size-nested", {"spec": "relu", "input": [[1]]}, "io."),
    ("size-nan", '{"spec": "relu", "input": [NaN]}', "io."),
    ("size-infinite", '{"spec": "relu", "input": [1e999]}', "io."),
    ("input-dtype", {"spec": "relu", "input": {"shape": [1], "dtype": "float31"}}, "io."),
    ("input-dtype-type", {"spec": "relu", "input": {"shape": [1], "dtype": ["float32"]}}, "io."),
    ("input-dtype-null", {"spec": "relu", "input": {"shape": [1], "dtype": {}}}, "io."),
    ("values-type", {"spec": "relu", "input": {"shape": [1], "values": 5}}, "io."),
    ("packed-type", {"layer": "RNN", "args": [1, 1], "inputs": [{"shape": [1, 1, 1], "packed": 5}]}, "io."),
    (
        "packed-lengths",
        {"layer": "RNN", "args": [1, 1], "inputs": [{"shape": [1, 1, 1], "packed": {"lengths": ["a"]}}]},
        "io.",
    ),
    ("tuple-type", {"layer": "LSTM", "args": [1, 1], "inputs": [[1, 1, 1], {"tuple": 5}]}, "io."),
    ("mode", {"spec": "relu", "input": [1], "mode": "test"}, "io."),
    ("mode-type", {"spec": "relu", "input": [1], "mode": ["train"]}, "io."),
    ("mode-null", {"spec": "relu", "input": [1], "mode": None}, "io."),
    ("dtype", {"spec": "relu", "input": [1], "dtype": "float31"}, "io."),
    ("dtype-type", {"spec": "relu", "input": [1], "dtype": ["float32"]}, "io."),
    ("dtype-object", {"spec": "relu", "input": [1], "dtype": {}}, "io."),
    ("dtype-integer", {"spec": "relu", "input": [1], "dtype": "int64"}, ""),
    ("argument-object", {"layer": "Conv2d", "args": [3, 8, {"k": 3}], "inputs": [IMAGE]}, "io."),
    ("argument-float", {"layer": "Conv2d", "args": [3, 8, {"__float__": "three"}], "inputs": [IMAGE]}, "io."),
    (
        "argument-module",
        {"layer": "Conv2d", "args": [3, 8, {"__module__": {"layer": "ReLU"}}], "inputs": [IMAGE]},
        "type.",
    ),
    (
        "argument-tensor",
        {"layer": "Conv2d", "args": [3, 8, {"__tensor__": {"shape": [1]}}], "inputs": [IMAGE]},
        "type.",
    ),
    ("argument-bad-tensor", {"layer": "Conv2d", "args": [3, 8, {"__tensor__": 5}], "inputs": [IMAGE]}, "io."),
    (
        "argument-bad-module",
        {"layer": "Conv2d", "args": [3, 8, {"__module__": {"layer": 5}}], "inputs": [IMAGE]},
        "io.",
    ),
    ("argument-dict", {"layer": "Conv2d", "args": [3, 8, {"__dict__": [["a", 1]]}], "inputs": [IMAGE]}, "type."),
    ("argument-bad-dict", {"layer": "Conv2d", "args": [3, 8, {"__dict__": [["a"]]}], "inputs": [IMAGE]}, "io."),
    ("argument-dtype", {"layer": "Linear", "args": [3, 4, True, None, {"__dtype__": "float31"}], "inputs": [[3]]}, ""),
    ("unknown-layer", {"layer": "Conv9d", "inputs": [IMAGE]}, "spec."),
    ("unknown-name", {"spec": "conv9d", "input": IMAGE}, "spec."),
    ("name-of-another-language", {"layer": "conv2d", "args": [3, 8, 3], "inputs": [IMAGE]}, "spec."),
    ("unknown-argument", {"layer": "Conv2d", "args": [3, 8, 3], "kwargs": {"foo": 1}, "inputs": [IMAGE]}, "type."),
    (
        "argument-twice",
        {"layer": "Conv2d", "args": [3, 8, 3], "kwargs": {"kernel_size": 1}, "inputs": [IMAGE]},
        "type.",
    ),
    ("too-many-arguments", {"layer": "Conv2d", "args": [1] * 40, "inputs": [IMAGE]}, "type."),
    ("too-few-arguments", {"layer": "Conv2d", "args": [3], "inputs": [IMAGE]}, "type."),
    ("too-many-inputs", {"layer": "ReLU", "inputs": [[1], [1]]}, "type."),
    ("unknown-input", {"layer": "ReLU", "inputs": [{"shape": [1], "name": "foo"}]}, "type."),
    ("input-name", {"layer": "ReLU", "inputs": [{"shape": [1], "name": 5}]}, ""),
    ("null-for-a-tensor", {"layer": "ReLU", "inputs": [None]}, "type."),
    ("value-for-a-tensor", {"layer": "ReLU", "inputs": [{"value": 5}]}, "type."),
    ("tuple-for-a-tensor", {"layer": "ReLU", "inputs": [{"tuple": [[1]]}]}, "type."),
    ("tensor-for-a-tuple", {"layer": "LSTM", "args": [16, 4], "inputs": [[5, 3, 16], [1, 3, 4]]}, "type."),
    (
        "tuple-with-null",
        {"layer": "LSTM", "args": [16, 4], "inputs": [[5, 3, 16], {"tuple": [[1, 3, 4], None]}]},
        "type.",
    ),
    (
        "tensor-for-a-value",
        {"layer": "ConvTranspose2d", "args": [3, 3, 5, 2], "inputs": [IMAGE, {"shape": [36, 36]}]},
        "",
    ),
    ("packed-for-a-tensor", {"layer": "ReLU", "inputs": [PACKED]}, ""),
    ("syntax", {"spec": "conv2d k=5 |", "input": IMAGE}, "spec."),
    ("no-spec", {"spec": "", "input": IMAGE}, "spec."),
    ("rank", {"spec": "conv2d k=5", "input": [16]}, "shape."),
    ("kernel", {"spec": "relu | conv2d k=99", "input": IMAGE}, "shape."),
    (
        "lengths-0",
        {"layer": "RNN", "args": [16, 4], "inputs": [{"shape": [5, 3, 16], "packed": {"lengths": [5, 4, 0]}}]},
        "shape.",
    ),
    (
        "lengths-order",
        {"layer": "RNN", "args": [16, 4], "inputs": [{"shape": [5, 3, 16], "packed": {"lengths": [2, 4, 5]}}]},
        "shape.",
    ),
    ("huge-key", {"spec": f"conv2d k={10**30}", "input": IMAGE}, ""),
    ("huge-argument", {"layer": "Conv2d", "args": [3, 10**30, 3], "inputs": [IMAGE]}, ""),
    ("huge-size", {"spec": "relu", "input": [10**30]}, ""),
    ("huge-product", {"spec": "relu", "input": [2**40, 2**40]}, ""),
    ("huge-digits", '{"spec": "relu", "input": [' + "9" * 10_000 + "]}", "io."),
    ("huge-spec-digits", {"spec": f"conv2d k={'9' * 10_000}", "input": IMAGE}, "limit."),
    ("huge-repeat", {"spec": f"{10**9}*relu", "input": [1]}, "limit."),
    ("deep-array", '{"spec": "relu", "input": ' + "[" * 100_000 + "]" * 100_000 + "}", "io."),
    ("deep-id", '{"id": ' + "[" * 100_000 + "]" * 100_000 + ', "spec": "relu", "input": [1]}', "io."),
    ("deep-object", '{"a": ' * 100_000 + "1" + "}" * 100_000, "io."),
    ("deep-unclosed", "[" * 100_000, "io."),
    ("deep-spec", {"spec": "(" * 100_000, "input": [1]}, "limit."),
    *(
        (
            f"deep-argument-{depth}",
            '{"layer": "Conv2d", "args": [3, 8, ' + "[" * depth + "]" * depth + '], "inputs": [[3, 9, 9]]}',
            "",
        )
        for depth in (90, 400, 700, 950)
    ),
    *(
        (f"deep-input-{depth}", '{"layer": "ReLU", "inputs": [' + '{"tuple": [' * depth + "]}" * depth + "]}", "")
        for depth in (90, 300, 480)
    ),
    ("nul", {"spec": "relu\u0000", "input": [1]}, "spec."),
    ("surrogate", {"spec": "\ud800", "input": [1]}, "spec."),
]


@pytest.mark.parametrize(("line", "code"), [pytest.param(line, code, id=name) for name, line, code in BAD])
def test_a_bad_line_is_an_error_report_and_the_run_goes_on(ask: Any, line: Any, code: str) -> None:
    bad, good = ask(line, {"id": "next", "spec": "relu", "input": [1, 3]})
    (error,) = bad["errors"]
    assert bad["ok"] is False
    assert error["code"].startswith(code), error
    assert not error["code"].startswith("internal"), error
    assert len(error["message"]) < 600
    assert error["fix"], "an error ends in one way to mend it"
    assert (good["ok"], good["id"], good["output"]["shape"]) == (True, "next", [1, 3])


@pytest.mark.parametrize(
    "line",
    [
        '{"id": NaN, "spec": "relu", "input": [1]}',
        '{"id": [1, {"a": Infinity}], "spec": "relu", "input": [1]}',
        '{"id": 1e999, "spec": "relu", "input": [1]}',
    ],
)
def test_what_is_no_json_does_not_come_out_either(ask: Any, line: str) -> None:
    (report,) = ask(line)
    assert isinstance(report["id"], (type(None), str, list, dict, float))


def test_a_name_of_the_shell_is_mended_to_torchs(ask: Any) -> None:
    (report,) = ask({"layer": "conv2d", "args": [3, 8, 3], "inputs": [IMAGE]})
    assert "Conv2d" in report["errors"][0]["fix"]
    (report,) = ask({"layer": "Conv2D", "args": [3, 8, 3], "inputs": [IMAGE]})
    assert "Conv2d" in report["errors"][0]["fix"]


def test_a_bug_of_ours_costs_its_line(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("layercli.batch.parse", crash)
        bad, good = ask({"id": 7, "spec": "relu", "input": [1]}, {"layer": "ReLU", "inputs": [[1]]})
    assert (bad["id"], bad["errors"][0]["code"]) == (7, "internal.error")
    assert "ZeroDivisionError" in bad["errors"][0]["message"]
    assert good["ok"]


# --- lines ----------------------------------------------------------------------------------------------------------


def test_order_blank_lines_and_line_ends(ask: Any) -> None:
    lines = [
        "",
        " \t\n",
        '{"id": 1, "spec": "relu", "input": [1]}\r\n',
        "\r\n",
        "broken\r\n",
        "\n",
        '{"id": 2, "spec": "relu", "input": [1]}',
    ]
    assert [(report["id"], report["ok"]) for report in ask(*lines)] == [(1, True), (None, False), (2, True)]


def test_one_answer_at_a_time() -> None:
    """Nothing is read ahead: memory does not grow with the lines."""
    taken = []

    def lines() -> Any:
        for number in range(5):
            taken.append(number)
            yield json.dumps({"id": number, "spec": "relu", "input": [1]})

    for number, report in enumerate(answer_lines(lines(), Options())):
        assert report["id"] == number
        assert taken == list(range(number + 1))


# --- with torch -----------------------------------------------------------------------------------------------------


def test_a_crash_of_torch_costs_its_line(ask: Any, torch_child: Any) -> None:
    def measure(plan: Any) -> Measurement:
        if plan.modules[0].torch == "Tanh":
            return Measurement(FAILED, "torch's process was killed by signal 11 (SIGSEGV)")
        return torch_child.ask(plan)

    reports = ask(*({"spec": name, "input": [2, 3]} for name in ("relu", "tanh", "sigmoid")), measure=measure)
    assert [report["measured"]["status"] for report in reports] == ["agrees", "failed", "agrees"]
    assert all(report["ok"] for report in reports)
    assert "signal 11" in reports[1]["measured"]["reason"]


def test_a_measure_that_raises_costs_its_line(ask: Any) -> None:
    def measure(plan: Any) -> Measurement:
        raise OSError("no more processes")

    (report,) = ask({"id": 1, "spec": "relu", "input": [1]}, measure=measure)
    assert (report["id"], report["errors"][0]["code"]) == (1, "internal.error")


def test_what_the_formulas_reject_is_not_run(ask: Any) -> None:
    def measure(plan: Any) -> Measurement:
        raise AssertionError("torch was asked")

    (report,) = ask({"spec": "conv2d k=99", "input": IMAGE}, measure=measure)
    assert report["errors"][0]["code"].startswith("shape.")


# --- the verb -------------------------------------------------------------------------------------------------------

GOOD = '{"id": 1, "spec": "conv2d k=5 | relu", "input": [1, 3, 16, 16]}\n'
REFUSED = '{"id": 2, "spec": "conv2d k=99", "input": [1, 3, 16, 16]}\n'


@pytest.mark.parametrize(
    ("text", "code"), [(GOOD, 0), ("", 0), ("\n\n", 0), (GOOD + REFUSED + GOOD, 1), ("broken\n", 1)]
)
def test_the_verb(cli: Any, write: Any, text: str, code: int) -> None:
    path = write("specs.jsonl", text)
    by_file, by_stdin, by_default = (
        cli(["batch", str(path)]),
        cli("batch -", stdin=text.encode()),
        cli("batch", stdin=text.encode()),
    )
    assert by_file == by_stdin == by_default
    assert (by_file.code, by_file.err) == (code, "")
    reports = cli.documents(by_file.out)
    assert len(reports) == len([line for line in text.splitlines() if line])
    assert {report["measured"]["status"] for report in reports} <= {"not run"}


def test_brief_and_run(cli: Any, monkeypatch: pytest.MonkeyPatch, torch_child: Any) -> None:
    monkeypatch.setattr("layercli.measure.child.Reusable", lambda: contextlib.nullcontext(torch_child))
    (report,) = cli.documents(cli("batch - --brief", stdin=GOOD.encode()).out)
    assert [layer["formulas"] for layer in report["layers"]] == [[], []]
    answer = cli("batch - --run", stdin=(GOOD + GOOD).encode())
    assert answer.code == 0
    assert [report["measured"]["status"] for report in cli.documents(answer.out)] == ["agrees", "agrees"]
    answer = cli("batch - --run --measure all", stdin=GOOD.encode())
    assert "macs" in {check["of"] for check in cli.documents(answer.out)[0]["measured"]["checks"]}
    (report,) = cli.documents(cli("batch - --run --no-run", stdin=GOOD.encode()).out)
    assert report["measured"]["status"] == "not run"


def test_the_options_hold_for_every_line(cli: Any) -> None:
    answer = cli("batch - --eval --dtype float64", stdin=b'{"spec": "batchnorm2d", "input": [1, 3, 1, 1]}\n')
    (report,) = cli.documents(answer.out)
    assert (report["mode"], report["output"]["dtype"]) == ("eval", "float64")


def test_a_difference_is_code_3_whatever_follows(cli: Any, monkeypatch: pytest.MonkeyPatch, lying_torch: Any) -> None:
    monkeypatch.setattr("layercli.measure.child.Reusable", lambda: contextlib.nullcontext(lying_torch))
    answer = cli("batch - --run", stdin=(GOOD + REFUSED).encode())
    assert answer.code == 3
    assert [report["measured"]["status"] for report in cli.documents(answer.out)] == ["differs", "not run"]


def test_a_bug_of_ours_is_code_3(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("layercli.batch.parse", crash)
    assert cli("batch -", stdin=GOOD.encode()).code == 3


def test_a_lost_measurement_is_no_failure(cli: Any, monkeypatch: pytest.MonkeyPatch, fake_torch: Any) -> None:
    child = fake_torch(lambda plan: Measurement(FAILED, "gone"))
    monkeypatch.setattr("layercli.measure.child.Reusable", lambda: contextlib.nullcontext(child))
    answer = cli("batch - --run", stdin=GOOD.encode())
    assert answer.code == 0
    assert cli.documents(answer.out)[0]["measured"]["status"] == "failed"


def test_files_that_cannot_be_read(cli: Any, tmp_path: Any) -> None:
    assert "no such file" in cli.told(["batch", str(tmp_path / "missing")]).message
    assert "directory" in cli.told(["batch", str(tmp_path)]).message


def test_bytes_that_are_no_utf_8(cli: Any) -> None:
    answer = cli("batch -", stdin=b'{"id": 1, "spec": "relu \xff", "input": [1]}\n' + GOOD.encode())
    assert answer.code == 1
    assert [report["ok"] for report in cli.documents(answer.out)] == [False, True]


def test_the_first_line_may_begin_with_a_mark_of_byte_order(cli: Any) -> None:
    answer = cli("batch -", stdin=b"\xef\xbb\xbf" + GOOD.encode())
    assert answer.code == 0


def test_ids_come_out_whole_where_the_stream_has_ascii_only(cli: Any) -> None:
    found = cli.process(
        ["batch", "-"], stdin='{"id": "é日", "spec": "relu", "input": [1]}\n'.encode(), PYTHONIOENCODING="ascii"
    )
    assert found.returncode == 0
    assert json.loads(found.stdout)["id"] == "é日"


def test_every_line_is_answered_before_the_next_is_written(cli: Any) -> None:
    process = cli.popen(["batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for number in range(3):
        process.stdin.write(json.dumps({"id": number, "spec": "relu", "input": [number]}).encode() + b"\n")
        process.stdin.flush()
        (report,) = cli.documents(process.stdout.readline().decode())
        assert report["id"] == number
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_run_in_a_process_of_its_own(cli: Any) -> None:
    lines = [json.dumps(line).encode() for _, line, _ in LEARNED]
    found = cli.process(["batch", "-", "--run", "--brief"], stdin=b"\n".join(lines))
    assert (found.returncode, found.stderr) == (0, b"")
    reports = cli.documents(found.stdout.decode())
    assert [report["measured"]["status"] for report in reports] == ["agrees"] * len(lines)
