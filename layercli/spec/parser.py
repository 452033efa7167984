"""Tokens to the tree: steps, labels, repeats, groups, and an op with its arguments."""

from __future__ import annotations

from layercli.errors import Span
from layercli.spec import limits, op_errors, step_errors
from layercli.spec.scalars import is_name, read_integer
from layercli.spec.scanner import END, NEWLINE, WORD, Scanner
from layercli.spec.tree import Argument, Chain, Group, Op, Spec, Step
from layercli.spec.values import holds_branches, read_values, reference

__all__ = ["parse", "parse_op", "parse_values"]

_AFTER_A_STEP = (END, NEWLINE, "|", ")")


def parse(text: str) -> Spec:
    """A whole spec. Raises LayerError with the span of what is wrong."""
    scanner = Scanner(text, 0, len(text))
    return Spec(text, _Parser(scanner).chain(None, 0)[0])


def parse_op(source: str, start: int, end: int) -> Op:
    """The one op that stands between two places of a larger text; its spans count from the start of that text."""
    scanner = Scanner(source, start, end)
    scanner.skip_newlines()
    parser = _Parser(scanner)
    word = parser.word()
    if word is None:
        raise op_errors.no_op(scanner)
    op = parser.op(word)
    scanner.skip_newlines()
    if scanner.kind != END:
        raise op_errors.after_the_op(scanner)
    return op


def parse_values(source: str, start: int, end: int) -> Argument:
    """The value that stands between two places of a larger text."""
    scanner = Scanner(source, start, end)
    begin = scanner.start
    if scanner.kind == "@":
        raise reference(scanner, "write a value in its place")
    if scanner.kind not in (WORD, "("):
        raise op_errors.no_value(scanner)
    items, is_tuple, stop = read_values(scanner)
    if scanner.kind != END:
        raise op_errors.after_the_value(scanner)
    return Argument(None, None, items, is_tuple, Span(begin, stop))


class _Parser:
    """Recursive descent, three calls to a level of nesting; counts come up with the nodes and are never expanded."""

    __slots__ = ("labels", "scanner")

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.labels: set[str] = set()

    def chain(self, opening: int | None, depth: int) -> tuple[Chain, int]:
        """Steps up to the end or, after an opening parenthesis, up to ")"; and how many ops they expand to."""
        scanner = self.scanner
        scanner.skip_newlines()
        if scanner.kind in _AFTER_A_STEP:
            raise step_errors.empty_chain(scanner, opening)
        steps = []
        total = 0
        while True:
            step, count = self.step(depth)
            steps.append(step)
            total += count
            if total > limits.STEPS:
                raise step_errors.too_many_steps(scanner, step.span)
            if not self.separator(opening):
                break
        if scanner.kind == END and opening is not None:
            raise step_errors.unclosed(scanner, opening)
        if scanner.kind == ")" and opening is None:
            raise step_errors.unopened(scanner)
        span = steps[0].span if len(steps) == 1 else Span(steps[0].span.start, steps[-1].span.end)
        return Chain(tuple(steps), span), total

    def separator(self, opening: int | None) -> bool:
        """Go past what separates two steps; whether a step comes next."""
        scanner = self.scanner
        newline = scanner.skip_newlines()
        if scanner.kind in (END, ")"):
            return False
        if scanner.kind != "|":
            if newline:
                return True
            raise step_errors.no_separator(scanner)
        pipe = Span(scanner.start, scanner.stop)
        scanner.advance()
        scanner.skip_newlines()
        if scanner.kind in _AFTER_A_STEP:
            raise step_errors.empty_step(scanner, pipe, opening)
        return True

    def step(self, depth: int) -> tuple[Step, int]:
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
        unit: Op | Group
        if word is not None:
            unit, count = self.op(word), repeat
        elif scanner.kind == "(":
            unit, inner = self.group(depth)
            count = inner * repeat
        else:
            raise step_errors.no_unit(scanner, label_span, repeat_span)
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
        if label in self.labels:
            raise step_errors.duplicate_label(self.scanner, word)
        self.labels.add(label)
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

    def group(self, depth: int) -> tuple[Group, int]:
        """The chain in parentheses at the cursor."""
        scanner = self.scanner
        if depth == limits.NESTING:
            raise step_errors.too_deep(scanner)
        opening = scanner.start
        scanner.advance()
        chain, count = self.chain(opening, depth + 1)
        scanner.advance()
        return Group(chain, Span(opening, scanner.last)), count

    def op(self, word: Span) -> Op:
        """The op that the word names, with its arguments from the cursor on."""
        scanner = self.scanner
        name = scanner.source[word.start : word.end]
        if not is_name(name):
            raise op_errors.bad_name(scanner, word)
        if scanner.kind == "(" and scanner.glued:
            raise op_errors.called(scanner, word)
        arguments: list[Argument] = []
        keys: set[str] = set()
        while scanner.kind == WORD or scanner.kind == "(":
            if scanner.kind == WORD and scanner.following == "=":
                arguments.append(self.keyed(keys))
            else:
                arguments.append(self.positional(word))
        if scanner.kind not in _AFTER_A_STEP:
            raise op_errors.stray(scanner, word, arguments)
        if not arguments:
            return Op(name, word, (), word)
        return Op(name, word, tuple(arguments), Span(word.start, arguments[-1].span.end))

    def positional(self, op: Span) -> Argument:
        """The value at the cursor."""
        scanner = self.scanner
        if scanner.kind == "(" and holds_branches(scanner):
            raise op_errors.branches(scanner, op)
        if scanner.glued:
            raise op_errors.glued(scanner)
        start = scanner.start
        items, is_tuple, stop = read_values(scanner)
        first = items[0].span
        span = first if first.start == start and first.end == stop else Span(start, stop)
        return Argument(None, None, items, is_tuple, span)

    def keyed(self, keys: set[str]) -> Argument:
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
        if not (scanner.kind == WORD or scanner.kind == "(") or not scanner.glued:
            raise op_errors.no_value_of_key(scanner, span, equals)
        items, is_tuple, stop = read_values(scanner)
        return Argument(name, span, items, is_tuple, Span(span.start, stop))
