"""The lines of ``forward``: an expression for every step, and names for what is still needed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from layercli.analysis.flow import Flow, Tree
from layercli.layers.definition import Out, Outs, TensorIn, TupleIn
from layercli.plan import Literal, Ref, Wire
from layercli.render.code_graph import Graph
from layercli.render.code_lines import Line, statement
from layercli.render.code_names import distinct, identifier, plain, variable
from layercli.render.code_operations import INFIX, operation
from layercli.render.code_parts import OPERATION, PARAM, Step, shape_text
from layercli.render.code_values import literal

_UNPACKED = 3
"""So many outputs are unpacked; of more, a single one is taken by its number."""
_BY_PLACE = ("hx",)
"""Inputs that may be left out and are given by their place all the same."""
_ROOM = 72
"""Expressions longer than this are taken apart, so that their shape fits behind them."""


class Target(NamedTuple):
    """What stands before the ``=``, and what is taken out of the expression behind it."""

    text: str
    behind: str = ""
    shape: str = ""


class Forward:
    """The state of writing one ``forward``."""

    def __init__(
        self,
        graph: Graph,
        steps: Sequence[Step],
        attribute: Mapping[Ref, str],
        parameters: Sequence[tuple[str, Ref]],
        result: Ref | None,
    ) -> None:
        self.graph, self.steps, self.attribute, self.result = graph, steps, attribute, result
        self.named: dict[Ref, str] = {}
        """The expression by which a value is read."""
        self.live: dict[str, int] = {}
        """The variables and the last step that reads each."""
        self.pending: dict[Ref, tuple[int, str]] = {}
        """Branches of one call each, which may stand inside of what merges them."""
        self.written: list[Line] = []
        self.last: tuple[str, str, str] | None = None
        """The target of the last statement, its expression and its shape."""
        self.reads: dict[int | None, list[tuple[tuple[int, ...], int]]] = defaultdict(list)
        merged = self._merged()
        for index, step in enumerate(steps):
            for ref in step.refs():
                self.reads[ref.call].append((ref.path, merged.get(index, index)))
        self.merged = merged
        if result is not None:
            self.reads[result.call].append((result.path, len(steps)))
        for name, ref in parameters:
            self._name(ref, name)

    # --- what is read where ---

    def _read_at(self, ref: Ref) -> list[int]:
        """The steps that read the value or a part of it."""
        return [index for path, index in self.reads[ref.call] if path[: len(ref.path)] == ref.path]

    def _merged(self) -> dict[int, int]:
        """The steps that are all that their branch computes, and the steps that merge those branches."""
        alone = Counter(step.branch for step in self.steps if step.kind != PARAM)
        readers: dict[Ref, list[int]] = defaultdict(list)
        for index, step in enumerate(self.steps):
            for ref in step.refs():
                readers[ref._replace(path=())].append(index)
        found: dict[int, int] = {}
        for index in range(len(self.steps) - 1, -1, -1):
            step = self.steps[index]
            by = readers[step.gives._replace(path=())] if step.gives.call is not None else []
            if not step.branch or step.kind == PARAM or alone[step.branch] != 1 or len(by) != 1:
                continue
            closed = step.kind != OPERATION or step.row.bound.layer.torch not in INFIX
            taken = self.result is not None and self.result.call == step.gives.call
            into = self.steps[by[0]]
            between = range(index + 1, by[0])
            if any(found.get(place) != by[0] and self.steps[place].kind != PARAM for place in between):
                continue  # what is computed between them would come first
            if (
                closed
                and not taken
                and into.kind == OPERATION
                and isinstance(step.tree, Flow)
                and not self._parts(step)
            ):
                found[index] = by[0]
        return found

    def _parts(self, step: Step) -> bool:
        """Whether the step gives a tuple that has to be taken apart."""
        return step.gives.path == () and not self.graph.lone(cast("int", step.gives.call))

    # --- lines ---

    def lines(self) -> list[Line]:
        """The body of ``forward``."""
        for index, step in enumerate(self.steps):
            if step.kind == PARAM:
                self.named[step.gives] = f"self.{self.attribute[step.gives]}"
                continue
            code = self._expression(step)
            if index in self.merged:
                self.pending[step.gives] = index, code
                self.named[step.gives] = code
                continue
            if len(code) > _ROOM:
                code = self._shorter(step, index) or code
            self._assign(step, index, code)
        self._return()
        return self.written

    def _shorter(self, step: Step, index: int) -> str:
        """The expression with its branches computed before it; empty where it has none inside."""
        inside = [ref for ref in step.refs() if ref in self.pending]
        for ref in inside:
            place, code = self.pending.pop(ref)
            self._assign(self.steps[place], index - 1, code)
        return self._expression(step) if inside else ""

    def _assign(self, step: Step, index: int, code: str) -> None:
        target = self._target(step, index)
        self.last = target.text, code + target.behind, target.shape
        self.written += statement(f"{target.text} = {code}{target.behind}", target.shape)

    def _return(self) -> None:
        if self.result is None:
            self.written.append(Line("return None"))
            return
        name = self._value(self.result)
        if self.last is not None and self.last[0] == name and self.written:
            size = len(statement(f"{name} = {self.last[1]}", self.last[2]))
            self.written[-size:] = statement(f"return {self.last[1]}", self.last[2])
        else:
            self.written.append(Line(f"return {name}"))

    # --- names ---

    def _name(self, ref: Ref, name: str) -> str:
        self.named[ref] = name
        self.live[name] = max(self._read_at(ref), default=-1)
        return name

    def _target(self, step: Step, index: int) -> Target:
        """Names for what a step gives, as far as it is read."""
        gives = step.gives
        self.live = {name: last for name, last in self.live.items() if last > index or self._reads_of(step, name)}
        if not self._parts(step):
            return Target(self._new(gives, step, index), shape=shape_text(step.tree))
        used = {path for path, _ in self.reads[gives.call]}
        if () in used:
            return Target(self._new(gives, step, index), shape=shape_text(step.tree))
        outputs = step.row.bound.outputs
        one = len(used) == 1
        if one and len(outputs) > _UNPACKED:
            (path,) = used
            behind = "".join(f"[{place}]" for place in path)
            ref = gives._replace(path=path)
            return Target(self._new(ref, step, index), behind, shape_text(self.graph.tree(ref)))
        text = ", ".join(
            self._pattern(gives._replace(path=(place,)), item, used, step, index) for place, item in enumerate(outputs)
        )
        shown = self.graph.tree(gives._replace(path=next(iter(used)))) if one else step.tree
        return Target(text, shape=shape_text(shown))

    def _reads_of(self, step: Step, name: str) -> bool:
        return any(self.named.get(ref) == name for ref in step.refs())

    def _pattern(self, ref: Ref, tree: Tree, used: set[tuple[int, ...]], step: Step, index: int) -> str:
        if ref.path in used:
            return self._new(ref, step, index)
        size = len(ref.path)
        if (
            isinstance(tree, tuple)
            and not isinstance(tree, (Flow, Literal))
            and any(p[:size] == ref.path for p in used)
        ):
            inner = [
                self._pattern(ref._replace(path=(*ref.path, place)), item, used, step, index)
                for place, item in enumerate(tree)
            ]
            return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
        return "_"

    def _new(self, ref: Ref, step: Step, index: int) -> str:
        """A name for a value, of which no value that is still needed has it."""
        reads = self._read_at(ref)
        if not reads:
            return "_"
        taken = {name for name, last in self.live.items() if last > index}
        label = self._label(ref)
        passes = len(reads) == 1 and reads[0] <= index + 1 + self._silent(index)
        part = label and label != self.graph.names.get(ref)
        if label and (part or not passes):
            return self._name(ref, distinct(label, taken))
        said = _output_name(step, ref.path)
        if said:
            return self._name(ref, distinct(said, taken))
        free = {name for name in self.live if plain(name) and name not in taken and self._reads_of(step, name)}
        return self._name(ref, variable(taken, free))

    def _label(self, ref: Ref) -> str:
        """What the design calls a value; parts of one operation by the label and their places."""
        parts = {path for path, _ in self.reads[ref.call]}
        label = self.graph.names.get(ref._replace(path=(0,)) if len(ref.path) == 1 else ref, "")
        named = ref.call is not None and self.graph.rows[ref.call].bound.layer.operation
        if label and named and ref.path and len(parts) > 1:
            return f"{label}{ref.path[0]}"
        return self.graph.names.get(ref, "")

    def _silent(self, index: int) -> int:
        """How many of the steps behind this one have no line of their own."""
        count = 0
        for place in range(index + 1, len(self.steps)):
            if self.steps[place].kind != PARAM and place not in self.merged:
                break
            count += 1
        return count

    # --- expressions ---

    def _value(self, ref: Ref) -> str:
        """How a value is read: by its name, or out of a tuple that has one."""
        for size in range(len(ref.path), -1, -1):
            name = self.named.get(ref._replace(path=ref.path[:size]))
            if name is not None:
                return name + "".join(f"[{place}]" for place in ref.path[size:])
        raise LookupError(f"nothing gives {ref}")

    def _wire(self, wire: Wire | Literal) -> str:
        if isinstance(wire, Literal):
            return literal(wire.value)
        if isinstance(wire, Ref):
            return self._value(wire)
        if wire is None:
            return "None"
        items = ", ".join(map(self._wire, wire))
        return f"({items},)" if len(wire) == 1 else f"({items})"

    def _expression(self, step: Step) -> str:
        if step.kind == OPERATION:
            first = next(step.refs(), None)
            tree = self.graph.numbers(first) if first is not None else None
            shape = tree.shape if isinstance(tree, Flow) else ()
            operands = [self._wire(item.wire) for item in step.reads]
            code = operation(step.row.bound.layer.torch, operands, self._settings(step), shape)
            single = step.row.bound.layer.torch == "torch.chunk" and len(step.row.bound.outputs) == 1
            return f"{code}[0]" if single else code
        return f"self.{self.attribute[step.gives]}({', '.join(self._arguments(step))})"

    def _settings(self, step: Step) -> Mapping[str, Any]:
        """The arguments of an operation; a learned tensor is stretched over whatever batch it is joined to."""
        arguments, output = step.row.bound.args, step.row.bound.outputs[0]
        if step.row.bound.layer.name == "crop" and arguments["size"] is None and isinstance(output, Flow):
            return {"size": output.shape[2:]}
        if step.row.bound.layer.name != "expand" or step.row.bound.given.spans:
            return arguments
        readers = (other for other in self.steps if any(ref == step.gives for ref in other.refs()))
        beside = [ref for other in readers for ref in other.refs() if ref in self.named and ref not in self.pending]
        batch = next((self.named[ref] for ref in beside if self.named[ref].isidentifier()), "")
        return {"shape": (f"{batch}.size(0)", *arguments["shape"][1:])} if batch else arguments

    def _arguments(self, step: Step) -> list[str]:
        """What a module is called with: needed inputs by their places, others by their names."""
        inputs = step.row.bound.layer.inputs
        said = [self._wire(item.wire) for item in step.reads if item.name is None]
        named = {item.name: item.wire for item in step.reads if item.name is not None}
        for item in inputs[len(said) :]:
            needed = isinstance(item, (TensorIn, TupleIn)) and (not item.optional or item.name in _BY_PLACE)
            if item.name not in named or not needed:
                break
            said.append(self._wire(named.pop(item.name)))
        return said + [f"{name}={self._wire(wire)}" for name, wire in named.items()]


def _output_name(step: Step, path: tuple[int, ...]) -> str:
    """What torch calls an output behind the first of a module; empty for parts that are all alike."""
    if step.kind == OPERATION or path in ((), (0,)) or not path:
        return ""
    outs = [out for out in step.row.bound.layer.outputs if isinstance(out, Outs) or out.name]
    if path[0] >= len(outs):
        return ""
    out = outs[path[0]]
    if isinstance(out, Out):
        return identifier(out.name)
    return "state" if len(path) == 1 else identifier(out.items[path[1]].name)
