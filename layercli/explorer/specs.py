"""Between text and what the explorer holds: a layer as it is typed, a design as a file has it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from layercli.analysis.canonical import canonical
from layercli.errors import LayerError, short
from layercli.explorer.state import Design, Draft
from layercli.layers import find
from layercli.layers.definition import Key, Layer
from layercli.spec import Argument, Chain, Group, Op, Spec, format_spec, parse

_BETWEEN_INPUTS = re.compile(r"(?<!,)\s+(?!,)")
_COMMENT = re.compile(r"#[^\n]*")
_LABEL = re.compile(r"[A-Za-z_]\w*: ")


def inputs_of(text: str) -> list[str]:
    """The inputs of a line, as ``-i`` takes each: ``1,3,16 hx=1,3,10``."""
    return [part for part in _BETWEEN_INPUTS.split(text.strip()) if part]


# --- a layer ---------------------------------------------------------------------------------------------------------


def key_of(layer: Layer, name: str) -> Key:
    """The key of this name that the command line has, of a part of the layer too."""
    return next(key for key in layer.shell_keys if name in key.names)


def step_text(draft: Draft) -> str:
    """The layer as a person types it: ``conv2d 8 3 s=2``."""
    layer = find(draft.layer)
    assert layer is not None
    told = dict(draft.values)
    bare = []
    for name in () if layer.operation and not _listed(layer) else layer.positional[:2]:
        if name not in told:
            break
        bare.append(told.pop(name))
    words = [f"{key.names[-1]}={told[key.name]}" for key in layer.shell_keys if key.name in told]
    return " ".join([layer.name, *bare, *words])


def _listed(layer: Layer) -> bool:
    """Whether the first value is a list, which is written without its name: ``permute 0,2,1``."""
    return bool(layer.positional) and key_of(layer, layer.positional[0]).kind.listed


def spec_of(draft: Draft) -> Spec:
    """The layer as a spec of one step; LayerError for a value that is none."""
    for key, text in draft.values:
        _value(key, text)
    return parse(step_text(draft))


def _value(key: str, text: str) -> None:
    """LayerError for text that would be more than the value of a key."""
    try:
        steps = parse(f"x {key}={text}").chain.steps
    except LayerError as error:
        raise LayerError(
            "spec.value", f"{short(text)!r} is no value of {key}: {error.message}", fix=error.fix
        ) from None
    op = steps[0].unit
    alone = len(steps) == 1 and isinstance(op, Op) and not op.branches and not op.references
    if not alone or not isinstance(op, Op) or len(op.arguments) != 1 or op.arguments[0].reference is not None:
        fix = "write one value, such as 3, or 3,5 for an axis each"
        raise LayerError("spec.value", f"{short(text)!r} is no value of {key}", fix=fix)


def draft_of(text: str, inputs: str = "") -> Draft:
    """A step as it is typed; LayerError where it is not one layer with values."""
    op = _only(parse(text).chain)
    layer = None if op is None else find(op.name)
    if op is None or layer is None:
        raise LayerError("explore.step", f"{short(text)!r} is no layer with its keys", fix="e edits it as text")
    names = iter(layer.positional)
    values = {}
    for argument in op.arguments:
        name = argument.name or next(names, "")
        if argument.reference is not None or not any(name in key.names for key in layer.shell_keys):
            raise LayerError("explore.step", f"{short(text)!r} is more than a layer with its keys")
        values[key_of(layer, name).name] = _written(argument)
    return Draft(layer.name, tuple(values.items()), inputs)


def _written(argument: Argument) -> str:
    values = ",".join(item.text for item in argument.items)
    return f"({values},)" if argument.is_tuple and len(argument.items) == 1 else values


def _only(chain: Chain) -> Op | None:
    """The one step of a chain, where it is a layer by itself."""
    if len(chain.steps) != 1 or chain.steps[0].repeat != 1:
        return None
    unit = chain.steps[0].unit
    if isinstance(unit, Group):
        return _only(unit.chain)
    return unit if isinstance(unit, Op) and not unit.branches and not unit.references else None


def first_draft(name: str, inputs: str = "") -> Draft:
    """A layer as its first example has it, on its usual input."""
    layer = find(name)
    assert layer is not None
    usual = ",".join(map(str, layer.default_input))
    example = next((each for each in layer.examples if "|" not in each and "(" not in each), layer.name)
    return draft_of(example, inputs or " ".join([usual] * (2 if layer.several is not None else 1)))


# --- a design --------------------------------------------------------------------------------------------------------


def design_of(text: str, inputs: str = "") -> Design:
    """A design as it is written, each comment with its step; ``inputs`` in place of the input that it opens with."""
    spec = parse(text)
    if not all(isinstance(step.unit, (Op, Group)) for step in spec.chain.steps):
        spec = parse(format_spec(canonical(spec)))  # PyTorch's own notation
        text = spec.source
    steps = list(_slices(text, spec.chain))
    fed = _fed(spec.chain)
    if fed:
        opening, *steps = steps
        said = "\n".join(_COMMENT.findall(opening))
        steps[:1] = [f"{said}\n{step}" if said else step for step in steps[:1]]
    return Design(tuple(steps), inputs or fed)


def _slices(text: str, chain: Chain) -> Iterator[str]:
    """Each step's own text; comments on lines before it lead it, one on its last line follows it."""
    lead = "\n".join(_COMMENT.findall(text[: chain.steps[0].span.start] if chain.steps else ""))
    for number, step in enumerate(chain.steps):
        end = chain.steps[number + 1].span.start if number + 1 < len(chain.steps) else len(text)
        same, _, below = text[step.span.end : end].partition("\n")
        own = [lead] if lead else []
        behind = _COMMENT.search(same)
        own.append(text[step.span.start : step.span.end] + (f"  {behind.group().rstrip()}" if behind else ""))
        lead = "\n".join(comment.rstrip() for comment in _COMMENT.findall(below))
        last = number + 1 == len(chain.steps)
        yield "\n".join([*own, lead] if last and lead else own)


def _fed(chain: Chain) -> str:
    """What a design opens with, as ``-i`` says it; empty where it opens with a layer."""
    step = chain.steps[0] if chain.steps else None
    op = step.unit if step is not None else None
    if step is None or step.label is not None or not isinstance(op, Op) or op.name != "input":
        return ""
    words = {argument.name or "shape": ",".join(item.text for item in argument.items) for argument in op.arguments}
    dtype = words.get("dtype", "none")
    return words.get("shape", "") + (f":{dtype}" if dtype != "none" else "")


def file_text(design: Design) -> str:
    """The design as a file has it: its input, then a step a line."""
    first = inputs_of(design.input)[:1]
    lines = [*map(_input_step, first), *design.steps]
    return "\n".join(lines) + "\n"


def _input_step(text: str) -> str:
    shape, colon, dtype = text.partition(":")
    return f"input {shape}" + (f" dtype={dtype}" if colon else "")


def relabelled(old: str, new: str) -> str:
    """A step in the place of another, under the name that others know that one by."""
    label = _LABEL.match(bare(old))
    return (label.group() if label else "") + new


def bare(step: str) -> str:
    """A step on one line, without its comments."""
    return " ".join(_COMMENT.sub("", step).split())
