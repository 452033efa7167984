"""Notes on whole designs: each rule speaks on its example and is silent beside it, and what it says is so."""

from __future__ import annotations

import ast
import pathlib
import re
from collections.abc import Iterator
from math import inf
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import layercli
from layercli.analysis.advice import advice
from layercli.analysis.notes import Note
from layercli.analysis.rules import ALONE, explain_note, rules
from layercli.analysis.rules.ranges import Range, range_of
from layercli.analysis.rules.rule import Rule
from layercli.analysis.rules.sliding import Slide
from layercli.analysis.rules.wiring import Wiring
from layercli.analysis.walk import Analysis, Options, analyse_spec, every_note
from layercli.cli.inputs import parse_inputs
from layercli.errors import LayerError
from layercli.layers import find, known_names
from layercli.plan import Ref
from layercli.spec import parse
from tests.analysis.test_random_specs import draw

ROOT = pathlib.Path(layercli.__file__).parent
DESIGNS = sorted((ROOT.parent / "docs" / "designs").glob("*.layers"))


def analysed(spec: str, *inputs: str) -> Analysis:
    found = analyse_spec(parse(spec), parse_inputs([item for item in inputs if item]), Options(planned=False))
    assert found.error is None, found.error
    return found


def said(spec: str, *inputs: str) -> list[Note]:
    """Every note on a design."""
    found = analysed(spec, *inputs)
    return [*every_note(found), *advice(found.rows)]


def codes(spec: str) -> list[str]:
    """The codes of the notes on the design as a whole."""
    return [note.code for note in advice(analysed(spec).rows)]


# --- the catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_a_rule_speaks_on_its_example_and_not_beside_it(rule: Rule) -> None:
    spoken = [note for note in said(rule.example, rule.given) if note.code == rule.code]
    assert spoken, f"{rule.code} is silent on its own example: {rule.example}"
    assert all(note.message for note in spoken)
    assert rule.code not in [note.code for note in said(rule.sound, rule.given)], "it speaks on its sound spec too"


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_a_rule_is_told_in_words(rule: Rule) -> None:
    text = explain_note(rule.code)
    for part in (rule.code, rule.title, rule.example, rule.sound, "What", "Why", "Fix"):
        assert part in text
    for words in (rule.what, rule.why, rule.fix):
        assert words.endswith(".")
    assert all(len(line) <= 100 for line in text.splitlines() if '"' not in line)
    assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", rule.code), "a code is a family and a name"


def _codes_in_the_source() -> Iterator[str]:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Note" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    yield str(code.value)


def test_every_code_that_is_said_is_in_the_catalogue() -> None:
    found = set(_codes_in_the_source())
    assert found >= {"input.default", "recurrent.dropout", "spec.torch-order"}
    missing = found - set(rules())
    assert not missing, f"say in layercli/analysis/rules/spoken.py what these mean: {', '.join(sorted(missing))}"


def test_a_code_that_there_is_not() -> None:
    with pytest.raises(LayerError) as caught:
        explain_note("conv.boarder")
    assert caught.value.code == "spec.unknown-note"
    assert caught.value.fix.startswith("did you mean conv.border")


# --- whole designs ---------------------------------------------------------------------------------------------------

KNOWN = {
    "alexnet": {"net.parameters"},
    "lstm-classifier": {"recurrent.last-step"},
    "mnist-example": {"net.parameters"},
    "vgg11": {"net.parameters"},
    "vgg16": {"net.parameters"},
    "vgg19": {"net.parameters"},
}
"""What is truly there in the published designs: see each rule's words."""


@pytest.mark.parametrize("path", DESIGNS, ids=[path.stem for path in DESIGNS])
def test_there_is_no_false_alarm_on_published_designs(path: pathlib.Path) -> None:
    assert set(codes(path.read_text("utf-8"))) == KNOWN.get(path.stem, set())


