"""The drawing of a design: branches beside their merge, blocks with their sums, repeats folded, at every width."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from layercli import analyze
from layercli.errors import LayerError
from layercli.render import documents, plain, table
from layercli.render.blocks import Table, View
from layercli.render.design import COLUMNS, USUAL, bar, columns
from layercli.render.layout import layout
from layercli.render.tree import FIRST, INDENT, MERGE, NEXT, ON, Entry, drawn
from layercli.report import Report

DESIGNS = Path(__file__).resolve().parents[2] / "docs" / "designs"
IMAGE = (1, 3, 8, 8)
LEADS = (FIRST, NEXT, ON, MERGE, INDENT)


@cache
def report(spec: str, shape: tuple[int, ...] | None = IMAGE) -> Report:
    """What the formulas say of a design, or of one of the folder."""
    if spec.endswith(".layers"):
        return analyze((DESIGNS / spec).read_text("utf-8"), run=False)
    return analyze(spec, shape, run=False)


def lines(spec: str, **how: Any) -> list[str]:
    """The drawing, a line for each entry: what stands in front, then what it says."""
    return [entry.lead + _said(entry) for entry in drawn(report(spec).analysis.rows, **how)]


def _said(entry: Entry) -> str:
    if entry.row is None:
        return entry.text
    label = f"{entry.row.label}: " if entry.row.label else ""
    return label + entry.row.bound.layer.name + (f" +{len(entry.rows)}" if entry.rows else "")


def picture(found: Report, width: int, **view: Any) -> list[str]:
    """The lines that a terminal of this width shows."""
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(table.renderable(found, View(**view)))
    return stream.getvalue().splitlines()


# --- branches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("relu | tanh", ["relu", "tanh"]),
        ("add(relu ; tanh)", ["┌ relu", "├ tanh", "└ add"]),
        ("add(relu | elu ; tanh | silu)", ["┌ relu", "│ elu", "├ tanh", "│ silu", "└ add"]),
        ("add(relu ; )", ["┌ relu", "├ as it is", "└ add"]),
        ("add( ; relu)", ["┌ as it is", "├ relu", "└ add"]),
        ("add( ; )", ["┌ as it is", "├ as it is", "└ add"]),
        ("tanh | add( ; ) | elu", ["tanh", "┌ as it is", "├ as it is", "└ add", "elu"]),
        ("add(relu ; more: input 1,3,8,8)", ["┌ relu", "├ more: input 1,3,8,8", "└ add"]),
        ("add(relu ; param 1,3,8,8)", ["┌ relu", "├ param", "└ add"]),
        ("a: relu | tanh | add @a", ["a: relu", "tanh", "add"]),
        ("a: relu | add(tanh ; @a)", ["a: relu", "┌ tanh", "├ identity", "└ add"]),
        (
            "add(relu | cat(elu ; ; silu) | tanh ; )",
            ["┌ relu", "│ ┌ elu", "│ ├ as it is", "│ ├ silu", "│ └ cat", "│ tanh", "├ as it is", "└ add"],
        ),
        ("add(cat(elu;silu) ; cat(relu;tanh))",
         ["┌ ┌ elu", "│ ├ silu", "│ └ cat", "├ ┌ relu", "│ ├ tanh", "│ └ cat", "└ add"]),
        ("add(add(add(relu;);););", None),
    ],
)  # fmt: skip
def test_branches(spec: str, expected: list[str] | None) -> None:
    if expected is None:
        spec = spec.removesuffix(";")
        expected = ["┌ ┌ ┌ relu", "│ │ ├ as it is", "│ │ └ add", "│ ├ as it is", "│ └ add", "├ as it is", "└ add"]
    assert lines(spec) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("3*relu", ["3 x", "  relu"]),
        ("a: 3*relu", ["a: 3 x", "  relu"]),
        ("2*(relu | tanh)", ["2 x", "  relu", "  tanh"]),
        ("stem: (relu | tanh) | elu", ["stem", "  relu", "  tanh", "elu"]),
        ("(relu | tanh) | elu", ["relu", "tanh", "elu"]),
        ("stem: (first: relu | 2*(tanh | elu))", ["stem", "  first: relu", "  2 x", "    tanh", "    elu"]),
        ("2*(add(relu ; ) | tanh)", ["2 x", "  ┌ relu", "  ├ as it is", "  └ add", "  tanh"]),
        ("add(2*(relu | tanh) ; 3*elu)",
         ["┌ 2 x", "│   relu", "│   tanh", "├ 3 x", "│   elu", "└ add"]),
        ("add(a: (relu | tanh) ; )", ["┌ a", "│   relu", "│   tanh", "├ as it is", "└ add"]),
        # what differs stands apart: the first convolution has other channels
        ("2*(conv2d 4 3 p=1 | relu)", ["1 of 2", "  conv2d", "  relu", "2 of 2", "  conv2d", "  relu"]),
        ("4*(conv2d 4 3 p=1 | relu)", ["1 of 4", "  conv2d", "  relu", "3 x", "  conv2d", "  relu"]),
        ("a: 2*conv2d 4 3 p=1", ["a: conv2d", "a: conv2d"]),
        # and what is only called otherwise does not: an axis that cat made is called by another name
        ("cat dim=1 (relu ; ) | 3*(conv2d 6 3 p=1 | relu)", [
            "┌ relu", "├ as it is", "└ cat", "3 x", "  conv2d", "  relu"]),
    ],
)  # fmt: skip
def test_blocks(spec: str, expected: list[str]) -> None:
    assert lines(spec) == expected


def test_expand_writes_every_time() -> None:
    assert lines("3*(relu | tanh)", expand=True) == [
        "1 of 3", "  relu", "  tanh", "2 of 3", "  relu", "  tanh", "3 of 3", "  relu", "  tanh",
    ]  # fmt: skip
    assert lines("a: 2*relu", expand=True) == ["a: relu", "a: relu"]
    entries = drawn(report("2*(3*relu)").analysis.rows, expand=True)
    assert [entry.row.number for entry in entries if entry.row] == list(range(6))


NESTED = "stem: relu | body: (2*(add(tanh | cat dim=1 (elu ; silu) | conv2d 3 1 ; ) | relu)) | relu"


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, ["stem: relu", "body", "relu"]),
        (1, ["stem: relu", "body", "  2 x", "relu"]),
        (2, ["stem: relu", "body", "  2 x", "    add +5", "    relu", "relu"]),
        (3, ["stem: relu", "body", "  2 x", "    ┌ tanh", "    │ cat +2", "    │ conv2d", "    ├ as it is",
             "    └ add", "    relu", "relu"]),
        (None, ["stem: relu", "body", "  2 x", "    ┌ tanh", "    │ ┌ elu", "    │ ├ silu", "    │ └ cat",
                "    │ conv2d", "    ├ as it is", "    └ add", "    relu", "relu"]),
    ],
)  # fmt: skip
def test_depth(depth: int | None, expected: list[str]) -> None:
    assert lines(NESTED, depth=depth) == expected


@pytest.mark.parametrize("spec", ["(relu | tanh) | elu", "add( ; )", "3*relu", "add(relu;)"])
def test_folded_to_one_line_each(spec: str) -> None:
    assert all(not entry.lead for entry in drawn(report(spec).analysis.rows, depth=0))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("relu | add(tanh | conv2d 4 99 ; relu)", ["relu", "┌ tanh"]),
        ("relu | add(conv2d 4 99 ; relu)", ["relu"]),
        ("add(tanh ; relu | conv2d 4 99)", ["┌ tanh", "├ relu"]),
        ("add(tanh ; ; relu | conv2d 4 99)", ["┌ tanh", "├ as it is", "├ relu"]),
        ("add( ; relu | conv2d 4 99)", ["┌ as it is", "├ relu"]),
        ("add(conv2d 4 1 ; )", ["┌ conv2d"]),
        ("add(relu | cat(elu ; silu | conv2d 4 99) ; )", ["┌ relu", "│ ┌ elu", "│ ├ silu"]),
        ("2*(conv2d 3 5 | relu)", ["1 of 2", "  conv2d", "  relu"]),
        ("add(relu ; ) | foo", ["┌ relu", "├ as it is", "└ add"]),
    ],
)  # fmt: skip
def test_an_error_in_the_middle_leaves_what_was_reached(spec: str, expected: list[str]) -> None:
    found = report(spec)
    assert not found.ok
    assert lines(spec) == expected
    for width in (60, 80, 120):
        shown = picture(found, width)
        assert max(map(len, shown)) <= width
    assert " total " not in plain.plain(found)
    assert "%" not in plain.plain(found).splitlines()[1] if expected else True


# --- sums -----------------------------------------------------------------------------------------------------------

EVERY = [
    NESTED,
    "3*(conv2d 3 3 p=1 | 2*(batchnorm2d | relu)) | flatten | linear 4",
    "add(2*(conv2d 3 3 p=1 | relu) ; conv2d 3 1 ; ) | a: (conv2d 8 1 | b: (conv2d 8 1 | relu))",
    "add( ; ) | cat dim=1 (conv2d 4 1 ; mul(conv2d 3 1 ; sigmoid) | conv2d 5 1)",
    "flatten 2 | transformerencoder 2 heads=2 ff=8",
    "resnet18.layers",
    "resnet50.layers",
    "unet.layers",
    "vit-b16.layers",
]
VIEWS = [{}, {"expand": True}, *({"depth": depth} for depth in range(4)), {"expand": True, "depth": 1}]


def cells(found: Report, view: View) -> Iterator[tuple[Entry, dict[str, str]]]:
    """Every line of the drawing with what stands in its columns; then the totals."""
    (block,) = (block for block in layout(found, view) if isinstance(block, Table))
    titles = [column.title for column in block.columns]
    entries = drawn(found.analysis.rows, view.expand, view.depth)
    assert len(block.rows) == len(entries) + 1
    for entry, row in zip([*entries, Entry("", None, "total")], block.rows):
        yield entry, dict(zip(titles, [cell.text for cell in row]))


@pytest.mark.parametrize("how", VIEWS, ids=str)
@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec[:40])
def test_columns_add_up_to_the_totals(spec: str, how: dict[str, Any]) -> None:
    """A second look at what is printed: the leaves, each as often as it is there, come to the last line."""
    found = report(spec)
    assert found.ok, found.analysis.error
    view = View(**how, columns=("params", "macs", "buffers", "output"))
    *body, (_, total) = cells(found, view)
    assert total["output"] == ",".join(map(str, found.output.shape))
    for title in ("parameters", "MACs", "buffers"):
        told = [(entry, int(row[title].replace(",", ""))) for entry, row in body if row[title]]
        shown = {row.number for entry, _ in told if entry.row for row in (entry.row, *entry.rows)}
        summed = 0
        for entry, value in told:
            hidden = entry.row is None and not shown & {row.number for row in entry.rows}
            if entry.row is not None or (hidden and not _inside(entry, told)):
                summed += value * entry.times
        assert summed == int(total[title].replace(",", "")), title
    for entry, row in body:
        if entry.row is None and entry.rows:
            owners = [one for one in entry.rows if one.shares is None]
            assert int(row["parameters"].replace(",", "")) == sum(one.bound.params for one in owners)


def _inside(entry: Entry, told: list[tuple[Entry, int]]) -> bool:
    """Whether a block has folded blocks of its own drawn under it."""
    mine = {row.number for row in entry.rows}
    behind = told[1 + next(place for place, (other, _) in enumerate(told) if other is entry) :]
    return any(other.row is None and {row.number for row in other.rows} <= mine for other, _ in behind)


@pytest.mark.parametrize("how", VIEWS, ids=str)
@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec[:40])
def test_every_row_is_drawn_once_or_counted(spec: str, how: dict[str, Any]) -> None:
    rows = report(spec).analysis.rows
    entries = drawn(rows, **how)
    numbers = [entry.row.number for entry in entries if entry.row is not None]
    assert len(set(numbers)) == len(numbers)
    assert numbers == sorted(numbers), "in the order in which it runs"
    covered = {row.number for entry in entries for row in (*entry.rows, *([entry.row] if entry.row else []))}
    assert covered == set(range(len(rows)))
    if how.get("expand") and "depth" not in how:
        assert numbers == list(range(len(rows)))
    assert all(entry.times == 1 for entry in entries) or not how.get("expand")


def test_shares_are_of_the_whole() -> None:
    found = report("conv2d 9 1 bias=false | conv2d 3 1 bias=false", (1, 1, 8, 8))
    rows = [row for _, row in cells(found, View())]
    assert [row["% par"].split() for row in rows] == [["25", "█▎"], ["75", "███▊"], []]
    assert [row["% MAC"].split() for row in rows] == [["25", "█▎"], ["75", "███▊"], []]
    assert all(row["% par"] == "" for _, row in cells(report("relu | tanh"), View()))


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(1, 1, "100 █████"), (1, 2, "50 ██▌  "), (1, 10**9, "0 ▏    "), (0, 7, "0      "), (999, 1000, "100 █████")],
)
def test_a_share_is_a_bar_of_one_width(part: int, whole: int, said: str) -> None:
    assert bar(part, whole) == said


def test_drawings_agree_whatever_the_form() -> None:
    """Every form shows the same lines of the same layout."""
    found = report(NESTED)
    for entry, row in cells(found, View()):
        if entry.row is not None:
            for text in (plain.plain(found), "\n".join(picture(found, 200)), documents.markdown(found)):
                assert row["layer"] in text


# --- what torch says ------------------------------------------------------------------------------------------------


def test_a_head_answers_for_its_rows(torch_child: Any) -> None:
    analysis = report("2*(add(conv2d 3 3 p=1 ; ) | relu) | flatten").analysis
    found = torch_child.ask(analysis.plan)
    marks = [row["torch"] for entry, row in cells(Report(analysis, found), View()) if entry.rows or entry.row]
    assert set(marks) == {"✓"}
    last = [{**found.outputs[3][0], "shape": [1, 3, 8, 9]}]
    wrong = Report(analysis, found._replace(outputs=(*found.outputs[:3], last, *found.outputs[4:])))
    by_text = {_said(entry): row["torch"] for entry, row in cells(wrong, View())}
    assert by_text["2 x"] == "✗ outputs.0.shape: [1, 3, 8, 9]", "the difference is in the second time"
    assert by_text["conv2d"] == by_text["flatten"] == "✓"
    assert "✗" in "".join(picture(wrong, 60)), "a difference is no column that can be spared"
    assert {row["torch"] for entry, row in cells(Report(analysis), View()) if entry.row} == {"-"}


# --- on a terminal --------------------------------------------------------------------------------------------------

DRAWN = [
    NESTED,
    "x: conv2d 64 7 s=2 p=3 bias=false padding_mode=reflect | add(cat dim=1 (conv2d 32 3 p=1 bias=false "
    "padding_mode=circular | batchnorm2d eps=0.001 momentum=0.01 ; conv2d 32 1 bias=false padding_mode=replicate) "
    "; @x)",
    "flatten 2 | 2*(lstm 8 num_layers=2 bidirectional=true dropout=0.25 batch_first=true) | gru 1000 | "
    "add(rnn 1000 nonlinearity=relu ; linear 1000)",
    "resnet50.layers",
    "unet2015.layers",
    "vit-b16.layers",
]


@pytest.mark.parametrize("spec", DRAWN, ids=lambda spec: spec[:30])
@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("how", [{}, {"depth": 1}, {"columns": COLUMNS}], ids=["usual", "depth", "columns"])
def test_no_line_is_wider_than_the_terminal(spec: str, width: int, how: dict[str, Any]) -> None:
    found = report(spec)
    shown = picture(found, width, **how)
    assert max(map(len, shown)) <= width
    if "columns" in how:
        return  # more than there is room for
    text = re.sub(r"[\s┌├│└]", "", "".join(line[: _column(shown, "output")] for line in shown))
    for entry, row in cells(found, View(**how)):
        layer = row["layer"]
        assert re.sub(r"\s", "", layer) in text, f"{entry.lead}{layer} is cut"
    squeezed = re.sub(r"\s", "", "".join(shown))
    for name in ("params", "macs"):
        assert f"{found.totals[name]:,}" in squeezed


def _column(shown: list[str], title: str) -> int:
    """Where a column begins."""
    heading = next(line for line in shown if " layer " in line and title in line)
    return heading.index(title)


@pytest.mark.parametrize("width", [60, 70, 80, 100, 120])
@pytest.mark.parametrize("spec", DRAWN, ids=lambda spec: spec[:30])
def test_the_line_in_front_goes_on_beside_what_is_wrapped(spec: str, width: int) -> None:
    """Every piece of a layer's text stands at the place where its own began, behind the lines of its branches."""
    found = report(spec)
    shown = picture(found, width)
    begin, end = _column(shown, "layer"), _column(shown, "output")
    start = next(index for index, line in enumerate(shown) if set(line.strip()) == {"─"}) + 1
    column = [line[begin:end].rstrip() for line in shown[start:]]
    place = 0
    wrapped = 0
    for entry, row in cells(found, View()):
        while not column[place]:
            place += 1  # what only another column needed, or the line before the totals
        told, number = "", 0
        while re.sub(r"\s", "", told) != re.sub(r"\s", "", row["layer"]):
            line = column[place]
            lead = entry.lead if not number else re.sub("[┌├]", "│", entry.lead).replace("└", " ")
            if line or not told:
                assert line.startswith(lead.rstrip()), f"{line!r} begins with {lead!r}"
                assert line[len(lead) :][:1] != " "
                told += line[len(lead) :]
                wrapped += number > 0
            number += 1
            place += 1
    assert wrapped or width > 60 or spec == NESTED, "at the narrowest something is wrapped"


