"""JSON Lines in, JSON Lines out: one question a line, one report a line, in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from layercli.analysis.layer import Analyser
from layercli.analysis.walk import Analysis, Options, analyse_module, analyse_spec
from layercli.errors import LayerError, short
from layercli.layers import suggest
from layercli.layers.dtypes import FLOATS
from layercli.measurement import Measurement
from layercli.plan import Input, Plan, Unreadable, decode_input, decode_module
from layercli.report import Report, failure
from layercli.spec import Op, parse

Measure = Callable[[Plan], Measurement]

_KEYS = {"id", "spec", "layer", "args", "kwargs", "input", "inputs", "mode", "dtype"}


class Question(NamedTuple):
    """A line, read."""

    id: Any
    ask: Callable[[Analyser], Analysis]
    mode: str
    dtype: str | None


def answer_lines(
    lines: Iterable[str], options: Options, *, brief: bool = False, measure: Measure | None = None
) -> Iterator[dict[str, Any]]:
    """One report for each line that is not blank; a bad line is a report with its error, and the run goes on."""
    analysers: dict[tuple[str, str | None], Analyser] = {}
    for line in lines:
        if line.strip():
            yield _answer(line, options, analysers, brief, measure)


def _answer(
    line: str,
    options: Options,
    analysers: dict[tuple[str, str | None], Analyser],
    brief: bool,
    measure: Measure | None,
) -> dict[str, Any]:
    identity = None
    try:
        data = _object(line)
        identity = _identity(data)
        question = _question(data, options._replace(advised=not brief))
        key = (question.mode, question.dtype)
        analyser = analysers.setdefault(key, Analyser(*key))
        analysis = question.ask(analyser)
        found: tuple[Measurement, ...] = ()
        if measure is None or not analysis.plans:
            why = "batch runs torch only with --run"
        else:
            why, found = "", tuple(map(measure, analysis.plans))
        return Report(analysis, found, why, identity, "batch", None if brief else "adam").to_dict(brief)
    except LayerError as error:
        return failure(error, identity, options.mode, "batch")
    except RecursionError:
        deep = LayerError("limit.nesting", "the line is nested too deeply", fix="use fewer brackets")
        return failure(deep, identity, options.mode, "batch")
    except Exception as error:  # a bug of ours must cost one line, not the run
        return failure(
            LayerError("internal.error", f"{type(error).__name__}: {error}"), identity, options.mode, "batch"
        )


def _object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line, parse_constant=_no_json)
    except (ValueError, RecursionError) as error:
        deep, digits = isinstance(error, RecursionError), "digits" in str(error)
        said = "it is nested too deeply" if deep else "a number has too many digits" if digits else str(error)
        raise LayerError("io.json", f"the line is no JSON: {said}", fix="write one JSON object a line") from None
    if not isinstance(data, dict):
        raise LayerError("io.json", "the line is no JSON object", fix='write {"spec": "relu", "input": [1, 3]}')
    return data


def _no_json(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _identity(data: dict[str, Any]) -> Any:
    """The line's id, whatever it is, as long as JSON can say it again."""
    identity = data.get("id")
    if isinstance(identity, (float, list, dict)):
        try:
            json.dumps(identity, allow_nan=False)
        except ValueError:
            raise LayerError("io.value", "the id holds a number that JSON cannot say", fix="use a string") from None
    return identity


def _question(data: dict[str, Any], options: Options) -> Question:
    for key in data:
        if key not in _KEYS:
            near = suggest(key, _KEYS)
            fix = f"did you mean {near[0]}?" if near else f"its keys are {', '.join(sorted(_KEYS))}"
            raise LayerError("io.key", f"a line has no key {short(key)!r}", fix=fix, suggestions=near)
    mode = data.get("mode", options.mode)
    if mode not in ("train", "eval"):
        raise LayerError("io.value", f'"mode" is "train" or "eval", not {mode!r}', fix="leave it out for train")
    dtype = data.get("dtype", options.dtype)
    if dtype is not None and (not isinstance(dtype, str) or dtype not in FLOATS):
        raise LayerError("io.value", f'"dtype" is one of {", ".join(FLOATS)}', fix="leave it out for float32")
    local = options._replace(mode=mode, dtype=dtype)
    if ("spec" in data) == ("layer" in data):
        raise LayerError("io.key", 'a line has either "spec" or "layer"', fix='write {"spec": "relu", "input": [1, 3]}')
    if "spec" in data and ("args" in data or "kwargs" in data):
        raise LayerError("io.key", '"args" and "kwargs" are for a "layer"', fix="write the keys in the spec")
    inputs = _inputs(data)
    if "layer" in data:
        try:
            module = decode_module(data)
        except Unreadable as error:
            raise LayerError("io.value", str(error), fix='write {"layer": "ReLU", "args": [], "kwargs": {}}') from None
        return Question(
            data.get("id"), lambda analyser: analyse_module(module, inputs, local, analyser), mode, local.dtype
        )
    if not isinstance(data["spec"], str):
        raise LayerError("io.value", '"spec" is a string', fix='write {"spec": "conv2d k=5 | relu", …}')
    spec = parse(data["spec"])
    first = spec.chain.steps[0].unit
    if not inputs and not (isinstance(first, Op) and first.name == "input"):
        raise LayerError("io.input", "the line has no input", fix='write "input": [1, 3, 16, 16]')
    return Question(data.get("id"), lambda analyser: analyse_spec(spec, inputs, local, analyser), mode, local.dtype)


def _inputs(data: dict[str, Any]) -> tuple[Input, ...]:
    if "inputs" in data and "input" in data:
        raise LayerError("io.key", 'a line has either "input" or "inputs"', fix='put all into "inputs"')
    if "inputs" in data:
        listed = data["inputs"]
    elif "input" in data:
        listed = [data["input"]]
    else:
        listed = []
    if not isinstance(listed, list):
        raise LayerError("io.value", '"inputs" is an array', fix='write "inputs": [{"shape": [1, 3, 16, 16]}]')
    try:
        return tuple(decode_input(item) for item in listed)
    except Unreadable as error:
        raise LayerError("io.value", str(error), fix='write {"shape": [1, 3, 16, 16], "dtype": "float32"}') from None
