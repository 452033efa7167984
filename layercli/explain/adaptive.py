"""Adaptive pools: the input shared out over the output; and fractional ones, whose windows are drawn by lot."""

from __future__ import annotations

from functools import cache, partial

from layercli.explain.cells import written
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pooled import Place, Pool, at_place, counted, largest, named, picture, under
from layercli.explain.subject import Subject
from layercli.explain.windows import Axis, diagram, empty, frames, kernel, spot

_KEY = (
    ("tap", "shared out to this output cell"), ("out", "the output cell"), ("win", "the largest of a window"),
    ("one", "an output cell and its own"), ("two", "a neighbour of it and its own"),
    ("three", "read by several output cells"),
)  # fmt: skip


def draw(subject: Subject) -> Diagram | Nothing:
    """The input with its numbers and the windows over it, and the output."""
    nothing = empty(subject)
    if nothing is not None:
        return nothing
    name = subject.layer.name
    if not name.startswith("fractional"):
        return shared(subject, _rank(subject), name.startswith("adaptivemax"))
    if min(kernel(subject, _rank(subject))) < 1:
        return Nothing("a window without cells has no largest one: minus infinity comes out")
    return _drawn(subject, _lots(subject))


def shared(subject: Subject, rank: int, extreme: bool = False) -> Diagram:
    """So many last axes, shared out evenly over the output's: what upsampling by areas does, too."""
    return _drawn(subject, _shared(subject, rank, extreme))


def _drawn(subject: Subject, pool: Pool) -> Diagram:
    at = subject.place(pool.outs, pool.usual)
    return diagram(picture(pool, at), _KEY, frames(subject, pool.outs, partial(picture, pool)))


def _rank(subject: Subject) -> int:
    return int(subject.layer.name[-2])


# --- shared out evenly -----------------------------------------------------------------------------------------------


def _share(size: int, out: int) -> Axis:
    """From cell floor(i*L/o) up to ceil((i + 1)*L/o)."""
    return Axis(size, out, lambda i: range(i * size // out, -(-(i + 1) * size // out)))


def _readers(axis: Axis, cell: int) -> range:
    """The output cells that read an input cell."""
    return range(cell * axis.out // axis.size, -(-(cell + 1) * axis.out // axis.size))


def _shared(subject: Subject, rank: int, extreme: bool) -> Pool:
    axes = tuple(map(_share, subject.fed.shape[-rank:], subject.given.shape[-rank:]))

    def base(place: Place) -> str:
        readers = [_readers(axis, cell) for axis, cell in zip(axes, place)]
        if any(len(each) > 1 for each in readers[-2:]):
            return "three"
        return made(tuple(each.start for each in readers))

    def made(at: Place) -> str:
        return "two" if sum(spot(at)) % 2 else "one"

    if extreme:
        return _largest(axes)._replace(base=base, made=made)

    @cache
    def value(at: Place) -> float:
        found = [each for _, each in under(axes, at)]
        return sum(found) / len(found)

    def words(at: Place) -> str:
        found = [each for _, each in under(axes, at)]
        return (
            f"{named(at)}: the mean of {counted(len(found))}, {written(sum(found))}/{len(found)} = {written(value(at))}"
        )

    return Pool(axes, value, words, base=base, made=made)


def _largest(axes: tuple[Axis, ...]) -> Pool:
    wins = cache(partial(largest, axes))

    def value(at: Place) -> float:
        best = wins(at)
        assert best is not None
        return at_place(best)

    def words(at: Place) -> str:
        return f"{named(at)} is the largest of {counted(sum(1 for _ in under(axes, at)))}: {written(value(at))}"

    return Pool(axes, value, words, wide=3, wins=wins)


# --- drawn by lot ----------------------------------------------------------------------------------------------------

SAMPLE = 0.5
"""The random number that the windows of the picture come from."""


def _lot(size: int, out: int, k: int) -> Axis:
    """Where windows begin (torch's ``generate_intervals``): steps of an even length, rounded from a random place on."""
    step = (size - k) / (out - 1) if out > 1 else 0.0

    def reads(i: int) -> range:
        start = size - k if i == out - 1 else int((i + SAMPLE) * step) - int(SAMPLE * step)
        return range(start, start + k)

    return Axis(size, out, reads)


def _lots(subject: Subject) -> Pool:
    rank = _rank(subject)
    shapes = subject.fed.shape[-rank:], subject.given.shape[-rank:]
    pool = _largest(tuple(map(_lot, *shapes, kernel(subject, rank))))
    return pool._replace(words=lambda at: f"{pool.words(at)}; one draw of many: the windows move from call to call")
