"""What becomes of each axis in a step that rearranges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from layercli.analysis.flow import tensors
from layercli.explain.boxes import written_shape
from layercli.explain.subject import Subject


class Group(NamedTuple):
    """Axes of the input that become axes of the output; none where new ones come, or old ones go."""

    ins: tuple[int, ...]
    outs: tuple[int, ...]
    changed: bool = True


class Move(NamedTuple):
    """All axes of input and output in groups, and what is said of it. ``makes``: what the output is called."""

    groups: tuple[Group, ...]
    note: str
    makes: str = "output"


def move_of(subject: Subject) -> Move:
    """What this step does."""
    return _MOVES[subject.layer.name](subject)


def axis(subject: Subject, key: str, rank: int) -> int:
    """An axis that a key names, from the first; a scalar has one for torch."""
    dim = int(subject.args[key])
    return dim + max(rank, 1) if dim < 0 else dim


def _kept(ins: Sequence[int], outs: Sequence[int]) -> tuple[Group, ...]:
    return tuple(Group((old,), (new,), changed=False) for old, new in zip(ins, outs))


_IN_ORDER = "the numbers keep their order in memory"


def _flatten(subject: Subject) -> Move:
    rank = len(subject.fed.shape)
    if not rank:
        return Move((Group((), (0,)),), "a scalar becomes an axis of size 1")
    start, end = axis(subject, "start_dim", rank), axis(subject, "end_dim", rank)
    behind = range(end + 1, rank)
    groups = (
        *_kept(range(start), range(start)),
        Group(tuple(range(start, end + 1)), (start,), changed=end > start),
        *_kept(behind, range(start + 1, start + 1 + len(behind))),
    )
    if end == start:
        return Move(groups, f"axis {start} alone is joined: nothing changes")
    sizes = " x ".join(map(str, subject.fed.shape[start : end + 1]))
    return Move(groups, f"{sizes} = {subject.given.shape[start]}; {_IN_ORDER}")


def _unflatten(subject: Subject) -> Move:
    rank, more = len(subject.fed.shape), len(subject.given.shape) - len(subject.fed.shape)
    at = axis(subject, "dim", rank)
    behind = range(at + 1, rank)
    groups = (
        *_kept(range(at), range(at)),
        Group((at,), tuple(range(at, at + more + 1))),
        *_kept(behind, [old + more for old in behind]),
    )
    sizes = " x ".join(map(str, subject.given.shape[at : at + more + 1]))
    return Move(groups, f"{subject.fed.shape[at]} = {sizes}; {_IN_ORDER}")


def _reshape(subject: Subject) -> Move:
    fed, given = subject.fed.shape, subject.given.shape
    if not prod(fed):
        everything = Group(tuple(range(len(fed))), tuple(range(len(given))))
        return Move((everything,), "the sizes change")
    return Move(tuple(_regrouped(fed, given)), _IN_ORDER)


def _regrouped(fed: Sequence[int], given: Sequence[int]) -> list[Group]:
    """Neighbouring axes whose sizes multiply to the same."""
    found, i, j = [], 0, 0
    while i < len(fed) and j < len(given):
        first, second = i, j
        i, j = i + 1, j + 1
        while (old := prod(fed[first:i])) != (new := prod(given[second:j])):
            i, j = (i + 1, j) if old < new else (i, j + 1)
        found.append(Group(tuple(range(first, i)), tuple(range(second, j)), changed=(i - first, j - second) != (1, 1)))
    found += [Group((old,), ()) for old in range(i, len(fed))]
    return [*found, *(Group((), (new,)) for new in range(j, len(given)))]


def _permute(subject: Subject) -> Move:
    rank = len(subject.fed.shape)
    return _moved([dim % rank if rank else 0 for dim in subject.args["dims"]])


def _transpose(subject: Subject) -> Move:
    rank = len(subject.fed.shape)
    order = list(range(rank))
    if rank:
        one, other = axis(subject, "dim0", rank), axis(subject, "dim1", rank)
        order[one], order[other] = other, one
    return _moved(order)


def _moved(order: Sequence[int]) -> Move:
    groups = tuple(Group((old,), (new,), changed=old != new) for new, old in enumerate(order))
    if not any(group.changed for group in groups):
        return Move(groups, "every axis stays where it is")
    return Move(groups, "the numbers stay where they are in memory, and are read in another order")


def _squeeze(subject: Subject) -> Move:
    rank = len(subject.fed.shape)
    at = axis(subject, "dim", rank)
    if rank == len(subject.given.shape):
        why = f"axis {at} has size {subject.fed.shape[at]}, not 1" if rank else "a scalar has no axis"
        return Move(_kept(range(rank), range(rank)), f"{why}: nothing changes")
    return Move(_without(at, rank), f"{_IN_ORDER}; an axis less to count them by")


def _without(at: int, rank: int) -> tuple[Group, ...]:
    others = [old for old in range(rank) if old != at]
    return *_kept(others, range(rank - 1)), Group((at,), ())


def _unsqueeze(subject: Subject) -> Move:
    rank = len(subject.given.shape)
    at = axis(subject, "dim", rank)
    others = [new for new in range(rank) if new != at]
    return Move((*_kept(range(rank - 1), others), Group((), (at,))), f"{_IN_ORDER}; an axis more to count them by")


def _select(subject: Subject) -> Move:
    rank = len(subject.fed.shape)
    at = axis(subject, "dim", rank)
    return Move(_without(at, rank), f"index {selected(subject)} of {subject.fed.shape[at]} along axis {at} is taken")


def selected(subject: Subject) -> int:
    """The index that select takes, from the first."""
    index = int(subject.args["index"])
    return index + subject.fed.shape[axis(subject, "dim", len(subject.fed.shape))] if index < 0 else index


def _expand(subject: Subject) -> Move:
    fed, given = subject.fed.shape, subject.given.shape
    more = len(given) - len(fed)
    groups = (
        *(Group((), (new,)) for new in range(more)),
        *(Group((old,), (old + more,), changed=size != given[old + more]) for old, size in enumerate(fed)),
    )
    times = prod(given) // prod(fed) if prod(fed) else 1
    return Move(groups, f"each number is read {times} times; none is copied" if times > 1 else "nothing is stretched")


def _chunk(subject: Subject) -> Move:
    fed = subject.fed.shape
    at = axis(subject, "dim", len(fed))
    sizes = [part.shape[at] for part in tensors(subject.bound.outputs)]
    groups = _kept(range(len(fed)), range(len(fed)))
    if len(sizes) == 1:
        return Move(groups, "one part: nothing changes")
    note = f"{fed[at]} along axis {at} in {len(sizes)} parts: {written_shape(sizes)}"
    asked = int(subject.args["chunks"])
    note += f", not {asked}: a part is {fed[at]}/{asked} long, rounded up" if asked != len(sizes) else ""
    return Move(groups, note, "part 0:")


_MOVES: dict[str, Callable[[Subject], Move]] = {
    "flatten": _flatten, "unflatten": _unflatten, "reshape": _reshape, "permute": _permute, "transpose": _transpose,
    "squeeze": _squeeze, "unsqueeze": _unsqueeze, "select": _select, "expand": _expand, "chunk": _chunk,
}  # fmt: skip
