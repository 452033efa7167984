"""Numbers that others have published or that torch's documentation gets wrong, each against the formulas.

Sources: the papers and repositories of the nets; "Computing Receptive Fields of Convolutional Neural Networks"
(Distill); "A guide to convolution arithmetic for deep learning". MACs leave the bias out.
"""

from __future__ import annotations

from typing import Any

import pytest

from layercli import analyze
from layercli.analysis.receptive import describe


def ask(spec: str, *shape: int, **more: Any) -> Any:
    report = analyze(spec, shape, run=False, **more)
    assert report.ok, report.analysis.error
    return report


def sizes(spec: str, *shape: int, **more: Any) -> tuple[int, ...]:
    output = ask(spec, *shape, **more).output
    return tuple(output.shape)


@pytest.mark.parametrize(
    ("spec", "shape", "output"),
    [
        ("maxpool1d 1 s=2 ceil_mode=true", (1, 1, 10), (1, 1, 5)),
        ("maxpool2d 1 s=2 ceil_mode=true", (1, 1, 32, 32), (1, 1, 16, 16)),
        ("maxpool2d 3 s=3 p=1 ceil_mode=true", (1, 1, 5, 5), (1, 1, 2, 2)),
        ("avgpool1d 2 s=3 ceil_mode=true", (1, 1, 12), (1, 1, 4)),
        ("conv2d k=3 s=2", (1, 1, 6, 6), (1, 1, 2, 2)),
        ("convtranspose2d k=3 d=2", (1, 1, 10, 10), (1, 1, 14, 14)),
        ("convtranspose2d 32 4 s=2 p=1", (1, 64, 16, 16), (1, 32, 32, 32)),
        ("conv1d 3 4 p=same", (1, 2, 9), (1, 3, 9)),
        ("conv2d 3 4 p=same d=3", (1, 2, 5, 6), (1, 3, 5, 6)),
        ("conv2d 3 3 s=2 p=valid", (1, 2, 9, 8), (1, 3, 4, 3)),
        ("conv1d k=3 p=9 padding_mode=circular", (1, 1, 9), (1, 1, 25)),
        ("flatten 0", (), (1,)),
        ("instancenorm1d 3", (3, 8), (3, 8)),
        ("glu", (2, 6), (2, 3)),
        ("glu 1", (2, 6, 5), (2, 3, 5)),
        ("upsample scale=0.29", (1, 1, 100), (1, 1, 28)),
        ("fractionalmaxpool2d 2 output_ratio=0.29", (1, 1, 100, 100), (1, 1, 28, 28)),
        ("zeropad2d 1,2", (1, 1, 5, 6), (1, 1, 5, 9)),
        ("lppool2d 2 1 2 ceil_mode=true", (1, 1, 32, 32), (1, 1, 16, 16)),
    ],
)
def test_shapes_that_other_tools_get_wrong(spec: str, shape: tuple[int, ...], output: tuple[int, ...]) -> None:
    assert sizes(spec, *shape) == output


@pytest.mark.parametrize(
    ("spec", "shape", "macs"),
    [
        ("convtranspose2d 32 4 s=2 p=1 bias=false", (1, 64, 16, 16), 8_388_608),
        ("convtranspose2d 1 2 s=2", (1, 3, 2, 2), 48),
        ("convtranspose2d 4 3 s=2 p=1 output_padding=1 g=4", (2, 4, 8, 8), 4_608),
        ("conv2d 10 5", (7, 1, 28, 28), 1_008_000),
        ("conv2d 8 3", (3, 12, 12), 21_600),
        ("linear 8 bias=false", (5, 10, 3), 1_200),
        ("lstm 20", (5, 3, 10), 36_000),
        ("lstm 20", (5, 10), 12_000),
        ("lstmcell 20", (3, 10), 7_200),
        ("gru 128", (32, 10, 128), 31_457_280),
        ("lstm 512 2", (100, 1, 300), 376_012_800),
        ("mha 12", (197, 1, 768), 524_391_936),
        ("transformerencoder 6 heads=8 ff=2048", (10, 1, 512), 189_358_080),
        ("bilinear 6 in2=5", (3, 4), 3 * 6 * (4 + 1) * 5),
    ],
)
def test_macs_that_other_tools_get_wrong(spec: str, shape: tuple[int, ...], macs: int) -> None:
    totals = ask(spec, *shape).totals
    assert totals["macs"] == macs
    assert totals["flops"] == 2 * macs


