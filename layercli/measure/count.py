"""The multiply-adds that torch itself counts, in a run of their own: a plain run shows it no attention and no LSTM."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

UNCOUNTED = ("Bilinear", "AdaptiveLogSoftmaxWithLoss", "EmbeddingBag")
"""Classes for which the counter's figure means nothing: missed, or dependent on the values."""


def missed(torch: Any, modules: list[Any]) -> list[str]:
    """The classes among these modules and their parts that the counter does not know."""
    parts = [part for module in modules if isinstance(module, torch.nn.Module) for part in module.modules()]
    return sorted({type(part).__name__ for part in parts} & set(UNCOUNTED))


def counted(torch: Any, run: Callable[[], Any]) -> int:
    """The multiply-adds of one run, with attention as plain matrix products and oneDNN off."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(counter)
        run()
    return int(counter.get_total_flops()) // 2
