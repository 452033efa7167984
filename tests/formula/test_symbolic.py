"""Sizes under symbols reckon as their witnesses do, keep their formula, and say what was assumed of them."""

from __future__ import annotations

import copy
import json
import math
import random
from typing import Any

import pytest
from hypothesis import assume, given, settings

from layercli.analysis.flow import Flow
from layercli.analysis.keys import from_op
from layercli.analysis.layer import Analyser, Bound
from layercli.errors import LayerError
from layercli.formula import Expr, Op, evaluate, floor_, generated, le_, num, number, run, substitute, sym, text
from layercli.formula.guards import NEED, Guard, Tracer, current
from layercli.formula.region import holds
from layercli.formula.symbolic import SymInt, SymReal, plain, run_symbolic, shown, symbolic_key
from layercli.layers import find, known_names
from layercli.spec import Op as Written
from layercli.spec import parse
from tests.formula.strategies import NAMES, formulas, values

H, W, N = SymInt(224, "H"), SymInt(200, "W"), SymInt(2, "N")


def said(tracer: Tracer) -> list[str]:
    return [guard.text for guard in tracer.guards]


# --- arithmetic ------------------------------------------------------------------------------------------------------


def test_it_is_an_int_with_a_formula() -> None:
    size = (H + 6 - 7) // 2 + 1
    assert isinstance(size, int)
    assert plain(size) == 112
    assert type(plain(size)) is int
    assert str(size) == "(H + 1)//2"
    assert repr(size) == "((H + 1)//2)"
    assert repr(H) == "H"
    assert shown(size) == "(H + 1)//2"
    assert shown(7) == 7


