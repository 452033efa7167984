"""``layercli sweep``: its tables, documents, lines and plots, how it ends, and what it does not understand."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from layercli.design.sweep import Sweep
from layercli.errors import ExitCode
from tests.cli.schemas import check_documented, check_shared, check_strict
from tests.conftest import strict_json

SCHEMA: dict[str, Any] = json.loads(files("layercli").joinpath("sweep.schema.json").read_text("utf-8"))
ROW = Draft202012Validator({**SCHEMA["$defs"]["row"], "$defs": SCHEMA["$defs"]})

KERNELS = 'sweep "conv2d 8/16 k=1/3/5 s=1/2" -i 1,3,32,32'
NORMS = 'sweep "conv2d 8 3/5 | batchnorm2d 8/16" -i 1,3,32,32'
"""Half of them are refused."""
DILATED = "sweep conv2d 64 k=3/5/7 d=1..4 -i 1,64,56,56 --pareto params,rf"


@pytest.fixture
def ask(cli: Any, no_torch: Any) -> Callable[..., Any]:
    """A command line; torch is never asked."""
    return lambda line, **how: cli(line, child=no_torch, **how)


@pytest.fixture
def judged(ask: Any) -> Callable[..., dict[str, Any]]:
    """The one document that a command line writes with --json, judged by the schema and by its own counts."""
    validator = Draft202012Validator(SCHEMA)

    def run(line: str | list[str], code: int = 0, **how: Any) -> dict[str, Any]:
        words = shlex.split(line) if isinstance(line, str) else line
        answer = ask([*words, "--json"], **how)
        assert answer.code == code, answer
        document: dict[str, Any] = strict_json(answer.out)
        wrong = [f"{list(each.absolute_path)}: {each.message}" for each in validator.iter_errors(document)]
        assert not wrong, "\n".join(wrong)
        assert list(document) == list(SCHEMA["properties"]), "the keys have an order"
        refused = sum(item["count"] for item in document["refused"])
        assert document["designs"] == document["accepted"] + document["left_out"] + refused
        assert len(document["rows"]) <= document["accepted"]
        for row in document["rows"]:
            assert list(row) == list(SCHEMA["$defs"]["row"]["properties"])
            assert list(row["settings"]) == document["columns"]
        return document

    return run


def lines(text: str) -> list[dict[str, Any]]:
    """JSON Lines, each judged as a row."""
    found = [strict_json(line) for line in text.splitlines()]
    for row in found:
        assert not (wrong := [each.message for each in ROW.iter_errors(row)]), wrong
    return found


def table(out: str, head: str) -> list[list[str]]:
    """The lines of the plain table that begins with this heading, cell by cell, the headings first."""
    rows = out.splitlines()
    start = next(index for index, row in enumerate(rows) if row.split()[:1] == [head])
    cells = [re.split(r" {2,}", row.strip()) for row in rows[start:]]
    return [row for row in cells if len(row) == len(cells[0])]


# --- tables ----------------------------------------------------------------------------------------------------------


def test_a_design_a_row(ask: Any) -> None:
    code, out, err = ask(KERNELS)
    assert (code, err) == (0, "")
    head, *rows = table(out, "out")
    assert head == ["out", "k", "s", "output", "params", "MACs", "rf"]
    assert [row[:3] for row in rows] == [[out, k, s] for out in ("8", "16") for k in "135" for s in "12"]
    assert ["16", "3", "2", "1,16,15,15", "448", "97,200", "3x3"] in rows
    assert out.splitlines()[-1] == "12 designs; 0 would be refused by torch"


def test_a_row_is_what_run_says_of_its_design(cli: Any, judged: Any) -> None:
    line = 'sweep "conv2d 8 3 s=1/2 | {relu / prelu | dropout} | maxpool2d 2" -i 1,3,20/24,20 --sort memory'
    document = judged(line)
    assert document["designs"] == 2 * 2 * 2
    for row in document["rows"]:
        told = cli.json(["run", row["spec"], "-i", *row["inputs"], "--no-run"])
        assert row["output"] == told["output"]["shape"]
        assert (row["params"], row["macs"]) == (told["totals"]["params"], told["totals"]["macs"])
        assert row["receptive_field"] == told["receptive_field"]
        assert row["figures"] == {"memory": told["memory"]["training"]}


def test_steps_to_choose_from(ask: Any) -> None:
    line = 'sweep "conv2d 32 3/5 | act: {relu / gelu | dropout / } | flatten | linear 10" -i 1,3,32,32'
    head, *rows = table(ask(line).out, "k")
    assert head[:2] == ["k", "act"]
    assert [row[:2] for row in rows[:3]] == [["3", "relu"], ["3", "gelu | dropout"], ["3", "-"]]
    assert ask(f"{line} --format csv").out.splitlines()[1] == '3,relu,true,"1,10",288906,1065600,global,'


def test_sizes_of_the_input(ask: Any) -> None:
    head, *rows = table(ask('sweep "conv2d 8 3" -i 1,3,64..256..64,224').out, "input")
    assert head[:2] == ["input", "output"]
    assert [row[0] for row in rows] == [f"1,3,{size},224" for size in (64, 128, 192, 256)]


def test_a_key_of_two_steps_is_told_apart(ask: Any) -> None:
    out = ask('sweep "stem: conv2d 8 3/5 | conv2d 16 3/5" -i 1,3,32,32').out
    assert table(out, "k@stem")[0][:2] == ["k@stem", "k@1"]


def test_where(ask: Any) -> None:
    out = ask('sweep "conv2d 16/32/64 k=1/3/5/7 s=1/2 p=0..3" -i 1,3,64,224 --where shape=1,_,32,112').out
    rows = table(out, "out")[1:]
    assert len(rows) == 12
    assert {row[4] for row in rows} == {"1,16,32,112", "1,32,32,112", "1,64,32,112"}
    assert out.splitlines()[-1] == "96 designs; 84 are not what was asked for; 0 would be refused by torch"


def test_where_of_a_row_and_of_a_figure_with_a_column(ask: Any) -> None:
    out = ask('sweep "conv2d 8 k=1/3/5 | x: maxpool2d 2" --where shape@x=_,_,7,7 --where "memory<=1M"').out
    assert table(out, "k") == [
        ["k", "output", "params", "MACs", "rf", "memory"],
        ["3", "1,8,7,7", "224", "42,336", "4x4", "15.7 KiB"],
    ]


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ("macs", ["8", "1", "2"]),
        ("macs:max", ["16", "5", "1"]),
        ("k:max,params", ["8", "5", "1"]),
        ("rf:max,out:max,s:max", ["16", "5", "2"]),
        ("out", ["8", "1", "1"]),
    ],
)
def test_sort(ask: Any, names: str, first: list[str]) -> None:
    assert table(ask(f"{KERNELS} --sort {names}").out, "out")[1][:3] == first


def test_how_many_rows_are_shown(ask: Any) -> None:
    two = ask(f"{KERNELS} --top 2").out
    assert len(table(two, "out")) == 1 + 2
    assert "2 of 12 rows are shown: --all shows all, --top N the first N" in two
    many = 'sweep "conv2d 1..300 1" -i 1,3,8,8'
    usual, every = ask(many).out, ask(f"{many} --all").out
    assert len(table(usual, "out")) == 1 + 200
    assert "200 of 300 rows are shown" in usual
    assert len(table(every, "out")) == 1 + 300
    assert "are shown" not in every
    assert "are shown" not in ask(f"{KERNELS} --top 12").out


def test_designs_that_torch_would_refuse_are_counted_with_the_reason(ask: Any) -> None:
    code, out, err = ask(NORMS)
    assert (code, err) == (0, "")
    assert [row[:2] for row in table(out, "k")[1:]] == [["3", "8"], ["5", "8"]]
    assert out.splitlines()[-2:] == [
        "4 designs; 2 would be refused by torch",
        "refused 2 x shape.mismatch: conv2d 8 3 | batchnorm2d 16: num_features is 16, but the input has 8 channels "
        "(conv2d gives 1,8,30,30)",
    ]


def test_many_reasons_are_cut_short(ask: Any, judged: Any) -> None:
    large = " / ".join("relu | " * before + "conv2d 8 99" for before in range(12))
    words = ["sweep", f"{{{large}}}", "-i", "1,3,8,8"]
    out = ask(words).out
    assert sum(line.startswith("refused ") for line in out.splitlines()) == 10
    assert out.splitlines()[-1] == "and 2 further reasons: --json has them all"
    assert [item["path"] for item in judged(words, code=1)["refused"]] == [str(step) for step in range(12)]


def test_markdown(ask: Any) -> None:
    out = ask(f"{KERNELS} --format markdown --top 1").out
    assert out.splitlines()[:3] == [
        "| out | k | s | output | params | MACs | rf |",
        "|---:|---:|---:|---|---:|---:|---|",
        "| 8 | 1 | 1 | 1,8,32,32 | 32 | 24,576 | 1x1 |",
    ]


def test_options_hold_for_all_designs(judged: Any) -> None:
    line = 'sweep "conv2d 8 1/3 | batchnorm2d" -i 4,3,8,8 --sort memory'
    adam, plain, half = (
        {row["spec"]: row["figures"]["memory"] for row in judged(f"{line} {more}")["rows"]}
        for more in ("", "--optimizer sgd", "--dtype float16")
    )
    assert all(plain[spec] < adam[spec] and half[spec] < adam[spec] for spec in adam)


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_file_and_standard_input_are_the_same_question(ask: Any, write: Any) -> None:
    text = "conv2d 8 k=3/5  # first\nrelu\n"
    file = write("net.layers", text)
    named = ask(f"sweep -f {file} -i 1,3,8,8")
    assert [row[:2] for row in table(named.out, "k")[1:]] == [["3", "1,8,6,6"], ["5", "1,8,4,4"]]
    assert ask("sweep - -i 1,3,8,8", stdin=text.encode()).out == named.out
    assert ask('sweep "conv2d 8 k=3/5 | relu" -i 1,3,8,8').out == named.out


def test_a_caret_in_a_file(cli: Any, write: Any) -> None:
    said = cli.told(f"sweep -f {write('net.layers', 'conv2d 8 k=3/5' + chr(10) + 'rlu')} -i 1,3,8,8")
    assert (said.line, said.under) == ("line 2: rlu", "rlu")


# --- the best of them ------------------------------------------------------------------------------------------------


def test_the_front(ask: Any, judged: Any) -> None:
    out = ask(DILATED).out
    marked = [row for row in table(out, "k")[1:] if row[-1] == "*"]
    assert [row[:2] for row in marked] == [["3", "4"], ["5", "4"], ["7", "4"]]
    assert "* no other design is as good in all and better in one: 3 designs" in out
    rows = judged(DILATED)["rows"]
    assert {(row["settings"]["k"], row["settings"]["d"]) for row in rows if row["front"]} == {(3, 4), (5, 4), (7, 4)}
    points = [(row["params"], -row["receptive_field"]["size"][0], row["front"]) for row in rows]
    for params, field, front in points:
        beaten = any((p, f) != (params, field) and p <= params and f <= field for p, f, _ in points)
        assert front != beaten


def test_a_plot(ask: Any) -> None:
    out = ask(f"{DILATED} --plot params:rf").out
    drawn = out[out.index("rf over params\n") : out.index("12 designs")]
    assert re.search(r"^25 │ .*◆$", drawn, re.M), "the largest field, which is on the front"
    assert re.search(r"^ 3 │•", drawn, re.M)
    assert "3.69e+04" in drawn
    assert "2.01e+05" in drawn
    assert drawn.splitlines()[-1] == "• designs   ◆ front"


def test_a_plot_in_ascii(cli: Any) -> None:
    done = cli.process(shlex.split(f"{DILATED} --plot params:rf"), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    drawn = done.stdout.decode("ascii")
    assert re.search(r"^25 \| .*o$", drawn, re.M)
    assert re.search(r"^ 3 \|\*", drawn, re.M)
    assert "* designs   o front" in drawn


def test_save(ask: Any, tmp_path: Path) -> None:
    file = tmp_path / "plot.svg"
    code, out, err = ask(f"{DILATED} --plot params:rf --save {file}")
    assert (code, err) == (0, "")
    assert "rf over params" in out
    text = file.read_text("utf-8")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    for words in ("rf over params", "designs", "front"):
        assert words in text


@pytest.mark.parametrize("form", ["table", "json"])
def test_only_svg_is_saved(ask: Any, judged: Any, tmp_path: Path, form: str) -> None:
    line = f"{DILATED} --plot params:rf --save {tmp_path / 'plot.png'}"
    answer = ask(f"{line} --format {form}")
    assert answer.code == ExitCode.USAGE
    assert "does not end in .svg" in answer.err
    assert not [*tmp_path.iterdir()]
    assert judged(line, code=2)["errors"][0]["code"] == "io.format"


def test_a_place_that_cannot_be_written(cli: Any, tmp_path: Path) -> None:
    said = cli.told(f"{DILATED} --plot params:rf --save {tmp_path / 'none' / 'plot.svg'}")
    assert "cannot write" in said.message


# --- for programs ----------------------------------------------------------------------------------------------------


def test_json(judged: Any) -> None:
    document = judged(f"{NORMS} --top 1 --where 'params<=1M'")
    assert document["spec"] == "conv2d 8 3/5 | batchnorm2d 8/16"
    assert document["columns"] == ["k", "in"]
    counts = ("designs", "accepted", "left_out", "complete", "ok")
    assert [document[name] for name in counts] == [4, 2, 0, True, True]
    assert document["refused"] == [
        {
            "count": 2,
            "code": "shape.mismatch",
            "path": "1",
            "message": "num_features is 16, but the input has 8 channels (conv2d gives 1,8,30,30)",
            "example": {"spec": "conv2d 8 3 | batchnorm2d 16", "inputs": ["1,3,32,32"]},
        }
    ]
    (row,) = document["rows"]
    assert row["settings"] == {"k": 3, "in": 8}
    assert (row["output"], row["params"], row["front"], row["error"]) == ([1, 8, 30, 30], 240, None, None)


def test_lines_have_what_is_refused(ask: Any) -> None:
    code, out, err = ask(f"{NORMS} --format jsonl")
    assert (code, err) == (0, "")
    rows = lines(out)
    assert [row["ok"] for row in rows] == [True, False, True, False]
    assert rows[3]["error"] == {
        "code": "shape.mismatch",
        "message": "num_features is 16, but the input has 8 channels (conv2d gives 1,8,28,28)",
        "path": "1",
        "fix": "use features=8, or leave num_features out",
    }


def test_lines_are_the_rows_of_the_document(ask: Any, judged: Any) -> None:
    assert lines(ask(f"{KERNELS} --format jsonl").out) == judged(KERNELS)["rows"]
    ordered = f"{KERNELS} --sort memory:max --pareto macs,rf --top 5"
    rows = lines(ask(f"{ordered} --format jsonl").out)
    assert rows == judged(ordered)["rows"]
    assert len(rows) == 5
    assert [row["figures"]["memory"] for row in rows] == sorted(
        (row["figures"]["memory"] for row in rows), reverse=True
    )


def test_csv(ask: Any) -> None:
    rows = [*csv.DictReader(ask(f"{NORMS} --format csv").out.splitlines())]
    assert [*rows[0]] == ["k", "in", "ok", "output", "params", "macs", "receptive_field", "error"]
    assert [row["ok"] for row in rows] == ["true", "false", "true", "false"]
    assert (rows[0]["output"], rows[0]["params"], rows[0]["receptive_field"]) == ("1,8,30,30", "240", "3x3")
    assert (rows[1]["output"], rows[1]["params"]) == ("", "")
    assert rows[1]["error"].startswith("num_features is 16")
    best = [*csv.DictReader(ask(f"{DILATED} --sort params:max,rf:max,memory --top 2 --format csv").out.splitlines())]
    assert [row["front"] for row in best] == ["*", ""]
    assert all(int(row["memory"]) for row in best)


def test_lines_come_one_by_one(cli: Any) -> None:
    """A reader that takes one line and leaves ends a sweep of a million designs."""
    process = cli.popen(
        ["sweep", "conv2d 1..1000 k=1..16 s=1..8 p=0..8", "-i", "1,3,224,224", "--format", "jsonl"],
        stdout=-1,
        stderr=-1,
    )
    assert lines(process.stdout.readline().decode())[0]["spec"] == "conv2d 1 k=1 s=1 p=0"
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


# --- how it ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sweep conv2d 8 k=40/50 -i 1,3,16,16", "torch would refuse every design: 2 were tried"),
        ("sweep conv2d 8 k=3/5 -i 1,3,16,16 --where params<=1", "no design is what was asked for: 2 were tried"),
        ("sweep conv2d 8 k=3/50 -i 1,3,16,16 --where params<=1", "no design is what was asked for: 2 were tried"),
    ],
)
def test_none(ask: Any, judged: Any, line: str, said: str) -> None:
    code, out, err = ask(line)
    assert (code, err) == (ExitCode.NEGATIVE, f"{said}\n")
    assert out.startswith("2 designs; ")
    document = judged(line, code=1)
    assert (document["ok"], document["complete"], document["designs"], document["rows"]) == (False, True, 2, [])
    rows = ask(f"{line} --format jsonl")
    assert (rows.code, rows.err) == (ExitCode.NEGATIVE, f"{said}\n")
    assert not any(row["ok"] for row in lines(rows.out))


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after three designs."""
    real = Sweep.rows

    def rows(self: Sweep, refused: bool = False) -> Iterator[Any]:
        going = real(self, refused)
        for _ in range(3):
            yield next(going)
        raise KeyboardInterrupt

    monkeypatch.setattr(Sweep, "rows", rows)


