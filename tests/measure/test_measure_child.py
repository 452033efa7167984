"""The process: its protocol, its ends, and what becomes of them."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from layercli.measure.child import Child, Reusable, measure, measure_in_process
from layercli.measurement import Measurement
from layercli.plan import Call, Input, Module, Plan, Ref, Tensor
from tests.measure.plans import conv, crash, plan, shape

LONG = 70_000  # more than a pipe holds


@pytest.fixture(scope="module")
def torch_child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reusable]:
    """One real child for all tests, started where files lie in wait under the names of modules."""
    folder = tmp_path_factory.mktemp("cwd")
    for name in ("torch.py", "json.py", "typing.py", "layercli.py"):
        (folder / name).write_text("raise SystemExit('a file of the working directory was imported')")
    before = pathlib.Path.cwd()
    os.chdir(folder)
    try:
        child = Reusable()
    finally:
        os.chdir(before)
    with child:
        yield child


@pytest.fixture
def fake_torch(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A file that the child takes for torch: what it does there is quick, and certain."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "torch.py"


def test_a_plan_is_answered(torch_child: Reusable) -> None:
    answer = torch_child.ask(conv())
    assert answer.status == "measured", answer.reason
    assert answer.outputs == ([shape(1, 8, 12, 12)],)
    assert answer.modules[0].trainable == 608


def test_large_questions_and_answers(torch_child: Reusable) -> None:
    calls = tuple(Call(0, (Ref(None, (0,)),)) for _ in range(LONG // 30))
    answer = torch_child.ask(Plan((Module("Identity"),), (Input(Tensor((1,) * 20)),), calls))
    assert len(str(answer.to_json())) > LONG
    assert len(answer.outputs) == len(calls)
    values = Tensor((LONG,), "int64", values=(1,) * LONG)
    assert torch_child.ask(plan(Module("Identity"), values)).outputs == ([shape(LONG, dtype="int64")],)


def test_a_mistake_of_ours_is_a_failed_measurement(torch_child: Reusable) -> None:
    broken = conv()._replace(calls=(Call(7, ()),))
    answer = torch_child.ask(broken)
    assert answer.status == "failed"
    assert answer.reason.startswith("layercli could not run it: IndexError")
    assert measure_in_process(broken) == answer
    assert torch_child.ask(conv()).status == "measured"


def test_a_crash_costs_its_own_line_only(torch_child: Reusable) -> None:
    answer = torch_child.ask(crash())
    if answer.status == "measured":
        pytest.skip("this torch survives the call")
    assert answer == Measurement("failed", "torch's process was killed by signal 11 (SIGSEGV)")
    assert torch_child.ask(conv()).status == "measured"


def test_one_question_in_process_and_out_of_it() -> None:
    inside, (outside,) = measure_in_process(conv()), measure([conv()])
    assert inside._replace(seconds=None) == outside._replace(seconds=None)


def test_several_plans_in_one_question(torch_child: Reusable) -> None:
    plans = [conv(), plan(Module("Linear", (3, 4)), Tensor((2, 3))), plan(Module("Linear", (3, 4)), Tensor((2, 5)))]
    first, second, third = torch_child.ask_all(plans)
    assert [first, second] == [torch_child.ask(one)._replace(seconds=got.seconds) for one, got in
                               zip(plans, (first, second))]  # fmt: skip
    assert second.outputs == ([shape(2, 4)],)
    assert third.error is not None
    assert third.error.stage == "forward", "a refusal of one is none of the others"
    assert torch_child.ask_all([]) == ()


def test_a_failure_is_the_answer_to_every_plan(torch_child: Reusable) -> None:
    broken = conv()._replace(calls=(Call(7, ()),))
    answers = torch_child.ask_all([conv(), broken])
    assert [answer.status for answer in answers] == ["failed", "failed"]
    with Child(once=True) as child:
        assert [answer.status for answer in child.ask_all([conv(), conv()])] == ["measured", "measured"]
        assert not child.alive, "it was one question"


def test_a_child_for_once_ends_by_itself() -> None:
    with Child(once=True) as child:
        process = child._process
        assert process is not None
        assert child.alive
        assert child.ask(conv()).status == "measured"
        assert not child.alive
        assert process.wait(5) == 0
        assert child.ask(conv()).status == "failed"


def test_nothing_that_torch_prints_reaches_the_answer(fake_torch: pathlib.Path) -> None:
    fake_torch.write_text(
        "import os, sys, warnings\n"
        "print('{\"status\": \"measured\"}', flush=True); os.write(1, b'{}\\n'); os.system('echo {}')\n"
        "warnings.warn('no numpy'); raise ImportError('libtorch.so is not there')\n"
    )
    with Child() as child:
        for _ in range(2):
            assert child.ask(conv()) == Measurement("failed", "torch cannot be imported: libtorch.so is not there")
        assert child.alive


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "torch's process was killed by signal 9 (SIGKILL), perhaps because memory ran out"),
        ("os.kill(os.getpid(), 6)", "torch's process was killed by signal 6 (SIGABRT)"),
        ("os._exit(3)", "torch's process ended with status 3: what a pity"),
        ("os._exit(0)", "torch's process ended with status 0: what a pity"),
        ("os.close(0)", "torch's process ended with status 1"),
    ],
)
def test_every_ending_has_its_words(fake_torch: pathlib.Path, ending: str, reason: str) -> None:
    fake_torch.write_text(f"import os\nos.write(2, b'what a pity\\n')\n{ending}\n")
    with Child() as child:
        answer = child.ask(plan(Module("Identity"), Tensor((LONG,), values=(1.0,) * LONG)))
        assert answer.status == "failed"
        assert answer.reason.startswith(reason)
        assert not child.alive
        assert child.ask(conv()).reason == answer.reason


@pytest.mark.parametrize("size", [1, LONG])
def test_a_time_out_holds_and_ends_the_child(fake_torch: pathlib.Path, size: int) -> None:
    fake_torch.write_text("import time\ntime.sleep(60)\n")
    began = time.perf_counter()
    with Child() as child:
        process = child._process
        answer = child.ask(plan(Module("Identity"), Tensor((size,), values=(1.0,) * size)), timeout=0.2)
        assert answer == Measurement("failed", "torch's process did not answer within 0.2 s")
        assert not child.alive
    assert process is not None
    assert process.returncode == -signal.SIGKILL
    assert time.perf_counter() - began < 5


def test_a_child_that_was_killed_meanwhile(fake_torch: pathlib.Path) -> None:
    fake_torch.write_text("import time\ntime.sleep(60)\n")
    with Child() as child:
        assert child._process is not None
        child._process.kill()
        assert "SIGKILL" in child.ask(conv()).reason


def test_closing_is_quick_and_may_be_repeated(fake_torch: pathlib.Path) -> None:
    fake_torch.write_text("import time\ntime.sleep(60)\n")
    child = Child()
    began = time.perf_counter()
    child.close()
    child.close()
    assert time.perf_counter() - began < 1
    assert not child.alive
    assert child.ask(conv()) == Measurement("failed", "torch's process has been closed")


def test_a_python_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    answers = measure([conv(), conv()])
    assert len(answers) == 2, "an answer for each plan"
    assert all(answer.reason.startswith("torch's process cannot be started: ") for answer in answers)


def test_the_worker_leaves_when_its_input_ends(fake_torch: pathlib.Path) -> None:
    fake_torch.write_text("raise ImportError")
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "layercli.measure.worker"],
        cwd=root,
        input=b"{}\n",
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == b'[{"status": "failed", "reason": "torch cannot be imported: ImportError"}]\n'


def test_an_interrupted_question_ends_the_child(fake_torch: pathlib.Path) -> None:
    fake_torch.write_text("import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)\n")
    child = Child()
    with pytest.raises(KeyboardInterrupt):
        child.ask(conv())
    assert not child.alive
