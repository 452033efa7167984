"""What printed code looks like: whole texts, single lines, names; and when there is none."""

from __future__ import annotations

import keyword

import pytest
import torch

from layercli import analyze
from layercli.analysis.walk import Options, analyse_spec
from layercli.cli.inputs import parse_inputs
from layercli.errors import ExitCode, LayerError
from layercli.layers.index import FAMILIES
from layercli.render.code import code
from layercli.render.code_names import MODULES, attributes, class_name, identifier, short
from layercli.render.code_operations import OPERATIONS
from layercli.report import Report
from layercli.spec import parse
from tests.render.code_judge import ask, judge, tidy

CHAIN = """\
from torch import nn

# From 1, 3, 8, 8 to 1, 10.
net = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1),  # 1, 8, 8, 8
    nn.ReLU(),                      # 1, 8, 8, 8
    nn.Flatten(),                   # 1, 512
    nn.Linear(512, 10),             # 1, 10
)"""

BLOCKS = '''\
import torch
from torch import nn


class Block(nn.Module):
    """From 2, 9, 16 to 2, 9, 16."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.attn = nn.MultiheadAttention(16, 4, batch_first=True)
        self.branch = nn.Sequential(
            nn.LayerNorm(16),   # 2, 9, 16
            nn.Linear(16, 64),  # 2, 9, 64
            nn.GELU(),          # 2, 9, 64
            nn.Linear(64, 16),  # 2, 9, 16
        )

    def forward(self, x):
        y = self.norm(x)           # 2, 9, 16
        y, _ = self.attn(y, y, y)  # 2, 9, 16
        x = x + y                  # 2, 9, 16
        return x + self.branch(x)  # 2, 9, 16


class Net(nn.Module):
    """From 2, 8, 16 to 2, 3."""

    def __init__(self):
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, 16))
        self.blocks = nn.Sequential(*[Block() for _ in range(3)])
        self.linear = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.cat([self.cls.expand(x.size(0), -1, -1), x], dim=1)  # 2, 9, 16
        x = self.blocks(x)                                             # 2, 9, 16
        x = x[:, 0]                                                    # 2, 16
        return self.linear(x)                                          # 2, 3'''


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("input 1,3,8,8 | conv2d 8 3 p=1 | relu | flatten | linear 10", CHAIN),
        (
            "input 2,8,16 | cat dim=1 (cls: param 1,1,16; ) | blocks: 3*(add( ; layernorm | mha 4 batch_first=true)"
            " | add( ; layernorm | linear 64 | gelu | linear 16)) | select 1 0 | linear 3",
            BLOCKS,
        ),
        ("relu", "from torch import nn\n\n# From 1, 3, 16, 16 to 1, 3, 16, 16.\nnet = nn.ReLU()  # 1, 3, 16, 16"),
    ],
)
def test_the_whole_text(spec: str, expected: str) -> None:
    assert judge(ask(spec)) == expected


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            "input 5,3,16 | enc: lstm 10 | lstm 10 hx=@enc.1",
            "x, state = self.enc(x)      # (5, 3, 10), ((1, 3, 10), (1, 3, 10))",
        ),
        ("input 5,3,16 | enc: lstm 10 | lstm 10 hx=@enc.1", "return self.lstm(x, state)"),
        ("input 5,3,16 | lstm 10 | linear 3", "x, _ = self.lstm(x)    # 5, 3, 10"),
        ("input 5,3,16 | lstm 10 | pick 1.1", "_, (_, c_n) = self.lstm(x)"),
        ("input 2,6,12 | qkv: chunk 3 dim=2 | add @qkv.1 @qkv.2", "qkv0, qkv1, qkv2 = x.chunk(3, dim=2)"),
        ("input 2,16 | chunk 8 dim=1 | pick 5", "return x.chunk(8, dim=1)[5]  # 2, 2"),
        ("input 2,8 | mul( ; linear 8 | sigmoid)", "return x * self.branch(x)  # 2, 8"),
        ("enc1: conv2d 8 1 | conv2d 8 1 | cat dim=1 @enc1", "return torch.cat([x, enc1], dim=1)  # 1, 16, 16, 16"),
        ("input 2,4 | stem: (linear 4 | relu) | linear 3", "        self.stem = nn.Sequential("),
        ("4*add(linear 16; )", "    *[Block() for _ in range(4)],  # 48, 16"),
        ("stage1: 2*(add(linear 16; ) | relu)", "class Stage(nn.Module):"),
        ("input 2,8 | sub( ; relu | linear 1 | tanh; linear 8)", "self.branch = nn.Sequential("),
        ("conv2d 8 3x5 s=2 p=1 g=1", "net = nn.Conv2d(3, 8, (3, 5), stride=2, padding=1)  # 1, 8, 8, 7"),
        ("maxpool2d 2 2", "net = nn.MaxPool2d(2)  # 1, 3, 8, 8"),
        ("lppool2d inf 2", 'nn.LPPool2d(float("inf"), 2)'),
        ("input 2,3,8,8 | mean 2,3", "return x.mean(dim=(2, 3))  # 2, 3"),
        ("input 2,3,8,8 | crop 4", "return x[..., 2:6, 2:6]  # 2, 3, 4, 4"),
        ("input 2,9,8 | narrow 1 1 8", "return x[:, 1:]  # 2, 8, 8"),
        ("crossentropyloss", "return self.loss(x, target)  # scalar"),
        ("forward: linear 4 | lambda: relu", "self.forward_ = nn.Linear(16, 4)"),
        ("embedding 10 3", "# From 2, 5 int64 to 2, 5, 3."),
    ],
)  # fmt: skip
def test_a_line_of_it(spec: str, line: str) -> None:
    assert line in code(ask(spec))


