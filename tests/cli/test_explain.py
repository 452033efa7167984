"""``layercli explain``: layers, several of them, topics, notes; forms, files, and what it refuses."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from layercli.cli.animate import Player
from layercli.errors import ExitCode


def test_a_layer(cli: Any) -> None:
    said = cli("explain conv2d k=5 d=2 -i 1,3,16,16")
    assert said.code == ExitCode.OK
    for part in ("input 16x16", "read by this output cell", "What each key does", "nn.Conv2d(3, 3, 5, dilation=2)"):
        assert part in said.out, part
    assert "torch 2" not in said.out


def test_a_position(cli: Any) -> None:
    said = cli("explain conv2d k=3 -i 1,1,6,6 --at 3,2")
    assert "makes cell 3,2" in said.out
    lines = [line for line in said.out.splitlines() if line.count("█") == 3]
    assert len(lines) == 3
    assert all(line.startswith("· · █ █ █ ·") for line in lines)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["conv2d", "k=3", "--at", "99,99"], ExitCode.USAGE, "no position 99,99"),
        (["conv2d", "k=3", "--at", "x"], ExitCode.USAGE, "'x' is no position"),
        (["conv2d", "k=99"], ExitCode.NEGATIVE, "kernel_size 99"),
        (["conv2d", "q=1"], ExitCode.USAGE, "no key 'q'"),
        (["conv2d", "k=3", "-i", "N,3,H,W"], ExitCode.USAGE, "sizes in numbers"),
        (["conv2d 3 k=3 | relu"], ExitCode.USAGE, "about one layer"),
        (["conv2d", "k=3", "--animate"], ExitCode.USAGE, "needs a terminal"),
        (["conv2d", "k=3", "--save", "x.gif"], ExitCode.USAGE, "does not end in .svg"),
        (["conv2d", "k=3", "--save", "/no/such/place.svg"], ExitCode.USAGE, "cannot write"),
        (["nosuch"], ExitCode.USAGE, "no layer, topic or note 'nosuch'"),
        (["receptive-fields"], ExitCode.USAGE, "did you mean receptive-field?"),
    ],
)
def test_what_it_refuses(cli: Any, words: list[str], code: ExitCode, message: str) -> None:
    said = cli(["explain", *words])
    assert said.code == code
    assert message in said.err


def test_topics_notes_and_the_list(cli: Any) -> None:
    assert "k_eff" in cli("explain receptive-field").out
    assert "Example" in cli("explain conv.checkerboard").out
    listed = cli("explain").out
    assert "receptive-field" in listed
    assert "conv.checkerboard" in listed


def test_several_layers(cli: Any) -> None:
    said = cli("explain relu sigmoid tanh")
    assert said.code == ExitCode.OK
    assert said.out.startswith("relu, sigmoid, tanh")
    assert "derivative" in said.out


def test_a_step_that_is_no_layer(cli: Any) -> None:
    said = cli("explain input")
    assert said.code == ExitCode.OK
    assert said.out.startswith("input: ")


def test_forms(cli: Any, tmp_path: Path) -> None:
    ask = "explain conv2d k=3 p=1 -i 1,1,6,6"
    assert "```text" in cli(f"{ask} --format markdown").out
    assert "<svg" in cli(f"{ask} --format html").out
    still = cli(f"{ask} --format svg").out
    ElementTree.fromstring(still)
    file = tmp_path / "x.svg"
    assert cli(f"{ask} --save {file}").code == ExitCode.OK
    assert file.read_text() == still.rstrip("\n") + "\n"
    assert cli(f"{ask} --animate --save {file}").code == ExitCode.OK
    moving = ElementTree.fromstring(file.read_text())
    assert len([part for part in moving.iter() if part.get("class") == "frame"]) == 36


def test_a_player_steps_pauses_and_goes_round() -> None:
    player = Player(3)
    for key, place, paused in (("", 1, False), (" ", 1, True), ("\x1b[C", 2, True), ("\x1b[C", 0, True),
                               ("\x1b[D", 2, True), (" ", 2, False), ("", 0, False)):  # fmt: skip
        player.press(key)
        assert (player.place, player.paused) == (place, paused)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_the_window_slides_on_a_terminal() -> None:
    """In a terminal of its own: positions go on, an arrow steps, q leaves and gives the screen back."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "30", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "layercli", "explain", "conv2d", "k=3", "-i", "1,1,6,6", "--animate"]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    seen = ""

    def until(pattern: str) -> None:
        nonlocal seen
        end = time.monotonic() + 30
        while not re.search(pattern, seen):
            assert time.monotonic() < end, seen[-2000:]
            if select.select([leader], [], [], 0.2)[0]:
                seen += os.read(leader, 65536).decode()

    until(r"position 2 of 16, running")
    os.write(leader, b" ")
    until(r"paused")
    seen = ""
    os.write(leader, b"\x1b[C")
    until(r"position \d+ of 16, paused")
    os.write(leader, b"q")
    until(re.escape("\x1b[?1049l"))
    assert process.wait(10) == 0
    os.close(leader)
