"""The JSON Schema of the reports.

\b
  layercli schema > report.schema.json
"""

from __future__ import annotations

import sys
from importlib.resources import files
from inspect import Parameter
from typing import TYPE_CHECKING

from layercli.errors import ExitCode

if TYPE_CHECKING:
    from layercli.measure.child import Child


def parameters() -> list[Parameter]:
    """None."""
    return []


def run(child: Child | None) -> ExitCode:
    """Prints the schema that is shipped."""
    sys.stdout.write(files("layercli").joinpath("report.schema.json").read_text("utf-8"))
    return ExitCode.OK
