"""Activations that work on each number by itself, so the shape stays.

What torch accepts differs by dtype: its kernels list the dtypes they are made for, and a number of the constructor
must not overflow in the dtype that the kernel keeps it in (infinities and nan pass, where that dtype has them).
"""

from __future__ import annotations

from layercli.formula import Expr, and_, eq_, is_, le_, lt_, ne_, not_, num, or_, product, sym, when
from layercli.layers.definition import REQUIRED, Form, Kept, Key, Layer, Need, Out, TensorIn
from layercli.layers.kept import INPUT, OUTPUT, alike
from layercli.layers.kinds import Number, Overridden, Word
from layercli.layers.vocabulary import TRAINING, X, flag

FAMILY = "activation"

INPUT_DTYPE = sym("input_dtype", "dtype of the input")

_DOUBLE = is_(INPUT_DTYPE, "float64")
_UINT8 = is_(INPUT_DTYPE, "uint8")
_LARGEST_FLOAT, _LARGEST_DOUBLE = 3.4028234663852886e38, 1.7976931348623157e308
_COMPUTED = when(_DOUBLE, _LARGEST_DOUBLE, _LARGEST_FLOAT)
"""The largest number of the dtype that torch computes in: float32 for float16 and bfloat16."""
_OWN = when(is_(INPUT_DTYPE, "float16"), 65504.0, when(is_(INPUT_DTYPE, "bfloat16"), 3.3895313892515355e38, _COMPUTED))
"""The largest number of the input's dtype."""
_BITS = when(
    is_(INPUT_DTYPE, "int64"), 63,
    when(is_(INPUT_DTYPE, "int32"), 31, when(is_(INPUT_DTYPE, "int16"), 15, when(_UINT8, 8, 7))),
)  # fmt: skip
_TOP = num(2) ** _BITS
"""The first integer above those of the input's dtype."""
_WHOLE = or_(_UINT8, *(is_(INPUT_DTYPE, name) for name in ("int8", "int16", "int32", "int64")))

INPLACE = flag(
    "inplace", False, "whether the input's own memory is overwritten", effect="the shape stays; the input is lost"
)


_IN_PLACE = sym("inplace")
_BEFORE = (Kept("input", where=not_(_IN_PLACE)), alike("input before", _IN_PLACE))
"""The input; where it is overwritten, a copy that torch makes first."""


def number(name: str, default: float | None, meaning: str, effect: str) -> Key:
    """A number that the function is made with; None where it may be left out for another."""
    kind = Number(optional=default is None)
    return Key(name, kind, default, symbols=(sym(name, meaning),), meaning=meaning, effect=f"the shape stays; {effect}")


def _no_overflow(name: str, value: Expr, most: Expr, where: Expr) -> Need:
    above = and_(lt_(most, value), le_(value, _LARGEST_DOUBLE))
    below = and_(lt_(value, -most), le_(-_LARGEST_DOUBLE, value))
    return Need(
        not_(or_(above, below)), f"{name} {{value}} is too large for torch to compute with on {{input_dtype}}",
        "use a number between -{most} and {most}", name, where, {"value": value, "most": most}, "torch.range",
    )  # fmt: skip


def computed(name: str) -> Need:
    """A number fits the dtype that torch computes in."""
    return _no_overflow(name, sym(name), _COMPUTED, not_(or_(_DOUBLE, _WHOLE)))


def _kept(name: str, value: Expr) -> Need:
    """A number fits the input's own dtype, a float."""
    return _no_overflow(name, value, _OWN, not_(or_(_DOUBLE, _WHOLE)))


def _kept_whole(name: str) -> Need:
    """A number fits the input's own dtype, an integer; uint8 counts negative integers from its end."""
    value = sym(name)
    from_end = and_(and_(_UINT8, lt_(-256, value)), eq_(value % 1, 0))
    return Need(
        and_(le_(value, _TOP - 1), or_(le_(when(_UINT8, 0, -_TOP), value), from_end)),
        f"{name} {{{name}}} does not fit {{input_dtype}}", "use an integer below {top}", name, _WHOLE, {"top": _TOP},
        "torch.range",
    )  # fmt: skip


