"""Fold and unfold: sliding blocks as columns, and back. Both know two spatial axes only.

Source: ``torch/nn/modules/fold.py``; a block is what a kernel of a convolution with these settings would lie on.
"""

from __future__ import annotations

from layercli.formula import Expr, Sym, concat, dims, eq_, ge_, product, size, sym
from layercli.layers.definition import Form, Key, Layer, Need, Out, TensorIn, Window
from layercli.layers.kept import NOTHING
from layercli.layers.kinds import Sizes
from layercli.layers.reach import Flattens, Hides
from layercli.layers.vocabulary import (
    BATCH,
    SPATIAL,
    C,
    batched_forms,
    dilation,
    kernel,
    padding,
    per_axis,
    spatial,
    stride,
)

FAMILY = "shape"

_AXES, _IMAGE = SPATIAL[2], spatial(2)
_k, _s = per_axis("k", 2, "kernel size"), per_axis("s", 2, "stride")
_p, _d = per_axis("p", 2, "padding on each side"), per_axis("d", 2, "dilation")
_ROWS, _COLUMNS = sym("F", "numbers in a column: channels times kernel cells"), sym("L", "number of columns")


def _whole(key: Key, least: int, meaning: str, effect: str) -> Key:
    """The key of a convolution, but no tuple of one stands for both axes."""
    return key._replace(kind=Sizes(2, least, repeats=False), meaning=meaning, effect=effect)


def _keys(kernel_effect: str, effect: str) -> tuple[Key, ...]:
    return (
        _whole(kernel(2), 1, "extent of a block along each axis", kernel_effect),
        _whole(
            dilation(2), 1, "distance between neighbouring cells of a block", f"{effect}; blocks spread over more cells"
        ),
        _whole(padding(2), 0, "cells around the image that hold 0", f"{effect}; more blocks fit"),
        _whole(stride(2), 1, "step from one block to the next", f"{effect}; a larger stride leaves fewer blocks"),
    )


def _blocks(image: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """How many blocks lie along each axis."""
    return tuple((i + 2 * p - d * (k - 1) - 1) // s + 1 for i, k, s, p, d in zip(image, _k, _s, _p, _d))


def _one_block(image: tuple[Sym, ...]) -> list[Need]:
    return [
        Need(
            ge_(count, 1), f"a block spans {{span}} cells along {axis}, but the padded image has {{padded}}",
            "use a smaller kernel_size, or more padding", "kernel_size",
            values={"span": d * (k - 1) + 1, "padded": i + 2 * p},
        )
        for axis, count, i, k, p, d in zip(_AXES, _blocks(image), image, _k, _p, _d)
    ]  # fmt: skip


def _filled(*sizes: Sym) -> Need:
    return Need(
        ge_(size(sizes), 1), "the input is empty beyond its batch: " + " x ".join(f"{{{each.name}}}" for each in sizes),
        "give every axis but the batch a size of at least 1",
    )  # fmt: skip


def unfold() -> Layer:
    """Each block as a column (im2col): a convolution is then one matrix product."""
    return Layer(
        name="unfold",
        torch="Unfold",
        summary="Lays every sliding block of an image out as a column.",
        keys=_keys("a column holds C*k*k numbers; fewer blocks fit", "the number of columns changes"),
        positional=("kernel_size",),
        inputs=(TensorIn("input", batched_forms(2), "the image", dtypes="float, complex or bool"),),
        outputs=(Out("output", concat(BATCH, dims(F=size([C, *_k]), L=size(_blocks(_IMAGE))))),),
        rules=(_filled(C, *_IMAGE), *_one_block(_IMAGE)),
        window=tuple(Window(*row) for row in zip(_k, _s, _p, _d)),
        kept=NOTHING,
        # im2col makes a tensor like the input and resizes it, which never gives memory back
        storage=product(concat(BATCH, dims(C=C, **dict(zip(_AXES, _IMAGE))))),
        reach=Flattens(-2, -1),
        default_input=(1, 3, 16, 16),
        prose="A convolution is a matrix of filters times these columns. "
        "Kernel and channels decide how long a column is; stride, padding and dilation how many there are.",
        examples=("unfold 3", "unfold 2 s=2", "unfold 2,3 p=1 d=2"),
        paper="https://hal.inria.fr/inria-00112631",
    )


def fold() -> Layer:
    """The blocks summed back into an image (col2im); where they overlap, cells are added."""
    image = per_axis("size", 2, "size of the image")
    counts = _blocks(image)
    values: dict[str, Expr] = {"rows": counts[0], "columns": counts[1], "blocks": size(counts)}
    return Layer(
        name="fold",
        torch="Fold",
        summary="Sums columns back into the image whose sliding blocks they are.",
        keys=(
            Key(
                "output_size", Sizes(2, 1, repeats=False), aliases=("size",), symbols=image,
                meaning="height and width of the image", effect="the output has this size, and takes as many columns as it has blocks",
            ),
            *_keys("the output has F/(k*k) channels", "the input needs another number of columns"),
        ),
        positional=("output_size", "kernel_size"),
        inputs=(
            TensorIn(
                "input", (Form("N F L", facts={"batched": True}), Form("F L", facts={"batched": False})),
                "the columns, as unfold lays them out", dtypes="float, complex or bool",
            ),
        ),
        outputs=(Out("output", concat(BATCH, dims(C=_ROWS // size(_k)), dims(**dict(zip(_AXES, image))))),),
        rules=(
            _filled(_ROWS, _COLUMNS),
            Need(
                eq_(_ROWS % size(_k), 0), "a column holds {F} numbers, which is no multiple of a kernel's {cells}",
                "give columns of {fewer} or {more} numbers, or another kernel_size", "kernel_size",
                values={"cells": size(_k), "fewer": _ROWS // size(_k) * size(_k), "more": (_ROWS // size(_k) + 1) * size(_k)},
            ),
            *_one_block(image),
            Need(
                eq_(_COLUMNS, size(counts)),
                "an image of {size_H} x {size_W} has {rows} x {columns} blocks, but the input has {L} columns",
                "give {blocks} columns, or another output_size", "output_size", values=values,
            ),
        ),
        storage=product(concat(BATCH, dims(F=_ROWS, L=_COLUMNS))),
        window_unknown="columns are summed back into an image",
        reach=Hides(1),
        default_input=(1, 12, 16),
        prose="The way back from unfold, but for cells that lie in several blocks: those are added, not averaged. "
        "The image's size is given, since a stride merges several; there must be one column for each of its blocks.",
        examples=("fold 5 2", "fold 4,6 2 s=2 -i 1,12,6", "fold 3 2 p=1 -i 1,12,16"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (unfold(), fold())
