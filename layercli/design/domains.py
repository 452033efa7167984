"""What ``_`` may be: how far a key's values are searched, and which keys of a layer are searched when none is named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from layercli.design.space import Where
from layercli.errors import LayerError
from layercli.formula import Expr, symbols
from layercli.layers.definition import REQUIRED, Key, Layer, Let, Out
from layercli.layers.kinds import Flag, Word
from layercli.layers.reach import Spread

ALONE = {
    "kernel_size": (1, 16), "stride": (1, 16), "padding": (0, 16), "dilation": (1, 8), "output_padding": (0, 15),
    "scale_factor": (1, 16), "upscale_factor": (1, 16), "downscale_factor": (1, 16),
}  # fmt: skip
"""First and last value of a key where one layer is searched."""
AMONG_OTHERS = {
    "kernel_size": (1, 11), "stride": (1, 4), "padding": (0, 5), "dilation": (1, 4), "output_padding": (0, 3),
    "scale_factor": (1, 8), "upscale_factor": (1, 8), "downscale_factor": (1, 8),
}  # fmt: skip
"""The same in a design of several layers, whose unknowns multiply."""
SIZES = {
    "out_channels": 1, "out_features": 1, "hidden_size": 1, "embedding_dim": 1, "output_size": 1, "size": 1,
    "proj_size": 0,
}  # fmt: skip
"""Keys that are sizes of the output themselves, and the smallest: searched up to the largest size that is wanted."""
FLAGS = ("ceil_mode", "bidirectional")
"""Flags that change the output, and are searched with the other keys."""
INSTEAD = {"scale_factor": "size"}
"""A key that says in another way what a second one says: a layer is given one of them."""
MOST_SIZE = 4096
"""A size of which nothing is wanted is searched up to here."""
MOST_HIDDEN = 1024
"""The same in a design of several layers, where it need not be a size of the output."""
MOST_TRIED = 50_000
"""Sizes that are tried at most."""
MOST_INPUT = 1024


class Bound(NamedTuple):
    """How far a place was searched."""

    name: str
    values: str


class Domains:
    """The values of each ``_``; ``largest``: the largest size that is wanted, None where no shape is."""

    def __init__(self, alone: bool, largest: int | None) -> None:
        self.alone = alone
        self.largest = largest

    def __call__(self, where: Where) -> Sequence[int]:
        """The values to try at a place; LayerError where none are known."""
        if not where.path:
            return range(1, MOST_INPUT + 1)
        key = where.key
        name = key.name if key is not None else ""
        ranges = ALONE if self.alone else AMONG_OTHERS
        if name in ranges:
            first, last = ranges[name]
            return range(first, last + 1)
        if name in SIZES:
            most = self.largest or MOST_SIZE if self.alone else max(self.largest or 0, MOST_HIDDEN)
            if most > MOST_TRIED:
                raise LayerError(
                    "limit.values", f"{name} would be looked for in {most:,} sizes, and {MOST_TRIED:,} is the most",
                    span=where.span, source=where.source, fix=f"write the sizes to try, such as {most}",
                )  # fmt: skip
            return range(SIZES[name], most + 1)
        if name in ("groups", "num_groups", "num_heads", "nhead"):
            return range(1, 65)
        if name in ("num_layers", "num_encoder_layers", "num_decoder_layers"):
            return range(1, 9)
        if name == "dim_feedforward":
            return range(1, MOST_SIZE + 1)
        raise _no_domain(where)


def _no_domain(where: Where) -> LayerError:
    key = where.key
    fix = "write the values to try, such as 1..9 or 3/5/7"
    if key is not None and isinstance(key.kind, (Flag, Word)):
        words = key.kind.words or ("true", "false")
        fix = f"write the values to try: {'/'.join(words)}"
    named = f"of {key.name} " if key is not None else ""
    return LayerError(
        "solve.unknown-value", f"nothing says which values {named}are worth a try", span=where.span,
        source=where.source, fix=fix,
    )  # fmt: skip


def searched(
    layer: Layer, given: Sequence[str], figures: Collection[str] = ("shape",), sizes: bool = True
) -> Iterator[tuple[Key, ...]]:
    """Which keys of a layer are searched, ``given`` being known: those that it needs, or these figures hang on.

    Where two keys say one thing, each of them in turn. Without ``sizes`` what has its size from the input keeps it.
    """
    asked = _asked(layer, figures)
    found = [
        key for key in layer.keys
        if key.name not in given
        and (key.name in ALONE or key.name in SIZES or key.name in FLAGS)
        and (key.infer is None or key.name in layer.positional)
        and (sizes or key.infer is None)
        and (key.default is REQUIRED or any(symbol.name in asked for symbol in key.symbols))
    ]  # fmt: skip
    names = {key.name for key in layer.keys}
    pairs = [(one, other) for one, other in INSTEAD.items() if one in names and other in names]
    if not pairs:
        yield tuple(found)
        return
    for one, other in pairs:
        if not {one, other} & set(given):
            yield tuple(key for key in found if key.name != other)
            yield tuple(key for key in found if key.name != one)
        else:
            yield tuple(key for key in found if key.name not in (one, other))


_OF_PARAMETERS = {"params", "trainable_params", "buffers", "param_bytes"}
"""Figures that hang on the parameters' shapes alone."""


def _asked(layer: Layer, figures: Collection[str]) -> set[str]:
    """The symbols that these figures hang on."""
    exprs: list[Expr] = []
    if set(figures) - _OF_PARAMETERS - {"rf", "dtype"}:
        first = layer.outputs[0]
        exprs.append(first.shape if isinstance(first, Out) else first.items[0].shape)
    for tensor in (*layer.params, *layer.buffers) if set(figures) - {"shape", "rf", "dtype"} else ():
        exprs += [*tensor.shape, *(copy.times for copy in tensor.copies)]
    if "rf" in figures:
        exprs += [expr for window in layer.window or () for expr in (window.kernel, window.dilation)]
        exprs += [expr for axis in getattr(layer.reach, "axes", ()) if isinstance(axis, Spread) for expr in axis]
    lets = {rule.symbol.name: rule.value for rule in layer.rules if isinstance(rule, Let)}
    asked: set[str] = set()
    while exprs:
        for name in symbols([exprs.pop()]):
            if name not in asked:
                asked.add(name)
                if name in lets:
                    exprs.append(lets[name])
    return asked


_FEW = 6
"""Values that are listed one by one."""


def bounds_of(values: Sequence[object]) -> str:
    """Values in short: ``1..16``, ``3/5/7``."""
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) == len(values) > 2:
        step = numbers[1] - numbers[0] if len(numbers) > _FEW or numbers[1] == numbers[0] + 1 else 0
        if step > 0 and all(b - a == step for a, b in pairwise(numbers)):
            return f"{numbers[0]}..{numbers[-1]}" + (f"..{step}" if step > 1 else "")
    return "/".join(map(str, values))
