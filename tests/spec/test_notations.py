"""Which notation a text is in: told cheaply, and the shell's own is never taken for another."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercli.spec.limits import LENGTH
from layercli.spec.notations import looks_like_printed, looks_like_python

from .strategies import chains, near_texts, unicode_texts, untidy_texts


@pytest.mark.parametrize(
    "text",
    [
        "nn.Conv2d(3, 8, 5)", "Conv2d(3, 8, 5)  # one", "torch.nn.ReLU()", "x = nn.ReLU()",
        "self.net = Sequential(\nReLU())",
        "net: nn.Module = nn.ReLU()", "import torch", "from torch import nn", "# a net\nnn.ReLU()", "\n\n  nn.ReLU()\n",
        "class Net(nn.Module):", ">>> nn.ReLU()", "nn.Sequential(", "nn.Sequential(nn.ReLU()", "nn.ReLU().cuda()",
        "nn.Linear('|')", "nn.Linear(')')", "x = (nn.ReLU())", "nn.functional.relu(x)",
    ],
)  # fmt: skip
def test_python_is_told(text: str) -> None:
    assert looks_like_python(text)
    assert not looks_like_printed(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "relu", "conv2d 8 k=5 | relu", "(conv2d 3 | relu)", "nn.Conv2d(3, 8, 5) | nn.ReLU()", "3*nn.ReLU()",
        "enc: nn.ReLU()", "nn.ReLU()\nnn.ReLU()", "nn.ReLU", "Conv2d 8", "(nn.ReLU())", "k=5", "a=1 a=1", "import_x 3",
        "add(conv2d 8 ; )", "add( ; nn.ReLU())", "conv2d 8 (3,5)", "x: conv2d k=5", "class", "Conv2d (3, 5)",
        "lstm k=Foo(",
        "relu | Conv2d(3,\n 8)", "# nn.ReLU()\nrelu", "from: relu", "import: relu", "nn.ReLU() @enc",
    ],
)  # fmt: skip
def test_the_shells_notation_is_left_alone(text: str) -> None:
    assert not looks_like_python(text)
    assert not looks_like_printed(text)


@given(st.data())
def test_no_text_of_the_shell_is_taken_for_pytorchs(data: st.DataObject) -> None:
    text = data.draw(untidy_texts(data.draw(chains())))
    assert not looks_like_python(text)
    assert not looks_like_printed(text)


@pytest.mark.parametrize(
    "unit",
    ["(", "#", "# ", "\n", " ", "a", "A(", "nn.", "a.", "a=", "a: ", "a:b ", "import ", "(a): ", "...\n", ">>>\n", "'"],
)  # fmt: skip
def test_telling_takes_no_time(unit: str) -> None:
    """A mebibyte of anything is told at once: no pattern goes back and forth."""
    for begin in ("", "A(\n", "nn.A(", "a = ", "a :"):
        text = begin + unit * (LENGTH // len(unit))
        looks_like_printed(text)
        looks_like_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sequential(\n  (0): ReLU()\n)",
        "\n\nNet(\n  hello\n  (conv1): Conv2d(3, 8)\n)",
        ">>> print(model)\nSequential(\n  (0): ReLU()\n)",
        ">>> model = nn.ReLU()\n>>> model\nReLU()",
        "  Sequential(\n    (0-3): 4 x ReLU()\n  )",
        "Sequential(\r\n  (0): ReLU()\r\n)",
    ],
)
def test_a_printed_model_is_told(text: str) -> None:
    assert looks_like_printed(text)


@given(near_texts | unicode_texts)
def test_any_text_is_told(text: str) -> None:
    for whole in (text, f"nn.A({text}", f"A(\n{text}"):
        assert not (looks_like_python(whole) and looks_like_printed(whole)) or whole.lstrip().startswith(">>>")


def test_telling_loads_no_reader_of_python() -> None:
    code = f"""import sys; sys.path[:0] = {sys.path!r}
from layercli.spec.notations import looks_like_python
from layercli.spec.torch_name import TorchName
looks_like_python("nn.ReLU()")
print("ast" in sys.modules)"""
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
