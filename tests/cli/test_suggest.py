"""``layercli suggest``: how it is asked, what it prints, how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from layercli.design.rewrites import rewrites
from layercli.measurement import FAILED, Measurement
from layercli.render.words import size_text
from layercli.spec import parse
from tests.conftest import strict_json

SCHEMA_FILE = Path(str(files("layercli").joinpath("suggestions.schema.json")))
SCHEMA = json.loads(SCHEMA_FILE.read_text("utf-8"))
LARGE = "suggest conv2d 64 7 p=3 -i 1,64,56,56"
REFUSED = "suggest conv2d 10 3 g=4 -i 1,8,16,16"


@pytest.fixture
def document(cli: Any, no_torch: Any) -> Callable[..., dict[str, Any]]:
    """The one JSON document of a command line, judged by its schema."""

    def ask(line: str | list[str], code: int = 0, **how: Any) -> dict[str, Any]:
        words = line.split() if isinstance(line, str) else line
        answer = cli([*words, "--json"], **how)
        assert answer.code == code, answer
        found = strict_json(answer.out)
        wrong = [
            f"{list(error.absolute_path)}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(found)
        ]
        assert not wrong, "\n".join(wrong)
        assert list(found) == list(SCHEMA["properties"])
        for item in found["suggestions"]:
            assert list(item) == list(SCHEMA["$defs"]["suggestion"]["properties"])
            assert [item[key] for key in ("path", "index", "before", "after")] == [
                item["places"][0][key] for key in ("path", "index", "before", "after")
            ]
        return found

    return ask


# --- how it is asked -------------------------------------------------------------------------------------------------


def test_words_a_spec_a_file_and_standard_input_are_the_same_question(
    cli: Any, no_torch: Any, write: Callable[[str, str], Path]
) -> None:
    words = cli(f"{LARGE} --no-run", child=no_torch)
    assert words.code == 0
    text = "conv2d 64 7 p=3\n"
    asked = [
        cli(["suggest", text.strip(), "-i", "1,64,56,56", "--no-run"], child=no_torch),
        cli(["suggest", "-f", str(write("net.layers", text)), "-i", "1,64,56,56", "--no-run"], child=no_torch),
        cli("suggest - -i 1,64,56,56 --no-run", child=no_torch, stdin=text.encode()),
    ]
    assert [answer.out for answer in asked] == [words.out] * 3


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("suggest", "spec.usage", "needs a layer or a chain"),
        ("suggest conv2d 8 five -i 1,3,8,8", "type.value", "five"),
        ("suggest 'conv2d 8 |' -i 1,3,8,8", "spec.syntax", ""),
        ("suggest conv2d 8 5 -i N,3,H,W", "spec.open-sizes", "numbers"),
        ("suggest conv2d 8 5 -i 1,3,x!", "spec.input", "size"),
        ("suggest conv2d 8 5 --only stacked", "spec.usage", "stacked"),
        ("suggest -f no-such-file", "io.file", "no-such-file"),
    ],
)
def test_what_is_not_understood(cli: Any, no_torch: Any, line: str, code: str, message: str) -> None:
    assert message in cli.told(f"{line} --no-run", child=no_torch).message
    answer = cli(f"{line} --no-run --json", child=no_torch)
    found = strict_json(answer.out)
    assert answer.code == 2
    assert not list(Draft202012Validator(SCHEMA).iter_errors(found))
    assert (found["ok"], found["suggestions"], found["measured"]["status"]) == (False, [], "not run")
    if code != "spec.syntax":
        assert [error["code"] for error in found["errors"]] == [code]


def test_a_caret_stands_under_what_is_off(cli: Any) -> None:
    said = cli.told("suggest conv2d 8 five -i 1,3,8,8 --no-run")
    assert (said.line, said.under) == ("conv2d 8 five", "five")


def test_only_and_top(cli: Any, no_torch: Any) -> None:
    two = cli(f"{LARGE} --only dilated --only stacked-3x3 --no-run", child=no_torch).out
    heads = [line for line in two.splitlines() if line[:2] in ("1 ", "2 ", "3 ") and ": " in line]
    assert [line.split()[1] for line in heads] == ["dilated:", "stacked-3x3:"]
    one = cli(f"{LARGE} --top 1 --no-run", child=no_torch).out
    assert "1 of 4 are shown: --top 4 shows all" in one
    assert "2 dilated" not in one
    assert "are shown" not in cli(f"{LARGE} --top 4 --no-run", child=no_torch).out


# --- what it prints --------------------------------------------------------------------------------------------------


def test_the_table_says_what_the_document_says(cli: Any, document: Any) -> None:
    found = document(f"{LARGE} --no-run")
    out = cli(f"{LARGE} --no-run").out.splitlines()
    start = next(index for index, line in enumerate(out) if line.startswith("#"))
    now = out[start + 1].split()
    assert [now[3], now[4]] == [f"{found['totals'][name]:,}" for name in ("params", "macs")]
    for line, item in zip(out[start + 2 :], found["suggestions"]):
        cells = line.split()
        assert cells[1] == item["rule"]
        for name in ("params", "macs"):
            change = item["saves"][name]
            assert f"{change['after']:,}" in cells
            assert change["saved"] == change["before"] - change["after"]
            assert change["ratio"] == change["after"] / change["before"]
            assert f"-{100 * change['saved'] / change['before']:.0f}" in cells
        assert size_text(item["saves"]["memory"]["after"]) in line


def test_every_new_spec_can_be_asked_again(cli: Any, document: Any) -> None:
    found = document(f"{LARGE} --no-run")
    specs = cli(f"{LARGE} --no-run --format spec").out.splitlines()
    assert specs == [item["spec"] for item in found["suggestions"]]
    for spec, item in zip(specs, found["suggestions"], strict=True):
        told = cli.json(["run", spec, "-i", "1,64,56,56", "--no-run"])
        assert told["output"] == item["output"] == found["output"]
        assert told["totals"] == item["totals"]
        assert told["receptive_field"] == item["receptive_field"]


def test_a_long_design_is_not_told_with_every_rewrite(cli: Any, no_torch: Any) -> None:
    line = ["suggest", "conv2d 8 5 p=2 | " + " | ".join(["relu | linear 16"] * 12), "-i", "1,8,16,16", "--no-run"]
    out = cli(line, child=no_torch).out
    assert "new spec" not in out
    assert "the whole designs, a line each: --format spec" in out
    short = cli("suggest 'conv2d 8 5 | relu' -i 1,8,16,16 --no-run", child=no_torch).out
    assert "new spec  conv2d 8 5 g=8 bias=false | conv2d 8 1 | relu" in short


def test_a_file_without_its_option(cli: Any, write: Callable[[str, str], Path]) -> None:
    path = write("net.layers", "relu\n")
    assert cli.told(["suggest", str(path), "-i", "1,3"]).fix == f"write layercli suggest -f {path}"


@pytest.mark.parametrize("form", ["table", "plain", "markdown"])
def test_every_form_tells_all(cli: Any, no_torch: Any, form: str) -> None:
    out = cli(f"{LARGE} --no-run --format {form}", child=no_torch).out
    for words in ("conv2d 64 3 p=1 | relu | conv2d 64 3 p=1", "arxiv.org/abs/1409.1556", "9 of the 49", "110,784"):
        assert words in out
    assert "\x1b" not in out


def test_drawn(cli: Any, no_torch: Any) -> None:
    out = cli(f"{LARGE} --no-run --color always --width 80", child=no_torch).out
    assert "\x1b[" in out
    assert "─" in out
    assert cli(f"{LARGE} --no-run --color never", child=no_torch).out == cli(f"{LARGE} --no-run", child=no_torch).out


def test_in_ascii(cli: Any) -> None:
    words = [*LARGE.split(), "--top", "1"]
    done = cli.process(words, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b" ok\n" in done.stdout
    assert b"all " in done.stdout
    assert b"checks agree" in done.stdout


def test_what_a_refused_design_may_become(cli: Any, document: Any, no_torch: Any) -> None:
    found = document(f"{REFUSED} --no-run")
    assert (found["ok"], found["output"], found["totals"]) == (False, None, None)
    assert [error["code"] for error in found["errors"]] == ["shape.mismatch"]
    assert [item["after"] for item in found["suggestions"]] == ["conv2d 8 3 g=4", "conv2d 12 3 g=4", "conv2d 10 3 g=2"]
    assert {item["path"] for item in found["suggestions"]} == {"0"}
    answer = cli(f"{REFUSED} --no-run", child=no_torch)
    assert (answer.code, answer.err) == (0, "")
    assert "refused: groups=4 does not divide the 10 output channels" in answer.out
    assert "1,12,14,14" in answer.out


# --- how it ends -----------------------------------------------------------------------------------------------------


def test_nothing_to_suggest(cli: Any, document: Any, no_torch: Any) -> None:
    code, out, err = cli("suggest relu -i 1,3 --no-run", child=no_torch)
    assert (code, err) == (1, "")
    assert "nothing to suggest" in out
    found = document("suggest relu -i 1,3 --no-run", code=1)
    assert (found["ok"], found["found"], found["suggestions"], found["errors"]) == (True, 0, [], [])


def test_nothing_mends_it(cli: Any, document: Any) -> None:
    said = cli.told("suggest conv2d 8 30 -i 1,3,8,8 --no-run", code=1)
    assert said.under == "30"
    assert document("suggest conv2d 8 30 -i 1,3,8,8 --no-run", code=1)["errors"][0]["code"] == "shape.mismatch"


def test_torch_runs_the_design_and_every_rewrite(cli: Any, document: Any) -> None:
    found = document(f"{LARGE} --top 2")
    assert found["measured"]["status"] == "agrees"
    assert [item["measured"]["status"] for item in found["suggestions"]] == ["agrees", "agrees"]
    assert all(item["measured"]["checks"] >= 4 for item in found["suggestions"])
    out = cli(f"{LARGE} --top 2").out
    assert "the design and 2 rewrites: all" in out
    assert out.count("✓") == 3


def test_a_difference_is_our_bug(cli: Any, lying_torch: Any) -> None:
    code, out, err = cli(f"{LARGE} --top 1", child=lying_torch)
    assert (code, err) == (3, "")
    assert "✗" in out
    assert out.count("please report this as a bug") == 2


def test_torch_that_gives_no_answer(cli: Any, fake_torch: Any) -> None:
    dead = fake_torch(lambda plan: Measurement(FAILED, "it fell over"))
    code, out, _ = cli(f"{LARGE} --top 2", child=dead)
    assert code == 0
    assert len(dead.plans) == 3
    assert out.count("torch: failed: it fell over") == 1


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_mode_and_dtype_reach_torch(cli: Any, fake_torch: Any, mode: str) -> None:
    torch = fake_torch(lambda plan: Measurement(FAILED, "not this time"))
    cli(f"suggest conv2d 8 5 -i 1,8,16,16 --{mode} --dtype float64 --top 1", child=torch)
    assert {(plan.mode, plan.dtype) for plan in torch.plans} == {(mode, "float64")}


def test_in_a_process_of_its_own(cli: Any) -> None:
    done = cli.process(["suggest", "conv2d", "8", "5", "-i", "1,8,16,16", "--top", "1", "--json"])
    assert done.returncode == 0, done.stderr
    found = strict_json(done.stdout.decode())
    assert found["suggestions"][0]["measured"]["status"] == "agrees"


# --- what is listed elsewhere ----------------------------------------------------------------------------------------


def test_the_schema_is_one_and_shares_the_words_of_the_report_s(schema: dict[str, Any]) -> None:
    """What both have is copied: LAYERCLI_UPDATE=1 copies it anew."""
    Draft202012Validator.check_schema(SCHEMA)
    shared = {name: schema["$defs"][name] for name in SCHEMA["$defs"] if name in schema["$defs"]} | {
        "measured": SCHEMA["$defs"]["measured"]
    }
    current = {**SCHEMA, "$defs": {**SCHEMA["$defs"], **shared}}
    if os.environ.get("LAYERCLI_UPDATE"):
        SCHEMA_FILE.write_text(json.dumps(current, indent=2) + "\n", "utf-8")
        return
    assert current == SCHEMA
    status = [each["$defs"]["measured"]["properties"]["status"] for each in (SCHEMA, schema)]
    assert status[0] == status[1]


def test_the_guide_tells_of_every_rewrite() -> None:
    guide = Path(__file__).resolve().parents[2] / "docs" / "suggest.md"
    rows = [line.split("|") for line in guide.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert {row[1].strip(" `"): row[2].strip() for row in rows} == {
        name: rewrite.what for name, rewrite in rewrites().items()
    }


def test_examples_of_the_help(cli: Any, no_torch: Any) -> None:
    spec = "conv2d 64 5 p=2 | batchnorm2d | relu | flatten | linear 10"
    out = cli(["suggest", spec, "-i", "4,3,32,32", "--no-run"], child=no_torch).out
    assert "global-average-pool" in out
    assert "bias-before-norm" in out
    assert parse(spec)
