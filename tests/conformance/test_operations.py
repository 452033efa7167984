"""Steps that are functions of torch against the functions themselves: acceptance, every shape and dtype, MACs.

``LAYERCLI_OPERATIONS=5000 pytest tests/conformance/test_operations.py`` draws that many calls of each.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import reduce
from random import Random
from typing import Any, NamedTuple

import pytest
import torch

from layercli.analysis.flow import tensors
from layercli.analysis.layer import Analyser
from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.checks import Outcome
from layercli.measure.build import run_plan
from layercli.measurement import MEASURED
from layercli.plan import Input, Tensor
from layercli.spec import parse

DRAWN = int(os.environ.get("LAYERCLI_OPERATIONS", "60"))
"""Calls of each operation in one run of the tests."""

DTYPES = ("float32",) * 8 + ("float64", "float16", "bfloat16", "complex64", "int64", "int32", "int8", "uint8", "bool")

Shape = tuple[int, ...]


class Asked(NamedTuple):
    """A call: the operation, its arguments, its inputs."""

    name: str
    arguments: dict[str, Any]
    inputs: tuple[tuple[Shape, str], ...]

    @property
    def text(self) -> str:
        """As the command line has it."""
        return " ".join([self.name, *(f"{key}={_written(value)}" for key, value in self.arguments.items())])


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({','.join(map(str, value))}{',' if len(value) == 1 else ''})"
    return str(value).lower()


# --- torch, by its own names ----------------------------------------------------------------------------------------


def _fold(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *inputs: reduce(function, inputs)


def _listed(value: Any) -> tuple[int, ...]:
    """The command line writes a list of one without brackets."""
    return value if isinstance(value, tuple) else (value,)


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim=(), keepdim=False: function(x, dim=dim, keepdim=keepdim)


def _middle(x: Any, size: Any) -> Any:
    """The middle of the last axes, by slices."""
    sizes = _listed(size)
    if len(sizes) == 1:
        sizes = sizes * max(x.dim() - 2, 1)
    if len(sizes) > x.dim():
        raise ValueError("too many sizes")
    where = []
    for there, wanted in zip(x.shape[-len(sizes) :], sizes):
        if not 0 <= wanted <= there:
            raise ValueError("larger than the input")
        begin = (there - wanted) // 2
        where.append(slice(begin, begin + wanted))
    return x[(..., *where)]


TORCH: dict[str, Callable[..., Any]] = {
    "add": _fold(torch.add),
    "sub": _fold(torch.sub),
    "mul": _fold(torch.mul),
    "maximum": _fold(torch.maximum),
    "minimum": _fold(torch.minimum),
    "cat": lambda *inputs, dim=0: torch.cat(inputs, dim=dim),
    "stack": lambda *inputs, dim=0: torch.stack(inputs, dim=dim),
    "matmul": torch.matmul,
    "reshape": lambda x, shape: torch.reshape(x, _listed(shape)),
    "permute": lambda x, dims: torch.permute(x, _listed(dims)),
    "transpose": torch.transpose,
    "squeeze": torch.squeeze,
    "unsqueeze": torch.unsqueeze,
    "select": torch.select,
    "narrow": torch.narrow,
    "expand": lambda x, shape: x.expand(_listed(shape)),
    "chunk": torch.chunk,
    "mean": _over(torch.mean),
    "sum": _over(torch.sum),
    "amax": _over(torch.amax),
    "crop": _middle,
    "pad": lambda x, pad, value=0: torch.nn.functional.pad(x, _listed(pad), value=value),
    "pick": lambda x, output=0: x if str(output) in ("0", "0.0") else [x][1],
    "param": lambda x, shape: torch.zeros(_listed(shape)),
}
MERGING = ("add", "sub", "mul", "maximum", "minimum", "cat", "stack")


# --- drawing --------------------------------------------------------------------------------------------------------


def a_shape(r: Random, most: int = 5) -> Shape:
    rank = r.choice((0, 1, 2, 2, 3, 3, 4, 4, 5)[: 2 * most - 1])
    return tuple(r.choice((0, 1, 1, 2, 2, 3, 3, 4)) for _ in range(rank))


def an_axis(r: Random, rank: int) -> int:
    """One that is there, most of the time."""
    if r.random() < 0.12 or rank == 0:
        return r.randint(-rank - 2, rank + 1)
    return r.randint(-rank, rank - 1)


def axes(r: Random, rank: int) -> Shape:
    found = r.sample(range(rank), r.randint(0, rank))
    found = [axis - rank if r.random() < 0.3 else axis for axis in found]
    if r.random() < 0.15:
        found.append(an_axis(r, rank))
    return tuple(found)


def broken(r: Random, shape: Shape) -> Shape:
    """A shape with something else about it."""
    sizes = list(shape)
    chance = r.random()
    if chance < 0.3:
        sizes.insert(r.randint(0, len(sizes)), r.randint(0, 3))
    elif sizes and chance < 0.5:
        sizes.pop(r.randrange(len(sizes)))
    elif sizes:
        sizes[r.randrange(len(sizes))] = r.randint(0, 5)
    return tuple(sizes)


def stretched(r: Random, shape: Shape) -> Shape:
    """A shape that broadcasts with this one."""
    sizes = tuple(1 if r.random() < 0.3 else size for size in shape)
    return sizes[r.randint(0, len(sizes)) :] if r.random() < 0.3 else sizes


def a_factorization(r: Random, shape: Shape) -> Shape:
    left, sizes = math.prod(shape), []
    for _ in range(r.randint(0, 4)):
        fits = [size for size in (1, 2, 3, 4, 5, 6, 8) if left and left % size == 0] or [r.randint(0, 4)]
        sizes.append(r.choice(fits))
        left = left // sizes[-1] if sizes[-1] else 0
    if left != 1 or r.random() < 0.3:
        sizes.insert(r.randint(0, len(sizes)), left)
    if sizes and r.random() < 0.4:
        sizes[r.randrange(len(sizes))] = -1
    if sizes and r.random() < 0.12:
        sizes[r.randrange(len(sizes))] = r.choice((-2, -1, 0, 1, 2, 7))
    return tuple(sizes)


def draw(name: str, r: Random) -> Asked:
    """A call of an operation, right in most cases."""
    shape, dtype = a_shape(r), r.choice(DTYPES)
    rank = len(shape)
    shapes, arguments = [shape], {}
    if name in ("add", "sub", "mul", "maximum", "minimum"):
        shapes = [stretched(r, shape) for _ in range(r.choice((2, 2, 3, 4)))]
    elif name == "cat":
        arguments = {"dim": an_axis(r, rank)} if r.random() < 0.9 else {}
        dim = arguments.get("dim", 0)
        shapes = [shape]
        for _ in range(r.choice((1, 1, 2, 3))):
            other = list(shape)
            if rank and -rank <= dim < rank:
                other[dim] = r.randint(0, 4)
            shapes.append(tuple(other))
        while r.random() < 0.2:
            shapes[r.randrange(len(shapes))] = (0,)
    elif name == "stack":
        arguments = {"dim": an_axis(r, rank + 1)} if r.random() < 0.9 else {}
        shapes = [shape] * r.choice((2, 2, 3))
    elif name == "matmul":
        n, m, p = (r.choice((0, 1, 2, 3, 4)) for _ in range(3))
        batch = a_shape(r, 3)
        left, right = r.choice(((n, m), (n, m), (n, m), (m,))), r.choice(((m, p), (m, p), (m, p), (m,)))
        shapes = [(*stretched(r, batch), *left), (*stretched(r, batch), *right)]
        shapes = [r.choice((both, both, one)) for both, one in zip(shapes, (left, right))]
    elif name == "reshape":
        arguments = {"shape": a_factorization(r, shape)}
    elif name == "permute":
        order = [axis - rank if r.random() < 0.2 else axis for axis in r.sample(range(rank), rank)]
        arguments = {"dims": tuple(order) if r.random() < 0.85 else axes(r, rank)}
    elif name == "transpose":
        arguments = {"dim0": an_axis(r, rank), "dim1": an_axis(r, rank)}
    elif name == "squeeze":
        arguments = {"dim": an_axis(r, rank)}
    elif name == "unsqueeze":
        arguments = {"dim": an_axis(r, rank + 1)}
    elif name == "select":
        arguments = {"dim": an_axis(r, rank), "index": r.choice((0, 0, -1, 1, 2, -2, 4))}
    elif name == "narrow":
        arguments = {"dim": an_axis(r, rank), "start": r.choice((0, 0, 1, 2, 4, -1, -2)), "length": r.randint(0, 3)}
    elif name == "expand":
        sizes = [r.choice((size, -1, size)) if size != 1 else r.choice((1, -1, 3, 0, 2)) for size in shape]
        front = [r.choice((0, 1, 2, 3, 3, -1)) for _ in range(r.choice((0, 0, 0, 1, 2)))]
        arguments = {"shape": (*front, *sizes)}
        if r.random() < 0.15:
            arguments["shape"] = broken(r, arguments["shape"])
    elif name == "chunk":
        arguments = {"chunks": r.choice((1, 2, 3, 4, 5, 7, 16)), "dim": an_axis(r, rank)}
        if r.random() < 0.2:
            del arguments["dim"]
    elif name in ("mean", "sum", "amax"):
        arguments = {"dim": axes(r, rank)} if r.random() < 0.85 else {}
        arguments |= {"keepdim": r.random() < 0.5} if r.random() < 0.5 else {}
    elif name == "crop":
        sizes = [r.randint(0, size + (r.random() < 0.1)) for size in shape[-r.randint(1, 3) :]]
        arguments = {"size": tuple(sizes) or (1,)}
    elif name == "pad":
        pads = tuple(r.choice((0, 1, 2, -1)) for _ in range(2 * r.randint(0, rank)))
        arguments = {"pad": pads if r.random() < 0.9 else broken(r, pads)}
        arguments |= {"value": r.choice((0, 1, 2.5, 7, -1, 300))} if r.random() < 0.3 else {}
    elif name == "pick":
        arguments = {"output": r.choice((0, 0, "0", 1))} if r.random() < 0.8 else {}
    elif name == "param":
        arguments = {"shape": a_shape(r) or (1,)}
    if arguments and r.random() < 0.05:
        key = r.choice(list(arguments))
        value = arguments[key]
        if isinstance(value, tuple) and len(value) == 1:
            arguments[key] = value[0]  # one number in a tuple's place
    arguments = {
        key: value for key, value in arguments.items() if value != () or name in ("reshape", "permute", "expand", "pad")
    }
    if () in arguments.values():
        return draw(name, r)  # the command line has no empty list
    if r.random() < 0.12:
        index = r.randrange(len(shapes))
        shapes[index] = broken(r, shapes[index])
    return Asked(name, arguments, tuple(zip(shapes, mixed(r, dtype, shapes))))


def mixed(r: Random, dtype: str, shapes: list[Shape]) -> list[str]:
    """A dtype for each, one for all in most cases."""
    return [dtype, *(dtype if r.random() < 0.8 else r.choice(DTYPES) for _ in shapes[1:])]


# --- both answers ---------------------------------------------------------------------------------------------------

_analyser = Analyser("train")


def by_formulas(asked: Asked) -> Analysis:
    """What the formulas say."""
    inputs = [Input(Tensor(shape, dtype)) for shape, dtype in asked.inputs]
    return analyse_spec(parse(asked.text), inputs, Options(), _analyser)


def by_torch(asked: Asked) -> list[tuple[Shape, str]] | None:
    """What torch gives: shapes and dtypes; None where it refuses."""
    fed = [torch.ones(shape, dtype=getattr(torch, dtype)) for shape, dtype in asked.inputs]
    try:
        result = TORCH[asked.name](*fed, **asked.arguments)
    except Exception:
        return None
    parts = result if isinstance(result, (tuple, list)) else [result]
    if any(size < 0 for part in parts for size in part.shape):
        return None  # expand(0, -1) of a scalar: torch itself gives nonsense
    return [(tuple(part.shape), str(part.dtype).removeprefix("torch.")) for part in parts]


def _has_nothing(asked: Asked, found: list[tuple[Shape, str]]) -> bool:
    """Whether a tensor is empty: there torch lets dtypes pass that it refuses elsewhere, and the formulas do not."""
    return any(0 in shape for shape, _ in (*asked.inputs, *found))


def difference(asked: Asked, plan: bool = True) -> str:
    """Where the two differ; empty where they do not."""
    analysis, found = by_formulas(asked), by_torch(asked)
    said = f"{asked.text} on {asked.inputs}: "
    if analysis.error is not None:
        if analysis.error.code.startswith("internal") or not analysis.error.fix:
            return said + f"{analysis.error.code} {analysis.error}"
        unknown = found is not None and "complex32" in [dtype for _, dtype in found]
        if found is None or unknown or (analysis.error.code == "torch.dtype" and _has_nothing(asked, found)):
            return ""
        return said + f"formulas refuse: {analysis.error}, torch gives {found}"
    ours = [(flow.shape, flow.dtype) for flow in tensors(analysis.outputs)]
    if found != ours:
        return said + f"formulas {ours}, torch {found}"
    if plan and analysis.plan is not None:
        answer = run_plan(analysis.plan._replace(count_macs=True, device="cpu"))
        outcome = Outcome(analysis, answer)
        wrong = [check for check in outcome.checks if check.status != "agrees"]
        if answer.status != MEASURED or wrong:
            return said + f"the plan: {answer.status} {answer.reason} {wrong}"
    return ""


@pytest.mark.parametrize("name", TORCH)
def test_an_operation_is_torchs(name: str) -> None:
    wrong, accepted = [], 0
    for seed in range(DRAWN):
        asked = draw(name, Random(f"{name}/{seed}"))
        accepted += by_torch(asked) is not None
        if found := difference(asked, plan=seed % 4 == 0):
            wrong.append(f"seed {seed}: {found}")
    assert not wrong, f"{len(wrong)} of {DRAWN}\n" + "\n".join(wrong[:12])
    assert accepted > DRAWN / 5
