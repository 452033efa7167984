"""``layercli compare``: its tables, documents and exit codes, files, carets, what torch says of each design."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from layercli.errors import ExitCode
from tests.cli.schemas import check_documented, check_strict

NOTEBOOK = 'compare "conv2d k=5 d=2" "conv2d k=9" -i 1,3,16,16'
NETS = 'compare "conv2d 8 3 p=1 | relu | flatten" "conv2d 8 5 p=2 | gelu | flatten | linear 3" -i 1,3,8,8'


@pytest.fixture(scope="module")
def comparison_schema() -> dict[str, Any]:
    """The JSON Schema of comparisons."""
    found: dict[str, Any] = json.loads(files("layercli").joinpath("comparison.schema.json").read_text("utf-8"))
    return found


@pytest.fixture
def judged(cli: Any, comparison_schema: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """The one document that a command line writes with --json, judged by the schema."""
    validator = Draft202012Validator(comparison_schema)

    def run(line: str, code: int = 0, **how: Any) -> dict[str, Any]:
        answer = cli([*shlex.split(line), "--json"], **how)
        assert answer.code == code, answer
        document: dict[str, Any] = json.loads(answer.out)
        wrong = [
            f"{'.'.join(map(str, each.absolute_path))}: {each.message}" for each in validator.iter_errors(document)
        ]
        assert not wrong, "\n".join(wrong)
        assert list(document) == list(comparison_schema["properties"]), "the keys have an order"
        for figure in document["figures"]:
            assert {len(figure[key]) for key in ("values", "same", "differences", "ratios")} == {
                len(document["designs"])
            }
        return document

    return run


@pytest.fixture
def one_torch(monkeypatch: pytest.MonkeyPatch, torch_child: Any) -> list[Any]:
    """The session's child in the place of the one that the verb starts; what it was asked."""
    return shared(monkeypatch, torch_child)


def shared(monkeypatch: pytest.MonkeyPatch, child: Any) -> list[Any]:
    """Has the verb ask this child; each question is kept."""
    asked: list[Any] = []

    class Shared:
        def __enter__(self) -> Shared:
            return self

        def __exit__(self, *_: object) -> None:
            asked.append("closed")

        def ask_all(self, plans: Any, timeout: float) -> Any:
            asked.append((len(plans), timeout))
            return child.ask_all(plans, timeout)

    monkeypatch.setattr("layercli.measure.child.Reusable", Shared)
    return asked


def columns(out: str, name: str) -> list[str]:
    """What stands behind a name in a plain table."""
    line = next(line for line in out.splitlines() if line.startswith(name))
    return re.split(r" {2,}", line.removeprefix(name).strip())


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_comparison_of_the_notebook(cli: Any) -> None:
    code, out, err = cli(f"{NOTEBOOK} --no-run")
    assert (code, err) == (0, "")
    assert columns(out, "figure") == ["A", "B", "difference", "ratio"]
    assert columns(out, "output") == ["1,3,8,8", "1,3,8,8", "same"]
    assert columns(out, "parameters") == ["228", "732", "+504", "x3.21"]
    assert columns(out, "MACs") == ["14,400", "46,656", "+32,256", "x3.24"]
    assert columns(out, "receptive field") == ["9x9", "9x9", "same"]
    assert "same output shape: 1,3,8,8" in out
    assert "A      conv2d k=5 d=2\n" in out
    assert "torch: not run, --no-run was given" in out
    assert "\nrows:" not in out, "one row each is no table"
    back = cli('compare "conv2d k=9" "conv2d k=5 d=2" -i 1,3,16,16 --no-run').out
    assert columns(back, "parameters") == ["732", "228", "-504", "x0.31"]


def test_rows_like_a_diff(cli: Any) -> None:
    out = cli(f"{NETS} --no-run").out
    top = next(place for place, line in enumerate(out.splitlines()) if "what differs" in line)
    rows = [re.split(r" {2,}", line) for line in out.splitlines()[top + 1 : top + 7]]
    assert [row[0] for row in rows] == ["~", "~", "-", "+", "=", "+"]
    assert rows[1][-1] == "kernel_size, padding"
    assert "rows: 1 alike (=), 1 changed (~), 1 only in A (-), 2 only in B (+)" in out
    assert "other output shapes: A 1,512; B 1,3" in out


