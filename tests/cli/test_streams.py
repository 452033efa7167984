"""Pipes: plain aligned text, colours only where asked for, ASCII where nothing else fits, quiet ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from typing import Any

import pytest

COLOURED = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r")
"""What moves the cursor or clears: all but colours."""

WIDE = "run 'stem: conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2 | flatten | linear 10' --no-run --formulas"


# --- a pipe ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["conv2d k=5 --no-run", "lstm 10 2 --no-run", WIDE])
@pytest.mark.parametrize("columns", ["20", "80", "300"])
def test_a_pipe_gets_plain_text_never_wrapped(
    cli: Any, line: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = cli(line).out
    assert not set("\x1b\r│┃╭━┏") & set(free)
    assert max(map(len, free.splitlines())) > 120, "a long line stays one"
    monkeypatch.setenv("COLUMNS", columns)
    assert cli(line).out == free
    assert cli(f"{line} --format plain").out == free
    assert cli(f"{line} --width 20").out == free


def test_a_pipe_never_changes_the_columns(cli: Any) -> None:
    lines = cli("conv2d k=5 -i 1,3,16,16").out.splitlines()
    (top,) = [index for index, line in enumerate(lines) if line.split()[:2] == ["figure", "formula"]]
    starts = [match.start() for match in re.finditer(r"(?<=  )\S", " " * 2 + lines[top])]
    assert len(starts) >= 4
    rows = [line for line in lines[top + 1 :] if re.match(r"(\w_out|weight|bias|params|MACs) ", line)]
    assert len(rows) == 8
    for row in rows:
        assert row[starts[1] - 4 : starts[1] - 2].strip() == "", "the formulas stand under their heading"


def test_wide_characters_of_numbers_are_aligned(cli: Any) -> None:
    rows = [
        line
        for line in cli("linear 1000 -i 1,1000 --no-run").out.splitlines()
        if re.match(r"(F_out|params|MACs) ", line)
    ]
    ends = {re.search(r"[\d,]+(?=  +-$)", row).end() for row in rows}  # type: ignore[union-attr]
    assert len(ends) == 1


# --- colours --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "option", "coloured"),
    [
        ({}, "", False),
        ({"FORCE_COLOR": "1"}, "", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "", False),
        ({"FORCE_COLOR": "1"}, "--color never", False),
        ({}, "--color always", True),
        ({"NO_COLOR": "1"}, "--color always", True),
        ({"NO_COLOR": "1"}, "", False),
        ({"NO_COLOR": ""}, "--color auto", False),
        ({"TERM": "dumb"}, "", False),
    ],
)
@pytest.mark.parametrize("run", ["--no-run", ""])
def test_colours_in_a_pipe(
    cli: Any, variables: dict[str, str], option: str, coloured: bool, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    out = cli(f"conv2d k=5 {option} {run}").out
    hues = [code for code in COLOURED.findall(out) if re.search(r"[\[;][349][0-7](;|m)", code)]
    assert bool(hues) == coloured
    assert not CONTROL.search(out), "what is piped is not redrawn"
    assert len(re.findall(r"^ *H_out\b", COLOURED.sub("", out), re.M)) == 1, "the table is there once"


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "markdown", "plain"])
def test_forms_for_programs_are_never_coloured(cli: Any, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cli(f"conv2d k=5 --no-run --format {form}").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert cli(f"conv2d k=5 --no-run --format {form}").out == plain
    assert cli(f"conv2d k=5 --no-run --format {form} --color always").out == plain
    assert "\x1b" not in plain


# --- characters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_without_the_marks_gets_words(cli: Any, encoding: str, validate: Any) -> None:
    import json

    found = cli.process(["relu", "-i", "2,3", "--timeout", "0.01"], PYTHONIOENCODING=encoding)
    assert found.returncode == 0
    assert found.stderr == b""
    assert "failed" in found.stdout.decode("ascii")
    for form in ("markdown", "csv", "svg", "plain", "jsonl"):
        found = cli.process(["conv2d", "k=5", "--no-run", "--format", form], PYTHONIOENCODING=encoding)
        assert (found.returncode, found.stderr) == (0, b""), form
        text = found.stdout.decode(encoding)
        if form == "jsonl":
            validate(json.loads(text))


def test_marks_become_words_in_ascii(cli: Any) -> None:
    from layercli.render.plain import ascii_only

    assert ascii_only("a ✓ b ✗ c …") == "a ok b DIFFERS c ..."
    ascii_only("日é\udcff").encode("ascii")


def test_utf_8_has_the_marks(cli: Any) -> None:
    assert "✓" in cli("relu -i 2,3").out


# --- quiet ends -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["-h"],
        ["conv2d", "-h"],
        ["conv2d", "k=5", "--no-run"],
        ["conv2d", "k=5", "--no-run", "--json"],
        ["schema"],
        ["version"],
        ["foo", "--json"],
    ],
)
def test_a_closed_pipe_ends_quietly(cli: Any, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        process = cli.popen(words, stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    _, err = process.communicate(timeout=60)
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err
    assert b"BrokenPipe" not in err
    assert process.returncode == (2 if words[0] == "foo" else 0)


def test_a_batch_whose_reader_leaves_ends_quietly(cli: Any) -> None:
    process = cli.popen(["batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b'{"spec": "relu", "input": [1]}\n')
    process.stdin.flush()
    assert process.stdout.readline().startswith(b'{"schema"')
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b'{"spec": "relu", "input": [1]}\n' * 200)
        process.stdin.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(60)
    assert err == b""
    assert process.returncode == 0


@pytest.mark.parametrize("words", [["list"], ["conv2d", "k=5", "--no-run", "--json"], ["foo"]])
def test_no_standard_output_at_all(cli: Any, words: list[str]) -> None:
    process = cli.popen(words, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    _, err = process.communicate(timeout=60)
    assert b"Traceback" not in err
    assert b"internal" not in err
    assert b"layercli failed" not in err
    assert process.returncode in (0, 2)


def test_ctrl_c_ends_a_waiting_batch_quietly(cli: Any) -> None:
    process = cli.popen(["batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b'{"spec": "relu", "input": [1]}\n')
    process.stdin.flush()
    assert process.stdout.readline().startswith(b'{"schema"'), "it has answered, and waits for the next line"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["list"], ["foo", "--json"], ["conv2d", "k=5", "--no-run"]])
def test_a_full_disk_is_said_and_is_no_bug_of_ours(cli: Any, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        process = cli.popen(words, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert b"Traceback" not in err
    assert b"space" in err
    assert process.returncode not in (0, 3)
