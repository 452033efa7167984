"""Steps that reduce axes to one number each, and steps that cut or pad the ends of axes."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    Num,
    among_,
    and_,
    at,
    concat,
    drop,
    each,
    eq_,
    ge_,
    le_,
    length,
    lt_,
    max_,
    min_,
    not_,
    num,
    or_,
    product,
    slice_,
    sum_,
    sym,
    when,
)
from layercli.layers.axes import ANY, RANK
from layercli.layers.axes_kinds import Axes, Ends, Extents
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, TensorIn
from layercli.layers.fill import fits_dtype
from layercli.layers.kept import ALWAYS, NOTHING
from layercli.layers.kinds import Real
from layercli.layers.reach import Crops, Pads, Reduces
from layercli.layers.vocabulary import X, flag, setting

FAMILY = "axes"

_DIM, _KEEP = sym("dim", "dim"), sym("keepdim")
_ALL = eq_(length(_DIM), 0)
_ONES = each(RANK, lambda i: when(or_(_ALL, among_(i, _DIM, RANK)), num(1), at(X, i)), index="K")


def _reduction(name: str, summary: str, prose: str, dtypes: str, dtype: str | Expr, empty: bool = True) -> Layer:
    fits = sym("fits")
    axes = max_(RANK, 1)  # for torch a scalar has an axis here
    named = sum_(each(axes, lambda i: when(among_(i, _DIM, axes), 1)))
    reduced = product(each(RANK, lambda i: when(or_(_ALL, among_(i, _DIM, RANK)), at(X, i), num(1))))
    return Layer(
        name=name,
        torch=f"torch.{name}",
        summary=summary,
        keys=(
            Key(
                "dim", Axes(), (), (), (_DIM,), structural=True, meaning="the axes that are reduced; none for all",
                effect="these axes go",
            ),
            flag("keepdim", False, "whether reduced axes stay, with size 1", effect="reduced axes stay, with size 1"),
        ),
        positional=("dim",),
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes=dtypes, tells_dtype=not isinstance(dtype, str)),),
        outputs=(
            Out("output", when(fits, when(_KEEP, _ONES, when(_ALL, concat(), drop(X, _DIM))), X), dtype=dtype),
        ),
        facts={fits.name: eq_(named, length(_DIM))},
        rules=(
            Need(
                fits, "dim {dims} does not name axes of an input with {rank} axes, each once", "name axes such as 2,3",
                "dim", values={"dims": _DIM, "rank": RANK}, code="shape.rank",
            ),
            *(
                ()
                if empty
                else (Need(ge_(reduced, 1), f"{name} needs something to reduce: an axis is empty", "give it a size", "dim", fits),)
            ),
        ),
        reach=Reduces("dim", "keepdim"),
        kept=(Kept("input"), Kept("output")) if name == "amax" else NOTHING,
        lies="mixed",
        default_input=(1, 64, 7, 7),
        prose=prose,
        examples=(name, f"{name} dim=2,3", f"{name} dim=1 keepdim=true"),
    )  # fmt: skip


def mean() -> Layer:
    """The mean over axes (torch.mean)."""
    prose = "Global average pooling as a step: mean dim=2,3 makes a vector of a map. Without dim it is the mean of everything."
    return _reduction("mean", "The mean over axes.", prose, "float or complex", "input")


def total() -> Layer:
    """The sum over axes (torch.sum); integers are summed in int64."""
    integers = or_(*(eq_(sym("input_dtype"), Num(name)) for name in ("bool", "uint8", "int8", "int16", "int32")))
    prose = (
        "Votes, masses, the numerator of a weighted mean. Without dim it is the sum of everything; integers give int64."
    )
    return _reduction("sum", "The sum over axes.", prose, "any", when(integers, Num("int64"), Num("input")))


def amax() -> Layer:
    """The largest number over axes (torch.amax)."""
    prose = "Global max pooling as a step: amax dim=2,3 makes a vector of a map. Without dim it is the largest of all."
    return _reduction("amax", "The largest number over axes.", prose, "any, not complex", "input", empty=False)


def crop() -> Layer:
    """The middle of the last axes: ``(size - crop)//2`` cells go in front, the rest behind."""
    sizes, other, like = sym("c", "size"), sym("Y", "shape of like"), sym("like_given")
    one = eq_(length(sizes), 1)
    count = when(and_(one, ge_(RANK, 3)), RANK - 2, length(sizes))
    fits = when(
        like,
        and_(eq_(length(other), RANK), eq_(length(sizes), 0)),
        and_(ge_(length(sizes), 1), le_(length(sizes), RANK)),
    )

    def wanted(index: Expr) -> Expr:
        return at(sizes, when(one, num(0), index - (RANK - length(sizes))))

    def part(index: Expr) -> Expr:
        ahead, there = when(like, 2, RANK - count), when(like, at(other, index), wanted(index))
        return when(lt_(index, ahead), at(X, index), there)

    return Layer(
        name="crop",
        torch="torch.crop",
        summary="Keeps the middle of the last axes.",
        keys=(
            Key(
                "size", Extents(optional=True), None, symbols=(sizes,), structural=True,
                meaning="the size of the middle: for each of the last axes, or one for all behind the first two",
                effect="the output is as large as the middle",
            ),
        ),
        positional=("size",),
        inputs=(
            *ANY,
            TensorIn(
                "like", (Form("*Y"),), "a tensor that it is made as large as, behind the first two axes", optional=True,
                dtypes="any", unread=True,
            ),
        ),
        outputs=(Out("output", when(fits, each(RANK, part, index="M"), X)),),
        rules=(
            Need(
                ge_(length(sizes), 1), "crop needs a size, or a tensor to be as large as", "write crop 56 or crop like=@up",
                "size", not_(like),
            ),
            Need(
                fits, "size {sizes} has more axes than {X}", "give fewer sizes", "size", not_(like),
                {"sizes": sizes, "X": X},
            ),
            Need(
                fits, "crop takes like=@label or a size, and like has as many axes as what is cropped", "write one",
                "size", like,
            ),
            Need(
                eq_(product(each(RANK, lambda i: when(le_(part(i), at(X, i)), 1))), 1),
                "crop to {sizes} is larger than what it is taken from, {X}", "crop to a smaller size", "size", fits,
                {"sizes": when(fits, each(RANK, part), X), "X": X},
            ),
        ),
        reach=Crops(),
        default_input=(1, 64, 64, 64),
        prose="What the U-Net of 2015 does to a skip connection that is larger than what comes up. "
        "Of an odd surplus the larger half goes at the end; crop like=@up takes the size from another tensor.",
        examples=("crop 56", "crop 56,48", "crop -i 1,64,64,64 -i like=1,32,56,56"),
        kept=NOTHING,
        view=ALWAYS,
    )  # fmt: skip


