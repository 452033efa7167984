"""A convolution: the cells that one output cell reads, and the channels that see each other."""

from __future__ import annotations

from itertools import islice, product
from typing import NamedTuple

from layercli.explain.cells import part, times, view
from layercli.explain.diagram import Above, Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject

_AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
_KEY = (("tap", "read by this output cell"), ("out", "the output cell"), ("pad", "padding"))
MOST_FRAMES = 400
MOST_CHANNELS = 12


class _Axis(NamedTuple):
    """A window along one axis: sizes of input and output, kernel, stride, padding before and behind, dilation."""

    size: int
    out: int
    k: int
    s: int
    before: int
    behind: int
    d: int

    def taps(self, at: int) -> tuple[int, ...]:
        """The cells that output cell ``at`` reads; those below 0 or from the size on are padding."""
        first = at * self.s - self.before
        return tuple(first + tap * self.d for tap in range(self.k))


def draw(subject: Subject) -> Diagram | Nothing:
    """The window at one position, and beside it the output cell that it makes."""
    axes = _axes(subject)
    at = subject.place(tuple(axis.out for axis in axes), tuple(_usual(axis) for axis in axes))
    groups = _groups(subject)
    picture = _at(subject, axes, at)
    frames: tuple[Picture, ...] = ()
    if subject.moving:
        every = product(*(range(axis.out) for axis in axes))
        frames = tuple(_at(subject, axes, place) for place in islice(every, MOST_FRAMES))
    key = _KEY if any(axis.before or axis.behind for axis in axes) else _KEY[:2]
    return Diagram(Above((picture, groups)) if groups else picture, key, frames)


def _axes(subject: Subject) -> tuple[_Axis, ...]:
    names = _AXES[int(subject.layer.name[-2])]
    sizes, outs = subject.fed.shape[-len(names) :], subject.given.shape[-len(names) :]
    found = []
    for name, size, out in zip(names, sizes, outs):
        k, s, d = (subject.size(f"{symbol}_{name}") for symbol in ("k", "s", "d"))
        total = max(0, (out - 1) * s + d * (k - 1) + 1 - size) if subject.args["padding"] == "same" else None
        before = subject.size(f"p_{name}") if total is None else total // 2
        behind = before if total is None else total - before
        found.append(_Axis(size, out, k, s, before, behind, d))
    return tuple(found)


def _usual(axis: _Axis) -> int:
    """The first output cell whose window lies on the input as a whole, or the first."""
    inside = (at for at in range(axis.out) if axis.taps(at)[0] >= 0 and axis.taps(at)[-1] < axis.size)
    return next(inside, 0)


def _at(subject: Subject, axes: tuple[_Axis, ...], at: tuple[int, ...]) -> Picture:
    """The picture at one output position."""
    depth = axes[0] if len(axes) == 3 else None
    plane = axes[-2:] if len(axes) > 1 else (_Axis(1, 1, 1, 1, 0, 0, 1), axes[0])
    place = at[-2:] if len(at) > 1 else (0, at[0])
    mode = subject.args["padding_mode"]
    channels = subject.size("C") // subject.size("g")
    kernel = times([*[axis.k for axis in axes], f"{channels} channels"])
    where = ",".join(map(str, at))
    out = _cells(plane[0].out, plane[1].out, place)._replace(title=f"output {times([axis.out for axis in axes])}")
    note = f"one filter of {kernel} makes cell {where}"
    if mode != "zeros":
        note += f"; the padding is {mode}"
    if depth is None:
        title = f"input {times([axis.size for axis in axes])}" + _padded(axes)
        return Beside((_window(plane, place, title), out), ("→",), note=note)
    slices = depth.taps(at[0])[:3]
    grids = [
        _window(plane, place, f"slice {index} of {depth.size}" if 0 <= index < depth.size else "a slice of padding")
        for index in slices
    ]
    more = f"; {depth.k - 3} slices more are read" if depth.k > 3 else ""
    return Beside((*grids, out), (*[""] * (len(grids) - 1), "→"), note=note + more)


def _padded(axes: tuple[_Axis, ...]) -> str:
    pads = [axis.before if axis.before == axis.behind else f"{axis.before}+{axis.behind}" for axis in axes]
    return (
        f", padding {times(pads) if len(set(pads)) > 1 else pads[0]}"
        if any(axis.before or axis.behind for axis in axes)
        else ""
    )


def _window(plane: tuple[_Axis, ...], at: tuple[int, ...], title: str) -> Grid:
    """The padded input with the cells that are read."""
    rows, columns = (
        view(axis.size + axis.before + axis.behind, axis.taps(i)[0], axis.taps(i)[-1], start=-axis.before)
        for axis, i in zip(plane, at)
    )
    taps = [set(axis.taps(i)) for axis, i in zip(plane, at)]
    cells = tuple(tuple(Cell("", _mark(plane, taps, r, c)) for c in columns) for r in rows)
    left = [
        part(shown, -axis.before, axis.size + axis.before + axis.behind) for shown, axis in zip((rows, columns), plane)
    ]
    said = [f"{name} {words}" for name, words in zip(("rows", "columns"), left) if words]
    return Grid(cells, title, note=f"{' and '.join(said)} are shown" if said else "")


def _mark(plane: tuple[_Axis, ...], taps: list[set[int]], row: int, column: int) -> str:
    inside = 0 <= row < plane[0].size and 0 <= column < plane[1].size
    if row in taps[0] and column in taps[1]:
        return "tap"
    return "" if inside else "pad"


def _cells(rows: int, columns: int, at: tuple[int, ...]) -> Grid:
    """A map with one cell marked."""
    shown = view(rows, at[0], at[0]), view(columns, at[1], at[1])
    return Grid(tuple(tuple(Cell("", "out" if (r, c) == at else "") for c in shown[1]) for r in shown[0]))


def _groups(subject: Subject) -> Grid | None:
    """Which channels of the input a channel of the output is made of; None where it is of all."""
    groups = subject.size("g")
    if groups == 1:
        return None
    into, out = subject.size("C") // groups, subject.size("out") // groups
    columns, rows = range(min(MOST_CHANNELS * 2, into * groups)), range(min(MOST_CHANNELS, out * groups))
    cells = tuple(tuple(Cell("", "tap" if r // out == c // into else "") for c in columns) for r in rows)
    note = f"{groups} groups: a filter reads {into} of {into * groups} channels"
    if len(rows) < out * groups or len(columns) < into * groups:
        note += f"; {len(rows)} of {out * groups} filters and {len(columns)} channels are shown"
    return Grid(cells, "filters (rows) and the channels that they read", note=note)
