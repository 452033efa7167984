"""From what was written to a layer's keys: which value is for which, in the shell's notation and in torch's."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from layercli.errors import LayerError, Span, short
from layercli.formula import Expr, Sym
from layercli.layers import suggest
from layercli.layers.definition import REQUIRED, Key, Layer, ValueIn
from layercli.layers.kinds import Int, Word, shown
from layercli.layers.parts import Part, Weights
from layercli.plan import DType, Module, Tensor
from layercli.spec import Argument, Op

FACTORY = ("device", "dtype")
"""What torch's constructors of layers with tensors take besides: where and in which dtype to make them."""


class Given(NamedTuple):
    """The keys that were written, by torch's names, and where each stands in the source."""

    values: Mapping[str, Any]
    spans: Mapping[str, Span]
    shell: bool
    """Whether sizes may be inferred, as on the command line; in torch's own terms its constructor's rules hold."""
    dtype: str | None = None
    span: Span | None = None
    taken: Mapping[str, Expr] = {}
    """Keys that were written as ``in``: as many as there are channels or features in the input."""


def from_module(layer: Layer, module: Module) -> Given:
    """The arguments of torch's constructor by name; refuses what Python's call would refuse."""
    if layer.ignores_arguments:
        return Given({}, {}, shell=False)
    factory = FACTORY if layer.factory and (layer.params or layer.buffers) else ()
    order = (*(key.name for key in layer.keys if not key.keyword_only), *factory)
    names = (*order, *(key.name for key in layer.keys if key.keyword_only))
    if len(module.args) > len(order):
        raise LayerError(
            "type.arguments",
            f"{layer.torch} takes {len(order)} arguments by position, not {len(module.args)}",
            fix=f"leave out what follows {order[-1]}" if order else "give it none",
        )
    values = dict(zip(order, module.args))
    for name, value in module.kwargs.items():
        if name not in names:
            near = suggest(name, names)
            raise LayerError(
                "type.unknown-argument",
                f"{layer.torch} has no argument {name!r}",
                fix=f"did you mean {near[0]}?" if near else f"it takes {', '.join(names) or 'none'}",
                suggestions=near,
            )
        if name in values:
            raise LayerError("type.duplicate-argument", f"{layer.torch} got {name} twice", fix="give it once")
        values[name] = value
    for key in layer.keys:
        if key.default is REQUIRED and key.name not in values:
            raise LayerError(
                "type.missing-argument", f"{layer.torch} needs {key.name}: {key.meaning}", fix=f"give {key.name}"
            )
    dtype = _dtype(values.pop("dtype", None)) if factory else None
    if values.pop("device", None) not in (None, "cpu", "cpu:0"):
        raise LayerError("type.value", "device is cpu here", fix="choose the device of the run with --device")
    return Given(values, {}, shell=False, dtype=dtype)


def _dtype(value: Any) -> str | None:
    if value is None or isinstance(value, DType):
        return None if value is None else value.name
    raise LayerError("type.value", f"dtype is a dtype, not {shown(value)}", fix='write {"__dtype__": "float64"}')


def from_op(layer: Layer, op: Op) -> Given:
    """The keys of a step in the shell's notation; errors point at the word that is off."""
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    taken: dict[str, Expr] = {}
    for argument, part, key in named(layer, op):
        inferred = _of_the_input(layer, key, argument) if part is None else None
        if inferred is not None:
            taken[key.name] = inferred
            spans[key.name] = argument.items[0].span
            continue
        into = values if part is None else values.setdefault(part.name, {})
        if key.name in into:
            raise LayerError(
                "spec.duplicate-key", f"{key.name} is given twice", span=argument.span, fix="leave one of them out"
            )
        into[key.name] = _value(key, argument)
        spans[key.name] = argument.items[0].span._replace(end=argument.items[-1].span.end)
    return Given(values, spans, shell=True, span=op.span, taken=taken)


def named(layer: Layer, op: Op) -> Iterator[tuple[Argument, Key | None, Key]]:
    """Each value of a step with the key that it is for, and the part of the layer that has the key, if one has."""
    positional = iter(layer.positional)
    for argument in op.arguments:
        if argument.reference is None:  # else it is a tensor, no key: the walk wires it
            yield argument, *_key(layer, argument, positional, op)


def _of_the_input(layer: Layer, key: Key, argument: Argument) -> Expr | None:
    """What ``in`` stands for: the channels or features that the layer takes from its input."""
    item = argument.items[0]
    if item.kind != "word" or item.text != "in" or argument.is_tuple or not isinstance(key.kind, Int):
        return None
    return next((other.infer for other in layer.keys if isinstance(other.infer, Sym)), None)


