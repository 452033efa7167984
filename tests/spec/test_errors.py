"""What the language refuses: each text, a caret under what is wrong, the code, and the one thing to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layercli import spec
from layercli.errors import ExitCode, LayerError
from layercli.spec import format_spec, parse, parse_op, parse_values

REFUSED = Path(__file__).parent / "refused"


def examples(name: str) -> list[tuple[str, str]]:
    """The texts of one file, each with the line under it."""
    blocks = (REFUSED / f"{name}.txt").read_text("utf-8").strip("\n").split("\n\n")
    return [(text, verdict) for text, verdict in (block.split("\n") for block in blocks)]


OPEN = examples("open")
FILES = ("steps", "labels_and_repeats", "keys", "values", "branches", "references", "modules")
EXAMPLES = [example for name in FILES for example in examples(name)] + OPEN

LIMITS = ["limit.branches", "limit.digits", "limit.length", "limit.nesting", "limit.steps"]
"""Their examples are in test_limits.py."""

ALONE = ["spec.single", "spec.custom"]
"""Their examples are in test_one_op and test_a_class_of_ones_own_cannot_be_written."""

PYTORCH = ["spec.pytorch-syntax", "spec.printed-model"]
"""Their examples are with the readers of PyTorch's notations."""

CODES = {
    *(re.findall(r"\b(?:spec|limit)\.[a-z-]+", " ".join(verdict for _, verdict in EXAMPLES))),
    *LIMITS,
    *ALONE,
    *PYTORCH,
}


def refusal(text: str) -> LayerError:
    """The error that the text is refused with."""
    with pytest.raises(LayerError) as caught:
        parse(text)
    return caught.value


def verdict_of(error: LayerError) -> str:
    """The error as one line to stand under its text."""
    assert error.span is not None
    start, end = error.span
    return f"{' ' * start}{'^' * (end - start)} {error.code}: {error.fix}"


@pytest.mark.parametrize(("text", "verdict"), EXAMPLES)
def test_refused(text: str, verdict: str) -> None:
    """What is wrong, where, and what to do."""
    error = refusal(text)
    assert verdict_of(error) == verdict
    assert error.exit_code is ExitCode.USAGE
    assert error.source == text


@pytest.mark.parametrize(("text", "verdict"), OPEN)
def test_open_values_are_sent_where_they_are_read(text: str, verdict: str) -> None:
    """Values to solve for or to choose from are not wrong: the message says who takes them."""
    error = refusal(text)
    assert verdict.lstrip(" ^").startswith(error.code)
    assert "layercli solve" in error.message or "layercli sweep" in error.message


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("", "spec.empty", ""),
        ("  \n\t", "spec.empty", ""),
        ("# only a comment", "spec.empty", ""),
        ("\ufeff", "spec.empty", ""),
        ("relu |\n\n", "spec.empty-step", "|"),
        ("relu |\n# why\n| tanh", "spec.empty-step", "|"),
        ("enc:\nrelu", "spec.label", "enc"),
        ("3*\nrelu", "spec.repeat", "3"),
        ("conv2d k=\n5", "spec.value", "k="),
        ("conv2d k=(3,\n5)", "spec.unclosed", "("),
        ("conv2d 3,\n5", "spec.tuple", ","),
        ("relu;\ntanh", "spec.separator", ";"),
        ("(\nrelu\n", "spec.unclosed", "("),
        ("(\n)", "spec.empty", "(\n)"),
        ("relu\n; tanh", "spec.separator", ";"),
        ("(\n; relu)", "spec.branches", "("),
        ("add\n(relu ; tanh)", "spec.branches", "("),
        ("add(\n)", "spec.call", "(\n)"),
        ("add(\nrelu,\ntanh)", "spec.branches", ","),
        ("cat dim=1 (\n  relu\n; tanh", "spec.unclosed", "("),
        ("cat dim=1 (\n  relu |\n; tanh)", "spec.empty-step", "|"),
        ("cat dim=1 (\n  relu |\n# why\n)", "spec.empty-step", "|"),
        ("enc: relu\ncat @\nenc", "spec.reference", "@"),
        ("enc: relu\ncat @enc\n@end", "spec.unknown-label", "@end"),
    ],
)
def test_refused_across_lines(text: str, code: str, marked: str) -> None:
    """A line end separates steps, and nothing else may hold one."""
    error = refusal(text)
    assert error.span is not None
    assert (error.code, text[error.span.start : error.span.end]) == (code, marked)


