"""Adaptive pooling: the output's size is given, and the windows follow from the input's."""

from __future__ import annotations

from functools import cache, reduce
from typing import Any, NamedTuple

from layercli.formula import Expr, Sym, and_, concat, dims, eq_, ge_, length, not_, num, or_, product, sym, when
from layercli.layers.definition import Form, Kept, Key, Layer, Let, Need, Out, TensorIn
from layercli.layers.kinds import BadValue, Sizes, shown
from layercli.layers.pool import INDICES, INDICES_KEY, IS_COMPLEX, IS_FLOAT, dtype_taken, image, maximum_kept, ranks
from layercli.layers.reach import Shares
from layercli.layers.vocabulary import BATCHED, DEFAULT_INPUT, LEAD, ROWS, SPATIAL, C, batched_forms, per_axis

FAMILY = "pooling"


class Target(Sizes):
    """The sizes asked for: one, or exactly one per axis, of which None is the input's own."""

    tells_single = True
    tells_none = True

    def __init__(self, axes: int) -> None:
        super().__init__(axes, 0, repeats=False)
        self.describe += ", none for the input's own"

    def read(self, value: Any) -> Any:
        """The value in its normal form; BadValue where torch would not take it."""
        if not isinstance(value, tuple) or None not in value:
            return super().read(value)
        if len(value) != self.axes:
            raise BadValue(f"is {self.describe}, not {shown(value)}", f"give one for each of the {self.axes} axes")
        if isinstance(value[0], bool):
            raise BadValue(f"is {self.describe}, not {shown(value)}", "write integers")
        filled = super().read(tuple(1 if item is None else item for item in value))
        assert isinstance(filled, tuple)
        return tuple(None if item is None else size for item, size in zip(value, filled))

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return (*super().typical(), (None,) * self.axes, (*(2, 3)[: self.axes - 1], None))


class Fit(NamedTuple):
    """One axis: its size, the size asked for, and the output's, which is either."""

    name: str
    size: Sym
    out: Sym
    rule: Let


@cache
def fit(name: str, optional: bool) -> Fit:
    """The axis of this name; ``optional``: whether the size asked for may be None."""
    i, asked = sym(name, f"size of the input along {name}"), sym(f"size_{name}", f"size asked for along {name}")
    out = sym(f"{name}_out", f"size of the output along {name}")
    own = sym(f"size_{name}_none", f"whether the input's own size along {name} is kept")
    return Fit(name, i, out, Let(out, when(own, i, asked) if optional else asked))


def target(rank: int) -> Key:
    """The size asked for."""
    return Key(
        "output_size", Target(rank) if rank > 1 else Sizes(1, 0), aliases=("size",),
        symbols=per_axis("size", rank, "size asked for"),
        meaning="size of the output along each axis" + (", or none for the input's own" if rank > 1 else ""),
        effect="is the output's size, whatever the input's",
    )  # fmt: skip


_USUAL = sym("usual", "whether the axes are those of the documentation")
_SOME_CHANNELS = Need(ge_(C, 1), "the input has no channels", "give it at least one channel", where=BATCHED)


def _some(axis: Fit, unless: Expr | None = None) -> Need:
    there = ge_(axis.size, 1)
    return Need(
        there if unless is None else or_(there, unless), f"the input is empty along {axis.name}",
        f"give {axis.name} a size of at least 1",
    )  # fmt: skip


def _forms(rank: int) -> tuple[Form, ...]:
    """torch's mean over all of the last axes asks for no batch and no channels before them."""
    usual = tuple(form._replace(facts={**form.facts, "usual": True}) for form in batched_forms(rank))
    return *usual, Form(f"*LEAD {' '.join(SPATIAL[rank])}", facts={"usual": False, "batched": False})


def _axes_agree(rank: int, mean: Expr) -> tuple[Need, ...]:
    axes = ", ".join(SPATIAL[rank])
    told = f"takes (N, C, {axes}) or (C, {axes}), but its input has {{rank}} axes"
    count = {"rank": length(LEAD) + rank}
    bare = eq_(length(LEAD), 0)
    return (
        Need(
            mean, f"adaptiveavgpool{rank}d {told}", f"give it {rank + 1} or {rank + 2} axes", where=not_(_USUAL),
            values=count, code="shape.rank",
        ),
        Need(
            or_(not_(bare), sym("output_size_single")), f"adaptiveavgpool{rank}d {told}",
            f"give it {rank + 1} or {rank + 2} axes", where=not_(_USUAL), values=count, code="shape.rank",
        ),
    )  # fmt: skip