@pytest.mark.parametrize(
    "spec",
    [
        # a shortcut reads every other cell, the branch beside it the others
        "input 1,64,56,56 | add(conv2d 128 3 s=2 p=1 bias=false | batchnorm2d ; conv2d 128 1 s=2 bias=false) | relu",
        # depthwise and pointwise; a bottleneck of two linear maps; kernels across each other
        "conv2d 8 3 | relu | conv2d 8 3 g=in bias=false | conv2d 16 1 bias=false | batchnorm2d | relu",
        "input 8,512 | linear 16 | linear 512",
        "input 1,16,32,32 | conv2d 16 1x7 | conv2d 16 7x1",
        "input 1,192,28,28 | conv2d 96 1 | conv2d 128 3 p=1",
        # atrous pyramid: the dilations stand beside each other, not behind
        "input 1,8,33,33 | cat dim=1 (conv2d 8 3 d=6 p=6 ; conv2d 8 3 d=12 p=12 ; conv2d 8 1) | conv2d 8 1",
        # WaveNet: the first convolution fills the gaps of the others
        "input 1,8,900 | conv1d 8 2 | relu | conv1d 8 2 d=2 | relu | conv1d 8 2 d=4 | relu | conv1d 8 2 d=8",
        # a residual connection reads what dilated blocks begin with
        "input 1,8,64,64 | conv2d 8 3 p=1 | relu | 3*(add( ; conv2d 8 3 d=2 p=2 | relu | conv2d 8 3 d=2 p=2) | relu)",
        # pre-norm transformer, batch first
        "input 2,16,64 | 2*(add( ; rmsnorm | mha 4 batch_first=true) | add( ; rmsnorm | linear 9 | relu | linear 64))",
        # an image of one cell before a 1x1 kernel, a transposed convolution on one cell
        "input 1,8,1,1 | convtranspose2d 8 3 s=2 | relu | conv2d 8 1",
        "input 1,8,8,8 | relu | mul( ; adaptiveavgpool2d 1 | conv2d 4 1 | relu | conv2d 8 1 | sigmoid)",
    ],
)
def test_designs_on_which_there_is_nothing_to_say(spec: str) -> None:
    assert codes(spec) == []


