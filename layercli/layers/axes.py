"""Steps that rearrange or cut axes: functions of torch that designs need between their layers."""

from __future__ import annotations

from functools import cache

from layercli.formula import (
    Expr,
    Sym,
    among_,
    and_,
    at,
    concat,
    dims,
    each,
    eq_,
    ge_,
    is_,
    le_,
    length,
    lt_,
    max_,
    min_,
    ne_,
    not_,
    num,
    or_,
    product,
    slice_,
    sum_,
    sym,
    when,
)
from layercli.layers.axes_kinds import Axes, Shape
from layercli.layers.definition import Form, Key, Layer, Need, Out, TensorIn
from layercli.layers.kept import ALWAYS, NOTHING
from layercli.layers.kinds import Int
from layercli.layers.reach import Expands, Inserts, Narrows, Permutes, Reshapes, Squeezes, Swaps, Takes
from layercli.layers.vocabulary import X

FAMILY = "axes"

RANK = length(X)
ANY = (TensorIn("input", (Form("*X"),), "any shape", dtypes="any"),)


def axis_key(name: str, meaning: str, effect: str, symbol: Sym | None = None) -> Key:
    """A key that names an axis, from 0 or, backwards, from -1."""
    return Key(name, Int(bools=False), symbols=(symbol or sym(name),), structural=True, meaning=meaning, effect=effect)


def from_start(dim: Expr, rank: Expr = RANK) -> Expr:
    """The axis, counted from 0."""
    return when(lt_(dim, 0), dim + rank, dim)


def exists(dim: Expr, rank: Expr = RANK) -> Expr:
    """Whether there is such an axis."""
    return and_(le_(-rank, dim), lt_(dim, rank))


def axis_need(key: str, rank: Expr = RANK) -> Need:
    """That the axis which the key names is there."""
    return Need(
        exists(sym(key), rank), f"{key} {{{key}}} is no axis of {{rank}} axes", "use {low} to {high}", key,
        values={"rank": rank, "low": -rank, "high": rank - 1}, code="shape.rank",
    )  # fmt: skip


def without(place: Expr, shape: Expr = X) -> Expr:
    """The axes but for this one."""
    return concat(slice_(shape, 0, place), slice_(shape, place + 1, length(shape)))


def instead(place: Expr, **axis: Expr) -> Expr:
    """The axes with another in the place of this one."""
    return concat(slice_(X, 0, place), dims(**axis), slice_(X, place + 1, RANK))


def reshape() -> Layer:
    """The same numbers, in order, under another shape (torch.reshape); one size may be -1, for what is left."""
    sizes = sym("r", "shape")
    inferred = sym("shape_inferred")
    open_ = not_(is_(inferred, None))
    others = product(concat(slice_(sizes, 0, inferred), slice_(sizes, inferred + 1, length(sizes))))
    cells = product(X)

    def part(index: Expr) -> Expr:
        return when(eq_(index, inferred), cells // others, at(sizes, index))

    def every(condition: Expr, message: str, fix: str, **values: Expr) -> Need:
        return Need(condition, message, fix, "shape", None, {"sizes": sizes, "X": X, **values})

    return Layer(
        name="reshape",
        torch="torch.reshape",
        summary="The same numbers, in order, under another shape.",
        keys=(
            Key(
                "shape", Shape(), symbols=(sizes,), structural=True, meaning="the new sizes; one may be -1",
                effect="the output has this shape",
            ),
        ),
        positional=("shape",),
        inputs=ANY,
        outputs=(Out("output", each(length(sizes), part, index="R")),),
        rules=(
            every(
                eq_(product(each(length(sizes), lambda i: when(ge_(at(sizes, i), -1), 1))), 1),
                "shape {sizes} has a negative size", "use sizes of at least 0, and one -1 at most",
            ),
            every(
                le_(product(each(length(sizes), lambda i: when(eq_(at(sizes, i), -1), 2, 1))), 2),
                "shape {sizes} has -1 more than once", "leave one of the sizes open",
            ),
            every(
                when(open_, ne_(others, 0), num(True)), "shape {sizes}: next to a 0, -1 may be any size",
                "give all sizes",
            ),
            every(
                when(open_, eq_(cells % others, 0), eq_(cells, product(sizes))),
                "shape {sizes} does not hold the {cells} numbers of {X}", "use sizes whose product is {cells}",
                cells=cells,
            ),
        ),
        reach=Reshapes(),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 64, 7, 7),
        prose="Rows of patches to a map, heads out of features: no number moves, only the sizes change. "
        "One size may be -1, and is then what is left.",
        examples=("reshape 1,-1,7", "reshape 64,49", "reshape -1"),
    )  # fmt: skip


