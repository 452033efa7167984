"""Where a chain stands: in a whole text, a group or a branch."""

from typing import NamedTuple


class Within(NamedTuple):
    """What a chain stands in: where its "(" is, how many are open by then, whether ";" parts it from others.

    ``either``: whether it stands in braces, where "/" does.
    """

    opening: int | None
    depth: int
    branch: bool
    either: bool = False

    def ends(self, kind: str) -> bool:
        """Whether this token ends a chain that may be empty: a branch, or one of several to choose from."""
        return (self.branch and kind in (";", ")")) or (self.either and kind in ("/", "}"))


WHOLE = Within(None, 0, False)
"""A whole text, in no parenthesis."""
