"""The parent's side of the worker: starts it, asks it, and turns every way it can end into a Measurement."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from layercli.measurement import FAILED, Measurement

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from types import TracebackType

    from layercli.plan import Plan

TIMEOUT = 60.0

_PACKAGE_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Run by `python -c`. The user's working directory leaves the path first, so that a torch.py lying there is not torch
# (what -P does from Python 3.11 on); ours comes first only until our own package is found.
_START = """\
import sys
if sys.path[:1] == [""]: del sys.path[0]
sys.path.insert(0, sys.argv[1])
from layercli.measure.worker import main
sys.path.append(sys.path.pop(0))
main("--once" in sys.argv)
"""


class Child:
    """A process with torch in it, loading from the moment this is made.

    Nothing that happens to the process raises here: a crash, a time-out, a missing torch are Measurements with the
    status ``failed``. After one of those it is not :attr:`alive`, and says so to every further plan.
    """

    def __init__(self, *, once: bool = False) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: int | None = None
        self._problem = ""
        self._once = once
        self._start()

    def _start(self) -> None:
        import subprocess

        command = [sys.executable, "-c", _START, _PACKAGE_PARENT, *(["--once"] if self._once else [])]
        if hasattr(os, "memfd_create"):
            self._errors = os.memfd_create("layercli-torch-stderr")
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if self._errors is None else self._errors,
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
        except OSError as error:
            self._problem = f"torch's process cannot be started: {error}"

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._problem and self._process is not None and self._process.poll() is None

    def ask(self, plan: Plan, timeout: float = TIMEOUT) -> Measurement:
        """What torch does with the plan, or why that is not known; at the latest after ``timeout`` seconds."""
        return self.ask_all((plan,), timeout)[0]

    def ask_all(self, plans: Sequence[Plan], timeout: float = TIMEOUT) -> tuple[Measurement, ...]:
        """As :meth:`ask` of several plans, in one question."""
        answer = self._asked(plans, timeout)
        return answer if len(answer) == len(plans) else answer[:1] * len(plans)

    def _asked(self, plans: Sequence[Plan], timeout: float) -> tuple[Measurement, ...]:
        import json
        import threading

        from layercli.plan import plan_to_json

        if self._problem or self._process is None:
            return (Measurement(FAILED, self._problem or "torch's process has ended"),)
        question = json.dumps([plan_to_json(plan) for plan in plans]).encode() + b"\n"
        answer: list[bytes] = []
        # A thread, because both pipes can block, and because pipes cannot be selected on everywhere.
        thread = threading.Thread(target=_exchange, args=(self._process, question, answer), daemon=True)
        thread.start()
        try:
            thread.join(min(timeout, threading.TIMEOUT_MAX))
        except BaseException:
            self.close()  # its answer would be taken for that to the next question
            raise
        if thread.is_alive():
            self.close()
            thread.join(1)
            self._problem = f"torch's process did not answer within {timeout:g} s"
        elif not answer or not answer[0].endswith(b"\n"):
            self._problem = self._ending()
            self.close()
        else:
            if self._once:
                self._problem = "torch's process answers one question and has answered it"
            return tuple(map(Measurement.from_json, json.loads(answer[0])))
        return (Measurement(FAILED, self._problem),)

    def _ending(self) -> str:
        """How a process that closed its end came to do so."""
        import signal
        import subprocess

        assert self._process is not None
        try:
            status = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "torch's process stopped answering"
        if status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = "unknown"
            hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""
            return f"torch's process was killed by signal {-status} ({name}){hint}"
        said = self._last_words()
        return f"torch's process ended with status {status}" + (f": {said}" if said else "")

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        size = os.fstat(self._errors).st_size
        lines = os.pread(self._errors, 2000, max(0, size - 2000)).decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """End the process, at once."""
        process, self._process = self._process, None
        self._problem = self._problem or "torch's process has been closed"
        if process is not None:
            import subprocess

            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            if process.returncode is not None:
                for pipe in (process.stdin, process.stdout):
                    with contextlib.suppress(OSError):
                        pipe.close()  # type: ignore[union-attr]
        if self._errors is not None:
            os.close(self._errors)
            self._errors = None

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Reusable:
    """One child for many plans. A plan that ends the child is told so; the next plan gets a new child."""

    def __init__(self) -> None:
        self._child = Child()

    def ask(self, plan: Plan, timeout: float = TIMEOUT) -> Measurement:
        """As :meth:`Child.ask`."""
        if not self._child.alive:
            self._child.close()
            self._child = Child()
        return self._child.ask(plan, timeout)

    def ask_all(self, plans: Sequence[Plan], timeout: float = TIMEOUT) -> tuple[Measurement, ...]:
        """As :meth:`Child.ask_all`."""
        if not self._child.alive:
            self._child.close()
            self._child = Child()
        return self._child.ask_all(plans, timeout)

    def close(self) -> None:
        """End the child."""
        self._child.close()

    def __enter__(self) -> Reusable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def measure(plans: Sequence[Plan], timeout: float = TIMEOUT) -> tuple[Measurement, ...]:
    """What torch does with these plans, in a process of its own."""
    with Child(once=True) as child:
        return child.ask_all(plans, timeout)


def measure_in_process(plan: Plan) -> Measurement:
    """What torch does with the plan, in this process: quicker where torch is loaded, but a crash takes it down."""
    try:
        from layercli.measure.build import run_plan

        return run_plan(plan)
    except ImportError as error:
        return Measurement(FAILED, f"torch cannot be imported: {str(error) or type(error).__name__}")
    except Exception as error:
        return Measurement(FAILED, f"layercli could not run it: {type(error).__name__}: {error}")


def _exchange(process: subprocess.Popen[bytes], question: bytes, answer: list[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(question)
        process.stdin.flush()
    except (OSError, ValueError):
        pass  # it died, or is being closed; what it said before is still to be read
    with contextlib.suppress(OSError, ValueError):
        answer.append(process.stdout.readline())
