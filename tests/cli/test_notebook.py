"""The notebook's cells, each through the command line: table and JSON, every spelling, measured and agreeing."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest


class Cell(NamedTuple):
    name: str
    spellings: tuple[str, ...]
    """The same question as options, as words and as a quoted spec."""
    input: str
    shape: list[int]
    params: int
    torch: str


CELLS = [
    Cell(
        "conv",
        ("conv2d --kernel 5", "conv2d k=5", "conv2d kernel_size=5", "'conv2d k=5'", "run 'conv2d k=5'"),
        "1,3,16,16",
        [1, 3, 12, 12],
        228,
        "Conv2d",
    ),
    Cell(
        "conv-padded",
        ("conv2d --kernel 5 --padding 2", "conv2d -k 5 -p 2", "conv2d k=5 p=2", "'conv2d k=5 p=2'"),
        "1,3,16,16",
        [1, 3, 16, 16],
        228,
        "Conv2d",
    ),
    Cell(
        "conv-strided",
        ("conv2d --kernel 5 --padding 2 --stride 2", "conv2d k=5 p=2 s=2", "conv2d 3 5 2 2", "'conv2d k=5 p=2 s=2'"),
        "1,3,16,16",
        [1, 3, 8, 8],
        228,
        "Conv2d",
    ),
    Cell(
        "conv-out",
        ("conv2d --out 5 --kernel 5 --padding 2", "conv2d out=5 k=5 p=2", "conv2d 5 5 p=2", "'conv2d out=5 k=5 p=2'"),
        "1,3,16,16",
        [1, 5, 16, 16],
        380,
        "Conv2d",
    ),
    Cell(
        "conv-dilated",
        ("conv2d --kernel 5 --dilation 2", "conv2d -k5 -d2", "conv2d k=5 d=2", "'conv2d k=5 d=2'"),
        "1,3,16,16",
        [1, 3, 8, 8],
        228,
        "Conv2d",
    ),
    Cell(
        "conv-nine",
        ("conv2d --kernel-size 9 --dilation 1", "conv2d k=9 d=1", "'conv2d k=9 d=1'"),
        "1,3,16,16",
        [1, 3, 8, 8],
        732,
        "Conv2d",
    ),
    Cell(
        "transposed",
        ("convtranspose2d --kernel 5", "convtranspose2d k=5", "'convtranspose2d k=5'"),
        "1,3,16,16",
        [1, 3, 20, 20],
        228,
        "ConvTranspose2d",
    ),
    Cell(
        "maxpool",
        ("maxpool2d --kernel 2 --stride 2", "maxpool2d k=2 s=2", "maxpool2d 2 2", "'maxpool2d k=2 s=2'"),
        "1,3,16,16",
        [1, 3, 8, 8],
        0,
        "MaxPool2d",
    ),
    Cell(
        "avgpool",
        ("avgpool2d --kernel 2 --stride 2", "avgpool2d k=2 s=2", "avgpool2d 2 2", "'avgpool2d k=2 s=2'"),
        "1,3,16,16",
        [1, 3, 8, 8],
        0,
        "AvgPool2d",
    ),
    Cell(
        "batchnorm",
        ("batchnorm2d", "batchnorm2d 3", "batchnorm2d num_features=3", "run batchnorm2d"),
        "1,3,16,16",
        [1, 3, 16, 16],
        6,
        "BatchNorm2d",
    ),
    Cell("instancenorm", ("instancenorm2d", "run instancenorm2d"), "1,3,16,16", [1, 3, 16, 16], 0, "InstanceNorm2d"),
    Cell(
        "layernorm",
        ("layernorm --normalized-shape 3,16,16", "layernorm 3,16,16", "layernorm 3x16x16", "'layernorm 3,16,16'"),
        "1,3,16,16",
        [1, 3, 16, 16],
        1536,
        "LayerNorm",
    ),
    Cell("relu", ("relu", "run relu"), "1,3,16,16", [1, 3, 16, 16], 0, "ReLU"),
    Cell("sigmoid", ("sigmoid", "run sigmoid"), "1,3,16,16", [1, 3, 16, 16], 0, "Sigmoid"),
    Cell("tanh", ("tanh", "run tanh"), "1,3,16,16", [1, 3, 16, 16], 0, "Tanh"),
    Cell("linear", ("linear --out 4", "linear out=4", "linear 4", "'linear out=4'"), "48,16", [48, 4], 68, "Linear"),
    Cell(
        "rnncell",
        ("rnncell --hidden 10", "rnncell hidden=10", "rnncell 10", "'rnncell hidden=10'"),
        "3,16",
        [3, 10],
        280,
        "RNNCell",
    ),
    Cell(
        "lstmcell",
        ("lstmcell --hidden 10", "lstmcell hidden=10", "lstmcell 10", "'lstmcell hidden=10'"),
        "3,16",
        [3, 10],
        1120,
        "LSTMCell",
    ),
    Cell(
        "grucell",
        ("grucell --hidden 10", "grucell hidden=10", "grucell 10", "'grucell hidden=10'"),
        "3,16",
        [3, 10],
        840,
        "GRUCell",
    ),
]

QUESTIONS = [
    pytest.param(cell, f"{spelling} -i {cell.input}", id=f"{cell.name}-{number}")
    for cell in CELLS
    for number, spelling in enumerate(cell.spellings)
]


@pytest.mark.parametrize(("cell", "line"), QUESTIONS)
def test_json(cli: Any, cell: Cell, line: str) -> None:
    document = cli.json(line)
    (layer,) = document["layers"]
    assert document["output"] == {"shape": cell.shape, "dtype": "float32"}
    assert document["inputs"] == [{"name": "input", "shape": [*map(int, cell.input.split(","))], "dtype": "float32"}]
    assert layer["torch"] == cell.torch
    assert document["totals"]["params"] == cell.params
    assert document["measured"]["status"] == "agrees"
    assert document["measured"]["device"] == "cpu"
    compared = {check["of"]: check["torch"] for check in document["measured"]["checks"]}
    assert compared["outputs.0.shape"] == cell.shape
    assert compared["outputs.0.dtype"] == "float32"
    assert compared["trainable_params"] == cell.params


@pytest.mark.parametrize(("cell", "line"), QUESTIONS)
def test_table(cli: Any, cell: Cell, line: str) -> None:
    code, out, err = cli(line)
    assert (code, err) == (0, "")
    assert out.startswith(f"{cell.torch}(")
    facts = [row.split() for row in out.splitlines()]
    shape = ",".join(map(str, cell.shape))
    assert any(row[0] != "input" and row[1:2] == [shape] for row in facts if row), "the output, whatever it is called"
    if cell.params:
        assert [
            row for row in facts if row[:1] == ["params"] and row[-3:] == [f"{cell.params:,}", f"{cell.params:,}", "✓"]
        ]
    assert "✗" not in out
    assert "checks agree" in out


def test_the_dilated_and_the_large_kernel_end_at_one_shape_with_different_counts(cli: Any) -> None:
    dilated, large = cli.json("conv2d k=5 d=2 -i 1,3,16,16"), cli.json("conv2d k=9 d=1 -i 1,3,16,16")
    assert dilated["output"] == large["output"] == {"shape": [1, 3, 8, 8], "dtype": "float32"}
    assert (dilated["totals"]["params"], large["totals"]["params"]) == (228, 732)
    assert dilated["receptive_field"]["size"] == large["receptive_field"]["size"] == [9, 9]


# --- cells, one step and unrolled ----------------------------------------------------------------------------------

STATES = {"rnncell": 1, "lstmcell": 2, "grucell": 1}


@pytest.mark.parametrize("cell", STATES)
@pytest.mark.parametrize("spelling", ["{} hidden=10", "{} 10", "{} --hidden 10", "'{} hidden=10'"])
def test_unrolled_json(cli: Any, cell: str, spelling: str) -> None:
    document = cli.json(f"{spelling.format(cell)} --unroll -i 5,3,16")
    state = {"shape": [3, 10], "dtype": "float32"}
    assert len(document["layers"]) == 5
    assert [layer["outputs"] for layer in document["layers"]] == [[state] * STATES[cell]] * 5
    assert [layer["params"]["shared_with"] for layer in document["layers"]] == [None, 0, 0, 0, 0]
    once = cli.json(f"{cell} 10 -i 3,16 --no-run")
    assert document["totals"]["params"] == once["totals"]["params"]
    assert document["totals"]["macs"] == 5 * once["totals"]["macs"]
    assert document["measured"]["status"] == "agrees"
    judged = {(check["path"], check["of"]) for check in document["measured"]["checks"]}
    assert {(str(step), f"outputs.{index}.shape") for step in range(5) for index in range(STATES[cell])} <= judged


@pytest.mark.parametrize("cell", STATES)
def test_unrolled_table(cli: Any, cell: str) -> None:
    code, out, err = cli(f"{cell} hidden=10 --unroll -i 5,3,16")
    assert (code, err) == (0, "")
    steps = [row for row in out.splitlines() if f"{cell} " in row]
    assert len(steps) == 5
    for row in steps:
        assert row.count("3,10") == STATES[cell]
        assert row.endswith("✓")


@pytest.mark.parametrize(
    ("cell", "state"), [("rnncell", "-i hx=3,10"), ("grucell", "-i 3,10"), ("lstmcell", "-i h_0=3,10 -i c_0=3,10")]
)
def test_unrolled_from_a_given_state(cli: Any, cell: str, state: str) -> None:
    document = cli.json(f"{cell} 10 --unroll -i 5,3,16 {state}")
    assert document["measured"]["status"] == "agrees"
    assert [item["shape"] for item in document["inputs"]] == [[5, 3, 16], *[[3, 10]] * STATES[cell]]
    assert "11" in cli.told(f"{cell} 10 --unroll -i 5,3,16 {state.replace('3,10', '3,11')}", code=1).message


def test_without_unroll_a_cell_takes_one_step_only(cli: Any) -> None:
    assert cli.json("rnncell 10 -i 5,3,16 --no-run", code=1)["errors"][0]["code"] == "shape.rank"


def test_only_cells_unroll(cli: Any) -> None:
    assert cli.json("relu --unroll -i 5,3,16 --no-run", code=2)["errors"][0]["code"].startswith("spec.")
    assert "rnncell" in cli.told("run relu --unroll -i 5,3,16").fix


# --- a chain of them ------------------------------------------------------------------------------------------------


CHAIN = "conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2 | flatten | linear 10"


def test_a_chain(cli: Any) -> None:
    document = cli.json(["run", CHAIN, "-i", "1,3,16,16"])
    assert [layer["outputs"][0]["shape"] for layer in document["layers"]] == [
        [1, 8, 8, 8],
        [1, 8, 8, 8],
        [1, 8, 4, 4],
        [1, 128],
        [1, 10],
    ]
    assert document["totals"]["params"] == 608 + 1290
    assert document["totals"]["macs"] == 8 * 3 * 5 * 5 * 8 * 8 + 1280
    assert document["measured"]["status"] == "agrees"
    code, out, err = cli(["run", CHAIN, "-i", "1,3,16,16"])
    assert (code, err) == (0, "")
    rows = [row.split() for row in out.splitlines()]
    total = next(row for row in rows if row and row[0] == "total")
    assert total[1:] == ["1,10", "1,898", "39,680"]
    assert sum(row[-1:] == ["✓"] for row in rows) == 5


def test_lenet_5(cli: Any) -> None:
    lenet = (
        "conv2d 6 5 | tanh | avgpool2d 2 | conv2d 16 5 | tanh | avgpool2d 2 | conv2d 120 5 | tanh | flatten"
        " | linear 84 | tanh | linear 10"
    )
    document = cli.json([lenet, "-i", "1,1,32,32"])
    assert (document["output"]["shape"], document["totals"]["params"], document["totals"]["macs"]) == (
        [1, 10],
        61706,
        416520,
    )
    assert document["measured"]["status"] == "agrees"