@pytest.mark.usefixtures("interrupted")
def test_ctrl_c_keeps_what_is_done(ask: Any, judged: Any) -> None:
    code, out, err = ask(KERNELS)
    assert (code, err) == (ExitCode.INTERRUPTED, "")
    assert len(table(out, "out")) == 1 + 3
    assert "stopped after 3 of 12 designs" in out
    document = judged(KERNELS, code=130)
    assert (document["complete"], document["designs"], document["accepted"], document["ok"]) == (False, 3, 3, True)
    for form in ("jsonl", "csv"):
        answer = ask(f"{KERNELS} --format {form}")
        assert (answer.code, answer.err) == (ExitCode.INTERRUPTED, "stopped after 3 of 12 designs\n")
        assert len(answer.out.splitlines()) == 3 + (form == "csv")


@pytest.mark.parametrize(
    ("line", "message", "under", "fix"),
    [
        ("sweep", "sweep needs a chain", "", "layercli sweep"),
        ("sweep conv2d 8 3", "nothing varies in these designs", "", "k=1/3/5"),
        ('sweep "nn.Conv2d(3, 8, 3)"', "nothing varies", "", "list values"),
        ("sweep conv2d 8 k=3/", 'no value stands after this "/"', "/", "k=3/5/7"),
        ("sweep conv2d 8 k=5..3", "it ends before it begins", "5..3", "write 3..5"),
        ("sweep conv2d 8 k=1..9..0", "0 apart", "1..9..0", "distance"),
        ("sweep conv2d 8 k=1..x", "is no range", "1..x", "1..9"),
        ("sweep conv2d 8 k=1..9999999999", "1,000,000 is the most", "1..9999999999", "shorter"),
        ("sweep conv2d 8 k=_", "a value to solve for", "_", "such as 1..9"),
        ("sweep conv2d 8 k=3/5 -i 1,3,_,8", "a value to solve for", "_", "such as 1..9"),
        ("sweep conv2d 8 k=3/5 -i 1,3,64/x,8", "'x' is no size", "x", "32/64/128"),
        ("sweep conv2d 8 k=3/5 -i 1,3,-1/3,8", "a size is not negative", "-1", "32/64/128"),
        ("sweep conv2d 8 k=3/5 -i 1,3,9..3,8", "it ends before it begins", "9..3", "write 3..9"),
        ("sweep conv2d 8 k=3/5 -i 1,3,8..x,8", "is no range", "8..x", "64..256..64"),
        ("sweep conv2d 8 foo=3/5", "no key 'foo'", "foo", "kernel_size"),
        ("sweep conv2dd 8 k=3/5", "no layer 'conv2dd'", "conv2dd", "did you mean conv2d?"),
        ('sweep "conv2d 8 k=3/5 | rlu"', "no layer 'rlu'", "rlu", "did you mean relu?"),
        ('sweep "conv2d 8 3 | {relu / rlu}"', "no layer 'rlu'", "rlu", "did you mean relu?"),
        ('sweep "conv2d 8 3 | {relu / gelu"', "this brace is not closed", "{", "}"),
        ("sweep conv2d 8 k=3/5 --where params", "nothing to compare with", "", "params="),
        ("sweep conv2d 8 k=3/5 --where 'params<=x'", "'x' is no number", "x", "digits"),
        ("sweep conv2d 8 k=3/5 --where 'parms<=1'", "no figure 'parms'", "parms", "did you mean params?"),
        ("sweep conv2d 8 k=3/5 --where 'params@x<=1'", "the design has no row 'x'", "x", "row's number"),
        ("sweep conv2d 8 k=3/5 --sort parms", "no number 'parms'", "parms", "did you mean params?"),
        ("sweep conv2d 8 k=3/5 --sort params,,k", "a name is missing", ",", "use one of k"),
        ("sweep conv2d 8 k=3/5 --sort params:up", "neither min nor max", "params:up", "params:max"),
        ("sweep conv2d 8 k=3/5 --pareto params,foo", "no number 'foo'", "foo", "use one of k"),
        ("sweep conv2d 8 k=3/5 --plot params", "does not name two figures", "", "--plot params:macs"),
        ("sweep conv2d 8 k=3/5 --plot params:macs:rf", "does not name two figures", "", "--plot params:macs"),
        ("sweep conv2d 8 k=3/5 --plot params:zz", "no number 'zz'", "zz", "use one of k"),
        ("sweep conv2d 8 k=3/5 --plot zz:params", "no number 'zz'", "zz", "use one of k"),
        ("sweep conv2d 8 k=3/5 --save x.svg", "none is asked for", "", "--plot"),
        ("sweep -f no-such-file", "cannot read no-such-file", "", "file"),
        ('sweep "adaptivelogsoftmaxwithloss 100 cutoffs=10/20"', "cutoffs is a tuple", "10", "tuple"),
    ],
)
def test_what_is_not_understood(
    cli: Any, judged: Any, no_torch: Any, line: str, message: str, under: str, fix: str
) -> None:
    said = cli.told(line, child=no_torch)
    assert message in said.message
    assert said.under.strip() == under
    assert fix in said.fix
    assert said.fix
    (error,) = judged(line, code=2)["errors"]
    assert error["message"] == said.message


