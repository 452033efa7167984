"""The command: what it needs, what it says where that is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from layercli.cli import verb_explore
from layercli.errors import LayerError
from tests.conftest import PACKAGE_PARENT


@pytest.mark.parametrize("line", ["explore", "explore conv2d k=5 -i 1,3,16,16", "explore 'conv2d 8 3 | relu'"])
def test_it_needs_a_terminal(cli: Any, line: str) -> None:
    code, out, err = cli(line)
    assert (code, out) == (2, "")
    assert err == "error: the explorer needs a terminal: layercli explore --web serves it in a browser\n"


def test_a_dumb_terminal_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    verb_explore._possible(False)
    monkeypatch.setenv("TERM", "dumb")
    with pytest.raises(LayerError, match="needs a terminal"):
        verb_explore._possible(False)
    verb_explore._possible(True)


@pytest.mark.parametrize(("missing", "line"), [("textual", "explore"), ("textual_serve", "explore --web")])
def test_it_needs_textual(cli: Any, monkeypatch: pytest.MonkeyPatch, missing: str, line: str) -> None:
    monkeypatch.setattr(verb_explore, "find_spec", lambda name: None if name == missing else True)
    code, out, err = cli(line)
    assert (code, out) == (2, "")
    assert err == 'error: the explorer needs Textual: pip install "layercli[explore]"\n'


def test_a_port_that_is_taken(cli: Any) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, out, err = cli(f"explore --web --port {taken.getsockname()[1]}")
    assert (code, out) == (2, "")
    assert "cannot listen on port" in err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty there")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["conv2d", "k=5", "-i", "1,3,16,16"], 0, "1,3,12,12"),
        (["conv2d 8 3 | relu | maxpool2d 2"], 0, "1,8,7,7"),
        (["conv2d", "foo=1"], 2, "has no key"),
        (["-f", "no-such-file"], 2, "cannot read"),
    ],
)
def test_on_a_terminal(words: list[str], code: int, said: str) -> None:
    import pty

    main, other = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_PARENT), "TERM": "xterm-256color", "COLUMNS": "120"}
    command = [sys.executable, "-m", "layercli", "explore", *words]
    process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env={**environment, "LINES": "40"})
    os.close(other)
    got = b""
    end = time.monotonic() + 40
    try:
        while process.poll() is None and time.monotonic() < end:
            got += _read(main)
            if said.encode() in got:
                os.write(main, b"q")  # to leave, and again without saving
                os.write(main, b"l")
        got += _read(main)
    finally:
        process.kill()
        process.wait()
        os.close(main)
    assert said in got.decode("utf-8", "replace")
    assert process.returncode == code
    assert b"Traceback" not in got


def _read(stream: int) -> bytes:
    import select

    try:
        return os.read(stream, 65536) if select.select([stream], [], [], 0.5)[0] else b""
    except OSError:  # the other end is gone
        return b""
