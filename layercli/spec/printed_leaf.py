"""One line of a printed model, ``Conv2d(3, 8, kernel_size=(5, 5))``: what torch's constructor would be given.

``extra_repr`` of torch's classes prints attributes, most of them under the constructor's names and in its order. Where
it does not, it is put right here.
"""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

from layercli.errors import LayerError, Span
from layercli.spec.python_text import read_syntax
from layercli.spec.python_values import Values

__all__ = ["Leaf", "leaf_of"]

_LAZY = ("LazyConv", "LazyBatchNorm", "LazyInstanceNorm")
"""They print the size that they do not know yet, as 0, and take no argument for it."""
_NOT_TAKEN = {
    "LazyLinear": ("in_features",),
    "UpsamplingNearest2d": ("mode",),
    "UpsamplingBilinear2d": ("mode",),
}
"""What is printed and is no argument of the constructor."""
_AFFINE = ("affine", "elementwise_affine")


class Leaf(NamedTuple):
    """Arguments, with their places counted from the beginning of the line."""

    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    spans: tuple[tuple[int | str, Span], ...]


def leaf_of(line: str, name_length: int) -> Leaf | None:
    """The arguments of a line, which begins with a name; None where they cannot be read, as those of a user's class."""
    name = line[:name_length]
    if line == f"{name}()":
        return Leaf((), (), ())
    try:
        return _put_right(name, _read("_" * name_length + line[name_length:]))
    except (LayerError, RecursionError):
        return None


def _read(line: str) -> Leaf:
    """The arguments as they are printed; a class may have a name that Python would not take."""
    body, places = read_syntax(line, 0, len(line))
    node = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if not isinstance(node, ast.Call):
        raise places.error(Span(0, len(line)), "no arguments", "")
    values = Values(places, None, words=True)
    args = tuple(values.read(item, 0) for item in node.args)
    spans: list[tuple[int | str, Span]] = [(index, places.span(item)) for index, item in enumerate(node.args)]
    kwargs = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in kwargs:
            raise values.error(keyword, "no argument", "")
        kwargs[keyword.arg] = values.read(keyword.value, 0)
        spans.append((keyword.arg, places.span(keyword)))
    return Leaf(args, tuple(kwargs.items()), tuple(spans))


def _put_right(name: str, leaf: Leaf) -> Leaf:
    """What the constructor takes of what is printed."""
    dropped: tuple[int | str, ...] = _NOT_TAKEN.get(name, ())
    if name.startswith(_LAZY):
        dropped = (0,)
    if any(key in _AFFINE and value is False for key, value in leaf.kwargs):
        dropped += ("bias",)  # printed as False then, whatever was given
    if not dropped:
        return leaf
    first = 0 in dropped
    return Leaf(
        leaf.args[1:] if first else leaf.args,
        tuple((key, value) for key, value in leaf.kwargs if key not in dropped),
        tuple(
            (key - 1 if first and isinstance(key, int) else key, span) for key, span in leaf.spans if key not in dropped
        ),
    )
