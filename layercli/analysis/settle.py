"""From a layer's written keys to all of them: types as strict as torch's, defaults, and what formulas know of each."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from layercli.analysis.keys import Given, from_module
from layercli.errors import LayerError, Span
from layercli.formula import Axis, Num, Sym, decide, evaluate, resolve, speaks_of_shapes
from layercli.layers.definition import REQUIRED, Key, Layer, Same, TensorIn
from layercli.layers.kinds import BadValue, Flag, Kind, Sizes, shown
from layercli.layers.parts import Part, Weights
from layercli.plan import Module


class Missing(NamedTuple):
    """A key that is to be inferred from the input, and where its value goes."""

    key: Key
    prefix: str
    values: dict[str, Any]


class Settled(NamedTuple):
    """Every key's value in its normal form, and what formulas and conditions know of it."""

    values: dict[str, Any]
    sizes: dict[str, Any]
    """Numbers by symbol."""
    known: dict[str, Any]
    """Structure by symbol: flags, words, numbers that decide the form of a formula."""
    missing: list[Missing]
    """Keys that are to be inferred from the input."""
    dtypes: list[str]
    """The dtypes that parts are made in, where they say one."""


class Reader:
    """Reads the keys of one layer; what does not hang on a value is worked out once.

    ``prefix`` stands before every symbol where the layer is a part of another.
    """

    def __init__(self, layer: Layer, prefix: str = "", whole: str = "") -> None:
        self.layer = layer
        self.prefix = prefix
        self.whole = whole or layer.name
        self.parts = {
            key.name: {
                name: Reader(part, prefix + key.kind.prefix, self.whole) for name, part in key.kind.layers.items()
            }
            for key in layer.keys
            if isinstance(key.kind, Part)
        }
        self._defaults = {
            key.name: None if isinstance(key.kind, Part) or isinstance(key.default, Same) else _default(key)
            for key in layer.keys
            if key.default is not REQUIRED
        }
        self._flags = [key for key in layer.keys if isinstance(key.kind, Flag)]
        self._conditional = any(key.where is not None for key in layer.keys)
        assumes = any(isinstance(item, TensorIn) and item.assumable for item in layer.inputs)
        self._keys_told = [key.name for key in layer.keys if _may_be_left_out(key)] if assumes else []
        self.weights = [key for key in layer.keys if isinstance(key.kind, Weights) and key.symbols]
        shapes = _shapes(layer)
        self.facts = [(name, fact, speaks_of_shapes(fact, shapes)) for name, fact in layer.facts.items()]
        """The layer's facts, and whether each has to be resolved first."""
        self._tells = [key for key in layer.keys if key.kind.tells_lists or key.kind.tells_single]

    def settle(self, given: Given, settled: Settled | None = None) -> Settled:
        """Reads every key with torch's strictness; LayerError where torch would not take a value."""
        written, spans = given.values, given.spans
        values: dict[str, Any] = {}
        settled = Settled(values, {}, {}, [], []) if settled is None else settled._replace(values=values)
        unread = self._unread(written) if self._conditional else ()
        for key in self.layer.keys:
            name = key.name
            if name in unread:
                values[name] = written.get(name, None)
                continue
            if name in self.parts:
                values[name] = self._part(key, given, settled)
                continue
            if name in given.taken:
                settled.missing.append(Missing(key._replace(infer=given.taken[name]), self.prefix, values))
                continue
            if name in written:
                values[name] = read(name, key.kind, written[name], spans.get(name))
            elif given.shell and key.infer is not None:
                settled.missing.append(Missing(key, self.prefix, values))
                continue
            elif name in self._defaults:
                values[name] = self._defaults[name]
            else:
                raise self._missing(key, given.span)
            if values[name] is None and isinstance(key.default, Same):
                values[name] = values[key.default.key]
            single = key.kind.tells_single and not isinstance(written.get(name, key.default), tuple)
            publish(key, values[name], settled, self.prefix, single)
        settled.missing.extend(Missing(key, self.prefix, values) for key in self.layer.materialised)
        for name in self._keys_told:
            settled.known[f"{self.prefix}{name}_written"] = name in written
        for key in self._tells:
            default = None if isinstance(key.default, Same) or key.default is REQUIRED else key.default
            raw = written.get(key.name, default)
            listed = isinstance(raw, tuple)
            settled.known[f"{self.prefix}{key.name}_listed"] = listed and len(raw) < key.kind.axes
            settled.known[f"{self.prefix}{key.name}_single"] = not listed
        return settled

    def settle_facts(self, settled: Settled) -> list[bool]:
        """Decides the layer's facts once all sizes are known."""
        if not self.facts:
            return []
        known = settled.known
        everything = {**known, **settled.sizes}
        for name, fact, shaped in self.facts:
            known[name] = bool(evaluate(resolve(fact, known) if shaped else fact, everything))
        return [known[name] for name, _, _ in self.facts]

    def _unread(self, written: Mapping[str, Any]) -> set[str]:
        """The keys that torch does not look at, these flags being what they are."""
        flags = {key.symbols[0].name: bool(written.get(key.name, key.default)) for key in self._flags if key.symbols}
        return {
            key.name
            for key in self.layer.keys
            if key.where is not None and key.name in written and not decide(key.where, flags)
        }

    def _part(self, key: Key, given: Given, settled: Settled) -> Any:
        """A module that the layer is made of: its keys, settled as its own; None where it is not there.

        In torch's notation the module as it was given; on the command line the arguments that it will be built with,
        which inference completes.
        """
        kind, value = key.kind, given.values.get(key.name)
        assert isinstance(kind, Part)
        if given.shell:
            inner = None if kind.optional and not value else value if isinstance(value, Mapping) else {}
        else:
            inner = value
        named = inner.torch if isinstance(inner, Module) else kind.layer.torch
        settled.known[f"{self.prefix}{key.name}_given"] = inner is not None
        settled.known[f"{self.prefix}{key.name}_class"] = named
        if inner is None:
            if not kind.optional:
                raise LayerError("type.value", f"{key.name} is {kind.describe}, not none", fix=f"give {kind.describe}")
            return None
        if given.shell:
            within = Given(inner, given.spans, shell=True, span=given.span)
            return Making(kind.layer, inner, self.parts[key.name][named].settle(within, settled).values)
        if not isinstance(inner, Module) or named not in kind.layers:
            taken, other = " or ".join(kind.layers), named if isinstance(inner, Module) else shown(inner)
            raise LayerError(
                "type.value", f"{key.name} is known here as a {taken} only, not {other}", fix=f"give a {taken}"
            )
        within = from_module(kind.layers[named], inner)
        settled.dtypes.extend(filter(None, [within.dtype]))
        self.parts[key.name][named].settle(within, settled)
        return inner

    def _missing(self, key: Key, span: Span | None) -> LayerError:
        name = key.names[-1]
        return LayerError(
            "spec.missing-key", f"{self.whole} needs {name}: {key.meaning}", span=span,
            fix=f"add {name}={key.kind.words[0] if key.kind.words else 2}",
        )  # fmt: skip


