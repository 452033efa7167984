"""Losses with a structure of their own: sequences without alignment, and classes too many for one matrix."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

from layercli.formula import (
    Expr,
    and_,
    at,
    concat,
    dims,
    each,
    eq_,
    floor_,
    ge_,
    is_,
    le_,
    length,
    lt_,
    max_,
    ne_,
    not_,
    num,
    or_,
    product,
    sum_,
    sym,
    when,
)
from layercli.layers.definition import Copies, Form, Key, Layer, Need, Out, Param, TensorIn
from layercli.layers.kinds import Int, Real
from layercli.layers.loss_common import WORDS, is_dtype, kept, loss, reduction, reduction_known, wants
from layercli.layers.loss_cross import (
    CROSS_DTYPE,
    IGNORE,
    PROBABILITIES,
    SMOOTHING,
    WEIGHT,
    WEIGHT_BUFFER,
    cross_entropy_rules,
    one_weight_per_class,
    positions,
)
from layercli.layers.loss_kinds import IntTuple, Lengths, Unwritten
from layercli.layers.vocabulary import BATCH, BATCHED, ROWS, N, flag, integer

FAMILY = "loss"

_F, _in = sym("F", "features of the input"), sym("in_features")
_INPUT_AGREES = Need(
    eq_(_F, _in), "in_features is {in_features}, but the last axis of the input has {F}",
    "use in={F}, or leave in_features out", "in_features",
)  # fmt: skip
_FEATURES = integer(
    "in_features", "in_features", "features of the input", kind=Int(least=0), aliases=("in",), infer=_F,
    effect="the shape stays; more features make larger weights",
)  # fmt: skip


def ctc() -> Layer:
    """Minus the logarithm of the sum over all alignments (Graves et al. 2006)."""
    steps, count, blank = sym("T", "steps of the sequences"), sym("C", "labels, the blank one too"), sym("blank")
    padded, longest, rows = sym("padded"), sym("S", "labels of a target, or of all of them"), sym("N2")
    batch: Expr = ROWS
    listed = {name: sym(f"{name}_listed") for name in ("input_lengths", "target_lengths")}
    plain = and_(*listed.values())
    labels = sym("target_lengths")

    def lengths(name: str, axes: str, meaning: str, value: Expr) -> TensorIn:
        return TensorIn(
            name, (Form(f"*{axes}"),), meaning, dtypes="integer, not bool", infer=BATCH, low=value, high=value + 1,
            instead=Lengths(),
        )  # fmt: skip

    def one_each(name: str, axes: str) -> tuple[Need, Need]:
        """A length for each sequence, in a tensor of any shape or as plain numbers."""
        numbers, shape = sym(name), sym(axes)
        said = f"{name} has {{have}} numbers, but there are {{n}} sequences"
        fix = f"give {name} {{n}} numbers"
        return (
            Need(
                eq_(product(shape), batch), said, fix, where=not_(listed[name]),
                values={"have": product(shape), "n": batch},
            ),
            Need(eq_(length(numbers), batch), said, fix, where=listed[name], values={"have": length(numbers), "n": batch}),
        )  # fmt: skip

    def within(name: str, most: Expr | None = None, where: Expr = plain) -> Need:
        """Plain numbers are seen, and so judged; those in tensors are not."""
        numbers = sym(name)
        values = {"have": numbers} if most is None else {"have": numbers, "most": most}
        said, fix = ("a negative number", "0 or more") if most is None else ("more than {most}", "at most {most}")
        holds = _all(length(numbers), lambda i: le_(0, at(numbers, i)) if most is None else le_(at(numbers, i), most))
        return Need(holds, f"{name} ({{have}}) holds {said}", f"give {name} of {fix}", where=where, values=values)

    return Layer(
        name="ctcloss",
        torch="CTCLoss",
        summary="How unlikely sequences of labels are, whatever their alignment with the input.",
        keys=(
            Key(
                "blank", Int(bools=False), 0, symbols=(blank,), meaning="the label that stands for no label",
                effect="the shape stays; another label is the blank one",
            ),
            reduction(),
            flag(
                "zero_infinity", False, "whether infinite losses become 0", strict=True,
                effect="the shape stays; inputs too short for their target do not count",
            ),
        ),
        inputs=(
            TensorIn(
                "log_probs",
                (Form("T N C", facts={"batched": True}), Form("T C", facts={"batched": False})),
                "logarithms of the labels' probabilities at each step", dtypes="float, not small",
            ),
            TensorIn(
                "targets", (Form("N2 S", facts={"padded": True}), Form("S", facts={"padded": False})),
                "the labels: a row for each sequence, or all one after the other", dtypes="any", usual="int64",
                infer=dims(N=batch, S=steps), low=0, high=count,
            ),
            lengths("input_lengths", "A", "how many steps of each sequence count", steps),
            lengths(
                "target_lengths", "B", "how many labels each target has", when(padded, longest, longest // max_(batch, 1)),
            ),
        ),
        outputs=(Out("output", when(kept(legacy=False), BATCH, concat())),),
        rules=(
            reduction_known(legacy=False),
            Need(ge_(steps * batch * count, 1), "log_probs is empty", "give each of its axes 1 or more"),
            Need(
                and_(le_(0, blank), lt_(blank, count)), "blank {blank} is none of the {C} labels", "use blank=0", "blank",
                code="torch.range",
            ),
            Need(
                eq_(rows, batch), "targets has {N2} rows, but there are {n} sequences", "give it {n} rows", where=padded,
                values={"n": batch},
            ),
            Need(
                eq_(*listed.values()), "input_lengths and target_lengths are both tensors or both tuples",
                "give both as tensors", code="type.inputs",
            ),
            *one_each("input_lengths", "A"),
            *one_each("target_lengths", "B"),
            within("input_lengths"),
            within("input_lengths", steps),
            within("target_lengths"),
            within("target_lengths", longest, and_(plain, padded)),
            Need(
                eq_(sum_(labels), longest), "targets has {S} labels, but target_lengths add up to {sum}",
                "give targets {sum} labels", where=and_(plain, not_(padded)), values={"sum": sum_(labels)},
            ),
        ),
        factory=False,
        default_input=(50, 16, 20),
        hidden=("blank", "reduction", "zero_infinity"),
        prose="For speech and handwriting, where nothing says which step is which letter. "
        "log_probs is (T, N, C), time first, or (T, C) for one sequence; there is one loss per sequence.",
        examples=("ctcloss", "ctcloss reduction=none", "ctcloss -i 50,16,20 -i targets=16,30"),
        paper="https://doi.org/10.1145/1143844.1143891",
    )  # fmt: skip


def _all(count: Expr, holds: Callable[[Expr], Expr]) -> Expr:
    """Whether something holds for each of so many."""
    return eq_(product(each(count, lambda i: when(holds(i), 1, 0))), 1)


def adaptive_log_softmax() -> Layer:
    """A head chooses a frequent class or a cluster of rare ones, a tail then within it, from fewer features."""
    total, div = sym("n_classes", "number of classes"), sym("div_value", "by how much each tail is narrower")
    cutoffs, tail = sym("cutoffs", "where the clusters of classes begin"), sym("tail", "which tail")
    clusters, ends = length(cutoffs), concat(cutoffs, dims(end=total))
    first = at(cutoffs, 0)
    apart = (Copies("i", clusters, numbered=tail),)
    largest = num(10) ** (308 // clusters)
    magnitude = max_(div, -div)

    def width(number: Expr) -> Expr:
        return floor_(_F // div ** (number + 1))

    def div_is(condition: Expr, said: str) -> Need:
        return Need(
            condition, f"div_value is {said}, not {{div_value}}", "use div_value=4", "div_value", code="torch.range"
        )

    return Layer(
        name="adaptivelogsoftmaxwithloss",
        torch="AdaptiveLogSoftmaxWithLoss",
        summary="A softmax over very many classes that spends less on the rare ones, and its loss.",
        keys=(
            _FEATURES,
            integer(
                "n_classes", "n_classes", "number of classes, the most frequent first", kind=Int(bools=False),
                effect="the shape stays; the last tail has more rows",
            ),
            Key(
                "cutoffs", IntTuple(1, filled=True), symbols=(cutoffs,), structural=True,
                meaning="the classes at which the clusters of rare ones begin, in increasing order",
                effect="the shape stays; each makes a tail, narrower than the one before",
            ),
            Key(
                "div_value", Real(), 4.0, symbols=(div,), meaning="by how much each tail is narrower than the one before",
                effect="the shape stays; a larger one makes narrower tails, with fewer weights",
            ),
            flag(
                "head_bias", False, "whether the head has a bias",
                effect="the shape stays; true gives each row of the head a bias",
            ),
        ),
        positional=("n_classes", "cutoffs"),
        inputs=(
            TensorIn(
                "input_", (Form("N F", facts={"batched": True}), Form("F", facts={"batched": False})), "the features",
                dtypes="parameters, real",
            ),
            TensorIn(
                "target_", (Form("N2", where=BATCHED), Form("", where=not_(BATCHED))), "the right class of each row",
                dtypes="any, not complex", tells_dtype=True, usual="int64", infer=BATCH, low=0, high=total,
            ),
        ),
        outputs=(Out("output", BATCH), Out("loss", concat())),
        rules=(
            Need(
                _all(clusters, lambda i: lt_(at(ends, i), at(ends, i + 1))),
                "cutoffs increase and end below n_classes {n_classes}, unlike {c}", "use cutoffs such as 10,100", "cutoffs",
                values={"c": cutoffs}, code="torch.range",
            ),
            div_is(and_(eq_(div, div), ne_(div, 0)), "a number and not 0"),
            div_is(or_(lt_(magnitude, largest), eq_(magnitude, math.inf)), "small enough for its powers"),
            div_is(
                and_(ne_(magnitude**clusters, 0), le_(_F, sys.float_info.max * magnitude**clusters)),
                "large enough for its powers",
            ),
            div_is(_all(clusters, lambda i: ge_(width(i), 0)), "positive"),
            _INPUT_AGREES,
            Need(
                eq_(sym("N2"), N), "target_ has {N2} classes, but the input {N} rows", "give target_ {N}", where=BATCHED,
            ),
            wants(
                or_(is_dtype("target_", "int64", "int32"), when(BATCHED, eq_(N, 0), num(False))),
                "classes are int64 or int32", "target_", fix="use int64",
            ),
        ),
        params=(
            Param("head.weight", (first + clusters, _F)),
            Param("head.bias", (first + clusters,), where=sym("head_bias")),
            Param("tail.{i}.0.weight", (width(tail), _F), copies=apart),
            Param("tail.{i}.1.weight", (at(ends, tail + 1) - at(ends, tail), width(tail)), copies=apart),
        ),
        macs_unknown="which tails are computed, and for how many rows, hangs on the targets",
        default_input=(8, 64),
        prose="For vocabularies of hundreds of thousands: the head knows the frequent classes and the clusters of rare ones. "
        "The output is a log-probability for each row, and the loss their mean with the sign changed.",
        examples=(
            "adaptivelogsoftmaxwithloss 1000 100,500", "adaptivelogsoftmaxwithloss 1000 100,500 div_value=2 head_bias=true",
        ),
        paper="https://arxiv.org/abs/1609.04309",
    )  # fmt: skip


def linear_cross_entropy() -> Layer:
    """A linear map to a number for each class (and each of out_features), then the cross entropy of these."""
    total, places = sym("classes", "number of classes"), sym("O", "shape of the losses of a row")
    smoothing, ignored, options = sym("label_smoothing"), sym("ignore_index"), sym("options")
    logits = concat(BATCH, dims(C=total), places)
    rows = product(concat(dims(C=total), places))
    word = sym("reduction")
    chunked = and_(or_(*(is_(word, each) for each in WORDS)), and_(is_dtype("target", "int64"), eq_(length(places), 0)))
    made = loss(
        "LinearCrossEntropyLoss", "A linear map to a number per class, and the cross entropy loss of these.",
        "The last layer of a classifier and its loss in one, so that the numbers need not all be kept. "
        "A target of integers names classes and has the shape (N, *out_features), or no axes without a batch; "
        "one of floats holds probabilities, in (N, num_classes, *out_features).",
        keys=(
            _FEATURES,
            integer(
                "num_classes", "classes", "number of classes", kind=Int(least=0, bools=False), aliases=("classes",),
                effect="the shape stays; the linear map has more rows",
            ),
            *(
                key._replace(keyword_only=True)
                for key in (
                    Key(
                        "out_features", IntTuple(0), (), ("out",), (places,), structural=True,
                        meaning="the further axes of the losses: for each place there is a map of its own",
                        effect="the losses have these axes; the linear map has as many times more rows",
                    ),
                    flag("bias", False, "whether the linear map has a bias", effect="the shape stays; true adds one per row"),
                    reduction(),
                    WEIGHT,
                    IGNORE._replace(kind=Int(bools=False, optional=True), default=None),
                    SMOOTHING._replace(kind=Real()),
                    Key(
                        "options", Unwritten(), None, symbols=(options,), structural=True,
                        meaning="how the rows are worked through in chunks; none for all at once",
                        effect="the shape stays; only memory and time differ",
                    ),
                )
            ),
        ),
        legacy=False,
        inputs=(
            TensorIn(
                "input", (Form("N F", facts={"batched": True}), Form("F", facts={"batched": False})), "the features",
                dtypes="parameters, real", tells_dtype=True,
            ),
            TensorIn(
                "target", (Form("*Y"),), "the right class of each row, or probabilities of all classes",
                dtypes="class index or probability", tells_dtype=True, infer=positions(logits), low=0,
                high=when(PROBABILITIES, 1, total), usual=when(eq_(sym("target_rank"), length(logits)), num(""), num("int64")),
            ),
        ),
        shape=positions(logits),
        dtype=CROSS_DTYPE,
        rules=(
            one_weight_per_class(total),
            Need(
                not_(or_(lt_(smoothing, 0), lt_(1, smoothing))), "label_smoothing lies between 0 and 1, not {label_smoothing}",
                "use label_smoothing=0.1", "label_smoothing", code="torch.range",
            ),
            _INPUT_AGREES,
            Need(
                eq_(length(places), 0), "with out_features the input has a batch axis", "give it one, or no out_features",
                "out_features", where=not_(BATCHED), code="shape.rank",
            ),
            *cross_entropy_rules(logits, legacy=False),
            Need(
                is_(ignored, None), "ignore_index is for targets that name classes, not for probabilities",
                "leave ignore_index out", "ignore_index", where=PROBABILITIES, code="type.value",
            ),
            Need(
                ne_(smoothing, 0), "options is a LinearCrossEntropyOptions, which has no notation here", "leave options out",
                "options", where=and_(not_(is_(options, None)), chunked), code="type.value",
            ),
        ),
        params=(Param("linear.weight", (rows, _F)), Param("linear.bias", (rows,), where=sym("bias"))),
        buffers=WEIGHT_BUFFER,
        macs=product(concat(BATCH, dims(F=_F, C=total), places)),
        positional=("num_classes",),
        examples=("10", "10 bias=true label_smoothing=0.1", "10 reduction=none -i 8,64 -i target=8:int64"),
    )  # fmt: skip
    return made._replace(factory=True, hidden=("weight",), default_input=(8, 64))


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (ctc(), adaptive_log_softmax(), linear_cross_entropy())
