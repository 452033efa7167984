"""A terminal: the formulas' table at once, torch's column beside it when torch has answered."""

from __future__ import annotations

import errno
import fcntl
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from typing import Any

import pytest


class Terminal:
    """The command on a pseudo-terminal of a given size."""

    def __init__(
        self, words: list[str], columns: int, lines: int, environment: dict[str, str], folder: pathlib.Path
    ) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "layercli", *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        os.close(slave)
        self.columns = columns
        self.seen = ""

    def read_until(self, text: str) -> None:
        """Reads on until a text has come."""
        while text not in self.seen:
            assert self._read(), f"it ended without {text!r}: {self.seen!r}"

    def finish(self) -> int:
        """Reads to the end."""
        while self._read():
            pass
        return self.process.wait(60)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], 120)
        assert ready, f"nothing came: {self.seen!r}"
        try:
            data = os.read(self.master, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False  # what Linux says where the other side has been closed
        self.seen += data.decode()
        return bool(data)

    @property
    def screen(self) -> list[str]:
        """What stands on the screen and above it, for the few codes that are used."""
        rows, at, column = [[]], 0, 0  # type: ignore[var-annotated]
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]", self.seen):
            if part == "\r":
                column = 0
            elif part == "\n":
                at += 1
                rows += [[]] if at == len(rows) else []
            elif part.startswith("\x1b["):
                if part.endswith("A"):
                    at -= int(part[2:-1] or 1)
                elif part == "\x1b[2K":
                    rows[at] = []
                elif part[-1] not in "mhl":
                    raise AssertionError(f"an unknown code: {part!r}")
            else:
                rows[at] += [" "] * (column - len(rows[at]))
                rows[at][column : column + 1] = [part]
                column += 1
        return ["".join(row).rstrip() for row in rows]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        os.close(self.master)


@pytest.fixture
def terminal(cli: Any, tmp_path: pathlib.Path) -> Iterator[Any]:
    """Opens terminals."""
    opened: list[Terminal] = []
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "_LAYERCLI_COMPLETE")
    }
    root = str(pathlib.Path(__file__).resolve().parents[2])

    def start(words: list[str], columns: int = 120, lines: int = 50, **variables: str) -> Terminal:
        path = os.pathsep.join(filter(None, [variables.pop("PYTHONPATH", ""), root, environment.get("PYTHONPATH", "")]))
        full = {**environment, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **variables, "PYTHONPATH": path}
        opened.append(Terminal(words, columns, lines, full, tmp_path))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


ENDLESS = """\
import os, pathlib, sys, time
sys.stdin.buffer.peek(1)
pathlib.Path(__file__).with_name("asked").touch()
while os.getppid() != 1:
    time.sleep(0.1)
os._exit(1)
"""