def pad() -> Layer:
    """A constant around the last axes (torch.nn.functional.pad): two numbers for each, the last axis first."""
    pads = sym("pad", "pad")

    def padded(index: Expr) -> Expr:
        place = 2 * (RANK - 1 - index)
        inside = lt_(place + 1, length(pads))
        return at(X, index) + when(inside, sum_(_ends(pads, place, inside)))

    def left(index: Expr) -> Expr:
        """What is left where ends are cut, before others are padded."""
        place = 2 * (RANK - 1 - index)
        inside = lt_(place + 1, length(pads))
        cuts = each(2, lambda end: min_(at(_ends(pads, place, inside), end), 0), index="end")
        return at(X, index) + when(inside, sum_(cuts))

    fits = and_(eq_(length(pads) % 2, 0), le_(length(pads), 2 * RANK))
    sizes = each(RANK, padded, index="B")
    return Layer(
        name="pad",
        torch="torch.pad",
        summary="Adds a constant around the last axes.",
        keys=(
            Key(
                "pad", Ends(), symbols=(pads,), structural=True,
                meaning="two numbers for each padded axis, before and behind it, the last axis first",
                effect="the sizes grow by them; negative ones cut",
            ),
            setting("value", Real(), 0, "the constant", "value", effect="the shape stays"),
        ),
        positional=("pad", "value"),
        inputs=(ANY[0]._replace(tells_dtype=True),),
        outputs=(Out("output", when(fits, sizes, X)),),
        rules=(
            Need(
                fits, "pad {pads} is not two numbers for each of at most {rank} axes", "give pairs, such as 1,1,1,1",
                "pad", values={"pads": pads, "rank": RANK},
            ),
            Need(
                eq_(product(each(RANK, lambda i: when(le_(num(0), left(i)), 1))), 1),
                "pad {pads} takes more away than {X} has", "cut less", "pad", fits, {"pads": pads, "X": X},
            ),
            fits_dtype(sym("value"), pads),
        ),
        reach=Pads("pad"),
        kept=NOTHING,
        lies="joined",
        default_input=(1, 3, 16, 16),
        prose="Asymmetric padding, as TensorFlow's same needs it, on tensors of any rank. "
        "The layers zeropad2d and its like do the same for images.",
        examples=("pad 1,1,1,1", "pad 0,1,0,1"),
    )  # fmt: skip


def _ends(pads: Expr, place: Expr, inside: Expr) -> Expr:
    """The two numbers of an axis, before and behind it."""
    return slice_(pads, when(inside, place, 0), when(inside, place + 2, 0))


def layers() -> tuple[Layer, ...]:
    """The family."""
    return mean(), total(), amax(), crop(), pad()
