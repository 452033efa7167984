"""Losses that compare input and target element by element: regression and likelihoods."""

from __future__ import annotations

from layercli.formula import (
    Expr,
    and_,
    at,
    broadcast,
    concat,
    dims,
    each,
    eq_,
    ge_,
    gt_,
    length,
    not_,
    num,
    or_,
    product,
    slice_,
    sym,
    when,
)
from layercli.layers.definition import Kept, Key, Layer, Need
from layercli.layers.kept import alike, grad
from layercli.layers.kinds import Double, Float, Number, Real
from layercli.layers.loss_common import (
    BOTH,
    ONE_DTYPE,
    REDUCE,
    SAME,
    SAME_SHAPE,
    SIZE_AVERAGE,
    Y,
    loss,
    loss_dtype,
    mean_of_floats,
    must_broadcast,
    no_bools,
    reduction,
    target,
    tensor,
    wants,
)
from layercli.layers.loss_dtypes import UNKNOWN, either, fractional, magnitude, promote, representable, typed
from layercli.layers.vocabulary import X, flag, setting

FAMILY = "loss"

_FITS = must_broadcast({"input": X, "target": Y})
_SHAPE = when(SAME, X, broadcast(X, Y))
_INPUTS = (tensor("input", "X", "what is judged"), target("what the input should be"))
_BROADCASTS = "Left alone the target has the input's shape; another one is broadcast, of which torch only warns."

_x, _y = typed("input"), typed("target")
"""torch expands both to one shape before it computes, so neither counts as one without axes."""
_both = promote(_x, _y)
_FLOATS = wants(_both.reals, "input and target must promote to floats", "input", "target")
_DIFFERENCE = magnitude(_both)


def l1() -> Layer:
    """The mean absolute error."""
    return loss(
        "L1Loss", "The absolute difference of input and target.",
        f"The error of regression that outliers sway less than the squared one. {_BROADCASTS}",
        keys=(SIZE_AVERAGE, REDUCE, reduction()),
        inputs=_INPUTS,
        shape=_SHAPE,
        dtype=loss_dtype(_DIFFERENCE),
        facts=SAME_SHAPE,
        rules=(no_bools("input", "target"), *_FITS, mean_of_floats(_DIFFERENCE, "input", "target")),
        kept=(alike("differences"),),
        kept_known=ONE_DTYPE,
    )  # fmt: skip


def mse() -> Layer:
    """The mean squared error."""
    return loss(
        "MSELoss", "The squared difference of input and target.",
        f"The error of regression in which large differences weigh most. {_BROADCASTS}",
        keys=(SIZE_AVERAGE, REDUCE, reduction()),
        inputs=_INPUTS,
        shape=_SHAPE,
        dtype=_both.word,
        facts=SAME_SHAPE,
        rules=(_FLOATS, *_FITS),
        kept=BOTH,
        kept_known=ONE_DTYPE,
        storage=product(_SHAPE),
    )  # fmt: skip


def smooth_l1() -> Layer:
    """Squared below ``beta``, absolute above; torch takes its L1 loss for a beta of 0, and so other dtypes."""
    beta = sym("beta", "difference below which the loss is squared")
    absolute = sym("absolute", "whether beta is 0, which makes it the L1 loss")
    return loss(
        "SmoothL1Loss", "Squared where input and target are near, absolute where they are far.",
        f"Regression that outliers do not rule, such as of boxes in detection. {_BROADCASTS}",
        keys=(
            SIZE_AVERAGE, REDUCE, reduction(),
            Key(
                "beta", Double(), 1.0, symbols=(beta,), meaning=beta.meaning,
                effect="the shape stays; more differences count squared",
            ),
        ),
        inputs=_INPUTS,
        shape=_SHAPE,
        dtype=when(absolute, loss_dtype(_DIFFERENCE), _both.word),
        facts={**SAME_SHAPE, "absolute": eq_(beta, 0)},
        rules=(
            Need(ge_(beta, 0), "beta must be 0 or more, not {beta}", "use beta=1", "beta", code="torch.range"),
            no_bools("input", "target", where=absolute),
            _FLOATS._replace(where=not_(absolute)),
            *_FITS,
            mean_of_floats(_DIFFERENCE, "input", "target"),
        ),
        kept=(*(item._replace(where=not_(absolute)) for item in BOTH), alike("differences", absolute)),
        kept_known=ONE_DTYPE,
        storage=when(absolute, 0, product(_SHAPE)),
        examples=("", "reduction=none -i 3,5", "beta=0.1 -i 8,4"),
        paper="https://arxiv.org/abs/1504.08083",
    )  # fmt: skip


