"""Padding by a constant, by reflection, by repetition, around the circle.

Pads are written as torch does, two for each axis and the last axis first: (left, right, top, bottom, front, back).
How many axes are padded is decided by how many pads there are, not by the class: its number says only how often a
single integer is repeated. Source: ``torch/nn/modules/padding.py`` and ``torch.nn.functional.pad``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from layercli.formula import (
    Expr,
    and_,
    at,
    concat,
    dims,
    each,
    eq_,
    ge_,
    le_,
    length,
    lt_,
    max_,
    min_,
    ne_,
    not_,
    num,
    or_,
    product,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, TensorIn, Window
from layercli.layers.fill import fits_dtype
from layercli.layers.kept import INPUT, NOTHING
from layercli.layers.kinds import Double
from layercli.layers.reach import Shifts
from layercli.layers.shape_kinds import Pads
from layercli.layers.vocabulary import BATCHED, DEFAULT_INPUT, SPATIAL, X, named

FAMILY = "padding"

_PADS, _SINGLE = sym("p", "padding"), sym("padding_single", "whether one number stands for all pads")
_COUNT, _RANK = length(_PADS), length(X)
_PADDED = sym("padded_axes", "how many axes are padded; 0 where no layout fits")


def _pad(index: Expr | int) -> Expr:
    """One of the pads; 0 where it is not there."""
    return when(lt_(index, _COUNT), at(_PADS, index))


class _Axis(NamedTuple):
    """An axis counted from the last: its size, the pads before and behind it, and both where all are one number."""

    cells: Expr
    before: Expr
    behind: Expr
    same: Expr

    @property
    def padded(self) -> Expr:
        return self.cells + self.before + self.behind

    @property
    def shown(self) -> Expr:
        """The padded size, as a formula shows it."""
        return when(_SINGLE, self.cells + self.same, self.padded)

    @property
    def values(self) -> dict[str, Expr]:
        return {"before": self.before, "behind": self.behind, "cells": self.cells}


def _axis(back: Expr | int) -> _Axis:
    same = when(lt_(2 * back, _COUNT), 2 * _pad(0))
    return _Axis(when(lt_(back, _RANK), at(X, -1 - back)), _pad(2 * back), _pad(2 * back + 1), same)


_LAST = tuple(map(_axis, range(5)))


def _key(rank: int) -> Key:
    sides = ", ".join(("left", "right", "top", "bottom", "front", "back")[: 2 * rank])
    return Key(
        "padding", Pads(rank), aliases=("p",), symbols=(_PADS,), structural=True,
        meaning=f"cells added at each end ({sides}), or one number for all; negative ones crop",
        effect="each cell of padding adds one cell to its axis",
    )  # fmt: skip


def _need(condition: Expr, message: str, fix: str, where: Expr | None = None, **values: Expr) -> Need:
    return Need(condition, message, fix, "padding", where, values)


_EVEN = _need(
    eq_(_COUNT % 2, 0), "padding has {count} numbers, and every padded axis takes two", "give two for each axis",
    count=_COUNT,
)  # fmt: skip
_ENOUGH_AXES = _need(
    le_(_COUNT, 2 * _RANK), "padding has {count} numbers, but an input with {rank} axes takes at most {most}",
    "give {most} or fewer, the last axis first", count=_COUNT, rank=_RANK, most=2 * _RANK,
)  # fmt: skip


def _windows(rank: int) -> tuple[Window, ...]:
    """Each output cell is one input cell, further on by what was put before."""
    return tuple(Window(num(1), num(1), axis.before, num(1)) for axis in reversed(_LAST[:rank]))


def _shifts(rank: int) -> Shifts:
    """Pads beyond those axes: how many there are decides, not the class."""
    return Shifts(tuple(axis.before if back >= rank else num(0) for back, axis in enumerate(_LAST))[::-1])


# --- constant: any number of pads on any input ---------------------------------------------------------------------

_VALUE = sym("value", "what the new cells hold")


def _uncropped(axis: _Axis) -> Expr:
    """Whether something, or nothing, is left of an axis before anything is added."""
    return ge_(axis.cells + min_(axis.before, 0) + min_(axis.behind, 0), 0)


_VALUE_FITS = fits_dtype(_VALUE, _PADS)._replace(where=not_(sym("value_none")))
_CROPS = (
    *(
        _need(
            _uncropped(axis), f"padding {{before}} and {{behind}} crop more than the {{cells}} cells of axis {-1 - back}",
            "crop at most {cells}", lt_(2 * back, _COUNT), **axis.values,
        )
        for back, axis in enumerate(_LAST[:3])
    ),
    _need(
        eq_(product(each(_COUNT // 2, lambda i: when(_uncropped(_axis(i)), 1))), 1),
        "padding {pads} crops more than there is of {shape}", "crop less", lt_(6, _COUNT), pads=_PADS, shape=X,
    ),
)  # fmt: skip


def _named_shape(labels: tuple[str, ...]) -> Expr:
    return dims(**{label: _LAST[len(labels) - 1 - position].shown for position, label in enumerate(labels)})


_ANY_SHAPE = each(_RANK, lambda i: _axis(_RANK - 1 - i).shown, index="d")


def constantpad(rank: int, zero: bool) -> Layer:
    """New cells of one value at the ends of the last axes; the input may have any shape."""
    labels = ("N", "C", *SPATIAL[rank])
    torch = f"{'Zero' if zero else 'Constant'}Pad{rank}d"
    name, filled = torch.lower(), "" if zero else " 0.5"
    value = Key(
        "value", Double(optional=True), symbols=(_VALUE,),
        meaning="what the new cells hold; none for 0", effect="the shape stays; the new cells hold this value",
    )  # fmt: skip
    return Layer(
        name=name,
        torch=torch,
        summary=f"Adds cells that hold {'zero' if zero else 'one value'} at the ends of the last axes.",
        keys=(_key(rank),) if zero else (_key(rank), value),
        positional=("padding",) if zero else ("padding", "value"),
        inputs=(
            TensorIn(
                "input", (named(labels), named(labels[1:]), Form("*X")), "what is padded: any shape", dtypes="any",
                tells_dtype=not zero,
            ),
        ),
        outputs=(
            Out(
                "output",
                when(
                    eq_(_RANK, rank + 2), _named_shape(labels),
                    when(eq_(_RANK, rank + 1), _named_shape(labels[1:]), _ANY_SHAPE),
                ),
            ),
        ),
        rules=(_EVEN, _ENOUGH_AXES, *_CROPS, *(() if zero else (_VALUE_FITS,))),
        window=_windows(rank),
        reach=_shifts(rank),
        kept=NOTHING,
        default_input=DEFAULT_INPUT[rank],
        prose="The plainest padding, such as before a convolution that has none of its own. "
        f"Two pads for each axis, the last axis first: {rank} of them by default, more or fewer where more or fewer are given.",
        examples=(f"{name} 1{filled}", f"{name} {_some(rank)}{filled}", f"{name} -1{filled}"),
    )  # fmt: skip


def _some(rank: int) -> str:
    return ",".join(map(str, (1, 2, 0, 3, 1, 0)[: 2 * rank]))


# --- reflection, replication, circular: one, two or three axes behind channels -------------------------------------


def _forms() -> tuple[Form, ...]:
    """(N, C, axes) or (C, axes) for each number of padded axes; whatever is left is refused."""
    found = []
    for rank, axes in SPATIAL.items():
        for labels in (("N", "C", *axes), ("C", *axes)):
            found.append(named(labels, padded_axes=rank)._replace(where=eq_(_COUNT, 2 * rank)))
    return (*found, Form("*X", facts={"padded_axes": 0}))


def _behind_channels(rank: int) -> Expr:
    return dims(**{label: _LAST[rank - 1 - position].shown for position, label in enumerate(SPATIAL[rank])})


_FORMS = _forms()
_SHAPE = concat(
    slice_(X, 0, _RANK - _PADDED),
    when(eq_(_PADDED, 1), _behind_channels(1), concat()),
    when(eq_(_PADDED, 2), _behind_channels(2), concat()),
    when(eq_(_PADDED, 3), _behind_channels(3), concat()),
)
_FITS = (
    _EVEN,
    _need(
        and_(le_(2, _COUNT), le_(_COUNT, 6)), "padding has {count} numbers, and one to three axes are padded",
        "give 2, 4 or 6 numbers", count=_COUNT,
    ),
    _need(
        ne_(_PADDED, 0), "padding has {count} numbers: it takes an input of {least} or {most} axes, not {rank}",
        "give an input of {least} or {most} axes, or two numbers for each axis but batch and channels",
        count=_COUNT, least=_COUNT // 2 + 1, most=_COUNT // 2 + 2, rank=_RANK,
    ),
)  # fmt: skip
_FILLED = Need(
    ge_(product(slice_(X, when(BATCHED, 1, 0), _RANK)), 1), "the input {shape} is empty beyond its batch",
    "give channels and every padded axis a size of at least 1", values={"shape": X},
)  # fmt: skip
_SOME_LEFT = _need(
    eq_(product(each(_PADDED, lambda i: when(ge_(_axis(i).padded, 1), 0, 1))), 0),
    "padding {pads} leaves no cell of {shape}", "crop less", pads=_PADS, shape=X,
)  # fmt: skip


def _along(holds: Callable[[int], Expr], message: str, fix: str) -> tuple[Need, ...]:
    """What must hold along each padded axis, counted from the last."""
    said = f"padding {{before}} and {{behind}} {message} the {{cells}} cells of axis "
    return tuple(
        _need(holds(back), f"{said}{-1 - back}", fix, lt_(back, _PADDED), **_LAST[back].values) for back in range(3)
    )


def _larger(axis: _Axis) -> Expr:
    return max_(axis.before, axis.behind)


_NOT_BELOW_NOTHING = _along(lambda back: ge_(_LAST[back].padded, 0), "crop more than", "crop at most {cells}")
_REFLECTS = _along(
    lambda back: lt_(_larger(_LAST[back]), _LAST[back].cells), "cannot be reflected from", "use less than {cells}"
)
_WRAPS = _along(
    lambda back: le_(_larger(_LAST[back]), _LAST[back].cells), "go more than once around", "use at most {cells}"
)


class _Run(NamedTuple):
    """Neighbouring cells of an axis, from ``start`` up to ``stop``."""

    start: Expr
    stop: Expr

    @property
    def cells(self) -> Expr:
        return self.stop - self.start


def _run(cells: Expr, start: Expr, stop: Expr) -> _Run:
    """What Python's ``[start:stop]`` takes of an axis."""
    first, last = (when(lt_(index, 0), index + cells, index) for index in (start, stop))
    first = min_(max_(first, 0), cells)
    return _Run(first, min_(max_(last, first), cells))


