"""Branches, references, input steps, groups: what flows where, by the formulas and by torch."""

from __future__ import annotations

from typing import Any

import pytest

from layercli import analyze
from layercli.analysis.flow import tensors
from layercli.analysis.walk import Analysis, Options, analyse_spec, every_note
from layercli.cli.inputs import parse_inputs
from layercli.errors import LayerError
from layercli.measure.build import run_plan
from layercli.plan import Ref
from layercli.render.blocks import View
from layercli.render.plain import plain
from layercli.report import Report
from layercli.spec import parse


def asked(text: str, *inputs: str, mode: str = "train") -> Report:
    """A design with everything that torch can be asked of it."""
    options = Options(mode=mode, device="cpu", count_macs=True)
    analysis = analyse_spec(parse(text), parse_inputs(inputs), options)
    return Report(analysis, [run_plan(plan) for plan in analysis.plans])


def shapes(analysis: Analysis) -> list[tuple[int, ...]]:
    return [flow.shape for flow in tensors(analysis.outputs)]


def sources(report: Report, path: str) -> list[Any]:
    """Where a row's inputs come from: rows by their paths, inputs of the whole by their numbers."""
    rows = report.analysis.rows
    call = next(row.call for row in rows if row.path == path)
    wires = [*call.args, *call.kwargs.values()]
    refs = [wire for wire in wires if isinstance(wire, Ref)]
    return [ref.path[0] if ref.call is None else rows[ref.call].path for ref in refs]


