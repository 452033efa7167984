"""All that there is to say of a layer on one input, as plain data: what `layercli explain LAYER` prints."""

from __future__ import annotations

import re
from typing import NamedTuple

from layercli.analysis.layer import Bound
from layercli.analysis.notes import Note
from layercli.analysis.rules import rules
from layercli.analysis.walk import Analysis, every_note
from layercli.explain.changes import Change, changes
from layercli.explain.diagram import Diagram, Nothing
from layercli.explain.pictures import picture
from layercli.explain.subject import Subject
from layercli.layers import families
from layercli.layers.definition import Layer

MOST_PITFALLS = 6
_RANK = re.compile(r"[123]d$")


class Pitfall(NamedTuple):
    """A note that this layer is known for: its code, its title."""

    code: str
    title: str


class Page(NamedTuple):
    """A layer explained."""

    analysis: Analysis
    bound: Bound
    diagram: Diagram | Nothing
    changes: tuple[Change, ...]
    said: tuple[Note, ...]
    """The notes on this very layer and input."""
    pitfalls: tuple[Pitfall, ...]
    """Others that it is known for."""
    see: tuple[str, ...]
    """Other layers of its kind."""


def page(analysis: Analysis, at: tuple[int, ...] | None = None, moving: bool = False) -> Page:
    """The page of an analysis that is one layer; LayerError where ``at`` is no position of it."""
    bound = analysis.rows[0].bound
    said = tuple(every_note(analysis))
    return Page(
        analysis,
        bound,
        picture(Subject(bound, at, moving)),
        tuple(changes(bound, analysis.options.mode)),
        said,
        tuple(_pitfalls(bound.layer, {note.code for note in said})),
        tuple(_see(bound.layer)),
    )


def _pitfalls(layer: Layer, said: set[str]) -> list[Pitfall]:
    """The rules whose example is about a layer of this kind."""
    stem = _RANK.sub("", layer.name).removeprefix("lazy")
    word = re.compile(rf"\b{re.escape(stem)}(?:[123]d)?\b")
    found = [rule for rule in rules().values() if rule.code not in said and word.search(rule.example)]
    found.sort(key=lambda rule: _last(rule.example) != stem)
    return [Pitfall(rule.code, rule.title) for rule in found[:MOST_PITFALLS]]


def _last(example: str) -> str:
    """The kind of the last step of an example: what it is most about."""
    words = example.rpartition("|")[2].split()
    return _RANK.sub("", words[0]) if words else ""


def _see(layer: Layer) -> list[str]:
    """The layers of its family, those of its kind for other ranks last."""
    stem = _RANK.sub("", layer.name)
    family = next((names for names in families().values() if layer.name in names), ())
    alike = [name for name in family if name != layer.name and not name.startswith("lazy")]
    return sorted(alike, key=lambda name: _RANK.sub("", name) == stem)
