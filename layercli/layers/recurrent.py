"""Recurrent layers over a sequence, and their cells, which take one step.

Parameters per layer and direction, with g gates (1 RNN, 3 GRU, 4 LSTM): input weights g*h x in, recurrent weights
g*h x r, two bias vectors of g*h, and for a projected LSTM r x h, where r is the width of the state that recurs.
Source: the documentation of torch.nn.RNN, LSTM and GRU, and ``torch/nn/modules/rnn.py``.
"""

from __future__ import annotations

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
from layercli.layers.kinds import Int, Real, ZeroOrMore
from layercli.layers.vocabulary import BATCHED, PACKED, N, flag, integer, word

T, F = sym("T", "steps of the sequence"), sym("F", "features of the input")
S = sym("S", "steps of all packed sequences together")
_in, h = sym("input_size"), sym("h", "size of the hidden state")
_layers, proj = sym("layers", "number of stacked layers"), sym("proj", "size that the state is projected to")
D = sym("D", "directions: 2 where bidirectional, else 1")
r = sym("r", "size of the state that recurs: the projection's, or the hidden state's")
_bias, _both, _first = sym("bias"), sym("bidirectional"), sym("batch_first")
_PROJECTED = sym("projected", "whether the state is projected")

_INPUT_AGREES = Need(
    eq_(F, _in),
    "input_size is {input_size}, but the input has {F} features",
    "use in={F}, or leave input_size out",
    "input_size",
)


def _state(name: str, prefix: str, meaning: str) -> TensorIn:
    return TensorIn(
        name,
        (
            Form(f"{prefix}_L {prefix}_N {prefix}_F", where=BATCHED),
            Form(f"{prefix}_L {prefix}_F", where=not_(BATCHED)),
        ),
        meaning,
    )


def _state_agrees(name: str, prefix: str, width: Expr) -> tuple[Need, ...]:
    given = sym("hx_given", "whether a state is passed")
    wanted = {"want": when(BATCHED, dims(L=D * _layers, N=N, F=width), dims(L=D * _layers, F=width))}
    message = f"the state {name} has {{got}} along its {{axis}} axis, but needs {{need}}: its shape is {{want}}"
    parts = (
        ("layers", D * _layers, "L", given),
        ("batch", N, "N", and_(given, BATCHED)),
        ("features", width, "F", given),
    )
    return tuple(
        Need(
            eq_(sym(f"{prefix}_{axis}"), need), message.replace("{axis}", what), "pass {want}, or no state", "hx",
            where=where, values={**wanted, "got": sym(f"{prefix}_{axis}"), "need": need},
        )
        for what, need, axis, where in parts
    )  # fmt: skip


