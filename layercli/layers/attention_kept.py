"""What attention, and the layers that are made of it, keep for backward, attention being plain matrix products.

Numbers are counted in units of one tensor each: ``queries`` and ``keys`` are positions of all samples times features,
``scores`` one number for every pair of positions and head. Measured with torch 2.13, oneDNN and fused kernels off.
"""

from __future__ import annotations

from typing import NamedTuple

from layercli.formula import Expr, Sym, and_, eq_, is_, lt_, max_, min_, ne_, not_, num, or_, size, sym, when
from layercli.layers.definition import Kept
from layercli.layers.kept import dtype_of, in_rows, same
from layercli.layers.vocabulary import BATCHED, ROWS, TRAINING

FIRST, HEADS, DROPOUT = sym("batch_first"), sym("heads"), sym("dropout")
_DROPS = and_(TRAINING, lt_(0, DROPOUT))


def dropped(numbers: Expr) -> Expr:
    """The mask of a dropout; where everything is dropped it is a single zero."""
    return when(_DROPS, when(eq_(DROPOUT, 1), min_(numbers, 1), numbers))


def whole(dtype: Sym) -> Expr:
    """Whether it is computed in the dtype that it is given in: halves are brought to float32 on some ways."""
    return not_(or_(is_(dtype, "float16"), is_(dtype, "bfloat16")))


def weights(scores: Expr) -> Expr:
    """The weights of attention; where some are dropped also the mask and what is left."""
    return scores + dropped(scores) + when(_DROPS, scores)


def copied(name: str) -> Expr:
    """Whether an input lies in another order than that of the positions, in which it is read."""
    return not_(when(and_(BATCHED, FIRST), in_rows(name, exchange=True), in_rows(name)))


LIES = when(and_(BATCHED, FIRST), num("turned"), num("any"))
"""With ``batch_first`` the output is that of the positions, its axes exchanged."""


# --- attention by itself ---------------------------------------------------------------------------------------------

_L, _S, _E, _kdim, _vdim = (sym(name) for name in ("L", "S", "E", "kdim", "vdim"))
_one_matrix, _weights, _mean = sym("one_matrix"), sym("need_weights"), sym("average_attn_weights")
_bias_kv, _zero = sym("add_bias_kv"), sym("add_zero_attn")
_SELF = and_(BATCHED, same("key", "query"), same("value", "key"))
_ONE_SOURCE = and_(BATCHED, _one_matrix, same("value", "key"))
"""Whether one product makes keys and values. Of one sample torch makes three views first, and no longer knows them."""


def attention_kept() -> tuple[Kept, ...]:
    """Inputs (copied where they lie in another order), projections, weights, and the input of the last product.

    Where query, key and value are one, one product makes all three, and keeps the queries beside their scaled copy.
    """
    all_keys = _S + when(_bias_kv, 1) + when(_zero, 1)
    queries, keys, extended = size([ROWS, _L, _E]), size([ROWS, _S, _E]), size([ROWS, all_keys, _E])
    added = or_(_bias_kv, _zero)
    together = when(added, 2 * extended, when(_SELF, 3 * queries, 2 * keys))
    values_alone = when(added, extended, when(_SELF, 3 * queries, when(_ONE_SOURCE, 2 * keys, keys)))
    scores = size([ROWS, HEADS, _L, all_keys])
    shown = and_(_weights, not_(_mean))
    return (
        *(Kept(name, where=not_(copied(name))) for name in ("query", "key", "value")),
        Kept("query in order", queries, where=copied("query")),
        Kept("key in order", size([ROWS, _S, _kdim]), where=and_(copied("key"), not_(_SELF))),
        Kept("value in order", size([ROWS, _S, _vdim]), where=and_(copied("value"), not_(or_(_SELF, _ONE_SOURCE)))),
        Kept("scaled queries", queries),
        Kept("keys and values", when(_weights, together, extended + values_alone)),
        Kept("attn_output_weights", where=shown),
        Kept("weights", weights(scores) - when(shown, scores)),
        Kept("attended values", queries),
    )


# --- layers made of it -----------------------------------------------------------------------------------------------

model, ff = sym("d"), sym("ff")
_norm_first, _activation = sym("norm_first"), sym("activation")
RELU, GELU = is_(_activation, "relu"), is_(_activation, "gelu")


class Positions(NamedTuple):
    """A sequence of so many positions, in all samples."""

    length: Expr

    @property
    def numbers(self) -> Expr:
        """A tensor with the features of every position."""
        return size([ROWS, self.length, model])

    @property
    def statistics(self) -> Expr:
        """Mean and deviation of every position: what a norm keeps beside its input."""
        return 2 * size([ROWS, self.length])


def own_attention(of: Positions) -> Expr:
    """Positions among themselves, without the input of the first product."""
    return when(BATCHED, 6, 4) * of.numbers + weights(size([ROWS, HEADS, of.length, of.length]))


def other_attention(of: Positions, memory: Positions) -> Expr:
    """Positions that look at a memory, without the memory itself."""
    seen = when(BATCHED, 3, 2) * memory.numbers
    return 3 * of.numbers + seen + weights(size([ROWS, HEADS, of.length, memory.length]))


def feedforward(of: Positions) -> Expr:
    """Two products with an activation and a dropout between them. A relu keeps what it gives, a gelu what it takes."""
    inside = size([ROWS, of.length, ff])
    return of.numbers + when(RELU, 1, 2) * inside + dropped(inside) + when(and_(RELU, _DROPS), inside)


def shortcut(of: Positions) -> Expr:
    """What follows a part: the mask of its dropout, and a sum with the norm's statistics."""
    return dropped(of.numbers) + of.numbers + of.statistics


def encoder_numbers(of: Positions) -> Expr:
    """An encoder layer without its input. With the norms first, each has its input before its part."""
    attended, fed = own_attention(of) + shortcut(of), feedforward(of)
    last = dropped(of.numbers) + of.statistics
    return attended + fed + last + of.numbers


def decoder_numbers(of: Positions, memory: Positions) -> Expr:
    """A decoder layer without its input and the memory."""
    return encoder_numbers(of) + other_attention(of, memory) + shortcut(of)


def stacked(name: str, of: Positions, times: Expr) -> tuple[Kept, ...]:
    """The inputs of so many layers: that of the first is the whole's, unless it lies in another order."""
    again = and_(not_(_norm_first), copied(name))
    return (
        Kept(name, where=not_(again)),
        Kept("inputs of the layers", when(again, times, times - 1) * of.numbers),
    )


def memory_kept(of: Positions, times: Expr) -> tuple[Kept, ...]:
    """What so many layers look at: one tensor, or a copy for each where it lies in another order."""
    again = copied("memory")
    return (Kept("memory", where=not_(again)), Kept("memory in order", times * of.numbers, where=again))


def norm_numbers(given: Expr, of: Positions, over: Expr) -> Expr:
    """A norm at the end, over so many numbers at a time: its input and its statistics."""
    return when(given, of.numbers + 2 * (of.numbers // max_(over, 1)), num(0))


def known(query: str, *activations: Expr, lengths: tuple[Expr, ...] = ()) -> Expr:
    """Where these accounts hold: not for attention of something to nothing, nor of nothing to something."""
    return and_(whole(dtype_of(query)), or_(*activations), *(ne_(length, 0) for length in lengths))
