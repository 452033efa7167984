"""LeNet-5 in layercli and in what people use today, each as the whole process that a person waits for."""

from __future__ import annotations

import json
import statistics
import sys
from importlib.util import find_spec

from tests.bench.figures import heading, line
from tests.bench.timing import Question, layercli, ratio, run, side_by_side

SPEC = (
    "conv2d 6 5 | tanh | avgpool2d 2 | conv2d 16 5 | tanh | avgpool2d 2 | conv2d 120 5 | tanh | flatten | "
    "linear 84 | tanh | linear 10"
)
PARAMS, MACS = 61_706, 416_520

NET = """\
import torch
from torch import nn
net = nn.Sequential(
    nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
    nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
)
x = torch.zeros(1, 1, 32, 32)
params = sum(tensor.numel() for tensor in net.parameters())
"""

OTHERS = {
    "torchinfo": (
        "torchinfo",
        "from torchinfo import summary\nfound = summary(net, input_data=x, verbose=0)\n"
        "print(f'params {found.total_params:,}, mult-adds {found.total_mult_adds:,}')",
    ),
    "fvcore": (
        "fvcore",
        "import logging\nlogging.disable()\nfrom fvcore.nn import FlopCountAnalysis\n"
        "print(f'params {params:,}, flops {FlopCountAnalysis(net, x).total():,} (its flop is a multiply-add)')",
    ),
    "torch.utils.flop_counter": (
        "torch",
        "from torch.utils.flop_counter import FlopCounterMode\n"
        "with FlopCounterMode(display=False) as counter:\n    net(x)\n"
        "print(f'params {params:,}, FLOPs {counter.get_total_flops():,} (2 for a multiply-add)')",
    ),
}


def main(quick: bool) -> None:
    """Prints each tool's time and each tool's numbers."""
    heading(f"LeNet-5 on 1,1,32,32, whole processes (true: params {PARAMS:,}, MACs {MACS:,}, FLOPs {2 * MACS:,})")
    ours = [*layercli(), "run", SPEC, "-i", "1,1,32,32", "--json"]
    questions = {"layercli, verified": Question(ours), "layercli --no-run": Question([*ours, "--no-run"])}
    for name, (package, script) in OTHERS.items():
        if find_spec(package) is None:
            line(name, 'skipped: it is not installed (pip install -e ".[bench]")')
        else:
            questions[name] = Question([sys.executable, "-c", NET + script])
    seconds = side_by_side(questions, 3 if quick else 9)
    for name, question in questions.items():
        line(
            name, f"{statistics.median(seconds[name]) * 1000:8.0f} ms",
            f"{ratio(seconds[name], seconds['layercli, verified']):6.2f} x", _said(name, run(question.command).output),
        )  # fmt: skip


def _said(name: str, output: str) -> str:
    if not name.startswith("layercli"):
        return output.strip().splitlines()[-1]
    report = json.loads(output)
    totals, status = report["totals"], report["measured"]["status"]
    right = (totals["params"], totals["macs"]) == (PARAMS, MACS)
    return f"params {totals['params']:,}, MACs {totals['macs']:,}; torch: {status}  {'ok' if right else 'SHORT'}"