def test_rows_that_are_alike_are_folded(cli: Any) -> None:
    line = 'compare "6*relu | tanh" "6*relu | gelu" -i 1,3 --no-run'
    folded, whole = cli(line).out, cli(f"{line} --expand").out
    assert "… 4 more that are alike" in folded
    assert "more that are alike" not in whole
    assert len(whole.splitlines()) == len(folded.splitlines()) + 3


def test_three_designs_have_a_column_each_and_more_a_line_each(cli: Any) -> None:
    three = cli('compare "conv2d 8 3" "conv2d 16 3" "conv2d 8 3" -i 1,3,8,8 --no-run').out
    assert columns(three, "figure") == ["A", "B", "B/A", "C", "C/A"]
    assert columns(three, "parameters") == ["224", "448", "x2", "224", "same"]
    four = cli('compare "conv2d 8 3" "conv2d 16 3" "conv2d 8 3" relu -i 1,3,8,8 --no-run').out
    line = next(line for line in four.splitlines() if line.startswith("B  1,"))
    assert line.split()[:4] == ["B", "1,16,6,6", "448", "x2"]
    assert "other output shapes: A, C 1,8,6,6; B 1,16,6,6; D 1,3,8,8" in four


def test_outputs_beyond_the_first(cli: Any) -> None:
    out = cli('compare "lstm 8" "gru 8" -i 5,3,16 --no-run').out
    assert "same shape of the first output, not of all: A 5,3,8 1,3,8 1,3,8; B 5,3,8 1,3,8" in out


def test_an_input_that_is_taken_is_said(cli: Any) -> None:
    out = cli('compare relu "linear 10" --no-run').out
    assert "A: no input given: 1,3,16,16 is taken (give your own with -i)" in out
    assert "input of A  1,3,16,16" in out
    own = cli('compare "input 1,3,8,8 | relu" "input 1,3,9,9 | relu" --no-run').out
    assert "no input given" not in own
    assert "input of B  1,3,9,9" in own
    assert "other output shapes: A 1,3,8,8; B 1,3,9,9" in own


def test_open_sizes(cli: Any, judged: Any) -> None:
    line = 'compare "conv2d 8 3 p=1 | relu" "conv2d 16 5 p=2 | relu" -i N,3,H,W --no-run'
    out = cli(line).out
    assert columns(out, "MACs") == ["216*N*H*W", "1200*N*H*W", "+984*N*H*W"]
    assert columns(out, "parameters") == ["224", "1,216", "+992", "x5.43"]
    assert re.search(r"^training memory, difference +\+\(32\*N\*H\*W \+ 15872\) B$", out, re.M)
    figures = {figure["of"]: figure for figure in judged(line)["figures"]}
    assert figures["macs"]["differences"] == [None, "984*N*H*W"]
    assert figures["macs"]["ratios"] == [None, None]
    assert figures["shape"]["values"][0] == ["N", 8, "H", "W"]


# --- files -----------------------------------------------------------------------------------------------------------


def test_files(cli: Any, write: Any, judged: Any) -> None:
    old, new = write("old.layers", "conv2d 8 3\nrelu\n"), write("new.layers", "# wider\nconv2d 16 3\nrelu\n")
    words = f"compare {old} {new} -i 1,3,8,8 --no-run"
    out = cli(words).out
    assert f"A      {old}\n" in out
    assert columns(out, "parameters") == ["224", "448", "+224", "x2"]
    assert cli(f"compare -f {old} -f {new} -i 1,3,8,8 --no-run").out == out
    assert columns(cli(f'compare "conv2d 4 3 | relu" -f {new} -i 1,3,8,8 --no-run').out, "parameters")[:2] == [
        "112",
        "448",
    ]
    designs = judged(words)["designs"]
    assert [(each["name"], each["source"], each["file"]) for each in designs] == [
        ("A", "file", str(old)),
        ("B", "file", str(new)),
    ]
    assert designs[1]["spec"] == "# wider\nconv2d 16 3\nrelu\n"


def test_standard_input(cli: Any, judged: Any) -> None:
    document = judged('compare - "conv2d 8 3" -i 1,3,8,8 --no-run', stdin=b"conv2d 4 3")
    assert [each["source"] for each in document["designs"]] == ["stdin", "spec"]
    assert cli.told("compare - - --no-run", stdin=b"relu").message.startswith("standard input is read once")
    assert cli.told("compare - -f - --no-run", stdin=b"relu").message.startswith("standard input is read once")