def _key(layer: Layer, argument: Argument, positional: Any, op: Op) -> tuple[Key | None, Key]:
    """The key that an argument is for, and the part of the layer that it belongs to."""
    if argument.name is None:
        name = next(positional, None)
        if name is None:
            takes = ", ".join(layer.positional) or "no values without a name"
            raise LayerError(
                "spec.too-many-values",
                f"{layer.name} takes {takes}" + (" without a name, in this order" if layer.positional else ""),
                span=argument.span,
                fix=_step_or_key(layer, argument, op),
            )
        found = layer.key(name)
        assert found is not None
        return None, found
    key = layer.key(argument.name)
    if key is not None and not (isinstance(key.kind, Part) and key.kind.always):
        return None, key
    inner = layer.part_of(argument.name)
    if inner is None:
        names = [name for key in layer.shell_keys for name in key.names]
        near = suggest(argument.name, names)
        fix = f"did you mean {near[0]}?" if near else f"its keys are {', '.join(names) or 'none'}"
        raise LayerError(
            "spec.unknown-key", f"{layer.name} has no key {shown(argument.name)}", span=argument.name_span,
            fix=_no_key(layer, argument) or fix, suggestions=near,
        )  # fmt: skip
    return inner


def _no_key(layer: Layer, argument: Argument) -> str:
    """What a name that is no key of the layer is: one of its inputs, or an activation of another framework."""
    name = str(argument.name)
    for item in layer.inputs:
        if name in (item.name, *(part.name for part in getattr(item, "items", ()))):
            if isinstance(item, ValueIn) and item.kind is not None:
                return f"it is an argument of the call: give it with -i {name}={argument.items[0].text}"
            return f"it is an input: give it with {name}=@label, or with -i {name}=SHAPE"
    if name in ("activation", "act") and argument.items[0].kind == "word":
        return f"put the activation behind it: {layer.name} … | {argument.items[0].text}"
    return ""


def _step_or_key(layer: Layer, argument: Argument, op: Op) -> str:
    """What a value that has no place may have been meant as."""
    item = argument.items[0]
    if item.kind == "word":
        return f"put | before {short(item.text)} if it is a layer of its own"
    values = [each.items[0].text for each in op.arguments if each.name is None and not each.is_tuple]
    first = layer.key(layer.positional[0]) if layer.positional else None
    if first is not None and first.kind.takes_tuple and len(layer.positional) == 1:
        return f"write {layer.name} {short(','.join(values))}"
    inferred = layer.keys[0] if layer.keys and layer.keys[0].infer is not None else None
    if len(values) == len(layer.positional) + 1 and inferred is not None and inferred.name not in layer.positional:
        rest = " ".join(values[1:])
        return f"{layer.keys[0].name} is inferred, and comes first in torch only: write {layer.name} {short(rest)}"
    others = [key.names[-1] for key in layer.shell_keys if key.name not in layer.positional and key.infer is None]
    return f"name the key, such as {others[0]}={short(item.text)}" if others else f"leave {short(item.text)} out"


def _value(key: Key, argument: Argument) -> Any:
    for item in argument.items:
        if item.kind == "word" and item.value not in key.kind.words:
            words = key.kind.words
            near = suggest(item.text, words)
            if argument.name is None and not words:
                fix = f"put | before {short(item.text)} if it is a layer of its own"
            else:
                fix = f"did you mean {near[0]}?" if near else f"{key.names[-1]} is {key.kind.describe}"
            raise LayerError(
                "type.value", f"{key.name} is {key.kind.describe}, not {shown(item.text)}", span=item.span, fix=fix,
                suggestions=near,
            )  # fmt: skip
    if key.kind.as_text:
        return argument.items[0].text
    value = tuple(item.value for item in argument.items) if argument.is_tuple else argument.items[0].value
    if value is None and isinstance(key.kind, Word) and "none" in key.kind.words:
        return "none"  # where it is one of torch's words, such as reduction="none"
    if isinstance(key.kind, Weights) and value is not None:
        return _weights(key, argument)
    if isinstance(key.kind, Part) and not isinstance(value, bool):
        raise LayerError(
            "type.value", f"{key.name} is {key.kind.describe}, not {shown(value)}", span=argument.items[0].span,
            fix=f"write {key.names[-1]}=true",
        )  # fmt: skip
    return value


def _weights(key: Key, argument: Argument) -> Tensor:
    """A tensor of the shape that is written: its numbers are made up, between 0 and 1."""
    for item in argument.items:
        if item.kind != "int" or not isinstance(item.value, int) or item.value < 0:
            raise LayerError(
                "type.value", f"{key.name} is {key.kind.describe}, not {shown(item.text)}", span=item.span,
                fix=f"write {key.names[-1]}=10 for a tensor of 10 numbers",
            )  # fmt: skip
    return Tensor(tuple(int(item.value or 0) for item in argument.items), low=0, high=1)
