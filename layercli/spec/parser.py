"""Tokens to the tree: steps, labels, repeats, groups, and an op with its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.errors import Span
from layercli.spec import limits
from layercli.spec.references import Labels, read_reference
from layercli.spec.scalars import is_name, read_integer
from layercli.spec.scanner import END, NEWLINE, WORD, Scanner
from layercli.spec.tree import EITHER, Argument, Call, Chain, Group, Op, Reference, Spec, Step, Unit
from layercli.spec.values import holds_branches, read_values
from layercli.spec.within import WHOLE, Within

if TYPE_CHECKING:
    from layercli.spec import op_errors, step_errors
else:
    from layercli.spec.later import op_errors, step_errors

__all__ = ["parse", "parse_op", "parse_values"]

_AFTER_A_STEP = (END, NEWLINE, "|", ")")


def parse(text: str, open: bool = False) -> Spec:
    """A whole spec, in the shell's notation or one of PyTorch's. Raises LayerError with the span of what is wrong.

    ``open``: values may be left open (``_``, ``1..9``, ``3/5/7``), and steps (``{relu / gelu}``).
    """
    if len(text) <= limits.LENGTH and "(" in text:
        notation = _pytorch(text)
        if notation is not None:
            return notation
    scanner = Scanner(text, 0, len(text), open)
    parser = _Parser(scanner)
    chain, count = parser.chain(WHOLE)
    if not count:
        raise step_errors.no_layer(scanner, chain.span)
    parser.labels.check()
    return Spec(text, chain)


def _pytorch(text: str) -> Spec | None:
    """The spec of a text that is in one of PyTorch's notations."""
    if text.islower():  # a class has capitals, and few other specs do
        return None
    from layercli.spec.notations import looks_like_printed, looks_like_python

    if looks_like_printed(text):
        from layercli.spec.printed_model import parse_printed

        return parse_printed(text)
    if not looks_like_python(text):
        return None
    from layercli.spec.python_source import parse_python

    return parse_python(text)


def parse_op(source: str, start: int, end: int, open: bool = False) -> Op:
    """The one op that stands between two places of a larger text; its spans count from the start of that text."""
    scanner = Scanner(source, start, end, open)
    scanner.skip_newlines()
    parser = _Parser(scanner)
    word = parser.word()
    if word is None:
        raise op_errors.no_op(scanner)
    op, _ = parser.op(word, WHOLE)
    scanner.skip_newlines()
    if scanner.kind != END:
        raise op_errors.after_the_op(scanner)
    parser.labels.check()
    return op


def parse_values(source: str, start: int, end: int, open: bool = False) -> Argument:
    """The value that stands between two places of a larger text."""
    scanner = Scanner(source, start, end, open)
    begin = scanner.start
    if scanner.kind not in (WORD, "("):
        raise op_errors.no_value(scanner)
    items, is_tuple, stop = read_values(scanner)
    if scanner.kind != END:
        raise op_errors.after_the_value(scanner)
    return Argument(None, None, items, is_tuple, Span(begin, stop))


