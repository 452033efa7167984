"""Random calls of torch.nn, valid and broken: arguments from each class's own domain, inputs of every rank and size."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from layercli.plan import DType, Feed, Input, Literal, Module, Packing, Tensor

Draw = Callable[[Random], tuple[Module, list[Input]]]

ODD = (None, True, 1.5, "same", "x", -1, 0, (), (1,), (1, 2), (1, 1, 1), (2, 2, 2, 2))
"""Values that seldom fit."""


def sizes(r: Random, rank: int, low: int, high: int) -> Any:
    """One size, or one per axis."""
    if r.random() < 0.6:
        return r.randint(low, high)
    return tuple(r.randint(low, high) for _ in range(rank))


def some(r: Random, **choices: Any) -> dict[str, Any]:
    """Some of these arguments; now and then an odd value."""
    chosen = {name: value for name, value in choices.items() if r.random() < 0.45}
    if chosen and r.random() < 0.08:
        chosen[r.choice(list(chosen))] = r.choice(ODD)
    return chosen


def image(r: Random, rank: int, channels: int, low: int = 1, high: int = 9) -> Tensor:
    """A batched or unbatched input; now and then of a wrong rank, of no elements, or of another dtype."""
    spatial = [r.randint(low, high) for _ in range(rank)]
    lead = [r.randint(1, 3)] if r.random() < 0.7 else []
    shape = [*lead, channels, *spatial]
    if r.random() < 0.06:
        shape[r.randrange(len(shape))] = 0
    if r.random() < 0.05:
        shape.insert(0, 2)
    other = 0 not in shape and r.random() < 0.04  # on nothing at all, torch lets other dtypes pass
    return Tensor(tuple(shape), r.choice(("float64", "float16", "int64")) if other else "float32")


def conv(rank: int, transposed: bool) -> Draw:
    def draw(r: Random) -> tuple[Module, list[Input]]:
        g = r.choice((1, 1, 1, 2, 3))
        c, out = g * r.randint(1, 3), g * r.randint(1, 3)
        kwargs = some(
            r, stride=sizes(r, rank, 1, 3), padding=sizes(r, rank, 0, 3), dilation=sizes(r, rank, 1, 3),
            bias=r.random() < 0.5,
        )  # fmt: skip
        if g > 1:
            kwargs["groups"] = g if r.random() < 0.9 else g + 1
        if transposed:
            kwargs.update(some(r, output_padding=sizes(r, rank, 0, 2)))
        else:
            kwargs.update(some(r, padding_mode=r.choice(("zeros", "reflect", "replicate", "circular"))))
            if r.random() < 0.15:
                kwargs["padding"] = r.choice(("same", "valid"))
        inputs = [Input(image(r, rank, c if r.random() < 0.95 else c + 1, 1, 10))]
        if transposed and r.random() < 0.2:
            inputs.append(Input(Literal(tuple(r.randint(1, 20) for _ in range(rank))), "output_size"))
        name = f"Conv{'Transpose' if transposed else ''}{rank}d"
        return Module(name, (c, out, sizes(r, rank, 1, 4)), kwargs), inputs

    return draw


def pool(rank: int, largest: bool) -> Draw:
    def draw(r: Random) -> tuple[Module, list[Input]]:
        kernel = sizes(r, rank, 1, 4)
        kwargs = some(r, stride=sizes(r, rank, 1, 4), padding=sizes(r, rank, 0, 2), ceil_mode=r.random() < 0.7)
        if largest:
            kwargs.update(some(r, dilation=sizes(r, rank, 1, 2), return_indices=r.random() < 0.6))
        else:
            kwargs.update(some(r, count_include_pad=r.random() < 0.5))
            if rank > 1:
                kwargs.update(some(r, divisor_override=r.choice((None, 3, 0))))
        return Module(f"{'Max' if largest else 'Avg'}Pool{rank}d", (kernel,), kwargs), [Input(image(r, rank, 2))]

    return draw


def norm(rank: int, batch: bool) -> Draw:
    def draw(r: Random) -> tuple[Module, list[Input]]:
        c = r.randint(1, 4)
        kwargs = some(
            r, eps=r.choice((1e-5, 0.0, -1.0)), momentum=r.choice((0.1, None)), affine=r.random() < 0.5,
            track_running_stats=r.random() < 0.5, bias=r.random() < 0.5,
        )  # fmt: skip
        given = image(r, rank, c if r.random() < 0.9 else c + 1, 1, 3)
        if batch and rank == 1 and r.random() < 0.3:
            given = Tensor((r.randint(0, 3), c))
        return Module(f"{'Batch' if batch else 'Instance'}Norm{rank}d", (c,), kwargs), [Input(given)]

    return draw


def layer_norm(r: Random) -> tuple[Module, list[Input]]:
    shape = tuple(r.randint(0, 4) for _ in range(r.randint(1, 4)))
    tail: Any = shape[-r.randint(1, len(shape)) :]
    tail = tail[0] if len(tail) == 1 and r.random() < 0.5 else tail
    if r.random() < 0.15:
        tail = r.choice(((), (7,), -1, 1.0, "x"))
    return Module("LayerNorm", (tail,), some(r, elementwise_affine=r.random() < 0.5, bias=False)), [
        Input(Tensor(shape))
    ]


def linear(r: Random) -> tuple[Module, list[Input]]:
    features = r.randint(0, 5)
    shape = (*(r.randint(0, 4) for _ in range(r.randint(0, 3))), features if r.random() < 0.9 else features + 1)
    given = Tensor(shape if r.random() < 0.97 else (), r.choice(("float32", "float32", "float32", "float64", "int64")))
    return Module("Linear", (features, r.choice((0, 1, 5, -1, 2, 3))), some(r, bias=r.random() < 0.5)), [Input(given)]


def flatten(r: Random) -> tuple[Module, list[Input]]:
    shape = tuple(r.randint(0, 4) for _ in range(r.randint(0, 5)))
    return Module("Flatten", (), some(r, start_dim=r.randint(-4, 4), end_dim=r.randint(-4, 4))), [Input(Tensor(shape))]


def activation(name: str) -> Draw:
    def draw(r: Random) -> tuple[Module, list[Input]]:
        dtypes = ("float32", "float64", "float16", "bfloat16", "int64", "uint8", "bool", "complex64")
        shape = tuple(r.randint(0, 4) for _ in range(r.randint(0, 5)))
        kwargs = {"inplace": True} if name == "ReLU" and r.random() < 0.3 else {}
        return Module(name, (), kwargs), [Input(Tensor(shape, r.choice(dtypes)))]

    return draw


def recurrent(name: str) -> Draw:
    def draw(r: Random) -> tuple[Module, list[Input]]:
        features, hidden, layers = r.randint(1, 4), r.randint(1, 5), r.randint(1, 3)
        kwargs = some(
            r, bias=r.random() < 0.5, batch_first=r.random() < 0.7, dropout=r.choice((0.0, 0.5, 1, 1.5)),
            bidirectional=r.random() < 0.7,
        )  # fmt: skip
        if name == "LSTM":
            kwargs.update(some(r, proj_size=r.randint(0, hidden)))
        if name == "RNN":
            kwargs.update(some(r, nonlinearity=r.choice(("tanh", "relu", "sin"))))
        steps, batch = r.randint(1, 4), r.randint(1, 3)
        first = kwargs.get("batch_first") is True
        batched = r.random() < 0.7
        shape = ((batch, steps) if first else (steps, batch)) if batched else (steps,)
        packing = Packing(tuple(sorted((r.randint(1, steps) for _ in range(batch)), reverse=True)), first)
        packed = batched and r.random() < 0.15
        wide = features if packed or r.random() < 0.95 else features + 1  # torch checks no width where it is packed
        given = Tensor((*shape, wide), packed=packing if packed else None)
        inputs = [Input(given)]
        if not packed and r.random() < 0.4:
            inputs.append(Input(_state(r, name, kwargs, layers, batch if batched else None, hidden)))
        dtype = {"dtype": DType("float64")} if r.random() < 0.05 else {}
        return Module(name, (features, hidden, layers), {**kwargs, **dtype}), inputs

    return draw


def _state(r: Random, name: str, kwargs: dict[str, Any], layers: int, batch: int | None, hidden: int) -> Feed:
    proj = kwargs.get("proj_size")
    rows = layers * (2 if kwargs.get("bidirectional") is True else 1) + (r.random() < 0.1)
    wide = proj if isinstance(proj, int) and proj > 0 else hidden
    lead = (rows,) if batch is None else (rows, batch)
    if name != "LSTM":
        return Tensor((*lead, hidden))
    return Tensor((*lead, wide)), Tensor((*lead, hidden + (r.random() < 0.1)))


def cell(name: str) -> Draw:
    def draw(r: Random) -> tuple[Module, list[Input]]:
        features, hidden, batch = r.randint(1, 4), r.randint(2, 5), r.randint(1, 3)
        lead = (batch,) if r.random() < 0.7 else ()
        inputs = [Input(Tensor((*lead, features if r.random() < 0.9 else features + 1)))]
        if r.random() < 0.5:
            state = Tensor((*lead, hidden if r.random() < 0.9 else hidden + 1))
            inputs.append(Input((state, state) if name == "LSTMCell" else state))
        return Module(name, (features, hidden), some(r, bias=r.random() < 0.5)), inputs

    return draw


DRAWS: dict[str, Draw] = {
    **{f"Conv{n}d": conv(n, False) for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": conv(n, True) for n in (1, 2, 3)},
    **{f"MaxPool{n}d": pool(n, True) for n in (1, 2, 3)},
    **{f"AvgPool{n}d": pool(n, False) for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": norm(n, True) for n in (1, 2, 3)},
    **{f"InstanceNorm{n}d": norm(n, False) for n in (1, 2, 3)},
    "LayerNorm": layer_norm,
    "Linear": linear,
    "Flatten": flatten,
    **{name: activation(name) for name in ("ReLU", "Sigmoid", "Tanh")},
    **{name: recurrent(name) for name in ("RNN", "LSTM", "GRU")},
    **{name: cell(name) for name in ("RNNCell", "LSTMCell", "GRUCell")},
}
"""By torch class."""
