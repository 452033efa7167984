"""The guides do what they say: every block is run. ``LAYERCLI_UPDATE=1 pytest tests/docs`` writes the outputs anew."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from layercli.design.domains import ALONE, AMONG_OTHERS
from layercli.layers import find
from tests.docs.console import ROOT, blocks, check

GUIDES = [
    ROOT / "docs" / name for name in ("language.md", "figures.md", "compare.md", "suggest.md", "solve.md", "sweep.md")
]
UPDATE = bool(os.environ.get("LAYERCLI_UPDATE"))


@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page, number, id=f"{page.stem}-{block.section}-{number}")
        for page in GUIDES
        for number, block in enumerate(blocks(page))
    ],
)
def test_a_block(page: Path, number: int, tmp_path: Path) -> None:
    assert blocks(page)[number].language == "console", "another kind of block would not be run"
    check(page, number, tmp_path, UPDATE)


def test_the_steps_that_the_language_lists_are_there() -> None:
    text = (ROOT / "docs" / "language.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    names = [word.strip(" `,").split()[0] for row in rows for word in row.split("`, `")]
    assert len(names) > 15
    assert [name for name in names if find(name) is None] == []


def test_the_plot_of_sweep_is_what_its_command_saves(cli: Any, tmp_path: Path) -> None:
    page = ROOT / "docs" / "sweep.md"
    ((command, name),) = re.findall(r"<!-- layercli (.+?) -->\n!\[.+?\]\((.+?)\)", page.read_text("utf-8"))
    saved = tmp_path / "plot.svg"
    assert cli([*shlex.split(command), "--save", str(saved)]).code == 0
    if UPDATE:
        (page.parent / name).write_text(saved.read_text("utf-8"), "utf-8")
    assert (page.parent / name).read_text("utf-8") == saved.read_text("utf-8"), "LAYERCLI_UPDATE=1 pytest tests/docs"


def test_solve_is_as_wide_as_its_guide_says() -> None:
    text = (ROOT / "docs" / "solve.md").read_text("utf-8")
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in text.splitlines() if ".. " not in line]
    said = {row[0]: tuple(row[1:]) for row in rows if len(row) == 3}
    for key in ALONE:
        assert said[key] == tuple(f"{first}..{last}" for first, last in (ALONE[key], AMONG_OTHERS[key]))