def test_it_stands_in_a_bigger_formula_as_a_number_does() -> None:
    assert number(H - 1) == "(H - 1)"
    assert number(-H) == "(-H)"
    assert substitute((sym("i") + 3) // 2, {"i": H - 1}) == "((H - 1) + 3)//2"
    assert substitute(2 * sym("i"), {"i": H}) == "2*H"


def test_every_operation_keeps_the_formula() -> None:
    assert [str(each) for each in (H + 1, 1 + H, H - 1, 1 - H, H * 2, 2 * H, H // 3, H % 3, H**2, -H, +H)] == [
        "H + 1", "H + 1", "H - 1", "1 - H", "2*H", "2*H", "H//3", "H % 3", "H**2", "-H", "H",
    ]  # fmt: skip
    assert str(1000 // H) == "1000//H"
    assert str(2**N) == "2**N"
    assert str(abs(-H)) == "H"
    assert [str(each) for each in divmod(H, 10)] == ["H//10", "H % 10"]
    assert [plain(each) for each in (1000 % H, 5 - H, 1000 // H, 2**N)] == [104, -219, 4, 4]
    assert round(H) is H is math.floor(H) is math.ceil(H) is math.trunc(H)


def test_what_has_no_symbol_left_is_a_plain_number() -> None:
    assert [type(each) for each in (H - H, (H + 1) - H, 0 * H, H // H, (4 * H) % 2)] == [int] * 5


def test_builtins_keep_it() -> None:
    assert str(math.prod((N, 3, H, W))) == "3*N*H*W"
    assert str(math.prod([2, 3, H])) == "6*H"
    assert str(sum((H, W, 3))) == "H + W + 3"
    assert min(H, W, 500) is W
    assert max(3, H) is H


def test_floats_keep_it_too() -> None:
    real = H * 1.5
    assert isinstance(real, SymReal)
    assert plain(real) == 336.0
    assert str(math.floor(real)) == "3*H//2"
    assert str(math.floor(H * 2.0)) == "2*H"
    assert str(math.floor(H * 0.7)) == "floor(H*0.7)"
    assert str(math.ceil(H * 0.5)) == "-(-H//2)"
    assert repr(-(H * 0.7) + 1.0) == "(-(H*0.7) + 1.0)"
    assert math.floor(H * 0.7) == 156


def test_what_is_no_number_is_refused_as_python_does() -> None:
    for attempt in (lambda: H + "1", lambda: H < "1", lambda: H / 2, lambda: H**-1):
        with pytest.raises(TypeError):
            attempt()
    with pytest.raises(ZeroDivisionError):
        H // 0
    with pytest.raises(TypeError, match="no formula of integers"):
        SymInt(3, le_(sym("H"), 3))
    assert (H == "H", H != "H", H == None) == (False, True, False)  # noqa: E711


def test_copies_and_what_python_does_not_ask_about() -> None:
    assert copy.deepcopy(H + 1).closed == (H + 1).closed
    assert json.dumps([H]) == "[224]"
    assert len(range(N)) == 2
    assert hash(H) == hash(224)


@settings(max_examples=600, deadline=None)
@given(formulas, values, values)
def test_formulas_run_on_it(expr: Expr, numbers: dict[str, int], others: dict[str, int]) -> None:
    assume(_safe(expr, numbers) and _safe(expr, others))
    with Tracer() as tracer:
        result = evaluate(expr, {name: SymInt(value, name) for name, value in numbers.items()})
    assert plain(result) == evaluate(expr, numbers)
    if isinstance(result, SymInt):
        assert evaluate(result.expr, numbers) == plain(result)
    assert holds(tracer.guards, numbers)
    if holds(tracer.guards, others):
        assert (evaluate(result.expr, others) if isinstance(result, SymInt) else result) == evaluate(expr, others)


def _safe(expr: Expr, numbers: dict[str, int]) -> bool:
    if not isinstance(expr, Op):
        return True
    inner = all(_safe(arg, numbers) for arg in expr.args)
    return inner and (expr.kind != "floor" or abs(evaluate(expr.args[0], numbers)) < 2**45)


# --- guards ----------------------------------------------------------------------------------------------------------


def test_a_comparison_is_decided_by_the_witness_and_kept() -> None:
    with Tracer() as tracer:
        assert H > W
        assert not H < 5
        assert H % 16 == 0
        assert N != 3
        assert bool(N)
        assert (H <= 224.5) is True
        assert H * 0.7 >= 1
        assert H * 1.5 > 3
    assert said(tracer) == [
        "W < H", "H >= 5", "H % 16 == 0", "N != 3", "N != 0", "2*H <= 449", "floor(H*0.7) >= 1", "3*H > 6",
    ]  # fmt: skip
    assert {guard.category for guard in tracer.guards} == {"choice"}


def test_what_holds_for_all_sizes_is_not_kept() -> None:
    with Tracer() as tracer:
        assert H < H + 1
        assert (H == H + 1) is False
        assert 2 * H != 7
        assert (H + 1) * (H - 1) == H * H - 1
        assert math.inf > H
        assert H * W > -(2**63)
        assert H * 1.5 < 2**63
        assert not H * W > 2**59
    assert not tracer.guards


def test_each_is_kept_once_and_a_need_outweighs_a_choice() -> None:
    with Tracer() as tracer:
        assert H > 4
        with tracer.under(NEED):
            assert 2 * H >= 10
        assert not H <= 4
    assert [(guard.text, guard.category) for guard in tracer.guards] == [("2*H >= 10", "need")]
    other = Tracer()
    other.adopt(tracer.guards)
    assert other.guards == tracer.guards


def test_tracers_nest_and_without_one_nothing_is_kept() -> None:
    assert current() is None
    with Tracer() as outer:
        with Tracer() as inner:
            assert H > 1
        assert current() is outer
    assert (len(inner.guards), len(outer.guards)) == (1, 0)
    assert H > 1


def test_taking_the_number_ties_the_answer_to_it() -> None:
    with Tracer() as tracer:
        assert type(int(H)) is int
    assert said(tracer) == ["H == 224"]


def test_equality_of_reals() -> None:
    with Tracer() as tracer:
        assert H * 0.5 == 112
        assert H * 0.7 != 3
        assert (H * 0.7 == 3.5) is False
        assert W * 0.7 == W * 0.7
        assert H * 0.7 > W * 0.3
    assert said(tracer)[0] == "H == 224"
    assert holds(tracer.guards, {"H": 224, "W": 200})
    assert not holds(tracer.guards, {"H": 10, "W": 200})


def test_a_rule_that_fails_can_be_turned_round() -> None:
    steps = (("out", sym("H") // 32), ("", le_(num(8), sym("out"))), ("next", sym("out") * 2))
    with Tracer() as tracer:
        assert run_symbolic(steps, {"H": H}) == 1
    assert said(tracer) == ["H//32 < 8"]
    assert [(guard.text, guard.category) for guard in tracer.mended()] == [("H//32 >= 8", NEED)]
    with Tracer() as tracer:
        assert run_symbolic(steps, {"H": SymInt(256, "H")}) is None
    assert [guard.category for guard in tracer.guards] == [NEED]
    assert run_symbolic(steps, {"H": 3}) == 1


def test_a_guard_and_its_opposite() -> None:
    for relation, opposite in (("==", "!="), ("<", "<="), ("<=", "<")):
        guard = Guard(relation, H.closed, W.closed)
        assert guard.negated().relation == opposite
        for sizes in ({"H": 1, "W": 2}, {"H": 2, "W": 2}, {"H": 3, "W": 2}):
            assert holds([guard], sizes) is not holds([guard.negated()], sizes)


# --- keys of memories ------------------------------------------------------------------------------------------------


def test_keys_tell_formulas_apart_and_keep_no_guard() -> None:
    one, two = SymInt(5, "A"), SymInt(5, "B")
    with Tracer() as tracer:
        memory = {symbolic_key((Flow((one, 3), "float32"), "x")): 1}
        assert symbolic_key((Flow((two, 3), "float32"), "x")) not in memory
        assert symbolic_key((Flow((5, 3), "float32"), "x")) not in memory
        assert symbolic_key((Flow((one + 1 - 1, 3), "float32"), "x")) in memory
        assert symbolic_key(one * 0.5) == ("sym", (one * 0.5).expr)
    assert not tracer.guards


# --- the engine ------------------------------------------------------------------------------------------------------


def bind(words: str, shape: tuple[int, ...]) -> Bound:
    op = parse(words).chain.steps[0].unit
    assert isinstance(op, Written)
    layer = find(op.name)
    assert layer is not None
    return Analyser().bind(layer, from_op(layer, op), [(None, Flow(shape, ""))])


def figures(bound: Bound, sizes: dict[str, int]) -> dict[str, Any]:
    """Every figure, the symbols put in."""
    return {
        name: evaluate(value.expr, sizes) if isinstance(value, SymInt) else value for name, value in bound.sizes.items()
    }


@pytest.mark.parametrize("name", known_names())
def test_every_layer_runs_on_symbols(name: str) -> None:
    layer = find(name)
    assert layer is not None
    draw = random.Random(name)
    for example in layer.examples[:2]:
        words, shape = example.partition(" -")[0], layer.default_input
        try:
            bind(words, shape)
        except LayerError:
            continue  # an example with inputs of its own
        symbols = [f"x{axis}" for axis in range(len(shape))]
        with Tracer() as tracer:
            bound = bind(words, tuple(SymInt(size, symbol) for size, symbol in zip(shape, symbols)))
        for attempt in range(8):
            other = (
                tuple(max(1, size + draw.choice((0, 0, 1, -1, 2, 4, 16, 21))) for size in shape) if attempt else shape
            )
            sizes = dict(zip(symbols, other))
            if holds(tracer.guards, sizes):
                assert figures(bound, sizes) == bind(words, other).sizes, (words, other)


def test_generated_functions_and_trees_agree_on_symbols() -> None:
    out = (sym("H") + 1) // 2
    steps = (("out", out), ("", le_(num(1), sym("out"))), ("x", floor_(sym("out") * num(0.3))))
    found: list[dict[str, Any]] = [{"H": H}, {"H": H}]
    assert run(steps, found[0]) is generated(steps)(found[1]) is None
    assert [text(each["x"].expr) for each in found] == ["floor(((H + 1)//2)*0.3)"] * 2
    assert set(NAMES) >= {"H"}