def huber() -> Layer:
    """Squared below ``delta``, linear above; torch writes the losses into a tensor of the input's dtype."""
    delta = sym("delta", "difference from which on the loss is linear")
    return loss(
        "HuberLoss", "Squared where input and target are near, linear where they are far.",
        f"The smooth L1 loss whose beta is delta, times delta. {_BROADCASTS}",
        keys=(
            reduction(),
            Key(
                "delta", Real(), 1.0, symbols=(delta,), meaning=delta.meaning,
                effect="the shape stays; more differences count squared",
            ),
        ),
        legacy=False,
        inputs=_INPUTS,
        shape=_SHAPE,
        facts=SAME_SHAPE,
        rules=(
            Need(gt_(delta, 0), "delta must be positive, not {delta}", "use delta=1", "delta", code="torch.range"),
            wants(_x.reals, "the input must be floats", "input"),
            wants(not_(_y.complex), "the target must not be complex", "target"),
            *_FITS,
        ),
        kept=BOTH,
        kept_known=ONE_DTYPE,
        examples=("", "reduction=none -i 3,5", "delta=0.5 -i 8,4"),
        paper="https://doi.org/10.1214/aoms/1177703732",
    )  # fmt: skip


def kl_div() -> Layer:
    """``target * (log(target) - input)``, the input being logarithms."""
    x, y = typed("input", X), typed("target", Y)
    return loss(
        "KLDivLoss", "How far a distribution is from the target's: the Kullback-Leibler divergence.",
        "The input holds logarithms of probabilities, the target probabilities or their logarithms. "
        "The mean over all elements is not the divergence: that is reduction=batchmean.",
        keys=(
            SIZE_AVERAGE, REDUCE, reduction("batchmean"),
            flag(
                "log_target", False, "whether the target holds logarithms too", strict=True,
                effect="the shape stays; true takes the target for logarithms",
            ),
        ),
        words=("batchmean",),
        inputs=(tensor("input", "X", "logarithms of probabilities"), target("the probabilities", low=0, high=1)),
        shape=_SHAPE,
        dtype="promoted",
        facts=SAME_SHAPE,
        rules=(wants(and_(x.reals, y.reals), "both must be floats", "input", "target"), *_FITS),
        kept=(Kept("target", where=not_(sym("log_target"))), alike("probabilities", sym("log_target"))),
        kept_known=and_(ONE_DTYPE, not_(grad("target"))),
        examples=("", "reduction=batchmean", "reduction=none log_target=true -i 3,5"),
        paper="https://doi.org/10.1214/aoms/1177729694",
    )  # fmt: skip


def poisson_nll() -> Layer:
    """``exp(x) - y*x``, or ``x - y*log(x + eps)`` of a rate; the full one adds Stirling's term of the target."""
    x, y = typed("log_input", X), typed("target", Y)
    logs, full = sym("log_input"), sym("full")
    losses = either(logs, promote(fractional(x), promote(y, x)), promote(x, promote(y, fractional(x))))
    return loss(
        "PoissonNLLLoss", "How unlikely counts are under a Poisson distribution of the given rate.",
        "Regression of counts; the input is the rate or its logarithm. Input and target broadcast to the shape.",
        keys=(
            flag(
                "log_input", True, "whether the input is the logarithm of the rate", strict=True,
                effect="the shape stays; false takes the input for the rate itself",
            ),
            flag(
                "full", False, "whether Stirling's approximation of log(target!) is added", strict=True,
                effect="the shape stays; true adds a term in which the input does not occur",
            ),
            SIZE_AVERAGE,
            setting(
                "eps", Double(), 1e-8, "what is added to a rate before its logarithm is taken",
                effect="the shape stays; more of it hides rates near 0",
            ),
            REDUCE, reduction(),
        ),
        deprecated_word=False,
        inputs=(tensor("log_input", "X", "the rate or its logarithm"), target("the counts", low=0, high=9)),
        shape=_SHAPE,
        dtype=losses.word,
        facts=SAME_SHAPE,
        rules=(
            wants(not_(and_(x.bools, y.bools)), "torch subtracts no bools", "log_input", "target", where=logs),
            wants(not_(x.bools), "torch subtracts no bools", "log_input", where=not_(logs)),
            wants(losses.known, UNKNOWN, "log_input", "target"),
            wants(not_(or_(y.complex, y.bools)), "counts must be numbers that compare with 1", "target", where=full),
            *must_broadcast({"log_input": X, "target": Y}),
        ),
        examples=("", "log_input=false", "full=true reduction=none -i 3,5"),
    )  # fmt: skip


