"""Options for whole designs: what is drawn, whose memory is counted, open sizes, the design written anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from layercli.analysis.memory import OPTIMIZERS
from layercli.render.design import COLUMNS

DESIGNS = sorted((Path(__file__).resolve().parents[2] / "docs" / "designs").glob("*.layers"))
BLOCKS = "run 'stem: conv2d 4 3 p=1 | 3*(add(conv2d 4 3 p=1 | tanh ; )) | flatten | linear 4' -i 1,3,8,8 --no-run"


def layers(out: str) -> list[str]:
    """The lines of the table of a design, from its number on, without what is beside the layer."""
    lines = out.splitlines()
    start = next(index for index, line in enumerate(lines) if re.match(r" *#", line))
    at, end = lines[start].index("layer"), lines[start].index("output")
    return [
        line[at:end].rstrip() for line in lines[start + 1 :] if line[:at].strip().isdigit() or not line[:at].strip()
    ]


# --- what is drawn --------------------------------------------------------------------------------------------------


def test_expand(cli: Any) -> None:
    block = ["  ┌ conv2d 4 3 p=1", "  │ tanh", "  ├ as it is", "  └ add"]
    begin, end = ["stem: conv2d 4 3 p=1"], ["flatten", "linear 4", "total"]
    assert layers(cli(BLOCKS).out) == [*begin, "3 x", *block, *end]
    times = [line for time in (1, 2, 3) for line in (f"{time} of 3", *block)]
    assert layers(cli(f"{BLOCKS} --expand").out) == [*begin, *times, *end]


def test_depth(cli: Any) -> None:
    begin, end = ["stem: conv2d 4 3 p=1"], ["flatten", "linear 4", "total"]
    assert layers(cli(f"{BLOCKS} --depth 0").out) == [*begin, "3 x", *end]
    assert layers(cli(f"{BLOCKS} --depth 1").out) == [*begin, "3 x", "  add  (and 2 before it)", *end]
    assert cli(f"{BLOCKS} --depth 2").out == cli(f"{BLOCKS} --depth 9").out == cli(BLOCKS).out
    assert layers(cli(f"{BLOCKS} --depth 1 --expand").out)[1:3] == ["1 of 3", "  add  (and 2 before it)"]


@pytest.mark.parametrize("value", ["-1", "x", "1.5"])
def test_a_depth_that_is_none(cli: Any, value: str) -> None:
    assert "--depth" in cli.told(f"run relu --depth {value} --no-run").message


def test_columns(cli: Any) -> None:
    out = cli(f"{BLOCKS} --columns output,rf,saved").out
    heading = next(line for line in out.splitlines() if "layer" in line)
    assert re.split(r"  +", heading.strip()) == ["#", "layer", "output", "receptive field", "kept bytes"]
    everything = cli(f"{BLOCKS} --columns {','.join(COLUMNS)}")
    assert everything.code == 0
    assert len(re.split(r"  +", everything.out.splitlines()[1].strip())) == 2 + len(COLUMNS) + 1


@pytest.mark.parametrize(
    ("names", "fix"),
    [("parms", "did you mean params?"), ("output,mac", "did you mean macs?"), ("qqq", "the columns are output")],
)
def test_a_column_that_there_is_not(cli: Any, no_torch: Any, names: str, fix: str) -> None:
    said = cli.told(["run", "relu", "--columns", names], child=no_torch)
    assert fix in said.fix
    assert cli.json(["run", "relu", "--columns", names], code=2, child=no_torch)["errors"][0]["code"] == "spec.usage"


@pytest.mark.parametrize("option", ["--expand", "--depth 1", "--columns rf"])
def test_a_single_layer_has_no_rows_to_choose_from(cli: Any, option: str) -> None:
    said = cli.told(f"relu {option} --no-run")
    assert said.under.strip() == option.split()[0]
    assert "layercli run" in said.fix


@pytest.mark.parametrize("form", ["table", "plain", "markdown", "svg"])
def test_every_drawing_heeds_them(cli: Any, form: str) -> None:
    out = cli(f"{BLOCKS} --format {form} --columns output,saved --depth 0").out.replace("&#160;", " ")
    assert "kept bytes" in out
    assert "parameters" not in out.partition("inference")[0]
    assert out.count("tanh") == (form == "svg"), "only the title, which is the command line, speaks of what is folded"


def test_what_is_drawn_is_no_part_of_the_document(cli: Any) -> None:
    plain = cli.json(BLOCKS)
    assert plain == cli.json(f"{BLOCKS} --expand --depth 0 --columns rf")
    assert [layer["path"] for layer in plain["layers"]][:4] == ["stem", "1.0.0.0.0", "1.0.0.0.1", "1.0.0"]


# --- whose memory ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(cli: Any, name: str) -> None:
    line = "run 'conv2d 8 3 | batchnorm2d | relu | flatten | linear 4' -i 2,3,8,8 --no-run"
    memory = cli.json(f"{line} --optimizer {name}")["memory"]
    states, counted = {
        "sgd": (0, 0), "momentum": (1, 0), "adam": (2, 1), "adamw": (2, 1), "adagrad": (1, 1), "rmsprop": (1, 1),
    }[name]  # fmt: skip
    trained = 4 * (8 * 3 * 9 + 8 + 16 + 8 * 36 * 4 + 4)
    assert memory["optimizer"] == name
    assert memory["gradients"] == memory["parameters"] == trained
    assert memory["optimizer_state"] == states * trained + counted * 4 * 6, "six tensors have a count of steps"
    assert f"{name} " in cli(f"{line} --optimizer {name}").out


def test_adam_is_the_usual_one(cli: Any) -> None:
    assert cli.json("linear 4 --no-run") == cli.json("linear 4 --no-run --optimizer adam")
    assert "did you mean adam?" in cli.told("linear 4 --optimizer adan").fix


# --- notes that are left out ----------------------------------------------------------------------------------------


def test_ignore(cli: Any) -> None:
    line = "run 'lstm 4 dropout=0.5 | relu | relu' -i 3,5,16 --no-run"
    codes = [note["code"] for note in cli.json(line)["notes"]]
    assert len(set(codes)) > 2
    for code in codes:
        document = cli.json(f"{line} --ignore {code}")
        assert [note["code"] for note in document["notes"]] == [other for other in codes if other != code]
        assert all(note["code"] != code for layer in document["layers"] for note in layer["notes"])
        assert f"note {code}" in cli(line).out
        assert f"note {code}" not in cli(f"{line} --ignore {code}").out
    every = " ".join(f"--ignore {code}" for code in codes)
    assert cli.json(f"{line} {every}")["notes"] == []
    assert cli(f"{line} --strict").code == 1
    assert cli(f"{line} --strict {every}").code == 0


def test_a_note_that_there_is_not(cli: Any, no_torch: Any) -> None:
    assert "did you mean recurrent.dropout" in cli.told("relu --ignore recurrent.dropot", child=no_torch).fix


# --- sizes left open ------------------------------------------------------------------------------------------------


def test_sizes_left_open(cli: Any) -> None:
    document = cli.json("run 'conv2d 8 3 | relu | maxpool2d 2' -i N,3,H,W")
    assert document["output"]["shape"] == ["N", 8, "(H - 2)//2", "(W - 2)//2"]
    assert document["symbols"]["names"] == ["N", "H", "W"]
    assert document["symbols"]["smallest"] == {"N": 1, "H": 4, "W": 4}
    assert {demand["text"] for demand in document["symbols"]["demands"]} == {"H >= 4", "W >= 4"}
    assert document["measured"]["status"] == "agrees"
    at = {check["at"] for check in document["measured"]["checks"]}
    assert len(at) == len(document["symbols"]["samples"]) >= 2
    assert "N=1, H=4, W=4" in at


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("conv2d 8 3 s=2 p=1 -i N,3,64,64", ["N", 8, 32, 32]),
        ("linear 10 -i B,T,16", ["B", "T", 10]),
        ("lstm 8 -i T,N,16", ["T", "N", 8]),
        ("flatten -i N,4,H,H", ["N", "4*H**2"]),
        ("conv2d 8 3 --input N,3,S,S", ["N", 8, "S - 2", "S - 2"]),
        ("run 'add(conv2d 3 3 p=1 | relu ; )' -i N,3,H,W", ["N", 3, "H", "W"]),
        ("run 'input N,3,H,W | conv2d 8 1'", ["N", 8, "H", "W"]),
        ("run 'adaptiveavgpool2d 1 | flatten | linear 10' -i N,3,H,W", ["N", 10]),
        ("mha 2 -i L,N,16", ["L", "N", 16]),
        ("relu -i N,3,H,W:float64", ["N", 3, "H", "W"]),
    ],
)
def test_closed_forms(cli: Any, line: str, output: list[Any]) -> None:
    document = cli.json(line)
    assert document["output"]["shape"] == output
    assert document["measured"]["status"] == "agrees"


def test_what_no_size_will_do(cli: Any) -> None:
    for line in ("conv2d 8 3 in=4 -i N,3,H,W", "run 'conv2d 8 3 | conv2d 8 3 in=3' -i N,3,H,W", "conv2d 8 3 -i N,H"):
        document = cli.json(line, code=1)
        assert document["errors"][0]["code"].startswith(("shape.", "torch."))


def test_a_layer_on_open_sizes_shows_where_torch_was_asked(cli: Any, lying_torch: Any) -> None:
    line = "conv2d 8 3 -i N,3,H,W"
    out = cli(line).out
    (row,) = [re.split(r"  +", row) for row in out.splitlines() if row.startswith("H_out")]
    assert row[-2:] == ["H - 2", "✓"], "no number of a single size beside a closed form"
    assert re.search(r"^demands +H >= 3, W >= 3$", out, re.M)
    assert re.search(r"^smallest input +N=1, H=3, W=3$", out, re.M)
    wrong = cli(line, child=lying_torch)
    assert wrong.code == 3
    (row,) = [row for row in wrong.out.splitlines() if row.endswith("✗")]
    assert re.split(r"  +", row)[-3:] == ["N", "2 at N=1, H=3, W=3", "✗"]


@pytest.mark.parametrize("form", ["csv", "markdown", "svg", "jsonl", "plain", "table"])
def test_every_form_writes_closed_forms(cli: Any, form: str) -> None:
    answer = cli(f"run 'conv2d 8 3 | relu' -i N,3,H,W --no-run --format {form}")
    assert (answer.code, answer.err) == (0, "")
    assert "H - 2" in answer.out.replace("&#160;", " ")


# --- written anew ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("run 'conv2d  8 3|relu'", "conv2d 8 3 | relu"),
        ("run 'add( relu;tanh | (elu) )'", "add(relu ; tanh | (elu))"),
        ("run 'nn.Conv2d(3, 8, 3, padding=1) | nn.ReLU()'", "conv2d 8 3 p=1 in=3 | relu"),
        ("run 'relu' -i 1,3", "input 1,3 | relu"),
        ("run 'relu' -i N,3:float64", "input N,3 dtype=float64 | relu"),
        ("run 'input 2,3 | relu' -i 1,3", "input 2,3 | relu"),
        ("conv2d 8 --kernel 3 --no-bias", "conv2d 8 kernel_size=3 bias=false"),
        ("conv2d 8 3 -i 1,3,16,16", "input 1,3,16,16 | conv2d 8 3"),
    ],
)
def test_format_spec(cli: Any, no_torch: Any, line: str, written: str) -> None:
    assert tuple(cli(f"{line} --format spec", child=no_torch)) == (0, f"{written}\n", "")
    assert cli(["run", written, "--format", "spec"], child=no_torch).out == f"{written}\n", "it is canonical"


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_a_design_written_anew_is_the_same(cli: Any, no_torch: Any, path: Path) -> None:
    written = cli(["run", "-f", str(path), "--format", "spec"], child=no_torch).out.strip()
    assert "\n" not in written
    before, after = (
        cli.json(words, child=no_torch)
        for words in (["run", "-f", str(path), "--no-run"], ["run", written, "--no-run"])
    )
    for document in (before, after):
        document.pop("spec")
        for layer in document["layers"]:
            layer.pop("span")
        for note in (*document["notes"], *(note for layer in document["layers"] for note in layer["notes"])):
            note.pop("span")
    assert before == after


@pytest.mark.parametrize("line", ["run 'conv2d 8 |'", "conv2d 8 x=", "run 'add(relu'", "relu -i 'N,a!'"])
def test_what_is_not_understood_is_not_written_anew(cli: Any, line: str) -> None:
    assert cli.told(f"{line} --format spec").message


def test_json_comes_first(cli: Any, no_torch: Any) -> None:
    assert cli.json("conv2d 8 3 --format spec --no-run", child=no_torch)["ok"]
