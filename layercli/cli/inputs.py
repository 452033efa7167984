"""What ``-i`` says: ``1,3,16,16``, ``hx=1,3,10``, ``target=8:int64``, ``need_weights=false``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layercli.errors import LayerError, Span
from layercli.layers.kinds import LARGEST
from layercli.plan import ITEM_SIZE, Input, Literal, Tensor

if TYPE_CHECKING:
    from layercli.design.space import OpenInput
    from layercli.spec import Item

_OPTION = "--input "
_WORDS = {"true": True, "false": False, "none": None}


def parse_inputs(texts: Sequence[str]) -> tuple[Input, ...]:
    """Every ``-i`` in order, its dtype empty where none is said; LayerError with a caret under what is off."""
    return tuple(map(_parse, texts))


def parse_open_inputs(texts: Sequence[str]) -> tuple[OpenInput, ...]:
    """Every ``-i``, in which sizes may be left open: ``1,3,_,_``, ``1,3,64..256..64,224``, ``1,3/4,32,32``."""
    return tuple(map(_parse_open, texts))


def _parse_open(text: str) -> OpenInput:
    from layercli.design.space import OpenInput
    from layercli.spec import parse_values

    head, equals, rest = text.rpartition("=")
    shape = rest.partition(":")[0]
    start = len(head) + len(equals)
    separator = "," if "," in shape or "x" not in shape else "x"
    found = []
    closed = text[:start]
    at = start
    for axis, part in enumerate(shape.split(separator)):
        if part.strip() == "_" or ".." in part or "/" in part:
            begin = len(_OPTION) + at
            values = parse_values(_OPTION + text, begin, begin + len(part), open=True)
            item = values.items[0]
            _only_sizes(item, _OPTION + text)
            found.append((axis, item))
            part = "1"
        closed += separator * (axis > 0) + part
        at = start + len(separator.join(shape.split(separator)[: axis + 1])) + 1
    closed += rest[len(shape) :]
    return OpenInput(_parse(closed if found else text), tuple(found), _OPTION + text)


def _only_sizes(item: Item, source: str) -> None:
    """LayerError where an alternative is no size."""
    fix = "write sizes such as 32/64/128"
    if getattr(item.open, "first", 0) < 0:
        raise _wrong(source, item.span.start, item.span.end, "a size is not negative", fix)
    options = getattr(item.open, "options", ())
    for option in options:
        for value in option:
            if len(option) > 1 or not (value.open or (value.kind == "int" and isinstance(value.value, int))):
                raise _wrong(source, value.span.start, value.span.end, f"{value.text[:40]!r} is no size", fix)
            if value.kind == "int" and int(value.value or 0) < 0:
                raise _wrong(source, value.span.start, value.span.end, "a size is not negative", fix)


def _parse(text: str) -> Input:
    dtype = ""
    source = _OPTION + text
    start = len(_OPTION)
    name = None
    head, equals, rest = text.partition("=")
    if equals:
        name, start = head.strip(), start + len(head) + 1
        if not name.isidentifier():
            raise _wrong(source, len(_OPTION), start - 1, f"{name[:40]!r} is no name of an input", "write hx=1,3,10")
        if rest.strip() in _WORDS:
            word = _WORDS[rest.strip()]
            return Input(None if word is None else Literal(word), name)
    else:
        rest = text
    shape, colon, kind = rest.partition(":")
    if colon:
        if kind not in ITEM_SIZE:
            at = start + len(shape) + 1
            raise _wrong(source, at, len(source), f"{kind[:40]!r} is no dtype", f"use one of {', '.join(ITEM_SIZE)}")
        dtype = kind
    sizes = _sizes(source, shape, start)
    symbols = tuple(size if isinstance(size, str) else "" for size in sizes)
    numbers = tuple(0 if isinstance(size, str) else size for size in sizes)
    return Input(Tensor(numbers, dtype, symbols=symbols if any(symbols) else ()), name)


def _sizes(source: str, text: str, start: int) -> tuple[int | str, ...]:
    inner = text.strip()
    if inner in ("scalar", "()", ""):
        if not inner:
            raise _wrong(source, start, start + 1, "the shape is empty", "write 1,3,16,16, or scalar for no axes")
        return ()
    if inner[0] in "([" and inner[-1] in ")]":
        start += text.index(inner[0]) + 1
        text = inner[1:-1]
    separator = "," if "," in text or not text[:1].isdigit() else "x"
    sizes: list[int | str] = []
    parts = text.split(separator)
    for number, part in enumerate(parts):
        word = part.strip()
        if not word and number == len(parts) - 1 and sizes:
            break
        if word.isascii() and word.isidentifier() and len(word) <= 20:
            sizes.append(word)  # a size that is left open
            start += len(part) + 1
            continue
        if not (word.isascii() and word.isdigit()) or len(word) > 19 or int(word) > LARGEST:
            said = "more than torch's 64 bits" if word.isascii() and word.isdigit() else "no size"
            fix = "write sizes such as 1,3,16,16, or N,3,H,W"
            raise _wrong(source, start, start + max(1, len(part)), f"{word[:40]!r} is {said}", fix)
        sizes.append(int(word))
        start += len(part) + 1
    return tuple(sizes)


def _wrong(source: str, start: int, end: int, message: str, fix: str) -> LayerError:
    return LayerError("spec.input", message, source=source, span=Span(start, max(end, start + 1)), fix=fix)
