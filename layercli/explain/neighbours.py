"""Local response norms: the channels whose squares damp one channel, with numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from layercli.explain.cells import numbers, part, times, view
from layercli.explain.diagram import Cell, Diagram, Grid, Nothing
from layercli.explain.figures import empty, explained, said, short
from layercli.explain.subject import Subject

MOST = 8
"""Channels that are shown."""
MOST_FRAMES = 400
_PERIOD = 64
_VALUES = numbers(1, _PERIOD)[0]
_MEANINGS = {"tap": "summed for this channel", "out": "the channel that comes out", "pad": "zeros beyond the ends"}


class Window(NamedTuple):
    """The channels whose squares are summed: a run, and such as count besides, with their sign."""

    first: int
    last: int
    besides: tuple[tuple[int, int], ...] = ()

    def reads(self, channel: int) -> bool:
        """Whether a channel counts."""
        return self.first <= channel <= self.last or any(channel == other for other, _ in self.besides)


def draw(subject: Subject) -> Diagram | Nothing:
    """The channels around one, the sum of their squares, and what it does."""
    if empty(subject.fed.shape):
        return Nothing("the input has no numbers, and comes out as it is")
    count = subject.fed.shape[1]
    (at,) = subject.place((count,), (min(count // 2, MOST // 2),))
    places = range(min(count, MOST_FRAMES)) if subject.moving else ()
    return explained(_at(subject, at), _MEANINGS, [_at(subject, place) for place in places])


def window(subject: Subject, at: int) -> Window:
    """The channels that count for channel ``at``, those beyond the ends too."""
    size, count = subject.args["size"], subject.fed.shape[1]
    if subject.layer.name == "localresponsenorm":
        return Window(at - size // 2, at + (size - 1) // 2)
    ahead = int((size - 1) / 2 + 1)
    if ahead < 1:  # the running sum takes off the channel itself, and adds the one before
        return Window(0, -1, ((0, 1), (at, -1)) if at else ())
    stays = ((0, 1),) if at >= ahead else ()  # torch takes channels off from 1 on
    return Window(max(0, at - ahead + 1), min(count - 1, at + ahead - 1), stays)


def value(channel: int) -> float:
    """The number of a channel at the position that is looked at."""
    return _VALUES[channel % _PERIOD]


def _squares(first: int, last: int) -> float:
    """The sum of the squares of a run of channels."""

    def before(channel: int) -> float:
        whole, rest = divmod(channel, _PERIOD)
        return whole * sum(x * x for x in _VALUES) + sum(x * x for x in _VALUES[:rest])

    return before(last + 1) - before(first) if last >= first else 0.0


def _sum(subject: Subject, at: int) -> float:
    seen = window(subject, at)
    run = _squares(max(0, seen.first), min(subject.fed.shape[1] - 1, seen.last))
    return run + sum(sign * value(channel) ** 2 for channel, sign in seen.besides)


def power(base: float, exponent: float) -> float:
    """A power as torch takes it: nan of a negative number to a fraction, inf beyond the largest float."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


def _base(subject: Subject, at: int) -> float:
    args = subject.args
    return float(args["k"] + args["alpha"] / args["size"] * _sum(subject, at))


def _out(subject: Subject, at: int) -> float:
    return value(at) * power(_base(subject, at), -subject.args["beta"])


def _at(subject: Subject, at: int) -> Grid:
    """The picture for one channel."""
    count, seen = subject.fed.shape[1], window(subject, at)
    before, behind = max(0, -window(subject, 0).first), max(0, window(subject, count - 1).last - count + 1)
    shown = view(count + before + behind, seen.first, seen.last, MOST, -before)
    if at not in shown:
        shown = view(count, at, at, MOST)
    above = [str(channel) if 0 <= channel < count else "" for channel in shown]
    rows = (
        _row(subject, shown, [value(c) if 0 <= c < count else 0 for c in shown], seen),
        _row(subject, shown, [value(c) ** 2 if 0 <= c < count else 0 for c in shown], seen),
        tuple(
            Cell(short(_out(subject, c)), "out" if c == at else "") if 0 <= c < count else Cell() for c in shown
        ),
    )  # fmt: skip
    title = f"channels at one position of the input {times(subject.fed.shape)}"
    return Grid(rows, title, tuple(above), ("x", "x squared", "out"), _note(subject, at, shown))


def _row(subject: Subject, shown: Sequence[int], values: Sequence[float], seen: Window) -> tuple[Cell, ...]:
    inside = range(subject.fed.shape[1])
    return tuple(
        Cell(short(number), "pad" if c not in inside else "tap" if seen.reads(c) else "")
        for c, number in zip(shown, values)
    )


def _note(subject: Subject, at: int, shown: range) -> str:
    args, seen, count = subject.args, window(subject, at), subject.fed.shape[1]
    first, last = max(0, seen.first), min(count - 1, seen.last)
    run = f"channels {first} to {last}" if last > first else f"channel {first}"
    run = run if last >= first else "no channel"
    extra = ""
    if seen.besides and last >= first:
        extra = " (and channel 0, which torch's running sum never takes off again)"
    elif seen.besides:
        extra = f" (but channel 0, and channel {at} taken off: torch's running sum with this size)"
    divisor = power(_base(subject, at), args["beta"])
    said_sum = said(_sum(subject, at))
    note = (
        f"channel {at}: the squares of {run}{extra} add up to {said_sum}; (k + alpha/size * {said_sum})^beta = "
        f"({said(args['k'])} + {said(args['alpha'])}/{said(args['size'])} * {said_sum})^{said(args['beta'])} = "
        f"{divisor:.6g}; {said(value(at))} / {divisor:.6g} = {_out(subject, at):.6g}"
    )
    kept = range(max(0, shown.start), min(count, shown.stop))
    cut = part(kept, 0, count)
    return f"{note}. Shown are channels {cut}" if cut else note
