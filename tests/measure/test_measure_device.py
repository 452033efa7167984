"""Which device answers, and why."""

import pytest

from layercli.measure.device import META_STEPS, REAL_BYTES, REAL_MACS, REAL_STEPS, choose
from layercli.plan import Plan


def on(device: str, size: int = 0, macs: int = 0, steps: int = 0) -> Plan:
    return Plan((), (), (), device=device, cost=(size, macs, steps))


@pytest.mark.parametrize(
    ("cost", "device", "reason"),
    [
        ((0, 0, 0), "cpu", ""),
        ((REAL_BYTES, REAL_MACS, REAL_STEPS), "cpu", ""),
        ((REAL_BYTES + 1, 0, 0), "meta", "64.0 MiB of memory"),
        ((4 * 10**12, 10**12, 0), "meta", "3.6 TiB of memory"),
        ((0, REAL_MACS + 1, 0), "meta", "2.0 GMACs"),
        ((0, 15_470_264_320, META_STEPS), "meta", "15.5 GMACs"),
        ((0, 15_470_264_320, META_STEPS + 1), None, "2,001 steps take the meta device 8 s"),
        ((0, 0, REAL_STEPS + 1), None, "20,001 steps"),
        ((10**30, 0, 0), "meta", "888,178,419,700,125.2 PiB"),
    ],
)
def test_auto(cost: tuple[int, int, int], device: str | None, reason: str) -> None:
    choice = choose(on("auto", *cost))
    assert choice.device == device
    assert reason in choice.reason
    assert bool(choice.reason) == (device != "cpu")


@pytest.mark.parametrize("device", ["cpu", "meta", "cuda:1"])
def test_a_named_device_is_taken_whatever_it_costs(device: str) -> None:
    assert choose(on(device, 10**15, 10**15, 10**6)) == (device, "")