def test_columns_are_left_out_where_there_is_no_room() -> None:
    found = report("resnet50.layers")
    widths = {width: "".join(picture(found, width)) for width in (60, 80, 100, 140)}
    assert all("parameters" in text and "MACs" in text and "output" in text for text in widths.values())
    assert [("% par" in text, "% MAC" in text) for text in widths.values()] == [
        (False, False), (False, False), (False, True), (True, True),
    ]  # fmt: skip


def test_a_long_output_leaves_room_for_the_layer() -> None:
    text = picture(report("lstm 10 | gru 10 num_layers=2 bidirectional=true dropout=0.5", (5, 3, 8)), 60)
    assert any("lstm 10" in line for line in text)


# --- plain, and in ASCII --------------------------------------------------------------------------------------------


def test_plain_text() -> None:
    text = plain.plain(report("stem: conv2d 4 1 | add(relu ; ) | 2*tanh"))
    assert [line.rstrip() for line in text.splitlines()[1:9]] == [
        "#  layer             output   parameters  MACs      % par      % MAC  torch",
        "0  stem: conv2d 4 1  1,4,8,8          16   768  100 █████  100 █████  -",
        "1  ┌ relu            1,4,8,8           0     0                        -",
        "   ├ as it is",
        "2  └ add             1,4,8,8           0     0                        -",
        "   2 x               1,4,8,8           0     0                        -",
        "3    tanh            1,4,8,8           0     0                        -",
        "   total             1,4,8,8          16   768",
    ]


