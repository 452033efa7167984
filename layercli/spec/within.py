"""Where a chain stands: in a whole text, a group or a branch."""

from typing import NamedTuple


class Within(NamedTuple):
    """What a chain stands in: where its "(" is, how many are open by then, whether ";" parts it from others."""

    opening: int | None
    depth: int
    branch: bool


WHOLE = Within(None, 0, False)
"""A whole text, in no parenthesis."""