def test_a_layer_is_no_file(cli: Any, write: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    write("relu", "conv2d 8 3")
    write("mine", "conv2d 8 3")
    monkeypatch.chdir(tmp_path)
    assert columns(cli("compare relu mine -i 1,3,8,8 --no-run").out, "parameters")[:2] == ["0", "224"]
    assert columns(cli("compare ./relu relu -i 1,3,8,8 --no-run").out, "parameters")[:2] == ["224", "0"]


def test_torchs_notation(cli: Any) -> None:
    out = cli('compare "nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())" "conv2d 8 3 | relu" -i 1,3,8,8 --no-run').out
    assert "rows: 2 alike (=)" in out


# --- what is not understood ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message", "under", "fix"),
    [
        ("compare", "two designs or more, not none", "", "layercli compare"),
        ("compare relu", "two designs or more, not 1", "", "layercli compare"),
        ('compare relu "conv2d k=5 | rlu"', "B: there is no layer 'rlu'", "rlu", "relu"),
        ('compare "conv2d 8 3 foo=1" relu', "A: ", "foo", ""),
        ("compare conv2d k=5 d=2", "'k=5' is no design", "", "in quotes"),
        ("compare conv2d 8 3", "'8' is no design", "", "in quotes"),
        ("compare relu nets/old.layers", "there is no file nets/old.layers", "", "name a file"),
        ("compare relu tanh -i 1,x!", "'x!' is no size", "x!", ""),
        ("compare relu tanh --fail-if parms>+5%", "no figure 'parms'", "parms", "did you mean params?"),
        ("compare relu tanh --fail-if params>5%", "has a sign", "5%", "write params>+5%"),
        ("compare relu tanh --fail-if params@x>+5", "A has no row 'x'", "x", "row's number"),
        ("compare relu tanh --device gpu", "no device 'gpu'", "", ""),
    ],
)
def test_what_is_not_understood(
    cli: Any, judged: Any, no_torch: Any, line: str, message: str, under: str, fix: str
) -> None:
    said = cli.told(f"{line} --no-run", child=no_torch)
    assert message in said.message
    assert said.under.strip() == under
    assert fix in said.fix
    assert said.fix
    if "--device" not in line:
        document = judged(f"{line} --no-run", code=2)
        assert not document["ok"]
        assert message in document["errors"][0]["message"]


def test_a_refused_design_is_said_and_the_others_are_compared(cli: Any, judged: Any) -> None:
    line = 'compare "conv2d 8 3" "conv2d 8 99" "conv2d 16 3" -i 1,3,8,8 --no-run'
    code, out, err = cli(line)
    assert code == ExitCode.NEGATIVE
    said = cli.parse(err)
    assert said.message.startswith("B: kernel_size 99")
    assert said.under == "99"
    assert columns(out, "parameters") == ["224", "-", "448", "x2"]
    assert columns(out, "output")[1] == "refused"
    assert "B is refused: kernel_size 99" in out
    document = judged(line, code=1)
    assert not document["ok"]
    assert [each["ok"] for each in document["designs"]] == [True, False, True]
    assert document["designs"][1]["errors"][0]["code"].startswith("shape.")
    assert document["errors"] == []
    assert document["figures"][3]["values"] == [224, None, 448]


def test_a_file_is_named_where_it_is_refused(cli: Any, write: Any) -> None:
    file = write("net.layers", "relu\nconv2d 8 99\n")
    answer = cli(f"compare relu {file} -i 1,3,8,8 --no-run")
    said = cli.parse(answer.err)
    assert said.message.startswith(f"B ({file}): ")
    assert said.line == "line 2: conv2d 8 99"


# --- in CI -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clauses", "code"),
    [
        (["params>+221.1%"], 0),
        (["params>+221%"], 1),
        (["shape!=same", "rf<-0"], 0),
        (["shape!=same", "macs>+0"], 1),
        (["params>5M"], 0),
        (["buffers>+5%"], 0),
    ],
)
def test_fail_if(cli: Any, judged: Any, clauses: list[str], code: int) -> None:
    line = f"{NOTEBOOK} --no-run " + " ".join(f"--fail-if '{clause}'" for clause in clauses)
    answer = cli(line)
    assert answer.code == code
    said = [text for text in answer.out.splitlines() if text.startswith("fail if ")]
    assert [text.split(":")[0].removeprefix("fail if ") for text in said] == clauses
    assert any(": met: " in text for text in said) == bool(code)
    told = judged(line, code=code)["fail_if"]
    assert [each["clause"] for each in told] == clauses
    assert any(each["met"] for each in told) == bool(code)