def _shapes(layer: Layer) -> set[str]:
    """The symbols that stand for shapes: runs of axes of an input, and keys that list several values."""
    forms = [form for item in layer.inputs if isinstance(item, TensorIn) for form in item.forms]
    runs = {axis[1:] for form in forms for axis in form.axes.split()[:1] if axis.startswith("*")}
    return runs | {symbol.name for key in layer.keys if key.kind.listed for symbol in key.symbols}


def _may_be_left_out(key: Key) -> bool:
    """Whether inputs that are assumed may hang on it: a size that is taken from the input or from another key."""
    return key.infer is not None or isinstance(key.default, Same)


class Making(NamedTuple):
    """A part as the command line gives it: what was written of it, and all its values, inferred ones too."""

    layer: Layer
    written: Mapping[str, Any]
    values: Mapping[str, Any]

    def module(self) -> Module:
        """The module that torch is to build: what was written, and what was inferred."""
        inferred = [key.name for key in self.layer.keys if key.infer is not None and key.name not in self.written]
        return Module(self.layer.torch, (), {**self.written, **{name: self.values[name] for name in inferred}})


def read(name: str, kind: Kind, value: Any, span: Span | None = None) -> Any:
    """The value of a key or of an argument of the call, in its normal form; LayerError where torch refuses it."""
    try:
        return kind.read(value)
    except BadValue as bad:
        raise LayerError(bad.code, f"{name} {bad.message}", span=span, fix=bad.fix) from None


def _default(key: Key) -> Any:
    return read(key.name, key.kind, key.default)


def publish(key: Key, value: Any, settled: Settled, prefix: str = "", single: bool = False) -> None:
    """Makes a value known to formulas under the key's symbols; ``single``: it was written as one number."""
    symbols, sizes, known, kind = key.symbols, settled.sizes, settled.known, key.kind
    if not symbols:
        return
    first = prefix + symbols[0].name
    if kind.listed:
        if isinstance(kind, Weights):
            known[f"{prefix}{key.name}_given"] = value is not None
            known[f"{prefix}{key.name}_dtype"] = None if value is None else value.dtype
            value = None if value is None else value.shape
        items = value or ()
        if kind.tells_inferred:
            known[f"{prefix}{key.name}_inferred"] = items.index(-1) if -1 in items else None
        if single and items:
            known[first] = (Axis(first, Sym(first, symbols[0].meaning)),) * len(items)
            sizes[first] = items[0]
            return
        if kind.tells_values:
            known[first] = tuple(Axis(f"{first}{index}", Num(item)) for index, item in enumerate(items))
            return
        axes = tuple(_element(key, first, index) for index in range(len(items)))
        known[first] = axes
        sizes.update(zip((axis.label for axis in axes), items))
        return
    if key.structural:
        if isinstance(kind, Sizes):
            known[prefix + key.name] = value if isinstance(value, str) else None
        else:
            known[first] = value
    if isinstance(value, tuple):
        for symbol, item in zip(symbols, value):
            sizes[prefix + symbol.name] = item
            if kind.tells_none:
                known[f"{prefix}{symbol.name}_none"] = item is None
    elif not isinstance(value, str):
        sizes[first] = value
        if kind.tells_none:
            known[f"{first}_none"] = value is None


def _element(key: Key, symbol: str, index: int) -> Axis:
    name = f"{symbol}{index}"
    return Axis(name, Sym(name, f"{key.name}[{index}]"))
