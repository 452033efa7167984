"""Plans for the tests, in as few words as they allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.plan import Call, Feed, Input, Module, Plan, Ref, Tensor


def plan(module: Module, *feeds: Feed, named: Mapping[str, Feed] | None = None, **options: Any) -> Plan:
    """One module, called once on these."""
    named = named or {}
    inputs = (*map(Input, feeds), *(Input(feed, name) for name, feed in named.items()))
    kwargs = {name: Ref(None, (len(feeds) + index,)) for index, name in enumerate(named)}
    call = Call(0, tuple(Ref(None, (index,)) for index in range(len(feeds))), kwargs)
    return Plan((module,), inputs, (call,), **options)


def conv(**options: Any) -> Plan:
    """A small convolution."""
    return plan(Module("Conv2d", (3, 8, 5)), Tensor((1, 3, 16, 16)), **options)


def crash() -> Plan:
    """The recorded call that ends torch's process with a segmentation fault."""
    bag = Module("EmbeddingBag", (5, 3), {"mode": "max", "include_last_offset": True})
    return plan(bag, Tensor((3,), "int64", values=(0, 1, 2)), Tensor((1,), "int64", values=(0,)))


def shape(*sizes: int, dtype: str = "float32") -> dict[str, Any]:
    """One output, as a measurement says it."""
    return {"shape": list(sizes), "dtype": dtype}
