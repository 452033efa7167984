"""What an op, a key or a value can have wrong with it: each function words one mistake and its one fix."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layercli.errors import LayerError, Span
from layercli.spec.scalars import is_constant, is_name, is_number_like
from layercli.spec.scanner import END, NEWLINE, WORD, Scanner, quote
from layercli.spec.step_errors import comment, no_separator, semicolon
from layercli.spec.tree import Argument
from layercli.spec.values import stray_comma
from layercli.spec.within import Within

_ARGUMENT = re.compile(r"@?[\w.+\-=,]*(?:\([\w.+\-, \t]*\)?)?", re.ASCII)
"""A value, with or without a key, or a reference: as much as there is of it."""


def bad_name(scanner: Scanner, word: Span) -> LayerError:
    """A step whose first word is no name."""
    text = scanner.written(word)
    shown = quote(text)
    if text == "_":
        message = '"_" stands for a value to solve for, and a layer is none'
        return scanner.error("spec.unknown-value", message, "write the name of a layer, such as relu", *word)
    if scanner.kind == "*":
        return scanner.error("spec.repeat", "a step has one repeat", "write their product, such as 6*relu", *word)
    message = f"a step begins with the name of a layer, and {shown} is none"
    letters = text.lstrip("0123456789")
    if letters != text and (is_name(letters) or (not letters and scanner.kind in (WORD, "("))):
        repeated = letters or ("(...)" if scanner.kind == "(" else scanner.text)
        fix = f"write {quote(f'{text[: len(text) - len(letters)]}*{repeated}')} to repeat it"
        return scanner.error("spec.name", message, fix, *word)
    joined = text.replace("-", "")
    fix = f"write {quote(joined)}" if is_name(joined) else "write letters, digits and _, a letter first, such as conv2d"
    return scanner.error("spec.name", message, fix, *word)


def called(scanner: Scanner, word: Span) -> LayerError:
    """A name with a "(" right after it."""
    name = scanner.written(word)
    message = f"{quote(name)} is written as a call"
    scanner.advance()
    scanner.skip_newlines()
    if scanner.kind == ")":
        return scanner.error("spec.call", message, "remove the empty parentheses", word.end)
    if _is_step(scanner):
        scanner.advance()
        comma = Span(scanner.start, scanner.stop)
        scanner.advance()
        scanner.skip_newlines()
        if scanner.written(comma) == "," and _is_step(scanner):
            fix = 'write ";" in its place'
            return scanner.error("spec.branches", "a comma does not separate branches", fix, *comma)
    fix = f"write its values after spaces, such as {quote(name + ' 3 k=5')}"
    return scanner.error("spec.call", message, fix, word.end, word.end + 1)


def _is_step(scanner: Scanner) -> bool:
    """Whether a word is at the cursor with which a step may begin, rather than a value or a key."""
    if scanner.kind != WORD or scanner.following == "=" or is_constant(scanner.text):
        return False
    return scanner.following == "*" or not is_number_like(scanner.text)


def no_call(scanner: Scanner, word: Span) -> LayerError:
    """A class of PyTorch's without its parentheses."""
    text = scanner.written(word)
    shown = quote(text)
    if not is_name(text.rpartition(".")[2]):
        fix = "write a module, such as nn.Conv2d(3, 8, kernel_size=5)"
        return scanner.error("spec.name", f"{shown} names no class of PyTorch's", fix, *word)
    message = f"{shown} names a class, and no module is made of it"
    return scanner.error("spec.pytorch-notation", message, f"write {quote(text + '()')}", *word)


def after_a_reference(scanner: Scanner, within: Within) -> LayerError:
    """Something after a step's references that cannot stand there."""
    if scanner.kind == ",":
        return stray_comma(scanner, within.branch)
    if scanner.kind == "(" or (scanner.kind == WORD and not _is_step(scanner)):
        return _too_late(scanner, "a reference", "the references")
    return no_separator(scanner, within)


