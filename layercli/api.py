"""The Python API: the same answer as the command's, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layercli.analysis.walk import Options, analyse_spec
from layercli.layers.dtypes import FLOATS
from layercli.plan import decode_input
from layercli.report import Report
from layercli.spec import parse


def analyze(
    spec: str,
    input: Sequence[int | str] | None = None,
    *,
    inputs: Mapping[str, Sequence[int | str]] | None = None,
    dtype: str | None = None,
    mode: str = "train",
    device: str = "auto",
    run: bool = True,
) -> Report:
    """What a layer or a chain does to a tensor.

    ``spec`` is in the language of the command line, such as ``"conv2d 8 k=5 | relu"``. ``input`` is the shape of the
    first input; ``inputs`` are further ones by name, such as ``{"hx": (1, 3, 20)}``; without ``input`` the first
    layer's default is taken. A name in place of a size, ``("N", 3, "H", "W")``, leaves it open.
    ``dtype`` is that of the input and the parameters (float32). ``run`` compares with torch, in this process. The
    Report has ``ok``, ``output``, ``totals``, ``checks``, ``to_dict()``, and shows itself in rich and in notebooks.

    A design that torch would refuse is a Report with ``ok`` False; LayerError is raised for a spec that cannot be
    read, ValueError for an argument that is no shape, mode or dtype.
    """
    if mode not in ("train", "eval"):
        raise ValueError(f"mode is 'train' or 'eval', not {mode!r}")
    if dtype is not None and dtype not in FLOATS:
        raise ValueError(f"dtype is one of {', '.join(FLOATS)}, not {dtype!r}")
    if isinstance(input, (int, str)):
        raise ValueError(f"input is a shape such as (1, 3, 16, 16), not {input!r}")
    shapes = [(None, input)] if input is not None else []
    feeds = [
        decode_input({"shape": list(shape)})._replace(name=name) for name, shape in [*shapes, *(inputs or {}).items()]
    ]
    analysis = analyse_spec(parse(spec), feeds, Options(mode=mode, dtype=dtype, device=device))
    if not analysis.plans or not run:
        return Report(analysis, None, "run=False")
    from layercli.measure.child import measure_in_process

    return Report(analysis, tuple(map(measure_in_process, analysis.plans)))
