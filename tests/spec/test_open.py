"""Values and steps that are left open, as sweeping and solving read them."""

from __future__ import annotations

from typing import Any

import pytest

from layercli.errors import LayerError
from layercli.spec import EITHER, Choice, Item, Op, Range, Unknown, format_spec, parse


def items(text: str) -> list[Item]:
    unit = parse(text, open=True).chain.steps[0].unit
    assert isinstance(unit, Op)
    return [item for argument in unit.arguments for item in argument.items]


def written(item: Item) -> Any:
    """An open item without its places in the text."""
    if isinstance(item.open, Choice):
        return tuple("x".join(part.text for part in option) for option in item.open.options)
    return item.open if item.open is not None else item.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv2d k=_", [Unknown()]),
        ("conv2d _ 3", [Unknown(), 3]),
        ("conv2d k=1..9", [Range(1, 9, 1)]),
        ("conv2d k=64..256..64", [Range(64, 256, 64)]),
        ("pad -2..2,1", [Range(-2, 2, 1), 1]),
        ("conv2d k=3/5/7", [("3", "5", "7")]),
        ("conv2d k=3x3/1x5", [("3x3", "1x5")]),
        ("conv2d p=same/valid/2", [("same", "valid", "2")]),
        ("conv2d k=1..3/7", [("1..3", "7")]),
        ("dropout 0.1/0.5", [("0.1", "0.5")]),
        ("conv2d k=(3,_)", [3, Unknown()]),
        ("conv2d k=3", [3]),
    ],
)
def test_values(text: str, expected: list[Any]) -> None:
    assert [written(item) for item in items(text)] == expected


@pytest.mark.parametrize(
    ("text", "chains"),
    [
        ("{relu / gelu | dropout}", ["relu", "gelu | dropout"]),
        ("{relu/gelu}", ["relu", "gelu"]),
        ("{relu / }", ["relu", ""]),
        ("{conv2d 8 3 / conv2d 8 5 p=1}", ["conv2d 8 3", "conv2d 8 5 p=1"]),
        ("{add( ; relu) / (gelu | tanh)}", ["add ( ; relu)", "(gelu | tanh)"]),
        ("{\n relu /\n gelu\n}", ["relu", "gelu"]),
    ],
)
def test_steps(text: str, chains: list[str]) -> None:
    unit = parse(text, open=True).chain.steps[0].unit
    assert isinstance(unit, Op)
    assert unit.name == EITHER
    assert [format_spec(branch).replace("add(", "add (") for branch in unit.branches] == chains


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("conv2d k=9..1", "spec.range", "9..1"),
        ("conv2d k=1..9..0", "spec.range", "1..9..0"),
        ("conv2d k=1..", "spec.range", "1.."),
        ("conv2d k=1...9", "spec.range", "1...9"),
        ("conv2d k=3/", "spec.alternatives", "/"),
        ("conv2d k=_/3", "spec.alternatives", "_/3"),
        ("{relu", "spec.unclosed", "{"),
        ("{relu / gelu", "spec.unclosed", "{"),
        ("{relu | }", "spec.empty-step", "|"),
        ("relu}", "spec.separator", "}"),
        ("{relu)", "spec.unopened", ")"),
    ],
)
def test_what_is_wrong(text: str, code: str, marked: str) -> None:
    with pytest.raises(LayerError) as caught:
        parse(text, open=True)
    assert caught.value.span is not None
    start, end = caught.value.span
    assert (caught.value.code, text[start:end]) == (code, marked)


def test_what_is_not_open_reads_the_same() -> None:
    text = "stem: 2*(conv2d 8 3x5 p=same | relu) | add( ; identity) | cat dim=1 @stem"
    assert parse(text, open=True) == parse(text)