def test_the_place_in_a_text_of_many_lines() -> None:
    """Line and column count from 1."""
    assert refusal("relu\r\n\n  conv2d k=\n").line_and_column == (3, 10)


CHARACTERS = [
    ("conv2d k=\u22121", "U+2212 (MINUS SIGN)", 'write "-"'),
    ("conv2d k=\u20131", "U+2013 (EN DASH)", 'write "-"'),
    ("conv2d\u00a0k=1", "U+00A0 (NO-BREAK SPACE)", "write a plain space"),
    ("relu \u3000", "U+3000 (IDEOGRAPHIC SPACE)", "write a plain space"),
    ("conv2d 3\uff0c5", "U+FF0C (FULLWIDTH COMMA)", 'write ","'),
    ("conv2d k\uff1d5", "U+FF1D (FULLWIDTH EQUALS SIGN)", 'write "="'),
    ("relu \uff5c relu", "U+FF5C (FULLWIDTH VERTICAL LINE)", 'write "|"'),
    ("relu \u2502 relu", "U+2502 (BOX DRAWINGS LIGHT VERTICAL)", 'write "|"'),
    ("conv2d 3\u00d75", "U+00D7 (MULTIPLICATION SIGN)", 'write "x"'),
    ("conv2d \u00b2", "U+00B2 (SUPERSCRIPT TWO)", 'write "2"'),
    ("conv2d \u0663", "U+0663 (ARABIC-INDIC DIGIT THREE)", 'write "3"'),
    ("\u0441onv2d", "U+0441 (CYRILLIC SMALL LETTER ES)", 'write "c"'),
    ("c\u03bfnv2d", "U+03BF (GREEK SMALL LETTER OMICRON)", 'write "o"'),
    ("conv2d mode=\u00e9", "U+00E9 (LATIN SMALL LETTER E WITH ACUTE)", "write it in plain Latin letters, a to z"),
    ("relu \u2192 relu", "U+2192 (RIGHTWARDS ARROW)", 'write "|" between two steps'),
    ("relu > relu", "the character >", 'write "|" between two steps'),
    ("conv2d \u201c8\u201d", "U+201C (LEFT DOUBLE QUOTATION MARK)", "leave the quotes out: a word stands as it is"),
    ('conv2d "8"', 'the character "', "leave the quotes out: a word stands as it is"),
    ("conv2d [3]", "the character [", "write a tuple in parentheses, such as (3,5)"),
    ("2*{relu}", "the character {", "write a group in parentheses, such as 2*(conv2d 8 | relu)"),
    ("relu $", "the character $", "remove it"),
    ("relu \U0001f600", "U+1F600 (GRINNING FACE)", "remove it"),
    ("relu\ufeff", "U+FEFF (ZERO WIDTH NO-BREAK SPACE)", "remove it: it does not show, but it is there"),
    ("relu\u200b", "U+200B (ZERO WIDTH SPACE)", "remove it: it does not show, but it is there"),
    ("relu\x07", "U+0007 (a control character)", "remove it: it does not show, but it is there"),
    ("relu\x00", "U+0000 (a control character)", "remove it: it does not show, but it is there"),
    ("relu\rrelu", "U+000D (a control character)", "end the line with a newline"),
    ("relu\u2028relu", "U+2028 (LINE SEPARATOR)", "end the line with a newline"),
    ("relu \ud800", "U+D800 (half of a surrogate pair)", "remove it"),
]


