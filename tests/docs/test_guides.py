"""The guides do what they say: every block is run. ``LAYERCLI_UPDATE=1 pytest tests/docs`` writes the outputs anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layercli.layers import find
from tests.docs.console import ROOT, blocks, check

GUIDES = [ROOT / "docs" / name for name in ("language.md", "figures.md", "compare.md", "suggest.md")]
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
