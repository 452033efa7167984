"""How good a solution is: what is unusual about it, what it leaves unread, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercli.analysis.layer import Bound
from layercli.analysis.walk import Analysis
from layercli.design.answers import Answer
from layercli.design.convention import exotic
from layercli.design.grid import Cell, Grid
from layercli.design.solutions import Solution
from layercli.design.space import Selection, Space
from layercli.layers.definition import Layer
from layercli.layers.reach import Spreads
from layercli.plan import Tensor

JUDGED = (
    "kernel_size", "stride", "padding", "dilation", "output_padding", "ceil_mode", "bidirectional", "proj_size",
    "scale_factor",
)  # fmt: skip
"""The keys that convention has something to say of."""


_MOST_AXES = 6
"""Values that a key lists at most: two for each spatial axis."""


def points_of(grid: Grid, cell: Cell, choice: Selection) -> int:
    """What is unusual about a setting of one layer, by the symbols that its choice sets."""
    sizes = cell.symbols_at(choice)
    values: dict[str, Sequence[Any]] = {}
    for key in grid.layer.keys:
        if key.name in JUDGED:
            own = [symbol.name for symbol in key.symbols]
            if key.kind.listed and own:
                own += [f"{own[0]}{index}" for index in range(_MOST_AXES)]
            along = [sizes[name] for name in own if name in sizes]
            settled = cell.values.get(key.name)
            values[key.name] = along or (settled if isinstance(settled, tuple) else (settled,))
    return exotic(values, isinstance(grid.layer.reach, Spreads))


def of_cell(grid: Grid, cell: Cell, answer: Answer) -> Solution:
    """A design of one layer."""
    feed = grid.space.fed(answer.choice)[0].feed
    shape = feed.shape if isinstance(feed, Tensor) else ()
    unread = unread_of(grid.layer, answer, shape)
    return Solution(grid.space, answer, points_of(grid, cell, answer.choice), unread)


def unread_of(layer: Layer, answer: Answer, shape: Sequence[int]) -> tuple[int, ...]:
    """Along each axis of a window, the cells at the end of the input that no window reads."""
    field, output = answer.field, answer.output
    if not layer.window or field is None or output is None:
        return ()
    count = len(field["size"])
    return tuple(
        _left(size, stride, padding, cells, places)
        for size, stride, padding, cells, places in zip(
            field["size"], field["stride"], field["padding"], shape[-count:], output[-count:]
        )
    )


def _left(size: int, stride: int, padding: int, cells: int, places: int) -> int:
    return max(0, cells - ((places - 1) * stride + size - padding)) if places else cells


def of_analysis(space: Space, answer: Answer, analysis: Analysis) -> Solution:
    """A design of several layers: what is unusual about each, and what each leaves unread."""
    points, unread = 0, 0
    for row in analysis.rows:
        bound = row.bound
        values = {name: _tuple(bound.args[name]) for name in JUDGED if name in bound.args}
        if bound.layer.window or "kernel_size" in values or "scale_factor" in values:
            points += exotic(values, isinstance(bound.layer.reach, Spreads))
        unread += _unread(bound)
    return Solution(space, answer, points, (unread,) if unread else ())


def _tuple(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,)


def _unread(bound: Bound) -> int:
    windows = bound.layer.window or ()
    given, made = bound.inputs.get(bound.layer.inputs[0].name) if bound.layer.inputs else None, bound.outputs[:1]
    shape, output = getattr(given, "shape", ()), getattr(made[0] if made else None, "shape", ())
    left = 0
    for number in range(len(windows)):
        part = {name: bound.sizes[f"window.{number}.{name}"] for name in ("kernel", "stride", "padding", "dilation")}
        spans = part["dilation"] * (part["kernel"] - 1) + 1
        axis = number - len(windows)
        if len(shape) >= -axis and len(output) >= -axis:
            left += _left(spans, part["stride"], part["padding"], shape[axis], output[axis])
    return left
