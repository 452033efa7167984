"""What ``--measure all`` asks beside shapes and multiply-adds: bytes kept for backward, and the receptive field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from layercli.measurement import Measurement

if TYPE_CHECKING:
    from layercli.measure.build import _Net


def study(net: _Net, answer: Measurement) -> Measurement:
    """The answer with what the plan asks more; what cannot be had is said, and the answer stands without it."""
    if net.device != "cpu":
        return _said(answer, f"neither bytes kept for backward nor fields are measured on {net.device}")
    if net.plan.count_saved:
        answer = _saved(net, answer)
    return answer if net.plan.probe is None else _fields(net, answer)


def _saved(net: _Net, answer: Measurement) -> Measurement:
    from layercli.measure.saved import saved_bytes

    held = [tensor for module in net.modules for tensor in (*module.parameters(), *module.buffers())]
    try:
        return answer._replace(saved=saved_bytes(net.torch, net.run, held))
    except Exception as error:
        return _said(answer, f"the bytes kept for backward could not be measured: {_first_line(error)}")


def _fields(net: _Net, answer: Measurement) -> Measurement:
    from layercli.measure import gradient

    torch, probe = net.torch, net.plan.probe
    assert probe is not None
    feeds = net.feeds
    shape = getattr(feeds[0], "shape", None)
    if shape is None or not feeds[0].is_floating_point():
        return _said(answer, "the receptive field is measured on inputs of floating point only")
    doubles = [feed.double() if isinstance(feed, torch.Tensor) and feed.is_floating_point() else feed for feed in feeds]

    def run(modules: Sequence[Any], image: Any) -> Any:
        net.feeds = [image, *doubles[1:]]
        found = net.run(None, modules, probe.call)
        return found[0] if isinstance(found, (tuple, list)) else found

    axes = [gradient.Axis(*axis) for axis in probe.axes]
    try:
        used = {call.module for call in net.plan.calls[: probe.call + 1]}
        modules = [module if index in used else torch.nn.Identity() for index, module in enumerate(net.modules)]
        found = gradient.receptive_field(torch, modules, run, tuple(shape), axes)
    except Exception as error:
        return _said(answer, f"the receptive field could not be measured: {_first_line(error)}")
    finally:
        net.feeds = feeds
    if found["fields"] is None:
        return _said(answer, f"the receptive field was not measured: {found['why']}")
    return answer._replace(fields=tuple(map(tuple, found["fields"])))


def _said(answer: Measurement, why: str) -> Measurement:
    return answer._replace(reason="; ".join(filter(None, (answer.reason, why))))


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]
