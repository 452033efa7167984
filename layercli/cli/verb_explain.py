"""What a layer does, with its picture and its formulas for your numbers; a topic; or what a note means.

\b
  layercli explain conv2d k=5 d=2 -i 1,3,16,16
  layercli explain convtranspose2d 8 3 s=2 -i 1,16,8,8
  layercli explain relu sigmoid tanh
  layercli explain receptive-field
  layercli explain conv.checkerboard

With --animate a window slides: arrow keys step, space pauses, q leaves. --save writes the picture as SVG.
"""

from __future__ import annotations

import sys
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli import options
from layercli.cli.terminal import draws, put, unicode, width
from layercli.errors import ExitCode, LayerError

if TYPE_CHECKING:
    from layercli.explain.page import Page
    from layercli.measure.child import Child

PLAIN_COLUMNS = 100
"""Columns that a picture takes in a pipe."""


class Form(str, Enum):
    """How a page is written."""

    table = "table"
    plain = "plain"
    markdown = "markdown"
    svg = "svg"
    html = "html"


def parameters() -> list[Parameter]:
    """A layer with its keys, several layers, a topic, or the code of a note; and what a page may be asked for."""
    words = typer.Argument(
        metavar="[LAYER [KEYS]... | TOPIC | CODE]", show_default=False, autocompletion=_offered,
        help="A layer with its keys, several layers to compare, a topic or the code of a note; all are listed without.",
    )  # fmt: skip
    at = typer.Option("--at", metavar="POSITION", help="The output position that is looked at: 2,3.")
    moving = typer.Option("--animate", help="Slide the window over all positions.")
    save = typer.Option("--save", metavar="FILE", help="Write the picture to this file, as SVG.", dir_okay=False)
    form = typer.Option("--format", help="How the page is written.")
    return [
        Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, words]),
        Parameter("at", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, at]),
        Parameter("animate", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, moving]),
        Parameter("save", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, save]),
        Parameter("form", Parameter.KEYWORD_ONLY, default=Form.table, annotation=Annotated[Form, form]),
        *options.parameters(only=frozenset({"input", "train", "color", "width", "debug"})),
    ]  # fmt: skip


def _offered(incomplete: str) -> list[tuple[str, str]]:
    from layercli.analysis.rules import rules
    from layercli.explain.topics import TOPICS
    from layercli.layers import known_names

    found = [*((name, "") for name in known_names()), *((name, topic.title) for name, topic in TOPICS.items())]
    found += [(code, rule.title) for code, rule in rules().items()]
    return [(name, title) for name, title in found if name.startswith(incomplete)]


def run(child: Child | None, words: list[str] | None, form: Form, **values: Any) -> ExitCode:
    """Explains what the words name, or lists what can be explained."""
    from layercli.explain.topics import TOPICS
    from layercli.layers import find

    if child is not None:
        child.close()
    asked = {name: values.pop(name) for name in ("at", "animate", "save")}
    settings = options.settings(values)
    if not words:
        put(_listed())
        return ExitCode.OK
    named = [find(word) for word in words]
    if named[0] is None and len(words) == 1 and not words[0].count(" "):
        if words[0] in TOPICS:
            return _show(_topic(words[0]), form, settings)
        return _note(words[0])
    if len(words) > 1 and all(named):
        return _compared(words, form, asked, settings)
    if words[0] == "input":  # no layer: it says what one is fed
        return _show(_stream(words[0]), form, settings)
    page = _page(words, asked, settings)
    if asked["save"] is not None:
        return _save(page, asked["save"], asked["animate"])
    if asked["animate"]:
        from layercli.cli.animate import animate

        return animate(page, settings)
    return _show(page, form, settings)


def _listed() -> str:
    from layercli.analysis.rules import rules
    from layercli.explain.topics import TOPICS

    width = max(map(len, (*rules(), *TOPICS)))
    lines = ["A layer, with its keys and -i: layercli explain conv2d k=5 d=2 -i 1,3,16,16", "", "Topics"]
    lines += [f"  {name:<{width}}  {topic.title}" for name, topic in TOPICS.items()]
    lines += ["", "Notes"]
    return "\n".join([*lines, *(f"  {code:<{width}}  {rule.title}" for code, rule in rules().items())])


