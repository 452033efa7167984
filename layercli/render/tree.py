"""A design as lines in the order in which it runs: branches drawn beside their merge, repeats folded, blocks summed.

::

    ┌ conv2d 128 3 s=2      a branch begins
    │ batchnorm2d
    ├ conv2d 128 1 s=2      the next one begins
    ├ as it is              an empty branch
    └ add                   what they lead to
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Bound
from layercli.analysis.rows import Row

FIRST, NEXT, ON, MERGE = "┌ ", "├ ", "│ ", "└ "
INDENT = "  "


class Entry(NamedTuple):
    """A line of the drawing: a row, or the head of a block of rows."""

    lead: str
    """What is drawn in front."""
    row: Row | None
    text: str = ""
    """What a head says."""
    rows: tuple[Row, ...] = ()
    """The rows that a head stands for, every time of a repeat; those that a merge hides at this depth."""
    times: int = 1
    """How often the row is there."""


def drawn(rows: Sequence[Row], expand: bool = False, depth: int | None = None) -> list[Entry]:
    """The lines of a design. ``expand`` writes every time of a repeat; blocks deeper than ``depth`` are one line."""
    return list(_level(list(rows), 0, "", 1, expand, depth))


def _level(rows: list[Row], level: int, lead: str, times: int, expand: bool, depth: int | None) -> Iterator[Entry]:
    """The lines of rows that share their first ``level`` blocks."""
    hidden: tuple[Row, ...] = ()
    groups = [(block, list(inside)) for block, inside in groupby(rows, lambda row: _key(row, level))]
    for number, (block, inside) in enumerate(groups):
        if block is None:
            begun = number > 0 and groups[number - 1][0][0] == "branch"  # type: ignore[index]
            for row in inside:
                folded = hidden or (row.merged and depth is not None and level >= depth)
                if row.merged and not begun and not folded:  # no branch has a step
                    yield from _branches([], level, lead, times, expand, depth, row)
                yield Entry(lead + (MERGE if row.merged and not folded else ""), row, "", hidden, times)
                hidden, begun = (), False
        elif block[0] == "branch":
            behind = groups[number + 1] if number + 1 < len(groups) else None
            merge = behind[1][0] if behind is not None and behind[0] is None else None
            if depth is None or level < depth:
                yield from _branches(inside, level, lead, times, expand, depth, merge)
            elif merge is not None:
                hidden = tuple(inside)
            else:
                yield Entry(lead, None, f"branches of {inside[0].blocks[level].name}", tuple(inside), times)
        elif block[0] == "group":
            yield from _group(inside, level, lead, times, expand, depth)
        else:
            yield from _repeat(inside, level, lead, times, expand, depth)


def _key(row: Row, level: int) -> tuple[str, str] | None:
    """What rows have in common that are drawn together at this level."""
    if len(row.blocks) <= level:
        return None
    block = row.blocks[level]
    return block.kind, block.path.rpartition(".")[0] if block.kind == "branch" else block.path


def _branches(
    rows: list[Row], level: int, lead: str, times: int, expand: bool, depth: int | None, merge: Row | None
) -> Iterator[Entry]:
    """Branches one under another; where the walk ended before they merged, those that it reached."""
    by_number: dict[int, list[Row]] = {}
    for row in rows:
        by_number.setdefault(row.blocks[level].number, []).append(row)
    for number in range(merge.merged if merge else max(by_number) + 1):
        start = NEXT if number else FIRST
        inside = by_number.get(number)
        if inside is None:
            yield Entry(lead + start, None, (merge and merge.handed[number]) or "as it is")
            continue
        for place, entry in enumerate(_level(inside, level + 1, "", times, expand, depth)):
            yield entry._replace(lead=lead + (ON if place else start) + entry.lead)


def _group(rows: list[Row], level: int, lead: str, times: int, expand: bool, depth: int | None) -> Iterator[Entry]:
    label = rows[0].blocks[level].label
    folded = depth is not None and level >= depth
    if label or folded:
        yield Entry(lead, None, label or f"{len(rows)} steps", tuple(rows), times)
    if not folded:
        yield from _level(rows, level + 1, lead + (INDENT if label else ""), times, expand, depth)


def _repeat(rows: list[Row], level: int, lead: str, times: int, expand: bool, depth: int | None) -> Iterator[Entry]:
    """Times that are the same are one; those that differ stand apart."""
    each = [list(group) for _, group in groupby(rows, lambda row: row.blocks[level].number)]
    block = rows[0].blocks[level]
    runs: list[tuple[int, list[list[Row]]]] = []
    for time, inside in enumerate(each):
        if runs and not expand and _alike(runs[-1][1][0], inside):
            runs[-1][1].append(inside)
        else:
            runs.append((time, [inside]))
    label = f"{block.label}: " if block.label else ""
    folded = depth is not None and level >= depth
    single = all(len(inside) == 1 for inside in each)
    for start, run in runs:
        every = tuple(row for inside in run for row in inside)
        count = len(run)
        if single and count == 1:
            yield from _level(run[0], level + 1, lead, times, expand, depth)
            continue
        name = f"{count} x" if count > 1 else f"{start + 1} of {block.of}"
        yield Entry(lead, None, f"{label}{name}", every, times)
        if not folded:
            told = [row._replace(label="") if len(row.blocks) == level + 1 and single else row for row in run[0]]
            yield from _level(told, level + 1, lead + INDENT, times * count, expand, depth)


def _alike(first: list[Row], second: list[Row]) -> bool:
    """Whether two times of a repeat are the same layers on the same shapes."""
    return len(first) == len(second) and all(a.shares == b.shares and _same(a, b) for a, b in zip(first, second))


def _same(first: Row, second: Row) -> bool:
    return first.bound is second.bound or _written(first.bound) == _written(second.bound)


def _written(bound: Bound) -> tuple[str, ...]:
    """A layer with its arguments and its shapes, closed forms written out; what its axes are called is left aside."""
    flows = [flow for tree in (*bound.inputs.values(), bound.outputs) for flow in tensors(tree)]
    return bound.layer.name, str(bound.args), str([(flow.shape, flow.dtype) for flow in flows])
