"""What holds for every text: a tree or an error with its place, never anything else."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layercli.errors import LayerError, Span
from layercli.spec import (
    Argument,
    Call,
    Chain,
    Custom,
    Group,
    Item,
    Op,
    Reference,
    Spec,
    format_spec,
    parse,
    parse_op,
    parse_values,
)

from .strategies import alphabet_texts, chains, near_texts, unicode_texts, untidy_texts
from .test_errors import CODES, PYTORCH
from .trees import bare, walk


def many(examples: int) -> settings:
    """Settings of a property that is cheap to try."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, deadline=None, database=None, suppress_health_check=slow)


def check_error(error: LayerError, text: str) -> None:
    """An error says what is wrong, where and what to do, briefly and in ASCII."""
    assert error.code in CODES
    assert error.source == text
    assert error.span is not None
    assert 0 <= error.span.start <= error.span.end <= len(text)
    if error.code not in (*PYTORCH, "spec.pytorch-notation", "spec.unclosed"):  # these quote Python, which is Unicode
        assert error.message.isascii()
        assert error.fix.isascii()
    assert 0 < len(error.message) < 300
    assert 0 < len(error.fix) < 300


def check_tree(spec: Spec) -> None:
    """Every span holds what its node was read from, and lies within the node above."""
    for node in walk(spec.chain):
        written = spec.source[node.span.start : node.span.end]
        assert written or (isinstance(node, Chain) and not node.steps)
        if isinstance(node, Item):
            assert written == node.text
        elif isinstance(node, Op):
            name = spec.source[slice(*node.name_span)]
            assert written.startswith(name)
            assert name == node.name or (written == name and name[0] == "@" and node.name == "identity")
            assert written[-1] == ")" or not node.branches
        elif isinstance(node, Reference):
            assert written.startswith(f"@{node.name}")
        elif isinstance(node, (Call, Custom)):
            assert spec.source[slice(*node.name_span)] == node.name
        elif isinstance(node, Group):
            assert written[-1] == ")"
            assert written[0] == "(" or "Sequential" in written
        elif isinstance(node, Argument) and node.name is not None:
            assert written.startswith(node.name + "=")
        for below in walk(node):
            assert node.span.start <= below.span.start
            assert below.span.end <= node.span.end


def check_text(text: str) -> None:
    """A tree that survives being written and read again, or a good error."""
    try:
        spec = parse(text)
    except LayerError as error:
        check_error(error, text)
        return
    check_tree(spec)
    if any(isinstance(node, Custom) for node in walk(spec.chain)):
        return
    canonical = format_spec(spec)
    again = parse(canonical)
    assert format_spec(again) == canonical
    if not any(isinstance(node, Call) and node.printed for node in walk(spec.chain)):
        assert bare(again.chain) == bare(spec.chain)


@many(2500)
@given(near_texts)
def test_texts_of_fragments(text: str) -> None:
    """Pieces of the language in any order."""
    check_text(text)


@many(2500)
@given(alphabet_texts)
def test_texts_of_the_alphabet(text: str) -> None:
    """Characters of the language in any order."""
    check_text(text)


@many(1500)
@given(unicode_texts)
def test_texts_of_any_characters(text: str) -> None:
    """Characters of any kind."""
    check_text(text)


@many(400)
@given(chains(), st.data())
def test_a_chain_however_written(chain: Chain, data: st.DataObject) -> None:
    """A tree comes back from its canonical text and from any untidy one."""
    assert bare(parse(format_spec(chain)).chain) == bare(chain)
    spec = parse(data.draw(untidy_texts(chain)))
    assert bare(spec.chain) == bare(chain)
    check_tree(spec)


@many(200)
@given(chains(modules=True), st.data())
def test_a_chain_with_modules_however_written(chain: Chain, data: st.DataObject) -> None:
    """Modules in PyTorch's notation come back too, whatever their arguments are."""
    assert bare(parse(format_spec(chain)).chain) == bare(chain)
    spec = parse(data.draw(untidy_texts(chain)))
    assert bare(spec.chain) == bare(chain)
    check_tree(spec)


@many(500)
@given(chains(modules=True), st.data())
def test_a_chain_with_one_character_changed(chain: Chain, data: st.DataObject) -> None:
    """Almost right is right or a good error."""
    text = format_spec(chain)
    place = data.draw(st.integers(0, len(text) - 1))
    change = data.draw(
        st.sampled_from(["", " ", "|", "(", ")", ",", "=", ":", "*", "/", "@", "_", "-", ".", ";", "\n"])
    )
    check_text(text[:place] + change + text[place + data.draw(st.integers(0, 1)) :])


@many(1200)
@given(near_texts, near_texts, near_texts)
def test_a_part_reads_as_it_does_alone(before: str, text: str, after: str) -> None:
    """What stands around an op or a value changes nothing but where its spans count from."""
    text = text.replace("\ufeff", "")  # a mark of the byte order, at the start of a whole text only
    whole, start = f"|{before}{text}{after}", 1 + len(before)
    for read in (parse_op, parse_values):
        alone = _outcome(read, text, 0, len(text), 0)
        assert _outcome(read, whole, start, start + len(text), start) == alone


def _outcome(read: Callable[[str, int, int], Op | Argument], source: str, start: int, end: int, shift: int) -> object:
    try:
        return _moved(read(source, start, end), shift)
    except LayerError as caught:
        error = caught
    check_error(error, source)
    assert error.span is not None
    assert start <= error.span.start <= error.span.end <= end
    return error.code, error.message, error.fix, _moved(error.span, shift)


def _moved(node: object, shift: int) -> object:
    if isinstance(node, Span):
        return node.start - shift, node.end - shift
    if isinstance(node, Item):
        return bare(node), _moved(node.span, shift)
    return tuple(_moved(part, shift) for part in node) if isinstance(node, tuple) else node
