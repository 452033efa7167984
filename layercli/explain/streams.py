"""Steps that only say what flows: there is nothing in them to draw."""

from __future__ import annotations

from layercli.explain.diagram import Nothing
from layercli.explain.subject import Subject

_WHY = {
    "input": "what is fed to the design: its shape is all there is",
    "pick": "one of several outputs flows on: no number changes, and none is moved",
    "param": "a tensor of learned numbers: its shape is all there is",
}


def draw(subject: Subject) -> Nothing:
    """No picture, and why."""
    return Nothing(_WHY[subject.layer.name])
