"""The receptive field as torch has it: which cells of the input a gradient from one output cell reaches.

The net that is run is the real one made linear and positive, so that nothing that is read cancels or vanishes by
chance: weights are equal and positive, biases zero, activations, norms and dropout hand on what they get, a largest
value is replaced by a sum over the same window, a softmax by a mean. Between layers a gradient only says which cells
are read: whatever is there is set to a random number between 1 and 2, so that the depth of a net costs no precision
and two paths do not cancel. Interpolation and padding are torch's own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

FAINTEST = 1e-9
"""What is smaller than this beside the largest is rounding: the weight of a neighbour that an interpolation skips."""
MOST_PLACES = 64
"""Output cells that are asked, at most; each costs a backward pass."""


class Axis(NamedTuple):
    """An axis to measure: which of the input's it is, which of the output's says where, and how many cells to ask."""

    source: int
    dim: int | None
    phases: int = 1
    inside: tuple[int, int] | None = None
    """The first and the last output cell worth asking; None for all."""


class Unmeasurable(Exception):
    """The net cannot be made linear; the message is the reason."""


Run = Callable[[Sequence[Any], Any], Any]
"""Runs the net with these modules in place of its own, on this tensor as its first input: its first output.

Modules and tensor are float64, and whatever else the net is fed has to be too, where it is no integer.
"""


def receptive_field(
    torch: Any,
    modules: Sequence[Any],
    run: Run,
    shape: Sequence[int],
    axes: Sequence[Axis],
    stand_ins: Mapping[str, Callable[[Any, Any], Any]] | None = None,
) -> dict[str, Any]:
    """Per axis the most cells that an output cell near the middle reads: ``{"size", "clipped", "fields", "why"}``.

    ``clipped``: whether the cells reach an end of the input, so that there may be more of them than could be found.
    ``fields``: for each output cell that was asked its place and the first and the last cell that it reads, where it
    reads any. All are None where nothing was measured, and ``why`` says the reason. ``stand_ins`` are further
    replacements by the name of a class, as those of :data:`STAND_INS`.
    """
    replaced = {**STAND_INS, **(stand_ins or {})}
    nothing: dict[str, Any] = {"size": None, "clipped": None, "fields": None}
    try:
        linear = [_linear(torch, copy.deepcopy(module), replaced) for module in modules]
    except Unmeasurable as reason:
        return {**nothing, "why": str(reason)}
    binary = _Binary(torch)
    with torch.enable_grad():
        for module in linear:
            module.register_forward_hook(binary.watch)
        source = (torch.rand(*shape, dtype=torch.float64, generator=binary.generator) + 1).requires_grad_()
        output = run(linear, source * 1)
        if not output.requires_grad:
            return {**nothing, "why": "no gradient reaches the input"}
        fields: list[list[tuple[int | None, int, int]]] = [[] for _ in axes]
        for place in _places(output.shape, axes):
            mask = torch.zeros_like(output)
            mask[place] = 1
            (found,) = torch.autograd.grad(output, source, mask, retain_graph=True)
            for index, axis in enumerate(axes):
                cells = _reached(found, axis.source)
                if cells:
                    fields[index].append((None if axis.dim is None else place[axis.dim], cells[0], cells[-1]))
    ends = [(0, shape[axis.source] - 1) for axis in axes]
    return {
        "size": [max((last - first + 1 for _, first, last in found), default=0) for found in fields],
        "clipped": [
            any(first == low or last == high for _, first, last in found) for found, (low, high) in zip(fields, ends)
        ],
        "fields": fields,
        "why": "",
    }


def _places(shape: Sequence[int], axes: Sequence[Axis]) -> Iterator[tuple[Any, ...]]:
    """Output cells around the middle, as many as the phases of any axis, all axes moving on together."""
    count = min(MOST_PLACES, max((axis.phases for axis in axes), default=1))
    for number in range(count):
        place: list[Any] = [slice(None)] * len(shape)
        for axis in axes:
            if axis.dim is not None:
                first, last = _asked(axis, shape[axis.dim], count)
                place[axis.dim] = first + number % (last - first + 1)
        yield tuple(place)


def _asked(axis: Axis, length: int, count: int) -> tuple[int, int]:
    """So many cells in the middle of those worth asking, or of all where none is."""
    first, last = axis.inside or (0, length - 1)
    first, last = max(first, 0), min(last, length - 1)
    if last < first:
        first, last = 0, length - 1
    start = max(first, (first + last + 1 - count) // 2)
    return start, min(last, start + count - 1)


def _reached(gradient: Any, dim: int) -> list[int]:
    """The positions along an axis of the input that anything was read at."""
    others = [other for other in range(gradient.ndim) if other != dim]
    along = gradient.abs().sum(others) if others else gradient.abs()
    return [int(place) for place in along.gt(FAINTEST * along.max()).nonzero().flatten()]


class _Binary:
    """Turns gradients into what they say of reading, wherever a layer hands on."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.generator = torch.Generator().manual_seed(0)

    def watch(self, module: Any, args: Any, output: Any) -> None:
        for tensor in output if isinstance(output, (tuple, list)) else (output,):
            if isinstance(tensor, self.torch.Tensor) and tensor.requires_grad:
                tensor.register_hook(self.said)

    def said(self, gradient: Any) -> Any:
        if gradient is None:  # an output that nobody reads
            return None
        strength = gradient.abs()
        some = self.torch.rand(gradient.shape, dtype=gradient.dtype, generator=self.generator) + 1
        return self.torch.where(strength > FAINTEST * strength.max(), some, 0)


