"""What can be wrong with a text, loaded when something is: most are right, and there are many words for mistakes."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Later:
    """A module that is imported when it is first asked for something."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


op_errors, step_errors = _Later("layercli.spec.op_errors"), _Later("layercli.spec.step_errors")
