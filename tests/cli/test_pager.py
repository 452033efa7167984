"""A long answer on a terminal goes through a pager, a short one does not."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from layercli.cli import pager
from layercli.cli.options import Settings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("lines", "taken"), [(100, True), (3, False)])
def test_a_pager_takes_what_does_not_fit(monkeypatch: Any, tmp_path: Path, lines: int, taken: bool) -> None:
    taken_to = tmp_path / "taken"
    monkeypatch.setenv("PAGER", f"tee {taken_to}")
    monkeypatch.setattr(sys, "stdout", shown := Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal())
    pager.paged(Text("\n".join(f"line {number}" for number in range(lines))), Settings(width=80))
    assert taken_to.exists() is taken
    text = taken_to.read_text() if taken else shown.getvalue()
    assert [line.strip() for line in text.splitlines()] == [f"line {number}" for number in range(lines)]


@pytest.mark.parametrize("name", ["cat", "", "no-such-pager"])
def test_without_a_pager_it_is_written(monkeypatch: Any, name: str) -> None:
    monkeypatch.setenv("PAGER", name)
    monkeypatch.setattr(sys, "stdout", shown := Terminal())
    monkeypatch.setattr(sys, "stdin", Terminal())
    pager.paged(Text("\n".join("x" * 200)), Settings(width=80))
    assert shown.getvalue().count("x") == 200