@pytest.fixture
def endless_torch(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder for PYTHONPATH in which torch takes for ever to load; ``asked`` appears there with the question."""
    folder = tmp_path / "endless"
    folder.mkdir()
    (folder / "torch.py").write_text(ENDLESS)
    return folder


def unstyled(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("columns", [140, 80])
def test_two_stages(terminal: Any, columns: int) -> None:
    tty = terminal(["conv2d", "k=5", "-i", "1,3,16,16"], columns)
    assert tty.finish() == 0
    first, _, rest = unstyled(tty.seen).partition("loading")
    assert "H_out" in first
    assert "32,400" in first, "the formulas' answer is there"
    assert not {"✓", "✗"} & set(first), "torch's is not"
    assert "✓" in rest
    screen = "\n".join(tty.screen)
    assert screen.count("H_out ") >= 1
    assert len(re.findall(r"^ *H_out\b", screen, re.M)) == 1, "the second table stands where the first stood"
    assert "loading" not in screen
    assert "checks agree" in re.sub(r"\s+", " ", screen)
    assert max(map(len, tty.screen)) <= columns
    assert tty.seen.count("\x1b[?25l") <= tty.seen.count("\x1b[?25h"), "the cursor is back"
    numbers = re.search(r"^ *H_out\b.*$", screen, re.M)
    assert numbers is not None
    if columns == 140:
        assert "(H + 2*p - d*(k - 1) - 1)//s + 1" in numbers[0]
        assert "(16 + 2*0 - 1*(5 - 1) - 1)//1 + 1" in numbers[0], "side by side where there is room"
    assert re.search(r"\b12\b.*\b12\b.*✓", numbers[0])


def test_eighty_columns_cut_nothing(terminal: Any) -> None:
    tty = terminal(["conv2d", "k=5", "-i", "1,3,16,16", "--no-run"], 80)
    assert tty.finish() == 0
    text = "".join(tty.screen).replace(" ", "")
    for part in (
        "(H+2*p-d*(k-1)-1)//s+1",
        "(16+2*0-1*(5-1)-1)//1+1",
        "3*(3//1)*5*5+3",
        "32,400",
        "N*out*(C//g)*k*k*H_out*W_out",
    ):
        assert part in text, part
    assert "…" not in text


def test_a_table_taller_than_the_screen_is_printed_once(terminal: Any) -> None:
    chain = " | ".join(["conv2d 8 3 p=1", "relu"] * 20)
    tty = terminal(["run", chain, "-i", "1,3,16,16"], 100, 24)
    assert tty.finish() == 0
    screen = "\n".join(tty.screen)
    assert screen.count("conv2d") == 20
    assert len(re.findall(r"^ *39\b", screen, re.M)) == 1
    last = [line for line in tty.screen if line.strip()][-1]
    assert "checks agree" in last, "the verdict follows the table"
    assert "loading" not in last
    assert "\x1b[2A" not in tty.seen, "the table is not redrawn"


def test_ctrl_c_while_torch_loads(terminal: Any, endless_torch: pathlib.Path) -> None:
    tty = terminal(["conv2d", "k=5"], PYTHONPATH=str(endless_torch))
    tty.read_until("loading")
    assert "32,400" in tty.seen, "the answer of the formulas waits for nobody"
    while not (endless_torch / "asked").exists():
        assert tty.process.poll() is None
        time.sleep(0.01)
    tty.process.send_signal(signal.SIGINT)
    assert tty.finish() == 130
    assert "Traceback" not in tty.seen
    assert tty.seen.count("\x1b[?25l") <= tty.seen.count("\x1b[?25h")


def test_a_time_out_is_said_beside_the_answer(terminal: Any, endless_torch: pathlib.Path) -> None:
    tty = terminal(["conv2d", "k=5", "--timeout", "0.05"], PYTHONPATH=str(endless_torch))
    assert tty.finish() == 0
    screen = "\n".join(tty.screen)
    assert "32,400" in screen
    assert "did not answer within 0.05 s" in re.sub(r"\s+", " ", screen)
    assert "loading" not in screen


def test_colours_and_none(terminal: Any) -> None:
    hue = re.compile(r"\x1b\[(?:\d+;)*[349][0-7](?:;\d+)*m")
    coloured = terminal(["conv2d", "k=5", "--no-run"])
    bare = terminal(["conv2d", "k=5", "--no-run"], NO_COLOR="1")
    never = terminal(["conv2d", "k=5", "--no-run", "--color", "never"])
    always = terminal(["conv2d", "k=5", "--no-run", "--color", "always"], NO_COLOR="1")
    assert [tty.finish() for tty in (coloured, bare, never, always)] == [0] * 4
    assert hue.search(coloured.seen)
    assert hue.search(always.seen)
    assert not hue.search(bare.seen)
    assert not hue.search(never.seen)
    assert coloured.screen == bare.screen == never.screen


def test_a_dumb_terminal_gets_plain_text(terminal: Any) -> None:
    tty = terminal(["conv2d", "k=5", "--no-run"], TERM="dumb")
    assert tty.finish() == 0
    assert "\x1b" not in tty.seen
    assert re.search(r"^H_out +\(H", tty.seen, re.M)


def test_a_terminal_without_unicode_gets_plain_text(terminal: Any) -> None:
    tty = terminal(["conv2d", "k=5", "--no-run"], PYTHONIOENCODING="ascii")
    assert tty.finish() == 0
    assert tty.seen.isascii()
    assert "\x1b" not in tty.seen


def test_errors_on_a_terminal(terminal: Any) -> None:
    tty = terminal(["conv2d", "k=99"])
    assert tty.finish() == 1
    assert "error: " in tty.seen
    assert "loading" not in tty.seen


def test_width_is_obeyed(terminal: Any) -> None:
    tty = terminal(["conv2d", "k=5", "--no-run", "--width", "60"], 140)
    assert tty.finish() == 0
    assert max(map(len, tty.screen)) <= 60


# --- the same stages, in this process --------------------------------------------------------------------------------


def pretend(monkeypatch: pytest.MonkeyPatch, lines: str = "50") -> list[str]:
    """Makes standard output say that it is a terminal; returns what is written to it, as it grows."""
    written: list[str] = []
    real = sys.stdout.write

    def write(text: str) -> int:
        written.append(text)
        return real(text)

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "write", write)
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "120"), ("LINES", lines)):
        monkeypatch.setenv(name, value)
    return written


@pytest.mark.parametrize("lines", ["50", "6"])
def test_torch_is_asked_when_the_first_stage_stands(
    cli: Any, fake_torch: Any, torch_child: Any, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = pretend(monkeypatch, lines)
    before: list[str] = []

    def ask(plan: Any) -> Any:
        before.append("".join(written))
        return torch_child.ask(plan)

    code, out, err = cli("conv2d k=5 -i 1,3,16,16", child=fake_torch(ask))
    assert (code, err) == (0, "")
    assert "32,400" in before[0]
    assert "checks agree" not in before[0]
    assert "checks agree" in unstyled(out)


@pytest.mark.parametrize("lines", ["50", "6"])
def test_a_difference_is_shown_in_the_second_stage(
    cli: Any, lying_torch: Any, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, lines)
    code, out, err = cli("conv2d k=5 -i 1,3,16,16", child=lying_torch)
    assert (code, err) == (3, "")
    assert "outputs.0.shape" in unstyled(out)
    assert ("✗" in out) == (lines == "50")


def test_no_run_on_a_terminal_draws_once(cli: Any, no_torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    code, out, _ = cli("conv2d k=5 --no-run", child=no_torch)
    assert code == 0
    assert "─" in out
    assert "loading" not in out
    assert len(re.findall(r"^ *H_out\b", unstyled(out), re.M)) == 1
