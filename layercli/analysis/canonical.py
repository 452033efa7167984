"""A design in the shell's notation, whatever it was written in: modules in PyTorch's become steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from layercli.analysis.pytorch import from_call
from layercli.errors import Span
from layercli.layers.definition import Key, Layer, Same
from layercli.layers.kinds import Flag, Sizes
from layercli.layers.parts import Part
from layercli.plan import Module
from layercli.spec import Argument, Call, Chain, Group, Op, Spec, Step, Unit, parse_op

_HERE = Span(0, 0)


def canonical(spec: Spec) -> Spec:
    """The design with every module in PyTorch's notation as a step, where the shell's notation can say it."""
    return spec._replace(chain=_chain(spec.chain))


def _chain(chain: Chain) -> Chain:
    return chain._replace(steps=tuple(map(_step, chain.steps)))


def _step(step: Step) -> Step:
    return step._replace(unit=_unit(step.unit))


def _unit(unit: Unit) -> Unit:
    if isinstance(unit, Group):
        return unit._replace(chain=_chain(unit.chain))
    if isinstance(unit, Op):
        return unit._replace(branches=tuple(map(_chain, unit.branches)))
    return (_op(unit) or unit) if isinstance(unit, Call) else unit


def _op(call: Call) -> Op | None:
    """The call as a step; None where an argument has no spelling there."""
    layer, given, _ = from_call(call)
    if given.dtype:
        return None
    arguments: list[Argument] = []
    bare = list(layer.positional)
    written = list(_written(layer, given.values))
    for key, text in sorted(written, key=lambda item: _place(layer, item[0])):
        if text is None:
            return None
        name = None if bare and key.name == bare[0] and len(arguments) < 2 else key.names[-1]
        bare = bare[1:] if name is None else []
        arguments.append(_argument(name, text))
    return Op(layer.name, _HERE, tuple(arguments), _HERE)


def _place(layer: Layer, key: Key) -> int:
    return layer.positional.index(key.name) if key.name in layer.positional else len(layer.positional)


def _written(layer: Layer, values: Mapping[str, Any]) -> Iterator[tuple[Key, str | None]]:
    """Each argument that was given, as the shell's notation has it; those of a part as the layer's own."""
    for key in layer.keys:
        if key.name not in values:
            continue
        value = values[key.name]
        if isinstance(key.kind, Part) and isinstance(value, Module):
            inner = dict(zip((item.name for item in key.kind.layer.keys), value.args))
            if key.kind.always:
                yield from _written(key.kind.layer, {**inner, **value.kwargs})
            else:
                yield key, None if inner or value.kwargs else "true"
        elif isinstance(key.kind, Part):
            yield key, None if key.kind.always else "false"
        elif not _is_default(key, value, values):
            yield key, _text(key, _once(key, value))


def _once(key: Key, value: Any) -> Any:
    """One number for all axes where they are alike: ``3`` for ``(3, 3)``."""
    alike = isinstance(key.kind, Sizes) and isinstance(value, tuple) and len(value) > 1 and len(set(value)) == 1
    return value[0] if alike and value[0] is not None else value


def _is_default(key: Key, value: Any, values: Mapping[str, Any]) -> bool:
    """Whether a value, written out, is what holds without it."""
    default = values.get(key.default.key) if isinstance(key.default, Same) else key.default
    return type(once := _once(key, value)) is type(other := _once(key, default)) and once == other


def _text(key: Key, value: Any) -> str | None:
    if isinstance(value, tuple):
        parts = [_text(key, item) for item in value]
        if not parts or None in parts:
            return None
        return f"({parts[0]},)" if len(parts) == 1 else ",".join(part or "" for part in parts)
    if value is None or isinstance(value, bool) or isinstance(key.kind, Flag):
        return str(value).lower() if value is None or isinstance(value, bool) else None
    if isinstance(value, str):
        return value if value in key.kind.words else None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return repr(value) if isinstance(value, (int, float)) else None


def _argument(name: str | None, text: str) -> Argument:
    """The argument that reads as this text."""
    source = f"step {name}={text}" if name else f"step {text}"
    return parse_op(source, 0, len(source)).arguments[0]
