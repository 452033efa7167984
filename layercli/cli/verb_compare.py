"""Designs side by side: their figures, what lies between them, and their rows.

\b
  layercli compare "conv2d k=5 d=2" "conv2d k=9" -i 1,3,16,16
  layercli compare "conv2d 8 3 p=1 | relu" "conv2d 8 5 p=2 | gelu" -i 1,3,32,32
  layercli compare "conv2d k=9" "conv2d k=5 d=2" --fail-if "params>+5%" --fail-if "shape!=same"
  layercli compare net.layers "conv2d 16 3 p=1 | relu | flatten | linear 10" -i 1,3,32,32

A design is a chain in quotes, or a file. The first is the one that the others are held against.
--fail-if takes a figure, a comparison and a change against the first (params>+5%, macs>+0, memory>+10MiB, rf<-0),
a value (params>5M), or same (shape!=same). It exits 1 where a clause is met, or cannot be told, or torch would
refuse a design.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.design.compare import Comparison, Design, Source
    from layercli.measure.child import Child, Reusable


class Form(str, Enum):
    """How a comparison is written."""

    table = "table"
    plain = "plain"
    json = "json"
    csv = "csv"
    markdown = "markdown"


_SHARED = frozenset(
    {"input", "json", "device", "dtype", "train", "timeout", "optimizer", "color", "width", "debug"}
)  # fmt: skip


def parameters() -> list[Parameter]:
    """The designs, files in their place, what must not be, and the shared options that apply to all."""
    words = typer.Argument(metavar="DESIGN...", show_default=False,
        help="Chains in quotes, files, or - for standard input; the first is held against all others.")  # fmt: skip
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        options.own(
            "file",
            list[Path] | None,
            None,
            "--file",
            "-f",
            metavar="FILE",
            help="Read a design from a file; it comes after the words.",
        ),
        options.own(
            "fail_if",
            list[str] | None,
            None,
            "--fail-if",
            metavar="CLAUSE",
            help="Exit 1 where this is so: params>+5%, shape!=same.",
        ),
        options.own("form", Form, Form.table, "--format", help="How the answer is written."),
        options.own("no_run", bool, False, "--no-run/--run", help="Formulas only, without torch: the answer at once."),
        options.own("expand", bool, False, "--expand", help="Every row, also of those that are alike."),
        *options.parameters(only=_SHARED),
    ]


def run(
    child: Child | None, words: list[str] | None, file: list[Path] | None, fail_if: list[str] | None, form: Form,
    **values: Any,
) -> ExitCode:  # fmt: skip
    """Compares the designs and prints what is found."""
    gc.enable()
    if child is not None:
        child.close()
    settings = options.settings(values)
    form = Form.json if settings.json else form
    try:
        found = _compared(words or [], file or [], fail_if or [], settings)
    except LayerError as error:
        return _failed(error, form, settings)
    _show(found, form, settings)
    return _ending(found, form)


def _compared(words: list[str], files: list[Path], clauses: list[str], settings: options.Settings) -> Comparison:
    if settings.no_run:
        return _compare(words, files, clauses, settings, None)
    from layercli.measure.child import Reusable

    with Reusable() as torch:
        return _compare(words, files, clauses, settings, torch)


def _compare(
    words: list[str], files: list[Path], clauses: list[str], settings: options.Settings, torch: Reusable | None
) -> Comparison:
    from layercli.analysis.layer import Analyser
    from layercli.cli.answer import options_of
    from layercli.cli.inputs import parse_inputs
    from layercli.design.clauses import parse_clause
    from layercli.design.compare import Comparison, Design, analysed
    from layercli.report import Report

    read = [parse_clause(clause) for clause in clauses]
    inputs = parse_inputs(settings.input or ())
    sources = _sources(words, files)
    chosen = options_of(settings)._replace(planned=torch is not None)
    analyser = Analyser(chosen.mode, chosen.dtype)
    optimizer = settings.optimizer.value if settings.optimizer else "adam"
    analyses = [analysed(source, inputs, chosen, analyser) for source in sources]
    designs: list[Design] = []
    for source, analysis in zip(sources, analyses):
        plans = analysis.plans if torch is not None else ()
        answers = torch.ask_all(plans, settings.timeout) if torch is not None and plans else ()
        reason = "" if torch is not None else "--no-run was given"
        report = Report(analysis, answers, reason, None, "compare", optimizer)
        designs.append(Design(source, report))
    found = Comparison(designs, read, "compare")
    found.verdicts  # noqa: B018  # a row that a design does not have is said before anything is shown
    return found


# --- which designs ---------------------------------------------------------------------------------------------------

_NO_FILE = re.compile(r"(?!nn\.|torch\.)[\w.~-]*/[\w./~-]*|(?!nn\.|torch\.)[\w~-]+\.(layers|txt|py)")
"""A word that can only mean a file."""


def _sources(words: Sequence[str], files: Sequence[Path]) -> list[Source]:
    from layercli.design.compare import Source, letters

    found = [*map(_of_word, words), *map(_of_file, files)]
    if len(found) < 2:
        said = f"compare needs two designs or more, not {len(found) or 'none'}"
        raise LayerError("spec.usage", said, fix='write layercli compare "conv2d k=5 d=2" "conv2d k=9"')
    if sum(kind == "stdin" for kind, _, _ in found) > 1:
        raise LayerError("spec.usage", "standard input is read once, not for two designs", fix="write one - only")
    lone = next((word for word in words if re.match(r"\w+=|\d", word) and " " not in word), None)
    if lone is not None and not os.path.isfile(lone):
        fix = 'put each design in quotes: layercli compare "conv2d k=5 d=2" "conv2d k=9"'
        raise LayerError("spec.usage", f"{lone[:60]!r} is no design", fix=fix)
    return [
        Source(letters(place), kind, text if text is not None else _read(file), file)
        for place, (kind, text, file) in enumerate(found)
    ]


_Found = tuple[str, "str | None", "str | None"]
"""The kind of a source, its text where that is known, its file."""


def _of_word(word: str) -> _Found:
    from layercli.layers import find

    if word == "-":
        return "stdin", None, None
    if os.path.isfile(word) and find(word) is None:  # False too where it can be no name
        return "file", None, word
    if _NO_FILE.fullmatch(word):
        raise LayerError("io.file", f"there is no file {word[:200]}", fix="name a file that is there")
    return "spec", word, None


def _of_file(file: Path) -> _Found:
    return ("stdin", None, None) if str(file) == "-" else ("file", None, str(file))


def _read(file: str | None) -> str:
    from layercli.cli.verb_run import decoded, read

    return decoded(sys.stdin.buffer.read(), "standard input") if file is None else read(Path(file))


# --- what is shown ---------------------------------------------------------------------------------------------------


def _show(found: Comparison, form: Form, settings: options.Settings) -> None:
    from layercli.cli.terminal import put

    if form is Form.json:
        from layercli.render.documents import json_text

        put(json_text(found.to_dict()))
    elif form is Form.csv:
        from layercli.render.comparison import csv_text

        put(csv_text(found))
    else:
        from layercli.cli.show import show
        from layercli.render.comparison import comparison

        show(comparison(found, settings.expand), form.value, settings)


def _failed(error: LayerError, form: Form, settings: options.Settings) -> ExitCode:
    from layercli.cli.complain import complain

    if form is Form.json:
        from layercli.cli.terminal import put
        from layercli.design.compare import failure
        from layercli.render.documents import json_text

        put(json_text(failure(error, "train" if settings.train else "eval", "compare")))
    complain(error)
    return error.exit_code


def _ending(found: Comparison, form: Form) -> ExitCode:
    """Says on standard error why designs are refused and, where a form has no place for it, which clauses are met."""
    from layercli.cli.complain import complain
    from layercli.cli.terminal import put

    for error in _errors(found):
        complain(error)
    if form is Form.csv:
        for verdict in found.verdicts:
            if verdict.failed:
                put(f"fail if {verdict.clause.text}: {verdict.message}", sys.stderr)
    return found.exit_code


def _errors(found: Comparison) -> Iterator[LayerError]:
    for design in found.designs:
        if design.report.analysis.error is not None:
            yield design.source.named(design.report.analysis.error)
