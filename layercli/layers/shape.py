"""Layers that only rearrange: no number changes, the shape does."""

from __future__ import annotations

from layercli.formula import and_, concat, dims, ge_, le_, length, lt_, max_, product, slice_, sym, when
from layercli.layers.definition import Form, Key, Layer, Need, Out, TensorIn
from layercli.layers.kinds import Int
from layercli.layers.vocabulary import X


def flatten() -> Layer:
    """Joins neighbouring axes into one (torch.flatten): a scalar becomes one axis of size 1."""
    start, end, rank = sym("start_dim"), sym("end_dim"), max_(length(X), 1)
    first = when(lt_(start, 0), start + rank, start)
    last = when(lt_(end, 0), end + rank, end)

    def inside(key: str) -> Need:
        return Need(
            and_(le_(-rank, sym(key)), lt_(sym(key), rank)),
            f"{key} {{{key}}} is no axis of an input with {{rank}} axes",
            "use {low} to {high}", key, values={"rank": length(X), "low": -rank, "high": rank - 1},
        )  # fmt: skip

    return Layer(
        name="flatten",
        torch="Flatten",
        summary="Joins the axes from start_dim to end_dim into one.",
        keys=(
            Key("start_dim", Int(bools=False), 1, ("start",), (start,), structural=True, meaning="first axis to join"),
            Key("end_dim", Int(bools=False), -1, ("end",), (end,), structural=True, meaning="last axis to join"),
        ),
        positional=("start_dim", "end_dim"),
        inputs=(TensorIn("input", (Form("*X"),), "any shape", dtypes="any"),),
        outputs=(
            Out(
                "output",
                concat(slice_(X, 0, first), dims(F=product(slice_(X, first, last + 1))), slice_(X, last + 1, rank)),
            ),
        ),
        rules=(
            inside("start_dim"),
            inside("end_dim"),
            Need(
                ge_(last, first), "start_dim {start_dim} comes after end_dim {end_dim}", "exchange them", "start_dim"
            ),
        ),
        default_input=(1, 3, 16, 16),
        prose="By default all but the first axis, which is how a batch of feature maps becomes a batch of vectors.",
        examples=("flatten", "flatten 2", "flatten 0 1"),
    )  # fmt: skip


def layers() -> tuple[Layer, ...]:
    """The family."""
    return (flatten(),)