@pytest.mark.parametrize(
    ("spec", "shape", "params", "buffers"),
    [
        ("lstm 20 2 proj=5", (5, 3, 10), 2_520, 0),
        ("lstm 128", (5, 1, 3), 68_096, 0),
        ("lstm 512 2", (5, 1, 300), 3_768_320, 0),
        ("lstm 256 2 bidirectional=true", (5, 1, 128), 2_367_488, 0),
        ("gru 256 2 bidirectional=true", (5, 1, 128), 1_775_616, 0),
        ("rnn 256 2 bidirectional=true", (5, 1, 128), 591_872, 0),
        ("batchnorm2d", (2, 3, 4, 4), 6, 7),
        ("instancenorm2d", (2, 3, 4, 4), 0, 0),
        ("instancenorm2d track_running_stats=true", (2, 3, 4, 4), 0, 7),
        ("layernorm 3,5", (2, 3, 5), 30, 0),
        ("layernorm bias=false", (2, 5), 5, 0),
        ("layernorm elementwise_affine=false", (2, 5), 0, 0),
        ("bilinear 6 in2=5", (3, 4), 6 * (4 * 5 + 1), 0),
        ("mha 12", (197, 1, 768), 4 * 768 * 768 + 4 * 768, 0),
        ("mha 2 kdim=4 vdim=6", (5, 3, 8), 240, 0),
        ("mha 2 bias=false add_bias_kv=true", (5, 3, 8), 272, 0),
        ("transformerencoder 6 heads=8 ff=2048", (10, 1, 512), 18_914_304, 0),
        ("transformerencoderlayer 2", (5, 3, 8), 35_144, 0),
        ("transformer", (5, 3, 512), 44_140_544, 0),
    ],
)
def test_counts(spec: str, shape: tuple[int, ...], params: int, buffers: int) -> None:
    totals = ask(spec, *shape).totals
    assert (totals["params"], totals["buffers"]) == (params, buffers)


def test_an_embedding_looks_up_and_multiplies_nothing() -> None:
    report = ask("embedding 30522 768", 1, 128)
    assert tuple(report.output.shape) == (1, 128, 768)
    assert (report.totals["params"], report.totals["macs"]) == (30_522 * 768, 0)


@pytest.mark.parametrize(
    ("spec", "shape", "said"),
    [
        ("conv2d k=3 s=2 p=same", (1, 1, 8, 8), "needs a stride of 1"),
        ("convtranspose2d k=3 s=2 output_padding=2", (1, 1, 8, 8), "must be smaller than the stride"),
        ("maxpool2d 4 2 ceil_mode=true", (1, 1, 2, 2), "does not fit"),
        ("glu", (2, 5), "do not halve"),
        ("mha 5", (5, 3, 8), "num_heads"),
    ],
)
def test_what_torch_refuses(spec: str, shape: tuple[int, ...], said: str) -> None:
    report = analyze(spec, shape, run=False)
    assert report.analysis.error is not None
    assert said in report.analysis.error.message


def test_a_projected_lstm_keeps_its_cell_wide() -> None:
    (row,) = ask("lstm 20 2 proj=5", 5, 3, 10).analysis.rows
    output, (hidden, cell) = row.bound.outputs
    assert (output.shape, hidden.shape, cell.shape) == ((5, 3, 5), (2, 3, 5), (2, 3, 20))


# --- whole designs ---------------------------------------------------------------------------------------------------

LENET = (
    "conv2d 6 5 | tanh | avgpool2d 2 | conv2d 16 5 | tanh | avgpool2d 2 | conv2d 120 5 | tanh | flatten"
    " | linear 84 | tanh | linear 10"
)


def vgg(*blocks: int) -> str:
    """The features of a VGG net: ``blocks`` convolutions of 3x3 before each pool."""
    widths = (64, 128, 256, 512, 512)
    return " | ".join(f"{n}*(conv2d {w} 3 p=same | relu) | maxpool2d 2" for n, w in zip(blocks, widths))


VGG_HEAD = " | flatten | 2*(linear 4096 | relu) | linear 1000"
ALEXNET = (
    "conv2d 64 11 4 2 | relu | maxpool2d 3 2 | conv2d 192 5 p=2 | relu | maxpool2d 3 2 | conv2d 384 3 p=1 | relu"
    " | conv2d 256 3 p=1 | relu | conv2d 256 3 p=1 | relu | maxpool2d 3 2 | flatten | linear 4096 | relu"
    " | linear 4096 | relu | linear 1000"
)


