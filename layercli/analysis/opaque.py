"""Modules of a printed model whose forward is not in the text: what their known children hold is still counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layercli.analysis.keys import Given
from layercli.analysis.layer import Analyser, Bound
from layercli.analysis.pytorch import from_call, not_shown
from layercli.analysis.variant import Variant
from layercli.errors import LayerError
from layercli.formula import num
from layercli.layers import find_torch
from layercli.layers.definition import Layer, Param
from layercli.spec import Call, Custom, Group, Op, Step, Unit


def own(unit: Call | Custom) -> str:
    """Why the figures of a module in a printed model are not known: what the text does not tell; empty otherwise."""
    if isinstance(unit, Custom) or (unit.printed and find_torch(unit.name) is None):
        return f"{unit.name} is a class of its own: what its forward does is not in the text"
    return not_shown(unit)


def opaque(analyser: Analyser, unit: Call | Custom, why: str) -> Bound:
    """A module of which only the weights are known; figures that hang on its forward are unknown for this reason."""
    held = [*_held(analyser, unit, "")]
    params = tuple(Param(name, tuple(map(num, shape))) for kind, name, shape in held if kind == "params")
    buffers = tuple(Param(name, tuple(map(num, shape))) for kind, name, shape in held if kind == "buffers")
    layer = Layer(
        name=unit.name, torch=unit.name, summary=why, keys=(), inputs=(), outputs=(), params=params, buffers=buffers,
        macs_unknown=why, window_unknown=why,
    )  # fmt: skip
    variant = Variant(layer, {})
    sizes: dict[str, int] = {}
    variant.compute(sizes)
    return Bound(layer, variant, sizes, {}, Given({}, {}, shell=False), {}, (), analyser.dtype or "float32", {})


def _held(analyser: Analyser, unit: Unit, prefix: str) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """The parameters and buffers of a module and of its children."""
    if isinstance(unit, Custom):
        yield from _children(analyser, unit.children, prefix)
    elif isinstance(unit, Group):
        yield from _children(analyser, unit.chain.steps, prefix)
    elif isinstance(unit, Call) and find_torch(unit.name) is not None:
        try:
            layer, given, _ = from_call(unit)
            weights = analyser.weights(layer, given)
        except LayerError:
            return
        for kind, tensors in weights.items():
            for name, shape in tensors.items():
                yield kind, prefix + name, shape


def _children(
    analyser: Analyser, steps: Sequence[Step], prefix: str
) -> Iterator[tuple[str, str, tuple[int, ...]]]:  # fmt: skip
    for position, step in enumerate(steps):
        for time in range(step.repeat):
            name = step.label or str(position + time)
            assert not isinstance(step.unit, Op)
            yield from _held(analyser, step.unit, f"{prefix}{name}.")
