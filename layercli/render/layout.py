"""What a report shows, before any drawing: headings, tables and lines, which each renderer draws its own way."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from layercli.analysis.flow import Flow, Tree, tensors
from layercli.analysis.layer import Bound
from layercli.analysis.walk import Row, every_note
from layercli.errors import short
from layercli.layers.definition import Outs, TupleIn
from layercli.measurement import FAILED, MEASURED
from layercli.plan import Literal, Module, Tensor
from layercli.report import AGREES, Check, Report

CONVENTION = "1 MAC = 1 multiply-add = 2 FLOPs; bias, normalisation, activation and pooling are not counted"


class Cell(NamedTuple):
    """A piece of text and what it is: ``good``, ``bad``, ``dim``, ``strong`` or nothing special."""

    text: str
    style: str = ""


class Column(NamedTuple):
    """A table's column: heading, and whether numbers stand in it."""

    title: str
    right: bool = False
    code: bool = False


class Table(NamedTuple):
    """Rows under columns; the last ``totals`` rows sum up the others. ``stack`` may put column b under column a."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    totals: int = 0
    stack: tuple[int, int] | None = None


class Heading(NamedTuple):
    """The name of what follows."""

    text: str


class Facts(NamedTuple):
    """Short lines, each with a name."""

    items: tuple[tuple[str, Cell], ...]


class Line(NamedTuple):
    """A sentence."""

    text: str
    style: str = ""


Block: TypeAlias = Heading | Table | Facts | Line


def layout(report: Report, formulas: bool = False, waiting: bool = False, error: bool = False) -> tuple[Block, ...]:
    """All that there is to show. ``waiting``: torch has not answered yet; ``error``: say what was wrong here too."""
    if error and report.analysis.error is not None:
        from layercli.render.errors import describe

        said = tuple(Line(text, "bad") for text in describe(report.analysis.error).splitlines())
        return (*layout(report, formulas, waiting), *said)
    rows = report.analysis.rows
    if not rows:
        return ()
    if len(rows) == 1 and report.ok:
        return (*_single(report, rows[0], waiting), *_end(report, waiting))
    details = [block for row in rows if formulas for block in _single(report, row, waiting)]
    return (*details, *_chain(report, waiting), *_end(report, waiting))


# --- one layer -----------------------------------------------------------------------------------------------------


def _single(report: Report, row: Row, waiting: bool) -> Iterator[Block]:
    bound = row.bound
    yield Heading(called(bound))
    yield Facts(tuple(_facts(row)))
    table = _formulas(report, row, waiting)
    if table.rows:
        yield table
    legend = "; ".join(f"{name} = {meaning}" for name, meaning in bound.legend().items())
    if legend:
        yield Line(f"where {legend}", "dim")


def called(bound: Bound) -> str:
    """The layer as torch would be called, every argument resolved."""
    return f"{bound.layer.torch}({', '.join(f'{key}={_argument(value)}' for key, value in bound.args.items())})"


def _argument(value: Any) -> str:
    if isinstance(value, Module):
        written = [*map(_argument, value.args), *(f"{key}={_argument(item)}" for key, item in value.kwargs.items())]
        return f"{value.torch}({', '.join(written)})"
    if isinstance(value, Tensor):
        return f"a tensor of {shape_text(value.shape)}"
    if isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    return str(value)


def _facts(row: Row) -> Iterator[tuple[str, Cell]]:
    for name, tree in row.bound.inputs.items():
        for label, text in _described(name, tree, row.bound):
            yield label, Cell(text)
    for name, tree in _named_outputs(row.bound):
        for label, text in _described(name, tree, None):
            yield label, Cell(text, "strong")
    for kind, listed in (("parameters", row.bound.variant.params), ("buffers", row.bound.variant.buffers)):
        if listed:
            yield kind, Cell(_tensors(row.bound.folded(listed)))
    if row.reach:
        yield "receptive field", Cell(_reach(row))


def _named_outputs(bound: Bound) -> Iterator[tuple[str, Tree]]:
    """Every output that torch gives, under the name that its definition has for it."""
    for tree, out in zip(bound.outputs, bound.layer.outputs):
        if isinstance(out, Outs):
            yield from zip((item.name for item in out.items), cast("tuple[Tree, ...]", tree))
        else:
            yield out.name, tree


def _tensors(named: dict[str, tuple[int, ...]]) -> str:
    shown = [f"{name} {'x'.join(map(str, shape)) or 'scalar'}" for name, shape in list(named.items())[:12]]
    more = len(named) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def _reach(row: Row) -> str:
    assert row.reach
    sizes, strides, paddings = (
        "x".join(str(getattr(reach, part)) for reach in row.reach) for part in ("size", "stride", "padding")
    )
    return f"{sizes}, stride {strides}, padding {paddings}"


def _described(name: str, tree: Tree, bound: Bound | None) -> Iterator[tuple[str, str]]:
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
            yield from _described(names[index] if names else f"{name}.{index}", item, bound)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it is typed: ``1,3,16,16``."""
    return ",".join(map(str, shape)) or "scalar"