def test_a_clause_that_cannot_be_told_fails(cli: Any) -> None:
    answer = cli("compare relu 'conv2d 8 3' -i 1,3,8,8 --no-run --fail-if 'params>+5%'")
    assert answer.code == ExitCode.NEGATIVE
    assert "cannot be told, which counts as met: params of B is 224, of A 0: there is no percentage of 0" in answer.out


def test_a_form_without_room_for_clauses_says_them_elsewhere(cli: Any) -> None:
    answer = cli(f"{NOTEBOOK} --no-run --format csv --fail-if 'params>+5%' --fail-if 'params>5M'")
    assert answer.code == ExitCode.NEGATIVE
    assert answer.err == "fail if params>+5%: params of B is 732, of A 228: +221.1%\n"


# --- forms -----------------------------------------------------------------------------------------------------------


def test_json(judged: Any) -> None:
    document = judged(f"{NETS} --no-run")
    figures = {figure["of"]: figure for figure in document["figures"]}
    assert figures["params"] == {
        "of": "params",
        "values": [224, 2147],
        "same": [None, False],
        "differences": [None, 1923],
        "ratios": [None, 2147 / 224],
    }
    assert [row["status"] for row in document["rows"]] == [
        "changed", "only first", "only second", "alike", "only second",
    ]  # fmt: skip
    changed = document["rows"][0]
    assert changed["settings"] == ["kernel_size", "padding"]
    assert changed["figures"] == ["params", "macs"]
    assert document["designs"][0]["totals"]["params"] == changed["first"]["params"] == 224
    assert document["command"] == "compare"


def test_csv(cli: Any) -> None:
    rows = [*csv.DictReader(cli(f"{NETS} --no-run --format csv").out.splitlines())]
    found = {(row["figure"], row["design"]): row for row in rows}
    assert found["params", "B"]["difference"] == "1923"
    assert found["params", "A"]["difference"] == ""
    assert found["shape", "A"]["value"] == "1,512"
    assert found["rf", "A"]["value"] == "3x3"
    assert found["rf", "B"]["value"] == "globalxglobal"
    assert found["dtype", "B"]["same"] == "true"


def test_markdown(cli: Any) -> None:
    out = cli(f"{NETS} --no-run --format markdown").out
    assert "| parameters | 224 | 2,147 | +1,923 | x9.58 |" in out
    assert "| ~ | 0 |  | `conv2d 8 3 p=1` | 1,8,8,8 | 224 | 13,824 |  |" in out