@pytest.mark.parametrize(("text", "name", "fix"), CHARACTERS)
def test_characters_that_look_like_others(text: str, name: str, fix: str) -> None:
    """A character that no spec holds is named, in ASCII, with what to type instead."""
    error = refusal(text)
    assert error.code == "spec.unexpected-character"
    assert error.message == f"{name} has no meaning in a spec"
    assert error.fix == fix
    assert error.span is not None
    assert error.span.end == error.span.start + 1
    assert not re.fullmatch(r"[\w .|=,()*:;/@#-]", text[error.span.start], re.ASCII)


def mended(text: str, error: LayerError) -> str | None:
    """The text after its fix, where the fix says literally what to do."""
    assert error.span is not None
    start, end = error.span
    such = "(?:one number, such as |one of them, such as |another label here, such as )?"
    if found := re.fullmatch(rf'write {such}"([^".]+)"(?: in its place| between them| between two steps)?', error.fix):
        return f"{text[:start]}{found[1]}{text[end:]}"
    if re.fullmatch(r'write "\|" before ".+"', error.fix):
        return f"{text[:start]}| {text[start:]}"
    if found := re.fullmatch(r"did you mean (@.+)\?", error.fix):
        return text[:start] + found[1] + text[end:]
    if error.fix in ('write it before "("', "write it before the references"):
        place = text.index("(" if "(" in error.fix else "@")
        return f"{text[:place]} {text[start:end]} {text[place:start]}{text[end:]}"
    if error.fix == "write a space before it":
        return f"{text[:start]} {text[start:]}"
    if error.fix.startswith("remove it") or re.fullmatch(r'remove (the comma|this ".+"|".+")', error.fix):
        return text[:start] + text[end:]
    return f"{text[:start]} {text[end:]}" if error.fix == "write a space in its place" else None


THEN = {
    "// relu": "spec.empty",
    "add(relu // why": "spec.unclosed",
    "cat(relu ; tanh) @enc": "spec.unknown-label",
    "nn.ReLU() @enc": "spec.unknown-label",
    **dict.fromkeys(["@enc.", "@enc.1."], "spec.unknown-label"),
}
"""Where the mended text has another mistake: no step is left, or none has the label."""

MENDABLE = [text for text, *_ in EXAMPLES + CHARACTERS if mended(text, refusal(text)) is not None]


