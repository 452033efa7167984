"""The page of every layer: drawn in every form and width, with the numbers of the analysis in it."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.cli.inputs import parse_inputs
from layercli.explain.changes import changes
from layercli.explain.diagram import Nothing
from layercli.explain.page import Page, page
from layercli.explain.pictures import file_of
from layercli.layers import find, known_names
from layercli.render import page as written
from layercli.spec import parse
from tests.explain.seen import WIDTHS

LAYERS = [layer for name in known_names() if (layer := find(name))]


def analysed(command: str) -> Analysis:
    """What an example of a layer says: its words and its inputs."""
    words, *inputs = command.split(" -i ")
    return analyse_spec(parse(words), parse_inputs(inputs), Options())


def drawn(found: Any, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    console.print(written.renderable(found))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def pages(name: str) -> list[Page]:
    """The pages of a layer's examples that are one layer."""
    layer = find(name)
    assert layer is not None
    single = (example for example in layer.examples if "|" not in example and "--" not in example)
    found = [analysed(example) for example in single]
    return [page(each) for each in found if each.error is None and len(each.rows) == 1]


@pytest.mark.parametrize("name", [layer.name for layer in LAYERS if layer.name != "input"])
def test_every_layer_has_a_page_that_is_drawn_in_every_form(name: str) -> None:
    found = pages(name)
    assert found, f"no example of {name} makes a page"
    for each in found:
        wide = re.sub(r"\s", "", written.text(each, 120))
        for formula in each.bound.formulas():
            assert re.sub(r"\s", "", formula.symbolic) in wide, formula
            assert re.sub(r"\s", "", f"={formula.substituted}") in wide, formula
            assert f"{formula.value:,}" in wide, formula
        if isinstance(each.diagram, Nothing):
            assert each.diagram.why in written.text(each, 80)
        else:
            ElementTree.fromstring(written.svg(each))
    first = found[0]
    for width in WIDTHS:
        for line in drawn(first, width).splitlines():
            assert len(line.rstrip()) <= width, f"{name} at {width}: {line}"
        assert written.text(first, width, unicode=False).isascii()
    assert first.bound.layer.summary in written.markdown(first).replace("\\", "")
    assert "<html" in written.html(first)


def test_every_layer_is_drawn_by_a_file() -> None:
    assert not [layer.name for layer in LAYERS if not file_of(layer.name)]


@pytest.mark.parametrize(
    ("command", "key", "before", "after", "shape"),
    [
        ("conv2d 3 k=5 -i 1,3,16,16", "k", "5", "7", "1,3,10,10"),
        ("conv2d 3 k=5 -i 1,3,16,16", "s", "1", "2", "1,3,6,6"),
        ("conv2d 3 k=5 -i 1,3,16,16", "g", "1", "3", "1,3,12,12"),
        ("lstm 20 -i 5,3,16", "batch_first", "false", "true", "5,3,20 1,5,20 1,5,20"),
        ("flatten -i 2,3,4,5", "start", "1", "2", "2,3,20"),
        ("upsample scale=2 -i 1,3,8,8", "scale", "2", "4", "1,3,32,32"),
    ],
)
def test_a_key_is_changed_and_what_comes_out_is_the_analysis_of_it(
    command: str, key: str, before: str, after: str, shape: str
) -> None:
    found = {change.key.names[-1]: change for change in changes(analysed(command).rows[0].bound, "train")}
    assert (found[key].before, found[key].after, found[key].shapes[1]) == (before, after, shape)
    words, *rest = command.split(" -i ")
    again = analysed(" -i ".join([re.sub(rf" {key}=\S+", "", words) + f" {key}={after}", *rest])).rows[0].bound
    assert found[key].params[1] == again.params
    assert found[key].macs[1] == again.macs


def test_the_line_to_paste_builds_the_layer() -> None:
    torch = pytest.importorskip("torch")
    long = "transformer 4 1 1 32 batch_first=true layer_norm_eps=0.001 activation=gelu -i 2,5,16 -i tgt=2,3,16"
    for command in ("conv2d 8 3 s=2 p=1 -i 1,3,16,16", "lstm 20 2 -i 5,3,16", "linear 10 -i 2,4", long):
        found = page(analysed(command))
        module = eval(written.in_pytorch(found), {"nn": torch.nn})
        assert sum(weight.numel() for weight in module.parameters()) == found.bound.params
    assert written.in_pytorch(page(analysed("permute 0,2,1 -i 1,3,4"))) == "x.permute(0, 2, 1)"


def test_pitfalls_are_notes_on_layers_of_its_kind() -> None:
    found = page(analysed("convtranspose2d 8 4 s=2 -i 1,8,4,4"))
    assert "conv.checkerboard" in [pitfall.code for pitfall in found.pitfalls]
    said = page(analysed("convtranspose2d 8 3 s=2 -i 1,8,4,4"))
    assert "conv.checkerboard" in [note.code for note in said.said]
    assert "conv.checkerboard" not in [pitfall.code for pitfall in said.pitfalls]