def test_a_file_without_its_option(cli: Any, write: Any) -> None:
    file = write("net.layers", "conv2d 8 3/5")
    assert cli.told(f"sweep {file}").fix == f"write layercli sweep -f {file}"


def test_lines_of_what_is_not_understood(ask: Any) -> None:
    answer = ask("sweep conv2d 8 k=3/5 --where parms<=1 --format jsonl")
    assert answer.code == ExitCode.USAGE
    (line,) = answer.out.splitlines()
    assert not [*Draft202012Validator(SCHEMA).iter_errors(strict_json(line))]


# --- open sizes, what is drawn, what is suggested ---------------------------------------------------------------------


def test_open_sizes_are_closed_forms_in_json_too(ask: Any, judged: Any) -> None:
    line = 'sweep "conv2d 8 k=1/3" -i 1,3,N,N'
    assert table(ask(line).out, "k")[2] == ["3", "1,8,N - 2,N - 2", "224", "216*(N - 2)**2", "3x3"]
    row = judged(line)["rows"][1]
    assert (row["output"], row["macs"]) == ([1, 8, "N - 2", "N - 2"], "216*(N - 2)**2")


def test_what_is_no_number_is_not_plotted(ask: Any) -> None:
    assert ask('sweep "conv2d 8 k=1/3" -i 1,3,N,N --plot params:macs').code == 0


