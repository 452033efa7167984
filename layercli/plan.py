"""What to build and what to feed it, as plain data.

The vocabulary here is shared by three readers: a line of ``layercli batch`` is decoded into it, the analysis
computes on it, and the worker that runs torch receives it as JSON. It knows no layer and imports nothing of ours.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

ITEM_SIZE = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip
"""Bytes per element of the dtypes that a tensor may have here."""


class Packing(NamedTuple):
    """How a padded tensor is packed before the call (``torch.nn.utils.rnn.pack_padded_sequence``)."""

    lengths: tuple[int, ...]
    batch_first: bool = False
    enforce_sorted: bool = True


class Tensor(NamedTuple):
    """A tensor to be made: shape and dtype, and the values or their range where they matter."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    """Empty where none is said: the layer that takes it settles it before torch is asked."""
    values: tuple[Any, ...] | None = None
    low: int | float | None = None
    high: int | float | None = None
    packed: Packing | None = None
    symbols: tuple[str, ...] = ()
    """Names of the sizes that the user left open, an empty one for each that is a number; never part of a plan."""


class Literal(NamedTuple):
    """An argument of the call that is no tensor, such as an ``output_size``."""

    value: Any


class DType(NamedTuple):
    """A dtype given as an argument."""

    name: str


class Module(NamedTuple):
    """A module of torch.nn given as an argument, by its class and its constructor's arguments."""

    torch: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class Ref(NamedTuple):
    """Something made earlier: an input of the whole (``call`` is None) or an output of an earlier call.

    ``path`` walks into nested outputs (and, for an input that ``--unroll`` feeds step by step, along axis 0).
    """

    call: int | None
    path: tuple[int, ...] = ()


Feed: TypeAlias = Tensor | Literal | tuple["Feed", ...] | None
"""An argument of the call: a tensor, a literal, None, or a tuple of these (an LSTM's state)."""

Wire: TypeAlias = Ref | tuple["Wire", ...] | None
"""Where an argument of a call comes from, nested as the call wants it."""


def refs(wire: Wire) -> Iterator[Ref]:
    """Everything that a wire brings."""
    if isinstance(wire, Ref):
        yield wire
    elif wire is not None:
        for item in wire:
            yield from refs(item)


class Input(NamedTuple):
    """One argument of the whole net's call: what to feed, by position or by name."""

    feed: Feed
    name: str | None = None


class Call(NamedTuple):
    """One use of a module: which one, on what."""

    module: int
    args: tuple[Wire, ...]
    kwargs: Mapping[str, Wire] = {}


class Probe(NamedTuple):
    """The receptive field of one call's output, to be measured by gradients.

    ``axes``, for each axis: which of the first input's it is, which of the output's says where (None for none), how
    many neighbouring cells differ, and the first and the last output cell worth asking (None for all).
    """

    call: int
    axes: tuple[tuple[int, int | None, int, tuple[int, int] | None], ...]


class Plan(NamedTuple):
    """A whole run: the modules to build once each, the inputs to make, the calls in order."""

    modules: tuple[Module, ...]
    inputs: tuple[Input, ...]
    calls: tuple[Call, ...]
    mode: str = "train"
    dtype: str | None = None
    """The dtype that the parameters are made in; None is torch's default, float32."""
    device: str = "auto"
    cost: tuple[int, int, int] = (0, 0, 0)
    """What the analysis expects: bytes of parameters and activations, MACs, sequential steps of recurrent layers."""
    count_macs: bool = False
    count_saved: bool = False
    """Whether the bytes that are kept for backward are measured."""
    probe: "Probe | None" = None
    """What of the receptive field is measured."""


class Unreadable(ValueError):
    """A JSON value that is not of the vocabulary; the message says which and why."""


def elements(shape: Sequence[int]) -> int:
    """How many numbers a tensor of this shape holds."""
    return math.prod(shape)


def span(shape: Sequence[int]) -> int:
    """What torch's strides reach to: the elements, an empty axis counted as one."""
    return math.prod(max(1, size) for size in shape)


# --- the vocabulary as JSON: what a line of `batch` says, and what the worker is sent -------------------------------


