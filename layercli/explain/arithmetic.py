"""A convolution worked out with numbers: the window times the kernel, summed, at every position."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.explain.cells import Matrix, grid, numbers, times, written
from layercli.explain.diagram import Above, Beside, Cell, Diagram, Grid, Picture

KERNEL: Matrix = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]
"""The kernel of figure 1.1 of Dumoulin & Visin, A guide to convolution arithmetic (arxiv.org/abs/1603.07285)."""
_KEY = (("tap", "times the kernel"), ("out", "their sum"), ("pad", "padding"))


def arithmetic(size: int = 5, kernel: Matrix = KERNEL, s: int = 1, p: int = 0, at: tuple[int, int] = (0, 0)) -> Diagram:
    """One channel, one filter: input, kernel, output, and the sum that makes the output cell ``at``."""
    image = _padded(numbers(size, size), p)
    out = convolved(image, kernel, s)
    frames = tuple(_at(image, kernel, out, s, p, (r, c)) for r in range(len(out)) for c in range(len(out[0])))
    return Diagram(_at(image, kernel, out, s, p, at), _KEY if p else _KEY[:2], frames)


def convolved(image: Sequence[Sequence[float]], kernel: Matrix, s: int) -> Matrix:
    """What a convolution of this stride makes of an image that is padded already (torch's: not flipped)."""
    k = len(kernel)
    places = range(0, len(image) - k + 1, s)
    return [[sum(a * b for a, b in _pairs(image, kernel, r, c)) for c in places] for r in places]


def _pairs(image: Sequence[Sequence[float]], kernel: Matrix, row: int, column: int) -> list[tuple[float, float]]:
    k = range(len(kernel))
    return [(image[row + i][column + j], kernel[i][j]) for i in k for j in k]


def _padded(image: Matrix, p: int) -> Matrix:
    wide = len(image[0]) + 2 * p
    return [*([[0.0] * wide] * p), *([[0.0] * p + row + [0.0] * p for row in image]), *([[0.0] * wide] * p)]


def _at(image: Matrix, kernel: Matrix, out: Matrix, s: int, p: int, at: tuple[int, int]) -> Picture:
    row, column = at[0] * s, at[1] * s
    k, inner = len(kernel), len(image) - 2 * p

    def mark(r: int, c: int) -> str:
        if row <= r < row + k and column <= c < column + k:
            return "tap"
        return "" if p <= r < p + inner and p <= c < p + inner else "pad"

    window = grid(image, f"input {times((inner, inner))}" + (f", padding {p}" if p else ""), mark)
    weights = grid(kernel, f"kernel {times((k, k))}", lambda r, c: "tap")
    made = grid(out, f"output {times((len(out), len(out[0])))}", lambda r, c: "out" if (r, c) == at else "")
    sums = [f"{written(a)}*{written(b)}" for a, b in _pairs(image, kernel, row, column)]
    lines = [" + ".join(sums[i : i + k]) for i in range(0, len(sums), k)]
    total = f"= {written(out[at[0]][at[1]])}"
    text = Grid(tuple((Cell(line),) for line in (*lines, total)), "the sum")
    return Above((Beside((window, weights, made), ("*", "=")), text))
