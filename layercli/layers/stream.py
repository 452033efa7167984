"""Steps that say what flows: one of several outputs, a learned tensor."""

from __future__ import annotations

from layercli.formula import sym
from layercli.layers.axes import ANY
from layercli.layers.axes_kinds import Extents, Path
from layercli.layers.definition import Key, Layer, Out, Param
from layercli.layers.dtypes import COMPLEX, FLOATS, INTEGERS
from layercli.layers.kept import ALWAYS, NOTHING
from layercli.layers.kinds import Word
from layercli.layers.vocabulary import X, setting

FAMILY = "stream"

_DTYPES = (*FLOATS, *COMPLEX, *INTEGERS)


def pick() -> Layer:
    """One of the outputs of the step before."""
    return Layer(
        name="pick",
        torch="torch.pick",
        summary="Takes one of several outputs of the step before it.",
        keys=(
            setting(
                "output", Path(), 0, "which output, from 0; 1.0 is the first part of output 1",
                effect="another tensor flows on",
            ),
        ),
        positional=("output",),
        inputs=ANY,
        outputs=(Out("output", X),),
        window=(),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 16),
        prose="The first output flows on by itself: pick 1 takes the second, such as the last hidden state of a GRU. "
        "An LSTM's cell state is pick 1.1; a tensor alone is pick 0.",
        examples=("pick 0",),
    )  # fmt: skip


def param() -> Layer:
    """A learned tensor (torch.nn.Parameter), which begins a branch."""
    sizes = sym("v", "shape")
    return Layer(
        name="param",
        torch="torch.param",
        summary="A learned tensor: what flows in is not looked at.",
        keys=(
            Key(
                "shape", Extents(), symbols=(sizes,), structural=True, meaning="the sizes of the tensor",
                effect="the output has this shape",
            ),
        ),
        positional=("shape",),
        inputs=(),
        outputs=(Out("output", sizes, dtype="parameters"),),
        params=(Param("value", (sizes,)),),
        kept=NOTHING,
        view=ALWAYS,
        default_input=(1, 16),
        prose="A position table, a class token, a scale. "
        "It begins a branch: add( ; param 1,197,768); where cat joins it to a batch, it is stretched over the batch.",
        examples=("param 1,197,768",),
    )  # fmt: skip


def source() -> Layer:
    """A tensor that comes from outside."""
    sizes = sym("v", "shape")
    return Layer(
        name="input",
        torch="torch.input",
        summary="What is fed to the design: its shape, and its dtype where that is not the run's.",
        keys=(
            Key(
                "shape", Extents(), symbols=(sizes,), structural=True, meaning="the sizes of the tensor",
                effect="the output has this shape",
            ),
            setting("dtype", Word("none", *_DTYPES), "none", "its dtype; none for what its reader takes", effect="the shape stays"),
        ),
        positional=("shape",),
        inputs=(),
        outputs=(Out("output", sizes, dtype="parameters"),),
        kept=NOTHING,
        default_input=(1, 3, 32, 32),
        prose="It opens a spec, so that a file says what it is for; -i overrides it. "
        "Where it begins a branch it is a further input of the design.",
        examples=("input 1,3,32,32 | conv2d 8 3",),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return source(), pick(), param()
