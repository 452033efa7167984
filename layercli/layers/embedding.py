"""Embeddings: rows of a learned table, looked up by index."""

from __future__ import annotations

import math
from typing import Any

from layercli.formula import (
    Expr,
    and_,
    concat,
    dims,
    eq_,
    ge_,
    is_,
    le_,
    lt_,
    not_,
    num,
    or_,
    product,
    sym,
    when,
)
from layercli.layers.definition import Form, Key, Layer, Need, Out, Param, TensorIn
from layercli.layers.kept import INPUT
from layercli.layers.kinds import BadValue, Double, Flag, Int, Kind, OneOfCall
from layercli.layers.loss_dtypes import dtype_of, typed
from layercli.layers.parts import Weights
from layercli.layers.vocabulary import BATCHED, N, X, flag, integer

FAMILY = "embedding"

_rows, _width = sym("num_embeddings", "rows of the table"), sym("embedding_dim", "numbers in each row")
_padding, _norm, _power = sym("padding_idx"), sym("max_norm"), sym("norm_type")
_TABLE, _GIVEN = sym("W", "shape of the table that is given"), sym("_weight_given")
_own = typed("_weight")
_LIMITED = not_(is_(_norm, None))


class Unchecked(Kind):
    """What torch looks at in some calls only; rules know a value that it would then refuse as None."""

    def __init__(self, inner: Kind) -> None:
        self.inner = inner
        self.words = inner.words
        self.switch = inner.switch
        self.describe = inner.describe

    def read(self, value: Any) -> Any:
        """The value in its normal form, or None."""
        try:
            return self.inner.read(value)
        except BadValue:
            return None

    def typical(self) -> tuple[Any, ...]:
        """Values that it takes."""
        return self.inner.typical()


def _sizes() -> tuple[Key, Key]:
    return (
        integer(
            "num_embeddings", "num_embeddings", "rows of the table: how many indices there are",
            kind=Int(least=0, bools=False), effect="the shape stays; the table has more rows",
        ),
        integer(
            "embedding_dim", "embedding_dim", "numbers in each row", kind=Int(least=0),
            effect="the last axis of the output has this size",
        ),
    )  # fmt: skip


def _settings() -> tuple[Key, ...]:
    return (
        Key(
            "max_norm", Double(optional=True), None, symbols=(_norm,),
            meaning="the norm to which rows that are looked up are scaled down; none leaves them",
            effect="the shape stays; a smaller one shrinks more rows",
        ),
        Key(
            "norm_type", Unchecked(Double()), 2.0, symbols=(_power,), meaning="which p-norm max_norm means",
            effect="the shape stays; without max_norm it does nothing",
        ),
        flag(
            "scale_grad_by_freq", False, "whether a row's gradient is divided by how often its index occurs", strict=True,
            effect="the shape stays; only training differs",
        ),
    )  # fmt: skip


_PADDING = Key(
    "padding_idx", Int(bools=False, optional=True), None, symbols=(_padding,),
    meaning="the row that stands for padding, which is made of zeros and not trained; none for no such row",
    effect="the shape stays; this row starts as zeros",
)  # fmt: skip
_SPARSE = flag(
    "sparse", False, "whether the gradient of the table is a sparse tensor", strict=True,
    effect="the shape stays; only training differs",
)  # fmt: skip
_WEIGHT = Key(
    "_weight", Weights(), None, (), (_TABLE,), meaning="the table itself; none for a new one",
    effect="the shape stays; the output has its dtype",
)  # fmt: skip


def _rules(indices: Expr, unread: Expr = num(False)) -> tuple[Need, ...]:
    """What holds for both, the indices having this shape; ``unread``: whether torch looks none of them up."""
    nothing = eq_(product(indices), 0)
    return (
        Need(
            or_(
                is_(_padding, None),
                and_(le_(-_rows, _padding), or_(lt_(_padding, _rows), and_(_GIVEN, eq_(_padding, 0)))),
            ),
            "padding_idx {padding_idx} is no row of {num_embeddings}", "use -1 for the last row, or more rows",
            "padding_idx", code="torch.range",
        ),
        Need(
            or_(not_(_LIMITED), not_(is_(_power, None))), "norm_type is a number where max_norm is given",
            "use norm_type=2", "norm_type", code="type.value",
        ),
        Need(
            or_(not_(_LIMITED), ge_(_width, 1), nothing, not_(or_(lt_(_power, 0), eq_(_power, math.inf)))),
            "rows of 0 numbers have no norm of type {norm_type}", "use norm_type=2", "norm_type", code="torch.range",
        ),
        Need(
            eq_(_TABLE, dims(rows=_rows, width=_width)), "_weight has the shape ({w}), but the table is ({rows},{width})",
            "make it {rows},{width}", "_weight", where=_GIVEN, values={"w": _TABLE, "rows": _rows, "width": _width},
        ),
        Need(
            or_(ge_(_rows, 1), nothing, unread), "num_embeddings is 0, so that no index is in range", "use num_embeddings=10",
            "num_embeddings",
        ),
    )  # fmt: skip


