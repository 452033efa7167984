"""What the command costs before torch comes into it: against a Typer hello world and against Python itself."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from tests.bench.figures import against, heading, line
from tests.bench.timing import Question, layercli, run, side_by_side

HELLO = """\
import typer

app = typer.Typer()


@app.command()
def main(name: str = "world"):
    print(f"Hello {name}")


app()
"""

NO_RUN = ["conv2d", "--kernel", "5", "--dilation", "2", "--input", "1,3,16,16", "--no-run"]
COMPLETION = {"_LAYERCLI_COMPLETE": "complete_bash", "COMP_WORDS": "layercli conv", "COMP_CWORD": "1"}
UNWANTED = ("torch", "rich", "rich.table", "pydantic", "sympy", "numpy")

MODULES = f"""\
import json, sys
sys.argv = ["layercli", *{NO_RUN!r}]
from layercli.__main__ import main
try:
    main()
except SystemExit:
    pass
print("\\n" + json.dumps([name for name in {UNWANTED!r} if name in sys.modules] + [len(sys.modules)]))
"""


def main(quick: bool) -> None:
    """Prints the medians and their ratios to the hello world."""
    heading(f"Start-up, into a pipe, against a hello world of Typer {version('typer')}")
    barred = ("--version", "--help", "completion of conv", "conv2d ... --no-run")
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder, "hello.py")
        hello.write_text(HELLO)
        questions = {
            "python -c pass": Question([sys.executable, "-c", "pass"]),
            "Typer hello world": Question([sys.executable, str(hello)]),
            barred[0]: Question([*layercli(), "--version"]),
            barred[1]: Question([*layercli(), "--help"]),
            barred[2]: Question(layercli(), COMPLETION),
            barred[3]: Question([*layercli(), *NO_RUN]),
        }
        against(side_by_side(questions, 5 if quick else 31), "Typer hello world", 1.5, barred)
    *found, count = json.loads(run([sys.executable, "-c", MODULES]).output.splitlines()[-1])
    line(
        "modules after conv2d ... --no-run", f"{count} loaded; of {', '.join(UNWANTED)}: {', '.join(found) or 'none'}",
        "ok" if not set(found) & {"torch", "rich.table", "pydantic", "sympy"} else "SHORT",
    )  # fmt: skip
