"""Runs what the analysis planned through :mod:`layercli.measure.gradient`, to set the two beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from layercli import analyze
from layercli.analysis.receptive import Field, probes
from layercli.measure import gradient, tensors
from layercli.measure.build import _Net


class Beside(NamedTuple):
    """The receptive field by the formulas, and by gradients."""

    field: Field
    found: dict[str, Any]


class Refused(Exception):
    """The formulas do not accept the design."""


def beside(spec: str, shape: Sequence[int]) -> Beside:
    """Both, for a spec on one input."""
    report = analyze(spec, tuple(shape), run=False)
    if report.analysis.error is not None:
        raise Refused(report.analysis.error.message)
    plan, field = report.analysis.plan, report.analysis.rows[-1].reach
    assert plan is not None
    net = _Net(torch, plan, "cpu")
    modules = [net._module(index, module) for index, module in enumerate(plan.modules)]
    feeds = [tensors.feed(torch, item.feed, "cpu", net._nested) for item in plan.inputs]

    net.modules, net.feeds = modules, feeds
    with torch.no_grad():
        net.run()  # lazy modules settle their weights

    feeds = [feed.double() if isinstance(feed, torch.Tensor) and feed.is_floating_point() else feed for feed in feeds]

    def run(replaced: Sequence[Any], image: Any) -> Any:
        net.feeds = [image, *feeds[1:]]
        results: dict[int, Any] = {}
        for index, call in enumerate(plan.calls):
            args = [net._wire(wire, results) for wire in call.args]
            kwargs = {name: net._wire(wire, results) for name, wire in call.kwargs.items()}
            results[index] = replaced[call.module](*args, **kwargs)
        output = results[len(plan.calls) - 1]
        return output[0] if isinstance(output, (tuple, list)) else output

    axes = [gradient.Axis(*probe) for probe in probes(field)]
    return Beside(field, gradient.receptive_field(torch, modules, run, shape, axes))
