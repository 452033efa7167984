"""The bytes that torch keeps from forward until backward, in a run of their own: a plain run records no gradients.

What counts is what autograd holds when forward has ended: every storage once and whole, however many views of it are
saved, without the parameters and buffers, which are there anyway. The net's inputs ask for no gradient; they count
where a layer keeps them. oneDNN is off and attention runs as plain matrix products, as where multiply-adds are
counted: what a kernel keeps beyond what its gradient needs is the kernel's affair.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Recorder:
    """What autograd holds of the runs under :func:`recording`."""

    def __init__(self, excluded: Iterable[Any]) -> None:
        self._held: list[weakref.ref[_Saved]] = []
        self._seen: set[int] = {_storage(tensor)[0] for tensor in excluded}
        self._before = frozenset(self._seen)

    def pack(self, tensor: Any) -> Any:
        """Takes note of a tensor for as long as autograd holds it."""
        saved = _Saved(tensor.detach())  # an output would hold on to the node that holds it, for ever
        self._held.append(weakref.ref(saved))
        return saved

    @property
    def total(self) -> int:
        """Bytes held by now."""
        return sum(size for place, size in self._storages().items() if place not in self._before)

    def newly(self) -> int:
        """Bytes held by now of storages that were not when this was last asked: what the last call has kept."""
        found = self._storages()
        new = sum(size for place, size in found.items() if place not in self._seen)
        self._seen.update(found)
        return new

    def _storages(self) -> dict[int, int]:
        held = (reference() for reference in self._held)
        return dict(_storage(saved.tensor) for saved in held if saved is not None)


class _Saved:
    """What autograd gets in place of a tensor; it goes when its node of the graph goes."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor


@contextlib.contextmanager
def recording(torch: Any, excluded: Iterable[Any]) -> Iterator[Recorder]:
    """Records what runs in here keep; hold on to their results until it has been asked for."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    recorder = Recorder(excluded)
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # torch warns of its own switches
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autograd.graph.saved_tensors_hooks(recorder.pack, _unpack))
        yield recorder


def saved_bytes(torch: Any, run: Callable[[], Any], excluded: Iterable[Any]) -> int:
    """The bytes kept for backward by one run; ``excluded`` are the parameters and buffers.

    ``run`` gives back what it made: autograd lets go of what leads to no result.
    """
    with recording(torch, excluded) as recorder:
        result = run()
        total = recorder.total
        del result
    return total


def _unpack(saved: _Saved) -> Any:
    return saved.tensor


def _storage(tensor: Any) -> tuple[int, int]:
    """Where the memory behind a tensor is, and its bytes."""
    storage = tensor.untyped_storage()
    return storage.data_ptr(), storage.nbytes()
