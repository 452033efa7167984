"""The keys of a layer as fields, and what one step up or down makes of a value."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from layercli.analysis.layer import Bound
from layercli.explorer.specs import inputs_of
from layercli.explorer.state import Draft
from layercli.layers import find
from layercli.layers.definition import Key
from layercli.layers.kinds import BadValue, Kind
from layercli.plan import Module

INPUT = ""
"""The name of the field of the inputs: no key has it."""


class Field(NamedTuple):
    """A line to change: a key or the inputs."""

    key: str
    """torch's name."""
    name: str
    """The shortest name, which is shown."""
    value: str
    told: bool
    """Whether it was said; otherwise ``value`` is what comes of it being left out."""
    meaning: str = ""
    kind: Kind | None = None


def fields(draft: Draft, bound: Bound | None) -> tuple[Field, ...]:
    """Every key of the draft's layer, then its inputs; ``bound`` is the layer as it was understood, if it was."""
    layer = find(draft.layer)
    assert layer is not None
    found = [Field(INPUT, "input", draft.inputs, True, "the shape that flows in")] if layer.inputs else []
    for key in layer.shell_keys:
        told = draft.told(key.name)
        unknown = "…" if key.infer is not None else key.default_words
        value = told or (unknown if bound is None else _resolved(bound, key))
        meaning = key.meaning if told or key.infer is None else f"{key.meaning}, from the input"
        found.append(Field(key.name, key.names[-1], value, bool(told), meaning, key.kind))
    return tuple(found)


def _resolved(bound: Bound, key: Key) -> str:
    """What a key that is left out is."""
    if key.name in bound.args:
        return written(bound.args[key.name], key.kind)
    for value in bound.args.values():
        if isinstance(value, Module) and key.name in value.kwargs:
            return written(value.kwargs[key.name], key.kind)
    return key.default_words


def written(value: Any, kind: Kind) -> str:
    """A value as the command line has it, one number for alike axes."""
    if isinstance(value, Module):
        return value.torch
    if isinstance(value, tuple):
        if value and len(set(value)) == 1 and not kind.listed:
            return written(value[0], kind)
        return ",".join(written(item, kind) for item in value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)


# --- steps -----------------------------------------------------------------------------------------------------------


def stepped(field: Field, by: int) -> str:
    """The value of a field so many steps on; as it is where there is none such."""
    if field.kind is None:
        return _size(field.value, by)
    kind, value = field.kind, _read(field.value)
    words = _words(kind)
    if kind.switch:
        return "false" if field.value == "true" else "true"
    if isinstance(value, str) and value not in words:  # nothing is known of it, such as "none, needed"
        return _first(kind, words) or field.value
    if isinstance(value, str):
        return _word(kind, words, words.index(value) + by) or field.value
    moved = _moved(value, by)
    below = by < 0 and bool(words) and not isinstance(moved, tuple) and moved < 0  # words stand before 0
    if not below and _takes(kind, moved):
        return _text(moved)
    if by < 0 and words:
        return words[-1]
    nearest = _moved(value, 1 if by > 0 else -1)
    return _text(nearest) if _takes(kind, nearest) else field.value


def _word(kind: Kind, words: tuple[str, ...], place: int) -> str:
    """The word at a place: in turn where there are words alone, else numbers follow the last."""
    number = next((number for number in (0, 1, 2) if _takes(kind, number)), None)
    anything = _takes(kind, object())  # it is the call that minds
    if number is None or anything or set(words) >= {"true", "false"}:
        return words[place % len(words)]
    return words[max(0, place)] if place < len(words) else str(number)


def _words(kind: Kind) -> tuple[str, ...]:
    """The words that a key takes in the place of numbers."""
    words = kind.words
    return words if "none" in words or not _takes(kind, None) or _takes(kind, "x") else ("none", *words)


def _first(kind: Kind, words: tuple[str, ...]) -> str:
    """A value to begin with."""
    for value in (1, 0, 2, 0.5):
        if _takes(kind, value):
            return str(value)
    return words[0] if words else ""


def _takes(kind: Kind, value: Any) -> bool:
    try:
        kind.read(value)
    except (BadValue, TypeError, AttributeError, ValueError):
        return False
    return True


def _read(text: str) -> Any:
    """A number, a tuple of numbers, or the word itself."""
    parts = [part.strip() for part in text.strip("()").split(",") if part.strip()]
    numbers = [_number(part) for part in parts]
    if not numbers or any(number is None for number in numbers):
        return text.strip()
    return numbers[0] if len(numbers) == 1 and "," not in text else tuple(numbers)


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            value: int | float = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else None
    return None


def _moved(value: Any, by: int) -> Any:
    """A number so many steps on; of a tuple all numbers where they are alike, else the last."""
    if isinstance(value, tuple):
        if len(set(value)) == 1:
            return tuple(_moved(item, by) for item in value)
        return (*value[:-1], _moved(value[-1], by))
    if isinstance(value, float):
        exponent = math.floor(math.log10(abs(value))) if value else -1
        return round(value + by * 10.0**exponent, 12)
    return value + by


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value)) + ("," if len(value) == 1 else "")
    return str(value)


def _size(text: str, by: int) -> str:
    """An input so many cells larger along its last axes that are alike, those behind the first two."""
    first, *others = inputs_of(text) or [""]
    name, equals, rest = first.rpartition("=")
    shape, colon, dtype = rest.partition(":")
    sizes = shape.split(",")
    last = sizes[-1]
    if not last.strip().isdigit() or int(last) + by < 0:
        return text
    number = len(sizes) - 1
    while number >= min(2, len(sizes) - 1) and sizes[number] == last:
        sizes[number] = str(int(last) + by)
        number -= 1
    return " ".join([name + equals + ",".join(sizes) + colon + dtype, *others])
