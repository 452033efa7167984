"""A design as a PyTorch module to paste into a project: imports, classes for the parts that have them, the net.

A chain is an ``nn.Sequential``, anything else an ``nn.Module``. The shape that each line gives stands behind it.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from layercli.analysis.flow import Flow, Tree
from layercli.errors import LayerError, short
from layercli.plan import Literal, Ref
from layercli.render.code_class import class_body
from layercli.render.code_graph import Graph, nodes_of
from layercli.render.code_lines import aligned
from layercli.render.code_names import class_name, distinct, identifier
from layercli.render.code_parts import Parts, Step, is_chain, shape_text
from layercli.render.code_sequence import sequence
from layercli.render.code_unrolled import unrolled
from layercli.report import Report

_IMPORTS = {"torch": "import torch", "F": "import torch.nn.functional as F"}


def code(report: Report, name: str = "Net") -> str:
    """The design as source, without a last newline; LayerError where there is none. ``name``: its class."""
    if report.analysis.error is not None:
        raise report.analysis.error
    if not name.isidentifier() or keyword.iskeyword(name):
        raise LayerError("render.code", f"{short(name)!r} is no name for a class", fix="use one such as Net")
    analysis = report.analysis
    if analysis.symbolic is None:
        return _text(Graph(analysis), analysis.options.unroll, name)
    alike = [sample for sample in analysis.symbolic.samples if len(sample.analysis.rows) == len(analysis.rows)]
    texts = {_text(Graph(sample.analysis, analysis), analysis.options.unroll, name) for sample in alike}
    if len(texts) != 1:
        symbols = ", ".join(analysis.symbolic.symbols)
        raise LayerError("render.code", f"the code hangs on {symbols}", fix="give these sizes as numbers")
    return texts.pop()


def _text(graph: Graph, unroll: bool, name: str) -> str:
    writer = _Writer(graph, name)
    net = unrolled(graph, name) if unroll else writer.net()
    blocks = [*(f"class {label}(nn.Module):\n{body}" for body, label in writer.made.items()), net]
    source = "\n\n\n".join(blocks)
    used = [line for word, line in _IMPORTS.items() if re.search(rf"(?<![\w.]){word}\.", source)]
    gap = "\n\n" if len(blocks) == 1 and not net.startswith("class") else "\n\n\n"
    return "\n".join([*used, "from torch import nn"]) + gap + source


class _Writer:
    """The classes of one design."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name
        self.made: dict[str, str] = {}
        """Names of classes by what is written inside of them."""
        own = any("dtype" in module.kwargs for module in graph.modules)
        self.each = graph.dtype if own else None
        """The dtype of the run where every module says it."""
        self.all = None if own else graph.dtype
        """The dtype of the run where it is said once for all."""

    def part(self, steps: Sequence[Step], source: Ref, result: Ref, label: str) -> str:
        """The name of the class that does these steps."""
        graph = self.graph
        says = f"From {_said(graph.tree(source))} to {_said(graph.tree(result))}."
        body = class_body(graph, steps, [("x", source)], result, says)
        if body not in self.made:
            self.made[body] = class_name(label, {self.name, *_IMPORTS, *self.made.values()})
        return self.made[body]

    def net(self) -> str:
        """The design itself."""
        graph = self.graph
        steps = Parts(graph, self.part, self.made, self.each).steps(nodes_of(graph.rows))
        says = f"From {self._taken()} to {_said_all(graph.outputs)}."
        variable = identifier(self.name.lower())
        end = f".to(torch.{self.all})" if self.all else ""
        if self._sequential(steps):
            entries = [entry for step in steps for entry in step.entries]
            lines = aligned(sequence(entries, f"{variable} = ", end))
            return "\n".join([f"# {says}", *(line.code for line in lines)])
        last = f"self.to(torch.{self.all})" if self.all else ""
        return f"class {self.name}(nn.Module):\n" + class_body(
            graph, steps, self._parameters(), graph.result, says, last
        )

    def _sequential(self, steps: Sequence[Step]) -> bool:
        """Whether the design is a chain without labels; its last layer may give several outputs."""
        result, fed = self.graph.result, Ref(None, (0,))
        if not steps or result is None or len(self.graph.inputs) != 1 or any(step.labelled for step in steps):
            return False
        *most, last = steps
        before = most[-1].gives if most else fed
        if not most or is_chain(most, fed, before):
            return last.source == before and last.gives == result
        return False

    def _parameters(self) -> list[tuple[str, Ref]]:
        """The arguments of ``forward``: those of the inputs that are no plain values."""
        found: dict[str, Ref] = {}
        for index, item in enumerate(self.graph.inputs):
            if item.feed is None or isinstance(item.feed, Literal):
                continue
            name = identifier(item.name) if item.name else "x" if index == 0 else self._called(index)
            found[distinct(name, found)] = Ref(None, (index,))
        return list(found.items())

    def _called(self, index: int) -> str:
        """What the layer that takes an input calls it."""
        for number, made in self.graph.arguments.items():
            inputs = self.graph.rows[number].bound.layer.inputs
            for place, item in enumerate(made):
                if item.wire == Ref(None, (index,)):
                    name = item.name or inputs[place].name
                    return name if not name.startswith("input") else "y"
        return "y"

    def _taken(self) -> str:
        parameters = self._parameters()
        told = [f"{name} {_said(self.graph.tree(ref))}" for name, ref in parameters]
        if len(told) == 1 and parameters[0][0] == "x":
            return _said(self.graph.tree(parameters[0][1]))
        return " and ".join(filter(None, [", ".join(told[:-1]), *told[-1:]])) or "nothing"


def _said(tree: Tree) -> str:
    """A value's shape, and its dtype where that is not the usual one."""
    dtype = f" {tree.dtype}" if isinstance(tree, Flow) and tree.dtype not in ("", "float32") else ""
    return shape_text(tree) + dtype


def _said_all(outputs: tuple[Tree, ...]) -> str:
    return _said(outputs[0]) if len(outputs) == 1 else shape_text(outputs)