def encode(value: Any) -> Any:
    """A constructor's argument as JSON: tuples are arrays, what JSON lacks is an object with one ``__name__``."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"__float__": str(value)}
    if isinstance(value, DType):
        return {"__dtype__": value.name}
    if isinstance(value, Module):
        return {"__module__": encode_module(value)}
    if isinstance(value, Tensor):
        return {"__tensor__": _encode_tensor(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"__dict__": [[key, encode(item)] for key, item in value.items()]}
    return value


def decode(value: Any) -> Any:
    """The argument that :func:`encode` would write as this JSON; arrays become tuples."""
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (tag, inner), *_ = value.items()
        if tag == "__float__" and isinstance(inner, str):
            try:
                return float(inner)
            except ValueError:
                raise Unreadable(f"{inner!r} is no float") from None
        if tag == "__dtype__" and isinstance(inner, str):
            return DType(inner)
        if tag == "__module__" and isinstance(inner, dict):
            return decode_module(inner)
        if tag == "__tensor__":
            return _decode_tensor(inner)
        if tag == "__dict__" and isinstance(inner, list) and all(isinstance(p, list) and len(p) == 2 for p in inner):
            return {str(key): decode(item) for key, item in inner}
    if isinstance(value.get("layer"), str):
        return decode_module(value)
    raise Unreadable(f"an object with the keys {', '.join(map(str, value)) or '(none)'} is no argument")


def encode_module(module: Module) -> dict[str, Any]:
    """A module in torch's own terms, as :func:`decode_module` reads it."""
    return {
        "layer": module.torch,
        "args": [encode(item) for item in module.args],
        "kwargs": {key: encode(item) for key, item in module.kwargs.items()},
    }


def decode_module(data: Any) -> Module:
    """``{"layer", "args"?, "kwargs"?}`` as a Module; Unreadable says what is off."""
    if not isinstance(data, dict) or not isinstance(data.get("layer"), str):
        raise Unreadable('a module is {"layer": "Conv2d", "args": [...], "kwargs": {...}}')
    args, kwargs = data.get("args"), data.get("kwargs")
    args, kwargs = [] if args is None else args, {} if kwargs is None else kwargs
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise Unreadable('"args" is an array and "kwargs" an object')
    return Module(data["layer"], tuple(map(decode, args)), {key: decode(item) for key, item in kwargs.items()})


def encode_input(item: Input) -> Any:
    """An input, as :func:`decode_input` reads it."""
    data = encode_feed(item.feed)
    if item.name is None:
        return data
    return {**data, "name": item.name} if isinstance(data, dict) else {"value": data, "name": item.name}


def decode_input(data: Any, dtype: str = "") -> Input:
    """One entry of ``inputs``: an array is a shape, an object says more, null is None; ``dtype`` where none is said.

    An empty dtype is settled by the layer that takes the input.
    """
    if isinstance(data, dict) and "name" in data:
        rest = {key: item for key, item in data.items() if key != "name"}
        return Input(decode_feed(rest, dtype), str(data["name"]))
    return Input(decode_feed(data, dtype))


def encode_feed(feed: Feed) -> Any:
    """A fed value, as :func:`decode_feed` reads it."""
    if feed is None:
        return None
    if isinstance(feed, Tensor):
        return _encode_tensor(feed)
    if isinstance(feed, Literal):
        return {"value": encode(feed.value)}
    return {"tuple": [encode_feed(item) for item in feed]}


def decode_feed(data: Any, dtype: str = "") -> Feed:
    """A fed value from JSON; Unreadable says what is off."""
    if data is None:
        return None
    if isinstance(data, list):
        if any(isinstance(item, dict) for item in data):
            return tuple(decode_feed(item, dtype) for item in data)
        return _decode_tensor({"shape": data}, dtype)
    if isinstance(data, dict):
        if "shape" in data:
            return _decode_tensor(data, dtype)
        if "value" in data:
            value = decode(data["value"])
            return None if value is None else Literal(value)
        if isinstance(data.get("tuple"), list):
            return tuple(decode_feed(item, dtype) for item in data["tuple"])
    raise Unreadable('an input is a shape, or {"shape", "dtype"}, {"tuple": [...]}, {"value": ...} or null')


