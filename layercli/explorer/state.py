"""What the explorer holds, as plain values: the layer that is tried, the design, what was done to the design."""

from __future__ import annotations

from typing import NamedTuple


class Draft(NamedTuple):
    """The layer that is tried, as it is typed: its name, values by torch's names of the keys, its inputs."""

    layer: str
    values: tuple[tuple[str, str], ...] = ()
    """Keys that are told; all others have their defaults."""
    inputs: str = ""
    """What ``-i`` takes, several with blanks between them."""
    at: tuple[int, ...] | None = None
    """The output position that the picture looks at; None for the usual one."""

    def told(self, key: str) -> str:
        """What a key is told to be; empty where it is left out."""
        return dict(self.values).get(key, "")

    def tell(self, key: str, text: str) -> Draft:
        """The draft with another value for a key; an empty text leaves it out."""
        values = {**dict(self.values), key: text.strip()}
        return self._replace(values=tuple((name, value) for name, value in values.items() if value), at=None)

    def fed(self, inputs: str) -> Draft:
        """The draft on other inputs."""
        return self._replace(inputs=inputs.strip(), at=None)


class Design(NamedTuple):
    """A chain: each step as it is written, comments with it, and what ``-i`` would say."""

    steps: tuple[str, ...] = ()
    input: str = ""

    @property
    def text(self) -> str:
        """The steps, one a line."""
        return "\n".join(self.steps)

    def add(self, step: str, at: int | None = None) -> Design:
        """With one step more, behind the others or at this place."""
        at = len(self.steps) if at is None else at
        return self._replace(steps=(*self.steps[:at], step, *self.steps[at:]))

    def drop(self, at: int) -> Design:
        """Without the step at this place."""
        return self._replace(steps=(*self.steps[:at], *self.steps[at + 1 :]))

    def change(self, at: int, step: str) -> Design:
        """With another step at this place."""
        return self._replace(steps=(*self.steps[:at], step, *self.steps[at + 1 :]))

    def move(self, at: int, by: int) -> Design:
        """With the step at this place moved; the same where it would leave the chain."""
        to = at + by
        if not (0 <= at < len(self.steps) and 0 <= to < len(self.steps)):
            return self
        return self.drop(at).add(self.steps[at], to)


class History(NamedTuple):
    """A design with what it was before, and what was undone; and the design that a file holds."""

    now: Design = Design()
    past: tuple[Design, ...] = ()
    future: tuple[Design, ...] = ()
    saved: Design = Design()
    path: str = ""
    """The file that it was read from or written to."""

    @property
    def changed(self) -> bool:
        """Whether there is something that no file holds."""
        return self.now != self.saved and bool(self.now.steps or self.path)

    def do(self, design: Design) -> History:
        """Goes on to another design; nothing where it is the same."""
        if design == self.now:
            return self
        return self._replace(now=design, past=(*self.past, self.now), future=())

    def undo(self) -> History:
        """Back to the design before; the same where there is none."""
        if not self.past:
            return self
        return self._replace(now=self.past[-1], past=self.past[:-1], future=(self.now, *self.future))

    def redo(self) -> History:
        """Forward to what was undone; the same where nothing was."""
        if not self.future:
            return self
        return self._replace(now=self.future[0], past=(*self.past, self.now), future=self.future[1:])

    def opened(self, design: Design, path: str) -> History:
        """With a design that was read from a file, which can be undone."""
        return self.do(design)._replace(saved=design, path=path)

    def written(self, path: str) -> History:
        """With the design as it is in a file."""
        return self._replace(saved=self.now, path=path)


def titled(history: History) -> str:
    """The heading of a design: its file, whether that has it as it is, what flows in."""
    now = history.now
    name = f": {history.path or 'not saved'}" if now.steps or history.path else ""
    fed = f", on {now.input}" if now.input and now.steps else ""
    return f"Design{name}{' *' if history.changed else ''}{fed}"
