"""What an analysis is made of: its options, its rows, and where each stands in the design."""

from typing import NamedTuple

from layercli.analysis.layer import Bound
from layercli.analysis.notes import Note
from layercli.analysis.receptive import Field
from layercli.errors import Span
from layercli.plan import Call
from layercli.spec import Op


class Options(NamedTuple):
    """What holds for a whole run."""

    mode: str = "train"
    dtype: str | None = None
    device: str = "auto"
    unroll: bool = False
    count_macs: bool = False
    advised: bool = True
    """Whether notes on the whole design are wanted, which cost as much time again."""
    noted: bool = True
    """Whether notes on each layer are wanted."""
    planned: bool = True
    """Whether a plan for torch is wanted."""


class Block(NamedTuple):
    """What a row stands inside of: a group, one time of a repeat, a branch of a step that merges."""

    kind: str
    """``group``, ``repeat`` or ``branch``."""
    path: str
    label: str
    number: int = 0
    """Which time or branch, from 0."""
    of: int = 1
    """How many times or branches there are."""
    name: str = ""
    """The step that the branches lead to."""


class Row(NamedTuple):
    """A layer at its place in the net."""

    number: int
    path: str
    label: str
    span: Span | None
    bound: Bound
    call: Call
    """Where each of its inputs comes from: another row's outputs by its number, or the inputs of the whole."""
    reach: Field
    shares: int | None = None
    """The row whose parameters this one uses again."""
    notes: tuple[Note, ...] = ()
    blocks: tuple[Block, ...] = ()
    """What it stands inside of, the outermost first."""
    merged: int = 0
    """How many branches lead to it."""
    refers: tuple[str, ...] = ()
    """What it refers to, as it was written: ``@enc``, ``indices=@pool.1``."""
    handed: tuple[str, ...] = ()
    """Of each branch that leads to it: the input that it is, as it was written; empty where it has steps, or none."""


class Place(NamedTuple):
    """Where in the spec a step stands, and what is known of it before its layer is."""

    path: str
    label: str = ""
    blocks: tuple[Block, ...] = ()
    span: Span | None = None
    op: Op | None = None
    """The step, where it is in the shell's notation."""
    said: tuple[Note, ...] = ()
