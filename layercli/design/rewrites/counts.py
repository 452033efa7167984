"""The nearest numbers of channels, groups or heads with which a design that is refused holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from layercli.analysis.flow import tensors
from layercli.design.rewrites.net import Net, ops
from layercli.design.rewrites.rewrite import Edit, Proposal, Rewrite
from layercli.design.rewrites.write import chain_of, key_of, with_key, without_keys
from layercli.layers import find
from layercli.layers.definition import Key
from layercli.spec import Argument, Op

_DIVISORS = {"groups": "groups", "num_groups": "groups", "num_heads": "heads", "nhead": "heads"}
"""The keys that share channels or features out, and what they count."""
_COUNTS = {"out_channels": "channels", "out_features": "features", "embedding_dim": "features"}
"""The keys that say how many channels or features a step gives, and what they count."""
_READ_OFF = (
    "in_channels", "in_features", "num_features", "num_channels", "normalized_shape", "embed_dim", "d_model",
    "input_size",
)  # fmt: skip
"""Keys that repeat what the step before gives, and that the shell's notation reads off the input."""
MOST_MULTIPLES = 4
"""How many multiples a count is moved by, at the most."""
MOST_DIVISORS = 256
"""How far from what was written a divisor is looked for."""


class _Said(NamedTuple):
    """A number that a step was given, by the name of its key."""

    op: Op
    key: Key
    value: int


def _find(net: Net) -> Iterator[Proposal]:
    error = net.analysis.error
    if error is None or error.span is None:
        return
    around = [op for op in ops(net.spec.chain) if op.span.start <= error.span.start and error.span.end <= op.span.end]
    if not around:
        return
    op = max(around, key=lambda each: each.span.start)
    divisor = _said(op, _DIVISORS)
    multiple = _multiple(op, divisor)
    if divisor is not None:
        yield from _divisors(net, divisor)
    if multiple > 1:
        yield from _counts(net, op, multiple)


def _said(op: Op, names: Iterable[str]) -> _Said | None:
    """The first of these keys that the step was given a number for."""
    layer = find(op.name)
    for argument in op.arguments if layer is not None else ():
        key = key_of(layer, op, argument) if layer is not None else None
        if key is not None and key.name in names and _number(argument) is not None:
            return _Said(op, key, _number(argument) or 0)
    return None


def _number(argument: Argument) -> int | None:
    item = argument.items[0] if len(argument.items) == 1 else None
    value = item.value if item is not None and item.kind == "int" else None
    return value if isinstance(value, int) and value > 0 else None


def _multiple(op: Op, divisor: _Said | None) -> int:
    """What the channels or features that the step takes, or gives, have to be a multiple of; 1 for nothing."""
    if divisor is not None:
        return divisor.value
    if op.name == "pixelshuffle":
        factor = _said(op, ("upscale_factor",))
        return factor.value**2 if factor is not None else 1
    return 2 if op.name == "glu" else 1


# --- other divisors --------------------------------------------------------------------------------------------------


def _divisors(net: Net, said: _Said) -> Iterator[Proposal]:
    known = _known_counts(net)
    below = (value for value in range(said.value - 1, max(0, said.value - MOST_DIVISORS), -1))
    above = iter(range(said.value + 1, said.value + MOST_DIVISORS))
    for values in (below, above):
        fitting = (value for value in values if any(count % value == 0 for count in known))
        yield from _first_that_holds(net, [said], fitting)


def _known_counts(net: Net) -> set[int]:
    """Every size of every tensor, and every count that is written: what a divisor may have to divide."""
    flows = [flow for _, tree in net.analysis.inputs for flow in tensors(tree)]
    flows += [flow for row in net.analysis.rows for flow in tensors(row.bound.outputs)]
    found = {size for flow in flows for size in flow.shape}
    return found | {said.value for op in ops(net.spec.chain) if (said := _said(op, _COUNTS)) is not None}


# --- other counts ----------------------------------------------------------------------------------------------------


def _counts(net: Net, op: Op, multiple: int) -> Iterator[Proposal]:
    """The count nearest to what was written: of the step itself, of one before it, or of all that have as many."""
    before = [each for each in ops(net.spec.chain) if each.span <= op.span]
    counted = [said for each in before if (said := _said(each, _COUNTS)) is not None and said.value % multiple]
    tried: set[int] = set()
    for said in reversed(counted):
        if said.value in tried:
            continue
        tried.add(said.value)
        alike = [other for other in counted if other.value == said.value]
        found = [*_moved(net, [said], multiple)] or ([*_moved(net, alike, multiple)] if len(alike) > 1 else [])
        yield from found
        if found:
            return


def _moved(net: Net, said: Sequence[_Said], multiple: int) -> Iterator[Proposal]:
    low = said[0].value // multiple * multiple
    below = (low - times * multiple for times in range(MOST_MULTIPLES) if low > times * multiple)
    above = (low + (times + 1) * multiple for times in range(MOST_MULTIPLES))
    for values in (below, above):
        yield from _first_that_holds(net, said, values)


# --- both ------------------------------------------------------------------------------------------------------------


def _first_that_holds(net: Net, said: Sequence[_Said], values: Iterable[int]) -> Iterator[Proposal]:
    """The first of these values with which the whole design is accepted."""
    for value in values:
        plain = [Edit(each.op, with_key(each.op, each.key.name, str(value))) for each in said]
        for edits in (plain, [*plain, *_read_off(net, plain)]):
            if net.holds(net.rewritten(edits)):
                old, key = said[0].value, said[0].key
                counted = {**_DIVISORS, **_COUNTS}[key.name]
                counts = counted.removesuffix("s") if value == 1 else counted
                where = f" in {len(said)} steps" if len(said) > 1 else ""
                yield Proposal(
                    tuple(edits),
                    f"{value:,} {counts} in place of {old:,}{where}",
                    distance=abs(value - old) / old,
                )
                return


def _read_off(net: Net, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Every other step without the keys that repeat what the step before it gives."""
    changed = {edit.op.span for edit in edits}
    for op in ops(net.spec.chain):
        freed = without_keys(op, _READ_OFF)
        if op.span not in changed and freed != op and not op.branches:
            yield Edit(op, chain_of(freed))


REWRITE = Rewrite(
    "nearest-count",
    "channels, groups or heads that fit",
    "A design is refused at a step whose groups or heads do not divide its channels: the nearest numbers of them, or "
    "of the channels, below and above, with which all of the design holds. Tried one by one, by the ordinary "
    "analysis.",
    "docs.pytorch.org Conv2d, MultiheadAttention, GroupNorm",
    "conv2d 10 3 g=4",
    "conv2d 10 11 g=4",
    "1,8,8,8",
    _find,
    saves=(),
    mends=True,
)