@pytest.mark.parametrize(
    ("spec", "code", "at", "words"),
    [
        ("input 1,3,226,226 | conv2d 8 4 s=4", "conv.border", "1", "the last 2 cells of 226 along H and W are never"),
        ("input 1,3,224,225 | conv2d 8 2 s=2", "conv.border", "1", "the last cell of 225 along W is never read"),
        ("input 1,3,50 | conv1d 8 5 s=5 p=1", "conv.border", "1", "(50 + 2 - 5) % 5 = 2, of which 1 in the padding"),
        ("input 1,3,9,8 | conv2d 8 4x3 s=3", "conv.border", "1", "2 of 9 along H and 2 of 8 along W"),
        ("input 1,8,56,56 | add(conv2d 8 1 s=2 ; conv2d 8 1 s=2)", "window.skipped", "1.0.0", "2,352 of 3,136 cells"),
        ("input 1,8,16,16 | conv2d 8 3 s=2 d=2", "window.skipped", "1", "stride 2x2, kernel 3x3, dilation 2x2"),
        ("input 1,8,9,9 | maxpool2d 2 s=3", "window.skipped", "1", "45 of 81 cells"),
        ("input 1,8,10,10 | conv2d 8 3 d=12 p=12", "conv.idle-taps", "1", "8 of the 9 weights"),
        ("convtranspose2d 8 2 s=3", "conv.checkerboard", "0", "get none or 1 contributions"),
        ("convtranspose2d 8 3 s=2 p=1 op=1", "conv.checkerboard", "0", "1 or 2 contributions"),
        ("convtranspose2d 8 4 s=2 d=2", "conv.checkerboard", "0", "the dilation 2 and the stride 2 share the factor 2"),
        ("convtranspose2d 8 3 s=2 d=3", "conv.checkerboard", "0", "the kernel 3 is no multiple of the stride 2"),
        ("conv2d 8 3 d=2 | relu | conv2d 8 3 d=4", "conv.gridding", "2", "dilations 2 and 4"),
        ("input 8,16 | linear 32 | identity | linear 4", "linear.twice", "3", "with 64 weights, not 640"),
        ("conv2d 8 5 s=2 | conv2d 8 3", "conv.twice", "1", "of kernel 9x9"),
        ("input 1,8,8,8 | conv2d 8 1 | adaptiveavgpool2d 1", "conv.order", "1", "64 times fewer"),
        ("input 8,16,16 | conv2d 4 1 | avgpool2d 2", "conv.order", "1", "with 4 times fewer"),
        ("input 8,16,16 | conv2d 4 1 | adaptiveavgpool2d 1", "conv.order", "1", "with 256 times fewer"),
        ("input 8,16 | conv1d 4 1 | avgpool1d 2", "conv.order", "1", "with 2 times fewer"),
        ("conv2d 8 3 | instancenorm2d", "norm.bias", "0", "instancenorm2d takes off"),
        ("conv2d 8 3 bias=false | batchnorm2d | instancenorm2d", "norm.twice", "2", "one instancenorm2d does the same"),
        ("input 1,3,8,8 | instancenorm2d | batchnorm2d", "norm.twice", "2", "one instancenorm2d affine=true does"),
        ("input 1,3,8,8 | instancenorm2d | batchnorm2d affine=false", "norm.twice", "2", "one instancenorm2d does the"),
        ("conv2d 8 3 | batchnorm2d momentum=none", "norm.bias", "0", "batchnorm2d takes off"),
        ("conv2d 8 3 | batchnorm2d momentum=0 track_running_stats=false", "norm.bias", "0", "batchnorm2d takes off"),
        ("input 1,3,8,8 | conv2d 4 3 s=4 p=1 padding_mode=circular", "window.skipped", "1", "28 of 64 cells"),
        ("input 4,6,1 | layernorm", "norm.single", "1", "a single number"),
        ("linear 8 | sigmoid | tanh", "activation.range", "2", "tanh can only give 0 to 0.76"),
        ("linear 8 | tanh | sigmoid", "activation.range", "2", "0.27 to 0.73"),
        ("linear 8 | relu6 | relu", "activation.no-effect", "2", "between 0 and 6"),
        ("relu6 | avgpool2d 2 | relu6", "activation.no-effect", "2", "avgpool2d gives here lies between 0 and 6"),
        ("linear 8 | softplus beta=-1 | relu", "activation.no-effect", "2", "never positive"),
        ("linear 8 | softplus | relu", "activation.no-effect", "2", "never negative"),
        ("linear 8 | s: tanh | relu inplace=true | identity @s | relu", "activation.no-effect", "4", "what relu gives"),
        ("input 8,4 | linear 3 | alphadropout | mseloss", "loss.dropout", "2", "50% of them are one number, SELU's"),
        ("input 8,4 | q: batchnorm1d | alphadropout inplace=true | identity @q", "net.unused", "2", "nothing reads"),
        ("add(conv2d 8 1 s=2 ; identity | conv2d 8 1 s=2)", "window.skipped", "0.0.0", "192 of 256 cells"),
        ("conv2d 8 3 | relu | maxpool2d 2 | relu", "activation.no-effect", "3", "what maxpool2d gives here is never"),
        ("linear 8 | logsoftmax dim=-1 | relu", "activation.no-effect", "2", "0 throughout"),
        ("linear 8 | logsoftmax dim=-1 | softmax dim=-1", "activation.no-effect", "2", "the logsoftmax before it"),
        ("input 8,4 | linear 3 | tanh | bceloss", "loss.probabilities", "3", "tanh gives -1 to 1"),
        ("input 8,4 | linear 3 | nllloss", "loss.log-probabilities", "2", "linear gives any number"),
        ("input 5,2,16 | gru 8 bidirectional=true | select 0 0", "recurrent.last-step", "2", "forward direction"),
        ("input 8,3,4,4 | 3*(linear 4 | dropout 0)", "dropout.no-effect", "1.0.1", "and so in 2 more places"),
    ],
)  # fmt: skip
def test_what_is_said_and_where(spec: str, code: str, at: str, words: str) -> None:
    notes = [note for note in advice(analysed(spec).rows) if note.code == code]
    assert [note.path for note in notes] == [at]
    assert words in notes[0].message
    assert notes[0].fix


def test_a_note_knows_where_its_step_stands() -> None:
    spec = "input 1,3,9,9 | pool: maxpool2d 2"
    (note,) = advice(analysed(spec).rows)
    assert note.span is not None
    assert spec[slice(*note.span)] == "maxpool2d 2"


def test_what_may_be_another_layer_is_not_judged() -> None:
    assert codes("input 1,3,80,80 | conv2d 3 64 7") == [], "torch's order of arguments, most likely"
    printed = "Sequential(\n  (0): AvgPool2d(kernel_size=2, stride=2, padding=0)\n)"
    assert advice(analysed(printed, "1,8,9,9").rows) == [], "print does not show ceil_mode"
    shown = "Sequential(\n  (0): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)\n)"
    assert [note.code for note in advice(analysed(shown, "1,8,9,9").rows)] == ["pool.border"]
    assert advice(analysed("conv2d 8 2 s=2", "1,3,H,W").rows) == [], "open sizes"
    assert advice(()) == []


