"""Where to run a plan: on real tensors while that is cheap, else on the meta device, which computes only shapes."""

from __future__ import annotations

from typing import NamedTuple

from layercli.plan import Plan

REAL_BYTES = 64 * 2**20
REAL_MACS = 2 * 10**9
REAL_STEPS = 20_000
META_STEPS = 2_000
SECONDS_PER_META_STEP = 0.004


class Choice(NamedTuple):
    """A device, or None where running is not worth its time; the reason where it is not the plain CPU."""

    device: str | None
    reason: str = ""


def choose(plan: Plan) -> Choice:
    """The device that the plan names; under ``auto`` the cheapest one that can answer."""
    if plan.device != "auto":
        return Choice(plan.device)
    size, macs, steps = plan.cost
    if size > REAL_BYTES:
        why = f"{_bytes(size)} of memory would be needed"
    elif macs > REAL_MACS:
        why = f"{_si(macs)}MACs would be needed"
    elif steps > REAL_STEPS:
        why = f"{steps:,} sequential steps would be needed"
    else:
        return Choice("cpu")
    if steps > META_STEPS:
        seconds = steps * SECONDS_PER_META_STEP
        return Choice(
            None, f"too much for a real tensor ({why}), and {steps:,} steps take the meta device {seconds:,.0f} s"
        )
    return Choice("meta", f"run on the meta device, which holds no numbers: {why}")


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1023.95:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} PiB"


def _si(value: float) -> str:
    for unit in ("", "k", "M", "G", "T", "P"):
        if value < 999.95:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} E"