def _note(word: str) -> ExitCode:
    """The rule behind a note; LayerError that knows layers and topics too where there is none."""
    from layercli.analysis.rules import explain_note, rules
    from layercli.explain.topics import TOPICS
    from layercli.layers import did_you_mean, suggest

    if word in rules():
        put(explain_note(word))
        return ExitCode.OK
    near = suggest(word) or suggest(word, [*TOPICS, *rules()])
    fix = did_you_mean(near, "layercli explain lists topics and notes, layercli list the layers")
    raise LayerError("spec.unknown-note", f"there is no layer, topic or note {word[:60]!r}", fix=fix, suggestions=near)


def _analysed(text: str, settings: options.Settings) -> Any:
    from layercli.analysis.walk import Options, analyse_spec
    from layercli.cli.inputs import parse_inputs
    from layercli.spec import parse

    mode = "train" if settings.train else "eval"
    analysis = analyse_spec(parse(text), parse_inputs(settings.input or ()), Options(mode=mode))
    if analysis.error is not None:
        raise analysis.error
    if len(analysis.rows) != 1:
        raise LayerError("explain.several", "a page is about one layer", fix="layercli run shows a chain of them")
    if analysis.symbolic is not None:
        raise LayerError("explain.open", "a picture needs sizes in numbers", fix="give -i 1,3,16,16")
    return analysis


def _page(words: list[str], asked: dict[str, Any], settings: options.Settings) -> Page:
    from layercli.explain.page import page

    return page(_analysed(" ".join(words), settings), position(asked["at"]), asked["animate"])


def position(text: str | None) -> tuple[int, ...] | None:
    """``2,3`` as a position."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise LayerError("explain.at", f"{text[:40]!r} is no position", fix="write the cells' numbers: --at 2,3")
    return tuple(map(int, parts))


def _compared(words: list[str], form: Form, asked: dict[str, Any], settings: options.Settings) -> ExitCode:
    """Several layers of a kind in one picture."""
    from layercli.explain.together import together

    found = together([_analysed(_usual(word), settings) for word in words])
    if asked["save"] is not None:
        return _save(found, asked["save"], False)
    return _show(found, form, settings)


def _stream(name: str) -> Any:
    from layercli.explain.essay import Essay
    from layercli.layers import find

    layer = find(name)
    assert layer is not None
    return Essay(f"{name}: {layer.summary}", (layer.prose,), layer.commands)


def _usual(word: str) -> str:
    """A layer without keys, with those of its first example where it needs some."""
    from layercli.layers import find
    from layercli.layers.definition import REQUIRED

    layer = find(word)
    assert layer is not None
    needs = any(key.default is REQUIRED and key.infer is None for key in layer.shell_keys)
    return layer.examples[0].partition(" -i ")[0] if needs else word


def _topic(name: str) -> Any:
    from layercli.explain.topics import topic

    return topic(name)


def _save(page: Any, file: Path, moving: bool) -> ExitCode:
    from layercli.cli.show import save_svg
    from layercli.render.page import svg

    save_svg(lambda: svg(page, moving), file)
    return ExitCode.OK


def _show(page: Any, form: Form, settings: options.Settings) -> ExitCode:
    from layercli.render import page as written

    if form is Form.table and draws(sys.stdout, settings.color):
        from layercli.cli.pager import paged

        paged(written.renderable(page), settings)
    elif form in (Form.table, Form.plain):
        columns = settings.width or (width(None) if sys.stdout.isatty() else PLAIN_COLUMNS)
        put(written.text(page, columns, unicode(sys.stdout)))
    else:
        put({Form.markdown: written.markdown, Form.html: written.html, Form.svg: written.svg}[form](page))
    return ExitCode.OK
