"""The walls of the house: which room imports which, who loads heavy packages, who prints, who exits."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import layercli

ROOT = pathlib.Path(layercli.__file__).parent

LEAVES = {"errors", "version"}
"""What any room may import: the error that every stage raises, and a string."""

EVERYTHING_BUT_CLI = {
    "analysis",
    "spec",
    "layers",
    "formula",
    "plan",
    "measure",
    "measurement",
    "checks",
    "report",
    "expect",
    "render",
    "explain",
    "design",
}

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "version": set(),
    "plan": set(),
    "measurement": set(),
    "formula": set(),
    "spec": set(),
    "layers": {"formula"},
    "analysis": {"spec", "layers", "formula", "plan"},
    "measure": {"plan", "measurement"},
    "checks": {"analysis", "measurement"},
    "report": {"analysis", "formula", "plan", "measurement", "checks", "expect", "render"},
    "expect": {"analysis", "plan", "report"},
    "explain": {"analysis", "layers", "formula", "spec", "plan"},
    "design": {"analysis", "layers", "formula", "spec", "plan", "report", "expect", "checks", "measurement"},
    "render": {
        "report", "expect", "design", "checks", "analysis", "measurement", "layers", "plan", "explain", "formula",
    },
    "batch": EVERYTHING_BUT_CLI,
    "api": EVERYTHING_BUT_CLI,
    "explorer": EVERYTHING_BUT_CLI,
    "cli": EVERYTHING_BUT_CLI | {"batch", "api", "explorer"},
    "__main__": {"cli", "measure"},
    "__init__": {"api", "report"},
}  # fmt: skip
"""The table of docs/design.md, room by room."""

LAZY_BACK = {("report", "render"), ("report", "expect")}
"""The imports that point back: a report draws itself, and holds claims against itself, inside the methods that do."""

INSIDE_FUNCTIONS_ONLY = LAZY_BACK | {
    ("api", "measure"),
    ("__main__", "cli"),
    ("__main__", "measure"),
    ("cli", "batch"),
    ("cli", "explorer"),
    ("cli", "measure"),
}
"""Imports that must cost nothing until they are needed."""

HEAVY = {
    "torch": {"measure"},
    # The drawing itself is render's; cli/answer.py makes the console and the live display that it is drawn on.
    "rich": {"render", "cli", "explorer"},
    "typer": {"cli"},
    "numpy": set(),
    "sympy": set(),
    "textual": {"explorer"},
    "textual_serve": {"explorer"},
    "aiohttp": {"explorer"},
    "click": set(),
    "pydantic": set(),
}  # fmt: skip


class Import(NamedTuple):
    file: str
    line: int
    room: str
    module: str
    inside: bool
    typing: bool


def room_of(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def imports_of(path: pathlib.Path) -> Iterator[Import]:
    """Every import of a file, with what surrounds it."""
    relative = path.relative_to(ROOT)

    def walk(node: ast.AST, inside: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            names: list[str] = []
            if isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{relative}:{child.lineno}: write imports in full"
                module = child.module or ""
                names = [f"{module}.{alias.name}" for alias in child.names] if module == "layercli" else [module]
            for name in names:
                yield Import(str(relative), child.lineno, room_of(relative.parts), name, inside, typing)
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            only_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from walk(child, inside or function, typing or only_types)

    return walk(ast.parse(path.read_text("utf-8")), False, False)


FILES = sorted(ROOT.rglob("*.py"))
IMPORTS = [found for path in FILES for found in imports_of(path)]
OURS = [found for found in IMPORTS if found.module.split(".")[0] == "layercli"]


def target(found: Import) -> str:
    parts = found.module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def test_the_walk_sees_the_whole_package() -> None:
    assert {found.room for found in IMPORTS} >= {
        "analysis",
        "cli",
        "layers",
        "measure",
        "render",
        "report",
        "spec",
        "batch",
        "api",
    }
    assert len(OURS) > 100


@pytest.mark.parametrize("room", sorted({room_of(path.relative_to(ROOT).parts) for path in FILES}))
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    assert room in ALLOWED, f"{room} is a new room: say in docs/design.md and in this table what it may import"
    allowed = ALLOWED[room] | LEAVES | {room}
    wrong = [
        f"{found.file}:{found.line} imports {found.module}"
        for found in OURS
        if found.room == room and target(found) not in allowed
    ]
    assert not wrong, "\n".join(wrong)


def test_the_table_has_no_circles() -> None:
    """Imports point one way: the rooms can be put in an order."""
    left = {room: {to for to in targets if (room, to) not in LAZY_BACK} for room, targets in ALLOWED.items()}
    while left:
        free = [room for room, targets in left.items() if not targets & set(left)]
        assert free, f"these rooms import each other: {sorted(left)}"
        for room in free:
            del left[room]


@pytest.mark.parametrize(("room", "to"), sorted(INSIDE_FUNCTIONS_ONLY))
def test_what_is_imported_only_when_it_is_needed(room: str, to: str) -> None:
    found = [one for one in OURS if (one.room, target(one)) == (room, to)]
    assert found
    assert not [f"{one.file}:{one.line}" for one in found if not (one.inside or one.typing)]


@pytest.mark.parametrize("package", sorted(HEAVY))
def test_heavy_packages(package: str) -> None:
    used = [found for found in IMPORTS if found.module.split(".")[0] == package]
    strangers = [f"{found.file}:{found.line}" for found in used if found.room not in HEAVY[package]]
    assert not strangers
    if package != "typer":
        late = [found for found in used if found.room != "explorer"]  # which is itself loaded inside a function
        early = [f"{found.file}:{found.line}" for found in late if not (found.inside or found.typing)]
        assert not early, "inside functions only"
    if package in ("torch", "rich", "typer"):
        assert used


def test_only_standard_packages_else() -> None:
    known = {*sys.stdlib_module_names, *HEAVY, "layercli"}
    assert {found.module.split(".")[0] for found in IMPORTS if not found.typing} <= known
    assert {found.module.split(".")[0] for found in IMPORTS} <= known | {"typing_extensions"}, "for a type checker"


# --- who prints, who exits ------------------------------------------------------------------------------------------


def uses(path: pathlib.Path) -> Iterator[tuple[int, str]]:
    """Every name and dotted name that a file uses."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield node.lineno, ast.unparse(node)