@pytest.mark.parametrize("text", MENDABLE)
def test_a_literal_fix_mends(text: str) -> None:
    """Doing what the error says gives a text that parses."""
    error = refusal(text)
    better = mended(text, error)
    assert better is not None
    if text in THEN:
        assert refusal(better).code == THEN[text]
    else:
        parse(better)


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("", "spec.empty", ""),
        ("conv2d 8 | relu", "spec.single", "|"),
        ("conv2d 8\nrelu", "spec.single", "relu"),
        ("conv2d 8)", "spec.single", ")"),
        ("(relu)", "spec.name", "("),
        ("enc: relu", "spec.label", ":"),
        ("3*relu", "spec.repeat", "3"),
        ("relu*3", "spec.repeat", "*"),
        ("@enc", "spec.reference", "@enc"),
        ("cat @enc", "spec.unknown-label", "@enc"),
        ("cat @enc | enc: relu", "spec.single", "|"),
        ("add(enc: relu ; cat @end)", "spec.unknown-label", "@end"),
        ("add(relu ; tanh) | relu", "spec.single", "|"),
        ("(relu ; tanh)", "spec.name", "("),
        ("relu ; tanh", "spec.separator", ";"),
        ("conv2d k=", "spec.value", "k="),
    ],
)
def test_one_op(text: str, code: str, marked: str) -> None:
    """Where one op stands, nothing but an op stands."""
    with pytest.raises(LayerError) as caught:
        parse_op(f"<{text}>", 1, 1 + len(text))
    assert caught.value.span is not None
    start, end = caught.value.span
    assert (caught.value.code, f"<{text}>"[start:end]) == (code, marked)


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("", "spec.value", ""),
        ("  ", "spec.value", ""),
        ("\n", "spec.value", "\n"),
        ("3 5", "spec.value", "5"),
        ("3\n", "spec.value", "\n"),
        ("3, 5", "spec.spaces", ","),
        ("3,", "spec.tuple", ","),
        (",3", "spec.tuple", ","),
        ("(3,5", "spec.unclosed", "("),
        ("(3,5))", "spec.value", ")"),
        ("k=3", "spec.value", "="),
        ("=3", "spec.value", "="),
        ("8:int64", "spec.value", ":"),
        ("1,3,_,_", "spec.unknown-value", "_"),
        ("1..9", "spec.range", "1..9"),
        ("@enc.1", "spec.reference", "@enc.1"),
        ("3 @enc", "spec.reference", "@enc"),
        ("--bias", "spec.option", "--bias"),
    ],
)
def test_one_value(text: str, code: str, marked: str) -> None:
    """Where one value stands, nothing but a value stands."""
    with pytest.raises(LayerError) as caught:
        parse_values(f"<{text}>", 1, 1 + len(text))
    assert caught.value.span is not None
    start, end = caught.value.span
    assert (caught.value.code, f"<{text}>"[start:end]) == (code, marked)


def test_suggestions_are_labels_that_could_stand_there() -> None:
    """What comes later, or holds the reference, is not suggested; a program finds the label in the error."""
    error = refusal("enc: relu | enb: tanh | cat @end | enda: gelu")
    assert (error.fix, error.suggestions) == ("did you mean @enc?", ("@enc",))
    error = refusal("enc_2: relu | enc_1: (cat @enc_ | gelu)")
    assert (error.fix, error.suggestions) == ("did you mean @enc_2?", ("@enc_2",))


MODULES = "nn.Sequential(OrderedDict([('a', nn.ReLU()), ('b', nn.Sequential(OrderedDict([('a', nn.ReLU())])))]))"


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        (f"a: relu | {MODULES}", "spec.duplicate-label", "'a'"),
        (f"{MODULES} | b: relu", "spec.duplicate-label", "b"),
        (f"a: {MODULES}", "spec.duplicate-label", "'a'"),
        (f"{MODULES} | cat @a", "spec.reference", "@a"),
        (f"{MODULES} | cat @c", "spec.unknown-label", "@c"),
        ("nn.Sequential() | 3*nn.Sequential()", "spec.empty", "nn.Sequential() | 3*nn.Sequential()"),
    ],
)
def test_names_of_modules_are_labels(text: str, code: str, marked: str) -> None:
    """A name in PyTorch's notation is no other step's label, and what several modules share names none of them."""
    error = refusal(text)
    assert error.span is not None
    assert (error.code, text[slice(*error.span)]) == (code, marked)


def test_a_class_of_ones_own_cannot_be_written() -> None:
    """What its forward does is not known, so that no spec says the same."""
    model = parse("Net(\n  (fc): Linear(in_features=3, out_features=8, bias=True)\n)")
    with pytest.raises(LayerError) as caught:
        format_spec(model)
    assert (caught.value.code, caught.value.fix) == ("spec.custom", "write its layers")


def test_every_code_has_an_example() -> None:
    """A new code in the source needs an example in the tables above."""
    sources = Path(spec.__file__).parent.glob("*.py")
    raised = {code for path in sources for code in re.findall(r'"((?:spec|limit)\.[a-z-]+)"', path.read_text("utf-8"))}
    assert raised == CODES


def test_most_fixes_are_literal() -> None:
    """The test above is about many texts, not about none."""
    assert len(MENDABLE) > 50