def _encode_tensor(tensor: Tensor) -> dict[str, Any]:
    data: dict[str, Any] = {"shape": list(tensor.shape), "dtype": tensor.dtype}
    for key in ("values", "low", "high"):
        if getattr(tensor, key) is not None:
            data[key] = encode(getattr(tensor, key))
    if tensor.packed is not None:
        data["packed"] = {**tensor.packed._asdict(), "lengths": list(tensor.packed.lengths)}
    return data


_TENSOR_KEYS = ("shape", "dtype", "values", "low", "high", "packed", "name")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _decode_tensor(data: Any, default: str = "float32") -> Tensor:
    if not isinstance(data, dict) or not isinstance(data.get("shape"), list):
        raise Unreadable('a tensor is {"shape": [...], "dtype": "float32"}')
    strange = next((key for key in data if key not in _TENSOR_KEYS), None)
    if strange is not None:
        raise Unreadable(f"an input has no key {str(strange)[:40]!r}: its keys are {', '.join(_TENSOR_KEYS)}")
    symbols = tuple(size if isinstance(size, str) and size.isidentifier() else "" for size in data["shape"])
    shape = [0 if symbol else size for symbol, size in zip(symbols, data["shape"])]
    if not all(map(_is_size, shape)):
        raise Unreadable(f"a shape is an array of sizes, none negative, or names of sizes, not {data['shape']}")
    dtype = data.get("dtype", default)
    if dtype != default and (not isinstance(dtype, str) or dtype not in ITEM_SIZE):
        raise Unreadable(f"{dtype!r} is no dtype known here: {', '.join(ITEM_SIZE)}")
    values = data.get("values")
    if values is not None and not isinstance(values, list):
        raise Unreadable('"values" is an array')
    return Tensor(
        tuple(shape),
        dtype,
        None if values is None else tuple(map(decode, values)),
        decode(data.get("low")),
        decode(data.get("high")),
        _decode_packing(data.get("packed")),
        symbols if any(symbols) else (),
    )


def _decode_packing(data: Any) -> Packing | None:
    if data is None:
        return None
    if (
        not isinstance(data, dict)
        or not isinstance(data.get("lengths"), list)
        or not all(map(_is_size, data["lengths"]))
    ):
        raise Unreadable('"packed" is {"lengths": [...], "batch_first": false, "enforce_sorted": true}')
    return Packing(tuple(data["lengths"]), bool(data.get("batch_first", False)), bool(data.get("enforce_sorted", True)))


def _encode_wire(wire: Wire) -> Any:
    if wire is None:
        return None
    if isinstance(wire, Ref):
        return {"call": wire.call, "path": list(wire.path)}
    return [_encode_wire(item) for item in wire]


def _decode_wire(data: Any) -> Wire:
    if data is None:
        return None
    if isinstance(data, dict):
        return Ref(data["call"], tuple(data["path"]))
    return tuple(_decode_wire(item) for item in data)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as the worker is sent it."""
    return {
        "modules": [encode_module(module) for module in plan.modules],
        "inputs": [encode_input(item) for item in plan.inputs],
        "calls": [
            {
                "module": call.module,
                "args": [_encode_wire(wire) for wire in call.args],
                "kwargs": {key: _encode_wire(wire) for key, wire in call.kwargs.items()},
            }
            for call in plan.calls
        ],
        "mode": plan.mode,
        "dtype": plan.dtype,
        "device": plan.device,
        "cost": list(plan.cost),
        "count_macs": plan.count_macs,
        "count_saved": plan.count_saved,
        "probe": plan.probe,
    }


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """The plan that :func:`plan_to_json` wrote."""
    return Plan(
        modules=tuple(decode_module(module) for module in data["modules"]),
        inputs=tuple(decode_input(item) for item in data["inputs"]),
        calls=tuple(
            Call(
                call["module"],
                tuple(_decode_wire(wire) for wire in call["args"]),
                {key: _decode_wire(wire) for key, wire in call["kwargs"].items()},
            )
            for call in data["calls"]
        ),
        mode=data["mode"],
        dtype=data["dtype"],
        device=data["device"],
        cost=tuple(data["cost"]),
        count_macs=data["count_macs"],
        count_saved=data["count_saved"],
        probe=None if data["probe"] is None else Probe(data["probe"][0], tuple(map(tuple, data["probe"][1]))),
    )
