"""The help: first screens, a page for every command, and every example run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layercli.cli.catalogue import VERBS
from layercli.layers import families, find, known_names

COMMANDS = (*VERBS, *known_names())
EXAMPLE = re.compile(r"^ {2,6}((?:layercli|cat|echo|printf) .*)$", re.M)


def examples(page: str) -> list[str]:
    """The command lines that a help page shows."""
    return [line.strip() for line in EXAMPLE.findall(page) if "layercli " in line]


# --- the first screens ----------------------------------------------------------------------------------------------


def test_the_bare_command_shows_two_examples(cli: Any) -> None:
    code, out, err = cli("")
    assert (code, err) == (0, "")
    assert len(examples(out)) == 2
    assert "--help" in out
    assert len(out.splitlines()) < 12


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_overview(cli: Any, option: str) -> None:
    code, out, err = cli(option)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert 24 <= len(lines) <= 56, "it fits one screen"
    assert max(map(len, lines)) <= 100
    words = set(re.findall(r"[\w-]+", out))
    for stem, ranks in re.findall(r"(\w+)((?:[123]d/)+[123]d)", out):
        words.update(stem + rank for rank in ranks.split("/"))
    assert {*VERBS, *known_names(), *families()} <= words, "every verb and every layer, by family"
    assert out.index("layercli conv2d") < out.index("Commands"), "examples first"
    order = [re.search(rf"^  {name}\b", out, re.M).start() for name in (*VERBS, *families())]  # type: ignore[union-attr]
    assert order == sorted(order), "verbs, then the layers"


# --- every page -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_page(cli: Any, command: str) -> None:
    code, out, err = cli(f"{command} -h")
    assert (code, err) == (0, "")
    if command in (*VERBS, "conv2d"):
        assert cli(f"{command} --help").out == out
    first = re.search(r"^ +\S*.*layercli ", out, re.M)
    assert first is not None, "a page has an example"
    assert first.start() < out.index("Options:"), "it leads with examples"
    assert out.index("Usage:") == 0
    assert max(map(len, out.splitlines())) <= 100
    assert "-h, --help" in out


@pytest.mark.parametrize("name", known_names())
def test_page_of_a_layer_names_every_key(cli: Any, name: str) -> None:
    layer = find(name)
    assert layer is not None
    out = cli(f"{name} -h").out
    for key in layer.shell_keys:
        for spelling in key.names:
            if len(spelling) > 1:
                assert f"--{spelling.strip('_').replace('_', '-')}" in out
        assert key.meaning, f"{name}: {key.name} has no meaning"
    for shared in (
        "--input",
        "--json",
        "--no-run",
        "--format",
        "--device",
        "--dtype",
        "--train",
        "--eval",
        "--timeout",
        "--debug",
        "--measure",
    ):
        assert shared in out
    assert ("--unroll" in out) == bool(layer.unroll)
    assert f"[{layer.called or 'a step of layercli'}]" in " ".join(out.split())


def test_help_needs_no_torch(cli: Any, no_torch: Any) -> None:
    for line in ("-h", "conv2d -h", "run -h", "", "list", "version", "schema", "--version"):
        assert cli(line, child=no_torch).code == 0


# --- every example --------------------------------------------------------------------------------------------------


LAYER_EXAMPLES = [(name, command) for name in known_names() for command in find(name).commands]  # type: ignore[union-attr]


def test_every_layer_has_an_example() -> None:
    assert {name for name, _ in LAYER_EXAMPLES} == set(known_names())


@pytest.mark.parametrize(("name", "command"), LAYER_EXAMPLES)
def test_example_of_a_layer(cli: Any, name: str, command: str) -> None:
    assert f"  {command}\n" in cli(f"{name} -h").out, "it is shown as it is"
    document = cli.json(command.removeprefix("layercli "))
    assert document["measured"]["status"] == "agrees"
    if name == "input":  # no layer, but what is fed to the first one
        assert document["inputs"][0]["shape"] == [1, 3, 32, 32]
    else:
        assert document["layers"][0]["op"] == name


def test_examples_of_the_verbs_and_first_screens(cli: Any, write: Any, tmp_path: Path) -> None:
    """Run by a shell, as they stand there."""
    pages = [cli("").out, cli("-h").out, *(cli(f"{verb} -h").out for verb in VERBS)]
    lines = sorted({line for page in pages for line in examples(page) if not line.startswith("layercli explore")})
    assert {shlex.split(line, comments=False)[0] for line in lines} >= {"layercli", "cat", "echo"}
    assert len(lines) >= 12
    write("net.layers", "conv2d 8 3 p=1\nrelu\nflatten\nlinear 10\n")
    write("specs.jsonl", '{"id": 1, "spec": "conv2d k=5 | relu", "input": [1, 3, 16, 16]}\n' * 2)
    command = write("layercli", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m layercli "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, _paths())),
    }
    # All in one shell, side by side: each loads torch for itself.
    script = "".join(
        f"( {line.strip()} ) >{number}.out 2>{number}.err & wait_{number}=$!\n" for number, line in enumerate(lines)
    )
    script += "".join(f"wait $wait_{number}; echo $? >{number}.code\n" for number in range(len(lines)))
    subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, check=True, timeout=300)
    ended = {line: (tmp_path / f"{number}.code").read_text().strip() for number, line in enumerate(lines)}
    complaints = {line: (tmp_path / f"{number}.err").read_text() for number, line in enumerate(lines)}
    assert set(ended.values()) == {"0"}, ended
    assert set(complaints.values()) == {""}, complaints


def _paths() -> list[Path]:
    return [Path(__file__).resolve().parents[2]]


# --- the small verbs ------------------------------------------------------------------------------------------------


def test_list(cli: Any) -> None:
    code, out, err = cli("list")
    assert (code, err) == (0, "")
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert listed == list(known_names())
    titles = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert titles == list(families())
    for line in out.splitlines():
        if line.startswith("  "):
            assert len(line.split()) > 1, "a layer has a summary"


@pytest.mark.parametrize("family", families())
def test_list_of_a_family(cli: Any, family: str) -> None:
    code, out, _ = cli(["list", family])
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == list(families()[family])


def test_list_as_json(cli: Any) -> None:
    import json

    found = json.loads(cli("list --json").out)
    assert {title: [entry["name"] for entry in entries] for title, entries in found.items()} == {
        title: list(names) for title, names in families().items()
    }
    conv = next(entry for entry in found["convolution"] if entry["name"] == "conv2d")
    assert conv["torch"] == "Conv2d"
    assert conv["positional"] == ["out_channels", "kernel_size", "stride", "padding"]
    assert "padding_mode" in conv["keys"]
    assert json.loads(cli("list pooling --json").out).keys() == {"pooling"}


def test_schema_prints_the_schema_that_is_shipped(cli: Any, schema: Any) -> None:
    import json

    code, out, err = cli("schema")
    assert (code, err) == (0, "")
    assert json.loads(out) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_versions(cli: Any) -> None:
    import json
    from importlib.metadata import version

    from layercli import __version__

    assert cli("--version") == (0, f"layercli {__version__}\n", "")
    found = json.loads(cli("version --json").out)
    assert found["layercli"] == __version__
    assert found["torch"] == version("torch")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    shown = dict(line.split() for line in cli("version").out.splitlines())
    assert shown == found


def test_a_missing_package_is_said(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    from layercli.cli import verb_version

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(verb_version, "version", missing)
    assert re.search(r"^torch +not installed$", cli("version").out, re.M)