RUN = [
    # an empty branch is what flows in; every branch is fed the same
    ("add(relu ; )", ["2,3"], [(2, 3)]),
    ("add( ; )", ["2,3"], [(2, 3)]),
    ("add(conv2d 4 3 p=1 ; conv2d 4 1)", ["1,3,8,8"], [(1, 4, 8, 8)]),
    ("relu | cat dim=1(linear 4 ; linear 5 ; )", ["2,3"], [(2, 12)]),
    ("stack dim=1(relu ; gelu ; )", ["2,3"], [(2, 3, 3)]),
    ("sub(linear 3 ; relu ; )", ["2,3"], [(2, 3)]),
    ("matmul( ; transpose 1 2) | softmax dim=-1", ["2,5,4"], [(2, 5, 5)]),
    ("mul( ; adaptiveavgpool2d 1 | conv2d 4 1 | sigmoid)", ["2,4,8,8"], [(2, 4, 8, 8)]),
    # nested
    ("add(add( ; relu) ; add(gelu ; ))", ["2,3"], [(2, 3)]),
    ("cat dim=1 ( ; maxpool2d 2 | cat dim=1 ( ; maxpool2d 2 | upsample scale_factor=2) | upsample scale_factor=2)",
     ["1,2,8,8"], [(1, 6, 8, 8)]),
    ("2*(add(conv2d 4 3 p=1 | relu ; )) | flatten", ["1,4,8,8"], [(1, 256)]),
    # references
    ("a: linear 3 | relu | add @a", ["2,3"], [(2, 3)]),
    ("a: relu | b: gelu | cat dim=1 @a @b", ["1,3"], [(1, 9)]),
    ("a: relu | gelu | cat dim=1 @a(silu ; )", ["1,3"], [(1, 9)]),
    ("a: chunk 3 dim=1 | stack @a.1 @a.2", ["1,6"], [(3, 1, 2)]),
    ("c: chunk 2 dim=1 | sigmoid | mul @c.1", ["1,4"], [(1, 2)]),
    ("a: lstm 4 | linear 3 | add( ; identity @a.1.0 | linear 3)", ["5,2,3"], [(5, 2, 3)]),
    ("enc: lstm 4 | lstm 4 hx=@enc.1", ["5,2,4"], [(5, 2, 4), (1, 2, 4), (1, 2, 4)]),
    ("enc: gru 4 2 | gru 4 2 hx=@enc.1", ["5,2,4"], [(5, 2, 4), (2, 2, 4)]),
    ("pool: maxpool2d 2 return_indices=true | conv2d 3 3 p=1 | maxunpool2d 2 indices=@pool.1", ["1,3,8,8"],
     [(1, 3, 8, 8)]),
    ("q: linear 3 | linear 2 | identity @q", ["2,3"], [(2, 3)]),
    # layers of several inputs
    ("mem: linear 16 | linear 8 | linear 16 | mha 8 @mem", ["5,2,3"], [(5, 2, 16), (2, 5, 5)]),
    ("mem: linear 16 | linear 16 | mha 8 @mem @mem", ["5,2,3"], [(5, 2, 16), (2, 5, 5)]),
    ("q: relu | gelu | mha 2 key=@q value=@q", ["5,2,4"], [(5, 2, 4), (2, 5, 5)]),
    ("memory: linear 16 | linear 16 | transformerdecoder heads=4 layers=2 ff=8 @memory", ["5,2,3"], [(5, 2, 16)]),
    ("memory: linear 16 | linear 16 | transformerdecoderlayer 4 ff=8 @memory", ["5,2,3"], [(5, 2, 16)]),
    ("a: linear 3 | linear 4 | bilinear 5 @a", ["2,3"], [(2, 5)]),
    ("q: relu | pairwisedistance(relu ; linear 3)", ["2,3"], [(2,)]),
    # labels in repeats, groups, one in the other
    ("2*(b: conv2d 4 3 p=1 | relu) | add @b", ["1,4,8,8"], [(1, 4, 8, 8)]),
    ("2*(b: conv2d 4 3 p=1 | relu | add @b)", ["1,4,8,8"], [(1, 4, 8, 8)]),
    ("stage: (conv2d 4 3 p=1 | relu) | conv2d 4 1 | add @stage", ["1,4,8,8"], [(1, 4, 8, 8)]),
    ("3*linear 3", ["2,3"], [(2, 3)]),
    # learned tensors
    ("cat dim=1(param 1,1,6 ; )", ["4,5,6"], [(4, 6, 6)]),
    ("cat dim=1( ; param 1,1,6)", ["4,5,6"], [(4, 6, 6)]),
    ("cat dim=1(param 1,1,6 ; param 1,1,6 ; )", ["4,5,6"], [(4, 7, 6)]),
    ("cat dim=1(param 1,1,6 ; ) | add( ; param 1,6,6)", ["4,5,6"], [(4, 6, 6)]),
    ("matmul(param 3,5 ; )", ["2,5,4"], [(2, 3, 4)]),
    ("param 4,8 | linear 2", ["3,3"], [(4, 2)]),
    # one of several outputs
    ("lstm 4 | pick 1.0", ["5,2,3"], [(1, 2, 4)]),
    ("gru 4 | pick 1", ["5,2,3"], [(1, 2, 4)]),
    ("pick 0", ["1,3"], [(1, 3)]),
    ("chunk 4 dim=1 | pick 3", ["1,7"], [(1, 1)]),
    ("chunk 2 dim=1 | relu", ["1,1"], [(1, 1)]),
    # sizes that are the input's
    ("conv2d 8 3 g=in", ["1,4,8,8"], [(1, 8, 6, 6)]),
    ("conv2d in 3 g=in", ["1,4,8,8"], [(1, 4, 6, 6)]),
    ("conv2d out=in k=3", ["1,4,8,8"], [(1, 4, 6, 6)]),
    # input steps
    ("input 1,3,8,8 | conv2d 4 3", [], [(1, 4, 6, 6)]),
    ("input 1,3,8,8 | conv2d 4 3", ["2,3,9,9"], [(2, 4, 7, 7)]),
    ("input 4,8 dtype=int64 | embedding 10 16", [], [(4, 8, 16)]),
    ("x: input 1,3 | relu", ["x=2,3"], [(2, 3)]),
    ("input 1,3,8,8 | conv2d 3 3 p=1 | add( ; input 1,3,8,8)", [], [(1, 3, 8, 8)]),
    ("linear 4 | add( ; y: input 2,4)", ["2,3"], [(2, 4)]),
    ("linear 4 | add( ; y: input 2,4)", ["5,3", "y=5,4"], [(5, 4)]),
    ("linear 4 | add( ; y: input 2 dtype=int64 | embedding 10 4)", ["2,3"], [(2, 4)]),
    ("add( ; y: input 1,3,8,8)", ["1,3,8,8", "y=1,3,1,1"], [(1, 3, 8, 8)]),
    ("add(x: input 2,3 ; y: input 2,3)", [], [(2, 3)]),
    ("add(x: input 2,3 ; y: input 2,3)", ["y=4,1", "x=4,3"], [(4, 3)]),
    ("x: input 1,3 | add(y: input 1,3 | linear 3 ; linear 3)", ["y=2,3"], [(2, 3)]),
    # named inputs of layers further on
    ("linear 4 | crossentropyloss", ["2,3", "target=2:int64"], [()]),
    ("linear 4 | crossentropyloss", ["2,3"], [()]),
    ("conv2d 4 3 | mseloss", ["1,3,8,8", "target=1,4,6,6"], [()]),
    ("linear 4 | lstm 4", ["5,2,3", "h_0=1,2,4", "c_0=1,2,4"], [(5, 2, 4), (1, 2, 4), (1, 2, 4)]),
    # all inputs to a first step that merges
    ("add", ["1,8,4,4", "1,8,1,1"], [(1, 8, 4, 4)]),
    ("add", ["1,3", "1,3", "1,3", "1,1"], [(1, 3)]),
    ("matmul", ["3", "2,3,4"], [(2, 4)]),
    # modules of PyTorch among steps
    ("add(nn.Conv2d(3, 3, 3, padding=1) ; ) | nn.ReLU()", ["1,3,8,8"], [(1, 3, 8, 8)]),
    ("a: nn.Linear(3, 3) | nn.Sequential(nn.ReLU(), nn.Linear(3, 3)) | add @a", ["2,3"], [(2, 3)]),
    ("add(nn.Sequential() ; relu)", ["2,3"], [(2, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "inputs", "output"), RUN, ids=[f"{text} on {' '.join(fed)}" for text, fed, _ in RUN])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_formulas_and_torch_agree_on_a_design(
    text: str, inputs: list[str], output: list[tuple[int, ...]], mode: str, validate: Any
) -> None:
    report = asked(text, *inputs, mode=mode)
    assert report.ok, report.analysis.error
    assert shapes(report.analysis) == output
    assert report.status == "agrees", (report.why, [c for c in report.checks if c.status != "agrees"])
    validate(report.to_dict())


# --- what is fed what ---


def test_every_branch_is_fed_what_flows_in() -> None:
    report = asked("relu | cat dim=1(linear 4 ; linear 5 ; )", "2,3")
    assert [row.path for row in report.analysis.rows] == ["0", "1.0.0", "1.1.0", "1"]
    assert sources(report, "1.0.0") == sources(report, "1.1.0") == ["0"]
    assert sources(report, "1") == ["1.0.0", "1.1.0", "0"]


def test_a_reference_comes_behind_what_flows() -> None:
    report = asked("a: linear 3 | b: relu | cat dim=1 @a", "2,3")
    assert sources(report, "2") == ["b", "a"]


def test_beside_branches_a_reference_comes_first_and_nothing_flows_in_by_itself() -> None:
    report = asked("a: relu | gelu | cat dim=1 @a(silu ; )", "1,3")
    assert sources(report, "2") == ["a", "2.0.0", "1"]


def test_a_label_in_a_repeat_is_the_last_one() -> None:
    report = asked("2*(b: conv2d 4 3 p=1 | relu) | add @b", "1,4,8,8")
    assert sources(report, "1") == ["0.1.1", "0.1.b"]
    report = asked("2*(b: conv2d 4 3 p=1 | relu | add @b)", "1,4,8,8")
    assert sources(report, "0.0.2") == ["0.0.1", "0.0.b"]


def test_learned_tensors_are_each_stretched_over_the_batch() -> None:
    report = asked("cat dim=1(param 1,1,6 ; param 1,1,6 ; )", "4,5,6")
    assert [row.path for row in report.analysis.rows if row.path.endswith("expand")] == [
        "0.0.0.expand", "0.1.0.expand",
    ]  # fmt: skip
    assert report.totals["params"] == 12


def test_the_inputs_of_a_design_are_told_in_order() -> None:
    def told(text: str, *inputs: str) -> list[tuple[str, tuple[int, ...], str]]:
        return [(name, flow.shape, flow.dtype) for name, flow in asked(text, *inputs).analysis.inputs]

    y = ("y", (1, 3, 1, 1), "float32")
    assert told("add( ; y: input 1,3,1,1)", "1,3,8,8") == [("input", (1, 3, 8, 8), "float32"), y]
    target = ("target", (2,), "int64")
    assert told("linear 4 | crossentropyloss", "2,3", "target=2") == [("input", (2, 3), "float32"), target]
    assert told("linear 4 | crossentropyloss", "2,3")[1] == ("1.target", (2,), "int64")
    assert told("linear 4 | add( ; y: input 2 | embedding 9 4)", "2,3")[1] == ("y", (2,), "int64")


def test_a_design_from_python_has_the_same_rows() -> None:
    ours = analyze("conv2d 4 3 | relu | flatten | linear 10", (1, 3, 8, 8))
    theirs = analyze("nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))", (1, 3, 8, 8))
    assert theirs.agrees
    rows = zip(ours.analysis.rows, theirs.analysis.rows, strict=True)
    assert all(one.bound.layer.name == other.bound.layer.name for one, other in rows)
    assert ours.totals == theirs.totals


# --- what does not fit ---

REFUSED = [
    ("conv2d 4 3 | add(conv2d 5 3 ; )", ["1,3,8,8"], "shape.mismatch",
     "add cannot merge: branch 0 gives 1,5,4,4, branch 1 gives 1,4,6,6; they differ on axis 1 (C): 5 and 4",
     "add(conv2d 5 3 ; )", 2),
    ("add(conv2d 3 3 ; )", ["1,3,8,8"], "shape.mismatch", "they differ on axis 2 (H): 6 and 8",
     "add(conv2d 3 3 ; )", 1),
    ("cat dim=1(conv2d 4 3 ; )", ["1,3,8,8"], "shape.mismatch", "they differ on axis 2 (H): 6 and 8",
     "cat dim=1(conv2d 4 3 ; )", 1),
    ("cat dim=1(flatten ; )", ["1,3,8,8"], "shape.rank",
     "cat cannot merge: branch 0 gives 1,192, branch 1 gives 1,3,8,8; they have 2 and 4 axes",
     "cat dim=1(flatten ; )", 1),
    ("a: linear 3 | linear 4 | add @a", ["2,3"], "shape.mismatch", "they differ on axis 1 (F): 4 and 3", "add @a", 2),
    ("conv2d 4 3 | flatten | linear 10 in=5", ["1,3,8,8"], "shape.mismatch",
     "in_features is 5, but the last axis of the input has 144 (flatten gives 1,144)", "5", 2),
    ("f: flatten | conv2d 3 3", ["1,3,8,8"], "shape.rank", "its input has 2 axes: 1,192 (f gives 1,192)",
     "conv2d 3 3", 1),
    ("linear 3 | matmul( ; relu)", ["2,4"], "shape.mismatch", "as many rows in the second (2)", "matmul( ; relu)", 2),
    ("relu | nn.Linear(4, 4)", ["2,3"], "shape.mismatch", "(relu gives 2,3)", "4", 1),
    ("linear 4 | mseloss", ["2,3", "target=2,5"], "shape.mismatch", "target (2,5)", "mseloss", 1),
    ("a: relu | add @a.1", ["1,3"], "shape.output", "@a has no output 1: it has one output", "@a.1", 1),
    ("a: lstm 4 | add @a.1.2", ["5,2,4"], "shape.output", "@a has no output 1.2: it has 2 outputs, 0 to 1",
     "@a.1.2", 1),
    ("lstm 4 | pick 2", ["5,2,3"], "shape.output", "lstm has no output 2", "pick 2", 1),
    ("add(relu)", ["1,3"], "spec.merge", "add has one branch", "add(relu)", 1),
    ("relu | add", ["1,3"], "spec.merge", "add has nothing to merge with", "add", 1),
    ("identity | matmul", ["1,3,8,8"], "spec.merge", "matmul has nothing to merge with", "matmul", 1),
    ("relu | mha 2 is_causal=true", ["5,2,4"], "spec.unknown-key", "has no key 'is_causal'", "is_causal", 1),
    ("a: relu | pairwisedistance x1=@a @a", ["4,8"], "type.inputs", "the input x1 is given twice",
     "pairwisedistance x1=@a @a", 1),
    ("relu(gelu ; )", ["1,3"], "spec.branches", "relu takes one input, and no branches", "relu(gelu ; )", 0),
    ("q: relu | mha 2 keys=@q", ["5,2,4"], "spec.unknown-key", "has no input 'keys'", "keys", 1),
    ("add( ; y: input 1,3)", ["y=1,3"], "type.inputs", "nothing says what the first input is", "input 1,3", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "inputs", "code", "said", "at", "rows"), REFUSED, ids=[item[0] for item in REFUSED])
def test_what_does_not_fit(
    text: str, inputs: list[str], code: str, said: str, at: str, rows: int, validate: Any
) -> None:
    report = asked(text, *inputs)
    error = report.analysis.error
    assert error is not None
    assert (error.code, error.span and text[error.span.start : error.span.end]) == (code, at)
    assert said in error.message
    assert error.fix
    assert len(report.analysis.rows) == rows, "the rows before it are kept"
    document = validate(report.to_dict())
    assert len(document["layers"]) == rows


def test_a_label_that_no_step_before_has() -> None:
    for text in ("add @a", "add @a | a: relu", "a: relu @a"):
        with pytest.raises(LayerError, match=r"the label|stands inside"):
            parse(text)


def test_an_input_that_no_step_takes() -> None:
    error = asked("linear 4 | crossentropyloss", "2,3", "tarjet=2:int64").analysis.error
    assert error is not None
    assert error.code == "type.inputs"
    assert "target" in error.fix


@pytest.mark.parametrize("branches", ["relu", "mean 2,3 keepdim=true ; relu"], ids=["alike", "stretched"])
@pytest.mark.parametrize("name", ["add", "maximum", "cat dim=1", "stack dim=1"])
def test_as_many_branches_as_there_may_be(name: str, branches: str) -> None:
    """256 of them, of sizes in numbers and open ones, told in every form without a tree that is too high."""
    text = f"{name}({' ; '.join([branches] * (256 // len(branches.split(';'))))})"
    joins = name.startswith(("cat", "stack"))
    report = asked(text, "2,3,4,4")
    assert report.status == ("not run" if joins and "mean" in branches else "agrees")
    symbolic = analyse_spec(parse(text), parse_inputs(["N,3,H,W"]), Options(planned=False))
    assert symbolic.error is None
    for found in (report, Report(symbolic, None, "not asked")):
        assert found.to_dict()["ok"] is found.ok
        assert plain(found, View(formulas=True))


@pytest.mark.parametrize(
    ("text", "shape", "fix"),
    [
        ("conv2d 16 3 | add( ; conv2d 32 3 p=1)", "1,3,8,8", "conv2d 32 1 in branch 0"),
        ("mul( ; mean 2,3 | linear 3)", "1,3,8,8", "end branch 1 with unflatten 1 3,1,1"),
        ("flatten | add( ; linear 5)", "1,3,8,8", "linear 5 in branch 0"),
        ("cat dim=1 ( ; maxpool2d 2)", "1,3,8,8", "crop like=@label"),
        ("add( ; flatten)", "1,3,8,8", "give branch 1 4 axes"),
        ("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(100, 10))", "1,3,8,8", "put flatten before it, which gives 288"),
        ("conv2d 8 3 activation=relu", "1,3,8,8", "conv2d … | relu"),
        ("relu | mha 2 attn_mask=3", "5,2,4", "attn_mask=@label"),
        ("conv2d 8 99", "1,8,32,32", "use a kernel_size of at most 32"),
    ],
)
def test_the_fix_is_one_that_helps(text: str, shape: str, fix: str) -> None:
    error = asked(text, shape).analysis.error
    assert error is not None
    assert fix in error.fix


@pytest.mark.parametrize("text", ["pairwisedistance x1=@a x2=@b", "pairwisedistance x2=@b x1=@a"])
def test_where_the_first_input_is_named_nothing_else_flows_in(text: str) -> None:
    report = asked(f"a: linear 8 | b: linear 8 | {text}", "4,8")
    assert report.status == "agrees"
    assert sorted(sources(report, "2")) == ["a", "b"]


# --- the document ---


def test_the_document_says_where_inputs_come_from(validate: Any) -> None:
    document = validate(asked("enc: lstm 4 | x: linear 4 | add( ; identity @enc.0 | relu)", "5,2,4").to_dict())
    layers = {layer["path"]: layer for layer in document["layers"]}
    assert list(layers) == ["enc", "x", "2.1.0", "2.1.1", "2"]
    told = [(source["layer"], source["path"]) for source in layers["2"]["sources"]]
    assert [number for number, _ in told] == [layers["x"]["index"], layers["2.1.1"]["index"]]
    (source,) = layers["2.1.0"]["sources"]
    assert (source["layer"], source["path"]) == (0, [0])
    assert [block["kind"] for block in layers["2.1.1"]["blocks"]] == ["branch"]


def test_notes_of_an_assumed_input_name_the_step() -> None:
    (note,) = every_note(asked("relu | mseloss", "4,3").analysis)
    assert (note.code, note.path) == ("input.assumed", "1")
