"""What recurrent layers keep for backward: torch's native implementation, step by step, layer by layer.

Every step is made of plain operations, each of which keeps what its gradient needs: the gates (as one block where a
part of them is kept), the states before and after, the input of every product. Measured with torch 2.13, oneDNN off.
"""

from __future__ import annotations

from layercli.formula import Expr, and_, eq_, lt_, not_, num, or_, size, sym, when
from layercli.layers.definition import Kept
from layercli.layers.kept import dtype_of, in_rows, read
from layercli.layers.vocabulary import BATCHED, PACKED, ROWS, TRAINING

_T, _F, _h, _r, _D = (sym(name) for name in ("T", "F", "h", "r", "D"))
_layers, _projected, _given, _first = (sym(name) for name in ("layers", "projected", "hx_given", "batch_first"))
_dropout = sym("dropout")

_AS_IT_IS = when(and_(BATCHED, _first), in_rows("input", exchange=True), in_rows("input"))
"""Whether the input lies in memory step by step, as it is read; else it is copied for each direction."""
LIES = when(and_(BATCHED, _first), num("turned"), num("any"))
"""With ``batch_first`` the output is that of the steps, its axes exchanged."""


def sequence_known(gates: int) -> Expr:
    """Not of packed sequences; nor where only an LSTM's last cell state is read: its last output gate is let go."""
    return and_(not_(PACKED), or_(read("output"), read("h_n"))) if gates > 3 else not_(PACKED)


def _own(*factors: Expr) -> Expr:
    """So many numbers for every sequence, layer and direction."""
    return size([*factors, ROWS, _layers, _D])


_STATES = (Kept("hx"), Kept("first state", _own(_h), where=not_(_given)))
_KINDS: dict[int, tuple[Kept, ...]] = {
    1: (*_STATES, Kept("states", _own(_T, _h))),
    3: (
        *_STATES, Kept("states", _own(_T - 1, _h)), Kept("gates", _own(_T, num(3), _h)),
        Kept("parts of the gates", _own(_T, num(3), _h)),
    ),
    4: (
        Kept("h_0"), Kept("c_0"), Kept("first state", _own(_r), where=not_(_given)),
        Kept("first cell state", _own(_h), where=not_(_given)), Kept("states", _own(_T - 1, _r)),
        Kept("cell states", _own(_T - 1, _h)), Kept("gates", _own(_T, num(4), _h)),
        Kept("tanh of the cell states", _own(_T, _h)),
        Kept("states before projection", _own(_T, _h), where=_projected),
    ),
}  # fmt: skip
"""By the number of gates: RNN, GRU, LSTM."""


def sequence_kept(gates: int) -> tuple[Kept, ...]:
    """A layer over a sequence: its input, what its steps keep, and what passes between stacked layers."""
    between = size([_layers - 1, _T, ROWS, _D, _r])
    drops = and_(TRAINING, lt_(0, _dropout))
    return (
        Kept("input", where=_AS_IT_IS),
        Kept("input by steps", size([_D, _T, ROWS, _F]), where=not_(_AS_IT_IS)),
        *_KINDS[gates],
        Kept("inputs of stacked layers", between),
        Kept("masks", when(eq_(_dropout, 1), _layers - 1, between), where=drops),
    )


_ZEROS = Kept("first state", ROWS * _h, where=not_(_given))
_CELLS: dict[int, tuple[Kept, ...]] = {
    1: (Kept("hx"), _ZEROS, Kept("h_1")),
    3: (Kept("hx"), _ZEROS, Kept("gates", 3 * ROWS * _h), Kept("parts of the gates", 3 * ROWS * _h)),
    4: (
        Kept("h_0"), Kept("c_0"), _ZEROS, Kept("gates", 4 * ROWS * _h), Kept("tanh of the cell state", ROWS * _h),
    ),
}  # fmt: skip


def cell_kept(gates: int) -> tuple[Kept, ...]:
    """One step: its input, the state before, and what its operations keep."""
    return (Kept("input"), *_CELLS[gates])


def cell_known(gates: int) -> Expr:
    """An LSTM's cell state may have a dtype of its own, and is then brought to another first; and see above."""
    alike = and_(eq_(dtype_of("c_0"), dtype_of("input")), eq_(dtype_of("h_0"), dtype_of("input")))
    return and_(read("h_1"), when(_given, alike, num(True))) if gates > 3 else num(True)
