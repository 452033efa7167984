"""One word of the text to one scalar, or to the error that says what it was probably meant to be."""

from __future__ import annotations

from layercli.errors import LayerError, Span
from layercli.spec import limits
from layercli.spec.scanner import Scanner, quote
from layercli.spec.tree import Item

__all__ = ["is_constant", "is_name", "is_number_like", "read_closed", "read_integer", "read_scalars"]

_CONSTANTS: dict[str, tuple[float | bool | None, str]] = {
    "true": (True, "bool"),
    "True": (True, "bool"),
    "false": (False, "bool"),
    "False": (False, "bool"),
    "none": (None, "none"),
    "None": (None, "none"),
    "inf": (float("inf"), "float"),
    "-inf": (float("-inf"), "float"),
    "nan": (float("nan"), "float"),
}
_FLOAT_CHARACTERS = frozenset("0123456789.eE+-")


def is_name(text: str) -> bool:
    """Whether the text can name an op, a key or a label."""
    return text.isidentifier() and text != "_"


def is_constant(text: str) -> bool:
    """Whether the text is a word with a value of its own, such as true."""
    return text in _CONSTANTS


def is_number_like(text: str) -> bool:
    """Whether the text begins as a number does."""
    return text.lstrip("+-.")[:1].isdigit()


def read_scalars(scanner: Scanner) -> list[Item]:
    """The scalar at the cursor, which goes past it; several of them for ``3x5``."""
    if scanner.open:
        from layercli.spec.open_values import is_open, read_open

        if is_open(scanner):
            return [read_open(scanner)]
    elif scanner.following == "/":
        raise _unread(scanner)
    return read_closed(scanner)


def read_closed(scanner: Scanner) -> list[Item]:
    """The scalar at the cursor, whatever stands behind it; the cursor goes past it."""
    text, start, stop = scanner.text, scanner.start, scanner.stop
    items = _sizes(scanner, text) if "x" in text and text[0].isdigit() else None
    if items is None:
        value, kind = _scalar(scanner, text)
        items = [Item(value, kind, text, Span(start, stop))]
    scanner.advance()
    return items


def read_integer(scanner: Scanner, text: str, start: int, stop: int) -> int:
    """The value of a sign and digits that stand at the given place."""
    if len(text) - (text[0] == "-") <= limits.DIGITS:
        try:
            return int(text)
        except ValueError:  # PYTHONINTMAXSTRDIGITS may be set lower than our own limit
            pass
    raise _too_many_digits(scanner, start, stop)


def _scalar(scanner: Scanner, text: str) -> tuple[int | float | bool | str | None, str]:
    if text.isdigit() or (text[0] == "-" and text[1:].isdigit()):
        return read_integer(scanner, text, scanner.start, scanner.stop), "int"
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _is_word(text):
        if text == "_":
            raise _unread(scanner)
        return text, "word"
    number = _float(scanner, text)
    if number is not None:
        return number, "float"
    raise _malformed(scanner, text)


def _is_word(text: str) -> bool:
    if "-" not in text:
        return text.isidentifier()
    inner = text[0] != "-" and text[-1] != "-" and "--" not in text
    return inner and text.replace("-", "_").isidentifier()


def _float(scanner: Scanner, text: str) -> float | None:
    if text[0] == "+" or not _FLOAT_CHARACTERS.issuperset(text):
        return None
    if sum(map(str.isdigit, text)) > limits.DIGITS:
        raise _too_many_digits(scanner, scanner.start, scanner.stop)
    try:
        number = float(text)
    except ValueError:
        return None
    if number in (float("inf"), float("-inf")):
        raise scanner.error(
            "spec.number", f"{quote(text)} is too large for a float", f'write "{"-" * (number < 0)}inf"'
        )
    return number


def _sizes(scanner: Scanner, text: str) -> list[Item] | None:
    parts = text.split("x")
    if not all(map(str.isdigit, parts)):
        return None
    items = []
    start = scanner.start
    for part in parts:
        stop = start + len(part)
        items.append(Item(read_integer(scanner, part, start, stop), "int", part, Span(start, stop)))
        start = stop + 1
    return items


def _too_many_digits(scanner: Scanner, start: int, stop: int) -> LayerError:
    return scanner.error(
        "limit.digits",
        f"the number {quote(scanner.source[start:stop])} has more digits than can be read",
        f"write a number of at most {limits.DIGITS:,} digits",
        start,
        stop,
    )


def _unread(scanner: Scanner) -> LayerError:
    from layercli.spec.open_values import unread

    return unread(scanner)


def _malformed(scanner: Scanner, text: str) -> LayerError:
    from layercli.spec.open_values import is_range

    shown = quote(text)
    if is_range(text):
        return _unread(scanner)
    rest = text.lstrip("-")
    if text[0] == "-" and _is_word(rest):
        if rest in ("nan", "inf"):
            return scanner.error("spec.number", f"{shown} is no number", f'write "{rest}"')
        fix = f"write {quote(rest.replace('-', '_') + '=')} and its value"
        return scanner.error("spec.option", f"{shown} is written as an option, and a spec has keys", fix)
    if text[0] == "+" and is_number_like(text):
        return scanner.error("spec.number", f"{shown} has a plus sign", f"write {quote(text.lstrip('+'))}")
    if is_number_like(text):
        return scanner.error("spec.number", f"{shown} is no number", _number_fix(text))
    name = text.rpartition(".")[2]
    if text.startswith(("torch.", "nn.")) and is_name(name):
        return scanner.error("spec.value", f"{shown} is no word: it holds a dot", f"write {quote(name)}")
    return scanner.error(
        "spec.value", f"{shown} is neither a number nor a word", "write a value such as 3, 0.5 or same"
    )


def _number_fix(text: str) -> str:
    plain = text.replace("_", "")
    if plain.removeprefix("-").isdigit():
        return f"write {quote(plain)}"
    sizes = text.lower().replace("x", " ").split(" ")
    if len(sizes) > 1 and all(size.removeprefix("-").isdigit() for size in sizes):
        return f"write {quote(','.join(sizes))}"
    return "write a number such as 3, 0.5 or 1e-5; a word begins with a letter"
