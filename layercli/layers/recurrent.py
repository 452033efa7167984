"""Recurrent layers over a sequence, and their cells, which take one step.

Parameters per layer and direction, with g gates (1 RNN, 3 GRU, 4 LSTM): input weights g*h x in, recurrent weights
g*h x r, two bias vectors of g*h, and for a projected LSTM r x h, where r is the width of the state that recurs.
Source: the documentation of torch.nn.RNN, LSTM and GRU, and ``torch/nn/modules/rnn.py``.
"""

from __future__ import annotations

from typing import NamedTuple

from layercli.formula import Expr, and_, concat, dims, eq_, ge_, gt_, is_, lt_, not_, num, size, sym, total, when
from layercli.layers.definition import (
    Copies,
    Form,
    InputDef,
    Key,
    Layer,
    Let,
    Need,
    Out,
    Outs,
    Param,
    TensorIn,
    TupleIn,
)
from layercli.layers.kinds import Int, Kind, Real, ZeroOrMore
from layercli.layers.reach import Mixes
from layercli.layers.recurrent_kept import LIES, cell_kept, cell_known, sequence_kept, sequence_known
from layercli.layers.vocabulary import BATCH, BATCHED, PACKED, ROWS, N, flag, integer, word

FAMILY = "recurrent"

T, F = sym("T", "steps of the sequence"), sym("F", "features of the input")
S = sym("S", "steps of all packed sequences together")
_in, h = sym("input_size"), sym("h", "size of the hidden state")
_layers, proj = sym("layers", "number of stacked layers"), sym("proj", "size that the state is projected to")
D = sym("D", "directions: 2 where bidirectional, else 1")
r = sym("r", "size of the state that recurs: the projection's, or the hidden state's")
_bias, _both, _first = sym("bias"), sym("bidirectional"), sym("batch_first")
_PROJECTED = sym("projected", "whether the state is projected")
_STACKED = sym("stacked", "whether there is more than one layer")
_GIVEN = sym("hx_given", "whether a state is passed")
_DTYPES = "parameters", when(is_(sym("nonlinearity"), "relu"), num("parameters, real"), num("parameters"))
"""Of LSTM and GRU, and of an RNN, whose relu knows no complex numbers."""


class Recurrence(NamedTuple):
    """What tells the three kinds apart. A fourth gate means a cell state beside the hidden one."""

    torch: str
    gates: int
    summary: str
    prose: str
    step: str
    """What one step is called."""
    paper: str

    @property
    def lstm(self) -> bool:
        """Whether there is a cell state, which alone may be projected."""
        return self.gates == 4

    @property
    def rows(self) -> Expr:
        """The rows of every weight."""
        return num(self.gates) * h if self.gates > 1 else h

    @property
    def dtypes(self) -> str | Expr:
        """Which dtypes the input may have."""
        return _DTYPES[self.gates == 1]


# --- keys ------------------------------------------------------------------------------------------------------------

_NONLINEARITY = word(
    "nonlinearity", "tanh", "relu", default="tanh", meaning="the activation",
    effect="the shape stays; with relu the state has no upper bound",
)  # fmt: skip
_COMMON = (
    flag(
        "batch_first", False, "whether input and output are (batch, time, features); states never are", strict=True,
        effect="exchanges the first two axes of input and output",
    ),
    Key(
        "dropout", Real(0, 1, bools=False), 0.0, symbols=(sym("dropout"),),
        meaning="probability of dropping an output between layers, in train mode",
        effect="the shape stays; more of what passes between layers is zero",
    ),
    flag(
        "bidirectional", False, "whether a second pass runs backwards", strict=True,
        effect="doubles the output's features, the rows of the states and the parameters",
    ),
)  # fmt: skip
_PROJ_SIZE = integer(
    "proj_size", "proj", "size that the hidden state is projected to; 0 for none",
    kind=ZeroOrMore(least=0, bools=False), default=0, aliases=("proj",),
    effect="the output and h become this wide, c stays as wide as hidden_size",
)  # fmt: skip


