"""What the language means: each text beside the tree that it stands for."""

from __future__ import annotations

import pytest

from layercli.errors import LayerError, Span
from layercli.spec import Group, format_spec, parse, parse_op, parse_values

from .trees import outline, walk

CHAINS = [
    ("relu", "[relu()]"),
    ("conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2", "[conv2d(8, k=5, p=2, s=2), relu(), maxpool2d(2)]"),
    ("conv2d 8\nrelu\n\n\nmaxpool2d 2\n", "[conv2d(8), relu(), maxpool2d(2)]"),
    ("\n relu |\n\n tanh\r\n\t| gelu \n", "[relu(), tanh(), gelu()]"),
    ("relu # ReLU | tanh (\u2212\n# alone\ngelu#", "[relu(), gelu()]"),
    ("\ufeffrelu", "[relu()]"),
    ("enc: conv2d 8 | dec:relu | up : relu", "[enc! conv2d(8), dec! relu(), up! relu()]"),
    ("3*relu | 2 * lstm 8", "[3 x relu(), 2 x lstm(8)]"),
    ("1*relu | 02*relu", "[relu(), 2 x relu()]"),
    ("(relu | tanh)", "[[relu(), tanh()]]"),
    ("enc: 2*(3*(conv2d 8 | relu) | maxpool2d 2)", "[enc! 2 x [3 x [conv2d(8), relu()], maxpool2d(2)]]"),
    ("2*(\n  conv2d 8\n  relu\n)\ntanh", "[2 x [conv2d(8), relu()], tanh()]"),
    ("a: (b: relu)", "[a! [b! relu()]]"),
]

VALUES = [
    ("3", "3"),
    ("007", "7"),
    ("-1", "-1"),
    ("0.5", "0.5"),
    (".5", "0.5"),
    ("5.", "5.0"),
    ("-.5", "-0.5"),
    ("1e-5", "1e-05"),
    ("2E3", "2000.0"),
    ("inf", "inf"),
    ("-inf", "-inf"),
    ("nan", "nan"),
    ("true", "True"),
    ("False", "False"),
    ("none", "None"),
    ("same", "'same'"),
    ("nearest-exact", "'nearest-exact'"),
    ("Same", "'Same'"),
    ("max", "'max'"),
    ("in", "'in'"),
    ("_private", "'_private'"),
    ("3,5", "[3, 5]"),
    ("3x5", "[3, 5]"),
    ("1x2x3", "[1, 2, 3]"),
    ("-1,0.5,same,true", "[-1, 0.5, 'same', True]"),
    ("(3,5)", "[3, 5]"),
    ("( 3 ,\t5 )", "[3, 5]"),
    ("(3x5)", "[3, 5]"),
    ("(3,5,)", "[3, 5]"),
    ("(3,)", "[3]"),
    ("(3)", "3"),
    ("(true)", "True"),
    ("(same,valid)", "['same', 'valid']"),
]

OPS = [
    ("conv2d 3 64 7", "conv2d(3, 64, 7)"),
    ("conv2d 8 k=5 2 s=1", "conv2d(8, k=5, 2, s=1)"),
    ("maxpool2d (2,2)", "maxpool2d([2, 2])"),
    ("maxpool2d 2 2", "maxpool2d(2, 2)"),
    ("conv2d\t8  k=(3, 5)\ts=1,2", "conv2d(8, k=[3, 5], s=[1, 2])"),
    ("conv2d (3,5) (1,2)", "conv2d([3, 5], [1, 2])"),
    ("conv2d 8 3 relu", "conv2d(8, 3, 'relu')"),
    ("Conv2d k=5", "Conv2d(k=5)"),
    ("conv2d K=5 k=6", "conv2d(K=5, k=6)"),
    ("_op9 _k=none", "_op9(_k=None)"),
    ("input 1,3,32,32 dtype=int64", "input([1, 3, 32, 32], dtype='int64')"),
]


@pytest.mark.parametrize(("text", "tree"), CHAINS)
def test_chains(text: str, tree: str) -> None:
    """Steps, separators, comments, labels, repeats, groups."""
    assert outline(parse(text).chain) == tree


