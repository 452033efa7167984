"""From a question to its answer on the screen: analysis, torch, the form that was asked for, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from layercli.analysis.walk import Analysis, Options
from layercli.cli.options import Format, Measure, Settings
from layercli.cli.show import console, drawn
from layercli.cli.terminal import put
from layercli.errors import ExitCode, LayerError
from layercli.measurement import MEASURED, Measurement
from layercli.report import Report, failure

if TYPE_CHECKING:
    from layercli.measure.child import Child
    from layercli.plan import Plan


def options_of(settings: Settings) -> Options:
    """The options of a run that these settings ask for."""
    return Options(
        "train" if settings.train else "eval",
        settings.dtype.value if settings.dtype else None,
        settings.device,
        settings.unroll,
        settings.measure is Measure.all,
    )


def view_of(settings: Settings) -> Any:
    """What of the report these settings ask for."""
    from layercli.render.blocks import View

    names: tuple[str, ...] = ()
    if settings.columns:
        from layercli.render.design import columns

        names = columns(settings.columns)
    return View(settings.formulas, settings.expand, settings.depth, names)


def answer(command: str, ask: Callable[[], Analysis], settings: Settings, child: Child | None) -> ExitCode:
    """Asks, prints the answer, and says how it ends. The child is used if torch is wanted, and ended in any case."""
    form = Format.json if settings.json else settings.format
    try:
        try:
            _understood(settings)
            analysis = ask()
        except LayerError as error:
            return _failed(command, error, settings, form)
        if not analysis.plans or settings.no_run:
            report = _report(analysis, (), "--no-run was given", command, settings)
            _show(report, form, settings)
        elif form is Format.table and sys.stdout.isatty() and drawn(settings):
            report = _staged(analysis, settings, child)
        else:
            report = _report(analysis, measured(analysis.plans, settings, child), "", command, settings)
            _show(report, form, settings)
        return _ending(report, settings)
    finally:
        if child is not None:
            child.close()


def _understood(settings: Settings) -> None:
    """LayerError for options that cannot be taken, before anything is worked out."""
    for text in settings.expect or ():
        from layercli.expect import parse_expectation

        parse_expectation(text)
    if settings.columns:
        view_of(settings)
    for code in settings.ignore or ():
        from layercli.analysis.rules import explain_note

        explain_note(code)


def _report(
    analysis: Analysis, measured: Sequence[Measurement], reason: str, command: str | None, settings: Settings
) -> Report:
    optimizer = settings.optimizer.value if settings.optimizer else "adam"
    return Report(
        analysis, measured, reason, None, command, optimizer, settings.ignore or (), settings.expect or ()
    )  # fmt: skip


def measured(plans: Sequence[Plan], settings: Settings, child: Child | None) -> tuple[Measurement, ...]:
    """What torch does at the sizes that are given or, where some are left open, at a few."""
    if child is not None:
        return child.ask_all(plans, settings.timeout)
    from layercli.measure.child import measure

    return measure(plans, settings.timeout)


def _failed(command: str, error: LayerError, settings: Settings, form: Format) -> ExitCode:
    """A question that was not understood."""
    if form in (Format.json, Format.jsonl):
        _write_json(failure(error, mode="train" if settings.train else "eval", command=command), form)
    _complain(error)
    return error.exit_code


def _complain(error: LayerError) -> None:
    from layercli.cli.complain import complain

    complain(error)


def _ending(report: Report, settings: Settings) -> ExitCode:
    if report.analysis.error is not None:
        _complain(report.analysis.error)
    elif settings.require_measured and (report.measurement is None or report.measurement.status != MEASURED):
        put(f"torch gave no answer: {report.why}", sys.stderr)
        return ExitCode.NEGATIVE
    elif settings.strict and report.notes and report.exit_code is ExitCode.OK:
        put(f"--strict: {len(report.notes)} note{'s' * (len(report.notes) > 1)}", sys.stderr)
        return ExitCode.NEGATIVE
    return report.exit_code


def _write_json(document: dict[str, Any], form: Format) -> None:
    from layercli.render.documents import json_line, json_text

    put(json_text(document) if form is Format.json else json_line(document))


def _show(report: Report, form: Format, settings: Settings) -> None:
    """Prints the whole report once."""
    if form in (Format.json, Format.jsonl):
        _write_json(report.to_dict(), form)
    elif form is Format.csv:
        from layercli.render.documents import csv_text

        put(csv_text(report))
    elif not report.analysis.rows:
        return
    elif form is Format.markdown:
        from layercli.render.documents import markdown

        put(markdown(report, view_of(settings)))
    elif form is Format.svg:
        from layercli.render.table import svg

        put(svg(report, f"layercli {report.analysis.source or ''}".strip(), settings.width or 100, view_of(settings)))
    elif form is Format.code:
        from layercli.render.code import code

        if report.ok:
            put(code(report))
    elif form is Format.table and drawn(settings):
        from layercli.render.table import renderable

        console(settings).print(renderable(report, view_of(settings)))
    else:
        from layercli.render.plain import plain

        put(plain(report, view_of(settings)))


def _staged(analysis: Analysis, settings: Settings, child: Child | None) -> Report:
    """On a terminal: the formulas' answer at once, torch's beside it when it is there."""
    from rich.live import Live

    from layercli.render.layout import verdict
    from layercli.render.table import STYLES, renderable

    screen = console(settings)
    first = renderable(_report(analysis, (), "", None, settings), view_of(settings), waiting=True)
    tall = len(screen.render_lines(first)) >= screen.height
    if tall or not screen.is_terminal:
        screen.print(renderable(_report(analysis, (), "see below", None, settings), view_of(settings), waiting=True))
        with screen.status("torch is loading …"):
            report = _report(analysis, measured(analysis.plans, settings, child), "", None, settings)
        line = verdict(report)
        screen.print(line.text, style=STYLES[line.style])
        return report
    live = Live(first, console=screen, auto_refresh=False)
    try:  # no "with": Ctrl-C may come while the first picture is drawn, and the cursor must come back
        live.start(refresh=True)
        report = _report(analysis, measured(analysis.plans, settings, child), "", None, settings)
        live.update(renderable(report, view_of(settings)), refresh=True)
    finally:
        live.stop()
    return report
