"""From the command line to a space of designs: a spec with open values, and inputs whose sizes may be open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from layercli.errors import LayerError

if TYPE_CHECKING:
    from layercli.design.space import Domain, OpenInput, Space
    from layercli.spec import Spec


def opened(verb: str, words: list[str], file: Path | None, inputs: Sequence[str], domain: Domain) -> Space:
    """The designs that the words, or a file, stand for; ``domain`` says what ``_`` may be."""
    from layercli.design.space import Space

    spec = parsed(verb, words, file)
    return Space(spec, fed(spec, inputs), domain)


def parsed(verb: str, words: list[str], file: Path | None) -> Spec:
    """The spec with its open values."""
    from layercli.cli.verb_run import source
    from layercli.spec import parse

    text = source(words, file, verb)
    try:
        return parse(text, open=True)
    except LayerError as error:
        raise error.located(text) from None


def fed(spec: Spec, texts: Sequence[str]) -> tuple[OpenInput, ...]:
    """The inputs; without any, what the first layer has as its default."""
    from layercli.analysis.walk import default_inputs
    from layercli.cli.inputs import parse_open_inputs
    from layercli.design.space import OpenInput

    given = parse_open_inputs(texts)
    return given or tuple(map(OpenInput, default_inputs(spec.chain)))
