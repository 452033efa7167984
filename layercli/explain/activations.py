"""What activations do to a number, in pieces with their derivatives, exact as torch computes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Function = Callable[[float], float]

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
_BETA, _KAPPA = math.sqrt(2 / math.pi), 0.044715
"""The numbers of GELU's approximation."""


class Piece(NamedTuple):
    """What is done up to ``end``, that number too: the value, and its derivative."""

    end: float
    value: Function
    slope: Function

    @property
    def dead(self) -> bool:
        """Whether no gradient comes back."""
        return self.slope is nothing


class Shape(NamedTuple):
    """An activation: its pieces from the left, the places that must be seen, and how far it goes on around them."""

    pieces: tuple[Piece, ...]
    seen: tuple[float, ...] = (0.0,)
    margin: float = 3.0

    def at(self, x: float) -> Piece:
        """The piece that a number lies in."""
        return next(piece for piece in self.pieces if x <= piece.end)


def nothing(x: float) -> float:
    """The derivative where the value does not change."""
    return 0.0


def _one(x: float) -> float:
    return 1.0


def _constant(value: float, end: float = math.inf) -> Piece:
    return Piece(end, lambda x: value, nothing)


def _itself(end: float = math.inf) -> Piece:
    return Piece(end, lambda x: x, _one)


def _line(slope: float, end: float = math.inf) -> Piece:
    return Piece(end, lambda x: slope * x, (lambda x: slope) if slope else nothing)


def _smooth(value: Function, slope: Function, margin: float) -> Shape:
    return Shape((Piece(math.inf, value, slope),), margin=margin)


# --- functions -------------------------------------------------------------------------------------------------------


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), which does not overflow."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    power = math.exp(x)
    return power / (1 + power)