def _goes_round(back: int) -> Expr:
    """Whether torch's copies go through where one pad of an axis is a crop (``_pad_circular`` of ATen's PadNd.cpp).

    It puts the input into the middle, then copies the far end before it or the near end behind it, by slices whose
    bounds it does not check. A copy takes as many cells as it fills, or one for all; and runs of memory that overlap
    in part are refused where torch can tell, which is where no axis before this one has more than one cell.
    """
    cells, before, behind, _ = _LAST[back]
    padded = _LAST[back].padded
    told = and_(
        eq_(product(slice_(_SHAPE, 0, _RANK - 1 - back)), 1), ge_(product(slice_(_SHAPE, _RANK - back, _RANK)), 1)
    )

    def even(to: _Run, of: _Run) -> Expr:
        return or_(eq_(to.cells, of.cells), eq_(of.cells, 1))

    def apart(to: _Run, of: _Run) -> Expr:
        disjoint = or_(le_(to.stop, of.start), le_(of.stop, to.start))
        return or_(or_(disjoint, eq_(to.cells * of.cells, 0)), and_(eq_(to.start, of.start), eq_(to.stop, of.stop)))

    def copied(to: _Run, of: _Run) -> Expr:
        return and_(even(to, of), or_(not_(told), apart(to, of)))

    near, far = max_(before, 0), max_(behind, 0)
    middle = even(_run(padded, near, padded - far), _run(cells, max_(-before, 0), cells - max_(-behind, 0)))
    ahead = copied(_run(padded, num(0), before), _run(padded, padded - before - far, padded - far))
    after = copied(_run(padded, padded - behind, padded), _run(padded, near, near + behind))
    return or_(ge_(before * behind, 0), and_(middle, when(lt_(0, before), ahead, after)))


