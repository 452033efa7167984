"""Designs side by side as blocks: what they are, their figures in one table, their rows in another, what torch said."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import zip_longest
from math import inf
from typing import Any

from layercli.design.clauses import Verdict
from layercli.design.compare import Comparison
from layercli.design.figures import BYTES, CELLS, COUNT, PLACES, SHAPE, SHAPES, WORD, Change, Figure, decimals
from layercli.render.blocks import Block, Cell, Column, Facts, Line, Table
from layercli.render.layout import CONVENTION, verdict
from layercli.render.side_by_side import side_by_side
from layercli.render.words import described, shape_text, size_text

TITLES = {
    "shape": "output", "dtype": "dtype", "params": "parameters",
    "trainable_params": "trainable", "buffers": "buffers", "macs": "MACs", "inference_memory": "inference memory",
    "memory": "training memory", "saved_bytes": "kept for backward", "rf": "receptive field", "rf_stride": "its stride",
    "rf_padding": "its padding",
}  # fmt: skip
IN_A_HEADING = {"inference_memory": "inference", "memory": "training", "rf": "field"}
"""What figures are called where each has a column."""
SHOWN = ("shape", "params", "macs", "inference_memory", "memory", "rf")
"""Figures that are always shown; others where they say something more."""
LONGEST = 16
"""Characters of a closed form that a column holds; a longer one is told under the table."""
MOST_COLUMNS = 3
"""Designs that have a column each; of more, each has a line."""


def comparison(found: Comparison, expand: bool = False) -> tuple[Block, ...]:
    """All that there is to show. ``expand``: rows that are alike too, every one."""
    told = [figure for figure in found.figures if _telling(figure, found)]
    table = _columns(found, told) if len(found.designs) <= MOST_COLUMNS else _lines(found, told)
    blocks: list[Block] = [Facts(tuple(_legend(found))), table]
    long = tuple(_long(found, told))
    blocks += [Facts(long)] if long else []
    blocks += [*_sentences(found, told), *side_by_side(found, expand)]
    if any(value != 0 for figure in found.figures if figure.of == "macs" for value in figure.values):
        blocks.append(Line(CONVENTION, "dim"))
    return (*blocks, *_torch(found), *map(_judged, found.verdicts))


# --- what is compared ------------------------------------------------------------------------------------------------


def _legend(found: Comparison) -> Iterator[tuple[str, Cell]]:
    """What the names stand for, and what the designs are fed: once where that is the same."""
    for name, design in zip(found.names, found.designs):
        yield name, Cell(design.source.title, "strong")
    fed = [
        "; ".join(
            text if label == "input" else f"{label} {text}"
            for name, tree in report.analysis.inputs
            for label, text in described(name, tree, None)
        )
        for report in found.reports
    ]
    if len(set(fed)) == 1:
        yield "input", Cell(fed[0])
    else:
        yield from ((f"input of {name}", Cell(text)) for name, text in zip(found.names, fed))


def _telling(figure: Figure, found: Comparison) -> bool:
    """Whether a figure is shown in the table."""
    if figure.of == "outputs":  # a sentence has them
        return False
    if figure.of == "rf":  # of many layers there is nothing to say
        return any(figure.values) or any(figure.whys)
    if figure.of in SHOWN or len(found.designs) > MOST_COLUMNS:
        return figure.of in SHOWN
    changed = any(change.same is False for change in found.changes[figure.of])
    if figure.of == "trainable_params":
        params = next(other for other in found.figures if other.of == "params")
        return str(figure.values) != str(params.values)
    return changed


# --- the table of figures --------------------------------------------------------------------------------------------


def _columns(found: Comparison, told: Sequence[Figure]) -> Table:
    """A line for each figure, a column for each design."""
    first, *others = found.names
    heads = [Column("figure"), *(Column(name, right=True) for name in found.names)]
    columns = [[Cell(TITLES[figure.of]) for figure in told]]
    columns += [[_value_cell(found, figure, place) for figure in told] for place in range(len(found.names))]
    for place, name in enumerate(others):
        every = [(figure, found.changes[figure.of][place]) for figure in told]
        if len(others) == 1:
            heads.append(Column("difference", right=True))
            accepted = all(report.ok for report in found.reports)
            columns.append([_difference_cell(*each) if accepted else Cell("-", "dim") for each in every])
            ratios = ["" if change.same else ratio_text(change) for _, change in every]
        else:
            ratios = ["same" if change.same else ratio_text(change) for _, change in every]
        if any(ratios):
            at = len(heads) if len(others) == 1 else 2 * place + 3
            heads.insert(at, Column("ratio" if len(others) == 1 else f"{name}/{first}", right=True))
            columns.insert(at, [Cell(ratio, "dim" if ratio == "same" else "") for ratio in ratios])
    return Table(tuple(heads), tuple(zip(*columns)))


def _difference_cell(figure: Figure, change: Change) -> Cell:
    if change.same:
        return Cell("same", "dim")
    written = difference_text(figure, change)
    return Cell(written if len(written) <= LONGEST or type(change.difference) is int else "below")


def _lines(found: Comparison, told: Sequence[Figure]) -> Table:
    """A line for each design, a column for each figure and one for its ratio."""
    heads, columns = [Column("")], [[Cell(name, "strong") for name in found.names]]
    spare = len(told)
    for number, figure in enumerate(told):
        title = IN_A_HEADING.get(figure.of, TITLES[figure.of])
        heads.append(Column(title, right=True, spare=max(0, 2 * number - 3)))
        columns.append([_value_cell(found, figure, place) for place in range(len(found.designs))])
        ratios = ["", *map(ratio_text, found.changes[figure.of])]
        if any(ratios):
            heads.append(Column("ratio", right=True, spare=2 * (spare + number)))
            columns.append([Cell(ratio) for ratio in ratios])
    return Table(tuple(heads), tuple(zip(*columns)))


def _value_cell(found: Comparison, figure: Figure, place: int) -> Cell:
    if not found.reports[place].ok:
        return Cell("refused", "bad") if figure.of == "shape" else Cell("-", "dim")
    written = value_text(figure.kind, figure.values[place])
    if figure.kind == CELLS and figure.values[place] is None and not figure.whys[place]:
        return Cell("-", "dim")
    return Cell(written if len(written) <= LONGEST else "below", "strong" if figure.of == "shape" else "")


def _long(found: Comparison, told: Sequence[Figure]) -> Iterator[tuple[str, Cell]]:
    """The closed forms that no column holds."""
    for figure in told:
        title = TITLES[figure.of]
        for name, value in zip(found.names, figure.values):
            written = value_text(figure.kind, value)
            if len(written) > LONGEST:
                yield f"{title} of {name}", Cell(written)
        for change in found.changes[figure.of][: len(found.names) == 2]:
            written = difference_text(figure, change)
            if not change.same and len(written) > LONGEST and type(change.difference) is not int:
                yield f"{title}, difference", Cell(written)


def value_text(kind: str, value: Any) -> str:
    """A value as the table has it."""
    if value is None:
        return "unknown"
    if kind == SHAPES:
        return " ".join(map(shape_text, value))
    if kind == SHAPE:
        return shape_text(value)
    if kind == CELLS:
        words = ["unknown" if size is None else "global" if size == inf else str(size) for size in value]
        return "x".join(words) if all(map(str.isdecimal, words)) else _once(words)
    if kind == PLACES:
        return _once([str(place) for place in value])
    return size_text(value) if kind == BYTES else str(value) if kind == WORD else f"{value:,}"


def difference_text(figure: Figure, change: Change) -> str:
    """A difference with its sign, or that there is one; empty where the figure is none of either design's."""
    found = change.difference
    if found is None:
        told = change.same is False or any(figure.whys) or figure.kind != CELLS
        return "differs" if change.same is False else "unknown" * told
    if isinstance(found, tuple):
        return _once([_signed(COUNT, each) for each in found])
    return _signed(figure.kind, found)