def test_a_pipe_gets_plain_text_never_cut(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    free = cli(f"{NETS} --no-run").out
    assert not set("\x1b\r│┃╭━┏") & set(free)
    for name, value in (("COLUMNS", "20"), ("NO_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
        assert cli(f"{NETS} --no-run").out == free
        assert cli(f"{NETS} --no-run --format plain").out == free


def test_colours_where_they_are_asked_for(cli: Any) -> None:
    plain = cli(f"{NETS} --no-run").out
    coloured = cli(f"{NETS} --no-run --color always --width 120").out
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    for word in ("+1,923", "x9.58", "kernel_size, padding", "differs"):
        assert word in bare
        assert word in plain


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_stream_without_the_marks(cli: Any, encoding: str) -> None:
    words = ["compare", "6*relu | tanh", "6*relu | gelu", "-i", "1,3", "--no-run"]
    found = cli.process(words, PYTHONIOENCODING=encoding)
    assert (found.returncode, found.stderr) == (0, b"")
    assert "... 4 more that are alike" in found.stdout.decode("ascii")


# --- torch -----------------------------------------------------------------------------------------------------------


def test_torch_is_asked_of_every_design_in_one_process(cli: Any, one_torch: list[Any]) -> None:
    code, out, err = cli(f"{NETS} --timeout 50")
    assert (code, err) == (0, "")
    assert one_torch == [(1, 50.0), (1, 50.0), "closed"]
    assert re.search(r"^A: torch \S+ on cpu: all 11 checks agree$", out, re.M)
    assert re.search(r"^B: torch \S+ on cpu: all 16 checks agree$", out, re.M)


def test_what_torch_says_is_in_the_document(judged: Any, one_torch: list[Any]) -> None:
    document = judged('compare "conv2d 8 3" "conv2d 8 99" "conv2d 8 5" -i N,3,8,8', code=1)
    assert [each["measured"]["status"] for each in document["designs"]] == ["agrees", "not run", "agrees"]
    assert one_torch == [(3, 60.0), (3, 60.0), "closed"], "a refused design has nothing to run"


def test_a_difference_from_torch_is_ours(
    cli: Any, judged: Any, lying_torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared(monkeypatch, lying_torch)
    answer = cli(f"{NOTEBOOK} --fail-if 'params>+5%'")
    assert answer.code == ExitCode.BUG
    assert "checks differ" in answer.out
    assert judged(NOTEBOOK, code=3)["designs"][0]["measured"]["agrees"] is False


def test_a_design_that_ends_torchs_process_spares_the_others(
    cli: Any, fake_torch: Any, torch_child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from layercli.measurement import FAILED, Measurement

    def answer(plan: Any) -> Any:
        crashes = plan.modules[0].torch == "GRU"
        return Measurement(FAILED, "torch's process was killed") if crashes else torch_child.ask(plan)

    shared(monkeypatch, fake_torch(answer))
    code, out, _ = cli("compare 'gru 8' 'lstm 8' -i 5,3,16")
    assert code == 0
    assert "A: torch: failed: torch's process was killed" in out
    assert re.search(r"^B: torch \S+ on cpu: all \d+ checks agree$", out, re.M)


def test_options_apply_to_all(judged: Any, no_torch: Any) -> None:
    line = "compare 'conv2d 8 3' 'conv2d 16 3' -i 1,3,8,8 --no-run"
    half = judged(f"{line} --dtype float16 --eval --optimizer sgd", child=no_torch)
    assert half["mode"] == "eval"
    assert {each["output"]["dtype"] for each in half["designs"]} == {"float16"}
    assert {each["memory"]["optimizer"] for each in half["designs"]} == {"sgd"}


def test_the_whole_command(cli: Any) -> None:
    found = cli.process(shlex.split(NOTEBOOK))
    assert (found.returncode, found.stderr) == (0, b"")
    assert re.search(rb"^A, B: torch \S+ on cpu: all 5 checks agree$", found.stdout, re.M)


# --- the schema ------------------------------------------------------------------------------------------------------


def test_schema_of_comparisons(cli: Any, comparison_schema: dict[str, Any], schema: dict[str, Any]) -> None:
    assert json.loads(cli("schema comparison").out) == comparison_schema
    assert cli("schema report").out == cli("schema").out
    assert "comparison" in cli("schema -h").out
    said = cli.told("schema comparisons")
    assert said.under == "comparisons"
    assert said.fix == "did you mean comparison?"
    Draft202012Validator.check_schema(comparison_schema)


def test_what_both_schemas_define_is_one(comparison_schema: dict[str, Any], schema: dict[str, Any]) -> None:
    common = comparison_schema["$defs"].keys() & schema["$defs"].keys()
    assert len(common) > 12
    assert [name for name in common if comparison_schema["$defs"][name] != schema["$defs"][name]] == []


def test_the_schema_is_strict_and_documented(judged: Any, comparison_schema: dict[str, Any]) -> None:
    good = judged(f"{NETS} --no-run --fail-if 'params>5M'")
    spoils = (
        lambda d: d.pop("rows"),
        lambda d: d.update(more=1),
        lambda d: d.update(mode="test"),
        lambda d: d["designs"].pop(),
        lambda d: d["designs"][0].pop("measured"),
        lambda d: d["designs"][0].update(more=1),
        lambda d: d["figures"][0].update(of="x"),
        lambda d: d["figures"][3]["ratios"].append("x"),
        lambda d: d["rows"][0].update(status="same"),
        lambda d: d["rows"][0]["first"].pop("macs"),
        lambda d: d["fail_if"][0].update(met=None),
        lambda d: d["fail_if"][0].update(designs=[]),
        lambda d: d.update(errors=[{"code": "spec.x"}]),
    )
    check_strict(comparison_schema, [(good, spoil) for spoil in spoils])
    check_documented(comparison_schema)
