"""The designs of ``docs/designs``: their published numbers, by formulas and by torch, and the page that lists them.

``LAYERCLI_UPDATE=1 pytest tests/docs`` writes the page anew.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from layercli import analyze
from layercli.report import Report
from layercli.spec import format_spec, parse

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "designs"
UPDATE = bool(os.environ.get("LAYERCLI_UPDATE"))


class Published(NamedTuple):
    """What a design comes to, as its source or a real module of torch has it."""

    output: tuple[int, ...]
    params: int
    macs: int


DESIGNS = {
    "lenet5": Published((1, 10), 61_706, 416_520),
    "cifar-tutorial": Published((1, 10), 62_006, 651_720),
    "mnist-example": Published((1, 10), 1_199_882, 11_992_448),
    "alexnet": Published((1, 1000), 61_100_840, 714_188_480),
    "vgg11": Published((1, 1000), 132_863_336, 7_609_090_048),
    "vgg16": Published((1, 1000), 138_357_544, 15_470_264_320),
    "vgg19": Published((1, 1000), 143_667_240, 19_632_062_464),
    "resnet18": Published((1, 1000), 11_689_512, 1_814_073_344),
    "resnet50": Published((1, 1000), 25_557_032, 4_089_184_256),
    "inception3a": Published((1, 256, 28, 28), 163_696, 128_049_152),
    "mobilenet-block": Published((1, 24, 56, 56), 8_832, 25_740_288),
    "se-block": Published((1, 256, 14, 14), 8_464, 8_192),
    "unet2015": Published((1, 2, 388, 388), 31_030_658, 150_428_424_448),
    "unet": Published((1, 1, 256, 256), 7_763_041, 12_071_206_912),
    "dcgan-generator": Published((1, 3, 64, 64), 3_576_704, 104_628_224),
    "dcgan-discriminator": Published((1, 1, 1, 1), 2_765_568, 103_817_216),
    "lstm-classifier": Published((8, 2), 3_648_514, 2_415_927_296),
    "transformer-encoder": Published((10, 1, 512), 18_914_304, 189_358_080),
    "vit-b16": Published((1, 1000), 86_567_656, 17_563_828_224),
}

STAGES = {
    # torchvision's modules of these names; stem is its conv1 and bn1, patches its conv_proj
    "resnet18": {
        "stem": ((64, 56, 56), 9_536),
        "layer1": ((64, 56, 56), 147_968),
        "layer2": ((128, 28, 28), 525_568),
        "layer3": ((256, 14, 14), 2_099_712),
        "layer4": ((512, 7, 7), 8_393_728),
        "fc": ((1000,), 513_000),
    },
    "resnet50": {
        "stem": ((64, 56, 56), 9_536),
        "layer1": ((256, 56, 56), 215_808),
        "layer2": ((512, 28, 28), 1_219_584),
        "layer3": ((1024, 14, 14), 7_098_368),
        "layer4": ((2048, 7, 7), 14_964_736),
        "fc": ((1000,), 2_049_000),
    },
    "alexnet": {"features": ((256, 6, 6), 2_469_696), "classifier": ((1000,), 58_631_144)},
    "vgg11": {"features": ((512, 7, 7), 9_220_480), "classifier": ((1000,), 123_642_856)},
    "vgg16": {"features": ((512, 7, 7), 14_714_688), "classifier": ((1000,), 123_642_856)},
    "vgg19": {"features": ((512, 7, 7), 20_024_384), "classifier": ((1000,), 123_642_856)},
    "vit-b16": {"patches": ((768, 14, 14), 590_592), "encoder": ((197, 768), 85_207_296), "heads": ((1000,), 769_000)},
    # the sizes in figure 1 of the paper
    "unet2015": {
        "enc1": ((64, 568, 568), 37_568),
        "enc2": ((128, 280, 280), 221_440),
        "enc3": ((256, 136, 136), 885_248),
        "enc4": ((512, 64, 64), 3_539_968),
        "bottom": ((1024, 28, 28), 14_157_824),
        "dec4": ((512, 52, 52), 7_078_912),
        "dec3": ((256, 100, 100), 1_769_984),
        "dec2": ((128, 196, 196), 442_624),
        "dec1": ((64, 388, 388), 110_720),
    },
}


def text_of(name: str) -> str:
    """A design as it is written."""
    return (FOLDER / f"{name}.layers").read_text("utf-8")


@cache
def by_formulas(name: str) -> Report:
    """What the formulas alone say of a design."""
    return analyze(text_of(name), run=False)


def header(name: str) -> list[str]:
    """The comment that a design opens with."""
    lines = text_of(name).splitlines()
    count = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return [line.lstrip("# ") for line in lines[:count]]


def test_every_design_of_the_folder_has_published_numbers() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {"README.md", *(f"{name}.layers" for name in DESIGNS)}


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_written_for_people(name: str) -> None:
    lines = text_of(name).splitlines()
    first = next(line for line in lines if not line.startswith("#"))
    assert first.startswith("input "), "it says what it is for"
    assert max(map(len, lines)) <= 100
    said = header(name)
    assert 2 <= len(said) <= 3, "what it is, where it is from, what it comes to"
    assert sum("https://" in line for line in said) == 1
    for figure in DESIGNS[name][1:]:
        assert f"{figure:,}" in said[-1]


@pytest.mark.parametrize("name", DESIGNS)
def test_formulas_give_the_published_numbers(name: str) -> None:
    report = by_formulas(name)
    assert report.ok, report.analysis.error
    assert report.output is not None
    totals = report.totals
    assert Published(report.output.shape, totals["params"], totals["macs"]) == DESIGNS[name]
    assert not [note.code for row in report.analysis.rows for note in row.notes], "nothing in it is doubtful"


@pytest.mark.parametrize("name", DESIGNS)
def test_three_times_the_batch_is_three_times_the_work(name: str) -> None:
    ((_, fed),) = by_formulas(name).analysis.inputs
    axis = 1 if name == "transformer-encoder" else 0
    batch = [3 * size if index == axis else size for index, size in enumerate(fed.shape)]
    report = analyze(text_of(name), batch, run=False)
    assert report.ok, report.analysis.error
    assert (report.totals["params"], report.totals["macs"]) == (DESIGNS[name].params, 3 * DESIGNS[name].macs)


@pytest.mark.parametrize("name", DESIGNS)
def test_on_one_line_it_is_the_same_design(name: str) -> None:
    line = format_spec(parse(text_of(name)))
    assert "\n" not in line
    totals = analyze(line, run=False).totals
    assert totals == by_formulas(name).totals


@pytest.mark.parametrize("name", DESIGNS)
def test_torch_agrees_with_a_design(name: str, cli: Any) -> None:
    """Every shape and count, and the multiply-adds: with numbers, or on the meta device where it is large."""
    document = cli.json(["run", "-f", str(FOLDER / f"{name}.layers"), "--measure", "all"])
    measured = document["measured"]
    assert measured["status"] == "agrees", measured["reason"]
    checks = measured["checks"]
    assert [check["torch"] for check in checks if check["of"] == "macs"] == [DESIGNS[name].macs]
    assert {row["path"] for row in document["layers"]} <= {check["path"] for check in checks}
    assert tuple(document["output"]["shape"]) == DESIGNS[name].output


@pytest.mark.parametrize("name", STAGES)
def test_stages_give_the_published_numbers(name: str) -> None:
    params: Counter[str] = Counter()
    shapes = {}
    for row in by_formulas(name).to_dict()["layers"]:
        stage = row["path"].partition(".")[0]
        params[stage] += row["params"]["total"]
        shapes[stage] = tuple(row["outputs"][0]["shape"][1:])
    assert {stage: (shapes[stage], params[stage]) for stage in STAGES[name]} == STAGES[name]


# --- the page ---


def test_the_page_of_the_designs() -> None:
    file = FOLDER / "README.md"
    if UPDATE:
        file.write_text(page(), "utf-8")
    assert file.exists(), "README.md is missing: LAYERCLI_UPDATE=1 pytest tests/docs"
    assert file.read_text("utf-8") == page(), "README.md is not current: LAYERCLI_UPDATE=1 pytest tests/docs"


def page() -> str:
    """The page, from the designs and what the formulas say of them."""
    lines = [
        "<!-- Written from the designs by LAYERCLI_UPDATE=1 pytest tests/docs. -->",
        "# Designs",
        "",
        "Networks and blocks that people know, in layercli's language, each with the numbers published for it.",
        "",
        "```sh",
        "layercli run -f docs/designs/resnet18.layers",
        "```",
        "",
        "Parameters are those of the torch modules, biases included. MACs are the multiply-adds of convolutions "
        "and matrix products: biases, norms and activations are not counted.",
        "",
        "| design | input | output | parameters | MACs | source |",
        "|---|---|---|---:|---:|---|",
    ]
    return "\n".join([*lines, *map(row, DESIGNS)]) + "\n"


def row(name: str) -> str:
    """A design's line of the table."""
    report = by_formulas(name)
    assert report.output is not None
    ((_, given),) = report.analysis.inputs
    fed = shown(given.shape) + ("" if given.dtype == "float32" else f" {given.dtype}")
    totals = report.totals
    cells = (
        f"[{name}]({name}.layers)", fed, shown(report.output.shape), f"{totals['params']:,}", f"{totals['macs']:,}",
        source(name),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def shown(shape: tuple[int, ...]) -> str:
    """A shape as it is written."""
    return ",".join(map(str, shape))


def source(name: str) -> str:
    """Where it is from: the words before the link in its opening comment, or the site that it leads to."""
    line = next(line for line in header(name) if "https://" in line)
    found = re.search(r"https://\S*[^\s,;:.]", line)
    assert found is not None
    words = line[: found.start()].rstrip(", ")
    return f"[{words or urlsplit(found[0]).netloc}]({found[0]})"
