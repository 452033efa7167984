"""What ``print(model)`` shows, line by line: classes, arguments and children, but not all arguments and no forward."""

from __future__ import annotations

import re

from layercli.errors import LayerError, Span, short
from layercli.spec import limits
from layercli.spec.printed_leaf import Leaf, leaf_of
from layercli.spec.printed_parts import HAS_PARTS, Children, recovered
from layercli.spec.python_text import refuse_length
from layercli.spec.tree import Call, Chain, Custom, Group, Spec, Step, Unit

__all__ = ["parse_printed"]

_LINE = re.compile(r"[^\n]*")
_ENTRY = re.compile(r"\(([^()]*)\): +")
_TIMES = re.compile(r"(\d+) x (?=\S)")
_NAME = re.compile(r"[^\s()]+(?=\()")
_NO_MODULE = re.compile(r"None$|(Parameter|Tensor) containing: |Object of type: ")
"""What torch shows among the children and is no module: a place left empty, the entries of a ParameterList."""
_NO_FORWARD = ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
_PROMPTS = (">>>", "...")
_CUT = frozenset(".… ")


def parse_printed(text: str) -> Spec:
    """A whole text that ``print(model)`` wrote, perhaps with the prompt before it. Every call in it is ``printed``."""
    refuse_length(text)
    reader = _Reader(text)
    for match in _LINE.finditer(text):
        line = match.group().strip("\ufeff \t\r\f\v")
        if line:
            reader.line(line, match.start() + match.group().index(line))
    return reader.spec()


class _Block:
    """A class whose children follow on lines of their own."""

    __slots__ = ("children", "count", "extra", "name", "names", "opening", "start", "times")

    def __init__(self, name: Span, start: int, times: int) -> None:
        self.name = name
        self.start = start
        """Of the entry, its label included."""
        self.times = times
        self.opening = name.end
        self.children: list[Step] = []
        self.names: list[str] = []
        self.extra: list[Span] = []
        self.count = 1


