"""docs/explorer.md: its pictures are what the commands above them draw. ``LAYERCLI_UPDATE=1`` writes them anew."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.docs.console import ROOT, blocks, check

PAGE = ROOT / "docs" / "explorer.md"
UPDATE = bool(os.environ.get("LAYERCLI_UPDATE"))
PICTURES = re.findall(r"<!-- layercli (.+?) -->\n!\[(.+?)\]\((.+?)\)", PAGE.read_text("utf-8"))


@pytest.mark.parametrize(("command", "words", "file"), PICTURES, ids=[file for _, _, file in PICTURES])
def test_a_picture_is_what_its_command_draws(cli: Any, command: str, words: str, file: str) -> None:
    answer = cli([*shlex.split(command), "--format", "svg"])
    assert answer.code == 0, answer.err
    ElementTree.fromstring(answer.out)
    assert words.endswith(tuple("abcdefghijklmnopqrstuvwxyz"))
    path = PAGE.parent / file
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(answer.out, "utf-8")
    assert path.read_text("utf-8") == answer.out, f"{file} is old: LAYERCLI_UPDATE=1 pytest tests/docs"


def test_no_picture_is_left_over() -> None:
    named = {file for _, _, file in PICTURES}
    text = PAGE.read_text("utf-8")
    kept = {f"pictures/{path.name}" for path in (PAGE.parent / "pictures").glob("*.svg")}
    assert {file for file in kept if file not in text} == set()
    assert named <= kept
    assert len(named) >= 9, "the notebook's nine pictures"


@pytest.mark.parametrize("number", range(len(blocks(PAGE))))
def test_a_block(number: int, tmp_path: Path) -> None:
    check(PAGE, number, tmp_path, UPDATE)
