"""What is shown, and how each form writes it: facts that every form has to carry."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from layercli.analysis.variant import Variant
from layercli.analysis.walk import Analysis, Options, analyse_module, analyse_spec
from layercli.measurement import FAILED, MEASURED, Measurement
from layercli.plan import Input, Literal, Module, Packing, Tensor
from layercli.render import documents, plain, table
from layercli.render.blocks import Cell, Column, Facts, Heading, Line, Table, View
from layercli.render.layout import layout, verdict
from layercli.render.words import shape_text
from layercli.report import Report
from layercli.spec import parse


def analysed(spec: str, *inputs: tuple[int, ...], **options: Any) -> Analysis:
    return analyse_spec(parse(spec), [Input(Tensor(shape)) for shape in inputs], Options(**options))


def drawn(report: Report, width: int = 120, **how: Any) -> str:
    from rich.console import Console

    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(table.renderable(report, **how))
    return stream.getvalue()


def forms(report: Report, formulas: bool = False) -> dict[str, str]:
    """The report in every form that people read."""
    view = View(formulas=formulas)
    return {
        "plain": plain.plain(report, view),
        "markdown": documents.markdown(report, view).replace("\\", ""),
        "table": drawn(report, 300, view=view),
        "svg": re.sub(r"<[^>]+>", "", table.svg(report, "title", 300, view)).replace("&#160;", " "),
        "html": re.sub(r"<[^>]+>", "", documents.html(report)),
    }


CONV = analysed("conv2d 8 k=5 p=2", (1, 3, 16, 16))
CHAIN = analysed("stem: conv2d 8 k=5 | 2*relu | flatten | linear 10", (1, 3, 16, 16))


@pytest.mark.parametrize("form", ["plain", "markdown", "table", "svg", "html"])
def test_a_layer_is_all_there(form: str, torch_child: Any) -> None:
    text = forms(Report(CONV, torch_child.ask(CONV.plan)))[form]
    for fact in (
        "Conv2d(",
        "in_channels=3",
        "out_channels=8",
        "kernel_size=(5, 5)",
        "padding=(2, 2)",
        "bias=True",
        "1,3,16,16",
        "1,8,16,16",
        "N, C, H, W",
        "weight 8x3x5x5",
        "bias 8",
        "(H + 2*p - d*(k - 1) - 1)//s + 1",
        "(16 + 2*2 - 1*(5 - 1) - 1)//1 + 1",
        "608",
        "153,600",
        "307,200",
        "1 MAC = 1 multiply-add = 2 FLOPs",
        "5x5",
        "checks agree",
        "✓",
    ):
        assert fact in text, fact
    assert "✗" not in text


@pytest.mark.parametrize("form", ["plain", "markdown", "table", "svg", "html"])
def test_a_chain_is_all_there(form: str, torch_child: Any) -> None:
    text = forms(Report(CHAIN, torch_child.ask(CHAIN.plan)))[form]
    for fact in (
        "stem: conv2d 8 5",
        "2 x",
        "1,8,12,12",
        "1,1152",
        "1,10",
        "608",
        "11,530",
        "12,138",
        "86,400",
        "11,520",
        "97,920",
        "195,840",
        "total",
        "KiB",
        "checks agree",
    ):
        assert fact in text, fact


@pytest.mark.parametrize("form", ["plain", "markdown", "table", "svg"])
def test_formulas_of_every_layer_on_demand(form: str) -> None:
    assert "H_out" not in forms(Report(CHAIN, None, "no"))[form]
    text = forms(Report(CHAIN, None, "no"), formulas=True)[form]
    for fact in ("H_out", "out*(C//g)*k*k", "Linear(", "Flatten(", "total"):
        assert fact in text


def test_every_row_has_a_cell_per_column() -> None:
    for report in (
        Report(CONV, None, "no"),
        Report(CHAIN, None, "no"),
        Report(analysed("relu | conv2d k=99", (1, 3, 16, 16))),
    ):
        for waiting in (True, False):
            for block in layout(report, View(formulas=True), waiting):
                if isinstance(block, Table):
                    assert {len(row) for row in block.rows} == {len(block.columns)}


def test_every_symbol_of_a_formula_is_explained() -> None:
    for spec, shape in (
        ("conv2d 8 k=5", (1, 3, 16, 16)),
        ("lstm 4 2 proj_size=2", (5, 3, 16)),
        ("convtranspose2d k=3,5 s=2,1", (1, 3, 9, 9)),
        ("batchnorm2d", (2, 3, 4, 4)),
        ("layernorm 4,5", (3, 4, 5)),
        ("maxpool2d 3 ceil_mode=true", (1, 3, 16, 16)),
    ):
        report = Report(analysed(spec, shape), None, "no")
        bound = report.analysis.rows[0].bound
        own = {formula.name for formula in bound.formulas()}
        legend = bound.legend()
        assert all(meaning.strip() for meaning in legend.values()), f"{spec}: {legend}"
        for formula in bound.formulas():
            symbols = set(re.findall(r"[A-Za-z_]\w*", formula.symbolic)) - {
                "min",
                "max",
                "if",
                "else",
                "and",
                "or",
                "not",
                "ceil",
                "floor",
                "prod",
            }
            assert symbols <= set(legend) | own, f"{spec}: {formula.symbolic}"


# --- waiting, failing, differing ------------------------------------------------------------------------------------


def test_while_waiting_nothing_is_judged() -> None:
    for report in (Report(CONV), Report(CHAIN)):
        text = drawn(report, waiting=True)
        assert "loading" in text
        assert "…" in text
        assert not {"✓", "✗"} & set(text)


def test_a_difference_is_in_the_row_and_in_the_verdict(torch_child: Any) -> None:
    found = torch_child.ask(CONV.plan)
    (weights,) = found.modules
    wrong = found._replace(
        outputs=([{"shape": [1, 8, 16, 17], "dtype": "float32"}],),
        modules=(weights._replace(params={**weights.params, "bias": [9]}),),
    )
    text = plain.plain(Report(CONV, wrong))
    rows = {line.split()[0]: line for line in text.splitlines() if line}
    assert rows["W_out"].split()[-3:] == ["16", "17", "✗"]
    assert rows["H_out"].split()[-3:] == ["16", "16", "✓"]
    assert rows["bias"].split()[-3:] == ["8", "9", "✗"]
    assert rows["params"].split()[-3:] == ["608", "609", "✗"]
    last = verdict(Report(CONV, wrong))
    assert last.style == "bad"
    assert "2 of 5 checks differ" in last.text
    assert "[1, 8, 16, 17]" in last.text


def test_an_axis_more_or_less(torch_child: Any) -> None:
    found = torch_child.ask(CONV.plan)
    for shape, marks in (([1, 8, 16], "✓✓✓✗"), ([1, 8, 16, 16, 1], "✓✓✓✓")):
        report = Report(CONV, found._replace(outputs=([{"shape": shape, "dtype": "float32"}],)))
        assert "".join(line[-1] for line in plain.plain(report).splitlines() if re.match(r"\w_out ", line)) == marks
        assert verdict(report).style == "bad"


def test_a_dtype_that_differs_is_shown(torch_child: Any) -> None:
    found = torch_child.ask(CONV.plan)
    report = Report(CONV, found._replace(outputs=([{"shape": [1, 8, 16, 16], "dtype": "float64"}],)))
    assert "outputs.0.dtype: formula float32, torch float64" in plain.plain(report)


def test_a_row_of_a_chain_that_differs(torch_child: Any) -> None:
    found = torch_child.ask(CHAIN.plan)
    wrong = found._replace(outputs=(*found.outputs[:-1], [{"shape": [1, 11], "dtype": "float32"}]))
    (row,) = [line for line in plain.plain(Report(CHAIN, wrong)).splitlines() if "✗" in line]
    assert "linear" in row
    assert "[1, 11]" in row


@pytest.mark.parametrize(
    ("measurement", "reason", "said", "style"),
    [
        (None, "--no-run was given", "not run, --no-run was given", "dim"),
        (Measurement(FAILED, "it crashed"), "", "it crashed", "note"),
        (Measurement(FAILED, "it crashed", torch="2.13.0"), "", "torch 2.13.0", "note"),
    ],
)
def test_verdicts(measurement: Any, reason: str, said: str, style: str) -> None:
    line = verdict(Report(CONV, measurement, reason))
    assert said in line.text
    assert line.style == style


def test_a_rejected_design_has_no_verdict() -> None:
    text = plain.plain(Report(analysed("relu | conv2d k=99", (1, 3, 16, 16))))
    assert "torch:" not in text
    assert "total" not in text
    assert "relu" in text
    assert layout(Report(analysed("conv2d k=99", (1, 3, 16, 16)))) == ()


def test_an_unknown_figure_is_called_unknown() -> None:
    row = CONV.rows[0]
    layer = row.bound.layer._replace(macs_unknown="it depends on the values")
    bound = row.bound._replace(layer=layer, variant=Variant(layer, row.bound.variant.known))
    report = Report(CONV._replace(rows=(row._replace(bound=bound),)), None, "no")
    for form, text in forms(report).items():
        assert "unknown" in text, form
        assert "it depends on the values" in text, form
    assert "FLOPs  " not in plain.plain(report)
    chain = CHAIN._replace(
        rows=tuple(
            one._replace(bound=one.bound._replace(layer=one.bound.layer._replace(macs_unknown="why")))
            for one in CHAIN.rows
        )
    )
    total = next(line for line in plain.plain(Report(chain, None, "no")).splitlines() if " total " in line)
    assert "unknown" in total
    assert documents.csv_text(Report(chain)).splitlines()[1].split(",")[-2] == "", "an empty field"


# --- odd layers -------------------------------------------------------------------------------------------------------


def test_several_outputs_are_all_named() -> None:
    text = plain.plain(Report(analysed("lstm 4", (5, 3, 16)), None, "no"))
    assert text.count("1,3,4") == 2
    assert text.count("5,3,4") == 1


def test_packed_sequences_and_values() -> None:
    packed = Input(Tensor((5, 3, 16), packed=Packing((5, 4, 2))))
    text = plain.plain(Report(analyse_module(Module("RNN", (16, 4)), [packed], Options()), None, "no"))
    assert "packed, 5 steps" in text
    sized = [Input(Tensor((1, 3, 16, 16))), Input(Literal((36, 35)), "output_size")]
    text = plain.plain(Report(analyse_module(Module("ConvTranspose2d", (3, 3, 5, 2)), sized, Options()), None, "no"))
    assert re.search(r"^output_size +\(?36, ?35\)?$", text, re.M)


def test_scalars_and_many_tensors() -> None:
    assert shape_text(()) == "scalar"
    assert shape_text((1, 2)) == "1,2"
    text = plain.plain(Report(analysed("transformer", (5, 3, 512)), None, "no"))
    assert "more" in text
    text = plain.plain(Report(analysed("lstm 4 9", (5, 3, 16)), None, "no"))
    assert "weight_ih_l1..8 16x4" in text
    assert max(map(len, text.splitlines())) < 1500


def test_bytes_are_readable() -> None:
    for spec, shape, said in (
        ("relu | relu", (1,), "at most 12 B alive (largest output 4 B)"),
        ("relu | relu", (1024, 1024), "at most 12.0 MiB alive (largest output 4.0 MiB)"),
        ("linear 1000000 | relu", (1, 1000000), "weights 3.6 TiB"),
    ):
        assert said in plain.plain(Report(analysed(spec, shape), None, "no"))


# --- the forms --------------------------------------------------------------------------------------------------------


def test_plain_text_is_aligned() -> None:
    text = plain.write(
        Table((Column("a"), Column("number", right=True)), ((Cell("x"), Cell("1")), (Cell("long"), Cell("1,000"))))
    )
    assert text == "a     number\nx          1\nlong   1,000"
    assert plain.write(Facts((("a", Cell("1")), ("long", Cell("2"))))) == "a     1\nlong  2"
    assert plain.write(Facts(())) == ""
    assert plain.write(Heading("h")) == "h"
    assert plain.write(Line("l", "good")) == "l"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 109, 110, 200])
def test_a_drawn_table_keeps_to_its_width_and_loses_nothing(width: int) -> None:
    report = Report(CONV, None, "no")
    text = drawn(report, width)
    assert max(map(len, text.splitlines())) <= width
    squeezed = re.sub(r"\s", "", text)
    for value in ("153,600", "608", "H_out", "W_out"):
        assert value in squeezed
    if width >= 80:
        for formula in CONV.rows[0].bound.formulas():
            assert formula.symbolic.replace(" ", "") in squeezed
            assert formula.substituted.replace(" ", "") in squeezed


def test_markdown_escapes() -> None:
    text = documents.markdown(Report(analysed("lstm 4", (3, 5, 16)), None, "no"))
    for line in text.splitlines():
        if line.startswith("|"):
            bare = re.sub(r"`[^`]*`", "", line)
            assert not re.search(r"(?<!\\)[*]", bare)


def test_markdown_and_html_draw_the_branches() -> None:
    found = Report(analysed("add( ; relu) | 2*relu", (1, 3)), None, "no")
    for text in (documents.markdown(found), documents.html(found)):
        assert all(line in text for line in ("┌\u00a0as it is", "├\u00a0relu", "└\u00a0add", "\u00a0\u00a0relu")), text


def test_html_escapes() -> None:
    hostile = Report(CONV, Measurement(MEASURED, "<script>alert(1)</script> & more", torch="2.13.0"))
    text = documents.html(hostile)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    refused = documents.html(Report(analysed("conv2d k=99", (1, 3, 16, 16))))
    assert "99" in refused


def test_svg_escapes_and_titles() -> None:
    import xml.etree.ElementTree as ET

    root = ET.fromstring(table.svg(Report(CONV, None, "a <b> & c"), "conv2d <k> & 5"))
    assert "conv2d <k> & 5" in "".join(root.itertext()).replace("\xa0", " ")


def test_csv_quotes() -> None:
    import csv

    rows = list(csv.reader(io.StringIO(documents.csv_text(Report(analysed("lstm 4", (5, 3, 16)), None, "no")))))
    assert tuple(rows[0]) == documents.CSV_COLUMNS
    assert rows[1][5] == "[[5,3,4],[[1,3,4],[1,3,4]]]"
