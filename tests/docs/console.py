"""Fenced blocks of the documentation: found, run, and written anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
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


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    found, section, inside = [], "", None
    lines = page.read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("```"):
            if inside is None:
                inside = (line[3:], number + 1)
            else:
                found.append(Block(section, inside[0], tuple(lines[inside[1] : number]), inside[1]))
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


def check(page: Path, number: int, folder: Path, update: bool) -> None:
    """Runs the console block of this number and holds its outputs against the page, or writes them into it."""
    block = blocks(page)[number]
    outputs = run([command for command, _ in block.commands], folder)
    if update:
        shown = "".join(f"$ {command}\n{output}" for (command, _), output in zip(block.commands, outputs, strict=True))
        lines = page.read_text("utf-8").splitlines(keepends=True)
        page.write_text("".join([*lines[: block.start], shown, *lines[block.start + len(block.lines) :]]), "utf-8")
        return
    for (command, expected), output in zip(block.commands, outputs, strict=True):
        assert output == expected, f"`{command}` writes something else; if that is right, update with LAYERCLI_UPDATE=1"
