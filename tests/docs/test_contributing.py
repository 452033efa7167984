"""The worked example of docs/CONTRIBUTING.md: a layer taken out of a copy of the project, and added as it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "CONTRIBUTING.md").read_text("utf-8")


def block(name: str) -> str:
    """The fenced block behind a comment of this name."""
    found = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None, name
    return found[1]


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of the text, in the copy."""
    line = line.replace("python ", f"{sys.executable} ", 1)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTEST"))}
    environment = {**kept, "PYTHONPATH": str(folder), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_layer_that_contributing_adds(tmp_path: Path) -> None:
    for name in ("layercli", "tests", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    file = tmp_path / "layercli" / "layers" / "activation.py"
    source, entry = file.read_text("utf-8"), block("entry")
    assert source.count(entry) == 1, "the entry stands in the project as it stands in the text"
    write = block("write").replace("tests/docs", "tests/docs/test_pages.py").replace("tests/test_readme.py", "")
    write = f"{write.strip()} -k 'index or activation'\n"

    file.write_text(source.replace(entry, ""), "utf-8")
    assert run(write, tmp_path).returncode == 0
    gone = run(block("try"), tmp_path)
    assert "there is no command or layer 'leakyrelu'" in gone.stderr

    file.write_text(source, "utf-8")
    assert run(write, tmp_path).returncode == 0
    page = (tmp_path / "docs" / "layers" / "activation.md").read_text("utf-8")
    assert page == (ROOT / "docs" / "layers" / "activation.md").read_text("utf-8")
    judged = run(block("judge"), tmp_path)
    assert judged.returncode == 0, judged.stdout[-2000:]
    tried = run(block("try"), tmp_path)
    assert tried.returncode == 0
    assert "agree" in tried.stdout
