"""Pictures of steps that merge: torch makes the same of the picture's own cells, and marks say where each is from."""

from __future__ import annotations

from typing import Any

import pytest

from layercli.explain.diagram import Above, Beside, Cell, Diagram, Nothing, Picture
from layercli.explain.pictures import picture
from layercli.explain.pictures import picture as draw
from layercli.explain.streams import draw as draw_stream
from tests.explain.seen import check_drawn, grids, subject

torch = pytest.importorskip("torch")


def parts(diagram: Diagram | Nothing) -> list[Picture]:
    """The tensors of numbers, the output last."""
    assert isinstance(diagram, Diagram)
    shown = diagram.picture.parts[1] if isinstance(diagram.picture, Above) else diagram.picture
    assert isinstance(shown, (Above, Beside))
    return list(shown.parts)


def cells(shown: Picture) -> list[Cell]:
    return [cell for grid in grids(shown) for row in grid.rows for cell in row]


def tensor(shown: Picture, shape: tuple[int, ...], dtype: str = "float32") -> Any:
    numbers = [float(cell.text) for cell in cells(shown)]
    return torch.tensor(numbers).reshape(shape).to(getattr(torch, dtype))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "maximum", "minimum"])
@pytest.mark.parametrize(
    "dtypes", [("float32", "float32"), ("uint8", "uint8"), ("int8", "uint8"), ("int64", "float16")]
)
def test_numbers_are_those_of_torch(name: str, dtypes: tuple[str, str]) -> None:
    """All tensors are shown stretched, so that the cells of the inputs are merged place by place."""
    *inputs, output = parts(draw(subject(name, f"3,4:{dtypes[0]}", f"4:{dtypes[1]}", f"3,1:{dtypes[0]}")))
    given = [tensor(shown, (3, 4), dtype) for shown, dtype in zip(inputs, (*dtypes, dtypes[0]))]
    wanted = getattr(torch, name)(getattr(torch, name)(given[0], given[1]), given[2])
    assert tensor(output, (3, 4), str(wanted.dtype).removeprefix("torch.")).tolist() == wanted.tolist()


def test_true_and_true_is_true() -> None:
    *inputs, output = parts(draw(subject("add", "3,4:bool", "3,4:bool")))
    one, other = (tensor(shown, (3, 4), "bool") for shown in inputs)
    assert tensor(output, (3, 4), "bool").tolist() == (one + other).tolist()


def test_stretched_cells_are_marked() -> None:
    first, second, output = parts(draw(subject("add", "2,3", "3", at=(1, 2))))
    assert [cell.mark for cell in cells(first)] == [""] * 5 + ["tap"]
    assert [cell.mark for cell in cells(second)] == [""] * 3 + ["pad", "pad", "tap"]
    assert [cell.mark for cell in cells(output)] == [""] * 5 + ["out"]
    assert [cell.text for cell in cells(second)][:3] == [cell.text for cell in cells(second)][3:]


def test_shapes_are_lined_up_from_the_last_axis() -> None:
    diagram = draw(subject("add", "1,8,16,16", "8,1,1"))
    assert isinstance(diagram, Diagram)
    table = next(grids(diagram.picture))
    assert table.above == ("-4", "-3", "-2", "-1")
    assert [cell.text for cell in table.rows[1]] == ["", "8", "1", "1"]
    assert [cell.mark for cell in table.rows[1]] == ["", "", "pad", "pad"]