def permute() -> Layer:
    """The axes in another order (torch.permute)."""
    order = sym("dims", "dims")
    named = sum_(each(RANK, lambda i: when(among_(i, order, RANK), 1)))
    fits = sym("fits")
    return Layer(
        name="permute",
        torch="torch.permute",
        summary="Puts the axes into another order.",
        keys=(
            Key(
                "dims", Axes(), symbols=(order,), structural=True, meaning="the old axes, in their new order",
                effect="the sizes change places",
            ),
        ),
        positional=("dims",),
        inputs=ANY,
        outputs=(
            Out(
                "output",
                when(fits, each(RANK, lambda i: at(X, from_start(at(order, i))), index="P"), X),
            ),
        ),
        facts={fits.name: and_(eq_(length(order), RANK), eq_(named, RANK))},
        rules=(
            Need(
                fits, "dims {order} does not name each of the {rank} axes once", "name every axis once, such as 0,2,1",
                "dims", values={"order": order, "rank": RANK}, code="shape.rank",
            ),
        ),
        reach=Permutes("dims"),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 197, 768),
        prose="Channels to the end and back, time before the batch. "
        "The numbers stay where they are: torch only reads them in another order.",
        examples=("permute 0,2,1", "permute 1,0,2"),
    )  # fmt: skip


def transpose() -> Layer:
    """Two axes change places (torch.transpose)."""
    first, second = sym("dim0"), sym("dim1")
    low, high = (pick(from_start(first), from_start(second)) for pick in (min_, max_))
    there = and_(exists(first), exists(second), ne_(from_start(first), from_start(second)))
    return Layer(
        name="transpose",
        torch="torch.transpose",
        summary="Exchanges two axes.",
        keys=(
            axis_key("dim0", "one of the two axes", "its size goes to dim1"),
            axis_key("dim1", "the other", "its size goes to dim0"),
        ),
        positional=("dim0", "dim1"),
        inputs=ANY,
        outputs=(
            Out(
                "output",
                when(
                    there,
                    concat(
                        slice_(X, 0, low), slice_(X, high, high + 1), slice_(X, low + 1, high), slice_(X, low, low + 1),
                        slice_(X, high + 1, RANK),
                    ),
                    X,
                ),
            ),
        ),
        rules=(axis_need("dim0", max_(RANK, 1)), axis_need("dim1", max_(RANK, 1))),
        reach=Swaps("dim0", "dim1"),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 197, 768),
        prose="A matrix turned on its diagonal, or tokens and channels exchanged. "
        "All other axes stay where they are.",
        examples=("transpose 1 2", "transpose -2 -1"),
    )  # fmt: skip


def squeeze() -> Layer:
    """Drops an axis of size 1 (torch.squeeze); an axis of another size stays, as in torch."""
    dim = sym("dim")
    place = from_start(dim, max_(RANK, 1))
    single = sym("single", "whether the axis has size 1")
    return Layer(
        name="squeeze",
        torch="torch.squeeze",
        summary="Drops an axis of size 1.",
        keys=(axis_key("dim", "the axis that is dropped where its size is 1", "an axis less, or none"),),
        positional=("dim",),
        inputs=ANY,
        outputs=(Out("output", when(single, without(place), X)),),
        facts={single.name: when(and_(ge_(RANK, 1), exists(dim)), eq_(at(X, place), 1), num(False))},
        rules=(axis_need("dim", max_(RANK, 1)),),
        reach=Squeezes("dim"),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 8, 1),
        prose="What global pooling or a single output leaves behind. "
        "An axis of another size than 1 stays as it is, without an error, as in torch.",
        examples=("squeeze 2", "squeeze -1"),
    )  # fmt: skip


