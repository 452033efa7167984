"""What definitions say of the tensors kept for backward: the flags of the net around a layer, and common answers.

Whether something is kept hangs on more than the layer: on whether its input asks for a gradient, and on how it lies in
memory. :mod:`layercli.analysis.memory` works these flags out from the net and decides ``Kept.where`` by them.
"""

from __future__ import annotations

from layercli.formula import Expr, Sym, num, product, sym
from layercli.layers.definition import Kept
from layercli.layers.vocabulary import X


def grad(name: str) -> Sym:
    """Whether this input asks for a gradient."""
    return sym(f"{name}_grad", f"whether {name} asks for a gradient")


def in_rows(name: str, exchange: bool = False) -> Sym:
    """Whether this input can be read as a matrix of rows without a copy; ``exchange``: its first two axes exchanged."""
    how = "turned_in_rows" if exchange else "in_rows"
    return sym(f"{name}_{how}", f"whether {name} can be read as a matrix of rows")


def in_batches(name: str) -> Sym:
    """Whether this input can be read as a batch of matrices without a copy."""
    return sym(f"{name}_in_batches", f"whether {name} can be read as a batch of matrices")


def read(name: str) -> Sym:
    """Whether the net's result comes from this output: autograd lets go of what leads to another one alone."""
    return sym(f"{name}_read", f"whether {name} is read")


def same(name: str, other: str) -> Sym:
    """Whether one tensor is passed as both of these inputs."""
    return sym(f"{name}_is_{other}", f"whether {name} and {other} are one tensor")


def dtype_of(name: str) -> Sym:
    """The dtype of this input."""
    return sym(f"{name}_dtype", f"dtype of {name}")


GRAD = grad("input")
ALWAYS = num(True)
NOTHING: tuple[Kept, ...] = ()
INPUT, OUTPUT = (Kept("input"),), (Kept("output"),)


def alike(what: str, where: Expr | None = None) -> Kept:
    """A tensor of its own with the size of an input of any shape."""
    return Kept(what, product(X), where=where)
