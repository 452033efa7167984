"""Pieces of a report in words: a shape, a size, a layer as it is typed, whether torch agrees with a row."""

from collections.abc import Iterator, Sequence
from typing import Any

from layercli.analysis import receptive
from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.layer import Bound
from layercli.analysis.rows import Row
from layercli.checks import AGREES
from layercli.layers.definition import Key, TupleIn
from layercli.plan import Literal, Module, Tensor
from layercli.render.blocks import Cell
from layercli.report import Report


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it is typed: ``1,3,16,16``."""
    return ",".join(map(str, shape)) or "scalar"


def size_text(count: int | None) -> str:
    """Bytes in the largest unit that leaves a whole number in front."""
    if count is not None and type(count) is not int:  # a closed form
        return f"{count} B"
    size = float(count or 0)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    raise AssertionError


def described(name: str, tree: Tree, bound: Bound | None) -> Iterator[tuple[str, str]]:
    """An input or output in words, each tensor of a tuple by itself."""
    if isinstance(tree, Flow):
        labels = tree.labels or (bound.labels.get(name, ()) if bound else ())
        axes = f"  ({', '.join(labels)})" if labels else ""
        packed = f"  packed, {len(tree.batch_sizes)} steps" if tree.batch_sizes is not None else ""
        yield name, f"{shape_text(tree.shape)}{axes}  {tree.dtype}{packed}"
    elif isinstance(tree, Literal):
        yield name, str(tree.value)
    elif isinstance(tree, tuple):
        definition = next((item for item in bound.layer.inputs if item.name == name), None) if bound else None
        names = [part.name for part in definition.items] if isinstance(definition, TupleIn) else []
        for index, item in enumerate(tree):
            yield from described(names[index] if names else f"{name}.{index}", item, bound)


def argument(value: Any) -> str:
    """An argument of a constructor, as Python would have it."""
    if isinstance(value, Module):
        written = [*map(argument, value.args), *(f"{key}={argument(item)}" for key, item in value.kwargs.items())]
        return f"{value.torch}({', '.join(written)})"
    if isinstance(value, Tensor):
        return f"a tensor of {shape_text(value.shape)}"
    if isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    return str(value)


def short_layer(row: Row) -> str:
    """A layer as it is typed, with what was given, what was inferred of its channels, and what it refers to."""
    bound = row.bound
    words: dict[str, str] = {}
    for key in bound.layer.keys:
        value = bound.args[key.name]
        if isinstance(value, Module):
            words.update({name: f"{name}={_word(item)}" for name, item in value.kwargs.items()})
        elif _is_told(bound, key):
            given = bound.given.values.get(key.name)
            same = isinstance(value, tuple) and len(set(map(str, value))) == 1 and not key.kind.listed
            plain = given if isinstance(given, (int, float)) else value[0] if same else value
            words[key.name] = f"{key.names[-1]}={_word(plain)}"
    bare = []
    for name in bound.layer.positional[:2]:  # as people write it: conv2d 64 3 s=2, but cat dim=1
        first = bound.layer.key(name)
        if name not in words or (bound.layer.operation and first is not None and not first.kind.listed):
            break
        bare.append(words.pop(name).partition("=")[2])
    return " ".join([bound.layer.name, *bare, *words.values(), *row.refers])


def _is_told(bound: Bound, key: Key) -> bool:
    """Whether a key was written, or was inferred in the place of a value without a name."""
    given = bound.given
    inferred = key.infer is not None and key.name in bound.layer.positional
    return key.name in given.values or key.name in given.taken or inferred


def _word(value: Any) -> str:
    if isinstance(value, (Module, Tensor)):
        return argument(value)
    if isinstance(value, tuple):
        return shape_text(value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def outputs(bound: Bound) -> str:
    """The shapes of all outputs of a row."""
    return " ".join(shape_text(flow.shape) for flow in tensors(bound.outputs))


def reach_text(row: Row) -> str:
    """The receptive field; empty where the notion does not apply."""
    return receptive.describe(row.reach)


def open_sizes(report: Report) -> Iterator[tuple[str, Cell]]:
    """What sizes that are left open have to meet; nothing where none are."""
    symbolic = report.analysis.symbolic
    if symbolic is None:
        return
    needs = [demand.text for demand in symbolic.demands if demand.category == "need"]
    ways = [demand.text for demand in symbolic.demands if demand.category != "need"]
    yield "demands", Cell(", ".join(needs) or ("none where these forms hold" if ways else "none: every size will do"))
    if ways:
        yield "these forms", Cell(f"hold where {', '.join(ways)}; elsewhere the design may be legal, and others hold")
    if symbolic.smallest is not None:
        smallest = ", ".join(f"{name}={size}" for name, size in symbolic.smallest.items())
        yield "smallest input", Cell(smallest, "strong")


def row_mark(report: Report, rows: Sequence[Row], waiting: bool) -> Cell:
    """Whether torch agrees with everything that the formulas say of these rows."""
    if waiting:
        return Cell("…", "dim")
    checks = [check for row in rows for check in report.checks_of(row)]
    if not checks:
        return Cell("-", "dim")
    wrong = [check for check in checks if check.status != AGREES]
    return Cell(f"✗ {wrong[0].of}: {wrong[0].torch}", "bad") if wrong else Cell("✓", "good")
