"""Modules of a printed model whose forward is not in the text: what their known children hold is still counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from layercli.analysis.keys import Given
from layercli.analysis.layer import Analyser, Bound
from layercli.analysis.pytorch import from_call, not_shown
from layercli.analysis.settle import Reader
from layercli.analysis.variant import Variant
from layercli.errors import LayerError
from layercli.formula import Sym, Unresolved, decide, evaluate, num, resolve
from layercli.layers import find_torch
from layercli.layers.definition import Layer, Let, Param
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
            weights = _weights(analyser, layer, given)
        except (LayerError, KeyError, Unresolved):  # they hang on its input
            return
        for kind, tensors in weights.items():
            for name, shape in tensors.items():
                yield kind, prefix + name, shape


def _weights(analyser: Analyser, layer: Layer, given: Given) -> dict[str, dict[str, tuple[int, ...]]]:
    """The parameters and buffers of a module whose input is not known."""
    settled = Reader(layer).settle(given)
    known = {**settled.known, "training": analyser.mode == "train", "batched": True, "packed": False}
    sizes = dict(settled.sizes)
    for key in layer.keys:  # what is inferred from an input elsewhere says here what the input has
        if isinstance(key.infer, Sym) and key.symbols:
            sizes.setdefault(key.infer.name, sizes.get(key.symbols[0].name))
    for name, fact in layer.facts.items():
        with suppress(KeyError, Unresolved):
            known[name] = bool(evaluate(resolve(fact, known), {**known, **sizes}))
    variant = Variant(layer, known)
    for rule in layer.rules:
        with suppress(KeyError, Unresolved):
            if isinstance(rule, Let) and (rule.where is None or decide(rule.where, known)):
                sizes[rule.symbol.name] = evaluate(resolve(rule.value, known), sizes)
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for kind, listed in (("params", variant.params), ("buffers", variant.buffers)):
        for tensor in listed:
            sizes.update({name: evaluate(axis, sizes) for name, axis in zip(tensor.sizes, tensor.shape)})
        bound = Bound(layer, variant, sizes, {}, given, {}, (), analyser.dtype or "float32", {})
        found[kind] = bound.tensors(listed)
    return found


def _children(
    analyser: Analyser, steps: Sequence[Step], prefix: str
) -> Iterator[tuple[str, str, tuple[int, ...]]]:  # fmt: skip
    for position, step in enumerate(steps):
        for time in range(step.repeat):
            name = step.label or str(position + time)
            assert not isinstance(step.unit, Op)
            yield from _held(analyser, step.unit, f"{prefix}{name}.")
