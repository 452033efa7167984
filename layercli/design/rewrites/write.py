"""Steps written anew: a convolution by its numbers, a step with one key changed, the references that it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from layercli.analysis.layer import Bound
from layercli.layers import find
from layercli.layers.definition import Key, Layer
from layercli.spec import Argument, Chain, Op, Step, format_spec, parse, parse_op

ONES = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
_SHORT = {"stride": "s", "padding": "p", "output_padding": "op", "dilation": "d", "groups": "g"}


def sizes(value: Any) -> str:
    """Sizes as they are typed: ``3`` for three alike, ``3,5``; a word as it is."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return str(value)
    return str(value[0]) if len(set(value)) == 1 else ",".join(map(str, value))


def times(values: Sequence[int]) -> str:
    """Sizes in words: ``3x5``."""
    return "x".join(map(str, values))


def convolution(bound: Bound, out: int | str, kernel: Sequence[int], **changed: Any) -> str:
    """This convolution with other filters, another kernel, and what else is changed, in as few words as there are.

    ``changed``: stride, padding, output_padding, dilation, groups, bias, under torch's names.
    """
    args = {**bound.args, **changed}
    words = [bound.layer.name.removeprefix("lazy"), str(out), sizes(kernel)]
    for name, usual in ONES.items():
        value = 0 if args.get(name) == "valid" else args.get(name, usual)
        if sizes(value) != str(usual):
            words.append(f"{_SHORT[name]}={sizes(value)}")
    if not args["bias"]:
        words.append("bias=false")
    if args["padding_mode"] != "zeros":
        words.append(f"padding_mode={args['padding_mode']}")
    return " ".join(words)


def steps(op: Op, texts: Iterable[str]) -> Chain:
    """Steps in the place of this one: the first is fed what it was fed."""
    chain = parse(" | ".join(texts)).chain
    first = chain.steps[0]
    assert isinstance(first.unit, Op)
    return chain._replace(steps=(first._replace(unit=fed_alike(first.unit, op)), *chain.steps[1:]))


def fed_alike(unit: Op, op: Op) -> Op:
    """The step with the references of another one."""
    keyed = tuple(argument for argument in op.arguments if argument.reference is not None)
    own = tuple(argument for argument in unit.arguments if argument.reference is None)
    return unit._replace(arguments=(*own, *keyed), references=op.references)


def fed_by_the_stream(op: Op) -> Op:
    """The step without references: fed what comes before it."""
    return fed_alike(op, op._replace(references=(), arguments=()))


def text(op: Op) -> str:
    """The step as it is typed."""
    return format_spec(chain_of(op))


def chain_of(op: Op) -> Chain:
    """The step as a chain of one."""
    return Chain((Step(None, None, 1, op, op.span),), op.span)


def with_key(op: Op, name: str, value: str) -> Chain:
    """The step with one key, by torch's name, changed or put behind the others."""
    layer = find(op.name)
    assert layer is not None
    key = named(layer, name)
    source = f"step {key.names[-1]}={value}"
    new = parse_op(source, 0, len(source)).arguments[0]
    old = next((item for item in op.arguments if key_of(layer, op, item) is key), None)
    if old is None:
        return chain_of(op._replace(arguments=(*op.arguments, new)))
    new = new._replace(name=old.name, name_span=old.name_span)
    return chain_of(op._replace(arguments=tuple(new if item is old else item for item in op.arguments)))


def without_keys(op: Op, names: Iterable[str]) -> Op:
    """The step without these keys, by torch's names."""
    layer = find(op.name)
    if layer is None:
        return op
    gone = {key.name for key in layer.shell_keys}.intersection(names)
    kept = tuple(
        item for item in op.arguments if (key := key_of(layer, op, item)) is None or key.name not in gone
    )  # fmt: skip
    return op._replace(arguments=kept)


def named(layer: Layer, name: str) -> Key:
    """The key of this name, of the layer or of a part of it."""
    return next(key for key in layer.shell_keys if key.name == name)


def key_of(layer: Layer, op: Op, argument: Argument) -> Key | None:
    """The key that an argument of the step is for; None for an input by reference."""
    if argument.reference is not None:
        return None
    name = argument.name
    if name is None:
        bare = [item for item in op.arguments if item.name is None]
        place = next(index for index, item in enumerate(bare) if item is argument)
        name = layer.positional[place] if place < len(layer.positional) else ""
    return next((key for key in layer.shell_keys if name in key.names), None)
