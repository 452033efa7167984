"""What losses share: ``reduction`` and its legacy companions, the broadcast of several shapes, dtypes that must agree.

No family: the files of losses (and of distances) build their definitions of these pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from typing import Any

from layercli.formula import (
    Expr,
    and_,
    at,
    broadcasts_,
    concat,
    each,
    eq_,
    is_,
    le_,
    length,
    not_,
    num,
    or_,
    product,
    sym,
    when,
)
from layercli.layers.definition import Form, Kept, Key, Layer, Let, Need, Out, TensorIn
from layercli.layers.kinds import OneOfCall, Truth
from layercli.layers.loss_dtypes import Typed, dtype_of
from layercli.layers.vocabulary import X

# --- reduction -------------------------------------------------------------------------------------------------------

WORDS = ("none", "mean", "sum")
"""What most losses take; torch's ``_Reduction.get_enum`` takes ``elementwise_mean`` besides."""

_REDUCTION = sym("reduction", "what becomes of the losses of the elements")
_AVERAGE = sym("size_average", "whether the losses are averaged, in the old notation")
_REDUCE = sym("reduce", "whether one number is made of the losses, in the old notation")
_OLD = or_(not_(is_(_AVERAGE, None)), not_(is_(_REDUCE, None)))
"""Either legacy argument is given: then torch does not look at ``reduction``."""

SIZE_AVERAGE = Key(
    "size_average", Truth(), None, symbols=(_AVERAGE,), structural=True,
    meaning="deprecated: whether the losses are averaged, not summed; given, it decides in place of reduction",
    effect="the shape stays; false gives a sum, and a given value makes torch ignore reduction",
)  # fmt: skip
REDUCE = Key(
    "reduce", Truth(), None, symbols=(_REDUCE,), structural=True,
    meaning="deprecated: whether one number is made of the losses; given, it decides in place of reduction",
    effect="false keeps one loss per element, as reduction=none does",
)  # fmt: skip


def reduction(*words: str) -> Key:
    """The key ``reduction``; ``words`` are those beyond none, mean, sum. Every constructor takes anything; :func:`reduction_known` is what the call refuses."""
    return Key(
        "reduction", OneOfCall(*WORDS, *words), "mean", symbols=(_REDUCTION,), structural=True,
        meaning="what becomes of the losses: none keeps them, mean and sum make one number",
        effect="none keeps the shape of the losses; the others leave a scalar",
    )  # fmt: skip


def reduction_known(*words: str, legacy: bool = True, enum: bool = True) -> Need:
    """The call refuses a word that it does not know.

    ``words``: those beyond none, mean, sum. ``legacy``: whether the constructor has ``size_average`` and ``reduce``.
    ``enum``: whether torch asks ``_Reduction.get_enum``, which still knows ``elementwise_mean``.
    """
    known = (*WORDS, *words)
    taken = or_(*(is_(_REDUCTION, word) for word in (*known, *(("elementwise_mean",) if enum else ()))))
    return Need(
        or_(_OLD, taken) if legacy else taken,
        f"reduction is one of {', '.join(known)}, not {{reduction}}",
        "use reduction=mean", "reduction", code="type.value",
    )  # fmt: skip


def averaged(legacy: bool) -> Expr:
    """Whether the mean is taken: mean, or elementwise_mean; in the old notation where nothing is False."""
    new = or_(is_(_REDUCTION, "mean"), is_(_REDUCTION, "elementwise_mean"))
    return when(_OLD, not_(or_(is_(_REDUCE, False), is_(_AVERAGE, False))), new) if legacy else new


def _sum(legacy: bool) -> Expr:
    return not_(or_(averaged(legacy), kept(legacy)))


def kept(legacy: bool = True) -> Expr:
    """Whether the losses are left as they are (reduction=none, or reduce=False in the old notation)."""
    new = is_(_REDUCTION, "none")
    return when(_OLD, is_(_REDUCE, False), new) if legacy else new


def loss_out(shape: Expr, *, dtype: str | Expr = "promoted", legacy: bool = True) -> Out:
    """The output: the losses of this shape where they are kept, else a scalar."""
    return Out("output", when(kept(legacy), shape, concat()), dtype)


# --- shapes ----------------------------------------------------------------------------------------------------------

Y = sym("Y", "shape of the target")
SAME = sym("same_shape", "whether input and target have one shape")
SAME_SHAPE = {"same_shape": eq_(X, Y)}
"""The fact behind :data:`SAME`."""


def expandable(a: Expr, b: Expr) -> Expr:
    """Whether ``a`` broadcasts to ``b`` itself: no axis more, and on each a 1 or the size of ``b``."""
    missing = length(b) - length(a)

    def fits(index: Expr) -> Expr:
        agree = or_(eq_(at(a, index), 1), eq_(at(a, index), at(b, index + missing)))
        return when(agree, 1, 0)

    return when(le_(length(a), length(b)), eq_(product(each(length(a), fits)), 1), num(False))


def must_broadcast(named: dict[str, Expr], where: Expr | None = None) -> tuple[Need, ...]:
    """Every two of these shapes broadcast; the message names the two that do not."""
    return tuple(
        Need(
            broadcasts_(a, b),
            f"{first} ({{a}}) and {second} ({{b}}) do not broadcast: from the last axis on, sizes are equal or 1",
            f"give {second} the shape of {first}", where=where, values={"a": a, "b": b},
        )
        for (first, a), (second, b) in combinations(named.items(), 2)
    )  # fmt: skip