def _formulas(report: Report, row: Row, waiting: bool) -> Table:
    found = _found(report, row)
    rows = []
    for formula in row.bound.formulas():
        rows.append(
            (
                Cell(formula.name, "strong"),
                Cell(formula.symbolic),
                Cell(f"= {formula.substituted}", "dim"),
                Cell(f"{formula.value:,}", "strong"),
                *_torch_cells(found.get(formula.of), waiting),
            )
        )
    if row.bound.macs is None:
        rows.append(
            (Cell("MACs", "strong"), Cell(row.bound.layer.macs_unknown), Cell(""), Cell("unknown"), Cell(""), Cell(""))
        )
    columns = (
        Column("figure"), Column("formula", code=True), Column("with the numbers", code=True),
        Column("value", right=True), Column("torch", right=True), Column(""),
    )  # fmt: skip
    return Table(columns, tuple(rows), stack=(1, 2))


def _torch_cells(check: tuple[Any, bool] | None, waiting: bool) -> tuple[Cell, Cell]:
    if waiting:
        return Cell("…", "dim"), Cell("")
    if check is None:
        return Cell("-", "dim"), Cell("")
    value, agrees = check
    shown = f"{value:,}" if isinstance(value, int) else str(value)
    return Cell(shown), Cell("✓", "good") if agrees else Cell("✗", "bad")


def _found(report: Report, row: Row) -> dict[str, tuple[Any, bool]]:
    """What torch has for each figure of a row that a formula has too."""
    found: dict[str, tuple[Any, bool]] = {}
    sums: dict[str, list[Check]] = {"params": [], "buffers": []}
    for check in report.checks_of(row):
        kind, _, rest = check.of.partition(".")
        agrees = check.status == AGREES
        if kind in sums:
            size = _elements(check.torch)
            found[check.of] = (size, agrees)
            sums[kind].append(check)
        elif kind == "macs":
            found["macs"] = (check.torch, agrees)
        elif kind == "outputs" and rest.endswith(".shape"):
            base = f"outputs.{rest[: -len('.shape')]}"
            ours, theirs = check.formula or [], check.torch or []
            for axis in range(max(len(ours), len(theirs))):
                value = theirs[axis] if axis < len(theirs) else "none"
                found[f"{base}.{axis}"] = (value, axis < len(ours) and ours[axis] == value)
    for kind, checks in sums.items():
        if checks:
            total = sum(_elements(check.torch) or 0 for check in checks)
            found[kind] = (total, all(check.status == AGREES for check in checks))
    return found


def _elements(shape: list[int] | None) -> int | None:
    if shape is None:
        return None
    count = 1
    for size in shape:
        count *= size
    return count


# --- a chain -------------------------------------------------------------------------------------------------------


