"""How a command ends: exit codes, and what goes where."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from layercli.errors import ExitCode
from layercli.measurement import FAILED, MEASURED, Measurement, Refusal

FORMATS = ["table", "plain", "json", "jsonl", "csv", "markdown", "svg"]


def test_the_codes_are_what_the_documents_say() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0, "NEGATIVE": 1, "USAGE": 2, "BUG": 3, "INTERRUPTED": 130,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("conv2d k=5 -i 1,3,16,16", 0),
        ("conv2d k=5 -i 1,3,16,16 --no-run", 0),
        ("--version", 0),
        ("conv2d k=99 -i 1,3,16,16", 1),
        ("conv2d k=5 g=2 -i 1,3,16,16", 1),
        ("conv2d k=5 -i 3,16", 1),
        ("conv2d k=0 -i 1,3,16,16", 1),
        ("maxpool2d 2 p=2 -i 1,3,16,16", 1),
        ("batchnorm2d -i 1,3,1,1", 1),
        ("conv2d k=five -i 1,3,16,16", 2),
        ("conv2d -i 1,3,16,16", 2),
        ("conv2d foo=1 -i 1,3,16,16", 2),
        ("conv2d k=5 --foo", 2),
        ("conv2d k=5 --format foo", 2),
        ("conv2d k=5 --dtype int8", 2),
        ("conv2d k=5 --timeout -1", 2),
        ("conv2d k=5 -i 1,3,x!", 2),
        ("conv2d k=5 -i 3,x", 1),
        ("conv2d k=5 -i N,3,H,W", 0),
        ("input 1,3,16,16", 2),
        ("run 'conv2d k=5 |'", 2),
        ("run -f no-such-file", 2),
        ("foo", 2),
        ("--foo", 2),
        ("run", 2),
        ("list foo", 2),
        ("batch no-such-file", 2),
    ],
)
def test_code(cli: Any, line: str, code: int) -> None:
    answer = cli(line)
    assert answer.code == code, answer
    assert bool(answer.err) == bool(code), "a complaint goes with a failure, and with nothing else"
    assert bool(answer.out) == (code == 0)


def test_code_3_is_a_formula_that_differs_from_torch(cli: Any, lying_torch: Any) -> None:
    code, out, err = cli("conv2d k=5 -i 1,3,16,16", child=lying_torch)
    assert (code, err) == (3, "")
    (row,) = [row for row in out.splitlines() if row.endswith("✗")]
    assert row.split()[0] == "N_out"
    assert row.split()[-3:] == ["1", "2", "✗"]
    assert "outputs.0.shape: formula [1, 3, 12, 12], torch [2, 3, 12, 12]" in out
    assert "please report" in out


def test_code_3_in_json(cli: Any, lying_torch: Any) -> None:
    document = cli.json("conv2d k=5 -i 1,3,16,16", code=3, child=lying_torch)
    measured = document["measured"]
    assert (measured["status"], measured["agrees"], document["ok"]) == ("differs", False, True)
    assert [check for check in measured["checks"] if check["status"] == "differs"] == [
        {
            "of": "outputs.0.shape",
            "path": "0",
            "formula": [1, 3, 12, 12],
            "torch": [2, 3, 12, 12],
            "at": None,
            "status": "differs",
        }
    ]


def test_code_3_in_a_chain_names_the_row(cli: Any, lying_torch: Any) -> None:
    code, out, _ = cli(["run", "conv2d 8 k=5 | relu", "-i", "1,3,16,16"], child=lying_torch)
    assert code == 3
    marks = [row.rsplit("  ", 1)[-1] for row in out.splitlines() if row[:1] in "01"]
    assert marks[0].startswith("✗ outputs.0.shape")
    assert marks[1] == "✓"


def test_torch_refusing_what_the_formulas_accept_is_a_difference(cli: Any, fake_torch: Any) -> None:
    refusal = Refusal("forward", "RuntimeError", "not like this", call=0)
    child = fake_torch(lambda plan: Measurement(MEASURED, torch="2.13.0", device="cpu", error=refusal))
    document = cli.json("conv2d k=5 -i 1,3,16,16", code=3, child=child)
    assert document["measured"]["reason"] == "torch refused what the formulas accept"
    (check,) = document["measured"]["checks"]
    assert (check["of"], check["path"], check["torch"]) == ("accepts", "0", "RuntimeError: not like this")


def test_a_version_of_torch_that_is_not_tested_is_not_called_our_bug(
    cli: Any, lying_torch: Any, fake_torch: Any
) -> None:
    child = fake_torch(lambda plan: lying_torch.ask(plan)._replace(torch="9.9.9"))
    code, out, _ = cli("relu -i 1,3", child=child)
    assert code == 3
    assert "not tested on this version of torch" in out
    assert "please report" not in out


def test_a_lost_measurement_is_no_failure(cli: Any, fake_torch: Any) -> None:
    child = fake_torch(lambda plan: Measurement(FAILED, "torch's process was killed by signal 11 (SIGSEGV)"))
    code, out, err = cli("conv2d k=5 -i 1,3,16,16", child=child)
    assert (code, err) == (0, "")
    assert "228" in out
    assert "signal 11" in out
    assert not {"✓", "✗"} & set(out)
    document = cli.json("conv2d k=5 -i 1,3,16,16", child=child)
    assert document["measured"]["status"] == "failed"
    assert "signal 11" in document["measured"]["reason"]


def test_unless_it_was_required(cli: Any, fake_torch: Any) -> None:
    child = fake_torch(lambda plan: Measurement(FAILED, "gone"))
    code, out, err = cli("relu -i 1,3 --require-measured", child=child)
    assert code == 1
    assert "gone" in err
    assert "1,3" in out, "the analytic answer stands all the same"
    assert cli("relu -i 1,3 --require-measured --no-run").code == 1
    assert cli("relu -i 1,3 --require-measured").code == 0
    assert cli.json("relu -i 1,3 --require-measured", code=1, child=child)["measured"]["status"] == "failed"


def test_ctrl_c_while_torch_works(cli: Any, fake_torch: Any) -> None:
    def interrupt(plan: Any) -> Any:
        raise KeyboardInterrupt

    child = fake_torch(interrupt)
    assert cli("relu -i 1,3", child=child) == (130, "", "")
    assert child.closed


def test_the_child_is_ended_whatever_happens(cli: Any, no_torch: Any) -> None:
    for line in ("conv2d k=99", "conv2d foo=1", "foo", "list", "relu --no-run", "relu -h", "run -f nothing"):
        before = no_torch.closed
        cli(line, child=no_torch)
        assert no_torch.closed > before, line


def test_what_the_formulas_reject_never_reaches_torch(cli: Any, no_torch: Any) -> None:
    assert cli("conv2d k=99 -i 1,3,16,16", child=no_torch).code == 1


# --- bugs of ours ----------------------------------------------------------------------------------------------------


def test_a_crash_is_code_3_without_a_traceback(cli: Any, fake_torch: Any) -> None:
    def crash(plan: Any) -> Any:
        raise ZeroDivisionError("a bug")

    code, _, err = cli("relu -i 1,3", child=fake_torch(crash))
    assert code == 3
    assert "Traceback" not in err
    assert "a bug" in err
    assert "--debug" in err


def test_a_crash_is_one_document_in_json(cli: Any, fake_torch: Any) -> None:
    def crash(plan: Any) -> Any:
        raise ZeroDivisionError("a bug")

    document = cli.json("relu -i 1,3", code=3, child=fake_torch(crash))
    assert document["errors"][0]["code"] == "internal.error"


def test_debug_shows_the_traceback(cli: Any, fake_torch: Any) -> None:
    def crash(plan: Any) -> Any:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        cli("relu -i 1,3 --debug", child=fake_torch(crash))


def test_debug_shows_no_traceback_of_a_mistake_of_the_user(cli: Any) -> None:
    assert cli.told("conv2d foo=1 --debug").under == "foo"


# --- one document, whatever happens ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("conv2d k=5", 0), ("conv2d k=5 --no-run", 0), ("run 'conv2d k=5 | relu'", 0),
        ("conv2d k=99", 1), ("run 'relu | conv2d k=99'", 1), ("conv2d foo=1", 2), ("conv2d k=5 -i x!", 2),
        ("conv2d k=5 -i x", 1),
        ("run 'conv2d k=5 |'", 2), ("foo", 2), ("conv2d k=5 --foo", 2), ("conv2d k=5 --dtype int8", 2),
        ("run", 2), ("run -f no-such-file", 2), ("run relu -f no-such-file", 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["--json", "--format json", "--format=json", "--format jsonl"])
def test_json_is_exactly_one_document(cli: Any, validate: Any, line: str, code: int, form: str) -> None:
    answer = cli(f"{line} {form}")
    assert answer.code == code
    document = validate(json.loads(answer.out))
    assert document["ok"] == (code == 0)
    assert bool(document["errors"]) == (code != 0)
    assert ("\n" in answer.out.rstrip("\n")) == ("jsonl" not in form)
    if code:
        assert document["errors"][0]["message"] in answer.err, "a person reads the same on standard error"


def test_json_may_stand_anywhere(cli: Any) -> None:
    for line in ("conv2d --json k=5", "conv2d k=5 --no-run --json", "run --json 'conv2d k=5'", "'conv2d k=5' --json"):
        assert json.loads(cli(line).out)["output"]["shape"] == [1, 3, 12, 12], line


def test_the_mode_is_kept_on_failure(cli: Any) -> None:
    assert cli.json("conv2d k=99 --eval", code=1)["mode"] == "eval"
    assert cli.json("conv2d foo=1 --eval", code=2)["mode"] == "eval"


def test_json_says_where_it_is_wrong(cli: Any) -> None:
    document = cli.json(["run", "relu |\nconv2d k=5 foo=1"], code=2)
    (error,) = document["errors"]
    start, end = error["span"]
    assert document["spec"][start:end] == "foo"
    assert (error["line"], error["column"]) == (2, 12)
    assert error["path"] == "1"


# --- every form of the answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "line", ["conv2d 8 k=5 -i 1,3,16,16", "run 'conv2d 8 k=5 | relu' -i 1,3,16,16", "lstm 4 -i 5,3,16"]
)
def test_every_form_writes_the_answer_on_stdout_alone(cli: Any, form: str, line: str) -> None:
    code, out, err = cli(f"{line} --format {form}")
    assert (code, err) == (0, "")
    assert out.endswith("\n")
    macs = 5 * 3 * 4 * 4 * (16 + 4) if "lstm" in line else 8 * 3 * 5 * 5 * 12 * 12
    assert (str(macs) if form in ("json", "jsonl", "csv") else f"{macs:,}") in out


@pytest.mark.parametrize("form", ["table", "plain", "csv", "markdown", "svg"])
@pytest.mark.parametrize("line", ["conv2d k=99", "conv2d foo=1", "run 'conv2d k=5 |'"])
def test_without_an_answer_stdout_stays_empty(cli: Any, form: str, line: str) -> None:
    answer = cli(f"{line} --format {form}")
    assert answer.err.startswith("error: ")
    assert answer.out == "" or (form == "csv" and answer.out.count("\n") == 1), "at most the heading of no rows"


def test_csv_is_csv(cli: Any) -> None:
    rows = list(
        csv.DictReader(io.StringIO(cli("run 'stem: conv2d 8 k=5 | 2*relu | flatten' -i 1,3,16,16 --format csv").out))
    )
    assert [row["op"] for row in rows] == ["conv2d", "relu", "relu", "flatten"]
    assert [row["path"] for row in rows] == ["stem", "1.0", "1.1", "2"]
    assert [json.loads(row["outputs"]) for row in rows] == [[[1, 8, 12, 12]]] * 3 + [[[1, 1152]]]
    assert [int(row["params"]) for row in rows] == [608, 0, 0, 0]
    assert [row["agrees"] for row in rows] == ["true"] * 4
    assert {row["agrees"] for row in csv.DictReader(io.StringIO(cli("relu --no-run --format csv").out))} == {""}


def test_csv_says_what_differs_and_what_is_shared(cli: Any, lying_torch: Any) -> None:
    out = cli("rnncell 4 --unroll -i 2,3,16 --format csv", child=lying_torch).out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["agrees"] for row in rows] == ["false", "true"]
    assert [row["params"] for row in rows] == ["88", "0"], "a column that can be summed up"


def test_markdown_is_a_table_of_github(cli: Any) -> None:
    lines = cli("conv2d k=5 -i 1,3,16,16 --no-run --format markdown").out.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {table[0].count("|")}
    assert set(table[1]) <= set("|-:")
    assert lines[0].startswith("### `Conv2d(")


def test_svg_is_xml_with_the_whole_table(cli: Any) -> None:
    root = ET.fromstring(cli("conv2d k=5 -i 1,3,16,16 --format svg").out)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = "".join(root.itertext()).replace("\xa0", " ")
    for word in ("Conv2d(", "H_out", "checks agree", "228"):
        assert word in text
    assert "layercli conv2d k=5" in text


def test_svg_is_as_wide_as_asked(cli: Any) -> None:
    def columns(line: str) -> float:
        return float(ET.fromstring(cli(line).out).attrib["viewBox"].split()[2])

    assert columns("conv2d k=5 --no-run --format svg --width 150") > columns(
        "conv2d k=5 --no-run --format svg --width 80"
    )


def test_jsonl_is_one_line_and_the_same_document(cli: Any) -> None:
    line = cli("conv2d k=5 --no-run --format jsonl").out
    assert line.count("\n") == 1
    assert json.loads(line) == cli.json("conv2d k=5 --no-run")