_DTYPE = when(_GIVEN, dtype_of("_weight"), num("parameters"))
_PARAMS = (Param("weight", (_rows, _width)),)


def embedding() -> Layer:
    """A row of the table for each index."""
    freeze = flag(
        "_freeze", False, "whether the table is left as it is by training", effect="the shape stays; nothing learns"
    )
    return Layer(
        name="embedding",
        torch="Embedding",
        summary="Looks up a learned row of numbers for each index.",
        keys=(*_sizes(), _PADDING, *_settings(), _SPARSE, _WEIGHT, freeze),
        positional=("num_embeddings", "embedding_dim"),
        inputs=(TensorIn("input", (Form("*X"),), "indices of rows, any shape", dtypes="index", low=0, high=_rows),),
        outputs=(Out("output", concat(X, dims(E=_width)), _DTYPE),),
        rules=(
            *_rules(X),
            Need(
                or_(_own.floats, and_(sym("_freeze"), not_(_LIMITED))),
                "a table of {_weight_dtype} can be neither trained nor scaled", "give it in float32", "_weight",
                where=_GIVEN, code="torch.dtype",
            ),
        ),
        params=_PARAMS,
        frozen=sym("_freeze"),
        kept=INPUT,
        lies="any",
        window=(),
        default_input=(2, 5),
        hidden=("_weight", "_freeze"),
        prose="The way from words or other symbols to vectors: a look-up, without multiplications. "
        "The output has the input's shape with one more axis, embedding_dim.",
        examples=("embedding 10 3", "embedding 1000 64 padding_idx=0 -i 8,20", "embedding 10 3 max_norm=1"),
    )  # fmt: skip


def _is_index(name: str) -> Expr:
    return or_(is_(dtype_of(name), "int64"), is_(dtype_of(name), "int32"))


_mode, _last = sym("mode", "what becomes of the rows of a bag"), sym("include_last_offset")
_indices, _starts = sym("L", "indices of a bag, or of all bags"), sym("B", "number of offsets")
_offsets, _weighted = sym("offsets_given"), sym("per_sample_weights_given")
_JOINED, _MAXIMUM = not_(BATCHED), is_(_mode, "max")
_DOUBLE = eq_(when(_GIVEN, dtype_of("_weight"), dtype_of("parameters")), num("float64"))
_BAGS = when(BATCHED, N, when(is_(_last, True), _starts - 1, _starts))
_BAG_INDICES = when(BATCHED, dims(N=N, L=_indices), dims(L=_indices))
_BAG_WEIGHTS = when(BATCHED, dims(N=sym("N2"), L=sym("L2")), dims(L=sym("L2")))


def _bag_keys() -> tuple[Key, ...]:
    """What a bag is made with, in torch's order."""
    return (
        *_sizes(),
        *_settings(),
        Key(
            "mode", OneOfCall("sum", "mean", "max"), "mean", symbols=(_mode,), structural=True,
            meaning="what becomes of the rows of a bag: their sum, mean or maximum", effect="the shape stays",
        ),
        _SPARSE,
        _WEIGHT,
        Key(
            "include_last_offset", Unchecked(Flag(strict=True)), False, symbols=(_last,), structural=True,
            meaning="whether the last offset is the end of the last bag, and not the start of one",
            effect="true makes one bag less than there are offsets",
        ),
        _PADDING,
    )  # fmt: skip


def _bag_inputs() -> tuple[TensorIn, ...]:
    """Indices as a matrix, or in a row with the offsets of the bags."""
    return (
        TensorIn(
            "input", (Form("N L", facts={"batched": True}), Form("L", facts={"batched": False})),
            "indices of rows: bags of one length, or all bags one after the other", dtypes="integer",
            tells_dtype=True, low=0, high=_rows,
        ),
        TensorIn(
            "offsets", (Form("B"),), "where each bag begins, if the input has one axis", optional=True,
            dtypes="integer", tells_dtype=True,
        ),
        TensorIn(
            "per_sample_weights", (Form("N2 L2", where=BATCHED), Form("L2", where=_JOINED)),
            "what each row is multiplied by, in the input's shape", optional=True, tells_dtype=True,
            dtypes=when(_GIVEN, num("float"), num("parameters, real")),
        ),
    )  # fmt: skip


