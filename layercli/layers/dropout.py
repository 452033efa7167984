"""Dropout: numbers, or whole channels, are zeroed at random in train mode.

torch draws nothing in eval mode, where p is 0 or 1, or on nothing at all: dtype and rank matter only where it draws.
"""

from __future__ import annotations

from layercli.formula import Expr, and_, concat, dims, eq_, is_, length, lt_, not_, num, or_, product, slice_, sym, when
from layercli.layers.activation import INPLACE, INPUT_DTYPE
from layercli.layers.definition import Form, Kept, Key, Layer, Need, Out, TensorIn
from layercli.layers.dtypes import FLOATS
from layercli.layers.kinds import Real
from layercli.layers.vocabulary import BATCH, DEFAULT_INPUT, ROWS, TRAINING, C, X, batched_forms, flag, spatial

FAMILY = "dropout"

_P = sym("p", "probability of being zeroed")
_PROBABILITY = Key(
    "p", Real(0, 1), 0.5, symbols=(_P,), meaning="probability of being zeroed in train mode",
    effect="the shape stays; more is zeroed, and the rest scaled up by more",
)  # fmt: skip
_NOT_HANDED_ON = flag(
    "inplace",
    False,
    "nothing: torch's module takes it and does not hand it on",
    effect="the shape stays; the input too",
)


_CHANNELS = product(slice_(X, 0, 2))


def _dropout(
    torch: str,
    summary: str,
    prose: str,
    paper: str,
    *,
    inplace: Key = INPLACE,
    forms: tuple[Form, ...] = (Form("*X"),),
    shape: Expr = X,
    least: int = 0,
    mask: Expr | None = None,
    default_input: tuple[int, ...] = DEFAULT_INPUT[2],
    example: str = "",
) -> Layer:
    """``least``: how many axes an input must have that channels are dropped from; ``mask``: what is drawn of them."""
    name = torch.lower()
    empty = eq_(product(shape), 0)
    undrawn = or_(or_(eq_(_P, 0), eq_(_P, 1)), empty)
    untouched = or_(not_(TRAINING), or_(eq_(_P, 0), empty))
    rules = (
        Need(
            undrawn, "dropout draws floating-point numbers, and the input is {input_dtype}", "use float32, or --eval",
            where=and_(TRAINING, not_(or_(*(is_(INPUT_DTYPE, dtype) for dtype in FLOATS)))), code="torch.dtype",
        ),
        *((
            Need(
                undrawn, f"channels need at least {least} axes, and the input has {{rank}}", f"give it {least} axes or more",
                where=and_(TRAINING, lt_(length(X), least)), values={"rank": length(X)}, code="shape.rank",
            ),
        ) if least else ()),
    )  # fmt: skip
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=(_PROBABILITY, inplace),
        positional=("p",),
        inputs=(TensorIn("input", forms, "what is dropped from", dtypes="any", tells_dtype=True),),
        outputs=(Out("output", shape),),
        rules=rules,
        window=(),
        kept=(
            Kept("mask", product(shape) if mask is None else mask, where=and_(TRAINING, not_(undrawn))),
            Kept("zero", num(1), where=and_(TRAINING, eq_(_P, 1), not_(empty))),
        ),
        view=or_(sym("inplace"), untouched) if inplace is INPLACE else untouched,
        lies="alike" if mask is None else "",
        default_input=default_input,
        prose=f"{prose} In eval mode nothing changes; the shape never does.",
        examples=(name, f"{name} 0.2", *((example,) if example else ())),
        paper=paper,
    )


def layers() -> tuple[Layer, ...]:
    """The family."""
    dropout, channels = "https://arxiv.org/abs/1207.0580", "https://arxiv.org/abs/1411.4280"
    selu = "https://arxiv.org/abs/1706.02515"
    return (
        _dropout(
            "Dropout", "Zeroes numbers at random in train mode.",
            "Keeps units from relying on each other; what stays is scaled by 1/(1 - p), so that the mean stays too.", dropout,
            example="dropout 0.1 -i 20,32,512",
        ),
        _dropout(
            "Dropout1d", "Zeroes whole channels of a sequence at random in train mode.",
            "For neighbours so alike that a single zero among them hides nothing.", channels,
            forms=batched_forms(1), shape=concat(BATCH, dims(C=C, L=spatial(1)[0])), default_input=DEFAULT_INPUT[1],
            mask=ROWS * C,
        ),
        _dropout(
            "Dropout2d", "Zeroes whole channels of a picture at random in train mode.",
            "For neighbours so alike that a single zero among them hides nothing; three axes are read as (N, C, L).", channels,
            least=2, mask=_CHANNELS,
        ),
        _dropout(
            "Dropout3d", "Zeroes whole channels of a volume at random in train mode.",
            "For neighbours so alike that a single zero among them hides nothing; all but five axes are read as one sample.",
            channels, least=1, default_input=DEFAULT_INPUT[3],
            mask=when(eq_(length(X), 5), _CHANNELS, product(slice_(X, 0, 1))),
        ),
        _dropout(
            "AlphaDropout", "Sets numbers to SELU's lowest value at random in train mode.",
            "Keeps mean and variance as they are, which self-normalising nets need.", selu, inplace=_NOT_HANDED_ON,
            example="alphadropout 0.05 -i 8,128",
        ),
        _dropout(
            "FeatureAlphaDropout", "Sets whole channels to SELU's lowest value at random in train mode.",
            "The alpha dropout for maps whose neighbours are alike.", selu, inplace=_NOT_HANDED_ON, least=2,
            mask=_CHANNELS,
        ),
    )  # fmt: skip