def _sizes(inside: Kind, hidden: Kind, effect: str) -> tuple[Key, Key]:
    return (
        integer(
            "input_size", "input_size", "features of the input", kind=inside, aliases=("in",), infer=F,
            effect="the shape stays; input weights grow with it",
        ),
        integer("hidden_size", "h", "size of the hidden state", kind=hidden, aliases=("hidden",), effect=effect),
    )  # fmt: skip


def _biases(strict: bool) -> Key:
    return flag(
        "bias", True, "whether the two bias vectors are there", strict=strict,
        effect="the shape stays; two vectors per layer and direction less without them",
    )  # fmt: skip


def _layer_keys(kind: Recurrence) -> tuple[Key, ...]:
    effect = "the output has this many features per direction; weights grow with its square"
    return (
        *_sizes(Int(least=1), Int(least=1, bools=kind.gates > 1), effect),
        integer(
            "num_layers", "layers", "number of stacked layers", kind=Int(least=1, bools=False), default=1,
            aliases=("layers",), effect="the states get a row per layer and direction; the output's shape stays",
        ),
        *((_NONLINEARITY,) if kind.gates == 1 else ()),
        _biases(strict=True),
        *_COMMON,
        *((_PROJ_SIZE,) if kind.lstm else ()),
    )  # fmt: skip


def _cell_keys(kind: Recurrence) -> tuple[Key, ...]:
    effect = "the state has this many numbers; weights grow with its square"
    keys = (*_sizes(Int(least=0), Int(least=0), effect), _biases(strict=False))
    return (*keys, _NONLINEARITY) if kind.gates == 1 else keys


# --- inputs ----------------------------------------------------------------------------------------------------------

_INPUT_AGREES = Need(
    eq_(F, _in), "input_size is {input_size}, but the input has {F} features", "use in={F}, or leave input_size out",
    "input_size",
)  # fmt: skip


def _state(name: str, meaning: str, axes: str, dtypes: str | Expr = "parameters") -> TensorIn:
    """A state, whose axes are those of the input's batch and its own; ``axes`` names them where there is a batch."""
    alone = " ".join(axis for axis in axes.split() if not axis.endswith("_N"))
    return TensorIn(name, (Form(axes, where=BATCHED), Form(alone, where=not_(BATCHED))), meaning, dtypes=dtypes)


def _hx(states: tuple[TensorIn, ...]) -> InputDef:
    """The state or states, which may be left out."""
    if len(states) > 1:
        return TupleIn("hx", states, optional=True)
    return states[0]._replace(name="hx", optional=True)


def _names(kind: Recurrence) -> tuple[str, ...]:
    """What the states are called in an error."""
    return ("h_0", "c_0") if kind.lstm else ("hx",)


def _layer_state_agrees(name: str, prefix: str, width: Expr) -> tuple[Need, ...]:
    rows = D * _layers
    wanted = {"want": when(BATCHED, dims(L=rows, N=N, F=width), dims(L=rows, F=width))}
    message = f"the state {name} has {{got}} along its %s axis, but needs {{need}}: its shape is {{want}}"
    parts = (
        ("layers", rows, sym(f"{prefix}_L"), _GIVEN),
        ("batch", N, sym(f"{prefix}_N"), and_(_GIVEN, BATCHED)),
        ("features", width, sym(f"{prefix}_F"), _GIVEN),
    )
    return tuple(
        Need(
            eq_(got, need), message % axis, "pass {want}, or no state", "hx", where=where,
            values={**wanted, "got": got, "need": need},
        )
        for axis, need, got, where in parts
    )  # fmt: skip


def _cell_state_agrees(name: str, prefix: str) -> tuple[Need, ...]:
    return (
        Need(
            eq_(sym(f"{prefix}_N"), N), f"the state {name} has a batch of {{{prefix}_N}}, but the input {{N}}",
            "pass a batch of {N}", "hx", where=and_(_GIVEN, BATCHED),
        ),
        Need(
            eq_(sym(f"{prefix}_F"), h), f"the state {name} has {{{prefix}_F}} features, but hidden_size is {{h}}",
            "pass {h} features", "hx", where=_GIVEN,
        ),
    )  # fmt: skip


