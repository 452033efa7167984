"""References: ``@name`` and ``@name.1.0``, and whether what they name has been met by then."""

from __future__ import annotations

from layercli.errors import LayerError, Span
from layercli.spec.scalars import is_name, read_integer
from layercli.spec.scanner import WORD, Scanner, quote
from layercli.spec.tree import Reference

__all__ = ["Labels", "read_reference"]


def read_reference(scanner: Scanner) -> Reference:
    """The reference whose "@" is at the cursor, which goes past it."""
    start, at = scanner.start, scanner.stop
    scanner.advance()
    if scanner.kind != WORD or not scanner.glued:
        message, fix = 'no label stands right after "@"', "write one, such as @enc"
        raise scanner.error("spec.reference", message, fix, start, at)
    name, *parts = scanner.text.split(".")
    if not is_name(name) or not all(map(str.isdigit, parts)):
        message = f"{quote('@' + scanner.text)} is no reference"
        fix = "write a label, and numbers for a part of it, such as @enc or @enc.1"
        raise scanner.error("spec.reference", message, fix, start)
    path = []
    place = scanner.start + len(name)
    for part in parts:
        path.append(read_integer(scanner, part, place + 1, place + 1 + len(part)))
        place += 1 + len(part)
    reference = Reference(name, tuple(path), Span(start, scanner.stop))
    scanner.advance()
    return reference


class Labels:
    """The labels of a spec as they are met: a step may refer to those that stand before it and are complete."""

    __slots__ = ("complete", "met", "open")

    def __init__(self) -> None:
        self.met: set[str] = set()
        self.complete: set[str] = set()
        self.open: list[tuple[Scanner, Reference]] = []
        """References to what has not been met yet: an error, worded once the whole text is known."""

    def refer(self, scanner: Scanner, reference: Reference) -> None:
        """Notes a reference; LayerError where it names the step that it stands in."""
        if reference.name in self.complete:
            return
        if reference.name in self.met:
            message = f"{quote('@' + reference.name)} stands inside the step that it names"
            fix = "refer to a step that is complete by then"
            raise scanner.error("spec.reference", message, fix, *reference.span)
        self.open.append((scanner, reference))

    def unmet(self) -> LayerError | None:
        """The error of the first reference that names nothing before it."""
        if not self.open:
            return None
        scanner, (name, _, span) = self.open[0]
        if name in self.met:
            message, fix = f"the label {quote(name)} stands after this", "refer to a step that comes before"
            return scanner.error("spec.reference", message, fix, *span)
        from difflib import get_close_matches

        near = get_close_matches(name, self.met, n=1)
        labels = ", ".join(sorted(self.met)[:5])
        fix = f"did you mean @{near[0]}?" if near else f"the labels are {labels}" if labels else _LABEL_FIRST
        return scanner.error("spec.unknown-label", f"no step has the label {quote(name)}", fix, *span)


_LABEL_FIRST = "write a label before a step, such as enc: relu"
