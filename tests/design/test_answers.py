"""Short answers to many designs: what they say is what the ordinary analysis says of each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from random import Random

import pytest

from layercli.analysis import receptive
from layercli.analysis.walk import Options, analyse_spec
from layercli.cli.inputs import parse_open_inputs
from layercli.design.answers import Answer, Answers, answer_of
from layercli.design.course import answers, selections
from layercli.design.grid import Grid
from layercli.design.space import Selection, Space, Where
from layercli.layers import find, known_names
from layercli.spec import parse


def few(_: Where) -> Sequence[int]:
    """What ``_`` may be."""
    return range(1, 5)


def space(spec: str, *inputs: str) -> Space:
    """The designs of a spec with open values."""
    return Space(parse(spec, open=True), parse_open_inputs(inputs), few)


def alone(designs: Space, choice: Selection) -> Answer:
    """What a design comes to that is written out and analysed by itself."""
    options = Options(planned=False, advised=False, noted=False)
    return answer_of(choice, analyse_spec(parse(designs.text(choice)), designs.fed(choice), options))


def some(designs: Space, most: int) -> list[Selection]:
    """Choices from all over a space."""
    chosen = list(islice(selections(designs), 20_000))
    return Random(0).sample(chosen, min(most, len(chosen)))


LONE = [
    ("conv2d 16/32 k=1/3/5/7 s=1/2 p=0..3", "1,3,8..32..8,17"),
    ("conv2d 6/8 k=1..5 s=1..3 p=0..2 d=1..3 g=1/2/3 bias=true/false", "2,3/6,16,17"),
    ("conv2d 16 k=3x3/5x1/7 p=same/valid/2 s=1/2", "2,3,17/18,9"),
    ("conv2d 4 k=_,_ p=0/1", "3,9,9"),
    ("maxpool2d k=1..5 s=1..4 p=0..3 ceil_mode=true/false", "2,3,8/9,17"),
    ("avgpool1d k=1..5 s=1..4 p=0..3 ceil_mode=true/false", "2,3,8/9/1"),
    ("convtranspose2d 4/8 k=1..5 s=1..4 p=0..3 op=0..3 d=1/2", "2,3,8/9,3"),
    ("lstm 4/8 layers=1/2/3 bidirectional=true/false proj_size=0/2", "5,3,16/8"),
    ("linear 4..40 bias=true/false", "5,3,16/8"),
    ("upsample scale=1/2/2.5 mode=nearest/bilinear", "5,3,16/8,8"),
    ("mha 1/2/4/8 batch_first=true/false", "5,3,16/8"),
    ("relu inplace=true/false", "5,3,16/8"),
    ("unfold 1..3 s=1..2 p=0/1 d=1/2", "5,3,16/8,9"),
    ("layernorm 8/16/9,16", "5,9,16/8"),
    ("groupnorm 1..5", "5,9/8,16/8"),
    ("adaptiveavgpool2d 1/2/3x4", "5,9/8,16/8,7"),
    ("flatten 0/1/2 end_dim=-1/2", "5,9/8,16/8,7"),
    ("embedding 10/20 4/8", "5,9/8"),
    ("mseloss reduction=none/mean", "5,9/8"),
    ("zeropad2d -2..3", "5,3,4/1,8"),
    ("pixelshuffle 1..4", "5,9/8/16,16,17"),
    ("reshape 5,-1/10,-1", "5,9/8/16,16,17"),
    ("conv1d 3 64/3 7/2", "2,3,32"),
    ("linear 2147483647/4294967296", "1,4294967296/8"),
]


@pytest.mark.parametrize(("spec", "given"), LONE)
def test_one_layer(spec: str, given: str) -> None:
    designs = space(spec, given)
    asked = Grid.of(designs, Options())
    found = [asked.answer(choice) for choice in some(designs, 120)]
    assert found == [alone(designs, answer.choice) for answer in found]


@pytest.mark.parametrize(("spec", "given"), LONE)
def test_a_refusal_in_full(spec: str, given: str) -> None:
    designs = space(spec, given)
    asked = Grid.of(designs, Options())
    refused = [choice for choice in some(designs, 200) if asked.answer(choice).refused is not None][:20]
    plain = Options(planned=False, advised=False)
    for choice in refused:
        error = asked.error(choice)
        other = analyse_spec(parse(designs.text(choice)), designs.fed(choice), plain).error
        assert other is not None
        assert (error.code, error.message, error.fix, error.path) == (other.code, other.message, other.fix, other.path)


def test_convolutions_pools_and_recurrences_are_answered_by_a_generated_function() -> None:
    """The fast way is taken: an answer by analysis would be right, and fifty times slower."""
    for spec, given in LONE[:9]:
        designs = space(spec, given)
        asked = Grid.of(designs, Options())
        assert isinstance(asked, Grid), spec
        assert any(cell is not None for _, cell in asked.cells), spec


def test_what_a_window_alone_says_is_what_is_followed() -> None:
    """The receptive field of each layer that slides over the input, by its numbers and by the rules for nets."""
    told = [layer for name in known_names() if (layer := find(name)) and receptive.slides(layer) and layer.key("k")]
    assert {"conv2d", "maxpool1d", "convtranspose3d", "avgpool2d"} <= {layer.name for layer in told}
    for layer in told:
        size = ",".join(["7"] * (len(layer.default_input) - 2))
        designs = space(f"{layer.name} k=1..3", f"1,4,{size}")
        asked = Grid.of(designs, Options())
        assert [asked.answer((index,)).field for index in range(3)] == [
            alone(designs, (index,)).field for index in range(3)
        ]


SEVERAL = [
    ("conv2d 8/16 3 | {relu / conv2d 4/8 k=1..3 / } | maxpool2d 2..4 | flatten | linear 10", "1,3,12,4..12"),
    ("2*(conv2d 8 3 p=0..1 | maxpool2d k=1..4) | relu", "1,3,9,9"),
    ("a: conv2d 8 k=1/3/12 | add( ; conv2d 8 k=1/3 p=0/1 | relu) | cat dim=1 @a", "1,3,9/12,9"),
    ("mul( ; adaptiveavgpool2d 1/2 | conv2d 3/4 1)", "1,3/4,2,2"),
    ("input 1,3,8..10,9 | conv2d 4 k=1..3 | conv2d 5 k=1/9", ""),
    ("{conv2d 4/5 3 / {maxpool2d 2 / avgpool2d 2/30}} | linear 3/4", "1,3,9,9"),
    ("nn.Conv2d(3, 8, 3) | relu | maxpool2d 1..9", "1,3,8..9,8"),
]


@pytest.mark.parametrize(("spec", "given"), SEVERAL)
def test_several_layers(spec: str, given: str) -> None:
    """In their order, so that what is remembered from one design to the next is used, and what is refused early."""
    designs = space(spec, *filter(None, [given]))
    chosen = [*selections(designs)]
    assert len(chosen) == len(set(chosen)) == designs.count
    found = [*answers(Answers(designs, Options()), chosen)]
    assert found == [alone(designs, choice) for choice in chosen]
    assert {answer.refused is None for answer in found} >= {True}


def test_designs_are_told_apart_by_their_text() -> None:
    designs = space("{relu / conv2d 4/8 k=1..3 / } | maxpool2d 2..4", "1,3,8,8")
    texts = [designs.text(choice) for choice in selections(designs)]
    assert len(texts) == len(set(texts)) == (1 + 6 + 1) * 3
    assert texts[0] == "relu | maxpool2d 2"
    assert texts[-1] == "maxpool2d 4"


def test_columns() -> None:
    designs = space("conv2d 8/16 3x3/5 | stem: conv2d k=1..3 | {relu / gelu}", "1,3,8/9,8")
    assert [column.name for column in designs.columns] == ["input", "out", "k@0", "k@stem", "step"]
    last = [len(hole.values) - 1 for hole in designs.holes]
    assert [designs.setting(column, tuple(last)) for column in designs.columns] == ["1,3,9,8", "16", "5", "3", "gelu"]