_GOES_ROUND = _along(_goes_round, "cannot go around and crop", "go around and crop in two layers")


def _mirrored(
    rank: int,
    torch: str,
    rules: tuple[Need, ...],
    summary: str,
    prose: str,
    dtypes: str,
    kept: tuple[Kept, ...] = INPUT,
) -> Layer:
    name = f"{torch.lower()}{rank}d"
    return Layer(
        name=name,
        torch=f"{torch}{rank}d",
        summary=summary,
        keys=(_key(rank),),
        positional=("padding",),
        inputs=(TensorIn("input", _FORMS, "what is padded behind its channels", dtypes=dtypes),),
        outputs=(Out("output", _SHAPE),),
        rules=rules,
        window=_windows(rank),
        reach=_shifts(rank),
        kept=kept,
        default_input=DEFAULT_INPUT[rank],
        prose=prose,
        examples=(f"{name} 1", f"{name} {_some(rank)}"),
    )


def reflectionpad(rank: int) -> Layer:
    """The cells next to the end, in reverse."""
    return _mirrored(
        rank, "ReflectionPad", (*_FITS, _FILLED, *_REFLECTS, *_NOT_BELOW_NOTHING, _SOME_LEFT),
        "Mirrors the cells next to the ends of the last axes.",
        "No jump appears where the input ends, as there would with zeros. "
        "The end itself is the mirror, so that a pad is smaller than its axis.", "any, not bool",
    )  # fmt: skip


