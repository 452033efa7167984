"""Layers whose weights hang on an open size: a net that is built for one size takes no other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from layercli.analysis.notes import Note
from layercli.analysis.rows import Row
from layercli.analysis.rules.sliding import listed
from layercli.analysis.rules.wiring import POINTWISE, Wiring, fed, given, kind
from layercli.formula import symbols
from layercli.formula.symbolic import SymInt

Names: TypeAlias = tuple[str, ...]


def tied(rows: Sequence[Row]) -> Iterator[Note]:
    """One note for each set of sizes, on the first of the layers that hang on it."""
    found: dict[frozenset[str], list[tuple[Row, str, Names]]] = {}
    for row in rows:
        bound = row.bound
        for key in bound.layer.keys:
            value = bound.args.get(key.name)
            names = _open(value)
            inferred = key.infer is not None and key.name not in bound.given.values
            if inferred and names and (bound.variant.params or bound.variant.buffers):
                found.setdefault(frozenset(names), []).append((row, f"{key.name}={_written(value)}", names))
    net = Wiring(rows)
    for places in found.values():
        row, made, names = places[0]
        others = len({place.number for place, *_ in places}) - 1
        message = f"{row.bound.layer.name} is made for {made}: built for one size, the design takes no other"
        if others:
            message += f" (and so in {others} more layer{'s' if others > 1 else ''})"
        yield Note("symbolic.tied", message, _fix(net, row, names), row.path, row.span)


def _fix(net: Wiring, row: Row, names: Names) -> str:
    """A pool before the flatten, where that leaves nothing of the cells; numbers for the sizes that it does not."""
    flat = net.before(row, POINTWISE)
    cells = _of_cells(net, flat) if flat is not None and kind(flat) in ("flatten", "reshape") else ()
    if flat is None or not set(names) & set(cells):
        return _numbers(names)
    left = tuple(name for name in names if name not in cells)
    pool = f"put adaptiveavgpool{len(fed(flat).shape) - 2}d 1 before the {kind(flat)}"
    return f"{pool}, and {_numbers(left)}" if left else f"{pool}, or {_numbers(names)}"


def _of_cells(net: Wiring, flat: Row) -> Names:
    """The open sizes of the map that is flattened that stand for its cells, and not for its batch or channels."""
    shape, maker = fed(flat).shape, net.before(flat)
    labels = () if maker is None else given(maker).labels
    is_map = labels[:2] == ("N", "C") or (len(shape) > 3 and "C" not in labels)
    if not is_map or not 2 < len(shape) < 6:
        return ()
    return tuple(name for name in _open(shape[2:]) if name not in _open(shape[:2]))


def _numbers(names: Names) -> str:
    return f"give {listed(list(names))} as {'a number' if len(names) == 1 else 'numbers'}"


def _open(value: Any) -> Names:
    """The names of the open sizes in a value, or in several."""
    sizes = value if isinstance(value, tuple) else (value,)
    return tuple(symbols(size.expr for size in sizes if isinstance(size, SymInt)))


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
