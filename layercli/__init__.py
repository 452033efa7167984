"""layercli: what a neural-network layer does to a tensor, each number beside its formula and beside what PyTorch did.

>>> from layercli import analyze
>>> report = analyze("conv2d k=5 | relu", input=(1, 3, 16, 16), run=False)
>>> report.output.shape
(1, 3, 12, 12)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.version import VERSION

if TYPE_CHECKING:
    from layercli.api import analyze
    from layercli.errors import LayerError
    from layercli.report import Report

__version__ = VERSION

__all__ = ["LayerError", "Report", "__version__", "analyze"]

_HOMES = {"analyze": "layercli.api", "LayerError": "layercli.errors", "Report": "layercli.report"}


def __getattr__(name: str) -> Any:
    """Loads a part of the API when it is first asked for, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'layercli' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