def unsqueeze() -> Layer:
    """A new axis of size 1 (torch.unsqueeze)."""
    dim, rank = sym("dim"), RANK + 1
    place = from_start(dim, rank)
    return Layer(
        name="unsqueeze",
        torch="torch.unsqueeze",
        summary="Adds an axis of size 1.",
        keys=(axis_key("dim", "where the new axis goes", "an axis of size 1 more"),),
        positional=("dim",),
        inputs=ANY,
        outputs=(
            Out("output", when(exists(dim, rank), concat(slice_(X, 0, place), dims(one=num(1)), slice_(X, place, RANK)), X)),
        ),
        rules=(axis_need("dim", rank),),
        reach=Inserts("dim"),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(8, 16),
        prose="A channel axis for a grey image, a batch axis for one sample. All sizes stay.",
        examples=("unsqueeze 0", "unsqueeze -1"),
    )  # fmt: skip


def select() -> Layer:
    """One slice of an axis, which goes (torch.select)."""
    dim, index = sym("dim"), sym("index", "index along the axis")
    place = from_start(dim)
    size = at(X, place)
    there = exists(dim)
    return Layer(
        name="select",
        torch="torch.select",
        summary="Takes one index of an axis, and drops the axis.",
        keys=(
            axis_key("dim", "the axis", "this axis goes"),
            Key("index", Int(bools=False), symbols=(index,), meaning="which of its places, from 0 or from -1", effect="the shape stays"),
        ),
        positional=("dim", "index"),
        inputs=ANY,
        outputs=(Out("output", when(there, without(place), X)),),
        rules=(
            axis_need("dim"),
            Need(
                and_(le_(-size, index), lt_(index, size)), "index {index} is outside an axis of {size}",
                "use {low} to {high}", "index", there, {"size": size, "low": -size, "high": size - 1},
            ),
        ),
        reach=Takes("dim", gone=True),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 197, 768),
        prose="The last step of a sequence, the class token of a transformer. The axis is gone, the others stay.",
        examples=("select 1 0", "select dim=1 index=-1"),
    )  # fmt: skip


def narrow() -> Layer:
    """A stretch of an axis (torch.narrow)."""
    dim, start, size = sym("dim"), sym("start", "first index"), sym("length", "how many")
    place = from_start(dim)
    there = exists(dim)
    first = when(lt_(start, 0), start + at(X, place), start)
    return Layer(
        name="narrow",
        torch="torch.narrow",
        summary="Cuts a stretch out of an axis.",
        keys=(
            axis_key("dim", "the axis", "this axis becomes shorter"),
            Key("start", Int(bools=False), symbols=(start,), meaning="where the stretch begins, from 0 or from -1", effect="the shape stays"),
            Key("length", Int(least=0, bools=False), symbols=(size,), meaning="how long it is", effect="the axis has this size"),
        ),
        positional=("dim", "start", "length"),
        inputs=ANY,
        outputs=(Out("output", when(there, instead(place, cut=size), X)),),
        rules=(
            axis_need("dim"),
            Need(
                and_(le_(num(0), first), le_(first + size, at(X, place))),
                "a stretch of {length} from {start} is not inside an axis of {size}", "use a shorter one", "length",
                there, {"size": at(X, place)},
            ),
        ),
        reach=Narrows("dim", "start"),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 197, 768),
        prose="All tokens but the first, the first half of the channels. The axis becomes as long as the stretch.",
        examples=("narrow 1 1 196", "narrow dim=2 start=0 length=64"),
    )  # fmt: skip


