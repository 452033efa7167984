"""What a rule of the catalogue is: one entry that the check, the note, and ``layercli explain`` all read."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from layercli.analysis.rows import Row
from layercli.analysis.rules.wiring import Wiring

_WIDTH = 96


class Finding(NamedTuple):
    """A place where a rule has something to say."""

    row: Row
    message: str
    fix: str


class Rule(NamedTuple):
    """One kind of note.

    ``example`` is a spec that it speaks up on, ``sound`` the nearest one that it is silent on. Without a ``check`` the
    note is said elsewhere: where a layer is bound, or an input taken.
    """

    code: str
    title: str
    what: str
    why: str
    fix: str
    example: str
    sound: str
    source: str = ""
    given: str = ""
    """The input that the example and the sound spec are given; empty where they need none."""
    check: Callable[[Wiring], Iterator[Finding]] | None = None

    def text(self) -> str:
        """The rule in words, as plain text."""
        import textwrap

        parts = [("What", self.what), ("Why", self.why), ("Fix", self.fix), ("Source", self.source)]
        lines = [f"{self.code}: {self.title}", ""]
        for name, words in parts:
            if words:
                lines.append(textwrap.fill(words, _WIDTH, initial_indent=f"{name:<9}", subsequent_indent=" " * 9))
        given = f" -i {self.given}" if self.given else ""
        lines += ["", f'Example  layercli "{self.example}"{given}', f'Sound    layercli "{self.sound}"{given}']
        return "\n".join(lines)
