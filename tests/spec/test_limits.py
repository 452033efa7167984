"""How large a text may be, and that a hostile one is answered at once: no size here lets a slow algorithm through."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from layercli.errors import LayerError, Span
from layercli.spec import Group, Op, format_spec, parse, parse_op, parse_values
from layercli.spec.limits import BRANCHES, DIGITS, LENGTH, NESTING, STEPS

from .test_errors import EXAMPLES, refusal
from .trees import bare

FULL = LENGTH
PART = LENGTH // 16
"""For texts that parse, whose trees are large: a quadratic algorithm would still need hours."""


def nested(depth: int) -> str:
    """A step in that many groups."""
    return "(" * depth + "relu" + ")" * depth


def test_nesting() -> None:
    """A hundred groups deep is fine; the next parenthesis is where it ends."""
    assert parse(nested(NESTING)).expanded_steps == 1
    error = refusal(nested(NESTING + 1))
    assert (error.code, error.span) == ("limit.nesting", Span(NESTING, NESTING + 1))


def test_nesting_counts_groups_that_are_open() -> None:
    """Groups beside each other are not within each other, and tuples are no groups."""
    chain = parse(" | ".join([nested(NESTING)] * 3)).chain
    assert len(chain.steps) == 3
    assert parse("op" + " (1,)" * 1000).expanded_steps == 1


def merged(depth: int) -> str:
    """A step in that many branches."""
    return "add( ; " * depth + "relu" + ")" * depth


def test_branches_are_as_deep_as_groups() -> None:
    """What stands in a branch is one deeper, whatever the parentheses are."""
    assert parse(merged(NESTING)).expanded_steps == NESTING + 1
    for text in (merged(NESTING + 1), "add((" * (NESTING // 2) + "add(relu ; )", "(add( ; " * (NESTING // 2) + "(relu"):
        error = refusal(text)
        assert error.code == "limit.nesting"
        assert error.span is not None
        assert text[slice(*error.span)] == "("
        assert text[: error.span.start].count("(") == NESTING


def test_branches() -> None:
    """256 branches are merged, one more is an error at the name."""
    (step,) = parse("add(" + ";" * (BRANCHES - 1) + ")").chain.steps
    assert isinstance(step.unit, Op)
    assert len(step.unit.branches) == BRANCHES
    assert len(format_spec(parse("add(" + "relu;" * (BRANCHES - 1) + ")"))) < 8 * BRANCHES
    error = refusal("relu | add(relu" + " ; tanh" * BRANCHES + ")")
    assert (error.code, error.span) == ("limit.branches", Span(7, 10))


@pytest.mark.parametrize("nested", [nested, merged])
def test_the_deepest_tree_needs_few_frames(nested: Callable[[int], str]) -> None:
    """Who calls from deep in a program still gets an answer."""
    depth = 0
    frame = sys._getframe()
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    before = sys.getrecursionlimit()
    text = nested(NESTING)
    sys.setrecursionlimit(depth + 6 * NESTING)
    try:
        spec = parse(text)
        again = parse(format_spec(spec))
        assert spec.expanded_steps in (1, NESTING + 1)
    finally:
        sys.setrecursionlimit(before)
    assert bare(again.chain) == bare(spec.chain)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("1000*(1000*(1000*relu))", Span(0, 4)),
        ("relu | 1000*(2*(1000*relu))", Span(7, 11)),
        ("1000001*relu", Span(0, 7)),
        ("999999*relu | relu | tanh", Span(21, 25)),
        ("2*(500000*relu | tanh)", Span(0, 1)),
        ("9" * DIGITS + "*relu", Span(0, DIGITS)),
        ("1000*add( ; 1000*relu)", Span(0, 4)),
        ("relu | add(999999*relu ; tanh)", Span(7, 30)),
        ("add(1000001*relu ; )", Span(4, 11)),
        ("add(600000*relu ; 600000*relu) | tanh", Span(0, 30)),
        ("relu | 600000*nn.Sequential(nn.ReLU(), nn.Tanh())", Span(7, 13)),
        ("tanh | 10*(" * 99 + "relu" + ")" * 99, Span(11 * 93 + 7, 11 * 93 + 9)),
    ],
)
def test_steps(text: str, marked: Span) -> None:
    """The repeat, or the step, with which there are too many: innermost first, because that is read first."""
    error = refusal(text)
    assert (error.code, error.span) == ("limit.steps", marked)


def test_as_many_steps_as_allowed() -> None:
    """A million is fine and takes no time, because none is written out."""
    assert parse("1000*(1000*relu)").expanded_steps == STEPS
    assert parse("999999*relu | tanh").expanded_steps == STEPS
    assert parse("add(499999*relu ; 500000*tanh)").expanded_steps == STEPS
    (step,) = parse("1000000*(relu)").chain.steps
    assert isinstance(step.unit, Group)
    assert len(step.unit.chain.steps) == 1


@pytest.mark.parametrize(
    "form",
    ["enc: relu | op @enc.{}", "op {}", "op k={}", "op -{}", "op (1,{})", "op 1,{}", "op 2x{}", "op {}x2", "op .{}"],
)
def test_digits(form: str) -> None:
    """Four thousand digits are a number, one more is an error that stays short."""
    assert parse(form.format("7" * DIGITS)).expanded_steps == 1 + form.count("relu")
    text = form.format("7" * (DIGITS + 1))
    error = refusal(text)
    assert error.code == "limit.digits"
    assert error.span is not None
    assert text[slice(*error.span)].lstrip("-.") == "7" * (DIGITS + 1)
    assert len(error.message) < 200


def test_digits_of_a_repeat() -> None:
    """A repeat is a number too."""
    assert refusal("0" * DIGITS + "1*relu").code == "limit.digits"
    assert parse("0" * (DIGITS - 1) + "2*relu").expanded_steps == 2


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python has no limit of its own")
def test_digits_where_python_allows_fewer() -> None:
    """PYTHONINTMAXSTRDIGITS may be set lower; that is the same error."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert refusal("op " + "7" * 641).code == "limit.digits"
        assert parse("op " + "7" * 640).expanded_steps == 1
    finally:
        sys.set_int_max_str_digits(before)


