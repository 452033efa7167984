"""From a layer's written keys to all of them: types as strict as torch's, defaults, and what formulas know of each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from layercli.analysis.keys import Given
from layercli.errors import LayerError, Span
from layercli.formula import Axis, Sym, decide
from layercli.layers.definition import REQUIRED, Key, Layer, Same
from layercli.layers.kinds import BadValue, Flag, IntList, Sizes


class Settled(NamedTuple):
    """Every key's value in its normal form, and what formulas and conditions know of it."""

    values: dict[str, Any]
    sizes: dict[str, Any]
    """Numbers by symbol."""
    known: dict[str, Any]
    """Structure by symbol: flags, words, numbers that decide the form of a formula."""
    missing: list[Key]
    """Keys that are to be inferred from the input."""


class Reader:
    """Reads the keys of one layer; what does not hang on a value is worked out once."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self._defaults = {
            key.name: None if isinstance(key.default, Same) else read(key, key.default, None)
            for key in layer.keys
            if key.default is not REQUIRED
        }
        self._flags = [key for key in layer.keys if isinstance(key.kind, Flag)]
        self._conditional = any(key.where is not None for key in layer.keys)
        self._lists = [
            (key.name, key.kind.axes) for key in layer.keys if isinstance(key.kind, Sizes) and key.kind.tells_lists
        ]

    def settle(self, given: Given) -> Settled:
        """Reads every key with torch's strictness; LayerError where torch would not take a value."""
        written, spans = given.values, given.spans
        values: dict[str, Any] = {}
        settled = Settled(values, {}, {}, [])
        unread = self._unread(written) if self._conditional else ()
        for key in self.layer.keys:
            name = key.name
            if name in unread:
                values[name] = written.get(name, None)
                continue
            if name in written:
                values[name] = read(key, written[name], spans.get(name))
            elif given.shell and key.infer is not None:
                settled.missing.append(key)
                continue
            elif name in self._defaults:
                values[name] = self._defaults[name]
            else:
                raise self._missing(key, given.span)
            if values[name] is None and isinstance(key.default, Same):
                values[name] = values[key.default.key]
            publish(key, values[name], settled)
        for name, axes in self._lists:
            settled.known[f"{name}_listed"] = isinstance(written.get(name), tuple) and len(written[name]) < axes
        return settled

    def _unread(self, written: Mapping[str, Any]) -> set[str]:
        """The keys that torch does not look at, these flags being what they are."""
        flags = {key.symbols[0].name: bool(written.get(key.name, key.default)) for key in self._flags}
        return {
            key.name
            for key in self.layer.keys
            if key.where is not None and key.name in written and not decide(key.where, flags)
        }

    def _missing(self, key: Key, span: Span | None) -> LayerError:
        name = key.names[-1]
        return LayerError(
            "spec.missing-key", f"{self.layer.name} needs {name}: {key.meaning}", span=span,
            fix=f"write {self.layer.name} {name}={key.kind.words[0] if key.kind.words else 3}",
        )  # fmt: skip


def read(key: Key, value: Any, span: Span | None) -> Any:
    """The value in its normal form; LayerError where torch would not take it."""
    try:
        return key.kind.read(value)
    except BadValue as bad:
        raise LayerError(bad.code, f"{key.name} {bad.message}", span=span, fix=bad.fix) from None


def publish(key: Key, value: Any, settled: Settled) -> None:
    """Makes a value known to formulas under the key's symbols."""
    symbols, sizes = key.symbols, settled.sizes
    if not symbols:
        return
    if isinstance(key.kind, IntList):
        axes = tuple(_element(key, index) for index in range(len(value)))
        settled.known[symbols[0].name] = axes
        sizes.update(zip((axis.label for axis in axes), value))
        return
    if key.structural:
        if isinstance(key.kind, Sizes):
            settled.known[key.name] = value if isinstance(value, str) else None
        else:
            settled.known[symbols[0].name] = value
    if isinstance(value, tuple):
        for symbol, item in zip(symbols, value):
            sizes[symbol.name] = item
    elif not isinstance(value, str):
        sizes[symbols[0].name] = value


def _element(key: Key, index: int) -> Axis:
    name = f"{key.symbols[0].name}{index}"
    return Axis(name, Sym(name, f"{key.name}[{index}]"))
