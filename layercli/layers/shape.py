"""Layers that only rearrange: no number changes, the shape or the order does."""

from __future__ import annotations

from layercli.formula import (
    Expr,
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
    ne_,
    not_,
    num,
    product,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Key, Layer, Need, Out, TensorIn
from layercli.layers.kept import ALWAYS, NOTHING
from layercli.layers.kinds import Int
from layercli.layers.reach import Flattens, Reshapes
from layercli.layers.shape_kinds import Parts
from layercli.layers.vocabulary import DEFAULT_INPUT, SPATIAL, X, integer, named

FAMILY = "shape"


def flatten() -> Layer:
    """Joins neighbouring axes into one (torch.flatten): a scalar becomes one axis of size 1."""
    start, end, rank = sym("start_dim"), sym("end_dim"), max_(length(X), 1)
    first = when(lt_(start, 0), start + rank, start)
    last = when(lt_(end, 0), end + rank, end)

    def inside(key: str) -> Need:
        return Need(
            and_(le_(-rank, sym(key)), lt_(sym(key), rank)),
            f"{key} {{{key}}} is no axis of an input with {{rank}} axes",
            "use {low} to {high}", key, values={"rank": length(X), "low": -rank, "high": rank - 1},
        )  # fmt: skip

    return Layer(
        name="flatten",
        torch="Flatten",
        summary="Joins the axes from start_dim to end_dim into one.",
        keys=(
            Key(
                "start_dim", Int(bools=False), 1, ("start",), (start,), structural=True, meaning="first axis to join",
                effect="the axes before it stay",
            ),
            Key(
                "end_dim", Int(bools=False), -1, ("end",), (end,), structural=True, meaning="last axis to join",
                effect="the axes after it stay",
            ),
        ),
        positional=("start_dim", "end_dim"),
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes="any"),),
        outputs=(
            Out(
                "output",
                concat(slice_(X, 0, first), dims(F=product(slice_(X, first, last + 1))), slice_(X, last + 1, rank)),
            ),
        ),
        rules=(
            inside("start_dim"),
            inside("end_dim"),
            Need(
                ge_(last, first), "start_dim {start_dim} comes after end_dim {end_dim}", "exchange them", "start_dim"
            ),
        ),
        reach=Flattens("start_dim", "end_dim"),
        default_input=(1, 3, 16, 16),
        prose="By default it joins all but the first axis: a batch of feature maps becomes a batch of vectors. "
        "The joined axis is as long as the product of those that it is made of.",
        kept=NOTHING,
        view=ALWAYS,
        examples=("flatten", "flatten 2", "flatten 0 1"),
    )  # fmt: skip


def unflatten() -> Layer:
    """Takes one axis apart into several (torch.unflatten); of one of them the size may be left to torch, by -1."""
    sizes, dim, rank = sym("u", "unflattened_size"), sym("dim"), length(X)
    place = when(lt_(dim, 0), dim + rank, dim)
    cells, together = at(X, place), product(sizes)
    inferred = sym("unflattened_size_inferred")
    open_ = not_(is_(inferred, None))
    others = product(concat(slice_(sizes, 0, inferred), slice_(sizes, inferred + 1, length(sizes))))

    def every(condition: Expr, message: str, fix: str, where: Expr, **values: Expr) -> Need:
        return Need(condition, message, fix, "unflattened_size", where, {"sizes": sizes, **values})

    def part(index: Expr) -> Expr:
        return when(eq_(index, inferred), cells // others, at(sizes, index))

    there = and_(le_(-rank, dim), lt_(dim, rank))
    return Layer(
        name="unflatten",
        torch="Unflatten",
        summary="Takes one axis apart into several.",
        keys=(
            Key(
                "dim", Int(bools=False), symbols=(dim,), structural=True, meaning="the axis that is taken apart",
                effect="the other axes stay",
            ),
            Key(
                "unflattened_size", Parts(), aliases=("sizes",), symbols=(sizes,), structural=True,
                meaning="the sizes that it is taken apart into; one may be -1, for what is left",
                effect="as many axes as there are sizes stand in the place of one",
            ),
        ),
        positional=("dim", "unflattened_size"),
        inputs=(TensorIn("input", (Form("*X"),), "any shape but a scalar's", dtypes="any"),),
        outputs=(
            Out(
                "output",
                when(
                    there,
                    concat(slice_(X, 0, place), each(length(sizes), part, index="F"), slice_(X, place + 1, rank)),
                    X,
                ),
            ),
        ),
        rules=(
            Need(
                there, "dim {dim} is no axis of an input with {rank} axes", "use {low} to {high}", "dim",
                values={"rank": rank, "low": -rank, "high": rank - 1},
            ),
            every(
                eq_(product(each(length(sizes), lambda i: when(ge_(at(sizes, i), -1), 1))), 1),
                "unflattened_size {sizes} has a negative size", "use sizes of at least 0, and one -1 at most", there,
            ),
            every(
                le_(product(each(length(sizes), lambda i: when(eq_(at(sizes, i), -1), 2, 1))), 2),
                "unflattened_size {sizes} has -1 more than once", "leave one of the sizes open", there,
            ),
            every(
                when(open_, ne_(others, 0), num(True)), "unflattened_size {sizes}: next to a 0, -1 may be any size",
                "give all sizes", there,
            ),
            every(
                when(open_, eq_(cells % others, 0), eq_(cells, together)),
                "unflattened_size {sizes} does not multiply to the {cells} cells of axis {dim}",
                "use sizes whose product is {cells}", there, cells=cells,
            ),
        ),
        reach=Reshapes(),
        default_input=(2, 48),
        prose="The inverse of flatten, such as from a vector of features to a map of channels. "
        "The new sizes multiply to the old one.",
        kept=NOTHING,
        view=ALWAYS,
        examples=("unflatten 1 3,4,4", "unflatten 1 -1,4,4", "unflatten 0 1,2"),
    )  # fmt: skip


def channelshuffle() -> Layer:
    """Deals the channels of the groups out in turn: (groups, C/groups) is read as (C/groups, groups)."""
    groups, rank = sym("g", "number of groups that channels are split into"), length(X)
    channels = when(lt_(1, rank), at(X, 1))
    return Layer(
        name="channelshuffle",
        torch="ChannelShuffle",
        summary="Deals the channels of all groups out in turn.",
        keys=(
            integer(
                "groups", "g", groups.meaning, kind=Int(least=1, bools=False), aliases=("g",),
                effect="the shape stays; neighbours come from different groups",
            ),
        ),
        positional=("groups",),
        inputs=(
            TensorIn(
                "input", (*(named(("N", "C", *axes)) for axes in SPATIAL.values()), Form("*X")),
                "a batch, channels, and at least one axis", dtypes="any",
            ),
        ),
        outputs=(Out("output", X),),
        rules=(
            Need(
                ge_(rank, 3), "channelshuffle takes a batch, channels and at least one axis, not {rank} axes",
                "give an input of 3 axes or more", values={"rank": rank}, code="shape.rank",
            ),
            Need(
                eq_(channels % groups, 0), "groups={g} does not divide the {channels} channels",
                "use {divisors} groups", "groups", values={"channels": channels}, divisors=(channels, groups),
            ),
        ),
        window=(),
        kept=NOTHING,
        default_input=(1, 4, *DEFAULT_INPUT[2][2:]),
        prose="Between two grouped convolutions it lets what one group has found reach the others. "
        "Only the order of the channels changes; the shape stays.",
        examples=("channelshuffle 2", "channelshuffle 4"),
        paper="https://arxiv.org/abs/1707.01083",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (flatten(), unflatten(), channelshuffle())
