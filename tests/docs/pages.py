"""The pages of ``docs/layers``: written from the definitions, their examples run.

``LAYERCLI_UPDATE=1 pytest tests/docs`` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from layercli.analysis.layer import Bound
from layercli.analysis.variant import Line
from layercli.formula import Sym, latex
from layercli.layers import families, find
from layercli.layers.definition import Layer, Need, Out, Outs, TensorIn, TupleIn
from layercli.layers.left_out import LEFT_OUT

Run = Callable[[str], str]
"""A command line to what it prints."""
Bind = Callable[[Layer], list[tuple[str, Bound]]]
"""A layer as each of its examples has it."""

AGAIN = "<!-- Written from the definitions by LAYERCLI_UPDATE=1 pytest tests/docs. -->"
_AXES = re.compile(r"_(?:L|H|W|D)\b")


def file_of(family: str) -> str:
    """The page of a family."""
    return f"{family.replace(' ', '-')}.md"


def index() -> str:
    """The page that lists the families, all layers, and what is left out."""
    lines = [AGAIN, "# Layers", "", "A page for each family; every name is a command and a word of a chain.", ""]
    lines += ["| family | layers |", "|---|---|"]
    for family, names in families().items():
        linked = " ".join(f"[{name}]({file_of(family)}#{name})" for name in names)
        lines.append(f"| [{family}]({file_of(family)}) | {linked} |")
    lines += ["", "## What torch.nn exports and is no layer here", "", "| class | why |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in LEFT_OUT.items()]
    return _text(lines)


def page(family: str, run: Run, bind: Bind) -> str:
    """A family's page."""
    lines = [AGAIN, f"# {family[:1].upper()}{family[1:]}", ""]
    for name in families()[family]:
        layer = find(name)
        assert layer is not None
        lines += _layer(layer, run, bind)
    return _text(lines)


def _text(lines: Iterable[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _layer(layer: Layer, run: Run, bind: Bind) -> list[str]:
    also = f", also {', '.join(f'`{alias}`' for alias in layer.aliases)}" if layer.aliases else ""
    called = f"`{layer.called}`" if layer.called else "A step of layercli's own"
    lines = [f"## {layer.name}", "", f"{called}{also}. {_escaped(layer.summary)} {_escaped(layer.prose)}"]
    if layer.paper:
        lines.append(f"Source: <{layer.paper}>")
    lines += ["", *_formulas(layer, bind(layer)), "", *_keys(layer), "", *_inputs(layer), "", *_rejects(layer), ""]
    for command in layer.commands:
        lines += ["```console", f"$ {command}", run(command).rstrip(), "```", ""]
    return lines


def _formulas(layer: Layer, bounds: list[tuple[str, Bound]]) -> list[str]:
    """The formulas of every example, in LaTeX, each once, and what their symbols mean."""
    if not bounds:
        return []
    said: set[str] = set()
    lines: list[str] = []
    legend: dict[str, str] = {}
    for example, bound in bounds:
        new = []
        for line in bound.variant.lines:
            if isinstance(line.expr, Sym) and line.name.partition("_")[0] == line.expr.name:
                continue  # an axis that stays
            formula = f"{_name(line)} = {latex(line.expr, partial(_shown, bound.names()))}"
            if formula not in said:
                new.append(f"$${formula}$$")
                said.add(formula)
        if new:
            lines += [*([f"`{example}`:", ""] if len(bounds) > 1 else []), *new, ""]
            legend.update(bound.legend())
    if layer.macs_unknown:
        lines += [f"MACs are unknown: {layer.macs_unknown}.", ""]
    if not lines:
        return [
            "Sizes are the input's, a single number has none; there are no parameters and no multiply-adds to count."
        ]
    where = "; ".join(f"${latex(Sym(name))}$ {meaning}" for name, meaning in legend.items())
    return [*lines, f"where {where}." if where else ""]


def _name(line: Line) -> str:
    """What a formula is of: an axis, a count, or a tensor by its name in the module."""
    if line.of.startswith(("params.", "buffers.")):
        return r"\mathrm{" + line.name.replace("_", r"\_") + "}"
    return latex(Sym(line.name))


def _shown(names: Mapping[str, str], name: str) -> str:
    """A symbol without its axis, where all axes have one value."""
    return names.get(name, name)


def _keys(layer: Layer) -> list[str]:
    keys = layer.shell_keys
    if not keys:
        return ["It takes no keys."]
    lines = ["| key | default | values | meaning | effect |", "|---|---|---|---|---|"]
    for key in keys:
        names = ", ".join(f"`{name}`" for name in (key.name, *key.aliases))
        cells = (names, key.default_words, key.kind.describe, key.meaning, key.effect)
        lines.append("| " + " | ".join(_escaped(cell) for cell in cells) + " |")
    if layer.positional:
        lines += ["", f"Without a name, in this order: {', '.join(f'`{name}`' for name in layer.positional)}."]
    return lines


def _inputs(layer: Layer) -> list[str]:
    lines = ["| input | shape | meaning |", "|---|---|---|"] if layer.inputs else ["It takes no input."]
    if layer.several is not None:
        lines = ["It merges two tensors or more; these are the inputs of two.", "", *lines]
    for item in layer.inputs:
        for part in item.items if isinstance(item, TupleIn) else (item,):
            forms = " or ".join(f"({', '.join(map(_axis, form.axes.split()))})" for form in part.forms) or "a value"
            asked = "" if not (part.optional or item.optional) else ", may be left out"
            if isinstance(part, TensorIn) and part.assumable and not part.optional:
                asked = f", the {part.like} where left out" if part.like else ", assumed where left out"
            lines.append(f"| `{part.name}` | {forms} | {_escaped(part.meaning)}{asked} |")
    named = [out for out in layer.outputs for out in (out.items if isinstance(out, Outs) else (out,))]
    lines += ["", f"Outputs: {', '.join(_output(out) for out in named)}."]
    return lines


def _output(out: Out) -> str:
    sometimes = " (where it is asked for)" if out.where is not None or out.none is not None else ""
    return f"`{out.name}`{sometimes}"


def _axis(axis: str) -> str:
    return "*" if axis.startswith("*") else axis.rpartition("_")[2]


def _rejects(layer: Layer) -> list[str]:
    """What it rejects besides values of a wrong kind; what holds of each axis is said once."""
    said: dict[str, None] = {}
    for rule in layer.rules:
        if isinstance(rule, Need):
            general = re.sub(r"\{(\w+)\}", lambda found: f"*{_AXES.sub('', found[1])}*", rule.message)
            said[re.sub(r" along (?:L|H|W|D)\b", " along an axis", general)] = None
    return ["It rejects:", "", *(f"- {message}" for message in said)] if said else []


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