# --- modules made linear ---------------------------------------------------------------------------------------------


def _linear(torch: Any, module: Any, stand_ins: Mapping[str, Callable[[Any, Any], Any]]) -> Any:
    """What stands in the module's place; Unmeasurable where nothing does."""
    name = type(module).__name__
    if name in stand_ins:
        return stand_ins[name](torch, module)
    if type(module).__module__.startswith("torch.nn.") and name not in _AS_THEY_ARE:
        raise Unmeasurable(f"{name} is not made linear")
    module = module.eval().to(torch.float64)
    with torch.no_grad():
        for key, weight in module.named_parameters():
            weight.copy_(torch.zeros_like(weight) if "bias" in key else torch.full_like(weight, _even(weight)))
    return module.requires_grad_(False)


def _even(weight: Any) -> float:
    """A weight that makes an output about as large as the inputs are."""
    return len(weight) / max(1, weight.numel()) if weight.ndim > 1 else 1.0


def _ranked(*kinds: str) -> tuple[str, ...]:
    """The classes of these kinds over one, two and three axes."""
    return tuple(f"{kind}{rank}d" for kind in kinds for rank in (1, 2, 3))


_AS_THEY_ARE = {
    *_ranked("Conv", "ConvTranspose", "LazyConv", "LazyConvTranspose", "AvgPool", "AdaptiveAvgPool"),
    *_ranked("ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"),
    "Linear", "LazyLinear", "Bilinear", "Identity", "Flatten", "Unflatten", "ChannelShuffle", "PixelShuffle",
    "PixelUnshuffle", "Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d", "Unfold", "Fold",
}  # fmt: skip
"""Layers that are linear as torch has them."""
_SKIPPED = (
    "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish",
    "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh",
    "Tanhshrink", "Threshold", "AlphaDropout", "FeatureAlphaDropout", "Dropout", *_ranked("Dropout"),
    *_ranked("BatchNorm", "InstanceNorm", "LazyBatchNorm", "LazyInstanceNorm"), "SyncBatchNorm", "GroupNorm",
    "LayerNorm", "RMSNorm", "LocalResponseNorm", "CrossMapLRN2d",
)  # fmt: skip


def _handed_on(torch: Any, module: Any) -> Any:
    return torch.nn.Identity()


def _called(torch: Any, call: Callable[..., Any]) -> Any:
    """A module that does this."""
    module = torch.nn.Module()
    module.forward = call
    return module


def _mixed(torch: Any, module: Any) -> Any:
    """A softmax: every number along the axis hangs on all of them."""

    def call(tensor: Any) -> Any:
        dim = getattr(module, "dim", -3)
        if dim is None:
            dim = 0 if tensor.ndim in (0, 1, 3) else 1
        return tensor.mean(dim, keepdim=True).expand_as(tensor) * 1

    return _called(torch, call)


