"""Which numbers a row is fed where others write over tensors: a label names a tensor, not what it once held."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from layercli.analysis.in_place import may_write
from layercli.analysis.rows import Row
from layercli.formula import evaluate, symbols
from layercli.plan import Ref

_NOBODY = -1
"""In the place of an input's number: a tensor that no row gives as it is by now."""


def nobody_gives(ref: Ref) -> bool:
    """Whether the numbers of this tensor are no row's output and no input: it was written over through another one."""
    return ref.call is None and ref.path[:1] == (_NOBODY,)


class _Write(NamedTuple):
    row: int
    tensor: Ref


class Overwritten:
    """Follows which tensors lie in the same memory, and who wrote to it last; rows come in the order of execution."""

    def __init__(self, same: Collection[str]) -> None:
        self._same = same
        """The layers that give the very tensor that they are fed."""
        self._tensors: dict[int, Ref] = {}
        """By row that gives what it is fed: the wire that first led to that tensor."""
        self._memory: dict[int, Ref] = {}
        """By row whose outputs may lie in the memory of what it is fed: the tensor that the memory was made for."""
        self._last: dict[Ref, _Write] = {}
        """By memory: who wrote to it last."""

    def read(self, ref: Ref) -> tuple[Ref, int | None]:
        """Who gives the numbers that this wire brings by now, and who wrote them where only a part may be theirs."""
        made = -1 if ref.call is None else ref.call
        last = self._last.get(self._lies(ref))
        if last is None or last.row <= made:
            return ref, None
        if last.tensor == self._tensor(ref):
            return Ref(last.row), None
        return Ref(None, (_NOBODY, last.row, made, *ref.path)), last.row

    def done(self, row: Row, name: str, ref: Ref | None) -> None:
        """One more row, called so, and the wire that leads to its first input."""
        if ref is None:
            return
        over = may_write(row.bound)
        if over or name in self._same:
            self._tensors[row.number] = self._tensor(ref)
        if over or name in self._same or _may_be_view(row):
            self._memory[row.number] = self._lies(ref)
        if over:
            self._last[self._lies(ref)] = _Write(row.number, self._tensor(ref))

    def _tensor(self, ref: Ref) -> Ref:
        return ref if ref.call is None else self._tensors.get(ref.call, ref)

    def _lies(self, ref: Ref) -> Ref:
        return ref if ref.call is None else self._memory.get(ref.call, ref)


def _may_be_view(row: Row) -> bool:
    """Whether its outputs may lie in the memory of its first input; how that lies may decide it, and is not asked."""
    view = row.bound.layer.view
    if view is None:
        return False
    decided = row.bound.variant.resolved(view)
    return not symbols([decided]).keys() <= row.bound.sizes.keys() or bool(evaluate(decided, row.bound.sizes))
