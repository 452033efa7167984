"""Layers that write over their input, and where torch does not let them.

What is written over is the memory, so every tensor that lies in it has other numbers from then on, and autograd comes
by the writing from whichever of them is read. Source: NOTE [ View + Inplace detection ] in torch's
``csrc/autograd/variable.h``, and ``assert_no_internal_overlap`` in ``ATen/MemoryOverlap.h``.
"""

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Bound
from layercli.formula import evaluate, symbols

IN_PLACE = "inplace"
"""The key by which torch's modules are told to write over their input."""
_UNCHECKED = frozenset({"threshold"})
"""What torch lets write through an expanded tensor, whose places it then writes several times."""
_AS_IT_IS = {"dropout1d": 3, "dropout3d": 5}
"""How many axes make these leave the input's shape alone: else they give it an axis in place, and take it away again,
be there anything to drop or not."""


def writes(bound: Bound) -> bool:
    """Whether it writes over its input: what it gives is a view of it, and without the key were not.

    Alpha dropout has the key and does not hand it on; a dropout in eval mode, or of nothing, writes nothing.
    """
    view = bound.layer.view
    if view is None or not bound.variant.known.get(IN_PLACE):
        return False
    with_it, without = bound.variant.resolved(view), bound.variant.under(view, {IN_PLACE: False})
    return bool(evaluate(with_it, bound.sizes)) and not evaluate(without, bound.sizes)


def may_write(bound: Bound) -> bool:
    """Whether it writes over its input in training or in evaluation."""
    view = bound.layer.view
    return bound.args.get(IN_PLACE) is True and view is not None and IN_PLACE in symbols([view])


def touches(bound: Bound) -> bool:
    """Whether autograd counts it as a writing over its input, be it of the shape alone."""
    usual = _AS_IT_IS.get(bound.layer.name)
    if usual is None or not bound.args[IN_PLACE]:
        return writes(bound)
    source = next(tensors(tuple(bound.inputs.values())))
    return writes(bound) or len(source.shape) != usual


def writes_once(bound: Bound) -> bool:
    """Whether it writes over its input, and torch refuses an input of which several numbers lie in one place."""
    return writes(bound) and bound.layer.name not in _UNCHECKED