def test_length() -> None:
    """Length is looked at before anything else; the span is what is too much."""
    assert parse("relu" + " " * (FULL - 4)).expanded_steps == 1
    text = "\x00" + "relu" + " " * (FULL - 4)
    error = refusal(text)
    assert (error.code, error.span) == ("limit.length", Span(FULL, FULL + 1))
    for read in (parse_op, parse_values):
        with pytest.raises(LayerError) as caught:
            read(text, 1, 5)
        assert caught.value.code == "limit.length"


def filled(begin: str, unit: str, end: str = "", size: int = FULL) -> str:
    """A text of about that many characters."""
    return begin + unit * ((size - len(begin) - len(end)) // len(unit)) + end


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (filled("", "|"), "spec.empty-step"),
        (filled("relu", "|"), "spec.empty-step"),
        (filled("", "("), "limit.nesting"),
        (filled("op ", "("), "limit.nesting"),
        (filled("op", "("), "limit.nesting"),
        (filled("op ", "(\n"), "limit.nesting"),
        (filled("op", "(", ";"), "limit.nesting"),
        (filled("op (", "\n"), "spec.unclosed"),
        (filled("op (", "\n", "3"), "spec.unclosed"),
        (filled("op(", "\n", "3)"), "spec.call"),
        (filled("", "op("), "limit.nesting"),
        (filled("", "op(\n"), "limit.nesting"),
        (filled("", "op (3,) (", "relu ; )"), "limit.nesting"),
        (filled("", "op( ; "), "limit.nesting"),
        (filled("", "op(" + "(" * 98), "limit.nesting"),
        (filled("", ";"), "spec.name"),
        (filled("relu", ";"), "spec.separator"),
        (filled("relu", ";)"), "spec.branches"),
        (filled("(relu", ";"), "spec.branches"),
        (filled("op(", ";"), "limit.branches"),
        (filled("op(relu", "; relu"), "limit.branches"),
        (filled("op(relu", "|relu", size=PART), "spec.unclosed"),
        (filled("op(", "relu, "), "spec.branches"),
        (filled("", "op( ; relu) | ", "@enc", size=PART), "spec.unknown-label"),
        (filled("", "@"), "spec.reference"),
        (filled("", "@a "), "spec.reference"),
        (filled("op", " @a", size=PART), "spec.unknown-label"),
        (filled("op", " @a", "| a: relu", size=PART), "spec.reference"),
        (filled("op ", "@a,"), "spec.separator"),
        (filled("a: relu | op", " @a", " 3", size=PART), "spec.order"),
        (filled("a: relu | op", " @a", " k=" + "3" * 99_999), "spec.order"),
        (filled("@", "e"), "spec.unknown-label"),
        (filled("@e", ".1", "."), "spec.reference"),
        (filled("", "@a|", "@a", size=PART), "spec.unknown-label"),
        ("|".join(f"l{i}: a" for i in range(60_000)) + "|@nowhere", "spec.unknown-label"),
        ("|".join(f"l{i}: a" for i in range(60_000)) + "|@l", "spec.unknown-label"),
        (filled("", "l") + ": a | @" + "l" * 9, "limit.length"),
        ("l" * PART + "a: a | @" + "l" * PART + "b", "spec.unknown-label"),
        (filled("", "(nn."), "spec.unclosed"),
        (filled("", "nn.A"), "spec.pytorch-notation"),
        (filled("", "nn.A("), "limit.nesting"),
        (filled("relu|", "nn.A("), "spec.unclosed"),
        (filled("relu|nn.A(", "("), "spec.unclosed"),
        (filled("relu|", "nn.A()", size=PART), "spec.separator"),
        (filled("", "nn.A()|", size=PART // 4), "spec.empty-step"),
        (filled("", "nn.Sequential()|", "nn.Sequential()", size=PART // 4), "spec.empty"),
        (filled("", ")"), "spec.unopened"),
        (filled("", "()"), "spec.empty"),
        (filled("op ", "7"), "limit.digits"),
        (filled("", "7"), "spec.name"),
        (filled("", "7", "*relu"), "limit.digits"),
        (filled("op ", "."), "spec.value"),
        (filled("op ", "1."), "limit.digits"),
        (filled("op ", "-"), "spec.value"),
        (filled("op ", "-", ">"), "spec.separator"),
        (filled("op ", "=-"), "spec.key"),
        (filled("op ", "1/"), "spec.alternatives"),
        (filled("op ", "1.."), "limit.digits"),
        (filled("op ", "+"), "spec.value"),
        (filled("op ", "a-"), "spec.value"),
        (filled("op ", "_-", "_/"), "spec.alternatives"),
        (filled("op @", "enc."), "spec.reference"),
        (filled("op k", "="), "spec.key"),
        (filled("", ":"), "spec.label"),
        (filled("", "a:"), "spec.label"),
        (filled("", "2*"), "spec.repeat"),
        (filled("op ", "1,", ","), "spec.tuple"),
        (filled("op ", "1,", " 2"), "spec.spaces"),
        (filled("op (", "1, "), "spec.unclosed"),
        (filled("op 1", "x1", "x"), "spec.number"),
        (filled("", " "), "spec.empty"),
        (filled("", "\n"), "spec.empty"),
        (filled("", "\r\n"), "spec.empty"),
        (filled("", "\r"), "spec.unexpected-character"),
        (filled("", "#\n"), "spec.empty"),
        (filled("", "#"), "spec.empty"),
        (filled("", "\ufeff"), "spec.unexpected-character"),
        (filled("", "a=1 "), "spec.name"),
        (filled("op ", "k=1 "), "spec.duplicate-key"),
        (filled("", "a: relu\n"), "spec.duplicate-label"),
        (filled("2*(", "relu|", size=PART), "spec.unclosed"),
        (filled("", "1000*(", "relu" + ")" * 100), "limit.nesting"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_hostile_text_is_refused(text: str, code: str) -> None:
    """A mebibyte of anything is an error at its place, told in a few words."""
    error = refusal(text)
    assert error.code == code
    assert error.span is not None
    assert 0 <= error.span.start <= error.span.end <= len(text)
    assert len(error.message) + len(error.fix) < 300


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (filled("a", "|a", size=PART), (PART - 1) // 2 + 1),
        (filled("", "a\n", size=PART), PART // 2),
        (filled("(a)", "|(a)", size=PART), (PART - 3) // 4 + 1),
        ("|".join(f"l{i}:2*a" for i in range(20_000)), 40_000),
        ("a " + " ".join(f"k{i}=1" for i in range(20_000)), 1),
        (filled("a", " 7", size=PART), 1),
        (filled("a", " (7,)", size=PART), 1),
        (filled("a 7", ",7", size=PART), 1),
        (filled("a 7", "x7", size=PART), 1),
        (filled("a (7", " , 7", ")", size=PART), 1),
        (filled("a k", "y", "=3"), 1),
        (filled("a w", "-w"), 1),
        (filled("a", "\n", "b"), 2),
        (filled("a", "#|\n", "b"), 2),
        (filled("a", "#", "\nb"), 2),
        (filled("a", "\t", "7"), 1),
        (filled("b:b", "|b @b", size=PART), (PART - 3) // 5 + 1),
        (filled("b:b|b", " @b", size=PART), 2),
        (filled("b:b|@b", ".1", size=PART), 2),
        (filled("b:b|b", " @b.1", "(;)", size=PART), 2),
        (filled("b:b", "|(@b)", size=PART), (PART - 3) // 5 + 1),
        (filled("", "b(a;)|", "a", size=PART), (PART - 1) // 6 * 2 + 1),
        (filled("", "b(;)\n", size=PART), PART // 5),
        (filled("b(a", "|a", ";)", size=PART), (PART - 5) // 2 + 2),
        (filled("b(", "\n", ";)"), 1),
        (filled("b(", "\n", "a)"), 2),
        (filled("b", "\t", "(;)"), 1),
        ("".join(f"l{i}:b @l{i - 1}\n" if i else "l0:b\n" for i in range(20_000)), 20_000),
        (filled("", "b(;" * 99 + "a" + ")" * 99 + "\n", size=PART), PART // 398 * 100),
        (filled("", "A()|", "a", size=PART // 4), PART // 4 // 4 + (PART // 4 % 4 > 0)),
        (filled("", "(" * 99 + "a" + ")" * 99 + "\n", size=PART), PART // 200),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, str) else "",
)
def test_a_huge_text_is_read(text: str, steps: int) -> None:
    """What is long and right is read, and written again."""
    spec = parse(text)
    assert spec.expanded_steps == steps
    canonical = format_spec(spec)
    assert canonical.count("|") + 1 <= steps
    assert parse(canonical).expanded_steps == steps
    assert "\n" not in canonical


@pytest.mark.parametrize("text", sorted({text for text, _ in EXAMPLES if any(map(str.isalpha, text))}))
def test_messages_stay_short(text: str) -> None:
    """However long the words of a wrong text are, what is said about it is not."""
    errors = [error for letter in set(filter(str.isalpha, text)) - {"x", "e"} if (error := outcome(text, letter))]
    assert errors
    assert max(len(error.message) for error in errors) < 200
    assert max(len(error.fix) for error in errors) < 200


def outcome(text: str, letter: str) -> LayerError | None:
    """The error of the text with that letter made ten thousand letters, if it is still wrong then."""
    try:
        parse(text.replace(letter, letter * 10_000))
    except LayerError as error:
        return error
    return None