def must_equal(first: str, a: Expr, second: str, b: Expr, where: Expr | None = None) -> Need:
    """Two shapes are one."""
    return Need(
        eq_(a, b), f"{second} has the shape ({{b}}), but {first} has ({{a}})", f"give {second} the shape of {first}",
        where=where, values={"a": a, "b": b},
    )  # fmt: skip


def same_rank(named: dict[str, Expr], where: Expr | None = None) -> tuple[Need, ...]:
    """All of these shapes have the same number of axes."""
    (first, a), *others = named.items()
    return tuple(
        Need(
            eq_(length(a), length(b)), f"{other} has {{have}} axes, but {first} has {{want}}",
            f"give {other} the shape of {first}", where=where, code="shape.rank",
            values={"have": length(b), "want": length(a)},
        )
        for other, b in others
    )  # fmt: skip


# --- dtypes ----------------------------------------------------------------------------------------------------------


def loss_dtype(losses: Typed, legacy: bool = True) -> Expr:
    """The dtype of the output: that of the losses of the elements, or of their sum."""
    return when(and_(_sum(legacy), not_(losses.floats)), num("int64"), losses.word)


def mean_of_floats(losses: Typed, *names: str, legacy: bool = True) -> Need:
    """torch takes a mean of floats only."""
    return Need(
        losses.floats, f"torch takes no mean of integers: {_dtypes(names)}",
        "give floats, or use reduction=sum", "reduction", where=averaged(legacy), code="torch.dtype",
    )  # fmt: skip


def wants(condition: Expr, said: str, *names: str, where: Expr | None = None, fix: str = "use float32") -> Need:
    """A need about dtypes; the message says those of these inputs."""
    return Need(condition, f"{said}: {_dtypes(names)}", fix, where=where, code="torch.dtype")


def no_bools(*names: str, where: Expr | None = None) -> Need:
    """torch subtracts no bools."""
    free = reduce(and_, (not_(is_dtype(name, "bool")) for name in names))
    return wants(free, "torch subtracts no bools", *names, where=where)


def _dtypes(names: Sequence[str]) -> str:
    return ", ".join(f"{name} is {{{name}_dtype}}" for name in names)


def is_dtype(name: str, *dtypes: str) -> Expr:
    """Whether an input has one of these dtypes."""
    return or_(*(is_(dtype_of(name), dtype) for dtype in dtypes))


def same_dtype(first: str, second: str, where: Expr | None = None) -> Need:
    """Two inputs (that tell their dtypes) must have one dtype, where torch does not promote."""
    return Need(
        eq_(dtype_of(first), dtype_of(second)),
        f"{second} is {{{second}_dtype}}, but {first} is {{{first}_dtype}}: torch does not promote here",
        f"give {second} in {{{first}_dtype}}", where=where, code="torch.dtype",
    )  # fmt: skip


# --- kept for backward ---

ONE_DTYPE = and_(SAME, eq_(sym("input_dtype"), sym("target_dtype")))
"""Whether input and target are alike, so that torch makes nothing else of them first."""
BOTH = (Kept("input"), Kept("target"))


# --- inputs ----------------------------------------------------------------------------------------------------------


def tensor(name: str, axes: str, meaning: str, **more: Any) -> TensorIn:
    """An input of any rank and dtype (rules say which), the axes under the symbol ``axes``; it tells its dtype."""
    return TensorIn(name, (Form(f"*{axes}"),), meaning, dtypes="any", tells_dtype=True)._replace(**more)


def target(meaning: str, **more: Any) -> TensorIn:
    """The input ``target``, of any rank (``*Y``); left out on the command line it has the input's shape."""
    return tensor("target", "Y", meaning, infer=X)._replace(**more)


def loss(
    torch: str,
    summary: str,
    prose: str,
    *,
    keys: tuple[Key, ...],
    inputs: tuple[TensorIn, ...],
    rules: tuple[Need | Let, ...],
    shape: Expr,
    dtype: str | Expr = "input",
    words: tuple[str, ...] = (),
    legacy: bool = True,
    deprecated_word: bool = True,
    examples: tuple[str, ...] = ("", "reduction=none -i 3,5"),
    positional: tuple[str, ...] = ("reduction",),
    shown: tuple[str, ...] = (),
    **more: Any,
) -> Layer:
    """A loss: its losses, before they are reduced, have this shape and this dtype.

    ``words``, ``legacy``, ``deprecated_word``: see :func:`reduction_known`. ``examples`` are what follows the name.
    ``shown``: the keys that ``repr`` of the module shows, which are few.
    """
    name = torch.lower()
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=keys,
        inputs=inputs,
        outputs=(loss_out(shape, dtype=dtype, legacy=legacy),),
        positional=positional,
        rules=(reduction_known(*words, legacy=legacy, enum=deprecated_word), *rules),
        factory=False,
        default_input=(8, 10),
        hidden=tuple(key.name for key in keys if key.name not in shown),
        prose=prose,
        examples=tuple(f"{name} {words}".strip() for words in examples),
        **more,
    )
