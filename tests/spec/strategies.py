"""What the property tests draw: texts near the language, texts far from it, trees, and untidy ways to write a tree."""

from __future__ import annotations

from hypothesis import strategies as st

from layercli.errors import Span
from layercli.spec import Argument, Chain, Group, Item, Op, Step

NOWHERE = Span(0, 0)

_FRAGMENTS = (
    *("relu", "conv2d", "a", "enc", "Conv2d", "nn.ReLU", "k", "padding_mode", "same", "true", "none", "inf", "-nan"),
    *("nearest-exact", "3", "0", "-1", "+3", "007", "3x5", "3x", "1e-5", ".5", "5.", "1e999", "1..9", "_", "1_0"),
    *("|", "|", "|", "\n", "\r\n", "(", "(", ")", ")", ",", ";", ":", "=", "=", "*", "/", "@", "#", "-", "->", "."),
    *(" ", " ", " ", " ", "\t", "\r", "\u2212", "\u00d7", "\u0441", "\u00a0", "\ufeff", "\ud800", "\x00", '"', "["),
)
near_texts = st.lists(st.sampled_from(_FRAGMENTS), max_size=25).map("".join)
alphabet_texts = st.text("ax_-+.0193eE |(),;:=*/@#\n\t", max_size=30)
unicode_texts = st.text(max_size=30)
"""Any characters at all, lone surrogates among them."""

names = st.builds(str.__add__, st.sampled_from("aZ_x"), st.sampled_from(["1", "_b", "X", "conv2d", "nan", "e5_"]))

_CONSTANTS = (("true", True, "bool"), ("false", False, "bool"), ("none", None, "none"), ("inf", float("inf"), "float"))
_words = st.one_of(names, st.sampled_from(["nearest-exact", "a-b-c", "x3", "e5"])).filter(
    lambda word: word.lower() not in ("true", "false", "none", "inf", "nan")
)
_floats = st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(repr), st.sampled_from([".5", "5.", "-.5E+3"]))
items = st.one_of(
    st.integers(-(10**30), 10**30).map(lambda value: Item(value, "int", str(value), NOWHERE)),
    _floats.map(lambda text: Item(float(text), "float", text, NOWHERE)),
    _words.map(lambda text: Item(text, "word", text, NOWHERE)),
    st.sampled_from(_CONSTANTS).map(lambda constant: Item(constant[1], constant[2], constant[0], NOWHERE)),
)


@st.composite
def ops(draw: st.DrawFn) -> Op:
    """An op with a few arguments, no key twice."""
    keys = st.lists(st.none() | names, max_size=4, unique_by=lambda key: key if key is not None else object())
    arguments = []
    for key in draw(keys):
        values = tuple(draw(st.lists(items, min_size=1, max_size=3)))
        is_tuple = len(values) > 1 or draw(st.booleans())
        arguments.append(Argument(key, NOWHERE if key is not None else None, values, is_tuple, NOWHERE))
    return Op(draw(names), NOWHERE, tuple(arguments), NOWHERE)


@st.composite
def chains(draw: st.DrawFn, depth: int = 3) -> Chain:
    """A chain whose labels are unique, as the language wants them."""
    used: set[str] = set()
    return _chain(draw, depth, used)


def _chain(draw: st.DrawFn, depth: int, used: set[str]) -> Chain:
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        label = draw(st.none() | names.filter(lambda name: name not in used))
        if label is not None:
            used.add(label)
        grouped = depth > 0 and draw(st.integers(0, 3)) == 0
        unit = Group(_chain(draw, depth - 1, used), NOWHERE) if grouped else draw(ops())
        repeat = draw(st.sampled_from([1, 1, 2, 3, 20]))
        steps.append(Step(label, NOWHERE if label is not None else None, repeat, unit, NOWHERE))
    return Chain(tuple(steps), NOWHERE)


_blanks = st.sampled_from(["", "", " ", "\t", "   "])
_line_ends = st.sampled_from(["\n", "\r\n", "\n\n \n", " # a | comment (\n", "#\u2212\n\t"])
_pipes = st.sampled_from(["|", " | ", "\n|", " |\n", "\n\n| # then\n\n"])


@st.composite
def untidy_texts(draw: st.DrawFn, chain: Chain) -> str:
    """One of the many ways in which people write that chain."""
    lead = draw(st.sampled_from(["", "\ufeff", " ", "\n", "# begins\n"]))
    return lead + _untidy_chain(draw, chain) + draw(st.sampled_from(["", " ", "\n", " # ends", "\r\n\r\n"]))


def _untidy_chain(draw: st.DrawFn, chain: Chain) -> str:
    text = ""
    for place, step in enumerate(chain.steps):
        text += draw(_pipes | _line_ends) if place else ""
        if step.label is not None:
            text += step.label + draw(_blanks) + ":" + draw(_blanks)
        if step.repeat != 1 or draw(st.integers(0, 9)) == 0:
            text += str(step.repeat) + draw(_blanks) + "*" + draw(_blanks)
        if isinstance(step.unit, Group):
            inner = _untidy_chain(draw, step.unit.chain)
            text += "(" + draw(_blanks | _line_ends) + inner + draw(_blanks | _line_ends) + ")"
        else:
            text += step.unit.name + "".join(_untidy_argument(draw, argument) for argument in step.unit.arguments)
    return text


def _untidy_argument(draw: st.DrawFn, argument: Argument) -> str:
    text = draw(st.sampled_from([" ", "  ", "\t"])) + (f"{argument.name}=" if argument.name is not None else "")
    texts = [item.text for item in argument.items]
    sizes = len(texts) > 1 and all(part.isdigit() for part in texts)
    forms = ["3,5", "(3,5)", "3x5"][: 2 + sizes] if len(texts) > 1 else ["(3,)" if argument.is_tuple else "3"]
    form = draw(st.sampled_from(forms))
    if "(" not in form:
        return text + ("x" if "x" in form else ",").join(texts)
    inner = "".join(f"{draw(_blanks)}{part}{draw(_blanks)}," for part in texts)
    return text + "(" + (inner if form == "(3,)" or draw(st.booleans()) else inner[:-1]) + draw(_blanks) + ")"
