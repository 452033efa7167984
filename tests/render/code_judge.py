"""Runs the code that is printed for a design, and holds it against the design: numbers, counts, tidiness."""

from __future__ import annotations

import ast
import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from layercli.analysis.flow import as_json
from layercli.analysis.walk import Options, analyse_spec
from layercli.measure import tensors
from layercli.measure.build import _Net
from layercli.measure.device import choose
from layercli.plan import Input, Literal, Plan
from layercli.render.code import code
from layercli.report import Report
from layercli.spec import parse

LONGEST = 100
LARGE = 50_000_000
"""Designs with more multiply-adds are compared by their shapes alone."""


def ask(spec: str, *inputs: Input, **options: Any) -> Report:
    report = Report(analyse_spec(parse(spec), inputs, Options(**options)), None, "not asked")
    if report.analysis.error is not None:
        raise report.analysis.error
    return report


def judge(report: Report) -> str:
    """Runs the code of a design and compares; returns it."""
    source = code(report)
    tidy(source)
    plan = report.analysis.plan
    assert plan is not None
    device = choose(plan).device
    if device == "cpu" and (report.totals["macs"] or 0) > LARGE:
        device = "meta"
    with warnings.catch_warnings(), torch.device(device or "meta"), torch.no_grad():
        warnings.simplefilter("ignore")  # torch's remarks on what the design asks for
        net = built(source).train(plan.mode == "train")
        if device is not None:
            feeds = [tensors.feed(torch, item.feed, device, lambda _: None) for item in plan.inputs]
            fed = [feed for feed, item in zip(feeds, plan.inputs) if not isinstance(item.feed, Literal | None)]
            with in_order():
                given = net(*fed)
            assert tensors.outputs(torch, given) == [as_json(tree) for tree in report.analysis.outputs], source
            if device == "cpu" and plan.calls:
                with in_order():
                    expected = run_of(plan, feeds)
                assert_same(given, expected, source)
        params = sum(item.numel() for item in net.parameters())
        buffers = sum(item.numel() for item in net.buffers())
    assert (params, buffers) == (report.totals["params"], report.totals["buffers"]), source
    return source


def built(source: str) -> Any:
    """The net that the code makes."""
    names: dict[str, Any] = {}
    exec(compile(source, "net.py", "exec"), names)
    return names["Net"]() if "Net" in names else names["net"]


def run_of(plan: Plan, feeds: list[Any]) -> Any:
    """What the modules of the plan give, called one by one."""
    net = _Net(torch, plan, "cpu")
    net.feeds = feeds
    modules = [net._module(index, spec) for index, spec in enumerate(plan.modules)]
    results: dict[int, Any] = {}
    for index, call in enumerate(plan.calls):
        args = [net._wire(wire, results) for wire in call.args]
        kwargs = {name: net._wire(wire, results) for name, wire in call.kwargs.items()}
        results[index] = modules[call.module](*args, **kwargs)
    return results[len(plan.calls) - 1]


@contextlib.contextmanager
def in_order() -> Iterator[None]:
    """Inside, every layer of torch gets weights and random numbers by when it is called, whatever it is a part of."""
    calls = 0

    def seed(module: Any, _: Any) -> None:
        nonlocal calls
        if isinstance(module, torch.nn.Sequential | torch.nn.Identity) or not of_torch(module):
            return
        calls += 1
        torch.manual_seed(calls)
        for item in module.parameters():
            if not isinstance(item, torch.nn.UninitializedParameter):
                item.data.copy_(torch.randn(item.shape, dtype=torch.float32))
        for item in module.buffers():
            if not isinstance(item, torch.nn.UninitializedBuffer):
                item.fill_(1)

    hook = torch.nn.modules.module.register_module_forward_pre_hook(seed)
    try:
        yield
    finally:
        hook.remove()


def of_torch(module: Any) -> bool:
    return type(module).__module__.startswith("torch.nn.modules")


def assert_same(given: Any, expected: Any, source: str) -> None:
    if isinstance(expected, tuple | list) and not hasattr(expected, "batch_sizes"):
        if len(expected) == 1 and isinstance(given, torch.Tensor):
            given = (given,)
        for one, other in zip(given, expected, strict=True):
            assert_same(one, other, source)
    elif isinstance(expected, torch.Tensor):
        assert torch.allclose(given, expected, equal_nan=True), source


def tidy(source: str) -> None:
    """What a linter asks: no import without use, no name without one, no trailing space, no line that is too long."""
    for line in source.splitlines():
        assert line == line.rstrip(), source
        assert len(line) <= LONGEST, source
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {name.asname or name.name for node in imports for name in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert imported <= used, source
    assert used & {"torch", "F", "nn"} <= imported, source
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "forward"):
        nodes = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        read = {node.id for node in nodes if isinstance(node.ctx, ast.Load)}
        assert {node.id for node in nodes if isinstance(node.ctx, ast.Store)} <= {*read, "_"}, source
    for name in re.findall(r"^        self\.(\w+) = ", source, re.M):
        assert len(re.findall(rf"self\.{name}\b", source)) > 1, source