class _Reader:
    """The blocks that are open; each becomes a unit when its parenthesis closes."""

    __slots__ = ("leaves", "model", "open", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.open: list[tuple[str, _Block]] = []
        self.model: Unit | None = None
        self.leaves: dict[str, Leaf | None] = {}
        """Lines that read alike are read once: a net has few different ones."""

    def line(self, line: str, start: int) -> None:
        """Take in one line."""
        end = start + len(line)
        if line.startswith(_PROMPTS[0]) or (line.startswith(_PROMPTS[1]) and self.model is None and not self.open):
            return
        if self.model is not None:
            if line == ")":
                raise self.error(Span(start, end), "no parenthesis is open here", 'remove this ")"', "spec.unopened")
            raise self.error(Span(start, end), "the model has ended before this line", "remove what follows the model")
        if line == ")":
            if not self.open:
                raise self.error(Span(start, end), "no parenthesis is open here", 'remove this ")"', "spec.unopened")
            self.close(end)
        elif not self.open:
            if not self.module("", line, start, start):
                fix = 'begin with the line of the whole model, such as "Sequential("'
                raise self.error(Span(start, end), f"{self.shown(start, end)} is no module", fix)
        else:
            self.inner(line, start)

    def inner(self, line: str, start: int) -> None:
        """A line within a block: a child, or what the class says of itself."""
        end = start + len(line)
        block = self.open[-1][1]
        entry = _ENTRY.match(line)
        if entry is None:
            if _CUT.issuperset(line):
                raise self.error(Span(start, end), "the model is cut short here", "give all that print(model) shows")
            block.extra.append(Span(start, end))
        elif _NO_MODULE.match(line, entry.end()):
            block.extra.append(Span(start, end))
        elif not self.module(entry[1], line[entry.end() :], start, start + entry.end()):
            message = f"{self.shown(start + entry.end(), end)} is no module as print(model) shows one"
            raise self.error(Span(start + entry.end(), end), message, "give the text as print(model) wrote it")

    def module(self, name: str, line: str, start: int, at: int) -> bool:
        """A module, which begins at ``at``, of this name in its block; whether it is one."""
        times = _TIMES.match(line)
        repeat = self.times(times, at) if times else 1
        skipped = times.end() if times else 0
        found = _NAME.match(line, skipped)
        if found is None or not line.endswith((")", "(")):
            return False
        named = Span(at + skipped, at + found.end())
        if line.endswith("(") and found.end() == len(line) - 1:
            if len(self.open) >= limits.NESTING:
                message = f"modules are nested more than {limits.NESTING} deep here"
                raise self.error(named, message, "give one of the inner modules alone", "limit.nesting")
            self.open.append((name, _Block(named, start, repeat)))
            return True
        if not line.endswith(")"):
            return False
        unit = self.leaf(line[skipped:], named)
        self.put(name, unit, start, repeat, 1)
        return True

    def leaf(self, line: str, named: Span) -> Unit:
        """A module on one line."""
        if line not in self.leaves:
            self.leaves[line] = leaf_of(line, named.end - named.start)
        leaf, name = self.leaves[line], self.text[named.start : named.end]
        span = Span(named.start, named.start + len(line))
        if name == "Sequential" and line == "Sequential()":
            return Group(Chain((), span), span)
        if leaf is None or name in HAS_PARTS or name in _NO_FORWARD:
            return Custom(name, named, (), span)
        spans = tuple((key, Span(named.start + at.start, named.start + at.end)) for key, at in leaf.spans)
        return Call(name, named, leaf.args, leaf.kwargs, span, spans, printed=True)

    def close(self, end: int) -> None:
        """The innermost block has ended."""
        name, block = self.open.pop()
        span = Span(block.name.start, end)
        self.put(name, self.unit(block, span), block.start, block.times, block.count)

    def unit(self, block: _Block, span: Span) -> Unit:
        """What a block with children is: a group, a known class, or a class of the user's own."""
        name = self.text[block.name.start : block.name.end]
        steps = tuple(block.children)
        if name == "Sequential" and not block.extra:
            return Group(Chain(steps, span), span)
        if name in HAS_PARTS:
            children: Children = dict(zip(block.names, steps))
            said = leaf_of(f"_({self.text[block.extra[0].start : block.extra[0].end]})", 1) if block.extra else None
            kwargs = recovered(name, children, said.kwargs if said else ())
            if kwargs is not None and len(children) == len(steps):
                return Call(name, block.name, (), tuple(kwargs.items()), span, printed=True)
        return Custom(name, block.name, steps, span)

    def put(self, name: str, unit: Unit, start: int, times: int, count: int) -> None:
        """Add a module to the block around it, or end with it."""
        if not self.open:
            self.model = unit
            return
        block = self.open[-1][1]
        block.count += count * times
        if block.count > limits.STEPS:
            message = f"with this, the model expands to more than {limits.STEPS:,} modules"
            raise self.error(unit.span, message, "give a smaller model", "limit.steps")
        label_span = Span(start + 1, start + 1 + len(name))
        label = name if name.isidentifier() else None
        step_span = Span(start, unit.span.end)
        block.children.append(Step(label, label_span if label is not None else None, times, unit, step_span))
        block.names.append(name)

    def times(self, match: re.Match[str], at: int) -> int:
        """How often a module stands in a list, ``4 x`` before it."""
        digits = match[1]
        if len(digits) > len(str(limits.STEPS)) or int(digits) > limits.STEPS:
            span = Span(at, at + len(digits))
            message = f"with this, the model expands to more than {limits.STEPS:,} modules"
            raise self.error(span, message, "give a smaller model", "limit.steps")
        if int(digits) == 0:
            raise self.error(Span(at, at + len(digits)), "0 repeats a module no times", "remove this line")
        return int(digits)

    def spec(self) -> Spec:
        """The whole, once every line is in."""
        if self.open:
            opening = self.open[-1][1].opening
            span = Span(opening, opening + 1)
            raise self.error(
                span, "this parenthesis is not closed", "give all that print(model) shows", "spec.unclosed"
            )
        whole = Span(0, len(self.text))
        if self.model is None:
            raise self.error(whole, "the text shows no model", "give what print(model) shows", "spec.empty")
        unit = self.model
        if isinstance(unit, Group):
            spec = Spec(self.text, unit.chain)
        else:
            spec = Spec(self.text, Chain((Step(None, None, 1, unit, unit.span),), unit.span))
        if not spec.expanded_steps:
            raise self.error(unit.span, "the model holds no layer", "give a model that does", "spec.empty")
        return spec

    def shown(self, start: int, end: int) -> str:
        """A piece of the text, as a message quotes it."""
        return f'"{short(self.text[start:end])}"'

    def error(self, span: Span, message: str, fix: str, code: str = "spec.printed-model") -> LayerError:
        """An error at a place of the text."""
        return LayerError(code, message, span=span, fix=fix, source=self.text)
