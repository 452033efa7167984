"""What tests of pictures share: a layer on an input as a subject, and that a picture is drawn in every form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from layercli.analysis.walk import Options, analyse_spec
from layercli.cli.inputs import parse_inputs
from layercli.explain.diagram import Above, Beside, Diagram, Grid, Nothing, Picture
from layercli.explain.subject import Subject
from layercli.render.sketch import frame, sketch
from layercli.render.strokes import Sheet
from layercli.render.svg_picture import svg
from layercli.spec import parse

WIDTHS = (60, 80, 120)


def subject(spec: str, *inputs: str, at: tuple[int, ...] | None = None, moving: bool = False, **more: Any) -> Subject:
    """The one layer of a spec on these inputs; without any on its default."""
    analysis = analyse_spec(parse(spec), parse_inputs(inputs), Options(planned=False, **more))
    assert analysis.error is None, analysis.error
    (row,) = analysis.rows
    return Subject(row.bound, at, moving)


def text(sheet: Sheet) -> str:
    """A sheet without its styles."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in sheet)


def check_drawn(diagram: Diagram | Nothing) -> None:
    """Draws a diagram in every form: nothing is wider than it may be, and the SVG is well formed."""
    if isinstance(diagram, Nothing):
        assert diagram.why
        return
    for columns in WIDTHS:
        for unicode in (True, False):
            drawn = text(sketch(diagram, columns, unicode))
            assert drawn.strip(), "the picture is empty"
            assert max(map(len, drawn.splitlines())) <= columns, f"wider than {columns}:\n{drawn}"
            assert unicode or drawn.isascii(), drawn
            for picture in diagram.frames[:3]:
                assert text(frame(picture, columns, unicode)).strip()
    ElementTree.fromstring(svg(diagram, "a picture"))
    used = {cell.mark for grid in grids(diagram.picture) for row in grid.rows for cell in row} - {""}
    assert used <= {mark for mark, _ in diagram.key}, "every mark is explained in the key"


def grids(picture: Picture) -> Iterator[Grid]:
    """The grids of a picture, in order."""
    if isinstance(picture, Grid):
        yield picture
    elif isinstance(picture, (Beside, Above)):
        for part in picture.parts:
            yield from grids(part)


def marked(grid: Grid, mark: str) -> list[tuple[int, int]]:
    """The places in a grid of the cells with this mark."""
    return [(r, c) for r, row in enumerate(grid.rows) for c, cell in enumerate(row) if cell.mark == mark]


def numbers(grid: Grid) -> list[list[float]]:
    """What is written in the cells of a grid, without cells that nothing is written in."""
    rows = ([float(cell.text) for cell in row if cell.text] for row in grid.rows)
    return [row for row in rows if row]


def module(seen: Subject) -> Any:
    """The layer as torch's own module."""
    import torch

    args = {
        name: value[0] if isinstance(value, tuple) and len(value) == 1 else value for name, value in seen.args.items()
    }
    return getattr(torch.nn, seen.layer.torch)(**args)
