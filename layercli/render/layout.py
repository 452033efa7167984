"""All that a report shows: one layer with its formulas, or a design as a table, and what stands under both."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from layercli.analysis.flow import Tree
from layercli.analysis.layer import Bound
from layercli.analysis.notes import Note
from layercli.analysis.rows import Row
from layercli.checks import AGREES, Check
from layercli.errors import short
from layercli.layers.definition import Outs
from layercli.measurement import FAILED, MEASURED
from layercli.render.blocks import Block, Cell, Column, Facts, Heading, Line, Table, View
from layercli.render.words import argument, described, open_sizes, reach_text
from layercli.report import Report

CONVENTION = "1 MAC = 1 multiply-add = 2 FLOPs; bias, normalisation, activation and pooling are not counted"


def layout(report: Report, view: View = View(), waiting: bool = False, error: bool = False) -> tuple[Block, ...]:
    """All that there is to show. ``waiting``: torch has not answered yet; ``error``: say what was wrong here too."""
    if error and report.analysis.error is not None:
        from layercli.render.errors import describe

        said = tuple(Line(text, "bad") for text in describe(report.analysis.error).splitlines())
        return (*layout(report, view, waiting), *said)
    rows = report.analysis.rows
    if not rows:
        return ()
    if len(rows) == 1 and report.ok:
        return (*_single(report, rows[0], waiting), *_end(report, waiting))
    from layercli.render.design import design

    details = [block for row in rows if view.formulas for block in _single(report, row, waiting)]
    return (*details, *design(report, waiting, view), *_end(report, waiting))


# --- one layer -----------------------------------------------------------------------------------------------------


def _single(report: Report, row: Row, waiting: bool) -> Iterator[Block]:
    bound = row.bound
    yield Heading(called(bound))
    yield Facts(tuple(facts_of(row)))
    table = _formulas(report, row, waiting)
    if table.rows:
        yield table
    if len(report.analysis.rows) == 1 and report.analysis.symbolic is not None:
        yield Facts(tuple(open_sizes(report)))
    legend = "; ".join(f"{name} = {meaning}" for name, meaning in bound.legend().items())
    if legend:
        yield Line(f"where {legend}", "dim")


def called(bound: Bound) -> str:
    """The layer as torch would be called, every argument resolved."""
    layer = bound.layer
    name = (layer.called or layer.name) if layer.operation else layer.torch
    return f"{name}({', '.join(f'{key}={argument(value)}' for key, value in bound.args.items())})"


def facts_of(row: Row) -> Iterator[tuple[str, Cell]]:
    """What goes in, what comes out, and what the layer holds."""
    for name, tree in row.bound.inputs.items():
        for label, text in described(name, tree, row.bound):
            yield label, Cell(text)
    for name, tree in _named_outputs(row.bound):
        for label, text in described(name, tree, None):
            yield label, Cell(text, "strong")
    for kind, listed in (("parameters", row.bound.variant.params), ("buffers", row.bound.variant.buffers)):
        if listed:
            yield kind, Cell(_tensors(row.bound.folded(listed)))
    reach = reach_text(row)
    if reach:
        yield "receptive field", Cell(reach)


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
    """What torch has for each figure of a row that a formula has too; at several sizes, what differs first."""
    by_sizes: dict[str | None, list[Check]] = {}
    for check in report.checks_of(row):
        by_sizes.setdefault(check.at, []).append(check)
    found: dict[str, tuple[Any, bool]] = {}
    for sizes, checks in by_sizes.items():
        for of, (value, agrees) in _figures(checks).items():
            if sizes is None:
                found[of] = value, agrees
            elif found.get(of, ("", True))[1]:
                found[of] = "" if agrees else f"{value} at {sizes}", agrees
    return found


def _figures(checks: Sequence[Check]) -> dict[str, tuple[Any, bool]]:
    found: dict[str, tuple[Any, bool]] = {}
    sums: dict[str, list[Check]] = {"params": [], "buffers": []}
    for check in checks:
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


# --- what stands under both ----------------------------------------------------------------------------------------


def _end(report: Report, waiting: bool) -> Iterator[Block]:
    if report.ok:
        if any(row.bound.macs is None or bool(row.bound.macs) for row in report.analysis.rows):
            yield Line(CONVENTION, "dim")
        yield Line("torch is loading …", "dim") if waiting else verdict(report)
    for claim in report.claims:
        held = f"expected {claim.text}: {claim.message or 'holds'}"
        yield Line(held, "bad" if claim.message else "good")
    for note in report.notes:
        fix = f" ({note.fix})" if note.fix else ""
        yield Line(f"note {note.code}: {_where(report, note)}{note.message}{fix}", "note")


def _where(report: Report, note: Note) -> str:
    """The row that a note speaks of, where there are several."""
    row = next((row for row in report.analysis.rows if row.path == note.path), None)
    return f"at {row.number} {row.bound.layer.name}: " if row and len(report.analysis.rows) > 1 else ""


def verdict(report: Report) -> Line:
    """One sentence on what torch said."""
    found = report.measurement
    if found is None:
        return Line(f"torch: not run, {report.why}", "dim")
    version = f"torch {found.torch}" if found.torch else "torch"
    if found.status != MEASURED or report.status == FAILED:
        return Line(f"{version}: {report.status}: {short(report.why, 300)}", "note")
    where = f" on {found.device}" if found.device else ""
    if report.analysis.symbolic is not None:
        where += " at " + "; ".join(outcome.at or "" for outcome in report.outcomes)
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
