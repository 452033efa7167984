"""Completion in bash, zsh and fish: commands, keys, the words that keys take."""

from __future__ import annotations

import re
from typing import Any

import pytest

from layercli.cli.catalogue import VERBS
from layercli.cli.complete import commands, words
from layercli.layers import find, known_names

SHELLS = ["bash", "zsh", "fish"]


def complete(cli: Any, monkeypatch: pytest.MonkeyPatch, shell: str, line: str) -> list[str]:
    """What the shell is offered at the end of a line."""
    typed = line.split(" ")
    monkeypatch.setenv("_LAYERCLI_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(typed) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    code, out, err = cli([], exits=True)
    assert (code, err) == (0, "")
    if shell == "zsh":
        return re.findall(r'^(?:_arguments .*\(\()?"([^":\\]+)', out, re.M)
    return [found.partition("\t")[0] for found in out.splitlines() if found]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("layercli conv", [name for name in known_names() if name.startswith("conv")]),
        ("layercli lst", ["lstm", "lstmcell"]),
        ("layercli ba", ["batch", "batchnorm1d", "batchnorm2d", "batchnorm3d"]),
        ("layercli conv2d ker", ["kernel_size=", "kernel="]),
        ("layercli conv2d k=5 padding_m", ["padding_mode="]),
        ("layercli conv2d padding_mode=re", ["padding_mode=reflect", "padding_mode=replicate"]),
        ("layercli conv2d p=", ["p=same", "p=valid"]),
        ("layercli conv2d bias=", ["bias=true", "bias=false"]),
        ("layercli rnn nonlinearity=", ["nonlinearity=tanh", "nonlinearity=relu"]),
        ("layercli conv2d --ker", ["--kernel", "--kernel-size"]),
        ("layercli conv2d --padding-mode re", ["reflect", "replicate"]),
        ("layercli conv2d --padding sa", ["same"]),
        ("layercli conv2d --format j", ["json", "jsonl"]),
        ("layercli run --measure ", ["shapes", "all"]),
        ("layercli list po", ["pooling"]),
    ],
)
def test_completion(cli: Any, monkeypatch: pytest.MonkeyPatch, shell: str, line: str, found: list[str]) -> None:
    assert set(complete(cli, monkeypatch, shell, line)) == set(found)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_of_nothing_yet_offers_everything(cli: Any, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    assert set(complete(cli, monkeypatch, shell, "layercli ")) == {*VERBS, *known_names()}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_for_the_shell(cli: Any, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_LAYERCLI_COMPLETE", f"source_{shell}")
    code, out, _ = cli([], exits=True)
    assert code == 0
    assert f"complete_{shell}" in out
    assert "layercli" in out


def test_completion_loads_neither_torch_nor_rich(cli: Any) -> None:
    code = (
        "import sys\nfrom layercli.__main__ import main\ntry:\n    main()\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)"
    )
    found = cli.process(
        [], code=code, _LAYERCLI_COMPLETE="complete_bash", COMP_WORDS="layercli conv2d ker", COMP_CWORD="2"
    )  # fmt: skip
    assert found.returncode == 0
    assert b"kernel=" in found.stdout
    loaded = set(found.stderr.decode().split())
    assert not {"torch", "rich.console", "pydantic", "layercli.measure.child"} & loaded
    assert not {"layercli.layers.pool", "layercli.analysis.walk"} & loaded, "one family, and nothing that computes"


def test_the_pieces() -> None:
    assert [item.value for item in commands("ver")] == ["version"]
    assert {item.type for item in commands("")} == {"plain"}, "a description is no type"
    assert all(item.help for item in commands("") if item.value in VERBS)
    layer = find("conv2d")
    assert layer is not None
    offered = dict(words(layer, ""))
    assert {"kernel=", "padding_mode=", "bias="} <= set(offered)
    assert all(offered.values()), "each key with its meaning"
    assert words(layer, "nonsense=") == []
    assert words(layer, "kernel=") == []
