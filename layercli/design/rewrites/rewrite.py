"""What a rewrite is: one entry that the search, the page, ``--only`` and the tests all read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from layercli.spec import Chain, Op

if TYPE_CHECKING:
    from layercli.design.rewrites.net import Net

COUNTED = ("params", "macs")
"""What most rewrites are made for; the other figures are told, and may grow."""


class Edit(NamedTuple):
    """One step of the spec and the steps that take its place; none to leave it out."""

    op: Op
    after: Chain


class Proposal(NamedTuple):
    """A rewrite at one place, before it is tried.

    ``gain``: what it is good for where that is no figure; ``keeps``: what it keeps beside the shape, which is
    always held to; ``loses``: what the new design does not do as the old one did.
    """

    edits: tuple[Edit, ...]
    title: str
    loses: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    gain: str = ""
    same_function: bool = False
    distance: float = 0.0
    """How far from what was written, where a refused design is mended: the nearest comes first."""


class Rewrite(NamedTuple):
    """One kind of rewrite.

    ``example`` is a spec that it has a proposal for which holds, ``near_miss`` the nearest one that it has none for,
    both on the input ``given``.
    """

    name: str
    title: str
    what: str
    source: str
    example: str
    near_miss: str
    given: str
    find: Callable[[Net], Iterator[Proposal]]
    same_field: bool = False
    """Whether the receptive field has to come out exactly the same, at the step and at the end."""
    saves: tuple[str, ...] = COUNTED
    """The figures of which one has to fall and none may grow; none where the gain is another."""
    mends: bool = False
    """Whether it is for designs that are refused; all others are for designs that hold."""
