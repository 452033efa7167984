"""How figures are printed: what was measured, the bar beside it, and whether it is reached."""

from __future__ import annotations

import statistics

from tests.bench.timing import Ran, ratio


def heading(text: str) -> None:
    """The title of a section."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def bar(measured: float, limit: float, *, at_least: bool = False, unit: str = "") -> str:
    """The bar, and ``ok`` or ``short``."""
    reached = measured >= limit if at_least else measured <= limit
    return f"bar: at {'least' if at_least else 'most'} {limit:,g}{unit}  {'ok' if reached else 'SHORT'}"


def line(name: str, *columns: str) -> None:
    """One row."""
    print("  ".join([f"  {name:<40}", *columns]).rstrip(), flush=True)


def against(
    seconds: dict[str, list[float]], base: str, limit: float | None = None, barred: tuple[str, ...] = ()
) -> None:
    """Each question's median, its ratio to the base's, and the bar where there is one for it."""
    for name, taken in seconds.items():
        of = ratio(taken, seconds[base])
        said = bar(of, limit) if limit is not None and name in barred else ""
        line(name, f"{statistics.median(taken) * 1000:8.0f} ms", f"{of:6.2f} x", said)


def growth(found: dict[int, Ran], of: str) -> None:
    """How runs grow with their size: each run, then what one more costs in the largest to what it costs in the next.

    Processor time, so that a busy machine does not bend the line; the start-up, taken from the smallest, is left out.
    """
    for size, ran in found.items():
        line(
            f"{size:,} {of}s",
            f"{ran.seconds:8.2f} s",
            f"{ran.processor:8.2f} s of processor time",
            f"{ran.peak_mib:7.1f} MiB",
        )
    least, *_, small, large = found
    small_each, large_each = (
        (found[size].processor - found[least].processor) / (size - least) for size in (small, large)
    )
    line(
        f"time of a {of}, {large:,} to {small:,}",
        f"{large_each / small_each:8.2f} x",
        bar(large_each / small_each, 1.25),
    )
