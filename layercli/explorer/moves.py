"""What the keys do to the draft and to the design, without a screen."""

from __future__ import annotations

from typing import NamedTuple

from layercli.errors import LayerError
from layercli.explorer.answers import Answer, Asker
from layercli.explorer.fields import INPUT, Field, stepped
from layercli.explorer.specs import draft_of, first_draft, inputs_of, relabelled, step_text
from layercli.explorer.state import Design, Draft, History
from layercli.layers import find


class Both(NamedTuple):
    """The layer that is tried, and the design with its past."""

    draft: Draft
    history: History


def told(draft: Draft, key: str, text: str) -> Draft:
    """The draft with this typed for a key or for the inputs."""
    return draft.fed(text) if key == INPUT else draft.tell(key, text)


def step(draft: Draft, field: Field, by: int) -> Draft:
    """The draft with a field so many steps on."""
    after = stepped(field, by)
    return draft if after == field.value else told(draft, field.key, after)


def taken(asker: Asker, draft: Draft, name: str) -> Draft:
    """Another layer; on the inputs that were typed where it takes them, else on its usual ones."""
    usual = first_draft(name)
    if draft.layer == name or draft.inputs == first_draft(draft.layer).inputs:
        return usual
    kept = usual.fed(draft.inputs)
    return kept if asker.answer(kept).error is None else usual


def written(draft: Draft) -> str:
    """The draft as a step of a design; one that merges gets branches to be filled in."""
    layer = find(draft.layer)
    merges = layer is not None and layer.several is not None
    return step_text(draft) + (" ( ; )" if merges else "")


def appended(asker: Asker, both: Both) -> Both:
    """With the layer behind the design; its input is then what the design gives. LayerError for one that is wrong."""
    draft, history = both
    _right(asker.answer(draft))
    now = history.now
    first = next(iter(inputs_of(draft.inputs)), "").rpartition("=")[2]
    design = (now if now.steps else now._replace(input=first)).add(written(draft))
    output = asker.sum(design).output
    return Both(draft.fed(output) if output else draft, history.do(design))


def replaced(asker: Asker, both: Both, at: int) -> Both:
    """With the layer in the place of a step."""
    draft, history = both
    _right(asker.answer(draft))
    step = relabelled(history.now.steps[at], written(draft))
    return Both(draft, history.do(history.now.change(at, step)))


def loaded(asker: Asker, both: Both, at: int) -> Both:
    """With a step as the layer that is tried, on what flows into it; LayerError where it is more than a layer."""
    design = both.history.now
    before = asker.sum(design._replace(steps=design.steps[:at]))
    return both._replace(draft=draft_of(design.steps[at], before.output or design.input))


def started(asker: Asker, design: Design) -> Draft:
    """The layer that a design is opened with: its first step where that is one, else a convolution on its output."""
    try:
        return loaded(asker, Both(Draft("conv2d"), History(design)), 0).draft
    except (LayerError, IndexError):
        usual = first_draft("conv2d")
        fed = usual.fed(asker.sum(design).output or usual.inputs)
        return fed if asker.answer(fed).error is None else usual


def _right(answer: Answer) -> None:
    if answer.error is not None:
        raise answer.error


def alone(draft: Draft) -> Design:
    """The layer as a design of its own."""
    return Design((written(draft),), next(iter(inputs_of(draft.inputs)), "").rpartition("=")[2])