def _pointwise(
    torch: str,
    summary: str,
    prose: str,
    *keys: Key,
    dtypes: str | Expr = "float",
    rules: tuple[Need, ...] = (),
    kept: tuple[Kept, ...] = INPUT,
    examples: tuple[str, ...] = (),
    paper: str = "",
    aliases: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
) -> Layer:
    name = torch.lower()
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=keys,
        positional=tuple(key.name for key in keys if isinstance(key.kind, Number) and not key.kind.optional),
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes=dtypes, tells_dtype=bool(rules)),),
        outputs=(Out("output", X),),
        rules=rules,
        window=(),
        kept=kept,
        view=_IN_PLACE if INPLACE in keys else None,
        lies="alike",
        default_input=(1, 3, 16, 16),
        aliases=aliases,
        hidden=hidden,
        prose=f"{prose} It works on each number by itself, so the shape stays.",
        examples=examples or (name, f"{name} inplace=true" if INPLACE in keys else f"{name} -i 8,10"),
        paper=paper,
    )


def _hardtanh() -> Layer:
    lowest, highest = sym("min_val"), sym("max_val")
    low = when(sym("min_value_none"), lowest, sym("min_value"))
    high = when(sym("max_value_none"), highest, sym("max_value"))

    def kept(key: str, value: Expr) -> Need:
        """With a nan at either end torch fills in nan, and does not look at the other."""
        need = _kept(key, value)
        return need._replace(condition=or_(need.condition, or_(ne_(low, low), ne_(high, high))))

    def whole(key: str, value: Expr) -> Need:
        """torch cuts the fraction off first."""
        least = when(_UINT8, -1, -_TOP - 1)
        return Need(
            and_(lt_(least, value), lt_(value, _TOP)), f"{key} {{value}} does not fit {{input_dtype}}",
            "use a number above {least} and below {top}", key, _WHOLE, {"value": value, "least": least, "top": _TOP},
            "torch.range",
        )  # fmt: skip

    def said(end: str) -> Need:
        unsaid = and_(sym(f"{end}_value_none"), sym(f"{end}_val_none"))
        return Need(
            num(False),
            f"{end}_val is no number",
            "write a number, such as 1.0",
            f"{end}_val",
            unsaid,
            code="type.value",
        )

    return _pointwise(
        "Hardtanh", "min(max_val, max(min_val, x)).",
        "Cuts numbers off on both sides: a tanh of straight lines.",
        number("min_val", -1.0, "what lower numbers become", "nothing below it is left")._replace(kind=Overridden()),
        number("max_val", 1.0, "what higher numbers become", "nothing above it is left")._replace(kind=Overridden()),
        INPLACE,
        number("min_value", None, "old name of min_val, which it overrides", "nothing below it is left"),
        number("max_value", None, "old name of max_val, which it overrides", "nothing above it is left"),
        dtypes="real",
        rules=(
            said("min"), said("max"),
            Need(
                not_(le_(high, low)), "max_val {high} is not greater than min_val {low}", "use a max_val above {low}",
                "max_val", values={"high": high, "low": low}, code="torch.range",
            ),
            kept("min_val", low), kept("max_val", high), whole("min_val", low), whole("max_val", high),
        ),
        kept=_BEFORE,
        examples=("hardtanh", "hardtanh -2 2", "hardtanh 0 6 inplace=true"),
    )  # fmt: skip


def _rrelu() -> Layer:
    lower, upper = sym("lower"), sym("upper")
    in_place = sym("inplace")
    empty = eq_(product(X), 0)

    def finite(name: str) -> Need:
        value = sym(name)
        return Need(
            and_(le_(-_LARGEST_DOUBLE, value), le_(value, _LARGEST_DOUBLE)), f"{name} {{{name}}} is not finite",
            "use a finite number", name, not_(in_place), code="torch.range",
        )  # fmt: skip

    return _pointwise(
        "RReLU", "x where x > 0, else a*x with a random slope a.",
        "In train mode every negative number gets a slope of its own between lower and upper, in eval mode their mean.",
        number("lower", 1.0 / 8, "least slope for negative numbers", "in eval mode the mean of both is the slope"),
        number("upper", 1.0 / 3, "largest slope for negative numbers", "in eval mode the mean of both is the slope"),
        INPLACE,
        dtypes=when(TRAINING, num("float, not half"), num("float")),
        rules=(
            finite("lower"), finite("upper"),
            Need(
                le_(lower, upper), "lower {lower} is more than upper {upper}", "exchange them", "lower",
                code="torch.range",
            ),
            *(computed(name)._replace(where=and_(TRAINING, not_(_DOUBLE))) for name in ("lower", "upper")),
            Need(
                or_(empty, le_(upper - lower, _LARGEST_DOUBLE)), "upper {upper} is too far from lower {lower}",
                "bring them nearer", "upper", TRAINING, code="torch.range",
            ),
            _no_overflow("the mean of lower and upper", (lower + upper) * 0.5, _COMPUTED, not_(or_(TRAINING, _DOUBLE))),
        ),
        kept=(*INPUT, alike("slopes")),
        examples=("rrelu", "rrelu 0.1 0.3", "rrelu --eval"),
        paper="https://arxiv.org/abs/1505.00853",
    )  # fmt: skip


