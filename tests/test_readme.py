"""README.md does what it says: every block is run, what it shows is what comes out.

The two lines of "Set-up" are run by .ci/run. ``LAYERCLI_UPDATE=1 pytest tests/test_readme.py`` writes the outputs and
the screenshot anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from layercli.cli.help import folded
from layercli.layers.registry import families
from tests.docs.pages import file_of

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SCREENSHOT = ROOT / "docs" / "conv2d.svg"
MAIN = "layercli conv2d --kernel 5 --dilation 2 --input 1,3,16,16"
UPDATE = bool(os.environ.get("LAYERCLI_UPDATE"))
MARK = "\x1e"


class Block(NamedTuple):
    """A fenced block: the section it stands in, its language, its lines, and where its first line is."""

    section: str
    language: str
    lines: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Of a console block: each command and what it shows."""
        found: list[tuple[str, str]] = []
        for line in self.lines:
            if line.startswith("$ "):
                found.append((line[2:], ""))
            else:
                found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
        return found


def blocks() -> list[Block]:
    """Every fenced block of the README."""
    found, section, inside = [], "", None
    for number, line in enumerate(README.read_text("utf-8").splitlines()):
        if line.startswith("```"):
            if inside is None:
                inside = (line[3:], number + 1)
            else:
                lines = README.read_text("utf-8").splitlines()[inside[1] : number]
                found.append(Block(section, inside[0], tuple(lines), inside[1]))
                inside = None
        elif line.startswith("## ") and inside is None:
            section = line[3:]
    assert inside is None, "a block is not closed"
    return found


def versionless(text: str) -> str:
    """The text without torch's version, which is the reader's own."""
    return re.sub(r"\btorch \d+\.\d+\.\d+\S*", "torch 2.13.0", text.replace("\xa0", " ").replace("&#160;", " "))


def run(commands: list[str], folder: Path) -> list[str]:
    """Runs commands in one bash, one after the other; what each writes, errors included."""
    programs = folder / "bin"
    programs.mkdir()
    for name, words in (("layercli", "-m layercli"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    work = folder / "work"
    work.mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "NO_COLOR", "COLUMNS"}}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    script = "".join(f"{command}\nprintf '{MARK}'\n" for command in commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        env={**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "PATH": f"{programs}{os.pathsep}{kept['PATH']}"},
    )  # fmt: skip
    *outputs, rest = done.stdout.decode("utf-8").split(MARK)
    assert len(outputs) == len(commands), done.stdout.decode("utf-8")
    assert rest == ""
    return [versionless(output) for output in outputs]


def replace_lines(start: int, count: int, text: str) -> None:
    """Puts text in the place of some lines of the README."""
    lines = README.read_text("utf-8").splitlines(keepends=True)
    README.write_text("".join([*lines[:start], text, *lines[start + count :]]), "utf-8")


def test_the_blocks_are_of_kinds_that_are_run() -> None:
    kinds = {(block.section == "Set-up", block.language) for block in blocks()}
    assert kinds == {(True, "sh"), (False, "console"), (False, "python")}, "another kind of block would not be run"


def test_set_up_is_two_lines_that_end_in_the_table_and_in_the_tests() -> None:
    table, tests = (block for block in blocks() if block.section == "Set-up")
    assert len(table.lines) == len(tests.lines) == 1
    assert table.text.endswith(f" && {MAIN}\n")
    assert tests.text.endswith(" && pytest\n")
    for block in (table, tests):
        assert "pip install -c constraints.txt " in block.text


@pytest.mark.parametrize(
    "number", [pytest.param(n, id=f"{b.section}-{n}") for n, b in enumerate(blocks()) if b.language == "console"]
)
def test_console_block(number: int, tmp_path: Path) -> None:
    block = blocks()[number]
    outputs = run([command for command, _ in block.commands], tmp_path)
    if UPDATE:
        shown = "".join(f"$ {command}\n{output}" for (command, _), output in zip(block.commands, outputs, strict=True))
        replace_lines(block.start, len(block.lines), shown)
        return
    for (command, expected), output in zip(block.commands, outputs, strict=True):
        assert output == expected, (
            f"`{command}` writes something else; if that is right: LAYERCLI_UPDATE=1 pytest {__file__}"
        )


@pytest.mark.parametrize("number", [n for n, block in enumerate(blocks()) if block.language == "python"])
def test_python_block(number: int, tmp_path: Path) -> None:
    block = blocks()[number]
    assert ">>> " in block.text, "a Python block without a prompt would not be checked"
    (tmp_path / "block.txt").write_text(block.text, "utf-8")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "doctest", str(tmp_path / "block.txt")], capture_output=True, text=True, timeout=120,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_screenshot_is_the_tools_own(tmp_path: Path) -> None:
    (drawn,) = run([f"{MAIN} --format svg --width 120"], tmp_path)
    if UPDATE:
        SCREENSHOT.write_text(drawn, "utf-8")
    assert f'<img src="{SCREENSHOT.relative_to(ROOT).as_posix()}"' in README.read_text("utf-8")
    assert words_of(SCREENSHOT.read_text("utf-8")) == words_of(drawn)


def words_of(svg: str) -> list[str]:
    """What a drawing says: its pieces of text without the spaces that lay them out."""
    pieces = re.findall(r"<text[^>]*>([^<]*)</text>", versionless(svg))
    return [" ".join(piece.split()) for piece in pieces if piece.strip()]


def test_the_layers_of_the_table_are_those_that_there_are() -> None:
    head, _, rest = README.read_text("utf-8").partition("| family | layers |\n|---|---|\n")
    table, _, tail = rest.partition("\n\n") if rest[0] != "\n" else ("", "", rest[1:])
    families_ = [
        (f"[{name}](docs/layers/{file_of(name)})", " ".join(folded(names))) for name, names in families().items()
    ]
    rows = [f"| {linked} | {names} |" for linked, names in families_]
    if UPDATE:
        README.write_text("\n".join([f"{head}| family | layers |\n|---|---|", *rows, "", tail]), "utf-8")
    else:
        assert table.splitlines() == rows, f"LAYERCLI_UPDATE=1 pytest {__file__}"


def test_what_it_points_at_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README.read_text("utf-8"))
    local = [target for target in targets if "://" not in target]
    assert len(local) > 2
    assert [target for target in local if not (ROOT / target).exists()] == []