# --- a layer over a sequence -----------------------------------------------------------------------------------------

_DIRECTIONS = Copies("direction", D, labels=("", "_reverse"))
_DEEPER = Copies("layer", _layers - 1, start=1)
_SEQUENCES = (
    Form("S F", packed=True, facts={"batched": True, "packed": True}),
    Form("N T F", where=_first, facts={"batched": True}),
    Form("T N F", where=not_(_first), facts={"batched": True}),
    Form("T F", facts={"batched": False}),
)
_BY_STEP = when(BATCHED, when(_first, dims(N=N, T=T, F=D * r), dims(T=T, N=N, F=D * r)), dims(T=T, F=D * r))
_OUTPUT = Out("output", when(PACKED, dims(S=S, F=D * r), _BY_STEP), packed=True)


def _tensors(kind: Recurrence, layer: str, features: Expr, copies: tuple[Copies, ...]) -> tuple[Param, ...]:
    """The parameters of a layer that reads so many features."""
    end = f"_l{layer}{{direction}}"
    tensors = (
        Param(f"weight_ih{end}", (kind.rows, features), copies=copies),
        Param(f"weight_hh{end}", (kind.rows, r), copies=copies),
        Param(f"bias_ih{end}", (kind.rows,), _bias, copies),
        Param(f"bias_hh{end}", (kind.rows,), _bias, copies),
    )
    return (*tensors, Param(f"weight_hr{end}", (proj, h), _PROJECTED, copies)) if kind.lstm else tensors


def _macs(kind: Recurrence) -> Expr:
    """Every step of every sequence: the first layer reads the input, the others what the one before puts out."""
    projection = [when(_PROJECTED, proj * h)] if kind.lstm else []
    first, deeper = (total([kind.rows * (width + r), *projection]) for width in (F, D * r))
    per_step = total([D * first, when(_STACKED, (_layers - 1) * D * deeper)])
    return when(PACKED, S, when(BATCHED, T * N, T)) * per_step


def _last(width: Expr) -> Expr:
    """The shape of a last state."""
    return when(BATCHED, dims(L=D * _layers, N=N, F=width), dims(L=D * _layers, F=width))


def _layer_rules(kind: Recurrence) -> tuple[Need | Let, ...]:
    smaller = Need(
        lt_(proj, h), "proj_size {proj} is not smaller than hidden_size {h}", "use proj={most} or less", "proj_size",
        values={"most": h - 1},
    )  # fmt: skip
    return (
        *((smaller,) if kind.lstm else ()),
        Let(D, when(_both, 2, 1)),
        Let(r, when(_PROJECTED, proj, h) if kind.lstm else h),
        Need(ge_(T, 1), "the sequence has no steps", "give it at least one step", where=not_(PACKED)),
        _INPUT_AGREES,
        *(
            rule
            for name, prefix, width in zip(_names(kind), ("h0", "c0"), (r, h))
            for rule in _layer_state_agrees(name, prefix, width)
        ),
    )


def recurrent(kind: Recurrence) -> Layer:
    """RNN, GRU or LSTM: ``gates`` blocks of h rows in every weight, a cell state for the LSTM alone."""
    name, hidden = kind.torch.lower(), Out("h_n", _last(r))
    states = (
        _state("h_0", "first hidden state", "h0_L h0_N h0_F"),
        _state("c_0", "first cell state", "c0_L c0_N c0_F"),
    )
    return Layer(
        name=name,
        torch=kind.torch,
        summary=kind.summary,
        keys=_layer_keys(kind),
        positional=("hidden_size", "num_layers"),
        inputs=(TensorIn("input", _SEQUENCES, "the sequence", dtypes=kind.dtypes), _hx(states[: 1 + kind.lstm])),
        outputs=(_OUTPUT, Outs((hidden, Out("c_n", _last(h)))) if kind.lstm else hidden),
        facts={"stacked": gt_(_layers, 1), **({"projected": gt_(proj, 0)} if kind.lstm else {})},
        rules=_layer_rules(kind),
        params=_tensors(kind, "0", F, (_DIRECTIONS,)) + _tensors(kind, "{layer}", D * r, (_DEEPER, _DIRECTIONS)),
        macs=_macs(kind),
        steps=when(PACKED, S, T) * _layers * D,
        kept=sequence_kept(kind.gates),
        kept_known=sequence_known(kind.gates),
        lies=LIES,
        reach=Mixes((-1,), ("T", "S")),
        default_input=(5, 3, 16),
        hidden=("nonlinearity",) if kind.torch == "RNN" else (),
        prose=kind.prose,
        examples=(f"{name} 10", f"{name} 10 2 bidirectional=true", f"{name} 10 batch_first=true"),
        paper=kind.paper,
    )


