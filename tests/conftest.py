"""What all tests share: the command in process and as a process, one torch for all of them, the judge of documents."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

PACKAGE_PARENT = pathlib.Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Where texts are written anew, the index of layers comes first: a process of its own, for this one reads it."""
    if os.environ.get("LAYERCLI_UPDATE"):
        subprocess.run([sys.executable, "-m", "tests.layers.write_index"], check=True, cwd=PACKAGE_PARENT)


# --- documents -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The JSON Schema that is shipped."""
    return json.loads(files("layercli").joinpath("report.schema.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def validate(schema: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """Judges a report document by the schema, and by what has to hold between its figures; returns it."""
    validator = Draft202012Validator(schema)

    def judge(document: Any) -> dict[str, Any]:
        wrong = [
            f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)
        ]
        assert not wrong, "\n".join(wrong)
        assert list(document) == list(schema["properties"]), "the top-level keys have an order"
        consistent(document)
        return document

    return judge


def strict_json(text: str) -> Any:
    """Exactly one document of standard JSON: NaN and Infinity are none."""

    def refuse(word: str) -> Any:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def consistent(document: dict[str, Any]) -> None:
    """Invariants that the figures of a report keep, worked out anew from the document alone."""
    consistent_checks(document)
    symbols = document["symbols"]
    for sizes in [{}] if symbols is None else symbols["samples"]:
        for layer in document["layers"]:
            consistent_layer(layer, sizes)
            consistent_sources(layer, document, sizes)
        if document["ok"]:
            consistent_totals(document, sizes)
            consistent_memory(document, sizes)
    if symbols is not None:
        consistent_symbols(document)
    if not document["ok"]:
        assert document["memory"] is None
        return
    layers = document["layers"]
    if not re.search(r"\binput\b[^|;()]*$", document["spec"] or ""):  # a last step that only hands an input on
        assert document["outputs"] == layers[-1]["outputs"]
    if document["outputs"]:  # else the forward is not known
        assert document["output"] == next(iter_tensors(document["outputs"]))[1]
    assert [layer["index"] for layer in layers] == list(range(len(layers)))
    assert len({layer["path"] for layer in layers}) == len(layers)
    consistent_unknown(document)


def consistent_checks(document: dict[str, Any]) -> None:
    """What was compared: agreement is equality, and every check belongs to a layer or to the whole."""
    measured, symbols = document["measured"], document["symbols"]
    checks = measured["checks"]
    assert measured["agrees"] == (all(c["formula"] == c["torch"] for c in checks) if checks else None)
    samples = [] if symbols is None else symbols["samples"]
    places = {", ".join(f"{name}={size}" for name, size in sizes.items()) for sizes in samples}
    for check in checks:
        assert check["status"] == ("agrees" if check["formula"] == check["torch"] else "differs")
        assert check["path"] in ("", *(layer["path"] for layer in document["layers"]))
        assert check["at"] in places if places else check["at"] is None
    if measured["status"] in ("not run", "failed"):
        assert not checks
        assert measured["reason"]


def consistent_totals(document: dict[str, Any], sizes: dict[str, int]) -> None:
    """The sums over all layers, weights that are used again counted once."""
    layers, totals = document["layers"], document["totals"]
    owners = [layer for layer in layers if layer["params"]["shared_with"] is None]
    macs = [number(layer["macs"], sizes) for layer in layers]
    saved = [number(layer["saved_bytes"], sizes) for layer in layers]
    told = {name: number(value, sizes) for name, value in totals.items()}
    known = all(layer["outputs"] for layer in layers)  # a class whose forward is not in the text may hold more
    params = sum(number(layer["params"]["total"], sizes) for layer in owners)
    trainable = sum(number(layer["params"]["trainable"], sizes) for layer in owners)
    assert told["params"] == (params if known else None)
    assert told["trainable_params"] == (trainable if known else None)
    assert told["buffers"] == (sum(number(layer["buffers"]["total"], sizes) for layer in owners) if known else None)
    if not known:
        assert document["known_part"]["params"] == params
    assert told["macs"] == (None if None in macs else sum(macs))
    assert told["flops"] == (None if None in macs else 2 * sum(macs))
    assert told["saved_bytes"] == (None if None in saved else sum(saved))
    made = sum(bytes_of(tensor, sizes) for layer in layers for _, tensor in iter_tensors(layer["outputs"]))
    assert told["activation_bytes"] == (made if known else None)


def consistent_memory(document: dict[str, Any], sizes: dict[str, int]) -> None:
    """The account of memory adds up, and is the one of the layers."""
    if document["memory"] is None:
        assert document["totals"]["saved_bytes"] is None
        return
    layers, totals = document["layers"], document["totals"]
    told = {name: number(value, sizes) for name, value in document["memory"].items() if name not in ("optimizer", "at")}
    fixed = told["parameters"] + told["buffers"]
    assert fixed == number(totals["param_bytes"], sizes)
    assert told["kept"] == number(totals["saved_bytes"], sizes)
    assert told["kept_known"] == sum(number(layer["saved_bytes"], sizes) or 0 for layer in layers)
    peak = told["inference_peak"]
    assert told["inference"] == (None if peak is None else fixed + peak)
    training = fixed + told["gradients"] + told["optimizer_state"]
    assert told["training"] == (None if told["kept"] is None else training + told["kept"])
    assert told["gradients"] <= told["parameters"]
    if document["memory"]["optimizer"] == "sgd":
        assert told["optimizer_state"] == 0
    outputs = [bytes_of(tensor, sizes) for layer in layers for _, tensor in iter_tensors(layer["outputs"])]
    if peak is None:
        assert document["symbols"] is not None
        assert told["largest"] is None
    else:
        assert told["largest"] <= min(peak, max(outputs, default=0))
    assert set(document["memory"]["at"].values()) <= {None, *(layer["path"] for layer in layers)}


def consistent_symbols(document: dict[str, Any]) -> None:
    """What is said of open sizes: torch is asked at sizes that meet the demands, the smallest first."""
    symbols = document["symbols"]
    names = set(symbols["names"])
    for sizes in (*symbols["samples"], *([symbols["smallest"]] if symbols["smallest"] else [])):
        assert set(sizes) == names
        for demand in symbols["demands"]:
            assert number(demand["text"], sizes) is True, f"{demand['text']} at {sizes}"
    if symbols["smallest"] is not None and document["ok"]:
        assert symbols["samples"][0] == symbols["smallest"]


def consistent_unknown(document: dict[str, Any]) -> None:
    """Every figure that is null says why."""
    said = {(entry["of"], entry["path"]) for entry in document["unknown"]}
    layers = document["layers"]
    assert {path for of, path in said if of == "macs"} == {layer["path"] for layer in layers if layer["macs"] is None}
    nothing_saved = {layer["path"] for layer in layers if layer["saved_bytes"] is None}
    if document["memory"] is None:
        assert ("saved_bytes", "") in said
    else:
        assert {path for of, path in said if of == "saved_bytes"} == nothing_saved
    assert (document["known_part"] is None) == all(layer["macs"] is not None for layer in layers)
    first = next((layer for layer in layers if _lost(layer["receptive_field"])), None)
    if first is not None:
        # said once, maybe at a row before of which no axis is known
        until = [layer["path"] for layer in layers[: layers.index(first) + 1]]
        assert any(("receptive_field", path) in said for path in until)


def _lost(field: dict[str, Any] | None) -> bool:
    """Whether a receptive field has an axis that is neither known nor global."""
    return field is not None and any(
        size is None and not whole for size, whole in zip(field["size"], field["global"])
    )  # fmt: skip


def consistent_sources(layer: dict[str, Any], document: dict[str, Any], sizes: dict[str, int]) -> None:
    """What feeds a layer comes before it, and has the shape that the layer is fed; where it stands is its path."""
    fed = {item["name"]: item for item in layer["inputs"]}
    for source in layer["sources"]:
        if source["layer"] is None:  # an input of the whole, which may be None
            assert source["path"]
            continue
        assert any(name == source["input"] or name.startswith(f"{source['input']}.") for name in fed), source
        assert source["layer"] < layer["index"]
        found = document["layers"][source["layer"]]["outputs"]
        found = found[0] if len(found) == 1 else found
        for step in source["path"]:
            found = found[step]
        if isinstance(found, dict) and source["input"] in fed:
            for fact in ("shape", "dtype"):
                assert number(found[fact], sizes) == number(fed[source["input"]][fact], sizes), source
    for block in layer["blocks"]:
        assert f"{layer['path']}.".startswith(f"{block['path']}."), block
        assert 0 <= block["number"] < block["of"]
        assert (block["kind"] == "branch") == bool(block["name"])
    field = layer["receptive_field"]
    if field is not None:
        assert len({len(figures) for figures in field.values()}) == 1
        for size, stride, padding, centre, whole in zip(
            *(field[name] for name in ("size", "stride", "padding", "centre", "global"))
        ):
            assert (size is None) == (stride is None) == (padding is None) == (centre is None)
            assert size is None or (not whole and stride >= 0)


def consistent_layer(layer: dict[str, Any], sizes: dict[str, int]) -> None:
    """One layer: its formulas evaluate to their values, and there is one for every axis and every count."""
    for kind in ("params", "buffers"):
        shapes = number(list(layer[kind]["tensors"].values()), sizes)
        assert number(layer[kind]["total"], sizes) == sum(math.prod(shape) for shape in shapes)
    assert number(layer["params"]["trainable"], sizes) <= number(layer["params"]["total"], sizes)
    assert set(layer["given"]) <= set(layer["args"])
    if not layer["formulas"]:
        return  # --brief, or nothing to tell
    values = {}
    for formula in layer["formulas"]:
        value = number(formula["value"], sizes)
        assert number(formula["python"], sizes) == value, formula
        assert formula["of"] not in values, f"{formula['of']} has two formulas"
        values[formula["of"]] = value
    axes = {
        f"outputs.{path}.{axis}": number(size, sizes)
        for path, tensor in iter_tensors(layer["outputs"])
        for axis, size in enumerate(tensor["shape"])
    }
    assert {of: value for of, value in values.items() if of.startswith("outputs.")} == axes
    for of, value in (
        ("params", layer["params"]["total"]),
        ("buffers", layer["buffers"]["total"]),
        ("macs", layer["macs"]),
    ):
        assert values.get(of, 0) == (number(value, sizes) or 0), of


def number(value: Any, sizes: dict[str, int]) -> Any:
    """A figure at these sizes: closed forms and formulas are Python, other values are as they are."""
    if isinstance(value, list):
        return [number(item, sizes) for item in value]
    if not isinstance(value, str) or value in ITEM_BYTES:
        return value
    names = {"__builtins__": {}, "min": min, "max": max, "floor": math.floor, "ceil": math.ceil, **sizes}
    return eval(value, names)


def bytes_of(tensor: dict[str, Any], sizes: dict[str, int]) -> int:
    """The bytes of a tensor."""
    return math.prod(number(tensor["shape"], sizes)) * ITEM_BYTES[tensor["dtype"]]


ITEM_BYTES = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "float16": 2, "bfloat16": 2, "float32": 4,
    "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip


def iter_tensors(tree: list[Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every tensor in nested outputs, with the way to it."""
    for index, item in enumerate(tree):
        here = f"{path}.{index}" if path else str(index)
        if isinstance(item, list):
            yield from iter_tensors(item, here)
        elif item is not None:
            yield here, item


# --- torch ---------------------------------------------------------------------------------------------------------


class SharedTorch:
    """One real process with torch for the whole session; who closes it closes nothing."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.closed = 0

    def ask(self, plan: Any, timeout: float = 60.0) -> Any:
        return self.real.ask(plan, timeout)

    def ask_all(self, plans: Any, timeout: float = 60.0) -> Any:
        return self.real.ask_all(plans, timeout)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(scope="session")
def torch_child() -> Iterator[SharedTorch]:
    """The child that verified runs of the tests ask."""
    from layercli.measure.child import Reusable

    with Reusable() as real:
        yield SharedTorch(real)


class FakeTorch:
    """A child whose answer is the real one's, changed; or whatever the function gives."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.answer = answer
        self.plans: list[Any] = []
        self.closed = 0

    def ask(self, plan: Any, timeout: float = 60.0) -> Any:
        self.plans.append(plan)
        return self.answer(plan)

    def ask_all(self, plans: Any, timeout: float = 60.0) -> Any:
        return tuple(self.ask(plan, timeout) for plan in plans)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def fake_torch() -> type[FakeTorch]:
    """Makes a child that answers by a function of the plan."""
    return FakeTorch


@pytest.fixture
def lying_torch(torch_child: SharedTorch) -> FakeTorch:
    """A child that reports one more on the first axis of the first output than torch did."""

    def lie(plan: Any) -> Any:
        found = torch_child.ask(plan)
        first, *rest = found.outputs
        tensor = {**first[0], "shape": [first[0]["shape"][0] + 1, *first[0]["shape"][1:]]}
        return found._replace(outputs=([tensor, *first[1:]], *rest))

    return FakeTorch(lie)


# --- the command ---------------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


class Told(NamedTuple):
    """What an error message shows to a person."""

    message: str
    line: str
    """The source line that is shown."""
    under: str
    """What stands over the carets."""
    fix: str


def told(err: str) -> Told:
    """Takes an error message apart; fails where it is not what, where and one fix."""
    lines = err.rstrip("\n").split("\n")
    assert lines[0].startswith("error: "), err
    assert not any("Traceback" in line for line in lines), err
    fixes = [line for line in lines if line.startswith("  fix: ")]
    assert len(fixes) <= 1, f"one fix, not {len(fixes)}: {err}"
    fix = fixes[0].removeprefix("  fix: ") if fixes else ""
    carets = [index for index, line in enumerate(lines) if line.strip() and not line.strip(" ^")]
    if not carets:
        return Told(lines[0].removeprefix("error: "), "", "", fix)
    (at,) = carets
    shown, marks = lines[at - 1], lines[at]
    assert "^" * marks.count("^") in marks, "the carets stand side by side"
    return Told(lines[0].removeprefix("error: "), shown.strip(), shown[marks.index("^") : marks.rindex("^") + 1], fix)


class Cli:
    """Runs command lines in this process, and in processes of their own."""

    def __init__(
        self, capsys: Any, monkeypatch: Any, torch: Callable[[], Any], validate: Any, folder: pathlib.Path
    ) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self._torch = torch
        self._validate = validate
        self.folder = folder

    def __call__(
        self, line: str | list[str], *, child: Any = None, stdin: bytes | None = None, exits: bool = False
    ) -> Answer:
        """A command line, split as a shell does; torch's part is done by the shared child or the one given.

        ``exits``: Typer may end the process, as it does when it completes.
        """
        from layercli.cli.app import run

        words = shlex.split(line) if isinstance(line, str) else line
        if stdin is not None:
            self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        self._capsys.readouterr()
        try:
            code = run(words, child if child is not None else self._torch())
        except SystemExit as ended:
            assert exits, "only __main__ ends the process"
            code = ended.code or 0
        out, err = self._capsys.readouterr()
        return Answer(int(code), out, err)

    def json(self, line: str | list[str], code: int = 0, **how: Any) -> dict[str, Any]:
        """The one document that the command line writes with --json, judged."""
        words = shlex.split(line) if isinstance(line, str) else line
        answer = self([*words, "--json"], **how)
        assert answer.code == code, answer
        return self._validate(strict_json(answer.out))

    def told(self, line: str | list[str], code: int = 2, **how: Any) -> Told:
        """The error of a command line that writes no result."""
        answer = self(line, **how)
        assert answer.code == code, answer
        assert answer.out == "", "an error is no result"
        return told(answer.err)

    @staticmethod
    def parse(err: str) -> Told:
        """An error message, taken apart."""
        return told(err)

    def documents(self, text: str) -> list[dict[str, Any]]:
        """JSON Lines, each judged."""
        return [self._validate(strict_json(line)) for line in text.splitlines()]

    def process(
        self, words: list[str], *, stdin: bytes = b"", code: str = "", timeout: float = 60.0, **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        """The command in a process of its own, its streams pipes; ``code`` is run by Python in its place."""
        start = ["-c", code] if code else ["-m", "layercli"]
        return subprocess.run(
            [sys.executable, *start, *words],
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env=environment(**variables),
            cwd=self.folder,
        )

    def popen(self, words: list[str], **how: Any) -> subprocess.Popen[bytes]:
        """The command in a process of its own, to be talked to."""
        variables = how.pop("variables", {})
        return subprocess.Popen(
            [sys.executable, "-m", "layercli", *words], env=environment(**variables), cwd=self.folder, **how
        )


def environment(**variables: str) -> dict[str, str]:
    """This environment without what changes the command's drawing, and with the package to be tested."""
    kept = {name: value for name, value in os.environ.items() if name not in _DRAWING}
    path = os.pathsep.join(filter(None, [variables.pop("PYTHONPATH", ""), str(PACKAGE_PARENT), kept.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **variables}


_DRAWING = {"NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "LINES", "PYTHONIOENCODING", "_LAYERCLI_COMPLETE"}


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    validate: Any,
    tmp_path: pathlib.Path,
) -> Cli:
    """The command."""
    for name in _DRAWING:
        monkeypatch.delenv(name, raising=False)
    return Cli(capsys, monkeypatch, lambda: request.getfixturevalue("torch_child"), validate, tmp_path)


@pytest.fixture
def no_torch() -> FakeTorch:
    """A child that must not be asked."""

    def refuse(plan: Any) -> Any:
        raise AssertionError("torch was asked")

    return FakeTorch(refuse)


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[[str, str | bytes], pathlib.Path]:
    """Writes a file into the test's folder."""

    def put(name: str, content: str | bytes) -> pathlib.Path:
        path = tmp_path / name
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put
