"""Classes of torch whose printed children tell what they were made with, such as a TransformerEncoderLayer.

A class is recognised only where its children are all, and exactly, those that torch makes from the arguments read off
them; with another part put in by hand it is a class of the user's own, whose forward is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from layercli.spec.tree import Call, Custom, Group, Step, Unit

__all__ = ["HAS_PARTS", "Children", "recovered"]

Children: TypeAlias = Mapping[str, Step]
Found: TypeAlias = dict[str, Any] | None

HAS_PARTS = frozenset(
    (
        *("AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss", "MultiheadAttention", "Transformer"),
        *("TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer"),
        "TripletMarginWithDistanceLoss",
    )
)
_OUT_PROJECTION = ("NonDynamicallyQuantizableLinear", "_LinearWithBias", "Linear")
"""What attention's last projection is called, by version of torch."""
_SHARED = ("d_model", "dim_feedforward", "dropout", "activation", "layer_norm_eps", "bias")


def recovered(name: str, children: Children, said: tuple[tuple[str, Any], ...]) -> Found:
    """The arguments that the children, and what the class says of itself, tell; None where a part is not torch's own.

    An argument that is not among them is hidden: it may have been given or not.
    """
    if name == "MultiheadAttention":
        return _attention(children)
    if name == "TransformerEncoderLayer":
        return _layer(children, ("self_attn",))
    if name == "TransformerDecoderLayer":
        return _layer(children, ("self_attn", "multihead_attn"))
    if name == "TransformerEncoder":
        return _stack(children, "encoder_layer")
    if name == "TransformerDecoder":
        return _stack(children, "decoder_layer")
    if name == "Transformer":
        return _transformer(children)
    if name == "AdaptiveLogSoftmaxWithLoss":
        return _adaptive(children)
    if name == "LinearCrossEntropyLoss":
        alone = list(children) == ["linear"] and _is(_unit(children, "linear"), "Linear")
        return dict(said) if alone and said else None
    distance = _unit(children, "distance_function")
    return {"distance_function": distance} if len(children) == 1 and isinstance(distance, Call) else None


# --- looking at children --------------------------------------------------------------------------------------------


def _unit(children: Children, name: str) -> Unit | None:
    """The child of this name, which stands once."""
    step = children.get(name)
    return step.unit if step is not None and step.repeat == 1 else None


def _is(unit: Unit | None, torch: str, **expected: Any) -> bool:
    """Whether it is a module of this class with these arguments, as far as it shows them."""
    if not isinstance(unit, Call) or unit.name != torch:
        return False
    shown = dict(unit.kwargs)
    return all(repr(shown[name]) == repr(value) for name, value in expected.items() if name in shown)


def _argument(unit: Unit | None, name: str) -> Any:
    return dict(unit.kwargs).get(name) if isinstance(unit, Call) else None


def _bare(value: Any) -> Any:
    """A call without its places, to compare it."""
    if isinstance(value, Call):
        return value.name, _bare(value.args), _bare(value.kwargs)
    return tuple(map(_bare, value)) if isinstance(value, tuple) else repr(value)


def _norm(unit: Unit | None, width: Any, eps: Any, bias: Any) -> bool:
    """Whether it is the layer norm that a transformer makes."""
    fitting = _is(unit, "LayerNorm", eps=eps, elementwise_affine=True, bias=bias)
    return fitting and isinstance(unit, Call) and unit.args == ((width,),)


def _modules(unit: Unit | None) -> tuple[Step, ...] | None:
    """The modules of a ModuleList."""
    return unit.children if isinstance(unit, Custom) and unit.name == "ModuleList" else None


# --- attention ------------------------------------------------------------------------------------------------------


def _attention(children: Children) -> Found:
    projection = _unit(children, "out_proj")
    width, bias = _argument(projection, "in_features"), _argument(projection, "bias")
    square = any(_is(projection, torch, out_features=width) for torch in _OUT_PROJECTION)
    return {"embed_dim": width, "bias": bias} if square and len(children) == 1 else None


def _layer(children: Children, attentions: tuple[str, ...]) -> Found:
    linear, drop, norm = (_unit(children, name) for name in ("linear1", "dropout", "norm1"))
    width, ff, bias = (_argument(linear, name) for name in ("in_features", "out_features", "bias"))
    p, eps = _argument(drop, "p"), _argument(norm, "eps")
    numbers = range(1, len(attentions) + 2)
    fits = {
        **{name: _is(_unit(children, name), "MultiheadAttention", embed_dim=width, bias=bias) for name in attentions},
        "linear1": _is(linear, "Linear"),
        "dropout": _is(drop, "Dropout", inplace=False),
        "linear2": _is(_unit(children, "linear2"), "Linear", in_features=ff, out_features=width, bias=bias),
        **{f"norm{i}": _norm(_unit(children, f"norm{i}"), width, eps, bias) for i in numbers},
        **{f"dropout{i}": _is(_unit(children, f"dropout{i}"), "Dropout", p=p, inplace=False) for i in numbers},
    }
    activation = _unit(children, "activation")
    if isinstance(activation, Call):
        fits["activation"] = True  # a function is not shown, a module is
    if set(fits) != set(children) or not all(fits.values()):
        return None
    found = {"d_model": width, "dim_feedforward": ff, "dropout": p, "layer_norm_eps": eps, "bias": bias}
    return {**found, "activation": activation} if isinstance(activation, Call) else found