@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec[:40])
def test_ascii_keeps_the_picture(spec: str) -> None:
    text = plain.plain(report(spec))
    found = plain.ascii_only(text)
    assert found.isascii()
    assert "\\u" not in found, "every character of the drawing has a stand-in"
    entries = [entry for entry in drawn(report(spec).analysis.rows) if entry.lead.strip()]
    for mark, written in ((FIRST, "/ "), (NEXT, "+ "), (MERGE, "\\ ")):
        leads = [entry.lead for entry in entries if mark in entry.lead]
        assert found.count(written) >= len(leads)
    table_lines = [line for line in text.splitlines() if re.match(r" *\d+ ", line)]
    for before, after in zip(text.splitlines(), found.splitlines()):
        if before in table_lines and "✓" not in before:
            assert len(before) == len(after), "columns stay where they are"


def test_ascii_of_a_drawing() -> None:
    text = plain.ascii_only("┌ relu\n│ tanh\n├ as it is\n└ add  █▌ ✓ ✗ …")
    assert text == "/ relu\n| tanh\n+ as it is\n\\ add  #. ok DIFFERS ..."


# --- columns --------------------------------------------------------------------------------------------------------


def test_the_usual_columns() -> None:
    found = report("conv2d 4 3 | relu")
    assert set(USUAL) < set(COLUMNS)
    titles = list(next(row for _, row in cells(found, View())))
    assert titles == ["#", "layer", "output", "parameters", "MACs", "% par", "% MAC", "torch"]
    assert titles == list(next(row for _, row in cells(found, View(columns=USUAL))))