def test_a_plot_has_all_designs(ask: Any) -> None:
    out = ask('sweep "conv2d 1..300 1" -i 1,3,8,8 --plot params:macs').out
    assert re.search(r"^ +4 +params +1\.2e\+03$", out, re.M), "300 channels have 1,200 parameters"


def test_a_key_is_plotted_by_its_numbers(ask: Any) -> None:
    out = ask('sweep "conv2d 8 k=3/9/5" -i 1,3,32,32 --plot k:macs').out
    assert re.search(r"^ +3 +k +9$", out, re.M)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_plot_is_saved_beside_lines(ask: Any, tmp_path: Path, form: str) -> None:
    assert (
        ask(f"{DILATED[: DILATED.index(' --')]} --plot params:rf --save {tmp_path / 'x.svg'} --format {form}").code == 0
    )
    assert (tmp_path / "x.svg").exists()


def test_what_is_suggested_is_taken(cli: Any) -> None:
    assert "shape" not in cli.told("sweep conv2d 8 k=3/5 --sort shape").fix


def test_a_flag_in_json(judged: Any) -> None:
    line = 'sweep "conv2d 8 3 bias=true/false" -i 1,3,8,8'
    assert [row["settings"]["bias"] for row in judged(line)["rows"]] == [True, False]


# --- streams ---------------------------------------------------------------------------------------------------------


