"""Random designs, valid and broken: an answer or an error that points somewhere, never another exception.

``LAYERCLI_FUZZ=100000 pytest tests/analysis/test_fuzz.py`` draws that many, and there a question that takes
``MOST_SECONDS`` is a failure too: a look at one quiet machine, which the ordinary run does not take.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from layercli.analysis.walk import Analysis, Options, analyse_spec
from layercli.cli.inputs import parse_inputs
from layercli.errors import LayerError
from layercli.measure.child import Reusable
from layercli.render.documents import markdown
from layercli.render.errors import describe
from layercli.render.plain import plain
from layercli.report import Report
from layercli.spec import format_spec, parse

DRAWN = int(os.environ.get("LAYERCLI_FUZZ", "500"))
"""Designs of one run of the tests."""

MOST_SECONDS = 5.0 if "LAYERCLI_FUZZ" in os.environ else float("inf")


class Question(NamedTuple):
    """What a user might type."""

    text: str
    inputs: tuple[str, ...]
    mode: str = "train"


class Writer:
    """Writes a design step by step; what flows is of a ``kind``, its layout, and has a ``width``, its channels."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.labels: list[str] = []
        self.depth = 0

    def choose(self, *items: Any) -> Any:
        return self.r.choice(items)

    def chance(self, share: float) -> bool:
        return self.r.random() < share

    # --- steps that fit, most of the time ---

    def step(self, kind: str, width: int) -> tuple[str, str, int]:
        """A step, and the layout and the channels behind it."""
        chance = self.r.random()
        if chance < 0.16 and self.depth < 3:
            return self.merge(kind, width), kind, width
        if chance < 0.22 and self.depth < 4:
            return self.group(kind, width), kind, width
        if chance < 0.28:
            return self.python(kind, width), kind, width
        if chance < 0.36:
            return self.anything(kind, width)
        return {"map": self.map, "tokens": self.tokens, "vector": self.vector}[kind](width)

    def map(self, width: int) -> tuple[str, str, int]:
        other = self.choose(1, 2, 4, 4, 8, 6)
        text, kind, wide = self.choose(
            (f"conv2d {other} 3 p=1", "map", other), (f"conv2d {other} {self.choose(1, 3, 5)}", "map", other),
            (f"conv2d {other} 3 s=2 p=1 bias=false", "map", other), (f"conv2d {width} 3 p=1 g=in", "map", width),
            (f"conv2d {other} 3 p=same d=2", "map", other), ("batchnorm2d", "map", width), ("relu", "map", width),
            ("maxpool2d 2", "map", width), ("maxpool2d 3 s=2 ceil_mode=true", "map", width),
            ("avgpool2d 2", "map", width),
            ("dropout 0.1", "map", width), (f"convtranspose2d {other} 2 s=2", "map", other), ("gelu", "map", width),
            ("upsample scale_factor=2", "map", width), ("adaptiveavgpool2d 2", "map", width),
            ("pad 1,1,1,1", "map", width),
            ("adaptiveavgpool2d 1 | flatten", "vector", width), ("flatten", "vector", width), ("crop 4", "map", width),
            ("mean dim=2,3", "vector", width), ("flatten 2 | transpose 1 2", "tokens", width),
            ("groupnorm 2", "map", width),
            ("permute 0,2,3,1 | layernorm | permute 0,3,1,2", "map", width), ("chunk 2 dim=1", "map", width // 2 or 1),
            (f"lazyconv2d {other} 3", "map", other), ("zeropad2d 1", "map", width), ("identity", "map", width),
            ("pixelshuffle 2", "map", width // 4 or 1), (f"conv2d {other} 3 padding_mode=reflect p=1", "map", other),
        )  # fmt: skip
        return text, kind, wide

    def tokens(self, width: int) -> tuple[str, str, int]:
        other = self.choose(2, 4, 8)
        return self.choose(
            (f"linear {other}", "tokens", other), ("layernorm", "tokens", width), ("gelu", "tokens", width),
            (f"lstm {other} batch_first=true", "tokens", other), (f"gru {other} 2 batch_first=true", "tokens", other),
            (f"mha {self.choose(1, 2)} batch_first=true", "tokens", width), ("softmax dim=-1", "tokens", width),
            ("transformerencoderlayer 2 ff=8 batch_first=true", "tokens", width), ("mean dim=1", "vector", width),
            ("select dim=1 index=-1", "vector", width), ("select 1 0", "vector", width),
            ("transpose 1 2", "tokens", width),
            ("narrow 1 0 1", "tokens", width), (f"rnn {other} batch_first=true | pick 0", "tokens", other),
            (f"lstm {other} | pick 1.0", "tokens", other),
            ("matmul( ; transpose 1 2) | softmax dim=-1", "tokens", width),
            ("transpose 1 2 | conv1d 4 3 p=1 | transpose 1 2", "tokens", 4), ("flatten", "vector", width),
        )  # fmt: skip

    def vector(self, width: int) -> tuple[str, str, int]:
        other = self.choose(1, 4, 8, 16)
        return self.choose(
            (f"linear {other}", "vector", other), ("relu", "vector", width), ("dropout", "vector", width),
            ("batchnorm1d", "vector", width), ("unsqueeze 1", "tokens", width), ("sigmoid", "vector", width),
            ("softmax dim=1", "vector", width), ("unflatten 1 1,-1", "tokens", width), ("reshape -1", "vector", width),
            (f"linear {other} bias=false", "vector", other), ("squeeze 1", "vector", width),
            ("glu", "vector", width // 2),
            ("lazylinear 4", "vector", 4), ("logsoftmax dim=1", "vector", width), ("sum dim=1", "vector", 1),
        )  # fmt: skip

    def merge(self, kind: str, width: int) -> str:
        """Branches, most of them of one shape behind them."""
        self.depth += 1
        name = self.choose(
            "add", "add", "mul", "cat dim=1", "cat", "stack dim=1", "maximum", "sub", "matmul", "cat dim=-1"
        )
        branches = [self.branch(kind, width) for _ in range(self.choose(1, 2, 2, 2, 3))]
        self.depth -= 1
        return f"{name}({' ; '.join(branches)})"

    def branch(self, kind: str, width: int) -> str:
        if self.chance(0.25):
            return ""
        if self.chance(0.12):
            return self.choose(f"param 1,{width},1,1", "param 1", f"param 1,1,{width}", f"param {width}")
        if self.labels and self.chance(0.15):
            return f"{self.choose('add', 'cat dim=1', 'mul', 'identity')} {self.reference()}"
        if self.chance(0.3):
            return self.chain(kind, width, 2)
        same = {
            "map": (f"conv2d {width} 3 p=1", "batchnorm2d", f"conv2d {width} 1 | relu", "relu",
                    f"adaptiveavgpool2d 1 | conv2d {width} 1 | sigmoid"),
            "tokens": (f"linear {width}", "layernorm", f"linear 8 | gelu | linear {width}", "softmax dim=-1"),
            "vector": (f"linear {width}", "relu", f"linear 4 | linear {width}", "dropout"),
        }  # fmt: skip
        return self.choose(*same[kind])

    def group(self, kind: str, width: int) -> str:
        self.depth += 1
        inner = self.chain(kind, width, 3)
        self.depth -= 1
        return f"{self.choose('', '2*', '3*', '1*')}({inner})"

    def python(self, kind: str, width: int) -> str:
        conv = f"nn.Conv2d({width}, {self.choose(2, 4, 8)}, {self.choose(1, 3)}, padding=1)"
        calls = {
            "map": (conv, f"nn.BatchNorm2d({width})", "nn.ReLU(inplace=True)", "nn.MaxPool2d(2, 2)",
            f"nn.Sequential({conv}, nn.ReLU())",
                    "nn.AdaptiveAvgPool2d((1, 1))", "nn.Sequential()", "nn.Flatten()"),
            "tokens": (f"nn.Linear({width}, 8)", f"nn.LayerNorm({width})", f"nn.LSTM({width}, 4, batch_first=True)",
                       f"nn.TransformerEncoderLayer({width}, 1, 8, batch_first=True)", "torch.nn.GELU()"),
            "vector": (f"nn.Linear({width}, 4)", "nn.Dropout(p=0.5)", "nn.Softmax(dim=1)",
                       f"nn.Sequential(OrderedDict([('fc', nn.Linear({width}, 4)), ('act', nn.Tanh())]))"),
        }  # fmt: skip
        return self.choose(*calls[kind])

    def anything(self, kind: str, width: int) -> tuple[str, str, int]:
        """Steps that seldom fit."""
        keys = (
            "2",
            "3",
            "1,2",
            "dim=1",
            "dim=-1",
            "0",
            "-1",
            "k=3",
            "p=same",
            "bias=false",
            "(1,)",
            "true",
            "1.5",
            "none",
        )
        names = (
            "conv1d", "conv2d", "conv3d", "linear", "lstm", "mha", "embedding", "reshape", "permute", "transpose",
            "squeeze",
            "unsqueeze", "select", "narrow", "expand", "chunk", "mean", "sum", "amax", "crop", "pad", "pick", "param",
            "input", "bilinear", "crossentropyloss", "mseloss", "maxunpool2d", "transformerdecoder", "upsample", "fold",
            "unfold", "add", "cat", "stack", "matmul", "lstmcell", "embeddingbag", "glu", "pixelshuffle", "flatten",
            "unflatten",
        )  # fmt: skip
        words = [self.choose(*names), *(self.choose(*keys) for _ in range(self.choose(0, 0, 1, 1, 2, 3)))]
        while self.labels and self.chance(0.3):
            words.append(self.choose("", "indices=", "hx=", "target=", "input2=") + self.reference())
        return " ".join(words), kind, width

    def reference(self) -> str:
        return "@" + self.choose(*self.labels) + self.choose("", "", "", ".0", ".1", ".1.0")

    def chain(self, kind: str, width: int, most: int) -> str:
        steps = []
        for _ in range(self.r.randint(1, most)):
            text, kind, width = self.step(kind, width)
            if self.chance(0.1) and "|" not in text:
                text = f"{self.choose(2, 2, 3)}*{text}"
            label = ""
            if self.chance(0.2) and "|" not in text:
                label = f"{self.choose('a', 'b', 'enc', 'x')}{len(self.labels)}"
                text = f"{label}: {text}"
            steps.append(text)
            if label:
                self.labels.append(label)
        return " | ".join(steps)

    def design(self) -> Question:
        kind = self.choose("map", "map", "map", "tokens", "vector")
        width = self.choose(1, 2, 3, 4, 4, 8)
        text = self.chain(kind, width, 6)
        sizes = {
            "map": ("1", str(width), *[str(self.choose(1, 7, 8, 16, 16, 32))] * 2),
            "tokens": ("2", str(self.choose(1, 5, 7)), str(width)),
            "vector": ("3", str(width)),
        }[kind]
        if self.chance(0.15):
            names = {"map": "NCHW", "tokens": "NTF", "vector": "NF"}[kind]
            sizes = tuple(name if self.chance(0.6) else size for name, size in zip(names, sizes))
        shape = ",".join(sizes)
        inputs = [shape] if self.chance(0.9) else []
        if self.chance(0.1):
            name = self.choose("hx", "target", "indices", "input2", "x", "memory", "mask")
            inputs.append(f"{name}={shape if self.chance(0.6) else '2,3'}{self.choose('', '', ':int64')}")
        if self.chance(0.1):
            text = f"input {shape if shape.replace(',', '').isdigit() else '1,4,8,8'} | {text}"
        return Question(text, tuple(inputs), self.choose("train", "eval"))


PIECES = (
    "|", " | ", "(", ")", ";", "@", "@a0", ",", "=", "*", "2*", ":", "a0: ", " ", "\n", "#", "1", "-1", "0",
    "99999999999",
    "nn.", "nn.ReLU()", "(1,)", "add(", "cat dim=1 (", "in", "same", "none", "x", ".1", "..", "_", "3x5", "conv2d",
)  # fmt: skip


def mutated(text: str, r: Random) -> str:
    """The text with a piece put in, taken out or doubled."""
    for _ in range(r.choice((1, 1, 2, 3))):
        begin = r.randint(0, len(text))
        end = min(len(text), begin + r.choice((0, 0, 1, 1, 2, 5)))
        piece = r.choice((*PIECES, "", "", text[begin : begin + r.randint(1, 12)]))
        text = text[:begin] + piece + text[end:]
    return text


def draw(r: Random) -> Question:
    """A question; one in four is broken on purpose."""
    question = Writer(r).design()
    if r.random() < 0.25:
        question = question._replace(text=mutated(question.text, r))
    return question


def answered(question: Question) -> Analysis | LayerError:
    """What comes of it: an analysis, or the error of a text that is not understood."""
    try:
        spec, inputs = parse(question.text), parse_inputs(question.inputs)
    except LayerError as error:
        return error
    assert parse(format_spec(spec)).expanded_steps == spec.expanded_steps
    return analyse_spec(spec, inputs, Options(mode=question.mode, planned=False))


def judged(question: Question, drawn: bool = False, validate: Callable[[Any], Any] | None = None) -> Analysis | None:
    """The analysis of a question where there is one; AssertionError where anything is off."""
    begin = time.process_time()
    found = answered(question)
    error = found if isinstance(found, LayerError) else found.error
    if error is not None:
        assert not error.code.startswith("internal"), f"{question}: {error.code} {error}"
        assert error.message, question
        assert error.span is None or 0 <= error.span.start <= error.span.end, question
        assert describe(error)
    if isinstance(found, LayerError):
        return None
    report = Report(found, None, "not asked")
    document = report.to_dict()
    if validate is not None:
        validate(document)
    if drawn:
        assert isinstance(plain(report), str)
        assert isinstance(markdown(report), str)
    seconds = time.process_time() - begin
    assert seconds < MOST_SECONDS, f"{question} took {seconds:.1f} s"
    return found


def against_torch(question: Question, child: Reusable) -> str:
    """``agrees``, or what torch said instead; empty where there is nothing to ask."""
    options = Options(mode=question.mode, device="cpu", count_macs=True)
    analysis = analyse_spec(parse(question.text), parse_inputs(question.inputs), options)
    if not analysis.plans:
        return ""
    report = Report(analysis, [child.ask(plan) for plan in analysis.plans])
    wrong = [check for check in report.checks if check.status != "agrees"]
    return f"{report.status} {report.why} {wrong[:3]}" if report.status != "agrees" else report.status


@pytest.fixture(scope="module")
def torch_child() -> Iterator[Reusable]:
    with Reusable() as child:
        yield child


def test_a_random_design_is_answered_or_refused(validate: Any) -> None:
    accepted = 0
    for seed in range(DRAWN):
        question = draw(Random(f"fuzz/{seed}"))
        found = judged(question, seed % 10 == 0, validate if seed % 5 == 0 else None)
        accepted += found is not None and found.error is None
    assert DRAWN / 5 < accepted < DRAWN


def test_torch_agrees_with_random_designs(torch_child: Reusable) -> None:
    wrong, asked = [], 0
    for seed in range(DRAWN // 2):
        question = draw(Random(f"fuzz/{seed}"))
        found = answered(question)
        if isinstance(found, LayerError) or found.error is not None:
            continue
        said = against_torch(question, torch_child)
        asked += bool(said)
        if said.startswith("differs"):
            wrong.append(f"seed {seed}: {question} {said}")
    assert not wrong, f"{len(wrong)} of {asked}\n" + "\n".join(wrong[:5])
    assert asked > DRAWN / 12