def expand() -> Layer:
    """Axes of size 1 stretched without copying (torch.Tensor.expand); -1 leaves a size as it is."""
    sizes = sym("e", "shape")
    more = length(sizes) - RANK
    fits = ge_(more, 0)

    def old(index: Expr) -> Expr:
        return when(lt_(index, more), num(1), at(X, when(lt_(index, more), num(0), index - more)))

    def part(index: Expr) -> Expr:
        return when(eq_(at(sizes, index), -1), old(index), at(sizes, index))

    def fitting(index: Expr) -> Expr:
        said = at(sizes, index)
        there = or_(eq_(said, -1), and_(ge_(said, 0), or_(eq_(old(index), 1), eq_(said, old(index)))))
        return when(lt_(index, more), ge_(said, 0), there)

    return Layer(
        name="expand",
        torch="torch.expand",
        summary="Stretches axes of size 1, without copying.",
        keys=(
            Key(
                "shape", Axes(), symbols=(sizes,), structural=True, meaning="the new sizes; -1 leaves one as it is",
                effect="the output has this shape",
            ),
        ),
        positional=("shape",),
        inputs=ANY,
        outputs=(Out("output", when(fits, each(length(sizes), part, index="E"), X)),),
        rules=(
            Need(fits, "shape {sizes} has fewer axes than {X}", "give a size for every axis", "shape", values={"sizes": sizes, "X": X}),
            Need(
                eq_(product(each(length(sizes), lambda i: when(fitting(i), 1))), 1),
                "{X} cannot be stretched to {sizes}: only sizes of 1 can", "use -1 for the others", "shape", fits,
                {"sizes": sizes, "X": X},
            ),
        ),
        reach=Expands(),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 1, 768),
        prose="A class token for every sample of a batch. Only sizes of 1 are stretched; no number is copied.",
        examples=("expand 8,-1,-1", "expand 4,1,768"),
    )  # fmt: skip


CHUNKS = 16
"""The most parts that an axis is dealt out into: the definition lists each as an output."""


@cache
def chunk() -> Layer:
    """An axis in parts (torch.chunk): each ceil(size/chunks) long, the last perhaps shorter, perhaps fewer of them."""
    count, dim = sym("chunks", "number of parts"), sym("dim")
    place = from_start(dim)
    there = exists(dim)
    size = when(there, at(X, place), num(1))
    part = (size + count - 1) // count

    def begins(number: int) -> Sym:
        return sym(f"part{number}", f"whether there is a part {number}")

    def long(number: int) -> Expr:
        return when(begins(number + 1), part, size - number * part if number else size)

    outs = tuple(
        Out(
            f"part{number}", when(there, instead(place, part=long(number)), X),
            where=begins(number) if number else None,
        )
        for number in range(CHUNKS)
    )  # fmt: skip
    return Layer(
        name="chunk",
        torch="torch.chunk",
        summary="Deals an axis out in equal parts.",
        keys=(
            Key("chunks", Int(least=1, bools=False), symbols=(count,), meaning="how many parts", effect="more and shorter parts"),
            Key("dim", Int(bools=False), 0, (), (dim,), structural=True, meaning="the axis", effect="this axis becomes shorter"),
        ),
        positional=("chunks", "dim"),
        inputs=ANY,
        outputs=outs,
        facts={
            begins(number).name: and_(lt_(num(number), count), or_(lt_(number * part, size), eq_(size, 0)))
            for number in range(1, CHUNKS + 1)
        },
        rules=(
            axis_need("dim"),
            Need(
                le_(count, CHUNKS), "chunk deals out at most {most} parts here, not {chunks}", "use narrow, or fewer parts",
                "chunks", values={"most": num(CHUNKS)}, code="limit.parts",
            ),
        ),
        reach=Takes("dim"),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 64, 16, 16),
        prose="Queries, keys and values out of one projection, the two halves of a channel split. "
        "The first part flows on; pick 1 or @label.1 takes another.",
        examples=("chunk 2 dim=1", "chunk 3 -1"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (reshape(), permute(), transpose(), squeeze(), unsqueeze(), select(), narrow(), expand(), chunk())
