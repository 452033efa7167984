"""Wishes as conditions on a layer's figures, so that a search may ask them of many settings at once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from layercli.analysis.variant import MACS
from layercli.design.grid import Cell
from layercli.expect import Expectation
from layercli.formula import Expr, Num, Sym, and_, eq_, ge_, le_, ne_, or_

FIGURES = {"params": "params", "macs": MACS.name, "flops": "flops"}
"""Figures that a structure's steps work out, and what they are called there."""


def condition(cell: Cell, clause: Expectation, slack: int = 0) -> Expr | None:
    """What a clause asks of a structure's figures, sizes of the output within ``slack`` of the wanted ones.

    None for a clause that is no condition on them: it is asked of each design that is left.
    """
    if clause.at:
        return None
    if clause.figure == "shape":
        return _shape_is(cell, clause.wanted, slack) if clause.test == "=" else None
    if clause.figure == "rf":
        return _field_is(cell, clause) if cell.windows else None
    if clause.figure not in FIGURES or (clause.figure != "params" and cell.variant.layer.macs_unknown):
        return None
    assert isinstance(clause.wanted, Fraction)
    return _compared(Sym(FIGURES[clause.figure]), clause.test, clause.wanted)


def _shape_is(cell: Cell, wanted: Any, slack: int) -> Expr:
    if not isinstance(wanted, tuple) or len(wanted) != cell.rank:
        return Num(False)
    asked = [(Sym(name), want) for name, want in zip(cell.sizes, wanted) if isinstance(want, int)]
    if slack:
        return and_(*(and_(ge_(size, want - slack), le_(size, want + slack)) for size, want in asked))
    return and_(*(eq_(size, want) for size, want in asked))


def _field_is(cell: Cell, clause: Expectation) -> Expr:
    """The cells from the first to the last tap along each axis: what :mod:`layercli.analysis.receptive` comes to.

    Every design that is found is held against that once more.
    """
    numbers = dict.fromkeys(name.split(".")[1] for name, _ in cell.windows)
    sizes = [Sym(f"slides.{n}.dilation") * (Sym(f"slides.{n}.kernel") - 1) + 1 for n in numbers]
    wanted = clause.wanted if isinstance(clause.wanted, tuple) else (clause.wanted,) * len(sizes)
    if len(wanted) != len(sizes) or isinstance(clause.wanted, str):
        return Num(clause.test == "!=")
    found = [_compared(size, clause.test, Fraction(want)) for size, want in zip(sizes, wanted) if want is not None]
    return or_(*found) if clause.test == "!=" else and_(*found)


def _compared(figure: Expr, test: str, wanted: Fraction) -> Expr:
    """A comparison of a whole number with a fraction, in whole numbers."""
    down, up = math.floor(wanted), math.ceil(wanted)
    if test == "<=":
        return le_(figure, down)
    if test == "<":
        return le_(figure, up - 1)
    if test == ">=":
        return ge_(figure, up)
    if test == ">":
        return ge_(figure, down + 1)
    if wanted.denominator != 1:
        return Num(test == "!=")
    return (eq_ if test == "=" else ne_)(figure, down)
