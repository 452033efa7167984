"""The forms for programs and for documents: JSON, CSV, Markdown, HTML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from layercli.analysis.flow import as_json
from layercli.checks import AGREES
from layercli.render.blocks import Block, Cell, Drawing, Facts, Heading, Line, Table, View
from layercli.render.layout import layout
from layercli.report import Report

CSV_COLUMNS = (
    "index", "path", "name", "op", "torch", "outputs", "params", "buffers", "macs", "agrees",
)  # fmt: skip


_LINE = json.JSONEncoder(separators=(",", ":"))


def json_text(document: Mapping[str, Any]) -> str:
    """One document, indented for people; in ASCII, which every stream carries."""
    return json.dumps(document, indent=2)


def json_line(document: Mapping[str, Any]) -> str:
    """One document on one line."""
    return _LINE.encode(document)


def csv_text(report: Report) -> str:
    """A line per layer under one heading; an unknown figure is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in report.analysis.rows:
        bound, checks = row.bound, report.checks_of(row)
        agrees = "" if not checks else str(all(check.status == AGREES for check in checks)).lower()
        macs = "" if bound.macs is None else bound.macs
        params = 0 if row.shares is not None else bound.params
        outputs = json.dumps(_shapes(as_json(bound.outputs)), separators=(",", ":"))
        writer.writerow(
            [
                row.number,
                row.path,
                row.label,
                bound.layer.name,
                bound.layer.torch,
                outputs,
                params,
                bound.buffers,
                macs,
                agrees,
            ]
        )
    return stream.getvalue().rstrip("\n")


def _shapes(tree: Any) -> Any:
    return [_shapes(item) for item in tree] if isinstance(tree, list) else tree and tree["shape"]


def markdown(report: Report, view: View = View()) -> str:
    """The layout as GitHub's Markdown."""
    return "\n\n".join(markdown_of(block) for block in layout(report, view))


def markdown_of(block: Block) -> str:
    """One block; a picture is a block of text."""
    if isinstance(block, Drawing):
        from layercli.render.plain import write

        return f"```text\n{write(block)}\n```"
    if isinstance(block, Heading):
        return f"### `{block.text}`"
    if isinstance(block, Line):
        return _escaped(block.text)
    if isinstance(block, Facts):
        return "\n".join(f"- {name}: {_escaped(cell.text)}" for name, cell in block.items)
    lines = [
        "| " + " | ".join(column.title or " " for column in block.columns) + " |",
        "|" + "|".join("---:" if column.right else "---" for column in block.columns) + "|",
    ]
    for row in block.rows:
        cells = [
            f"`{_drawn(cell)}`" if column.code and cell.text else cell.text for cell, column in zip(row, block.columns)
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _drawn(cell: Cell) -> str:
    """A cell behind the lines of its branch, whose blanks a page would otherwise leave out."""
    return cell.lead.replace(" ", "\u00a0") + cell.text


def _escaped(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_")


_COLOURS = {
    "good": "color:#1a7f37",
    "bad": "color:#cf222e;font-weight:bold",
    "dim": "opacity:0.65",
    "strong": "font-weight:bold",
}


def html(report: Report) -> str:
    """The layout as HTML for a notebook."""
    return "".join(_html(block) for block in layout(report, error=True))


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; margin: .5rem 0; }}
th, td {{ padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; }}
svg {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
{body}
</body>
</html>"""


def html_page(title: str, blocks: Sequence[Block]) -> str:
    """Blocks as a page of their own."""
    return _PAGE.format(title=escape(title), body="\n".join(map(_html, blocks)))


def _html(block: Block) -> str:
    if isinstance(block, Drawing):
        from layercli.render.svg_picture import svg

        return svg(block.diagram, "picture")
    if isinstance(block, Heading):
        return f"<h4><code>{escape(block.text)}</code></h4>"
    if isinstance(block, Line):
        return f"<p{_style(block.style)}>{escape(block.text)}</p>"
    if isinstance(block, Facts):
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{_cell(cell, False)}</td></tr>" for name, cell in block.items)
        return f"<table>{rows}</table>"
    return _html_table(block)


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(column.title)}</th>" for column in table.columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{"right" if column.right else "left"}">{_cell(cell, column.code)}</td>'
            for cell, column in zip(row, table.columns)
        )
        + "</tr>"
        for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: Cell, code: bool) -> str:
    text = escape(_drawn(cell))
    return f"<span{_style(cell.style)}>{f'<code>{text}</code>' if code and text else text}</span>"


def _style(style: str) -> str:
    return f' style="{_COLOURS[style]}"' if style in _COLOURS else ""