@pytest.mark.parametrize(
    ("spec", "shape", "output", "params", "macs"),
    [
        (LENET, (1, 1, 32, 32), (1, 10), 61_706, 416_520),
        (
            "conv2d 6 5 | relu | maxpool2d 2 2 | conv2d 16 5 | relu | maxpool2d 2 2 | flatten | linear 120 | relu"
            " | linear 84 | relu | linear 10",
            (1, 3, 32, 32), (1, 10), 62_006, 651_720,
        ),
        (
            "conv2d 32 3 | relu | conv2d 64 3 | relu | maxpool2d 2 | flatten | linear 128 | relu | linear 10",
            (1, 1, 28, 28), (1, 10), 1_199_882, 11_992_448,
        ),
        (ALEXNET, (1, 3, 224, 224), (1, 1000), 61_100_840, 714_188_480),
        (vgg(1, 1, 2, 2, 2) + VGG_HEAD, (1, 3, 224, 224), (1, 1000), 132_863_336, 7_609_090_048),
        (vgg(2, 2, 3, 3, 3) + VGG_HEAD, (1, 3, 224, 224), (1, 1000), 138_357_544, 15_470_264_320),
        (vgg(2, 2, 4, 4, 4) + VGG_HEAD, (1, 3, 224, 224), (1, 1000), 143_667_240, 19_632_062_464),
    ],
)  # fmt: skip
def test_published_nets(spec: str, shape: tuple[int, ...], output: tuple[int, ...], params: int, macs: int) -> None:
    report = ask(spec, *shape)
    assert tuple(report.output.shape) == output
    assert report.totals["params"] == params
    assert report.totals["macs"] == macs


def test_the_layers_of_lenet() -> None:
    rows = ask(LENET, 1, 1, 32, 32).analysis.rows
    assert [row.bound.params for row in rows if row.bound.params] == [156, 2_416, 48_120, 10_164, 850]


def reaches(spec: str, *shape: int) -> list[tuple[int, int, int]]:
    """Size, stride and padding of the receptive field behind every layer that slides."""
    rows = ask(spec, *shape).analysis.rows
    found = []
    for row in rows:
        if row.bound.layer.window:
            first, second = (axis.cells for axis in row.reach.spatial)
            assert first == second, "these nets are square"
            found.append((first.size, first.stride, first.padding))
    return found


def test_receptive_fields_of_alexnet_v2() -> None:
    spec = "conv2d 64 11 4 | maxpool2d 3 2 | conv2d 192 5 p=2 | maxpool2d 3 2 | 3*(conv2d 384 3 p=1) | maxpool2d 3 2"
    assert reaches(spec, 1, 3, 224, 224) == [
        (11, 4, 0), (19, 8, 0), (51, 8, 16), (67, 16, 16), (99, 16, 32), (131, 16, 48), (163, 16, 64), (195, 32, 64),
    ]  # fmt: skip


def test_receptive_fields_of_vgg_16() -> None:
    found = reaches(vgg(2, 2, 3, 3, 3), 1, 3, 224, 224)
    assert found == [
        (3, 1, 1), (5, 1, 2), (6, 2, 2), (10, 2, 4), (14, 2, 6), (16, 4, 6), (24, 4, 10), (32, 4, 14), (40, 4, 18),
        (44, 8, 18), (60, 8, 26), (76, 8, 34), (92, 8, 42), (100, 16, 42), (132, 16, 58), (164, 16, 74), (196, 16, 90),
        (212, 32, 90),
    ]  # fmt: skip


def test_a_receptive_field_has_its_own_size_along_each_axis() -> None:
    row = ask("conv2d k=3x5 s=2 | conv2d k=3x1 s=2", 1, 1, 64, 64).analysis.rows[-1]
    assert [axis.cells.size for axis in row.reach.spatial] == [3 + 2 * 2, 5]
    assert [axis.cells.stride for axis in row.reach.spatial] == [4, 4]


def test_a_receptive_field_is_global_behind_a_layer_that_mixes_all() -> None:
    rows = ask("conv2d k=3 | relu | flatten | linear 4", 1, 1, 8, 8).analysis.rows
    assert [describe(row.reach) for row in rows] == [*["3x3, stride 1, padding 0"] * 3, "global"]
    report = ask("convtranspose2d k=4 s=2 p=1", 1, 1, 8, 8)
    assert describe(report.analysis.rows[-1].reach) == "2x2, stride 1/2, padding 3/4"
    assert not report.unknown
