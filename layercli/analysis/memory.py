"""The memory of a net, itemised: parameters, gradients, the optimizer's state, and what is kept for backward.

What is counted, and how:

- *Kept for backward* is what autograd holds when forward has ended, as plain PyTorch does it on the CPU: every storage
  once and whole, at the first layer that keeps it. Parameters ask for gradients, the net's inputs do not; a layer
  keeps only what the gradients that are asked for need. So a ReLU directly on the data keeps nothing, and a first
  convolution keeps the data for its weights' gradient. Parameters and buffers are not counted again.
- A layer's formulas follow torch's own kernels with oneDNN off and attention as plain matrix products. Fused kernels
  (flash attention, cuDNN) keep less or other things.
- In train mode the masks of dropout are counted, in eval mode there are none; gradients are recorded in both.
- A gradient and each state of an optimizer are as large as the parameter. Optimizers that count steps keep a number of
  4 bytes per parameter tensor, which is counted. A sparse gradient is counted as if it were dense.
- The *inference peak* is the most that is alive at any call where nothing is kept for backward: the net's inputs,
  results that later calls still read, and the call's own outputs. A result goes after its last use.
- Not counted: what a kernel uses while it runs (such as unfolded columns of a convolution, or scores of attention in
  inference), the gradients of activations during backward, the allocator's rounding, torch itself.

A layer whose account is not worked out makes the sums unknown; what is known of the others is still said. So does a
layer that torch does not train where it stands, since it writes over a learned tensor or over what is kept.
"""

import operator
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple, TypeAlias

from layercli.analysis.kept import KeptRow, Trace, trace
from layercli.analysis.laid import refs
from layercli.analysis.layer import param_bytes
from layercli.analysis.storages import Storage
from layercli.analysis.walk import Analysis, Row
from layercli.plan import ITEM_SIZE

Larger: TypeAlias = Callable[[int, int], bool]

STEP_BYTES = 4
"""A count of steps: torch keeps it as a float32 tensor for every parameter tensor."""


class Optimizer(NamedTuple):
    """What an optimizer keeps from step to step: so many numbers per parameter, and whether it counts steps."""

    states: int
    counts: bool
    means: str


OPTIMIZERS = {
    "sgd": Optimizer(0, False, "nothing"),
    "momentum": Optimizer(1, False, "the momentum (torch.optim.SGD with momentum)"),
    "adam": Optimizer(2, True, "the means of gradients and of their squares"),
    "adamw": Optimizer(2, True, "the means of gradients and of their squares"),
    "adagrad": Optimizer(1, True, "the sum of squared gradients"),
    "rmsprop": Optimizer(1, True, "the mean of squared gradients"),
}


class Peak(NamedTuple):
    """A largest amount, in bytes, and the row where it is met; None where that hangs on sizes that are left open."""

    size: int | None
    row: int | None


class Figure(NamedTuple):
    """One line of the account: its name, its bytes (None where not known), and the formula in a sentence."""

    name: str
    size: int | None
    formula: str


class Memory(NamedTuple):
    """The account of a whole net, in bytes."""

    rows: tuple[KeptRow, ...]
    """What each row keeps that none before it does."""
    optimizer: str
    parameters: int
    buffers: int
    gradients: int
    optimizer_state: int
    kept: int | None
    """What is kept for backward; None where a layer's part is not known."""
    kept_known: int
    """The part of it that is known."""
    largest: Peak
    """The largest output."""
    inference_peak: Peak
    """The most that is alive at a call in inference, without the parameters."""

    @property
    def unknown(self) -> tuple[KeptRow, ...]:
        """The rows whose part is not known."""
        return tuple(row for row in self.rows if row.unknown)

    @property
    def training(self) -> int | None:
        """What one training step holds when forward has ended; None where that is not known."""
        if self.kept is None:
            return None
        return self.parameters + self.buffers + self.gradients + self.optimizer_state + self.kept

    @property
    def inference(self) -> int | None:
        """What inference holds at its peak; None where that is not known."""
        peak = self.inference_peak.size
        return None if peak is None else self.parameters + self.buffers + peak

    def figures(self) -> Iterator[Figure]:
        """The account, line by line."""
        keeps = OPTIMIZERS[self.optimizer]
        yield Figure("parameters", self.parameters, "numbers in the parameters times the bytes of their dtype")
        yield Figure("buffers", self.buffers, "numbers in the buffers times the bytes of their dtype")
        yield Figure("gradients", self.gradients, "as many bytes as the parameters that are trained")
        yield Figure("optimizer_state", self.optimizer_state, _state_words(self.optimizer, keeps))
        yield Figure("kept", self.kept, "every storage that autograd holds when forward has ended, once")
        yield Figure("largest", self.largest.size, "numbers in the largest output times the bytes of its dtype")
        yield Figure(
            "inference_peak", self.inference_peak.size,
            "at the fullest call: inputs of the net + results still to be read + the call's own outputs",
        )  # fmt: skip
        yield Figure("inference", self.inference, "parameters + buffers + inference_peak")
        yield Figure(
            "training", self.training,
            "parameters + buffers + gradients + optimizer_state + kept; without what kernels use while they run",
        )  # fmt: skip


