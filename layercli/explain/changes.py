"""What each key of a layer does: the layer once more with another value for it, and what comes out then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.layer import Analyser, Bound
from layercli.errors import LayerError
from layercli.layers.definition import Key
from layercli.layers.kinds import Flag
from layercli.layers.parts import Part


class Change(NamedTuple):
    """A key with another value: before and after in words, and the shapes and counts that come of it."""

    key: Key
    before: str
    after: str
    shapes: tuple[str, str]
    params: tuple[int, int]
    macs: tuple[int | None, int | None]

    @property
    def counts(self) -> bool:
        """Whether shapes or counts are others than before."""
        return any(one != other for one, other in (self.shapes, self.params, self.macs))


def changes(bound: Bound, mode: str) -> Iterator[Change]:
    """One change for each key that can be changed on this input, in the order of the keys."""
    analyser = Analyser(mode, bound.given.dtype)
    assumed = {item.name for item in bound.assumed}
    fed = [(name, tree) for name, tree in bound.inputs.items() if name not in assumed]
    for key in bound.layer.keys:
        found = [each for value in _others(key, bound) if (each := _change(analyser, bound, fed, key, value))]
        if found:
            yield next((each for each in found if each.counts), found[0])


def _others(key: Key, bound: Bound) -> Iterator[Any]:
    """Other values that a key may have, the most telling first."""
    value = bound.args[key.name]
    if isinstance(key.kind, Part):
        return
    if isinstance(key.kind, Flag) or isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        yield from (word for word in key.kind.words if word != value)
    elif isinstance(value, float):
        yield from (value * 2 if value else 0.5, value / 2)
    elif isinstance(value, int):
        yield from _near(key, value)
    elif isinstance(value, tuple) and value and all(type(item) in (int, float) for item in value):
        for first in _near(key, value[0]):
            yield first if len(set(value)) == 1 else (first, *value[1:])


def _near(key: Key, value: Any) -> Iterator[Any]:
    """Numbers beside this one: an odd kernel for an odd one, twice a stride, whatever else is taken."""
    steps = (value + 2, value + 1) if "kernel" in key.name else (value * 2, value + 1, value + 2, value + 3)
    yield from dict.fromkeys(step for step in (*steps, value - 1) if step != value)


def _change(analyser: Analyser, bound: Bound, fed: list[tuple[str, Tree]], key: Key, value: Any) -> Change | None:
    """What comes of another value; None where the layer does not take it."""
    given = bound.given._replace(values={**bound.given.values, key.name: value})
    try:
        other = analyser.bind(bound.layer, given, [*fed])
    except LayerError:
        return None
    said = _said(bound.args[key.name]), _said(other.args[key.name])
    if said[0] == said[1]:
        return None
    return Change(key, *said, (_shapes(bound), _shapes(other)), (bound.params, other.params), (bound.macs, other.macs))


def _shapes(bound: Bound) -> str:
    flows: Iterator[Flow] = tensors(bound.outputs)
    return " ".join(",".join(map(str, flow.shape)) or "scalar" for flow in flows)


def _said(value: Any) -> str:
    """A value as the command line has it, one number for alike axes."""
    if isinstance(value, tuple):
        return _said(value[0]) if value and len(set(value)) == 1 else ",".join(map(_said, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