def test_a_pipe_gets_plain_text_never_cut(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"{DILATED} --plot params:rf"
    free = ask(line).out
    assert "\x1b" not in free
    for name, value in (("COLUMNS", "20"), ("NO_COLOR", "1"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
        assert ask(line).out == free
        assert ask(f"{line} --format plain").out == free


def test_drawn_where_it_is_asked_for(ask: Any) -> None:
    coloured = ask(f"{DILATED} --plot params:rf --color always --width 100").out
    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert "────" in bare
    assert max(map(len, bare.splitlines())) <= 100
    for word in ("501,760,000", "25x25", "◆", "• designs"):
        assert word in bare
    assert ask(f"{DILATED} --color never").out == ask(DILATED).out


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_terminal_keeps_the_numbers(ask: Any, columns: int) -> None:
    bare = re.sub(r"\x1b\[[0-9;]*m", "", ask(f"{DILATED} --color always --width {columns}").out)
    for word in ("107,495,424", "200,768", "1,64,54,54"):
        assert word in bare
    if columns >= 60:
        assert max(map(len, bare.splitlines())) <= columns


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colours(ask: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(variable, value)
    out = ask(DILATED).out
    assert not re.search(r"\x1b\[(?:\d+;)*[349][0-7](?:;\d+)*m", out)
    assert ("─" in out) == (variable == "NO_COLOR"), "a dumb terminal gets lines"


# --- the schema ------------------------------------------------------------------------------------------------------


def test_schema_of_sweeps(ask: Any) -> None:
    assert json.loads(ask("schema sweep").out) == SCHEMA
    assert "sweep" in ask("schema -h").out
    Draft202012Validator.check_schema(SCHEMA)


def test_what_both_schemas_define_is_one(schema: dict[str, Any]) -> None:
    """But for the families of codes: a sweep has one of its own."""
    check_shared(SCHEMA, schema, "sweep", least=5)


def test_the_schema_is_strict_and_documented(judged: Any) -> None:
    good = judged(f"{NORMS} --sort memory --pareto params")
    spoils = (
        lambda d: d.pop("refused"),
        lambda d: d.update(more=1),
        lambda d: d.update(ok=False),
        lambda d: d.update(rows=[]),
        lambda d: d.update(columns=[]),
        lambda d: d.update(spec=None),
        lambda d: d["rows"][0].pop("figures"),
        lambda d: d["rows"][0].update(more=1),
        lambda d: d["rows"][0].update(ok=False),
        lambda d: d["rows"][0].update(params=1.5),
        lambda d: d["rows"][0].update(macs=-1),
        lambda d: d["rows"][0].update(error={"code": "shape.x", "message": "x", "path": "", "fix": None}),
        lambda d: d["rows"][0]["settings"].update(k=None),
        lambda d: d["rows"][0]["output"].append(-1),
        lambda d: d["refused"][0].update(count=0),
        lambda d: d["refused"][0].update(code="spec.x"),
        lambda d: d["refused"][0]["example"].pop("inputs"),
        lambda d: d.update(errors=[{"code": "spec.x"}]),
        lambda d: d.update(schema_version=2),
    )
    check_strict(SCHEMA, [(good, spoil) for spoil in spoils])
    check_documented(SCHEMA)


def test_examples_of_the_help(ask: Any) -> None:
    help_ = ask("sweep --help").out
    examples = [line.strip() for line in help_.splitlines() if line.startswith("    layercli sweep ")]
    assert len(examples) == 4
    for example in examples[:3]:
        answer = ask(example.removeprefix("layercli "))
        assert (answer.code, answer.err) == (0, "")
        assert "designs; " in answer.out