def _celu() -> Layer:
    alpha = sym("alpha")
    least, nothing = 1 / _LARGEST_FLOAT, 1 / _LARGEST_DOUBLE
    tiny = or_(and_(le_(nothing, alpha), lt_(alpha, least)), and_(lt_(-least, alpha), le_(alpha, -nothing)))
    return _pointwise(
        "CELU", "max(0, x) + min(0, alpha*(exp(x/alpha) - 1)).",
        "An ELU whose slope at 0 is 1 whatever alpha is.",
        number("alpha", 1.0, "where negative numbers level off: at -alpha", "negative numbers level off at -alpha"),
        INPLACE,
        rules=(
            Need(ne_(alpha, 0), "alpha is 0, and x is divided by it", "use alpha=1", "alpha", code="torch.range"),
            computed("alpha"),
            Need(
                not_(tiny), "1/alpha overflows for alpha {alpha} on {input_dtype}", "use a larger alpha", "alpha",
                not_(_DOUBLE), code="torch.range",
            ),
        ),
        examples=("celu", "celu 2", "celu 0.5 inplace=true"),
        paper="https://arxiv.org/abs/1704.07483",
    )  # fmt: skip


def _shrinks() -> tuple[Layer, ...]:
    lambd = sym("lambd")
    hard, soft = (
        number("lambd", 0.5, "half the width of the gap around 0 that becomes 0", effect)
        for effect in ("more numbers become 0", "more numbers become 0, the others come nearer to it")
    )
    return (
        _pointwise(
            "Hardshrink", "x where |x| > lambd, else 0.",
            "Removes small numbers and leaves the others as they are, as in sparse coding.", hard,
            rules=(_kept("lambd", lambd),), examples=("hardshrink", "hardshrink 1"),
        ),
        _pointwise(
            "Softshrink", "x - lambd where x > lambd, x + lambd where x < -lambd, else 0.",
            "Moves every number towards 0 by lambd, as the proximal step of an L1 penalty does.", soft,
            rules=(
                Need(
                    and_(le_(0, lambd), le_(lambd, _OWN)), "lambd {lambd} does not lie between 0 and {most}, the largest {input_dtype}",
                    "use lambd=0.5", "lambd", values={"most": _OWN}, code="torch.range",
                ),
            ),
            examples=("softshrink", "softshrink 1"),
        ),
    )  # fmt: skip


def _threshold() -> Layer:
    value = sym("value")
    return _pointwise(
        "Threshold", "x where x > threshold, else value.",
        "Replaces what does not exceed a threshold, such as activations too weak to count.",
        number("threshold", 0, "what a number must exceed to stay", "more numbers are replaced")._replace(default=REQUIRED),
        number("value", 0, "what the others become", "the replaced numbers are larger")._replace(default=REQUIRED),
        INPLACE,
        dtypes="real",
        rules=(computed("threshold"), _kept("value", value), _kept_whole("threshold"), _kept_whole("value")),
        kept=_BEFORE,
        examples=("threshold 0.1 20", "threshold threshold=0 value=0 inplace=true"),
    )  # fmt: skip