@pytest.mark.parametrize(
    ("shapes", "dim"),
    [(((2, 3), (1, 3)), 0), (((2, 3), (2, 1), (2, 2)), -1), (((2, 2, 3), (2, 1, 3)), 1), (((2,), (0,), (3,)), 0)],
)
def test_parts_lie_where_torch_puts_them(shapes: tuple[tuple[int, ...], ...], dim: int) -> None:
    *inputs, output = parts(draw(subject(f"cat dim={dim}", *(",".join(map(str, shape)) for shape in shapes))))
    there = [shape for shape in shapes if 0 not in shape]
    wanted = torch.cat([tensor(shown, shape) for shown, shape in zip(inputs, there, strict=True)], dim)
    assert tensor(output, tuple(wanted.shape)).tolist() == wanted.tolist()
    marks = ["one", "two", "three"]
    numbers = [torch.full(shape, number) for number, shape in enumerate(shapes) if 0 not in shape]
    assert [cell.mark for cell in cells(output)] == [marks[int(n)] for n in torch.cat(numbers, dim).flatten()]


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_a_stack_is_that_of_torch(dim: int) -> None:
    *inputs, output = parts(draw(subject(f"stack dim={dim}", "2,3", "2,3", "2,3")))
    wanted = torch.stack([tensor(shown, (2, 3)) for shown in inputs], dim)
    assert tensor(output, tuple(wanted.shape)).tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("first", "second", "dtype"),
    [
        ((3, 4), (4, 2), "float32"), ((4,), (4, 5), "float32"), ((3, 5), (5,), "uint8"), ((6,), (6,), "int8"),
        ((1, 1), (1, 1), "int64"),
    ],
)  # fmt: skip
def test_products_are_those_of_torch(first: tuple[int, ...], second: tuple[int, ...], dtype: str) -> None:
    shapes = [",".join(map(str, shape)) + f":{dtype}" for shape in (first, second)]
    one, other, output = parts(draw(subject("matmul", *shapes)))
    wanted = torch.matmul(tensor(one, first, dtype), tensor(other, second, dtype))
    assert tensor(output, tuple(wanted.shape), dtype).tolist() == wanted.tolist()


def test_a_row_and_a_column_make_a_cell() -> None:
    """In a batch that is stretched too; of a long row the rest is summed, though not shown."""
    diagram = draw(subject("matmul", "8,3,4", "2,1,4,5", at=(1, 7, 2, 3)))
    first, second, output = parts(diagram)
    row = [float(cell.text) for cell in cells(first) if cell.mark == "tap"]
    column = [float(cell.text) for cell in cells(second) if cell.mark == "tap"]
    (made,) = [float(cell.text) for cell in cells(output) if cell.mark == "out"]
    assert made == sum(a * b for a, b in zip(row, column, strict=True))
    assert isinstance(diagram, Diagram)
    assert f"= {int(made)}" in diagram.picture.note


@pytest.mark.parametrize("spec", ["add", "matmul", "minimum"])
def test_every_position_is_a_frame(spec: str) -> None:
    diagram = draw(subject(spec, "3,3", "3,3", moving=True))
    assert isinstance(diagram, Diagram)
    assert len(diagram.frames) == 9


@pytest.mark.parametrize(
    ("spec", "shapes"),
    [
        ("add", ["1,8,16,16", "1,8,1,1"]), ("mul", ["scalar", "scalar"]), ("sub", ["2,3,4,5,6,7", "7"]),
        ("maximum", ["5"] * 7), ("add", ["0,3", "1,3"]), ("minimum", ["1000", "1000"]), ("mul", ["3:complex64", "3"]),
        ("cat dim=1", ["1,8,16,16", "1,24,16,16"]), ("cat", ["3"] * 9), ("cat", ["0,3", "2,3"]), ("cat", ["0", "0"]),
        ("cat dim=3", ["2,3,4,5,6,7", "2,3,4,1,6,7"]), ("stack dim=-1", ["2,3,4,5"] * 3), ("stack", ["scalar"] * 2),
        ("cat", ["1000,3", "10,3", "100,3", "1,3"]), ("cat", ["0", "5"]), ("stack", ["100"] * 30),
        ("matmul", ["1,8,16,64", "1,8,64,16"]), ("matmul", ["3,0", "0,4"]), ("matmul", ["0", "0"]),
        ("matmul", ["70000", "70000"]),
        ("matmul", ["5,4096", "4096,5"]), ("matmul", ["0,3", "3,4"]),
    ],
)  # fmt: skip
def test_all_are_drawn(spec: str, shapes: list[str]) -> None:
    check_drawn(draw(subject(spec, *shapes)))


@pytest.mark.parametrize("spec", ["pick 0", "param 1,16"])
def test_what_only_flows_has_no_picture(spec: str) -> None:
    asked = subject(spec, "1,16")
    assert isinstance(draw_stream(asked), Nothing)
    assert picture(asked) == draw_stream(asked)