def gaussian_nll() -> Layer:
    """``(log(var) + (x - y)**2 / var) / 2``; the variance has the input's shape, or one without (or of 1 in) an axis.

    torch asks of a variance with the input's number of axes that the sizes which differ add up to 1.
    """
    V, given, eps = sym("V", "shape of the variance"), sym("var_given"), sym("eps", "the least variance")
    alike, short = eq_(length(V), length(X)), eq_(length(V) + 1, length(X))
    var = when(given, when(alike, V, concat(V, dims(one=1))), X)
    odd = product(
        each(
            length(V), lambda i: when(eq_(at(V, i), at(X, i)), 1, when(eq_(at(V, i), 1), 2, when(eq_(at(V, i), 0), 1)))
        )
    )
    x, y = typed("input", X), typed("target", Y)
    v = either(given, typed("var", var), fractional(x))
    losses = promote(fractional(v), fractional(promote(promote(x, y), v)))
    sizes = (
        "var ({v}) fits no input of ({x}): it has its shape, that without the last axis, or a 1 in place of one size"
    )

    def fits(condition: Expr, where: Expr) -> Need:
        where = when(given, where, num(False))
        return Need(condition, sizes, "give var the shape of the input", where=where, values={"v": V, "x": X})

    return loss(
        "GaussianNLLLoss", "How unlikely the target is under a normal distribution of given mean and variance.",
        "Regression that says how sure it is: the input is the mean, var the variance. "
        "One variance may stand for a whole axis; input, target and var broadcast to the shape.",
        keys=tuple(
            key._replace(keyword_only=True)
            for key in (
                flag(
                    "full", False, "whether the constant log(2*pi)/2 is added",
                    effect="the shape stays; true adds 0.92 to each loss",
                ),
                Key(
                    "eps", Number(), 1e-6, symbols=(eps,), meaning="variances below it are taken for it",
                    effect="the shape stays; a larger one keeps small variances from ruling the loss",
                ),
                reduction(),
            )
        ),
        legacy=False,
        deprecated_word=False,
        inputs=(
            tensor("input", "X", "the means"),
            target("what was observed"),
            tensor("var", "V", "the variances", infer=X, low=0, high=1, instead=Float(0)),
        ),
        shape=when(SAME, broadcast(X, var), broadcast(X, Y, var)),
        dtype=losses.word,
        facts=SAME_SHAPE,
        rules=(
            wants(v.reals, "var must be floats", "var", where=given),
            wants(v.reals, "the input must not be complex where var is a number", "input", where=not_(given)),
            fits(num(False), not_(or_(alike, short))),
            fits(eq_(V, slice_(X, 0, -1)), short),
            fits(or_(eq_(V, X), eq_(odd, 2)), alike),
            Need(
                representable(eps, v), "eps {eps} is too large for the dtype of var", "use eps=1e-6", "eps",
                code="torch.range",
            ),
            wants(losses.known, UNKNOWN, "input", "target"),
            no_bools("input", "target"),
            *must_broadcast({"input": X, "target": Y, "var": var}),
        ),
        positional=(),
        examples=("", "reduction=none -i 3,5 -i var=3,1", "full=true"),
        paper="https://doi.org/10.1109/ICNN.1994.374138",
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (l1(), mse(), smooth_l1(), huber(), kl_div(), poisson_nll(), gaussian_nll())
