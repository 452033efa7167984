"""Losses of one number each as curves: over the error, the score, the probability or the distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from layercli.explain.activations import softplus
from layercli.explain.diagram import Curve, Plot
from layercli.explain.figures import around, reckoned, said

Function = Callable[[float], float]

POINTS = 160
_LARGEST = 1e100
_CUT = 100.0
"""The largest loss of a probability: torch cuts the logarithm off there."""


class Drawn(NamedTuple):
    """Curves by name, over a range of x with its name; ``top``: how much of the losses is shown at most."""

    curves: tuple[tuple[str, Function], ...]
    x: tuple[float, float]
    x_name: str
    note: str = ""
    top: float = math.inf


def plot(name: str, args: Mapping[str, Any]) -> Plot:
    """The plot of a loss with these arguments."""
    made = CURVES[name](args)
    low, high = made.x
    places = [low + (high - low) * index / POINTS for index in range(POINTS + 1)]
    places += [place for place in (0.0, *_bends(args)) if low < place < high]
    places.sort()
    places = list(dict.fromkeys(places))
    curves = tuple(Curve(each, tuple((x, reckoned(curve, x)) for x in places)) for each, curve in made.curves)
    ys = [y for curve in curves for _, y in curve.points if y is not None and abs(y) < _LARGEST]
    top = min(made.top, max(ys, default=0.0))
    return Plot(curves, made.x, around(min(*ys, 0.0, 0.0), top), name, made.x_name, made.note)


def _bends(args: Mapping[str, Any]) -> list[float]:
    """Where a curve may have a corner."""
    found = [args[key] for key in ("margin", "beta", "delta") if isinstance(args.get(key), (int, float))]
    return [sign * place for place in found for sign in (-1, 1)]


def _wide(*scales: float, least: float = 0.0) -> float:
    """A range that holds these; 3 where there is none that can be drawn."""
    fit = [abs(scale) for scale in scales if 0 < abs(scale) < _LARGEST]
    return max(*fit, least, 0.0) if fit or least else 3.0


_ERROR = "input - target"


def _squared_then_straight(args: Mapping[str, Any]) -> Drawn:
    """The smooth L1 loss, beside the L1 loss."""
    beta = float(args["beta"])

    def smooth(error: float) -> float:
        size = abs(error)
        return size * size / (2 * beta) if size < beta else size - beta / 2

    if beta == 0:
        return Drawn((("loss", abs),), (-3, 3), _ERROR, "beta 0: the L1 loss itself")
    wide = _wide(3 * beta)
    note = f"d*d/(2*beta) where the error is smaller than beta {said(beta)}, |d| - beta/2 beyond"
    return Drawn((("loss", smooth), ("L1 loss, |d|", abs)), (-wide, wide), _ERROR, note)


def _huber(args: Mapping[str, Any]) -> Drawn:
    delta = float(args["delta"])

    def huber(error: float) -> float:
        size = abs(error)
        return size * size / 2 if size <= delta else delta * (size - delta / 2)

    wide = _wide(3 * delta)
    note = f"d*d/2 where the error is at most delta {said(delta)}, delta*(|d| - delta/2) beyond"
    return Drawn((("loss", huber), ("d*d/2", lambda d: d * d / 2)), (-wide, wide), _ERROR, note)


def _divergence(args: Mapping[str, Any]) -> Drawn:
    def loss(target: float) -> Function:
        return lambda x: target * (math.log(target) - x)

    note = "the loss is target*(log(target) - input): 0 where both agree, and below 0 where the input is larger"
    if args["log_target"]:
        note = "the target holds logarithms: exp(target)*(target - input), 0 where both agree"
    curves = tuple((f"target log({y})" if args["log_target"] else f"target {y}", loss(y)) for y in (0.5, 0.1))
    return Drawn(curves, (-5, 0), "input, a log-probability", note)


def poisson(args: Mapping[str, Any], count: float) -> Function:
    """The loss of an input for a target."""
    more = 0.0
    if args["full"] and count > 1:  # Stirling's approximation of log(count!)
        more = count * math.log(count) - count + math.log(2 * math.pi * count) / 2
    if args["log_input"]:
        return lambda x: math.exp(x) - count * x + more
    return lambda x: x - count * math.log(x + args["eps"]) + more


def _poisson(args: Mapping[str, Any]) -> Drawn:
    curves = tuple((f"target {count}", poisson(args, count)) for count in (0, 1, 4))
    stirling = "; for targets above 1 Stirling's log(target!) is added" if args["full"] else ""
    if args["log_input"]:
        note = f"exp(input) - target*input: least where exp(input), the rate, is the target{stirling}"
        return Drawn(curves, (-2, 3), "input, the log of the rate", note, 15)
    note = f"input - target*log(input + eps {said(args['eps'])}): least where the rate is the target{stirling}"
    return Drawn(curves, (0, 10), "input, the rate", note, 15)


def _gaussian(args: Mapping[str, Any]) -> Drawn:
    more = math.log(2 * math.pi) / 2 if args["full"] else 0.0

    def loss(given: float) -> Function:
        var = max(given, args["eps"])
        return lambda d: (math.log(var) + d * d / var) / 2 + more

    note = "(log(var) + d*d/var)/2: a small variance makes errors costly, a large one costs by itself"
    note += f"; a variance below eps counts as {said(args['eps'])}"
    note += "; log(2*pi)/2 is added" if args["full"] else ""
    return Drawn(tuple((f"var {var}", loss(var)) for var in (0.25, 1, 4)), (-3, 3), _ERROR, note, 10)


def _probability(args: Mapping[str, Any]) -> Drawn:
    def cut(probability: float) -> float:
        return min(_CUT, -math.log(probability)) if probability > 0 else _CUT

    curves = (("target 1: -log(p)", cut), ("target 0: -log(1 - p)", lambda p: cut(1 - p)))
    note = f"no loss is above {said(_CUT)}: torch cuts the logarithm off; targets between mix both{_weight(args)}"
    return Drawn(curves, (0, 1), "input, a probability", note, 5)


def _weight(args: Mapping[str, Any]) -> str:
    return "; weight multiplies each loss, drawn as 1" if args.get("weight") is not None else ""


def _logit(args: Mapping[str, Any]) -> Drawn:
    curves = (("target 1", lambda x: softplus(-x)), ("target 0", softplus))
    note = "-log(sigmoid(x)) and -log(1 - sigmoid(x)): straight where the answer is wrong; targets between mix both"
    if args.get("pos_weight") is not None:
        note += "; pos_weight multiplies the curve of target 1, drawn as 1"
    return Drawn(curves, (-5, 5), "input, a score", note + _weight(args))


def _labels(args: Mapping[str, Any]) -> Drawn:
    drawn = _logit(args)
    return drawn._replace(
        note=f"the loss of each class; their mean over the classes is the loss of a row{_weight(args)}"
    )


def _soft_margin(args: Mapping[str, Any]) -> Drawn:
    curves = (("target 1", lambda x: softplus(-x)), ("target -1", softplus))
    return Drawn(curves, (-5, 5), "input, a score", "log(1 + exp(-target*input)): a hinge without a corner")


def _hinge(args: Mapping[str, Any]) -> Drawn:
    margin = args["margin"]
    curves: tuple[tuple[str, Function], ...] = (
        ("target 1: the distance", lambda x: x),
        ("target -1: max(0, margin - x)", lambda x: max(0.0, margin - x)),
    )
    note = f"like pairs pay for every distance, unlike ones for one below the margin {said(margin)}"
    return Drawn(curves, (0, _wide(2 * margin, least=2)), "input, a distance", note)


def _cosine(args: Mapping[str, Any]) -> Drawn:
    margin = args["margin"]
    curves: tuple[tuple[str, Function], ...] = (
        ("target 1: 1 - cos", lambda x: 1 - x),
        ("target -1: max(0, cos - margin)", lambda x: max(0.0, x - margin)),
    )
    note = f"like pairs should point one way, unlike ones have a cosine of at most the margin {said(margin)}"
    return Drawn(curves, (-1, 1), "cosine of input1 and input2", note)


def _ranking(args: Mapping[str, Any]) -> Drawn:
    margin, wide = args["margin"], _wide(2 * args["margin"], least=3)
    curves: tuple[tuple[str, Function], ...] = (
        ("target 1", lambda x: max(0.0, margin - x)),
        ("target -1", lambda x: max(0.0, margin + x)),
    )
    note = f"0 once the one that should be higher is so by the margin {said(margin)}"
    return Drawn(curves, (-wide, wide), "input1 - input2", note)


def _triplet(args: Mapping[str, Any]) -> Drawn:
    margin, wide = args["margin"], _wide(3 * args["margin"])
    note = f"max(0, d(a,p) - d(a,n) + margin {said(margin)}): 0 once the negative is farther by the margin"
    note += "; swap: d(p,n) stands for d(a,n) where it is smaller" if args["swap"] else ""
    return Drawn((("loss", lambda x: max(0.0, x + margin)),), (-wide, wide), "d(a,p) - d(a,n)", note)


CURVES: dict[str, Callable[[Mapping[str, Any]], Drawn]] = {
    "l1loss": lambda args: Drawn((("loss", abs),), (-3, 3), _ERROR, "every error counts as much as it is large"),
    "mseloss": lambda args: Drawn((("loss", lambda d: d * d),), (-3, 3), _ERROR, "large errors count most"),
    "smoothl1loss": _squared_then_straight,
    "huberloss": _huber,
    "kldivloss": _divergence,
    "poissonnllloss": _poisson,
    "gaussiannllloss": _gaussian,
    "bceloss": _probability,
    "bcewithlogitsloss": _logit,
    "multilabelsoftmarginloss": _labels,
    "softmarginloss": _soft_margin,
    "hingeembeddingloss": _hinge,
    "cosineembeddingloss": _cosine,
    "marginrankingloss": _ranking,
    "tripletmarginloss": _triplet,
    "tripletmarginwithdistanceloss": _triplet,
}
"""The curves of each loss, by the layer's name."""