EXITS = {"sys.exit", "exit", "quit", "SystemExit", "os._exit", "os.abort", "os.kill"}
STREAMS = {"print", "sys.stdout", "sys.stderr", "sys.stdout.write", "sys.__stdout__", "sys.__stderr__"}


def ends(path: pathlib.Path) -> Iterator[str]:
    """Every call and every raise of a file that ends the process; to catch another's is no end."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        named = node.func if isinstance(node, ast.Call) else node.exc if isinstance(node, ast.Raise) else None
        if named is not None and ast.unparse(named) in EXITS:
            yield ast.unparse(named)


def test_only_main_exits() -> None:
    found = {(str(path.relative_to(ROOT)), name) for path in FILES for name in ends(path)}
    # The worker is a process of its own, which leaves before torch's teardown.
    assert found == {("__main__.py", "sys.exit"), ("measure/worker.py", "os._exit")}


def test_only_the_command_line_prints() -> None:
    found = {
        str(path.relative_to(ROOT)) for path in FILES for _, name in uses(path) if name in STREAMS
    }  # fmt: skip
    allowed = {file for file in found if file.startswith(("cli/", "render/"))} | {"__main__.py"}
    assert found - allowed == set()
    assert any(file.startswith("cli/") for file in found)


def test_the_numbers_of_the_exit_codes_stand_in_one_place() -> None:
    for path in FILES:
        if path.name in ("errors.py", "worker.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "ExitCode", "typer.Exit"):
                assert not any(isinstance(argument, ast.Constant) for argument in node.args), f"{path}:{node.lineno}"


# --- and as it runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        (
            "import layercli; layercli.__version__",
            {"torch", "rich", "typer", "layercli.api", "layercli.report", "layercli.analysis", "json"},
        ),
        (
            "import layercli.api, layercli.batch, layercli.report",
            {"torch", "rich", "typer", "layercli.render", "layercli.measure.child"},
        ),
        (
            "from layercli import analyze; analyze('conv2d k=5', (1, 3, 16, 16), run=False).to_dict()",
            {"torch", "rich", "typer", "numpy", "subprocess"},
        ),
        ("from layercli import analyze; repr(analyze('conv2d k=5', run=False))", {"torch", "rich"}),
        (
            "import layercli.render.layout, layercli.render.plain, layercli.render.documents, layercli.render.table",
            {"torch", "rich"},
        ),
        (
            "import layercli.cli.app, layercli.cli.answer, layercli.cli.verb_run",
            {"torch", "rich.table", "rich.console", "layercli.render.layout"},
        ),
    ],
)
def test_what_an_import_costs(code: str, absent: set[str]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {[str(ROOT.parent), *sys.path]!r}\n{code}\nprint(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not absent & set(done.stdout.split())
