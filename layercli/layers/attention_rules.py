"""What torch asks of one use of attention, by the way that it takes through it.

The open way (``multi_head_attention_forward``) compares shapes. The fused kernels of eval mode take masks as views: of
a mask only the number of elements counts there, and an input without elements they return as it is. Which way it is
hangs on flags, on the number of heads and on the masks' dtypes.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from layercli.formula import Expr, Sym, and_, dims, eq_, ge_, is_, length, not_, num, or_, product, sym, when
from layercli.layers.definition import Form, Need, TensorIn
from layercli.layers.vocabulary import BATCHED, ROWS, TRAINING, N

E = sym("E", "features of the input")


def given(name: str) -> Sym:
    """Whether this input is passed."""
    return sym(f"{name}_given", f"whether {name} is passed")


def mask(name: str, meaning: str, usual: Expr | None = None) -> TensorIn:
    """A mask of any rank, ``usual`` its plain shape; its dummy values mask nothing."""
    form = Form(f"*{_shape(name).name}")
    return TensorIn(name, (form,), meaning, True, "mask", infer=usual, low=0, high=0, tells_dtype=True)


def padding_mask(name: str, meaning: str, positions: Expr) -> TensorIn:
    """A mask of the positions of each sample."""
    return mask(name, meaning, when(BATCHED, dims(N=N, S=positions), dims(S=positions)))


def _shape(name: str) -> Sym:
    return sym(name.upper(), f"shape of {name}")


def _dtype(name: str) -> Sym:
    return sym(f"{name}_dtype", f"dtype of {name}")


class Attends(NamedTuple):
    """One use of attention: the names of its inputs, and its sizes."""

    query: str
    mask: str
    padding: str
    hint: Sym
    """``is_causal``: that the mask is the causal one, so that it need not be read."""
    queries: Expr
    keys: Expr
    heads: Expr
    weights: Expr = num(False)
    """Whether the weights are asked for."""
    added: Expr = num(0)
    """Keys that are added to those of the input."""
    floats: bool = False
    """Whether the masks have been made floats before."""


def _if_given(name: str, condition: Expr, otherwise: Expr = num(False)) -> Expr:
    return when(given(name), condition, otherwise)


def fusible(first: Expr, heads: Expr) -> Expr:
    """What every fused kernel asks for: train mode is off, the batch first, and the number of heads even."""
    return and_(BATCHED, not_(TRAINING), first, eq_(heads % 2, 0))


def boolean_masks(use: Attends) -> Expr:
    """Whether no mask is of floats: those keep the attention layer itself from its fused kernel."""
    if use.floats:
        return and_(not_(given(use.mask)), not_(given(use.padding)))
    whole = [_if_given(name, is_(_dtype(name), "bool"), num(True)) for name in (use.mask, use.padding)]
    return and_(*whole)


def _bool_alone(use: Attends, where: Expr) -> Need:
    odd = or_(is_(use.hint, "odd"), is_(use.hint, ""))
    return Need(
        num(False), f"{use.hint.name} is passed on to a kernel that takes true or false only", "write true or false",
        where=and_(where, odd, not_(given(use.padding)), not_(use.weights)), code="type.value",
    )  # fmt: skip


@cache
def open_rules(use: Attends, where: Expr = num(True), hint_is_read: Expr = num(True)) -> tuple[Need, ...]:
    """The open way. ``hint_is_read``: whether the causal hint is, which the fused kernel passes by."""
    name, padding = use.mask, use.padding
    is_mask, is_padding, shape, padded = given(name), given(padding), _shape(name), _shape(padding)
    unread = and_(use.hint, not_(is_padding), not_(use.weights))
    read = and_(is_mask, not_(unread))
    each_head = eq_(length(shape), 3)
    whole = dims(L=use.queries, S=use.keys)
    wanted = when(each_head, dims(N=ROWS * use.heads, L=use.queries, S=use.keys), whole)
    ranks = or_(eq_(length(shape), 2), each_head)
    spread = when(is_padding, num(True), when(read, each_head, num(False)))
    told = {"got": shape, "want": wanted}
    batch = when(BATCHED, dims(N=N, S=use.keys), dims(S=use.keys))
    return (
        Need(
            is_mask, f"{use.hint.name} is a hint about {name}, which is missing", f"pass {name}, or leave {use.hint.name} out",
            where=and_(where, hint_is_read, use.hint), code="type.inputs",
        ),
        _bool_alone(use, and_(where, hint_is_read)),
        Need(
            ranks, f"{name} has {{rank}} axes: it is (L, S), or (N*heads, L, S)", "give it 2 or 3 axes",
            where=and_(where, is_mask), values={"rank": length(shape)}, code="shape.rank",
        ),
        Need(
            eq_(shape, wanted), f"{name} is {{got}}, but must be {{want}}", "give it {want}",
            where=and_(where, when(is_mask, or_(read, and_(not_(BATCHED), each_head)), num(False))), values=told,
        ),
        Need(
            eq_(padded, batch), f"{padding} is {{got}}, but must be {{want}}: one per key", "give it {want}",
            where=and_(where, is_padding), values={"got": padded, "want": batch},
        ),
        Need(
            or_(eq_(ROWS * use.heads, 1), ge_(ROWS * (use.keys + use.added), 1)),
            "with an empty batch, or no keys, torch takes no mask per sample or head", "leave the masks out",
            where=and_(where, not_(use.weights), spread),
        ),
        _dtypes_agree(use, and_(where, or_(read, is_padding))),
    )  # fmt: skip


def _dtypes_agree(use: Attends, where: Expr) -> Need:
    """The masks are added up, and the sum must have the query's dtype; without weights float32 does too."""
    query = _dtype(use.query)

    def floats(name: str) -> Expr:
        return when(is_(_dtype(name), "bool"), query, _dtype(name))

    one, other = floats(use.mask), floats(use.padding)
    double = or_(eq_(one, num("float64")), eq_(other, num("float64")))
    both = when(eq_(one, other), one, when(double, num("float64"), num("float32")))
    sum_ = _if_given(use.mask, _if_given(use.padding, both, one), other)
    fits = or_(eq_(sum_, query), and_(not_(use.weights), eq_(sum_, num("float32"))))
    return Need(
        fits, f"the masks are {{sum}}, but {use.query} is {{query}}", "give masks of bool, or of {query}",
        where=where, values={"sum": sum_, "query": query}, code="torch.dtype",
    )  # fmt: skip


