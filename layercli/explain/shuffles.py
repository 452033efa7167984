"""Shuffles: which channel's cell goes where. A cell is named by its channel's letter and its number in the channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from layercli.explain.cells import times, view
from layercli.explain.diagram import Above, Beside, Cell, Diagram, Grid, Nothing, Picture
from layercli.explain.pooled import Place
from layercli.explain.subject import Subject
from layercli.explain.windows import diagram, empty, frames, said

_MARKS = ("one", "two", "three", "win")
"""What tells neighbouring channels, or groups of them, apart."""
_LOOKED_AT = (("tap", "the cell that is looked at"), ("out", "where it goes"))
MOST_LETTERS = 3
"""The factor up to which every channel is drawn as a map."""
_CELLS = {1: 5, 2: 3, 3: 2}
"""Cells of an axis of such a map, by the factor."""
MOST_CHANNELS, MOST_GROUPS = 12, 8


def draw(subject: Subject) -> Diagram | Nothing:
    """What the channels and the image are before and after."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    return _dealt(subject) if subject.layer.name == "channelshuffle" else _moved(subject)


def _key(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What the marks of channels mean, where there are these."""
    told = ((mark, ", ".join(names[number::4])) for number, mark in enumerate(_MARKS) if names[number:])
    return (*_LOOKED_AT, *told)


# --- pixels ----------------------------------------------------------------------------------------------------------


class _Shuffle(NamedTuple):
    """The factor, the size of a coarse map, and whether the image becomes finer."""

    r: int
    height: int
    width: int
    finer: bool

    def coarse(self, place: Place) -> Place:
        """Where a cell of the fine image is among the coarse maps."""
        channel, row, column = place
        inside = row % self.r * self.r + column % self.r
        return channel * self.r * self.r + inside, row // self.r, column // self.r

    def fine(self, place: Place) -> Place:
        """Where a cell of the coarse maps is in the fine image."""
        channel, inside = divmod(place[0], self.r * self.r)
        i, j = divmod(inside, self.r)
        return channel, place[1] * self.r + i, place[2] * self.r + j


def _moved(subject: Subject) -> Diagram:
    finer = subject.layer.name == "pixelshuffle"
    maps = subject.fed if finer else subject.given
    shuffle = _Shuffle(subject.size("r"), maps.shape[-2], maps.shape[-1], finer)
    shape = subject.given.shape[-3:]
    picture = _maps if shuffle.r <= MOST_LETTERS else _pixel

    def drawn(at: Place) -> Picture:
        fine = at if finer else shuffle.fine(at)
        note = _words(shuffle, fine)
        before, after = picture(shuffle, fine)[:: 1 if finer else -1]
        return Beside((before, after), ("→",), note=note)

    at = subject.place(shape, (0, 0, 0))
    names = [f"channel {number}" for number in range(shuffle.r**2)] if shuffle.r <= MOST_LETTERS else []
    return diagram(drawn(at), _key(names), frames(subject, shape, drawn))


def _words(shuffle: _Shuffle, fine: Place) -> str:
    coarse, r = shuffle.coarse(fine), shuffle.r
    maps, image = ("input", "output") if shuffle.finer else ("output", "input")
    inside = f"row {fine[1] % r}, column {fine[2] % r} of every {r}x{r} square of channel {fine[0]} of the {image}"
    return f"{inside} is channel {coarse[0]} = {fine[0]}*{r * r} + {fine[1] % r}*{r} + {fine[2] % r} of the {maps}"


def _mark(shuffle: _Shuffle, fine: Place, at: Place, maps: bool) -> str:
    """Tap on the side where a cell comes from, out where it goes; else its channel's mark."""
    if fine == at:
        return "tap" if maps == shuffle.finer else "out"
    return _MARKS[shuffle.coarse(fine)[0] % shuffle.r**2 % len(_MARKS)] if shuffle.r <= MOST_LETTERS else ""


def _maps(shuffle: _Shuffle, at: Place) -> tuple[Picture, Picture]:
    """A map for each channel, and the image that they are interleaved in."""
    r, (channel, row, column) = shuffle.r, shuffle.coarse(at)
    first = channel - channel % (r * r)
    shown = view(shuffle.height, row, row, _CELLS[r]), view(shuffle.width, column, column, _CELLS[r])

    def cell(fine: Place, maps: bool) -> Cell:
        inside, i, j = shuffle.coarse(fine)
        number = (i - shown[0].start) * len(shown[1]) + j - shown[1].start
        return Cell(f"{'abcdefghi'[inside - first]}{number}", _mark(shuffle, fine, at, maps))

    def one(inside: int) -> Grid:
        places = [[shuffle.fine((first + inside, i, j)) for j in shown[1]] for i in shown[0]]
        return Grid(tuple(tuple(cell(fine, True) for fine in line) for line in places), f"channel {first + inside}")

    every = Above(
        tuple(Beside(tuple(one(i * r + j) for j in range(r))) for i in range(r)), note=_part(shown, shuffle, 1)
    )
    wide = [range(cells.start * r, cells.stop * r) for cells in shown]
    image = tuple(tuple(cell((at[0], i, j), False) for j in wide[1]) for i in wide[0])
    return every, Grid(image, _image(shuffle, at), note=_part(wide, shuffle, r))


def _image(shuffle: _Shuffle, at: Place) -> str:
    return f"channel {at[0]}, {times((shuffle.height * shuffle.r, shuffle.width * shuffle.r))}"


def _part(shown: Sequence[range], shuffle: _Shuffle, factor: int) -> str:
    sizes = [shuffle.height * factor, shuffle.width * factor]
    return said(shown, [range(size) for size in sizes], sizes)


def _pixel(shuffle: _Shuffle, at: Place) -> tuple[Picture, Picture]:
    """One pixel of all channels, and the square that it becomes; the cells are named by their channels."""
    r, (channel, row, column) = shuffle.r, shuffle.coarse(at)
    first = channel - channel % (r * r)
    shown = view(r * r, channel - first, channel - first)
    inner = view(r, at[1] % r, at[1] % r), view(r, at[2] % r, at[2] % r)

    def cell(inside: int, maps: bool) -> Cell:
        return Cell(str(first + inside), _mark(shuffle, shuffle.fine((first + inside, row, column)), at, maps))

    note = f"{shown.start} to {shown[-1]} of {r * r} are shown" if len(shown) < r * r else ""
    pixel = Grid(tuple((cell(inside, True),) for inside in shown), f"pixel {row},{column} of the channels", note=note)
    square = tuple(tuple(cell(i * r + j, False) for j in inner[1]) for i in inner[0])
    title = f"its {r}x{r} square of {_image(shuffle, at)}"
    return pixel, Grid(square, title, note=said(inner, [range(r), range(r)], [r, r]))


# --- channels --------------------------------------------------------------------------------------------------------


def _dealt(subject: Subject) -> Diagram:
    channels, groups = subject.fed.shape[1], subject.size("g")
    (at,) = subject.place((channels,), (min(1, channels - 1),))
    names = [f"group {number}" for number in range(groups)][: MOST_GROUPS * 2]
    moving = frames(subject, (channels,), lambda place: _deal(channels, groups, place[0]))
    return diagram(_deal(channels, groups, at), _key(names), moving)


def _deal(channels: int, groups: int, at: int) -> Picture:
    """Channels are written row by row, a group in each, and read column by column."""
    each = channels // groups
    group, inside = at % groups, at // groups

    def cell(row: int, column: int, mark: str) -> Cell:
        looked_at = (row, column) == (group, inside)
        return Cell(str(row * each + column), mark if looked_at else _MARKS[row % len(_MARKS)])

    rows, columns = view(groups, group, group, MOST_GROUPS), view(each, inside, inside, MOST_CHANNELS)
    written = Grid(
        tuple(tuple(cell(row, column, "tap") for column in columns) for row in rows),
        "input channels, a group in each row",
        left=tuple(f"group {row}" for row in rows),
        note=said((rows, columns), (range(groups), range(each)), (groups, each)) if groups > 1 else "",
    )
    shown = view(channels, at, at, MOST_CHANNELS)
    dealt = tuple(cell(place % groups, place // groups, "out") for place in shown)
    note = said((range(1), shown), (range(1), range(channels)), (1, channels))
    out = Grid((dealt,), "output: the same read column by column", note=note)
    return Above(
        (written, out), note=f"output channel {at} is channel {group * each + inside}: number {inside} of group {group}"
    )