def _stack(children: Children, argument: str) -> Found:
    """An encoder or decoder: copies of one layer, perhaps a norm."""
    layers = _modules(_unit(children, "layers"))
    norm = _unit(children, "norm")
    if layers is None or set(children) - {"layers", "norm"} or ("norm" in children and not isinstance(norm, Call)):
        return None
    found: dict[str, Any] = {"num_layers": sum(step.repeat for step in layers)}
    if layers:
        first = layers[0].unit
        if not isinstance(first, Call) or any(_bare(step.unit) != _bare(first) for step in layers):
            return None
        found = {argument: first, **found}
    return {**found, "norm": norm} if norm is not None else found


def _transformer(children: Children) -> Found:
    stacks = [_unit(children, "encoder"), _unit(children, "decoder")]
    fits = _is(stacks[0], "TransformerEncoder") and _is(stacks[1], "TransformerDecoder") and len(children) == 2
    layers = [_argument(stacks[0], "encoder_layer"), _argument(stacks[1], "decoder_layer")]
    norms = [_argument(stack, "norm") for stack in stacks]
    counts = [_argument(stack, "num_layers") for stack in stacks]
    made = [layer for layer in layers if layer is not None]
    if not fits or not made or not (_is(layers[0], "TransformerEncoderLayer") or layers[0] is None):
        return None
    if not (_is(layers[1], "TransformerDecoderLayer") or layers[1] is None):
        return None
    shared = {name: value for name, value in made[0].kwargs if name in _SHARED}
    alike = all(_bare(_argument(layer, name)) == _bare(shared.get(name)) for layer in made for name in _SHARED)
    width, eps, bias = shared["d_model"], shared["layer_norm_eps"], shared["bias"]
    if not alike or not all(_norm(norm, width, eps, bias) for norm in norms):
        return None
    return {**shared, "num_encoder_layers": counts[0], "num_decoder_layers": counts[1]}


# --- the adaptive softmax -------------------------------------------------------------------------------------------


def _adaptive(children: Children) -> Found:
    head = _unit(children, "head")
    clusters = _modules(_unit(children, "tail"))
    width, outputs = _size(head, "in_features"), _size(head, "out_features")
    if not _is(head, "Linear") or not clusters or len(children) != 2 or width is None or outputs is None:
        return None
    hidden, cutoffs = [], [outputs - sum(step.repeat for step in clusters)]
    for step in clusters:
        linears = [inner.unit for inner in step.unit.chain.steps] if isinstance(step.unit, Group) else []
        if len(linears) != 2 or not _is(linears[0], "Linear", in_features=width, bias=False):
            return None
        between, classes = _size(linears[0], "out_features"), _size(linears[1], "out_features")
        if between is None or classes is None or not _is(linears[1], "Linear", in_features=between, bias=False):
            return None
        hidden += [between] * step.repeat
        for _ in range(step.repeat):
            cutoffs.append(cutoffs[-1] + classes)
    divisor = _divisor(width, hidden)
    if divisor is None:
        return None
    return {
        "in_features": width,
        "n_classes": cutoffs[-1],
        "cutoffs": tuple(cutoffs[:-1]),
        "div_value": divisor,
        "head_bias": _argument(head, "bias"),
    }


def _size(unit: Unit | None, name: str) -> int | None:
    """An argument that is a size, as far as torch could hold it."""
    value = _argument(unit, name)
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def _divisor(width: int, hidden: list[int]) -> float | None:
    """A ``div_value`` that makes clusters of these sizes; each of them makes the same module. torch's own first."""
    low = max((width / (size + 1)) ** (1 / power) for power, size in enumerate(hidden, 1))
    high = min((width / size) ** (1 / power) if size else low + 1 for power, size in enumerate(hidden, 1))
    for divisor in (4.0, float(int(high)), high, (low + high) / 2):
        if divisor > 0 and all(size == _between(width, divisor, power) for power, size in enumerate(hidden, 1)):
            return divisor
    return None


def _between(width: int, divisor: float, power: int) -> int | None:
    """torch's size of a cluster's first projection."""
    try:
        return int(width // divisor**power)
    except OverflowError:
        return None