def _rectifiers() -> tuple[Layer, ...]:
    alpha = "where negative numbers level off: at -alpha"
    return (
        _pointwise(
            "ReLU", "max(0, x).", "Negative numbers become 0, the others stay, and the gradient is 0 or 1.", INPLACE,
            dtypes="real", kept=OUTPUT, paper="https://proceedings.mlr.press/v15/glorot11a.html",
        ),
        _pointwise(
            "ReLU6", "min(max(0, x), 6).", "A ReLU that ends at 6, which low precision can hold.", INPLACE,
            dtypes="real", kept=_BEFORE, paper="https://www.cs.toronto.edu/~kriz/conv-cifar10-aug2010.pdf",
        ),
        _pointwise(
            "LeakyReLU", "x where x > 0, else negative_slope*x.", "A ReLU that lets some of the negative side through, so that its gradient never dies.",
            number("negative_slope", 0.01, "slope for negative numbers", "more of the negative side passes"), INPLACE,
            rules=(computed("negative_slope"),), examples=("leakyrelu", "leakyrelu 0.2", "leakyrelu 0.2 inplace=true"),
            paper="https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf",
        ),
        _rrelu(),
        _pointwise(
            "ELU", "x where x > 0, else alpha*(exp(x) - 1).", "A ReLU that levels off smoothly on the negative side, which brings the mean nearer to 0.",
            number("alpha", 1.0, alpha, "negative numbers level off at -alpha"), INPLACE,
            rules=(computed("alpha"),), examples=("elu", "elu 0.5", "elu 0.5 inplace=true"), paper="https://arxiv.org/abs/1511.07289",
        ),
        _celu(),
        _pointwise(
            "SELU", "1.0507*(max(0, x) + min(0, 1.6733*(exp(x) - 1))).", "An ELU scaled so that deep nets keep mean 0 and variance 1 by themselves.",
            INPLACE, paper="https://arxiv.org/abs/1706.02515",
        ),
        _pointwise(
            "Softplus", "log(1 + exp(beta*x)) / beta.", "A smooth ReLU, for outputs that must be positive, such as a variance.",
            number("beta", 1.0, "how sharp the bend at 0 is", "nearer to a ReLU"),
            number("threshold", 20.0, "beta*x above which it is x itself, against overflow", "later switch to the straight line"),
            rules=(computed("beta"), computed("threshold")), examples=("softplus", "softplus 2", "softplus beta=2 threshold=10"),
        ),
        _threshold(),
    )  # fmt: skip


def _gates() -> tuple[Layer, ...]:
    return (
        _pointwise(
            "GELU", "x times the probability that a standard normal number is below x.", "A smooth ReLU, the usual one of transformers.",
            Key(
                "approximate", Word("none", "tanh"), "none",
                meaning="none for the exact function, tanh for a cheaper one", effect="the shape stays; values differ slightly",
            ),
            examples=("gelu", "gelu approximate=tanh"), paper="https://arxiv.org/abs/1606.08415",
        ),
        _pointwise(
            "SiLU", "x*sigmoid(x).", "A smooth ReLU, also called swish.", INPLACE,
            dtypes="float or complex", kept=_BEFORE, paper="https://arxiv.org/abs/1702.03118", aliases=("swish",),
        ),
        _pointwise(
            "Mish", "x*tanh(softplus(x)).", "A smooth ReLU that dips below 0 before it rises.", INPLACE, kept=_BEFORE, paper="https://arxiv.org/abs/1908.08681",
        ),
        _pointwise(
            "Hardswish", "x*min(6, max(0, x + 3))/6.", "A SiLU of straight lines and one parabola, for small devices.", INPLACE,
            kept=_BEFORE, hidden=("inplace",), paper="https://arxiv.org/abs/1905.02244",
        ),
    )  # fmt: skip


def _squashes() -> tuple[Layer, ...]:
    return (
        _pointwise(
            "Sigmoid", "1 / (1 + exp(-x)).", "Squeezes every number between 0 and 1, as a probability or a gate; it saturates on both sides.", dtypes="smooth", kept=OUTPUT,
        ),
        _pointwise(
            "Tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x)).", "Squeezes every number between -1 and 1, with 0 at 0; it saturates on both sides.", dtypes="smooth", kept=OUTPUT,
        ),
        _pointwise(
            "LogSigmoid", "log(1 / (1 + exp(-x))).", "The logarithm of a probability, computed so that it does not overflow.",
            kept=(*INPUT, alike("exponentials")),
        ),
        _pointwise(
            "Hardsigmoid", "min(6, max(0, x + 3))/6.", "A sigmoid of straight lines, for small devices.", INPLACE, kept=_BEFORE,
            hidden=("inplace",), paper="https://arxiv.org/abs/1511.00363",
        ),
        _hardtanh(),
        _pointwise(
            "Softsign", "x / (1 + |x|).", "Like tanh, with tails that saturate more slowly.", dtypes="smooth, not bool",
            kept=(*INPUT, alike("divisor")),
        ),
        _pointwise(
            "Tanhshrink", "x - tanh(x).", "Removes small numbers smoothly and moves the others towards 0 by 1.", dtypes="smooth, not bool",
            kept=(alike("tanh"),),
        ),
        *_shrinks(),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (*_rectifiers(), *_gates(), *_squashes())