def recurrent(name: str, torch: str, gates: int, summary: str, prose: str, paper: str) -> Layer:
    """RNN, GRU or LSTM: ``gates`` blocks of h rows in every weight, a cell state for the LSTM alone."""
    is_lstm = gates == 4
    gh: Expr = num(gates) * h if gates > 1 else h
    directions = Copies("direction", D, labels=("", "_reverse"))
    deeper = Copies("layer", _layers - 1, start=1)

    def tensors(layer: str, features: Expr, copies: tuple[Copies, ...]) -> tuple[Param, ...]:
        end = f"_l{layer}{{direction}}"
        rows = [
            Param(f"weight_ih{end}", (gh, features), copies=copies),
            Param(f"weight_hh{end}", (gh, r), copies=copies),
            Param(f"bias_ih{end}", (gh,), _bias, copies),
            Param(f"bias_hh{end}", (gh,), _bias, copies),
        ]
        if is_lstm:
            rows.append(Param(f"weight_hr{end}", (proj, h), _PROJECTED, copies))
        return tuple(rows)

    step = total([gh * (F + r), *([when(_PROJECTED, proj * h)] if is_lstm else [])])
    deep = total([gh * (D * r + r), *([when(_PROJECTED, proj * h)] if is_lstm else [])])
    stacked = sym("stacked", "whether there is more than one layer")
    per_step = total([D * step, when(stacked, (_layers - 1) * D * deep)])
    sequence = when(PACKED, S, when(BATCHED, T * N, T))
    keys: tuple[Key, ...] = (
        integer("input_size", "input_size", "features of the input", kind=Int(least=1), aliases=("in",), infer=F),
        integer(
            "hidden_size", "h", "size of the hidden state", kind=Int(least=1, bools=gates > 1), aliases=("hidden",),
            effect="the output has this many features per direction; weights grow with its square",
        ),
        integer("num_layers", "layers", "number of stacked layers", kind=Int(least=1, bools=False), default=1, aliases=("layers",)),
        *((word("nonlinearity", "tanh", "relu", default="tanh", meaning="the activation"),) if gates == 1 else ()),
        flag("bias", True, "whether the two bias vectors are there", strict=True),
        flag("batch_first", False, "whether input and output are (batch, time, features); states never are", strict=True),
        Key("dropout", Real(0, 1, bools=False), 0.0, meaning="probability of dropping an output between layers, in train mode"),
        flag("bidirectional", False, "whether a second pass runs backwards", strict=True, effect="doubles the output's features"),
    )  # fmt: skip
    if is_lstm:
        keys += (
            integer(
                "proj_size", "proj", "size that the hidden state is projected to; 0 for none", kind=ZeroOrMore(least=0, bools=False), default=0,
                aliases=("proj",), effect="the output and h become this wide, c stays as wide as hidden_size",
            ),
        )  # fmt: skip
    state_rows = D * _layers
    hidden = when(BATCHED, dims(L=state_rows, N=N, F=r), dims(L=state_rows, F=r))
    cell = when(BATCHED, dims(L=state_rows, N=N, F=h), dims(L=state_rows, F=h))
    output = when(
        PACKED,
        dims(S=S, F=D * r),
        when(BATCHED, when(_first, dims(N=N, T=T, F=D * r), dims(T=T, N=N, F=D * r)), dims(T=T, F=D * r)),
    )
    states: InputDef = (
        TupleIn(
            "hx", (_state("h_0", "h0", "first hidden state"), _state("c_0", "c0", "first cell state")), optional=True
        )
        if is_lstm
        else _state("hx", "h0", "first hidden state")._replace(optional=True)
    )
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=keys,
        positional=("hidden_size", "num_layers"),
        inputs=(
            TensorIn(
                "input",
                (
                    Form("S F", packed=True, facts={"batched": True, "packed": True}),
                    Form("N T F", where=_first, facts={"batched": True}),
                    Form("T N F", where=not_(_first), facts={"batched": True}),
                    Form("T F", facts={"batched": False}),
                ),
                "the sequence",
                dtypes=when(is_(sym("nonlinearity"), "relu"), num("parameters, real"), num("parameters")) if gates == 1
                else "parameters",
            ),
            states,
        ),
        outputs=(
            Out("output", output, packed=True),
            Outs((Out("h_n", hidden), Out("c_n", cell))) if is_lstm else Out("h_n", hidden),
        ),
        facts={"stacked": gt_(_layers, 1), **({"projected": gt_(proj, 0)} if is_lstm else {})},
        rules=(
            *((Need(lt_(proj, h), "proj_size {proj} is not smaller than hidden_size {h}", "use proj={most} or less",
                    "proj_size", values={"most": h - 1}),) if is_lstm else ()),
            Let(D, when(_both, 2, 1)),
            Let(r, when(_PROJECTED, proj, h) if is_lstm else h),
            Need(ge_(T, 1), "the sequence has no steps", "give it at least one step", where=not_(PACKED)),
            _INPUT_AGREES,
            *_state_agrees("h_0" if is_lstm else "hx", "h0", r),
            *(_state_agrees("c_0", "c0", h) if is_lstm else ()),
        ),
        params=(*tensors("0", F, (directions,)), *tensors("{layer}", D * r, (deeper, directions))),
        macs=sequence * per_step,
        steps=when(PACKED, S, T) * _layers * D,
        default_input=(5, 3, 16),
        prose=prose,
        examples=(f"{name} 10", f"{name} 10 2 bidirectional=true", f"{name} 10 batch_first=true"),
        paper=paper,
    )  # fmt: skip


