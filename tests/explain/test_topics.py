"""Topics: each is worked out on examples, drawn in every form, and its figures are those of the analysis."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from rich.console import Console

from layercli.analysis.rules import rules
from layercli.analysis.walk import Options, analyse_spec
from layercli.cli.inputs import parse_inputs
from layercli.explain.diagram import Diagram
from layercli.explain.essay import Essay, Rows
from layercli.explain.together import together
from layercli.explain.topics import TOPICS, topic
from layercli.layers import known_names
from layercli.render import page as written
from layercli.spec import parse
from tests.explain.seen import WIDTHS, check_drawn


def check(essay: Essay) -> None:
    for part in essay.parts:
        if isinstance(part, Diagram):
            check_drawn(part)
        elif isinstance(part, Rows):
            assert all(len(row) == len(part.columns) for row in part.rows)
    for width in WIDTHS:
        console = Console(file=io.StringIO(), width=width, color_system=None)
        console.print(written.renderable(essay))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert all(len(line.rstrip()) <= width for line in text.splitlines()), text
        assert written.text(essay, width, unicode=False).isascii()
    assert essay.title in written.html(essay)
    if essay.diagram is not None:
        ElementTree.fromstring(written.svg(essay))


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic(name: str) -> None:
    check(topic(name))


def test_names_are_no_layers_and_no_notes() -> None:
    assert not set(TOPICS) & {*known_names(), *rules()}


def test_a_code_that_a_topic_refers_to_is_there() -> None:
    for found in TOPICS.values():
        for command in found.more:
            word = command.split()[2] if command.startswith("layercli explain") else ""
            assert not word or word in known_names() or word in rules() or word in TOPICS


def test_the_receptive_field_of_three_small_kernels_is_that_of_a_large_one() -> None:
    rows = [row for part in topic("receptive-field").parts if isinstance(part, Rows) for row in part.rows]
    fields = {row[0]: row[-1] for row in rows if "conv2d 16" in row[0]}
    assert len(fields) == 3
    assert set(fields.values()) == {"7x7, stride 1, padding 3"}


TOGETHER = [("relu", "sigmoid", "tanh"), ("lstm 10", "gru 10", "rnn 10"), ("conv2d k=3", "maxpool2d 2")]


@pytest.mark.parametrize("names", TOGETHER)
def test_layers_together(names: tuple[str, ...]) -> None:
    analyses = [analyse_spec(parse(name), parse_inputs(()), Options()) for name in names]
    found = together(analyses)
    check(found)
    (table,) = (part for part in found.parts if isinstance(part, Rows))
    for row, analysis in zip(table.rows, analyses, strict=True):
        assert row[3] == f"{analysis.rows[0].bound.params:,}"