def after_the_branches(scanner: Scanner, within: Within) -> LayerError:
    """Something after a step's branches that cannot stand there."""
    if scanner.kind == "@" or (scanner.kind == WORD and not _is_step(scanner)):
        return _too_late(scanner, "the branches", '"("')
    return no_separator(scanner, within)


def _too_late(scanner: Scanner, after: str, before: str) -> LayerError:
    """A value, a key or a reference behind what has to come after it."""
    match = _ARGUMENT.match(scanner.source, scanner.start, scanner.limit)
    assert match is not None
    message = f"{quote(match.group())} stands after {after}"
    return scanner.error("spec.order", message, f"write it before {before}", *match.span())


def after_a_bare_reference(scanner: Scanner, reference: Span, within: Within) -> LayerError:
    """Something after a reference that is a step of its own."""
    if scanner.kind in (",", "@") or (scanner.kind == WORD and not _is_step(scanner)):
        message = "a step that only refers to another one holds nothing else"
        fix = f"write the name of a layer before it, such as {quote('add ' + scanner.written(reference))}"
        return scanner.error("spec.reference", message, fix, reference.start, scanner.stop)
    return no_separator(scanner, within)


def misplaced_reference(scanner: Scanner, fix: str) -> LayerError:
    """A "@" where only values have a place."""
    start, stop = scanner.start, scanner.stop
    scanner.advance()
    if scanner.kind == WORD and scanner.glued:
        stop = scanner.stop
    return scanner.error("spec.reference", "a reference to another step cannot stand here", fix, start, stop)


def glued_reference(scanner: Scanner) -> LayerError:
    """A reference without a blank before it."""
    return scanner.error("spec.spaces", 'no space stands before "@"', "write a space before it")


def glued(scanner: Scanner) -> LayerError:
    """A value without a blank before it."""
    message = f"no space stands before {quote(scanner.text)}"
    return scanner.error("spec.spaces", message, "write a space between two values")


def bad_key(scanner: Scanner) -> LayerError:
    """Something before "=" that is no name."""
    text = scanner.text
    name = text.lstrip("-").replace("-", "_")
    fix = f"write {quote(name)}" if is_name(name) else "write letters, digits and _, a letter first, such as k=5"
    return scanner.error("spec.key", f"{quote(text)} cannot be a key", fix)


def duplicate_key(scanner: Scanner) -> LayerError:
    """A key for the second time in one op."""
    return scanner.error("spec.duplicate-key", f"the key {quote(scanner.text)} is given twice", "remove one of the two")


def no_value_of_key(scanner: Scanner, key: Span, equals: int) -> LayerError:
    """Nothing readable right after a key's "="."""
    name = scanner.written(key)
    if scanner.kind == "@":
        return _spaced_equals(scanner, name, equals)
    if scanner.kind == "=":
        return scanner.error("spec.key", "two equals signs stand after a key", 'remove one "="', equals)
    if scanner.kind == "(" or (scanner.kind == WORD and scanner.following != "="):
        return _spaced_equals(scanner, name, equals)
    message, fix = f"the key {quote(name)} has no value", 'write one right after "=", such as k=5'
    return scanner.error("spec.value", message, fix, key.start, equals + 1)


def _spaced_equals(scanner: Scanner, key: str, equals: int) -> LayerError:
    value = "(...)" if scanner.kind == "(" else scanner.text
    if scanner.kind == "@":
        scanner.advance()
        value = f"@{scanner.text}" if scanner.kind == WORD and scanner.glued else "@..."
    fix = f"leave the spaces out: {quote(f'{key}={value}')}"
    return scanner.error("spec.spaces", 'a space stands beside "="', fix, equals, equals + 1)


