"""A design in and out: files, and what is copied."""

from __future__ import annotations

from pathlib import Path

from layercli.analysis.canonical import canonical
from layercli.errors import LayerError
from layercli.explorer.specs import design_of, file_text
from layercli.explorer.state import Design
from layercli.render.code import code
from layercli.render.documents import json_text
from layercli.report import Report
from layercli.spec import format_spec, parse

FORMS = {"s": "as spec", "p": "as PyTorch code", "j": "as JSON"}
"""What a design can be copied as, by letter."""


def opened(path: str) -> Design:
    """The design of a file; LayerError where there is none."""
    try:
        text = Path(path).expanduser().read_bytes().decode("utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LayerError("io.file", f"cannot read {path}: {reason}", fix="name a file that is there") from None
    except UnicodeDecodeError:
        raise LayerError("io.encoding", f"{path} is not UTF-8 text", fix="save it as UTF-8") from None
    try:
        return design_of(text)
    except LayerError as error:
        raise error.located(text) from None


def written(path: str, design: Design) -> None:
    """Writes the design to a file; LayerError where that cannot be."""
    try:
        Path(path).expanduser().write_text(file_text(design), encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise LayerError("io.write", f"cannot write {path}: {reason}", fix="name another place") from None


def copied(form: str, design: Design, report: Report) -> str:
    """The design in one of the forms; LayerError where it has none."""
    if form == "p":
        return code(report)
    if form == "j":
        return json_text(report.to_dict())
    return format_spec(canonical(parse(file_text(design))))


def taken(path: str) -> bool:
    """Whether there is a file of this name."""
    return Path(path).expanduser().exists()