@pytest.mark.parametrize(("text", "tree"), OPS)
def test_ops(text: str, tree: str) -> None:
    """An op reads the same alone, in a chain and in the middle of another text."""
    assert outline(parse(text).chain) == f"[{tree}]"
    assert outline(parse_op(text, 0, len(text))) == tree
    assert outline(parse_op(f"8) {text} | x", 3, 3 + len(text))) == tree


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text: str, value: str) -> None:
    """A value reads the same alone, after a key and, where it is no lone parenthesis, in a place of its own."""
    assert outline(parse_values(text, 0, len(text))) == value
    assert outline(parse(f"op key={text}").chain) == f"[op(key={value})]"
    assert outline(parse(f"op {text}").chain) == f"[op({value})]"


def test_kinds_and_texts() -> None:
    """An item says what kind it is and keeps what was written."""
    argument = parse_values("007,1e-5,same,true,none,-inf", 0, 28)
    assert [(item.kind, item.text) for item in argument.items] == [
        ("int", "007"),
        ("float", "1e-5"),
        ("word", "same"),
        ("bool", "true"),
        ("none", "none"),
        ("float", "-inf"),
    ]
    assert argument.items[3].value is True


def test_spans_of_everything() -> None:
    """Each node knows where it stands; a group holds its parentheses, a step its label and repeat."""
    text = "  relu | enc: 2*(conv2d 3x5 k=( 1, 2 ) | tanh )  "
    nodes = [(type(node).__name__, text[node.span.start : node.span.end]) for node in walk(parse(text).chain)]
    group = "(conv2d 3x5 k=( 1, 2 ) | tanh )"
    assert nodes == [
        ("Chain", f"relu | enc: 2*{group}"),
        ("Step", "relu"),
        ("Op", "relu"),
        ("Step", f"enc: 2*{group}"),
        ("Group", group),
        ("Chain", "conv2d 3x5 k=( 1, 2 ) | tanh"),
        ("Step", "conv2d 3x5 k=( 1, 2 )"),
        ("Op", "conv2d 3x5 k=( 1, 2 )"),
        ("Argument", "3x5"),
        ("Item", "3"),
        ("Item", "5"),
        ("Argument", "k=( 1, 2 )"),
        ("Item", "1"),
        ("Item", "2"),
        ("Step", "tanh"),
        ("Op", "tanh"),
    ]


def test_spans_of_names() -> None:
    """Labels, ops and keys have spans of their own; what is absent has none."""
    text = "enc: conv2d 8 k=5 | relu"
    first, second = parse(text).chain.steps
    assert not isinstance(first.unit, Group)
    positional, keyed = first.unit.arguments
    assert first.label_span == Span(0, 3)
    assert first.unit.name_span == Span(5, 11)
    assert (positional.name, positional.name_span, keyed.name_span) == (None, None, Span(14, 15))
    assert (second.label, second.label_span, second.repeat) == (None, None, 1)


def test_a_byte_order_mark_stands_at_the_start_of_a_whole_text_only() -> None:
    """A part of a text has no such mark of its own."""
    assert parse_op("\ufeffrelu", 0, 5).name == "relu"
    assert parse_op("\ufeffrelu", 1, 5).name == "relu"


def test_an_op_inside_a_command_line() -> None:
    """Spans count from the start of the whole text, which errors keep too."""
    text = "layercli conv2d 8 k=5 --dilation 2"
    op = parse_op(text, 9, 21)
    assert (op.span, op.arguments[1].span) == (Span(9, 21), Span(18, 21))
    assert parse_values(text, 33, 34).items[0].span == Span(33, 34)
    with pytest.raises(LayerError) as caught:
        parse_op(text, 9, 20)
    assert (caught.value.span, caught.value.source) == (Span(18, 20), text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("relu", 1),
        ("relu | tanh", 2),
        ("3*relu | tanh", 4),
        ("2*(3*(conv2d 8 | relu) | maxpool2d 2) | linear 5", 15),
        ("1000*(1000*relu)", 1_000_000),
    ],
)
def test_expanded_steps(text: str, count: int) -> None:
    """Repeats multiply; nothing is written out."""
    assert parse(text).expanded_steps == count


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("relu\ntanh", "relu | tanh"),
        ("enc :2 * ( relu\n)", "enc: 2*(relu)"),
        ("op 3x5  k=( 3, 5 ) j=(3,) i=(3)", "op 3,5 k=3,5 j=(3,) i=3"),
        ("op 007 1E-5 True # why", "op 007 1E-5 True"),
        ("1*relu", "relu"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    """One spelling for the structure; each scalar stays as it was written."""
    assert format_spec(parse(text)) == canonical
    assert format_spec(parse(text).chain) == canonical