# --- the arithmetic --------------------------------------------------------------------------------------------------

FILLED = {
    "zeros": lambda place, size: place,
    "circular": lambda place, size: place % size,
    "replicate": lambda place, size: min(max(place, 0), size - 1),
    "reflect": lambda place, size: (size - 1) - abs((size - 1) - abs(place)),
}
"""Which cell of the input stands at a place of the padding."""
MOST = {"circular": 0, "reflect": 1}
"""By how much less than the input the padding is at most, for torch."""


def _slide(size: int, k: int, s: int, p: int, d: int, filled: str) -> Slide:
    p = min(p, size - MOST[filled]) if filled in MOST else p
    return Slide("L", size, (size + 2 * p - d * (k - 1) - 1) // s + 1, k, s, p, d, filled)


slides = st.builds(
    _slide, st.integers(1, 12), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3),
    st.sampled_from(tuple(FILLED)),
).filter(lambda slide: slide.out > 0)  # fmt: skip


@given(slides)
def test_what_a_window_reads_is_what_it_reads_one_by_one(slide: Slide) -> None:
    places = [[turn * slide.s - slide.p + slide.d * tap for tap in range(slide.k)] for turn in range(slide.out)]
    held = FILLED[slide.filled]
    read = {cell for window in places for place in window if 0 <= (cell := held(place, slide.size)) < slide.size}
    assert slide.read() == sum(1 << place for place in read)
    assert slide.lost() == max(0, slide.size - 1 - places[-1][-1])
    taps = [tap for tap in range(slide.k) if any(0 <= window[tap] < slide.size for window in places)]
    assert slide.alive() == len(taps)
    beyond = [window for window in places if window[-1] < 0 or window[0] >= slide.size]
    assert slide.outside() == len(beyond)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("arguments", "size", "unread", "idle"),
    [((3, 4, 2, 2), 9, 17, 0), ((3, 4, 1, 2), 8, 48, 0), ((3, 4, 3, 1, 1), 1, 0, 8), ((3, 4, 3, 1, 6, 6), 5, 0, 8)],
)
def test_gradients_show_what_is_never_read_and_never_used(
    torch: Any, arguments: tuple[int, ...], size: int, unread: int, idle: int
) -> None:
    layer = torch.nn.Conv2d(*arguments)
    data = torch.ones(1, 3, size, size, requires_grad=True)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    layer(data).sum().backward()
    assert int((data.grad[0, 0] == 0).sum()) == unread
    assert int((layer.weight.grad[0, 0] == 0).sum()) == idle
    keys = ("k", "s", "p", "d")
    written = " ".join(f"{key}={value}" for key, value in zip(keys, arguments[2:]))
    (note,) = advice(analysed(f"input 1,3,{size},{size} | conv2d 4 {written}").rows)
    count = {17: "the last cell", 48: "48 of 64", 0: f"{idle} of the 9 weights"}[unread]
    assert count in note.message


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "more"), [(3, 2, 1, 1), (3, 2, 0, 0), (5, 3, 1, 0), (2, 3, 0, 0)]
)
def test_the_fix_of_a_checkerboard_is_even_and_keeps_the_size(
    torch: Any, kernel: int, stride: int, padding: int, more: int
) -> None:
    spec = f"convtranspose2d 1 {kernel} s={stride} p={padding} op={more}"
    (note,) = advice(analysed(f"input 1,1,8,8 | {spec}").rows)
    mended = note.fix.partition(" gives")[0]
    assert codes(f"input 1,1,8,8 | convtranspose2d 1 s={stride} {mended}") == []
    shapes = [
        analysed(f"input 1,1,8,8 | {one}").rows[0].bound.outputs
        for one in (spec, f"convtranspose2d 1 s={stride} {mended}")
    ]
    assert shapes[0] == shapes[1]
    given_ = {key: int(value) for key, value in (pair.split("=") for pair in mended.split())}
    even = torch.nn.ConvTranspose2d(1, 1, given_["k"], stride, given_["p"], given_.get("op", 0), bias=False)
    with torch.no_grad():
        even.weight.fill_(1.0)
        inside = even(torch.ones(1, 1, 8, 8))[0, 0, given_["k"] : -given_["k"], given_["k"] : -given_["k"]]
    assert len(inside.unique()) == 1


