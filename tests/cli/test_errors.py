"""What an error shows: what is wrong, carets under it, one fix, what may have been meant."""

from __future__ import annotations

import re
from typing import Any

import pytest

from layercli.errors import LayerError, Span
from layercli.render.errors import WIDEST, describe, excerpt

PLACES = [
    # line, exit code, what stands over the carets, part of the source line, part of the fix
    ("conv2d foo=1", 2, "foo", "conv2d foo=1", ""),
    ("conv2d k=99 -i 1,3,16,16", 1, "99", "conv2d k=99", ""),
    ("conv2d --kernel 99 -i 1,3,16,16", 1, "99", "conv2d kernel=99", ""),
    ("conv2d -k 99 -i 1,3,16,16", 1, "99", "conv2d", ""),
    ("conv2d 8 99 -i 1,3,16,16", 1, "99", "conv2d 8 99", ""),
    ("conv2d k=3 p=x", 2, "x", "conv2d k=3 p=x", ""),
    ("conv2d k=3 --padding x", 2, "x", "padding=x", ""),
    ("conv2d k=3 s=1,2,3", 2, "1,2,3", "conv2d k=3 s=1,2,3", ""),
    ("conv2d 3 relu", 2, "relu", "conv2d 3 relu", "|"),
    ("conv2d k=3 --kernal 5", 2, "--kernal", "--kernal", "--kernel"),
    ("conv2d k=3 k=5", 2, "k", "conv2d k=3 k=5", ""),
    ("conv2d padding_mode=reflct k=3", 2, "reflct", "conv2d padding_mode=reflct", "reflect"),
    ("conv2d --padding-mode reflct k=3", 2, "reflct", "padding_mode=reflct", "reflect"),
    ("conv2d padding_moed=reflect k=3", 2, "padding_moed", "conv2d padding_moed=reflect", "padding_mode"),
    ("lstm hiden=3", 2, "hiden", "lstm hiden=3", "hidden"),
    ("conv2", 2, "conv2", "layercli conv2", "conv2d"),
    ("Conv2d k=5", 2, "Conv2d", "layercli Conv2d", "conv2d"),
    ("lisst pooling", 2, "lisst", "layercli lisst", "list"),
    ("list poling", 2, "poling", "layercli list poling", "pooling"),
    ("run 'conv2d k=5 | rlu'", 2, "rlu", "conv2d k=5 | rlu", "relu"),
    ("'conv2d k=5 | rlu'", 2, "rlu", "conv2d k=5 | rlu", "relu"),
    ("run 'conv2d k=5 |'", 2, "|", "conv2d k=5 |", ""),
    ("run 'relu | 3*(conv2d k=99) | tanh'", 1, "99", "relu | 3*(conv2d k=99) | tanh", ""),
    ("run 'conv2d k=5 | conv2d k=13'", 1, "13", "conv2d k=5 | conv2d k=13", "12"),
    ("conv2d k=3 -i 1,3,x!,16", 2, "x!", "--input 1,3,x!,16", "N,3,H,W"),
    ("conv2d k=3 -i 1,3,-16,16", 2, "-16", "--input 1,3,-16,16", ""),
    ("conv2d k=3 -i 1,,16,16", 2, ",", "--input 1,,16,16", ""),
    ("conv2d k=3 -i 1,3,16,16:flot32", 2, "flot32", "--input 1,3,16,16:flot32", "float32"),
    ("lstm 4 -i 5,3,16 -i 2x=1,3,4", 2, "2x", "--input 2x=1,3,4", ""),
    ("conv2d k=3 -i 99999999999999999999,3,16,16", 2, "99999999999999999999", "--input 99999999999999999999", ""),
    ("conv2d k=3 -i ''", 2, "", "--input", "1,3,16,16"),
]


@pytest.mark.parametrize(("line", "code", "under", "source", "fix"), PLACES)
def test_the_carets_stand_under_what_is_wrong(
    cli: Any, line: str, code: int, under: str, source: str, fix: str
) -> None:
    answer = cli(f"{line} --no-run" if "list" not in line else line)
    said = cli.parse(answer.err[answer.err.index("error: ") :])
    assert answer.code == code
    assert said.message
    assert said.under.strip() == under
    assert source in said.line
    assert said.fix, "an error ends in one way to mend it"
    assert fix in said.fix


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("conv2", "conv2d"),
        ("btach x", "batch"),
        ("maxpol2d 2", "maxpool2d"),
        ("CONV2D k=3", "conv2d"),
        ("conv2d --strid 2 k=3", "--stride"),
        ("conv2d k=3 --fromat json", "--format"),
        ("run relu --jsn", "--json"),
        ("list --jsn", "--json"),
        ("batch --breif", "--brief"),
        ("--versoin", "--version"),
        ("conv2d k=3 --format tabel", "table"),
        ("conv2d k=3 --dtype flaot32", "float32"),
        ("conv2d k=3 --measure al", "all"),
        ("run relu --color nevr", "never"),
        ("list poling", "pooling"),
        ("conv2d krnel=3", "kernel"),
        ("lstm 3 bidirectonal=true", "bidirectional"),
        ("rnn 3 nonlinearity=rleu", "relu"),
        ("lstm 4 -i 5,3,16 -i h0=1,3,4 -i c_0=1,3,4", "h_0"),
    ],
)
def test_did_you_mean(cli: Any, line: str, suggestion: str) -> None:
    said = cli.told(line)
    assert re.search(rf"did you mean {suggestion}(\?| or )", said.fix) or said.fix.split()[-1:] == [suggestion], said


