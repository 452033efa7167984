"""Where notes are silent, how what they say is mended, and what is told once: the cases that were told wrongly."""

from __future__ import annotations

import pytest

from layercli.analysis.advice import advice
from layercli.analysis.walk import Options, analyse_spec
from layercli.spec import parse
from tests.analysis.test_advice import analysed, codes


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("input 1,3,6,6 | conv2d 4 3 s=3 p=1 padding_mode=circular", "conv.border"),
        ("add(identity | conv2d 8 1 s=2 ; conv2d 8 3 s=2 p=1)", "window.skipped"),
        ("relu6 | avgpool2d 2 divisor_override=1 | relu6", "activation.no-effect"),
        ("relu6 | avgpool2d 2 divisor_override=1 | bceloss", "activation.no-effect"),
        ("linear 8 | softplus threshold=-9 | relu", "activation.no-effect"),
        ("linear 8 | s: sigmoid | threshold 0.5 -20 inplace=true | identity @s | relu", "activation.no-effect"),
        ("s: sigmoid | flatten | threshold 0.5 -20 inplace=true | identity @s | relu", "activation.no-effect"),
        ("s: sigmoid | f: flatten | threshold 0.5 -20 inplace=true @s | relu @f", "activation.no-effect"),
        ("input 8,4 | logsoftmax dim=0 | crossentropyloss", "loss.softmax"),
        ("input 8,3,9 | conv1d 4 1 | adaptiveavgpool2d 1", "conv.order"),
        ("input 8,4 | alphadropout | alphadropout", "dropout.twice"),
        ("conv2d 8 3 | batchnorm2d momentum=0", "norm.bias"),
        ("conv2d 8 3 | instancenorm2d momentum=0 track_running_stats=true", "norm.bias"),
        ("conv2d 8 3 | instancenorm2d momentum=none track_running_stats=true", "norm.bias"),
        ("conv2d 8 3 bias=false | batchnorm2d | batchnorm2d momentum=0", "norm.twice"),
        ("c: conv2d 8 3 | relu inplace=true | batchnorm2d @c", "norm.bias"),
        ("input 8,4 | q: batchnorm1d | relu inplace=true | identity @q", "net.unused"),
        ("input 8,4 | q: batchnorm1d | flatten | relu inplace=true | identity @q", "net.unused"),
        # a batch after all, an order of axes that is meant, another layer behind
        ("input 8,3,100 | conv1d 8 3 | maxpool2d 2 | flatten | linear 10", "flatten.unbatched"),
        ("input 3,32,32 | conv2d 8 16 s=16 | flatten | transpose 0 1 | linear 10", "flatten.unbatched"),
        ("input 3,32,32 | conv2d 8 16 s=16 | flatten -2 | linear 10", "flatten.unbatched"),
        ("input 3,32,32 | conv2d 8 3 | flatten 0 | linear 10", "flatten.unbatched"),
        # a table, a mask, pairs of samples, one number for each channel, the axes kept
        ("input 16,16,32 | add( ; param 16,32)", "merge.ranks"),
        ("input 16,16,32 | add( ; input 16,32)", "merge.ranks"),
        ("input 16,16 | sub( ; unsqueeze 1)", "merge.ranks"),
        ("input 16,16,16 | mul( ; mean 0,1)", "merge.ranks"),
        ("input 16,16,16 | mul( ; mean 0)", "merge.ranks"),
        ("input 16,16,16 | mul( ; mean 1 keepdim=true | linear 16)", "merge.ranks"),
    ],
)  # fmt: skip
def test_what_is_not_said(spec: str, code: str) -> None:
    assert code not in codes(spec)


@pytest.mark.parametrize(
    ("spec", "fix"),
    [
        ("input 3,32,32 | conv2d 8 3 | relu | flatten | dropout | linear 10", "give -i 1,3,32,32, or write flatten 0"),
        ("input 3,8,8 | maxpool2d 2 | flatten | linear 10", "give -i 1,3,8,8, or write flatten 0"),
        ("input 9,27 | unflatten 1 3,9 | conv2d 8 3 | flatten | linear 10", "give the input a batch axis, or write"),
        ("input 3,9,9 | add( ; conv2d 3 3 p=1) | flatten | linear 10", "give -i 1,3,9,9, or write flatten 0"),
        ("input 4,4,4,4 | mul( ; mean 2,3 | linear 4)", "end the branch with unflatten -1 4,1,1, or reduce with"),
        ("input 4,3,4,4 | mul( ; mean 2,3 | linear 4)", "end the branch with unsqueeze 1 | unsqueeze 1, or reduce"),
        ("input 1,9,4 | mul( ; mean 1)", "end the branch with unsqueeze 1, or reduce with keepdim=true"),
        ("input 4,4,4 | mul( ; mean 1)", "reduce with keepdim=true, or put axes of one cell where"),
        ("convtranspose2d 8 3x4 s=2", "use kernels that the strides divide"),
        ("convtranspose2d 8 4 s=2 d=2", "use dilation 1"),
        ("conv2d 8 3 bias=false | instancenorm2d | batchnorm2d", "leave the batchnorm2d out, and write instancenorm2d"),
    ],
)  # fmt: skip
def test_how_it_is_mended(spec: str, fix: str) -> None:
    (note,) = advice(analysed(spec).rows)
    assert note.fix.startswith(fix)


@pytest.mark.parametrize(
    ("spec", "shape", "told"),
    [
        ("4*(batchnorm2d | conv2d 8 3 g=in)", "N,C,H,W", [("(and so in 1 more layer)", "give C as a number")]),
        (
            "conv2d 8 3 | relu | flatten | linear 9", "N,C,H,W",
            [
                ("in_channels=C: ", "give C as a number"),
                ("in_features=8*", "put adaptiveavgpool2d 1 before the flatten, or give H and W as numbers"),
            ],
        ),
        (
            "relu | reshape 2,-1 | linear 9", "2,C,H,W",
            [("in_features=C*H*W", "put adaptiveavgpool2d 1 before the reshape, and give C as a number")],
        ),
        ("lstm 8", "5,N,F", [("input_size=F", "give F as a number")]),
        ("layernorm", "N,T,E", [("normalized_shape=E", "give E as a number")]),
        ("instancenorm2d", "N,C,8,8", []),
    ],
)  # fmt: skip
def test_weights_that_hang_on_open_sizes_are_told_once_for_each(
    spec: str, shape: str, told: list[tuple[str, str]]
) -> None:
    notes = [note for note in analysed(spec, shape).notes if note.code == "symbolic.tied"]
    assert [note.fix for note in notes] == [fix for _, fix in told]
    assert all(words in note.message for note, (words, _) in zip(notes, told))


def test_what_training_writes_in_place_is_not_unread_in_evaluation() -> None:
    spec = "input 8,4 | q: batchnorm1d | dropout inplace=true | identity @q"
    found = analyse_spec(parse(spec), (), Options(mode="eval", planned=False))
    assert [note.code for note in found.notes] == []
