"""The pages of ``docs/layers`` are what the definitions say, and their examples print what they show."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from layercli.analysis.layer import Bound
from layercli.analysis.walk import Options, analyse_spec
from layercli.cli.inputs import parse_inputs
from layercli.layers import families, find, known_names
from layercli.layers.definition import Layer
from layercli.layers.left_out import LEFT_OUT
from layercli.spec import parse
from tests.docs import pages

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "layers"
UPDATE = bool(os.environ.get("LAYERCLI_UPDATE"))


def same(name: str, text: str) -> None:
    """The file holds this text; it is written first where that is asked for."""
    file = FOLDER / name
    if UPDATE:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    assert file.exists(), f"{name} is missing: LAYERCLI_UPDATE=1 pytest tests/docs"
    assert file.read_text("utf-8") == text, f"{name} is not current: LAYERCLI_UPDATE=1 pytest tests/docs"


def bounds(layer: Layer) -> list[tuple[str, Bound]]:
    """The layer as each of its examples has it; a cell that is unrolled is one step of it."""
    found = []
    for example in layer.examples:
        words, *inputs = example.split(" --")[0].split(" -i ")
        analysis = analyse_spec(parse(words), parse_inputs(inputs), Options())
        assert analysis.error is None, analysis.error
        bound = analysis.rows[0].bound
        if bound.layer.name == layer.name:  # an input step has no row
            found.append((example, bound))
    return found


@pytest.mark.parametrize("family", families())
def test_a_page_says_what_the_definitions_say(family: str, cli: Any) -> None:
    def run(line: str) -> str:
        answer = cli(shlex.split(line)[1:])
        assert answer.code == 0, answer
        return re.sub(r"\btorch \d+\.\d+\.\d+\S*", "torch 2.13.0", answer.out)

    same(pages.file_of(family), pages.page(family, run, bounds))


def test_the_index_of_the_pages() -> None:
    same("README.md", pages.index())


def test_there_is_no_page_of_what_is_no_family() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {"README.md", *map(pages.file_of, families())}


def test_every_module_of_torch_is_a_layer_or_left_out_for_a_reason() -> None:
    import torch

    found = (getattr(torch.nn, name) for name in dir(torch.nn))
    exported = {item.__name__ for item in found if isinstance(item, type) and issubclass(item, torch.nn.Module)}
    every = [layer for name in known_names() if (layer := find(name))]
    defined = {layer.torch for layer in every if not layer.operation}
    assert not defined & set(LEFT_OUT)
    assert exported - defined == set(LEFT_OUT), "define it, or say in layers/left_out.py why not"
    assert defined <= exported
    assert all(LEFT_OUT.values())


def test_every_operation_is_a_function_of_torch_or_a_step_of_its_own() -> None:
    import torch

    every = [layer for name in known_names() if (layer := find(name)) and layer.operation]
    for layer in every:
        found: Any = torch
        for name in layer.called.split(".")[1:]:
            found = getattr(found, name)
        assert callable(found) or not layer.called
    assert {layer.name for layer in every if not layer.called} == {"crop", "input", "pick"}