def _signed(kind: str, found: int) -> str:
    if type(found) is not int:
        written = str(found)
        signed = written if written[0] == "-" else f"+{written}"
        signed = f"+({written})" if " " in written else signed
        return signed + " B" * (kind == BYTES)
    if kind == COUNT or not found:
        return f"{found:+,}"
    return ("-" if found < 0 else "+") + size_text(abs(found))


def ratio_text(change: Change) -> str:
    """``x0.33``; empty where there is none."""
    found = change.ratio
    if found is None:
        return ""
    return _once([_times(each) for each in found]) if isinstance(found, tuple) else _times(found)


def _times(ratio: Fraction) -> str:
    if ratio.denominator == 1:
        return f"x{ratio.numerator:,}"
    places = 0 if ratio >= 1000 else 1 if ratio >= 100 else 2
    while ratio and ratio * 10**places < 10:
        places += 1
    return f"x{decimals(ratio, places, Fraction(0), Fraction(1))}"


def _once(words: Sequence[str]) -> str:
    """What is said along axes, once where it is all the same."""
    return words[0] if len(set(words)) == 1 else " x ".join(words)


# --- sentences under it ----------------------------------------------------------------------------------------------


def _sentences(found: Comparison, told: Sequence[Figure]) -> Iterator[Line]:
    yield from _shapes(found)
    for figure in told:
        every = zip(found.names, figure.whys, found.reports)
        for why, names in _grouped((name, why) for name, why, report in every if why and report.ok):
            yield Line(f"{TITLES[figure.of]} of {names} is unknown: {why}", "dim")
    for name, report in zip(found.names, found.reports):
        if report.analysis.error is not None:
            yield Line(f"{name} is refused: {report.analysis.error.message}", "bad")
    taken = {
        name: note.message
        for name, report in zip(found.names, found.reports)
        for note in report.notes
        if note.code == "input.default"
    }
    for text, names in _grouped(taken.items()):
        yield Line(f"{names}: {text} (give your own with -i)", "note")


