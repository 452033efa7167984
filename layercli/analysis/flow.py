"""What runs through a net, as far as shapes go: tensors with named axes, nested as torch nests them."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias, cast

from layercli.plan import Feed, Literal, Packing, Tensor


class Flow(NamedTuple):
    """A tensor on its way: its shape, what its axes are called (empty where that is not known), its dtype."""

    shape: tuple[int, ...]
    dtype: str
    labels: tuple[str, ...] = ()
    batch_sizes: tuple[int, ...] | None = None
    """For a packed sequence, how many sequences reach each step; ``shape`` is then that of the data."""


Tree: TypeAlias = Flow | Literal | tuple["Tree", ...] | None


def from_feed(feed: Feed) -> Tree:
    """What a fed value is on its way."""
    if isinstance(feed, Tensor):
        return _packed(feed, feed.packed) if feed.packed else Flow(feed.shape, feed.dtype)
    if feed is None or isinstance(feed, Literal):
        return feed
    return tuple(from_feed(item) for item in feed)


def _packed(tensor: Tensor, packing: Packing) -> Flow:
    """A padded tensor packed: one row per step that is really there (``pack_padded_sequence``)."""
    lengths = packing.lengths
    sizes = tuple(sum(length > step for length in lengths) for step in range(max(lengths, default=0)))
    return Flow((sum(lengths), *tensor.shape[2:]), tensor.dtype, batch_sizes=sizes)


def tensors(tree: Tree) -> Iterator[Flow]:
    """Every tensor in it, in order."""
    if isinstance(tree, Flow):
        yield tree
    elif isinstance(tree, tuple) and not isinstance(tree, Literal):
        for item in cast("tuple[Tree, ...]", tree):
            yield from tensors(item)


def as_json(tree: Tree) -> Any:
    """``{"shape", "dtype"}``, nested in lists; None stays None."""
    if isinstance(tree, Flow):
        data: dict[str, Any] = {"shape": list(tree.shape), "dtype": tree.dtype}
        if tree.batch_sizes is not None:
            data["packed"] = {"batch_sizes": list(tree.batch_sizes)}
        return data
    if isinstance(tree, Literal):
        return {"value": tree.value}
    return None if tree is None else [as_json(item) for item in tree]