def softplus(x: float) -> float:
    """log(1 + exp(x)), which does not overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _bell(x: float) -> float:
    """The derivative of tanh, which does not vanish where tanh is 1 in floats."""
    power = math.exp(-2 * abs(x))
    return 4 * power / (1 + power) ** 2


def _gelu(args: Mapping[str, Any]) -> Shape:
    if args["approximate"] == "tanh":

        def inner(x: float) -> float:
            return _BETA * (x + _KAPPA * x**3)

        def slope(x: float) -> float:
            steep = 0.5 * x * _bell(inner(x)) * _BETA * (1 + 3 * _KAPPA * x * x)
            return 0.5 * (1 + math.tanh(inner(x))) + steep

        return _smooth(lambda x: 0.5 * x * (1 + math.tanh(inner(x))), slope, 4)

    def below(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    def exact(x: float) -> float:
        return below(x) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    return _smooth(lambda x: x * below(x), exact, 4)


def _silu(args: Mapping[str, Any]) -> Shape:
    return _smooth(lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x)), 5)


def _mish(args: Mapping[str, Any]) -> Shape:
    return _smooth(
        lambda x: x * math.tanh(softplus(x)),
        lambda x: math.tanh(softplus(x)) + x * _bell(softplus(x)) * sigmoid(x),
        5,
    )


def _elu(alpha: float, scale: float = 1.0, width: float = 1.0) -> Shape:
    """scale*x above 0, below it scale*alpha*(exp(x/width) - 1)."""
    steep = scale * alpha / width
    bend = Piece(
        0.0,
        lambda x: scale * alpha * math.expm1(x / width),
        (lambda x: steep * math.exp(x / width)) if steep else nothing,
    )
    return Shape((bend, _line(scale)), margin=4 * abs(width))


def _softplus(args: Mapping[str, Any]) -> Shape:
    beta, threshold = args["beta"], args["threshold"]
    if beta == 0:
        return Shape((_itself() if threshold < 0 else _constant(math.inf),))
    curved = Piece(math.inf, lambda x: softplus(beta * x) / beta, lambda x: sigmoid(beta * x))
    margin = 5 / abs(beta)
    if not math.isfinite(threshold):
        return Shape((_itself() if threshold < 0 else curved,), margin=margin)
    edge = threshold / beta
    pieces = (curved._replace(end=edge), _itself()) if beta > 0 else (_itself(edge), curved)
    seen = (0.0, edge) if abs(threshold) < 5 else (0.0,)
    return Shape(pieces, seen, margin)


def _hardtanh(args: Mapping[str, Any]) -> Shape:
    low, high = (args[f"{end}_val"] if args[f"{end}_value"] is None else args[f"{end}_value"] for end in ("min", "max"))
    if math.isnan(low) or math.isnan(high):  # torch fills in nan then
        return Shape((_constant(math.nan),))
    return Shape((_constant(low, low), _itself(high), _constant(high)), (0.0, low, high), 2)


def _threshold(args: Mapping[str, Any]) -> Shape:
    edge, value = args["threshold"], args["value"]
    if math.isnan(edge):  # no number is below it
        return Shape((_itself(),))
    return Shape((_constant(value, edge), _itself()), (0.0, edge), 3)


def _shrink(edge: float, off: float) -> Shape:
    """0 between -edge and edge; beyond it a number comes ``off`` nearer to 0."""
    pieces = (
        Piece(-edge, lambda x: x + off, _one), _constant(0.0, edge), Piece(math.inf, lambda x: x - off, _one),
    )  # fmt: skip
    return Shape(pieces if edge >= 0 else (_itself(),), (-edge, edge), 2)


def _rrelu(args: Mapping[str, Any]) -> Shape:
    """In eval mode: the mean of both slopes."""
    return Shape((_line((args["lower"] + args["upper"]) / 2, 0.0), _itself()))


SHAPES: dict[str, Callable[[Mapping[str, Any]], Shape]] = {
    "relu": lambda args: Shape((_constant(0.0, 0.0), _itself())),
    "relu6": lambda args: Shape((_constant(0.0, 0.0), _itself(6.0), _constant(6.0)), (0.0, 6.0)),
    "leakyrelu": lambda args: Shape((_line(args["negative_slope"], 0.0), _itself())),
    "rrelu": _rrelu,
    "prelu": lambda args: Shape((_line(args["init"], 0.0), _itself())),
    "elu": lambda args: _elu(args["alpha"]),
    "celu": lambda args: _elu(args["alpha"], width=args["alpha"]),
    "selu": lambda args: _elu(_SELU_ALPHA, _SELU_SCALE),
    "softplus": _softplus,
    "threshold": _threshold,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "hardswish": lambda args: Shape(
        (_constant(0.0, -3.0), Piece(3.0, lambda x: x * (x + 3) / 6, lambda x: x / 3 + 0.5), _itself()), (-3.0, 3.0), 2
    ),
    "sigmoid": lambda args: _smooth(sigmoid, lambda x: sigmoid(x) * sigmoid(-x), 6),
    "tanh": lambda args: _smooth(math.tanh, _bell, 4),
    "logsigmoid": lambda args: _smooth(lambda x: -softplus(-x), lambda x: sigmoid(-x), 5),
    "hardsigmoid": lambda args: Shape(
        (_constant(0.0, -3.0), Piece(3.0, lambda x: (x + 3) / 6, lambda x: 1 / 6), _constant(1.0)), (-3.0, 3.0), 2
    ),
    "hardtanh": _hardtanh,
    "softsign": lambda args: _smooth(lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, 10),
    "tanhshrink": lambda args: _smooth(lambda x: x - math.tanh(x), lambda x: math.tanh(x) ** 2, 4),
    "hardshrink": lambda args: _shrink(args["lambd"], 0.0),
    "softshrink": lambda args: _shrink(args["lambd"], args["lambd"]),
}
"""What each activation does with its arguments, by the layer's name."""


def slope_of(value: float) -> Shape:
    """A rectifier with this slope below 0."""
    return Shape((_line(value, 0.0), _itself()))


def shape(name: str, args: Mapping[str, Any]) -> Shape:
    """What an activation does with these arguments; pieces of no length are left out."""
    made = SHAPES[name](args)
    pieces: list[Piece] = []
    start = -math.inf
    for piece in made.pieces:
        end = math.inf if math.isnan(piece.end) else piece.end
        if end > start:
            pieces.append(piece._replace(end=end))
            start = end
    return made._replace(pieces=tuple(pieces))