@pytest.mark.parametrize(
    ("names", "titles", "first", "total"),
    [
        ("rf", ["receptive field"], ["3x3, stride 1, padding 0"], [""]),
        ("path,op", ["path", "class"], ["a", "Conv2d"], ["", ""]),
        ("saved", ["kept bytes"], ["768 B"], ["1.3 KiB"]),
        ("bytes,dtype", ["output bytes", "dtype"], ["576 B", "float32"], ["1.1 KiB", ""]),
        ("buffers,params", ["buffers", "parameters"], ["0", "112"], ["0", "112"]),
        ("macs, output", ["MACs", "output"], ["3,888", "1,4,6,6"], ["3,888", "1,4,6,6"]),
        ("share", ["% par", "% MAC"], ["100 █████", "100 █████"], ["", ""]),
        ("torch", ["torch"], ["-"], [""]),
    ],
)
def test_columns_that_are_asked_for(names: str, titles: list[str], first: list[str], total: list[str]) -> None:
    found = report("a: conv2d 4 3 | relu")
    (_, row), _, (_, last) = cells(found, View(columns=columns(names)))
    assert list(row)[2:] == titles
    assert [row[title] for title in titles] == first
    assert [last[title] for title in titles] == total


def test_every_column_has_a_heading_of_its_own() -> None:
    row = next(row for _, row in cells(report("conv2d 4 3 | relu"), View(columns=COLUMNS)))
    assert len(row) == 2 + len(COLUMNS) + 1, "share is two"
    heads = [row for entry, row in cells(report("2*(relu | tanh)"), View(columns=COLUMNS)) if entry.row is None]
    assert (heads[0]["path"], heads[0]["class"]) == ("", ""), "what only a row has"


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("param", "did you mean params?"), ("outptu", "did you mean output?"), ("params,mac", "did you mean macs?"),
        ("xyz", f"the columns are {', '.join(COLUMNS)}"),
    ],
)  # fmt: skip
def test_a_column_that_there_is_not(text: str, fix: str) -> None:
    with pytest.raises(LayerError) as caught:
        columns(text)
    assert caught.value.code == "spec.usage"
    assert caught.value.fix == fix
    assert repr(text.split(",")[-1]) in caught.value.message


def test_names_of_columns_may_have_blanks_and_none_is_none() -> None:
    assert columns(" params , macs,") == ("params", "macs")
    assert columns("") == ()


# --- open sizes -----------------------------------------------------------------------------------------------------


def test_closed_forms_stand_in_the_columns_or_below() -> None:
    found = analyze("input N,3,H,W | conv2d 8 3 p=1 | relu | 3*(conv2d 8 5 s=2 | relu) | conv2d 4 1", run=False)
    assert found.ok, found.analysis.error
    for width in (60, 80, 120):
        assert max(map(len, picture(found, width))) <= width
    text = plain.plain(found)
    assert "N,8,H,W" in text
    assert "%" not in text.splitlines()[1], "shares of what is open are none"
    assert re.search(r"^smallest input +N=1, H=\d+, W=\d+$", text, re.M)
    assert re.search(r"^demands +", text, re.M)
