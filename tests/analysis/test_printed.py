"""Models as Python source and as ``print`` shows them: the figures of the spec, and what stays unknown and why."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from random import Random
from typing import Any

import pytest
import torch
from torch import nn

from layercli import analyze
from layercli.analysis.canonical import canonical
from layercli.analysis.flow import tensors
from layercli.analysis.walk import every_note
from layercli.report import Report
from layercli.spec import format_spec, parse

# --- three ways to say one model -----------------------------------------------------------------------------------


def drawn(r: Random) -> tuple[str, tuple[int, ...]]:
    """The source of a Sequential that torch runs, and the shape that it is fed."""
    channels, cells, parts = r.choice((1, 3, 4)), r.choice((16, 17, 24)), []
    shape = (2, channels, cells, cells)
    for _ in range(r.randint(1, 7)):
        out, kernel = r.choice((2, 4, 8)), r.choice((1, 3, 5))
        if cells < 6:
            break
        text, channels_after, cells_after = r.choice([
            (f"nn.Conv2d({channels}, {out}, {kernel}, padding={kernel // 2})", out, cells),
            (f"nn.Conv2d({channels}, {out}, kernel_size=({kernel}, 3), bias=False, padding='same')", out, cells),
            (f"nn.Conv2d({channels}, {channels}, 3, groups={channels}, padding=1)", channels, cells),
            (f"nn.ConvTranspose2d({channels}, {out}, 3, padding=1)", out, cells),
            (f"nn.BatchNorm2d({channels}, eps=0.001)", channels, cells),
            (f"nn.GroupNorm(1, {channels})", channels, cells), ("nn.ReLU(inplace=True)", channels, cells),
            ("nn.MaxPool2d(3, 2, 1, ceil_mode=True)", channels, cells // 2 + 1 if cells % 2 == 0 else (cells + 1) // 2),
            ("nn.AvgPool2d(2)", channels, cells // 2), ("nn.Dropout2d(0.2)", channels, cells),
            ("nn.LeakyReLU(0.1)", channels, cells), (f"nn.PReLU({channels})", channels, cells),
            (f"nn.Sequential(nn.GELU(), nn.Conv2d({channels}, {out}, 1))", out, cells),
            (f"nn.Sequential(OrderedDict([('a', nn.Conv2d({channels}, {out}, 1)), ('b', nn.Tanh())]))", out, cells),
            ("nn.Sequential()", channels, cells),
        ])  # fmt: skip
        parts.append(text)
        channels, cells = channels_after, cells_after
    if r.random() < 0.6:
        parts.append(
            f"nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear({channels}, 8), nn.LayerNorm(8), nn.Linear(8, 3)"
        )
    return f"nn.Sequential({', '.join(parts or ['nn.ReLU()'])})", shape


def figures(report: Report) -> Any:
    """What a report comes to."""
    assert report.ok, report.analysis.error
    outputs = [(flow.shape, flow.dtype) for flow in tensors(report.analysis.outputs)]
    return outputs, report.totals, [row.bound.layer.name for row in report.analysis.rows]


@pytest.mark.parametrize("seed", range(40))
def test_source_print_and_spec_come_to_the_same(seed: int, validate: Any) -> None:
    source, shape = drawn(Random(f"printed/{seed}"))
    made = eval(source, {"nn": nn, "OrderedDict": OrderedDict})
    by_source = analyze(source, shape, run=seed % 4 == 0)
    by_print = analyze(repr(made), shape, run=False)
    by_spec = analyze(format_spec(canonical(parse(source))), shape, run=False)
    if "AvgPool" not in source:  # whose repr hides ceil_mode
        assert figures(by_print) == figures(by_source)
    assert figures(by_spec) == figures(by_source)
    assert by_source.totals["params"] == sum(item.numel() for item in made.parameters())
    assert by_source.totals["buffers"] == sum(item.numel() for item in made.buffers())
    assert by_source.output is not None
    assert by_source.output.shape == tuple(made(torch.zeros(shape)).shape)
    assert by_source.status == ("agrees" if seed % 4 == 0 else "not run")
    for report in (by_source, by_print):
        validate(report.to_dict())


# --- classes of one's own -------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.tail = nn.Sequential(nn.ReLU(), nn.Conv2d(channels, channels, 1))
        self.drop = nn.Identity()


class Everything(nn.Module):
    """One of each that holds weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.ModuleList([Block(8) for _ in range(3)])
        self.rnn = nn.LSTM(4, 5, 2, bidirectional=True)
        self.gru = nn.GRU(3, 3, bias=False)
        self.projected = nn.LSTM(4, 5, proj_size=2)
        self.attention = nn.MultiheadAttention(8, 2)
        self.embedding = nn.Embedding(10, 4, padding_idx=0)
        self.bag = nn.EmbeddingBag(10, 3)
        self.heads = nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.ReLU()})
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2, nn.LayerNorm(8))
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2)
        self.norm = nn.LayerNorm((4, 4))
        self.prelu = nn.PReLU(3)
        self.groups = nn.GroupNorm(2, 4)
        self.bilinear = nn.Bilinear(2, 3, 4)
        self.cell = nn.LSTMCell(3, 4)
        self.up = nn.ConvTranspose1d(2, 3, 4)
        self.whole = nn.Transformer(8, 2, 1, 1, 16)
        self.loss = nn.CrossEntropyLoss()


