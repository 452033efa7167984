"""A question to solve: which keys are looked for where none is named, for all axes alike or for each by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layercli.analysis.keys import named
from layercli.analysis.walk import Options
from layercli.design.domains import FLAGS, Domains, searched
from layercli.design.space import OpenInput, Space, alone
from layercli.errors import LayerError
from layercli.expect import Expectation
from layercli.layers.definition import Key, Layer
from layercli.layers.reach import Spreads
from layercli.layers.shape_kinds import Pads
from layercli.plan import Tensor
from layercli.spec import Argument, Chain, Group, Op, Spec, Unknown, parse


class Question(NamedTuple):
    """What is asked of a spec with open values."""

    spec: Spec
    inputs: tuple[OpenInput, ...]
    wishes: tuple[Expectation, ...]
    options: Options
    optimizer: str = "adam"
    """Whose state the memory of training counts."""
    per_axis: bool = False
    """Whether settings may differ by axis."""


def spaces(question: Question) -> Iterator[Space]:
    """Where to look, in turn. A layer without ``_`` is asked for the keys that its output hangs on."""
    spec, inputs, per_axis = question.spec, question.inputs, question.per_axis
    one = alone(spec)
    channels = one is None or _channels(one[0], question.wishes)
    domains = Domains(one is not None, _largest(question.wishes) if channels else None)
    inputs = inputs if per_axis else tuple(map(_tied, inputs))
    looked_for = any(isinstance(open_.open, Unknown) for item in inputs for _, open_ in item.open)
    if one is None or looked_for or _asks(spec.chain):
        if per_axis and one is not None:
            spec = parse(_spread(spec, *one, _rank(inputs)), open=True)
        yield Space(spec, inputs, domains)
        return
    layer, op = one
    rank = _rank(inputs)
    given = [key.name for _, _, key in _named(spec, layer, op)]
    figures = {wish.figure for wish in question.wishes}
    for keys in searched(layer, given, figures, sizes=channels or bool(figures - {"shape", "rf", "dtype"})):
        text = spec.source.rstrip()
        for key in keys:
            text += f" {key.names[-1]}={_open(key, per_axis, rank)}"
        yield Space(parse(text, open=True), inputs, domains)


def _channels(layer: Layer, wishes: Sequence[Expectation]) -> bool:
    """Whether a size is wanted that a layer is told, beside those that its windows make."""
    axes = len(layer.window or ()) or len(getattr(layer.reach, "axes", ()) if isinstance(layer.reach, Spreads) else ())
    shapes = [wish.wanted for wish in wishes if wish.figure == "shape" and isinstance(wish.wanted, tuple)]
    if not axes:
        return bool(shapes)
    return any(len(shape) > axes and isinstance(shape[-1 - axes], int) for shape in shapes)


def _open(key: Key, per_axis: bool, rank: int) -> str:
    """What stands for a key that is looked for."""
    if key.name in FLAGS:
        return "false/true"
    count = _axes(key, rank)
    return ",".join("_" * count) if per_axis and count > 1 else "_"


def _axes(key: Key, rank: int) -> int:
    """How many values a key may have, the input having so many axes; one for a key that is not told apart by axis."""
    kind = key.kind
    if isinstance(kind, Pads):
        return kind.ends
    if kind.listed and kind.tells_single:
        return max(1, rank - 2)
    return max(kind.axes, len(key.symbols)) if kind.takes_tuple else 1


def _rank(inputs: Sequence[OpenInput]) -> int:
    feed = inputs[0].given.feed if inputs else None
    return len(feed.shape) if isinstance(feed, Tensor) else 0


def _named(spec: Spec, layer: Layer, op: Op) -> list[tuple[Argument, Key | None, Key]]:
    """The values that are written, with their keys."""
    try:
        return [*named(layer, op)]
    except LayerError as error:
        raise error.located(spec.source, op.span) from None


def _spread(spec: Spec, layer: Layer, op: Op, rank: int) -> str:
    """The text with ``_`` for each axis where one stands for all."""
    text = spec.source
    for given, _, key in reversed(_named(spec, layer, op)):
        if len(given.items) == 1 and isinstance(given.items[0].open, Unknown):
            span = given.items[0].span
            text = text[: span.start] + ",".join("_" * _axes(key, rank)) + text[span.end :]
    return text


def _tied(item: OpenInput) -> OpenInput:
    """An input whose unknown sizes are one size: what is asked of all axes alike."""
    first = next((open_ for _, open_ in item.open if isinstance(open_.open, Unknown)), None)
    if first is None:
        return item
    return item._replace(
        open=tuple((axis, first if isinstance(open_.open, Unknown) else open_) for axis, open_ in item.open)
    )


def differs(question: Question) -> bool:
    """Whether what is wished may need another setting, or size, along each axis."""
    inputs, one = question.inputs, alone(question.spec)
    unknown = any(sum(isinstance(open_.open, Unknown) for _, open_ in item.open) > 1 for item in inputs)
    if unknown:
        return True
    if one is None:
        return False
    keys = [key for keys in searched(one[0], ()) for key in keys]
    wanted = any(wish.figure in ("shape", "rf") and isinstance(wish.wanted, tuple) for wish in question.wishes)
    return wanted and any(_axes(key, _rank(inputs)) > 1 for key in keys)


def _largest(wishes: Sequence[Expectation]) -> int | None:
    """The largest size that is wanted of the output, or of a row."""
    sizes = [
        size
        for wish in wishes
        if wish.figure == "shape" and isinstance(wish.wanted, tuple)
        for size in wish.wanted
        if isinstance(size, int)
    ]
    return max(sizes, default=None)


def _asks(chain: Chain) -> bool:
    """Whether ``_`` stands anywhere in it."""
    for step in chain.steps:
        unit = step.unit
        if isinstance(unit, Group):
            if _asks(unit.chain):
                return True
        elif isinstance(unit, Op) and (any(map(_unknown, unit.arguments)) or any(map(_asks, unit.branches))):
            return True
    return False


def _unknown(argument: Argument) -> bool:
    return any(isinstance(item.open, Unknown) for item in argument.items)


def nothing_open(space: Space) -> LayerError:
    """The error for a question in which nothing is left open."""
    one = alone(space.spec)
    said, fix = "nothing is left open in this design", "write _ for what is looked for, as in conv2d 32 k=_ s=_"
    if one is not None and not any(searched(one[0], ())):
        said = f"no key of {one[0].name} changes the size of what it gives"
    return LayerError(
        "solve.closed", said, source=space.spec.source, span=space.spec.chain.span, fix=fix
    )  # fmt: skip
