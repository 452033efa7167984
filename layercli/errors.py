"""What can go wrong, said once: the error that every stage raises, and the exit codes of the process."""

import enum
from typing import NamedTuple


class ExitCode(enum.IntEnum):
    """The statuses the process ends with. Nothing else in the project holds these numbers."""

    OK = 0
    NEGATIVE = 1  # a sound question with a negative answer: torch would refuse, a line of a batch failed
    USAGE = 2  # not understood without looking at sizes: syntax, names, types, files
    BUG = 3  # ours: a formula that differs from torch, a crash of layercli
    INTERRUPTED = 130


class Span(NamedTuple):
    """A half-open range of characters in a source text."""

    start: int
    end: int


def short(text: str, most: int = 40) -> str:
    """The text as a message quotes it, never long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


_NEGATIVE_FAMILIES = ("shape", "torch")


class LayerError(Exception):
    """One thing that is wrong, where it is wrong, and one way to mend it.

    ``code`` is stable and dotted (``spec.*``, ``type.*``, ``shape.*``, ``torch.*``, ``io.*``, ``limit.*``,
    ``internal.*``); its first part decides the exit code. Inner code raises with a span; whoever knows the
    source text adds it once with :meth:`located`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        span: Span | None = None,
        fix: str = "",
        suggestions: tuple[str, ...] = (),
        source: str | None = None,
        path: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span
        self.fix = fix
        self.suggestions = suggestions
        self.source = source
        self.path = path
        self.rule = ""
        """The message without its numbers, where a rule of a definition made it: what errors of one kind share."""

    def __str__(self) -> str:
        return self.message  # which may have been put better since

    def located(self, source: str | None = None, span: Span | None = None, path: str = "") -> "LayerError":
        """This error, with what it does not know yet filled in."""
        self.source = self.source if self.source is not None else source
        self.span = self.span or span
        self.path = self.path or path
        return self

    @property
    def exit_code(self) -> ExitCode:
        """The status that a process ends with on this error."""
        family = self.code.partition(".")[0]
        if family == "internal":
            return ExitCode.BUG
        return ExitCode.NEGATIVE if family in _NEGATIVE_FAMILIES else ExitCode.USAGE

    @property
    def line_and_column(self) -> tuple[int, int] | None:
        """Where the span begins, both counted from 1; None where there is no source or no span."""
        if self.source is None or self.span is None:
            return None
        before = self.source[: self.span.start]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
