"""ResNet-50 as a design of layers, against torchinfo on the same network in plain PyTorch: whole processes."""

from __future__ import annotations

import json
import statistics
import sys
from importlib.util import find_spec

from tests.bench.figures import bar, heading, line
from tests.bench.timing import ROOT, Question, layercli, ratio, run, side_by_side

SPEC = ROOT / "docs" / "designs" / "resnet50.layers"
PARAMS, MACS = 25_557_032, 4_089_184_256
LEAST = 10

NET = """\
import torch
from torch import nn


class Bottleneck(nn.Module):
    def __init__(self, width, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(width, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or width != 4 * planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(width, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes)
            )

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        )
        blocks, width = [], 64
        for planes, times, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for time in range(times):
                blocks.append(Bottleneck(width, planes, stride if time == 0 else 1))
                width = 4 * planes
        self.layers = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1000))

    def forward(self, x):
        return self.head(self.layers(self.stem(x)))


net = ResNet()
"""

TORCHINFO = (
    NET
    + """\
from torchinfo import summary
found = summary(net, input_size=(1, 3, 224, 224), verbose=1)
"""
)

META = (
    NET.replace("net = ResNet()\n", "with torch.device('meta'):\n    net = ResNet()\n")
    + """\
print(tuple(net(torch.empty(1, 3, 224, 224, device='meta')).shape), sum(p.numel() for p in net.parameters()))
"""
)


def main(quick: bool) -> None:
    """Prints each one's time, and how often layercli's goes into it."""
    heading(f"ResNet-50 on 1,3,224,224, whole processes (params {PARAMS:,}, MACs {MACS:,})")
    ours = [*layercli(), "run", "-f", str(SPEC), "--no-run"]
    questions = {
        "layercli --no-run": Question(ours),
        "layercli --no-run --json": Question([*ours, "--json"]),
        "a script that runs it on meta": Question([sys.executable, "-c", META]),
    }
    if find_spec("torchinfo") is None:
        line("torchinfo", 'skipped: it is not installed (pip install -e ".[bench]")')
    else:
        questions["torchinfo"] = Question([sys.executable, "-c", TORCHINFO])
    totals = json.loads(run([*ours, "--json"]).output)["totals"]
    if (totals["params"], totals["macs"]) != (PARAMS, MACS):
        raise SystemExit(f"layercli says {totals}")
    seconds = side_by_side(questions, 3 if quick else 9)
    for name, taken in seconds.items():
        times = ratio(taken, seconds["layercli --no-run"])
        said = bar(times, LEAST, at_least=True) if name == "torchinfo" else ""
        line(name, f"{statistics.median(taken) * 1000:8.0f} ms", f"{times:6.2f} x", said)
