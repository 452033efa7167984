"""What the verified answer costs: against a script that imports torch and runs the same layer."""

from __future__ import annotations

import sys

from tests.bench.figures import against, heading
from tests.bench.timing import Question, layercli, side_by_side

BARE = """\
import torch
layer = torch.nn.Conv2d(3, 3, 5, dilation=2)
output = layer(torch.zeros(1, 3, 16, 16))
print(tuple(output.shape), {name: tuple(tensor.shape) for name, tensor in layer.named_parameters()})
"""

CONV = ["conv2d", "--kernel", "5", "--dilation", "2", "--input", "1,3,16,16"]


def main(quick: bool) -> None:
    """Prints the medians and the ratio."""
    heading("The verified answer, against a bare script that imports torch and runs the layer")
    questions = {
        "bare script": Question([sys.executable, "-c", BARE]),
        "python -c 'import torch'": Question([sys.executable, "-c", "import torch"]),
        "conv2d ..., verified": Question([*layercli(), *CONV, "--require-measured"]),
    }
    against(side_by_side(questions, 3 if quick else 11), "bare script", 1.1, ("conv2d ..., verified",))
