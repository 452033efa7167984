"""Every combination of the values that you list, as a table: a design a row.

\b
  layercli sweep "conv2d 16/32/64 k=1/3/5/7 s=1/2 p=0..3" -i 1,3,64,224 --where shape=1,_,32,112
  layercli sweep "conv2d 32 3/5 | {relu / gelu | dropout} | flatten" -i 1,3,32,32 --sort params
  layercli sweep conv2d 64 k=3/5/7 d=1..4 -i 1,64,56,56 --pareto params,rf --plot params:rf
  layercli sweep "conv2d 8..512..8 k=1..11" -i 1,3,224,224 --format jsonl > designs.jsonl

3/5/7 lists values, 0..3 counts through them, 64..256..64 in steps; {relu / gelu | dropout} lists steps. All of them
may stand anywhere in the spec, values in -i too. What torch would refuse is counted, with the reasons.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from layercli.cli import options
from layercli.cli.options import Settings
from layercli.cli.terminal import put
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.design.answers import Answer
    from layercli.design.space import Where
    from layercli.design.sweep import Sweep
    from layercli.measure.child import Child
    from layercli.render.sweep import Chosen

MOST_ROWS = 200
"""Rows that are printed where nothing says how many."""
LONG = 20_000
"""Designs from which a bar shows how far it is."""
_SHARED = frozenset({"input", "json", "dtype", "train", "optimizer", "color", "width", "debug"})


class Form(str, Enum):
    """How a sweep is written."""

    table = "table"
    plain = "plain"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    markdown = "markdown"


class Asked:
    """What the command line asks of a sweep."""

    def __init__(self, values: dict[str, Any]) -> None:
        take = values.pop
        self.where: list[str] = take("where") or []
        self.sort: str | None = take("sort")
        self.top: int | None = take("top")
        self.all: bool = take("every")
        self.pareto: str | None = take("pareto")
        self.plot: str | None = take("plot")
        self.save: Path | None = take("save")
        self.form: Form = take("form")


def parameters() -> list[Parameter]:
    """The spec or a file, what of its designs is shown, and the shared options."""

    words = typer.Argument(metavar="SPEC", help="The designs, or - for standard input.", show_default=False)
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        options.own("file", Path | None, None, "--file", "-f", metavar="FILE", help="Read the spec from a file."),
        options.own("where", list[str] | None, None, "--where", metavar="CLAIM",
            help="Only designs of which this holds: params<=20k, shape=1,_,32,32, rf>=31, macs@2<1M."),
        options.own("sort", str | None, None, "--sort", metavar="NAMES", help="Order by these: macs, rf:max,k."),
        options.own("top", int | None, None, "--top", min=1, metavar="N", help="The first N rows."),
        options.own("every", bool, False, "--all", help=f"All rows; else {MOST_ROWS} are printed."),
        options.own("pareto", str | None, None, "--pareto", metavar="NAMES",
            help="Mark the designs that no other beats in these: params,rf. Small is good, of rf large; or macs:max."),
        options.own("plot", str | None, None, "--plot", metavar="X:Y", help="Draw a figure over another: params:macs."),
        options.own("save", Path | None, None, "--save", metavar="FILE", help="Write the plot as SVG.", dir_okay=False),
        options.own("form", Form, Form.table, "--format", help="How the rows are written."),
        *options.parameters(only=_SHARED),
    ]  # fmt: skip


def run(child: Child | None, words: list[str] | None, file: Path | None, **values: Any) -> ExitCode:
    """Goes through the designs and prints them."""
    if child is not None:
        child.close()
    asked = Asked(values)
    settings = options.settings(values)
    form = Form.json if settings.json else asked.form
    try:
        return _swept(words or [], file, asked, settings, form)
    except LayerError as error:
        if form in (Form.json, Form.jsonl):
            from layercli.render.documents import json_line, json_text
            from layercli.render.sweep import failure

            put((json_text if form is Form.json else json_line)(failure(error)))
        from layercli.cli.complain import complain

        complain(error)
        return error.exit_code


def _swept(words: list[str], file: Path | None, asked: Asked, settings: Settings, form: Form) -> ExitCode:
    from layercli.design.sweep import Sweep

    space = _space(words, file, settings)
    optimizer = settings.optimizer.value if settings.optimizer else "adam"
    from layercli.cli.answer import options_of

    sweep = Sweep(space, options_of(settings), asked.where, optimizer)
    order = sweep.direction(asked.sort, "--sort ") if asked.sort else ()
    weighed = sweep.direction(asked.pareto, "--pareto ", larger=True) if asked.pareto else ()
    plot = _plot(sweep, asked)
    streamed = form in (Form.jsonl, Form.csv) and not (order or weighed or asked.top or plot)
    if streamed:
        return _stream(sweep, form)
    rows, stopped = _gone_through(sweep)
    if sweep.wishes.no_row is not None and not rows and not stopped:
        raise sweep.wishes.no_row
    from layercli.render.sweep import Chosen, further

    names = [way.name for way in (*order, *weighed)] + list(plot or ())
    clauses = [clause for clause in sweep.wishes.clauses if not clause.at]
    names += [clause.figure for clause in clauses if clause.figure not in ("shape", "dtype")]
    ordered = sweep.ordered(rows, order)
    limit = asked.top or (None if asked.all or form not in (Form.table, Form.plain, Form.markdown) else MOST_ROWS)
    front = sweep.front(rows, weighed) if weighed else None
    chosen = Chosen(
        ordered[:limit],
        len(rows),
        further(names, [column.name for column in space.columns]),
        front,
        plot,
        rows,
        stopped,
    )
    _show(sweep, chosen, asked, settings, form)
    if stopped:
        return ExitCode.INTERRUPTED
    return _ending(sweep, len(rows))


def _ending(sweep: Sweep, count: int) -> ExitCode:
    if count:
        return ExitCode.OK
    why = "torch would refuse every design" if not sweep.left_out else "no design is what was asked for"
    put(f"{why}: {sweep.seen:,} were tried", sys.stderr)
    return ExitCode.NEGATIVE


def _space(words: list[str], file: Path | None, settings: Settings) -> Any:
    """The designs that the command line stands for; LayerError where there is nothing to choose."""
    from layercli.cli.opened import opened

    space = opened("sweep", words, file, settings.input or (), _not_asked)
    if not space.holes:
        fix = "list values: k=1/3/5, s=1..4, -i 1,3,32/64,32"
        raise LayerError("spec.usage", "nothing varies in these designs: there is one", fix=fix)
    return space


def _not_asked(where: Where) -> NoReturn:
    raise LayerError(
        "spec.unknown-value", '"_" stands for a value to solve for (layercli solve does)', span=where.span,
        source=where.source, fix="write the values to try, such as 1..9",
    )  # fmt: skip


def _plot(sweep: Sweep, asked: Asked) -> tuple[str, str] | None:
    if asked.plot is None:
        if asked.save is not None:
            raise LayerError("spec.usage", "--save writes a plot, and none is asked for", fix="add --plot params:macs")
        return None
    across, colon, up = asked.plot.partition(":")
    if not colon or ":" in up or "," in asked.plot:
        raise LayerError("sweep.plot", f"{asked.plot[:40]!r} does not name two figures", fix="write --plot params:macs")
    first = sweep.direction(across, "--plot ")[0].name
    second = sweep.direction(up, f"--plot {across}:")[0].name
    return first, second


def _gone_through(sweep: Sweep) -> tuple[list[Answer], bool]:
    """The rows, and whether it was stopped by Ctrl-C: what is done by then is kept."""
    rows: list[Answer] = []
    try:
        rows.extend(_watched(sweep, sweep.rows()))
    except KeyboardInterrupt:
        return rows, True
    return rows, False


def _watched(sweep: Sweep, rows: Iterable[Answer]) -> Iterator[Answer]:
    """The rows, with a bar on a terminal that shows how far a long sweep is."""
    from layercli.cli.progress import Bar

    total = sweep.space.count
    with Bar(LONG) as bar:
        for number, answer in enumerate(rows):
            if number % 500 == 0:
                bar.reached(sweep.seen, total)
            yield answer


def _stream(sweep: Sweep, form: Form) -> ExitCode:
    """Rows as they come, those that are refused among them: a sweep of any length takes no more memory."""
    count = 0

    def counted() -> Iterator[Answer]:
        nonlocal count
        for answer in _watched(sweep, sweep.rows(refused=True)):
            count += answer.refused is None
            yield answer

    try:
        _lines(sweep, counted(), form)
    except KeyboardInterrupt:
        sys.stdout.flush()
        put(f"stopped after {sweep.seen:,} of {sweep.space.count:,} designs", sys.stderr)
        return ExitCode.INTERRUPTED
    if sweep.wishes.no_row is not None and not count:
        raise sweep.wishes.no_row
    return _ending(sweep, count)


def _lines(
    sweep: Sweep, rows: Iterable[Answer], form: Form, further: Sequence[str] = (), front: set[Any] | None = None
) -> None:
    """A line for each row, as JSON or with commas between."""
    from layercli.render import sweep as written
    from layercli.render.documents import json_line

    if form is Form.jsonl:
        for answer in rows:
            sys.stdout.write(json_line(written.row(sweep, answer, further, front)) + "\n")
        return
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(written.csv_head(sweep, further, front is not None))
    writer.writerows(written.csv_row(sweep, answer, further, front) for answer in rows)


def _show(sweep: Sweep, chosen: Chosen, asked: Asked, settings: Settings, form: Form) -> None:
    from layercli.cli.show import save_svg, show
    from layercli.render import sweep as written

    if asked.save is not None:
        from layercli.explain.diagram import Diagram
        from layercli.render.svg_picture import svg

        plot = written.plot(sweep, chosen)
        save_svg(lambda: svg(Diagram(plot), plot.title), asked.save)
    if form is Form.json:
        from layercli.render.documents import json_text

        put(json_text(written.document(sweep, chosen)))
    elif form in (Form.jsonl, Form.csv):
        _lines(sweep, chosen.rows, form, chosen.further, chosen.front)
    else:
        show(tuple(written.blocks(sweep, chosen)), form.value, settings)
