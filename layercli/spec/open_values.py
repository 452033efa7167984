"""Values that are left open: ``_`` to solve for, ``1..9`` and ``3/5/7`` to choose from. Read where they are wanted."""

from __future__ import annotations

from layercli.errors import LayerError, Span
from layercli.spec.scanner import WORD, Scanner, quote
from layercli.spec.tree import Choice, Item, Range, Unknown

__all__ = ["is_open", "read_open"]


def is_open(scanner: Scanner) -> bool:
    """Whether the word at the cursor leaves a value open."""
    return scanner.following == "/" or scanner.text == "_" or ".." in scanner.text


def read_open(scanner: Scanner) -> Item:
    """The open value at the cursor, which goes past it."""
    start = scanner.start
    options = [_option(scanner)]
    while scanner.kind == "/" and scanner.glued and not scanner.following.isspace():
        scanner.advance()
        if scanner.kind != WORD or not scanner.glued:
            raise scanner.error("spec.alternatives", 'no value stands after this "/"', "write one, as in k=3/5/7",
                scanner.last - 1, scanner.last)  # fmt: skip
        options.append(_option(scanner))
    span = Span(start, scanner.last)
    if len(options) == 1 and len(options[0]) == 1 and options[0][0].open is not None:
        return options[0][0]
    if any(isinstance(item.open, Unknown) for option in options for item in option):
        raise scanner.error("spec.alternatives", '"_" stands for any value, and beside it are others',
            'write "_" alone, or the values to choose from', *span)  # fmt: skip
    return Item(None, "open", scanner.written(span), span, Choice(tuple(options)))


def _option(scanner: Scanner) -> tuple[Item, ...]:
    """One of the values to choose from: a scalar, a tuple written ``3x5``, or a range."""
    from layercli.spec.scalars import read_closed

    text, span = scanner.text, Span(scanner.start, scanner.stop)
    if text == "_":
        scanner.advance()
        return (Item(None, "open", text, span, Unknown()),)
    if ".." in text:
        found = _range(scanner, text)
        scanner.advance()
        return (Item(None, "open", text, span, found),)
    return tuple(read_closed(scanner))


def _range(scanner: Scanner, text: str) -> Range:
    """``1..9`` or ``64..256..64``: first, last and how far apart; LayerError where there is nothing between."""
    bounds = text.split("..")
    if not is_range(text):
        fix = "write first and last, as in 1..9, or the distance too, as in 64..256..64"
        raise scanner.error("spec.range", f"{quote(text)} is no range", fix)
    from layercli.spec.scalars import read_integer

    numbers = [read_integer(scanner, bound, scanner.start, scanner.stop) for bound in bounds]
    first, last, step = (*numbers, 1)[:3]
    if step < 1:
        raise scanner.error("spec.range", f"the values of {quote(text)} are {step} apart", "write a distance from 1 on")
    if last < first:
        message = f"{quote(text)} holds no value: it ends before it begins"
        raise scanner.error("spec.range", message, f"write {last}..{first}")
    return Range(first, last, step)


def _is_integer(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


def unread(scanner: Scanner) -> LayerError:
    """The error for the open value at the cursor where only one value can stand."""
    text = scanner.text
    if scanner.following == "/":
        stop = scanner.stop
        while stop < scanner.limit and scanner.source[stop] in _ALTERNATIVE_CHARACTERS:
            stop += 1
        from layercli.spec.scalars import is_name

        return scanner.error(
            "spec.alternatives",
            f"{quote(scanner.source[scanner.start : stop])} lists alternatives, and one design has one value "
            "(layercli sweep tries all of them)",
            f"write one of them, such as {quote(text)}" if text.isdigit() or is_name(text) else "write one value",
            stop=stop,
        )
    if text == "_":
        message = '"_" stands for a value to solve for (layercli solve does)'
        return scanner.error("spec.unknown-value", message, "write a number")
    bounds = text.split("..")
    return scanner.error(
        "spec.range",
        f"{quote(text)} is a range of values, and one design has one value (layercli sweep tries all of them)",
        f"write one number, such as {quote(bounds[0])}",
    )


def is_range(text: str) -> bool:
    """Whether the text is written as a range of integers."""
    bounds = text.split("..")
    return len(bounds) in (2, 3) and all(map(_is_integer, bounds))


_ALTERNATIVE_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-/")
