"""What starts with the command, and what does not."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from layercli.__main__ import asks_torch, main


@pytest.mark.parametrize(
    ("line", "environment", "asks"),
    [
        ("conv2d k=5", {}, True),
        ("conv2d k=5 --json", {}, True),
        ("run relu", {}, True),
        ("relu|tanh", {}, True),
        ("foo", {}, True),
        ("", {}, False),
        ("--help", {}, False),
        ("-h", {}, False),
        ("--version", {}, False),
        ("list", {}, False),
        ("list pooling", {}, False),
        ("batch x.jsonl", {}, False),
        ("batch x.jsonl --run", {}, False),
        ("compare relu tanh", {}, False),
        ("schema", {}, False),
        ("version", {}, False),
        ("conv2d k=5 --no-run", {}, False),
        ("conv2d --no-run k=5", {}, False),
        ("conv2d --help", {}, False),
        ("conv2d -h", {}, False),
        ("run -h", {}, False),
        ("conv2d", {"_LAYERCLI_COMPLETE": "complete_bash"}, False),
    ],
)
def test_torch_starts_only_where_it_will_be_asked(line: str, environment: dict[str, str], asks: bool) -> None:
    assert asks_torch(line.split(), environment) == asks


def test_completion_starts_no_torch(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["layercli", "conv2d"])
    monkeypatch.setenv("_LAYERCLI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "layercli conv2d ker")
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setattr("layercli.measure.child.Child", lambda **_: pytest.fail("torch was started"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)


@pytest.mark.parametrize(("line", "code"), [("list", 0), ("conv2d k=99 --no-run", 1), ("nothing", 2)])
def test_main_ends_with_the_code(monkeypatch: pytest.MonkeyPatch, no_torch: Any, line: str, code: int) -> None:
    monkeypatch.setattr(sys, "argv", ["layercli", *line.split()])
    monkeypatch.setattr("layercli.measure.child.Child", lambda **_: no_torch)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code


def test_main_starts_torch_before_the_command(monkeypatch: pytest.MonkeyPatch, torch_child: Any) -> None:
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(sys, "argv", ["layercli", "relu", "-i", "2,3"])
    monkeypatch.setattr("layercli.measure.child.Child", lambda **how: started.append(how) or torch_child)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert started == [{"once": True}]


LOADED = """\
import sys
from layercli.__main__ import main
try:
    main()
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize(
    "line",
    [
        "conv2d --kernel 5 --dilation 2 --input 1,3,16,16 --no-run",
        "conv2d k=5 --no-run --json",
        "run conv2d:relu --no-run",
        "list",
        "--version",
        "--help",
        "version",
        "batch -",
        "lstm 4 -h",
    ],
)
def test_what_a_pipe_does_not_load(cli: Any, line: str) -> None:
    words = [word.replace("conv2d:relu", "conv2d k=5 | relu") for word in line.split()]
    found = cli.process(words, code=LOADED, stdin=b'{"spec": "relu", "input": [1]}\n')
    assert found.returncode == 0
    loaded = set(found.stderr.decode().split())
    assert "layercli.cli.app" in loaded
    for heavy in (
        "torch",
        "numpy",
        "rich.table",
        "rich.live",
        "rich.console",
        "pydantic",
        "sympy",
        "asyncio",
        "layercli.measure.build",
    ):
        assert heavy not in loaded, heavy


def test_one_layer_builds_one_family(cli: Any) -> None:
    found = cli.process(["conv2d", "k=5", "--no-run"], code=LOADED)
    families = {name for name in found.stderr.decode().split() if name.startswith("layercli.layers.")}
    assert "layercli.layers.conv" in families
    assert not families & {"layercli.layers.pool", "layercli.layers.norm", "layercli.layers.recurrent"}


def test_the_whole_command_with_torch_in_a_child(cli: Any) -> None:
    """The parent never holds torch; and torch's warnings reach nobody."""
    found = cli.process(["conv2d", "k=5", "-i", "1,3,16,16"], code=LOADED)
    assert found.returncode == 0
    assert "checks agree" in found.stdout.decode()
    loaded = found.stderr.decode().split("\n")
    assert "torch" not in loaded
    assert "warn" not in found.stderr.decode().lower().replace("warnings", "").replace("_warnings", "")


def test_it_is_found_from_anywhere(cli: Any, write: Any) -> None:
    """A file of the working directory is never taken for a module."""
    for name in ("torch.py", "typer.py", "json.py"):
        write(name, "raise SystemExit('the wrong module')\n")
    found = cli.process(
        ["relu", "-i", "2,3", "--no-run"],
        code="import sys\nsys.path[:] = [p for p in sys.path if p]\nfrom layercli.__main__ import main\nmain()",
    )
    assert found.returncode == 0
    assert os.linesep.encode() in found.stdout