def _chain(report: Report, waiting: bool) -> Iterator[Block]:
    rows = report.analysis.rows
    first = next((name, tree) for name, tree in report.analysis.inputs)
    yield Facts(tuple((label, Cell(text)) for label, text in _described(*first, None)))
    body = [
        (
            Cell(row.path, "dim"),
            Cell(f"{row.label}: {_short(row.bound)}" if row.label else _short(row.bound)),
            Cell(_outputs(row.bound), "strong"),
            Cell("shared" if row.shares is not None else f"{row.bound.params:,}"),
            Cell("unknown" if row.bound.macs is None else f"{row.bound.macs:,}"),
            _row_mark(report, row, waiting),
        )
        for row in rows
    ]
    columns = (
        Column("#"), Column("layer", code=True), Column("output"), Column("parameters", right=True),
        Column("MACs", right=True), Column("torch"),
    )  # fmt: skip
    if not report.ok:
        yield Table(columns, tuple(body))
        return
    totals = report.totals
    output = report.output
    body.append(
        (
            Cell(""), Cell("total", "strong"), Cell(shape_text(output.shape) if output else "", "strong"),
            Cell(f"{totals['params']:,}", "strong"),
            Cell("unknown" if totals["macs"] is None else f"{totals['macs']:,}", "strong"), Cell(""),
        )
    )  # fmt: skip
    yield Table(columns, tuple(body), totals=1)
    facts = []
    if totals["macs"] is not None:
        facts.append(("FLOPs", Cell(f"{totals['flops']:,}")))
    parameters, outputs = _bytes(totals["param_bytes"]), _bytes(totals["activation_bytes"])
    facts.append(("memory", Cell(f"parameters {parameters}, outputs of all layers {outputs}")))
    last = next((row for row in reversed(rows) if row.reach), None)
    if last is not None:
        upto = "" if last is rows[-1] else f", up to {last.path}"
        facts.append(("receptive field", Cell(_reach(last) + upto)))
    yield Facts(tuple(facts))


def _short(bound: Bound) -> str:
    """A layer as it is typed, with what was given and what was inferred of its channels."""
    words = [bound.layer.name]
    for key in bound.layer.keys:
        part = bound.args[key.name]
        if isinstance(part, Module):
            words += [f"{name}={_word(value)}" for name, value in part.kwargs.items()]
        elif key.name in bound.given.values or (key.infer is not None and key.name in bound.layer.positional):
            value = part
            same = isinstance(value, tuple) and len(set(value)) == 1 and not key.kind.listed
            shown = value[0] if same else value
            words.append(f"{key.names[-1]}={_word(shown)}")
    return " ".join(words)


def _word(value: Any) -> str:
    if isinstance(value, (Module, Tensor)):
        return _argument(value)
    if isinstance(value, tuple):
        return shape_text(value)
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _outputs(bound: Bound) -> str:
    return " ".join(shape_text(flow.shape) for flow in tensors(bound.outputs))


def _row_mark(report: Report, row: Row, waiting: bool) -> Cell:
    if waiting:
        return Cell("…", "dim")
    checks = report.checks_of(row)
    if not checks:
        return Cell("-", "dim")
    wrong = [check for check in checks if check.status != AGREES]
    return Cell(f"✗ {wrong[0].of}: {wrong[0].torch}", "bad") if wrong else Cell("✓", "good")


def _bytes(count: int | None) -> str:
    size = float(count or 0)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    raise AssertionError


# --- what stands under both ----------------------------------------------------------------------------------------


def _end(report: Report, waiting: bool) -> Iterator[Block]:
    if any(row.bound.macs != 0 for row in report.analysis.rows):
        yield Line(CONVENTION, "dim")
    if report.ok:
        yield Line("torch is loading …", "dim") if waiting else verdict(report)
    for note in every_note(report.analysis):
        yield Line(f"note: {note.message}" + (f" ({note.fix})" if note.fix else ""), "note")


def verdict(report: Report) -> Line:
    """One sentence on what torch said."""
    found = report.measurement
    if found is None:
        return Line(f"torch: not run, {report.why}", "dim")
    version = f"torch {found.torch}" if found.torch else "torch"
    if found.status != MEASURED or report.status == FAILED:
        return Line(f"{version}: {report.status}: {short(report.why, 300)}", "note")
    where = f" on {found.device}" if found.device else ""
    extra = f" ({found.reason})" if found.reason else ""
    wrong = [check for check in report.checks if check.status != AGREES]
    if not wrong:
        return Line(f"{version}{where}: all {len(report.checks)} checks agree{extra}", "good")
    listed = "; ".join(f"{check.path} {check.of}: formula {check.formula}, torch {check.torch}" for check in wrong[:5])
    blame = (
        "please report this as a bug of layercli"
        if report.tested
        else "the formulas were not tested on this version of torch"
    )
    return Line(
        f"{version}{where}: {len(wrong)} of {len(report.checks)} checks differ: {listed} ({blame}){extra}", "bad"
    )
