"""Random specs over the real keys: an answer or an error that points somewhere, in every form of output."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from layercli.analysis.walk import Options, analyse_spec
from layercli.layers import find, known_names
from layercli.plan import Input, Tensor
from layercli.render.blocks import View
from layercli.render.documents import csv_text, html, markdown
from layercli.render.errors import describe
from layercli.render.plain import plain
from layercli.report import Report
from layercli.spec import parse

VALUES = (
    "0", "1", "2", "3", "5", "-1", "1.5", "same", "none", "true", "3x5", "(2,2)", "nan", "99999999999999999999",
    "9223372036854775807", "zeros",
)  # fmt: skip
SIZES = (0, 1, 2, 3, 8, 16, 10**6, 2**40)


def draw(r: Random) -> tuple[str, list[Input], Options]:
    steps = []
    for _ in range(r.randint(1, 4)):
        layer = find(r.choice(known_names()))
        assert layer is not None
        keys = [key for key in layer.keys if key.name in layer.positional[:2] or r.random() < 0.1]
        words = [f"{r.choice(key.names)}={r.choice(VALUES) if r.random() < 0.3 else r.randint(1, 4)}" for key in keys]
        steps.append(" ".join([f"{r.choice(('', '', '2*'))}{layer.name}", *words]))
    shape = tuple(r.choice(SIZES) if r.random() < 0.1 else r.randint(1, 20) for _ in range(r.randint(0, 5)))
    inputs = [Input(Tensor(shape))] if r.random() < 0.9 else []
    if inputs and r.random() < 0.1:
        inputs.append(Input(Tensor((2, 3, 4)), r.choice((None, "hx", "h_0", "output_size", "x"))))
    return " | ".join(steps), inputs, Options(mode=r.choice(("train", "eval")), unroll=r.random() < 0.05)


@pytest.mark.parametrize("part", range(10))
def test_a_random_spec_is_answered_or_refused(part: int, validate: Any) -> None:
    accepted = 0
    for seed in range(250):
        text, inputs, options = draw(Random(f"{part}/{seed}"))
        analysis = analyse_spec(parse(text), inputs, options)
        report = Report(analysis, None, "not asked")
        validate(report.to_dict())
        if analysis.error is None:
            accepted += 1
            total = sum(row.bound.params for row in analysis.rows if row.shares is None)
            assert report.totals["params"] == total
            for row in analysis.rows:
                for formula in row.bound.formulas():
                    names = {"min": min, "max": max}
                    assert eval(formula.substituted, names) == formula.value, f"{text}: {formula}"
            assert len(csv_text(report).splitlines()) == len(analysis.rows) + 1
        else:
            assert analysis.error.fix, f"{text}: {analysis.error} has no fix"
            assert "error: " in describe(analysis.error)
        for form in (plain, markdown):
            assert bool(form(report, View(formulas=True))) is bool(analysis.rows)
        assert html(report)
    assert accepted > 10
