"""References: ``@name`` and ``@name.1.0``, and whether what they name has been met by then."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.errors import LayerError, Span
from layercli.spec.scalars import is_name, read_integer
from layercli.spec.scanner import WORD, Scanner, quote
from layercli.spec.tree import Chain, Group, Reference

__all__ = ["Labels", "read_reference"]

_LABEL_FIRST = "write a label before a step, such as enc: relu"
_COMPARED, _COMPARED_LENGTH = 1_000, 100
"""How many labels before a wrong one are compared with it, and how long they may be: more would take long."""


def read_reference(scanner: Scanner) -> Reference:
    """The reference whose "@" is at the cursor, which goes past it."""
    start, at = scanner.start, scanner.stop
    scanner.advance()
    if scanner.kind != WORD or not scanner.glued:
        raise _no_label(scanner, start, at)
    name, *parts = scanner.text.split(".")
    if not is_name(name) or not all(map(str.isdigit, parts)):
        raise _malformed(scanner, start)
    path = []
    place = scanner.start + len(name)
    for part in parts:
        path.append(read_integer(scanner, part, place + 1, place + 1 + len(part)))
        place += 1 + len(part)
    reference = Reference(name, tuple(path), Span(start, scanner.stop))
    scanner.advance()
    return reference


def _no_label(scanner: Scanner, start: int, at: int) -> LayerError:
    """A "@" with nothing right after it."""
    spaced = scanner.kind == WORD
    fix = f"leave the space out: {quote('@' + scanner.text)}" if spaced else "write one, such as @enc"
    return scanner.error("spec.reference", 'no label stands right after "@"', fix, start, at)


def _malformed(scanner: Scanner, start: int) -> LayerError:
    """A word after "@" that is no label, or whose part is no number."""
    name = scanner.text.partition(".")[0]
    fix = "write a label, a letter first, such as @enc"
    if is_name(name):
        whole = "@" + scanner.text.rstrip(".")
        trailing = all(map(str.isdigit, whole.split(".")[1:]))
        fix = f"write {quote(whole)}" if trailing else "write numbers for a part of it, such as @enc.1"
    return scanner.error("spec.reference", f"{quote('@' + scanner.text)} is no reference", fix, start)


class Labels:
    """The labels of a spec as they are met: a step may refer to those that stand before it and are complete."""

    __slots__ = ("complete", "met", "several", "unmet")

    def __init__(self) -> None:
        self.met: set[str] = set()
        self.complete: dict[str, None] = {}
        """In their order."""
        self.several: set[str] = set()
        """Names that modules of one call in PyTorch's notation share."""
        self.unmet: tuple[Scanner, Reference, int] | None = None
        """The first reference to what has not been met yet, and how many labels were complete by then.

        It may be met later, which is another mistake, so that it is told at the end; what follows it is not looked at.
        """

    def bring(self, scanner: Scanner, chain: Chain) -> None:
        """Notes the names of the modules in a call, which are labels too; LayerError where one is a step's already."""
        names = list(_names(chain))
        for name, span in names:
            if name in self.met:
                from layercli.spec.step_errors import duplicate_label

                raise duplicate_label(scanner, span, name)
        for name, _ in names:
            (self.several if name in self.met else self.met).add(name)
            self.complete[name] = None

    def refer(self, scanner: Scanner, reference: Reference) -> None:
        """Notes a reference; LayerError where it names the step that it stands in."""
        name, _, span = reference
        if self.unmet is not None:
            return
        if name in self.several:
            message = f"{quote('@' + name)} could be any of several modules"
            raise scanner.error("spec.reference", message, "write a label of its own before the step meant", *span)
        if name in self.complete:
            return
        if name in self.met:
            message = f"{quote('@' + name)} stands inside the step that it names"
            raise scanner.error("spec.reference", message, "refer to a step that is complete by then", *span)
        self.unmet = scanner, reference, len(self.complete)

    def check(self) -> None:
        """Raises the error of the first reference that names nothing before it, once all labels are known."""
        if self.unmet is None:
            return
        scanner, (name, _, span), count = self.unmet
        if name in self.met:
            message, fix = f"the label {quote(name)} stands after this", "refer to a step that comes before"
            raise scanner.error("spec.reference", message, fix, *span)
        before = list(self.complete)[max(0, count - _COMPARED) : count]
        near = _nearest(name, before)
        fix = f"refer to a step before, such as {quote('@' + before[-1])}" if before else _LABEL_FIRST
        fix = f"did you mean @{near}?" if near else fix
        error = scanner.error("spec.unknown-label", f"no step has the label {quote(name)}", fix, *span)
        error.suggestions = (f"@{near}",) if near else ()
        raise error


def _names(chain: Chain) -> Iterator[tuple[str, Span]]:
    for step in chain.steps:
        if step.label is not None:
            yield step.label, step.label_span or step.span
        if isinstance(step.unit, Group):
            yield from _names(step.unit.chain)


def _nearest(name: str, labels: list[str]) -> str | None:
    """The label that the name was probably meant to be."""
    if len(name) > _COMPARED_LENGTH:
        return None
    from difflib import get_close_matches

    near = get_close_matches(name, [label for label in labels if len(label) <= _COMPARED_LENGTH], n=1)
    return near[0] if near else None
