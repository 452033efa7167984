"""Values: a scalar, or a tuple written ``3,5``, ``3x5``, ``(3,5)`` or ``(3,)``."""

from __future__ import annotations

from layercli.errors import LayerError
from layercli.spec.scalars import is_constant, is_name, is_number_like, read_scalars
from layercli.spec.scanner import END, NEWLINE, WORD, Scanner, quote
from layercli.spec.tree import Item

__all__ = ["holds_branches", "read_values", "stray_comma"]


def read_values(scanner: Scanner) -> tuple[tuple[Item, ...], bool, int]:
    """The value at the cursor, a word or "(", which goes past it: the items, whether a tuple, where it ends."""
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
            raise stray_comma(scanner)
        comma = scanner.start
        scanner.advance()
        if scanner.kind != WORD or not scanner.glued:
            raise _nothing_after(scanner, comma)
        _take(scanner, items)
    return tuple(items), True, scanner.last


def holds_branches(scanner: Scanner) -> bool:
    """Whether the "(" at the cursor opens branches, which are steps, rather than a tuple, which is values."""
    mark = scanner.mark()
    while scanner.kind in ("(", NEWLINE):
        scanner.advance()
    branches = scanner.kind in (";", "@")
    if scanner.kind == WORD:
        text = scanner.text
        scanner.advance()
        if is_name(text):
            branches = scanner.kind not in (",", "=", "/", END) and not (scanner.kind == ")" and is_constant(text))
        elif text.startswith(("nn.", "torch.")):
            branches = scanner.kind == "("
        else:
            branches = scanner.kind == "*"
    scanner.reset(mark)
    return branches


def stray_comma(scanner: Scanner) -> LayerError:
    """The error for the comma at the cursor, which has a blank beside it or stands between two steps or values."""
    comma, before = scanner.start, scanner.source[scanner.start - 1 : scanner.start]
    scanner.advance()
    if scanner.kind != WORD:
        return _nothing_after(scanner, comma)
    if scanner.following == "=":
        fix = "leave the comma out: a space is enough between a value and a key"
        return scanner.error("spec.separator", "a comma does not separate keys", fix, comma, comma + 1)
    if not is_number_like(scanner.text) and not is_constant(scanner.text):
        return scanner.error(
            "spec.separator", "a comma does not separate steps", 'write "|" in its place', comma, comma + 1
        )
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
    fix = "write only values with commas between them, such as (3,5)"
    return scanner.error("spec.tuple", f'"{kind}" cannot stand in a tuple', fix)
