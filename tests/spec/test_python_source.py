"""PyTorch's notation in Python: what is read, what is refused and where, and that nothing else is taken for it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.errors import LayerError, Span
from layercli.spec import Call, Chain, Group, Spec
from layercli.spec.limits import DIGITS, LENGTH, NESTING
from layercli.spec.python_source import parse_call, parse_python
from layercli.spec.torch_name import TorchName

from .strategies import near_texts, unicode_texts


def outline(unit: Any) -> Any:
    """The tree without places: a label stands before its module, a group is a list."""
    if isinstance(unit, Chain):
        return [
            (step.label, outline(step.unit)) if step.label is not None else outline(step.unit) for step in unit.steps
        ]
    if isinstance(unit, Group):
        return outline(unit.chain)
    if isinstance(unit, tuple) and not isinstance(unit, (Call, TorchName)):
        return tuple(map(outline, unit))
    if not isinstance(unit, Call):
        return unit
    values = [repr(outline(value)) for value in unit.args]
    return f"{unit.name}({', '.join([*values, *(f'{name}={outline(value)!r}' for name, value in unit.kwargs)])})"


def read(text: str) -> Any:
    """The outline of a whole text."""
    return outline(parse_python(text).chain)


def refusal(text: str) -> LayerError:
    """The error that the text is refused with."""
    with pytest.raises(LayerError) as caught:
        parse_python(text)
    assert caught.value.source == text
    assert caught.value.fix
    return caught.value


# --- what is read ---------------------------------------------------------------------------------------------------

CONV, RELU = "Conv2d(3, 8, 5)", "ReLU()"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nn.Conv2d(3, 8, 5)", [CONV]),
        ("torch.nn.Conv2d(3, 8, 5)", [CONV]),
        ("Conv2d(3,8,5)", [CONV]),
        ("nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())", [CONV, RELU]),
        ("Sequential(Conv2d(3, 8, 5), ReLU(),)", [CONV, RELU]),
        ("nn.Sequential(\n    nn.Conv2d(3, 8, 5),  # 3, 8\n\n    nn.ReLU(),\n)\n", [CONV, RELU]),
        ("# a net\nmodel = nn.Sequential(nn.ReLU())", [RELU]),
        ("self.net = nn.Sequential(nn.ReLU())", [RELU]),
        ("model: nn.Module = nn.Sequential(nn.ReLU())", [RELU]),
        ("a = b = nn.ReLU()", [RELU]),
        ("return nn.ReLU()", [RELU]),
        ("import torch.nn as nn\nfrom torch import nn\nfrom torch.nn import ReLU\n\nmodel = ReLU()", [RELU]),
        ("import torch.nn as tnn\ntnn.ReLU()", [RELU]),
        ("import torch as t\nt.nn.ReLU()", [RELU]),
        ("from torch import nn as layers\nlayers.ReLU()", [RELU]),
        ('"""A net."""\nnn.ReLU()', [RELU]),
        ("        self.features = nn.Sequential(\n            nn.ReLU(),\n        )\n", [RELU]),
        ("\n  # so\n  nn.ReLU()", [RELU]),
        (">>> model = nn.Sequential(\n...     nn.ReLU(),\n... )\n", [RELU]),
        ("\ufeffnn.ReLU()", [RELU]),
        ("(nn.ReLU())", [RELU]),
        ("nn.Sequential(nn.Sequential(nn.ReLU()), nn.Sequential())", [[RELU], []]),
        ("nn.Sequential(*[nn.ReLU(), nn.ReLU()])", [RELU, RELU]),
        ("nn.Sequential(OrderedDict([('act', nn.ReLU()), ('0', nn.ReLU())]))", [("act", RELU), RELU]),
        ("nn.Sequential(OrderedDict((('layer.1', nn.ReLU()), ['act', nn.ReLU()])))", [RELU, ("act", RELU)]),
        ("nn.Sequential(collections.OrderedDict({'act': nn.ReLU()}))", [("act", RELU)]),
        ("nn.Sequential(OrderedDict(act=nn.ReLU()))", [("act", RELU)]),
        ("nn.Sequential(OrderedDict([('block', nn.Sequential(nn.ReLU()))]))", [("block", [RELU])]),
    ],
)
def test_modules(text: str, expected: Any) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[(text, eval(text)) for text in ("3", "-3", "+3", "0x10", "1_000", "0.5", "1e-5", "-1e999", "True", "None")],
        *[(text, eval(text)) for text in ("'same'", '"a" "b"', "(3, 5)", "(3,)", "()", "-(-3)")],
        *[(text, eval(text)) for text in ("16 * 5 * 5", "28//2", "2**5", "7 % 4", "1/3", "3 - 5 + 1", "2 * 0.5")],
        ("[1, (2, [3])]", (1, (2, (3,)))),
        ("[*[1, 2], 3]", (1, 2, 3)),
        ("{'a': 1, 2: [3]}", {"a": 1, 2: (3,)}),
        ("float('inf')", float("inf")),
        ("float('-Infinity')", float("-inf")),
        ("-math.inf", float("-inf")),
        ("torch.inf", float("inf")),
        ("torch.Size([2, 5])", (2, 5)),
        ("torch.float64", TorchName("float64")),
        ("F.gelu", TorchName("nn.functional.gelu")),
        ("torch.nn.functional.relu", TorchName("nn.functional.relu")),
    ],
)
def test_values(written: str, value: Any) -> None:
    """By position and by name; numbers keep their type."""
    (step,) = parse_python(f"nn.Threshold({written}, key={written})").chain.steps
    assert isinstance(step.unit, Call)
    assert repr((step.unit.args, step.unit.kwargs)) == repr(((value,), (("key", value),)))
    assert not step.unit.printed


def test_modules_as_arguments() -> None:
    text = "nn.TransformerEncoder(nn.TransformerEncoderLayer(512, 8, activation=nn.GELU()), num_layers=6)"
    (step,) = parse_python(text).chain.steps
    assert isinstance(step.unit, Call)
    layer = step.unit.args[0]
    assert isinstance(layer, Call)
    assert (layer.name, layer.args) == ("TransformerEncoderLayer", (512, 8))
    assert outline(layer.kwargs[0][1]) == "GELU()"
    assert outline(parse_python("nn.ModuleList([nn.ReLU()])").chain) == ["ModuleList(('ReLU()',))"]


def test_places() -> None:
    """Every node says where it stands, in characters, whatever comes before it."""
    text = "# größer\nx = nn.Sequential(OrderedDict([('é', nn.Conv2d(3, '€',\r\n  kernel_size=5))]))  # ü"
    (step,) = parse_python(text).chain.steps
    unit = step.unit
    assert isinstance(unit, Call)

    def at(span: Span | None) -> str:
        assert span is not None
        return text[span.start : span.end]

    assert at(step.label_span) == "'é'"
    assert at(step.span) == "'é', nn.Conv2d(3, '€',\r\n  kernel_size=5)"
    assert at(unit.span) == "nn.Conv2d(3, '€',\r\n  kernel_size=5)"
    assert at(unit.name_span) == "Conv2d"
    assert [(key, at(span)) for key, span in unit.spans] == [(0, "3"), (1, "'€'"), ("kernel_size", "kernel_size=5")]
    assert at(parse_python(text).chain.span).startswith("nn.Sequential(")


# --- one call in a larger text --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("relu | nn.Conv2d(3, 8, 5) | relu", "nn.Conv2d(3, 8, 5)"),
        ("relu | Conv2d(3, '|)', \"(\", '''\n)''', '\\\\') | relu)", "Conv2d(3, '|)', \"(\", '''\n)''', '\\\\')"),
        ("2*(nn.Conv2d(\n 3, # )\n 8) | relu)", "nn.Conv2d(\n 3, # )\n 8)"),
        ("ö: nn.Sequential(nn.ReLU(), nn.Linear(8, (8)))@x", "nn.Sequential(nn.ReLU(), nn.Linear(8, (8)))"),
    ],
)
def test_a_call_within_a_chain(text: str, call: str) -> None:
    start = text.index(call)
    unit, stop = parse_call(text, start, len(text))
    assert text[start:stop] == call
    assert unit.span == Span(start, stop)
    assert outline(unit) == (outline(parse_python(call).chain) if "Seq" in call else read(call)[0])
    if isinstance(unit, Call):
        assert text[slice(*unit.name_span)] == "Conv2d"
        assert text[slice(*unit.spans[0][1])] == "3"


def test_a_call_that_is_not_closed() -> None:
    with pytest.raises(LayerError) as caught:
        parse_call("relu | nn.Conv2d(3, (8) | relu", 7, 30)
    assert (caught.value.code, caught.value.span) == ("spec.unclosed", Span(16, 17))


def test_an_error_within_a_call_points_into_the_whole_text() -> None:
    text = "relu | nn.Conv2d(3,\n é, 5) | relu"
    with pytest.raises(LayerError) as caught:
        parse_call(text, 7, len(text))
    assert caught.value.source == text
    assert caught.value.span == Span(text.index("é"), text.index("é") + 1)


# --- what is refused ------------------------------------------------------------------------------------------------

NOTATION, SYNTAX = "spec.pytorch-notation", "spec.pytorch-syntax"
VALUE = "write what it stands for, such as 64, or a text in quotes"


@pytest.mark.parametrize(
    ("text", "code", "marked", "fix"),
    [
        ("nn.Linear(8, hidden)", NOTATION, "hidden", VALUE),
        ("nn.Linear(8, self.hidden)", NOTATION, "self.hidden", VALUE),
        ("nn.Linear(8, f'{x}')", NOTATION, "f'{x}'", "write the text that comes out"),
        ("nn.Linear(8, len(x))", NOTATION, "len", "write what comes out, a value or a module"),
        ("nn.Linear(8, sizes[0])", NOTATION, "sizes[0]", "write its value"),
        ("nn.Linear(8, 3 if x else 4)", NOTATION, "3 if x else 4", "write the one that holds"),
        ("nn.Linear(8, lambda: 3)", NOTATION, "lambda: 3", "leave it out"),
        ("nn.Linear(8, not True)", NOTATION, "not True", "write a value such as 3, 0.5 or 'same'"),
        ("nn.Linear(8, 4j)", NOTATION, "4j", "write a number, True, False, None or a text"),
        ("nn.Linear(8, b'x')", NOTATION, "b'x'", "write a number, True, False, None or a text"),
        ("nn.Linear(8, ...)", NOTATION, "...", "write a number, True, False, None or a text"),
        ("nn.Linear(8, 'a' * 3)", NOTATION, "'a'", "write a number in its place"),
        ("nn.Linear(8, True + 3)", NOTATION, "True", "write a number in its place"),
        ("nn.Linear(8, 3 / 0)", NOTATION, "3 / 0", "write the number that was meant"),
        ("nn.Linear(8, (-2) ** 0.5)", NOTATION, "(-2) ** 0.5", "write the number that was meant"),
        ("nn.Linear(8, 10.0 ** 999)", NOTATION, "10.0 ** 999", "write the number that was meant"),
        ("nn.Linear(8, 1 << 3)", NOTATION, "1 << 3", "write the number that comes out"),
        ("nn.Linear(8, **more)", NOTATION, "**more", "write its arguments out"),
        ("nn.Linear(8, nn.GELU)", NOTATION, "nn.GELU", 'write "nn.GELU()"'),
        ("nn.Linear(8, 3, bias=1, bias=0)", "spec.duplicate-key", "bias=0", "remove one of the two"),
        (
            "nn.Sequential(*[nn.Linear(8,8) for _ in range(3)])",
            NOTATION,
            "*[nn.Linear(8,8) for _ in range(3)]",
            "write its items out; a chain repeats a module, such as 3*nn.Linear(8, 8)",
        ),
        ("nn.Sequential(nn.ReLU, 3)", NOTATION, "nn.ReLU", 'write "nn.ReLU()"'),
        ("nn.Sequential(3)", NOTATION, "3", "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"),
        ("nn.Sequential(block)", NOTATION, "block", "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"),
        (
            "nn.Sequential(3 * nn.ReLU())",
            NOTATION,
            "3 * nn.ReLU()",
            "write the modules one by one, with commas between them",
        ),
        ("nn.Sequential([nn.ReLU()])", NOTATION, "[nn.ReLU()]", "take the brackets away"),
        ("nn.Sequential({'a': nn.ReLU()})", NOTATION, "{'a': nn.ReLU()}", "put OrderedDict(...) around it"),
        ("nn.Sequential(a=nn.ReLU())", NOTATION, "a=nn.ReLU()", "write its modules in a row"),
        ("nn.Sequential(OrderedDict(pairs))", NOTATION, "pairs", VALUE),
        ("nn.Sequential(OrderedDict([nn.ReLU()]))", NOTATION, "nn.ReLU()", "write one, such as ('act', nn.ReLU())"),
        ("nn.Sequential(OrderedDict([(1, nn.ReLU())]))", NOTATION, "1", "write a text in quotes, such as 'conv1'"),
        (
            "nn.Sequential(OrderedDict([('a', nn.ReLU()), (\"a\", nn.Tanh())]))",
            "spec.duplicate-label",
            '"a"',
            "write another name here, such as 'a_2'",
        ),
        ("F.relu(x)", NOTATION, "F.relu", 'write the module, "nn.ReLU(...)"'),
        ("x = nn.ReLU().to('cuda')", NOTATION, ".to('cuda')", "leave it out"),
        ("torch.Conv2d(3, 8, 5)", NOTATION, "torch.Conv2d", 'write "nn.Conv2d" if torch\'s own is meant'),
        ("nn.ReLU() | x", NOTATION, "nn.ReLU() | x", "write the modules one by one, with commas between them"),
        (
            "a = nn.ReLU()\nb = nn.Tanh()",
            NOTATION,
            "b = nn.Tanh()",
            "put them into one nn.Sequential(...), in the order in which they run",
        ),
        (
            "nn.ReLU(), nn.Tanh()",
            NOTATION,
            "nn.ReLU(), nn.Tanh()",
            "put them into one nn.Sequential(...), in the order in which they run",
        ),
        (
            "class Net(nn.Module):\n    pass",
            NOTATION,
            "class Net(nn.Module):",
            "write the modules as one nn.Sequential(...), or give what print(model) shows",
        ),
        ("for x in y: pass", NOTATION, "for x in y: pass", "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"),
        ("import torch", "spec.empty", "import torch", "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"),
        ("nn.Sequential()", "spec.empty", "nn.Sequential()", "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"),
        ("nn.Linear(3, 8", SYNTAX, "(", 'write ")" where it ends'),
        ("nn.Linear(3 8)", SYNTAX, "3 8", "write a comma between the two"),
        ("nn.Linear(3, 8))", SYNTAX, ")", "remove it"),
        ("nn.Linear(3, 8]", SYNTAX, "]", "close each parenthesis with its own kind"),
        ("nn.Linear(3, 'a)", SYNTAX, "'", "close the quotes on the same line"),
        ("nn.Linear(bias=1, 8)", SYNTAX, ")", "write values without a name before those with one"),
        ("nn.Linear(8, \ud800)", SYNTAX, "\ud800", "remove it"),
        ("nn.Linear(8, \0)", SYNTAX, "\0", "remove it"),
        ("ü = 3\nnn.Linear(ü, 'ü', 8, .)", SYNTAX, ".", "write it as Python does, such as nn.Linear(8, 4)"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str, marked: str, fix: str) -> None:
    """What is wrong, where, and what to do."""
    error = refusal(text)
    assert error.span is not None
    assert (error.code, text[slice(*error.span)], error.fix) == (code, marked, fix)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nn.Linear(8, 2**10**10)", "limit.digits"),
        ("nn.Linear(8, 2**-1*2**14000)", "limit.digits"),
        (f"nn.Linear(8, {'9' * 2100} * {'9' * 2100})", "limit.digits"),
        (f"nn.Linear(8, {'9' * (DIGITS + 1)})", "limit.digits"),
        (f"nn.Linear(8, {'9' * 100_000})", "limit.digits"),
        (f"nn.Linear(8, 0x{'f' * 100_000})", "limit.digits"),
        ("nn.Sequential(" * (NESTING + 1) + ")" * (NESTING + 1), "limit.nesting"),
        ("nn.Sequential(" * 70_000, "limit.nesting"),
        ("(" * 500_000 + "nn.ReLU()", "limit.nesting"),
        ("nn.Linear(" + "1+" * 500_000 + "1)", "limit.nesting"),
        ("nn.Linear(" + "f(1,)+" * 150_000 + "1)", "limit.nesting"),
        ("nn.Linear(" + "-" * 900_000 + "1)", "limit.nesting"),
        ("nn.Linear(" + "not " * 200_000 + "1)", "limit.nesting"),
        ("nn.Linear(" + "2**" * 300_000 + "1)", "limit.nesting"),
        ("nn.Linear(" + "1 if 1 else " * 80_000 + "1)", "limit.nesting"),
        ("nn.ReLU()" + "()" * 400_000, "limit.nesting"),
        ("nn.ReLU()" + ".b(1,)" * 150_000, "limit.nesting"),
        ("nn" + ".a" * 400_000 + "()", "limit.nesting"),
        ("nn.Linear(" + "[" * 150 + "]" * 150 + ")", "limit.nesting"),
        ("#" + " " * LENGTH, "limit.length"),
        ("nn.Linear(" + "'" * 900_000, SYNTAX),
        ("nn.Linear(" + "\\'" * 400_000, SYNTAX),
    ],
    ids=range(22),
)
def test_what_is_too_much(text: str, code: str) -> None:
    """However hostile, it is an error at its place, told in a few words and at once."""
    error = refusal(text)
    assert error.code == code
    assert error.span is not None
    assert 0 <= error.span.start < error.span.end <= len(text)
    assert len(error.message) + len(error.fix) < 300
    with contextlib.suppress(LayerError):  # what follows the first call is not its own
        parse_call(text, 0, len(text))


def test_what_is_large_and_right() -> None:
    modules = "nn.Linear(8, 16 * 5 * 5, bias=-1e-5 < 0),\n".replace(" < 0", "") * 20_000
    text = f"nn.Sequential({modules})"
    assert parse_python(text).expanded_steps == 20_000
    deep = "nn.Sequential(" * NESTING + "nn.ReLU()" + ")" * NESTING
    assert parse_python(deep).expanded_steps == 1
    assert read(f"nn.Linear({'9' * DIGITS})") == [f"Linear({'9' * DIGITS})"]


# --- whatever comes -------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    ["nn.", "ReLU", "Sequential", "OrderedDict", "(", "(", ")", ")", "[", "]", "{", "}", ",", ",", "=", "*", "**",
     "'a'", ":", "3", "-", "1e5", "True", "x", "\n", " ", "for _ in y", "f''", "#", "torch.float32", "\\", "é", "\r",
     "\t", ">>> ", "."]
)  # fmt: skip


def outcome(reads: Any, *args: Any) -> Any:
    """What comes of it, an error too."""
    try:
        return reads(*args)
    except LayerError as error:
        return error


@given(st.one_of(near_texts, unicode_texts, st.lists(_PIECES, max_size=25).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, "nn.Sequential(" + text):
        for found in (outcome(parse_python, whole), outcome(parse_call, whole, 0, len(whole))):
            if isinstance(found, LayerError):
                assert found.source == whole
                assert found.span is not None
                assert 0 <= found.span.start <= found.span.end <= len(whole)
                assert found.code.startswith(("spec.", "limit."))
            elif not isinstance(found, Spec):
                assert found[0].span.end <= found[1] <= len(whole)


def test_nothing_is_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    assert refusal(f"nn.Linear(8, open({str(target)!r}, 'w'))").code == NOTATION
    assert not target.exists()