def _gated(torch: Any, module: Any) -> Any:
    return _called(torch, lambda tensor: sum(tensor.chunk(2, module.dim)))


def _added(torch: Any, module: Any) -> Any:
    return _called(torch, lambda *tensors: sum(tensors))


def _averaged(torch: Any, module: Any) -> Any:
    """The largest along axes: a mean over them."""
    if not hasattr(module, "arguments"):
        raise Unmeasurable(f"{type(module).__name__} is not made linear")
    dims, keep = module.arguments.get("dim", ()), module.arguments.get("keepdim", False)

    def call(tensor: Any) -> Any:
        return tensor.mean(dims if dims != () else tuple(range(tensor.ndim)), keepdim=keep)

    return _called(torch, call)


def _rank(module: Any) -> int:
    return int(type(module).__name__[-2])


def _per_axis(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank


def _summed(torch: Any, module: Any) -> Any:
    """A largest value or a norm: a sum under the same windows, where torch has them."""
    rank = _rank(module)
    kernel = _per_axis(module.kernel_size, rank)
    stride = _per_axis(module.stride if module.stride is not None else kernel, rank) or kernel
    padding = _per_axis(getattr(module, "padding", 0), rank)
    dilation = _per_axis(getattr(module, "dilation", 1), rank)
    convolve = getattr(torch.nn.functional, f"conv{rank}d")

    def call(tensor: Any) -> Any:
        with torch.no_grad():
            real = module(tensor)
        shape = (real[0] if isinstance(real, tuple) else real).shape[-rank:]
        around: list[int] = []  # a last window may hang over the end, by less than a stride
        for pad, step in zip(reversed(padding), reversed(stride)):
            around += (pad, pad + step)
        cells = torch.nn.functional.pad(tensor, around).flatten(0, -rank - 1).unsqueeze(1)
        summed = convolve(cells, torch.ones(1, 1, *kernel, dtype=tensor.dtype), stride=stride, dilation=dilation)
        within = (..., *(slice(size) for size in shape))
        summed = summed[within].reshape(*tensor.shape[:-rank], *shape)
        return (summed, real[1]) if isinstance(real, tuple) else summed

    return _called(torch, call)


def _shared(torch: Any, module: Any) -> Any:
    """The mean in place of the largest value under the same adaptive windows."""
    mean = getattr(torch.nn, f"AdaptiveAvgPool{_rank(module)}d")(module.output_size)
    if not module.return_indices:
        return mean

    def call(tensor: Any) -> Any:
        with torch.no_grad():
            indices = module(tensor)[1]
        return mean(tensor), indices

    return _called(torch, call)


def _unpooled(torch: Any, module: Any) -> Any:
    """A value goes to every cell that its index may name: a transposed convolution with the pool's windows."""
    rank = _rank(module)
    kernel, stride, padding = (_per_axis(getattr(module, key), rank) for key in ("kernel_size", "stride", "padding"))
    spread = getattr(torch.nn.functional, f"conv_transpose{rank}d")

    def call(tensor: Any, indices: Any, output_size: Any = None) -> Any:
        with torch.no_grad():
            shape = module(tensor, indices, output_size).shape[-rank:]
        cells = tensor.flatten(0, -rank - 1).unsqueeze(1)
        made = spread(cells, torch.ones(1, 1, *kernel, dtype=tensor.dtype), stride=stride)
        around: list[int] = []
        for size, pad, have in zip(reversed(shape), reversed(padding), reversed(made.shape[-rank:])):
            around += (-pad, size + pad - have)
        return torch.nn.functional.pad(made, around).reshape(*tensor.shape[:-rank], *shape)

    return _called(torch, call)


STAND_INS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(_SKIPPED, _handed_on),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin", "Softmax2d"), _mixed),
    **dict.fromkeys(_ranked("MaxPool", "LPPool"), _summed),
    **dict.fromkeys(_ranked("AdaptiveMaxPool"), _shared),
    **dict.fromkeys(_ranked("MaxUnpool"), _unpooled),
    "GLU": _gated,
    **dict.fromkeys(("sub", "maximum", "minimum"), _added),
    "amax": _averaged,
}
"""What stands in a class's place: functions of torch and the module."""