def test_a_name_of_ones_own() -> None:
    assert "class Model(nn.Module):" in code(ask("add(linear 16; )"), "Model")
    assert "model = nn.Sequential(" in code(ask("linear 3 | relu"), "Model")
    for name in ("my net", "class", ""):
        with pytest.raises(LayerError) as refused:
            code(ask("relu"), name)
        assert refused.value.code == "render.code"


def test_every_operation_has_an_expression() -> None:
    names = {f"torch.{name}" for _, classes in FAMILIES.values() for name in classes if name[0].islower()}
    assert names - set(OPERATIONS) == {"torch.param", "torch.pick", "torch.input"}, "write it in code_operations.py"


def test_no_attribute_hides_one_of_a_module() -> None:
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public <= MODULES, f"add {public - MODULES} to MODULES"


@pytest.mark.parametrize("label", ["class", "self", "torch", "_", "__init__", "forward", "a-b", "2x"])
def test_a_label_becomes_a_name(label: str) -> None:
    name = identifier(label)
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert not name.startswith("_")


def test_attributes_are_numbered_where_there_are_several() -> None:
    wanted = [("conv", False), ("bn", False), ("conv", False), ("conv2", True), ("relu6", False), ("relu6", False)]
    assert attributes(wanted) == ["conv1", "bn", "conv3", "conv2", "relu6_1", "relu6_2"]
    assert attributes([("a", True), ("a", True), ("a", False)]) == ["a1", "a2", "a"]


@pytest.mark.parametrize(
    ("label", "used", "name"),
    [
        ("stage2", (), "Stage"), ("stage2", ("Stage",), "Stage2"), ("blocks", (), "Block"), ("", (), "Block"),
        ("", ("Block",), "Block2"), ("res_net", (), "ResNet"), ("cross", (), "Cross"), ("net", ("Net",), "Net2"),
    ],
)  # fmt: skip
def test_a_label_becomes_a_class(label: str, used: tuple[str, ...], name: str) -> None:
    assert class_name(label, set(used)) == name


def test_short_names() -> None:
    named = {"Conv2d": "conv", "LazyConv3d": "conv", "AdaptiveAvgPool2d": "pool", "CrossEntropyLoss": "loss"}
    named |= {"BatchNorm1d": "bn", "LayerNorm": "norm", "LSTM": "lstm", "ConstantPad2d": "pad", "MaxUnpool2d": "unpool"}
    assert {torch_name: short(torch_name) for torch_name in named} == named


def test_there_is_no_code_for_a_design_that_torch_would_refuse() -> None:
    with pytest.raises(LayerError, match="kernel"):
        code(analyze("conv2d 8 30", (1, 3, 8, 8), run=False))


def test_there_is_no_code_without_a_plan() -> None:
    with pytest.raises(LayerError) as refused:
        code(ask("relu", planned=False))
    assert refused.value.code == "render.code"
    assert refused.value.exit_code is ExitCode.USAGE


# --- sizes left open ------------------------------------------------------------------------------------------------


def open_sizes(spec: str, shape: str) -> str:
    return code(Report(analyse_spec(parse(spec), parse_inputs((shape,)), Options()), None, "not asked"))


@pytest.mark.parametrize(
    ("spec", "shape", "line"),
    [
        ("conv2d 8 3 s=2 | relu | mean 2,3", "N,3,H,W", "self.conv(x)           # N, 8, (H - 1)//2, (W - 1)//2"),
        ("linear 4 | crossentropyloss", "N,16", '"""From x N, 16 and target N int64 to scalar."""'),
        ("cat dim=1 (cls: param 1,1,8; ) | linear 3", "N,T,8", "self.cls.expand(x.size(0), -1, -1)"),
    ],
)  # fmt: skip
def test_sizes_left_open_stand_in_the_comments(spec: str, shape: str, line: str) -> None:
    source = open_sizes(spec, shape)
    assert line in source
    tidy(source)


@pytest.mark.parametrize(("spec", "shape"), [("linear 3", "N,F"), ("crop 4", "N,3,H,W")])
def test_there_is_no_code_where_it_would_differ_with_the_sizes(spec: str, shape: str) -> None:
    with pytest.raises(LayerError, match="hangs on N") as refused:
        open_sizes(spec, shape)
    assert refused.value.code == "render.code"
