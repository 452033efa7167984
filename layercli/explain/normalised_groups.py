"""Which numbers a norm takes together: those of the layer on its input, and of its relatives on a small block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from layercli.explain.cells import part, times, view
from layercli.explain.diagram import Beside, Cell, Grid
from layercli.explain.subject import Subject

MARKS = ("one", "two", "three")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_REST = {0: (), 1: (4,), 2: (2, 3), 3: (2, 2, 2)}
"""How much is shown of the axes that are neither samples nor columns."""

Place = tuple[int, ...]


class Groups(NamedTuple):
    """Numbers of a shape in groups, and how they are laid out: a grid for each sample, an axis of it as columns."""

    shape: tuple[int, ...]
    of: Callable[[Place], Place]
    """The group that a number is in."""
    size: int
    """Numbers of a group."""
    words: str
    """What a group is."""
    samples: int | None
    columns: int
    near: int = 0
    """A column that is shown."""

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return prod(self.shape) // self.size


def groups(subject: Subject) -> Groups:
    """What the layer takes together of its input, which is not empty."""
    name, shape = subject.layer.name.removeprefix("lazy"), subject.fed.shape
    if name in ("layernorm", "rmsnorm"):
        return _last(shape, len(subject.args["normalized_shape"]))
    batched = not name.startswith("instancenorm") or len(shape) == int(name[-2]) + 2
    channel = 1 if batched else 0
    spatial = shape[channel + 1 :]
    if name == "groupnorm":
        return _channels(shape, subject.size("g"))
    each = prod(spatial)
    if name.startswith("instancenorm") and not running(subject):
        words = "the positions of one channel of one sample"
        return Groups(shape, lambda at: at[: channel + 1], each, words, 0 if batched else None, channel)
    words = "one channel in all samples" + (" and positions" if spatial else "")
    words += ", of all processes" if name == "syncbatchnorm" and not running(subject) else ""
    size = each * shape[0] if batched else each
    return Groups(shape, lambda at: (at[channel],), size, words, 0 if batched and spatial else None, channel)


def running(subject: Subject) -> bool:
    """Whether the running mean and variance are used: in eval mode, where there are any."""
    return bool(subject.args.get("track_running_stats")) and not subject.bound.variant.known["training"]


def _last(shape: tuple[int, ...], axes: int) -> Groups:
    outer = len(shape) - axes
    words = f"the last {axes} axes" if axes > 1 else "the last axis"
    words += f" ({times(shape[outer:])}) at each place of the axes before" if outer else " (all numbers)"
    samples = 0 if len(shape) > 2 else None
    return Groups(shape, lambda at: at[:outer], prod(shape[outer:]), words, samples, len(shape) - 1)


def _channels(shape: tuple[int, ...], count: int) -> Groups:
    each = shape[1] // count
    several = f"{each} channels" if each > 1 else "one channel"
    words = f"{several} of one sample" + (" with all positions" if len(shape) > 2 else "")
    samples = 0 if len(shape) > 2 else None
    near = each if each < shape[1] else 0
    return Groups(shape, lambda at: (at[0], at[1] // each), each * prod(shape[2:]), words, samples, 1, near)


# --- drawn -----------------------------------------------------------------------------------------------------------


class _Letters:
    """A letter for each group, in the order in which they are met."""

    def __init__(self) -> None:
        self.met: dict[Place, int] = {}

    def cell(self, group: Place) -> Cell:
        """The cell of a number in this group."""
        number = self.met.setdefault(group, len(self.met))
        letter = _LETTERS[number] if number < len(_LETTERS) else "-"
        return Cell(letter, MARKS[number] if number < len(MARKS) else "")


def drawn(made: Groups, share: str) -> Beside:
    """The input, or a corner of it, each number with the letter of its group; ``share`` is what a group shares."""
    rank = len(made.shape)
    rest = [axis for axis in range(rank) if axis not in (made.samples, made.columns)]
    most = _REST.get(len(rest), (*(1,) * (len(rest) - 3), 2, 2, 2))
    shown = {axis: range(min(made.shape[axis], size)) for axis, size in zip(rest, most)}
    several = made.samples is not None and made.shape[made.samples] > 1
    shown[made.columns] = view(made.shape[made.columns], made.near - 1, made.near, 6 if several else 10)
    samples: Sequence[int | None] = (None,)
    if made.samples is not None:
        samples = shown[made.samples] = range(min(2, made.shape[made.samples]))
    letters = _Letters()
    grids = tuple(_sheet(made, rest, shown, letters, sample) for sample in samples)
    return Beside(
        grids,
        title=f"input {times(made.shape)}: numbers that share {share}",
        note=f"a letter is a group: {made.words}, {_counted(made)}. {_laid(made, rest, shown)}",
    )


def _counted(made: Groups) -> str:
    each = f"{made.size} numbers" if made.size > 1 else "one number"
    return f"{each}; {made.groups} groups in all" if made.groups > 1 else f"{each}; there is no other"


def _laid(made: Groups, rest: Sequence[int], shown: Mapping[int, range]) -> str:
    """What rows and columns are, and how much of the axes is shown."""
    rows = f"rows are axis {rest[0]}" if len(rest) == 1 else f"rows are places of axes {', '.join(map(str, rest))}"
    said = f"Columns are axis {made.columns}" + (f", {rows}" if rest else "")
    cut = [
        f"axis {axis}: {words}" for axis in sorted(shown) if (words := part(shown[axis], 0, made.shape[axis]))
    ]  # fmt: skip
    return f"{said}; shown of {', '.join(cut)}" if cut else said


def _sheet(
    made: Groups, rest: Sequence[int], shown: Mapping[int, range], letters: _Letters, sample: int | None
) -> Grid:
    """One sample: a row for each place of the further axes."""
    rows, left = [], []
    for place in product(*(shown[axis] for axis in rest)):
        at = dict(zip(rest, place))
        if made.samples is not None and sample is not None:
            at[made.samples] = sample
        line = []
        for column in shown[made.columns]:
            at[made.columns] = column
            line.append(letters.cell(made.of(tuple(at[axis] for axis in range(len(made.shape))))))
        rows.append(tuple(line))
        left.append(",".join(map(str, place)))
    above = tuple(str(column) for column in shown[made.columns])
    title = "" if sample is None else f"sample {sample}"
    return Grid(tuple(rows), title, above, tuple(left) if rest else ())


# --- compared --------------------------------------------------------------------------------------------------------

_SAMPLES, _CHANNELS, _POSITIONS = 2, 4, 3
_KINDS: dict[str, Callable[[int, int], Place]] = {
    "batch": lambda sample, channel: (channel,),
    "layer": lambda sample, channel: (sample,),
    "instance": lambda sample, channel: (sample, channel),
    "group of 2": lambda sample, channel: (sample, channel // 2),
}


def compared(name: str) -> Beside:
    """The four norms on one small block, the one of this layer first."""
    own = next((kind for kind in _KINDS if kind.split()[0] in name), "layer")
    order = sorted(_KINDS, key=lambda kind: kind != own)
    grids = []
    for kind in order:
        letters = _Letters()
        rows = tuple(
            tuple(letters.cell(_KINDS[kind](sample, channel)) for channel in range(_CHANNELS))
            for sample in range(_SAMPLES)
            for _ in range(_POSITIONS)
        )
        title = "rms, layer" if name == "rmsnorm" and kind == "layer" else kind
        left = [str(row // _POSITIONS) if row % _POSITIONS == 0 else "" for row in range(len(rows))]
        grids.append(Grid(rows, title, left=tuple(left) if kind == order[0] else ()))
    note = (
        f"samples 0 and 1 of a block, {_POSITIONS} positions (rows) and {_CHANNELS} channels (columns) each; "
        "layer norm here over all of a sample"
    )
    return Beside(tuple(grids), title="the same block under each norm", note=note)