def replicationpad(rank: int) -> Layer:
    """The cell at the end, again and again."""
    return _mirrored(
        rank, "ReplicationPad", (*_FITS, _FILLED, *_NOT_BELOW_NOTHING, _SOME_LEFT),
        "Repeats the cells at the ends of the last axes.",
        "The input goes on as it ends, which suits images whose border is not black. "
        "A pad may be larger than its axis.", "any, not bool",
    )  # fmt: skip


def circularpad(rank: int) -> Layer:
    """The cells of the other end."""
    by_name = Need(
        and_(le_(rank + 1, _RANK), le_(_RANK, rank + 2)),
        f"circularpad{rank}d takes an input of {rank + 1} or {rank + 2} axes, not {{rank}}",
        f"give it {rank + 1} or {rank + 2} axes", values={"rank": _RANK}, code="shape.rank",
    )  # fmt: skip
    return _mirrored(
        rank, "CircularPad", (by_name, *_FITS, *_WRAPS, *_NOT_BELOW_NOTHING, *_GOES_ROUND),
        "Goes on with the other end, as if the last axes were circles.",
        "For what is periodic: panoramas, angles, tiles. A pad is at most as large as its axis.", "any", NOTHING,
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    ranks = (1, 2, 3)
    return (
        *(constantpad(rank, zero=False) for rank in ranks),
        *(constantpad(rank, zero=True) for rank in ranks),
        *(make(rank) for make in (reflectionpad, replicationpad, circularpad) for rank in ranks),
    )