def _dtypes(rank: int, mean: Expr, elements: Expr) -> tuple[Need, ...]:
    """A mean takes complex numbers too; torch's 1d and 2d loop over nothing takes anything."""
    name = f"adaptiveavgpool{rank}d"
    none = num(False) if rank == 3 else and_(not_(mean), eq_(elements, 0))
    return dtype_taken(name, or_(mean, none), IS_COMPLEX), dtype_taken(name, none, not_(or_(IS_FLOAT, IS_COMPLEX)))


def adaptiveavgpool(rank: int) -> Layer:
    """Means over windows that share the input out evenly; over all of it for a size of 1 (Lin et al. 2013)."""
    axes = tuple(fit(name, rank > 1) for name in SPATIAL[rank])
    mean = reduce(and_, (eq_(axis.out, 1) for axis in axes))
    outs: dict[str, Expr] = {axis.name: axis.out for axis in axes}
    elements = when(_USUAL, ROWS * C, product(LEAD)) * product(dims(**outs))
    some = _SOME_CHANNELS._replace(condition=or_(ge_(C, 1), mean))
    shape = image(outs)
    return Layer(
        name=f"adaptiveavgpool{rank}d",
        torch=f"AdaptiveAvgPool{rank}d",
        summary="Takes means over as many windows as the output has cells.",
        keys=(target(rank),),
        positional=("output_size",),
        inputs=(
            TensorIn(
                "input", _forms(rank) if rank > 1 else batched_forms(rank), "what is pooled", dtypes="any",
                tells_dtype=True,
            ),
        ),
        outputs=(Out("output", when(_USUAL, shape, concat(LEAD, dims(**outs))) if rank > 1 else shape),),
        rules=(
            *(axis.rule for axis in axes),
            *(_axes_agree(rank, mean) if rank > 1 else ()),
            *_dtypes(rank, mean, elements if rank > 1 else ROWS * C * axes[0].out),
            *((some,) if rank == 3 else ()),
            *(_some(axis, mean) for axis in axes),
        ),
        reach=Shares(rank),
        kept=(Kept("input", where=not_(mean)),),
        default_input=DEFAULT_INPUT[rank],
        prose="Brings inputs of any size to one size, so that what follows may be made for it; a size of 1 is global "
        "pooling. The size asked for is the output's, and the windows, which may overlap, follow from the input's.",
        examples=_examples(f"adaptiveavgpool{rank}d", rank),
        paper="https://arxiv.org/abs/1312.4400",
    )  # fmt: skip


def adaptivemaxpool(rank: int) -> Layer:
    """The largest values under windows that share the input out evenly."""
    axes = tuple(fit(name, rank > 1) for name in SPATIAL[rank])
    shape = image({axis.name: axis.out for axis in axes})
    return Layer(
        name=f"adaptivemaxpool{rank}d",
        torch=f"AdaptiveMaxPool{rank}d",
        summary="Keeps the largest value under as many windows as the output has cells.",
        keys=(target(rank), INDICES_KEY),
        positional=("output_size",),
        inputs=(TensorIn("input", batched_forms(rank), "what is pooled", dtypes="float"),),
        outputs=(Out("output", shape), Out("indices", shape, dtype="int64", where=INDICES)),
        rules=(_SOME_CHANNELS, *map(_some, axes), *(axis.rule for axis in axes)),
        reach=Shares(rank),
        kept=maximum_kept(shape),
        default_input=DEFAULT_INPUT[rank],
        hidden=("return_indices",),
        prose="Brings inputs of any size to one size, and keeps what stands out in each part. "
        "The size asked for is the output's, and the windows, which may overlap, follow from the input's.",
        examples=(*_examples(f"adaptivemaxpool{rank}d", rank)[:2], f"adaptivemaxpool{rank}d 2 return_indices=true"),
    )  # fmt: skip


def _examples(name: str, rank: int) -> tuple[str, ...]:
    several = ",".join(map(str, (4, 7, 5)[:rank]))
    return (f"{name} 1", f"{name} {several}", *((f"{name} {'none,' * (rank - 1)}7",) if rank > 1 else ()))


def layers() -> tuple[Layer, ...]:
    """The family."""
    return ranks(adaptiveavgpool, adaptivemaxpool)
