"""A command for each layer, made from its definition when it is called."""

from __future__ import annotations

import os
import textwrap
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layercli.cli.options import LONG_AND_SHORT
from layercli.errors import LayerError, Span
from layercli.layers.definition import Key, Layer, TensorIn, TupleIn, ValueIn
from layercli.layers.kinds import Word

if TYPE_CHECKING:
    from layercli.spec import Spec

_ELSEWHERE = {
    "--unroll": "it is for rnncell, lstmcell and grucell",
    "--formulas": "a single layer shows them anyway",
    **dict.fromkeys(("--expand", "--depth", "--columns"), "it is for the rows of a design: layercli run"),
}
"""Options that other commands have, and why a layer's has them not."""
OF_DESIGNS = frozenset(option.removeprefix("--") for option in _ELSEWHERE if option != "--unroll")
"""Those of them that no layer has, by the names that settings have for them."""

SHORT = {"k": "-k", "s": "-s", "p": "-p", "d": "-d", "g": "-g", "o": "-o"}
"""The keys that have a one-letter option, the same in every layer."""


def spellings(key: Key) -> list[str]:
    """A key's options: ``--kernel --kernel-size -k``, a flag's negation too; none where all commands have its name."""
    names = (*key.aliases, key.name)
    long = [f"--{name.strip('_').replace('_', '-')}" for name in names if len(name) > 1]
    if key.kind.switch:
        return [f"{name}/--no-{name[2:]}" for name in long]
    short = [SHORT[name] for name in names if name in SHORT]
    return [name for name in (*long, *short) if name not in LONG_AND_SHORT]


def parameter(key: Key) -> Parameter:
    """The key as an option of the command."""
    flag = key.kind.switch
    kind: Any = bool | None if flag else str | None
    words = ", ".join(f"{name}=" for name in (*key.aliases, key.name))
    said = f"{_sentence(key.meaning)} {_sentence(key.effect)} [{words}; default: {key.default_words}]"
    if "_LAYERCLI_COMPLETE" in os.environ:  # a line of its own, which shells do not join again, would be a word of it
        said = key.meaning[:70]
    metavar = None if flag else "|".join(key.kind.words).upper() if isinstance(key.kind, Word) else "N"
    choices = key.kind.words
    option = typer.Option(
        *spellings(key), metavar=metavar, help=said, show_default=False,
        autocompletion=(lambda incomplete: [w for w in choices if w.startswith(incomplete)]) if choices else None,
    )  # fmt: skip
    return Parameter(_variable(key), Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _variable(key: Key) -> str:
    return f"key_{key.name}"


def spec_of(layer: Layer, words: list[str], options: dict[str, Any]) -> Spec:
    """The command line as a spec of one step: its source is one that ``layercli run`` takes, options as words."""
    from layercli.spec import Chain, Spec, Step, parse_op, parse_values

    source = " ".join([layer.name, *words])
    end = len(source)
    places: list[tuple[Key, int]] = []
    for key in layer.shell_keys:
        value = options.get(_variable(key))
        if value is not None:
            name = key.names[1] if len(key.names) > 1 and len(key.names[1]) > 1 else key.name
            source += f" {name}={str(value).lower() if isinstance(value, bool) else value}"
            places.append((key, len(source)))
    try:
        _no_options(layer, words)
        op = parse_op(source, 0, end)
        arguments = list(op.arguments)
        for key, stop in places:
            start = source.index("=", end) + 1
            arguments.append(parse_values(source, start, stop)._replace(name=key.name, name_span=Span(start, stop)))
            end = stop
    except LayerError as error:
        raise error.located(source) from None
    span = Span(0, len(source))
    op = op._replace(arguments=tuple(arguments), span=span)
    return Spec(source, Chain((Step(None, None, 1, op, span),), span))


def _no_options(layer: Layer, words: list[str]) -> None:
    """Refuses a word that looks like an option which the command does not have."""
    from layercli.layers import did_you_mean, suggest

    at = len(layer.name) + 1
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and not name[1:2].isdigit() and name[1:2] != "." and len(name) > 1:
            known = {part for key in layer.shell_keys for spelling in spellings(key) for part in spelling.split("/")}
            near = suggest(name, sorted(known | LONG_AND_SHORT - _ELSEWHERE.keys()))
            raise LayerError(
                "spec.unknown-option", f"{layer.name} has no option {name[:40]}",
                span=Span(at, at + len(name)),
                fix=_ELSEWHERE.get(name) or did_you_mean(near, f"layercli {layer.name} --help lists its options"),
                suggestions=near,
            )  # fmt: skip
        at += len(word) + 1


def help_of(layer: Layer) -> str:
    """The command's help text, examples first."""
    examples = "\n".join(f"  {command}" for command in layer.commands)
    values = " ".join(name.upper() for name in layer.positional)
    further = [part for item in layer.inputs[1:] for part in (item.items if isinstance(item, TupleIn) else (item,))]
    lines = [
        f"{layer.summary} [{layer.called or 'a step of layercli'}]",
        f"\b\n{examples}",
        layer.prose,
        f"Keys may be options or words: {layer.name} {example_word(layer)}." if layer.keys else "",
        f"Values without a name, in this order: {values}." if values else "",
        "\n".join(["\b\nFurther inputs, by name:", *map(_input_line, further)]) if further else "",
        f"Source: {layer.paper}" if layer.paper else "",
    ]
    return "\n\n".join(line for line in lines if line)


def _input_line(item: TensorIn | ValueIn) -> str:
    """An input after the first, as the help lists it."""
    value = "SHAPE"
    if isinstance(item, ValueIn):
        value = "true|false" if item.kind is not None and item.kind.switch else "VALUE"
    left = ""
    if isinstance(item, TensorIn) and not item.optional and item.assumable:
        left = f"; left out, {f'it is the {item.like}' if item.like else 'it is made to fit'}"
    head = f"  -i {item.name}={value}"
    return textwrap.fill(f"{head:<30}  {item.meaning}{left}", 76, subsequent_indent=" " * 32)


def example_word(layer: Layer) -> str:
    """One key as a word, for the help."""
    key = layer.keys[-1] if not layer.positional else layer.key(layer.positional[0]) or layer.keys[0]
    words = [word for word in key.kind.words if word != key.default]
    return f"{key.names[-1]}={'true' if key.kind.switch else words[0] if words else 3}"