class _Parser:
    """Recursive descent, five calls to a level of nesting; counts come up with the nodes and are never expanded."""

    __slots__ = ("labels", "scanner")

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.labels = Labels()

    def chain(self, within: Within) -> tuple[Chain, int]:
        """Steps up to what ends the chain there, which is at the cursor then; and how many ops they expand to."""
        scanner = self.scanner
        begin = scanner.start
        scanner.skip_newlines()
        if within.ends(scanner.kind):
            return Chain((), Span(begin, begin)), 0
        if scanner.kind in _AFTER_A_STEP or (scanner.kind == ";" and within.opening is not None):
            raise step_errors.empty_chain(scanner, within)
        steps = []
        total = 0
        while True:
            step, count = self.step(within)
            steps.append(step)
            total += count
            if total > limits.STEPS:
                raise step_errors.too_many_steps(scanner, step.span)
            if not self.separator(within):
                break
        if scanner.kind == END and within.opening is not None:
            raise step_errors.unclosed(scanner, within)
        if scanner.kind == ")" and (within.opening is None or within.either):
            raise step_errors.unopened(scanner)
        span = steps[0].span if len(steps) == 1 else Span(steps[0].span.start, steps[-1].span.end)
        return Chain(tuple(steps), span), total

    def separator(self, within: Within) -> bool:
        """Go past what separates two steps; whether a step comes next."""
        scanner = self.scanner
        newline = scanner.skip_newlines()
        if scanner.kind in (END, ")") or within.ends(scanner.kind):
            return False
        if scanner.kind != "|":
            if newline and scanner.kind != ";":
                return True
            raise step_errors.no_separator(scanner, within)
        pipe = Span(scanner.start, scanner.stop)
        scanner.advance()
        scanner.skip_newlines()
        if scanner.kind in _AFTER_A_STEP or scanner.kind in (";", "}", "/"):
            raise step_errors.empty_step(scanner, pipe, within)
        return True

    def step(self, within: Within) -> tuple[Step, int]:
        """A unit with its label and repeat, and how many ops it expands to."""
        scanner = self.scanner
        start = scanner.start
        label, label_span = None, None
        repeat, repeat_span = 1, None
        word = self.word()
        if word is not None and scanner.kind == ":":
            label, label_span = self.label(word), word
            word = self.word()
        if word is not None and scanner.kind == "*":
            repeat, repeat_span = self.repeat(word), word
            word = self.word()
        unit: Unit
        if word is not None:
            unit, inner = self.named(word, within)
        elif scanner.kind == "(":
            unit, inner = self.group(within)
        elif scanner.kind == "@":
            unit, inner = self.referred(within), 1
        elif scanner.kind == "{":
            unit, inner = self.either(within)
        else:
            raise step_errors.no_unit(scanner, label_span, repeat_span)
        count = inner * repeat
        if label is not None:
            self.labels.complete[label] = None
        if repeat_span is not None and count > limits.STEPS:
            raise step_errors.too_many_steps(scanner, repeat_span)
        span = unit.span if label_span is None and repeat_span is None else Span(start, unit.span.end)
        return Step(label, label_span, repeat, unit, span), count

    def word(self) -> Span | None:
        """Go past a word, if there is one."""
        scanner = self.scanner
        if scanner.kind != WORD:
            return None
        span = Span(scanner.start, scanner.stop)
        scanner.advance()
        return span

    def label(self, word: Span) -> str:
        """The label that the word is, with its colon at the cursor."""
        label = self.scanner.source[word.start : word.end]
        if not is_name(label):
            raise step_errors.bad_label(self.scanner, word)
        if label in self.labels.met:
            raise step_errors.duplicate_label(self.scanner, word, label)
        self.labels.met.add(label)
        self.scanner.advance()
        return label

    def repeat(self, word: Span) -> int:
        """The repeat that the word is, with its "*" at the cursor."""
        text = self.scanner.source[word.start : word.end]
        if not text.isdigit():
            raise step_errors.bad_repeat(self.scanner, word)
        repeat = read_integer(self.scanner, text, word.start, word.end)
        if repeat == 0:
            raise step_errors.bad_repeat(self.scanner, word)
        self.scanner.advance()
        return repeat

    def group(self, within: Within) -> tuple[Group, int]:
        """The chain in parentheses at the cursor."""
        scanner = self.scanner
        opening = scanner.start
        inside = self.opened(within, branch=False)
        chain, count = self.chain(inside)
        scanner.advance()
        return Group(chain, Span(opening, scanner.last)), count

    def either(self, within: Within) -> tuple[Op, int]:
        """The chains to choose from in the braces at the cursor, and how many ops the longest expands to."""
        scanner = self.scanner
        opening = scanner.start
        inside = self.opened(within, branch=False)._replace(either=True)
        found = []
        while True:
            found.append(self.chain(inside))
            if scanner.kind != "/":
                break
            scanner.advance()
        scanner.advance()
        chains = tuple(chain for chain, _ in found)
        op = Op(EITHER, Span(opening, opening + 1), (), Span(opening, scanner.last), (), chains)
        return op, max(count for _, count in found)

    def opened(self, within: Within, branch: bool) -> Within:
        """What a chain stands in behind the "(" at the cursor, which goes past it."""
        scanner = self.scanner
        if within.depth == limits.NESTING:
            raise step_errors.too_deep(scanner)
        inside = Within(scanner.start, within.depth + 1, branch)
        scanner.advance()
        return inside

    def named(self, word: Span, within: Within) -> tuple[Unit, int]:
        """What the word names: an op, or a module in PyTorch's notation; and how many ops it expands to."""
        scanner = self.scanner
        name = scanner.source[word.start : word.end]
        if name.startswith(("nn.", "torch.")) or (name[0].isupper() and scanner.kind == "(" and scanner.glued):
            return self.call(word, within)
        return self.op(word, within)

    def call(self, word: Span, within: Within) -> tuple[Call | Group, int]:
        """The module in PyTorch's notation that begins with the word; and how many ops it expands to."""
        from layercli.spec.python_source import parse_call

        scanner = self.scanner
        if scanner.kind != "(":
            raise op_errors.no_call(scanner, word)
        unit, stop = parse_call(scanner.source, word.start, scanner.limit)
        scanner.stop = stop
        scanner.advance()
        if not self.ended(within):
            raise step_errors.no_separator(scanner, within)
        if not isinstance(unit, Group):
            return unit, 1
        self.labels.bring(scanner, unit.chain)
        return unit, Spec("", unit.chain).expanded_steps

    def ended(self, within: Within) -> bool:
        """Whether what is at the cursor ends a step."""
        kind = self.scanner.kind
        return kind in _AFTER_A_STEP or within.ends(kind)

    def referred(self, within: Within) -> Op:
        """The step that a bare reference at the cursor is: what it names, as it is."""
        reference = self.reference()
        if not self.ended(within):
            raise op_errors.after_a_bare_reference(self.scanner, reference.span, within)
        return Op("identity", reference.span, (), reference.span, (reference,))

    def reference(self) -> Reference:
        """The reference at the cursor."""
        reference = read_reference(self.scanner)
        self.labels.refer(self.scanner, reference)
        return reference

    def op(self, word: Span, within: Within) -> tuple[Op, int]:
        """The op that the word names, with what belongs to it from the cursor on; and how many ops it expands to."""
        scanner = self.scanner
        name = scanner.source[word.start : word.end]
        if not is_name(name):
            raise op_errors.bad_name(scanner, word)
        arguments: list[Argument] = []
        references: list[Reference] = []
        branches: tuple[Chain, ...] = ()
        keys: set[str] = set()
        count = 1
        while True:
            if scanner.kind == "@":
                if scanner.glued:
                    raise op_errors.glued_reference(scanner)
                references.append(self.reference())
            elif scanner.kind == "(" and holds_branches(scanner, value=not (references or scanner.glued)):
                branches, inner = self.branches(word, within)
                count += inner
                break
            elif references or scanner.kind not in (WORD, "("):
                break
            elif scanner.kind == WORD and scanner.following == "=":
                arguments.append(self.keyed(keys, within))
            elif scanner.start == word.end:
                raise op_errors.called(scanner, word)
            else:
                arguments.append(self.positional(within))
        if not self.ended(within):
            if branches:
                raise op_errors.after_the_branches(scanner, within)
            if references:
                raise op_errors.after_a_reference(scanner, within)
            raise op_errors.stray(scanner, word, arguments, within)
        if not (arguments or references or branches):
            return Op(name, word, (), word), 1
        return Op(name, word, tuple(arguments), Span(word.start, scanner.last), tuple(references), branches), count

    def branches(self, op: Span, within: Within) -> tuple[tuple[Chain, ...], int]:
        """The chains in the parentheses at the cursor, and how many ops they expand to."""
        scanner = self.scanner
        inside = self.opened(within, branch=True)
        chains: list[Chain] = []
        total = 0
        while True:
            chain, count = self.chain(inside)
            chains.append(chain)
            total += count
            if scanner.kind != ";":
                break
            if len(chains) == limits.BRANCHES:
                raise step_errors.too_many_branches(scanner, op)
            scanner.advance()
        scanner.advance()
        return tuple(chains), total

    def positional(self, within: Within) -> Argument:
        """The value at the cursor."""
        scanner = self.scanner
        if scanner.glued:
            raise op_errors.glued(scanner)
        start = scanner.start
        items, is_tuple, stop = read_values(scanner, within.branch)
        first = items[0].span
        span = first if first.start == start and first.end == stop else Span(start, stop)
        return Argument(None, None, items, is_tuple, span)

    def keyed(self, keys: set[str], within: Within) -> Argument:
        """The key at the cursor and its value."""
        scanner = self.scanner
        name, span = scanner.text, Span(scanner.start, scanner.stop)
        if scanner.glued:
            raise op_errors.glued(scanner)
        if not is_name(name):
            raise op_errors.bad_key(scanner)
        if name in keys:
            raise op_errors.duplicate_key(scanner)
        keys.add(name)
        scanner.advance()
        equals = scanner.start
        scanner.advance()
        if scanner.kind == "@" and scanner.glued:
            reference = self.reference()
            return Argument(name, span, (), False, Span(span.start, reference.span.end), reference)
        if not (scanner.kind == WORD or scanner.kind == "(") or not scanner.glued:
            raise op_errors.no_value_of_key(scanner, span, equals)
        items, is_tuple, stop = read_values(scanner, within.branch)
        return Argument(name, span, items, is_tuple, Span(span.start, stop))