@pytest.mark.parametrize(
    ("line", "name"),
    [("conv2d k=3 --format", "--format"), ("conv2d --kernel", "--kernel"), ("conv2d k=3 -i", "-i"), ("run -f", "-f")],
)
def test_an_option_without_its_value(cli: Any, line: str, name: str) -> None:
    said = cli.told(line)
    assert name.lstrip("-")[0] in said.message
    assert "argument" in said.message or "value" in said.message


def test_a_line_of_a_file_is_numbered(cli: Any, write: Any) -> None:
    net = write("net.layers", "relu\n# a comment\n\nconv2d 8 foo=1\nrelu\n")
    answer = cli(["run", "-f", str(net), "--no-run"])
    said = cli.parse(answer.err)
    assert answer.code == 2
    assert said.line == "line 4: conv2d 8 foo=1"
    assert said.under == "foo"


def test_chain_errors_show_the_rows_before(cli: Any) -> None:
    answer = cli("run 'conv2d 8 k=5 | relu | conv2d k=99' -i 1,3,16,16")
    assert answer.code == 1
    assert "1,8,12,12" in answer.out
    assert cli.parse(answer.err).under == "99"
    document = cli.json("run 'conv2d 8 k=5 | relu | conv2d k=99' -i 1,3,16,16", code=1)
    assert [layer["op"] for layer in document["layers"]] == ["conv2d", "relu"]
    assert document["errors"][0]["path"] == "2"


def test_what_a_command_cannot_take_names_the_inputs(cli: Any) -> None:
    assert "hx" in cli.told("lstm 4 -i 5,3,16 -i foo=1,3,4").fix
    assert "did you mean ctx?" in cli.told("run 'add(relu ; ctx: input 5,3)' -i 5,3 -i ctz=5,3").fix
    assert "no step has an input" in cli.told("run 'relu | lstm 4' -i 5,3,16 -i foo=1,3,4").message
    assert "c_0" in cli.told("lstm 4 -i 5,3,16 -i h_0=1,3,4").message
    assert "1 input" in cli.told("relu -i 1 -i 2").message
    assert "twice" in cli.told("lstm 4 -i 5,3,16 -i input=5,3,16").message


# --- what no terminal likes -----------------------------------------------------------------------------------------


HOSTILE = ["é", "日本", "\udcff", "\x1b[31m", "\t", "\x00", "“k=5”", "a" * 5000, "\u202e", "k\u2212=1"]


@pytest.mark.parametrize("word", HOSTILE, ids=lambda word: ascii(word)[:30])
@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "conv2d {}",
        "conv2d {}=3",
        "conv2d k={}",
        "relu -i {}",
        "relu -i {}=3",
        "run {}",
        "list {}",
        "relu --device {}",
        "relu --format {}",
    ],
)
def test_any_text_is_an_error_that_can_be_printed(cli: Any, word: str, place: str) -> None:
    words = [part.format(word) for part in place.split()]
    answer = cli([*words, "--no-run"] if "list" not in place else words)
    assert answer.code in (0, 2) if "device" in place else answer.code == 2
    assert "internal" not in answer.err
    assert "layercli failed" not in answer.err
    for stream in (answer.out, answer.err):
        assert "\x1b" not in stream
        stream.encode()
    assert max(map(len, answer.err.splitlines()), default=0) < 600


@pytest.mark.parametrize("word", HOSTILE, ids=lambda word: ascii(word)[:30])
@pytest.mark.parametrize("place", ["{}", "conv2d k={}", "relu -i {}"])
def test_and_a_document(cli: Any, word: str, place: str) -> None:
    document = cli.json([part.format(word) for part in place.split()], code=2)
    assert not document["errors"][0]["code"].startswith("internal")


def test_a_caret_stands_right_behind_characters_that_are_no_ascii(cli: Any) -> None:
    """Where the stream has ASCII only, what is printed before the caret is wider than what was typed."""
    found = cli.process(["relu", "-i", "1,é,x"], PYTHONIOENCODING="ascii")
    said = cli.parse(found.stderr.decode("ascii"))
    assert said.under == "\\xe9"


def test_json_is_json_where_the_stream_has_ascii_only(cli: Any, validate: Any) -> None:
    import json

    found = cli.process(["conv2d é=3", "--json"], PYTHONIOENCODING="ascii")
    document = validate(json.loads(found.stdout.decode("ascii")))
    assert document["spec"] == "conv2d é=3"


# --- the pieces -----------------------------------------------------------------------------------------------------


def test_describe() -> None:
    error = LayerError("spec.x", "it is wrong", span=Span(3, 5), source="a\nbcd", fix="mend it")
    assert describe(error) == "error: it is wrong\n  line 2: bcd\n           ^^\n  fix: mend it"
    assert describe(LayerError("spec.x", "it is wrong")) == "error: it is wrong"


def test_a_long_line_is_shown_around_the_caret() -> None:
    source = "relu | " * 100 + "WRONG" + " | relu" * 100
    at = source.index("WRONG")
    shown, marks = excerpt(source, at, at + 5)
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "WRONG"
    assert len(shown) <= WIDEST + 6
    assert shown.strip()[0] == shown[-1] == "…"


@pytest.mark.parametrize(("start", "end"), [(0, 0), (4, 4), (3, 99), (2, 3)])
def test_there_is_always_a_caret(start: int, end: int) -> None:
    shown, marks = excerpt("relu", start, end)
    assert marks.count("^") >= 1
    assert len(marks) <= len(shown) + 1


def test_a_span_over_lines_ends_with_its_line() -> None:
    shown, marks = excerpt("ab\ncd\nef", 1, 7)
    assert (shown, marks) == ("  line 1: ab", " " * 11 + "^")
