"""Activations that work on each number by itself: the curve, its derivative, and where the gradient is lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layercli.explain.activations import Piece, Shape, shape, slope_of
from layercli.explain.diagram import Above, Beside, Curve, Diagram, Nothing, Plot
from layercli.explain.figures import around, reckoned, said, training
from layercli.explain.subject import Subject

POINTS = 160
"""Points of a curve, about."""
SMALL = 0.01
"""A derivative below it lets hardly any gradient back."""
_FAR = 1e6
_LARGEST = 1e100
_SETTINGS = ("inplace", "num_parameters", "min_value", "max_value")
"""Keys that do not bend the curve, or stand for others."""


class _Drawn(NamedTuple):
    """An activation with the name that its curve has."""

    name: str
    shape: Shape


def draw(subject: Subject) -> Diagram | Nothing:
    """The curve and its derivative, and in words what they say."""
    if _random(subject):
        return _band(subject)
    drawn = _of(subject)
    view = _view((drawn.shape,))
    value, slope = _curve(drawn, view), _curve(drawn, view, steep=True)._replace(name="its derivative")
    note = "; ".join((*_words(drawn.shape), *_about(subject)))
    heights = [_height((curve,)) for curve in (value, slope)]
    if min(heights) * 10 >= max(heights):
        return Diagram(_plot((value, slope), view, drawn.name, note))
    plots = _plot((value,), view, drawn.name), _plot((slope,), view, f"{drawn.name}, the derivative")
    return Diagram(Beside(plots, note=note))


def overlay(subjects: Sequence[Subject]) -> Diagram:
    """Several activations in one plot, and their derivatives in another."""
    drawn = [each for subject in subjects for each in (_both(subject) if _random(subject) else (_of(subject),))]
    view = _view([each.shape for each in drawn])
    values, slopes = (tuple(_curve(each, view, steep) for each in drawn) for steep in (False, True))
    return Diagram(Above((_plot(values, view, "values"), _plot(slopes, view, "derivatives"))))


# --- which curve -----------------------------------------------------------------------------------------------------


def _of(subject: Subject) -> _Drawn:
    name = subject.layer.name
    args = dict(subject.args)
    given = [
        f"{key.name}={said(value) if isinstance(value, (int, float)) else value}"
        for key in subject.layer.keys
        if key.name not in _SETTINGS
        if (value := args[key.name]) != key.default and name != "rrelu"
    ]
    if name == "hardtanh":
        ends = shape(name, args).seen[1:]
        given = [f"{said(ends[0])} to {said(ends[1])}"] if ends and ends != (-1, 1) else []
    return _Drawn(" ".join((name, *given)), shape(name, args))


def _random(subject: Subject) -> bool:
    """Whether the slope is drawn anew for each number."""
    return subject.layer.name == "rrelu" and training(subject)


def _both(subject: Subject) -> tuple[_Drawn, _Drawn]:
    """The least and the largest slope of a random one."""
    lower, upper = (subject.args[end] for end in ("lower", "upper"))
    return _Drawn(f"rrelu, slope {said(lower)}", slope_of(lower)), _Drawn(
        f"rrelu, slope {said(upper)}", slope_of(upper)
    )


def _band(subject: Subject) -> Diagram:
    """The two slopes between which each negative number gets its own."""
    both = _both(subject)
    view = _view([each.shape for each in both])
    note = (
        "in train mode each negative number gets a slope of its own between these two, another one at each call; "
        f"in eval mode all get {said((subject.args['lower'] + subject.args['upper']) / 2)}. "
        "The derivative is that slope, and 1 above 0"
    )
    return Diagram(_plot([_curve(each, view) for each in both], view, "rrelu", note))


def _about(subject: Subject) -> Iterator[str]:
    """What is said of one activation alone."""
    if subject.layer.name == "prelu":
        count = subject.size("P")
        yield "the slope is learned and starts so" + (f": one for each of {count} channels" if count > 1 else "")
    if subject.layer.name == "rrelu":
        yield "in eval mode the slope is the mean of lower and upper; in train mode it is drawn"
    if "complex" in subject.fed.dtype:
        yield "drawn for real numbers"


# --- curves ----------------------------------------------------------------------------------------------------------


def _view(shapes: Sequence[Shape]) -> tuple[float, float]:
    """The range of x in which everything that happens is seen."""
    lows, highs = [], []
    for each in shapes:
        seen = [place for place in each.seen if abs(place) < _LARGEST] or [0.0]
        margin = each.margin if 0 < each.margin < _LARGEST else 3.0
        margin = max(margin, (max(*seen, 0) - min(*seen, 0)) / 4)
        lows.append(min(seen) - margin)
        highs.append(max(seen) + margin)
    low, high = around(min(lows), max(highs))
    even = max(-low, high)
    return (-even, even) if min(-low, high) > even / 2 else (low, high)


def _parts(made: Shape, low: float, high: float, points: int) -> Iterator[tuple[Piece, list[float]]]:
    """The pieces that lie in a range, with places in each, both ends among them."""
    start = low
    for piece in made.pieces:
        end = min(piece.end, high)
        if end > start or (end == start == low == high):
            count = max(2, math.ceil(points * (end - start) / (high - low)))
            yield piece, [start + (end - start) * n / count for n in range(count)] + [end]
            start = end


def _curve(drawn: _Drawn, view: tuple[float, float], steep: bool = False) -> Curve:
    """The value or the derivative, with a gap where it jumps."""
    points: list[tuple[float, float | None]] = []
    for piece, places in _parts(drawn.shape, *view, POINTS):
        part = [(x, reckoned(piece.slope if steep else piece.value, x)) for x in places]
        if points and not _joined(points[-1][1], part[0][1]):
            points.append((part[0][0], None))
        points += part
    return Curve(drawn.name, tuple(points))


def _joined(before: float | None, behind: float | None) -> bool:
    return before is not None and behind is not None and abs(before - behind) <= 1e-6 * max(1.0, abs(before))


def _ys(curves: Sequence[Curve]) -> list[float]:
    return [y for curve in curves for _, y in curve.points if y is not None and abs(y) < _LARGEST]


def _height(curves: Sequence[Curve]) -> float:
    return max(map(abs, _ys(curves)), default=0.0) or 1.0


def _plot(curves: Sequence[Curve], view: tuple[float, float], title: str, note: str = "") -> Plot:
    ys = _ys(curves)
    return Plot(tuple(curves), view, around(min(*ys, 0.0, 0.0), max(*ys, 0.0, 0.0)), title, note=note)


# --- in words --------------------------------------------------------------------------------------------------------


def _words(made: Shape) -> Iterator[str]:
    view = _view((made,))
    yield _range(made, view)
    zero = reckoned(made.at(0.0).value, 0.0)
    yield f"0 becomes {said(zero)}"
    lost = [_between(start, end) for start, end, piece in _spans(made) if piece.dead]
    if lost:
        yield f"no gradient comes back for x {' and '.join(lost)}"
    weak = [text for text in (_tail(made, view, -1), _tail(made, view, 1)) if text]
    if weak:
        yield f"the derivative is less than {SMALL} for x {' and '.join(weak)}"


def _spans(made: Shape) -> Iterator[tuple[float, float, Piece]]:
    start = -math.inf
    for piece in made.pieces:
        yield start, piece.end, piece
        start = piece.end


def _between(start: float, end: float) -> str:
    if start == -math.inf:
        return "anywhere" if end == math.inf else f"below {said(end)}"
    return f"above {said(start)}" if end == math.inf else f"between {said(start)} and {said(end)}"


def _range(made: Shape, view: tuple[float, float]) -> str:
    """Which values come out at all."""
    low, high = view
    wide = 20 * (high - low)
    found = [
        y for piece, places in _parts(made, low - wide, high + wide, 4000)
        for x in places if (y := reckoned(piece.value, x)) is not None
    ]  # fmt: skip
    if not found:
        return "no finite value comes out"
    least, most = min(found), max(found)
    for far in (-_FAR * (high - low), _FAR * (high - low)):
        near, beyond = reckoned(made.at(far).value, far), reckoned(made.at(10 * far).value, 10 * far)
        if near is None or beyond is None or abs(beyond) > 2 * abs(near) + 1:
            sign = near if near is not None else (found[0] if far < 0 else found[-1])
            least, most = (-math.inf, most) if sign < 0 else (least, math.inf)
        else:
            least, most = min(least, beyond), max(most, beyond)
    if least == most:
        return f"every number becomes {said(least)}"
    below, above = (said(end, 3) for end in (least, most))
    if least == -math.inf:
        return "any value comes out" if most == math.inf else f"no value above {above}"
    return f"no value below {below}" if most == math.inf else f"values between {below} and {above}"


def _tail(made: Shape, view: tuple[float, float], side: int) -> str:
    """From where on the derivative is small, on one side; nothing where it is not, or is zero there."""
    low, high = view
    last = made.pieces[0 if side < 0 else -1]
    if last.dead:
        return ""

    def weak(x: float) -> bool:
        slope = reckoned(made.at(x).slope, x)
        return slope is not None and abs(slope) < SMALL

    step = (high - low) / 100
    x = (low if side < 0 else high) + side * 20 * (high - low)
    if not weak(x):
        return ""
    while weak(x - side * step):
        x -= side * step
        if (x - (high if side < 0 else low)) * side < 0:
            return "anywhere"
    inner, outer = x - side * step, x
    for _ in range(40):
        middle = (inner + outer) / 2
        inner, outer = (inner, middle) if weak(middle) else (middle, outer)
    return f"{'below' if side < 0 else 'above'} {said(float(f'{outer:.2g}'))}"
