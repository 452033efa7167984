"""Upsampling by interpolation, and pixel shuffles.

Source: ``torch/nn/modules/upsampling.py``, ``torch.nn.functional.interpolate`` and ``pixelshuffle.py``.
"""

from __future__ import annotations

from typing import Any

from layercli.formula import (
    Expr,
    and_,
    at,
    concat,
    dims,
    eq_,
    floor_,
    ge_,
    gt_,
    is_,
    le_,
    length,
    lt_,
    ne_,
    not_,
    num,
    or_,
    product,
    size,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Let, Need, Out, TensorIn, Window
from layercli.layers.kept import NOTHING
from layercli.layers.kinds import LARGEST, Int
from layercli.layers.reach import Samples, Spread, Spreads
from layercli.layers.shape_kinds import MaybeFlag, Scale, TargetSize
from layercli.layers.vocabulary import BATCHED, DEFAULT_INPUT, ROWS, SPATIAL, C, N, X, integer, named, spatial, word

FAMILY = "upsampling"


_MODE, _CORNERS, _AGAIN = sym("mode"), sym("align_corners"), sym("recompute_scale_factor")
_SIZE, _SCALE = sym("size", "size"), sym("scale", "scale_factor")
_SIZED, _SCALED = gt_(length(_SIZE), 0), gt_(length(_SCALE), 0)
_SINGLE = {_SIZE.name: sym("size_single"), _SCALE.name: sym("scale_factor_single")}
_SPATIAL = length(X) - 2
_BACK = {"L": 1, "D": 3, "H": 2, "W": 1}
"""Which axis from the end each of the spatial ones is."""
_OUT = {label: sym(f"{label}_out", f"size of the output along {label}") for label in _BACK}


def _any_mode(mode: Expr, *words: str) -> Expr:
    return or_(*(eq_(mode, num(each)) for each in words))


def _keys() -> tuple[Key, Key]:
    return (
        Key(
            "size", TargetSize(), None, symbols=(_SIZE,), structural=True,
            meaning="size of the output: one number for every axis, or one for each",
            effect="every axis comes out at this size",
        ),
        Key(
            "scale_factor", Scale(), None, ("scale",), (_SCALE,), structural=True,
            meaning="what the size is multiplied by: one number for every axis, or one for each",
            effect="every axis comes out this many times as large, rounded down",
        ),
    )  # fmt: skip


def _of_axis(listed: Expr, single: Expr, back: int) -> Expr:
    """What a key says of the axis that is ``back`` from the end; 0 where it says nothing."""
    several = when(le_(back, length(listed)), at(listed, -back))
    return when(gt_(length(listed), 0), when(single, at(listed, 0), several))


def _chosen() -> list[Need]:
    """One of the two keys is given, with as many numbers as there are axes."""

    def fits(key: str, listed: Expr, single: Expr) -> Need:
        return Need(
            or_(single, eq_(length(listed), _SPATIAL)),
            f"{key} has {{count}} numbers, but the input has {{axes}} axes behind its channels",
            "give {axes}, or one number for all axes", key, gt_(length(listed), 0),
            {"count": length(listed), "axes": _SPATIAL},
        )  # fmt: skip

    return [
        Need(not_(and_(_SIZED, _SCALED)), "size and scale_factor are both given", "give one of them", "scale_factor"),
        Need(or_(_SIZED, _SCALED), "neither size nor scale_factor is given", "give one of them, such as scale=2"),
        fits("size", _SIZE, _SINGLE["size"]),
        fits("scale_factor", _SCALE, _SINGLE["scale"]),
    ]  # fmt: skip


def _along(label: str, area: Expr) -> list[Need | Let]:
    """The size of the output along one axis, and what must hold; averages over areas may come out empty."""
    back = _BACK[label]
    there = eq_(_SPATIAL, 1) if label == "L" else and_(gt_(_SPATIAL, 1), le_(back, _SPATIAL))
    cells, out = sym(label, f"size of the input along {label}"), _OUT[label]
    wanted = _of_axis(_SIZE, _SINGLE["size"], back)
    factor = _of_axis(_SCALE, _SINGLE["scale"], back)
    said = f"scale_factor {{factor}} turns the {{cells}} cells along {label} into"
    values = {"factor": factor, "cells": cells}
    scaled = and_(there, _SCALED)
    return [
        Need(ge_(cells, 1), f"the input is empty along {label}", f"give {label} a size of at least 1", where=there),
        Need(lt_(cells * factor, LARGEST), f"{said} more than 64 bits count", "use a smaller one", "scale_factor", scaled, values),
        Need(
            le_(when(area, 0, 1), cells * factor), f"{said} none", "use a larger one", "scale_factor", scaled, values,
        ),
        Need(
            ge_(wanted, when(area, 0, 1)), f"size {{wanted}} along {label} is not positive", "use 1 or more", "size",
            and_(there, _SIZED), {"wanted": wanted}, "torch.range",
        ),
        Let(out, when(_SIZED, wanted, floor_(cells * factor)), there),
    ]  # fmt: skip


def _upsample(
    torch: str, mode: Expr, corners: Expr, again: Expr, keys: tuple[Key, ...], rules: tuple[Need, ...], **words: Any
) -> Layer:
    area = eq_(mode, num("area"))
    axes = [dims(**{label: _OUT[label] for label in labels}) for labels in SPATIAL.values()]
    shape = concat(dims(N=N, C=C), when(eq_(_SPATIAL, 1), axes[0], when(eq_(_SPATIAL, 2), axes[1], axes[2])))
    free = and_(area, le_(_SPATIAL, 2))
    floats = when(_any_mode(mode, "linear", "trilinear"), num("float"), num("float or uint8"))
    dtype = sym("input_dtype")
    return Layer(
        name=torch.lower(),
        torch=torch,
        keys=keys,
        positional=("size",),
        inputs=(
            TensorIn(
                "input", tuple(named(("N", "C", *labels)) for labels in SPATIAL.values()),
                "a batch of signals, images or volumes", dtypes=when(area, num("any"), floats), tells_dtype=True,
            ),
        ),
        outputs=(Out("output", shape),),
        rules=(
            *rules,
            *_chosen(),
            *(rule for label in _BACK for rule in _along(label, area)),
            Need(ge_(C, 1), "the input has no channels", "give it at least one", where=not_(free)),
            Need(
                or_(*(is_(dtype, name) for name in ("float32", "float64", "float16", "bfloat16")), and_(free, eq_(product(shape), 0))),
                "mode=area takes floats, not {input_dtype}", "use float32", where=area, code="torch.dtype",
            ),
        ),
        reach=Samples(mode, corners, tuple(when(and_(_SCALED, not_(again)), _of_axis(_SCALE, _SINGLE["scale"], back)) for back in (3, 2, 1))),
        kept=(Kept("input", where=and_(area, ne_(product(slice_(shape, 2, length(shape))), 1))),),
        **words,
    )  # fmt: skip


def _for_axes(mode: Expr, fix: str) -> Need:
    """The linear modes and the cubic one are each for one number of axes."""
    two = when(_any_mode(mode, "bilinear", "bicubic"), 2, _SPATIAL)
    wanted = when(_any_mode(mode, "linear"), 1, when(_any_mode(mode, "trilinear"), 3, two))
    fitting = when(eq_(_SPATIAL, 1), num("linear"), when(eq_(_SPATIAL, 2), num("bilinear"), num("trilinear")))
    return Need(
        eq_(_SPATIAL, wanted), "{mode} needs {wanted} axes behind batch and channels, and the input has {axes}", fix, "mode",
        values={"mode": mode, "wanted": wanted, "axes": _SPATIAL, "fitting": fitting}, code="shape.rank",
    )  # fmt: skip


def upsample() -> Layer:
    """Interpolation to a size, or by a factor (torch.nn.functional.interpolate)."""
    keys = (
        *_keys(),
        word(
            "mode", "nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact", default="nearest",
            meaning="how values between cells are found", effect="the shape stays; each mode has its number of axes",
        ),
        Key(
            "align_corners", MaybeFlag(strict=True), None, symbols=(_CORNERS,), structural=True,
            meaning="whether the centres of the corner cells stay where they are; for linear and cubic modes only",
            effect="the shape stays; values shift by less than a cell",
        ),
        Key(
            "recompute_scale_factor", MaybeFlag(), None, symbols=(_AGAIN,), structural=True,
            meaning="whether values are interpolated by the factor that the rounded size has",
            effect="the shape stays; values shift where the size was rounded",
        ),
    )  # fmt: skip
    rules = (
        _for_axes(_MODE, "use mode={fitting}"),
        Need(
            is_(_CORNERS, None), "align_corners is for linear and cubic modes, not for mode={mode}",
            "leave align_corners out", "align_corners", _any_mode(_MODE, "nearest", "nearest-exact", "area"),
        ),
        Need(
            not_(and_(_AGAIN, _SIZED)), "recompute_scale_factor needs a scale_factor, and a size is given",
            "leave recompute_scale_factor out", "recompute_scale_factor",
        ),
    )  # fmt: skip
    return _upsample(
        "Upsample", _MODE, _CORNERS, _AGAIN, keys, rules,
        summary="Interpolates to a given size, or by a given factor.",
        hidden=("align_corners", "recompute_scale_factor"),
        prose="No number is learned, which is why it is often followed by a convolution in place of a transposed one. "
        "Sizes are rounded down, in double precision; nearest repeats cells, the other modes blend them.",
        default_input=DEFAULT_INPUT[2],
        examples=("upsample scale=2", "upsample 20,24 mode=bilinear", "upsample scale=1.5 mode=area"),
        paper="https://distill.pub/2016/deconv-checkerboard/",
    )  # fmt: skip


def upsamplingnearest2d() -> Layer:
    """Upsample with mode=nearest; despite its name it takes one to three spatial axes."""
    return _upsample(
        "UpsamplingNearest2d", num("nearest"), num(False), num(False), _keys(), (),
        summary="Repeats the nearest cell up to a given size, or by a given factor.",
        prose="An old name of upsample with mode=nearest. Sizes are rounded down, in double precision.",
        default_input=DEFAULT_INPUT[2],
        examples=("upsamplingnearest2d scale=2", "upsamplingnearest2d 20,24"),
    )  # fmt: skip


def upsamplingbilinear2d() -> Layer:
    """Upsample with mode=bilinear and align_corners=True."""
    return _upsample(
        "UpsamplingBilinear2d", num("bilinear"), num(True), num(False), _keys(),
        (_for_axes(num("bilinear"), "give an input of 4 axes"),),
        summary="Blends the four nearest cells up to a given size, or by a given factor.",
        prose="An old name of upsample with mode=bilinear align_corners=true. Sizes are rounded down, in double precision.",
        default_input=DEFAULT_INPUT[2],
        examples=("upsamplingbilinear2d scale=2", "upsamplingbilinear2d 20,24"),
    )  # fmt: skip


# --- pixel shuffles ------------------------------------------------------------------------------------------------

_R = sym("r", "factor along height and width")
_H, _W = spatial(2)


def _factor(name: str, meaning: str, effect: str) -> Key:
    return integer(name, "r", meaning, kind=Int(least=1, bools=False), aliases=("factor",), effect=effect)


def _image_forms() -> tuple[Form, ...]:
    """Any number of axes before channels and image: none, a batch, or more."""
    return (
        Form("N C H W", facts={"batched": True, "deep": False}),
        Form("C H W", facts={"batched": False, "deep": False}),
        Form("*X C H W", facts={"deep": True}),
    )


_DEEP = sym("deep", "whether there is more than a batch axis before the channels")
_BEFORE: Expr = when(_DEEP, X, when(BATCHED, dims(N=N), concat()))


def pixelshuffle() -> Layer:
    """Channels become a finer image (depth to space): the sub-pixel convolution's second half."""
    return Layer(
        name="pixelshuffle",
        torch="PixelShuffle",
        summary="Turns groups of r*r channels into r x r times as many pixels.",
        keys=(
            _factor(
                "upscale_factor", "how many times as high and as wide the image becomes",
                "height and width grow r times, the channels shrink r*r times",
            ),
        ),
        positional=("upscale_factor",),
        inputs=(TensorIn("input", _image_forms(), "an image with r*r times the channels", dtypes="any"),),
        outputs=(Out("output", concat(_BEFORE, dims(C=C // (_R * _R), H=_H * _R, W=_W * _R))),),
        rules=(
            Need(le_(_R * _R, LARGEST), "upscale_factor {r} is too large: its square has more than 64 bits", "use a smaller one", "upscale_factor"),
            Need(
                eq_(C % (_R * _R), 0), "upscale_factor {r} needs a multiple of {square} channels, and the input has {C}",
                "give it {more} channels", "upscale_factor", values={"square": _R * _R, "more": (C // (_R * _R) + 1) * _R * _R},
            ),
        ),
        reach=Spreads((Spread(_R, _R, num(0), num(1)), Spread(_R, _R, num(0), num(1))), mixes=True),
        kept=NOTHING,
        default_input=(1, 12, 8, 8),
        prose="Cheap upsampling: a convolution makes r*r values for each pixel, which are laid out as an r x r square. "
        "Numbers only move: what the channels lose, the image gains.",
        examples=("pixelshuffle 2", "pixelshuffle 3 -i 1,9,4,4"),
        paper="https://arxiv.org/abs/1609.05158",
    )  # fmt: skip


def pixelunshuffle() -> Layer:
    """A finer image becomes channels (space to depth). Without elements torch's CPU gives the input back as it is."""
    empty = sym("empty", "whether the input has no elements")
    still = or_(empty, when(_DEEP, eq_(product(X) * size([C, _H, _W]), 0)))
    return Layer(
        name="pixelunshuffle",
        torch="PixelUnshuffle",
        summary="Turns squares of r x r pixels into r*r channels.",
        keys=(
            _factor(
                "downscale_factor", "how many times lower and narrower the image becomes",
                "height and width shrink r times, the channels grow r*r times",
            ),
        ),
        positional=("downscale_factor",),
        inputs=(TensorIn("input", _image_forms(), "an image that r divides", dtypes="any"),),
        outputs=(
            Out(
                "output",
                concat(_BEFORE, dims(C=when(still, C, C * _R * _R), H=when(still, _H, _H // _R), W=when(still, _W, _W // _R))),
            ),
        ),
        facts={"empty": and_(not_(_DEEP), eq_(ROWS * size([C, _H, _W]), 0))},
        rules=tuple(
            Need(
                eq_(axis % _R, 0), f"downscale_factor {{r}} does not divide the {what} of {{{axis.name}}}",
                f"use a factor that divides {{{axis.name}}}", "downscale_factor",
            )
            for axis, what in ((_H, "height"), (_W, "width"))
        ),
        window=(Window(_R, _R, num(0), num(1)), Window(_R, _R, num(0), num(1))),
        kept=NOTHING,
        default_input=(1, 3, 16, 16),
        prose="Halves an image without losing a number, where pooling or a stride would. "
        "The inverse of pixelshuffle: what the image loses, the channels gain.",
        examples=("pixelunshuffle 2", "pixelunshuffle 4"),
        paper="https://arxiv.org/abs/1609.05158",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (upsample(), upsamplingnearest2d(), upsamplingbilinear2d(), pixelshuffle(), pixelunshuffle())
