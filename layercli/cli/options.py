"""The options that every command which answers a question shares, said once."""

import math
import re
from enum import Enum
from inspect import Parameter
from typing import Annotated, Any, NamedTuple

import typer

from layercli.errors import LayerError, short


class Format(str, Enum):
    """The forms that an answer can take."""

    table = "table"
    plain = "plain"
    spec = "spec"
    code = "code"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    markdown = "markdown"
    svg = "svg"


class Measure(str, Enum):
    """How much torch is asked."""

    shapes = "shapes"
    all = "all"


class Color(str, Enum):
    """When colours are used."""

    auto = "auto"
    always = "always"
    never = "never"


class Optimizer(str, Enum):
    """The optimizers whose state is counted."""

    sgd = "sgd"
    momentum = "momentum"
    adam = "adam"
    adamw = "adamw"
    adagrad = "adagrad"
    rmsprop = "rmsprop"


class DTypeName(str, Enum):
    """The dtypes that a net can be made in."""

    float32 = "float32"
    float64 = "float64"
    float16 = "float16"
    bfloat16 = "bfloat16"


class Settings(NamedTuple):
    """The shared options' values."""

    input: list[str] | None = None
    format: Format = Format.table
    json: bool = False
    no_run: bool = False
    measure: Measure = Measure.shapes
    require_measured: bool = False
    device: str = "auto"
    dtype: DTypeName | None = None
    train: bool = True
    timeout: float = 60.0
    formulas: bool = False
    expand: bool = False
    depth: int | None = None
    columns: str | None = None
    expect: list[str] | None = None
    strict: bool = False
    ignore: list[str] | None = None
    optimizer: Optimizer | None = None
    unroll: bool = False
    color: Color = Color.auto
    width: int | None = None
    debug: bool = False


DEVICE = re.compile("auto|cpu|meta|(cuda|xpu|mps|hpu)(:[0-9]{1,4})?")
"""The devices that torch may run on."""

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "input": (
        list[str] | None,
        typer.Option("--input", "-i", metavar="SHAPE",
            help="Shape of an input: 1,3,16,16; a further one by its name: hx=1,3,10; with a dtype: 8,10:int64."),
    ),
    "format": (Format, typer.Option("--format", help="How the answer is written.")),
    "json": (bool, typer.Option("--json", help="One JSON document: --format json.")),
    "no_run": (bool, typer.Option("--no-run", help="Formulas only, without torch: the answer at once.")),
    "measure": (Measure, typer.Option("--measure", help="What torch is asked: shapes and counts, or MACs too.")),
    "require_measured": (bool, typer.Option("--require-measured", help="Exit 1 where torch gave no answer.")),
    "device": (str, typer.Option("--device", help="auto: real on the CPU, or meta where too big; cpu, meta, cuda:0.")),
    "dtype": (DTypeName | None, typer.Option("--dtype", help="Dtype of input and parameters. [default: float32]")),
    "train": (bool, typer.Option("--train/--eval", help="Mode of the modules.")),
    "timeout": (float, typer.Option("--timeout", min=0.0, help="Seconds that torch may take.")),
    "formulas": (bool, typer.Option("--formulas", help="Every layer's formulas, not its row alone.")),
    "expand": (bool, typer.Option("--expand", help="Every time of a repeat on lines of its own.")),
    "depth": (int | None, typer.Option("--depth", min=0, help="Blocks nested deeper than this are one line.")),
    "columns": (
        str | None,
        typer.Option("--columns", metavar="NAMES",
            help="The table's columns, any of output, params, macs, share, torch, rf, saved, bytes, buffers, dtype, "
            "path, op, with commas between."),
    ),
    "expect": (
        list[str] | None,
        typer.Option("--expect", metavar="CLAIM",
            help="Exit 1 where this does not hold: 1,1000 (the output), params<=5M, macs<4.1G, shape@3=1,64,8,8."),
    ),
    "strict": (bool, typer.Option("--strict", help="Exit 1 where there is a note.")),
    "ignore": (list[str] | None, typer.Option("--ignore", metavar="CODE", help="Leave out notes of this code.")),
    "optimizer": (
        Optimizer | None, typer.Option("--optimizer", help="Whose state the memory of training counts. [default: adam]")
    ),
    "unroll": (bool, typer.Option("--unroll", help="Feed a cell a sequence, step by step.")),
    "color": (Color, typer.Option("--color", help="Colours: where a terminal takes them, always, never.")),
    "width": (int | None, typer.Option("--width", min=20, help="Columns to draw in; a pipe is never cut.")),
    "debug": (bool, typer.Option("--debug", help="Show the traceback of an error.")),
}  # fmt: skip

LONG_AND_SHORT = frozenset(name for _, option in _OPTIONS.values() for name in (option.default, *option.param_decls))
"""Every spelling of the shared options, so that no layer's key can take one of them."""


def own(name: str, kind: Any, default: Any, *words: str, **more: Any) -> Parameter:
    """An option of one verb alone."""
    annotation = Annotated[kind, typer.Option(*words, **more)]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def parameters(*, only: frozenset[str] | None = None) -> list[Parameter]:
    """The shared options as parameters of a command's function."""
    return [
        Parameter(
            name, Parameter.KEYWORD_ONLY, default=Settings._field_defaults[name], annotation=Annotated[kind, option]
        )
        for name, (kind, option) in _OPTIONS.items()
        if only is None or name in only
    ]


def settings(values: dict[str, Any]) -> Settings:
    """Takes the shared options out of a command's values."""
    taken = Settings(**{name: values.pop(name) for name in list(values) if name in Settings._fields})
    if not DEVICE.fullmatch(taken.device):
        raise LayerError(
            "spec.usage", f"there is no device {short(taken.device)!r}", fix="use auto, cpu, meta or cuda:0"
        )
    if math.isnan(taken.timeout):
        raise LayerError("spec.usage", "--timeout is a number of seconds, not nan", fix="write --timeout 60")
    return taken
