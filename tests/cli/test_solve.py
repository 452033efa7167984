"""``layercli solve``: tables, documents, what torch says of solutions, how it ends, what it does not understand."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from layercli.errors import ExitCode
from layercli.measurement import FAILED, Measurement
from tests.cli.schemas import check_documented, check_shared, check_strict
from tests.conftest import strict_json

SCHEMA: dict[str, Any] = json.loads(files("layercli").joinpath("solutions.schema.json").read_text("utf-8"))

HALF = "solve conv2d 8 d=1 -i 1,3,32,32 --want half"
TWO = (
    'solve "conv2d 8 k=_ s=2 | enc: conv2d 16 k=_ s=2 | relu" -i 1,3,32,32 --where shape@enc=1,16,6,6 --where "rf>=10"'
)
NONE = "solve conv2d 8 k=3 s=2 -i 1,3,32,32 --want 1,8,32,32"
BUDGET = 'solve "linear _" -i 1,512 --where "params<=100k"'


@pytest.fixture
def ask(cli: Any, no_torch: Any) -> Callable[..., Any]:
    """A command line without torch."""

    def run(line: str | list[str], **how: Any) -> Any:
        words = shlex.split(line) if isinstance(line, str) else line
        return cli([*words, "--no-run"], child=no_torch, **how)

    return run


@pytest.fixture
def judged(ask: Any) -> Callable[..., dict[str, Any]]:
    """The one document that a command line writes with --json, judged by the schema."""
    validator = Draft202012Validator(SCHEMA)

    def run(line: str | list[str], code: int = 0, run: Any = ask, **how: Any) -> dict[str, Any]:
        words = shlex.split(line) if isinstance(line, str) else line
        answer = run([*words, "--json"], **how)
        assert answer.code == code, answer
        document: dict[str, Any] = strict_json(answer.out)
        wrong = [f"{list(each.absolute_path)}: {each.message}" for each in validator.iter_errors(document)]
        assert not wrong, "\n".join(wrong)
        assert list(document) == list(SCHEMA["properties"]), "the keys have an order"
        assert len(document["solutions"]) <= document["found"] <= document["candidates"]
        for kind in ("solution", "miss"):
            for item in document["solutions" if kind == "solution" else "nearest"]:
                assert list(item) == list(SCHEMA["$defs"][kind]["properties"])
                assert {*item["args"]} <= {bound["name"] for bound in document["bounds"]}
        return document

    return run


def table(out: str) -> list[list[str]]:
    """The lines of the plain table at the top, cell by cell, the headings first."""
    cells = [re.split(r" {2,}", row.strip()) for row in out.splitlines()]
    return [row for row in cells if row[-1] in ("torch", "-", "✓", "✗")]


# --- tables ----------------------------------------------------------------------------------------------------------


def test_the_best_first(ask: Any) -> None:
    code, out, err = ask("solve conv2d -i 1,3,224,224 --want 1,64,112,112")
    assert (code, err) == (0, "")
    head, *rows = table(out)
    assert head == ["out", "k", "s", "p", "d", "output", "params", "MACs", "rf", "torch"]
    assert len(rows) == 10
    assert [row[:5] for row in rows[:2]] == [["64", "2", "2", "0", "1"], ["64", "3", "2", "1", "1"]]
    assert ["64", "7", "2", "3", "1", "1,64,112,112", "9,472", "118,013,952", "7x7", "-"] in rows
    assert out.splitlines()[-2:] == [
        "78 fit, the best 10 are shown; all of 3,899,392 designs were considered: out 1..112, k 1..16, s 1..16, "
        "p 0..16, d 1..8",
        "torch: not run, --no-run was given",
    ]


def test_how_many_are_shown(ask: Any) -> None:
    line = "solve conv2d 8 k=3/5/7 -i 1,3,32,32 --want same"
    assert len(table(ask(f"{line} --top 2").out)) == 1 + 2
    assert "21 fit, the best 2 are shown; all of" in ask(f"{line} --top 2").out
    every = ask(f"{line} --all").out
    assert len(table(every)) == 1 + 21
    assert "21 fit, all are shown; all of" in every
    assert "1 fits, all are shown" in ask("solve conv2d 8 k=_ -i 1,3,32,32 --want same").out


def test_a_solution_is_what_run_says_of_it(cli: Any, judged: Any) -> None:
    for line, shape in ((HALF, [1, 8, 16, 16]), (TWO, [1, 16, 6, 6])):
        document = judged(f"{line} --top 4")
        assert len(document["solutions"]) == 4
        for item in document["solutions"]:
            told = cli.json(["run", item["spec"], "-i", *item["inputs"], "--no-run"])
            assert item["output"] == told["output"]["shape"] == shape
            assert item["totals"] == told["totals"]
            assert item["memory"] == told["memory"]["training"]
            assert item["receptive_field"] == told["receptive_field"]


@pytest.mark.parametrize(
    ("want", "size"),
    [("same", 36), ("half", 18), ("double", 72), ("quarter", 9), ("x/3", 12), ("x*3", 108), ("X/4", 9)],
)
def test_words_for_a_shape(judged: Any, want: str, size: int) -> None:
    layer = "upsample" if size > 36 else "maxpool2d"
    (first, *_) = judged(f"solve {layer} -i 1,8,36,36 --want '{want}'")["solutions"]
    assert first["output"] == [1, 8, size, size]


def test_keys_that_are_known_and_bounded(ask: Any, judged: Any) -> None:
    document = judged("solve convtranspose2d 8 k=2..6 d=1 -i 1,16,8,8 --want double --all")
    assert {bound["name"]: bound["values"] for bound in document["bounds"]} == {
        "k": "2..6", "s": "1..16", "p": "0..16", "op": "0..15",
    }  # fmt: skip
    assert {item["args"]["k"] for item in document["solutions"]} == {2, 3, 4, 5, 6}
    assert "d" not in document["solutions"][0]["args"]
    assert "k 3/5/7" in ask("solve conv2d 8 k=3/5/7 -i 1,3,32,32 --want same").out
    assert "k 3/4/7" in ask("solve conv2d 8 k=3/4/7 -i 1,3,32,32 --want same").out


def test_cells_that_nothing_reads_have_a_column(ask: Any, judged: Any) -> None:
    line = "solve avgpool2d -i 1,3,16,16 --want 1,3,7,7 --top 2"
    head, *rows = table(ask(line).out)
    assert head[-2:] == ["unread", "torch"]
    assert rows[1][-2:] == ["1x1", "-"]
    assert [item["unread"] for item in judged(line)["solutions"]] == [[0, 0], [1, 1]]
    assert "unread" not in ask(HALF).out


def test_each_axis_by_itself(ask: Any, judged: Any) -> None:
    line = "solve conv2d 8 d=1 -i 1,3,32,64 --want 1,8,32,16 --top 3"
    out = ask(line).out
    assert table(out)[1][:3] == ["7,7", "1,4", "3,3"]
    assert "designs were considered (each axis by itself): k 1..16 x 1..16" in out
    document = judged(line)
    assert document["per_axis"]
    assert document["solutions"][0]["args"] == {"k": "7,7", "s": "1,4", "p": "3,3"}
    both = judged(f"{HALF} --per-axis --top 1")
    assert both["per_axis"]
    assert both["solutions"][0]["args"] == {"k": "2,2", "s": "2,2", "p": "0,0"}
    assert not judged(HALF)["per_axis"]


def test_two_keys_that_say_one_thing_have_a_table_each(ask: Any, judged: Any) -> None:
    line = "solve upsample -i 1,3,16,16 --want x*3"
    assert [row[0] for row in table(ask(line).out)] == ["scale", "3", "size", "48"]
    assert [item["args"] for item in judged(line)["solutions"]] == [{"scale": 3}, {"size": 48}]


def test_unknowns_of_a_design(ask: Any, judged: Any) -> None:
    head, *rows = table(ask(f"{TWO} --top 3").out)
    assert head[:3] == ["k@0", "k@enc", "output"]
    assert rows[0][:3] == ["4", "5", "1,16,6,6"]
    assert len(judged(f"{TWO} --all")["solutions"]) == 16
    for item in judged(f"{TWO} --all")["solutions"]:
        assert min(item["receptive_field"]["size"]) >= 10


def test_the_input_is_looked_for(ask: Any, judged: Any) -> None:
    stem = 'solve "conv2d 8 5 s=2 | relu | maxpool2d 2"'
    document = judged(f"{stem} -i 1,3,_,_ --want 1,8,7,7")
    assert [item["inputs"] for item in document["solutions"]] == [[f"1,3,{n},{n}"] for n in (31, 32, 33, 34)]
    assert [item["args"] for item in document["solutions"]] == [{"input": f"1,3,{n},{n}"} for n in (31, 32, 33, 34)]
    assert document["inputs"] == ["1,3,_,_"]
    apart = judged(f"{stem} -i 1,3,30..40,10..20 --want 1,8,7,3 --all")
    assert {item["inputs"][0] for item in apart["solutions"]} == {
        f"1,3,{high},{wide}" for high in (31, 32, 33, 34) for wide in (15, 16, 17, 18)
    }
    assert apart["found"] == 16


def test_a_budget_is_used_up(ask: Any) -> None:
    assert [row[:3] for row in table(ask(f"{BUDGET} --top 2").out)[1:]] == [
        ["194", "1,194", "99,522"],
        ["193", "1,193", "99,009"],
    ]


def test_markdown(ask: Any) -> None:
    out = ask(f"{HALF} --format markdown --top 1").out
    assert "| k | s | p | output | params | MACs | rf | torch |" in out
    assert "| 2 | 2 | 0 | 1,8,16,16 | 104 | 24,576 | 2x2 | - |" in out


def test_files_and_standard_input(ask: Any, write: Any) -> None:
    text = "conv2d 8 k=_  # first\nrelu\nconv2d 4 3\n"
    named = ask(["solve", "-f", str(write("net.layers", text)), "-i", "1,3,8,8", "--want", "_,_,4,4"])
    assert table(named.out)[1][:2] == ["3", "1,4,4,4"]
    assert ask("solve - -i 1,3,8,8 --want _,_,4,4", stdin=text.encode()).out == named.out
    assert ask('solve "conv2d 8 k=_ | relu | conv2d 4 3" -i 1,3,8,8 --want _,_,4,4').out == named.out


# --- torch -----------------------------------------------------------------------------------------------------------


def test_torch_runs_what_is_shown(cli: Any, judged: Any) -> None:
    found: list[Any] = []

    def run(words: list[str]) -> Any:
        found.append(cli(words))
        return found[-1]

    document = judged(f"{HALF} --top 3", run=run)
    assert [item["measured"]["status"] for item in document["solutions"]] == ["agrees"] * 3
    assert all(item["measured"]["agrees"] and item["measured"]["torch"] for item in document["solutions"])
    out = cli(f"{HALF} --top 2").out
    assert [row[-1] for row in table(out)] == ["torch", "✓", "✓"]
    assert re.search(r"^torch \S+ agrees with all 2$", out, re.M)


def test_a_difference_is_our_bug(cli: Any, lying_torch: Any) -> None:
    code, out, err = cli(f"{HALF} --top 2", child=lying_torch)
    assert (code, err) == (ExitCode.BUG, "")
    assert [row[-1] for row in table(out)[1:]] == ["✗", "✗"]
    assert "agrees with 0 of 2: differs" in out


def test_torch_that_gives_no_answer(cli: Any, fake_torch: Any) -> None:
    dead = fake_torch(lambda plan: Measurement(FAILED, "it fell over"))
    code, out, err = cli(f"{HALF} --top 2", child=dead)
    assert (code, err) == (0, "")
    assert len(dead.plans) == 2
    assert "failed: it fell over" in out
    code, _, err = cli(f"{HALF} --top 2 --require-measured", child=dead)
    assert (code, err) == (ExitCode.NEGATIVE, "torch gave no answer: not for all of them\n")


def test_torch_is_not_asked_where_there_is_nothing_to_run(cli: Any, no_torch: Any) -> None:
    assert cli(NONE, child=no_torch).code == ExitCode.NEGATIVE
    assert cli("solve conv2d --want haf", child=no_torch).code == ExitCode.USAGE
    assert no_torch.closed > 0


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_mode_and_dtype_reach_torch(cli: Any, fake_torch: Any, mode: str) -> None:
    torch = fake_torch(lambda plan: Measurement(FAILED, "not this time"))
    cli(f"{HALF} --{mode} --dtype float64 --top 1", child=torch)
    assert {(plan.mode, plan.dtype) for plan in torch.plans} == {(mode, "float64")}


# --- none ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (NONE, [
            "none of 136 designs gives 1,8,32,32",
            "nearest to 1,8,32,32: conv2d 8 k=3 s=2 p=16 d=1: the output is 1,8,31,31",
            "all of 136 designs were considered: p 0..16, d 1..8",
        ]),
        ("solve conv2d 8 k=3 -i 1,3,32,32 --want 1,8,32,32 --where 'params<=10'", [
            "none of 2,176 designs gives 1,8,32,32 and params<=10",
            "nearest to params<=10: conv2d 8 k=3 s=1 p=1 d=1: params is 224",
        ]),
        ("solve conv2d 8 -i 1,3,32,32 --want 1,9,16,16", ["C of the output is 8 in every setting, and 9 is wanted"]),
        ("solve conv2d -i 1,3,32,32 --want 1,8,16", ["the output has 4 axes, and 3 axes are wanted"]),
        ("solve 'conv2d 8 k=_ | relu' -i 1,3,32,32 --want same --where 'params<=1'", [
            "none of 11 designs gives same and params<=1",
            "nearest to params<=1: conv2d 8 k=1 | relu: params is 32",
        ]),
        ("solve 'conv2d 8 k=_ s=4 | enc: conv2d 16 k=_' -i 1,3,32,32 --where shape@enc=1,17,9,9", [
            "nearest to shape@enc=1,17,9,9: conv2d 8 k=1 s=4 | enc: conv2d 16 k=1: the output of enc is 1,16,8,8",
        ]),
        ("solve 'conv2d 8 k=40..50 | relu' -i 1,3,32,32 --where 'params<1G'", [
            "torch would refuse designs such as conv2d 8 k=50 | relu: "
            "kernel_size 50 spans 50 cells along H, but the padded input has 32",
        ]),
    ],
)  # fmt: skip
def test_none(ask: Any, judged: Any, line: str, said: list[str]) -> None:
    code, out, err = ask(line)
    assert (code, err) == (ExitCode.NEGATIVE, "")
    shown = out.splitlines()
    assert shown[0].startswith("none of ")
    assert [words for words in said if words not in shown] == []
    document = judged(line, code=1)
    assert (document["ok"], document["found"], document["errors"]) == (False, 0, [])
    assert all(words in shown for words in document["fixed"])
    for miss in document["nearest"]:
        assert f"nearest to {miss['wish']}: {miss['spec']}: {miss['found']}" in re.sub(" -i [0-9,]+", "", out)


def test_sizes_by_axis_that_are_too_many(judged: Any) -> None:
    (said,) = judged("solve 'conv2d 8 5 s=2 | relu' -i 1,3,_,_ --want 1,8,15,90", code=1)["fixed"]
    assert said.startswith("sizes that differ by axis were not tried, 1,048,576 designs would have to be gone through")


# --- what is not understood ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message", "under", "fix"),
    [
        ("solve", "solve needs a chain", "", "layercli solve"),
        ("solve conv2d -i 1,3,32,32", "nothing says what is wanted", "", "--want 1,64,112,112"),
        ("solve conv2d -i 1,3,32,32 --want haf", "'haf' says no shape", "haf", "did you mean half?"),
        ("solve conv2d -i 1,3,32,32 --want x/0", "neither a shape nor a comparison", "x/0", "write a shape"),
        ("solve conv2d -i 1,3,33,33 --want half", "33 is no multiple of 2", "half", "--want _,_,16,16"),
        ("solve conv2d -i 1,3,_,_ --want half", "hangs on an input that is not in numbers", "half", "write the shape"),
        ("solve conv2d -i 1,3,8,8 --want 'params<=3'", "--want says a shape", "params<=3", "--where params<=3"),
        ("solve conv2d -i 1,3,8,8 --where 'macs<=x'", "'x' is no number", "x", "digits"),
        ("solve conv2d -i 1,3,8,8 --where 'maccs<=1'", "no figure 'maccs'", "maccs", "did you mean macs?"),
        ("solve conv2d -i 1,3,8,8 --where macs", "nothing to compare with", "", "macs="),
        ("solve conv2d k=_ foo=_ --want same", "no key 'foo'", "foo", "kernel_size"),
        ("solve 'conv2d 8 k=_ | rlu' --want same", "no layer 'rlu'", "rlu", "did you mean relu?"),
        ("solve conv2d k=_ -i 1,3,8,x! --want same", "'x!' is no size", "x!", ""),
        ("solve 'conv2d 8 k=_ bias=_ | relu' --want same", "nothing says which values of bias", "_", "true/false"),
        ("solve 'dropout _' --want same", "nothing says which values of p", "_", "1..9"),
        ("solve relu --want half", "no key of relu changes the size", "relu", "write _"),
        ("solve 'conv2d 8 3 | relu' --want same", "nothing is left open", "conv2d 8 3 | relu", "write _"),
        ("solve 'nn.Conv2d(3, 8, 3)' --want same", "nothing is left open", "nn.Conv2d(3, 8, 3)", "write _"),
        ("solve 'conv2d _ k=_ s=_ | conv2d _ k=_' --where 'params<=1k'", "200,000 is the most", "_", "16/32/64"),
        ("solve -f no-such-file --want same", "cannot read no-such-file", "", "file"),
    ],
)  # fmt: skip
def test_what_is_not_understood(
    cli: Any, judged: Any, no_torch: Any, line: str, message: str, under: str, fix: str
) -> None:
    said = cli.told(f"{line} --no-run", child=no_torch)
    assert message in said.message
    assert said.under.strip() == under
    assert fix in said.fix
    assert said.fix
    (error,) = judged(line, code=2)["errors"]
    assert error["message"] == said.message


def test_a_file_without_its_option(cli: Any, write: Any, no_torch: Any) -> None:
    file = write("net.layers", "conv2d 8 k=_")
    assert cli.told(f"solve {file} --want same", child=no_torch).fix == f"write layercli solve -f {file}"


# --- hidden sizes, open sizes, rows that are not there ---------------------------------------------------------------


def test_a_hidden_size_is_not_bounded_by_the_output(judged: Any) -> None:
    line = 'solve "linear _ | linear 10" -i 1,64 --where "params<=2k" --want 1,10'
    assert judged(line)["solutions"][0]["args"] == {"out": 26}


def test_open_sizes_are_closed_forms_in_json_too(ask: Any, judged: Any) -> None:
    line = 'solve "conv2d 8 k=_ | relu" -i 1,3,N,N --want _,_,N,N'
    assert table(ask(line).out)[1][:4] == ["1", "1,8,N,N", "32", "24*N**2"]
    item = judged(line)["solutions"][0]
    assert (item["output"], item["totals"]["macs"]) == ([1, 8, "N", "N"], "24*N**2")


@pytest.mark.parametrize("spec", ["conv2d 8 k=_", "conv2d 8 k=_ | relu"])
def test_a_row_that_no_design_has(cli: Any, no_torch: Any, spec: str) -> None:
    words = ["solve", spec, "-i", "1,3,32,32", "--where", "shape@enc=1,2,3,4", "--no-run"]
    assert cli.told(words, child=no_torch).under == "enc"


# --- streams ---------------------------------------------------------------------------------------------------------


def test_a_pipe_gets_plain_text_never_cut(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    free = ask(HALF).out
    assert not set("\x1b\r│┃╭━┏─") & set(free)
    for name, value in (("COLUMNS", "20"), ("NO_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
        assert ask(HALF).out == free
        assert ask(f"{HALF} --format plain").out == free


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_drawn_where_it_is_asked_for(ask: Any, columns: int) -> None:
    coloured = ask(f"{HALF} --color always --width {columns}").out
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert ("\x1b[" in coloured) == ("───" in bare) == (columns >= 60)
    for word in ("1,8,16,16", "55,296", "46 fit"):
        assert word in bare
    if columns >= 60:
        assert max(map(len, bare.splitlines())) <= columns
    assert ask(f"{HALF} --color never").out == ask(HALF).out


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colours(ask: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(variable, value)
    out = ask(HALF).out
    assert not re.search(r"\x1b\[(?:\d+;)*[349][0-7](?:;\d+)*m", out)
    assert ("─" in out) == (variable == "NO_COLOR"), "a dumb terminal gets lines"


def test_in_ascii(cli: Any) -> None:
    done = cli.process([*shlex.split(HALF), "--no-run"], PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"46 fit, the best 10 are shown" in done.stdout


# --- the schema ------------------------------------------------------------------------------------------------------


def test_schema_of_solutions(ask: Any, cli: Any) -> None:
    assert json.loads(cli("schema solutions").out) == SCHEMA
    assert "solutions" in cli("schema -h").out
    Draft202012Validator.check_schema(SCHEMA)


def test_what_both_schemas_define_is_one(schema: dict[str, Any]) -> None:
    """But for the families of codes: solving has one of its own."""
    check_shared(SCHEMA, schema, "solve", least=6)


def test_the_schema_is_strict_and_documented(judged: Any) -> None:
    good, none = judged(f"{HALF} --top 2"), judged(NONE, code=1)
    spoiled = (
        (good, lambda d: d.pop("bounds")),
        (good, lambda d: d.update(more=1)),
        (good, lambda d: d.update(ok=False)),
        (good, lambda d: d.update(solutions=[])),
        (good, lambda d: d.update(found=0)),
        (good, lambda d: d.update(wishes=[])),
        (good, lambda d: d.update(exhaustive=False)),
        (good, lambda d: d.update(nearest=none["nearest"])),
        (good, lambda d: d.update(errors=[{"code": "spec.x"}])),
        (good, lambda d: d["bounds"][0].pop("values")),
        (good, lambda d: d["solutions"][0].pop("totals")),
        (good, lambda d: d["solutions"][0].update(more=1)),
        (good, lambda d: d["solutions"][0].update(unusual=-1)),
        (good, lambda d: d["solutions"][0]["args"].update(k=None)),
        (good, lambda d: d["solutions"][0]["measured"].update(status="maybe")),
        (good, lambda d: d["solutions"][0]["totals"].update(params=1.5)),
        (none, lambda d: d.update(ok=True)),
        (none, lambda d: d["nearest"][0].update(designs=0)),
        (none, lambda d: d["nearest"][0].pop("found")),
    )
    check_strict(SCHEMA, spoiled)
    check_documented(SCHEMA)


EXAMPLES = [
    line.strip().removeprefix("layercli ")
    for line in (Path(__file__).resolve().parents[2] / "layercli" / "cli" / "verb_solve.py").read_text().splitlines()
    if line.startswith("  layercli solve ")
]


@pytest.mark.parametrize(
    "example",
    [line for line in EXAMPLES if line != BUDGET],
)
def test_examples_of_the_help(ask: Any, example: str) -> None:
    assert len(EXAMPLES) == 6
    code, out, err = ask(example)
    assert (code, err) == (0, "")
    assert " fit, " in out