def unread_mask_rules(use: Attends, where: Expr) -> tuple[Need, ...]:
    """A mask that the causal hint replaces is viewed all the same where only the missing bias rules the kernel out."""
    shape, cells = _shape(use.mask), use.queries * use.queries
    unread = and_(use.hint, not_(given(use.padding)))
    boolean = _if_given(use.mask, is_(_dtype(use.mask), "bool"))
    values = {"got": shape, "cells": cells}
    message, fix = f"{use.mask} is {{got}}, and cannot be viewed as {{cells}} cells per head", f"give {use.mask} (L, L)"
    each_head = eq_(length(shape), 3)
    return (
        Need(
            eq_(product(shape), cells), message, fix,
            where=and_(where, unread, when(boolean, not_(each_head), num(False))), values=values,
        ),
        Need(
            and_(ge_(N * use.queries, 1), eq_(product(shape) % (N * cells), 0)), message, fix,
            where=and_(where, unread, when(boolean, each_head, num(False))), values=values,
        ),
    )  # fmt: skip


@cache
def fused_rules(use: Attends, where: Expr, nothing: Expr) -> tuple[Need, ...]:
    """The fused kernels. ``nothing``: whether the input has no elements."""
    name, padding = use.mask, use.padding
    is_mask, is_padding, shape, padded = given(name), given(padding), _shape(name), _shape(padding)
    alone, both = and_(is_mask, not_(is_padding)), and_(is_mask, is_padding)
    each_head = eq_(length(shape), 3)
    cells, held = use.queries * use.queries, product(shape)
    plain, heads = dims(L=use.queries, S=use.queries), dims(N=N * use.heads, L=use.queries, S=use.queries)
    told = {"got": shape, "plain": plain, "heads": heads}
    message, fix = f"{name} is {{got}}, but must be {{plain}}, or {{heads}} for one per head", "give it {plain}"
    sample = dims(N=N, S=use.queries)
    wanted = when(eq_(length(padded), 2), sample, dims(N=N, H=use.heads, L=use.queries, S=use.queries))
    seen = {"got": padded, "want": sample}
    of_padding, mend = f"{padding} is {{got}}, but must be {{want}}: one per key", "give it {want}"
    return (
        Need(
            eq_(held, cells), message, fix,
            where=and_(where, _if_given(name, not_(each_head))), values=told,
        ),
        Need(
            ge_(N * use.queries, 1), f"with nothing to attend to, torch takes no {name} per head", f"leave {name} out",
            where=and_(where, _if_given(name, each_head)),
        ),
        Need(
            or_(eq_(held, N * use.heads * cells), and_(nothing, eq_(held % (N * cells), 0))), message, fix,
            where=and_(where, when(alone, each_head, num(False))), values=told,
        ),
        Need(
            or_(eq_(held, N * use.heads * cells), eq_(held, N * cells)), message, fix,
            where=and_(where, when(both, each_head, num(False))), values=told,
        ),
        Need(
            eq_(product(padded), N * use.queries), of_padding, mend, where=and_(where, both), values=seen,
        ),
        Need(
            or_(nothing, eq_(padded, wanted)), of_padding, mend,
            where=and_(where, is_padding, not_(is_mask)), values=seen,
        ),
    )  # fmt: skip