def _bag_rules() -> tuple[Need, ...]:
    """What torch asks of bags, by the layout that the indices have."""
    return (
        *_rules(_BAG_INDICES, unread=and_(_JOINED, _offsets, eq_(_BAGS, 0))),
        Need(
            or_(is_(_mode, "sum"), is_(_mode, "mean"), _MAXIMUM), "mode is sum, mean or max, not {mode}", "use mode=mean",
            "mode", code="type.value",
        ),
        *(
            Need(not_(sym(key)), f"mode=max takes no {key}", f"use {key}=false", key, where=_MAXIMUM, code="type.value")
            for key in ("scale_grad_by_freq", "sparse")
        ),
        Need(
            _own.reals, "a table of {_weight_dtype} cannot be summed and trained", "give it in float32", "_weight",
            where=_GIVEN, code="torch.dtype",
        ),
        Need(
            typed("parameters").reals, "torch sums no rows of {parameters_dtype}", "use float32", where=not_(_GIVEN),
            code="torch.dtype",
        ),
        Need(
            ge_(_indices, 1), "torch takes no bags of 0 indices as a matrix", "give them by offsets", where=BATCHED,
        ),
        Need(
            not_(_offsets), "an input of two axes holds bags of one length, and takes no offsets", "leave offsets out",
            where=BATCHED,
        ),
        Need(
            _offsets, "an input of one axis needs offsets: where each bag begins", "give offsets, or an input of two axes",
            where=_JOINED, code="type.inputs",
        ),
        Need(
            not_(is_(_last, None)), "include_last_offset is true or false", "write include_last_offset=true",
            "include_last_offset", where=_JOINED, code="type.value",
        ),
        Need(
            ge_(_BAGS, 0), "with include_last_offset there is an offset at least", "give offsets of 1 or more",
            where=and_(_JOINED, _offsets),
        ),
        Need(
            or_(ge_(_BAGS, 1), eq_(_indices, 0), and_(and_(not_(_MAXIMUM), is_(_padding, None)), not_(_DOUBLE))),
            "there are {L} indices and no bag for them: torch writes past its memory", "give offsets of one bag or more",
            where=and_(_JOINED, _offsets),
        ),
        Need(
            _is_index("input"), "the indices are int64 or int32, not {input_dtype}", "use int64", where=BATCHED,
            code="torch.dtype",
        ),
        Need(
            or_(_is_index("input"), and_(_is_index("offsets"), not_(_LIMITED))),
            "the indices are int64 or int32, not {input_dtype}", "use int64", where=and_(_JOINED, _offsets),
            code="torch.dtype",
        ),
        Need(
            eq_(_BAG_WEIGHTS, _BAG_INDICES), "per_sample_weights has the shape ({w}), but the input has ({x})", "give it {x}",
            where=_weighted, values={"w": _BAG_WEIGHTS, "x": _BAG_INDICES},
        ),
        Need(
            is_(_mode, "sum"), "per_sample_weights needs mode=sum, not {mode}", "use mode=sum", "mode", where=_weighted,
            code="type.value",
        ),
        Need(
            eq_(dtype_of("per_sample_weights"), dtype_of("_weight")),
            "per_sample_weights is {per_sample_weights_dtype}, but the table is {_weight_dtype}", "give both one dtype",
            where=and_(_weighted, _GIVEN), code="torch.dtype",
        ),
    )  # fmt: skip


def embedding_bag() -> Layer:
    """The sum, mean or maximum of the rows of each bag of indices."""
    return Layer(
        name="embeddingbag",
        torch="EmbeddingBag",
        summary="Looks up a learned row for each index, and sums or averages them bag by bag.",
        keys=_bag_keys(),
        positional=("num_embeddings", "embedding_dim"),
        inputs=_bag_inputs(),
        outputs=(Out("output", dims(N=_BAGS, E=_width), _DTYPE),),
        rules=_bag_rules(),
        params=_PARAMS,
        default_input=(2, 5),
        hidden=("sparse", "_weight", "include_last_offset"),
        prose="An embedding and a sum, mean or maximum over each bag, without keeping the rows in between. "
        "There is one row of the output per bag: per row of a matrix of indices, or per offset.",
        examples=("embeddingbag 10 3", "embeddingbag 10 3 mode=sum -i 8 -i offsets=3", "embeddingbag 1000 64 -i 8,20"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (embedding(), embedding_bag())
