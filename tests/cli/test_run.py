"""Where a chain comes from, how values are spelled, and what the shared options do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layercli.cli.app import is_spec

CHAIN = "conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2"


# --- where the chain comes from -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "spec"),
    [
        ("conv2d k=5", True),
        ("conv2d|relu", True),
        ("relu|tanh", True),
        ("k=5", True),
        ("2*(relu)", True),
        ("(relu)", True),
        ("relu\ntanh", True),
        ("relu#comment", True),
        ("conv2d", False),
        ("run", False),
        ("-h", False),
        ("--format=json", False),
        ("", False),
    ],
)
def test_what_can_be_no_command_is_a_spec(word: str, spec: bool) -> None:
    assert is_spec(word) == spec


@pytest.mark.parametrize(
    "line",
    [
        f"run '{CHAIN}'",
        f"'{CHAIN}'",
        f"run {CHAIN.replace('|', chr(39) + '|' + chr(39))}",
        "'conv2d 8 k=5 p=2 s=2|relu|maxpool2d 2'",
    ],
)
def test_the_same_chain_in_several_ways(cli: Any, line: str) -> None:
    document = cli.json(f"{line} --no-run -i 1,3,16,16")
    assert [layer["op"] for layer in document["layers"]] == ["conv2d", "relu", "maxpool2d"]
    assert document["output"]["shape"] == [1, 8, 4, 4]


def test_options_stand_before_and_behind(cli: Any) -> None:
    documents = [
        cli.json(line)
        for line in (
            "conv2d --no-run -i 1,3,20,20 8 5",
            "conv2d 8 5 -i 1,3,20,20 --no-run",
            "conv2d 8 --no-run 5 --input=1,3,20,20",
            "conv2d 8 -i1,3,20,20 --kernel 5 --no-run",
        )
    ]
    assert {tuple(document["output"]["shape"]) for document in documents} == {(1, 8, 16, 16)}
    runs = [cli.json(["run", *words]) for words in ((CHAIN, "--no-run"), ("--no-run", CHAIN))]
    assert runs[0] == runs[1]
    assert cli.json("'conv2d k=5' --no-run") == cli.json("run --no-run 'conv2d k=5'")


def test_a_file(cli: Any, write: Any) -> None:
    path = write("net.layers", "# a net\nconv2d 8 k=5 p=2 s=2   # first\n\nrelu\nmaxpool2d 2\n")
    for words in (["run", "-f", str(path)], ["run", "--file", str(path)], ["run", f"--file={path}"]):
        assert cli.json([*words, "--no-run", "-i", "1,3,16,16"])["output"]["shape"] == [1, 8, 4, 4]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("words", [["run", "-"], ["run", "-f", "-"]])
def test_standard_input(cli: Any, words: list[str], newline: str) -> None:
    text = newline.join(("conv2d 8 k=5 p=2 s=2", "relu", "maxpool2d 2", "")).encode()
    document = cli.json([*words, "--no-run", "-i", "1,3,16,16"], stdin=text)
    assert document["output"]["shape"] == [1, 8, 4, 4]
    assert document["spec"] == text.decode()


def test_a_mark_of_byte_order_is_no_character(cli: Any, write: Any) -> None:
    path = write("net.layers", b"\xef\xbb\xbfrelu\n")
    assert cli.json(["run", "-f", str(path), "--no-run"])["layers"][0]["op"] == "relu"


def test_a_file_that_is_missing_or_no_file(cli: Any, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    said = cli.told(["run", "-f", str(missing)])
    assert str(missing) in said.message
    assert "no such file" in said.message
    assert said.fix
    assert "directory" in cli.told(["run", "-f", str(tmp_path)]).message
    assert cli.json(["run", "-f", str(missing)], code=2)["errors"][0]["code"] == "io.file"


def test_a_file_that_is_no_text(cli: Any, write: Any) -> None:
    path = write("net.layers", b"relu\xff\xfe\n")
    assert cli.json(["run", "-f", str(path)], code=2)["errors"][0]["code"] == "io.encoding"
    assert "standard input" in cli.told("run -", stdin=b"relu\xff").message


@pytest.mark.parametrize(
    ("words", "stdin"),
    [(["run", "-"], b""), (["run", "-"], b"# nothing\n"), (["run", ""], None), (["run", " "], None), (["run"], None)],
)
def test_a_chain_of_nothing(cli: Any, words: list[str], stdin: bytes | None) -> None:
    said = cli.told(words, stdin=stdin)
    assert said.fix


def test_a_file_and_a_chain(cli: Any, write: Any) -> None:
    path = write("net.layers", "relu\n")
    assert cli.told(["run", "relu", "-f", str(path)]).message


def test_repeats_and_labels_are_paths(cli: Any) -> None:
    document = cli.json("run 'stem: conv2d 8 3 p=1 | 2*(conv2d 8 3 p=1 | relu) | head: flatten' --no-run")
    assert [layer["path"] for layer in document["layers"]] == ["stem", "1.0.0", "1.0.1", "1.1.0", "1.1.1", "head"]
    assert [layer["name"] for layer in document["layers"]] == ["stem", None, None, None, None, "head"]


def test_ten_thousand_layers(cli: Any) -> None:
    code, out, err = cli("run '5000*(conv2d 3 3 p=1 | relu)' --no-run --format csv")
    assert (code, err) == (0, "")
    rows = [row.split(",") for row in out.splitlines()]
    assert len(rows) == 1 + 10_000
    assert rows[-1][1] == "0.4999.1"
    code, out, err = cli("run '5000*(conv2d 3 3 p=1 | relu)' --no-run")
    assert (code, err) == (0, "")
    assert f"{5000 * 84:,}" in out


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("flatten 0 -1", {"start_dim": 0, "end_dim": -1}),
        ("flatten --start-dim 0 --end-dim -1", {"start_dim": 0, "end_dim": -1}),
        ("flatten --end-dim=-1", {"start_dim": 1, "end_dim": -1}),
        ("flatten start_dim=-3 end_dim=-2", {"start_dim": -3, "end_dim": -2}),
        ("flatten -3 -2", {"start_dim": -3, "end_dim": -2}),
        ("run 'flatten 0 -1'", {"start_dim": 0, "end_dim": -1}),
        ("conv2d 8 3x5", {"out_channels": 8, "kernel_size": [3, 5]}),
        ("conv2d 8 3,5 s=2,1", {"kernel_size": [3, 5], "stride": [2, 1]}),
        ("conv2d 8 --kernel 3,5", {"kernel_size": [3, 5]}),
        ("conv2d 8 --kernel '(3, 5)'", {"kernel_size": [3, 5]}),
        ("conv2d 8 3 p=same", {"padding": "same"}),
        ("conv2d 8 3 --padding same", {"padding": "same"}),
        ("conv2d 8 3 bias=false", {"bias": False}),
        ("conv2d 8 3 --no-bias", {"bias": False}),
        ("conv2d 8 3 --bias", {"bias": True}),
        ("batchnorm2d --momentum none", {"momentum": None}),
        ("batchnorm2d momentum=none eps=1e-3", {"momentum": None, "eps": 1e-3}),
        ("maxpool2d 2 --ceil-mode", {"ceil_mode": True}),
        ("lstm --hidden 4 --layers 2 --bidirectional", {"hidden_size": 4, "num_layers": 2, "bidirectional": True}),
        ("conv2d k=5 d=2", {"kernel_size": [5, 5], "dilation": [2, 2], "in_channels": 3, "out_channels": 3}),
    ],
)
def test_values(cli: Any, line: str, args: dict[str, Any]) -> None:
    document = cli.json(line)
    found = document["layers"][0]["args"]
    assert {name: found[name] for name in args} == args
    assert document["measured"]["status"] == "agrees"


def test_what_was_given_is_said(cli: Any) -> None:
    assert set(cli.json("conv2d 8 --kernel 3 p=1 --no-run")["layers"][0]["given"]) == {
        "out_channels",
        "kernel_size",
        "padding",
    }


def test_spans_count_in_the_spec(cli: Any) -> None:
    document = cli.json("run 'conv2d 8 3 | relu' --no-run")
    assert [document["spec"][slice(*layer["span"])] for layer in document["layers"]] == ["conv2d 8 3", "relu"]


# --- inputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "inputs", "outputs"),
    [
        ("rnn 4 -i 5,3,16 -i hx=1,3,4", [("input", [5, 3, 16]), ("hx", [1, 3, 4])], [[5, 3, 4], [1, 3, 4]]),
        ("rnn 4 -i 5,3,16 -i 1,3,4", [("input", [5, 3, 16]), ("hx", [1, 3, 4])], [[5, 3, 4], [1, 3, 4]]),
        ("rnn 4 -i hx=1,3,4 -i input=5,3,16", [("input", [5, 3, 16]), ("hx", [1, 3, 4])], [[5, 3, 4], [1, 3, 4]]),
        (
            "lstm 4 -i 5,3,16 -i h_0=1,3,4 -i c_0=1,3,4",
            [("input", [5, 3, 16]), ("hx.0", [1, 3, 4]), ("hx.1", [1, 3, 4])],
            [[5, 3, 4], [[1, 3, 4], [1, 3, 4]]],
        ),
        (
            "lstm 4 -i 5,3,16 -i c_0=1,3,4 -i h_0=1,3,4",
            [("input", [5, 3, 16]), ("hx.0", [1, 3, 4]), ("hx.1", [1, 3, 4])],
            [[5, 3, 4], [[1, 3, 4], [1, 3, 4]]],
        ),
        (
            "lstm 4 proj_size=2 -i 5,3,16 -i h_0=1,3,2 -i c_0=1,3,4",
            [("input", [5, 3, 16]), ("hx.0", [1, 3, 2]), ("hx.1", [1, 3, 4])],
            [[5, 3, 2], [[1, 3, 2], [1, 3, 4]]],
        ),
        (
            "lstmcell 4 -i 3,16 -i h_0=3,4 -i c_0=3,4",
            [("input", [3, 16]), ("hx.0", [3, 4]), ("hx.1", [3, 4])],
            [[3, 4], [3, 4]],
        ),
        ("relu -i scalar", [("input", [])], [[]]),
        ("relu -i '()'", [("input", [])], [[]]),
        ("relu -i 5", [("input", [5])], [[5]]),
        ("relu -i 5,", [("input", [5])], [[5]]),
        ("relu -i '(2, 3)'", [("input", [2, 3])], [[2, 3]]),
        ("relu -i '[2, 3]'", [("input", [2, 3])], [[2, 3]]),
        ("relu -i 2x3x4", [("input", [2, 3, 4])], [[2, 3, 4]]),
        ("relu -i 0,3", [("input", [0, 3])], [[0, 3]]),
        ("conv2d 8 3 -i 3,16,16", [("input", [3, 16, 16])], [[8, 14, 14]]),
        ("maxpool2d 2 return_indices=true -i 1,3,16,16", [("input", [1, 3, 16, 16])], [[1, 3, 8, 8], [1, 3, 8, 8]]),
    ],
)
def test_inputs(cli: Any, line: str, inputs: list[Any], outputs: list[Any]) -> None:
    def shapes(tree: Any) -> Any:
        return [shapes(item) for item in tree] if isinstance(tree, list) else tree["shape"]

    document = cli.json(line)
    assert [(item["name"], item["shape"]) for item in document["inputs"]] == inputs
    assert shapes(document["outputs"]) == outputs
    assert document["measured"]["status"] == "agrees"
    assert "input.default" not in {note["code"] for note in document["notes"]}


@pytest.mark.parametrize("sizes", ["36,36", "35,36"])
@pytest.mark.parametrize("name", ["output_size=", ""])
def test_an_output_size(cli: Any, sizes: str, name: str) -> None:
    document = cli.json(f"convtranspose2d k=5 s=2 -i 1,3,16,16 -i {name}{sizes}")
    assert document["output"]["shape"] == [1, 3, *map(int, sizes.split(","))]
    assert document["measured"]["status"] == "agrees"
    sizes_in = document["inputs"][1]
    assert (sizes_in["name"], sizes_in["dtype"]) == ("output_size", None), "no tensor, so no dtype"
    assert cli.json(f"convtranspose2d k=5 s=2 -i 1,3,16,16 -i {name}34,36", code=1)


@pytest.mark.parametrize(
    ("line", "dtype"),
    [
        ("relu -i 2,3:int64", "int64"), ("relu -i 2,3:float16", "float16"),
        ("conv2d 8 3 --dtype float64", "float64"), ("conv2d 8 3 --dtype float64 -i 1,3,8,8", "float64"),
        ("conv2d 8 3 --dtype float64 -i 1,3,8,8:float64", "float64"), ("linear 4 --dtype bfloat16 -i 2,3", "bfloat16"),
        ("sigmoid -i 2,3:int64", "float32"),
        ("run 'conv2d 8 3 | relu' --dtype float64", "float64"),
    ],
)  # fmt: skip
def test_dtypes(cli: Any, line: str, dtype: str) -> None:
    answer = cli.json(line)
    assert answer["output"]["dtype"] == dtype
    assert answer["measured"]["status"] in ("agrees", "not run")


def test_a_dtype_that_torch_refuses(cli: Any) -> None:
    for line in ("conv2d 8 3 -i 1,3,8,8:int64", "conv2d 8 3 -i 1,3,8,8:float64", "linear 4 -i 2,3:float16"):
        assert cli.json(line, code=1)["errors"][0]["code"] == "torch.dtype"


def test_a_default_input_is_said(cli: Any, no_torch: Any) -> None:
    document = cli.json("conv2d k=5 --no-run", child=no_torch)
    assert document["inputs"][0]["shape"] == [1, 3, 16, 16], "the notebook's"
    (note,) = [note for note in document["notes"] if note["code"] == "input.default"]
    assert "1,3,16,16" in note["message"]
    assert "-i" in note["fix"]
    assert "no input given" in cli("conv2d k=5 --no-run").out
    assert "no input given" not in cli("conv2d k=5 --no-run -i 1,3,16,16").out
    assert cli.json("rnncell 4 --unroll --no-run")["inputs"][0]["shape"][0] == 5


# --- the shared options ----------------------------------------------------------------------------------------------


def test_modes(cli: Any) -> None:
    assert cli.json("batchnorm2d -i 1,3,1,1", code=1)["mode"] == "train"
    document = cli.json("batchnorm2d -i 1,3,1,1 --eval")
    assert (document["mode"], document["measured"]["status"]) == ("eval", "agrees")
    assert cli.json("batchnorm2d -i 1,3,1,1 --train", code=1)["ok"] is False


def test_no_run_asks_nobody(cli: Any, no_torch: Any) -> None:
    document = cli.json("conv2d k=5 --no-run", child=no_torch)
    assert document["measured"] == {
        "status": "not run",
        "reason": "--no-run was given",
        "torch": None,
        "device": None,
        "agrees": None,
        "checks": [],
    }
    out = cli("conv2d k=5 --no-run", child=no_torch).out
    assert "not run, --no-run was given" in out
    assert not {"✓", "✗"} & set(out)


def test_measure_all_counts_macs_too(cli: Any) -> None:
    for line, macs in (
        ("conv2d 8 5 -i 1,3,16,16", 86_400),
        ("linear 4 -i 48,16", 3072),
        ("lstm 10 -i 5,3,16", 15_600),
        ("gru 10 2 -i 5,3,16", None),
        ("convtranspose2d 4 3 -i 1,3,8,8", None),
        ("run 'conv2d 8 3 | relu | flatten | linear 10' -i 1,3,8,8", None),
        ("rnncell 4 --unroll -i 5,3,16", None),
    ):
        document = cli.json(f"{line} --measure all")
        (check,) = [check for check in document["measured"]["checks"] if check["of"] == "macs"]
        assert check["formula"] == check["torch"] == document["totals"]["macs"]
        assert macs in (None, check["torch"])
        assert document["measured"]["status"] == "agrees"
        assert "macs" not in {check["of"] for check in cli.json(line)["measured"]["checks"]}


def test_measured_macs_stand_in_the_table(cli: Any) -> None:
    out = cli("conv2d 8 5 -i 1,3,16,16 --measure all").out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("MACs ")]
    assert row[-3:] == ["86,400", "86,400", "✓"]


def test_the_device(cli: Any) -> None:
    document = cli.json("conv2d k=5 --device meta")
    assert (document["measured"]["device"], document["measured"]["status"]) == ("meta", "agrees")
    assert cli.json("conv2d k=5 --device cpu")["measured"]["device"] == "cpu"
    assert "on meta" in cli("conv2d k=5 --device meta").out


def test_a_device_that_is_not_there(cli: Any) -> None:
    document = cli.json("conv2d k=5 --device cuda:99")
    assert document["measured"]["status"] == "failed"
    assert document["output"]["shape"] == [1, 3, 12, 12]
    assert cli("conv2d k=5 --device cuda:99 --require-measured").code == 1


def test_what_is_too_big_runs_on_meta_and_says_so(cli: Any) -> None:
    document = cli.json("linear 1000000 -i 1,1000000")
    assert document["totals"]["params"] == 10**12 + 10**6
    assert (document["measured"]["status"], document["measured"]["device"]) == ("agrees", "meta")
    assert "meta" in document["measured"]["reason"]


def test_a_time_out(cli: Any) -> None:
    """A process of its own that has no time to load torch."""
    found = cli.process(["conv2d", "k=5", "--timeout", "0.01"])
    assert found.returncode == 0
    assert b"did not answer within 0.01 s" in found.stdout
    assert b"228" in found.stdout
    assert found.stderr == b""
    found = cli.process(["conv2d", "k=5", "--timeout", "0.01", "--require-measured"])
    assert found.returncode == 1
    assert b"0.01 s" in found.stderr
    assert b"228" in found.stdout


def test_the_timeout_reaches_torch(cli: Any, torch_child: Any) -> None:
    seen = []

    class Child:
        def ask_all(self, plans: Any, timeout: float) -> Any:
            seen.append(timeout)
            return torch_child.ask_all(plans, 60.0)

        def close(self) -> None:
            pass

    cli("relu -i 1,3 --timeout 7.5", child=Child())
    cli("relu -i 1,3", child=Child())
    assert seen[0] == 7.5
    assert seen[1] >= 30


def test_formulas_of_a_chain(cli: Any) -> None:
    short, long = (cli(f"run 'conv2d 8 5 | relu' -i 1,3,16,16 {option}").out for option in ("", "--formulas"))
    assert "H_out" not in short
    assert "(H + 2*p - d*(k - 1) - 1)//s + 1" in long
    assert short.strip().splitlines()[-3:] == long.strip().splitlines()[-3:], "the overview is the same"


def test_notes(cli: Any) -> None:
    document = cli.json("conv2d 3 64 7 -i 1,3,80,80 --no-run")
    (note,) = document["notes"]
    assert note["code"] == "spec.torch-order"
    assert note["path"] == "0"
    assert "conv2d 64 7" in note["fix"]
    assert "k=64" in cli("conv2d 3 64 7 -i 1,3,80,80 --no-run").out
    assert cli.json("lstm 4 -i 3,5,16 --no-run")["notes"][0]["code"] == "recurrent.batch-first"
    assert cli.json("lstm 4 dropout=0.5 -i 5,3,16 --no-run")["notes"][0]["code"] == "recurrent.dropout"
    assert cli.json("lstm 4 -i 5,3,16 --no-run")["notes"] == []


@pytest.mark.parametrize("seconds", ["inf", "1e30"])
def test_a_timeout_beyond_all_clocks_waits(cli: Any, seconds: str) -> None:
    from layercli.measure.child import Child

    with Child(once=True) as child:
        assert cli.json(f"relu -i 2,3 --timeout {seconds}", child=child)["measured"]["status"] == "agrees"


def test_a_timeout_that_is_no_number(cli: Any, no_torch: Any) -> None:
    assert "timeout" in cli.told("relu -i 2,3 --timeout nan", child=no_torch).message
    assert "timeout" in cli.told("relu -i 2,3 --timeout soon", child=no_torch).message


@pytest.mark.parametrize(
    "line", ["conv2d 8 --kernel 5 --no-bias -p same", "lstm --hidden 4 --bidirectional", "flatten 0 --end-dim -1"]
)
def test_the_spec_of_a_layers_command_can_be_run_again(cli: Any, line: str) -> None:
    first = cli.json(f"{line} --no-run")
    again = cli.json(["run", first["spec"], "--no-run", "--json"])
    assert again["layers"][0]["args"] == first["layers"][0]["args"]
    assert again["spec"] == first["spec"]