def weights(made: nn.Module) -> tuple[int, int]:
    return sum(item.numel() for item in made.parameters()), sum(item.numel() for item in made.buffers())


def held(report: Report) -> tuple[int, int]:
    """Parameters and buffers of all rows: what is known of them, for a class of one's own may hold more."""
    bounds = [row.bound for row in report.analysis.rows]
    return sum(bound.params for bound in bounds), sum(bound.buffers for bound in bounds)


def test_all_that_a_class_of_ones_own_holds_is_counted(validate: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Everything()
    report = analyze(repr(made), (1, 3, 8, 8))
    assert report.ok
    (row,) = report.analysis.rows
    named = {name: tuple(item.shape) for name, item in made.named_parameters()}
    assert row.bound.tensors(row.bound.variant.params) == named
    assert held(report) == weights(made)
    assert report.totals["macs"] is None
    document = validate(report.to_dict())
    why = "Everything is a class of its own: what its forward does is not in the text"
    assert {entry["why"] for entry in document["unknown"]} == {why}
    assert document["measured"]["status"] == "not run"
    assert why in document["measured"]["reason"]


def test_what_stands_before_a_class_of_ones_own_is_known_and_what_is_behind_is_not(validate: Any) -> None:
    made = nn.Sequential(nn.Conv2d(3, 8, 3), Block(8), nn.Flatten(), nn.Linear(288, 4))
    report = analyze(repr(made), (1, 3, 8, 8))
    assert report.ok
    assert held(report) == weights(made)
    document = validate(report.to_dict())
    assert [layer["op"] for layer in document["layers"]] == ["conv2d", "Block", "Flatten", "Linear"]
    assert document["layers"][0]["outputs"][0]["shape"] == [1, 8, 6, 6]
    assert [layer["params"]["total"] for layer in document["layers"]] == [224, 664, 0, 1156]
    assert [layer["macs"] for layer in document["layers"]] == [7776, None, None, None]
    assert document["known_part"]["macs"] == 7776
    unknown = {entry["path"]: entry["why"] for entry in document["unknown"] if entry["of"] == "macs"}
    assert unknown["2"] == unknown["3"] == "it stands behind Block, whose output is not known"


def test_unknown_is_no_failure_of_the_command(cli: Any) -> None:
    text = repr(nn.Sequential(nn.Conv2d(3, 8, 3), Block(8)))
    document = cli.json(["run", "-", "-i", "1,3,8,8"], stdin=text.encode())
    assert document["ok"]
    assert document["measured"]["status"] == "not run"


# --- what repr hides -------------------------------------------------------------------------------------------------


def hidden(text: str, shape: tuple[int, ...]) -> list[str]:
    report = analyze(text, shape, run=False)
    assert report.ok, report.analysis.error
    return [note.message for note in every_note(report.analysis) if note.code == "printed.hidden"]


def test_what_is_assumed_of_a_printed_module_is_said() -> None:
    made = nn.Sequential(nn.AvgPool2d(3, 2, ceil_mode=True), nn.ReLU())
    (said,) = hidden(repr(made), (1, 2, 8, 8))
    assert "ceil_mode=false" in said
    assert not hidden("nn.Sequential(nn.AvgPool2d(3, 2), nn.ReLU())", (1, 2, 8, 8)), "a source tells all"


def test_an_encoder_is_told_with_its_layer() -> None:
    made = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 3, enable_nested_tensor=False)
    for text in (repr(made), repr(nn.Sequential(made, nn.Linear(16, 2)))):
        report = analyze(text, (5, 2, 16))
        assert report.status == "agrees"
        assert "nhead=1" in " ".join(hidden(text, (5, 2, 16)))
    assert analyze(repr(made), (5, 2, 16)).totals["params"] == weights(made)[0]


def test_what_cannot_be_assumed_leaves_the_module_unknown() -> None:
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.FractionalMaxPool2d(2, output_ratio=0.5), nn.ReLU())
    report = analyze(repr(made), (1, 3, 8, 8))
    assert report.ok
    assert report.totals["macs"] is None
    assert "kernel_size" in report.why


# --- nothing at all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [
    nn.Sequential(nn.Sequential(), nn.ReLU()), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Sequential())),
    nn.Sequential(nn.Sequential(nn.Sequential(nn.ReLU()), nn.Sequential())),
])  # fmt: skip
def test_an_empty_sequential_is_an_identity(made: nn.Sequential) -> None:
    report = analyze(repr(made), (2, 3))
    assert [row.bound.layer.name for row in report.analysis.rows] == ["relu"]
    assert report.agrees