# --- a cell ----------------------------------------------------------------------------------------------------------

_STEP = (Form("N F", facts={"batched": True}), Form("F", facts={"batched": False}))


def cell(kind: Recurrence) -> Layer:
    """One step of a recurrent layer on (batch, features), or on features alone.

    An LSTM's gates are reckoned with the cell state, which may have a dtype of its own.
    """
    sequence = kind.torch.lower()
    before = "the state before this step"
    states = (_state("h_0", before, "h0_N h0_F"), _state("c_0", before, "c0_N c0_F", dtypes="any"))[: 1 + kind.lstm]
    shape, dtype = concat(BATCH, dims(F=h)), "promoted" if kind.lstm else "input"
    return Layer(
        name=f"{sequence}cell",
        torch=f"{kind.torch}Cell",
        summary=kind.step,
        keys=_cell_keys(kind),
        positional=("hidden_size",),
        inputs=(TensorIn("input", _STEP, "one step of the sequence", dtypes=kind.dtypes), _hx(states)),
        outputs=tuple(Out(name, shape, dtype) for name in ("h_1", "c_1")[: len(states)]),
        rules=(
            _INPUT_AGREES,
            *(rule for name, prefix in zip(_names(kind), ("h0", "c0")) for rule in _cell_state_agrees(name, prefix)),
        ),
        params=(
            Param("weight_ih", (kind.rows, F)),
            Param("weight_hh", (kind.rows, h)),
            Param("bias_ih", (kind.rows,), _bias),
            Param("bias_hh", (kind.rows,), _bias),
        ),
        macs=size([ROWS, kind.rows * (F + h)]),
        unroll=sequence,
        steps=num(1),
        kept=cell_kept(kind.gates),
        kept_known=cell_known(kind.gates),
        reach=Mixes((-1,)),
        default_input=(3, 16),
        prose="One step in time, from a state of hidden_size numbers to the next. "
        "With --unroll it is fed a sequence step by step, and every step's state is shown.",
        examples=(f"{sequence}cell 10", f"{sequence}cell hidden=10 --unroll -i 5,3,16"),
        paper=kind.paper,
    )


KINDS = (
    Recurrence(
        "RNN", 1, "A recurrent layer: h' = tanh(W x + U h + b).",
        "Runs a cell over the sequence, with one matrix for the input and one for the state. "
        "The output holds the last layer's state at every step, h_n every layer's last.",
        "One step of an RNN.", "https://doi.org/10.1207/s15516709cog1402_1",
    ),
    Recurrence(
        "LSTM", 4, "A recurrent layer with gates and a cell state.",
        "Input, forget and output gates guard a cell state c, which carries over many steps; h is what others see of it. "
        "The output holds the last layer's h at every step, h_n and c_n every layer's last.",
        "One step of an LSTM: hidden and cell state.", "https://doi.org/10.1162/neco.1997.9.8.1735",
    ),
    Recurrence(
        "GRU", 3, "A recurrent layer with two gates and no cell state.",
        "Reset and update gates mix the old state with a candidate: close to an LSTM with a quarter fewer weights. "
        "The output holds the last layer's state at every step, h_n every layer's last.",
        "One step of a GRU.", "https://arxiv.org/abs/1406.1078",
    ),
)  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (*map(recurrent, KINDS), *map(cell, KINDS))
