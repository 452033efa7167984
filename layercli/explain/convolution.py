"""A convolution: the cells that one output cell reads, and the channels that see each other."""

from __future__ import annotations

from layercli.explain.cells import times
from layercli.explain.diagram import Above, Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.explain.windows import (
    Axis,
    diagram,
    empty,
    frames,
    kernel,
    outputs,
    padding,
    plane,
    sliding,
    spot,
    volume,
    window,
)

_KEY = (("tap", "read by this output cell"), ("out", "the output cell"), ("pad", "padding"), ("off", "cropped"))
MOST_CHANNELS = 12
MOST_SLICES = 3


def draw(subject: Subject) -> Diagram | Nothing:
    """The window at one position, and beside it the output cell that it makes."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    axes = sliding(subject)
    outs = tuple(axis.out for axis in axes)
    at = subject.place(outs, tuple(axis.usual for axis in axes))
    groups = _groups(subject)
    picture = _at(subject, axes, at)
    moving = frames(subject, outs, lambda place: _at(subject, axes, place))
    return diagram(Above((picture, groups)) if groups else picture, _KEY, moving)


def _at(subject: Subject, axes: tuple[Axis, ...], at: tuple[int, ...]) -> Picture:
    """The picture at one output position."""
    rows, place = plane(axes), spot(at)
    into, made = f"input {times([axis.size for axis in axes])}{padding(axes)}", times([axis.out for axis in axes])
    note = _note(subject, axes, at)
    if len(axes) < 3:
        return Beside((window(rows, place, into), outputs(rows, place, f"output {made}")), ("→",), note=note)
    depth = axes[0]
    grids = [window(rows, place, _slice(depth, index)) for index in depth.reads(at[0])[:MOST_SLICES]]
    return volume(grids, outputs(rows, place, f"output, slice {at[0]}"), f"{into}, output {made}", note)


def _slice(depth: Axis, index: int) -> str:
    return f"slice {index} of {depth.size}" if 0 <= index < depth.size else "a slice of padding"


def _note(subject: Subject, axes: tuple[Axis, ...], at: tuple[int, ...]) -> str:
    channels = subject.size("C") // subject.size("g")
    said = f"{channels} channel{'s' * (channels != 1)}"
    note = f"one filter of {times([*kernel(subject, len(axes)), said])} makes cell {','.join(map(str, at))}"
    if subject.args["padding_mode"] != "zeros" and max(max(axis.before, axis.behind) for axis in axes) > 0:
        note += f"; the padding is {_HOLDS[subject.args['padding_mode']]}"
    more = len(axes[0].reads(at[0])) - MOST_SLICES if len(axes) == 3 else 0
    return note + (f"; {more} more slice{'s are' if more > 1 else ' is'} read" if more > 0 else "")


_HOLDS = {"reflect": "the input mirrored", "replicate": "the border repeated", "circular": "the other end of the input"}


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
