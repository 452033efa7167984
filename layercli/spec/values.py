"""Values: a scalar, or a tuple written ``3,5``, ``3x5``, ``(3,5)`` or ``(3,)``."""

from __future__ import annotations

from layercli.errors import LayerError
from layercli.spec import limits
from layercli.spec.scalars import is_constant, is_name, is_number_like, read_scalars
from layercli.spec.scanner import END, NEWLINE, WORD, Scanner, quote
from layercli.spec.tree import Item

__all__ = ["holds_branches", "read_values", "stray_comma"]


def read_values(scanner: Scanner, branch: bool = False) -> tuple[tuple[Item, ...], bool, int]:
    """The value at the cursor, a word or "(", which goes past it: the items, whether a tuple, where it ends.

    ``branch``: whether ";" would part two branches there.
    """
    if scanner.kind == "(":
        return _parenthesised(scanner)
    start, stop = scanner.start, scanner.stop
    items = read_scalars(scanner)
    if scanner.kind != ",":
        return tuple(items), len(items) > 1, stop
    if len(items) > 1:
        raise _sizes_beside_comma(scanner, start, stop)
    while scanner.kind == ",":
        if not scanner.glued or scanner.following in (" ", "\t"):
            raise stray_comma(scanner, branch)
        comma = scanner.start
        scanner.advance()
        if scanner.kind != WORD or not scanner.glued:
            raise _nothing_after(scanner, comma)
        _take(scanner, items)
    return tuple(items), True, scanner.last


def holds_branches(scanner: Scanner, value: bool) -> bool:
    """Whether the "(" at the cursor opens branches, which are steps, rather than a tuple, which is values.

    ``value``: whether a value may stand there at all. Then one word in parentheses, which can be either, is one.
    """
    mark = scanner.mark()
    opened = 0
    while scanner.kind in ("(", NEWLINE) and opened <= limits.NESTING:
        opened += scanner.kind == "("
        value = value and scanner.kind == "(" and opened == 1
        scanner.advance()
    branches = scanner.kind in ("|", ";", ":", "*", "@") or (scanner.kind == ")" and opened > 1)
    if opened > limits.NESTING:
        branches = True  # too many, and nothing else needs to be known
    elif scanner.kind == END:
        branches = not value
    elif scanner.kind == WORD:
        branches = _begins_a_step(scanner, opened > 1, value)
    scanner.reset(mark)
    return branches


def _begins_a_step(scanner: Scanner, nested: bool, value: bool) -> bool:
    """Whether the word at the cursor, the first in a parenthesis, begins a step; the cursor goes past it."""
    text = scanner.text
    scanner.advance()
    after = scanner.kind
    if after in (",", "=", "/"):
        return after == "/" and scanner.following == "/"
    if after in (")", END):
        return is_name(text) and not value and (nested or not is_constant(text))
    if is_name(text) or text.startswith(("nn.", "torch.")):
        return True
    return after in ("*", "|", ":") or (after == ";" and not (value and is_number_like(text)))


def stray_comma(scanner: Scanner, branch: bool = False) -> LayerError:
    """The error for the comma at the cursor, which has a blank beside it or stands between two steps or values.

    ``branch``: whether ";" would part two branches there.
    """
    comma, before = scanner.start, scanner.source[scanner.start - 1 : scanner.start]
    scanner.advance()
    if scanner.kind == "@":
        fix = "write a space in its place"
        return scanner.error("spec.separator", "a comma does not stand before a reference", fix, comma, comma + 1)
    if scanner.kind != WORD:
        return _nothing_after(scanner, comma)
    if scanner.following == "=":
        fix = "leave the comma out: a space is enough between a value and a key"
        return scanner.error("spec.separator", "a comma does not separate keys", fix, comma, comma + 1)
    if not is_number_like(scanner.text) and not is_constant(scanner.text):
        message = f"a comma does not separate {'branches' if branch else 'steps'}"
        fix = f'write "{";" if branch else "|"}" in its place'
        return scanner.error("spec.branches" if branch else "spec.separator", message, fix, comma, comma + 1)
    if before.isalpha() or before == ")":
        fix = "write a space in its place"
        return scanner.error("spec.separator", "a comma does not stand before a value", fix, comma, comma + 1)
    fix = "leave the blank out, as in 3,5"
    return scanner.error("spec.spaces", "a tuple without parentheses holds a blank", fix, comma, comma + 1)


def _take(scanner: Scanner, items: list[Item]) -> None:
    start, stop = scanner.start, scanner.stop
    run = read_scalars(scanner)
    if len(run) > 1 and (items or scanner.kind == ","):
        raise _sizes_beside_comma(scanner, start, stop)
    items.extend(run)


def _sizes_beside_comma(scanner: Scanner, start: int, stop: int) -> LayerError:
    written = scanner.source[start:stop]
    fix = f"write {quote(written.replace('x', ','))}"
    return scanner.error("spec.tuple", f"{quote(written)} stands beside a comma", fix, start, stop)


def _nothing_after(scanner: Scanner, comma: int) -> LayerError:
    if scanner.kind == ",":
        return scanner.error("spec.tuple", "two commas stand side by side", "remove one of them")
    if scanner.kind == "(":
        return scanner.error(
            "spec.tuple", "a tuple holds no tuple", "write its values one after another, such as 1,2,3"
        )
    if scanner.kind == "@":
        fix = "write a space in its place"
        return scanner.error("spec.reference", "a tuple holds no reference", fix, comma, comma + 1)
    fix = "remove the comma"
    return scanner.error("spec.tuple", "no value stands after the comma", fix, comma, comma + 1)


def _parenthesised(scanner: Scanner) -> tuple[tuple[Item, ...], bool, int]:
    opening = scanner.start
    items: list[Item] = []
    comma = False
    scanner.advance()
    while scanner.kind == WORD:
        _take(scanner, items)
        comma = scanner.kind == ","
        if not comma:
            break
        scanner.advance()
    if scanner.kind != ")" or not items:
        raise _bad_tuple(scanner, opening, bool(items), comma)
    scanner.advance()
    return tuple(items), comma or len(items) > 1, scanner.last


def _bad_tuple(scanner: Scanner, opening: int, begun: bool, comma: bool) -> LayerError:
    kind = scanner.kind
    if kind in (END, NEWLINE):
        fix = 'write ")" after the last value, on the same line'
        return scanner.error("spec.unclosed", "this parenthesis is not closed", fix, opening, opening + 1)
    if kind == ")":
        fix = "write a value between them"
        return scanner.error("spec.tuple", "the parentheses are empty", fix, opening)
    if kind == WORD:
        return scanner.error(
            "spec.tuple", "no comma stands before this value", f"write a comma before {quote(scanner.text)}"
        )
    if kind == "," and not begun:
        return scanner.error("spec.tuple", "no value stands before the comma", "remove the comma")
    if kind in (",", "(") and (comma or not begun):
        return _nothing_after(scanner, scanner.start)
    if kind == "@":
        fix = "write it alone and without parentheses, such as indices=@pool.1"
        return scanner.error("spec.reference", "a tuple holds no reference", fix)
    fix = "write only values with commas between them, such as (3,5)"
    return scanner.error("spec.tuple", f'"{kind}" cannot stand in a tuple', fix)
