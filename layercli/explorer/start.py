"""What the explorer opens with, and how it runs."""

from __future__ import annotations

from typing import NamedTuple

from layercli.errors import LayerError
from layercli.explorer.answers import Asker, Reads
from layercli.explorer.app import Explorer
from layercli.explorer.moves import Both, started
from layercli.explorer.specs import design_of, draft_of, first_draft
from layercli.explorer.state import Design, History

FIRST = "conv2d"
"""The layer that it opens with where none is named."""


class Opening(NamedTuple):
    """What the command line asks for."""

    text: str = ""
    """A layer with its keys, or a design; empty for neither."""
    path: str = ""
    """The file that the text is from."""
    inputs: str = ""
    mode: str = "train"
    torch: bool = True


def opened(opening: Opening, asker: Asker) -> tuple[Both, str]:
    """The layer and the design, and the pane to begin in; LayerError for text that is not understood."""
    if not opening.text.strip():
        return Both(first_draft(FIRST, opening.inputs), _history(Design(), opening.path)), "layers"
    try:
        design = design_of(opening.text, opening.inputs)
    except LayerError as error:
        raise error.located(opening.text) from None
    if len(design.steps) == 1 and not opening.path:
        refused = asker.sum(design).error
        if refused is not None and refused.code.partition(".")[0] not in ("shape", "torch"):
            raise refused
        try:
            draft = draft_of(design.steps[0], design.input)
        except LayerError:
            pass
        else:
            return Both(draft if draft.inputs else draft.fed(first_draft(draft.layer).inputs), History()), "keys"
    return Both(started(asker, design), _history(design, opening.path)), "design"


def _history(design: Design, path: str) -> History:
    return History(design, saved=design if path else Design(), path=path)


def explorer(opening: Opening, read: Reads) -> Explorer:
    """The application, ready to run."""
    asker = Asker(read, opening.mode)
    both, focus = opened(opening, asker)
    if not opening.torch:
        return Explorer(asker, both, None, "--no-run was given", focus)
    from layercli.measure.child import Reusable

    return Explorer(asker, both, Reusable, "", focus)


def explore(opening: Opening, read: Reads) -> bool:
    """Runs until it is left; whether it ended well."""
    app = explorer(opening, read)
    app.run()
    return not app.return_code