def cell(name: str, torch: str, gates: int, sequence: str, summary: str) -> Layer:
    """One step of a recurrent layer on (batch, features), or on features alone."""
    is_lstm = gates == 4
    gh: Expr = num(gates) * h if gates > 1 else h
    keys: tuple[Key, ...] = (
        integer("input_size", "input_size", "features of the input", kind=Int(least=0), aliases=("in",), infer=F),
        integer(
            "hidden_size", "h", "size of the hidden state", kind=Int(least=0), aliases=("hidden",),
            effect="the state has this many numbers; weights grow with its square",
        ),
        flag("bias", True, "whether the two bias vectors are there"),
        *((word("nonlinearity", "tanh", "relu", default="tanh", meaning="the activation"),) if gates == 1 else ()),
    )  # fmt: skip
    given = sym("hx_given", "whether a state is passed")

    def state(label: str, prefix: str) -> TensorIn:
        forms = (Form(f"{prefix}_N {prefix}_F", where=BATCHED), Form(f"{prefix}_F", where=not_(BATCHED)))
        return TensorIn(label, forms, "the state before this step")

    def agrees(label: str, prefix: str) -> tuple[Need, ...]:
        rows, columns = sym(f"{prefix}_N"), sym(f"{prefix}_F")
        return (
            Need(
                eq_(rows, N), f"the state {label} has a batch of {{{prefix}_N}}, but the input {{N}}", "pass a batch of {N}",
                "hx", where=and_(given, BATCHED),
            ),
            Need(
                eq_(columns, h), f"the state {label} has {{{prefix}_F}} features, but hidden_size is {{h}}",
                "pass {h} features", "hx", where=given,
            ),
        )  # fmt: skip

    shape = concat(when(BATCHED, dims(N=N), concat()), dims(F=h))
    outputs = (Out("h_1", shape), Out("c_1", shape)) if is_lstm else (Out("h_1", shape),)
    states: InputDef = (
        TupleIn("hx", (state("h_0", "h0"), state("c_0", "c0")), optional=True)
        if is_lstm
        else state("hx", "h0")._replace(optional=True)
    )
    return Layer(
        name=name,
        torch=torch,
        summary=summary,
        keys=keys,
        positional=("hidden_size",),
        inputs=(
            TensorIn(
                "input",
                (Form("N F", facts={"batched": True}), Form("F", facts={"batched": False})),
                "one step of the sequence",
                dtypes=when(is_(sym("nonlinearity"), "relu"), num("parameters, real"), num("parameters"))
                if gates == 1
                else "parameters",
            ),
            states,
        ),
        outputs=outputs,
        rules=(
            _INPUT_AGREES,
            *agrees("h_0" if is_lstm else "hx", "h0"),
            *(agrees("c_0", "c0") if is_lstm else ()),
        ),
        params=(
            Param("weight_ih", (gh, F)),
            Param("weight_hh", (gh, h)),
            Param("bias_ih", (gh,), _bias),
            Param("bias_hh", (gh,), _bias),
        ),
        macs=size([when(BATCHED, N, 1), gh * (F + h)]),
        unroll=sequence,
        steps=num(1),
        default_input=(3, 16),
        prose="One step in time. With --unroll it is fed a sequence step by step, and every step's state is shown.",
        examples=(f"{name} 10", f"{name} hidden=10 --unroll -i 5,3,16"),
    )


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (
        recurrent(
            "rnn", "RNN", 1, "A recurrent layer: h' = tanh(W x + U h + b).",
            "Runs a cell over the sequence. The output holds the last layer's state at every step, h_n every layer's last.",
            "https://doi.org/10.1207/s15516709cog1402_1",
        ),
        recurrent(
            "lstm", "LSTM", 4, "A recurrent layer with gates and a cell state.",
            "Input, forget and output gates guard a cell state c, which carries over many steps; h is what others see of it.",
            "https://doi.org/10.1162/neco.1997.9.8.1735",
        ),
        recurrent(
            "gru", "GRU", 3, "A recurrent layer with two gates and no cell state.",
            "Reset and update gates mix the old state with a candidate: close to an LSTM with a quarter fewer weights.",
            "https://arxiv.org/abs/1406.1078",
        ),
        cell("rnncell", "RNNCell", 1, "rnn", "One step of an RNN."),
        cell("lstmcell", "LSTMCell", 4, "lstm", "One step of an LSTM: hidden and cell state."),
        cell("grucell", "GRUCell", 3, "gru", "One step of a GRU."),
    )  # fmt: skip