@pytest.mark.parametrize("spec", ["conv2d 4 5 s=2", "conv2d 4 3 s=4", "maxpool2d 3 s=3", "conv2d 4 2 s=5 p=1"])
def test_the_sizes_that_a_note_names_do_fit(spec: str) -> None:
    for size in range(9, 24):
        for note in advice(analysed(f"input 1,3,{size},{size} | {spec}").rows):
            if note.code.endswith("border"):
                for fit in note.fix.partition("fit: ")[2].split(" or "):
                    assert not {c for c in codes(f"input 1,3,{fit},{fit} | {spec}") if c.endswith("border")}


# --- between which numbers a tensor lies -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "low", "high"),
    [
        ("linear 8 | sigmoid", 0, 1), ("linear 8 | relu6 | dropout 0.5", 0, 12), ("linear 8 | hardtanh -2 3", -2, 3),
        ("linear 8 | tanh | unflatten -1 2,4 | mean dim=1", -1, 1), ("linear 8 | add(tanh ; sigmoid)", -1, 2),
        ("linear 8 | mul(tanh ; relu6)", -6, 6), ("linear 8 | cat dim=1 (tanh ; relu6)", -1, 6),
        ("linear 8 | maximum(tanh ; sigmoid)", 0, 1), ("linear 8 | minimum(tanh ; sigmoid)", -1, 1),
        ("relu6 | avgpool2d 2 divisor_override=1", 0, 24), ("tanh | avgpool2d 2 divisor_override=-2", -2, 2),
        ("hardtanh 1 3 | avgpool2d 2 ceil_mode=true", 1, 3), ("hardtanh 1 3 | avgpool2d 3 p=1", 0, 3),
        ("hardtanh 1 3 | avgpool2d 3 p=1 count_include_pad=false", 1, 3), ("softplus 2 -9", -4.5, inf),
        ("hardtanh 1 3 | avgpool2d 2 ceil_mode=true divisor_override=2", 0, 6), ("softplus -2", -inf, 0),
        ("linear 8 | sigmoid | pad 1,1", 0, 1), ("linear 8 | sigmoid | matmul( ; )", None, None),
    ],
)  # fmt: skip
def test_ranges(spec: str, low: float | None, high: float) -> None:
    rows = analysed(spec if "matmul" not in spec else "input 8,8 | " + spec).rows
    found = range_of(Wiring(rows), Ref(len(rows) - 1))
    if low is None or "| pad" in spec:
        assert found is None
    else:
        assert found == Range(low, high)


def test_no_design_is_too_odd_for_the_rules() -> None:
    told = 0
    for seed in range(400):
        text, inputs, options = draw(Random(f"advice/{seed}"))
        try:
            found = analyse_spec(parse(text), inputs, options._replace(planned=False))
        except LayerError:
            continue
        if found.error is None:
            told += 1
            for note in advice(found.rows):
                assert note.code in rules()
                assert "{" not in note.message
    assert told > 20


def test_a_long_chain_is_no_matter() -> None:
    assert codes("linear 8 | relu | " + "3000*(maxpool1d 3 s=1 p=1)")[:1] == []


@pytest.mark.parametrize("name", [name for name in known_names() if name.startswith(tuple(ALONE))])
def test_one_layer_asks_all_rules_that_may_speak_of_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of rules for a layer alone leaves out none that has something to say."""
    layer = find(name)
    assert layer is not None
    written = [example for example in layer.examples if " -" not in example]
    keys = ("k=2 s=3", "k=1 s=2", "k=4 p=1", "k=3 p=1 d=2", "k=3 s=2 p=1", "k=1")
    out = "8 " if any(key.name == "out_channels" for key in layer.keys) else ""
    specs = [*written, *(f"{name} {out}{key}" for key in keys)]

    def said() -> list[list[str]]:
        rules.cache_clear()
        found = [analyse_spec(parse(spec), (), Options(planned=False)) for spec in specs]
        return [[note.code for note in analysis.notes] for analysis in found]

    few = said()
    monkeypatch.setattr("layercli.analysis.rules.ALONE", {})
    assert said() == few
    rules.cache_clear()
