"""A cell that is fed a sequence step by step, as the loop that people write for it."""

from __future__ import annotations

from layercli.analysis.flow import Flow, Tree
from layercli.plan import Ref
from layercli.render.code_graph import Graph
from layercli.render.code_lines import INDENT
from layercli.render.code_names import short
from layercli.render.code_parts import shape_text
from layercli.render.code_values import constructor


def unrolled(graph: Graph, name: str) -> str:
    """The class whose ``forward`` loops over the first axis of its input."""
    row = graph.rows[0]
    sequence, state = graph.tree(Ref(None, (0,))), _state(row.bound.outputs)
    attribute = short(row.bound.layer.torch)
    given = len(graph.inputs) > 1
    parts = [str(item.name or row.bound.layer.inputs[place].name) for place, item in enumerate(graph.inputs)][1:]
    lines = [
        f"class {name}(nn.Module):",
        f'{INDENT}"""From {shape_text(sequence)}, step by step, to {shape_text(state)}."""',
        "",
        f"{INDENT}def __init__(self):",
        f"{INDENT * 2}super().__init__()",
        f"{INDENT * 2}self.{attribute} = {constructor(graph.modules[0])}",
        *([f"{INDENT * 2}self.to(torch.{graph.dtype})"] if graph.dtype else []),
        "",
        f"{INDENT}def forward(self, sequence{''.join(f', {part}' for part in parts) if given else ', hx=None'}):",
        *([f"{INDENT * 2}hx = ({', '.join(parts)})"] if len(parts) > 1 else []),
        *([f"{INDENT * 2}hx = {parts[0]}"] if len(parts) == 1 and parts[0] != "hx" else []),
        f"{INDENT * 2}for x in sequence:",
        f"{INDENT * 3}hx = self.{attribute}(x, hx)  # {shape_text(state)}",
        f"{INDENT * 2}return hx",
    ]
    return "\n".join(lines)


def _state(outputs: tuple[Tree, ...]) -> Tree:
    return outputs[0] if len(outputs) == 1 and isinstance(outputs[0], Flow) else outputs