def _shapes(found: Comparison) -> Iterator[Line]:
    """Whether the outputs have one shape, in a sentence."""
    figure = next(figure for figure in found.figures if figure.of == "outputs")
    reports = found.reports
    if not reports[0].ok or sum(report.ok for report in reports) < 2:
        return
    of_first, of_all = (
        [change.same for change, report in zip(found.changes[of], reports[1:]) if report.ok]
        for of in ("shape", "outputs")
    )
    texts = [(name, value_text(SHAPES, value)) for name, value in zip(found.names, figure.values) if value is not None]
    every = "; ".join(f"{names} {text}" for text, names in _grouped(texts))
    if all(of_all):
        yield Line(f"same output shape: {texts[0][1]}", "good")
    elif all(of_first):
        yield Line(f"same shape of the first output, not of all: {every}", "note")
    elif False in of_first:
        yield Line(f"other output shapes: {every}", "note")
    else:
        yield Line(f"output shapes that are not told apart: {every}", "note")


def _grouped(said: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What is said, each once, with the names of whom it is said of."""
    names: dict[str, list[str]] = {}
    for name, text in said:
        names.setdefault(text, []).append(name)
    return ((text, ", ".join(who)) for text, who in names.items())


def _torch(found: Comparison) -> Iterator[Line]:
    """What torch said of each design; what it said of all of them, once."""
    lines = {name: verdict(report) for name, report in zip(found.names, found.reports) if report.ok}
    styles = {line.text: line.style for line in lines.values()}
    said = {name: line.text for name, line in lines.items()}
    if len(set(said.values())) == 1 and "not run" in next(iter(said.values())):
        said = {"": next(iter(said.values()))}
    for text, names in _grouped(said.items()):
        yield Line(f"{names}: {text}" if names else text, styles[text])


def _judged(found: Verdict) -> Line:
    unknown = any(finding.met is None for finding in found.findings)
    met = any(finding.met for finding in found.findings)
    how = "met" if met else "cannot be told, which counts as met" if unknown else "not met"
    return Line(f"fail if {found.clause.text}: {how}: {found.message}", "bad" if found.failed else "good")


# --- for programs ----------------------------------------------------------------------------------------------------


def csv_text(found: Comparison) -> str:
    """A line for each figure of each design; an unknown value is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("figure", "design", "value", "same", "difference", "ratio"))
    document = found.to_dict()
    for figure in document["figures"]:
        for name, *told in zip_longest(
            found.names, figure["values"], figure["same"], figure["differences"], figure["ratios"]
        ):
            writer.writerow((figure["of"], name, *(_field(each, figure["of"]) for each in told)))
    return stream.getvalue().rstrip("\n")


def _field(value: Any, of: str = "") -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        between = {"shape": ",", "outputs": " "}.get(of, "x")
        return between.join(str(_field(item, "shape")) for item in value) or "scalar"
    return "" if value is None else value
