"""Parameters that are there several times: alike, or each with a shape of its own."""

from __future__ import annotations

from layercli.analysis.flow import Flow
from layercli.analysis.keys import from_module
from layercli.analysis.layer import Analyser, Bound
from layercli.formula import at, concat, dims, floor_, length, num, sym
from layercli.layers.definition import Copies, Form, Key, Layer, Out, Param, TensorIn
from layercli.layers.kinds import IntList, Real
from layercli.plan import Module

F, S, D, WHICH = sym("F", "features"), sym("S", "sizes"), sym("D", "divisor"), sym("i", "which of them")


def layer() -> Layer:
    """Each size makes two tensors, the second narrower from one to the next."""
    sizes = concat(S, dims(last=num(9)))
    apart = Copies("i", length(S), numbered=WHICH)
    return Layer(
        name="pyramid",
        torch="Pyramid",
        summary="Ever narrower.",
        keys=(
            Key("sizes", IntList(), symbols=(S,), structural=True),
            Key("divisor", Real(), 2.0, symbols=(D,)),
        ),
        inputs=(TensorIn("input", (Form("N F"),)),),
        outputs=(Out("output", dims(N=sym("N"))),),
        params=(
            Param("head", (at(S, 0), F)),
            Param("tail.{i}.rows", (at(sizes, WHICH + 1) - at(sizes, WHICH),), copies=(apart,)),
            Param(
                "tail.{i}.{side}",
                (floor_(F // D ** (WHICH + 1)), F),
                copies=(apart, Copies("side", num(2), labels=("a", "b"))),
            ),
        ),
    )


def bind(*sizes: int) -> Bound:
    return Analyser().bind(
        layer(), from_module(layer(), Module("Pyramid", (sizes,))), [(None, Flow((3, 8), "float32"))]
    )


def test_copies_that_differ_have_shapes_of_their_own() -> None:
    bound = bind(2, 5)
    assert bound.tensors(bound.variant.params) == {
        "head": (2, 8),
        "tail.0.rows": (3,),
        "tail.0.a": (4, 8),
        "tail.0.b": (4, 8),
        "tail.1.rows": (4,),
        "tail.1.a": (2, 8),
        "tail.1.b": (2, 8),
    }
    assert bound.params == 16 + 3 + 2 * 32 + 4 + 2 * 16
    assert bound.tensor_count() == 7


def test_each_has_its_formula() -> None:
    rows = {row.name: row for row in bind(2, 5).formulas()}
    assert rows["tail.1.rows"].symbolic == "9 - S1"
    assert rows["params"].symbolic == "S0*F + S1 - S0 + 2*floor(F//D**1)*F + 9 - S1 + 2*floor(F//D**2)*F"
    assert rows["params"].substituted == "2*8 + 5 - 2 + 2*floor(8//2.0**1)*8 + 9 - 5 + 2*floor(8//2.0**2)*8"


def test_their_number_is_that_of_the_list() -> None:
    names = list(bind(1, 2, 3).tensors(bind(1, 2, 3).variant.params))
    assert [name for name in names if name.endswith("rows")] == ["tail.0.rows", "tail.1.rows", "tail.2.rows"]
