"""What the property tests draw: texts near the language, texts far from it, trees, and untidy ways to write a tree."""

from __future__ import annotations

from hypothesis import strategies as st

from layercli.errors import Span
from layercli.spec import Argument, Call, Chain, Group, Item, Op, Reference, Step, TorchName, format_spec

NOWHERE = Span(0, 0)

_FRAGMENTS = (
    *("relu", "conv2d", "a", "enc", "Conv2d", "nn.ReLU", "k", "padding_mode", "same", "true", "none", "inf", "-nan"),
    *(
        "add(",
        "cat dim=1 (",
        " ; ",
        ";",
        "@enc",
        "@a.1",
        "enc: ",
        "indices=@enc",
        "nn.ReLU()",
        "ReLU(",
        "nn.",
        "identity",
    ),
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


class Labels:
    """The labels of a tree as it is drawn, in the order of the text: all of them, and those of complete steps."""

    def __init__(self, modules: bool) -> None:
        self.modules = modules
        """Whether the tree may hold modules in PyTorch's notation."""
        self.used: set[str] = set()
        self.complete: list[str] = []


def _reference(draw: st.DrawFn, labels: Labels) -> Reference:
    path = draw(st.sampled_from([(), (), (1,), (1, 0), (10**30,)]))
    return Reference(draw(st.sampled_from(labels.complete)), path, NOWHERE)


def _arguments(draw: st.DrawFn, labels: Labels) -> tuple[Argument, ...]:
    keys = st.lists(st.none() | names, max_size=4, unique_by=lambda key: key if key is not None else object())
    arguments = []
    for key in draw(keys):
        name_span = NOWHERE if key is not None else None
        if key is not None and labels.complete and draw(st.integers(0, 3)) == 0:
            arguments.append(Argument(key, name_span, (), False, NOWHERE, _reference(draw, labels)))
            continue
        values = tuple(draw(st.lists(items, min_size=1, max_size=3)))
        is_tuple = len(values) > 1 or draw(st.booleans())
        arguments.append(Argument(key, name_span, values, is_tuple, NOWHERE))
    return tuple(arguments)


def _op(draw: st.DrawFn, depth: int, labels: Labels) -> Op:
    name = draw(names)
    arguments = _arguments(draw, labels)
    count = draw(st.sampled_from([0, 0, 0, 1, 2])) if labels.complete else 0
    references = tuple(_reference(draw, labels) for _ in range(count))
    branches: tuple[Chain, ...] = ()
    if depth > 0 and draw(st.integers(0, 3)) == 0:
        count = draw(st.integers(1, 3))
        branches = tuple(_chain(draw, depth - 1, labels, least=int(count == 1)) for _ in range(count))
    return Op(name, NOWHERE, arguments, NOWHERE, references, branches)


_python_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5)
    | st.sampled_from([TorchName("float16"), TorchName("nn.functional.gelu")]),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    | st.builds(lambda args: Call("ReLU", NOWHERE, tuple(args), (), NOWHERE), st.lists(inner, max_size=1)),
    max_leaves=4,
)  # fmt: skip
calls = st.builds(
    lambda name, args, kwargs: Call(name, NOWHERE, tuple(args), tuple(kwargs.items()), NOWHERE),
    st.sampled_from(["ReLU", "Conv2d", "X"]),
    st.lists(_python_values, max_size=3),
    st.dictionaries(names, _python_values, max_size=2),
)


@st.composite
def chains(draw: st.DrawFn, depth: int = 3, modules: bool = False) -> Chain:
    """A chain whose labels are unique and whose references have a complete step before them, as the language wants."""
    return _chain(draw, depth, Labels(modules))


def _chain(draw: st.DrawFn, depth: int, labels: Labels, least: int = 1) -> Chain:
    steps = []
    for _ in range(draw(st.integers(least, 3))):
        label = draw(st.none() | names.filter(lambda name: name not in labels.used))
        if label is not None:
            labels.used.add(label)
        unit: Op | Group | Call
        if depth > 0 and draw(st.integers(0, 3)) == 0:
            unit = Group(_chain(draw, depth - 1, labels), NOWHERE)
        elif labels.modules and draw(st.integers(0, 2)) == 0:
            unit = draw(calls)
        elif labels.complete and draw(st.integers(0, 7)) == 0:
            unit = Op("identity", NOWHERE, (), NOWHERE, (_reference(draw, labels),))
        else:
            unit = _op(draw, depth, labels)
        if label is not None:
            labels.complete.append(label)
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
        unit = step.unit
        if isinstance(unit, Group):
            inner = _untidy_chain(draw, unit.chain)
            text += "(" + draw(_blanks | _line_ends) + inner + draw(_blanks | _line_ends) + ")"
        elif isinstance(unit, Op):
            text += _untidy_op(draw, unit)
        else:
            text += format_spec(Chain((Step(None, None, 1, unit, NOWHERE),), NOWHERE))
    return text


def _untidy_op(draw: st.DrawFn, op: Op) -> str:
    if op.name == "identity" and draw(st.booleans()):
        return _untidy_reference(draw, op.references[0])
    text = op.name + "".join(_untidy_argument(draw, argument) for argument in op.arguments)
    for reference in op.references:
        text += draw(st.sampled_from([" ", "  ", "\t"])) + _untidy_reference(draw, reference)
    if not op.branches:
        return text
    if len(op.branches) == 1:  # a blank or a line end too few makes it a value
        return text + format_spec(Chain((Step(None, None, 1, op, NOWHERE),), NOWHERE))[len(canonical_head(op)) :]
    inner = ";".join(
        draw(_blanks | _line_ends) + _untidy_chain(draw, branch) + draw(_blanks | _line_ends) for branch in op.branches
    )
    return text + (" " if op.name[0].isupper() else draw(_blanks)) + "(" + inner + ")"


def canonical_head(op: Op) -> str:
    """What stands before the branches of an op."""
    head = op._replace(branches=())
    return format_spec(Chain((Step(None, None, 1, head, NOWHERE),), NOWHERE))


def _untidy_reference(draw: st.DrawFn, reference: Reference) -> str:
    return "@" + ".".join([reference.name, *(draw(st.sampled_from(["", "0"])) + str(part) for part in reference.path)])


def _untidy_argument(draw: st.DrawFn, argument: Argument) -> str:
    text = draw(st.sampled_from([" ", "  ", "\t"])) + (f"{argument.name}=" if argument.name is not None else "")
    if argument.reference is not None:
        return text + _untidy_reference(draw, argument.reference)
    texts = [item.text for item in argument.items]
    sizes = len(texts) > 1 and all(part.isdigit() for part in texts)
    forms = ["3,5", "(3,5)", "3x5"][: 2 + sizes] if len(texts) > 1 else ["(3,)" if argument.is_tuple else "3"]
    form = draw(st.sampled_from(forms))
    if "(" not in form:
        return text + ("x" if "x" in form else ",").join(texts)
    inner = "".join(f"{draw(_blanks)}{part}{draw(_blanks)}," for part in texts)
    return text + "(" + (inner if form == "(3,)" or draw(st.booleans()) else inner[:-1]) + draw(_blanks) + ")"