def _state_words(name: str, keeps: Optimizer) -> str:
    steps = f" + {STEP_BYTES} for each trained tensor's count of steps" if keeps.counts else ""
    return f"{name}: {keeps.states} x the bytes of the trained parameters ({keeps.means}){steps}"


def memory(
    analysis: Analysis, optimizer: str = "sgd", asking: Collection[int] = (), larger: Larger = operator.gt
) -> Memory:
    """The account of these rows; ``optimizer`` is a name of :data:`OPTIMIZERS`.

    ``larger``: whether an amount is larger than another; of open sizes that is not a matter of numbers.

    ``asking``: the numbers of the net's inputs that ask for a gradient; none does in ordinary training.
    """
    found = trace(analysis.rows, asking)
    owners = [row for row in analysis.rows if row.shares is None]
    parameters = sum(row.bound.params * ITEM_SIZE[row.bound.dtype] for row in owners)
    gradients = sum(row.bound.trainable * ITEM_SIZE[row.bound.dtype] for row in owners)
    known = sum(tensor.size for row in found.kept for tensor in row.tensors)
    return Memory(
        rows=found.kept,
        optimizer=optimizer,
        parameters=parameters,
        buffers=sum(param_bytes(row.bound) for row in owners) - parameters,
        gradients=gradients,
        optimizer_state=_state(owners, gradients, OPTIMIZERS[optimizer]),
        kept=None if any(row.unknown for row in found.kept) else known,
        kept_known=known,
        largest=_largest(analysis.rows, found, larger),
        inference_peak=_peak(analysis.rows, found, larger),
    )


def _state(owners: list[Row], trained: int, keeps: Optimizer) -> int:
    steps = sum(row.bound.tensor_count() for row in owners if row.bound.trainable) if keeps.counts else 0
    return keeps.states * trained + STEP_BYTES * steps


def _largest(rows: tuple[Row, ...], found: Trace, larger: Larger) -> Peak:
    largest, where = 0, None
    for row, made in zip(rows, found.made):
        for storage in made:
            if larger(storage.tensor, largest):
                largest, where = storage.tensor, row.number
    return Peak(largest, where)


def _peak(rows: tuple[Row, ...], found: Trace, larger: Larger) -> Peak:
    """Walks the calls once: a storage is alive as long as a result that lies in it."""
    last = {row.number: row.number for row in rows}
    for row in rows:
        last.update({ref.call: row.number for ref in refs(row.call) if ref.call is not None})
    ends: dict[int, list[int]] = {}
    for made, end in last.items():
        ends.setdefault(end, []).append(made)
    # the net's inputs belong to the caller, who keeps them
    held: dict[Storage, int] = dict.fromkeys(found.inputs, 1)
    alive = sum(storage.size for storage in held)
    peak, where = alive, None
    for row in rows:
        for storage in found.results[row.number]:
            held[storage] = held.get(storage, 0) + 1
            alive += storage.size if held[storage] == 1 else 0
        if larger(alive, peak):
            peak, where = alive, row.number
        for made in ends.get(row.number, ()):
            for storage in found.results[made]:
                held[storage] -= 1
                alive -= 0 if held[storage] else storage.size
    return Peak(peak, where)
