"""What autograd really keeps of a plan, call by call: what the formulas of memory are held against."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from layercli.measure import tensors
from layercli.measure.build import _Net
from layercli.measure.saved import recording
from layercli.plan import Plan


class Call(NamedTuple):
    """The bytes that a call is the first to keep, and how its first output lies in memory."""

    size: int
    strides: tuple[int, ...]
    storage: int
    """The address of its memory."""


def kept_by_torch(plan: Plan, asking: Collection[int] = ()) -> list[Call]:
    """What each call does; ``asking``: the inputs that ask for a gradient."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        torch.manual_seed(0)
        net = _Net(torch, plan, "cpu")
        net.modules = [net._module(index, spec) for index, spec in enumerate(plan.modules)]
        net.feeds = [tensors.feed(torch, item.feed, "cpu", net._nested) for item in plan.inputs]
        with torch.no_grad():
            _called(net, lambda index, result: None)  # what is lazy settles
        net.feeds = [_asking(torch, feed) if index in asking else feed for index, feed in enumerate(net.feeds)]
        own = [tensor for module in net.modules for tensor in (*module.parameters(), *module.buffers())]
        calls: list[Call] = []
        with recording(torch, own) as recorder:

            def note(index: int, result: Any) -> None:
                first = next(_tensors(torch, result))
                calls.append(Call(recorder.newly(), first.stride(), first.untyped_storage().data_ptr()))

            results = _called(net, note)
        assert sum(call.size for call in calls) == recorder.total, "all results are held"
        del results
        return calls


def _called(net: _Net, note: Callable[[int, Any], None]) -> dict[int, Any]:
    """The results of all calls."""
    results: dict[int, Any] = {}
    for index, call in enumerate(net.plan.calls):
        args = [net._wire(wire, results) for wire in call.args]
        kwargs = {name: net._wire(wire, results) for name, wire in call.kwargs.items()}
        results[index] = net.modules[call.module](*args, **kwargs)
        note(index, results[index])
    return results


def _asking(torch: Any, feed: Any) -> Any:
    """The tensors made again from ones that ask for a gradient, so that a layer may write over them."""
    if isinstance(feed, tuple) and not isinstance(feed, torch.nn.utils.rnn.PackedSequence):
        return tuple(_asking(torch, item) for item in feed)
    if isinstance(feed, torch.Tensor) and (feed.is_floating_point() or feed.is_complex()):
        return feed.clone().requires_grad_(True).clone()
    return feed


def _tensors(torch: Any, value: Any) -> Iterator[Any]:
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        value = value.data
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(torch, item)
