"""A value that torch has a name for, ``torch.float32``; apart, so that who asks for it loads no reader of Python."""

from typing import NamedTuple

__all__ = ["TorchName"]


class TorchName(NamedTuple):
    """What stands for ``torch.<name>``: ``float32``, a dtype, or ``nn.functional.gelu``, a function."""

    name: str