def stray(scanner: Scanner, op: Span, arguments: Sequence[Argument], within: Within) -> LayerError:
    """A mark that can neither go on with an op nor end it."""
    kind = scanner.kind
    last = arguments[-1] if arguments else None
    if kind == ",":
        return stray_comma(scanner, within.branch)
    if kind == ";":
        return semicolon(scanner, within)
    if kind == "=":
        return _stray_equals(scanner, op, last)
    if kind == ":":
        return _stray_colon(scanner, last)
    if kind == "*":
        return _stray_star(scanner, last)
    if scanner.following == "/":
        return comment(scanner)
    return scanner.error("spec.separator", '"/" stands beside no value', "remove it")


def _stray_equals(scanner: Scanner, op: Span, last: Argument | None) -> LayerError:
    if last is not None and last.name is None and not last.is_tuple and is_name(last.items[0].text):
        equals = scanner.start
        scanner.advance()
        return _spaced_equals(scanner, last.items[0].text, equals)
    if last is None and scanner.glued:
        fix = "write the layer before its keys, such as conv2d k=5"
        return scanner.error("spec.name", f"{quote(scanner.written(op))} is a key without a layer", fix, *op)
    return scanner.error("spec.key", 'no key stands before "="', "write one right before it, such as k=5")


def _stray_colon(scanner: Scanner, last: Argument | None) -> LayerError:
    if last is None:
        message = "a step has one label, and it comes before the repeat"
        return scanner.error("spec.label", message, "write it once and first, such as enc: 2*relu")
    joined = scanner.glued and scanner.following not in ("", " ", "\t", "\r", "\n")
    if joined and last.name is None and not last.is_tuple:
        return scanner.error("spec.key", '":" does not give a key its value', 'write "=" in its place')
    return _unseparated(scanner, last.span)


def _stray_star(scanner: Scanner, last: Argument | None) -> LayerError:
    if last is None:
        fix = "write it there, such as 3*relu"
        return scanner.error("spec.repeat", "a repeat stands before what it repeats", fix)
    star = scanner.start
    scanner.advance()
    if scanner.kind == WORD and is_number_like(scanner.text):
        fix = "write sizes with x, such as 3x5"
        return scanner.error("spec.tuple", '"*" stands between two values', fix, star, star + 1)
    return _unseparated(scanner, last.span)


def _unseparated(scanner: Scanner, begin: Span) -> LayerError:
    shown = quote(scanner.written(begin))
    return scanner.error("spec.separator", f'no "|" stands before {shown}', f'write "|" before {shown}', *begin)


def no_op(scanner: Scanner) -> LayerError:
    """No op in a text that is to hold one."""
    if scanner.kind == END:
        return scanner.error("spec.empty", "no layer is named", "write one, such as conv2d 8 k=5")
    fix = "write the name of a layer first, such as conv2d"
    if scanner.kind == "@":
        return misplaced_reference(scanner, fix)
    return scanner.error("spec.name", f"a layer cannot begin with {quote(scanner.text)}", fix)


def after_the_op(scanner: Scanner) -> LayerError:
    """A text that is to hold one op and goes on after it."""
    message, fix = "more than one step stands where there is room for one", 'put a whole chain into "run"'
    return scanner.error("spec.single", message, fix)


def no_value(scanner: Scanner) -> LayerError:
    """No value in a text that is to hold one."""
    if scanner.kind == END:
        return scanner.error("spec.value", "no value is given", "write one, such as 3 or 3,5")
    if scanner.kind == ",":
        return scanner.error("spec.tuple", "no value stands before the comma", "remove the comma")
    if scanner.kind == "@":
        return misplaced_reference(scanner, "write a value in its place")
    return scanner.error("spec.value", f"{_mark(scanner)} is no value", "write one, such as 3 or 3,5")


def after_the_value(scanner: Scanner) -> LayerError:
    """A text that is to hold one value and goes on after it."""
    if scanner.kind == "@":
        return misplaced_reference(scanner, "remove it")
    fix = "write commas between the values of a tuple, such as 3,5"
    return scanner.error("spec.value", f"{_mark(scanner)} stands after the value", fix)


def _mark(scanner: Scanner) -> str:
    return "a line end" if scanner.kind == NEWLINE else quote(scanner.text)
