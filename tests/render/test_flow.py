"""Flows: where boxes and wires lie, how they are drawn to the right and down, what is written where neither fits."""

from __future__ import annotations

from random import Random

import pytest

from layercli.explain.boxes import gate, join, op, tensor
from layercli.explain.diagram import Flow, Wire
from layercli.render.flow_layout import laid
from layercli.render.flow_list import listed
from layercli.render.sketch_flow import flow
from tests.explain.seen import text
from tests.explain.wires import check_laid

TWO = (op("a", ["a"], 0, 0), op("b", ["b"], 0, 1), op("c", ["c"], 1, 0), op("d", ["d"], 1, 1))


def drawn(picture: Flow, columns: int = 80, unicode: bool = True) -> str:
    return text(flow(picture, columns, unicode))


def test_a_wire_goes_straight_on_the_line_of_its_box() -> None:
    """Boxes of a row have their middles on one line, however high they are."""
    picture = Flow((tensor("x", "x", (3, 4), 0, 0), join("+", "+", 1, 0), op("f", ["f"], 2, 0)), (
        Wire("x", "+"), Wire("+", "f"),
    ))  # fmt: skip
    assert drawn(picture).splitlines()[2] == "│ 3,4 │──▶(+)──▶│ f │"


def test_a_residual_goes_around_its_block() -> None:
    picture = Flow((op("x", ["x"], 0, 0), op("f", ["f"], 1, 0), join("+", "+", 2, 0), op("y", ["y"], 3, 0)), (
        Wire("x", "f"), Wire("f", "+"), Wire("x", "+", via=1), Wire("+", "y"),
    ))  # fmt: skip
    assert drawn(picture) == "\n".join((
        "╭───╮     ╭───╮          ╭───╮",
        "│ x │─┬──▶│ f │─┬─▶(+)──▶│ y │",
        "╰───╯ │   ╰───╯ │        ╰───╯",
        "      │         │",
        "      └─────────┘",
    ))  # fmt: skip
    assert drawn(picture, 20) == "\n".join((
        "╭───╮",
        "│ x │",
        "╰───╯",
        "  ├─────┐",
        "  ▼     │",
        "╭───╮   │",
        "│ f │   │",
        "╰───╯   │",
        "  ├─────┘",
        "  ▼",
        " (+)",
        "  │",
        "  ▼",
        "╭───╮",
        "│ y │",
        "╰───╯",
    ))  # fmt: skip


def test_wires_that_only_cross_are_told_from_wires_that_meet() -> None:
    """A third wire passes the two that fan out: the one up and down passes over it; where it turns it is joined."""
    nodes = (
        op("a", ["a"], 0, 0),
        op("b", ["b"], 0, 1),
        op("c", ["c"], 1, 0),
        op("d", ["d"], 1, 2),
        op("e", ["e"], 2, 1),
    )
    picture = Flow(nodes, (Wire("a", "c"), Wire("a", "d"), Wire("b", "e")))
    line = drawn(picture).splitlines()[5]
    assert line == "│ b │─│─────────▶│ e │"
    assert drawn(picture, unicode=False).splitlines()[5] == "| b |-|--------->| e |"


@pytest.mark.parametrize("first", [0, 1])
def test_a_line_is_left_before_another_goes_on_there(first: int) -> None:
    """From a down to d's row, which is b's, and from b on down: b's wire turns first, in whatever order they come."""
    wires = (Wire("a", "d"), Wire("b", "e"))
    for down in (False, True):
        check_laid(laid(Flow((*TWO, op("e", ["e"], 1, 2)), (wires[first], wires[1 - first])), down))


@pytest.mark.parametrize("down", [False, True])
def test_random_flows_do_not_touch(down: bool) -> None:
    """Boxes on rows of their own, wired at random through free rows."""
    for seed in range(60):
        r = Random(seed)
        rows = [0, 1, 2, 3]
        ends = rows[:]
        r.shuffle(ends)
        nodes = [op(f"s{row}", ["s" * r.randint(1, 9)] * r.randint(1, 3), 0, 2 * row) for row in rows]
        nodes += [gate(f"e{row}", ["e" * r.randint(1, 9)], 1, 2 * row + 1) for row in rows]
        wires = [Wire(f"s{row}", f"e{end}", r.choice(("", "3,20"))) for row, end in zip(rows, ends)]
        wires += [Wire("s0", f"e{r.choice(rows)}")]
        check_laid(laid(Flow(tuple(nodes), tuple(dict.fromkeys(wires))), down))


def test_a_label_that_wires_share_is_written_once() -> None:
    found = laid(Flow(TWO, (Wire("a", "c", "3,20"), Wire("a", "d", "3,20"), Wire("b", "d", "3,20"))))
    assert [path.wire.label for path in found.paths] == ["3,20", "", "3,20"]


def test_labels_have_room() -> None:
    """To the right they are part of the wire; down they stand beside it, and keep the next row away."""
    picture = Flow((op("a", ["a"], 0, 0), op("b", ["b"], 0, 1), op("c", ["c"], 1, 0)), (
        Wire("a", "c", "128,1024,4096"), Wire("b", "c", "1"),
    ))  # fmt: skip
    assert "│ a │─128,1024,4096─┬─▶│ c │" in drawn(picture)
    assert "│ 128,1024,4096" in drawn(picture, 26)
    for down in (False, True):
        check_laid(laid(picture, down))


def test_where_nothing_fits_the_flow_is_a_list() -> None:
    nodes = (
        tensor("x", "x", (3, 4), 0, 0), op("W", ["W x + b", "4 to 4"], 1, 0), gate("z", ["z", "sigmoid"], 2, 0),
        join("not", "1-", 3, 0), join("by", "x", 4, 0), join("sum", "+", 5, 0), tensor("y", "y", (3, 4), 6, 0),
    )  # fmt: skip
    wires = (
        Wire("x", "W"), Wire("W", "z", "3,4"), Wire("z", "not"), Wire("not", "by"), Wire("W", "by", via=1),
        Wire("by", "sum"), Wire("x", "sum", via=2), Wire("sum", "y"),
    )  # fmt: skip
    picture = Flow(nodes, wires)
    assert text(listed(picture, 60, True)).splitlines() == [
        "x: 3,4",
        "W x + b: 4 to 4 ← x",
        "z: sigmoid ← W x + b (3,4)",
        "y: 3,4 ← (1-z) x (W x + b) + x",
    ]
    narrow = text(listed(picture, 20, False))
    assert max(map(len, narrow.splitlines())) <= 20
    assert narrow.isascii()
    assert drawn(picture, 10) == text(listed(picture, 10, True))
