"""The child process: loads torch at once, then answers one line of JSON, a list of plans, with one line of JSON.

Standard output belongs to the answers alone: whatever torch prints goes where standard error goes. It leaves by
``os._exit``, because torch's own teardown takes 0.3 s.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def main(once: bool) -> None:
    """Answer plans from standard input until it ends, or one plan; does not return."""
    answers = os.dup(1)
    os.dup2(2, 1)
    problem = _load_torch(keep_collecting=not once)
    for line in iter(sys.stdin.buffer.readline, b""):
        _write(answers, _answer(line, problem))
        if once:
            break
    os._exit(0)


def _load_torch(keep_collecting: bool) -> str:
    """Import torch, quietly; the empty string, or why it cannot be imported."""
    import gc
    import warnings

    warnings.simplefilter("ignore")
    # Threads that spin while they wait cost 20 ms and more a call on a machine that has other work to do.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.disable()  # a tenth of the import is spent looking for garbage that is not there
    try:
        import torch  # noqa: F401
    except Exception as error:
        return f"torch cannot be imported: {str(error) or type(error).__name__}"
    finally:
        if keep_collecting:
            gc.freeze()
            gc.enable()
    return ""


def _answer(line: bytes, problem: str) -> list[dict[str, Any]]:
    """An answer to each plan of the line; one for all where something is wrong."""
    if problem:
        return [{"status": "failed", "reason": problem}]
    try:
        import json

        from layercli.measure.build import run_plan
        from layercli.plan import plan_from_json

        return [run_plan(plan_from_json(plan)).to_json() for plan in json.loads(line)]
    except Exception as error:
        return [{"status": "failed", "reason": f"layercli could not run it: {type(error).__name__}: {error}"}]


def _write(stream: int, answer: list[dict[str, Any]]) -> None:
    import json

    rest = memoryview(json.dumps(answer).encode() + b"\n")
    try:
        while rest:
            rest = rest[os.write(stream, rest) :]
    except OSError:
        os._exit(1)  # nobody listens any more


if __name__ == "__main__":
    main(once="--once" in sys.argv[1:])
