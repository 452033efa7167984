"""One class of printed code: what ``__init__`` builds, and ``forward`` line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap

from layercli.plan import Ref
from layercli.render.code_forward import Forward
from layercli.render.code_graph import Graph
from layercli.render.code_lines import WIDTH, Line, aligned, indented, statement
from layercli.render.code_names import attributes
from layercli.render.code_parts import MODULE, OPERATION, PARAM, Step, chain
from layercli.render.code_sequence import sequence

_MANY = 4
"""Layers in a chain of so many share an attribute; a branch that is a chain has one however short it is."""


def class_body(
    graph: Graph,
    steps: Sequence[Step],
    parameters: Sequence[tuple[str, Ref]],
    result: Ref | None,
    says: str,
    end: str = "",
) -> str:
    """The class without its first line. ``says``: its docstring; ``end``: the last line of ``__init__``, if any."""
    steps = gathered(steps, result)
    held = [step for step in steps if step.kind != OPERATION]
    names = attributes([_wish(step) for step in held])
    attribute = {step.gives: name for step, name in zip(held, names)}
    lines = [*(Line(text) for text in wrap(f'"""{says}"""', WIDTH)), Line("")]
    if held:
        lines += [Line("def __init__(self):"), Line("super().__init__()").indented()]
        for step, name in zip(held, names):
            lines += indented(_made(step, name))
        lines += [*([Line(end).indented()] if end else []), Line("")]
    heads = ", ".join(["self", *(name for name, _ in parameters)])
    body = Forward(graph, steps, attribute, parameters, result).lines()
    lines += [*statement(f"def forward({heads}):", depth=1), *indented(aligned(body, depth=2))]
    return "\n".join(line.code for line in indented(lines))


def gathered(steps: Sequence[Step], result: Ref | None) -> list[Step]:
    """The steps with chains of layers without labels as one: those that a branch is, and long ones."""
    reads: dict[Ref, int] = {}
    for step in steps:
        for ref in step.refs():
            reads[ref] = reads.get(ref, 0) + 1
    if result is not None:
        reads[result] = reads.get(result, 0) + 1
    runs: list[list[Step]] = []
    for step in steps:
        before = runs[-1][-1] if runs else None
        if before is not None and reads.get(before.gives) == 1 and _follows(step, before):
            runs[-1].append(step)
        else:
            runs.append([step])
    inside = Counter(step.branch for step in steps)
    found: list[Step] = []
    for run in runs:
        whole = bool(run[0].branch) and inside[run[0].branch] == len(run)
        if len(run) > 1 and (whole or sum(len(step.entries) for step in run) >= _MANY):
            found.append(chain(run)._replace(name="branch" if whole else "layers"))
        else:
            found += run
    return found


def _follows(step: Step, before: Step) -> bool:
    """Whether a step goes on with the chain that the one before it is in."""
    place = step.branch == before.branch and step.prefix == before.prefix
    return (
        place
        and step.chains
        and before.chains
        and not (step.labelled or before.labelled)
        and step.source == before.gives
    )


def _wish(step: Step) -> tuple[str, bool]:
    """What a step's attribute would be called, and whether that is a label."""
    return (f"{step.prefix}_{step.name}" if step.prefix else step.name), step.labelled


def _made(step: Step, name: str) -> list[Line]:
    if step.kind == PARAM:
        sizes = ", ".join(map(str, step.row.bound.args["shape"])) or "()"
        return statement(f"self.{name} = nn.Parameter(torch.zeros({sizes}))")
    assert step.kind == MODULE
    return sequence(step.entries, start=f"self.{name} = ", depth=2)
